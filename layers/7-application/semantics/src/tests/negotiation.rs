use expect_test::expect;
use message::media::MediaType;
use message::{Fields, Name};
use proptest::prelude::*;

use super::{fields, film, with_cx};
use crate::charset::AcceptCharset;
use crate::language::{AcceptLanguage, Scheme};
use crate::media::Accept;
use crate::negotiation::OtherLanguages::{self, BetterThanNothing, Refused};
use crate::negotiation::{Decision, Negotiated, Variant, choose};

/// `text/html de 500 | image/png` as variants: media type, language, quality.
pub(super) fn variants(text: &str) -> Vec<Variant<'_>> {
    text.split(" | ").filter(|text| !text.is_empty()).map(variant).collect()
}

fn variant(text: &str) -> Variant<'_> {
    let mut words = text.split(' ');
    let media = words.next().unwrap();
    let mut variant = Variant::new(MediaType::parse(media.as_bytes()).expect(media));
    for word in words {
        match word.parse() {
            Ok(quality) => variant.quality = quality,
            Err(_) => variant.language = Some(word),
        }
    }
    variant
}

fn negotiated(lines: &str, offered: &str, others: OtherLanguages) -> Negotiated {
    with_cx(|cx| choose(cx, &fields(lines), &variants(offered), others))
}

/// Which of the variants is chosen, as it is written there; nothing for a 406.
fn chosen<'a>(lines: &str, offered: &'a str, others: OtherLanguages) -> &'a str {
    match negotiated(lines, offered, others).decision {
        Decision::Chosen(index) => offered.split(" | ").nth(index).unwrap(),
        Decision::NotAcceptable(_) => "",
    }
}

#[track_caller]
fn check(lines: &str, offered: &str, want: &str) {
    assert_eq!(chosen(lines, offered, Refused), want, "{lines:?} of {offered:?}");
}

const PAGE: &str = "text/html en | text/html de | application/json";

//= test RFC 9110 §12.4.1: without a field the client has no preference.
#[test]
fn who_says_nothing_gets_what_the_server_prefers() {
    check("", PAGE, "text/html en");
    check("", "text/html 700 | application/json 900 | text/plain 900", "application/json 900");
    check("", "", "");
    check("", "text/html 0", "");
}

//= test RFC 9110 §12.1: the server chooses by what the client says.
#[test]
fn each_field_has_a_say() {
    check("Accept: application/json", PAGE, "application/json");
    check("Accept-Language: de", PAGE, "text/html de");
    check("Accept: text/html | Accept-Language: de, en;q=0.5", PAGE, "text/html de");
    let charsets = "text/plain;charset=utf-8 | text/plain;charset=koi8-r";
    check("Accept-Charset: koi8-r, *;q=0.1", charsets, "text/plain;charset=koi8-r");
    check("Accept: image/png", PAGE, "");
    check("Accept: text/html | Accept-Language: fr", PAGE, "");
    check("Accept-Charset: ascii", charsets, "");
}

#[test]
fn qualities_are_multiplied() {
    let both = "text/html de | text/plain en";
    check(
        "Accept: text/html;q=0.5, text/plain | Accept-Language: de, en;q=0.6",
        both,
        "text/plain en",
    );
    check(
        "Accept: text/html;q=0.7, text/plain | Accept-Language: de, en;q=0.6",
        both,
        "text/html de",
    );
    check("Accept: image/*;q=0.8, text/plain", "image/png | text/plain 700", "image/png");
    check("Accept: image/*;q=0.6, text/plain", "image/png | text/plain 700", "text/plain 700");
    // The smallest product there is.
    let least = "Accept: a/b;q=0.001 | Accept-Language: de;q=0.001 | Accept-Charset: c;q=0.001";
    check(least, "a/b;charset=c de 1", "a/b;charset=c de 1");
    check("Accept: a/b", "a/b 0 | a/b 1", "a/b 1");
}

