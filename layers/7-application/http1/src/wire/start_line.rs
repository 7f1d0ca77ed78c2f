use message::{Method, Status, Target, Version};

use crate::Why;

/// The longest method we read, in bytes. The longest in IANA's registry has 17.
const METHOD_LEN_MAX: usize = 64;

/// Which section a parser reads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Expected {
    Request,
    Response,
    Trailers,
}

/// The first line of a message (RFC 9112 §2.1).
#[derive(Debug)]
pub(crate) enum StartLine {
    Request { method: Method, target: Target, version: Version },
    Status { status: Status, version: Version },
}

impl StartLine {
    pub(crate) fn parse(expected: Expected, line: &[u8]) -> Result<Self, Why> {
        match expected {
            Expected::Response => parse_status_line(line),
            Expected::Request | Expected::Trailers => parse_request_line(line),
        }
    }
}

/// `method SP request-target SP HTTP-version` (RFC 9112 §3), with exactly those spaces: a method
/// and a target have none.
fn parse_request_line(line: &[u8]) -> Result<StartLine, Why> {
    let Some((line, [b' ', version @ ..])) = line.split_last_chunk::<9>() else {
        return Err(Why::StartLineMalformed);
    };
    let (method, target) = split_at_space(line).ok_or(Why::StartLineMalformed)?;
    if method.len() > METHOD_LEN_MAX {
        return Err(Why::MethodTooLong);
    }
    let method = Method::from_bytes(method).ok_or(Why::StartLineMalformed)?;
    let version = parse_version(version)?;
    let target = Target::parse(&method, target).map_err(|bad| Why::TargetMalformed(bad.what))?;
    Ok(StartLine::Request { method, target, version })
}

/// `HTTP-version SP status-code SP [ reason-phrase ]` (RFC 9112 §4). The space before a reason that
/// is missing may be missing too: many servers leave it out, and nothing depends on it.
fn parse_status_line(line: &[u8]) -> Result<StartLine, Why> {
    let (version, rest) = split_at_space(line).ok_or(Why::StartLineMalformed)?;
    let version = parse_version(version)?;
    let Some(([a, b, c], reason)) = rest.split_first_chunk() else {
        return Err(Why::StartLineMalformed);
    };
    let is_reason = match reason.split_first() {
        None => true,
        Some((b' ', text)) => text.iter().all(|&b| message::list::is_in_value(b)),
        Some(_) => false,
    };
    let digits = [a, b, c].map(|d| d.is_ascii_digit().then(|| u16::from(d - b'0')));
    let [Some(a), Some(b), Some(c)] = digits else { return Err(Why::StartLineMalformed) };
    if !is_reason {
        return Err(Why::StartLineMalformed);
    }
    // RFC 9110 §15: three digits that are no status are taken for a failure of the server.
    let status = Status::new(a * 100 + b * 10 + c).unwrap_or(Status::INTERNAL_SERVER_ERROR);
    Ok(StartLine::Status { status, version })
}

/// `HTTP/` digit `.` digit (RFC 9112 §2.3). Other major versions are well-formed, but not ours.
fn parse_version(text: &[u8]) -> Result<Version, Why> {
    let &[b'H', b'T', b'T', b'P', b'/', major, b'.', minor] = text else {
        return Err(Why::StartLineMalformed);
    };
    match (major, minor) {
        (b'1', b'0'..=b'9') => Ok(Version { major: 1, minor: minor - b'0' }),
        (b'0'..=b'9', b'0'..=b'9') => Err(Why::VersionNotSupported),
        _ => Err(Why::StartLineMalformed),
    }
}

/// What stands before and behind the first space.
#[inline]
fn split_at_space(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (before, after) = text.split_at_checked(text.iter().position(|&b| b == b' ')?)?;
    Some((before, after.get(1..)?))
}

/// Writes a request line.
pub(crate) fn emit_request_line(method: &Method, target: &Target, out: &mut Vec<u8>) {
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(target.as_str().as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

/// Writes a status line. The version is what we speak, not what was asked in (RFC 9110 §6.2).
#[inline]
pub(crate) fn emit_status_line(status: Status, out: &mut Vec<u8>) {
    if status == Status::OK {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        return;
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(&status.digits());
    out.push(b' ');
    out.extend_from_slice(status.reason().as_bytes());
    out.extend_from_slice(b"\r\n");
}
