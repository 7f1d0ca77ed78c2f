//! Where a body ends, and who is refused because two parsers could differ about it: the tests of
//! `docs/request-smuggling.md`.

use http_scripts::bytes_of;

use super::limits::status_of;
use super::script::Stage;
use crate::{Closing, Config};

/// What follows each attempt: it must not be served.
const SMUGGLED: &[u8] = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

/// Whether a server answers this with `status` alone, shows nobody a request, and closes the
/// connection without looking at what follows; at once and byte by byte.
#[track_caller]
fn refused(status: u16, request: &str) {
    let request = bytes_of(request);
    let shown = request.escape_ascii();
    let attempt = [&request[..], SMUGGLED].concat();
    assert_eq!(status_of(&Config::default(), &attempt), Some(status), "{shown}");
    let mut stage = Stage::server(Config::default());
    stage.receive(&attempt);
    let sent = stage.sent.escape_ascii().to_string();
    assert_eq!(sent.matches("HTTP/1.1 ").count(), 1, "{shown}: {sent}");
    assert!(sent.contains("Connection: close"), "{shown}: {sent}");
    assert_eq!(stage.connection.closing(), Closing::Fin, "{shown}");
    assert!(!stage.film.contains("/smuggled"), "{shown}: {}", stage.film);
    let heads = stage.film.matches("=>").count();
    assert_eq!(heads, 1, "nothing but the reset: {shown}: {}", stage.film);
}

#[track_caller]
fn all_refused(status: u16, requests: &[&str]) {
    for request in requests {
        refused(status, request);
    }
}

/// What the user is shown as the body of a request with these fields and these bytes behind them.
#[track_caller]
fn body_of(fields: &str, body: &str) -> String {
    let mut stage = Stage::server(Config::default());
    stage.play(&format!(r"> POST / HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n{body}"));
    stage.play("read");
    assert!(stage.film.ends_with("=> #1 End\n"), "{fields}: {}", stage.film);
    let data = stage.events.iter().filter_map(|(_, event)| match event {
        message::Event::Data(chunk) => chunk.as_bytes(),
        _ => None,
    });
    data.map(|part| part.escape_ascii().to_string()).collect()
}

/// A POST with these field lines and a body that some would take for empty.
fn post(fields: &str) -> String {
    format!(r"POST / HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n0\r\n\r\n")
}

//= test RFC 9112 §6.1: a length and a transfer coding exclude each other.
//= test RFC 9112 §11.2: request smuggling.
#[test]
fn content_length_with_transfer_encoding() {
    for fields in [
        r"Content-Length: 5\r\nTransfer-Encoding: chunked",
        r"Transfer-Encoding: chunked\r\nContent-Length: 5",
        r"Transfer-Encoding: chunked\r\nContent-Length: 0",
        r"transfer-encoding: Chunked\r\ncontent-length: 5",
        r"Transfer-Encoding: identity\r\nContent-Length: 5",
        r"Transfer-Encoding:\r\nContent-Length: 5",
        r"Content-Length: x\r\nTransfer-Encoding: chunked",
    ] {
        refused(400, &post(fields));
    }
}

