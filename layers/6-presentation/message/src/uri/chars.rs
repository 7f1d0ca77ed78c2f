//! Which byte may stand where. (RFC 3986 §2, §3)
//!
//! A class is one bit of a table entry, so that asking costs one load and one test, whatever the
//! class. `%` is in no class that stands for strict syntax: who meets one looks at the two digits
//! behind it.

use base::Malformed;

/// Unreserved characters (§2.3).
pub(crate) const UNRESERVED: u16 = 1;
/// The bytes of a registered name (§3.2.2): unreserved and sub-delimiters.
pub(crate) const REG_NAME: u16 = 1 << 1;
/// The same without the comma.
pub(crate) const WIRE_NAME: u16 = 1 << 2;
/// The bytes of user information (§3.2.1), and of the newest kind of address (§3.2.2).
pub(crate) const USERINFO: u16 = 1 << 3;
/// The bytes of a path's segment (§3.3).
pub(crate) const SEGMENT: u16 = 1 << 4;
/// The bytes of a path: segments and slashes.
pub(crate) const PATH: u16 = 1 << 5;
/// The bytes of a query or a fragment (§3.4, §3.5).
pub(crate) const QUERY: u16 = 1 << 6;
/// The bytes of a scheme behind its first (§3.1).
pub(crate) const SCHEME: u16 = 1 << 7;
/// The bytes of a path as clients send them; see [`crate::target`].
pub(crate) const TARGET_PATH: u16 = 1 << 8;
/// The bytes of a query as clients send them, `%` and `\` included.
pub(crate) const TARGET_QUERY: u16 = 1 << 9;
/// The bytes of a whole URI reference (§4.1): all that are reserved or not, and `%`.
pub(crate) const REFERENCE: u16 = 1 << 10;

const SUB_DELIMS: &[u8] = b"!$&'()*+,;=";
/// What browsers leave as it is in a path and a query (the WHATWG URL standard's percent-encode sets).
const LEFT_RAW: &[u8] = b"^`|{}[]";

#[allow(clippy::indexing_slicing, reason = "checked when the table is compiled")]
static CLASSES: [u16; 256] = {
    let mut classes = [0; 256];
    let mut i = 0;
    while i < 128 {
        let b = i as u8;
        let unreserved = b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        let name = unreserved || is_one_of(b, SUB_DELIMS);
        let segment = name || matches!(b, b':' | b'@');
        let path = segment || b == b'/';
        let raw = path || is_one_of(b, LEFT_RAW);
        classes[i] = (UNRESERVED * unreserved as u16)
            | (REG_NAME * name as u16)
            | (WIRE_NAME * (name && b != b',') as u16)
            | (USERINFO * (name || b == b':') as u16)
            | (SEGMENT * segment as u16)
            | (PATH * path as u16)
            | (QUERY * (path || b == b'?') as u16)
            | (SCHEME * (b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')) as u16)
            | (TARGET_PATH * raw as u16)
            | (TARGET_QUERY * (raw || matches!(b, b'?' | b'%' | b'\\')) as u16)
            | (REFERENCE * (path || matches!(b, b'?' | b'#' | b'[' | b']' | b'%')) as u16);
        i += 1;
    }
    classes
};

#[allow(clippy::indexing_slicing, reason = "checked when the table is compiled")]
const fn is_one_of(b: u8, set: &[u8]) -> bool {
    let mut i = 0;
    while i < set.len() {
        if set[i] == b {
            return true;
        }
        i += 1;
    }
    false
}

/// Whether `b` is in `class`.
#[allow(clippy::indexing_slicing, reason = "a byte indexes 256 places")]
#[inline(always)]
pub(crate) const fn is(b: u8, class: u16) -> bool {
    CLASSES[b as usize] & class != 0
}

/// How many bytes in front are in `class`.
#[inline(always)]
pub(crate) fn span(bytes: &[u8], class: u16) -> usize {
    bytes.iter().position(|&b| !is(b, class)).unwrap_or(bytes.len())
}

/// How many bytes in front are in `class` or escapes: a `%` and two hexadecimal digits.
#[inline]
pub(crate) fn span_with_escapes(bytes: &[u8], class: u16) -> usize {
    let mut end = 0;
    while let Some(rest) = bytes.get(end..) {
        let plain = span(rest, class);
        end += plain;
        match rest.get(plain..) {
            Some([b'%', a, b, ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => end += 3,
            _ => break,
        }
    }
    end
}

/// Refuses text that is not made of `class` and escapes; `what` names it.
pub(crate) fn check(text: &str, class: u16, what: &'static str) -> Result<(), Malformed> {
    if span_with_escapes(text.as_bytes(), class) == text.len() {
        Ok(())
    } else {
        Err(Malformed::new(what))
    }
}
