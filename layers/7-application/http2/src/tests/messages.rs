//! Heads, bodies and trailers that belong together. (RFC 9113 §8.1)

use std::fmt::Write as _;

use expect_test::expect;

use super::fields::heads;
use super::script::{Stage, check, check_client, check_with};
use crate::Config;

//= test RFC 9113 §8.3.2: :status, and nothing else
//= test RFC 9113 §8.6: HTTP/2 has no 101
#[test]
fn responses() {
    let told = heads(
        true,
        &[
            ":status: 200",
            ":status: 404; x: y",
            ":status: 20",
            ":status: 2000",
            ":status: 2x0",
            ":status: 099",
            ":status: 999",
            ":status: ",
            "x: y",
            ":status: 200; :status: 200",
            ":status: 200; :path: /",
            "x: y; :status: 200",
            ":status: 100",
            ":status: 101",
            ":status: 103",
            ":status: 200; content-length: 5",
            ":status: 204; content-length: 5",
            ":status: 304; content-length: 5",
            ":status: 200; Server: x",
            ":status: 200; connection: close",
            ":status: 200; transfer-encoding: chunked",
            ":status: 200; content-length: 0; content-length: 0",
        ],
    );
    expect![[r#"
        :status: 200
            => #1 HTTP/2.0 200 {}
        :status: 404; x: y
            => #1 HTTP/2.0 404 {x: "y"}
        :status: 20
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(the status is none)
        :status: 2000
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(the status is none)
        :status: 2x0
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(the status is none)
        :status: 099
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(the status is none)
        :status: 999
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(the status is none)
        :status:
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(the status is none)
        x: y
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a pseudo-field is missing)
        :status: 200; :status: 200
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a pseudo-field is there twice)
        :status: 200; :path: /
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a pseudo-field has no place here)
        x: y; :status: 200
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a pseudo-field stands behind a field)
        :status: 100
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(an interim response ends the stream)
        :status: 101
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(HTTP/2 has no 101)
        :status: 103
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(an interim response ends the stream)
        :status: 200; content-length: 5
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(the body is not as long as Content-Length says)
        :status: 204; content-length: 5
            => #1 HTTP/2.0 204 {Content-Length: "5"}
        :status: 304; content-length: 5
            => #1 HTTP/2.0 304 {Content-Length: "5"}
        :status: 200; Server: x
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field name is malformed)
        :status: 200; connection: close
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field of HTTP/1.1 connections has no place here)
        :status: 200; transfer-encoding: chunked
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field of HTTP/1.1 connections has no place here)
        :status: 200; content-length: 0; content-length: 0
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(Content-Length is not one number)
    "#]]
    .assert_eq(&told);
}

