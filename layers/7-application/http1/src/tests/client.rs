//! The client's end.

use expect_test::expect;

use super::script::{Stage, check_client};
use crate::Config;

//= test RFC 9112 §3.2: a request has a Host, in front, and an empty one where nobody knows it.
#[test]
fn requests_have_a_host() {
    check_client(
        r"open GET /a Accept: text/html",
        expect![[r#"
        < GET /a HTTP/1.1\r\n
        < Host: \r\n
        < Accept: text/html\r\n
        < \r\n
    "#]],
    );
    check_client(
        r"open GET http://x:81/a",
        expect![[r#"
        < GET http://x:81/a HTTP/1.1\r\n
        < Host: x:81\r\n
        < \r\n
    "#]],
    );
    check_client(
        r"open GET /a Accept: text/html; Host: y",
        expect![[r#"
        < GET /a HTTP/1.1\r\n
        < Accept: text/html\r\n
        < Host: y\r\n
        < \r\n
    "#]],
    );
}

//= test RFC 9110 §8.6: a request that could have a body says when it has none.
#[test]
fn requests_say_that_they_have_no_body() {
    check_client(
        r"open POST /a Host: x",
        expect![[r#"
        < POST /a HTTP/1.1\r\n
        < Host: x\r\n
        < Content-Length: 0\r\n
        < \r\n
    "#]],
    );
    check_client(
        r"open DELETE /a Host: x",
        expect![[r#"
        < DELETE /a HTTP/1.1\r\n
        < Host: x\r\n
        < \r\n
    "#]],
    );
}

#[test]
fn requests_with_bodies() {
    check_client(
        r"open POST /a Host: x; Content-Length: 5
          data he
          data llo
          end
          > HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n
          open POST /a Host: x; Transfer-Encoding: chunked
          data hello
          trailers ETag: a
          end",
        expect![[r#"
            < POST /a HTTP/1.1\r\n
            < Host: x\r\n
            < Content-Length: 5\r\n
            < \r\n
            < he
            < llo
            => #1 HTTP/1.1 200 {Content-Length: "0"}
            => #1 End
            < POST /a HTTP/1.1\r\n
            < Host: x\r\n
            < Transfer-Encoding: chunked\r\n
            < \r\n
            < 5\r\n
            < hello\r\n
            < 0\r\n
            < ETag: a\r\n
            < \r\n
        "#]],
    );
}

//= test RFC 9112 §6.3: a request whose framing is wrong is not sent.
#[test]
fn requests_that_are_not_sent() {
    check_client(
        r"open POST /a Host: x; Content-Length: 5; Transfer-Encoding: chunked
          open POST /a Host: x; Content-Length: 5; Content-Length: 6
          open POST /a Host: x; Content-Length: five
          open POST /a Host: x; Transfer-Encoding: gzip
          open POST /a Host: x; Content-Length: 5, 5
          data hello
          end",
        expect![[r#"
            ~ NotSent id=1 why=LengthAndTransferEncoding
            -- not opened
            ~ NotSent id=1 why=LengthsDiffer
            -- not opened
            ~ NotSent id=1 why=LengthMalformed
            -- not opened
            ~ NotSent id=1 why=ChunkedNotLast
            -- not opened
            < POST /a HTTP/1.1\r\n
            < Host: x\r\n
            < Content-Length: 5\r\n
            < \r\n
            < hello
        "#]],
    );
}

//= test RFC 9112 §9.3: one exchange at a time, and none after the last.
#[test]
fn reuse() {
    check_client(
        r"look
          open GET /1 Host: x
          look
          open GET /2 Host: x
          end
          > HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n
          look
          open GET /3 Host: x; Connection: close
          end
          > HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n
          look
          open GET /4 Host: x",
        expect![[r#"
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=None
            < GET /1 HTTP/1.1\r\n
            < Host: x\r\n
            < \r\n
            -- idle=false reusable=false wants_bytes=true waiting=0 timer=None
            ~ NotSent id=2 why=OutOfTurn
            -- not opened
            => #1 HTTP/1.1 200 {Content-Length: "0"}
            => #1 End
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=None
            < GET /3 HTTP/1.1\r\n
            < Host: x\r\n
            < Connection: close\r\n
            < \r\n
            ~ Closing why=SaidClose
            => #2 HTTP/1.1 200 {Content-Length: "0"}
            => #2 End
            -- Now
            -- idle=false reusable=false wants_bytes=false waiting=0 timer=None
            ~ NotSent id=3 why=OutOfTurn
            -- not opened
        "#]],
    );
}

//= test RFC 9112 §9.3: what a server says about the connection.
#[test]
fn reuse_rules() {
    for (response, reusable) in [
        (r"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true),
        (r"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", true),
        (r"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", true),
        (r"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n", true),
        (r"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", false),
        (r"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false),
        (r"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", true),
        (r"HTTP/1.0 200 OK\r\n\r\n", false),
        (r"HTTP/1.1 200 OK\r\n\r\n", false),
        (r"HTTP/1.1 204 No Content\r\n\r\n", true),
        (r"HTTP/1.1 304 Not Modified\r\n\r\n", true),
        // More than was asked for: nothing good can follow (RFC 9112 §9.2).
        (r"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n", false),
        (r"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", false),
    ] {
        let mut stage = Stage::client(Config::default());
        stage.play(&format!("open GET / Host: x\nend\n> {response}"));
        assert_eq!(stage.connection.is_reusable(), reusable, "{response}: {}", stage.film);
        stage.receive_fin();
        assert!(stage.film.contains("=> #1 End"), "{response}: {}", stage.film);
    }
}

//= test RFC 9112 §9.2: a response to no request ends the connection.
#[test]
fn unsolicited_responses() {
    check_client(
        r"> HTTP/1.1 408 Request Timeout\r\n\r\n",
        expect![[r#"
        ~ Refused why=Unsolicited status=None
        ~ Closing why=Unsolicited
        -- Abort
    "#]],
    );
    check_client(
        r"open GET / Host: x
          end
          > HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n
          open GET / Host: x",
        expect![[r#"
            < GET / HTTP/1.1\r\n
            < Host: x\r\n
            < \r\n
            ~ Refused why=Unsolicited status=None
            ~ Closing why=Unsolicited
            => #1 HTTP/1.1 200 {Content-Length: "0"}
            => #1 End
            -- Abort
            ~ NotSent id=2 why=OutOfTurn
            -- not opened
        "#]],
    );
}

/// The same while our own request is not complete: what follows the response must not answer the
/// next request.
#[test]
fn unsolicited_responses_behind_an_early_one() {
    check_client(
        r"open POST / Host: x; Content-Length: 5
          > HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n
          data hello
          end
          open GET / Host: x
          look",
        expect![[r#"
            < POST / HTTP/1.1\r\n
            < Host: x\r\n
            < Content-Length: 5\r\n
            < \r\n
            => #1 HTTP/1.1 200 {Content-Length: "0"}
            => #1 End
            < hello
            ~ Closing why=SaidClose
            -- Now
            ~ NotSent id=2 why=OutOfTurn
            -- not opened
            -- idle=false reusable=false wants_bytes=false waiting=38 timer=None
        "#]],
    );
}

//= test RFC 9112 §9.5: an answer may come before the request is complete.
#[test]
fn an_early_response() {
    check_client(
        r"open POST / Host: x; Content-Length: 5
          data he
          > HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno
          look
          data llo
          end
          look",
        expect![[r#"
            < POST / HTTP/1.1\r\n
            < Host: x\r\n
            < Content-Length: 5\r\n
            < \r\n
            < he
            => #1 HTTP/1.1 413 {Content-Length: "2"}
            => #1 Data "no"
            => #1 End
            -- idle=false reusable=false wants_bytes=false waiting=0 timer=None
            < llo
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=None
        "#]],
    );
    check_client(
        r"open POST / Host: x; Content-Length: 5
          data he
          > HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno
          fin
          reset",
        expect![[r#"
            < POST / HTTP/1.1\r\n
            < Host: x\r\n
            < Content-Length: 5\r\n
            < \r\n
            < he
            => #1 HTTP/1.1 413 {Content-Length: "2", Connection: "close"}
            => #1 Data "no"
            => #1 End
            ~ Closing why=UserReset
            -- Abort
        "#]],
    );
}

//= test RFC 9110 §15.2: interim responses are shown; there is a limit.
#[test]
fn interim_responses() {
    check_client(
        r"open GET / Host: x
          end
          > HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n
          > HTTP/1.1 199\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi
          look",
        expect![[r#"
            < GET / HTTP/1.1\r\n
            < Host: x\r\n
            < \r\n
            => #1 Informational 100 {}
            => #1 Informational 103 {Link: "a"}
            => #1 Informational 199 {Content-Length: "5"}
            => #1 HTTP/1.1 200 {Content-Length: "2"}
            => #1 Data "hi"
            => #1 End
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=None
        "#]],
    );
    check_client(
        r"open GET / Host: x
          end
          > HTTP/1.1 100 Cont
          > inue\r\n\r\nHT
          > TP/1.1 204\r\n\r\n",
        expect![[r#"
            < GET / HTTP/1.1\r\n
            < Host: x\r\n
            < \r\n
            => #1 Informational 100 {}
            => #1 HTTP/1.1 204 {}
            => #1 End
        "#]],
    );
    let mut stage = Stage::client(Config::default());
    stage.play("open GET / Host: x\nend");
    stage.receive(&b"HTTP/1.1 102 Processing\r\n\r\n".repeat(100));
    assert_eq!(stage.film.matches("Informational").count(), 100);
    stage.play(r"> HTTP/1.1 102 Processing\r\n\r\n");
    assert!(
        stage.film.ends_with(
            "~ Refused why=TooManyInterims status=None\n~ Closing why=TooManyInterims\n\
         => #1 Reset(there are too many interim responses)\n-- Abort\n"
        ),
        "{}",
        stage.film
    );
}

//= test RFC 9110 §15: three digits that are no status are a failure of the server.
#[test]
fn statuses_that_are_none() {
    check_client(
        r"open GET / Host: x
          end
          > HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n
          open GET / Host: x
          end
          > HTTP/1.1 042 What\r\nContent-Length: 0\r\n\r\n",
        expect![[r#"
            < GET / HTTP/1.1\r\n
            < Host: x\r\n
            < \r\n
            => #1 HTTP/1.1 500 {Content-Length: "0"}
            => #1 End
            < GET / HTTP/1.1\r\n
            < Host: x\r\n
            < \r\n
            => #2 HTTP/1.1 500 {Content-Length: "0"}
            => #2 End
        "#]],
    );
}

//= test RFC 9112 §4: a status line, a space before the reason that is missing may be missing too.
//= test RFC 9112 §6.3: what makes a response's end doubtful ends the connection.
#[test]
fn responses_that_are_none() {
    for response in [
        r"HTTP/1.1\r\n\r\n",
        r"HTTP/1.1 20 OK\r\n\r\n",
        r"HTTP/1.1 2000 OK\r\n\r\n",
        r"HTTP/1.1  200 OK\r\n\r\n",
        r"HTTP/1.1 +20 OK\r\n\r\n",
        r"HTTP/1.1 200 O\0K\r\n\r\n",
        r"HTTP/1.1 200 O\rK\r\n\r\n",
        r"HTTP/1.1 200 OK\n\r\n",
        r"HTTP/2.0 200 OK\r\n\r\n",
        r"http/1.1 200 OK\r\n\r\n",
        r"ICY 200 OK\r\n\r\n",
        r"\r\nHTTP/1.1 200 OK\r\n\r\n",
        r"<html>",
        r"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        r"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        r"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na",
        r"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        r"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
        r"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        r"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\na",
        r"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ] {
        let mut stage = Stage::client(Config::default());
        let follows = r"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        stage.play(&format!("open GET / Host: x\nend\n> {response}{follows}"));
        assert_eq!(stage.film.matches("=> ").count(), 1, "{response}: {}", stage.film);
        assert!(stage.film.contains("=> #1 Reset("), "{response}: {}", stage.film);
        assert!(stage.film.ends_with("-- Abort\n"), "{response}: {}", stage.film);
    }
}

//= test RFC 9112 §2.1: a client's user may give up at any time.
#[test]
fn giving_up() {
    check_client(
        r"open GET / Host: x
          end
          > HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe
          reset
          > llo
          look",
        expect![[r#"
            < GET / HTTP/1.1\r\n
            < Host: x\r\n
            < \r\n
            => #1 HTTP/1.1 200 {Content-Length: "5"}
            => #1 Data "he"
            ~ Closing why=UserReset
            -- Abort
            -- idle=false reusable=false wants_bytes=false waiting=3 timer=None
        "#]],
    );
    // After the end there is nothing to give up.
    check_client(
        r"open GET / Host: x
          end
          > HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n
          reset
          look",
        expect![[r#"
            < GET / HTTP/1.1\r\n
            < Host: x\r\n
            < \r\n
            => #1 HTTP/1.1 200 {Content-Length: "0"}
            => #1 End
            ~ NotSent id=1 why=OutOfTurn
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=None
        "#]],
    );
}

#[test]
fn shutting_down() {
    check_client(
        r"open GET / Host: x
          end
          shut down
          > HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi
          open GET / Host: x",
        expect![[r#"
            < GET / HTTP/1.1\r\n
            < Host: x\r\n
            < \r\n
            ~ Closing why=SaidClose
            => #1 HTTP/1.1 200 {Content-Length: "2"}
            => #1 Data "hi"
            => #1 End
            -- Now
            ~ NotSent id=2 why=OutOfTurn
            -- not opened
        "#]],
    );
}
