//! Accept-Charset: how much does the client like a charset? (RFC 9110 §12.5.2)
//!
//! The field is deprecated, and no browser sends it: everybody reads UTF-8. It is obeyed where a
//! resource has representations in several charsets, for the few clients that need another.

use base::Cx;
use message::{Fields, Name};

use crate::preference::{Listed, weighted_name};

/// What Accept-Charset says.
///
/// Names are compared as they are written, in any case; a charset's aliases are other names.
#[derive(Clone, Debug)]
pub struct AcceptCharset<'a> {
    charsets: Listed<(&'a str, u16)>,
}

impl<'a> AcceptCharset<'a> {
    /// Reads the field of a request; at most [`MEMBERS_MAX`](crate::preference::MEMBERS_MAX) names.
    pub fn read(cx: &mut Cx<'_>, fields: &'a Fields) -> Self {
        Self { charsets: Listed::read(cx, fields, Name::AcceptCharset, weighted_name) }
    }

    /// How much the client likes this charset, in thousandths, 0 to 1000; not acceptable at 0.
    pub fn quality(&self, charset: &[u8]) -> u16 {
        // RFC 9110 §12.5.2: the star stands for every charset that is not named.
        let named = self.of(charset).or_else(|| self.of(b"*"));
        named.or_else(|| self.charsets.unnamed()).unwrap_or(0)
    }

    /// What is said of this very name; said twice, the more willing counts.
    fn of(&self, name: &[u8]) -> Option<u16> {
        let members = self.charsets.members.iter();
        let same = members.filter(|(listed, _)| listed.as_bytes().eq_ignore_ascii_case(name));
        same.map(|(_, quality)| *quality).max()
    }
}