#[test]
fn at_the_same_quality_what_was_described_more_closely() {
    check("Accept: application/json, */*", "text/html | application/json", "application/json");
    check(
        "Accept: text/plain, text/plain;format=flowed, text/*, */*",
        "text/html | text/plain | text/plain;format=flowed",
        "text/plain;format=flowed",
    );
    check("Accept: text/*, */*", "image/png | text/html", "text/html");
    // Even if the language would say otherwise.
    check(
        "Accept: text/html, */* | Accept-Language: de, en",
        "text/plain de | text/html en",
        "text/html en",
    );
}

//= test RFC 4647 §2.3: of what weighs the same, the first is preferred.
#[test]
fn then_the_language_that_the_client_names_first() {
    check("Accept-Language: de, en", PAGE, "text/html de");
    check("Accept-Language: en, de", PAGE, "text/html en");
    check("Accept-Language: *, de", PAGE, "text/html de");
    check("Accept-Language: en", "text/html en-US | text/html en", "text/html en");
    check("Accept-Language: en-US-x-a", "text/html en | text/html en-US", "text/html en-US");
}

#[test]
fn then_what_the_server_names_first() {
    check("Accept: text/html, text/plain", "text/plain | text/html", "text/plain");
    check("Accept: */*", "text/plain | text/html", "text/plain");
    check("Accept-Language: *", PAGE, "text/html en");
    check("Accept-Charset: a, b", "a/b;charset=b | a/b;charset=a", "a/b;charset=b");
}

#[test]
fn what_has_no_language_is_as_good_as_the_best_that_has_one() {
    let both = "text/html | text/html de";
    check("Accept-Language: fr, de;q=0.2", both, "text/html de");
    check("Accept-Language: fr", both, "text/html");
    check("", both, "text/html");
    // A language that is not acceptable otherwise sets no measure.
    let three = "application/json | text/html de | image/png fr 0";
    let lines = "Accept: application/json;q=0.9, text/html | Accept-Language: fr, de;q=0.5";
    check(lines, three, "text/html de");
    let lines = "Accept: application/json, text/html;q=0.9 | Accept-Language: fr, de;q=0.5";
    check(lines, three, "application/json");
}

//= test RFC 4647 §3.4: a range is cut until there is such a tag.
#[test]
fn where_filtering_finds_nothing_lookup_may() {
    check("Accept-Language: de-CH", PAGE, "text/html de");
    check("Accept-Language: de-CH, en;q=0.1", PAGE, "text/html en");
    check("Accept-Language: de-CH, *;q=0.5", PAGE, "text/html de");
    check("Accept-Language: de-CH, en-GB", PAGE, "text/html de");
    check("Accept-Language: en-GB;q=0.5, de-CH", PAGE, "text/html de");
    check("Accept-Language: de-CH, de;q=0", "text/html de", "");
    // Filtering that finds only what is not acceptable otherwise has found nothing.
    let lines = "Accept: text/html | Accept-Language: fr, de-CH;q=0.5";
    check(lines, "image/png fr | text/html en | text/html de", "text/html de");
}

//= test RFC 9110 §12.5.4: rather than a 406, the language may be disregarded.
//= test RFC 4647 §3.4.1: what is sent then is the server's to say.
#[test]
fn another_language_is_the_callers_choice() {
    let pages = "text/html en 900 | text/html de | text/plain en";
    for (lines, want) in [
        ("Accept-Language: fr", "text/html de"),
        ("Accept-Language: fr, de;q=0", "text/plain en"),
        ("Accept-Language: fr, de;q=0 | Accept: text/html", "text/html en 900"),
        ("Accept-Language: fr | Accept: image/png", ""),
        ("Accept-Language: *;q=0", ""),
        ("Accept-Language: en-GB", "text/plain en"),
    ] {
        assert_eq!(chosen(lines, pages, BetterThanNothing), want, "{lines}");
    }
    assert_eq!(chosen("Accept-Language: fr", PAGE, BetterThanNothing), "application/json");
}

fn vary(lines: &str, offered: &str) -> String {
    let mut response = Fields::new();
    negotiated(lines, offered, Refused).depends_on.add_to_vary(&mut response);
    String::from_utf8(response.joined(Name::Vary).unwrap_or_default()).unwrap()
}

