//! Parts of representations (RFC 9110 §14).

use peers::{Response, Server};

use crate::{field, lasting, strong_etag};

/// Ten thousand bytes in which every place can be told.
fn content() -> Vec<u8> {
    peers::numbered_text(10_000).into_bytes()[..10_000].to_vec()
}

fn server() -> Server {
    lasting(&[("range.bin", &content())])
}

fn ask(server: &Server, range: &str) -> Response {
    server.ask("GET", "/range.bin", &[("Range", range)])
}

#[test]
fn single_ranges_are_cut_to_the_byte() {
    let (server, content) = (server(), content());
    let cases = [
        ("bytes=0-0", 0..1),
        ("bytes=0-99", 0..100),
        ("bytes=100-199", 100..200),
        ("bytes=9999-9999", 9999..10_000),
        ("bytes=5000-", 5000..10_000),
        ("bytes=0-", 0..10_000),
        ("bytes=-1", 9999..10_000),
        ("bytes=-100", 9900..10_000),
        ("bytes=-10000", 0..10_000),
        ("bytes=-99999", 0..10_000),
        ("bytes=9000-99999", 9000..10_000),
        ("bytes=9000-18446744073709551615", 9000..10_000),
        ("bytes=9000-99999999999999999999999", 9000..10_000),
        ("bytes= 0-99", 0..100),
        ("bytes=0-99,", 0..100),
        ("bytes=,0-99", 0..100),
        ("BYTES=0-99", 0..100),
        ("bytes=007-8", 7..9),
    ];
    for (range, expected) in cases {
        let response = ask(&server, range);
        assert_eq!(response.status, 206, "{range}: {response}");
        let (first, last) = (expected.start, expected.end - 1);
        assert_eq!(field(&response, "content-range"), format!("bytes {first}-{last}/10000"));
        assert!(response.body == content[expected], "{range}");
        assert!(response.field("etag").is_some() && response.field("date").is_some(), "{range}");
    }
}

#[test]
fn what_is_no_range_is_ignored() {
    let (server, content) = (server(), content());
    let ranges = [
        "bytes",
        "bytes=",
        "bytes=a-b",
        "bytes=5-4",
        "bytes=-",
        "bytes=1",
        "bytes=--1",
        "bytes=1--2",
        "bytes=0-99;x",
        "bytes 0-99",
        "items=0-99",
        "bytes=0 - 99",
        "bytes=0x1-0x2",
        "bytes=+1-2",
        "=",
        "bytes=0-99,5-4",
    ];
    for range in ranges {
        let response = ask(&server, range);
        assert_eq!(response.status, 200, "{range}: {response}");
        assert!(response.body == content, "{range}");
        assert!(response.field("content-range").is_none(), "{range}: {response}");
    }
}

#[test]
fn what_cannot_be_satisfied_is_416() {
    let server = server();
    for range in ["bytes=10000-", "bytes=10000-10001", "bytes=-0", "bytes=99999-,-0"] {
        let response = ask(&server, range);
        assert_eq!(response.status, 416, "{range}: {response}");
        assert_eq!(field(&response, "content-range"), "bytes */10000", "{range}");
    }
    // Of several, one that can be satisfied is enough.
    let response = ask(&server, "bytes=99999-,0-9");
    assert_eq!(field(&response, "content-range"), "bytes 0-9/10000");
}

#[test]
fn several_ranges_come_in_parts() {
    let (server, content) = (server(), content());
    let cases: [(&str, &[std::ops::Range<usize>]); 5] = [
        ("bytes=0-9,200-209", &[0..10, 200..210]),
        ("bytes=0-9, 200-209, -10", &[0..10, 200..210, 9990..10_000]),
        ("bytes=0-0 , 9999-", &[0..1, 9999..10_000]),
        ("bytes=0-9,99999-,2000-2009", &[0..10, 2000..2010]),
        ("bytes=9000-9009,100-109", &[9000..9010, 100..110]),
    ];
    for (range, expected) in cases {
        let response = ask(&server, range);
        assert_eq!(response.status, 206, "{range}: {response}");
        assert!(response.field("content-range").is_none(), "{range}: {response}");
        let mut parts = parts(&response);
        let mut expected: Vec<_> = expected.to_vec();
        // A server may put them in order, but must not change what they are.
        expected.sort_by_key(|part| part.start);
        parts.sort_by_key(|part| part.first);
        assert_eq!(parts.len(), expected.len(), "{range}");
        for (part, expected) in parts.iter().zip(expected) {
            assert_eq!((part.first, part.last + 1), (expected.start, expected.end), "{range}");
            assert!(part.body == content[expected], "{range}");
            assert_eq!(part.content_type, field(&server.get("/range.bin"), "content-type"));
        }
    }
}

#[test]
fn ranges_that_touch_become_one() {
    let (server, content) = (server(), content());
    let cases = [
        ("bytes=0-9,10-19", 0..20),
        ("bytes=0-9,5-19", 0..20),
        ("bytes=100-199,0-150", 0..200),
        ("bytes=0-,0-,0-,0-", 0..10_000),
        ("bytes=-10000,5-6", 0..10_000),
    ];
    for (range, expected) in cases {
        let response = ask(&server, range);
        assert!(matches!(response.status, 200 | 206), "{range}: {response}");
        assert!(response.body == content[expected], "{range}: {response}");
    }
}

