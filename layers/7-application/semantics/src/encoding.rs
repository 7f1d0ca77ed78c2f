//! Accept-Encoding: in which content coding do we send it? (RFC 9110 §12.5.3)

use base::Cx;
use coding::Coding;
use message::{Fields, Name, list};

use crate::preference::weight;
use crate::xray::{Seen, Why};

/// The coding that the client likes best among those `offered`; nothing when it excludes them all,
/// which is 406.
///
/// `offered` is in our order of preference: of what the client likes equally well the first is
/// taken, but identity last. A client that says nothing about codings gets identity where it is
/// offered: it may be one that knows none.
#[inline]
pub fn choose(cx: &mut Cx<'_>, fields: &Fields, offered: &[Coding]) -> Option<Coding> {
    if !fields.contains(Name::AcceptEncoding) {
        // RFC 9110 §12.5.3: without the field every coding is acceptable.
        let identity = offered.iter().find(|coding| **coding == Coding::Identity);
        return identity.or_else(|| offered.first()).copied();
    }
    let weights = Weights::read(cx, fields);
    let chosen = best(&weights, offered);
    cx.note(|| match chosen {
        Some(coding) => Seen::Decided { what: coding.as_str(), because: Why::MostPreferred },
        None => Seen::Decided { what: "not acceptable", because: Why::NothingAcceptable },
    });
    chosen
}

fn best(weights: &Weights, offered: &[Coding]) -> Option<Coding> {
    let mut best: Option<(u16, Coding)> = None;
    for &coding in offered {
        let Some(weight) = weights.of(coding) else { continue };
        let is_better = best.is_none_or(|(best_weight, best)| {
            weight > best_weight || (weight == best_weight && best == Coding::Identity)
        });
        if is_better {
            best = Some((weight, coding));
        }
    }
    best.map(|(_, coding)| coding)
}

/// What the client says about each coding, in thousandths; nothing where it says nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Weights {
    identity: Option<u16>,
    gzip: Option<u16>,
    brotli: Option<u16>,
    zstd: Option<u16>,
    /// What it says about those that it does not name.
    others: Option<u16>,
}

impl Weights {
    /// Gzip, and perhaps the younger ones, all liked alike.
    const fn of_browser(brotli: bool, zstd: bool) -> Self {
        const fn all_if(likes: bool) -> Option<u16> {
            if likes { Some(1000) } else { None }
        }
        let (brotli, zstd) = (all_if(brotli), all_if(zstd));
        Self { identity: None, gzip: Some(1000), brotli, zstd, others: None }
    }

    #[inline]
    fn read(cx: &mut Cx<'_>, fields: &Fields) -> Self {
        // What browsers send is compared as a whole: reading it is 600 instructions, and it comes
        // with every request. It means what reading it would say.
        match fields.get_only(Name::AcceptEncoding) {
            Some(b"gzip, deflate, br, zstd") => Self::of_browser(true, true),
            Some(b"gzip, deflate, br") => Self::of_browser(true, false),
            Some(b"gzip, deflate") => Self::of_browser(false, false),
            _ => Self::read_elements(cx, fields),
        }
    }

    fn read_elements(cx: &mut Cx<'_>, fields: &Fields) -> Self {
        let mut weights = Self::default();
        for line in fields.get_all(Name::AcceptEncoding) {
            let mut rest = line;
            while let [first, behind @ ..] = rest {
                // RFC 9110 §5.6.1.2: empty elements are passed over.
                rest = if *first == b',' || list::is_ows(*first) {
                    behind
                } else {
                    weights.take_element(cx, rest)
                };
            }
        }
        weights
    }

    /// Takes what the first element of `text` says; returns what follows the element.
    fn take_element<'a>(&mut self, cx: &mut Cx<'_>, text: &'a [u8]) -> &'a [u8] {
        let name_end = text.iter().position(|&b| !list::is_token(b)).unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(name_end).unwrap_or((text, &[]));
        if !name.is_empty() && matches!(rest, [] | [b',', ..]) {
            self.take(name, 1000);
            return rest;
        }
        // No quoted strings here, so that every comma separates.
        let end = rest.iter().position(|&b| b == b',').unwrap_or(rest.len());
        let (behind_name, rest) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        match weight(behind_name).filter(|_| !name.is_empty()) {
            Some(weight) => self.take(name, weight),
            None => {
                let (field, because) = (Name::AcceptEncoding, Why::CodingMalformed);
                cx.note(|| Seen::Ignored { field, because });
            }
        }
        rest
    }

    fn take(&mut self, name: &[u8], weight: u16) {
        let place = match Coding::from_bytes(name) {
            Some(Coding::Identity) => &mut self.identity,
            Some(Coding::Gzip) => &mut self.gzip,
            Some(Coding::Brotli) => &mut self.brotli,
            Some(Coding::Zstd) => &mut self.zstd,
            None if name == b"*" => &mut self.others,
            // One that we cannot send anyway.
            None => return,
        };
        // Said twice, the more willing counts: gzip and its name of old may both be there.
        *place = (*place).max(Some(weight));
    }

    /// How much the client likes `coding`: nothing when it does not take it, 0 when it only puts up
    /// with it.
    fn of(&self, coding: Coding) -> Option<u16> {
        let named = match coding {
            Coding::Identity => self.identity,
            Coding::Gzip => self.gzip,
            Coding::Brotli => self.brotli,
            Coding::Zstd => self.zstd,
        };
        match (named.or(self.others), coding) {
            // RFC 9110 §12.5.3: a weight of 0 excludes, identity too, by its name or by the star.
            (Some(0), _) => None,
            (Some(weight), _) => Some(weight),
            // RFC 9110 §12.5.3: identity need not be named, but what is named is preferred.
            (None, Coding::Identity) => Some(0),
            (None, _) => None,
        }
    }
}
