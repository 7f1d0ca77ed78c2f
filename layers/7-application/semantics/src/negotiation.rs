//! Proactive negotiation: which representation of a resource do we send? (RFC 9110 §12.1)
//!
//! ```text
//!   Accept ──────────▶ media type ─┐
//!   Accept-Charset ──▶ charset ────┤
//!   Accept-Language ─▶ language ───┼──▶ × ──▶ quality of a variant; the best is chosen
//!   the server ──────▶ quality ────┘
//! ```
//!
//! The qualities are multiplied, so that what is bad in one respect can be made up for in another,
//! and what is excluded in one respect is excluded. Between variants of the same quality:
//!
//! 1. The one whose media type the client described more closely. Many clients list types without
//!    weights and end with `*/*`; they mean that what they list is better.
//! 2. The one whose language stands earlier in the client's list, which is how lists are mostly
//!    meant; then the one whose tag is nearer to what is listed.
//! 3. The one that the server put first. The order of Accept and of Accept-Charset means nothing.
//!
//! A variant without a language (an image, data for programs) is as good as the best that has one:
//! Accept-Language does not speak of it. At the same quality the language that is named is taken.
//! A variant without a charset is fully acceptable to Accept-Charset.
//!
//! The content coding is no part of this: [`encoding`](crate::encoding) chooses it afterwards.

use base::Cx;
use message::media::{MediaType, Specificity};
use message::{Fields, Name};

use crate::charset::AcceptCharset;
use crate::language::{AcceptLanguage, Fit, Nearness, Scheme};
use crate::media::{Accept, Liking};
use crate::preference::QUALITY_MAX;
use crate::vary;
use crate::xray::{Seen, Why};

/// One representation of a resource, as far as clients may choose by it.
#[derive(Clone, Debug)]
pub struct Variant<'a> {
    /// The media type with its parameters. A parameter `charset` is what Accept-Charset is about.
    pub media: MediaType<'a>,
    /// The tag of its language; nothing where language does not matter.
    pub language: Option<&'a str>,
    /// How good it is beside the others, in thousandths, 0 to 1000: a scan of a text is worse than
    /// the text. Not offered at 0.
    pub quality: u16,
}

impl<'a> Variant<'a> {
    /// A representation of the best quality, in no language.
    pub const fn new(media: MediaType<'a>) -> Self {
        Self { media, language: None, quality: QUALITY_MAX }
    }

    /// Says in the response what was chosen: Content-Type with all its parameters, and
    /// Content-Language (RFC 9110 §8.3, §8.5).
    pub fn describe(&self, response: &mut Fields) {
        let mut content_type = Vec::new();
        self.media.emit(&mut content_type);
        response.set(Name::ContentType, content_type);
        if let Some(tag) = self.language {
            response.set(Name::ContentLanguage, tag);
        }
    }
}

/// What becomes of languages that the client does not accept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OtherLanguages {
    /// They are not acceptable: 406.
    Refused,
    /// Rather than a 406 because of nothing but the language, the best of them is sent: a server may
    /// disregard the field (RFC 9110 §12.5.4) and have a default (RFC 4647 §3.4.1). What the client
    /// excludes by a weight of 0 is not sent.
    BetterThanNothing,
}

/// Which representation, and who had a say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Negotiated {
    /// The choice.
    pub decision: Decision,
    /// The fields of the request that it depended on, also where the request did not have them: what
    /// Vary is to say. Of a choice these are the fields in which the variants differ; of a 406, those
    /// that refused one too.
    pub depends_on: Selecting,
}

/// The choice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision {
    /// The variant at this place.
    Chosen(usize),
    /// 406: none is acceptable. These are there, for people and programs to choose from (RFC 9110
    /// §15.5.7). Who would rather send something may take any.
    NotAcceptable(Vec<Alternative>),
}

/// A variant that is there but not acceptable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Alternative {
    /// Its place among the variants, which say what it is.
    pub index: usize,
    /// The fields that refuse it.
    pub refused_by: Selecting,
}

/// Fields of a request by which a representation is selected.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Selecting {
    /// Accept
    pub accept: bool,
    /// Accept-Charset
    pub accept_charset: bool,
    /// Accept-Language
    pub accept_language: bool,
}

