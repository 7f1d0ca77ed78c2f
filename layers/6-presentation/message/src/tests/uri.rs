use std::borrow::Cow;

use expect_test::{Expect, expect};
use proptest::collection::vec;
use proptest::prelude::*;

use super::vectors;
use crate::uri::percent::{self, decode, encode};
use crate::uri::{Authority, Host, Reference, Uri, Urn, default_port};

/// Where the parts of each reference are.
#[track_caller]
fn check(references: &[&str], want: Expect) {
    let mut said = String::new();
    for text in references {
        said.push_str(&format!("{} =>", text.escape_debug()));
        match Reference::parse(*text) {
            Ok(reference) => {
                assert_eq!(reference.to_string(), *text);
                let port = reference.port().map(|port| port.to_string());
                let kind = reference.host_kind().map(|kind| format!("{kind:?}"));
                for (name, part) in [
                    ("scheme", reference.scheme()),
                    ("userinfo", reference.userinfo()),
                    ("host", kind.as_deref()),
                    ("port", port.as_deref()),
                    ("path", Some(reference.path())),
                    ("query", reference.query()),
                    ("fragment", reference.fragment()),
                ] {
                    if let Some(part) = part {
                        said.push_str(&format!(" {name}={part}"));
                    }
                }
            }
            Err(malformed) => said.push_str(&format!(" ! {}", malformed.what)),
        }
        said.push('\n');
    }
    want.assert_eq(&said);
}

