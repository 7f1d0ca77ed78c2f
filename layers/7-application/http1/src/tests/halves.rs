//! The peer has finished; we may have not. (RFC 9112 §9.6)

use expect_test::expect;

use super::script::{check, check_client};

//= test RFC 9112 §9.6: who closes its side early still gets its answers.
#[test]
fn answers_behind_a_fin() {
    check(
        r"> GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\n\r\n
          fin
          answer 200 1
          answer 200 2
          head 200
          data 3
          end",
        expect![[r#"
            => #1 GET /1 HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 1\r\n
            < \r\n
            < 1
            => #2 GET /2 HTTP/1.1 {Host: "x"}
            => #2 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9998\r\n
            < Content-Length: 1\r\n
            < \r\n
            < 2
            => #3 GET /3 HTTP/1.1 {Host: "x"}
            => #3 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9997\r\n
            < Transfer-Encoding: chunked\r\n
            < \r\n
            < 1\r\n
            < 3\r\n
            < 0\r\n
            < \r\n
            ~ PeerFinished mid_message=false
            ~ Closing why=SaidClose
            -- Now
        "#]],
    );
}

#[test]
fn a_body_then_a_fin() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello
          fin
          read
          answer 200 thanks",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "5"}
            => #1 Data "hello"
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 6\r\n
            < \r\n
            < thanks
            ~ PeerFinished mid_message=false
            ~ Closing why=SaidClose
            -- Now
        "#]],
    );
}

//= test RFC 9112 §8: an incomplete request is told so.
#[test]
fn a_head_cut_short() {
    check(
        r"> GET / HTTP/1.1\r\nHost: x
          fin",
        expect![[r#"
            ~ PeerFinished mid_message=true
            ~ Refused why=CutShort status=Some(400)
            ~ Closing why=CutShort
            < HTTP/1.1 400 Bad Request\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 63\r\n
            < \r\n
            < 400 Bad Request: the peer went away in the middle of a message\n
            => #1 Reset(the peer went away in the middle of a message (400))
            -- Now
        "#]],
    );
}

//= test RFC 9112 §8: an incomplete body is told so, as long as nothing was answered.
#[test]
fn a_body_cut_short() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe
          read
          fin",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "5"}
            => #1 Data "he"
            ~ PeerFinished mid_message=true
            ~ Refused why=CutShort status=Some(400)
            ~ Closing why=CutShort
            < HTTP/1.1 400 Bad Request\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 63\r\n
            < \r\n
            < 400 Bad Request: the peer went away in the middle of a message\n
            => #1 Reset(the peer went away in the middle of a message (400))
            -- Now
        "#]],
    );
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe
          read
          head 200 Content-Length: 5
          fin",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "5"}
            => #1 Data "he"
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 5\r\n
            < \r\n
            ~ PeerFinished mid_message=true
            ~ Refused why=CutShort status=None
            ~ Closing why=CutShort
            => #1 Reset(the peer went away in the middle of a message)
            -- Abort
        "#]],
    );
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe
          answer 200
          fin",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Transfer-Encoding: "chunked"}
            ~ Discarding id=1 len=0
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            ~ PeerFinished mid_message=true
            ~ Refused why=CutShort status=None
            ~ Closing why=CutShort
            -- Now
        "#]],
    );
}

#[test]
fn a_fin_instead_of_a_request() {
    check(
        "fin",
        expect![[r#"
        ~ PeerFinished mid_message=false
        ~ Closing why=SaidClose
        -- Now
    "#]],
    );
    check(
        r"> \r
          fin",
        expect![[r#"
            ~ PeerFinished mid_message=false
            ~ Closing why=SaidClose
            -- Now
        "#]],
    );
    check(
        r"> GET / HTTP/1.1\r\nHost: x\r\n\r\n
          answer 200
          fin",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
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

#[test]
fn a_server_that_goes_between_exchanges() {
    check_client(
        r"open GET / Host: x
          end
          > HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n
          fin
          look
          open GET / Host: x",
        expect![[r#"
            < GET / HTTP/1.1\r\n
            < Host: x\r\n
            < \r\n
            => #1 HTTP/1.1 200 {Content-Length: "0"}
            => #1 End
            ~ PeerFinished mid_message=false
            ~ Closing why=SaidClose
            -- Now
            -- idle=true reusable=false wants_bytes=false waiting=0 timer=None
            ~ NotSent id=2 why=OutOfTurn
            -- not opened
        "#]],
    );
}
