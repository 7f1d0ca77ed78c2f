//! Time limits.

use std::time::Duration;

use expect_test::expect;
use message::Rate;

use super::script::{Stage, check, check_with};
use crate::{Config, Timer};

//= test RFC 9110 §15.5.9: a head that takes too long is 408, from the first byte on.
#[test]
fn a_slow_head() {
    check(
        r"9s
          > GET / HT
          999ms
          > TP
          1ms
          5s",
        expect![[r#"
            ~ TimedOut timer=Head
            ~ Refused why=HeadTooSlow status=Some(408)
            ~ Closing why=HeadTooSlow
            < HTTP/1.1 408 Request Timeout\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 47\r\n
            < \r\n
            < 408 Request Timeout: the request took too long\n
            => #1 Reset(the request took too long (408))
            -- Fin
            ~ TimedOut timer=Linger
            -- Now
        "#]],
    );
    // On a connection that persists the clock starts with the head.
    check(
        r"> GET / HTTP/1.1\r\nHost: x\r\n\r\n
          answer 200
          14s
          > G
          look
          9s
          > E
          1s",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            -- idle=true reusable=true wants_bytes=true waiting=1 timer=Some((24s, Head))
            ~ TimedOut timer=Head
            ~ Refused why=HeadTooSlow status=Some(408)
            ~ Closing why=HeadTooSlow
            < HTTP/1.1 408 Request Timeout\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 47\r\n
            < \r\n
            < 408 Request Timeout: the request took too long\n
            => #2 Reset(the request took too long (408))
            -- Fin
        "#]],
    );
}

/// Nobody waits for an answer, so there is none.
#[test]
fn silence_from_the_start() {
    check(
        "10s",
        expect![[r#"
        ~ TimedOut timer=Head
        ~ Closing why=Idle
        -- Now
    "#]],
    );
    check(
        r"> \r\n
          10s",
        expect![[r#"
            ~ TimedOut timer=Head
            ~ Closing why=Idle
            -- Now
        "#]],
    );
}

#[test]
fn silence_between_requests() {
    check(
        r"> GET / HTTP/1.1\r\nHost: x\r\n\r\n
          answer 200
          14999ms
          look
          1ms
          look",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=Some((15s, Idle))
            ~ TimedOut timer=Idle
            ~ Closing why=Idle
            -- Now
            -- idle=true reusable=false wants_bytes=false waiting=0 timer=None
        "#]],
    );
}

/// Empty lines keep no connection alive.
#[test]
fn empty_lines_are_silence() {
    check(
        r"> GET / HTTP/1.1\r\nHost: x\r\n\r\n
          answer 200
          14s
          > \r\n
          1s",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            ~ TimedOut timer=Idle
            ~ Closing why=Idle
            -- Now
        "#]],
    );
}

/// A handler may take its time.
#[test]
fn no_limit_for_the_handler() {
    check(
        r"> GET / HTTP/1.1\r\nHost: x\r\n\r\n
          1000s
          answer 200
          look",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=Some((1015s, Idle))
        "#]],
    );
}

//= test RFC 9110 §15.5.9: a body that comes too slowly is 408.
#[test]
fn a_slow_body() {
    let config = Config {
        body_rate_min: Rate { len: 4, interval: Duration::from_secs(10) },
        ..Config::default()
    };
    check_with(
        config.clone(),
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n
          100s
          read
          > 0123
          9999ms
          > 4
          1ms
          > 567
          10s",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "100"}
            => #1 Data "0123"
            => #1 Data "4"
            => #1 Data "567"
            ~ TimedOut timer=BodyRate
            ~ Refused why=BodyTooSlow status=Some(408)
            ~ Closing why=BodyTooSlow
            < HTTP/1.1 408 Request Timeout\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 46\r\n
            < \r\n
            < 408 Request Timeout: the body came too slowly\n
            => #1 Reset(the body came too slowly (408))
            -- Fin
        "#]],
    );
    // When the answer has begun there is nothing left to say.
    check_with(
        config.clone(),
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n
          read
          head 200 Content-Length: 4
          10s",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "100"}
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 4\r\n
            < \r\n
            ~ TimedOut timer=BodyRate
            ~ Refused why=BodyTooSlow status=None
            ~ Closing why=BodyTooSlow
            => #1 Reset(the body came too slowly)
            -- Abort
        "#]],
    );
    // When it is complete, it is only the drain that ends.
    check_with(
        config,
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n
          answer 200
          > 0123
          10s
          10s
          5s",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "100"}
            ~ Discarding id=1 len=100
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            ~ TimedOut timer=BodyRate
            ~ Refused why=BodyTooSlow status=None
            ~ Closing why=BodyTooSlow
            -- Fin
            ~ TimedOut timer=Linger
            -- Now
        "#]],
    );
}

/// The peer is not blamed for a slow user.
#[test]
fn a_slow_user() {
    check_with(
        Config { body_window: 4, ..Config::default() },
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n012345
          hold
          read
          1000s
          look
          release 4
          answer 200",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "6"}
            => #1 Data "0123"
            -- idle=false reusable=false wants_bytes=false waiting=2 timer=None
            => #1 Data "45"
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
        "#]],
    );
}

/// Trailers are part of the body as far as time goes.
#[test]
fn slow_trailers() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nETag:
          read
          10s",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Transfer-Encoding: "chunked"}
            ~ TimedOut timer=BodyRate
            ~ Refused why=BodyTooSlow status=Some(408)
            ~ Closing why=BodyTooSlow
            < HTTP/1.1 408 Request Timeout\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 46\r\n
            < \r\n
            < 408 Request Timeout: the body came too slowly\n
            => #1 Reset(the body came too slowly (408))
            -- Fin
        "#]],
    );
}

#[test]
fn lingering_has_an_end() {
    check(
        r"> GET / HTTP/1.0\r\n\r\n
          answer 200
          look
          > more
          4999ms
          look
          1ms
          look",
        expect![[r#"
            => #1 GET / HTTP/1.0 {}
            => #1 End
            ~ Closing why=SaidClose
            < HTTP/1.1 200 OK\r\n
            < Connection: close\r\n
            < Content-Length: 0\r\n
            < \r\n
            -- Fin
            -- idle=false reusable=false wants_bytes=true waiting=0 timer=Some((5s, Linger))
            -- idle=false reusable=false wants_bytes=true waiting=0 timer=Some((5s, Linger))
            ~ TimedOut timer=Linger
            -- Now
            -- idle=false reusable=false wants_bytes=false waiting=0 timer=None
        "#]],
    );
}

#[test]
fn a_client_waits_as_long_as_its_user() {
    let mut stage = Stage::client(Config::default());
    stage.play("open GET / Host: x\nend\n> HTTP/1.1 200 OK\n");
    assert_eq!(stage.connection.poll_timeout(), None);
}

/// Being woken early, or late, or for nothing changes nothing.
#[test]
fn waking_for_nothing() {
    let mut stage = Stage::server(Config::default());
    let (at, timer) = stage.connection.poll_timeout().unwrap();
    assert_eq!((at.as_nanos(), timer), (10_000_000_000, Timer::Head));
    let mut world = base::World::seeded(1);
    for nanos in [0, 1, 9_999_999_999] {
        let now = base::Instant::from_nanos(nanos);
        stage.connection.handle_timeout(&mut base::Cx::new(now, base::Wall(0), &mut world));
        assert_eq!(stage.connection.poll_timeout(), Some((at, timer)));
    }
    stage.pass(Duration::from_secs(100));
    assert_eq!(stage.connection.poll_timeout(), None);
}

/// A site may give its clients another pace, and then others the usual one again.
#[test]
fn a_pace_of_its_own() {
    check(
        r"5s
          pace 7s -
          1999ms
          > GE
          1ms",
        expect![[r#"
            ~ TimedOut timer=Head
            ~ Refused why=HeadTooSlow status=Some(408)
            ~ Closing why=HeadTooSlow
            < HTTP/1.1 408 Request Timeout\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 47\r\n
            < \r\n
            < 408 Request Timeout: the request took too long\n
            => #1 Reset(the request took too long (408))
            -- Fin
        "#]],
    );
    // What has gone by counts: this one is late already.
    check(
        r"5s
          pace 2s -
          > GE
          0s",
        expect![[r#"
            ~ TimedOut timer=Head
            ~ Refused why=HeadTooSlow status=Some(408)
            ~ Closing why=HeadTooSlow
            < HTTP/1.1 408 Request Timeout\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 47\r\n
            < \r\n
            < 408 Request Timeout: the request took too long\n
            => #1 Reset(the request took too long (408))
            -- Fin
        "#]],
    );
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n
          read
          pace - 4/1s
          999ms
          > 0123
          1ms
          1s",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "100"}
            => #1 Data "0123"
            ~ TimedOut timer=BodyRate
            ~ Refused why=BodyTooSlow status=Some(408)
            ~ Closing why=BodyTooSlow
            < HTTP/1.1 408 Request Timeout\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 46\r\n
            < \r\n
            < 408 Request Timeout: the body came too slowly\n
            => #1 Reset(the body came too slowly (408))
            -- Fin
        "#]],
    );
    check(
        r"pace 1s 4/1s
          pace
          > GET / HTTP/1.1\r\n
          9999ms
          look
          1ms",
        expect![[r#"
            -- idle=true reusable=true wants_bytes=true waiting=16 timer=Some((10s, Head))
            ~ TimedOut timer=Head
            ~ Refused why=HeadTooSlow status=Some(408)
            ~ Closing why=HeadTooSlow
            < HTTP/1.1 408 Request Timeout\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 47\r\n
            < \r\n
            < 408 Request Timeout: the request took too long\n
            => #1 Reset(the request took too long (408))
            -- Fin
        "#]],
    );
}
