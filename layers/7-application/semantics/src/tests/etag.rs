use message::{Fields, Name};
use proptest::prelude::*;

use super::fields;
use crate::etag::{self, EntityTag};

fn written(tag: EntityTag<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    tag.emit(&mut out);
    out
}

fn made(is_weak: bool, opaque: &[u8]) -> EntityTag<'_> {
    if is_weak { EntityTag::weak(opaque) } else { EntityTag::strong(opaque) }.unwrap()
}

fn tag(value: &str) -> EntityTag<'_> {
    EntityTag::parse(value.as_bytes()).unwrap()
}

/// What a list says: each tag as it is written, `!` where there is none.
fn read(lines: &str) -> Vec<String> {
    let fields = fields(lines);
    etag::listed(&fields, Name::IfMatch)
        .map(|tag| tag.map_or_else(|_| "!".to_owned(), |tag| format!("{tag:?}")))
        .collect()
}

//= test RFC 9110 §8.8.3: a tag is quoted, may be weak, and holds visible bytes but no quote.
#[test]
fn a_tag_is_read_strictly() {
    for good in ["\"\"", "\"xyzzy\"", "W/\"xyzzy\"", "W/\"\"", "\"a,b\"", "\"a\\\"", "\"!#~\""] {
        assert_eq!(written(tag(good)), good.as_bytes());
    }
    assert_eq!(EntityTag::parse(b"\"\x80\xff\"").unwrap().opaque(), b"\x80\xff");
    for bad in [
        "",
        "\"",
        "xyzzy",
        "w/\"xyzzy\"",
        "W\"xyzzy\"",
        "W/xyzzy",
        "W/ \"x\"",
        "\"a b\"",
        "\"a\"b\"",
        "\"a",
        "a\"",
        " \"a\"",
        "\"a\" ",
        "\"a\",",
        "\"\x7f\"",
        "\"\t\"",
        "*",
        "'a'",
    ] {
        assert!(EntityTag::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn a_tag_that_could_not_be_read_back_is_not_made() {
    for bad in [&b"a\"b"[..], b"a b", b"\r\n", b"\x7f", b"\0"] {
        assert!(EntityTag::strong(bad).is_err() && EntityTag::weak(bad).is_err());
    }
}

//= test RFC 9110 §8.8.3.2: the table of comparisons.
#[test]
fn comparisons() {
    for (a, b, strongly, weakly) in [
        ("W/\"1\"", "W/\"1\"", false, true),
        ("W/\"1\"", "W/\"2\"", false, false),
        ("W/\"1\"", "\"1\"", false, true),
        ("\"1\"", "\"1\"", true, true),
        ("\"1\"", "\"2\"", false, false),
        ("\"a\"", "\"A\"", false, false),
    ] {
        for (a, b) in [(tag(a), tag(b)), (tag(b), tag(a))] {
            assert_eq!((a.matches_strongly(b), a.matches_weakly(b)), (strongly, weakly));
        }
    }
}

//= test RFC 9110 §13.1.1: a list of tags, over several lines.
//= test RFC 9110 §5.6.1.2: empty elements are passed over.
//= test RFC 9110 §8.8.3: a comma or a backslash between the quotes is a character like others.
#[test]
fn lists() {
    for (lines, want) in [
        ("If-Match: \"a\"", &["\"a\""][..]),
        ("If-Match: \"a\", W/\"b\",\"c\"", &["\"a\"", "W/\"b\"", "\"c\""]),
        ("If-Match: \"a\" \t,  \"b\"", &["\"a\"", "\"b\""]),
        ("If-Match: \"a\" | If-Match: \"b\"", &["\"a\"", "\"b\""]),
        ("If-Match: ,, \"a\" ,,", &["\"a\""]),
        ("If-Match:", &[]),
        ("If-Match: ,", &[]),
        ("If-Match: \"a,b\", \",\"", &["\"a,b\"", "\",\""]),
        ("If-Match: \"a\\\", \"b\"", &["\"a\\\\\"", "\"b\""]),
        ("If-Match: a, \"b\"", &["!", "\"b\""]),
        ("If-Match: \"a\" \"b\", \"c\"", &["!", "\"c\""]),
        ("If-Match: \"a\"\"b\"", &["!"]),
        ("If-Match: \"a", &["!"]),
        ("If-Match: w/\"a\", \"b\"", &["!", "\"b\""]),
        ("If-Match: *, \"b\"", &["!", "\"b\""]),
        ("If-Match: \"a\" | If-Match: *", &["\"a\"", "!"]),
    ] {
        assert_eq!(read(lines), want, "{lines}");
    }
}

//= test RFC 9110 §13.1.1: a star among other elements is not valid.
#[test]
fn a_star_stands_alone() {
    for (lines, want) in [
        ("If-Match: *", true),
        ("If-Match:  *\t", true),
        ("If-Match: *, *", false),
        ("If-Match: *,", false),
        ("If-Match: * | If-Match: *", false),
        ("If-Match: \"*\"", false),
        ("If-Match: **", false),
        ("If-None-Match: *", false),
        ("", false),
    ] {
        assert_eq!(etag::is_any(&fields(lines), Name::IfMatch), want, "{lines}");
    }
}

/// What may stand between the quotes, written apart from the code.
fn opaque() -> impl Strategy<Value = Vec<u8>> {
    let allowed: Vec<u8> = (0x21..=0xff).filter(|b| *b != b'"' && *b != 0x7f).collect();
    proptest::collection::vec(proptest::sample::select(allowed), 0..12)
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(is_weak: bool, opaque in opaque()) {
        let tag = made(is_weak, &opaque);
        let written = written(tag);
        prop_assert_eq!(EntityTag::parse(&written), Ok(tag));
    }

    #[test]
    fn what_is_read_is_written_the_same(bytes in "(W/)?\"[ -~]{0,5}\"?.?") {
        if let Ok(tag) = EntityTag::parse(bytes.as_bytes()) {
            prop_assert_eq!(written(tag), bytes.as_bytes());
        }
    }

    #[test]
    fn lists_are_read_back_however_they_are_spaced(
        tags in proptest::collection::vec(
            (any::<bool>(), opaque(), "[ \t]{0,2}", "[ \t]{0,2}(, ?)?", any::<bool>()), 0..8),
    ) {
        let (mut lines, mut line) = (Fields::new(), Vec::new());
        for (is_weak, opaque, before, after, ends_line) in &tags {
            line.extend_from_slice(before.as_bytes());
            made(*is_weak, opaque).emit(&mut line);
            line.extend_from_slice(after.as_bytes());
            if *ends_line {
                lines.push(Name::IfMatch, std::mem::take(&mut line));
            } else {
                line.push(b',');
            }
        }
        lines.push(Name::IfMatch, &line);
        let want: Vec<_> =
            tags.iter().map(|(w, o, ..)| Ok(made(*w, o))).collect();
        prop_assert_eq!(etag::listed(&lines, Name::IfMatch).collect::<Vec<_>>(), want);
    }
}
