//! Windows, in both directions. (RFC 9113 §5.2, §6.9)

use expect_test::expect;

use super::script::{Stage, check, check_client_with, check_with, outcomes, outcomes_with};
use crate::Config;

//= test RFC 9113 §6.9.1: neither window is overrun, and what waits goes on when it may
#[test]
fn a_body_through_small_windows() {
    let mut stage = Stage::server(Config::default());
    stage.shake_hands("INITIAL_WINDOW_SIZE=10");
    stage.play(
        "get 1 /
         answer 1 200 hello, hello, hello
         > WINDOW_UPDATE 1 -- 5
         > WINDOW_UPDATE 1 -- 100
         look",
    );
    expect![[r#"
        => #1 GET / HTTP/2.0 {Host: "x"}
        => #1 End
        ~ Waits id=1 what=WindowOfStream pending=9
        < HEADERS 1 END_HEADERS -- :status: 200; content-length: 19
        < DATA 1 -- hello, hel
        ~ Waits id=1 what=WindowOfStream pending=4
        < DATA 1 -- lo, h
        < DATA 1 END_STREAM -- ello
        -- idle=true reusable=true wants_bytes=true waiting=0 timer=Some((1s, Rest))
    "#]]
    .assert_eq(&stage.film);
}

//= test RFC 9113 §6.9.1: the connection's window is everybody's
#[test]
fn the_window_of_the_connection() {
    let mut stage = Stage::server(Config::default());
    stage.shake_hands("INITIAL_WINDOW_SIZE=100000");
    stage.play(
        "get 1 /
         get 3 /
         clear
         answer 1 200 %65000 times: (x)
         answer 3 200 %1000 times: (y)
         room 3
         > WINDOW_UPDATE 0 -- 464
         > WINDOW_UPDATE 0 -- 1000
         look",
    );
    expect![[r#"
        < HEADERS 1 END_HEADERS -- :status: 200; content-length: 65000
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 16375 bytes
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 16375 bytes
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 16375 bytes
        < DATA 1 END_STREAM -- xxxxxxxxxxxxxxxxxxxx... 15875 bytes
        ~ Waits id=3 what=WindowOfConnection pending=1000
        < HEADERS 3 END_HEADERS -- :status: 200; content-length: 1000
        -- room 0
        < DATA 3 END_STREAM -- yyyyyyyyyyyyyyyyyyyy... 1000 bytes
        -- idle=true reusable=true wants_bytes=true waiting=0 timer=Some((1s, Rest))
    "#]]
    .assert_eq(&stage.film);
}

//= test RFC 9113 §6.9.2: another initial window changes all of them, and may leave them below zero
#[test]
fn the_initial_window_changes() {
    let mut stage = Stage::server(Config::default());
    stage.shake_hands("INITIAL_WINDOW_SIZE=10");
    stage.play(
        "get 1 /
         clear
         answer 1 200 hello, hello, hello
         > SETTINGS 0 -- INITIAL_WINDOW_SIZE=5
         > WINDOW_UPDATE 1 -- 5
         > SETTINGS 0 -- INITIAL_WINDOW_SIZE=15
         > SETTINGS 0 -- INITIAL_WINDOW_SIZE=5 INITIAL_WINDOW_SIZE=100",
    );
    expect![[r#"
        ~ Waits id=1 what=WindowOfStream pending=9
        < HEADERS 1 END_HEADERS -- :status: 200; content-length: 19
        < DATA 1 -- hello, hel
        < SETTINGS 0 ACK
        < SETTINGS 0 ACK
        < DATA 1 END_STREAM -- lo, hello
        < SETTINGS 0 ACK
    "#]]
    .assert_eq(&stage.film);
}

//= test RFC 9113 §6.9.1: no window may be above 2³¹ − 1
//= test RFC 9113 §6.9.2: nor become so by a setting
//= test RFC 9113 §6.5.2: the range of each setting
#[test]
fn windows_and_settings_that_are_too_large() {
    let told = outcomes(
        false,
        &[
            "> WINDOW_UPDATE 0 -- 2147418112",
            "> WINDOW_UPDATE 0 -- 2147418113",
            "get 1 /\n> WINDOW_UPDATE 1 -- 2147418112",
            "get 1 /\n> WINDOW_UPDATE 1 -- 2147418113",
            "get 1 /\n> WINDOW_UPDATE 1 -- 2147418112\n> SETTINGS 0 -- INITIAL_WINDOW_SIZE=65536",
            "> SETTINGS 0 -- INITIAL_WINDOW_SIZE=2147483647",
            "> SETTINGS 0 -- INITIAL_WINDOW_SIZE=2147483648",
            "> SETTINGS 0 -- ENABLE_PUSH=2",
            "> SETTINGS 0 -- MAX_FRAME_SIZE=16383",
            "> SETTINGS 0 -- MAX_FRAME_SIZE=16384 MAX_FRAME_SIZE=16777215",
            "> SETTINGS 0 -- MAX_FRAME_SIZE=16777216",
            "> SETTINGS 0 -- ENABLE_CONNECT_PROTOCOL=2",
            "> SETTINGS 0 -- ENABLE_CONNECT_PROTOCOL=1\n> SETTINGS 0 -- ENABLE_CONNECT_PROTOCOL=0",
            "> SETTINGS 0 -- NO_RFC7540_PRIORITIES=2",
            "> SETTINGS 0 -- NO_RFC7540_PRIORITIES=1\n> SETTINGS 0 -- NO_RFC7540_PRIORITIES=0",
            "> SETTINGS 0 -- HEADER_TABLE_SIZE=4294967295 MAX_HEADER_LIST_SIZE=0 MAX_CONCURRENT_STREAMS=0",
        ],
    );
    expect![[r#"
        > WINDOW_UPDATE 0 -- 2147418112
        > WINDOW_UPDATE 0 -- 2147418113
            < GOAWAY 0 -- 0 FLOW_CONTROL_ERROR a window is too large
            -- Fin
        get 1 / | > WINDOW_UPDATE 1 -- 2147418112
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
        get 1 / | > WINDOW_UPDATE 1 -- 2147418113
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            < RST_STREAM 1 -- FLOW_CONTROL_ERROR
            => #1 Reset(a window is too large)
        get 1 / | > WINDOW_UPDATE 1 -- 2147418112 | > SETTINGS 0 -- INITIAL_WINDOW_SIZE=65536
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            < GOAWAY 0 -- 1 FLOW_CONTROL_ERROR a window is too large
            => #1 Reset(a window is too large)
            -- Fin
        > SETTINGS 0 -- INITIAL_WINDOW_SIZE=2147483647
        > SETTINGS 0 -- INITIAL_WINDOW_SIZE=2147483648
            < GOAWAY 0 -- 0 FLOW_CONTROL_ERROR the initial window is too large
            -- Fin
        > SETTINGS 0 -- ENABLE_PUSH=2
            < GOAWAY 0 -- 0 PROTOCOL_ERROR a setting has a value that it cannot have
            -- Fin
        > SETTINGS 0 -- MAX_FRAME_SIZE=16383
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the largest frame is out of its range
            -- Fin
        > SETTINGS 0 -- MAX_FRAME_SIZE=16384 MAX_FRAME_SIZE=16777215
        > SETTINGS 0 -- MAX_FRAME_SIZE=16777216
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the largest frame is out of its range
            -- Fin
        > SETTINGS 0 -- ENABLE_CONNECT_PROTOCOL=2
            < GOAWAY 0 -- 0 PROTOCOL_ERROR a setting has a value that it cannot have
            -- Fin
        > SETTINGS 0 -- ENABLE_CONNECT_PROTOCOL=1 | > SETTINGS 0 -- ENABLE_CONNECT_PROTOCOL=0
            < GOAWAY 0 -- 0 PROTOCOL_ERROR a setting has a value that it cannot have
            -- Fin
        > SETTINGS 0 -- NO_RFC7540_PRIORITIES=2
            < GOAWAY 0 -- 0 PROTOCOL_ERROR a setting has a value that it cannot have
            -- Fin
        > SETTINGS 0 -- NO_RFC7540_PRIORITIES=1 | > SETTINGS 0 -- NO_RFC7540_PRIORITIES=0
            < GOAWAY 0 -- 0 PROTOCOL_ERROR a setting has a value that it cannot have
            -- Fin
        > SETTINGS 0 -- HEADER_TABLE_SIZE=4294967295 MAX_HEADER_LIST_SIZE=0 MAX_CONCURRENT_STREAMS=0
    "#]]
    .assert_eq(&told);
}

//= test RFC 9113 §6.9.1: who sends more than we allow goes wrong: on a stream, and on the connection
#[test]
fn windows_that_are_overrun() {
    let config = Config { window: 10, window_connection: 0, ..Config::default() };
    let told = outcomes_with(
        &config,
        false,
        &[
            "post 1 /\n> DATA 1 -- 0123456789",
            "post 1 /\n> DATA 1 -- 0123456789a\n> PING 0 -- still ok",
            "post 1 /\n> DATA 1 pad=4 -- 01234\n> DATA 1 -- 567890\n> PING 0 -- still ok",
            "post 1 /\n> DATA 1 pad=4 -- 01234\n> DATA 1 -- 56789\n> PING 0 -- still ok",
        ],
    );
    expect![[r#"
        post 1 / | > DATA 1 -- 0123456789
            => #1 POST / HTTP/2.0 {Host: "x"}
        post 1 / | > DATA 1 -- 0123456789a | > PING 0 -- still ok
            => #1 POST / HTTP/2.0 {Host: "x"}
            < RST_STREAM 1 -- FLOW_CONTROL_ERROR
            => #1 Reset(there is more data than the window allows)
            < PING 0 ACK -- still ok
        post 1 / | > DATA 1 pad=4 -- 01234 | > DATA 1 -- 567890 | > PING 0 -- still ok
            => #1 POST / HTTP/2.0 {Host: "x"}
            < RST_STREAM 1 -- FLOW_CONTROL_ERROR
            => #1 Reset(there is more data than the window allows)
            < PING 0 ACK -- still ok
        post 1 / | > DATA 1 pad=4 -- 01234 | > DATA 1 -- 56789 | > PING 0 -- still ok
            => #1 POST / HTTP/2.0 {Host: "x"}
            < RST_STREAM 1 -- FLOW_CONTROL_ERROR
            => #1 Reset(there is more data than the window allows)
            < PING 0 ACK -- still ok
    "#]]
    .assert_eq(&told);
}

/// Before a client knows our settings it may use the windows that everybody has.
//= test RFC 9113 §6.5.3: settings hold when they are acknowledged
#[test]
fn smaller_windows_hold_when_they_are_known() {
    let mut stage = Stage::server(Config { window: 10, ..Config::default() });
    stage.play(
        "preface
         > SETTINGS 0
         post 1 /
         read 1
         clear
         > DATA 1 -- %2000 times: (x)
         > SETTINGS 0 ACK
         > DATA 1 END_STREAM
         post 3 /
         > DATA 3 -- 0123456789a",
    );
    expect![[r#"
        => #1 Data "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" and 1940 bytes
        < WINDOW_UPDATE 1 -- 2000
        => #1 End
        => #3 POST / HTTP/2.0 {Host: "x"}
        ~ ResetOut id=3 code=FLOW_CONTROL_ERROR why=WindowExceeded
        < RST_STREAM 3 -- FLOW_CONTROL_ERROR
        => #3 Reset(there is more data than the window allows)
    "#]]
    .assert_eq(&stage.film);
}

//= test RFC 9113 §5.2.1: a stream that nobody reads stalls itself, and nobody else
#[test]
fn a_stream_that_nobody_reads() {
    let config = Config { window: 50_000, window_connection: 65_535, ..Config::default() };
    check_with(
        config,
        "post 1 /
         post 3 /
         clear
         read 3
         > DATA 1 -- %16384 times: (x)
         > DATA 1 -- %16384 times: (x)
         > DATA 1 -- %16384 times: (x)
         > DATA 3 -- %16384 times: (y)
         > DATA 3 -- %16384 times: (y)
         > DATA 3 END_STREAM -- the end
         read 1",
        expect![[r#"
            < WINDOW_UPDATE 0 -- 32768
            < PING 0 -- measured
            < WINDOW_UPDATE 0 -- 32768
            => #3 Data "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy" and 16324 bytes
            => #3 Data "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy" and 16324 bytes
            < WINDOW_UPDATE 3 -- 32768
            => #3 Data "the end"
            => #3 End
            => #1 Data "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" and 49092 bytes
            < WINDOW_UPDATE 1 -- 49152
        "#]],
    );
}

#[test]
fn a_user_who_keeps_what_he_gets() {
    let config = Config { window: 10, ..Config::default() };
    check_with(
        config,
        "release nothing
         post 1 /
         read 1
         clear
         > DATA 1 -- 01234
         > DATA 1 -- 56789
         release 1 4
         release 1 1
         release 1 100
         > DATA 1 END_STREAM -- 01234
         release 1 5",
        expect![[r#"
            => #1 Data "01234"
            => #1 Data "56789"
            < WINDOW_UPDATE 1 -- 5
            < WINDOW_UPDATE 1 -- 5
            => #1 Data "01234"
            => #1 End
        "#]],
    );
}

/// Parts that came in many frames while nobody looked are one.
#[test]
fn small_frames_become_one_part() {
    check(
        "post 1 /
         > DATA 1 -- a
         > DATA 1 -- b
         read 1
         hold
         > DATA 1 -- c
         > DATA 1 -- d
         > DATA 1 END_STREAM -- e
         arrive",
        expect![[r#"
            => #1 POST / HTTP/2.0 {Host: "x"}
            => #1 Data "ab"
            => #1 Data "cde"
            => #1 End
        "#]],
    );
}

//= test RFC 9113 §5.2.3: windows that suit the path
/// The window grows to twice what comes in one round trip, as PING measures it.
#[test]
fn windows_grow_with_the_path() {
    let config = Config { window: 20_000, window_max: 100_000, ..Config::default() };
    check_client_with(
        config,
        "open GET / Host: x
         end 1
         respond 1 200
         clear
         > DATA 1 -- %10000 times: (x)
         10ms
         > DATA 1 -- %16000 times: (x)
         > PING 0 ACK -- measured
         > DATA 1 -- %16000 times: (x)
         > DATA 1 -- %16000 times: (x)
         > DATA 1 -- %100 times: (x)
         > PING 0 ACK -- measured
         > PING 0 ACK -- measured",
        expect![[r#"
            < PING 0 -- measured
            => #1 Data "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" and 9940 bytes
            < WINDOW_UPDATE 1 -- 10000
            => #1 Data "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" and 15940 bytes
            < WINDOW_UPDATE 1 -- 16000
            ~ WindowGrows size=32000 round_trip_micros=10000
            < PING 0 -- measured
            => #1 Data "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" and 15940 bytes
            < WINDOW_UPDATE 1 -- 28000
            => #1 Data "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" and 15940 bytes
            < WINDOW_UPDATE 1 -- 16000
            => #1 Data "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" and 40 bytes
        "#]],
    );
}

/// A peer that opens its window a byte at a time does not make us send a byte at a time.
#[test]
fn slivers() {
    let mut stage = Stage::server(Config::default());
    stage.shake_hands("INITIAL_WINDOW_SIZE=5000");
    stage.play(
        "get 1 /
         clear
         answer 1 200 %7000 times: (x)
         > WINDOW_UPDATE 1 -- 1
         > WINDOW_UPDATE 1 -- 1
         > WINDOW_UPDATE 1 -- 1000
         10s
         > WINDOW_UPDATE 1 -- 1022
         > WINDOW_UPDATE 1 -- 1",
    );
    expect![[r#"
        ~ Waits id=1 what=WindowOfStream pending=2000
        < HEADERS 1 END_HEADERS -- :status: 200; content-length: 7000
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 5000 bytes
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 1002 bytes
        < DATA 1 END_STREAM -- xxxxxxxxxxxxxxxxxxxx... 998 bytes
        ~ Ignored stream=1 why=StreamClosed
    "#]]
    .assert_eq(&stage.film);
}

/// Who waits for the window of his stream, and gets it while that of the connection is used up, is
/// told when that grows.
#[test]
fn room_that_waits_for_both_windows() {
    let mut stage = Stage::server(Config::default());
    stage.shake_hands("INITIAL_WINDOW_SIZE=30000");
    stage.play(
        "get 1 /
         get 3 /
         get 5 /
         head 1 200
         head 3 200
         head 5 200
         clear
         data 1 %30000 times: (x)
         room 1
         data 3 %30000 times: (x)
         data 5 %5535 times: (x)
         > WINDOW_UPDATE 1 -- 30000
         room 5
         > WINDOW_UPDATE 0 -- 30000",
    );
    expect![[r#"
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 16375 bytes
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 13625 bytes
        ~ Waits id=1 what=WindowOfStream pending=0
        -- room 0
        < DATA 3 -- xxxxxxxxxxxxxxxxxxxx... 16375 bytes
        < DATA 3 -- xxxxxxxxxxxxxxxxxxxx... 13625 bytes
        < DATA 5 -- xxxxxxxxxxxxxxxxxxxx... 5535 bytes
        ~ Waits id=5 what=WindowOfConnection pending=0
        -- room 0
        -- #1 has room
        -- #5 has room
    "#]]
    .assert_eq(&stage.film);
}

/// Room for a sliver is none, unless it is for all there is, or was waited for.
#[test]
fn slivers_of_room() {
    let mut stage = Stage::server(Config::default());
    stage.shake_hands("INITIAL_WINDOW_SIZE=5000");
    stage.play(
        "get 1 /
         head 1 200 content-length: 7000
         clear
         room 1
         data 1 %5000 times: (x)
         room 1
         > WINDOW_UPDATE 1 -- 100
         room 1
         > WINDOW_UPDATE 1 -- 924
         room 1
         data 1 %1024 times: (x)
         > WINDOW_UPDATE 1 -- 900
         room 1
         10s
         room 1
         data 1 %900 times: (x)
         > WINDOW_UPDATE 1 -- 76
         room 1",
    );
    expect![[r#"
        -- room 5000
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 5000 bytes
        ~ Waits id=1 what=WindowOfStream pending=0
        -- room 0
        -- room 0
        -- #1 has room
        -- room 1024
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 1024 bytes
        ~ Waits id=1 what=WindowOfStream pending=0
        -- room 0
        -- #1 has room
        -- room 900
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 900 bytes
        -- room 76
    "#]]
    .assert_eq(&stage.film);
}

/// What was free before the client knew of a smaller window is told when it knows.
#[test]
fn what_was_free_before_a_window_became_smaller() {
    let mut stage = Stage::server(Config { window: 30, ..Config::default() });
    stage.play(
        "preface
         > SETTINGS 0
         post 1 /
         read 1
         clear
         > DATA 1 -- %100 times: (x)
         > SETTINGS 0 ACK",
    );
    expect![[r#"
        => #1 Data "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" and 40 bytes
        < WINDOW_UPDATE 1 -- 100
    "#]]
    .assert_eq(&stage.film);
}

//= test RFC 9113 §6.9.3: windows become smaller by settings, and what was sent before counts
/// Windows that are made smaller are not waited for to become as large as they were.
#[test]
fn windows_that_become_smaller() {
    let mut stage = Stage::server(Config::default());
    stage.shake_hands("INITIAL_WINDOW_SIZE=5000");
    stage.play(
        "get 1 /
         clear
         head 1 200
         > SETTINGS 0 -- INITIAL_WINDOW_SIZE=100
         data 1 %150 times: (x)
         > WINDOW_UPDATE 1 -- 60",
    );
    expect![[r#"
        < HEADERS 1 END_HEADERS -- :status: 200
        < SETTINGS 0 ACK
        ~ Waits id=1 what=WindowOfStream pending=50
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 100 bytes
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
    "#]]
    .assert_eq(&stage.film);
}

/// How much may be handed in follows both windows and what waits already.
#[test]
fn room() {
    let config = Config { body_window: 20_000, bodies_window: 25_000, ..Config::default() };
    let mut stage = Stage::server(config);
    stage.shake_hands("INITIAL_WINDOW_SIZE=30000");
    stage.play(
        "get 1 /
         get 3 /
         clear
         room 0
         head 1 200
         head 3 200
         room 1
         slow down
         data 1 %15000 times: (x)
         room 1
         data 1 %5000 times: (x)
         room 1
         data 3 %10000 times: (y)
         room 3
         transmit
         room 1
         data 1 %10000 times: (x)
         room 1
         > WINDOW_UPDATE 1 -- 2000
         room 7",
    );
    expect![[r#"
        -- room 65536
        < HEADERS 1 END_HEADERS -- :status: 200
        < HEADERS 3 END_HEADERS -- :status: 200
        -- room 20000
        -- room 5000
        -- room 0
        -- room 0
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 16375 bytes
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 3625 bytes
        < DATA 3 -- yyyyyyyyyyyyyyyyyyyy... 10000 bytes
        -- #1 has room
        -- #3 has room
        -- room 10000
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 10000 bytes
        ~ Waits id=1 what=WindowOfStream pending=0
        -- room 0
        -- #1 has room
        -- room 0
    "#]]
    .assert_eq(&stage.film);
}
