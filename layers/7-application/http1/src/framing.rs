//! Where a body ends: the one question on which two parsers must never differ. (RFC 9112 §6)

use message::{Fields, Method, Name, Request, Response, Status, Version, list};

use crate::Why;

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Framing {
    /// There is no body.
    None,
    /// It has this many bytes.
    Length(u64),
    /// It comes in chunks, and may have trailers behind it.
    Chunked,
    /// It ends with the connection; responses only.
    UntilClose,
}

/// The framing of a request's body (RFC 9112 §6.3).
pub fn of_request(request: &Request) -> Result<Framing, Why> {
    let fields = &request.fields;
    if fields.contains(Name::TransferEncoding) {
        return of_transfer_encoding(fields, request.version);
    }
    // RFC 9112 §6.3 rule 7: a request that says nothing has no body.
    Ok(content_length(fields)?.map_or(Framing::None, Framing::Length))
}

/// The framing of the body of a response to `method` (RFC 9112 §6.3).
pub fn of_response(method: &Method, response: &Response) -> Result<Framing, Why> {
    let fields = &response.fields;
    if is_bodiless(method, response.status) {
        return Ok(Framing::None);
    }
    if fields.contains(Name::TransferEncoding) {
        return of_transfer_encoding(fields, response.version);
    }
    Ok(content_length(fields)?.map_or(Framing::UntilClose, Framing::Length))
}

/// Whether a response with this status to `method` has no body, whatever its fields say (RFC 9112
/// §6.3 rules 1 and 2): there a Content-Length describes what is not sent.
pub fn is_bodiless(method: &Method, status: Status) -> bool {
    matches!(method, Method::Head) || status.is_bodiless() || is_tunnel(method, status)
}

/// Whether this answer makes a tunnel of the connection (RFC 9110 §9.3.6).
pub(crate) fn is_tunnel(method: &Method, status: Status) -> bool {
    matches!(method, Method::Connect) && status.is_successful()
}

fn of_transfer_encoding(fields: &Fields, version: Version) -> Result<Framing, Why> {
    // RFC 9112 §6.1: a 1.0 sender does not know the field, so somebody in between is confused.
    if version < Version::HTTP_11 {
        return Err(Why::TransferEncodingIn10);
    }
    // RFC 9112 §6.3 rule 3 lets a server choose to refuse; whoever sends both is an attacker or
    // stands behind one.
    if fields.contains(Name::ContentLength) {
        return Err(Why::LengthAndTransferEncoding);
    }
    let (mut codings, mut last_is_chunked) = (0, false);
    for line in fields.get_all(Name::TransferEncoding) {
        for coding in line.split(|&b| b == b',').map(list::trim_ows) {
            //= exception: RFC 9110 §5.6.1: an empty element is not skipped. No sender writes one
            // here, but parsers differ about it, and that is what smugglers look for.
            if coding.is_empty() {
                return Err(Why::TransferEncodingEmpty);
            }
            if last_is_chunked {
                // RFC 9112 §6.1: chunked is applied once, and last.
                return Err(Why::ChunkedNotLast);
            }
            codings += 1;
            last_is_chunked = coding.eq_ignore_ascii_case(b"chunked");
        }
    }
    match (codings, last_is_chunked) {
        (1, true) => Ok(Framing::Chunked),
        // RFC 9112 §6.1: what we cannot decode is 501.
        (_, true) => Err(Why::TransferCodingUnknown),
        //= exception: RFC 9112 §6.3: a response without chunked at the end lasts until the
        // connection closes; but it is in a coding that we have not asked for and cannot undo.
        // RFC 9112 §6.3 rule 4: a request is 400, because nobody can tell where it ends.
        (_, false) => Err(Why::ChunkedNotLast),
    }
}

/// The value of Content-Length, if it occurs (RFC 9110 §8.6, RFC 9112 §6.3 rule 5): digits only;
/// several lines, or a list, only when all say the same.
pub fn content_length(fields: &Fields) -> Result<Option<u64>, Why> {
    let mut agreed = None;
    for line in fields.get_all(Name::ContentLength) {
        // An empty element is not taken for nothing here: `5,` is no length.
        for element in line.split(|&b| b == b',') {
            let len = list::digits(list::trim_ows(element)).ok_or(Why::LengthMalformed)?;
            if agreed.is_some_and(|agreed| agreed != len) {
                return Err(Why::LengthsDiffer);
            }
            agreed = Some(len);
        }
    }
    Ok(agreed)
}
