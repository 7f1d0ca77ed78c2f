//! Bodies with a length and without one; which messages have none.

use expect_test::expect;

use super::script::{check, check_client, check_with};
use crate::Config;

//= test RFC 9112 §6.2: a body of as many bytes as Content-Length says.
#[test]
fn a_body_with_a_length() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe
          look
          read
          > lloGET / HTTP/1.1\r\nHost: x\r\n\r\n
          answer 200
          answer 200",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "5"}
            -- idle=false reusable=false wants_bytes=false waiting=2 timer=None
            => #1 Data "he"
            => #1 Data "llo"
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            => #2 GET / HTTP/1.1 {Host: "x"}
            => #2 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9998\r\n
            < Content-Length: 0\r\n
            < \r\n
        "#]],
    );
}

#[test]
fn a_length_of_zero_is_no_body() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n
          answer 200",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "0"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
        "#]],
    );
}

#[test]
fn the_window_is_kept() {
    check_with(
        Config { body_window: 4, ..Config::default() },
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123456789
          hold
          read
          look
          release 1
          release 100
          look
          release 4
          fin",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "10"}
            => #1 Data "0123"
            -- idle=false reusable=false wants_bytes=false waiting=6 timer=None
            => #1 Data "4"
            => #1 Data "5678"
            -- idle=false reusable=false wants_bytes=false waiting=1 timer=None
            => #1 Data "9"
            => #1 End
        "#]],
    );
}

/// While the user holds a full window, the peer's end is not reported: the rest has not been shown.
#[test]
fn the_end_waits_for_the_window() {
    check_with(
        Config { body_window: 4, ..Config::default() },
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n012345
          fin
          hold
          read
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
            ~ PeerFinished mid_message=false
            ~ Closing why=SaidClose
            -- Now
        "#]],
    );
}

//= test RFC 9110 §9.3.2: no body to HEAD, but its length.
#[test]
fn no_body_to_head() {
    check(
        r"> HEAD / HTTP/1.1\r\nHost: x\r\n\r\n
          answer 200 hello
          > HEAD / HTTP/1.1\r\nHost: x\r\n\r\n
          head 200
          end",
        expect![[r#"
            => #1 HEAD / HTTP/1.1 {Host: "x"}
            => #1 End
            ~ NotSent id=1 why=NoBodyHere
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 5\r\n
            < \r\n
            => #2 HEAD / HTTP/1.1 {Host: "x"}
            => #2 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9998\r\n
            < \r\n
        "#]],
    );
}

//= test RFC 9110 §15.3.5: 204 has no body and no length.
//= test RFC 9110 §15.4.5: 304 has no body, and may have a length.
#[test]
fn statuses_without_a_body() {
    check(
        r"> GET / HTTP/1.1\r\nHost: x\r\n\r\n
          answer 204 hello
          > GET / HTTP/1.1\r\nHost: x\r\n\r\n
          answer 304 hello",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            ~ NotSent id=1 why=NoLengthHere
            ~ NotSent id=1 why=NoBodyHere
            < HTTP/1.1 204 No Content\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < \r\n
            => #2 GET / HTTP/1.1 {Host: "x"}
            => #2 End
            ~ NotSent id=2 why=NoBodyHere
            < HTTP/1.1 304 Not Modified\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9998\r\n
            < Content-Length: 5\r\n
            < \r\n
        "#]],
    );
}

//= test RFC 9112 §6.3: without a length our own body is chunked for 1.1, and lasts until the connection closes for 1.0.
#[test]
fn a_response_without_a_length() {
    check(
        r"> GET / HTTP/1.1\r\nHost: x\r\n\r\n
          head 200
          data hello
          data
          data %20 times: (ab)
          end
          > GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n
          head 200
          data hello
          end",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Transfer-Encoding: chunked\r\n
            < \r\n
            < 5\r\n
            < hello\r\n
            < 28\r\n
            < abababababababababababababababababababab\r\n
            < 0\r\n
            < \r\n
            => #2 GET / HTTP/1.0 {Connection: "keep-alive"}
            => #2 End
            ~ Closing why=BodyUntilClose
            < HTTP/1.1 200 OK\r\n
            < Connection: close\r\n
            < \r\n
            < hello
            ~ Closing why=SaidClose
            -- Fin
        "#]],
    );
}

//= test RFC 9112 §6.3: the four ways a response's body ends.
#[test]
fn responses_as_they_come() {
    check_client(
        r"open GET / Host: x
          end
          > HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi
          open GET / Host: x
          end
          > HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nETag: a\r\n\r\n
          open HEAD / Host: x
          end
          > HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n
          open GET / Host: x
          end
          > HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n
          open GET / Host: x
          end
          > HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n
          open GET / Host: x
          end
          > HTTP/1.1 200 OK\r\n\r\nhi
          > there
          fin",
        expect![[r#"
            < GET / HTTP/1.1\r\n
            < Host: x\r\n
            < \r\n
            => #1 HTTP/1.1 200 {Content-Length: "2"}
            => #1 Data "hi"
            => #1 End
            < GET / HTTP/1.1\r\n
            < Host: x\r\n
            < \r\n
            => #2 HTTP/1.1 200 {Transfer-Encoding: "chunked"}
            => #2 Data "hi"
            => #2 Trailers({ETag: "a"})
            => #2 End
            < HEAD / HTTP/1.1\r\n
            < Host: x\r\n
            < \r\n
            => #3 HTTP/1.1 200 {Content-Length: "2"}
            => #3 End
            < GET / HTTP/1.1\r\n
            < Host: x\r\n
            < \r\n
            => #4 HTTP/1.1 204 {Content-Length: "2"}
            => #4 End
            < GET / HTTP/1.1\r\n
            < Host: x\r\n
            < \r\n
            => #5 HTTP/1.1 304 {Content-Length: "2"}
            => #5 End
            < GET / HTTP/1.1\r\n
            < Host: x\r\n
            < \r\n
            => #6 HTTP/1.1 200 {}
            => #6 Data "hi"
            => #6 Data "there"
            ~ PeerFinished mid_message=false
            ~ Closing why=SaidClose
            => #6 End
            -- Now
        "#]],
    );
}

//= test RFC 9112 §8: a response cut short is never taken for a whole one.
#[test]
fn responses_cut_short() {
    for response in [
        r"",
        r"HTTP/1.1 200",
        r"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
        r"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
        r"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh",
        r"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        r"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi",
        r"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
        r"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n",
        r"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nETag: a\r\n",
        r"HTTP/1.1 100 Continue\r\n\r\n",
    ] {
        let mut stage = super::script::Stage::client(Config::default());
        stage.play(&format!("open GET / Host: x\nend\n> {response}\nfin"));
        assert!(!stage.film.contains("End"), "{}", stage.film);
        assert!(stage.film.contains("Reset(the peer went away"), "{}", stage.film);
        assert!(!stage.connection.is_reusable());
    }
}
