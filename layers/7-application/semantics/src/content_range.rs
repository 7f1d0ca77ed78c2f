//! Content-Range: which part of the representation is this? (RFC 9110 §14.4)

use std::fmt;

use base::Malformed;
use message::list;

use crate::range::ByteRange;

/// The value of Content-Range, in bytes. `to_string` writes it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ContentRange {
    /// The content of a 206, or of one of its parts.
    Part {
        /// Which bytes these are.
        range: ByteRange,
        /// The length of the whole, if it is known.
        complete: Option<u64>,
    },
    /// What a 416 says: there is nothing where you asked, and the whole is so long.
    Unsatisfied {
        /// The length of the whole.
        complete: u64,
    },
}

impl ContentRange {
    /// This range of a representation of `complete` bytes.
    pub const fn of(range: ByteRange, complete: u64) -> Self {
        Self::Part { range, complete: Some(complete) }
    }

    /// Reads the field. Refused, because the parts must not be put together by it: other units,
    /// ranges that end before they begin or beyond the whole, and numbers that cannot be held.
    pub fn parse(value: &[u8]) -> Result<Self, Malformed> {
        let malformed = Malformed::new("Content-Range");
        let (unit, rest) = split_at_byte(list::trim_ows(value), b' ').ok_or(malformed)?;
        if !unit.eq_ignore_ascii_case(b"bytes") {
            return Err(Malformed::new("unit of Content-Range"));
        }
        Self::parse_range_or_star(rest).ok_or(malformed)
    }

    fn parse_range_or_star(value: &[u8]) -> Option<Self> {
        let (range, complete) = split_at_byte(value, b'/')?;
        if range == b"*" {
            return Some(Self::Unsatisfied { complete: list::digits(complete)? });
        }
        let (first, last) = split_at_byte(range, b'-')?;
        let range = ByteRange::new(list::digits(first)?, list::digits(last)?)?;
        let complete = if complete == b"*" { None } else { Some(list::digits(complete)?) };
        // RFC 9110 §14.4: not valid when the whole is not longer than where the range ends.
        let fits = complete.is_none_or(|complete| range.last() < complete);
        fits.then_some(Self::Part { range, complete })
    }
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part { range, complete: Some(complete) } => {
                write!(f, "bytes {}-{}/{complete}", range.first(), range.last())
            }
            Self::Part { range, complete: None } => {
                write!(f, "bytes {}-{}/*", range.first(), range.last())
            }
            Self::Unsatisfied { complete } => write!(f, "bytes */{complete}"),
        }
    }
}

fn split_at_byte(value: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = value.iter().position(|&b| b == separator)?;
    Some((value.get(..at)?, value.get(at + 1..)?))
}
