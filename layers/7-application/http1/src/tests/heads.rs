//! How requests begin. The tables of what is refused are in `framing`.

use expect_test::expect;

use super::script::check;

//= test RFC 9112 §2.1: a start line, field lines, an empty line, a body.
//= test RFC 9112 §3: method, target and version, with one space between them.
#[test]
fn a_request_is_shown_as_it_came() {
    check(
        r"> GET /a?b HTTP/1.1\r\nHost: x\r\nX-Two: 1\r\nx-two:\t 2 \r\nEmpty:\r\n\r\n
          answer 200 hello",
        expect![[r#"
            => #1 GET /a?b HTTP/1.1 {Host: "x", X-Two: "1", x-two: "2", Empty: ""}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 5\r\n
            < \r\n
            < hello
        "#]],
    );
}

//= test RFC 9112 §2.2: empty lines in front of a request line are skipped.
#[test]
fn empty_lines_in_front_are_skipped() {
    check(
        r"> \r\n\r\n
          > \r
          > \nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
        "#]],
    );
}

//= test RFC 9112 §2.2: a bare CR or LF ends no line, not even an empty one.
#[test]
fn only_whole_line_ends_are_skipped() {
    check(
        r"> \nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        expect![[r#"
            ~ Refused why=StartLineMalformed status=Some(400)
            ~ Closing why=StartLineMalformed
            < HTTP/1.1 400 Bad Request\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 65\r\n
            < \r\n
            < 400 Bad Request: the request line is not \"method target version\"\n
            => #1 Reset(the request line is not "method target version" (400))
            -- Fin
        "#]],
    );
    check(
        r"> \rGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        expect![[r#"
            ~ Refused why=StartLineMalformed status=Some(400)
            ~ Closing why=StartLineMalformed
            < HTTP/1.1 400 Bad Request\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 65\r\n
            < \r\n
            < 400 Bad Request: the request line is not \"method target version\"\n
            => #1 Reset(the request line is not "method target version" (400))
            -- Fin
        "#]],
    );
}

//= test RFC 9110 §2.5: a higher minor version is taken for the highest that we know.
//= test RFC 9110 §6.2: the version we answer with is ours.
#[test]
fn minor_versions() {
    check(
        r"> GET / HTTP/1.2\r\nHost: x\r\n\r\n
          answer 200
          > GET / HTTP/1.0\r\n\r\n
          answer 200",
        expect![[r#"
            => #1 GET / HTTP/1.2 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            => #2 GET / HTTP/1.0 {}
            => #2 End
            ~ Closing why=SaidClose
            < HTTP/1.1 200 OK\r\n
            < Connection: close\r\n
            < Content-Length: 0\r\n
            < \r\n
            -- Fin
        "#]],
    );
}

//= test RFC 9110 §2.5: other major versions are 505.
#[test]
fn other_major_versions() {
    for version in ["HTTP/2.0", "HTTP/3.0", "HTTP/0.9", "HTTP/9.9"] {
        let request = format!(r"> GET / {version}\r\nHost: x\r\n\r\n");
        let mut stage = super::script::Stage::server(crate::Config::default());
        stage.play(&request);
        assert!(stage.sent.starts_with(b"HTTP/1.1 505 "), "{version}");
    }
}

/// A client that begins with the preface of HTTP/2 where nobody looked for it gets an answer that
/// it can tell from one of HTTP/2: this machine speaks 1.1 only.
//= test RFC 9113 §3.4: whoever does not speak HTTP/2 refuses the preface.
#[test]
fn the_preface_of_http_2_is_refused() {
    check(
        r"> PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        expect![[r#"
            ~ Refused why=VersionNotSupported status=Some(505)
            ~ Closing why=VersionNotSupported
            < HTTP/1.1 505 HTTP Version Not Supported\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 60\r\n
            < \r\n
            < 505 HTTP Version Not Supported: this server speaks HTTP/1.1\n
            => #1 Reset(this server speaks HTTP/1.1 (505))
            -- Fin
        "#]],
    );
}

//= test RFC 9112 §3.2: the four forms of a target.
#[test]
fn targets_in_their_four_forms() {
    check(
        r"> GET /a HTTP/1.1\r\nHost: x\r\n\r\n
          answer 200
          > GET http://other:81/b HTTP/1.1\r\nHost: x\r\n\r\n
          answer 200
          > OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n
          answer 200
          > CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n
          answer 405",
        expect![[r#"
            => #1 GET /a HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            => #2 GET http://other:81/b HTTP/1.1 {Host: "x"}
            => #2 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9998\r\n
            < Content-Length: 0\r\n
            < \r\n
            => #3 OPTIONS * HTTP/1.1 {Host: "x"}
            => #3 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9997\r\n
            < Content-Length: 0\r\n
            < \r\n
            => #4 CONNECT x:443 HTTP/1.1 {Host: "x"}
            => #4 End
            ~ Closing why=TunnelRefused
            ~ Closing why=SaidClose
            < HTTP/1.1 405 Method Not Allowed\r\n
            < Connection: close\r\n
            < Content-Length: 0\r\n
            < \r\n
            -- Fin
        "#]],
    );
}

//= test RFC 9112 §3.2: HTTP/1.1 must have a Host, HTTP/1.0 need not.
#[test]
fn who_needs_a_host() {
    check(
        r"> GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n
          answer 200
          > GET / HTTP/1.1\r\n\r\n",
        expect![[r#"
            => #1 GET / HTTP/1.0 {Connection: "keep-alive"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            ~ Refused why=HostMalformed("Host is missing") status=Some(400)
            ~ Closing why=HostMalformed("Host is missing")
            < HTTP/1.1 400 Bad Request\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 33\r\n
            < \r\n
            < 400 Bad Request: Host is missing\n
            => #2 Reset(Host is missing (400))
            -- Fin
        "#]],
    );
}

//= test RFC 9112 §2.2: what is not HTTP at all gets an answer that people can read.
#[test]
fn what_is_not_http_is_told_so() {
    check(
        r"> \x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        expect![[r#"
            ~ Refused why=StartLineMalformed status=Some(400)
            ~ Closing why=StartLineMalformed
            < HTTP/1.1 400 Bad Request\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 65\r\n
            < \r\n
            < 400 Bad Request: the request line is not \"method target version\"\n
            => #1 Reset(the request line is not "method target version" (400))
            -- Fin
        "#]],
    );
}

//= test RFC 9110 §9.1: a method that we do not know is the handler's to refuse.
#[test]
fn unknown_methods_are_shown() {
    check(
        r"> BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n",
        expect![[r#"
        => #1 BREW /pot HTTP/1.1 {Host: "x"}
        => #1 End
    "#]],
    );
}
