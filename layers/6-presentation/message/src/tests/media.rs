use proptest::prelude::*;

use super::vectors;
use crate::media::{MediaRange, MediaType, Specificity};

fn emitted(value: &str) -> Option<String> {
    let media = MediaType::parse(value.as_bytes()).ok()?;
    Some(media.to_string())
}

//= test RFC 9110 §8.3.1: type, subtype and the names of parameters are case-insensitive.
#[test]
fn media_types() {
    for (value, want) in [
        ("text/html", Some("text/html")),
        ("Text/HTML;Charset=\"utf-8\"", Some("text/html; charset=utf-8")),
        ("text/html; charset=\"utf-8\"", Some("text/html; charset=utf-8")),
        ("text/html ;charset=UTF-8;;", Some("text/html; charset=UTF-8")),
        ("multipart/byteranges; boundary=\"a b\"", Some("multipart/byteranges; boundary=\"a b\"")),
        ("application/atom+xml", Some("application/atom+xml")),
        ("a/b; c=\"\"", Some("a/b; c=\"\"")),
        (" text/html ", Some("text/html")),
        ("", None),
        ("text", None),
        ("text/", None),
        ("/html", None),
        ("text/html/x", None),
        ("text /html", None),
        ("text/ html", None),
        ("text/html charset=utf-8", None),
        ("text/html; charset = utf-8", None),
        ("text/html; charset", None),
        ("text/html, text/plain", None),
        ("tëxt/html", None),
    ] {
        assert_eq!(emitted(value).as_deref(), want, "{value:?}");
    }
}

#[test]
fn parts_of_a_media_type() {
    let media = MediaType::parse(b"Application/Atom+XML;Type=entry; type=feed").unwrap();
    assert_eq!(media.essence(), "Application/Atom+XML");
    assert!(media.is("application/atom+xml"));
    assert!(!media.is("application/xml"));
    assert_eq!((media.top_level(), media.subtype()), ("Application", "Atom+XML"));
    assert_eq!(media.suffix(), Some("XML"));
    assert_eq!(media.parameter("TYPE").unwrap(), &b"entry"[..]);
    assert_eq!(media.parameter("charset"), None);
}

#[test]
fn equal_media_types() {
    let same = |a: &str, b: &str| {
        MediaType::parse(a.as_bytes()).unwrap() == MediaType::parse(b.as_bytes()).unwrap()
    };
    //= test RFC 9110 §8.3.1: these four are the same.
    for other in
        ["Text/HTML;Charset=\"utf-8\"", "text/html; charset=\"utf-8\"", "text/html;charset=UTF-8"]
    {
        assert!(same("text/html;charset=utf-8", other), "{other}");
    }
    assert!(same("a/b;x=1;y=2", "a/b;Y=2;X=1"));
    assert!(!same("a/b;x=a", "a/b;x=A"));
    assert!(!same("a/b;x=a", "a/b"));
    assert!(!same("a/b", "a/b;x=a"));
    assert!(!same("a/b", "a/c"));
}

//= test RFC 9110 §12.5.1: the most specific range that matches is the one that counts.
#[test]
fn ranges_match_and_the_closest_counts() {
    let ranges = ["text/*;q=0.3", "text/plain;q=0.7", "text/plain;format=flowed", "*/*;q=0.5"]
        .map(|range| MediaRange::parse(range.as_bytes()).unwrap());
    let quality = |media: &str| {
        let media = MediaType::parse(media.as_bytes()).unwrap();
        let matching = ranges.iter().filter(|range| range.matches(&media));
        matching.max_by_key(|range| range.specificity()).unwrap().quality
    };
    assert_eq!(quality("text/plain;format=flowed"), 1000);
    assert_eq!(quality("text/plain"), 700);
    assert_eq!(quality("TEXT/Plain; format=fixed"), 700);
    assert_eq!(quality("text/html"), 300);
    assert_eq!(quality("image/jpeg"), 500);
    assert!(Specificity::Anything < Specificity::TopLevel);
    assert!(Specificity::TopLevel < Specificity::Exact(0));
}

