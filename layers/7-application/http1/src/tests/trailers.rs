//! Trailer sections. (RFC 9110 §6.5, RFC 9112 §7.1.2)

use expect_test::expect;

use super::script::{Stage, check, check_client};
use crate::Config;

//= test RFC 9112 §7.1.2: trailers behind the last chunk.
#[test]
fn trailers_are_shown() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n
          read
          > 2\r\nhi\r\n0\r\nETag: a\r
          > \nX-Sum: b\r\n
          > \r\n
          answer 200",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Transfer-Encoding: "chunked"}
            => #1 Data "hi"
            => #1 Trailers({ETag: "a", X-Sum: "b"})
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
        "#]],
    );
}

//= test RFC 9110 §6.5.1: fields that would have changed how the message is read are left out.
#[test]
fn trailers_that_are_left_out() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n
          read
          > 0\r\nContent-Length: 5\r\nX-Sum: b\r\nhost: evil\r\nAuthorization: Basic eDp5\r\nTransfer-Encoding: gzip\r\n\r\n
          answer 200
          > POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n
          read
          > 0\r\nCookie: a\r\n\r\n
          answer 200",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Transfer-Encoding: "chunked"}
            ~ TrailerLeftOut id=1 name="Content-Length"
            ~ TrailerLeftOut id=1 name="Transfer-Encoding"
            ~ TrailerLeftOut id=1 name="Host"
            ~ TrailerLeftOut id=1 name="Authorization"
            => #1 Trailers({X-Sum: "b"})
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            => #2 POST / HTTP/1.1 {Host: "x", Transfer-Encoding: "chunked"}
            ~ TrailerLeftOut id=2 name="Cookie"
            => #2 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9998\r\n
            < Content-Length: 0\r\n
            < \r\n
        "#]],
    );
}

//= test RFC 9110 §6.5.1: a sender writes no such trailers either.
#[test]
fn trailers_that_are_sent() {
    check(
        r"> GET / HTTP/1.1\r\nHost: x\r\n\r\n
          head 200
          data hi
          trailers Server-Timing: a; Set-Cookie: b=c; X-Sum: d
          data more
          trailers X-Sum: e
          end",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Transfer-Encoding: chunked\r\n
            < \r\n
            < 2\r\n
            < hi\r\n
            ~ TrailerLeftOut id=1 name="Set-Cookie"
            < 0\r\n
            < Server-Timing: a\r\n
            < X-Sum: d\r\n
            < \r\n
            ~ NotSent id=1 why=OutOfTurn
            ~ NotSent id=1 why=OutOfTurn
        "#]],
    );
}

/// Where a body has a length, or ends with the connection, there is no place for trailers.
#[test]
fn trailers_without_a_place() {
    check(
        r"> GET / HTTP/1.1\r\nHost: x\r\n\r\n
          head 200 Content-Length: 2
          data hi
          trailers X-Sum: d
          end
          > GET / HTTP/1.0\r\n\r\n
          head 200
          data hi
          trailers X-Sum: d
          end",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 2\r\n
            < \r\n
            < hi
            ~ NotSent id=1 why=NoTrailersHere
            => #2 GET / HTTP/1.0 {}
            => #2 End
            < HTTP/1.1 200 OK\r\n
            < Connection: close\r\n
            < \r\n
            < hi
            ~ NotSent id=2 why=NoTrailersHere
            ~ Closing why=SaidClose
            -- Fin
        "#]],
    );
}

//= test RFC 9112 §5: a trailer line is a field line, and refused like one.
#[test]
fn trailers_that_are_none() {
    for line in [
        "A : b",
        " A: b",
        "A",
        ": b",
        r"A: \0",
        r"A: b\rc",
        r"A: b\n",
        r"GET / HTTP/1.1",
        r"A: b\r\n c",
    ] {
        let mut stage = Stage::server(Config::default());
        stage.play(r"> POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        stage.play(&format!("read\n> 0\\r\\n{line}\\r\\n\\r\\n"));
        assert!(stage.sent.starts_with(b"HTTP/1.1 400 "), "{line}: {}", stage.film);
        assert!(!stage.film.contains("=> #1 End"), "{line}");
    }
}

//= test RFC 9110 §5.4: the limits of a head are those of a trailer section.
#[test]
fn trailers_are_bounded() {
    let head = r"> POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    for (section, status) in [
        (r"%100 times: (A: b\r\n)\r\n", 200),
        (r"%101 times: (A: b\r\n)\r\n", 431),
        (r"A: %65529 times: (a)\r\n\r\n", 200),
        (r"A: %65530 times: (a)\r\n\r\n", 431),
        (r"A: %65600 times: (a)", 431),
    ] {
        let mut stage = Stage::server(Config::default());
        stage.play(&format!("{head}{section}\nread\nanswer 200"));
        assert!(stage.sent.starts_with(format!("HTTP/1.1 {status} ").as_bytes()), "{section}");
    }
}

#[test]
fn a_clients_trailers() {
    check_client(
        r"open GET / Host: x
          end
          > HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nServer-Timing: a\r\nLocation: /evil\r\n\r\n
          look",
        expect![[r#"
            < GET / HTTP/1.1\r\n
            < Host: x\r\n
            < \r\n
            ~ TrailerLeftOut id=1 name="Location"
            => #1 HTTP/1.1 200 {Transfer-Encoding: "chunked"}
            => #1 Trailers({Server-Timing: "a"})
            => #1 End
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=None
        "#]],
    );
}
