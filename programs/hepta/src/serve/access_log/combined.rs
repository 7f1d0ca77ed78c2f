//! A line in the combined format, with the seconds it took at the end:
//! `ADDRESS - - [DATE] "METHOD TARGET VERSION" STATUS BYTES "REFERER" "USER-AGENT" SECONDS`.

use std::io::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use base::Wall;
use message::{Fields, Name, Request, Version, date, list};
use server::Record;

use super::Lines;
use super::chosen::push_address;
use super::escape::push_escaped;

/// Adds a line. What is short and always there is put together first: making room for it once is
/// most of what each piece would cost.
#[inline(always)]
pub(super) fn push(record: &Record<'_>, lines: &mut Lines) {
    lines.begin(record, begin);
    let text = &mut lines.text;
    let [a, b, c] = record.status.map_or(*b"-  ", |status| status.digits());
    match record.request {
        Some(request) => {
            push_target(request, text);
            let Version { major, minor } = request.version;
            let [major, minor] = [b'0' + major, b'0' + minor];
            text.extend_from_slice(&[
                b' ', b'H', b'T', b'T', b'P', b'/', major, b'.', minor, b'"', b' ', a, b, c, b' ',
            ]);
        }
        None => text.extend_from_slice(&[b'-', b'"', b' ', a, b, c, b' ']),
    }
    list::append_digits(record.body_len, text);
    let seconds = seconds(record.took);
    match record.request {
        Some(Request { fields, .. }) if fields.contains_any(&[Name::UserAgent, Name::Referer]) => {
            lines.said.push(fields, text);
            text.extend_from_slice(&seconds);
        }
        _ => {
            let mut rest = *b" \"-\" \"-\" 0.000000\n";
            rest[8..].copy_from_slice(&seconds);
            text.extend_from_slice(&rest);
        }
    }
    if record.took.as_secs() > 0 {
        push_many_seconds(record.took, text);
    }
}

/// Writes all that stands before the request.
fn begin(ip: Option<IpAddr>, wall: Wall, text: &mut Vec<u8>) {
    push_address(ip, text);
    text.extend_from_slice(b" - - [");
    text.extend_from_slice(&log_date(wall));
    text.extend_from_slice(b" +0000] \"");
}

/// Takes the parts out of `Sat, 21 Nov 2026 13:37:00 GMT`.
pub(super) fn log_date(wall: Wall) -> [u8; 20] {
    let date = date::emit(wall);
    let mut text = *b"01/Jan/1970:00:00:00";
    text[..2].copy_from_slice(&date[5..7]);
    text[3..6].copy_from_slice(&date[8..11]);
    text[7..11].copy_from_slice(&date[12..16]);
    text[12..].copy_from_slice(&date[17..25]);
    text
}

/// The method and the target.
#[inline(always)]
fn push_target(request: &Request, text: &mut Vec<u8>) {
    text.extend_from_slice(request.method.as_str().as_bytes());
    text.push(b' ');
    let target = &request.target;
    // A path holds nothing that could be mistaken; a query may hold a backslash.
    match target.query() {
        None => text.extend_from_slice(target.as_bytes()),
        Some(_) => push_escaped(target.as_bytes(), text),
    }
}

/// What a client says of where it comes from and of itself; often it is as in the line before.
#[derive(Debug, Default)]
pub(super) struct Said {
    referer: Option<Vec<u8>>,
    user_agent: Option<Vec<u8>>,
    text: Vec<u8>,
}

impl Said {
    #[inline]
    fn push(&mut self, fields: &Fields, text: &mut Vec<u8>) {
        let [referer, user_agent] = [Name::Referer, Name::UserAgent].map(|name| fields.get(name));
        let is_same =
            self.referer.as_deref() == referer && self.user_agent.as_deref() == user_agent;
        if !is_same {
            *self = Self::new(referer, user_agent);
        }
        text.extend_from_slice(&self.text);
    }

    #[cold]
    fn new(referer: Option<&[u8]>, user_agent: Option<&[u8]>) -> Self {
        let mut text = Vec::new();
        push_quoted(referer, &mut text);
        push_quoted(user_agent, &mut text);
        let [referer, user_agent] = [referer, user_agent].map(|value| value.map(<[u8]>::to_vec));
        Self { referer, user_agent, text }
    }
}

fn push_quoted(value: Option<&[u8]>, text: &mut Vec<u8>) {
    match value {
        None => text.extend_from_slice(b" \"-\""),
        Some(value) => {
            text.extend_from_slice(b" \"");
            push_escaped(value, text);
            text.push(b'"');
        }
    }
}

/// Seconds with six places, of a time below one, and the end of the line: nearly every one.
#[inline(always)]
fn seconds(took: Duration) -> [u8; 10] {
    let mut fraction = took.subsec_micros();
    let mut seconds = *b" 0.000000\n";
    for digit in seconds.iter_mut().rev().skip(1).take(6) {
        if fraction == 0 {
            break;
        }
        *digit = b'0' + (fraction % 10) as u8;
        fraction /= 10;
    }
    seconds
}

/// Puts whole seconds in place of the zero in front of the six places.
#[cold]
fn push_many_seconds(took: Duration, text: &mut Vec<u8>) {
    text.truncate(text.len() - b"0.000000\n".len());
    let _ = writeln!(text, "{}.{:06}", took.as_secs(), took.subsec_micros());
}
