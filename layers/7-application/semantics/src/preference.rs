//! What Accept, Accept-Charset and Accept-Language have in common: lists of names with weights.
//! (RFC 9110 §12.4)
//!
//! One rule holds for all three: what is not read excludes nothing. A field that is absent or lists
//! nothing leaves everything as it is; where a member cannot be read, what the others do not name is
//! taken least of all, but taken. So a slip of the pen costs the client its preference, not the
//! answer.

use base::Cx;
use message::{Fields, Name, list};

use crate::xray::{Seen, Why};

/// How many members of a field are looked at. Browsers send nine types and a reader of six languages
/// twelve ranges. One that was read takes 48 bytes, so that 64 take 3 KiB, and each representation
/// is compared with 64 at most.
pub const MEMBERS_MAX: usize = 64;

/// All of the quality, in thousandths (RFC 9110 §12.4.2).
pub(crate) const QUALITY_MAX: u16 = 1000;

/// The least quality that is not refusal, in thousandths (RFC 9110 §12.4.2).
const QUALITY_MIN: u16 = 1;

/// The members of a field, over all its lines.
#[derive(Clone, Debug)]
pub(crate) struct Listed<T> {
    /// Those that could be read, in their order.
    pub(crate) members: Vec<T>,
    /// Whether these are all that there are.
    is_whole: bool,
}

impl<T> Listed<T> {
    /// Reads the field; `parse` reads a member.
    pub(crate) fn read<'a>(
        cx: &mut Cx<'_>,
        fields: &'a Fields,
        field: Name,
        parse: impl Fn(&'a [u8]) -> Option<T>,
    ) -> Self {
        let mut listed = Self { members: Vec::new(), is_whole: true };
        if !fields.contains(field) {
            return listed;
        }
        for (place, element) in fields.elements(field).enumerate() {
            if place == MEMBERS_MAX {
                listed.is_whole = false;
                cx.note(|| Seen::Ignored { field, because: Why::TooManyMembers });
                break;
            }
            match parse(element) {
                Some(member) => listed.members.push(member),
                None => {
                    listed.is_whole = false;
                    cx.note(|| Seen::Ignored { field, because: Why::MemberMalformed });
                }
            }
        }
        if listed.members.is_empty() {
            cx.note(|| Seen::Ignored { field, because: Why::NothingListed });
        }
        listed
    }

    /// The quality of what no member names, wildcards included; nothing when that is not acceptable
    /// (RFC 9110 §12.4.3).
    pub(crate) fn unnamed(&self) -> Option<u16> {
        if self.members.is_empty() {
            // RFC 9110 §12.4.1: without the field everything is alike.
            return Some(QUALITY_MAX);
        }
        (!self.is_whole).then_some(QUALITY_MIN)
    }
}

/// A name and its weight in thousandths: `de;q=0.5`.
pub(crate) fn weighted_name(element: &[u8]) -> Option<(&str, u16)> {
    let (name, behind) = list::split_token(element)?;
    Some((name, weight(behind)?))
}

/// The weight that stands behind a name, in thousandths: `;q=0.5`, or nothing, which is all of it
/// (RFC 9110 §12.4.2).
pub(crate) fn weight(behind_name: &[u8]) -> Option<u16> {
    let [b';', parameter @ ..] = list::trim_ows(behind_name) else {
        return list::trim_ows(behind_name).is_empty().then_some(QUALITY_MAX);
    };
    match list::trim_ows(parameter) {
        [b'q' | b'Q', b'=', value @ ..] => list::qvalue(value),
        _ => None,
    }
}