#[test]
fn the_number_of_ranges_is_bounded() {
    let (server, content) = (server(), content());
    let many = |count: usize, step: usize| {
        let ranges: Vec<String> =
            (0..count).map(|n| format!("{}-{}", n * step, n * step)).collect();
        format!("bytes={}", ranges.join(","))
    };
    // Each part costs a hundred bytes of framing for one of content: none of this may pay.
    for range in [many(500, 20), many(1200, 2), many(1200, 8)] {
        let response = ask(&server, &range);
        match response.status {
            200 => assert!(response.body == content),
            206 => assert!(response.body.len() < 3 * content.len(), "{response}"),
            416 => {}
            _ => panic!("{response}"),
        }
    }
    let overlapping = format!("bytes={}", vec!["0-"; 1000].join(","));
    assert!(ask(&server, &overlapping).body.len() <= 2 * content.len());
}

#[test]
fn if_range_asks_for_parts_of_the_same() {
    let server = server();
    let etag = strong_etag(&server, "/range.bin", &[]);
    let modified = field(&server.get("/range.bin"), "last-modified");
    let cases = [
        (&*etag, 206),
        (&*modified, 206),
        ("\"another\"", 200),
        (&*format!("W/{etag}"), 200),
        ("Sat, 01 Jan 2000 00:00:00 GMT", 200),
        ("Tue, 01 Jan 2999 00:00:00 GMT", 200),
        ("nonsense", 200),
    ];
    for (if_range, expected) in cases {
        let fields = [("Range", "bytes=10-19"), ("If-Range", if_range)];
        let response = server.ask("GET", "/range.bin", &fields);
        assert_eq!(response.status, expected, "{if_range}: {response}");
        // Without Range it has no meaning; and what is not satisfiable of another is the whole.
        assert_eq!(server.ask("GET", "/range.bin", &[("If-Range", if_range)]).status, 200);
        let fields = [("Range", "bytes=99999-"), ("If-Range", if_range)];
        let expected = if expected == 206 { 416 } else { 200 };
        assert_eq!(server.ask("GET", "/range.bin", &fields).status, expected, "{if_range}");
    }
}

#[test]
fn ranges_are_offered_and_have_no_meaning_for_head() {
    let server = server();
    assert_eq!(field(&server.get("/range.bin"), "accept-ranges"), "bytes");
    let response = server.ask("HEAD", "/range.bin", &[("Range", "bytes=0-9")]);
    assert_eq!(response.status, 200, "{response}");
    assert_eq!(field(&response, "content-length"), "10000");
}

#[test]
fn an_empty_file_has_no_ranges() {
    let server = lasting(&[("empty.bin", b"")]);
    let response = server.ask("GET", "/empty.bin", &[("Range", "bytes=0-")]);
    assert_eq!(response.status, 416, "{response}");
    assert_eq!(field(&response, "content-range"), "bytes */0");
    let response = server.ask("GET", "/empty.bin", &[]);
    assert_eq!((response.status, response.body.len()), (200, 0));
}

/// A part of a multipart body.
struct Part {
    first: usize,
    last: usize,
    content_type: String,
    body: Vec<u8>,
}

/// Takes a `multipart/byteranges` apart (RFC 2046 §5.1), strictly.
fn parts(response: &Response) -> Vec<Part> {
    let content_type = field(response, "content-type");
    let boundary = content_type.strip_prefix("multipart/byteranges; boundary=");
    let boundary = boundary.unwrap_or_else(|| panic!("{response}")).trim_matches('"');
    assert!((1..=70).contains(&boundary.len()), "{boundary}");
    let body: String = response.body.iter().map(|&b| char::from(b)).collect();
    let delimiter = format!("\r\n--{boundary}");
    let body = format!("\r\n{}", body.trim_start_matches("\r\n"));
    let (body, end) = body.rsplit_once(&format!("{delimiter}--")).expect("a last delimiter");
    assert!(matches!(end, "" | "\r\n"), "{end:?}");
    let delimiter = format!("{delimiter}\r\n");
    let mut pieces = body.split(&delimiter);
    assert_eq!(pieces.next(), Some(""), "nothing stands before the first part");
    pieces
        .map(|piece| {
            let (head, body) = piece.split_once("\r\n\r\n").expect("a part has a head");
            let value = |name: &str| {
                let mut lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
                let found = lines.find(|(n, _)| n.eq_ignore_ascii_case(name));
                found.unwrap_or_else(|| panic!("no {name} in {head}")).1.to_owned()
            };
            let range = value("Content-Range");
            let range = range.strip_prefix("bytes ").and_then(|r| r.strip_suffix("/10000"));
            let (first, last) = range.unwrap().split_once('-').unwrap();
            Part {
                first: first.parse().unwrap(),
                last: last.parse().unwrap(),
                content_type: value("Content-Type"),
                body: body.chars().map(|c| c as u8).collect(),
            }
        })
        .collect()
}