//= test RFC 9110 §12.5.5: the fields that had a part in the choice, also those that are absent.
#[test]
fn vary_names_the_fields_in_which_the_variants_differ() {
    for (offered, want) in [
        ("", ""),
        ("text/html de", ""),
        ("text/html de | TEXT/HTML DE", ""),
        ("text/html | application/json", "Accept"),
        ("text/html en | text/html de", "Accept-Language"),
        ("text/html | text/html de", "Accept-Language"),
        ("text/html | application/json | text/html de 0", "Accept"),
        ("a/b;charset=c | a/b;charset=C", ""),
        ("a/b;charset=c | a/b", "Accept, Accept-Charset"),
        (PAGE, "Accept, Accept-Language"),
    ] {
        for lines in ["", "Accept: */*", "Accept-Language: de, *;q=0.1"] {
            assert_eq!(vary(lines, offered), want, "{offered}");
        }
    }
    // A 406 depends on whatever refused.
    assert_eq!(vary("Accept: image/png", "text/html de"), "Accept");
    assert_eq!(vary("Accept-Language: fr", "text/html de"), "Accept-Language");
    assert_eq!(vary("Accept-Language: fr", "text/html de | a/b de"), "Accept, Accept-Language");
    assert_eq!(vary("Accept-Charset: b", "a/b;charset=c"), "Accept-Charset");
}

//= test RFC 9110 §15.5.7: a 406 lists what there is.
#[test]
fn a_refusal_says_what_there_is_and_who_refused_it() {
    let lines = "Accept: text/html | Accept-Language: fr | Accept-Charset: b";
    let offered = "text/html de | text/plain 0 | text/plain fr | text/html;charset=a";
    let Decision::NotAcceptable(alternatives) = negotiated(lines, offered, Refused).decision else {
        panic!("nothing here is acceptable")
    };
    let all: Vec<_> = alternatives.iter().map(|a| (a.index, a.refused_by.names())).collect();
    let all: Vec<_> = all.into_iter().map(|(index, names)| (index, names.collect())).collect();
    let want: [(usize, Vec<Name>); 3] =
        [(0, vec![Name::AcceptLanguage]), (2, vec![Name::Accept]), (3, vec![Name::AcceptCharset])];
    assert_eq!(all, want);
}

//= test RFC 9110 §8.3: the response says what was chosen, with its parameters; and §8.5: the
//= language.
#[test]
fn the_response_says_what_was_chosen() {
    let mut response = fields("Content-Type: text/plain | Server: x");
    variant("Text/HTML;Level=1 de-CH").describe(&mut response);
    assert_eq!(
        response,
        fields("Server: x | Content-Type: text/html; level=1 | Content-Language: de-CH")
    );
    let mut response = Fields::new();
    variant("image/png").describe(&mut response);
    assert_eq!(response, fields("Content-Type: image/png"));
}

