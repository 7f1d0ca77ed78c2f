use expect_test::expect;
use message::{Fields, Method, Request, Target, Version};
use proptest::prelude::*;

use super::{fields, film, with_cx};
use crate::cross_site::{Config, Policy, check};
use crate::xray::Why;

fn request(method: &str, fields: Fields) -> Request {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let target = Target::parse(&method, b"/").unwrap();
    Request { method, target, version: Version::HTTP_11, fields }
}

fn policy(trusted: &[&str], takes_same_site: bool) -> Policy {
    let trusted = trusted.iter().map(ToString::to_string).collect();
    Policy::new(&Config { trusted, takes_same_site }).unwrap()
}

/// Of a POST to `https://example.org`.
#[track_caller]
fn ask(policy: &Policy, lines: &str, want: Result<(), Why>) {
    let request = request("POST", fields(&format!("Host: example.org | {lines}")));
    assert_eq!(with_cx(|cx| check(cx, policy, "https", &request)), want, "{lines}");
}

//= test RFC 9110 §9.2.1: who only reads changes nothing.
#[test]
fn safe_methods_pass() {
    for (method, want) in [
        ("GET", Ok(())),
        ("HEAD", Ok(())),
        ("OPTIONS", Ok(())),
        ("TRACE", Ok(())),
        ("POST", Err(Why::CrossSite)),
        ("PUT", Err(Why::CrossSite)),
        ("PATCH", Err(Why::CrossSite)),
        ("DELETE", Err(Why::CrossSite)),
        ("get", Err(Why::CrossSite)),
        ("PURGE", Err(Why::CrossSite)),
    ] {
        let request = request(method, fields("Host: example.org | Sec-Fetch-Site: cross-site"));
        let policy = Policy::default();
        assert_eq!(with_cx(|cx| check(cx, &policy, "https", &request)), want, "{method}");
    }
}

#[test]
fn the_browser_says_which_site_asks() {
    let strict = Policy::default();
    ask(&strict, "Sec-Fetch-Site: same-origin", Ok(()));
    ask(&strict, "Sec-Fetch-Site: same-origin | Origin: null", Ok(()));
    ask(&strict, "Sec-Fetch-Site: none", Ok(()));
    ask(&strict, "Sec-Fetch-Site: same-site", Err(Why::SameSite));
    ask(&strict, "Sec-Fetch-Site: cross-site", Err(Why::CrossSite));
    // Redirected here by another site: the origin may be ours.
    ask(&strict, "Sec-Fetch-Site: cross-site | Origin: https://example.org", Err(Why::CrossSite));
}

#[test]
fn sisters_are_taken_by_choice() {
    let sisterly = policy(&[], true);
    ask(&sisterly, "Sec-Fetch-Site: same-site", Ok(()));
    ask(&sisterly, "Sec-Fetch-Site: cross-site", Err(Why::CrossSite));
    // Without the field nobody knows who is a sister.
    ask(&sisterly, "Origin: https://a.example.org", Err(Why::OriginNotAllowed));
}

#[test]
fn an_older_browser_says_only_which_origin() {
    let strict = Policy::default();
    ask(&strict, "Origin: https://example.org", Ok(()));
    ask(&strict, "Origin: https://EXAMPLE.org:443", Ok(()));
    ask(&strict, "Origin: http://example.org", Err(Why::OriginNotAllowed));
    ask(&strict, "Origin: https://example.org:444", Err(Why::OriginNotAllowed));
    ask(&strict, "Origin: https://www.example.org", Err(Why::OriginNotAllowed));
    ask(&strict, "Origin: null", Err(Why::OriginNotAllowed));
    ask(&strict, "Origin: example.org", Err(Why::OriginMalformed));
    ask(&strict, "Origin:", Err(Why::OriginMalformed));
    let twice = "Origin: https://example.org | Origin: https://example.org";
    ask(&strict, twice, Err(Why::MoreThanOneLine));
}

#[test]
fn who_is_no_browser_passes() {
    ask(&Policy::default(), "", Ok(()));
    ask(&Policy::default(), "Cookie: a=b", Ok(()));
}

