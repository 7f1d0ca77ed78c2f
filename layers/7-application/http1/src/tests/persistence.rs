//! Whether another request follows. (RFC 9112 §9.3)

use expect_test::expect;

use super::script::{Stage, check, check_with};
use crate::{Closing, Config};

//= test RFC 9112 §9.3: close wins, 1.1 persists, 1.0 persists when it says keep-alive.
#[test]
fn wishes() {
    for (request, persists) in [
        (r"HTTP/1.1\r\n", true),
        (r"HTTP/1.1\r\nConnection: keep-alive\r\n", true),
        (r"HTTP/1.1\r\nConnection: close\r\n", false),
        (r"HTTP/1.1\r\nConnection: Close\r\n", false),
        (r"HTTP/1.1\r\nConnection: close, keep-alive\r\n", false),
        (r"HTTP/1.1\r\nConnection: keep-alive, close\r\n", false),
        (r"HTTP/1.1\r\nConnection: keep-alive\r\nConnection: a,,close\r\n", false),
        (r"HTTP/1.1\r\nConnection: closed\r\n", true),
        (r"HTTP/1.1\r\nConnection:\r\n", true),
        (r"HTTP/1.1\r\nConnection: a, b\r\nConnection: c\r\n", true),
        (r"HTTP/1.1\r\nProxy-Connection: close\r\n", true),
        (r"HTTP/1.2\r\n", true),
        (r"HTTP/1.0\r\n", false),
        (r"HTTP/1.0\r\nConnection: Keep-Alive\r\n", true),
        (r"HTTP/1.0\r\nConnection: a\r\nConnection: b , keep-alive\r\n", true),
        (r"HTTP/1.0\r\nConnection: keep-alive, close\r\n", false),
        (r"HTTP/1.0\r\nProxy-Connection: keep-alive\r\n", false),
    ] {
        let mut stage = Stage::server(Config::default());
        stage.play(&format!("> GET / {request}Host: x\\r\\n\\r\\n\nanswer 200"));
        let says =
            if persists { r"< Connection: keep-alive\r\n" } else { r"< Connection: close\r\n" };
        assert!(stage.film.contains(says), "{request}: {}", stage.film);
        assert_eq!(stage.connection.closing() == Closing::Open, persists, "{request}");
    }
}

/// Keep-Alive says how long, and how often.
#[test]
fn a_maximum_of_requests() {
    check_with(
        Config { requests_max: 2, ..Config::default() },
        r"> GET / HTTP/1.1\r\nHost: x\r\n\r\n
          answer 200
          > GET / HTTP/1.1\r\nHost: x\r\n\r\n
          answer 200",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=1\r\n
            < Content-Length: 0\r\n
            < \r\n
            ~ Closing why=RequestsUsedUp
            => #2 GET / HTTP/1.1 {Host: "x"}
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

//= test RFC 9112 §9.6: who is about to go says so in the next answer, and does not close before.
#[test]
fn the_next_exchange_is_the_last() {
    check(
        r"> GET / HTTP/1.1\r\nHost: x\r\n\r\n
          answer 200
          wind
          > GET / HTTP/1.1\r\nHost: x\r\n\r\n
          answer 200",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            => #2 GET / HTTP/1.1 {Host: "x"}
            => #2 End
            ~ Closing why=ShuttingDown
            ~ Closing why=SaidClose
            < HTTP/1.1 200 OK\r\n
            < Connection: close\r\n
            < Content-Length: 0\r\n
            < \r\n
            -- Fin
        "#]],
    );
}

//= test RFC 9112 §9.6: a handler ends the connection by saying so.
#[test]
fn a_handler_that_says_close() {
    check(
        r"> GET / HTTP/1.1\r\nHost: x\r\n\r\n
          head 200 Connection: close; Content-Length: 0
          end
          fin",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: close\r\n
            < Content-Length: 0\r\n
            < \r\n
            ~ Closing why=SaidClose
            -- Fin
            ~ PeerFinished mid_message=false
            -- Now
        "#]],
    );
}

/// A small rest of a body that nobody read is taken from the wire.
#[test]
fn an_unread_body_is_drained() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234
          answer 200
          look
          > 56789GET / HTTP/1.1\r\nHost: x\r\n\r\n
          answer 200",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "10"}
            ~ Discarding id=1 len=10
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            -- idle=false reusable=false wants_bytes=true waiting=0 timer=Some((10s, BodyRate))
            => #2 GET / HTTP/1.1 {Host: "x"}
            => #2 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9998\r\n
            < Content-Length: 0\r\n
            < \r\n
        "#]],
    );
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n
          answer 200
          > 3\r\nabc\r\n3;x\r\nabc\r\n0\r\nETag: a\r\n\r\n
          look",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Transfer-Encoding: "chunked"}
            ~ Discarding id=1 len=0
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=Some((15s, Idle))
        "#]],
    );
}

