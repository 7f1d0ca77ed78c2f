use std::borrow::Cow;

use expect_test::{Expect, expect};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::target::{Form, Target};
use crate::uri::Uri;
use crate::{Method, uri};

/// What is read of each target, with the methods where it matters.
#[track_caller]
fn check(method: Method, targets: &[&str], want: Expect) {
    let mut said = String::new();
    for text in targets {
        said.push_str(&format!("{} => ", text.escape_debug()));
        match Target::parse(&method, text.as_bytes()) {
            Ok(target) => {
                assert_eq!(target.as_str(), *text);
                assert_eq!(target.to_string(), *text);
                said.push_str(&format!("{:?}", target.form()));
                let mut part = |name: &str, part: Option<String>| {
                    if let Some(part) = part {
                        said.push_str(&format!(" {name}={part}"));
                    }
                };
                part("scheme", target.scheme().map(Into::into));
                part("authority", target.authority().map(|authority| authority.to_string()));
                part("path", Some(target.path().into()));
                part("query", target.query().map(Into::into));
                if target.has_no_path() {
                    part("forwarded", Some(target.path_and_query().into()));
                }
            }
            Err(malformed) => said.push_str(&format!("400 {}", malformed.what)),
        }
        said.push('\n');
    }
    want.assert_eq(&said);
}

