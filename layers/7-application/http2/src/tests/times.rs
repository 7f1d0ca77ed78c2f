//! Who is too slow.

use expect_test::expect;

use super::script::{Stage, check};
use crate::Config;

#[test]
fn a_slow_body() {
    check(
        "post 1 /
         read 1
         5s
         > DATA 1 -- %2000 times: (x)
         14s
         > DATA 1 -- x
         1s
         10s
         post 3 /
         read 3
         head 3 200
         30s
         look",
        expect![[r#"
            => #1 POST / HTTP/2.0 {Host: "x"}
            => #1 Data "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" and 1940 bytes
            => #1 Data "x"
            ~ TimedOut timer=Watch
            ~ Refused id=1 why=BodyTooSlow status=408
            < HEADERS 1 END_HEADERS -- :status: 408; content-type: text/plain; charset=utf-8; content-length: 46
            < DATA 1 END_STREAM -- 408 Request Timeout: the body came too slowly\n
            => #1 Reset(the body came too slowly (408))
            => #3 POST / HTTP/2.0 {Host: "x"}
            < HEADERS 3 END_HEADERS -- :status: 200
            ~ TimedOut timer=Watch
            ~ ResetOut id=1 code=NO_ERROR why=BodyUnread
            < RST_STREAM 1 -- NO_ERROR
            -- idle=false reusable=true wants_bytes=true waiting=0 timer=Some((70s, Watch))
        "#]],
    );
}

/// A body that nobody reads, or whose reader is slow, is not the client's fault.
#[test]
fn a_slow_reader() {
    let mut stage = Stage::server(Config { window: 2000, ..Config::default() });
    stage.shake_hands("");
    stage.play(
        "release nothing
         post 1 /
         30s
         read 1
         clear
         > DATA 1 -- %2000 times: (x)
         60s
         release 1 2000
         12s
         10s",
    );
    expect![[r#"
        => #1 Data "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" and 1940 bytes
        < WINDOW_UPDATE 1 -- 2000
        ~ TimedOut timer=Watch
        ~ Refused id=1 why=BodyTooSlow status=408
        < HEADERS 1 END_HEADERS -- :status: 408; content-type: text/plain; charset=utf-8; content-length: 46
        < DATA 1 END_STREAM -- 408 Request Timeout: the body came too slowly\n
        => #1 Reset(the body came too slowly (408))
    "#]]
    .assert_eq(&stage.film);
}

/// Windows that do not open cost the stream, or the connection.
/// A user who waits for room waits for the window, as what was handed in does.
#[test]
fn stalled_windows_of_who_waits_for_room() {
    let mut stage = Stage::server(Config::default());
    stage.shake_hands("INITIAL_WINDOW_SIZE=0");
    stage.play(
        "get 1 /
         get 3 /
         head 1 200 content-length: 100000
         head 3 200 content-length: 5
         clear
         room 1
         room 3
         30s
         > WINDOW_UPDATE 3 -- 5
         room 3
         data 3 short
         end 3
         30s
         look",
    );
    expect![[r#"
        ~ Waits id=1 what=WindowOfStream pending=0
        -- room 0
        ~ Waits id=3 what=WindowOfStream pending=0
        -- room 0
        -- #3 has room
        -- room 5
        < DATA 3 -- short
        < DATA 3 END_STREAM
        ~ TimedOut timer=Watch
        ~ ResetOut id=1 code=CANCEL why=WindowStalled
        < RST_STREAM 1 -- CANCEL
        => #1 Reset(the stream was given no window for too long)
        -- idle=true reusable=true wants_bytes=true waiting=0 timer=Some((61s, Rest))
    "#]]
    .assert_eq(&stage.film);
    let mut stage = Stage::server(Config::default());
    stage.shake_hands("");
    stage.play(
        "get 1 /
         head 1 200
         data 1 %65535 times: (x)
         clear
         > WINDOW_UPDATE 1 -- 1000000
         room 1
         50s
         > WINDOW_UPDATE 0 -- 500
         room 1
         10s
         look",
    );
    expect![[r#"
        ~ Waits id=1 what=WindowOfConnection pending=0
        -- room 0
        -- #1 has room
        -- room 500
        ~ TimedOut timer=Watch
        ~ GoAwayOut last=1 code=ENHANCE_YOUR_CALM why=WindowsAllStalled
        ~ Closing why=WindowsAllStalled
        < GOAWAY 0 -- 1 ENHANCE_YOUR_CALM the connection was given no window for too long
        => #1 Reset(the connection was given no window for too long)
        -- Fin
        -- idle=true reusable=false wants_bytes=true waiting=0 timer=Some((61s, Rest))
    "#]]
    .assert_eq(&stage.film);
}

#[test]
fn stalled_windows() {
    let mut stage = Stage::server(Config::default());
    stage.shake_hands("INITIAL_WINDOW_SIZE=5");
    stage.play(
        "get 1 /
         get 3 /
         answer 1 200 too much
         30s
         > WINDOW_UPDATE 1 -- 1
         29s
         answer 3 200 short
         10s
         look",
    );
    expect![[r#"
        => #1 GET / HTTP/2.0 {Host: "x"}
        => #1 End
        => #3 GET / HTTP/2.0 {Host: "x"}
        => #3 End
        ~ Waits id=1 what=WindowOfStream pending=3
        < HEADERS 1 END_HEADERS -- :status: 200; content-length: 8
        < DATA 1 -- too m
        < DATA 1 -- u
        < HEADERS 3 END_HEADERS -- :status: 200; content-length: 5
        < DATA 3 END_STREAM -- short
        ~ TimedOut timer=Watch
        ~ ResetOut id=1 code=CANCEL why=WindowStalled
        < RST_STREAM 1 -- CANCEL
        => #1 Reset(the stream was given no window for too long)
        -- idle=true reusable=true wants_bytes=true waiting=0 timer=Some((120s, Idle))
    "#]]
    .assert_eq(&stage.film);
    let mut stage = Stage::server(Config::default());
    stage.shake_hands("INITIAL_WINDOW_SIZE=100000");
    stage.play(
        "get 1 /
         get 3 /
         clear
         answer 1 200 %65535 times: (x)
         answer 3 200 nothing left
         70s",
    );
    expect![[r#"
        < HEADERS 1 END_HEADERS -- :status: 200; content-length: 65535
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 16375 bytes
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 16375 bytes
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 16375 bytes
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 16375 bytes
        < DATA 1 END_STREAM -- xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
        ~ Waits id=3 what=WindowOfConnection pending=12
        < HEADERS 3 END_HEADERS -- :status: 200; content-length: 12
        ~ TimedOut timer=Watch
        ~ GoAwayOut last=3 code=ENHANCE_YOUR_CALM why=WindowsAllStalled
        ~ Closing why=WindowsAllStalled
        < GOAWAY 0 -- 3 ENHANCE_YOUR_CALM the connection was given no window for too long
        => #3 Reset(the connection was given no window for too long)
        -- Fin
        ~ TimedOut timer=Linger
        -- Now
    "#]]
    .assert_eq(&stage.film);
}

#[test]
fn small_windows_that_stay_small() {
    let mut stage = Stage::server(Config::default());
    stage.shake_hands("INITIAL_WINDOW_SIZE=5000");
    stage.play(
        "get 1 /
         clear
         slow down
         head 1 200
         file 1 7000
         end 1
         transmit
         > WINDOW_UPDATE 1 -- 100
         10s
         > WINDOW_UPDATE 1 -- 100
         10s
         > WINDOW_UPDATE 1 -- 1900",
    );
    expect![[r#"
        ~ Waits id=1 what=WindowOfStream pending=2000
        < HEADERS 1 END_HEADERS -- :status: 200
        < DATA 1 -- ffffffffffffffffffff... 5000 bytes
        < DATA 1 -- ffffffffffffffffffff... 100 bytes
        < DATA 1 -- ffffffffffffffffffff... 100 bytes
        < DATA 1 END_STREAM -- ffffffffffffffffffff... 1800 bytes
    "#]]
    .assert_eq(&stage.film);
}

/// A site may ask for more of a body than others do, and give heads less time.
#[test]
fn a_pace_of_its_own() {
    check(
        "post 1 /
         read 1
         pace 1 2s 200/1s
         post 3 /
         read 3
         10s
         > DATA 1 -- %2000 times: (x)
         > DATA 3 -- %2000 times: (x)
         10s
         > DATA 1 -- %1999 times: (x)
         > DATA 3 -- %1999 times: (x)
         10s
         > HEADERS 5 -- :method: GET
         2s",
        expect![[r#"
            => #1 POST / HTTP/2.0 {Host: "x"}
            => #3 POST / HTTP/2.0 {Host: "x"}
            => #1 Data "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" and 1940 bytes
            => #3 Data "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" and 1940 bytes
            => #1 Data "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" and 1939 bytes
            => #3 Data "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" and 1939 bytes
            ~ TimedOut timer=Watch
            ~ Refused id=1 why=BodyTooSlow status=408
            < HEADERS 1 END_HEADERS -- :status: 408; content-type: text/plain; charset=utf-8; content-length: 46
            < DATA 1 END_STREAM -- 408 Request Timeout: the body came too slowly\n
            => #1 Reset(the body came too slowly (408))
            ~ TimedOut timer=Head
            ~ GoAwayOut last=3 code=ENHANCE_YOUR_CALM why=HeadTooSlow
            ~ Closing why=HeadTooSlow
            < GOAWAY 0 -- 3 ENHANCE_YOUR_CALM the head took too long
            => #3 Reset(the head took too long)
            -- Fin
        "#]],
    );
}