//= test RFC 3986 §1.1.2, §3: the RFC's own examples, and the parts of each.
#[test]
fn parts() {
    check(
        &[
            "foo://example.com:8042/over/there?name=ferret#nose",
            "ftp://ftp.is.co.za/rfc/rfc1808.txt",
            "ldap://[2001:db8::7]/c=GB?objectClass?one",
            "mailto:John.Doe@example.com",
            "tel:+1-816-555-1212",
            "telnet://192.0.2.16:80/",
            "urn:oasis:names:specification:docbook:dtd:xml:4.1.2",
            "http://u:p:q@a:80",
            "http://@a:",
            "file:///etc/hosts",
            "http://a?b",
            "http://a#b",
            "http://a/?#",
            "http://a/b?c?d/e#f?g/h",
            "x:",
            "a+b-c.1:d",
            "",
            "#a",
            "?a",
            "/a/b:c",
            "//a/b",
            "a/b:c",
            "./a:b",
            "..",
            "http://a%41/%C3%A4",
        ],
        expect![[r#"
            foo://example.com:8042/over/there?name=ferret#nose => scheme=foo host=Name("example.com") port=8042 path=/over/there query=name=ferret fragment=nose
            ftp://ftp.is.co.za/rfc/rfc1808.txt => scheme=ftp host=Name("ftp.is.co.za") path=/rfc/rfc1808.txt
            ldap://[2001:db8::7]/c=GB?objectClass?one => scheme=ldap host=V6 { address: 2001:db8::7, zone: None } path=/c=GB query=objectClass?one
            mailto:John.Doe@example.com => scheme=mailto path=John.Doe@example.com
            tel:+1-816-555-1212 => scheme=tel path=+1-816-555-1212
            telnet://192.0.2.16:80/ => scheme=telnet host=V4(192.0.2.16) port=80 path=/
            urn:oasis:names:specification:docbook:dtd:xml:4.1.2 => scheme=urn path=oasis:names:specification:docbook:dtd:xml:4.1.2
            http://u:p:q@a:80 => scheme=http userinfo=u:p:q host=Name("a") port=80 path=
            http://@a: => scheme=http userinfo= host=Name("a") path=
            file:///etc/hosts => scheme=file host=Name("") path=/etc/hosts
            http://a?b => scheme=http host=Name("a") path= query=b
            http://a#b => scheme=http host=Name("a") path= fragment=b
            http://a/?# => scheme=http host=Name("a") path=/ query= fragment=
            http://a/b?c?d/e#f?g/h => scheme=http host=Name("a") path=/b query=c?d/e fragment=f?g/h
            x: => scheme=x path=
            a+b-c.1:d => scheme=a+b-c.1 path=d
             => path=
            #a => path= fragment=a
            ?a => path= query=a
            /a/b:c => path=/a/b:c
            //a/b => host=Name("a") path=/b
            a/b:c => path=a/b:c
            ./a:b => path=./a:b
            .. => path=..
            http://a%41/%C3%A4 => scheme=http host=Name("a%41") path=/%C3%A4
        "#]],
    );
}

//= test RFC 3986 §3: what none of the parts may hold.
#[test]
fn what_is_no_reference() {
    check(
        &[
            ":a",
            "1a:b",
            "a_b:c",
            "a%41:b",
            "http://a b/",
            "http://a/b c",
            "http://a/b\"",
            "http://a/<b>",
            "http://a/b\\c",
            "http://a/b^c",
            "http://a/b`c",
            "http://a/{b}",
            "http://a/b|c",
            "http://a/[b]",
            "http://a/%",
            "http://a/%4",
            "http://a/%4g",
            "http://a/?%",
            "http://a/?b c",
            "http://a/#b#c",
            "http://a/#%",
            "http://a@b@c/",
            "http://a:b/",
            "http://a:1:2/",
            "http://a:99999/",
            "http://u[@a/",
            "http://ä/",
            "http://a/ä",
            "http://a/\n",
            "//a:b",
        ],
        expect![[r#"
            :a => ! scheme
            1a:b => ! scheme
            a_b:c => ! scheme
            a%41:b => ! scheme
            http://a b/ => ! host
            http://a/b c => ! path
            http://a/b\" => ! path
            http://a/<b> => ! path
            http://a/b\\c => ! path
            http://a/b^c => ! path
            http://a/b`c => ! path
            http://a/{b} => ! path
            http://a/b|c => ! path
            http://a/[b] => ! path
            http://a/% => ! path
            http://a/%4 => ! path
            http://a/%4g => ! path
            http://a/?% => ! query
            http://a/?b c => ! query
            http://a/#b#c => ! fragment
            http://a/#% => ! fragment
            http://a@b@c/ => ! host
            http://a:b/ => ! port
            http://a:1:2/ => ! port
            http://a:99999/ => ! port
            http://u[@a/ => ! user information
            http://ä/ => ! host
            http://a/ä => ! path
            http://a/\n => ! path
            //a:b => ! port
        "#]],
    );
}

//= test RFC 3986 §3.2.2: four kinds of hosts.
#[test]
fn hosts() {
    fn kind(text: &str) -> Result<Host<'_>, base::Malformed> {
        Host::parse(text)
    }
    assert_eq!(kind("192.0.2.16"), Ok(Host::V4([192, 0, 2, 16].into())));
    for name in
        ["", "a", "A.b-c_d~", "256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "a%41", "!$&'()*+,;="]
    {
        assert_eq!(kind(name), Ok(Host::Name(name)), "{name}");
    }
    for address in ["::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::FFFF:1.2.3.4"] {
        let want = Host::V6 { address: address.parse().unwrap(), zone: None };
        assert_eq!(kind(&format!("[{address}]")), Ok(want), "{address}");
    }
    for zone in ["eth0", "1", "a%2Fb"] {
        let text = format!("[fe80::1%25{zone}]");
        let want = Host::V6 { address: "fe80::1".parse().unwrap(), zone: Some(zone) };
        assert_eq!(kind(&text), Ok(want));
    }
    assert_eq!(kind("[v1.a:b]"), Ok(Host::Future("v1.a:b")));
    assert_eq!(kind("[VF.x]"), Ok(Host::Future("VF.x")));
    for bad in [
        "[",
        "]",
        "[]",
        "[::1",
        "::1",
        "[::1]a",
        "a[::1]",
        "[1.2.3.4]",
        "[::1%eth0]",
        "[::1%25eth0]",
        "[2001:db8::1%25eth0]",
        "[fe80::1%25]",
        "[fe80::1%25a b]",
        "[fe80::1%eth0]",
        "[::12345]",
        "[1:2:3:4:5:6:7:8:9]",
        "[1::2::3]",
        "[::01.2.3.4]",
        "[v.a]",
        "[v1.]",
        "[vg.a]",
        "[v1a]",
        "[v1.a/b]",
        "[:::]",
        "a b",
        "a/b",
        "a@b",
        "a:b",
        "%",
        "%4",
        "a^b",
    ] {
        assert!(kind(bad).is_err(), "{bad}");
    }
}

#[test]
fn authorities() {
    let parse = |text: &'static str| Authority::parse(text.as_bytes());
    assert_eq!(parse("a"), Ok(Authority { host: "a", port: None }));
    assert_eq!(parse("a:80"), Ok(Authority { host: "a", port: Some(80) }));
    //= test RFC 3986 §3.2.3: a port may be empty; its value decides, not its length.
    assert_eq!(parse("a:"), Ok(Authority { host: "a", port: None }));
    assert_eq!(parse("a:0000080"), Ok(Authority { host: "a", port: Some(80) }));
    assert_eq!(parse("a:65535"), Ok(Authority { host: "a", port: Some(65535) }));
    assert!(parse("a:65536").is_err());
    assert!(parse("a:655350").is_err());
    assert!(parse("a:18446744073709551696").is_err());
    let authority = parse("Example.COM:81").unwrap();
    assert!(authority.host_eq("example.com"));
    assert!(!authority.host_eq("example.co"));
    assert_eq!(authority.effective_port(80), 81);
    assert_eq!(parse("a").unwrap().effective_port(80), 80);
    assert_eq!(parse("[::1]:1").unwrap().host, "[::1]");
    assert_eq!(parse("a%41b:1").unwrap(), Authority { host: "a%41b", port: Some(1) });
}

//= test RFC 3986 §5.4: the RFC's own examples, and more.
#[test]
fn vectors_of_resolution() {
    let Some(vectors) = vectors("rfc3986-resolve.json") else { return };
    let vectors = vectors.as_array().unwrap();
    assert!(vectors.len() > 40);
    for case in vectors {
        let [base, reference, want] =
            ["base", "ref", "expected"].map(|name| case[name].as_str().unwrap());
        assert_eq!(resolve(base, reference), want, "{base} + {reference}");
    }
}

fn resolve(base: &str, reference: &str) -> String {
    let base = Uri::parse(base).unwrap();
    base.resolve(&Reference::parse(reference).unwrap()).to_string()
}

//= test RFC 3986 §5.2: what the RFC's examples leave out.
#[test]
fn resolution() {
    for (base, reference, want) in [
        ("http://a", "b", "http://a/b"),
        ("http://a", "?b", "http://a?b"),
        ("http://a?q", "", "http://a?q"),
        ("http://a?q#f", "", "http://a?q"),
        ("http://a?q#f", "#g", "http://a?q#g"),
        ("http://a/b", "//c", "http://c"),
        ("http://a/b/c", "../../../../d", "http://a/d"),
        ("http://a/b/c", "d//../e", "http://a/b/d/e"),
        ("http://a/b?c=/../d", "e", "http://a/e"),
        ("a:b", "../c", "a:c"),
        ("a:b/c", "../../d", "a:/d"),
        ("a:b", "..", "a:"),
        ("a:/b", "/.//c", "a:/.//c"),
        ("a:/b", "..//c", "a:/.//c"),
        ("http://a/b/c", "%2e%2E/d", "http://a/d"),
        ("http://a/b/..", "c", "http://a/c"),
        ("http://a/b/..", "", "http://a/b/.."),
        ("http://a/b", "http:../c", "http:c"),
    ] {
        assert_eq!(resolve(base, reference), want, "{base} + {reference}");
    }
}

//= test RFC 3986 §6.2.2, §6.2.3: case, escapes, dots, ports and empty paths.
#[test]
fn normal_forms() {
    for (text, want) in [
        ("HTTP://EXAMPLE.com/", "http://example.com/"),
        ("http://example.com", "http://example.com/"),
        ("http://example.com?q", "http://example.com/?q"),
        ("http://example.com:/", "http://example.com/"),
        ("http://example.com:80/", "http://example.com/"),
        ("http://example.com:0080/", "http://example.com/"),
        ("http://example.com:443/", "http://example.com:443/"),
        ("https://example.com:443/", "https://example.com/"),
        ("ws://a:80/", "ws://a/"),
        ("WSS://a:443/", "wss://a/"),
        ("ftp://a:21/", "ftp://a/"),
        ("foo://a:80", "foo://a:80/"),
        ("http://a/%7euser/%2f%C3%a4", "http://a/~user/%2F%C3%A4"),
        ("http://a/b/.%2E/c/./%2e%2e/d", "http://a/d"),
        ("http://%41.%e4/", "http://a.%E4/"),
        ("http://U%73er@A/", "http://User@a/"),
        ("http://a/?%7e=%2a#%2d", "http://a/?~=%2A#-"),
        ("http://[2001:DB8:0:0:0::1]:80/", "http://[2001:db8::1]/"),
        ("http://[::ffff:102:304]/", "http://[::ffff:1.2.3.4]/"),
        ("x://[fe80::0:1%25%45th0]/", "x://[fe80::1%25Eth0]/"),
        ("http://[V1.A]/", "http://[v1.a]/"),
        ("eXAMPLE://a/./b/../b/%63/%7bfoo%7d", "example://a/b/c/%7Bfoo%7D"),
        // A path that is no hierarchy has no dot segments.
        ("URN:Example:A/../%7e%2c", "urn:example:A/../~%2C"),
        ("mailto:a/./b@c", "mailto:a/./b@c"),
        ("mailto:A@B", "mailto:A@B"),
        ("a:/.//b", "a:/.//b"),
        ("a:/b/..//c", "a:/.//c"),
        ("file:///a", "file:///a"),
        ("a:", "a:"),
    ] {
        assert_eq!(Uri::parse(text).unwrap().normalise().as_str(), want, "{text}");
    }
}

#[test]
fn equivalence() {
    let same = |a, b| Uri::parse(a).unwrap().is_equivalent(&Uri::parse(b).unwrap());
    //= test RFC 9110 §4.2.3: these three are the same.
    assert!(same(
        "http://example.com:80/~smith/home.html",
        "http://EXAMPLE.com/%7Esmith/home.html"
    ));
    assert!(same(
        "http://example.com:80/~smith/home.html",
        "http://EXAMPLE.com:/%7esmith/home.html"
    ));
    assert!(!same("http://a/b", "http://a/B"));
    assert!(!same("http://a/", "https://a/"));
    assert!(!same("http://a/?", "http://a/"));
    assert!(!same("http://a/%2F", "http://a//"));
}

#[test]
fn small_answers() {
    let uri = Uri::parse("HTTPS://a/b?c#d").unwrap();
    assert_eq!(uri.effective_port(), Some(443));
    assert_eq!(uri.without_fragment(), "HTTPS://a/b?c");
    assert_eq!(uri.path_and_query(), "/b?c");
    assert!(uri.has_scheme("https"));
    assert!(Uri::parse("/a").is_err());
    assert_eq!(default_port("Ftp"), Some(21));
    assert_eq!(default_port("gopher"), None);
    assert_eq!(format!("{uri:?}"), "\"HTTPS://a/b?c#d\"");
    assert_eq!(uri.clone().into_owned(), uri);
    assert_eq!(uri.as_reference().authority_text(), Some("a"));
    assert_eq!(Reference::from(uri).scheme(), Some("HTTPS"));
}

//= test RFC 3986 §1.1.3, RFC 8141 §2: locators and names told apart.
#[test]
fn urls_and_urns() {
    let uri = |text| Uri::parse(text).unwrap();
    for locator in ["http://a/", "ftp://a/b", "mailto:a@b", "file:///a"] {
        assert!(uri(locator).is_url(), "{locator}");
        assert_eq!(uri(locator).as_urn(), None);
    }
    let name = uri("URN:example:a123,z456?+abc?x?=xyz?=y#f/?");
    assert!(!name.is_url());
    assert_eq!(
        name.as_urn(),
        Some(Urn {
            namespace: "example",
            specific: "a123,z456",
            resolution: Some("abc?x"),
            query: Some("xyz?=y"),
            fragment: Some("f/?"),
        })
    );
    let parts = |text| {
        let urn = Urn::parse(text).unwrap();
        (urn.specific, urn.resolution, urn.query, urn.fragment)
    };
    assert_eq!(parts("urn:ab:c"), ("c", None, None, None));
    assert_eq!(parts("urn:ab:c/d:e/"), ("c/d:e/", None, None, None));
    assert_eq!(parts("urn:ab:c?+d"), ("c", Some("d"), None, None));
    assert_eq!(parts("urn:ab:c?=d"), ("c", None, Some("d"), None));
    assert_eq!(parts("urn:ab:c?=d?+e"), ("c", None, Some("d?+e"), None));
    assert_eq!(parts("urn:ab:c#"), ("c", None, None, Some("")));
    for bad in [
        "urn:",
        "urn:ab",
        "urn:ab:",
        "urn:a:b",
        "urn:-ab:c",
        "urn:ab-:c",
        "urn:a_b:c",
        "urn:ab:/c",
        "urn:ab:c?d",
        "urn:ab:c?",
        "urn:ab:c?+",
        "urn:ab:c?=",
        "urn:ab:c?+?=d",
        "urn:ab:c?+/d",
        "urn:ab:c?+d?=",
        "urn:abcdefghijklmnopqrstuvwxyz0123456:a",
        "urn://ab:1/c",
        "http://a/",
        "urn:ab:c d",
        "ab:c",
    ] {
        assert!(Urn::parse(bad).is_err(), "{bad}");
        // What calls itself a name is never a locator.
        if let Ok(uri) = Uri::parse(bad) {
            assert_eq!(uri.as_urn(), None);
            assert_eq!(uri.is_url(), !bad.starts_with("urn"));
        }
    }
}

//= test RFC 8141 §3.2: the RFC's own examples of what is the same name.
#[test]
fn equal_names() {
    let same = |a, b| Urn::parse(a).unwrap().is_equivalent(&Urn::parse(b).unwrap());
    let name = "urn:example:a123,z456";
    for other in [
        "URN:example:a123,z456",
        "urn:EXAMPLE:a123,z456",
        "urn:example:a123,z456?+abc",
        "urn:example:a123,z456?=xyz",
        "urn:example:a123,z456#789",
    ] {
        assert!(same(name, other), "{other}");
    }
    for other in [
        "urn:example:a123,z456/foo",
        "urn:example:a123,z456/bar",
        "urn:example:a123%2Cz456",
        "urn:example:A123,z456",
        "urn:example:a123,Z456",
    ] {
        assert!(!same(name, other), "{other}");
    }
    assert!(same("urn:example:a123%2Cz456", "URN:EXAMPLE:a123%2cz456"));
}

//= test RFC 3986 §2.1: two hexadecimal digits, capitals when written, either when read.
#[test]
fn percent_encoding() {
    let all = (0..=255).collect::<Vec<u8>>();
    for (kept, also) in [
        (percent::UNRESERVED, ""),
        (percent::SEGMENT, "!$&'()*+,;=:@"),
        (percent::PATH, "!$&'()*+,;=:@/"),
        (percent::QUERY, "!$&'()*+,;=:@/?"),
        (percent::FRAGMENT, "!$&'()*+,;=:@/?"),
    ] {
        for &b in &all {
            let plain = b.is_ascii_alphanumeric() || b"-._~".contains(&b);
            let want = if plain || also.as_bytes().contains(&b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            };
            assert_eq!(encode(&[b], kept), want);
        }
        assert_eq!(decode(encode(&all, kept).as_bytes()).unwrap(), all);
    }
    assert!(matches!(encode(b"abc", percent::UNRESERVED), Cow::Borrowed("abc")));
    assert_eq!(encode("ä b".as_bytes(), percent::SEGMENT), "%C3%A4%20b");
    let reference = "https://u@[::1]:80/a%20b;c/?d=e&f#g";
    assert_eq!(encode(reference.as_bytes(), percent::REFERENCE), reference);
    assert_eq!(encode("/ä b|\"<\\".as_bytes(), percent::REFERENCE), "/%C3%A4%20b%7C%22%3C%5C");
    assert!(matches!(decode(b"abc"), Ok(Cow::Borrowed(b"abc"))));
    assert_eq!(decode(b"%41%e4%2B+%25%34%31").unwrap(), &b"A\xe4++%41"[..]);
    for bad in ["%", "%4", "a%", "%4g", "%g4", "%%41", "% 41", "%+4", "%41%"] {
        assert!(decode(bad.as_bytes()).is_err(), "{bad}");
    }
}

/// Text that looks like a reference, mostly.
pub(super) fn reference_like() -> impl Strategy<Value = String> {
    prop_oneof![
        "([a-zA-Z]{1,3}:)?(//([a-z%0-9:]{0,3}@)?[a-zA-Z0-9.%-]{0,6}(:[0-9]{0,4})?)?(/|\\.|\\.\\.|%2e|[a-z:%7e]{1,3}){0,8}(\\?[a-z/?%7e]{0,4})?(#[a-z/?]{0,3})?",
        "(a:|//|/|\\.|\\.\\.|%2E|b|\\?|#|:|@){0,12}",
        "(http|foo)://\\[[0-9a-f:.v%]{0,12}\\](:80)?/",
        "\\PC{0,12}",
    ]
}

proptest! {
    #[test]
    fn a_reference_is_its_parts(text in reference_like()) {
        let Ok(reference) = Reference::parse(text.as_str()) else { return Ok(()) };
        prop_assert!(text.is_ascii());
        let mut again = String::new();
        let mut part = |before: &str, part: Option<&str>, after: &str| {
            if let Some(part) = part {
                again.push_str(&format!("{before}{part}{after}"));
            }
        };
        part("", reference.scheme(), ":");
        part("//", reference.authority_text(), "");
        part("", Some(reference.path()), "");
        part("?", reference.query(), "");
        part("#", reference.fragment(), "");
        prop_assert_eq!(&again, &text);
        prop_assert_eq!(reference.host().is_some(), reference.authority_text().is_some());
    }

    #[test]
    fn what_is_normal_stays_so(text in reference_like()) {
        let Ok(uri) = Uri::parse(text.as_str()) else { return Ok(()) };
        let normal = uri.normalise();
        prop_assert_eq!(normal.normalise(), normal.clone());
        prop_assert!(uri.is_equivalent(&normal));
        prop_assert_eq!(normal.scheme(), uri.scheme().to_ascii_lowercase());
        prop_assert_eq!(normal.authority().is_some(), uri.authority().is_some());
        prop_assert_eq!(normal.effective_port(), uri.effective_port());
    }

    #[test]
    fn resolution_gives_a_uri(base in reference_like(), reference in reference_like()) {
        let (Ok(base), Ok(reference)) = (Uri::parse(base.as_str()), Reference::parse(reference.as_str()))
        else {
            return Ok(());
        };
        let resolved = base.resolve(&reference);
        prop_assert_eq!(Uri::parse(resolved.as_str()).unwrap(), resolved.clone());
        prop_assert_eq!(resolved.fragment(), reference.fragment());
        // A URI means the same wherever it stands.
        if let Ok(absolute) = Uri::try_from(reference.clone())
            && absolute.path().starts_with('/')
        {
            prop_assert_eq!(resolved.normalise(), absolute.normalise());
        }
        // Nor does it matter whether the base was normal before.
        prop_assert_eq!(base.normalise().resolve(&reference).normalise(), resolved.normalise());
    }

    #[test]
    fn an_authority_agrees_with_its_uri(text in "[a-z0-9.:@%,/\\[\\] -]{0,12}") {
        let parsed = Authority::parse(text.as_bytes());
        let reference = Reference::parse(format!("//{text}"));
        let right = reference.as_ref().is_ok_and(|r| {
            r.authority_text() == Some(&text) && r.userinfo().is_none() && !text.contains(',')
                && !r.host().unwrap_or_default().is_empty()
                && !matches!(r.host_kind(), Some(Host::V6 { zone: Some(_), .. }))
        });
        prop_assert_eq!(parsed.is_ok(), right, "{:?}", parsed);
        if let (Ok(parsed), Ok(reference)) = (parsed, reference) {
            prop_assert_eq!(Some(parsed), reference.authority());
        }
    }

    #[test]
    fn decoding_undoes_encoding(bytes in vec(any::<u8>(), 0..40)) {
        for kept in [percent::UNRESERVED, percent::SEGMENT, percent::PATH, percent::QUERY] {
            let encoded = encode(&bytes, kept);
            prop_assert_eq!(decode(encoded.as_bytes()).unwrap(), &bytes[..]);
        }
        let _ = decode(&bytes);
    }
}

/// Half a megabyte of the worst there is takes one pass.
#[test]
fn long_references_take_linear_time() {
    for pattern in ["/..", "/a/..", "//", "/.", "/a", "%2e", "%2e%2e/", "../"] {
        let reference = pattern.repeat(1 << 17);
        Uri::parse(format!("a:{}", reference.trim_start_matches('/'))).unwrap().normalise();
        Uri::parse("http://a/b")
            .unwrap()
            .resolve(&Reference::parse(format!("b{reference}")).unwrap());
    }
}
