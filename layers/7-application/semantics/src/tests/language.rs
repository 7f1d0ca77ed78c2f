use std::cmp::Reverse;

use message::{Fields, Name};
use proptest::prelude::*;

use super::with_cx;
use crate::language::Nearness::{self, Named, Unnamed};
use crate::language::{AcceptLanguage, Fit, Scheme};

fn fit(accept: &str, scheme: Scheme, tag: &str) -> Fit {
    let fields: Fields = [(Name::AcceptLanguage, accept)].into_iter().collect();
    with_cx(|cx| AcceptLanguage::read(cx, &fields).fit(scheme, tag))
}

const fn named(place: usize, distance: usize) -> Nearness {
    Named { place: Reverse(place), distance: Reverse(distance) }
}

#[track_caller]
fn check(scheme: Scheme, accept: &str, wants: &[(&str, u16, Nearness)]) {
    for &(tag, quality, nearness) in wants {
        assert_eq!(fit(accept, scheme, tag), Fit { quality, nearness }, "{accept:?} for {tag}");
    }
}

//= test RFC 4647 §3.3.1: a range takes what begins with it, up to the end of a subtag.
//= test RFC 5646 §2.1.1: in any case.
#[test]
fn filtering() {
    check(
        Scheme::Filtering,
        "de-de, EN;q=0.7",
        &[
            ("de-DE", 1000, named(0, 0)),
            ("de-DE-1996", 1000, named(0, 1)),
            ("de-Deva", 0, Unnamed),
            ("de-Latn-DE", 0, Unnamed),
            ("de", 0, Unnamed),
            ("en", 700, named(1, 0)),
            ("en-GB-oxendict", 700, named(1, 2)),
            ("eng", 0, Unnamed),
            ("", 0, Unnamed),
        ],
    );
}

#[test]
fn the_longest_range_has_the_say() {
    check(
        Scheme::Filtering,
        "en;q=0.5, en-GB;q=0, en-US, en;q=0.4, en;q=0.5",
        &[
            ("en-GB", 0, named(1, 0)),
            ("en-GB-scotland", 0, named(1, 1)),
            ("en-US", 1000, named(2, 0)),
            ("en-AU", 500, named(0, 1)),
        ],
    );
}

//= test RFC 4647 §3.3.1: the star takes every tag; RFC 9110 §12.4.3: that is not named.
#[test]
fn the_star() {
    let wants = [("de", 100, named(0, 0)), ("fr", 800, Unnamed)];
    check(Scheme::Filtering, "de;q=0.1, *;q=0.8", &wants);
    check(Scheme::Lookup, "de;q=0.1, *;q=0.8", &wants);
    check(Scheme::Filtering, "*, *;q=0.2", &[("fr", 1000, Unnamed)]);
    check(Scheme::Any, "*;q=0", &[("fr", 0, Unnamed)]);
}

//= test RFC 4647 §3.4: subtag after subtag is cut, a single letter with what it announces.
#[test]
fn lookup() {
    check(
        Scheme::Lookup,
        "zh-Hant-CN-x-private1-private2",
        &[
            ("zh-Hant-CN-x-private1-private2", 1000, named(0, 0)),
            ("zh-hant-cn-x-private1", 1000, named(0, 1)),
            ("zh-Hant-CN-x", 0, Unnamed),
            ("zh-Hant-CN", 1000, named(0, 2)),
            ("zh-Hant", 1000, named(0, 3)),
            ("zh", 1000, named(0, 4)),
            ("zh-CN", 0, Unnamed),
            ("en", 0, Unnamed),
        ],
    );
    check(
        Scheme::Lookup,
        "de-AT;q=0.5, de-CH;q=0.9, fr-CH",
        &[("de", 900, named(1, 1)), ("fr", 1000, named(2, 1)), ("fr-FR", 0, Unnamed)],
    );
}

#[test]
fn lookup_finds_nothing_that_is_excluded() {
    check(Scheme::Lookup, "de-CH;q=0", &[("de", 0, Unnamed)]);
    check(Scheme::Lookup, "de-CH, de;q=0", &[("de", 0, named(1, 0))]);
    check(Scheme::Lookup, "de-CH, *;q=0", &[("de", 0, Unnamed)]);
}

