//! Request heads: targets, hosts, methods, versions, limits.

use peers::{Response, Server, Site, random_bytes};

use crate::{serve, small};

/// The answer to these bytes, which end the connection or are the last on it.
#[track_caller]
fn answer(server: &Server, head: &str) -> Response {
    let mut conn = server.connect();
    conn.send(head);
    let method = head.split(' ').next().unwrap_or_default();
    conn.response(method)
}

/// Fails for each case whose answer has another status than it says.
#[track_caller]
fn check(server: &Server, cases: &[(&str, u16)]) {
    let mut failures = Vec::new();
    for (head, expected) in cases {
        let mut conn = server.connect();
        conn.send(format!("{head}\r\n\r\n"));
        let status = conn.try_response(head.split(' ').next().unwrap_or_default());
        match status {
            Ok(response) if response.status == *expected => {}
            other => failures.push(format!("{head:?}: not {expected} but {other:?}")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn host_is_one_and_well_formed() {
    let (_site, server) = small();
    check(
        &server,
        &[
            ("GET / HTTP/1.1", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: a", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhOST: b", 400),
            ("GET / HTTP/1.1\r\nHost:", 400),
            ("GET / HTTP/1.1\r\nHost:  \t ", 400),
            ("GET / HTTP/1.1\r\nHost: a, b", 400),
            ("GET / HTTP/1.1\r\nHost: a,b", 400),
            ("GET / HTTP/1.1\r\nHost: user@a", 400),
            ("GET / HTTP/1.1\r\nHost: user:word@a", 400),
            ("GET / HTTP/1.1\r\nHost: a/b", 400),
            ("GET / HTTP/1.1\r\nHost: a?b", 400),
            ("GET / HTTP/1.1\r\nHost: a#b", 400),
            ("GET / HTTP/1.1\r\nHost: http://a", 400),
            ("GET / HTTP/1.1\r\nHost: a b", 400),
            ("GET / HTTP/1.1\r\nHost: a:b", 400),
            ("GET / HTTP/1.1\r\nHost: a:80:80", 400),
            ("GET / HTTP/1.1\r\nHost: a:65536", 400),
            ("GET / HTTP/1.1\r\nHost: [::1", 400),
            ("GET / HTTP/1.1\r\nHost: ::1", 400),
            ("GET / HTTP/1.1\r\nHost: a%zz", 400),
            ("GET / HTTP/1.1\r\nHost: a\\b", 400),
            // HTTP/1.0 knows no Host, but a wrong one is wrong there too.
            ("GET / HTTP/1.0\r\nHost: a/b", 400),
            ("GET / HTTP/1.0", 200),
            ("GET / HTTP/1.0\r\nHost: a", 200),
            ("GET / HTTP/1.1\r\nHost: a", 200),
            ("GET / HTTP/1.1\r\nHost: A.Example:80", 200),
            ("GET / HTTP/1.1\r\nhost:\ta.example:8080 ", 200),
            ("GET / HTTP/1.1\r\nHost: 127.0.0.1:1", 200),
            ("GET / HTTP/1.1\r\nHost: [::1]:80", 200),
            ("GET / HTTP/1.1\r\nHost: [2001:db8::1]", 200),
            ("GET / HTTP/1.1\r\nHost: xn--bcher-kva.example.", 200),
        ],
    );
}

#[test]
fn targets_come_in_four_forms() {
    let (_site, server) = small();
    check(
        &server,
        &[
            ("GET /hello.txt HTTP/1.1\r\nHost: a", 200),
            ("GET /hello.txt?query=/../x HTTP/1.1\r\nHost: a", 200),
            ("GET /%68ello%2Etxt HTTP/1.1\r\nHost: a", 200),
            ("GET /./x/../hello.txt HTTP/1.1\r\nHost: a", 200),
            ("GET http://other.example/hello.txt HTTP/1.1\r\nHost: a", 200),
            ("GET HTTP://OTHER.example:80/hello.txt HTTP/1.1\r\nHost: a", 200),
            ("GET http://other.example HTTP/1.1\r\nHost: a", 200),
            ("GET http://other.example?query HTTP/1.1\r\nHost: a", 200),
            ("GET http://other.example/hello.txt HTTP/1.0", 200),
            // A wrong Host is wrong, whatever wins.
            ("GET http://other.example/hello.txt HTTP/1.1", 400),
            ("GET http://other.example/hello.txt HTTP/1.1\r\nHost: a, b", 400),
            ("GET http:///hello.txt HTTP/1.1\r\nHost: a", 400),
            ("GET http://user@other.example/hello.txt HTTP/1.1\r\nHost: a", 400),
            ("OPTIONS * HTTP/1.1\r\nHost: a", 204),
            ("OPTIONS http://other.example HTTP/1.1\r\nHost: a", 204),
            ("GET * HTTP/1.1\r\nHost: a", 400),
            ("GET other.example:80 HTTP/1.1\r\nHost: a", 400),
            ("GET hello.txt HTTP/1.1\r\nHost: a", 400),
            ("GET /hello.txt#fragment HTTP/1.1\r\nHost: a", 400),
            ("GET /%zz HTTP/1.1\r\nHost: a", 400),
            ("GET /% HTTP/1.1\r\nHost: a", 400),
            ("GET /\"quoted\" HTTP/1.1\r\nHost: a", 400),
            ("GET /a\\b HTTP/1.1\r\nHost: a", 400),
            ("CONNECT other.example:80 HTTP/1.1\r\nHost: other.example:80", 405),
            ("CONNECT other.example HTTP/1.1\r\nHost: other.example", 400),
            ("CONNECT /hello.txt HTTP/1.1\r\nHost: a", 400),
        ],
    );
}

#[test]
fn the_absolute_form_wins_over_host() {
    let site = Site::new();
    std::fs::create_dir(site.path("folder")).unwrap();
    let server = serve(&site);
    // This server has one site for all hosts; where a redirect names one at all, it is the target's.
    let redirect =
        answer(&server, "GET http://target.example/folder HTTP/1.1\r\nHost: field.example\r\n\r\n");
    assert_eq!(redirect.status, 301);
    let location = redirect.field("location").unwrap();
    assert!(!location.contains("field.example"), "{location}");
    assert!(location.ends_with("/folder/"), "{location}");
}

#[test]
fn methods_are_unknown_or_not_for_this_resource() {
    let (_site, server) = small();
    for method in ["BREW", "get", "GETT", "M-SEARCH", "!#$%&'*+-.^_`|~"] {
        let response = server.ask(method, "/hello.txt", &[]);
        assert_eq!(response.status, 501, "{method}: {response}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE"] {
        let response = server.ask(method, "/hello.txt", &[]);
        assert_eq!(response.status, 405, "{method}: {response}");
        for allowed in ["GET", "HEAD", "OPTIONS"] {
            assert!(response.lists("allow", allowed), "{method}: {response}");
        }
        assert!(!response.lists("allow", method), "{method}: {response}");
    }
    for malformed in ["G(T", "G\u{e9}T", "\"GET\""] {
        let response = answer(&server, &format!("{malformed} / HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(response.status, 400, "{malformed}: {response}");
    }
}

#[test]
fn trace_gives_nothing_back() {
    let (_site, server) = small();
    let response = server.ask("TRACE", "/hello.txt", &[("Cookie", "of-the-user")]);
    assert_eq!(response.status, 405);
    assert!(!response.text().contains("of-the-user"), "{}", response.text());
}

#[test]
fn options_says_what_can_be_done() {
    let (_site, server) = small();
    for target in ["*", "/", "/hello.txt"] {
        let response = server.ask("OPTIONS", target, &[]);
        assert!(matches!(response.status, 200 | 204), "{target}: {response}");
        for allowed in ["GET", "HEAD", "OPTIONS"] {
            assert!(response.lists("allow", allowed), "{target}: {response}");
        }
        assert!(response.body.is_empty());
    }
}

#[test]
fn versions_beyond_1_are_505_and_nonsense_is_400() {
    let (_site, server) = small();
    check(
        &server,
        &[
            ("GET / HTTP/1.0", 200),
            ("GET / HTTP/1.1\r\nHost: a", 200),
            ("GET / HTTP/1.2\r\nHost: a", 200),
            ("GET / HTTP/1.9\r\nHost: a", 200),
            ("GET / HTTP/2.0\r\nHost: a", 505),
            ("GET / HTTP/3.0\r\nHost: a", 505),
            ("GET / HTTP/0.9\r\nHost: a", 505),
            ("PRI / HTTP/2.0", 505),
            ("GET / HTTP/1.10\r\nHost: a", 400),
            ("GET / HTTP/11\r\nHost: a", 400),
            ("GET / HTTP/1\r\nHost: a", 400),
            ("GET / HTTP/1.\r\nHost: a", 400),
            ("GET / http/1.1\r\nHost: a", 400),
            ("GET / HTTPS/1.1\r\nHost: a", 400),
            ("GET / HTTP/1.1x\r\nHost: a", 400),
            ("GET /", 400),
        ],
    );
}

#[test]
fn the_server_answers_with_its_own_version() {
    let (_site, server) = small();
    for version in ["1.0", "1.1", "1.9"] {
        let response = answer(&server, &format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n"));
        assert_eq!(response.version, "HTTP/1.1");
        assert!(response.field("transfer-encoding").is_none() || version != "1.0", "{response}");
    }
}

#[test]
fn limits_hold_to_the_byte() {
    let (_site, server) = small();
    // "GET " and " HTTP/1.1" are thirteen bytes of the 8,192 that a request line may have.
    let target = |len: usize| format!("/hello.txt?{}", "q".repeat(len - 13 - "/hello.txt?".len()));
    let line = |len| format!("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", target(len));
    assert_eq!(answer(&server, &line(8192)).status, 200);
    assert_eq!(answer(&server, &line(8193)).status, 414);
    assert_eq!(answer(&server, &line(60_000)).status, 414);

    let fields = |count: usize| {
        format!("GET /hello.txt HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(count - 1))
    };
    assert_eq!(answer(&server, &fields(100)).status, 200);
    assert_eq!(answer(&server, &fields(101)).status, 431);

    let head = |len: usize| {
        let before = "GET /hello.txt HTTP/1.1\r\nHost: a\r\nX: ";
        format!("{before}{}\r\n\r\n", "y".repeat(len - before.len() - 4))
    };
    assert_eq!(answer(&server, &head(64 * 1024)).status, 200);
    assert_eq!(answer(&server, &head(64 * 1024 + 1)).status, 431);
}

#[test]
fn a_head_without_end_is_refused_while_it_comes() {
    let (_site, server) = small();
    let endless: [(&str, &str, u16); 3] = [
        ("GET /", "a", 414),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: ", "y", 431),
        ("GET / HTTP/1.1\r\nHost: a\r\n", "X: y\r\n", 431),
    ];
    for (begin, more, expected) in endless {
        let mut conn = server.connect();
        conn.send(begin);
        let more = more.repeat(1000);
        // It goes on for ever; the answer ends it.
        while !conn.has_something() && conn.try_send(&more).is_ok() {}
        let response = conn.response("GET");
        assert_eq!(response.status, expected, "{begin:?}: {response}");
        assert!(response.lists("connection", "close"));
    }
}

#[test]
fn a_head_in_pieces_is_waited_for() {
    let (_site, server) = small();
    let heads = [
        "GET /hello.txt HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nX-Empty:\r\n\r\n",
        "GET http://localhost:80/hello.txt?a=b HTTP/1.1\r\nHost: localhost:80\r\n\r\n",
        "\r\nGET /hello.txt HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        "GET /%68%65%6c%6c%6f.txt HTTP/1.1\r\nhost: a\r\n\r\n",
    ];
    for head in heads {
        let mut conn = server.connect();
        for (at, byte) in head.bytes().enumerate() {
            assert!(!conn.has_something(), "answered after {at} bytes of {head:?}");
            conn.send([byte]);
        }
        assert_eq!(conn.response("GET").text(), "hello\n", "{head:?}");
        // Cut in two at every place.
        for at in 1..head.len() {
            conn.send(&head.as_bytes()[..at]);
            conn.send(&head.as_bytes()[at..]);
            assert_eq!(conn.response("GET").text(), "hello\n", "{head:?} at {at}");
        }
    }
}

#[test]
fn an_empty_line_before_a_request_is_ignored() {
    let (_site, server) = small();
    let mut conn = server.connect();
    for _ in 0..3 {
        conn.send("\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(conn.response("GET").text(), "hello\n");
    }
}

#[test]
fn field_names_have_no_case() {
    let (_site, server) = small();
    let etag = server.get("/hello.txt").field("etag").unwrap().to_owned();
    for name in ["If-None-Match", "if-none-match", "IF-NONE-MATCH", "iF-nOnE-mAtCh"] {
        assert_eq!(server.ask("GET", "/hello.txt", &[(name, &etag)]).status, 304, "{name}");
    }
    // Lists may be written in several lines.
    let fields =
        [("If-None-Match", "\"x\""), ("If-None-Match", &*etag), ("If-None-Match", "\"y\"")];
    assert_eq!(server.ask("GET", "/hello.txt", &fields).status, 304);
}

#[test]
fn errors_say_what_is_wrong() {
    let (_site, server) = small();
    let cases = [
        ("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", "colon"),
        ("GET / HTTP/1.1\r\n\r\n", "Host"),
        ("GET / HTTP/2.0\r\n\r\n", "HTTP/1.1"),
    ];
    for (head, word) in cases {
        let response = answer(&server, head);
        assert!(response.text().contains(word), "{head:?}: {}", response.text());
        assert!(response.field("content-type").unwrap().starts_with("text/"), "{response}");
        assert!(response.field("date").is_some(), "{response}");
    }
}

#[test]
fn strangers_bytes_are_answered_or_closed() {
    let (_site, mut server) = small();
    for seed in 0..200 {
        let mut bytes = random_bytes(seed, 300);
        if seed % 2 == 0 {
            bytes.splice(..0, *b"GET / HTTP/1.1\r\nHost: a\r\n");
        }
        let mut conn = server.connect();
        conn.send(&bytes);
        conn.finish();
        let answer = conn.rest();
        let is_fine = answer.is_empty() || answer.starts_with(b"HTTP/1.1 4");
        assert!(is_fine, "seed {seed}: {:?}", String::from_utf8_lossy(&answer));
    }
    assert!(server.is_running());
    assert_eq!(server.get("/hello.txt").status, 200);
}

#[test]
fn tls_on_a_clear_port_is_refused_at_once() {
    let (_site, server) = small();
    // A ClientHello's first bytes: handshake, version 3.1, 512 bytes, and some of them.
    let mut hello = vec![0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];
    hello.extend(random_bytes(7, 506));
    let mut conn = server.connect();
    conn.send(hello);
    let answer = conn.rest();
    assert!(answer.starts_with(b"HTTP/1.1 400 "), "{:?}", String::from_utf8_lossy(&answer));
}