#[test]
fn trusted_origins_pass() {
    let trusting = policy(&["https://a.example", "https://*.b.example"], false);
    ask(&trusting, "Sec-Fetch-Site: cross-site | Origin: https://a.example", Ok(()));
    ask(&trusting, "Sec-Fetch-Site: same-site | Origin: https://x.b.example", Ok(()));
    ask(&trusting, "Origin: https://x.b.example", Ok(()));
    ask(&trusting, "Origin: https://b.example", Err(Why::OriginNotAllowed));
    let stranger = "Sec-Fetch-Site: cross-site | Origin: https://b.example";
    ask(&trusting, stranger, Err(Why::CrossSite));
    for everybody in ["*", "null"] {
        let config = Config { trusted: vec![everybody.to_owned()], takes_same_site: false };
        let want =
            format!("the origin {everybody:?} cannot be used: any site can make a page with it");
        assert_eq!(Policy::new(&config).unwrap_err().to_string(), want);
    }
}

/// Fetch Metadata: a value that is unknown is ignored; then Origin has to be there, and ours.
#[test]
fn what_the_browser_says_may_be_new() {
    let strict = Policy::default();
    for new in
        ["same-galaxy", "", "Same-Origin", "same-origin, none", "none | Sec-Fetch-Site: none"]
    {
        let said = format!("Sec-Fetch-Site: {new}");
        ask(&strict, &said, Err(Why::NoOrigin));
        ask(&strict, &format!("{said} | Origin: https://example.org"), Ok(()));
        let stranger = format!("{said} | Origin: https://a.example");
        ask(&strict, &stranger, Err(Why::OriginNotAllowed));
    }
}

#[test]
fn our_own_origin_is_the_request_s() {
    let own = |scheme: &str, host: &str, origin: &str| {
        let request = request("POST", fields(&format!("{host} | Origin: {origin}")));
        with_cx(|cx| check(cx, &Policy::default(), scheme, &request))
    };
    assert_eq!(own("http", "Host: localhost:8080", "http://localhost:8080"), Ok(()));
    assert_eq!(own("http", "Host: [::1]:8080", "http://[::1]:8080"), Ok(()));
    assert_eq!(own("http", "Host: a.example", "http://a.example:80"), Ok(()));
    let foreign = Err(Why::OriginNotAllowed);
    assert_eq!(own("http", "Host: localhost:8080", "http://localhost"), foreign);
    assert_eq!(own("https", "Host: a.example", "http://a.example"), foreign);
    assert_eq!(own("http", "Accept: */*", "http://a.example"), Err(Why::NoAuthority));
}

#[test]
fn the_film_says_why() {
    let mut films = String::new();
    for (method, lines) in [
        ("GET", "Sec-Fetch-Site: cross-site"),
        ("POST", "Sec-Fetch-Site: same-origin"),
        ("POST", "Sec-Fetch-Site: cross-site"),
        ("POST", "Sec-Fetch-Site: new | Origin: https://a.example"),
        ("POST", ""),
    ] {
        let request = request(method, fields(&format!("Host: example.org | {lines}")));
        films.push_str(&film(|cx| check(cx, &Policy::default(), "https", &request)));
    }
    expect![[r#"
        => Ok(())
        Decided what="not from another site" because=SameOrigin
        => Ok(())
        Decided what="refused: from another site" because=CrossSite
        => Err(CrossSite)
        Ignored field=Sec-Fetch-Site because=FetchSiteUnknown
        Decided what="refused: from another site" because=OriginNotAllowed
        => Err(OriginNotAllowed)
        Decided what="not from another site" because=NotFromBrowser
        => Ok(())
    "#]]
    .assert_eq(&films);
}

proptest! {
    #[test]
    fn a_stranger_s_page_never_passes(
        host in "[a-z]{1,5}[.](example|test)",
        site in proptest::option::of("cross-site|same-site|[a-z-]{0,6}"),
    ) {
        let mut lines = format!("Host: example.org | Origin: https://{host}");
        if let Some(site) = site.filter(|site| site != "none") {
            lines.push_str(&format!(" | Sec-Fetch-Site: {site}"));
        }
        let request = request("POST", fields(&lines));
        let policy = policy(&["https://trusted.invalid"], false);
        prop_assert!(with_cx(|cx| check(cx, &policy, "https", &request)).is_err());
    }

    #[test]
    fn any_bytes(
        origin in proptest::collection::vec(any::<u8>(), 0..30),
        site in proptest::collection::vec(any::<u8>(), 0..12),
        host in proptest::collection::vec(any::<u8>(), 0..12),
    ) {
        let names = [message::Name::Origin, message::Name::SecFetchSite, message::Name::Host];
        let fields = names.into_iter().zip([origin, site, host]).collect();
        let _ = with_cx(|cx| check(cx, &Policy::default(), "http", &request("POST", fields)));
    }
}