//= test RFC 9110 §12.5.4: the field may be disregarded.
#[test]
fn any_language_but_those_that_are_excluded() {
    check(
        Scheme::Any,
        "de, en;q=0",
        &[("fr", 1000, Unnamed), ("de", 1000, Unnamed), ("en-GB", 0, named(1, 1))],
    );
}

//= test RFC 4647 §2.1: one to eight letters, then letters and digits.
#[test]
fn what_is_no_range_excludes_nothing() {
    for bad in [
        "de_CH",
        "d-",
        "-de",
        "de--CH",
        "deutschland",
        "1de",
        "de-*",
        "**",
        "de;q=2",
        "de;x=1",
        "d e",
    ] {
        check(Scheme::Filtering, &format!("{bad}, en"), &[("de", 1, Unnamed)]);
        check(Scheme::Filtering, bad, &[("de", 1000, Unnamed)]);
    }
    for good in ["x", "de-1996", "en-a-bcdefghi", "i-klingon"] {
        check(Scheme::Filtering, good, &[("fr", 0, Unnamed)]);
    }
}

/// RFC 4647 §3.3.1, subtag by subtag.
fn takes(range: &str, tag: &str) -> bool {
    let subtags: Vec<_> = tag.split('-').collect();
    let wanted: Vec<_> = range.split('-').collect();
    subtags.len() >= wanted.len()
        && wanted.iter().zip(&subtags).all(|(wanted, has)| wanted.eq_ignore_ascii_case(has))
}

/// RFC 4647 §3.4: the tags that lookup tries, first to last.
fn tried(range: &str) -> Vec<String> {
    let mut subtags: Vec<_> = range.split('-').collect();
    let mut tried = Vec::new();
    while !subtags.is_empty() {
        tried.push(subtags.join("-"));
        subtags.pop();
        if subtags.len() > 1 && subtags.last().is_some_and(|last| last.len() == 1) {
            subtags.pop();
        }
    }
    tried
}

const TAG: &str = "(de|en)(-(CH|ch|x|1996)){0,4}";

proptest! {
    #[test]
    fn filtering_agrees_with_the_rule(
        ranges in proptest::collection::vec((TAG, 0..=1000_u16), 1..6),
        tag in TAG,
    ) {
        let element = |(range, q): &(String, u16)| format!("{range};q={}.{:03}", q / 1000, q % 1000);
        let accept = ranges.iter().map(element).collect::<Vec<_>>().join(", ");
        let taking = ranges.iter().filter(|(range, _)| takes(range, &tag));
        let want = taking.max_by_key(|(range, q)| (range.len(), *q)).map_or(0, |(_, q)| *q);
        prop_assert_eq!(fit(&accept, Scheme::Filtering, &tag).quality, want);
    }

    #[test]
    fn lookup_agrees_with_the_rule(range in TAG, tag in TAG) {
        let tried = tried(&range);
        let place = tried.iter().position(|tried| tried.eq_ignore_ascii_case(&tag));
        let fit = fit(&range, Scheme::Lookup, &tag);
        let want = if let Some(cuts) = place {
            (1000, named(0, cuts))
        } else if takes(&range, &tag) {
            (1000, named(0, tag.matches('-').count() - range.matches('-').count()))
        } else {
            (0, Unnamed)
        };
        prop_assert_eq!((fit.quality, fit.nearness), want);
    }

    #[test]
    fn strangers_cannot_make_it_panic(accept in "[ -~é]{0,40}", tag in "[ -~é]{0,12}") {
        for scheme in [Scheme::Filtering, Scheme::Lookup, Scheme::Any] {
            prop_assert!(fit(&accept, scheme, &tag).quality <= 1000);
        }
    }
}

/// A range of 64 KiB takes one pass: in quadratic time this would take minutes.
#[test]
fn long_ranges_take_linear_time() {
    let range = "a-".repeat(1 << 17) + "b";
    assert_eq!(fit(&range, Scheme::Lookup, "a").quality, 1000);
    assert_eq!(fit(&range, Scheme::Lookup, "c").quality, 0);
}
