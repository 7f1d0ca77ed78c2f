//! Request smuggling: bytes in which two servers could see different requests.

use peers::{Broken, Site};

use crate::{serve, small};

/// What stands behind each attack: a request that must never be answered.
const SMUGGLED: &str = "GET /smuggled.txt HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Heads that are refused: the name of the case, the field lines, and the status.
const REFUSED: [(&str, &str, &[u16]); 43] = [
    ("length and chunked", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", &[400]),
    ("chunked and length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", &[400]),
    ("length of zero and chunked", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", &[400]),
    ("lengths differ", "Content-Length: 5\r\nContent-Length: 6\r\n", &[400]),
    ("lengths differ in a list", "Content-Length: 5, 6\r\n", &[400]),
    ("length with a sign", "Content-Length: +5\r\n", &[400]),
    ("length below zero", "Content-Length: -5\r\n", &[400]),
    ("length in hexadecimal", "Content-Length: 0x5\r\n", &[400]),
    ("length with a fraction", "Content-Length: 5.0\r\n", &[400]),
    ("length of two numbers", "Content-Length: 5 5\r\n", &[400]),
    ("length that is empty", "Content-Length:\r\n", &[400]),
    ("length with an empty element", "Content-Length: 5,\r\n", &[400]),
    ("length in quotes", "Content-Length: \"5\"\r\n", &[400]),
    ("length of 2^64", "Content-Length: 18446744073709551616\r\n", &[400, 413]),
    ("length in other digits", "Content-Length: \u{ff15}\r\n", &[400]),
    ("coding unknown", "Transfer-Encoding: xchunked\r\n", &[400, 501]),
    ("coding before chunked", "Transfer-Encoding: gzip, chunked\r\n", &[400, 501]),
    ("identity", "Transfer-Encoding: identity\r\n", &[400, 501]),
    ("chunked not last", "Transfer-Encoding: chunked, gzip\r\n", &[400, 501]),
    ("chunked, then identity", "Transfer-Encoding: chunked, identity\r\n", &[400, 501]),
    ("chunked twice", "Transfer-Encoding: chunked, chunked\r\n", &[400]),
    (
        "chunked in two lines",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        &[400],
    ),
    ("coding that is empty", "Transfer-Encoding:\r\n", &[400]),
    ("coding in quotes", "Transfer-Encoding: \"chunked\"\r\n", &[400, 501]),
    ("coding with a parameter", "Transfer-Encoding: chunked;q=1\r\n", &[400, 501]),
    ("coding behind a vertical tab", "Transfer-Encoding: \x0bchunked\r\n", &[400]),
    ("blank before the colon", "Content-Length : 5\r\n", &[400]),
    ("tab before the colon", "Transfer-Encoding\t: chunked\r\n", &[400]),
    ("folded line", "X-Folded: a\r\n b\r\n", &[400]),
    ("folded coding", "Transfer-Encoding:\r\n chunked\r\n", &[400]),
    ("blank before the first name", " Transfer-Encoding: chunked\r\n", &[400]),
    ("line without a colon", "Transfer-Encoding chunked\r\n", &[400]),
    ("name that is empty", ": chunked\r\n", &[400]),
    ("name with a blank", "Transfer Encoding: chunked\r\n", &[400]),
    ("name that is no token", "Transfer(Encoding): chunked\r\n", &[400]),
    ("name with a byte above ASCII", "Transfer-Encodin\u{e9}: chunked\r\n", &[400]),
    ("name with NUL", "Content-Length\0: 5\r\n", &[400]),
    ("value with NUL", "X-Value: a\0b\r\n", &[400]),
    ("value with a control byte", "X-Value: a\x01b\r\n", &[400]),
    ("value with DEL", "X-Value: a\x7fb\r\n", &[400]),
    ("bare CR in a value", "X-Value: a\rContent-Length: 5\r\n", &[400]),
    ("bare LF behind a line", "X-Value: a\nContent-Length: 5\r\n", &[400]),
    ("bare LF before the end", "X-Value: a\r\n\n", &[400]),
];

/// Whole heads that are refused.
const REFUSED_HEADS: [(&str, &str, &[u16]); 12] = [
    ("chunked in 1.0", "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]),
    ("bare LF everywhere", "GET / HTTP/1.1\nHost: localhost\n\n", &[400]),
    ("bare LF behind the first line", "GET / HTTP/1.1\nHost: localhost\r\n\r\n", &[400]),
    ("bare CR behind the first line", "GET / HTTP/1.1\rHost: localhost\r\n\r\n", &[400]),
    ("two blanks in the first line", "GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n", &[400]),
    ("tabs in the first line", "GET\t/\tHTTP/1.1\r\nHost: localhost\r\n\r\n", &[400]),
    ("blank in the target", "GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n", &[400]),
    ("blank behind the version", "GET / HTTP/1.1 \r\nHost: localhost\r\n\r\n", &[400]),
    ("blank before the method", " GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", &[400]),
    ("NUL in the target", "GET /a\0b HTTP/1.1\r\nHost: localhost\r\n\r\n", &[400]),
    ("byte above ASCII in the target", "GET /\u{e9} HTTP/1.1\r\nHost: localhost\r\n\r\n", &[400]),
    ("no version", "GET /\r\n\r\n", &[400]),
];

/// Chunked bodies whose end two servers could see in different places.
const CHUNKS: [(&str, &str); 18] = [
    ("size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"),
    ("size with a sign", "+5\r\nhello\r\n0\r\n\r\n"),
    ("size below zero", "-5\r\nhello\r\n0\r\n\r\n"),
    ("size behind a blank", " 5\r\nhello\r\n0\r\n\r\n"),
    ("size that is empty", "\r\nhello\r\n0\r\n\r\n"),
    ("size in another base", "g\r\nhello\r\n0\r\n\r\n"),
    ("size of 2^64", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
    ("size too small", "4\r\nhello\r\n0\r\n\r\n"),
    ("size too large", "6\r\nhello\r\n0\r\n\r\n"),
    ("bare LF behind the size", "5\nhello\r\n0\r\n\r\n"),
    ("bare CR behind the size", "5\rhello\r\n0\r\n\r\n"),
    ("bare LF in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n"),
    ("bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
    ("bare LF behind the data", "5\r\nhello\n0\r\n\r\n"),
    ("no delimiter behind the data", "5\r\nhello0\r\n\r\n"),
    ("other bytes as delimiter", "5\r\nhelloXX0\r\n\r\n"),
    ("bare LF behind the last chunk", "0\n\r\n"),
    ("trailer without a colon", "0\r\nnonsense\r\n\r\n"),
];

#[test]
fn ambiguous_heads_are_refused_and_nothing_behind_them_is_read() {
    let (_site, server) = small();
    let mut failures = Vec::new();
    let rows = REFUSED.iter().map(|(case, lines, expected)| {
        (case, format!("GET /hello.txt HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n"), expected)
    });
    let heads = REFUSED_HEADS.iter().map(|(case, head, expected)| (case, (*head).into(), expected));
    for (case, head, expected) in rows.chain(heads) {
        let mut conn = server.connect();
        conn.send(format!("{head}{SMUGGLED}"));
        let verdict = match conn.try_response("GET") {
            Ok(response) if !expected.contains(&response.status) => format!("{response}"),
            Ok(response) if !response.lists("connection", "close") => {
                format!("not closed: {response}")
            }
            Ok(_) => match conn.rest() {
                rest if rest.is_empty() => continue,
                rest => format!("more came: {:?}", String::from_utf8_lossy(&rest)),
            },
            Err(broken) => format!("{broken:?}"),
        };
        failures.push(format!("{case}: {verdict}"));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_blank_before_the_first_field_is_no_way_around_the_host() {
    let (_site, server) = small();
    let mut conn = server.connect();
    conn.send(format!("GET / HTTP/1.1\r\n Host: other\r\nHost: localhost\r\n\r\n{SMUGGLED}"));
    assert_eq!(conn.response("GET").status, 400);
    conn.expect_end();
}

#[test]
fn chunked_bodies_are_checked_to_the_byte() {
    let (_site, server) = small();
    let mut failures = Vec::new();
    for (case, body) in CHUNKS {
        let mut conn = server.connect();
        conn.send(format!(
            "GET /hello.txt HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n\
             {body}{SMUGGLED}"
        ));
        // The answer may be out before the body is; what must not be is a second one.
        let first = conn.try_response("GET");
        if !matches!(&first, Ok(response) if matches!(response.status, 200 | 400)) {
            failures.push(format!("{case}: {first:?}"));
        }
        let rest = conn.rest();
        let rest = String::from_utf8_lossy(&rest);
        // A refusal in place of the request behind is fine; an answer to it is not.
        if rest.contains(" 200 ") || rest.contains(" 404 ") || rest.matches("HTTP/1.1").count() > 1
        {
            failures.push(format!("{case}: more came: {rest:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn bodies_of_every_kind_end_where_they_should() {
    let site = Site::new().with("hello.txt", "hello\n").with("next.txt", "next\n");
    let server = serve(&site);
    let bodies = [
        ("no body", "\r\n"),
        ("a length", "Content-Length: 5\r\n\r\nhello"),
        ("a length of zero", "Content-Length: 0\r\n\r\n"),
        ("a length with zeros before it", "Content-Length: 0005\r\n\r\nhello"),
        ("equal lengths in two lines", "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
        ("equal lengths in a list", "Content-Length: 5, 5\r\n\r\nhello"),
        ("one chunk", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        ("a coding in capitals", "TRANSFER-ENCODING: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        ("no chunk", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("many chunks", "Transfer-Encoding: chunked\r\n\r\n1\r\nh\r\n4\r\nello\r\n0\r\n\r\n"),
        ("sizes in capitals", "Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n"),
        ("zeros before a size", "Transfer-Encoding: chunked\r\n\r\n0005\r\nhello\r\n000\r\n\r\n"),
        (
            "extensions",
            "Transfer-Encoding: chunked\r\n\r\n5;a=b;c=\"d;\"\r\nhello\r\n0;last\r\n\r\n",
        ),
        ("trailers", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),
        (
            "a request inside",
            "Content-Length: 36\r\n\r\nGET /never.txt HTTP/1.1\r\nHost: x\r\n\r\n",
        ),
    ];
    for (case, rest) in bodies {
        for piece_len in [usize::MAX, 1] {
            let mut conn = server.connect();
            let bytes = format!(
                "GET /hello.txt HTTP/1.1\r\nHost: localhost\r\n{rest}\
                 GET /next.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            );
            for piece in bytes.as_bytes().chunks(piece_len.min(bytes.len())) {
                conn.send(piece);
            }
            assert_eq!(conn.response("GET").text(), "hello\n", "{case}");
            assert_eq!(conn.response("GET").text(), "next\n", "{case}");
            conn.expect_end();
        }
    }
}

#[test]
fn a_body_that_breaks_off_is_not_followed_by_a_request() {
    let (_site, server) = small();
    for body in ["Content-Length: 9\r\n\r\nhel", "Transfer-Encoding: chunked\r\n\r\n9\r\nhel"] {
        let mut conn = server.connect();
        conn.send(format!("GET /hello.txt HTTP/1.1\r\nHost: localhost\r\n{body}"));
        conn.finish();
        match conn.try_response("GET") {
            Ok(response) => assert!(matches!(response.status, 200 | 400), "{response}"),
            Err(Broken::Closed) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
}
