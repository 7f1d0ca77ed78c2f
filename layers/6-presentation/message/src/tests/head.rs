use expect_test::{Expect, expect};

use crate::{Fields, Method, Name, Request, Target, Version};

fn request(method: Method, target: &str, version: Version, hosts: &[&str]) -> Request {
    let mut fields = Fields::new();
    for host in hosts {
        fields.push(Name::Host, host);
    }
    Request { target: Target::parse(&method, target.as_bytes()).unwrap(), method, version, fields }
}

/// What is said of each of these Host fields in `GET / HTTP/1.1`.
#[track_caller]
fn check(hosts: &[&[&str]], want: Expect) {
    let mut said = String::new();
    for hosts in hosts {
        let request = request(Method::Get, "/", Version::HTTP_11, hosts);
        let verdict = match request.check_host() {
            Ok(()) => format!("{}", request.authority().unwrap()),
            Err(malformed) => format!("400 {}", malformed.what),
        };
        said.push_str(&format!("{hosts:?} => {verdict}\n"));
    }
    want.assert_eq(&said);
}

//= test RFC 9112 §3.2: HTTP/1.1 without Host, with two, or with one that is none gets 400.
#[test]
fn host_must_be_right() {
    check(
        &[
            &["example.com"],
            &["EXAMPLE.com:8080"],
            &["example.com:"],
            &["10.0.0.1:80"],
            &["[::1]:8080"],
            &["xn--bcher-kva.example"],
            &["a_b.example"],
            &["%41.example:1"],
            &[],
            &[""],
            &[":80"],
            &["a", "a"],
            &["a, b"],
            &["a,b"],
            &["a b"],
            &["user@a"],
            &["user:password@a:80"],
            &["a/"],
            &["a/path"],
            &["a?b"],
            &["a:80/path"],
            &["http://a/"],
            &["a:65536"],
            &["a:-1"],
            &["a:8o"],
            &["a:80:80"],
            &["::1"],
            &["[::1"],
            &["[::1]x"],
            &["[]"],
            &["[fe80::1%25eth0]"],
            &["a%"],
            &["a%zz"],
            &["a\\b"],
            &["ä"],
        ],
        expect![[r#"
            ["example.com"] => example.com
            ["EXAMPLE.com:8080"] => EXAMPLE.com:8080
            ["example.com:"] => example.com
            ["10.0.0.1:80"] => 10.0.0.1:80
            ["[::1]:8080"] => [::1]:8080
            ["xn--bcher-kva.example"] => xn--bcher-kva.example
            ["a_b.example"] => a_b.example
            ["%41.example:1"] => %41.example:1
            [] => 400 Host is missing
            [""] => 400 host is empty
            [":80"] => 400 host is empty
            ["a", "a"] => 400 Host more than once
            ["a, b"] => 400 several hosts in one
            ["a,b"] => 400 several hosts in one
            ["a b"] => 400 white space in the host
            ["user@a"] => 400 user information beside the host
            ["user:password@a:80"] => 400 user information beside the host
            ["a/"] => 400 path behind the host
            ["a/path"] => 400 path behind the host
            ["a?b"] => 400 path behind the host
            ["a:80/path"] => 400 path behind the host
            ["http://a/"] => 400 path behind the host
            ["a:65536"] => 400 port
            ["a:-1"] => 400 port
            ["a:8o"] => 400 port
            ["a:80:80"] => 400 port
            ["::1"] => 400 host is empty
            ["[::1"] => 400 address in brackets
            ["[::1]x"] => 400 host
            ["[]"] => 400 IPv6 address
            ["[fe80::1%25eth0]"] => 400 zone of an IPv6 address
            ["a%"] => 400 host
            ["a%zz"] => 400 host
            ["a\\b"] => 400 host
            ["ä"] => 400 host
        "#]],
    );
}

//= test RFC 9112 §3.2: Host of HTTP/1.0 may be missing, and is checked when it is there.
//= test RFC 9113 §8.3.1: that of HTTP/2 too.
#[test]
fn host_may_be_missing_elsewhere() {
    for version in [Version::HTTP_10, Version::HTTP_2] {
        assert!(request(Method::Get, "/", version, &[]).check_host().is_ok());
        assert!(request(Method::Get, "/", version, &["a"]).check_host().is_ok());
        assert!(request(Method::Get, "/", version, &["a", "a"]).check_host().is_err());
        assert!(request(Method::Get, "/", version, &["a/b"]).check_host().is_err());
        assert!(request(Method::Get, "/", version, &[""]).check_host().is_err());
    }
    let newer = Version { major: 1, minor: 2 };
    assert!(request(Method::Get, "/", newer, &[]).check_host().is_err());
}

//= test RFC 9112 §3.2.2: the authority of an absolute target counts, and Host is ignored.
#[test]
fn the_target_wins_over_host() {
    let of = |method, target, hosts: &[&str]| {
        let request = request(method, target, Version::HTTP_11, hosts);
        request.authority().map(|authority| authority.to_string())
    };
    assert_eq!(of(Method::Get, "http://a:1/x", &["b:2"]).unwrap(), "a:1");
    assert_eq!(of(Method::Connect, "a:1", &["b:2"]).unwrap(), "a:1");
    assert_eq!(of(Method::Get, "/x", &["b:2"]).unwrap(), "b:2");
    assert_eq!(of(Method::Options, "*", &["b"]).unwrap(), "b");
    assert_eq!(of(Method::Get, "/x", &["b", "b"]), None);
    assert_eq!(of(Method::Get, "/x", &["b,c"]), None);
    assert_eq!(of(Method::Get, "/x", &[]), None);
    // It must be there and well-formed all the same (§3.2).
    assert!(request(Method::Get, "http://a/", Version::HTTP_11, &[]).check_host().is_err());
    assert!(request(Method::Get, "http://a/", Version::HTTP_11, &["b, c"]).check_host().is_err());
}
