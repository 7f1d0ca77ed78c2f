use expect_test::expect;
use message::{Fields, Name};
use proptest::prelude::*;
use serde_json::Value;

use super::{fields, film, vectors, with_cx};
use crate::encoding::choose;
use coding::Coding::{self, Brotli, Gzip, Identity, Zstd};

const ALL: &[Coding] = &[Brotli, Zstd, Gzip, Identity];

#[track_caller]
fn check(accept: &str, offered: &[Coding], want: Option<Coding>) {
    let chosen = with_cx(|cx| choose(cx, &fields(accept), offered));
    assert_eq!(chosen, want, "{accept:?} of {offered:?}");
}

#[track_caller]
fn check_all(accept: &str, want: Option<Coding>) {
    check(&format!("Accept-Encoding: {accept}"), ALL, want);
}

//= test RFC 9110 §12.5.3: without the field every coding is acceptable; we send the plainest.
#[test]
fn who_says_nothing_gets_identity() {
    check("", ALL, Some(Identity));
    check("", &[Gzip, Brotli], Some(Gzip));
    check("", &[], None);
}

//= test RFC 9110 §12.5.3: an empty field asks for no coding.
#[test]
fn an_empty_field_asks_for_identity() {
    check_all("", Some(Identity));
    check_all(" , ,", Some(Identity));
    check("Accept-Encoding:", &[Gzip], None);
}

//= test RFC 9110 §12.5.3: the highest weight is preferred.
#[test]
fn the_weightiest_wins() {
    check_all("gzip", Some(Gzip));
    check_all("gzip;q=0.5, br;q=0.4", Some(Gzip));
    check_all("gzip;q=0.001, br;q=0.002, zstd;q=0.003", Some(Zstd));
    check_all("gzip; q=0.8 , br ;q=0.9", Some(Brotli));
    check_all("GZIP;Q=1.000, bR;q=0.999", Some(Gzip));
    check_all("identity, gzip;q=0.9", Some(Identity));
}

#[test]
fn what_is_liked_as_well_is_ours_to_choose_but_identity_comes_last() {
    check_all("gzip, deflate, br, zstd", Some(Brotli));
    check("Accept-Encoding: gzip, br, zstd", &[Identity, Zstd, Gzip, Brotli], Some(Zstd));
    check("Accept-Encoding: gzip, identity", &[Identity, Gzip], Some(Gzip));
    check("Accept-Encoding: gzip;q=0.5, identity;q=0.5", &[Gzip, Identity], Some(Gzip));
    check("Accept-Encoding: gzip;q=0.001", &[Identity, Gzip], Some(Gzip));
}

//= test RFC 9110 §12.5.3: the star stands for every coding that is not named.
#[test]
fn a_star_stands_for_the_rest() {
    check_all("*", Some(Brotli));
    check_all("*, br;q=0", Some(Zstd));
    check_all("*;q=0.5, gzip", Some(Gzip));
    check_all("gzip;q=0.3, *;q=0.5", Some(Brotli));
    check_all("gzip;q=0.3, identity;q=0.4, *;q=0", Some(Identity));
    check("Accept-Encoding: *", &[Identity], Some(Identity));
}

//= test RFC 9110 §12.5.3: identity is acceptable unless its name, or the star without its name,
//= has a weight of 0.
#[test]
fn identity_can_be_excluded() {
    check_all("identity;q=0", None);
    check_all("*;q=0", None);
    check_all("*;q=0.000, identity;q=0.001", Some(Identity));
    check_all("*;q=0, identity", Some(Identity));
    check_all("identity;q=0, *", Some(Brotli));
    check_all("identity;q=0, gzip;q=0.1", Some(Gzip));
    check_all("*;q=0, gzip", Some(Gzip));
    check("Accept-Encoding: *;q=0, gzip", &[Brotli, Identity], None);
    check_all("deflate", Some(Identity));
    check_all("deflate, compress;q=0", Some(Identity));
}

//= test RFC 9110 §8.4.1.3: x-gzip is gzip.
#[test]
fn the_name_of_old() {
    check_all("x-gzip", Some(Gzip));
    check_all("X-GZip;q=0.5", Some(Gzip));
    check_all("gzip;q=0, x-gzip", Some(Gzip));
}

#[test]
fn what_browsers_send_means_what_it_says() {
    for line in ["gzip, deflate, br, zstd", "gzip, deflate, br", "gzip, deflate"] {
        for offered in [ALL, &[Zstd, Gzip], &[Brotli, Identity], &[Zstd], &[Brotli], &[Gzip], &[]] {
            let of = |line: &str| {
                let fields = fields(&format!("Accept-Encoding: {line}"));
                with_cx(|cx| choose(cx, &fields, offered))
            };
            assert_eq!(of(line), of(&format!(",{line}")), "{line} of {offered:?}");
        }
    }
}

#[test]
fn several_lines_are_one_list() {
    check("Accept-Encoding: gzip;q=0.1 | Accept-Encoding: br;q=0.2", ALL, Some(Brotli));
}

#[test]
fn what_cannot_be_read_says_nothing() {
    for bad in [
        "br;q=",
        "br;q=2",
        "br;q=1.001",
        "br;q=0.1234",
        "br;q=.5",
        "br;q=-1",
        "br;q = 1",
        "br;",
        "br;level=9",
        "br;q=1;q=1",
        "b r",
        "br br",
        "br q=1",
        ";q=1",
        "\"br\"",
        "*br",
        "br;q=\"1\"",
    ] {
        check_all(bad, Some(Identity));
        check_all(&format!("{bad}, gzip;q=0.1"), Some(Gzip));
    }
}