//= test RFC 9112 §3.2.1: a path and perhaps a query.
#[test]
fn origin_form() {
    check(
        Method::Get,
        &[
            "/",
            "/index.html",
            "/a/b?c=d&e",
            "/?",
            "/??",
            "//a//b",
            "/a%20b%2Fc",
            "/a;b=c,d:e@f!$&'()*+",
            "/~user/-._",
            "/^`|{}[]?^`|{}[]",
            "/a?%",
            "/a?100%&b=%zz",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%%41",
            "/a b",
            "/a?b c",
            "/a\"b",
            "/a<b",
            "/a?b>c",
            "/a\\b",
            "/a?b\\c",
            "/a#b",
            "/a?b#c",
            "/a\u{7f}",
            "/a\tb",
            "/a\0",
            "/ä",
            "/a?ä",
            "",
            "?a",
            "a",
            "*",
            "/*",
            "**",
        ],
        expect![[r#"
            / => Origin path=/
            /index.html => Origin path=/index.html
            /a/b?c=d&e => Origin path=/a/b query=c=d&e
            /? => Origin path=/ query=
            /?? => Origin path=/ query=?
            //a//b => Origin path=//a//b
            /a%20b%2Fc => Origin path=/a%20b%2Fc
            /a;b=c,d:e@f!$&\'()*+ => Origin path=/a;b=c,d:e@f!$&'()*+
            /~user/-._ => Origin path=/~user/-._
            /^`|{}[]?^`|{}[] => Origin path=/^`|{}[] query=^`|{}[]
            /a?% => Origin path=/a query=%
            /a?100%&b=%zz => Origin path=/a query=100%&b=%zz
            /a% => 400 escape in the path
            /a%2 => 400 escape in the path
            /a%zz => 400 escape in the path
            /a%%41 => 400 escape in the path
            /a b => 400 path
            /a?b c => 400 query
            /a\"b => 400 path
            /a<b => 400 path
            /a?b>c => 400 query
            /a\\b => 400 path
            /a?b\\c => Origin path=/a query=b\c
            /a#b => 400 fragment in the target
            /a?b#c => 400 fragment in the target
            /a\u{7f} => 400 path
            /a\tb => 400 path
            /a\0 => 400 path
            /ä => 400 path
            /a?ä => 400 query
             => 400 target is empty
            ?a => 400 target
            a => 400 target
            * => 400 asterisk without OPTIONS
            /* => Origin path=/*
            ** => 400 target
        "#]],
    );
}

//= test RFC 9112 §3.2.2: a whole URI; RFC 9110 §4.2.4: user information is refused.
#[test]
fn absolute_form() {
    check(
        Method::Get,
        &[
            "http://a/b?c",
            "HTTP://A:80/",
            "http://a",
            "http://a?b",
            "http://a:8080",
            "http://a:/",
            "https://[::1]:8443/x",
            "http://10.0.0.1/",
            "ftp://ftp.example/pub/;type=a",
            "ws+x-y.z://a/",
            "http:///b",
            "http://",
            "http://:80/",
            "http:/a",
            "http:a",
            "urn:a:b",
            "mailto:a@b",
            "://a/",
            "1http://a/",
            "ht_tp://a/",
            "http//a/",
            "http://user@a/",
            "http://user:password@a/",
            "http://a:80:80/",
            "http://a:65536/",
            "http://a,b/",
            "http://a b/",
            "http://a\\b/",
            "http://a/b#c",
            "http://a#b",
            "http://a/%",
            "http://[::1/",
            "http://[fe80::1%25eth0]/",
        ],
        expect![[r#"
            http://a/b?c => Absolute scheme=http authority=a path=/b query=c
            HTTP://A:80/ => Absolute scheme=HTTP authority=A:80 path=/
            http://a => Absolute scheme=http authority=a path=/ forwarded=/
            http://a?b => Absolute scheme=http authority=a path=/ query=b forwarded=/?b
            http://a:8080 => Absolute scheme=http authority=a:8080 path=/ forwarded=/
            http://a:/ => Absolute scheme=http authority=a path=/
            https://[::1]:8443/x => Absolute scheme=https authority=[::1]:8443 path=/x
            http://10.0.0.1/ => Absolute scheme=http authority=10.0.0.1 path=/
            ftp://ftp.example/pub/;type=a => Absolute scheme=ftp authority=ftp.example path=/pub/;type=a
            ws+x-y.z://a/ => Absolute scheme=ws+x-y.z authority=a path=/
            http:///b => 400 host is empty
            http:// => 400 host is empty
            http://:80/ => 400 host is empty
            http:/a => 400 target
            http:a => 400 target
            urn:a:b => 400 target
            mailto:a@b => 400 target
            ://a/ => 400 target
            1http://a/ => 400 target
            ht_tp://a/ => 400 target
            http//a/ => 400 target
            http://user@a/ => 400 user information beside the host
            http://user:password@a/ => 400 user information beside the host
            http://a:80:80/ => 400 port
            http://a:65536/ => 400 port
            http://a,b/ => 400 several hosts in one
            http://a b/ => 400 white space in the host
            http://a\\b/ => 400 host
            http://a/b#c => 400 fragment in the target
            http://a#b => 400 fragment in the target
            http://a/% => 400 escape in the path
            http://[::1/ => 400 address in brackets
            http://[fe80::1%25eth0]/ => 400 zone of an IPv6 address
        "#]],
    );
}

//= test RFC 9112 §3.2.3: CONNECT has a host and a port, and nothing else.
#[test]
fn authority_form() {
    check(
        Method::Connect,
        &[
            "example.com:443",
            "[::1]:443",
            "10.0.0.1:1",
            "example.com:65535",
            "example.com",
            "example.com:",
            "example.com:0",
            "example.com:65536",
            ":443",
            "",
            "user@example.com:443",
            "user:password@example.com:443",
            "example.com:443/",
            "http://example.com:443",
            "/",
            "*",
        ],
        expect![[r#"
            example.com:443 => Authority authority=example.com:443 path=
            [::1]:443 => Authority authority=[::1]:443 path=
            10.0.0.1:1 => Authority authority=10.0.0.1:1 path=
            example.com:65535 => Authority authority=example.com:65535 path=
            example.com => 400 CONNECT without a port
            example.com: => 400 CONNECT without a port
            example.com:0 => 400 CONNECT without a port
            example.com:65536 => 400 port
            :443 => 400 host is empty
             => 400 host is empty
            user@example.com:443 => 400 user information beside the host
            user:password@example.com:443 => 400 user information beside the host
            example.com:443/ => 400 path behind the host
            http://example.com:443 => 400 path behind the host
            / => 400 path behind the host
            * => 400 CONNECT without a port
        "#]],
    );
}

//= test RFC 9112 §3.2.4: `*` goes with OPTIONS only.
#[test]
fn asterisk_form() {
    check(
        Method::Options,
        &["*", "/", "/a", "http://a", "http://a?b", "*/", "**"],
        expect![[r#"
        * => Asterisk path=*
        / => Origin path=/
        /a => Origin path=/a
        http://a => Absolute scheme=http authority=a path=/ forwarded=/
        http://a?b => Absolute scheme=http authority=a path=/ query=b forwarded=/?b
        */ => 400 target
        ** => 400 target
    "#]],
    );
    assert!(Target::parse(&Method::Other("REPORT".into()), b"*").is_err());
}

#[test]
fn targets_of_clients() {
    let origin = |text| Target::origin(text).map(|target| target.to_string());
    assert_eq!(origin("/a?b").unwrap(), "/a?b");
    //= test RFC 9112 §3.2.1: a client sends a slash for an empty path.
    assert_eq!(origin("").unwrap(), "/");
    assert_eq!(origin("?b").unwrap(), "/?b");
    assert!(origin("a").is_err());
    assert!(origin("*").is_err());
    assert!(origin("/a\r\nb").is_err());
    assert!(origin("/a HTTP/1.1").is_err());
    let of = |text: &str| Target::from_uri(&Uri::parse(text).unwrap()).unwrap().to_string();
    //= test RFC 9110 §4.2.5: a fragment is never sent.
    assert_eq!(of("http://a/b?c#d"), "/b?c");
    assert_eq!(of("http://a#d"), "/");
    assert_eq!(of("http://a?c"), "/?c");
}

/// The name of a file below the root, or why there is none.
fn name_of(path: &str) -> String {
    let target = Target::parse(&Method::Get, path.as_bytes()).unwrap();
    match target.normal_path() {
        Ok(path) => path.escape_ascii().to_string(),
        Err(malformed) => format!("! {}", malformed.what),
    }
}

#[test]
fn names_of_files() {
    for (path, want) in [
        ("/", "/"),
        ("/a/b.html", "/a/b.html"),
        ("/a/", "/a/"),
        ("/a?b/../c", "/a"),
        ("http://a", "/"),
        ("http://a/b/./c", "/b/c"),
        ("/a%20b", "/a b"),
        ("/%e4%B8%ad", "/\\xe4\\xb8\\xad"),
        ("/%ff", "/\\xff"),
        // Empty segments are none.
        ("//a///b//", "/a/b/"),
        ("//", "/"),
        // Dots, escaped or not.
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a/b/..", "/a/"),
        ("/a/b/.", "/a/b/"),
        ("/a/%2e%2E/b", "/b"),
        ("/a/.%2e", "/"),
        ("/%2e/a", "/a"),
        ("/a//../b", "/b"),
        ("/a/b/../../c", "/c"),
        ("/.well-known/x", "/.well-known/x"),
        ("/...", "/..."),
        ("/..a/.b", "/..a/.b"),
        // Once, and not twice.
        ("/%252e%252e/a", "/%2e%2e/a"),
        ("/%252fa", "/%2fa"),
        // Other systems' separators are bytes of a name.
        ("/a%5C..%5Cb", "/a\\\\..\\\\b"),
        ("/c:", "/c:"),
        // Above the root.
        ("/..", "! path above the root"),
        ("/../", "! path above the root"),
        ("/../a", "! path above the root"),
        ("/a/../..", "! path above the root"),
        ("/a//../../b", "! path above the root"),
        ("/%2e%2e/etc/passwd", "! path above the root"),
        ("/a/%2e%2e/%2e%2e/", "! path above the root"),
        // What no name may hold.
        ("/a%2fb", "! slash in a name"),
        ("/a/..%2F..%2Fb", "! slash in a name"),
        ("/a%00", "! control byte in a name"),
        ("/a%0d%0aX:", "! control byte in a name"),
        ("/a%7F", "! control byte in a name"),
    ] {
        assert_eq!(name_of(path), want, "{path}");
    }
    let tunnel = Target::parse(&Method::Connect, b"a:1").unwrap();
    assert!(tunnel.normal_path().is_err());
    let server = Target::parse(&Method::Options, b"*").unwrap();
    assert!(server.normal_path().is_err());
}

#[test]
fn plain_names_are_borrowed() {
    for path in ["/", "/index.html", "/a/b.c/d/", "/a..b", "/a?b//c"] {
        let target = Target::origin(path).unwrap();
        assert!(matches!(target.normal_path(), Ok(Cow::Borrowed(_))), "{path}");
    }
}

/// Text that looks like a target, mostly.
fn target_like() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "(/|/[a-z.%0-9A-F]{0,6}){1,6}(\\?[a-z%=&/]{0,8})?".prop_map(String::into_bytes),
        "(http|https|ftp)://[a-z0-9.-]{0,8}(:[0-9]{0,6})?(/[a-z.]{0,4}){0,4}(\\?[a-z]{0,4})?"
            .prop_map(String::into_bytes),
        "(/|\\.|\\.\\.|%2e|%2E|%2f|%00|a|%41|%25){0,12}".prop_map(|path| format!("/{path}").into()),
        "[a-z0-9.:@/\\[\\]%-]{0,20}".prop_map(String::into_bytes),
        vec(any::<u8>(), 0..20),
    ]
}

proptest! {
    #[test]
    fn a_target_is_its_parts(bytes in target_like(), method in 0..3_usize) {
        let method = [Method::Get, Method::Options, Method::Connect][method].clone();
        let Ok(target) = Target::parse(&method, &bytes) else { return Ok(()) };
        prop_assert_eq!(target.as_str().as_bytes(), &bytes[..]);
        prop_assert!(bytes.iter().all(u8::is_ascii_graphic));
        let query = target.query().map(|query| format!("?{query}")).unwrap_or_default();
        let path = if target.has_no_path() { "" } else { target.path() };
        let before = match (target.form(), target.authority()) {
            (Form::Absolute, Some(authority)) => {
                format!("{}://{}", target.scheme().unwrap(), authority.host)
            }
            (_, Some(authority)) => authority.host.to_owned(),
            (_, None) => String::new(),
        };
        let port = target.as_str().strip_prefix(&before).unwrap();
        let port = port.strip_suffix(&format!("{path}{query}")).unwrap();
        let digits = port.trim_start_matches(':').trim_start_matches('0');
        let value = target.authority().and_then(|authority| authority.port);
        let value = value.filter(|port| *port > 0).map(|port| port.to_string());
        prop_assert_eq!(digits, value.unwrap_or_default());
    }

    /// What RFC 3986 allows, and has a host and no user information, is a target; and its parts agree.
    #[test]
    fn a_target_agrees_with_its_uri(bytes in target_like()) {
        let Ok(text) = str::from_utf8(&bytes) else { return Ok(()) };
        let Ok(uri) = Uri::parse(text) else { return Ok(()) };
        let right = uri.authority().is_some_and(|a| !a.host.is_empty() && !a.host.contains(','))
            && uri.userinfo().is_none() && uri.fragment().is_none();
        let target = Target::parse(&Method::Get, &bytes);
        prop_assert_eq!(target.is_ok(), right, "{}", text);
        if let Ok(target) = target {
            prop_assert_eq!(target.scheme(), Some(uri.scheme()));
            prop_assert_eq!(target.authority(), uri.authority());
            prop_assert_eq!(target.query(), uri.query());
            prop_assert_eq!(target.path(), if uri.path().is_empty() { "/" } else { uri.path() });
        }
    }

    /// Whatever is asked for, the name stays below the root and has nothing left to be interpreted.
    #[test]
    fn no_name_leaves_the_root(bytes in target_like()) {
        let Ok(target) = Target::parse(&Method::Get, &bytes) else { return Ok(()) };
        let Ok(name) = target.normal_path() else { return Ok(()) };
        prop_assert_eq!(name.first(), Some(&b'/'));
        prop_assert!(!name.iter().any(u8::is_ascii_control));
        let segments = name[1..].split(|&b| b == b'/').collect::<Vec<_>>();
        let (last, before) = segments.split_last().unwrap();
        prop_assert!(before.iter().all(|s| !s.is_empty()), "an empty segment");
        prop_assert!(segments.iter().all(|s| !matches!(s, [b'.'] | [b'.', b'.'])), "a dot segment");
        let path = target.path();
        if last.is_empty() && name.len() > 1 {
            let last = path.rsplit('/').next().unwrap();
            let last = uri::percent::decode(last.as_bytes()).unwrap().into_owned();
            prop_assert!(matches!(&last[..], b"" | b"." | b".."), "a slash that nobody wrote");
        }
    }
}
