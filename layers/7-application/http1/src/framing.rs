//! Where a body ends: the one question on which two parsers must never differ. (RFC 9112 §6)

use message::{Fields, Method, Name, Request, Response, Version, list};

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
    Ok(match content_length(fields)? {
        // RFC 9112 §6.3 rule 7: a request that says nothing has no body.
        None | Some(0) => Framing::None,
        Some(len) => Framing::Length(len),
    })
}

/// The framing of the body of a response to `method` (RFC 9112 §6.3).
pub fn of_response(method: &Method, response: &Response) -> Result<Framing, Why> {
    let fields = &response.fields;
    // Rules 1 and 2 come first: here a Content-Length describes what is not sent.
    let is_tunnel = *method == Method::Connect && response.status.is_successful();
    if *method == Method::Head || response.status.is_bodiless() || is_tunnel {
        return Ok(Framing::None);
    }
    if fields.contains(Name::TransferEncoding) {
        return of_transfer_encoding(fields, response.version);
    }
    Ok(match content_length(fields)? {
        None => Framing::UntilClose,
        Some(0) => Framing::None,
        Some(len) => Framing::Length(len),
    })
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
    let mut codings = 0;
    let mut last_is_chunked = false;
    for coding in fields.elements(Name::TransferEncoding) {
        if last_is_chunked {
            // RFC 9112 §6.1: chunked is applied once, and last.
            return Err(Why::ChunkedNotLast);
        }
        codings += 1;
        last_is_chunked = coding.eq_ignore_ascii_case(b"chunked");
    }
    match (codings, last_is_chunked) {
        (0, _) => Err(Why::TransferEncodingEmpty),
        (1, true) => Ok(Framing::Chunked),
        _ => Err(Why::TransferCodingUnknown),
    }
}

/// The value of Content-Length, if it occurs (RFC 9110 §8.6, RFC 9112 §6.3 rule 5): digits only;
/// several lines, or a list, only when all say the same.
pub fn content_length(fields: &Fields) -> Result<Option<u64>, Why> {
    let mut agreed = None;
    for line in fields.get_all(Name::ContentLength) {
        // An empty element is not taken for nothing here: `5,` is no length.
        for element in line.split(|&b| b == b',') {
            let len = parse_digits(list::trim_ows(element)).ok_or(Why::LengthMalformed)?;
            if agreed.is_some_and(|agreed| agreed != len) {
                return Err(Why::LengthsDiffer);
            }
            agreed = Some(len);
        }
    }
    Ok(agreed)
}

fn parse_digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |n, &b| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        n.checked_mul(10)?.checked_add(digit)
    })
}
