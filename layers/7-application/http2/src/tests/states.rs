//! What may come in which state, and on which stream.

use expect_test::expect;

use super::script::{check, check_client, check_with, outcomes};
use crate::{Config, State};

//= test RFC 9113 §5.1: the states and the ways between them
#[test]
fn the_table() {
    expect![[r#"
        digraph State {
          Idle -> Open [label=send_head]
          ReservedLocal -> HalfClosedRemote [label=send_head]
          Open -> Open [label=send_head]
          HalfClosedRemote -> HalfClosedRemote [label=send_head]
          Idle -> Open [label=recv_head]
          ReservedRemote -> HalfClosedLocal [label=recv_head]
          Open -> Open [label=recv_head]
          HalfClosedLocal -> HalfClosedLocal [label=recv_head]
          Open -> HalfClosedLocal [label=send_end]
          HalfClosedRemote -> Closed [label=send_end]
          Open -> HalfClosedRemote [label=recv_end]
          HalfClosedLocal -> Closed [label=recv_end]
          Idle -> ReservedLocal [label=send_promise]
          Idle -> ReservedRemote [label=recv_promise]
          ReservedLocal -> Closed [label=reset]
          ReservedRemote -> Closed [label=reset]
          Open -> Closed [label=reset]
          HalfClosedLocal -> Closed [label=reset]
          HalfClosedRemote -> Closed [label=reset]
        }
    "#]]
    .assert_eq(&State::drawing());
}

//= test RFC 9113 §5.1.1: clients open odd streams, with rising numbers
#[test]
fn stream_numbers() {
    let told = outcomes(
        false,
        &[
            "get 2 /",
            "get 5 /\nget 3 /",
            "get 5 /\nanswer 5 200 x\nget 5 /",
            "get 7 /\nget 9 /",
            "get 2147483647 /\nlook",
        ],
    );
    expect![[r#"
        get 2 /
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the stream has a number that it cannot have
            -- Fin
        get 5 / | get 3 /
            => #5 GET / HTTP/2.0 {Host: "x"}
            => #5 End
            < GOAWAY 0 -- 5 PROTOCOL_ERROR the stream has a number that it cannot have
            => #5 Reset(the stream has a number that it cannot have)
            -- Fin
        get 5 / | answer 5 200 x | get 5 /
            => #5 GET / HTTP/2.0 {Host: "x"}
            => #5 End
            < GOAWAY 0 -- 5 STREAM_CLOSED the stream is closed
            -- Fin
        get 7 / | get 9 /
            => #7 GET / HTTP/2.0 {Host: "x"}
            => #7 End
            => #9 GET / HTTP/2.0 {Host: "x"}
            => #9 End
        get 2147483647 / | look
            < GOAWAY 0 -- 2147483647 NO_ERROR
            < PING 0 -- goingoff
            => #2147483647 GET / HTTP/2.0 {Host: "x"}
            => #2147483647 End
            -- idle=false reusable=false wants_bytes=true waiting=0 timer=Some((2s, GoAway))
    "#]]
    .assert_eq(&told);
}

//= test RFC 9113 §5.1: half-closed (remote): a part of a message is an error of the stream
//= test RFC 9113 §5.1: closed: what both sides knew to be over is an error of the connection
#[test]
fn frames_behind_the_end() {
    let told = outcomes(
        false,
        &[
            "get 1 /\n> DATA 1 -- x\n> PING 0 -- still ok",
            "get 1 /\nget 1 /again\n> PING 0 -- still ok",
            "get 1 /\n> WINDOW_UPDATE 1 -- 5\n> PRIORITY 1 -- 0\n> PING 0 -- still ok",
            "get 1 /\n> RST_STREAM 1 -- CANCEL\n> PING 0 -- still ok",
            "get 1 /\nanswer 1 200 x\n> DATA 1 -- x",
            "get 1 /\nanswer 1 200 x\nget 1 /",
            "get 1 /\nanswer 1 200 x\n> WINDOW_UPDATE 1 -- 5\n> PING 0 -- still ok",
            "get 1 /\nanswer 1 200 x\n> RST_STREAM 1 -- CANCEL\n> PING 0 -- still ok",
            "get 1 /\nanswer 1 200 x\n> PRIORITY 1 -- 0\n> PING 0 -- still ok",
        ],
    );
    expect![[r#"
        get 1 / | > DATA 1 -- x | > PING 0 -- still ok
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            < RST_STREAM 1 -- STREAM_CLOSED
            => #1 Reset(the message was complete)
            < PING 0 ACK -- still ok
        get 1 / | get 1 /again | > PING 0 -- still ok
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            < RST_STREAM 1 -- STREAM_CLOSED
            => #1 Reset(the message was complete)
            < PING 0 ACK -- still ok
        get 1 / | > WINDOW_UPDATE 1 -- 5 | > PRIORITY 1 -- 0 | > PING 0 -- still ok
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            ~ Ignored stream=1 why=OldPriority
            < PING 0 ACK -- still ok
        get 1 / | > RST_STREAM 1 -- CANCEL | > PING 0 -- still ok
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            => #1 Reset(the peer ended the exchange)
            < PING 0 ACK -- still ok
        get 1 / | answer 1 200 x | > DATA 1 -- x
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            < GOAWAY 0 -- 1 STREAM_CLOSED the stream is closed
            -- Fin
        get 1 / | answer 1 200 x | get 1 /
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            < GOAWAY 0 -- 1 STREAM_CLOSED the stream is closed
            -- Fin
        get 1 / | answer 1 200 x | > WINDOW_UPDATE 1 -- 5 | > PING 0 -- still ok
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            ~ Ignored stream=1 why=StreamClosed
            < PING 0 ACK -- still ok
        get 1 / | answer 1 200 x | > RST_STREAM 1 -- CANCEL | > PING 0 -- still ok
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            ~ Ignored stream=1 why=StreamClosed
            < PING 0 ACK -- still ok
        get 1 / | answer 1 200 x | > PRIORITY 1 -- 0 | > PING 0 -- still ok
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            ~ Ignored stream=1 why=OldPriority
            < PING 0 ACK -- still ok
    "#]]
    .assert_eq(&told);
}

//= test RFC 9113 §5.1: what comes on a stream that we reset was on its way, and is ignored
//= test RFC 9113 §4.3: its blocks are decoded all the same
#[test]
fn frames_behind_our_reset() {
    check(
        "post 1 /
         reset 1
         > DATA 1 -- x
         > HEADERS 1 END_STREAM END_HEADERS -- hex 40017801794001610162
         > WINDOW_UPDATE 1 -- 5
         > RST_STREAM 1 -- CANCEL
         > HEADERS 3 END_STREAM END_HEADERS -- hex 828684bebf
         look",
        expect![[r#"
            => #1 POST / HTTP/2.0 {Host: "x"}
            ~ ResetOut id=1 code=CANCEL why=UserReset
            < RST_STREAM 1 -- CANCEL
            ~ Ignored stream=1 why=ResetBefore
            ~ Ignored stream=1 why=ResetBefore
            ~ Ignored stream=1 why=StreamClosed
            ~ Ignored stream=1 why=StreamClosed
            => #3 GET / HTTP/2.0 {a: "b", x: "y"}
            => #3 End
            -- idle=false reusable=true wants_bytes=true waiting=0 timer=None
        "#]],
    );
}

//= test RFC 9113 §8.1: a response before the request is complete; then the rest is of no use
#[test]
fn an_early_response() {
    check(
        "post 1 /
         > DATA 1 -- some
         answer 1 403 no
         > DATA 1 -- more
         > DATA 1 END_STREAM
         look",
        expect![[r#"
            => #1 POST / HTTP/2.0 {Host: "x"}
            < HEADERS 1 END_HEADERS -- :status: 403; content-length: 2
            < DATA 1 END_STREAM -- no
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=Some((1s, Rest))
        "#]],
    );
}

/// The rest of a request that was answered is taken as far as it is not much, and as long as it comes.
#[test]
fn the_rest_behind_an_early_response() {
    check_with(
        Config { body_unread_max: 9, ..Config::default() },
        "post 1 / content-length: 10
         answer 1 403 no
         post 3 / content-length: 9
         answer 3 403 no
         > DATA 3 END_STREAM -- 123456789
         post 5 /
         answer 5 403 no
         > DATA 5 -- 12345678
         > DATA 5 -- 90
         > DATA 5 END_STREAM -- late
         post 7 / content-length: 9
         answer 7 403 no
         20s
         look",
        expect![[r#"
            => #1 POST / HTTP/2.0 {Host: "x", Content-Length: "10"}
            ~ ResetOut id=1 code=NO_ERROR why=BodyUnread
            < HEADERS 1 END_HEADERS -- :status: 403; content-length: 2
            < DATA 1 END_STREAM -- no
            < RST_STREAM 1 -- NO_ERROR
            => #3 POST / HTTP/2.0 {Host: "x", Content-Length: "9"}
            < HEADERS 3 END_HEADERS -- :status: 403; content-length: 2
            < DATA 3 END_STREAM -- no
            => #5 POST / HTTP/2.0 {Host: "x"}
            < HEADERS 5 END_HEADERS -- :status: 403; content-length: 2
            < DATA 5 END_STREAM -- no
            ~ ResetOut id=5 code=NO_ERROR why=BodyUnread
            < RST_STREAM 5 -- NO_ERROR
            ~ Ignored stream=5 why=ResetBefore
            => #7 POST / HTTP/2.0 {Host: "x", Content-Length: "9"}
            < HEADERS 7 END_HEADERS -- :status: 403; content-length: 2
            < DATA 7 END_STREAM -- no
            ~ TimedOut timer=Watch
            ~ ResetOut id=7 code=NO_ERROR why=BodyUnread
            < RST_STREAM 7 -- NO_ERROR
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=Some((21s, Rest))
        "#]],
    );
}

//= test RFC 9113 §8.1: and the client keeps the response
#[test]
fn an_early_response_to_a_client() {
    check_client(
        "open POST / Host: x
         data 1 some
         respond 1 403
         > DATA 1 END_STREAM -- no
         > RST_STREAM 1 -- NO_ERROR
         data 1 more
         look",
        expect![[r#"
            < HEADERS 1 END_HEADERS -- :method: POST; :scheme: http; :authority: x; :path: /
            < DATA 1 -- some
            => #1 HTTP/2.0 403 {}
            => #1 Data "no"
            => #1 End
            ~ NotSent id=1 why=StreamClosed
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=Some((1s, Rest))
        "#]],
    );
}

//= test RFC 9113 §5.1.2: more streams at a time than we allow are refused
#[test]
fn too_many_streams() {
    let config = Config { streams_max: 2, ..Config::default() };
    check_with(
        config,
        "get 1 /
         get 3 /
         get 5 /
         answer 1 200 x
         get 7 /",
        expect![[r#"
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            => #3 GET / HTTP/2.0 {Host: "x"}
            => #3 End
            ~ ResetOut id=5 code=REFUSED_STREAM why=TooManyStreams
            < RST_STREAM 5 -- REFUSED_STREAM
            => #5 Reset(there are too many streams at a time)
            < HEADERS 1 END_HEADERS -- :status: 200; content-length: 1
            < DATA 1 END_STREAM -- x
            ~ HeadRemembered id=7
            => #7 GET / HTTP/2.0 {Host: "x"}
            => #7 End
        "#]],
    );
}

//= test RFC 9113 §5.1.2: a client keeps to what the server allows
#[test]
fn a_client_keeps_to_the_limit() {
    check_client(
        "> SETTINGS 0 -- MAX_CONCURRENT_STREAMS=1
         open GET /1 Host: x
         look
         open GET /2 Host: x
         end 1
         > HEADERS 1 END_STREAM END_HEADERS -- :status: 204
         look
         > SETTINGS 0 -- MAX_CONCURRENT_STREAMS=0
         look",
        expect![[r#"
            < SETTINGS 0 ACK
            < HEADERS 1 END_HEADERS -- :method: GET; :scheme: http; :authority: x; :path: /1
            -- idle=false reusable=false wants_bytes=true waiting=0 timer=None
            ~ NotSent id=3 why=PeerIsFull
            -- not opened
            < DATA 1 END_STREAM
            => #1 HTTP/2.0 204 {}
            => #1 End
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=Some((1s, Rest))
            < SETTINGS 0 ACK
            -- idle=true reusable=false wants_bytes=true waiting=0 timer=Some((1s, Rest))
        "#]],
    );
}

//= test RFC 9113 §6.4: RST_STREAM ends one exchange, and the others go on
#[test]
fn cancelled_by_the_client() {
    check(
        "get 1 /1
         get 3 /3
         head 1 200
         data 1 some
         slow down
         data 1 more
         > RST_STREAM 1 -- CANCEL
         transmit
         data 1 late
         end 1
         answer 3 200 three
         look",
        expect![[r#"
            => #1 GET /1 HTTP/2.0 {Host: "x"}
            => #1 End
            => #3 GET /3 HTTP/2.0 {Host: "x"}
            => #3 End
            < HEADERS 1 END_HEADERS -- :status: 200
            < DATA 1 -- some
            => #1 Reset(the peer ended the exchange)
            ~ NotSent id=1 why=StreamClosed
            ~ NotSent id=1 why=StreamClosed
            < HEADERS 3 END_HEADERS -- :status: 200; content-length: 5
            < DATA 3 END_STREAM -- three
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=Some((1s, Rest))
        "#]],
    );
}

//= test RFC 9113 §8.7: what was refused may be sent again
#[test]
fn refused_and_cancelled_by_the_server() {
    check_client(
        "open GET /1 Host: x
         open GET /2 Host: x
         end 1
         end 3
         > RST_STREAM 1 -- REFUSED_STREAM
         > RST_STREAM 3 -- INTERNAL_ERROR
         look",
        expect![[r#"
            < HEADERS 1 END_HEADERS -- :method: GET; :scheme: http; :authority: x; :path: /1
            < HEADERS 3 END_HEADERS -- :method: GET; :scheme: http; :authority: x; :path: /2
            < DATA 1 END_STREAM
            < DATA 3 END_STREAM
            => #1 Reset(the peer refused the exchange (untouched))
            => #3 Reset(the peer ended the exchange)
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=Some((1s, Rest))
        "#]],
    );
}

//= test RFC 9113 §5.1: what a server may not send to a client
#[test]
fn what_a_client_refuses() {
    let told = outcomes(
        true,
        &[
            "> HEADERS 2 END_HEADERS -- :status: 200",
            "> HEADERS 1 END_HEADERS -- :status: 200",
            "open GET / Host: x\n> DATA 1 -- x\n> PING 0 -- still ok",
            "open GET / Host: x\nend 1\nrespond 1 200\n> DATA 1 END_STREAM -- x\n> DATA 1 -- x",
            "> SETTINGS 0 -- ENABLE_PUSH=1",
            "> PRIORITY_UPDATE 0 -- 1 u=1",
            "open GET / Host: x\n> PUSH_PROMISE 1 END_HEADERS -- 2; :method: GET",
            "> WINDOW_UPDATE 2 -- 1",
        ],
    );
    expect![[r#"
        > HEADERS 2 END_HEADERS -- :status: 200
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the stream has a number that it cannot have
            -- Now
        > HEADERS 1 END_HEADERS -- :status: 200
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the stream has a number that it cannot have
            -- Now
        open GET / Host: x | > DATA 1 -- x | > PING 0 -- still ok
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a body came before its head)
            < PING 0 ACK -- still ok
        open GET / Host: x | end 1 | respond 1 200 | > DATA 1 END_STREAM -- x | > DATA 1 -- x
            => #1 HTTP/2.0 200 {}
            => #1 Data "x"
            => #1 End
            < GOAWAY 0 -- 0 STREAM_CLOSED the stream is closed
            -- Now
        > SETTINGS 0 -- ENABLE_PUSH=1
            < GOAWAY 0 -- 0 PROTOCOL_ERROR a setting has a value that it cannot have
            -- Now
        > PRIORITY_UPDATE 0 -- 1 u=1
            < GOAWAY 0 -- 0 PROTOCOL_ERROR PRIORITY_UPDATE cannot come here
            -- Now
        open GET / Host: x | > PUSH_PROMISE 1 END_HEADERS -- 2; :method: GET
            < GOAWAY 0 -- 0 PROTOCOL_ERROR nothing may be pushed
            => #1 Reset(nothing may be pushed)
            -- Now
        > WINDOW_UPDATE 2 -- 1
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the stream was never opened
            -- Now
    "#]]
    .assert_eq(&told);
}
