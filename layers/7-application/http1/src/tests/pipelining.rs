//! Requests that do not wait for answers. (RFC 9112 §9.3.2)

use expect_test::expect;

use super::script::{Stage, check};
use crate::Config;

//= test RFC 9112 §9.3.2: answers in the order of the requests; nothing is begun before its turn.
#[test]
fn requests_are_taken_in_turn() {
    check(
        r"> GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 HTTP/1.1\r\nHo
          look
          answer 200 one
          head 200
          data two
          look
          end
          > st: x\r\n\r\n
          answer 200 three",
        expect![[r#"
            => #1 GET /1 HTTP/1.1 {Host: "x"}
            => #1 End
            -- idle=false reusable=false wants_bytes=false waiting=47 timer=None
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 3\r\n
            < \r\n
            < one
            => #2 GET /2 HTTP/1.1 {Host: "x"}
            => #2 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9998\r\n
            < Transfer-Encoding: chunked\r\n
            < \r\n
            < 3\r\n
            < two\r\n
            -- idle=false reusable=false wants_bytes=false waiting=19 timer=None
            < 0\r\n
            < \r\n
            => #3 GET /3 HTTP/1.1 {Host: "x"}
            => #3 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9997\r\n
            < Content-Length: 5\r\n
            < \r\n
            < three
        "#]],
    );
}

#[test]
fn a_body_between_requests() {
    check(
        r"> POST /1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n
          read
          answer 200 one
          answer 200 two",
        expect![[r#"
            => #1 POST /1 HTTP/1.1 {Host: "x", Transfer-Encoding: "chunked"}
            => #1 Data "hi"
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 3\r\n
            < \r\n
            < one
            => #2 GET /2 HTTP/1.1 {Host: "x"}
            => #2 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9998\r\n
            < Content-Length: 3\r\n
            < \r\n
            < two
        "#]],
    );
}

/// What waits is the caller's buffer, so its length is the limit of the queue: no byte of the second
/// request is taken before the first is answered.
#[test]
fn the_queue_is_the_callers_buffer() {
    let mut stage = Stage::server(Config::default());
    stage.receive(&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000));
    for _ in 0..1_000 {
        assert!(!stage.connection.wants_bytes());
        stage.play("answer 200");
    }
    assert_eq!(stage.film.matches("< HTTP/1.1 200 OK").count(), 1_000);
}

//= test RFC 9112 §9.6: what follows a request that ends the connection is not served.
#[test]
fn nothing_is_served_behind_a_close() {
    check(
        r"> GET /1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n
          answer 200 one
          look
          fin",
        expect![[r#"
            => #1 GET /1 HTTP/1.1 {Host: "x", Connection: "close"}
            => #1 End
            ~ Closing why=SaidClose
            < HTTP/1.1 200 OK\r\n
            < Connection: close\r\n
            < Content-Length: 3\r\n
            < \r\n
            < one
            -- Fin
            -- idle=false reusable=false wants_bytes=true waiting=0 timer=Some((5s, Linger))
            ~ PeerFinished mid_message=false
            -- Now
        "#]],
    );
}
