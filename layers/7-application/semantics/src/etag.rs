//! Entity tags: are these two versions the same? (RFC 9110 §8.8.3)

use std::fmt;

use base::Malformed;
use message::{Fields, Name, list};

/// The name of one version of a representation.
///
/// `==` is equality of the tags as they are written. Validators are compared with
/// [`matches_strongly`](Self::matches_strongly) and [`matches_weakly`](Self::matches_weakly).
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct EntityTag<'a> {
    is_weak: bool,
    opaque: &'a [u8],
}

impl<'a> EntityTag<'a> {
    /// A tag that changes with every byte; refuses what may not stand between the quotes.
    pub fn strong(opaque: &'a [u8]) -> Result<Self, Malformed> {
        Self::new(false, opaque)
    }

    /// A tag that changes with the meaning; refuses what may not stand between the quotes.
    pub fn weak(opaque: &'a [u8]) -> Result<Self, Malformed> {
        Self::new(true, opaque)
    }

    fn new(is_weak: bool, opaque: &'a [u8]) -> Result<Self, Malformed> {
        if !opaque.iter().all(|&b| is_etagc(b)) {
            return Err(Malformed::new("entity tag"));
        }
        Ok(Self { is_weak, opaque })
    }

    /// Reads the value of ETag: one tag and nothing else.
    pub fn parse(value: &'a [u8]) -> Result<Self, Malformed> {
        match Self::split_off(value) {
            Some((tag, [])) => Ok(tag),
            _ => Err(Malformed::new("entity tag")),
        }
    }

    /// Writes the tag as ETag has it.
    pub fn emit(self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.is_weak { b"W/\"" } else { b"\"" });
        out.extend_from_slice(self.opaque);
        out.push(b'"');
    }

    /// Whether versions with the same tag may differ in their bytes.
    pub const fn is_weak(self) -> bool {
        self.is_weak
    }

    /// What stands between the quotes.
    pub const fn opaque(self) -> &'a [u8] {
        self.opaque
    }

    /// Whether both versions have the same bytes (RFC 9110 §8.8.3.2).
    pub fn matches_strongly(self, other: EntityTag<'_>) -> bool {
        !self.is_weak && !other.is_weak && self.opaque == other.opaque
    }

    /// Whether either version will do for the other (RFC 9110 §8.8.3.2).
    pub fn matches_weakly(self, other: EntityTag<'_>) -> bool {
        self.opaque == other.opaque
    }

    /// The tag in front of `value`, and what follows it.
    fn split_off(value: &'a [u8]) -> Option<(Self, &'a [u8])> {
        // RFC 9110 §8.8.3: the W is a capital; nothing in the quotes is escaped.
        let (is_weak, quoted) = match value {
            [b'W', b'/', rest @ ..] => (true, rest),
            _ => (false, value),
        };
        let [b'"', inside @ ..] = quoted else { return None };
        let end = inside.iter().position(|&b| !is_etagc(b))?;
        let (opaque, rest) = inside.split_at_checked(end)?;
        let [b'"', after @ ..] = rest else { return None };
        Some((Self { is_weak, opaque }, after))
    }
}

impl fmt::Debug for EntityTag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weak = if self.is_weak { "W/" } else { "" };
        write!(f, "{weak}\"{}\"", self.opaque.escape_ascii())
    }
}

/// Whether If-Match or If-None-Match asks for any version: the value is `*`, and nothing else.
///
/// A `*` among other elements is not valid (RFC 9110 §13.1.1), and [`listed`] says so.
pub fn is_any(fields: &Fields, name: Name) -> bool {
    fields.get_only(name).is_some_and(|value| list::trim_ows(value) == b"*")
}

/// The tags that If-Match or If-None-Match lists, over all lines, in order.
///
/// An element that is no tag is an error in its place; what follows the next comma is read again.
pub fn listed(
    fields: &Fields,
    name: Name,
) -> impl Iterator<Item = Result<EntityTag<'_>, Malformed>> {
    fields.get_all(name).flat_map(|value| Tags { rest: value })
}

/// The tags of one line. They are not split like other lists: a backslash escapes no quote.
struct Tags<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Tags<'a> {
    type Item = Result<EntityTag<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        // RFC 9110 §5.6.1.2: empty elements are passed over.
        while let [b' ' | b'\t' | b',', rest @ ..] = self.rest {
            self.rest = rest;
        }
        if self.rest.is_empty() {
            return None;
        }
        if let Some((tag, after)) = EntityTag::split_off(self.rest)
            && let None | Some(b',') = after.iter().find(|b| !list::is_ows(**b))
        {
            self.rest = after;
            return Some(Ok(tag));
        }
        let comma = self.rest.iter().position(|&b| b == b',');
        self.rest = comma.and_then(|at| self.rest.get(at + 1..)).unwrap_or_default();
        Some(Err(Malformed::new("entity tag")))
    }
}

/// What may stand between the quotes: visible but for the quote, and the old non-ASCII bytes.
const fn is_etagc(b: u8) -> bool {
    matches!(b, 0x21 | 0x23..=0x7e | 0x80..)
}