impl Selecting {
    /// Their names.
    pub fn names(self) -> impl Iterator<Item = Name> {
        let all = [
            (self.accept, Name::Accept),
            (self.accept_charset, Name::AcceptCharset),
            (self.accept_language, Name::AcceptLanguage),
        ];
        all.into_iter().filter_map(|(is_selecting, name)| is_selecting.then_some(name))
    }

    /// Adds them to the Vary of a response (RFC 9110 §12.5.5).
    pub fn add_to_vary(self, response: &mut Fields) {
        for name in self.names() {
            vary::add(response, name);
        }
    }

    const fn with(self, other: Self) -> Self {
        Self {
            accept: self.accept || other.accept,
            accept_charset: self.accept_charset || other.accept_charset,
            accept_language: self.accept_language || other.accept_language,
        }
    }
}

/// Chooses among `variants`, which stand in the server's order of preference.
///
/// A language that filtering finds is preferred to one that lookup finds, and that to one that the
/// client did not ask for; see [`language`](crate::language). No variant is chosen that the client,
/// or the server, gives a quality of 0.
pub fn choose(
    cx: &mut Cx<'_>,
    fields: &Fields,
    variants: &[Variant<'_>],
    others: OtherLanguages,
) -> Negotiated {
    let media = Accept::read(cx, fields);
    let charset = AcceptCharset::read(cx, fields);
    let languages = AcceptLanguage::read(cx, fields);
    let judged: Vec<_> = variants.iter().map(|v| Judged::new(v, &media, &charset)).collect();
    let scheme = scheme(&languages, &judged, others);
    let neutral = neutral(&languages, scheme, &judged);
    let fit =
        |judged: &Judged<'_>| judged.language.map_or(neutral, |tag| languages.fit(scheme, tag));
    let ranks: Vec<_> = judged.iter().map(|judged| judged.rank(fit(judged))).collect();

    let differing = differing(variants);
    let Some((index, best)) = best(&ranks) else {
        note_refusal(cx, &judged);
        let alternatives = alternatives(&judged, |judged| fit(judged).quality == 0);
        let refusing = alternatives.iter().map(|a| a.refused_by).fold(differing, Selecting::with);
        let decision = Decision::NotAcceptable(alternatives);
        return Negotiated { decision, depends_on: refusing };
    };
    note_choice(cx, scheme, &judged, &ranks, (index, best));
    Negotiated { decision: Decision::Chosen(index), depends_on: differing }
}

/// A variant, and what is said of everything but its language.
#[derive(Clone, Copy, Debug)]
struct Judged<'a> {
    source: u16,
    media: Liking,
    charset: u16,
    language: Option<&'a str>,
}

/// What variants are compared by, the most important first. The greater is better.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Rank {
    /// The product of four qualities in thousandths.
    quality: u64,
    specificity: Specificity,
    nearness: Nearness,
}

impl<'a> Judged<'a> {
    fn new(variant: &Variant<'a>, media: &Accept<'_>, charset: &AcceptCharset<'_>) -> Self {
        let has = variant.media.parameter("charset");
        Self {
            source: variant.quality,
            media: media.liking(&variant.media),
            charset: has.map_or(QUALITY_MAX, |name| charset.quality(&name)),
            language: variant.language,
        }
    }

    /// The quality but for the language.
    fn quality(&self) -> u64 {
        u64::from(self.source) * u64::from(self.media.quality) * u64::from(self.charset)
    }

    fn rank(&self, fit: Fit) -> Rank {
        Rank {
            quality: self.quality() * u64::from(fit.quality),
            specificity: self.media.specificity,
            nearness: fit.nearness,
        }
    }

    /// Why it is not acceptable. What nothing else refuses, its language does.
    fn refusal(&self) -> Why {
        if self.source == 0 {
            Why::NotOffered
        } else if self.media.quality == 0 {
            Why::MediaTypeRefused
        } else if self.charset == 0 {
            Why::CharsetRefused
        } else {
            Why::LanguageRefused
        }
    }
}

/// How languages are to be compared: by the first scheme that finds one that the client names. Only
/// those have a say whose variants are acceptable otherwise.
fn scheme(languages: &AcceptLanguage<'_>, judged: &[Judged<'_>], others: OtherLanguages) -> Scheme {
    let acceptable = || judged.iter().filter(|judged| judged.quality() > 0);
    for scheme in [Scheme::Filtering, Scheme::Lookup] {
        let mut tags = acceptable().filter_map(|judged| judged.language);
        if tags.any(|tag| languages.wants(scheme, tag)) {
            return scheme;
        }
    }
    let has_neutral = acceptable().any(|judged| judged.language.is_none());
    if others == OtherLanguages::Refused || languages.takes_others() || has_neutral {
        Scheme::Filtering
    } else {
        Scheme::Any
    }
}

