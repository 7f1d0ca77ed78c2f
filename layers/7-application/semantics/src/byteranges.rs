//! multipart/byteranges: how several parts share one body. (RFC 9110 §14.6, RFC 2046 §5.1)
//!
//! ```text
//!   --BOUNDARY CRLF  Content-Type: … CRLF  Content-Range: bytes 0-49/1234 CRLF  CRLF   bytes 0 to 49
//!   CRLF --BOUNDARY CRLF  …                                                            the next part
//!   CRLF --BOUNDARY-- CRLF
//! ```
//!
//! The sender writes a [`part_head`](Byteranges::part_head) and the bytes of its range for each
//! part, then the [`closing`](Byteranges::closing); the length of all of it is known before.

use std::io::Write as _;

use base::Cx;
use message::list;

use crate::content_range::ContentRange;
use crate::range::ByteRange;

/// How long a boundary is; RFC 2046 §5.1.1 allows 70. 24 letters and digits hold all the chance
/// that the generator has (63 bits): no content has them by accident.
const BOUNDARY_LEN: usize = 24;

/// What separates the parts. It does not stand in the content: it is drawn after the content was
/// written, and who cares more can count, for each part says how long it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Boundary([u8; BOUNDARY_LEN]);

impl Boundary {
    /// Draws a boundary, of letters and digits, so that it needs no quotes.
    pub fn draw(cx: &mut Cx<'_>) -> Self {
        const ALPHABET: &[u8; 62] =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        Self(std::array::from_fn(|_| {
            let at = cx.random_below(ALPHABET.len() as u32) as usize;
            ALPHABET.get(at).copied().unwrap_or(b'0')
        }))
    }

    /// The characters.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A body of several parts.
#[derive(Clone, Copy, Debug)]
pub struct Byteranges<'a> {
    /// What separates the parts.
    pub boundary: Boundary,
    /// The Content-Type that the whole has; each part repeats it (RFC 9110 §15.3.7.2).
    pub content_type: Option<&'a [u8]>,
    /// The length of the whole representation.
    pub complete: u64,
    /// The parts, in the order in which they are sent.
    pub ranges: &'a [ByteRange],
}

impl Byteranges<'_> {
    /// The Content-Type of the response. It has no Content-Range: its parts have (RFC 9110
    /// §15.3.7.2).
    pub fn response_content_type(&self) -> Vec<u8> {
        [b"multipart/byteranges; boundary=", self.boundary.as_bytes()].concat()
    }

    /// The Content-Length of the response: every byte from the first delimiter to the last.
    pub fn content_length(&self) -> u64 {
        let mut length = CLOSING_LEN;
        for (index, range) in self.ranges.iter().enumerate() {
            // Parts do not overlap, so their sum is at most the length of the whole.
            length = length.saturating_add(self.part_head_len(index, *range));
            length = length.saturating_add(range.length());
        }
        length
    }

    /// Writes what stands before the bytes of part `index`; nothing when there is no such part.
    pub fn part_head(&self, index: usize, out: &mut Vec<u8>) {
        let Some(range) = self.ranges.get(index) else { return };
        // RFC 2046 §5.1.1: the line break before a delimiter belongs to the delimiter.
        out.extend_from_slice(if index == 0 { b"--" } else { b"\r\n--" });
        out.extend_from_slice(self.boundary.as_bytes());
        if let Some(content_type) = self.content_type {
            debug_assert!(content_type.iter().all(|&b| list::is_in_value(b)));
            out.extend_from_slice(b"\r\nContent-Type: ");
            out.extend_from_slice(content_type);
        }
        let content_range = ContentRange::of(*range, self.complete);
        write!(out, "\r\nContent-Range: {content_range}\r\n\r\n").expect("memory takes every byte");
    }

    /// Writes what stands behind the bytes of the last part.
    pub fn closing(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n--");
        out.extend_from_slice(self.boundary.as_bytes());
        out.extend_from_slice(b"--\r\n");
    }

    /// How much [`part_head`](Self::part_head) writes.
    fn part_head_len(&self, index: usize, range: ByteRange) -> u64 {
        let delimiter = if index == 0 { 2 } else { 4 } + BOUNDARY_LEN;
        let content_type = self.content_type.map_or(0, |t| "\r\nContent-Type: ".len() + t.len());
        let content_range = "\r\nContent-Range: bytes -/\r\n\r\n".len()
            + decimal_len(range.first())
            + decimal_len(range.last())
            + decimal_len(self.complete);
        (delimiter + content_type + content_range) as u64
    }
}

/// How much [`Byteranges::closing`] writes.
const CLOSING_LEN: u64 = ("\r\n--".len() + BOUNDARY_LEN + "--\r\n".len()) as u64;

/// How many digits a number has.
fn decimal_len(n: u64) -> usize {
    n.checked_ilog10().unwrap_or(0) as usize + 1
}