//= test RFC 9113 §8.1.1: Content-Length is what DATA brings
#[test]
fn lengths() {
    let mut told = String::new();
    for script in [
        "post 1 / content-length: 5\nread 1\n> DATA 1 END_STREAM -- hello",
        "post 1 / content-length: 5\nread 1\n> DATA 1 -- hel\n> DATA 1 END_STREAM -- lo",
        "post 1 / content-length: 5\nread 1\n> DATA 1 -- hello\n> DATA 1 END_STREAM",
        "post 1 / content-length: 5\nread 1\n> DATA 1 -- hello!",
        "post 1 / content-length: 5\nread 1\n> DATA 1 END_STREAM -- hell",
        "post 1 / content-length: 5\nread 1\n> DATA 1 -- hell\n> HEADERS 1 END_STREAM END_HEADERS -- a: b",
        "post 1 / content-length: 5\nread 1\n> DATA 1 -- hello\n> HEADERS 1 END_STREAM END_HEADERS -- a: b",
        "post 1 / content-length: 0\nread 1\n> DATA 1 -- h",
    ] {
        let mut stage = Stage::server(Config::default());
        stage.shake_hands("");
        stage.play(script);
        let _ = write!(told, "{}\n{}", script.replace('\n', " | "), stage.film);
    }
    expect![[r#"
        post 1 / content-length: 5 | read 1 | > DATA 1 END_STREAM -- hello
        => #1 POST / HTTP/2.0 {Host: "x", Content-Length: "5"}
        => #1 Data "hello"
        => #1 End
        post 1 / content-length: 5 | read 1 | > DATA 1 -- hel | > DATA 1 END_STREAM -- lo
        => #1 POST / HTTP/2.0 {Host: "x", Content-Length: "5"}
        => #1 Data "hel"
        => #1 Data "lo"
        => #1 End
        post 1 / content-length: 5 | read 1 | > DATA 1 -- hello | > DATA 1 END_STREAM
        => #1 POST / HTTP/2.0 {Host: "x", Content-Length: "5"}
        => #1 Data "hello"
        => #1 End
        post 1 / content-length: 5 | read 1 | > DATA 1 -- hello!
        => #1 POST / HTTP/2.0 {Host: "x", Content-Length: "5"}
        ~ ResetOut id=1 code=PROTOCOL_ERROR why=LengthDiffers
        < RST_STREAM 1 -- PROTOCOL_ERROR
        => #1 Reset(the body is not as long as Content-Length says)
        post 1 / content-length: 5 | read 1 | > DATA 1 END_STREAM -- hell
        => #1 POST / HTTP/2.0 {Host: "x", Content-Length: "5"}
        ~ ResetOut id=1 code=PROTOCOL_ERROR why=LengthDiffers
        < RST_STREAM 1 -- PROTOCOL_ERROR
        => #1 Reset(the body is not as long as Content-Length says)
        post 1 / content-length: 5 | read 1 | > DATA 1 -- hell | > HEADERS 1 END_STREAM END_HEADERS -- a: b
        => #1 POST / HTTP/2.0 {Host: "x", Content-Length: "5"}
        => #1 Data "hell"
        ~ ResetOut id=1 code=PROTOCOL_ERROR why=LengthDiffers
        < RST_STREAM 1 -- PROTOCOL_ERROR
        => #1 Reset(the body is not as long as Content-Length says)
        post 1 / content-length: 5 | read 1 | > DATA 1 -- hello | > HEADERS 1 END_STREAM END_HEADERS -- a: b
        => #1 POST / HTTP/2.0 {Host: "x", Content-Length: "5"}
        => #1 Data "hello"
        => #1 Trailers({a: "b"})
        => #1 End
        post 1 / content-length: 0 | read 1 | > DATA 1 -- h
        => #1 POST / HTTP/2.0 {Host: "x", Content-Length: "0"}
        ~ ResetOut id=1 code=PROTOCOL_ERROR why=LengthDiffers
        < RST_STREAM 1 -- PROTOCOL_ERROR
        => #1 Reset(the body is not as long as Content-Length says)
    "#]].assert_eq(&told);
}

//= test RFC 9110 §6.4.1: to HEAD, and with 204 and 304, there is no body whatever the length
#[test]
fn lengths_of_responses_without_a_body() {
    check_client(
        "open HEAD / Host: x
         end 1
         > HEADERS 1 END_STREAM END_HEADERS -- :status: 200; content-length: 5
         open HEAD / Host: x
         end 3
         respond 3 200 content-length: 5
         > DATA 3 END_STREAM
         open HEAD / Host: x
         end 5
         respond 5 200 content-length: 5
         > DATA 5 END_STREAM -- hello
         open GET / Host: x
         end 7
         respond 7 304 content-length: 5
         > DATA 7 END_STREAM",
        expect![[r#"
            < HEADERS 1 END_HEADERS -- :method: HEAD; :scheme: http; :authority: x; :path: /
            < DATA 1 END_STREAM
            => #1 HTTP/2.0 200 {Content-Length: "5"}
            => #1 End
            < HEADERS 3 END_HEADERS -- :method: HEAD; :scheme: http; :authority: x; :path: /
            < DATA 3 END_STREAM
            => #3 HTTP/2.0 200 {Content-Length: "5"}
            => #3 End
            < HEADERS 5 END_HEADERS -- :method: HEAD; :scheme: http; :authority: x; :path: /
            < DATA 5 END_STREAM
            => #5 HTTP/2.0 200 {Content-Length: "5"}
            ~ ResetOut id=5 code=PROTOCOL_ERROR why=LengthDiffers
            < RST_STREAM 5 -- PROTOCOL_ERROR
            => #5 Reset(the body is not as long as Content-Length says)
            < HEADERS 7 END_HEADERS -- :method: GET; :scheme: http; :authority: x; :path: /
            < DATA 7 END_STREAM
            => #7 HTTP/2.0 304 {Content-Length: "5"}
            => #7 End
        "#]],
    );
}

//= test RFC 9113 §8.1: trailers, with the end and without pseudo-fields
#[test]
fn trailers() {
    check(
        "post 1 /
         read 1
         > DATA 1 -- x
         > HEADERS 1 END_STREAM END_HEADERS -- x-sum: 1; host: evil
         post 3 /
         read 3
         > HEADERS 3 END_HEADERS -- x-sum: 1
         post 5 /
         > HEADERS 5 END_STREAM END_HEADERS -- :path: /
         post 7 /
         > HEADERS 7 END_STREAM END_HEADERS -- X-Sum: 1
         post 9 /
         > DATA 9 -- unread
         > HEADERS 9 END_STREAM END_HEADERS -- x-sum: 2
         read 9",
        expect![[r#"
            => #1 POST / HTTP/2.0 {Host: "x"}
            => #1 Data "x"
            ~ FieldLeftOut id=1 name="Host"
            => #1 Trailers({x-sum: "1"})
            => #1 End
            => #3 POST / HTTP/2.0 {Host: "x"}
            ~ ResetOut id=3 code=PROTOCOL_ERROR why=HeadTwice
            < RST_STREAM 3 -- PROTOCOL_ERROR
            => #3 Reset(there is a second head)
            ~ HeadRemembered id=5
            => #5 POST / HTTP/2.0 {Host: "x"}
            ~ ResetOut id=5 code=PROTOCOL_ERROR why=PseudoUnknown
            < RST_STREAM 5 -- PROTOCOL_ERROR
            => #5 Reset(a pseudo-field has no place here)
            ~ HeadRemembered id=7
            => #7 POST / HTTP/2.0 {Host: "x"}
            ~ ResetOut id=7 code=PROTOCOL_ERROR why=FieldNameMalformed
            < RST_STREAM 7 -- PROTOCOL_ERROR
            => #7 Reset(a field name is malformed)
            ~ HeadRemembered id=9
            => #9 POST / HTTP/2.0 {Host: "x"}
            => #9 Data "unread"
            => #9 Trailers({x-sum: "2"})
            => #9 End
        "#]],
    );
}

//= test RFC 9113 §10.5.1: lists that are too long are answered with 431
//= test RFC 6585 §5: 431
#[test]
fn lists_that_are_too_long() {
    let config = Config { head_len_max: 200, ..Config::default() };
    check_with(
        config,
        "get 1 / a: %100 times: (x)
         > HEADERS 3 END_HEADERS -- :method: POST; :scheme: http; :path: /; a: %100 times: (x)
         > DATA 3 -- late
         post 5 /
         read 5
         > HEADERS 5 END_STREAM END_HEADERS -- a: %200 times: (x)
         post 7 /
         head 7 200
         > HEADERS 7 END_STREAM END_HEADERS -- a: %200 times: (x)",
        expect![[r#"
            ~ Refused id=1 why=FieldsTooLarge status=431
            < HEADERS 1 END_HEADERS -- :status: 431; content-type: text/plain; charset=utf-8; content-length: 62
            < DATA 1 END_STREAM -- 431 Request Header F... 62 bytes
            => #1 Reset(the fields are too large (431))
            ~ Refused id=3 why=FieldsTooLarge status=431
            < HEADERS 3 END_HEADERS -- :status: 431; content-type: text/plain; charset=utf-8; content-length: 62
            < DATA 3 END_STREAM -- 431 Request Header F... 62 bytes
            => #3 Reset(the fields are too large (431))
            => #5 POST / HTTP/2.0 {Host: "x"}
            ~ Refused id=5 why=FieldsTooLarge status=431
            < HEADERS 5 END_HEADERS -- :status: 431; content-type: text/plain; charset=utf-8; content-length: 62
            < DATA 5 END_STREAM -- 431 Request Header F... 62 bytes
            => #5 Reset(the fields are too large (431))
            => #7 POST / HTTP/2.0 {Host: "x"}
            < HEADERS 7 END_HEADERS -- :status: 200
            ~ ResetOut id=7 code=ENHANCE_YOUR_CALM why=FieldsTooLarge
            < RST_STREAM 7 -- ENHANCE_YOUR_CALM
            => #7 Reset(the fields are too large)
        "#]],
    );
}

#[test]
fn lists_of_too_many_fields() {
    let config = Config { fields_max: 4, ..Config::default() };
    check_with(
        config,
        "get 1 / a: 1; b: 2; c: 3
         get 3 / a: 1; b: 2; c: 3; d: 4",
        expect![[r#"
            => #1 GET / HTTP/2.0 {Host: "x", a: "1", b: "2", c: "3"}
            => #1 End
            ~ Refused id=3 why=FieldsTooLarge status=431
            < HEADERS 3 END_HEADERS -- :status: 431; content-type: text/plain; charset=utf-8; content-length: 62
            < DATA 3 END_STREAM -- 431 Request Header F... 62 bytes
            => #3 Reset(the fields are too large (431))
        "#]],
    );
}

//= test RFC 9110 §10.1.1: 100-continue
#[test]
fn a_client_that_waits_for_leave() {
    check(
        "post 1 / expect: 100-continue; content-length: 2
         read 1
         > DATA 1 END_STREAM -- ok
         post 3 / expect: 100-continue
         answer 3 413
         post 5 / expect: 100-continue
         > DATA 5 END_STREAM -- ok
         read 5
         post 7 / expect: something
         get 9 / expect: 100-continue",
        expect![[r#"
            => #1 POST / HTTP/2.0 {Host: "x", Expect: "100-continue", Content-Length: "2"}
            ~ Continued id=1
            < HEADERS 1 END_HEADERS -- :status: 100
            => #1 Data "ok"
            => #1 End
            => #3 POST / HTTP/2.0 {Host: "x", Expect: "100-continue"}
            ~ ResetOut id=3 code=NO_ERROR why=BodyUnread
            < HEADERS 3 END_STREAM|END_HEADERS -- :status: 413; content-length: 0
            < RST_STREAM 3 -- NO_ERROR
            => #5 POST / HTTP/2.0 {Host: "x", Expect: "100-continue"}
            => #5 Data "ok"
            => #5 End
            ~ Refused id=7 why=ExpectationUnknown status=417
            < HEADERS 7 END_HEADERS -- :status: 417; content-type: text/plain; charset=utf-8; content-length: 74
            < DATA 7 END_STREAM -- 417 Expectation Fail... 74 bytes
            => #7 Reset(this server meets no expectation but 100-continue (417))
            => #9 GET / HTTP/2.0 {Host: "x", Expect: "100-continue"}
            => #9 End
        "#]],
    );
}

//= test RFC 9113 §8.1: interim responses
#[test]
fn interim_responses() {
    check_client(
        "open GET / Host: x
         end 1
         respond 1 100
         respond 1 103 link: </a>;rel=preload
         > HEADERS 1 END_STREAM END_HEADERS -- :status: 200
         open GET / Host: x
         respond 3 101
         open GET / Host: x
         > HEADERS 5 END_STREAM END_HEADERS -- :status: 100",
        expect![[r#"
            < HEADERS 1 END_HEADERS -- :method: GET; :scheme: http; :authority: x; :path: /
            < DATA 1 END_STREAM
            => #1 Informational 100 {}
            => #1 Informational 103 {Link: "</a>;rel=preload"}
            => #1 HTTP/2.0 200 {}
            => #1 End
            < HEADERS 3 END_HEADERS -- :method: GET; :scheme: http; :authority: x; :path: /
            ~ ResetOut id=3 code=PROTOCOL_ERROR why=SwitchingProtocols
            < RST_STREAM 3 -- PROTOCOL_ERROR
            => #3 Reset(HTTP/2 has no 101)
            < HEADERS 5 END_HEADERS -- :method: GET; :scheme: http; :authority: x; :path: /
            ~ ResetOut id=5 code=PROTOCOL_ERROR why=InterimEnds
            < RST_STREAM 5 -- PROTOCOL_ERROR
            => #5 Reset(an interim response ends the stream)
        "#]],
    );
}
