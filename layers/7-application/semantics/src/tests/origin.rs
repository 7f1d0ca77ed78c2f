use proptest::prelude::*;

use crate::origin::{Origin, Origins};

fn origins(texts: &[&str]) -> Origins {
    Origins::parse(texts).unwrap()
}

#[track_caller]
fn check(named: &str, said: &str, want: bool) {
    let is_in = Origin::parse(said.as_bytes()).is_ok_and(|said| origins(&[named]).contains(&said));
    assert_eq!(is_in, want, "{said} of {named}");
}

//= test RFC 9110 §4.3.1: the same scheme, the same host, the same port.
#[test]
fn an_origin_is_a_scheme_a_host_and_a_port() {
    for (named, said, want) in [
        ("https://example.org", "https://example.org", true),
        ("https://example.org", "http://example.org", false),
        ("https://example.org", "https://example.org:8443", false),
        ("https://example.org", "https://example.net", false),
        ("https://example.org", "https://www.example.org", false),
        ("https://example.org", "https://example.org.", false),
        ("https://example.org", "https://example.org.evil.example", false),
        ("https://example.org", "https://evil-example.org", false),
        ("HTTPS://Example.Org", "https://example.org", true),
        ("https://example.org", "HTTPS://EXAMPLE.ORG", true),
        ("http://[::1]:8080", "http://[0:0::1]:8080", true),
        ("http://[::1]", "http://[::2]", false),
        ("http://127.0.0.1", "http://127.0.0.1", true),
        ("capacitor://localhost", "capacitor://localhost", true),
        ("capacitor://localhost", "capacitor://localhost:80", false),
    ] {
        check(named, said, want);
    }
}

#[test]
fn the_port_of_the_scheme_goes_without_saying() {
    for (named, said, want) in [
        ("https://example.org:443", "https://example.org", true),
        ("https://example.org", "https://example.org:443", true),
        ("http://example.org:80", "http://example.org", true),
        ("http://example.org:443", "http://example.org", false),
        ("https://example.org:8443", "https://example.org:8443", true),
    ] {
        check(named, said, want);
    }
}

#[test]
fn a_star_is_one_or_more_whole_labels() {
    for (said, want) in [
        ("https://a.example.org", true),
        ("https://a.b.example.org", true),
        ("https://A.EXAMPLE.ORG", true),
        ("https://a.example.org:443", true),
        ("https://a-b_c.example.org", true),
        ("https://example.org", false),
        ("https://.example.org", false),
        ("https://a..example.org", false),
        ("https://.a.example.org", false),
        ("https://evilexample.org", false),
        ("https://a.example.org.evil.example", false),
        ("https://a.example.org.", false),
        ("https://evil.example&.example.org", false),
        ("https://%61.example.org", false),
        ("http://a.example.org", false),
        ("https://a.example.org:8443", false),
        ("null", false),
    ] {
        check("https://*.example.org", said, want);
    }
    check("https://*.example.org:8443", "https://a.example.org:8443", true);
    check("https://*.example.org:8443", "https://a.example.org", false);
    check("http://*.localhost", "http://a.localhost", true);
}

#[test]
fn an_origin_without_a_name_is_only_named_as_such() {
    check("null", "null", true);
    check("*", "null", true);
    check("https://example.org", "null", false);
    check("null", "https://null", false);
    check("https://null", "null", false);
    let opaque = Origin::parse(b"null").unwrap();
    assert!(!opaque.is_same(&opaque));
}

#[test]
fn a_star_alone_is_every_origin() {
    check("*", "https://example.org", true);
    assert!(origins(&["*"]).has_any() && !origins(&["null"]).has_any());
    assert!(origins(&["null"]).has_opaque() && !origins(&["*"]).has_opaque());
    assert!(origins(&[]).is_empty() && !origins(&["*"]).is_empty());
}

#[test]
fn what_is_no_origin() {
    for bad in [
        "",
        "Null",
        "example.org",
        "example.org:443",
        "https:example.org",
        "https:/example.org",
        "https://",
        "https://:443",
        "https://example.org/",
        "https://example.org/path",
        "https://example.org?",
        "https://user@example.org",
        "https://example.org:port",
        "https://example.org:99999",
        "https://a.example https://b.example",
        "https://a.example, https://b.example",
        " https://example.org",
        "https://example.org ",
        "1https://example.org",
        "://example.org",
        "https://ex ample.org",
        "https://[::1",
        "https://ex\u{e4}mple.org",
    ] {
        assert!(Origin::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn what_an_operator_cannot_name_is_told() {
    for (named, want) in [
        (&["example.org"][..], "the origin \"example.org\" cannot be used: scheme is missing"),
        (
            &["https://example.org/"],
            "the origin \"https://example.org/\" cannot be used: path behind the host",
        ),
        (
            &["localhost:80"],
            "the origin \"localhost:80\" cannot be used: two slashes behind the scheme",
        ),
        (
            &["https://a.*.example.org"],
            "the origin \"https://a.*.example.org\" cannot be used: a star stands for whole labels, \
             and only in front: https://*.example.org",
        ),
        (
            &["https://*example.org"],
            "the origin \"https://*example.org\" cannot be used: a star stands for whole labels, \
             and only in front: https://*.example.org",
        ),
        (
            &["https://*.*.example.org"],
            "the origin \"https://*.*.example.org\" cannot be used: a star stands for whole labels, \
             and only in front: https://*.example.org",
        ),
        (
            &["https://*.0.0.1"],
            "the origin \"https://*.0.0.1\" cannot be used: a star stands before a name, \
             not before an address",
        ),
        (
            &["https://m\u{fc}nchen.example"],
            "the origin \"https://m\u{fc}nchen.example\" cannot be used: write the name as browsers \
             send it, in ASCII: xn--...",
        ),
        (
            &["https://example.org", "*"],
            "the origin \"*\" cannot be used: it means every origin, so it stands alone",
        ),
    ] {
        assert_eq!(Origins::parse(named).unwrap_err().to_string(), want);
    }
    for bad in ["*://example.org", "https://example.org:*", "https://*", "https://*.", "**", ""] {
        assert!(Origins::parse(&[bad]).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn any_bytes(said in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = Origin::parse(&said);
    }

    #[test]
    fn what_looks_like_an_origin(said in "(https?|x)?:?/{0,2}[a-z*.:@%\\[\\]0-9]{0,12}") {
        let _ = Origins::parse(&[&said]);
        if let Ok(origin) = Origin::parse(said.as_bytes()) {
            prop_assert_eq!(origin.is_same(&origin), said != "null");
        }
    }

    #[test]
    fn a_star_does_what_its_rule_says(
        labels in proptest::collection::vec("[a-z]{0,2}", 0..4),
        scheme in "https?",
        port in proptest::sample::select(&["", ":443", ":80"][..]),
    ) {
        let host: String = labels.iter().map(|label| format!("{label}.")).collect();
        let said = format!("{scheme}://{host}example.org{port}");
        let named = origins(&["https://*.example.org"]);
        let want = !labels.is_empty() && labels.iter().all(|label| !label.is_empty())
            && scheme == "https" && port != ":80";
        let is_in = Origin::parse(said.as_bytes()).is_ok_and(|said| named.contains(&said));
        prop_assert_eq!(is_in, want, "{}", said);
    }
}
