//! Responses that nobody asked for. (RFC 9113 §8.4)

use expect_test::expect;

use super::script::{Stage, check, check_client, check_client_with, check_with, outcomes_with};
use crate::Config;

fn config() -> Config {
    Config { push: true, ..Config::default() }
}

//= test RFC 9113 §8.4.1: a promise comes on a stream of the client's
//= test RFC 9113 §8.4.2: and its response under the promised number
#[test]
fn a_server_pushes() {
    check_with(
        config(),
        "get 1 /
         push 1 GET /style.css Host: x
         answer 1 200 page
         answer 2 200 style
         push 1 GET /late.css Host: x
         get 3 /
         push 3 POST /form Host: x
         push 3 HEAD /big Host: x
         head 4 200 content-length: 5
         end 4
         push 3 GET /unwanted Host: x
         > RST_STREAM 6 -- CANCEL
         look",
        expect![[r#"
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            < PUSH_PROMISE 1 END_HEADERS -- 2; :method: GET; :scheme: http; :authority: x; :path: /style.css
            < HEADERS 1 END_HEADERS -- :status: 200; content-length: 4
            < DATA 1 END_STREAM -- page
            < HEADERS 2 END_HEADERS -- :status: 200; content-length: 5
            < DATA 2 END_STREAM -- style
            ~ NotSent id=4 why=StreamClosed
            -- not pushed
            => #3 GET / HTTP/2.0 {Host: "x"}
            => #3 End
            ~ NotSent id=4 why=PromiseNotSafe
            -- not pushed
            < PUSH_PROMISE 3 END_HEADERS -- 4; :method: HEAD; :scheme: http; :authority: x; :path: /big
            < HEADERS 4 END_HEADERS -- :status: 200; content-length: 5
            < DATA 4 END_STREAM
            < PUSH_PROMISE 3 END_HEADERS -- 6; :method: GET; :scheme: http; :authority: x; :path: /unwanted
            => #6 Reset(the peer ended the exchange)
            -- idle=false reusable=true wants_bytes=true waiting=0 timer=None
        "#]],
    );
}

//= test RFC 9113 §6.6: nothing is promised to who does not want it, or not so much
#[test]
fn nobody_wants_it() {
    check(
        "get 1 /
         push 1 GET /style.css Host: x",
        expect![[r#"
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            ~ NotSent id=2 why=PushNotAllowed
            -- not pushed
        "#]],
    );
    check_with(
        config(),
        "> SETTINGS 0 -- ENABLE_PUSH=0
         get 1 /
         push 1 GET /style.css Host: x
         > SETTINGS 0 -- ENABLE_PUSH=1 MAX_CONCURRENT_STREAMS=0
         push 1 GET /style.css Host: x",
        expect![[r#"
            < SETTINGS 0 ACK
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            ~ NotSent id=2 why=PushNotAllowed
            -- not pushed
            < SETTINGS 0 ACK
            ~ NotSent id=2 why=PeerIsFull
            -- not pushed
        "#]],
    );
}

/// What a client was sent before on this connection it has: what it asked for, and what was pushed.
#[test]
fn what_was_sent_before_is_not_pushed() {
    check_with(
        config(),
        "get 1 /asked.css
         answer 1 200 style
         get 3 /
         push 3 GET /asked.css Host: x
         push 3 GET /asked.css Host: other
         push 3 GET /style.css Host: x
         push 3 GET /style.css Host: x
         get 5 /
         push 5 GET /style.css Host: x
         push 5 GET / Host: x",
        expect![[r#"
            => #1 GET /asked.css HTTP/2.0 {Host: "x"}
            => #1 End
            < HEADERS 1 END_HEADERS -- :status: 200; content-length: 5
            < DATA 1 END_STREAM -- style
            => #3 GET / HTTP/2.0 {Host: "x"}
            => #3 End
            ~ NotSent id=2 why=SentBefore
            -- not pushed
            < PUSH_PROMISE 3 END_HEADERS -- 2; :method: GET; :scheme: http; :authority: other; :path: /asked.css
            < PUSH_PROMISE 3 END_HEADERS -- 4; :method: GET; :scheme: http; :authority: x; :path: /style.css
            ~ NotSent id=6 why=SentBefore
            -- not pushed
            => #5 GET / HTTP/2.0 {Host: "x"}
            => #5 End
            ~ NotSent id=6 why=SentBefore
            -- not pushed
            ~ NotSent id=6 why=SentBefore
            -- not pushed
        "#]],
    );
}

/// Who has said once that it wants nothing is not asked again.
#[test]
fn no_is_no() {
    check_with(
        config(),
        "> SETTINGS 0 -- ENABLE_PUSH=0
         > SETTINGS 0 -- ENABLE_PUSH=1
         get 1 /
         push 1 GET /style.css Host: x",
        expect![[r#"
            < SETTINGS 0 ACK
            < SETTINGS 0 ACK
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            ~ NotSent id=2 why=PushNotAllowed
            -- not pushed
        "#]],
    );
}

/// A client that sets no bound has ours.
#[test]
fn pushes_have_a_bound() {
    check_with(
        Config { streams_max: 2, ..config() },
        "get 1 /
         push 1 GET /a Host: x
         push 1 GET /b Host: x
         push 1 GET /c Host: x
         answer 2 200 a
         push 1 GET /c Host: x",
        expect![[r#"
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            < PUSH_PROMISE 1 END_HEADERS -- 2; :method: GET; :scheme: http; :authority: x; :path: /a
            < PUSH_PROMISE 1 END_HEADERS -- 4; :method: GET; :scheme: http; :authority: x; :path: /b
            ~ NotSent id=6 why=TooManyStreams
            -- not pushed
            < HEADERS 2 END_HEADERS -- :status: 200; content-length: 1
            < DATA 2 END_STREAM -- a
            < PUSH_PROMISE 1 END_HEADERS -- 6; :method: GET; :scheme: http; :authority: x; :path: /c
        "#]],
    );
    let mut stage = Stage::server(config());
    stage.shake_hands("");
    for n in 0..600 {
        stage.play(&format!("get {} /{n}\nanswer {0} 200 x", 2 * n + 1));
    }
    stage.film.clear();
    stage.play("get 1201 /\npush 1201 GET /new Host: x");
    expect![[r#"
        => #1201 GET / HTTP/2.0 {Host: "x"}
        => #1201 End
        ~ NotSent id=2 why=SentBefore
        -- not pushed
    "#]]
    .assert_eq(&stage.film);
}

/// What nobody asked for waits for what somebody did.
#[test]
fn the_page_goes_before_what_is_pushed() {
    check_with(
        config(),
        "get 1 /
         push 1 GET /style.css Host: x
         slow down
         answer 2 200 style
         answer 1 200 page
         transmit",
        expect![[r#"
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            < PUSH_PROMISE 1 END_HEADERS -- 2; :method: GET; :scheme: http; :authority: x; :path: /style.css
            < HEADERS 2 END_HEADERS -- :status: 200; content-length: 5
            < HEADERS 1 END_HEADERS -- :status: 200; content-length: 4
            < DATA 1 END_STREAM -- page
            < DATA 2 END_STREAM -- style
        "#]],
    );
}

#[test]
fn a_client_takes_promises() {
    check_client_with(
        config(),
        "open GET / Host: x
         end 1
         > PUSH_PROMISE 1 END_HEADERS -- 2; :method: GET; :scheme: http; :path: /a; :authority: x
         > PUSH_PROMISE 1 END_HEADERS -- 4; :method: HEAD; :scheme: http; :path: /b; :authority: x
         > HEADERS 1 END_STREAM END_HEADERS -- :status: 204
         respond 2 200
         > DATA 2 END_STREAM -- pushed
         reset 4
         > HEADERS 4 END_STREAM END_HEADERS -- :status: 204
         look",
        expect![[r#"
            < HEADERS 1 END_HEADERS -- :method: GET; :scheme: http; :authority: x; :path: /
            < DATA 1 END_STREAM
            => #2 Promise GET /a {Host: "x"}
            => #4 Promise HEAD /b {Host: "x"}
            => #1 HTTP/2.0 204 {}
            => #1 End
            => #2 HTTP/2.0 200 {}
            => #2 Data "pushed"
            => #2 End
            ~ ResetOut id=4 code=CANCEL why=UserReset
            < RST_STREAM 4 -- CANCEL
            ~ Ignored stream=4 why=ResetBefore
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=Some((1s, Rest))
        "#]],
    );
}

#[test]
fn promises_that_are_wrong() {
    let ask = "open GET / Host: x\nend 1\n";
    let head = ":method: GET; :scheme: http; :path: /a; :authority: x";
    let scripts = [
        format!("> PUSH_PROMISE 0 END_HEADERS -- 2; {head}"),
        format!("> PUSH_PROMISE 1 END_HEADERS -- 2; {head}"),
        format!("{ask}> PUSH_PROMISE 1 END_HEADERS -- 0; {head}"),
        format!("{ask}> PUSH_PROMISE 1 END_HEADERS -- 3; {head}"),
        format!(
            "{ask}> PUSH_PROMISE 1 END_HEADERS -- 4; {head}\n> PUSH_PROMISE 1 END_HEADERS -- 2; {head}"
        ),
        format!(
            "{ask}> HEADERS 1 END_STREAM END_HEADERS -- :status: 200\n> PUSH_PROMISE 1 END_HEADERS -- 2; {head}"
        ),
        format!("{ask}> PUSH_PROMISE 1 END_HEADERS -- hex 0000"),
        format!("{ask}> PUSH_PROMISE 1 END_HEADERS pad=3 -- 2; {head}"),
        format!("{ask}> PUSH_PROMISE 1 -- 2; {head}\n> CONTINUATION 1 END_HEADERS"),
        format!("{ask}> PUSH_PROMISE 1 END_HEADERS -- 2; :method: POST; :scheme: http; :path: /a"),
        format!("{ask}> PUSH_PROMISE 1 END_HEADERS -- 2; {head}; content-length: 5"),
        format!("{ask}> PUSH_PROMISE 1 END_HEADERS -- 2; :method: GET"),
        format!("{ask}> PUSH_PROMISE 1 END_HEADERS -- 2; {head}\n> DATA 2 -- x"),
        format!(
            "{ask}reset 1\n> PUSH_PROMISE 1 END_HEADERS -- 2; {head}\n> HEADERS 2 END_STREAM END_HEADERS -- :status: 200"
        ),
    ];
    let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
    expect![[r#"
        > PUSH_PROMISE 0 END_HEADERS -- 2; :method: GET; :scheme: http; :path: /a; :authority: x
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the frame cannot come on this stream
            -- Now
        > PUSH_PROMISE 1 END_HEADERS -- 2; :method: GET; :scheme: http; :path: /a; :authority: x
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the frame cannot come on this stream
            -- Now
        open GET / Host: x | end 1 | > PUSH_PROMISE 1 END_HEADERS -- 0; :method: GET; :scheme: http; :path: /a; :authority: x
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the stream has a number that it cannot have
            => #1 Reset(the stream has a number that it cannot have)
            -- Now
        open GET / Host: x | end 1 | > PUSH_PROMISE 1 END_HEADERS -- 3; :method: GET; :scheme: http; :path: /a; :authority: x
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the stream has a number that it cannot have
            => #1 Reset(the stream has a number that it cannot have)
            -- Now
        open GET / Host: x | end 1 | > PUSH_PROMISE 1 END_HEADERS -- 4; :method: GET; :scheme: http; :path: /a; :authority: x |
            => #4 Promise GET /a {Host: "x"}
            < GOAWAY 0 -- 4 PROTOCOL_ERROR the stream has a number that it cannot have
            => #1 Reset(the stream has a number that it cannot have)
            => #4 Reset(the stream has a number that it cannot have)
            -- Now
        open GET / Host: x | end 1 | > HEADERS 1 END_STREAM END_HEADERS -- :status: 200 | > PUSH_PROMISE 1 END_HEADERS -- 2; :me
            => #1 HTTP/2.0 200 {}
            => #1 End
            < GOAWAY 0 -- 0 PROTOCOL_ERROR the frame cannot come on this stream
            -- Now
        open GET / Host: x | end 1 | > PUSH_PROMISE 1 END_HEADERS -- hex 0000
            < GOAWAY 0 -- 0 FRAME_SIZE_ERROR a frame is too short
            => #1 Reset(a frame is too short)
            -- Now
        open GET / Host: x | end 1 | > PUSH_PROMISE 1 END_HEADERS pad=3 -- 2; :method: GET; :scheme: http; :path: /a; :authority
            => #2 Promise GET /a {Host: "x"}
        open GET / Host: x | end 1 | > PUSH_PROMISE 1 -- 2; :method: GET; :scheme: http; :path: /a; :authority: x | > CONTINUATI
            => #2 Promise GET /a {Host: "x"}
        open GET / Host: x | end 1 | > PUSH_PROMISE 1 END_HEADERS -- 2; :method: POST; :scheme: http; :path: /a
            < RST_STREAM 2 -- PROTOCOL_ERROR
            => #2 Reset(only safe requests without a body can be promised)
        open GET / Host: x | end 1 | > PUSH_PROMISE 1 END_HEADERS -- 2; :method: GET; :scheme: http; :path: /a; :authority: x; c
            < RST_STREAM 2 -- PROTOCOL_ERROR
            => #2 Reset(only safe requests without a body can be promised)
        open GET / Host: x | end 1 | > PUSH_PROMISE 1 END_HEADERS -- 2; :method: GET
            < RST_STREAM 2 -- PROTOCOL_ERROR
            => #2 Reset(a pseudo-field is missing)
        open GET / Host: x | end 1 | > PUSH_PROMISE 1 END_HEADERS -- 2; :method: GET; :scheme: http; :path: /a; :authority: x |
            => #2 Promise GET /a {Host: "x"}
            < RST_STREAM 2 -- STREAM_CLOSED
            => #2 Reset(the message was complete)
        open GET / Host: x | end 1 | reset 1 | > PUSH_PROMISE 1 END_HEADERS -- 2; :method: GET; :scheme: http; :path: /a; :autho
            < RST_STREAM 1 -- CANCEL
            < RST_STREAM 2 -- CANCEL
            => #2 Reset(the promise is not wanted)
            ~ Ignored stream=2 why=ResetBefore
    "#]].assert_eq(&outcomes_with(&config(), true, &scripts));
}

/// Until the server knows that we want nothing, a promise is not its fault.
#[test]
fn a_promise_that_was_on_its_way() {
    let mut stage = Stage::client(Config::default());
    stage.play(
        "open GET / Host: x
         > SETTINGS 0
         clear
         > PUSH_PROMISE 1 END_HEADERS -- 2; :method: GET; :scheme: http; :path: /a; :authority: x
         > SETTINGS 0 ACK
         > PUSH_PROMISE 1 END_HEADERS -- 4; :method: GET; :scheme: http; :path: /a; :authority: x",
    );
    expect![[r#"
        ~ ResetOut id=2 code=CANCEL why=PushUnwanted
        < RST_STREAM 2 -- CANCEL
        => #2 Reset(the promise is not wanted)
        ~ GoAwayOut last=2 code=PROTOCOL_ERROR why=PushNotAllowed
        ~ Closing why=PushNotAllowed
        < GOAWAY 0 -- 2 PROTOCOL_ERROR nothing may be pushed
        => #1 Reset(nothing may be pushed)
        -- Now
    "#]]
    .assert_eq(&stage.film);
}

//= test RFC 9113 §5.1: the client may say little about what was promised to it
#[test]
fn frames_on_promised_streams() {
    let told = outcomes_with(
        &config(),
        false,
        &[
            "get 1 /\npush 1 GET /a Host: x\n> HEADERS 2 END_STREAM END_HEADERS -- a: b",
            "get 1 /\npush 1 GET /a Host: x\n> DATA 2 -- x",
            "get 1 /\npush 1 GET /a Host: x\n> WINDOW_UPDATE 2 -- 5\n> PRIORITY_UPDATE 0 -- 2 u=1\n> PING 0 -- still ok",
        ],
    );
    expect![[r#"
        get 1 / | push 1 GET /a Host: x | > HEADERS 2 END_STREAM END_HEADERS -- a: b
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            < GOAWAY 0 -- 1 PROTOCOL_ERROR the frame cannot come on this stream
            => #1 Reset(the frame cannot come on this stream)
            => #2 Reset(the frame cannot come on this stream)
            -- Fin
        get 1 / | push 1 GET /a Host: x | > DATA 2 -- x
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            < RST_STREAM 2 -- STREAM_CLOSED
            => #2 Reset(the message was complete)
        get 1 / | push 1 GET /a Host: x | > WINDOW_UPDATE 2 -- 5 | > PRIORITY_UPDATE 0 -- 2 u=1 | > PING 0 -- still ok
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            < PING 0 ACK -- still ok
    "#]].assert_eq(&told);
    check_client(
        "> PUSH_PROMISE 1 END_HEADERS -- 2; :method: GET",
        expect![[r#"
        ~ GoAwayOut last=0 code=PROTOCOL_ERROR why=PushNotAllowed
        ~ Closing why=PushNotAllowed
        < GOAWAY 0 -- 0 PROTOCOL_ERROR nothing may be pushed
        -- Now
    "#]],
    );
}
