use expect_test::expect;
use message::media::{MediaType, Specificity};
use message::{Fields, Name};

use super::{fields, film, with_cx};
use crate::charset::AcceptCharset;
use crate::media::{Accept, Liking};
use crate::preference::MEMBERS_MAX;

fn liking(lines: &Fields, media: &str) -> Liking {
    let media = MediaType::parse(media.as_bytes()).unwrap();
    with_cx(|cx| Accept::read(cx, lines).liking(&media))
}

#[track_caller]
fn check(accept: &str, wants: &[(&str, u16)]) {
    for (media, want) in wants {
        let quality = liking(&fields(accept), media).quality;
        assert_eq!(quality, *want, "{accept:?} for {media}");
    }
}

//= test RFC 9110 §12.5.1: the most specific range that matches gives a type its quality.
#[test]
fn the_closest_range_has_the_say() {
    let accept = "Accept: text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, \
                  text/plain;format=fixed;q=0.4, */*;q=0.5";
    check(
        accept,
        &[
            ("text/plain;format=flowed", 1000),
            ("text/plain", 700),
            ("text/html", 300),
            ("image/jpeg", 500),
            ("text/plain;format=fixed", 400),
            ("text/plain;format=other", 700),
            ("TEXT/Plain;Format=\"flowed\"", 1000),
        ],
    );
    check("Accept: a/b;x=1;q=0.1, a/b;y=2;x=1;q=0.2", &[("a/b;x=1;y=2;z=3", 200)]);
}

#[test]
fn how_closely_it_was_described() {
    let lines = fields("Accept: */*;q=0.1, text/*;q=0.2, text/html, text/html;level=1");
    for (media, want) in [
        ("image/png", Specificity::Anything),
        ("text/css", Specificity::TopLevel),
        ("text/html", Specificity::Exact(0)),
        ("text/html;level=1;other=2", Specificity::Exact(1)),
    ] {
        assert_eq!(liking(&lines, media).specificity, want, "{media}");
    }
    assert_eq!(liking(&fields(""), "text/html").specificity, Specificity::Anything);
}

//= test RFC 9110 §12.4.3: without a star, what is not listed is not acceptable.
//= test RFC 9110 §12.4.2: nor is what has a weight of 0.
#[test]
fn what_is_not_acceptable() {
    check("Accept: text/html", &[("text/plain", 0), ("image/html", 0)]);
    check("Accept: text/*, text/plain;q=0", &[("text/plain", 0), ("text/html", 1000)]);
    check("Accept: */*;q=0, image/*", &[("text/plain", 0), ("image/gif", 1000)]);
    check("Accept: text/html;level=1", &[("text/html", 0), ("text/html;level=2", 0)]);
}

//= test RFC 9110 §12.4.1: without the field every type is acceptable.
#[test]
fn a_field_that_says_nothing_excludes_nothing() {
    for accept in ["", "Accept:", "Accept: , ,", "Accept: text", "Accept: \"", "Accept: */html"] {
        check(accept, &[("text/html", 1000), ("image/png", 1000)]);
    }
}

#[test]
fn what_cannot_be_read_may_have_allowed_anything() {
    let java = "Accept: text/html, image/gif;q=0, *; q=.2, */*; q=.2";
    check(java, &[("text/html", 1000), ("image/gif", 0), ("text/plain", 1)]);
    check("Accept: text/html;q=2, text/css;q=0.5", &[("text/html", 1), ("text/css", 500)]);
}

//= test RFC 9110 §5.3: several lines are one list.
#[test]
fn said_twice_the_more_willing_counts() {
    check("Accept: a/b;q=0.9, a/c, a/b;q=0.7", &[("a/b", 900)]);
    check("Accept: a/b;q=0 | Accept: a/b;q=0.7", &[("a/b", 700)]);
    check("Accept: a/b;x=1;q=0.7, a/b;y=1;q=0.3", &[("a/b;x=1;y=1", 700)]);
}

/// A list of so many types; the last is `a/last`.
fn long(count: usize) -> Fields {
    let mut fields = Fields::new();
    fields.push(Name::Accept, "a/b,".repeat(count - 1) + ",, a/last;q=0.5");
    fields
}

#[test]
fn so_many_members_are_looked_at() {
    assert_eq!(liking(&long(MEMBERS_MAX), "a/last").quality, 500);
    assert_eq!(liking(&long(MEMBERS_MAX), "a/other").quality, 0);
    assert_eq!(liking(&long(MEMBERS_MAX + 1), "a/last").quality, 1);
    assert_eq!(liking(&long(MEMBERS_MAX + 1), "a/other").quality, 1);
    assert_eq!(liking(&long(MEMBERS_MAX + 1), "a/b").quality, 1000);
}

#[test]
fn the_film_says_what_was_not_read() {
    let text = |lines: &Fields| film(|cx| drop(Accept::read(cx, lines)));
    let films = text(&fields("Accept: text/html, *, text/css;level"))
        + &text(&fields("Accept: text"))
        + &text(&fields("Accept:"))
        + &text(&fields(""))
        + &text(&long(MEMBERS_MAX + 2));
    expect![[r"
        Ignored field=Accept because=MemberMalformed
        Ignored field=Accept because=MemberMalformed
        => ()
        Ignored field=Accept because=MemberMalformed
        Ignored field=Accept because=NothingListed
        => ()
        Ignored field=Accept because=NothingListed
        => ()
        => ()
        Ignored field=Accept because=TooManyMembers
        => ()
    "]]
    .assert_eq(&films);
}

//= test RFC 9110 §12.5.2: names in any case; a star for those that are not named.
#[test]
fn charsets() {
    for (accept, charset, want) in [
        ("", "utf-8", 1000),
        ("Accept-Charset:", "utf-8", 1000),
        ("Accept-Charset: iso-8859-5, unicode-1-1;q=0.8", "ISO-8859-5", 1000),
        ("Accept-Charset: iso-8859-5, unicode-1-1;q=0.8", "Unicode-1-1", 800),
        ("Accept-Charset: iso-8859-5, unicode-1-1;q=0.8", "utf-8", 0),
        ("Accept-Charset: utf-8;q=0, *;q=0.2", "utf-8", 0),
        ("Accept-Charset: utf-8;q=0, *;q=0.2", "koi8-r", 200),
        ("Accept-Charset: utf-8;q=0, utf-8;q=0.1", "utf-8", 100),
        ("Accept-Charset: utf-8;level=1, koi8-r", "utf-8", 1),
        ("Accept-Charset: utf 8", "utf-8", 1000),
    ] {
        let lines = fields(accept);
        let quality = with_cx(|cx| AcceptCharset::read(cx, &lines).quality(charset.as_bytes()));
        assert_eq!(quality, want, "{accept:?} for {charset}");
    }
}
