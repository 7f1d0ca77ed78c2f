use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use base::Wall;
use clap::Parser;
use message::{Fields, Method, Response, Status, date};

use super::location::Location;
use super::request::{Asked, Step, parse_field, parse_range};
use super::resume::{self, Part, Plan};
use super::{Options, connect, film, retry};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

fn asked(arguments: &[&str]) -> Asked {
    let line = ["get"].iter().chain(arguments);
    Asked::new(&Line::parse_from(line).options).unwrap()
}

fn fields(lines: &[(&str, &str)]) -> Fields {
    lines.iter().map(|&(name, value)| (name, value)).collect()
}

/// The request as it is sent to `url`, without what every request has.
fn request(arguments: &[&str], url: &str) -> String {
    let all = [arguments, &[url]].concat();
    let asked = asked(&all);
    let step = Step::first(&asked, Location::parse(url).unwrap(), None);
    shown(&asked, &step)
}

fn shown(asked: &Asked, step: &Step) -> String {
    let request = asked.request(step);
    let mut text = format!("{} {}\n", request.method, request.target);
    for (name, value) in request.fields.iter() {
        let is_usual = matches!(name.as_str(), "User-Agent" | "Accept") && value != b"mine";
        if !is_usual {
            text.push_str(&format!("{name:?}: {}\n", String::from_utf8_lossy(value)));
        }
    }
    text
}

#[test]
fn what_is_typed_becomes_a_url() {
    for (typed, url, host) in [
        ("http://example.com", "http://example.com", "example.com"),
        ("example.com/a", "https://example.com/a", "example.com"),
        ("example.com:8443/a", "https://example.com:8443/a", "example.com:8443"),
        ("localhost:8080/x", "http://localhost:8080/x", "localhost:8080"),
        ("LOCALHOST", "http://LOCALHOST", "localhost"),
        ("a.localhost", "http://a.localhost", "a.localhost"),
        ("127.0.0.1:1/", "http://127.0.0.1:1/", "127.0.0.1:1"),
        ("127.0.0.53", "http://127.0.0.53", "127.0.0.53"),
        ("[::1]:8080", "http://[::1]:8080", "[::1]:8080"),
        ("[::1]", "http://[::1]", "[::1]"),
        ("[2001:db8::1]/", "https://[2001:db8::1]/", "[2001:db8::1]"),
        ("HTTP://EXAMPLE.com:80/", "HTTP://EXAMPLE.com:80/", "example.com"),
        ("https://example.com:443/", "https://example.com:443/", "example.com"),
        ("http://example.com:443/", "http://example.com:443/", "example.com:443"),
        ("http://example.com/a#b", "http://example.com/a", "example.com"),
        ("http://example.com/a b?c d", "http://example.com/a%20b?c%20d", "example.com"),
        ("http://example.com/b\u{fc}cher", "http://example.com/b%C3%BCcher", "example.com"),
        ("http://example.com/a[1]{2}|", "http://example.com/a%5B1%5D%7B2%7D%7C", "example.com"),
        ("http://example.com?next=http://x/", "http://example.com?next=http://x/", "example.com"),
        ("http://[fe80::1%25lo]:81/", "http://[fe80::1%25lo]:81/", "[fe80::1]:81"),
    ] {
        let location = Location::parse(typed).unwrap();
        assert_eq!(location.to_string(), url);
        assert_eq!(location.origin.host_field(), host, "{typed}");
    }
}

