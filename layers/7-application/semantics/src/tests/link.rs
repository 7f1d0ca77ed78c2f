use message::{Fields, Method, Request, Target, Version};
use proptest::prelude::*;

use super::fields;
use crate::link::{is_early, links, may_push, pushes};

fn request(target: &str, lines: &str) -> Request {
    let method = Method::Get;
    let target = Target::parse(&method, target.as_bytes()).unwrap();
    Request { method, target, version: Version::HTTP_2, fields: fields(lines) }
}

/// What is pushed to who asks for `/docs/page?x` of example.org over TLS.
fn pushed(value: &str) -> Vec<String> {
    let request = request("/docs/page?x", "Host: Example.org");
    let pushes = pushes(&request, true, value.as_bytes());
    pushes.map(|push| push.target.as_str().to_owned()).collect()
}

//= test RFC 8288 §3: links stand behind each other, each in brackets, with parameters
//= test RFC 8288 §3: of parameters with one name the first counts
#[test]
fn links_are_told_apart() {
    let value = br#"</a,b>; rel="preload"; title="x, y; z" , ,<c>;REL=next;nopush, <d>; rel = "up  Preload" ;rel=x"#;
    let found: Vec<_> = links(value).collect();
    let targets: Vec<_> = found.iter().map(|link| str::from_utf8(link.target).unwrap()).collect();
    assert_eq!(targets, ["/a,b", "c", "d"]);
    let is_preload: Vec<_> = found.iter().map(|link| link.is_any(&["preload"])).collect();
    assert_eq!(is_preload, [true, false, true]);
    assert_eq!(found[0].parameter("Title").unwrap(), &b"x, y; z"[..]);
    assert_eq!(found[1].parameter("nopush").unwrap(), &b""[..]);
    assert_eq!(found[1].parameter("title"), None);
    for (malformed, count) in [("", 0), ("a; rel=preload", 0), ("<a", 0), ("<a>; rel=x, b, <c>", 1)]
    {
        assert_eq!(links(malformed.as_bytes()).count(), count, "{malformed}");
    }
}

//= test RFC 8297 §2: what a client can begin with before the answer is there
#[test]
fn what_had_better_be_known_early() {
    for (value, is) in [
        ("</a>; rel=preload", true),
        ("</a>; rel=\"modulepreload\"", true),
        ("<https://cdn.example>; rel=preconnect", true),
        ("</a>; rel=next, </b>; rel=PRELOAD", true),
        ("</a>; rel=stylesheet", false),
        ("</a>; rev=preload", false),
        ("</a>; title=\"; rel=preload\"", false),
        ("</preload>", false),
    ] {
        assert_eq!(is_early(value.as_bytes()), is, "{value}");
    }
}

//= test RFC 9113 §8.4: what is promised is ours to answer
#[test]
fn only_what_is_ours_is_pushed() {
    for (value, paths) in [
        ("</style.css>; rel=preload", &["/style.css"][..]),
        ("<code.js?v=1#top>; rel=preload", &["/docs/code.js?v=1"]),
        ("<../up.css>; rel=modulepreload", &["/up.css"]),
        ("<https://example.org/a>; rel=preload", &["/a"]),
        ("<HTTPS://EXAMPLE.org:443/a>; rel=preload", &["/a"]),
        ("<//example.org>; rel=preload", &["/"]),
        ("</a>; rel=preload, </b>; rel=preload; as=style", &["/a", "/b"]),
        ("</a>; rel=preload; nopush", &[]),
        ("</a>; rel=preconnect", &[]),
        ("<http://example.org/a>; rel=preload", &[]),
        ("<https://example.org:8443/a>; rel=preload", &[]),
        ("<https://example.com/a>; rel=preload", &[]),
        ("<https://me@example.org/a>; rel=preload", &[]),
        ("<//example.com/a>; rel=preload", &[]),
        ("<data:,x>; rel=preload", &[]),
        ("</docs/page?x>; rel=preload", &[]),
        ("<>; rel=preload", &[]),
        ("<\u{e9}>; rel=preload", &[]),
    ] {
        assert_eq!(pushed(value), paths, "{value}");
    }
}

#[test]
fn a_push_asks_as_its_page_did_and_shows_no_secrets() {
    let lines = "Host: a:81 | User-Agent: x | Cookie: secret | Accept: text/html | \
                 Accept-Encoding: br | Accept-Language: de";
    let request = request("/", lines);
    let push = pushes(&request, false, b"</a>; rel=preload").next().unwrap();
    let lines: Vec<_> = push.fields.iter().map(|(name, value)| (name.as_str(), value)).collect();
    assert_eq!(
        lines,
        [
            ("Host", &b"a:81"[..]),
            ("Accept-Encoding", b"br"),
            ("Accept-Language", b"de"),
            ("User-Agent", b"x")
        ]
    );
    assert_eq!((push.method, push.version), (Method::Get, Version::HTTP_2));
    let nowhere = Request { fields: Fields::new(), ..request };
    assert_eq!(pushes(&nowhere, false, b"</a>; rel=preload").count(), 0);
}

#[test]
fn not_everybody_is_pushed_to() {
    let plain = request("/", "Host: a | Cookie: a=b");
    assert!(may_push(&plain));
    assert!(!may_push(&Request { method: Method::Head, ..plain }));
    for line in [
        "If-None-Match: \"x\"",
        "If-Modified-Since: {NOW}",
        "Range: bytes=0-",
        "Authorization: Basic eA==",
    ] {
        assert!(!may_push(&request("/", &format!("Host: a | {line}"))), "{line}");
    }
}

proptest! {
    /// Whatever stands in a field: nothing panics, and what is pushed is on the same host.
    #[test]
    fn any_value_is_read(value in "[</a-c>;,\"= .:#?%\\\\é]{0,40}(rel=preload)?[<>,;\"/a ]{0,12}") {
        let request = request("/x", "Host: a");
        for push in pushes(&request, true, value.as_bytes()) {
            prop_assert_eq!(push.authority().unwrap().host, "a");
            prop_assert!(push.target.as_str().starts_with('/'));
        }
        prop_assert!(links(value.as_bytes()).count() <= 64);
    }
}
