//! Accept: how much does the client like a media type? (RFC 9110 §12.5.1)

use base::Cx;
use message::media::{MediaRange, MediaType, Specificity};
use message::{Fields, Name};

use crate::preference::Listed;

/// What Accept says.
///
/// A member that is no media range is ignored, and then what the others do not name is taken least
/// of all. When no member can be read, the field says nothing, as if it were absent.
#[derive(Clone, Debug)]
pub struct Accept<'a> {
    ranges: Listed<MediaRange<'a>>,
}

/// How much a media type is liked, and how closely the client described it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Liking {
    /// In thousandths, 0 to 1000; not acceptable at 0.
    pub quality: u16,
    /// How closely the range that decided describes the type; as loosely as can be where none did.
    pub specificity: Specificity,
}

impl<'a> Accept<'a> {
    /// Reads the field of a request; at most [`MEMBERS_MAX`](crate::preference::MEMBERS_MAX) ranges.
    pub fn read(cx: &mut Cx<'_>, fields: &'a Fields) -> Self {
        let parse = |element| MediaRange::parse(element).ok();
        Self { ranges: Listed::read(cx, fields, Name::Accept, parse) }
    }

    /// How much the client likes this type.
    pub fn liking(&self, media: &MediaType<'_>) -> Liking {
        let matching = self.ranges.members.iter().filter(|range| range.matches(media));
        // RFC 9110 §12.5.1: the most specific range that matches has the say. Of several the more
        // willing counts, so that their order means nothing.
        let decisive = matching.map(|range| (range.specificity(), range.quality)).max();
        let (specificity, quality) =
            decisive.unwrap_or_else(|| (Specificity::Anything, self.ranges.unnamed().unwrap_or(0)));
        Liking { quality, specificity }
    }
}
