use std::ops::Range;
use std::sync::Arc;

use message::uri::Authority;
use message::{Fields, Method, Name, Request, Response, Status, Target, Version, list};

use super::{Collector, RequestHead};
use crate::Why;
use crate::priority::Priority;

/// Where the pseudo-fields stand (RFC 9113 §8.3, RFC 8441 §4).
#[derive(Debug, Default)]
pub(super) struct Control {
    pub(super) method: Option<Range<usize>>,
    pub(super) scheme: Option<Range<usize>>,
    pub(super) path: Option<Range<usize>>,
    pub(super) authority: Option<Range<usize>>,
    pub(super) protocol: Option<Range<usize>>,
    pub(super) status: Option<Range<usize>>,
    pub(super) has_host: bool,
}

impl Control {
    /// Whether two authorities name the same host and port: in any case, and with the scheme's port
    /// or without.
    pub(super) fn is_same_authority(&self, block: &[u8], a: &[u8], b: &[u8]) -> bool {
        if a.eq_ignore_ascii_case(b) {
            return true;
        }
        let scheme = self.scheme.clone().and_then(|at| block.get(at)).unwrap_or_default();
        let default = if scheme.eq_ignore_ascii_case(b"http") { 80 } else { 443 };
        match (Authority::parse(a), Authority::parse(b)) {
            (Ok(a), Ok(b)) => {
                a.host_eq(b.host) && a.effective_port(default) == b.effective_port(default)
            }
            _ => false,
        }
    }
}

/// From a list of fields to a head.
impl Collector {
    fn text(&self, at: Option<&Range<usize>>) -> Option<&[u8]> {
        self.block.get(at?.clone())
    }

    pub(super) fn into_request(mut self) -> Result<RequestHead, Why> {
        let method = self.text(self.control.method.as_ref()).ok_or(Why::PseudoMissing)?;
        let method = Method::from_bytes(method).ok_or(Why::MethodMalformed)?;
        let target = self.target(&method)?;
        if let Some(protocol) = self.control.protocol.clone() {
            // RFC 8441 §5: what Upgrade names in HTTP/1.1; so that is where it is found.
            let name = self.append(b"upgrade");
            self.lines.push(message::fields::Line::new(Some(Name::Upgrade), name, protocol));
        }
        let fields = Fields::from_parsed(self.block, self.lines);
        let request = Request { method, target, version: Version::HTTP_2, fields };
        request.check_host().map_err(|bad| Why::TargetMalformed(bad.what))?;
        let priority = request.fields.joined(Name::Priority).map(|value| Priority::parse(&value));
        Ok(RequestHead {
            length: content_length(&request.fields)?,
            has_bad_priority: matches!(priority, Some(Err(_))),
            priority: priority.and_then(Result::ok).unwrap_or_default(),
            expects_continue: expects_continue(&request.fields)?,
            request: Arc::new(request),
        })
    }

    /// RFC 9113 §8.3.1, §8.5, RFC 8441 §4: which pseudo-fields there must be.
    fn target(&self, method: &Method) -> Result<Target, Why> {
        let Control { scheme, path, authority, protocol, .. } = &self.control;
        let malformed = |bad: base::Malformed| Why::TargetMalformed(bad.what);
        if *method == Method::Connect && protocol.is_none() {
            // RFC 9113 §8.5: a tunnel has a host and a port, and nothing else.
            if scheme.is_some() || path.is_some() {
                return Err(Why::PseudoUnknown);
            }
            let authority = self.text(authority.as_ref()).ok_or(Why::PseudoMissing)?;
            return Target::parse(method, authority).map_err(malformed);
        }
        if protocol.is_some() && (*method != Method::Connect || authority.is_none()) {
            return Err(Why::PseudoUnknown);
        }
        let scheme = self.text(scheme.as_ref()).ok_or(Why::PseudoMissing)?;
        let path = self.text(path.as_ref()).ok_or(Why::PseudoMissing)?;
        let is_asterisk = path == b"*" && *method == Method::Options;
        if path.first() != Some(&b'/') && !is_asterisk {
            return Err(Why::TargetMalformed("path without a slash in front"));
        }
        if let Some(protocol) = self.text(protocol.as_ref())
            && (protocol.is_empty() || !protocol.iter().all(|&b| list::is_token(b)))
        {
            return Err(Why::TargetMalformed("protocol"));
        }
        // What CONNECT with a protocol asks for is written as anybody's.
        let method = if *method == Method::Connect { &Method::Get } else { method };
        if scheme.eq_ignore_ascii_case(b"https") || scheme.eq_ignore_ascii_case(b"http") {
            return Target::parse(method, path).map_err(malformed);
        }
        if !is_scheme(scheme) {
            return Err(Why::SchemeMalformed);
        }
        // RFC 9113 §8.3.1: other schemes may be asked for, of a gateway. Then the target says so.
        let authority = self.text(authority.as_ref()).unwrap_or_default();
        let text = [scheme, b"://", authority, path].concat();
        Target::parse(method, &text).map_err(malformed)
    }

    pub(super) fn into_response(self) -> Result<(Response, Option<u64>), Why> {
        let status = self.text(self.control.status.as_ref()).ok_or(Why::PseudoMissing)?;
        let code = match status {
            // RFC 9113 §8.3.2: three digits.
            [_, _, _] => list::digits(status).and_then(|code| u16::try_from(code).ok()),
            _ => None,
        };
        let status = code.and_then(Status::new).ok_or(Why::StatusMalformed)?;
        let fields = Fields::from_parsed(self.block, self.lines);
        let length = content_length(&fields)?;
        Ok((Response { status, version: Version::HTTP_2, fields }, length))
    }
}

/// RFC 3986 §3.1.
fn is_scheme(text: &[u8]) -> bool {
    let is_in = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    text.first().is_some_and(u8::is_ascii_alphabetic) && text.iter().all(is_in)
}

/// RFC 9110 §8.6: one line of digits. What is there twice, even if it says the same, is malformed:
/// no sender of HTTP/2 writes it, and there is nothing to be won.
fn content_length(fields: &Fields) -> Result<Option<u64>, Why> {
    if !fields.contains(Name::ContentLength) {
        return Ok(None);
    }
    fields.length().map(Some).ok_or(Why::LengthMalformed)
}

/// RFC 9110 §10.1.1: 100-continue is the only expectation there is.
fn expects_continue(fields: &Fields) -> Result<bool, Why> {
    if !fields.contains(Name::Expect) {
        return Ok(false);
    }
    let is_known = |e: &[u8]| e.eq_ignore_ascii_case(b"100-continue");
    if fields.elements(Name::Expect).all(is_known) {
        Ok(true)
    } else {
        Err(Why::ExpectationUnknown)
    }
}
