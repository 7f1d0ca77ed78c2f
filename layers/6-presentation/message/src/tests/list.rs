use std::borrow::Cow;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::list::{
    Parameter, append_parameter, append_quoted, digits, elements, qvalue, split_parameters,
    split_quoted, unquote,
};

/// The elements, as text.
fn elements_of(value: &str) -> Vec<&str> {
    elements(value.as_bytes()).map(|e| str::from_utf8(e).unwrap()).collect()
}

//= test RFC 9110 §5.6.1: empty elements are skipped; commas in quoted strings separate nothing.
#[test]
fn lists() {
    assert_eq!(elements_of("foo, bar"), ["foo", "bar"]);
    assert_eq!(elements_of(", , foo ,,\tbar\t,"), ["foo", "bar"]);
    assert_eq!(elements_of(r#""a,b", W/"c,\"d", e"#), [r#""a,b""#, r#"W/"c,\"d""#, "e"]);
    assert_eq!(elements_of(r#"a, "b, c"#), ["a", r#""b, c"#]);
    assert!(elements_of("").is_empty());
    assert!(elements_of(" ,\t, ").is_empty());
}

/// The value and its parameters, written plainly; what is wrong ends it with `!`.
fn parameters_of(value: &str) -> String {
    let (first, parameters) = split_parameters(value.as_bytes());
    let mut out = String::from_utf8_lossy(first).into_owned();
    for parameter in parameters {
        match parameter {
            Ok(Parameter { name, value }) => {
                out.push_str(&format!(" {name}={}", String::from_utf8_lossy(&value)));
            }
            Err(_) => out.push_str(" !"),
        }
    }
    out
}

//= test RFC 9110 §5.6.6: tokens or quoted strings, no white space around the equals sign, empty
// parameters skipped.
#[test]
fn parameters() {
    for (value, want) in [
        ("text/html", "text/html"),
        ("text/html;charset=utf-8", "text/html charset=utf-8"),
        ("text/html ; charset=utf-8", "text/html charset=utf-8"),
        ("a;b=1\t;\tc=2", "a b=1 c=2"),
        ("a;;b=1; ;", "a b=1"),
        (r#"a;b="c d""#, "a b=c d"),
        (r#"a;b="c\"d\\e";f=g"#, r#"a b=c"d\e f=g"#),
        (r#"a;b="";c=d"#, "a b= c=d"),
        (r#"a;b=";c=d""#, "a b=;c=d"),
        ("a;B=C", "a B=C"),
        (";b=c", " b=c"),
        ("a;b", "a !"),
        ("a;b=", "a !"),
        ("a;=b", "a !"),
        ("a;b =c", "a !"),
        ("a;b= c", "a !"),
        ("a;b=c d", "a b=c !"),
        ("a;b=c d=e;f=g", "a b=c !"),
        (r#"a;b="c"d"#, "a b=c !"),
        (r#"a;b="c"#, "a !"),
        (r#"a;b="c\"#, "a !"),
        (r#"a;b="c\""#, "a !"),
        ("a;b=\"c\x01\"", "a !"),
        ("a;b=\"\\\x7f\"", "a !"),
        ("a;ä=c", "a !"),
    ] {
        assert_eq!(parameters_of(value), want, "{value:?}");
    }
}

#[test]
fn quoted_strings_are_borrowed_where_they_can_be() {
    assert!(matches!(unquote(b"\"plain\""), Some(Cow::Borrowed(b"plain"))));
    assert!(matches!(unquote(b"\"\""), Some(Cow::Borrowed(b""))));
    assert_eq!(unquote(br#""a\b""#).unwrap(), &b"ab"[..]);
    assert_eq!(split_quoted(br#""a"b"#).unwrap(), (Cow::Borrowed(&b"a"[..]), &b"b"[..]));
    for bad in [&b""[..], b"a", b"\"", b"\"a", b"a\"", b"\"a\"b", b"\"\\\"", b"\"\r\""] {
        assert_eq!(unquote(bad), None, "{:?}", bad.escape_ascii().to_string());
    }
}

//= test RFC 9110 §12.4.2: 0 to 1 with at most three digits behind the point.
#[test]
fn qualities() {
    for (text, want) in [
        ("0", Some(0)),
        ("1", Some(1000)),
        ("0.", Some(0)),
        ("1.", Some(1000)),
        ("0.5", Some(500)),
        ("0.05", Some(50)),
        ("0.123", Some(123)),
        ("1.0", Some(1000)),
        ("1.000", Some(1000)),
        ("0.999", Some(999)),
        ("1.001", None),
        ("0.1234", None),
        ("1.0000", None),
        (".5", None),
        ("", None),
        ("2", None),
        ("00", None),
        ("0.a", None),
        ("-0", None),
        ("+1", None),
        ("0,5", None),
        (" 1", None),
        ("0.5 ", None),
    ] {
        assert_eq!(qvalue(text.as_bytes()), want, "{text:?}");
    }
}

#[test]
fn numbers() {
    for (text, want) in [
        ("0", Some(0)),
        ("007", Some(7)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", None),
        ("99999999999999999999999", None),
        ("", None),
        ("+1", None),
        ("-1", None),
        ("1 ", None),
        ("0x1", None),
        ("1_000", None),
        ("१", None),
    ] {
        assert_eq!(digits(text.as_bytes()), want, "{text:?}");
    }
}

proptest! {
    #[test]
    fn what_is_quoted_is_unquoted(value in vec(any::<u8>(), 0..40)) {
        let mut quoted = Vec::new();
        append_quoted(&mut quoted, &value);
        let kept = value.iter().map(|&b| if crate::list::is_in_value(b) { b } else { b' ' });
        prop_assert_eq!(unquote(&quoted).unwrap().into_owned(), kept.collect::<Vec<_>>());
    }

    #[test]
    fn parameters_are_read_back(pairs in vec(("[a-z!#$%&'*+.^_`|~-]{1,6}", "[ -~\\t\u{80}-\u{ff}]{0,8}"), 0..6)) {
        let mut value = b"value".to_vec();
        for (name, text) in &pairs {
            append_parameter(&mut value, name, text.as_bytes());
        }
        let (first, parameters) = split_parameters(&value);
        prop_assert_eq!(first, b"value");
        let read = parameters.map(|p| p.map(|p| (p.name.to_owned(), p.value.into_owned())));
        let wrote = pairs.iter().map(|(n, v)| Ok((n.clone(), v.as_bytes().to_vec())));
        prop_assert!(read.eq(wrote));
    }

    #[test]
    fn nothing_panics_and_everything_ends(bytes in vec(prop_oneof![any::<u8>(),
        proptest::sample::select(&b"\";=\\, a"[..])], 0..60)) {
        let (_, parameters) = split_parameters(&bytes);
        prop_assert!(parameters.count() <= bytes.len());
        prop_assert!(elements(&bytes).count() <= bytes.len());
        prop_assert!(elements(&bytes).all(|e| !e.is_empty()));
    }

    #[test]
    fn joined_elements_come_apart(list in vec("[a-z]{1,4}|\"[a-z, ]{0,6}\"", 0..8)) {
        let joined = list.join(" ,, ");
        prop_assert_eq!(elements_of(&joined), list);
    }
}

/// Half a megabyte of the worst there is takes one pass: in quadratic time this would take minutes.
#[test]
fn long_values_take_linear_time() {
    for pattern in [&b",\""[..], b"\"\\", b";", b";a=\"\\\"\"", b"a,", b";a=b"] {
        let value = pattern.repeat(1 << 17);
        elements(&value).count();
        split_parameters(&value).1.count();
    }
}