#[test]
fn what_is_no_range() {
    for bad in ["*", "*/html", "text", "text/html;q=2", "text/html;q=", "text/html;q=.5", "/*"] {
        assert!(MediaRange::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    // The quality may stand before other parameters, and is none of them.
    let range = MediaRange::parse(b"text/html;Q=0.2;level=1").unwrap();
    assert_eq!((range.quality, range.specificity()), (200, Specificity::Exact(1)));
}

/// mimeparse mends what RFC 9110 §12.4.2 and §12.5.1 refuse: a quality that is none becomes 1, and
/// `*` alone becomes `*/*`. An element that is no range is no wish here.
const MENDED: [&str; 7] = [
    "application/xml;q=",
    "application/xml ;q=",
    "application/xml ;q=-1",
    "application/xml ; q=2;b=other",
    "application/xml ; q=foo",
    " *; q=.2",
    "application/xml;q=foo",
];

#[test]
fn vectors_of_mimeparse() {
    let Some(vectors) = vectors("mimeparse.json") else { return };
    for case in vectors["parse_media_range"].as_array().unwrap() {
        let text = case[0].as_str().unwrap();
        let range = MediaRange::parse(text.as_bytes());
        if MENDED.contains(&text) {
            assert!(range.is_err(), "{text:?}");
            continue;
        }
        let (range, want) = (range.unwrap(), &case[1]);
        let essence = format!("{}/{}", want[0].as_str().unwrap(), want[1].as_str().unwrap());
        assert_eq!(range.essence(), essence);
        for (name, value) in want[2].as_object().unwrap() {
            let value = value.as_str().unwrap();
            if name == "q" {
                let thousandths = value.parse::<f64>().unwrap() * 1000.0;
                assert_eq!(f64::from(range.quality), thousandths, "{text:?}");
            } else {
                let found = range.parameters().find(|p| p.is(name)).expect("a parameter");
                assert_eq!(found.value, value.as_bytes(), "{text:?}");
            }
        }
        assert_eq!(range.parameters().count() + 1, want[2].as_object().unwrap().len(), "{text:?}");
    }
    for case in vectors["parse_mime_type"].as_array().unwrap() {
        let text = case[0].as_str().unwrap();
        let media = MediaType::parse(text.as_bytes());
        let Some(want) = case[1].as_array() else {
            assert!(media.is_err(), "{text:?}");
            continue;
        };
        let media = media.unwrap();
        assert_eq!(want[0], media.top_level());
        assert_eq!(want[1], media.subtype());
        for (name, value) in want[2].as_object().unwrap() {
            assert_eq!(media.parameter(name).unwrap(), value.as_str().unwrap().as_bytes());
        }
    }
    for case in vectors["quality"].as_array().unwrap() {
        let media = MediaType::parse(case[0][0].as_str().unwrap().as_bytes()).unwrap();
        let accept = case[0][1].as_str().unwrap();
        let ranges = crate::list::elements(accept.as_bytes()).map(MediaRange::parse);
        let matching = ranges.flatten().filter(|range| range.matches(&media));
        let quality = matching.max_by_key(MediaRange::specificity).map_or(0, |range| range.quality);
        let want = case[1].as_f64().unwrap() * 1000.0;
        // Its `*/*; q=.2` is no range here, so nothing is left that matches.
        let want = if accept.contains("q=.2") { 0.0 } else { want };
        assert_eq!(f64::from(quality), want, "{accept} for {media}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        essence in "[A-Za-z.+-]{1,8}/[A-Za-z.+-]{1,8}",
        pairs in proptest::collection::vec(("[a-zA-Z]{1,4}", "[ -~]{0,6}"), 0..4)
    ) {
        let mut value = essence.into_bytes();
        for (name, text) in &pairs {
            crate::list::append_parameter(&mut value, name, text.as_bytes());
        }
        let media = MediaType::parse(&value).unwrap();
        let mut out = Vec::new();
        media.emit(&mut out);
        let again = MediaType::parse(&out).unwrap();
        prop_assert_eq!(&media, &again);
        let mut twice = Vec::new();
        again.emit(&mut twice);
        prop_assert_eq!(out, twice);
    }

    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = MediaType::parse(&bytes);
        let _ = MediaRange::parse(&bytes);
    }
}