/// How well no language at all fits: as well as the best that there is.
fn neutral(languages: &AcceptLanguage<'_>, scheme: Scheme, judged: &[Judged<'_>]) -> Fit {
    let acceptable = judged.iter().filter(|judged| judged.quality() > 0);
    let tags = acceptable.filter_map(|judged| judged.language);
    let best = tags.map(|tag| languages.fit(scheme, tag).quality).max();
    Fit::unnamed(best.filter(|quality| *quality > 0).unwrap_or(QUALITY_MAX))
}

/// The best that is acceptable, and where it stands: of equal ones the first.
fn best(ranks: &[Rank]) -> Option<(usize, Rank)> {
    let mut best: Option<(usize, Rank)> = None;
    for (index, rank) in ranks.iter().enumerate().filter(|(_, rank)| rank.quality > 0) {
        if best.is_none_or(|(_, best)| *rank > best) {
            best = Some((index, *rank));
        }
    }
    best
}

/// The fields by which one of the variants that are offered can be told from another.
fn differing(variants: &[Variant<'_>]) -> Selecting {
    let mut offered = variants.iter().filter(|variant| variant.quality > 0);
    let Some(first) = offered.next() else { return Selecting::default() };
    let charset = first.media.parameter("charset");
    offered.fold(Selecting::default(), |before, other| {
        before.with(Selecting {
            accept: other.media != first.media,
            accept_charset: !is_same(&other.media.parameter("charset"), &charset),
            accept_language: !is_same(&other.language, &first.language),
        })
    })
}

/// Whether both are the same name, in any case, or both are none.
fn is_same(a: &Option<impl AsRef<[u8]>>, b: &Option<impl AsRef<[u8]>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.as_ref().eq_ignore_ascii_case(b.as_ref()),
        (None, None) => true,
        _ => false,
    }
}

/// What there is instead, when nothing is acceptable.
fn alternatives(
    judged: &[Judged<'_>],
    refuses_language: impl Fn(&Judged<'_>) -> bool,
) -> Vec<Alternative> {
    let offered = judged.iter().enumerate().filter(|(_, judged)| judged.source > 0);
    offered
        .map(|(index, judged)| {
            let refused_by = Selecting {
                accept: judged.media.quality == 0,
                accept_charset: judged.charset == 0,
                accept_language: refuses_language(judged),
            };
            Alternative { index, refused_by }
        })
        .collect()
}

fn note_refusal(cx: &mut Cx<'_>, judged: &[Judged<'_>]) {
    for (variant, judged) in judged.iter().enumerate() {
        cx.note(|| Seen::PassedOver { variant, because: judged.refusal() });
    }
    let because = Why::NothingAcceptable;
    cx.note(|| Seen::Decided { what: "not acceptable", because });
}

fn note_choice(
    cx: &mut Cx<'_>,
    scheme: Scheme,
    judged: &[Judged<'_>],
    ranks: &[Rank],
    (chosen, best): (usize, Rank),
) {
    for (variant, (judged, rank)) in judged.iter().zip(ranks).enumerate() {
        if variant != chosen {
            cx.note(|| Seen::PassedOver { variant, because: inferiority(judged, *rank, best) });
        }
    }
    let because = match (scheme, best.nearness) {
        (Scheme::Lookup, Nearness::Named { .. }) => Why::LanguageLookedUp,
        (Scheme::Any, _) => Why::LanguageDisregarded,
        _ => Why::MostPreferred,
    };
    cx.note(|| Seen::Chosen { variant: chosen, of: ranks.len(), because });
}

/// In what a variant comes behind the best one.
fn inferiority(judged: &Judged<'_>, rank: Rank, best: Rank) -> Why {
    if rank.quality == 0 {
        judged.refusal()
    } else if rank.quality < best.quality {
        Why::LessPreferred
    } else if rank.specificity < best.specificity {
        Why::LessSpecific
    } else if rank.nearness < best.nearness {
        Why::LanguageLessNear
    } else {
        Why::ComesLater
    }
}