#[test]
fn the_film_says_why() {
    let pages = "text/html en | text/html;level=1 de | application/json 0 | text/html en-US | \
                 text/html en | text/html;charset=a en | text/plain en 500 | a/b en | text/css fr";
    let mut films = String::new();
    for (lines, offered) in [
        (
            "Accept: text/*, text/html | Accept-Language: en-US, en, de;q=0.2 | Accept-Charset: b",
            pages,
        ),
        ("Accept: */*, text/*", "text/html | image/png"),
        ("", "text/html | image/png"),
        ("Accept-Language: de-CH", "text/html en | text/html de"),
        ("Accept-Language: fr", "text/html en | text/html de"),
        ("Accept: image/png, text | Accept-Language: fr;q=0", "a/b fr | image/png fr | a/b 0"),
    ] {
        films.push_str(&film(|cx| {
            choose(cx, &fields(lines), &variants(offered), BetterThanNothing).depends_on
        }));
    }
    expect![[r#"
        PassedOver variant=0 because=LanguageLessNear
        PassedOver variant=1 because=LessPreferred
        PassedOver variant=2 because=NotOffered
        PassedOver variant=4 because=LanguageLessNear
        PassedOver variant=5 because=CharsetRefused
        PassedOver variant=6 because=LessPreferred
        PassedOver variant=7 because=MediaTypeRefused
        PassedOver variant=8 because=LanguageRefused
        Chosen variant=3 of=9 because=MostPreferred
        => Selecting { accept: true, accept_charset: true, accept_language: true }
        PassedOver variant=1 because=LessSpecific
        Chosen variant=0 of=2 because=MostPreferred
        => Selecting { accept: true, accept_charset: false, accept_language: false }
        PassedOver variant=1 because=ComesLater
        Chosen variant=0 of=2 because=MostPreferred
        => Selecting { accept: true, accept_charset: false, accept_language: false }
        PassedOver variant=0 because=LanguageRefused
        Chosen variant=1 of=2 because=LanguageLookedUp
        => Selecting { accept: false, accept_charset: false, accept_language: true }
        PassedOver variant=1 because=ComesLater
        Chosen variant=0 of=2 because=LanguageDisregarded
        => Selecting { accept: false, accept_charset: false, accept_language: true }
        Ignored field=Accept because=MemberMalformed
        PassedOver variant=0 because=LanguageRefused
        PassedOver variant=1 because=LanguageRefused
        PassedOver variant=2 because=NotOffered
        Decided what="not acceptable" because=NothingAcceptable
        => Selecting { accept: true, accept_charset: false, accept_language: true }
    "#]]
    .assert_eq(&films);
}

/// Members of Accept, of Accept-Language and of Accept-Charset, with weights.
fn members(names: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    let member = (proptest::sample::select(names), proptest::sample::select(&[0, 1, 5, 9, 10][..]))
        .prop_map(|(name, tenths)| format!("{name};q={}.{}", tenths / 10, tenths % 10));
    proptest::collection::vec(member, 0..5)
}

const TYPES: &[&str] = &["*/*", "text/*", "text/html", "text/html;level=1", "a/b", "a/b;charset=c"];
const LANGUAGES: &[&str] = &["*", "de", "de-CH", "en", "en-GB", "fr-x-y"];
const CHARSETS: &[&str] = &["*", "c", "C", "d"];
const OFFERED: &[&str] = &[
    "text/html",
    "text/html de",
    "text/html;level=1 en",
    "text/css fr 500",
    "a/b;charset=c",
    "a/b;charset=d de",
    "a/b 0",
    "image/png",
    "text/html;level=1 de-CH 900",
    "a/b en-GB 1",
];

fn request(lists: [&[String]; 3]) -> Fields {
    let names = [Name::Accept, Name::AcceptLanguage, Name::AcceptCharset];
    let said = names.into_iter().zip(lists).filter(|(_, list)| !list.is_empty());
    said.map(|(name, list)| (name, list.join(","))).collect()
}

/// What is said of one variant, whatever the others are.
#[derive(Debug)]
struct Said {
    /// Its quality by filtering.
    quality: u64,
    /// Whether a range of Accept-Language takes it, and nothing refuses it.
    is_wanted: bool,
    /// Whether nothing refuses it but perhaps that its language is not named.
    is_possible: bool,
}

fn said(request: &Fields, variant: &Variant<'_>) -> Said {
    with_cx(|cx| {
        let media = Accept::read(cx, request).liking(&variant.media).quality;
        let charset = variant.media.parameter("charset");
        let charset = charset.map_or(1000, |c| AcceptCharset::read(cx, request).quality(&c));
        let languages = AcceptLanguage::read(cx, request);
        let of = |scheme| variant.language.map_or(1000, |tag| languages.fit(scheme, tag).quality);
        let rest = u64::from(media) * u64::from(charset) * u64::from(variant.quality);
        let is_wanted = variant.language.is_some_and(|tag| languages.wants(Scheme::Filtering, tag));
        Said {
            quality: rest * u64::from(of(Scheme::Filtering)),
            is_wanted: is_wanted && rest > 0,
            is_possible: rest > 0 && of(Scheme::Any) > 0,
        }
    })
}

proptest! {
    #[test]
    fn what_is_chosen_is_acceptable_and_none_is_better(
        accept in members(TYPES),
        languages in members(LANGUAGES),
        charsets in members(CHARSETS),
        offered in proptest::sample::subsequence(OFFERED, 0..6),
        may_disregard in any::<bool>(),
    ) {
        let offered: Vec<_> = offered.into_iter().map(variant).collect();
        let others = if may_disregard { BetterThanNothing } else { Refused };
        let request = request([&accept, &languages, &charsets]);
        let all: Vec<_> = offered.iter().map(|variant| said(&request, variant)).collect();
        let has_language = |index: usize| offered[index].language.is_some();
        match with_cx(|cx| choose(cx, &request, &offered, others)).decision {
            Decision::Chosen(index) => {
                prop_assert!(all[index].is_possible, "{index}: {all:?}");
                // Lookup has a say only where filtering finds nothing.
                if all.iter().any(|said| said.is_wanted) && has_language(index) {
                    let tagged = (0..all.len()).filter(|index| has_language(*index));
                    let best = tagged.map(|index| all[index].quality).max();
                    prop_assert_eq!(Some(all[index].quality), best, "{}: {:?}", index, all);
                }
            }
            Decision::NotAcceptable(alternatives) => {
                prop_assert!(all.iter().all(|said| said.quality == 0));
                prop_assert!(!may_disregard || all.iter().all(|said| !said.is_possible));
                prop_assert!(alternatives.iter().all(|a| a.index < offered.len()));
                prop_assert!(alternatives.iter().all(|a| a.refused_by.names().count() > 0));
            }
        }
    }

    #[test]
    fn the_order_of_types_and_charsets_means_nothing(
        (accept, turned) in members(TYPES).prop_flat_map(|list| {
            (Just(list.clone()), Just(list).prop_shuffle())
        }),
        languages in members(LANGUAGES),
        charsets in members(CHARSETS),
        offered in proptest::sample::subsequence(OFFERED, 0..6),
    ) {
        let offered: Vec<_> = offered.into_iter().map(variant).collect();
        let backwards: Vec<_> = charsets.iter().rev().cloned().collect();
        let of = |request: Fields| with_cx(|cx| choose(cx, &request, &offered, Refused));
        let one = of(request([&accept, &languages, &charsets]));
        prop_assert_eq!(one, of(request([&turned, &languages, &backwards])));
    }

    #[test]
    fn the_order_of_variants_decides_only_between_equals(
        accept in members(TYPES),
        languages in members(LANGUAGES),
        offered in proptest::sample::subsequence(OFFERED, 1..6).prop_shuffle(),
    ) {
        let request = request([&accept, &languages, &[]]);
        let forwards: Vec<_> = offered.iter().map(|text| variant(text)).collect();
        let backwards: Vec<_> = forwards.iter().rev().cloned().collect();
        let of = |offered: &[Variant<'_>]| with_cx(|cx| choose(cx, &request, offered, Refused));
        let (one, other) = (of(&forwards), of(&backwards));
        prop_assert_eq!(one.depends_on, other.depends_on);
        match (one.decision, other.decision) {
            (Decision::Chosen(one), Decision::Chosen(other)) => {
                let other = offered.len() - 1 - other;
                prop_assert!(one <= other, "the first of equals");
                if one != other {
                    let of = |index: usize| said(&request, &forwards[index]).quality;
                    prop_assert!(of(one) == of(other) || forwards[one].language.is_none()
                        || forwards[other].language.is_none());
                }
            }
            (Decision::NotAcceptable(one), Decision::NotAcceptable(other)) => {
                prop_assert_eq!(one.len(), other.len());
            }
            differ => prop_assert!(false, "{differ:?}"),
        }
    }

    #[test]
    fn strangers_cannot_make_it_panic(
        values in proptest::array::uniform3(proptest::collection::vec(prop_oneof![any::<u8>(),
            proptest::sample::select(&b"*/-;q=0.,\" aA"[..])], 0..40)),
        offered in proptest::sample::subsequence(OFFERED, 0..6),
    ) {
        let names = [Name::Accept, Name::AcceptLanguage, Name::AcceptCharset];
        let request: Fields = names.into_iter().zip(values).collect();
        let offered: Vec<_> = offered.into_iter().map(variant).collect();
        for others in [Refused, BetterThanNothing] {
            if let Decision::Chosen(index) = with_cx(|cx| choose(cx, &request, &offered, others)).decision {
                prop_assert!(said(&request, &offered[index]).is_possible);
            }
        }
    }
}