//= test RFC 9112 §6.1: a transfer coding in a message of HTTP/1.0 is a fault.
#[test]
fn transfer_encoding_in_http_1_0() {
    refused(400, r"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    refused(
        400,
        r"POST / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    );
}

//= test RFC 9112 §6.1: what cannot be decoded is 501.
#[test]
fn unknown_codings_before_chunked() {
    for fields in [
        "Transfer-Encoding: gzip, chunked",
        r"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: x, chunked",
    ] {
        refused(501, &post(fields));
    }
}

//= test RFC 9112 §6.3: without chunked at the end nobody knows where a request ends.
#[test]
fn chunked_is_not_last() {
    for fields in [
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: chunked, chunked",
        r"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        r"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: cow",
    ] {
        refused(400, &post(fields));
    }
}

//= test RFC 9112 §7: a name that only looks like chunked is another one.
#[test]
fn chunked_in_disguise() {
    for fields in [
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunkedx",
        "Transfer-Encoding: chunked;q=1",
        r#"Transfer-Encoding: "chunked""#,
        "Transfer-Encoding: 'chunked'",
        r#"Transfer-Encoding: x=",chunked"#,
        r"Transfer-Encoding: chunk\xe9d",
    ] {
        let status = if fields.ends_with(",chunked") { 501 } else { 400 };
        refused(status, &post(fields));
    }
    refused(400, &post(r"Transfer-Encoding: \x0bchunked"));
    refused(400, &post(r"Transfer-Encoding: chunked\0"));
}

#[test]
fn transfer_encoding_with_empty_elements() {
    for fields in [
        "Transfer-Encoding:",
        "Transfer-Encoding: ,chunked",
        "Transfer-Encoding: chunked,",
        r"Transfer-Encoding:\r\nTransfer-Encoding: chunked",
    ] {
        refused(400, &post(fields));
    }
}

//= test RFC 9112 §7: the names of codings are case-insensitive.
#[test]
fn chunked_in_any_case() {
    for name in ["chunked", "CHUNKED", "Chunked", r"\t chunked \t"] {
        let body = body_of(&format!("Transfer-Encoding: {name}"), r"3\r\nabc\r\n0\r\n\r\n");
        assert_eq!(body, "abc", "{name}");
    }
}

//= test RFC 9112 §6.3: two lengths that differ.
#[test]
fn lengths_that_differ() {
    for fields in [
        r"Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        r"Content-Length: 0\r\nContent-Length: 5",
        "Content-Length: 5, 5, 6",
    ] {
        refused(400, &post(fields));
    }
}

//= test RFC 9110 §8.6: the same length more than once is that length.
#[test]
fn lengths_that_agree() {
    for fields in [
        r"Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5, 5",
        "Content-Length: 5 ,\t5",
        "Content-Length: 005",
        r"Content-Length: 5\r\nContent-Length: 05",
    ] {
        assert_eq!(body_of(fields, "hello"), "hello", "{fields}");
    }
}

//= test RFC 9110 §8.6: digits, and nothing but digits.
#[test]
fn lengths_that_are_no_numbers() {
    for value in [
        "+5", "-5", " +5", "5 5", "5;5", "0x5", "5x", "5.0", "5e0", "five", "\"5\"", "", ",", "5,",
        ",5", "5,,5", "5, ", r"\xb5", "5_0", "５",
    ] {
        refused(400, &post(&format!("Content-Length: {value}")));
    }
    refused(400, &post(r"Content-Length: 5\x0b"));
    refused(400, &post(r"Content-Length: \x005"));
}

//= test RFC 9110 §8.6: a length too large to be counted must not wrap around.
#[test]
fn lengths_that_overflow() {
    for value in
        ["18446744073709551616", "99999999999999999999", "340282366920938463463374607431768211461"]
    {
        refused(400, &post(&format!("Content-Length: {value}")));
    }
    // The largest that fits is only a large body.
    let largest = post("Content-Length: 18446744073709551615");
    assert_eq!(status_of(&Config::default(), &bytes_of(&largest)), None);
}

//= test RFC 9112 §6.3: a request that says nothing about its body has none.
#[test]
fn no_length_is_no_body() {
    let mut stage = Stage::server(Config::default());
    stage.receive(&[b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", SMUGGLED].concat());
    stage.play("answer 200\nanswer 200");
    assert_eq!(stage.film.matches("End").count(), 2);
}

//= test RFC 9112 §5.2: a folded line is refused.
//= test RFC 9112 §2.2: so is white space in front of the first field.
#[test]
fn folded_lines() {
    all_refused(
        400,
        &[
            r"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
            r"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\tc\r\n\r\n",
            r"GET / HTTP/1.1\r\n Host: x\r\n\r\n",
            r"GET / HTTP/1.1\r\n \r\nHost: x\r\n\r\n",
            r"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
            r"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n 0\r\n\r\nhello",
        ],
    );
}

//= test RFC 9112 §5.1: no white space between name and colon.
#[test]
fn space_before_the_colon() {
    all_refused(
        400,
        &[
            r"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            r"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello",
            r"POST / HTTP/1.1\r\nHost: x\r\nContent-Length\t: 5\r\n\r\nhello",
            r"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        ],
    );
}

//= test RFC 9110 §5.1: a name is a token.
#[test]
fn names_that_are_no_tokens() {
    for name in [
        "",
        " ",
        "A B",
        "A(",
        "A/B",
        "A\"",
        r"A\0",
        r"A\x7f",
        r"A\x80",
        "A@",
        "[A]",
        "{A}",
        "A\\\\",
        "Ä",
        r"\x0bContent-Length",
        r"Content-Length\xa0",
        r"Transfer\rEncoding",
    ] {
        refused(400, &format!(r"GET / HTTP/1.1\r\nHost: x\r\n{name}: b\r\n\r\n"));
    }
}

//= test RFC 9112 §5: a field line has a colon.
#[test]
fn lines_without_a_colon() {
    all_refused(
        400,
        &[
            r"GET / HTTP/1.1\r\nHost: x\r\nContent-Length\r\n\r\n",
            r"GET / HTTP/1.1\r\nHost: x\r\nContent-Length 5\r\n\r\n",
            r"GET / HTTP/1.1\r\nHost: x\r\nGET /a HTTP/1.1\r\n\r\n",
        ],
    );
}

//= test RFC 9112 §2.2: a bare LF ends no line.
#[test]
fn bare_line_feeds() {
    all_refused(
        400,
        &[
            r"GET / HTTP/1.1\nHost: x\r\n\r\n",
            r"GET / HTTP/1.1\r\nHost: x\n\r\n",
            r"GET / HTTP/1.1\r\nHost: x\r\n\n",
            r"GET / HTTP/1.1\nHost: x\n\n",
            r"GET / HTTP/1.1\r\nHost: x\r\nA: b\nContent-Length: 5\r\n\r\n",
            r"\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        ],
    );
}

//= test RFC 9112 §2.2: a bare CR ends nothing and stands nowhere.
#[test]
fn bare_carriage_returns() {
    all_refused(
        400,
        &[
            r"GET / HTTP/1.1\rHost: x\r\n\r\n",
            r"GET / HTTP/1.1\r\r\nHost: x\r\n\r\n",
            r"GET /\r HTTP/1.1\r\nHost: x\r\n\r\n",
            r"GET / HTTP/1.1\r\nHost: x\r\nA: b\rContent-Length: 5\r\n\r\n",
            r"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\r\n\r\n",
            r"GET / HTTP/1.1\r\nHost: x\r\n\rA: b\r\n\r\n",
            r"GET / HTTP/1.1\r\nHost: x\r\n\r\r\n\r\n",
        ],
    );
}

//= test RFC 9110 §5.5: no NUL and no other control byte, but the tab.
#[test]
fn control_bytes() {
    for b in (0..=0x1f).chain([0x7f]).filter(|&b| b != b'\t') {
        refused(400, &format!(r"GET / HTTP/1.1\r\nHost: x\r\nA: b\x{b:02x}c\r\n\r\n"));
        refused(400, &format!(r"GET / HTTP/1.1\r\nHost: x\r\nCookie: \x{b:02x}\r\n\r\n"));
        refused(400, &format!(r"GET /\x{b:02x} HTTP/1.1\r\nHost: x\r\n\r\n"));
        refused(400, &format!(r"G\x{b:02x}T / HTTP/1.1\r\nHost: x\r\n\r\n"));
        refused(400, &format!(r"GET / HTTP/1.1\x{b:02x}\r\nHost: x\r\n\r\n"));
        refused(400, &format!(r"GET / HTTP/1.1\r\nHost: x\x{b:02x}\r\n\r\n"));
    }
}

//= test RFC 9110 §5.5: the old non-ASCII bytes are kept as they came.
#[test]
fn old_bytes_in_values() {
    let mut stage = Stage::server(Config::default());
    stage.play(r"> GET / HTTP/1.1\r\nHost: x\r\nA: b\t\xff\x80c\r\n\r\n");
    assert!(stage.film.contains(r#"A: "b\t\xff\x80c""#), "{}", stage.film);
}

//= test RFC 9112 §3: exactly one space, and nothing behind the version.
#[test]
fn request_lines_that_are_none() {
    all_refused(
        400,
        &[
            r"GET /\r\nHost: x\r\n\r\n",
            r"GET\r\nHost: x\r\n\r\n",
            r"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
            r"GET /  HTTP/1.1\r\nHost: x\r\n\r\n",
            r"GET / HTTP/1.1 \r\nHost: x\r\n\r\n",
            r"GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n",
            r" GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            r"GET / a HTTP/1.1\r\nHost: x\r\n\r\n",
            r"GET / HTTP/1.1x\r\nHost: x\r\n\r\n",
            r"G@T / HTTP/1.1\r\nHost: x\r\n\r\n",
            r"HTTP/1.1 200 OK\r\nHost: x\r\n\r\n",
        ],
    );
}

//= test RFC 9112 §2.3: the version's name is case-sensitive, and has two digits.
#[test]
fn versions_that_are_none() {
    for version in [
        "http/1.1",
        "Http/1.1",
        "HTTP/1",
        "HTTP/1.",
        "HTTP/11",
        "HTTP/1.10",
        "HTTP/1,1",
        "HTTP/a.b",
        "HTTP/ 1.1",
        "HTTP-1.1",
        "HTTPS/1.1",
        "1.1",
        "ICY",
        "HTTP/1.1\\0",
    ] {
        refused(400, &format!(r"GET / {version}\r\nHost: x\r\n\r\n"));
    }
}

//= test RFC 9112 §3.2: Host is there once, and is a host.
#[test]
fn hosts_that_are_none() {
    for fields in [
        r"",
        r"Host:\r\n",
        r"Host: \t \r\n",
        r"Host: x\r\nHost: x\r\n",
        r"Host: x\r\nhost: y\r\n",
        r"Host: x, y\r\n",
        r"Host: x,y\r\n",
        r"Host: x y\r\n",
        r"Host: user@x\r\n",
        r"Host: user:secret@x\r\n",
        r"Host: x/path\r\n",
        r"Host: x?query\r\n",
        r"Host: x#fragment\r\n",
        r"Host: http://x\r\n",
        r"Host: :80\r\n",
        r"Host: x:y\r\n",
        r"Host: x:99999\r\n",
        r"Host: x:80:80\r\n",
        r"Host: [::1\r\n",
        r"Host: [::1]x\r\n",
        r"Host: \xe9\r\n",
    ] {
        refused(400, &format!(r"GET / HTTP/1.1\r\n{fields}\r\n"));
        // Also where the target names another that would be used.
        refused(400, &format!(r"GET http://z/ HTTP/1.1\r\n{fields}\r\n"));
        if !fields.is_empty() {
            refused(400, &format!(r"GET / HTTP/1.0\r\n{fields}\r\n"));
        }
    }
}

//= test RFC 9112 §3.2: a target that has none of the four forms.
#[test]
fn targets_that_are_none() {
    for line in [
        "GET x",
        "GET x/y",
        "GET *",
        "GET http:///",
        "GET http://u@x/",
        "GET /a#b",
        "POST *",
        "CONNECT /",
        "CONNECT x",
        "CONNECT x:0",
        "CONNECT http://x/",
        "CONNECT u@x:1",
        "OPTIONS **",
        r"GET /\xe9",
        "GET /<a>",
        "GET /%zz",
        "GET x:80",
    ] {
        refused(400, &format!(r"{line} HTTP/1.1\r\nHost: x\r\n\r\n"));
    }
}
