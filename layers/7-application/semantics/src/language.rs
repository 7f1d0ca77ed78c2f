//! Accept-Language: how well does a language fit? (RFC 9110 §12.5.4, RFC 4647)
//!
//! ```text
//!   de-CH, en;q=0.5     filtering: a range takes the tags that begin with it   en ──▶ en-GB
//!                       lookup: a range is cut until there is such a tag       de-CH ──▶ de
//! ```
//!
//! Filtering is what the field means. A reader of `de-CH` who does not list `de` is still better
//! served in German than in English or not at all, so [`negotiation`](crate::negotiation) turns to
//! lookup where filtering finds nothing.

use std::cmp::Reverse;
use std::iter;

use base::Cx;
use message::{Fields, Name};

use crate::preference::{Listed, QUALITY_MAX, weighted_name};

/// What Accept-Language says.
#[derive(Clone, Debug)]
pub struct AcceptLanguage<'a> {
    ranges: Vec<Range<'a>>,
    /// The quality of the languages that it does not name; nothing when it does not speak of them.
    others: Option<u16>,
}

/// A language range (RFC 4647 §2.1).
#[derive(Clone, Copy, Debug)]
struct Range<'a> {
    text: &'a str,
    quality: u16,
}

/// How ranges are compared with tags.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// A range takes the tags that begin with it (RFC 4647 §3.3.1).
    Filtering,
    /// Where filtering takes nothing, a range is cut at its end until it is the tag (RFC 4647 §3.4).
    Lookup,
    /// All languages are alike but those that are excluded: the field is disregarded, as a server
    /// may (RFC 9110 §12.5.4).
    Any,
}

/// How well a language fits what the client lists. Of two, the greater fits better.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Fit {
    /// In thousandths, 0 to 1000; not acceptable at 0.
    pub quality: u16,
    /// What tells languages of one quality apart.
    pub nearness: Nearness,
}

/// How near a language is to what the client names. Of two, the greater is nearer.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Nearness {
    /// No range names it, but for the star.
    Unnamed,
    /// A range names it.
    Named {
        /// The place of the range in the client's list. Not every client means
        /// something by it, but many do (RFC 9110 §12.5.4, RFC 4647 §2.3).
        place: Reverse<usize>,
        /// How many subtags the tag has more than the range, or the range more than the tag.
        distance: Reverse<usize>,
    },
}

impl<'a> AcceptLanguage<'a> {
    /// Reads the field of a request; at most [`MEMBERS_MAX`](crate::preference::MEMBERS_MAX) ranges.
    pub fn read(cx: &mut Cx<'_>, fields: &'a Fields) -> Self {
        let listed = Listed::read(cx, fields, Name::AcceptLanguage, Range::parse);
        let unnamed = listed.unnamed();
        let (stars, ranges): (Vec<_>, Vec<_>) =
            listed.members.into_iter().partition(|range| range.text == "*");
        let others = stars.iter().map(|star| star.quality).max();
        Self { ranges, others: others.or(unnamed) }
    }

    /// How well the language of this tag fits.
    pub fn fit(&self, scheme: Scheme, tag: &str) -> Fit {
        let named = self.filtered(tag);
        match scheme {
            Scheme::Filtering => named,
            Scheme::Lookup => named.or_else(|| self.looked_up(tag)),
            Scheme::Any => named.map(Fit::disregarded),
        }
        .unwrap_or_else(|| Fit::unnamed(self.of_others(scheme)))
    }

    /// Whether a range names the language, and does not exclude it.
    pub fn wants(&self, scheme: Scheme, tag: &str) -> bool {
        let fit = self.fit(scheme, tag);
        fit.quality > 0 && fit.nearness != Nearness::Unnamed
    }

    /// Whether languages are acceptable that no range names: there is no field, or it has a star.
    pub fn takes_others(&self) -> bool {
        self.of_others(Scheme::Filtering) > 0
    }

    fn of_others(&self, scheme: Scheme) -> u16 {
        match (self.others, scheme) {
            // A star of weight 0 excludes, whatever the scheme.
            (Some(0), _) => 0,
            (_, Scheme::Any) => QUALITY_MAX,
            (others, _) => others.unwrap_or(0),
        }
    }

    /// The longest range that takes the tag has the say; of several, the most willing, which stands
    /// first.
    fn filtered(&self, tag: &str) -> Option<Fit> {
        let taking = self.each_range().filter_map(|(place, range)| {
            let fit = Fit::named(range.quality, place, range.excess_of(tag)?);
            Some((range.text.len(), fit))
        });
        taking.max().map(|(_, fit)| fit)
    }

    /// The range that the client likes best, of those that can be cut to the tag.
    fn looked_up(&self, tag: &str) -> Option<Fit> {
        if self.others == Some(0) {
            return None;
        }
        // What excludes `de-CH` does not speak for `de`.
        let wanted = self.each_range().filter(|(_, range)| range.quality > 0);
        wanted
            .filter_map(|(place, range)| {
                Some(Fit::named(range.quality, place, range.cuts_to(tag)?))
            })
            .max()
    }

    fn each_range(&self) -> impl Iterator<Item = (usize, &Range<'a>)> {
        self.ranges.iter().enumerate()
    }
}

impl Fit {
    /// The fit of what no range names.
    pub(crate) const fn unnamed(quality: u16) -> Self {
        Self { quality, nearness: Nearness::Unnamed }
    }

    /// The fit when only exclusion counts.
    const fn disregarded(self) -> Self {
        if self.quality == 0 { self } else { Self::unnamed(QUALITY_MAX) }
    }

    const fn named(quality: u16, place: usize, distance: usize) -> Self {
        let nearness = Nearness::Named { place: Reverse(place), distance: Reverse(distance) };
        Self { quality, nearness }
    }
}

impl<'a> Range<'a> {
    fn parse(element: &'a [u8]) -> Option<Self> {
        let (text, quality) = weighted_name(element)?;
        is_range(text).then_some(Self { text, quality })
    }

    /// How many subtags the tag has behind this range, where it begins with it: at the end of a
    /// subtag, and in any case (RFC 4647 §3.3.1, RFC 5646 §2.1.1).
    fn excess_of(&self, tag: &str) -> Option<usize> {
        let (front, behind) = tag.split_at_checked(self.text.len())?;
        let begins = front.eq_ignore_ascii_case(self.text);
        let ends_subtag = behind.is_empty() || behind.starts_with('-');
        (begins && ends_subtag).then(|| behind.matches('-').count())
    }

    /// How often this range is cut until it is the tag.
    fn cuts_to(&self, tag: &str) -> Option<usize> {
        let mut cuts = iter::successors(Some(self.text), |range| cut(range));
        cuts.position(|range| range.eq_ignore_ascii_case(tag))
    }
}

/// The range without its last subtag. One letter or digit that would then be the last goes too: it
/// only announces what follows (RFC 4647 §3.4).
fn cut(range: &str) -> Option<&str> {
    let (front, _) = range.rsplit_once('-')?;
    match front.rsplit_once('-') {
        Some((before, single)) if single.len() == 1 => Some(before),
        _ => Some(front),
    }
}

/// Whether it is a basic language range, or the star (RFC 4647 §2.1).
fn is_range(text: &str) -> bool {
    let is_subtag = |subtag: &str| {
        (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let first = text.split('-').next().unwrap_or_default();
    text == "*" || text.split('-').all(is_subtag) && first.bytes().all(|b| b.is_ascii_alphabetic())
}