#[test]
fn what_cannot_be_asked_for_is_refused_with_a_tip() {
    for (typed, said) in [
        ("ftp://example.com/", "the scheme must be http or https"),
        ("http://", "host"),
        ("http:///a", "host"),
        ("http://example.com:0/", "port 0"),
        ("http://example.com:99999/", "port"),
        ("http://b\u{fc}cher.example/", "punycode"),
        ("b\u{fc}cher.example", "punycode"),
        ("http://name:secret@example.com/", "--user"),
        ("mailto:somebody@example.com", "--user"),
        ("http://[::1/", ""),
        ("http://example.com/%zz", ""),
        ("", "host"),
    ] {
        let problem = Location::parse(typed).unwrap_err();
        let text = problem.to_string();
        assert_eq!(problem.exit_code(), 3, "{typed}");
        assert!(text.contains(said), "{typed}: {text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn redirects_are_resolved() {
    let base = Location::parse("https://example.com/a/b?c").unwrap();
    for (value, url) in [
        ("d", "https://example.com/a/d"),
        ("/d", "https://example.com/d"),
        ("?d", "https://example.com/a/b?d"),
        ("//other.example/", "https://other.example/"),
        ("http://example.com/#x", "http://example.com/"),
        ("../../../d e", "https://example.com/d%20e"),
        ("/x//y[1]", "https://example.com/x//y%5B1%5D"),
        ("//[::1]:81/[1]", "https://[::1]:81/%5B1%5D"),
        ("/b\u{fc}cher", "https://example.com/b%C3%BCcher"),
    ] {
        assert_eq!(base.redirect(value.as_bytes()).unwrap().to_string(), url);
    }
    for value in ["javascript:alert(1)", "file:///etc/passwd", "http://a@b/", "http://[/"] {
        assert_eq!(base.redirect(value.as_bytes()).unwrap_err().exit_code(), 47, "{value}");
    }
}

#[test]
fn a_file_is_called_like_the_last_part_of_the_path() {
    for (url, name) in [
        ("http://x/a/b.txt", "b.txt"),
        ("http://x/a/b%20c?d", "b c"),
        ("http://x/%2e%2e%2e", "..."),
    ] {
        assert_eq!(Location::parse(url).unwrap().file_name().unwrap(), Path::new(name));
    }
    for url in ["http://x", "http://x/", "http://x/a/", "http://x/%2e%2e", "http://x/a%2fb"] {
        assert!(Location::parse(url).unwrap().file_name().is_err(), "{url}");
    }
}

#[test]
fn requests_are_what_the_options_say() {
    let films = [
        request(&[], "http://example.com:81/a?b#c"),
        request(&["-I", "--range", "0-9,-5"], "http://example.com"),
        request(&["-d", "a=b"], "http://example.com/"),
        request(&["-X", "PURGE", "-H", "accept:mine", "-H", "X-One: 1", "-H", "X-One: 2"], "x/"),
        request(&["-H", "Host: other", "-H", "User-Agent:"], "http://example.com/"),
        request(&["--user", "Aladdin:open sesame", "--compressed"], "http://example.com/"),
    ];
    assert_eq!(
        films.join("\n"),
        "\
GET /a?b
Host: example.com:81

HEAD /
Host: example.com
Range: bytes=0-9,-5

POST /
Host: example.com
Content-Type: application/x-www-form-urlencoded
Content-Length: 3

PURGE /
Host: x
Accept: mine
X-One: 1
X-One: 2

GET /
Host: other

GET /
Host: example.com
Accept-Encoding: br, zstd, gzip
Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==
"
    );
}

#[test]
fn secrets_stay_with_whom_they_are_meant_for() {
    //= test RFC 9110 §15.4: credentials are not sent on to another origin
    let arguments = ["--user", "a:b", "-H", "Cookie: c", "-H", "X: y", "http://one/"];
    let asked = asked(&arguments);
    let first = Step::first(&asked, Location::parse("http://one/").unwrap(), None);
    assert!(shown(&asked, &first).contains("Authorization: Basic"));
    let other = Step { may_see_secrets: false, ..first };
    assert_eq!(shown(&asked, &other), "GET /\nHost: one\nX: y\n");
}

#[test]
fn a_large_body_waits_for_leave() {
    let directory = tempfile::tempdir();
    let file = directory.join("large");
    std::fs::write(&file, vec![b'x'; 1024 * 1024 + 1]).unwrap();
    let data = format!("@{}", file.display());
    assert!(
        request(&["-d", &data], "http://x/")
            .contains("Content-Length: 1048577\nExpect: 100-continue\n")
    );
    assert!(!request(&["-d", &data, "-H", "Expect:"], "http://x/").contains("Expect"));
    std::fs::write(&file, vec![b'x'; 1024 * 1024]).unwrap();
    assert!(!request(&["-d", &data], "http://x/").contains("Expect"));
}

#[test]
fn a_part_is_asked_for_by_its_version() {
    let asked = asked(&["-C", "-o", "f", "http://x/"]);
    let part = Part { len: 500, validator: "\"v1\"".to_owned() };
    let step = Step::first(&asked, Location::parse("http://x/").unwrap(), Some(part));
    assert_eq!(shown(&asked, &step), "GET /\nHost: x\nRange: bytes=500-\nIf-Range: \"v1\"\n");
}

#[test]
fn fields_and_ranges_are_checked() {
    assert_eq!(parse_field("A: b").unwrap(), ("A".to_owned(), Some(b"b".to_vec())));
    assert_eq!(parse_field("A:").unwrap(), ("A".to_owned(), None));
    for line in ["A", "A b: c", ": c", "A: b\r\nC: d", "Content-Length: 1", "transfer-encoding: x"]
    {
        assert_eq!(parse_field(line).unwrap_err().exit_code(), 2, "{line:?}");
    }
    for (text, value) in [
        ("0-99", "bytes=0-99"),
        ("-5", "bytes=-5"),
        ("5-", "bytes=5-"),
        ("bytes=0-0, 2-", "bytes=0-0, 2-"),
    ] {
        assert_eq!(parse_range(text).unwrap(), value);
    }
    for text in ["", "-", "a-b", "5", "0-1,", "lines=0-1", "0-1\r\nX: y"] {
        assert!(parse_range(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_part_goes_on_only_where_it_ends_and_in_the_same_version() {
    let part = Part { len: 10, validator: "\"v1\"".to_owned() };
    let plan = |code: u16, lines: &[(&str, &str)]| {
        let response = Response::new(Status::new(code).unwrap(), fields(lines));
        resume::plan(&response, &part).map_err(|problem| problem.exit_code())
    };
    let complete = Some(20);
    //= test RFC 9110 §15.3.7.3: parts are put together only with the same strong validator
    assert_eq!(plan(206, &[("Content-Range", "bytes 10-19/20")]), Ok(Plan::Continue { complete }));
    assert_eq!(
        plan(206, &[("Content-Range", "bytes 10-19/20"), ("ETag", "\"v1\"")]),
        Ok(Plan::Continue { complete })
    );
    assert_eq!(
        plan(206, &[("Content-Range", "bytes 10-19/*")]),
        Ok(Plan::Continue { complete: None })
    );
    assert_eq!(plan(206, &[("Content-Range", "bytes 10-19/20"), ("ETag", "\"v2\"")]), Err(33));
    assert_eq!(plan(206, &[("Content-Range", "bytes 9-19/20")]), Err(33));
    assert_eq!(plan(206, &[("Content-Range", "bytes 0-19/20")]), Err(33));
    assert_eq!(plan(206, &[("Content-Range", "bytes 10-30/20")]), Err(33));
    assert_eq!(plan(206, &[("Content-Range", "10-19/20")]), Err(33));
    assert_eq!(plan(206, &[("Content-Type", "multipart/byteranges; boundary=x")]), Err(33));
    //= test RFC 9110 §13.1.5: where the condition fails, the whole comes
    assert_eq!(plan(200, &[]), Ok(Plan::Begin));
    //= test RFC 9110 §15.5.17: 416 says how long the whole is
    assert_eq!(plan(416, &[("Content-Range", "bytes */10")]), Ok(Plan::HaveAll));
    assert_eq!(plan(416, &[("Content-Range", "bytes */9")]), Err(33));
    assert_eq!(plan(416, &[]), Err(33));
}

#[test]
fn only_strong_validators_are_remembered() {
    const MON: &str = "Mon, 02 Jan 2006 15:04:05 GMT";
    const TUE: &str = "Tue, 03 Jan 2006 15:04:05 GMT";
    for (lines, validator) in [
        (&[("ETag", "\"a\"")][..], Some("\"a\"")),
        (&[("ETag", "W/\"a\"")], None),
        (&[("ETag", "W/\"a\""), ("Last-Modified", MON), ("Date", TUE)], None),
        (&[("ETag", "a")], None),
        (&[("Last-Modified", MON), ("Date", TUE)], Some(MON)),
        //= test RFC 9110 §8.8.2.2: a date is weak when there may have been a change in its second
        (&[("Last-Modified", MON), ("Date", MON)], None),
        (&[("Last-Modified", MON)], None),
        (&[], None),
    ] {
        assert_eq!(resume::validator(&fields(lines)).as_deref(), validator, "{lines:?}");
    }
}

#[test]
fn parts_are_found_with_their_validators_only() {
    let directory = tempfile::tempdir();
    let file = directory.join("f");
    assert_eq!(resume::find(&file), None);
    std::fs::write(resume::part_path(&file), "12345").unwrap();
    assert_eq!(resume::find(&file), None);
    for (text, is_validator) in [
        ("\"v\"\n", true),
        ("W/\"v\"\n", false),
        ("Mon, 02 Jan 2006 15:04:05 GMT\n", true),
        ("x", false),
    ] {
        std::fs::write(resume::validator_path(&file), text).unwrap();
        assert_eq!(resume::find(&file).is_some(), is_validator, "{text}");
    }
}

#[test]
fn waiting_is_asked_for_in_seconds_or_until_a_date() {
    let now = date::parse(b"Mon, 02 Jan 2006 15:04:05 GMT").unwrap();
    let after = |value: &str| retry::after(&fields(&[("Retry-After", value)]), now);
    assert_eq!(after("7"), Some(Duration::from_secs(7)));
    assert_eq!(after("Mon, 02 Jan 2006 15:05:05 GMT"), Some(Duration::from_secs(60)));
    assert_eq!(after("Mon, 02 Jan 2006 15:03:05 GMT"), Some(Duration::ZERO));
    assert_eq!(after("soon"), None);
    assert_eq!(retry::after(&Fields::new(), Wall(0)), None);
    let waits: Vec<u64> = (1..=8).map(|n| retry::backoff(n).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(retry::backoff(u32::MAX).as_secs(), 60);
}

#[test]
fn what_may_be_sent_again() {
    let may =
        |method, code| retry::may_repeat(&method, retry::of_status(Status::new(code).unwrap()));
    //= test RFC 9110 §9.2.2: only idempotent methods are repeated where it is not known what was done
    assert!(may(Method::Get, 502) && may(Method::Put, 500) && !may(Method::Post, 502));
    assert!(may(Method::Post, 503) && may(Method::Post, 429));
    assert!(!may(Method::Get, 404) && !may(Method::Get, 501));
}

#[test]
fn addresses_take_turns() {
    let all =
        |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect::<Vec<SocketAddr>>();
    let given = all(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "[::1]:1", "2.2.2.2:1"]);
    //= test RFC 8305 §4: families take turns
    let order = all(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]);
    assert_eq!(connect::interleaved(&given), order);
    assert!(connect::interleaved(&[]).is_empty());
    let many: Vec<SocketAddr> =
        (1..100).map(|port| SocketAddr::from(([127, 0, 0, 1], port))).collect();
    assert_eq!(connect::interleaved(&many).len(), 16);
}

#[test]
fn the_host_is_looked_up_without_its_brackets() {
    for (url, host) in [
        ("http://[::1]/", "::1"),
        ("http://[fe80::1%25lo]/", "fe80::1%lo"),
        ("http://Example.COM/", "example.com"),
    ] {
        assert_eq!(Location::parse(url).unwrap().origin.dialled_host(), host);
    }
}

/// Directories that go away with the test.
mod tempfile {
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicU32, Ordering};

    pub(super) struct Dir(PathBuf);

    pub(super) fn tempdir() -> Dir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("hepta-get-{}-{next}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Dir(path)
    }

    impl Dir {
        pub(super) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
            self.0.join(name)
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

#[test]
fn films_of_two_are_one_in_order() {
    let below = "0.100000s Link a\n0.200000s Link b\n... and 2 more notes that did not fit\n";
    let above = "0.150000s Application c\n0.200000s Application d\n1.000000s Application e\n";
    let expected = "0.100000s Link a\n0.150000s Application c\n0.200000s Link b\n\
                    ... and 2 more notes that did not fit\n0.200000s Application d\n1.000000s Application e\n";
    assert_eq!(film::merged(below, above), expected);
    assert_eq!(film::merged("", above), above);
    assert_eq!(film::merged(below, ""), below);
}
