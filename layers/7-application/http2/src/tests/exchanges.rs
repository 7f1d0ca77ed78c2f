//! Requests and their responses, from both ends.

use expect_test::expect;

use super::script::{Stage, check, check_client};
use crate::Config;

#[test]
fn a_request_and_its_response() {
    check(
        "get 1 /index.html accept: */*
         answer 1 200 hello",
        expect![[r#"
            => #1 GET /index.html HTTP/2.0 {Host: "x", Accept: "*/*"}
            => #1 End
            < HEADERS 1 END_HEADERS -- :status: 200; content-length: 5
            < DATA 1 END_STREAM -- hello
        "#]],
    );
}

#[test]
fn a_body_both_ways() {
    check(
        "post 1 /form content-length: 11
         > DATA 1 -- hello
         read 1
         > DATA 1 END_STREAM pad=5 --  world
         head 1 200 content-type: text/plain
         data 1 thanks
         trailers 1 x-sum: 1
         end 1",
        expect![[r#"
            => #1 POST /form HTTP/2.0 {Host: "x", Content-Length: "11"}
            => #1 Data "hello"
            => #1 Data " world"
            => #1 End
            < HEADERS 1 END_HEADERS -- :status: 200; content-type: text/plain
            < DATA 1 -- thanks
            < HEADERS 1 END_STREAM|END_HEADERS -- x-sum: 1
        "#]],
    );
}

#[test]
fn a_client_asks() {
    check_client(
        "open GET /index.html Host: x
         end 1
         respond 1 200 content-length: 5
         > DATA 1 END_STREAM -- hello
         look
         open POST /form Host: x; Content-Length: 4
         data 3 body
         end 3
         > HEADERS 3 END_STREAM END_HEADERS -- :status: 204",
        expect![[r#"
            < HEADERS 1 END_HEADERS -- :method: GET; :scheme: http; :authority: x; :path: /index.html
            < DATA 1 END_STREAM
            => #1 HTTP/2.0 200 {Content-Length: "5"}
            => #1 Data "hello"
            => #1 End
            -- idle=true reusable=true wants_bytes=true waiting=0 timer=Some((1s, Rest))
            < HEADERS 3 END_HEADERS -- :method: POST; :scheme: http; :authority: x; :path: /form; content-length: 4
            < DATA 3 -- body
            < DATA 3 END_STREAM
            => #3 HTTP/2.0 204 {}
            => #3 End
        "#]],
    );
}

#[test]
fn the_beginning_of_a_server() {
    let mut stage = Stage::server(Config::default());
    stage.play("look");
    stage.play("preface\n > SETTINGS 0\n > SETTINGS 0 ACK\n look");
    expect![[r#"
        -- idle=true reusable=true wants_bytes=true waiting=0 timer=Some((10s, Head))
        < SETTINGS 0 -- MAX_CONCURRENT_STREAMS=100 MAX_HEADER_LIST_SIZE=65536 NO_RFC7540_PRIORITIES=1
        < WINDOW_UPDATE 0 -- 983041
        < SETTINGS 0 ACK
        -- idle=true reusable=true wants_bytes=true waiting=0 timer=Some((60s, Idle))
    "#]].assert_eq(&stage.film);
}

#[test]
fn the_beginning_of_a_client() {
    let mut stage = Stage::client(Config::default());
    stage.play("open GET / Host: x\n > SETTINGS 0\n > SETTINGS 0 ACK\n look");
    expect![[r#"
        < SETTINGS 0 -- ENABLE_PUSH=0 MAX_HEADER_LIST_SIZE=65536 NO_RFC7540_PRIORITIES=1
        < WINDOW_UPDATE 0 -- 983041
        < HEADERS 1 END_HEADERS -- :method: GET; :scheme: http; :authority: x; :path: /
        < SETTINGS 0 ACK
        -- idle=false reusable=true wants_bytes=true waiting=0 timer=None
    "#]]
    .assert_eq(&stage.film);
}
