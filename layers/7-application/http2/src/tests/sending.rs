//! What our user sends.

use expect_test::expect;

use super::script::{Stage, check, check_client};
use crate::Config;

//= test RFC 9113 §8.2.2: fields of HTTP/1.1 connections are left out
//= test RFC 9113 §8.2.1: names go in lower case
#[test]
fn fields_of_a_response() {
    check(
        "get 1 /
         head 1 200 Connection: close; Keep-Alive: 5; Upgrade: x; TE: trailers; X-Own: A; Server: b
         data 1 some
         end 1
         get 3 /
         head 3 204 Content-Length: 0
         end 3
         get 5 /
         interim 5 103 Link: a; Content-Length: 0
         interim 5 101
         interim 5 200
         head 5 304 Content-Length: 5
         data 5 hello
         end 5",
        expect![[r#"
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            ~ FieldLeftOut id=1 name="Connection"
            ~ FieldLeftOut id=1 name="Keep-Alive"
            ~ FieldLeftOut id=1 name="Upgrade"
            < HEADERS 1 END_HEADERS -- :status: 200; te: trailers; x-own: A; server: b
            < DATA 1 -- some
            < DATA 1 END_STREAM
            => #3 GET / HTTP/2.0 {Host: "x"}
            => #3 End
            ~ FieldLeftOut id=3 name="Content-Length"
            < HEADERS 3 END_HEADERS -- :status: 204
            < DATA 3 END_STREAM
            ~ HeadRemembered id=5
            => #5 GET / HTTP/2.0 {Host: "x"}
            => #5 End
            < HEADERS 5 END_HEADERS -- :status: 103; link: a
            ~ NotSent id=5 why=OutOfTurn
            ~ NotSent id=5 why=OutOfTurn
            < HEADERS 5 END_HEADERS -- :status: 304; content-length: 5
            ~ NotSent id=5 why=NoBodyHere
            < DATA 5 END_STREAM
        "#]],
    );
}

#[test]
fn bodies_that_are_not_as_announced() {
    check(
        "get 1 /
         head 1 200 content-length: 3
         data 1 four
         get 3 /
         head 3 200 content-length: 3
         data 3 12
         end 3
         get 5 /
         data 5 early
         end 5
         head 5 200
         head 5 200
         end 5
         end 5
         data 7 nobody",
        expect![[r#"
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            < HEADERS 1 END_HEADERS -- :status: 200; content-length: 3
            ~ NotSent id=1 why=LengthBroken
            ~ ResetOut id=1 code=INTERNAL_ERROR why=LengthBroken
            < RST_STREAM 1 -- INTERNAL_ERROR
            => #3 GET / HTTP/2.0 {Host: "x"}
            => #3 End
            < HEADERS 3 END_HEADERS -- :status: 200; content-length: 3
            < DATA 3 -- 12
            ~ NotSent id=3 why=LengthBroken
            ~ ResetOut id=3 code=INTERNAL_ERROR why=LengthBroken
            < RST_STREAM 3 -- INTERNAL_ERROR
            ~ HeadRemembered id=5
            => #5 GET / HTTP/2.0 {Host: "x"}
            => #5 End
            ~ NotSent id=5 why=OutOfTurn
            ~ NotSent id=5 why=OutOfTurn
            < HEADERS 5 END_HEADERS -- :status: 200
            ~ NotSent id=5 why=OutOfTurn
            < DATA 5 END_STREAM
            ~ NotSent id=5 why=StreamClosed
            ~ NotSent id=7 why=StreamClosed
        "#]],
    );
}

#[test]
fn giving_up() {
    check(
        "get 1 /
         give up 1
         get 3 /
         give up 3 503
         post 5 /
         give up 5 503
         get 7 /
         head 7 200
         data 7 some
         give up 7 503
         give up 7
         get 9 /
         answer 9 200 done
         give up 9",
        expect![[r#"
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            ~ ResetOut id=1 code=INTERNAL_ERROR why=UserError
            < RST_STREAM 1 -- INTERNAL_ERROR
            => #3 GET / HTTP/2.0 {Host: "x"}
            => #3 End
            < HEADERS 3 END_HEADERS -- :status: 503; content-type: text/plain; charset=utf-8; content-length: 44
            < DATA 3 END_STREAM -- 503 Service Unavailable: the script says so\n
            => #5 POST / HTTP/2.0 {Host: "x"}
            < HEADERS 5 END_HEADERS -- :status: 503; content-type: text/plain; charset=utf-8; content-length: 44
            < DATA 5 END_STREAM -- 503 Service Unavailable: the script says so\n
            ~ HeadRemembered id=7
            => #7 GET / HTTP/2.0 {Host: "x"}
            => #7 End
            < HEADERS 7 END_HEADERS -- :status: 200
            < DATA 7 -- some
            ~ ResetOut id=7 code=INTERNAL_ERROR why=UserError
            < RST_STREAM 7 -- INTERNAL_ERROR
            ~ NotSent id=7 why=OutOfTurn
            ~ HeadRemembered id=9
            => #9 GET / HTTP/2.0 {Host: "x"}
            => #9 End
            < HEADERS 9 END_HEADERS -- :status: 200; content-length: 4
            < DATA 9 END_STREAM -- done
            ~ NotSent id=9 why=OutOfTurn
        "#]],
    );
}

#[test]
fn trailers_of_ours() {
    check(
        "get 1 /
         head 1 200
         trailers 1 x-sum: 1; Content-Length: 5
         data 1 late
         end 1
         get 3 /
         head 3 200
         data 3 body
         trailers 3 x-sum: 2
         end 3
         get 5 /
         head 5 200
         trailers 5 Host: x
         end 5",
        expect![[r#"
            => #1 GET / HTTP/2.0 {Host: "x"}
            => #1 End
            < HEADERS 1 END_HEADERS -- :status: 200
            ~ FieldLeftOut id=1 name="Content-Length"
            ~ NotSent id=1 why=OutOfTurn
            < HEADERS 1 END_STREAM|END_HEADERS -- x-sum: 1
            => #3 GET / HTTP/2.0 {Host: "x"}
            => #3 End
            < HEADERS 3 END_HEADERS -- :status: 200
            < DATA 3 -- body
            < HEADERS 3 END_STREAM|END_HEADERS -- x-sum: 2
            ~ HeadRemembered id=5
            => #5 GET / HTTP/2.0 {Host: "x"}
            => #5 End
            < HEADERS 5 END_HEADERS -- :status: 200
            ~ FieldLeftOut id=5 name="Host"
            < DATA 5 END_STREAM
        "#]],
    );
}

//= test RFC 9113 §8.3.1: the pseudo-fields of what a client asks
//= test RFC 9113 §8.5: CONNECT
#[test]
fn requests() {
    check_client(
        "open GET /a?b Host: x:8080; Accept: */*; Connection: close; TE: gzip; Cookie: a=b
         open GET http://y:80/c Host: x
         open OPTIONS http://y
         open OPTIONS * Host: x
         open CONNECT z:443 Host: z:443
         open CONNECT /chat Host: z; Upgrade: websocket
         > SETTINGS 0 -- ENABLE_CONNECT_PROTOCOL=1
         open CONNECT /chat Host: z; Upgrade: websocket
         secure
         open GET / Host: x
         look",
        expect![[r#"
            < HEADERS 1 END_HEADERS -- :method: GET; :scheme: http; :authority: x:8080; :path: /a?b; accept: */*; cookie: a=b
            < HEADERS 3 END_HEADERS -- :method: GET; :scheme: http; :authority: y:80; :path: /c
            < HEADERS 5 END_HEADERS -- :method: OPTIONS; :scheme: http; :authority: y; :path: *
            < HEADERS 7 END_HEADERS -- :method: OPTIONS; :scheme: http; :authority: x; :path: *
            < HEADERS 9 END_HEADERS -- :method: CONNECT; :authority: z:443
            ~ NotSent id=11 why=NoExtendedConnect
            -- not opened
            < SETTINGS 0 ACK
            < HEADERS 11 END_HEADERS -- :method: CONNECT; :scheme: http; :authority: z; :path: /chat; :protocol: websocket
            < HEADERS 13 END_HEADERS -- :method: GET; :scheme: https; :authority: x; :path: /
            -- idle=false reusable=true wants_bytes=true waiting=0 timer=None
        "#]],
    );
}

/// A tunnel goes both ways until each side ends.
#[test]
fn a_tunnel() {
    check_client(
        "open CONNECT z:443
         respond 1 200
         data 1 up
         > DATA 1 -- down
         end 1
         > DATA 1 END_STREAM -- more",
        expect![[r#"
            < HEADERS 1 END_HEADERS -- :method: CONNECT; :authority: z:443
            => #1 HTTP/2.0 200 {}
            < DATA 1 -- up
            => #1 Data "down"
            < DATA 1 END_STREAM
            => #1 Data "more"
            => #1 End
        "#]],
    );
}

/// The same response again is the same block again, as long as the table is what it was.
#[test]
fn repeated_responses() {
    let mut stage = Stage::server(Config::default());
    stage.shake_hands("");
    let mut lens = Vec::new();
    for id in (1..16).step_by(2) {
        stage.play(&format!("get {id} /"));
        let before = stage.sent;
        stage.play(&format!(
            "head {id} 200 content-type: text/html; etag: \"abc\"; x-own: yes\nend {id}"
        ));
        lens.push(stage.sent - before);
    }
    expect![[r#"
        [
            71,
            52,
            23,
            23,
            23,
            23,
            23,
            23,
        ]
    "#]]
    .assert_debug_eq(&lens);
}

/// A range of a file is sent as what it is, in frames that the peer takes.
#[test]
fn files() {
    let mut stage = Stage::server(Config::default());
    stage.shake_hands("INITIAL_WINDOW_SIZE=1000000 MAX_FRAME_SIZE=100000");
    stage.play(
        "> WINDOW_UPDATE 0 -- 1000000
         clear
         get 1 /
         slow down
         head 1 200
         file 1 150000
         data 1 behind
         end 1
         transmit",
    );
    expect![[r#"
        => #1 GET / HTTP/2.0 {Host: "x"}
        => #1 End
        < HEADERS 1 END_HEADERS -- :status: 200
        < DATA 1 -- ffffffffffffffffffff... 100000 bytes
        < DATA 1 END_STREAM -- ffffffffffffffffffff... 50006 bytes
    "#]]
    .assert_eq(&stage.film);
}

/// Where records follow below, no more is made than fits in a buffer; and each frame fills a record.
#[test]
fn a_body_for_records() {
    let mut stage = Stage::server(Config::default());
    stage.shake_hands("INITIAL_WINDOW_SIZE=1000000");
    stage.play(
        "> WINDOW_UPDATE 0 -- 1000000
         secure
         get 1 /
         slow down
         answer 1 200 %100000 times: (x)",
    );
    let sent = [stage.transmit_once(), stage.transmit_once(), stage.transmit_once()].concat();
    expect![[r#"
        < HEADERS 1 END_HEADERS -- :status: 200; content-length: 100000
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 16375 bytes
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 16375 bytes
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 16375 bytes
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 16375 bytes
        --
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 16375 bytes
        < DATA 1 -- xxxxxxxxxxxxxxxxxxxx... 16375 bytes
        < DATA 1 END_STREAM -- xxxxxxxxxxxxxxxxxxxx... 1750 bytes
        --
        --
    "#]]
    .assert_eq(&sent);
}

//= test RFC 9110 §6.6.1: an origin server says when
#[test]
fn the_date() {
    let mut stage = Stage::server(Config::default());
    stage.shake_hands("");
    stage.peer.shows_date = true;
    stage.play(
        "get 1 /
         answer 1 200
         get 3 /
         head 3 200 date: Fri, 02 Jan 1970 00:00:00 GMT
         end 3
         get 5 /
         interim 5 103",
    );
    expect![[r#"
        => #1 GET / HTTP/2.0 {Host: "x"}
        => #1 End
        < HEADERS 1 END_STREAM|END_HEADERS -- :status: 200; date: Thu, 01 Jan 1970 00:00:00 GMT; content-length: 0
        => #3 GET / HTTP/2.0 {Host: "x"}
        => #3 End
        < HEADERS 3 END_HEADERS -- :status: 200; date: Fri, 02 Jan 1970 00:00:00 GMT
        < DATA 3 END_STREAM
        ~ HeadRemembered id=5
        => #5 GET / HTTP/2.0 {Host: "x"}
        => #5 End
        < HEADERS 5 END_HEADERS -- :status: 103
    "#]].assert_eq(&stage.film);
}

/// There are clients that never look at a response when they are told to stop sending.
//= test RFC 9113 §8.1: a response may be complete before its request is
#[test]
fn what_is_left_of_a_short_body_is_taken_and_forgotten() {
    check(
        "> HEADERS 1 END_HEADERS -- :method: POST; :scheme: http; :path: /; content-length: 90000
         > DATA 1 -- %16384 times: (x)
         answer 1 405 no
         > DATA 1 -- %16384 times: (x)
         > DATA 1 -- %16384 times: (x)
         > DATA 1 -- %16384 times: (x)
         > DATA 1 -- %16384 times: (x)
         > DATA 1 END_STREAM -- %8080 times: (x)
         look
         > HEADERS 3 END_HEADERS -- :method: POST; :scheme: http; :path: /; content-length: 9000000
         answer 3 405 no",
        expect![[r#"
            => #1 POST / HTTP/2.0 {Content-Length: "90000"}
            < HEADERS 1 END_HEADERS -- :status: 405; content-length: 2
            < DATA 1 END_STREAM -- no
            < WINDOW_UPDATE 1 -- 32768
            < WINDOW_UPDATE 1 -- 32768
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=Some((1s, Rest))
            => #3 POST / HTTP/2.0 {Content-Length: "9000000"}
            ~ ResetOut id=3 code=NO_ERROR why=BodyUnread
            < HEADERS 3 END_HEADERS -- :status: 405; content-length: 2
            < DATA 3 END_STREAM -- no
            < RST_STREAM 3 -- NO_ERROR
        "#]],
    );
}