#[test]
fn the_film_says_why() {
    let mut films = String::new();
    for lines in ["", "Accept-Encoding: gzip, br;level=9, ;q=1", "Accept-Encoding: *;q=0"] {
        films.push_str(&film(|cx| choose(cx, &fields(lines), ALL)));
    }
    expect![[r#"
        => Some(Identity)
        Ignored field=Accept-Encoding because=CodingMalformed
        Ignored field=Accept-Encoding because=CodingMalformed
        Decided what="gzip" because=MostPreferred
        => Some(Gzip)
        Decided what="not acceptable" because=NothingAcceptable
        => None
    "#]]
    .assert_eq(&films);
}

/// Recorded answers of a negotiator that other servers use. Two of its codings are ours by other
/// names here, for it knows no zstd.
#[test]
fn agrees_with_a_negotiator_that_others_use() {
    let Some(Value::Array(cases)) = vectors("negotiator.json") else { return };
    let mut checked = 0;
    for case in cases {
        let method = case["method"].as_str().unwrap();
        // Without an offer it lists what the client likes, which we never ask.
        let Some(offered) = case["args"].get(0).filter(|_| method.starts_with("encoding")) else {
            continue;
        };
        let accept = case["headers"].get("accept-encoding").map(|a| ours(a.as_str().unwrap()));
        let preferred = names(&case["args"][1]["preferred"]);
        let mut offered = names(offered);
        offered.sort_by_key(|name| !preferred.contains(name));
        let theirs = match &case["result"] {
            list if list.is_array() => names(list).first().cloned(),
            one => one.as_str().map(ours),
        };
        if exception(accept.as_deref(), &offered) {
            continue;
        }
        let mut fields = Fields::new();
        if let Some(accept) = &accept {
            fields.push(Name::AcceptEncoding, accept);
        }
        let coding = |name: &String| Coding::from_bytes(name.as_bytes()).unwrap();
        let codings: Vec<_> = offered.iter().map(coding).collect();
        let chosen = with_cx(|cx| choose(cx, &fields, &codings));
        assert_eq!(chosen, theirs.as_ref().map(coding), "{case}");
        checked += 1;
    }
    assert!(checked > 80, "only {checked}");
}

fn exception(accept: Option<&str>, offered: &[String]) -> bool {
    match accept {
        //= exception: RFC 9110 §12.5.3: without the field every coding is acceptable; theirs is
        //= identity alone.
        None => offered == ["gzip"],
        //= exception: RFC 9110 §12.5.3: weights alone order the codings; theirs prefers those that
        //= are named to those that the star stands for, and then the order of the client's list.
        Some("*, gzip") => offered == ["zstd", "gzip"],
        Some("gzip, br") => offered == ["br", "gzip"],
        _ => false,
    }
}

fn names(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|name| ours(name.as_str().unwrap())).collect()
}

fn ours(text: &str) -> String {
    text.replace("deflate", "br").replace("compress", "zstd")
}

/// RFC 9110 §12.5.3 as it stands there, rule by rule, for elements that are all valid.
fn oracle(said: Option<&[(&str, u16)]>, coding: Coding) -> Option<u16> {
    let Some(said) = said else { return Some(u16::from(coding == Identity)) };
    let of = |name: &str| said.iter().filter(|(n, _)| *n == name).map(|(_, q)| *q).max();
    if let Some(weight) = of(coding.as_str()).or_else(|| of("*")) {
        return if weight == 0 { None } else { Some(weight) };
    }
    (coding == Identity).then_some(0)
}

proptest! {
    #[test]
    fn agrees_with_the_rules_as_they_stand(
        said in proptest::option::of(proptest::collection::vec(
            (
                proptest::sample::select(&["gzip", "br", "zstd", "identity", "*", "other"][..]),
                proptest::sample::select(&[0_u16, 1, 300, 500, 1000][..]),
            ), 0..6)),
        offered in proptest::sample::subsequence(ALL, 0..=4),
    ) {
        let mut fields = Fields::new();
        if let Some(said) = &said {
            let element = |(name, q): &(&str, u16)| format!("{name};q={}.{:03}", q / 1000, q % 1000);
            let list: Vec<_> = said.iter().map(element).collect();
            fields.push(Name::AcceptEncoding, list.join(","));
        }
        let chosen = with_cx(|cx| choose(cx, &fields, &offered));
        let of = |coding: Coding| oracle(said.as_deref(), coding);
        match chosen {
            None => prop_assert!(offered.iter().all(|coding| of(*coding).is_none())),
            Some(chosen) => {
                prop_assert!(offered.contains(&chosen) && of(chosen).is_some());
                for &other in &offered {
                    prop_assert!(of(other) <= of(chosen));
                    prop_assert!(chosen != Identity || other == Identity
                        || of(other) < of(Identity));
                }
            }
        }
    }

    #[test]
    fn strangers_cannot_make_it_panic(value in "[ -~]{0,40}", lines in 1..4_usize) {
        let fields: Fields = (0..lines).map(|_| (Name::AcceptEncoding, value.clone())).collect();
        with_cx(|cx| choose(cx, &fields, ALL));
    }
}
