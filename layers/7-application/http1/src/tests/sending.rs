//! What users send that does not fit: the wire never carries a wrong length.

use expect_test::expect;

use super::script::{Stage, check, check_client};
use crate::Config;

const GET: &str = r"> GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// The same for every test here: a request, and what the handler does.
macro_rules! film {
    ($script:literal, $want:expr) => {
        check(&format!("{GET}\n{}", $script), $want)
    };
}

//= test RFC 9112 §6.2: more than was announced is not sent, and the connection is reset.
#[test]
fn too_much() {
    film!(
        "head 200 Content-Length: 3\ndata abcd\nend",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 3\r\n
            < \r\n
            ~ NotSent id=1 why=LengthBroken
            ~ Closing why=LengthBroken
            -- Abort
            ~ NotSent id=1 why=OutOfTurn
        "#]]
    );
    film!(
        "head 200 Content-Length: 3\ndata abc\ndata d",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 3\r\n
            < \r\n
            < abc
            ~ NotSent id=1 why=LengthBroken
            ~ Closing why=LengthBroken
            -- Abort
        "#]]
    );
    film!(
        "head 200 Content-Length: 0\ndata a",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            ~ NotSent id=1 why=LengthBroken
            ~ Closing why=LengthBroken
            -- Abort
        "#]]
    );
}

//= test RFC 9112 §6.2: less than was announced is not taken for whole.
#[test]
fn too_little() {
    film!(
        "head 200 Content-Length: 3\ndata ab\nend\ndata c\nend",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 3\r\n
            < \r\n
            < ab
            ~ NotSent id=1 why=LengthBroken
            ~ Closing why=LengthBroken
            -- Abort
            ~ NotSent id=1 why=OutOfTurn
            ~ NotSent id=1 why=OutOfTurn
        "#]]
    );
}

