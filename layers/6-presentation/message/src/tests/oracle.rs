//! Ours against the `url` crate, which reads as browsers do (the WHATWG URL standard).
//!
//! Where both take an http URL, they agree on its parts, but for this:
//!
//! | what                                  | RFC 3986                    | browsers                       |
//! |---------------------------------------|-----------------------------|--------------------------------|
//! | `\`, spaces, tabs, line ends, `http:a` | refused, or no authority    | mended                         |
//! | an empty host                         | a host, for other schemes   | the path's first segment       |
//! | `127.1`, `0x7f.1`, `1.2.3.256`        | names                       | IPv4, or refused               |
//! | an escape in a host                   | kept, unless unreserved     | undone, then IDNA              |
//! | `%7E` in a path                       | a `~`, once normalised      | kept                           |
//! | `'` in a query                        | itself                      | escaped                        |
//! | user information                      | kept                        | more of it escaped             |
//! | `::ffff:1.2.3.4`                      | RFC 5952 §5 writes it so    | `::ffff:102:304`               |
//! | zones and future addresses            | allowed                     | refused                        |
//!
//! Both sides are normalised by ours before they are compared, which leaves out the line on `%7E`;
//! the others are left out below, each by name.

use proptest::prelude::*;

use crate::Method;
use crate::target::Target;
use crate::uri::{Host, Uri};

/// Whether both mean the same kinds of hosts by it.
fn is_comparable(uri: &Uri<'_>) -> bool {
    match uri.host_kind() {
        Some(Host::Name(name)) => {
            // The WHATWG host parser takes a last label of digits for a number.
            let last = name.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
            let is_number = last.starts_with(|c: char| c.is_ascii_digit());
            !name.is_empty() && !name.contains('%') && !is_number && !name.contains("xn--")
        }
        Some(Host::V4(_) | Host::V6 { zone: None, .. }) => true,
        Some(Host::V6 { .. } | Host::Future(_)) | None => false,
    }
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let (Ok(ours), Ok(theirs)) = (Uri::parse(text), url::Url::parse(text)) else { return Ok(()) };
    if !is_comparable(&ours) {
        return Ok(());
    }
    let ours = ours.normalise();
    let theirs_as_ours =
        Uri::parse(theirs.as_str()).expect("what browsers write is a URI").normalise();
    prop_assert_eq!(ours.scheme(), theirs.scheme());
    prop_assert_eq!(ours.host(), theirs_as_ours.host());
    prop_assert_eq!(ours.effective_port(), theirs.port_or_known_default());
    prop_assert_eq!(ours.path(), theirs_as_ours.path());
    let query = ours.query().map(|query| query.replace('\'', "%27"));
    prop_assert_eq!(query.as_deref(), theirs_as_ours.query());
    prop_assert_eq!(ours.fragment(), theirs_as_ours.fragment());
    Ok(())
}

#[test]
fn examples() {
    for text in [
        "http://EXAMPLE.com:80/a/../b/./c?d'e#f",
        "https://user:pass@example.com:443",
        "http://[::ffff:1.2.3.4]:8080//a//../b",
        "http://1.2.3.4/%7e%2F%2e%2e/x",
        "http://a/b;c=d/..;/e",
        "http://a.b./!$&'()*+,;=:@",
    ] {
        assert!(
            url::Url::parse(text).is_ok() && is_comparable(&Uri::parse(text).unwrap()),
            "{text}"
        );
        check(text).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn we_agree_on_urls(text in "(http|https|HTTP)://([a-z:;]{0,4}@)?([a-zA-Z0-9._-]{0,8}|[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]\\.[0-9]|\\[[0-9a-f:]{2,8}(1\\.2\\.3\\.4)?\\])(:[0-9]{0,5})?((/|\\.|\\.\\.|%2e|%2E|%[0-7][0-9a-fA-F]|[a-zA-Z0-9~_!$&'()*+,;=:@-]{1,3}){0,10})(\\?[a-z&='/?:@%]{0,8})?(#[a-z/?%41]{0,6})?") {
        check(&text)?;
    }

    #[test]
    fn we_agree_on_what_is_resolved(
        base in "http://a(/|[a-z.]{1,3}){0,6}(\\?[a-z]{0,2})?",
        reference in "(//[a-z]{1,3})?(/|\\.|\\.\\.|%2e|[a-z;=]{1,3}){0,8}(\\?[a-z/.]{0,3})?(#[a-z]{0,2})?"
    ) {
        let (Ok(ours), Ok(theirs)) = (Uri::parse(base.as_str()), url::Url::parse(&base)) else {
            return Ok(());
        };
        let (Ok(relative), Ok(theirs)) =
            (crate::uri::Reference::parse(reference.as_str()), theirs.join(&reference))
        else {
            return Ok(());
        };
        if relative.host() == Some("") {
            return Ok(());
        }
        let resolved = ours.resolve(&relative).normalise();
        prop_assert_eq!(resolved, Uri::parse(theirs.as_str()).unwrap().normalise());
    }

    /// What a browser puts on the wire is taken, whatever somebody typed.
    #[test]
    fn whatever_browsers_send_is_a_target(text in "/\\PC{0,20}(\\?\\PC{0,20})?") {
        let base = url::Url::parse("http://a/").unwrap();
        let Ok(url) = base.join(&text) else { return Ok(()) };
        let sent = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        // A stray percent sign is left as it is even in a path: that one is refused.
        let is_stray = crate::uri::percent::decode(url.path().as_bytes()).is_err();
        let target = Target::parse(&Method::Get, sent.as_bytes());
        prop_assert_eq!(target.is_ok(), !is_stray, "{} {:?}", sent, target);
    }
}
