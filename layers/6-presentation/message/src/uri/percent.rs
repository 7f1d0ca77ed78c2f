//! Percent-encoding: bytes as text that may stand in a URI. (RFC 3986 §2.1)

use std::borrow::Cow;

use base::Malformed;

use super::chars;

/// The bytes that stay as they are; all others are escaped, and `%` always is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Kept(u16);

/// Only what never has a meaning of its own: safe everywhere in a URI (§2.3).
pub const UNRESERVED: Kept = Kept(chars::UNRESERVED);
/// What may stand in a segment of a path: no slash (§3.3).
///
/// In front of a relative path a segment with a colon needs `./` before it (§4.2).
pub const SEGMENT: Kept = Kept(chars::SEGMENT);
/// What may stand in a path, slashes included.
pub const PATH: Kept = Kept(chars::PATH);
/// What may stand in a query, `&`, `=` and `+` included (§3.4): for a whole query. For a name or a
/// value in one, use [`UNRESERVED`].
pub const QUERY: Kept = Kept(chars::QUERY);
/// What may stand in a fragment (§3.5).
pub const FRAGMENT: Kept = Kept(chars::QUERY);

/// What may stand in a URI reference as a whole (§4.1), what is escaped already included: for a text that
/// somebody wrote as a URI, and that may have a blank or an umlaut in it all the same.
pub const REFERENCE: Kept = Kept(chars::REFERENCE);

/// The bytes as text, with all but the `kept` ones escaped; borrowed when nothing is to be done.
pub fn encode(bytes: &[u8], kept: Kept) -> Cow<'_, str> {
    let plain = chars::span(bytes, kept.0);
    match str::from_utf8(bytes) {
        Ok(text) if plain == bytes.len() => Cow::Borrowed(text),
        _ => {
            let mut out = String::with_capacity(bytes.len() + 16);
            append(&mut out, bytes, kept);
            Cow::Owned(out)
        }
    }
}

/// Writes the bytes behind `out`, with all but the `kept` ones escaped.
pub fn append(out: &mut String, bytes: &[u8], kept: Kept) {
    for &b in bytes {
        if chars::is(b, kept.0) {
            out.push(char::from(b));
        } else {
            push_escape(out, b);
        }
    }
}

/// The bytes that the text stands for, every escape undone once; borrowed when there is none.
///
/// Errs on a `%` that two hexadecimal digits do not follow. A `+` is a `+`.
pub fn decode(text: &[u8]) -> Result<Cow<'_, [u8]>, Malformed> {
    let Some(first) = memchr::memchr(b'%', text) else { return Ok(Cow::Borrowed(text)) };
    let (plain, mut rest) = text.split_at_checked(first).unwrap_or_default();
    let mut out = Vec::with_capacity(text.len());
    out.extend_from_slice(plain);
    while let Some((&b, after)) = rest.split_first() {
        let (byte, after) = match split_escape(b, after) {
            Some(escaped) => escaped,
            None if b == b'%' => return Err(Malformed::new("escape")),
            None => (b, after),
        };
        out.push(byte);
        rest = after;
    }
    Ok(Cow::Owned(out))
}

/// The byte that an escape stands for and what is behind it, if `first` and `after` begin one.
#[inline]
pub(crate) fn split_escape(first: u8, after: &[u8]) -> Option<(u8, &[u8])> {
    match (first, after) {
        (b'%', [high, low, rest @ ..]) => Some((hex(*high)? << 4 | hex(*low)?, rest)),
        _ => None,
    }
}

pub(super) fn push_escape(out: &mut String, byte: u8) {
    out.push('%');
    // RFC 3986 §2.1: capitals, so that equal escapes look equal.
    for digit in [byte >> 4, byte & 15] {
        out.push(char::from(if digit < 10 { b'0' + digit } else { b'A' - 10 + digit }));
    }
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