#[test]
fn the_rest_of_a_body_that_was_read_in_part_is_drained() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n
          read
          > 01234
          answer 200
          > 56789
          look",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "10"}
            => #1 Data "01234"
            ~ Discarding id=1 len=5
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=Some((15s, Idle))
        "#]],
    );
}

//= test RFC 9112 §9.6: a large rest is not worth it; the connection closes, and what still comes is taken so that the answer is not lost.
#[test]
fn a_large_unread_body_ends_the_connection() {
    check_with(
        Config { body_unread_max: 9, ..Config::default() },
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234
          answer 200
          > 56789GET / HTTP/1.1\r\nHost: x\r\n\r\n
          look
          5s",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "10"}
            ~ Closing why=BodyUnread
            ~ Closing why=BodyUnread
            < HTTP/1.1 200 OK\r\n
            < Connection: close\r\n
            < Content-Length: 0\r\n
            < \r\n
            -- Fin
            -- idle=false reusable=false wants_bytes=true waiting=0 timer=Some((5s, Linger))
            ~ TimedOut timer=Linger
            -- Now
        "#]],
    );
    // Of a chunked one it is seen only as it comes.
    check_with(
        Config { body_unread_max: 9, ..Config::default() },
        r"> POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n012345678\r\n
          answer 200
          > 1\r\n9\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n
          fin",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Transfer-Encoding: "chunked"}
            ~ Discarding id=1 len=0
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            ~ Closing why=BodyUnread
            -- Fin
            ~ PeerFinished mid_message=false
            -- Now
        "#]],
    );
}

/// Politeness has an end.
#[test]
fn lingering_is_bounded() {
    let mut stage = Stage::server(Config::default());
    stage.play(r"> GET / HTTP/1.0\r\n\r\n");
    stage.play("answer 200");
    assert_eq!(stage.connection.closing(), Closing::Fin);
    stage.receive(&vec![b'x'; 16 * 1024 * 1024 - 1]);
    assert_eq!(stage.connection.closing(), Closing::Fin);
    stage.receive(b"x");
    assert_eq!(stage.connection.closing(), Closing::Now);
    assert!(!stage.connection.wants_bytes());
    assert_eq!(stage.connection.poll_timeout(), None);
}

#[test]
fn shutting_down_when_idle() {
    check(
        "shut down",
        expect![[r#"
        ~ Closing why=ShuttingDown
        -- Now
    "#]],
    );
    check(
        r"> GET / HTTP/1.1\r\nHost: x\r\n\r\n
          answer 200
          shut down",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            ~ Closing why=ShuttingDown
            -- Now
        "#]],
    );
}

#[test]
fn shutting_down_within_a_head() {
    check(
        r"> GET / HT
          shut down
          > TP/1.1\r\nHost: x\r\n\r\n
          answer 200",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            ~ Closing why=ShuttingDown
            ~ Closing why=SaidClose
            < HTTP/1.1 200 OK\r\n
            < Connection: close\r\n
            < Content-Length: 0\r\n
            < \r\n
            -- Fin
        "#]],
    );
}

#[test]
fn shutting_down_within_an_exchange() {
    check(
        r"> GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n
          shut down
          answer 200",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            ~ Closing why=ShuttingDown
            ~ Closing why=SaidClose
            < HTTP/1.1 200 OK\r\n
            < Connection: close\r\n
            < Content-Length: 0\r\n
            < \r\n
            -- Fin
        "#]],
    );
    check(
        r"> GET / HTTP/1.1\r\nHost: x\r\n\r\n
          head 200 Content-Length: 2
          shut down
          data hi
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
            ~ Closing why=SaidClose
            -- Fin
        "#]],
    );
}

#[test]
fn shutting_down_within_a_body() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe
          read
          shut down
          > llo
          answer 200",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "5"}
            => #1 Data "he"
            => #1 Data "llo"
            => #1 End
            ~ Closing why=ShuttingDown
            ~ Closing why=SaidClose
            < HTTP/1.1 200 OK\r\n
            < Connection: close\r\n
            < Content-Length: 0\r\n
            < \r\n
            -- Fin
        "#]],
    );
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe
          answer 200
          shut down
          > llo",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "5"}
            ~ Discarding id=1 len=5
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            ~ Closing why=SaidClose
            -- Fin
        "#]],
    );
}
