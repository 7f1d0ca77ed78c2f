//! How connections end.

use expect_test::expect;

use super::script::{Stage, check, check_client};
use crate::Config;

//= test RFC 9113 §6.8: going away in two steps, and no request is lost
#[test]
fn winding_down() {
    check(
        "get 1 /
         wind down
         get 3 /
         > PING 0 ACK -- goingoff
         get 5 /
         answer 1 200 one
         answer 3 200 three
         look",
        expect![[r#"
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            ~ GoAwayOut last=2147483647 code=NO_ERROR why=ShuttingDown
            < GOAWAY 0 -- 2147483647 NO_ERROR
            < PING 0 -- goingoff
            => #3 GET / HTTP/2.0 {Host: "x"}
            => #3 End
            ~ GoAwayOut last=3 code=NO_ERROR why=ShuttingDown
            < GOAWAY 0 -- 3 NO_ERROR
            ~ Ignored stream=5 why=BeyondGoAway
            < HEADERS 1 END_HEADERS -- :status: 200; content-length: 3
            < DATA 1 END_STREAM -- one
            ~ Closing why=SaidClose
            < HEADERS 3 END_HEADERS -- :status: 200; content-length: 5
            < DATA 3 END_STREAM -- three
            -- Fin
            -- idle=true reusable=false wants_bytes=true waiting=0 timer=Some((5s, Linger))
        "#]],
    );
}

/// A client that does not answer is not waited for.
#[test]
fn winding_down_beside_a_silent_client() {
    check(
        "get 1 /
         wind down
         2s
         answer 1 200 one
         5s",
        expect![[r#"
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            ~ GoAwayOut last=2147483647 code=NO_ERROR why=ShuttingDown
            < GOAWAY 0 -- 2147483647 NO_ERROR
            < PING 0 -- goingoff
            ~ TimedOut timer=GoAway
            ~ GoAwayOut last=1 code=NO_ERROR why=ShuttingDown
            < GOAWAY 0 -- 1 NO_ERROR
            ~ Closing why=SaidClose
            < HEADERS 1 END_HEADERS -- :status: 200; content-length: 3
            < DATA 1 END_STREAM -- one
            -- Fin
            ~ TimedOut timer=Linger
            -- Now
        "#]],
    );
}

#[test]
fn shutting_down() {
    check(
        "shut down
         > PING 0 -- too late
         fin",
        expect![[r#"
            ~ GoAwayOut last=0 code=NO_ERROR why=ShuttingDown
            ~ Closing why=ShuttingDown
            < GOAWAY 0 -- 0 NO_ERROR the program is going down
            -- Fin
            ~ PeerFinished streams=0
            -- Now
        "#]],
    );
    check(
        "get 1 /
         shut down
         > PING 0 ACK -- goingoff
         answer 1 200 one
         fin",
        expect![[r#"
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            ~ GoAwayOut last=2147483647 code=NO_ERROR why=ShuttingDown
            < GOAWAY 0 -- 2147483647 NO_ERROR
            < PING 0 -- goingoff
            ~ GoAwayOut last=1 code=NO_ERROR why=ShuttingDown
            < GOAWAY 0 -- 1 NO_ERROR
            ~ Closing why=SaidClose
            < HEADERS 1 END_HEADERS -- :status: 200; content-length: 3
            < DATA 1 END_STREAM -- one
            -- Fin
            ~ PeerFinished streams=0
            -- Now
        "#]],
    );
}

//= test RFC 9113 §6.8: streams above the last one were not touched
#[test]
fn the_server_goes_away() {
    check_client(
        "open GET /1 Host: x
         open GET /2 Host: x
         end 1
         end 3
         > GOAWAY 0 -- 2147483647 NO_ERROR
         look
         > GOAWAY 0 -- 1 NO_ERROR bye
         open GET /3 Host: x
         > HEADERS 1 END_STREAM END_HEADERS -- :status: 204",
        expect![[r#"
            < HEADERS 1 END_HEADERS -- :method: GET; :scheme: http; :authority: x; :path: /1
            < HEADERS 3 END_HEADERS -- :method: GET; :scheme: http; :authority: x; :path: /2
            < DATA 1 END_STREAM
            < DATA 3 END_STREAM
            -- idle=false reusable=false wants_bytes=true waiting=0 timer=None
            => #3 Reset(the peer refused the exchange (untouched))
            ~ NotSent id=5 why=GoingAway
            -- not opened
            ~ GoAwayOut last=0 code=NO_ERROR why=SaidClose
            ~ Closing why=SaidClose
            < GOAWAY 0 -- 0 NO_ERROR one side ends the connection
            => #1 HTTP/2.0 204 {}
            => #1 End
            -- Now
        "#]],
    );
    check_client(
        "> GOAWAY 0 -- 1 NO_ERROR
         > GOAWAY 0 -- 3 NO_ERROR",
        expect![[r#"
            ~ GoAwayOut last=0 code=NO_ERROR why=SaidClose
            ~ Closing why=SaidClose
            < GOAWAY 0 -- 0 NO_ERROR one side ends the connection
            -- Now
        "#]],
    );
    check_client(
        "open GET /1 Host: x
         > GOAWAY 0 -- 1 NO_ERROR
         > GOAWAY 0 -- 3 NO_ERROR",
        expect![[r#"
            < HEADERS 1 END_HEADERS -- :method: GET; :scheme: http; :authority: x; :path: /1
            ~ GoAwayOut last=0 code=PROTOCOL_ERROR why=GoAwayGrows
            ~ Closing why=GoAwayGrows
            < GOAWAY 0 -- 0 PROTOCOL_ERROR GOAWAY takes more than the one before
            => #1 Reset(GOAWAY takes more than the one before)
            -- Now
        "#]],
    );
}

#[test]
fn the_client_goes_away() {
    check(
        "get 1 /
         > GOAWAY 0 -- 0 NO_ERROR
         answer 1 200 one",
        expect![[r#"
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            ~ GoAwayOut last=1 code=NO_ERROR why=SaidClose
            ~ Closing why=SaidClose
            < HEADERS 1 END_HEADERS -- :status: 200; content-length: 3
            < DATA 1 END_STREAM -- one
            < GOAWAY 0 -- 1 NO_ERROR one side ends the connection
            -- Fin
        "#]],
    );
}

#[test]
fn idle_for_too_long() {
    check(
        "get 1 /
         59s
         answer 1 200 one
         59s
         get 3 /
         answer 3 200 three
         60s
         5s",
        expect![[r#"
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            < HEADERS 1 END_HEADERS -- :status: 200; content-length: 3
            < DATA 1 END_STREAM -- one
            => #3 GET / HTTP/2.0 {Host: "x"}
            => #3 End
            < HEADERS 3 END_HEADERS -- :status: 200; content-length: 5
            < DATA 3 END_STREAM -- three
            ~ TimedOut timer=Idle
            ~ GoAwayOut last=3 code=NO_ERROR why=Idle
            ~ Closing why=Idle
            < GOAWAY 0 -- 3 NO_ERROR nothing came for too long
            -- Fin
            ~ TimedOut timer=Linger
            -- Now
        "#]],
    );
}

//= test RFC 9113 §5.4.3: a connection that is lost
#[test]
fn the_peer_goes() {
    check(
        "fin",
        expect![[r#"
        ~ PeerFinished streams=0
        ~ Closing why=SaidClose
        -- Now
    "#]],
    );
    check(
        "get 1 /
         post 3 /
         fin
         answer 1 200 one",
        expect![[r#"
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            => #3 POST / HTTP/2.0 {Host: "x"}
            ~ PeerFinished streams=2
            => #3 Reset(the peer went away in the middle of an exchange)
            ~ Closing why=SaidClose
            < HEADERS 1 END_HEADERS -- :status: 200; content-length: 3
            < DATA 1 END_STREAM -- one
            -- Now
        "#]],
    );
    check_client(
        "open GET / Host: x
         end 1
         fin",
        expect![[r#"
            < HEADERS 1 END_HEADERS -- :method: GET; :scheme: http; :authority: x; :path: /
            < DATA 1 END_STREAM
            ~ PeerFinished streams=1
            ~ Closing why=SaidClose
            => #1 Reset(the peer went away in the middle of an exchange)
            -- Now
        "#]],
    );
}

//= test RFC 9113 §5.1.1: numbers that are used up
#[test]
fn requests_that_are_used_up() {
    let mut stage = Stage::server(Config { requests_max: 2, ..Config::default() });
    stage.shake_hands("");
    stage.play(
        "get 1 /
         get 3 /
         answer 1 200 one
         > PING 0 ACK -- goingoff
         answer 3 200 three",
    );
    expect![[r#"
        => #1 GET / HTTP/2.0 {Host: "x"}
        => #1 End
        ~ GoAwayOut last=2147483647 code=NO_ERROR why=ShuttingDown
        < GOAWAY 0 -- 2147483647 NO_ERROR
        < PING 0 -- goingoff
        => #3 GET / HTTP/2.0 {Host: "x"}
        => #3 End
        < HEADERS 1 END_HEADERS -- :status: 200; content-length: 3
        < DATA 1 END_STREAM -- one
        ~ GoAwayOut last=3 code=NO_ERROR why=ShuttingDown
        < GOAWAY 0 -- 3 NO_ERROR
        ~ Closing why=SaidClose
        < HEADERS 3 END_HEADERS -- :status: 200; content-length: 5
        < DATA 3 END_STREAM -- three
        -- Fin
    "#]]
    .assert_eq(&stage.film);
}

#[test]
fn a_client_that_ends() {
    check_client(
        "open GET / Host: x
         end 1
         shut down
         open GET / Host: x
         > PING 0 ACK -- goingoff
         > HEADERS 1 END_STREAM END_HEADERS -- :status: 204",
        expect![[r#"
            < HEADERS 1 END_HEADERS -- :method: GET; :scheme: http; :authority: x; :path: /
            < DATA 1 END_STREAM
            ~ GoAwayOut last=2147483647 code=NO_ERROR why=ShuttingDown
            < GOAWAY 0 -- 2147483647 NO_ERROR
            < PING 0 -- goingoff
            ~ NotSent id=3 why=GoingAway
            -- not opened
            ~ GoAwayOut last=0 code=NO_ERROR why=ShuttingDown
            < GOAWAY 0 -- 0 NO_ERROR
            ~ Closing why=SaidClose
            => #1 HTTP/2.0 204 {}
            => #1 End
            -- Now
        "#]],
    );
}