#[test]
fn a_client_that_sends_too_much() {
    check_client(
        "open POST / Host: x; Content-Length: 3\ndata abcd",
        expect![[r#"
        < POST / HTTP/1.1\r\n
        < Host: x\r\n
        < Content-Length: 3\r\n
        < \r\n
        ~ NotSent id=1 why=LengthBroken
        ~ Closing why=LengthBroken
        -- Abort
    "#]],
    );
    check_client(
        "open GET / Host: x\ndata abcd",
        expect![[r#"
        < GET / HTTP/1.1\r\n
        < Host: x\r\n
        < \r\n
        ~ NotSent id=1 why=LengthBroken
        ~ Closing why=LengthBroken
        -- Abort
    "#]],
    );
    check_client(
        "open POST / Host: x; Content-Length: 3\nend",
        expect![[r#"
        < POST / HTTP/1.1\r\n
        < Host: x\r\n
        < Content-Length: 3\r\n
        < \r\n
        ~ NotSent id=1 why=LengthBroken
        ~ Closing why=LengthBroken
        -- Abort
    "#]],
    );
}

//= test RFC 9110 §8.6: a length of the user's that is none is not sent, one that is doubled is sent once.
#[test]
fn lengths_are_cleaned() {
    film!(
        "head 200 Content-Length: five\ndata abc\nend",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            ~ NotSent id=1 why=LengthMalformed
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Transfer-Encoding: chunked\r\n
            < \r\n
            < 3\r\n
            < abc\r\n
            < 0\r\n
            < \r\n
        "#]]
    );
    film!(
        "head 200 Content-Length: 3; Content-Length: 4\ndata abc\nend",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            ~ NotSent id=1 why=LengthsDiffer
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Transfer-Encoding: chunked\r\n
            < \r\n
            < 3\r\n
            < abc\r\n
            < 0\r\n
            < \r\n
        "#]]
    );
    film!(
        "head 200 Content-Length: 3; Content-Length: 3\ndata abc\nend",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 3\r\n
            < \r\n
            < abc
        "#]]
    );
    film!(
        "head 200 Content-Length: 3, 3\ndata abc\nend",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 3\r\n
            < \r\n
            < abc
        "#]]
    );
}

//= test RFC 9110 §7.6.1: the connection speaks for itself.
#[test]
fn fields_of_the_connection() {
    film!(
        "head 200 Connection: keep-alive, x; Keep-Alive: timeout=1; Transfer-Encoding: gzip; Content-Length: 2\ndata hi\nend",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            ~ NotSent id=1 why=ConnectionsOwnField
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 2\r\n
            < \r\n
            < hi
        "#]]
    );
}

//= test RFC 9110 §5.5: a value cannot bring a line of its own.
#[test]
fn injected_lines() {
    film!(
        r"head 200 Location: /\r\nSet-Cookie: a=b\r\n\r\nHTTP/1.1 200 OK; Content-Length: 0
end",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Location: /  Set-Cookie: a=b    HTTP/1.1 200 OK\r\n
            < Content-Length: 0\r\n
            < \r\n
        "#]]
    );
}

//= test RFC 9110 §6.6.1: a date, unless the user has one.
#[test]
fn dates() {
    let mut stage = Stage::server(Config::default());
    stage.play(&format!(
        "{GET}\nanswer 200\n{GET}\nhead 204 Date: Tue, 15 Nov 1994 08:12:31 GMT\nend"
    ));
    let sent = String::from_utf8(stage.sent).unwrap();
    assert_eq!(sent.matches("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n").count(), 1);
    assert_eq!(sent.matches("Date: Tue, 15 Nov 1994 08:12:31 GMT\r\n").count(), 1);
}

#[test]
fn events_out_of_turn() {
    film!(
        "data abc\nend\ntrailers A: b\nanswer 200 ok\ndata more\nend\nanswer 200",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            ~ NotSent id=1 why=OutOfTurn
            ~ NotSent id=1 why=OutOfTurn
            ~ NotSent id=1 why=OutOfTurn
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 2\r\n
            < \r\n
            < ok
            ~ NotSent id=1 why=OutOfTurn
            ~ NotSent id=1 why=OutOfTurn
            ~ NotSent id=1 why=OutOfTurn
            ~ NotSent id=1 why=OutOfTurn
            ~ NotSent id=1 why=OutOfTurn
        "#]]
    );
    film!(
        "@2 answer 200\n@0 answer 200",
        expect![[r#"
        => #1 GET / HTTP/1.1 {Host: "x"}
        => #1 End
        ~ NotSent id=2 why=OutOfTurn
        ~ NotSent id=2 why=OutOfTurn
        ~ NotSent id=2 why=OutOfTurn
        ~ NotSent id=0 why=OutOfTurn
        ~ NotSent id=0 why=OutOfTurn
        ~ NotSent id=0 why=OutOfTurn
    "#]]
    );
}

/// A handler that is late cannot touch what comes after its exchange.
#[test]
fn a_handler_that_is_late() {
    film!(
        r"answer 200
          reset 500
          read
          release 5
          > POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n
          @1 reset 500
          @1 read
          @1 data x
          look",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            ~ NotSent id=1 why=OutOfTurn
            => #2 POST / HTTP/1.1 {Host: "x", Content-Length: "2", Expect: "100-continue"}
            ~ NotSent id=1 why=OutOfTurn
            ~ NotSent id=1 why=OutOfTurn
            -- idle=false reusable=false wants_bytes=false waiting=0 timer=None
        "#]]
    );
}

#[test]
fn a_handler_that_gives_up() {
    film!(
        "reset 503",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            ~ Closing why=UserReset
            < HTTP/1.1 503 Service Unavailable\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 44\r\n
            < \r\n
            < 503 Service Unavailable: the script says so\n
            -- Fin
        "#]]
    );
    film!(
        "reset 204",
        expect![[r#"
        => #1 GET / HTTP/1.1 {Host: "x"}
        => #1 End
        ~ Closing why=UserReset
        -- Abort
    "#]]
    );
    film!(
        "reset",
        expect![[r#"
        => #1 GET / HTTP/1.1 {Host: "x"}
        => #1 End
        ~ Closing why=UserReset
        -- Abort
    "#]]
    );
    film!(
        "head 200 Content-Length: 3\ndata a\nreset 503",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 3\r\n
            < \r\n
            < a
            ~ Closing why=UserReset
            -- Abort
        "#]]
    );
}

/// The answer to a bad request is not destroyed by the handler's last words.
#[test]
fn giving_up_behind_a_refusal() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n
          read
          > X
          answer 200
          reset 500
          reset
          look",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Transfer-Encoding: "chunked"}
            ~ Refused why=ChunkMalformed status=Some(400)
            ~ Closing why=ChunkMalformed
            < HTTP/1.1 400 Bad Request\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 38\r\n
            < \r\n
            < 400 Bad Request: a chunk is malformed\n
            => #1 Reset(a chunk is malformed (400))
            -- Fin
            ~ NotSent id=1 why=OutOfTurn
            ~ NotSent id=1 why=OutOfTurn
            ~ NotSent id=1 why=OutOfTurn
            ~ NotSent id=1 why=OutOfTurn
            ~ NotSent id=1 why=OutOfTurn
            -- idle=false reusable=false wants_bytes=true waiting=0 timer=Some((5s, Linger))
        "#]],
    );
}

/// A refusal of HEAD has no body either, also when the head was not complete.
#[test]
fn refusals_of_head() {
    check(
        r"> HEAD / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n",
        expect![[r#"
            ~ Refused why=SpaceBeforeColon status=Some(400)
            ~ Closing why=SpaceBeforeColon
            < HTTP/1.1 400 Bad Request\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 59\r\n
            < \r\n
            => #1 Reset(white space stands before a field's colon (400))
            -- Fin
        "#]],
    );
}
