//! What strangers wrote, so that it looks like nothing else.

use std::io::Write as _;

/// Writes a value for a line of text: what is no visible ASCII, quotes and backslashes as `\x2e`.
pub(super) fn push_escaped(value: &[u8], text: &mut Vec<u8>) {
    if are_plain(value) {
        return text.extend_from_slice(value);
    }
    for &b in value {
        push_byte(b, is_plain(b), text);
    }
}

/// The same for a value without quotes around it, which a blank would end.
pub(super) fn push_word(value: &[u8], text: &mut Vec<u8>) {
    for &b in value {
        push_byte(b, is_plain(b) && b != b' ', text);
    }
}

fn push_byte(b: u8, is_plain: bool, text: &mut Vec<u8>) {
    if is_plain {
        text.push(b);
    } else {
        let _ = write!(text, "\\x{b:02x}");
    }
}

/// Writes a string of JSON, with its quotes. All of it is ASCII; what is no UTF-8 becomes U+FFFD.
pub(super) fn push_json(value: &[u8], text: &mut Vec<u8>) {
    text.push(b'"');
    if are_plain(value) {
        text.extend_from_slice(value);
    } else {
        for chunk in value.utf8_chunks() {
            chunk.valid().chars().for_each(|c| push_json_char(c, text));
            if !chunk.invalid().is_empty() {
                push_json_char(char::REPLACEMENT_CHARACTER, text);
            }
        }
    }
    text.push(b'"');
}

/// RFC 8259 §7: beyond the first 65,536 characters two escapes are one.
fn push_json_char(c: char, text: &mut Vec<u8>) {
    match u8::try_from(c) {
        Ok(b) if is_plain(b) => text.push(b),
        _ => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
}

/// Whether all bytes are plain: looked at without an early end, and so sixteen at a time.
fn are_plain(value: &[u8]) -> bool {
    value.iter().fold(true, |all, &b| all & is_plain(b))
}

/// What can be seen, but for the quote and the backslash.
#[inline]
const fn is_plain(b: u8) -> bool {
    matches!(b, b' '..=b'~') & (b != b'"') & (b != b'\\')
}
