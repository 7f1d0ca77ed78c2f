//! Expectations. (RFC 9110 §10.1.1)

use expect_test::expect;

use super::script::check;

//= test RFC 9110 §10.1.1: 100 when the body is wanted, and not before.
#[test]
fn leave_is_given_when_the_body_is_wanted() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n
          1s
          read
          read
          > hello
          answer 200",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "5", Expect: "100-Continue"}
            ~ Continued id=1
            < HTTP/1.1 100 Continue\r\n
            < \r\n
            => #1 Data "hello"
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
        "#]],
    );
}

//= test RFC 9110 §10.1.1: whose body has begun to arrive does not wait.
#[test]
fn no_leave_when_the_body_is_here() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhe
          read
          > llo
          answer 200",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "5", Expect: "100-continue"}
            => #1 Data "he"
            => #1 Data "llo"
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
        "#]],
    );
}

//= test RFC 9110 §10.1.1: a final status instead; the connection closes, because nobody can tell
// whether the body will be sent.
#[test]
fn a_final_status_instead() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n
          answer 403 no
          > hello
          fin",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "5", Expect: "100-continue"}
            ~ Closing why=NeverContinued
            ~ Closing why=BodyUnread
            < HTTP/1.1 403 Forbidden\r\n
            < Connection: close\r\n
            < Content-Length: 2\r\n
            < \r\n
            < no
            -- Fin
            ~ PeerFinished mid_message=false
            -- Now
        "#]],
    );
}

/// Whose body is here was not waiting: it is drained, and the connection goes on.
#[test]
fn a_final_status_for_who_did_not_wait() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhe
          answer 403 no
          > lloGET / HTTP/1.1\r\nHost: x\r\n\r\n
          answer 200",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "5", Expect: "100-continue"}
            ~ Discarding id=1 len=5
            < HTTP/1.1 403 Forbidden\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 2\r\n
            < \r\n
            < no
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

//= test RFC 9110 §10.1.1: other expectations are 417.
#[test]
fn other_expectations() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 200-ok\r\n\r\nhello",
        expect![[r#"
            ~ Refused why=ExpectationUnknown status=Some(417)
            ~ Closing why=ExpectationUnknown
            < HTTP/1.1 417 Expectation Failed\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 74\r\n
            < \r\n
            < 417 Expectation Failed: this server meets no expectation but 100-continue\n
            => #1 Reset(this server meets no expectation but 100-continue (417))
            -- Fin
        "#]],
    );
    check(
        r"> GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue, more\r\n\r\n",
        expect![[r#"
            ~ Refused why=ExpectationUnknown status=Some(417)
            ~ Closing why=ExpectationUnknown
            < HTTP/1.1 417 Expectation Failed\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 74\r\n
            < \r\n
            < 417 Expectation Failed: this server meets no expectation but 100-continue\n
            => #1 Reset(this server meets no expectation but 100-continue (417))
            -- Fin
        "#]],
    );
}

//= test RFC 9110 §10.1.1: an expectation of HTTP/1.0 is ignored.
#[test]
fn expectations_of_http_1_0() {
    check(
        r"> POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n
          read
          > hello
          answer 200",
        expect![[r#"
            => #1 POST / HTTP/1.0 {Content-Length: "5", Expect: "100-continue"}
            => #1 Data "hello"
            => #1 End
            ~ Closing why=SaidClose
            < HTTP/1.1 200 OK\r\n
            < Connection: close\r\n
            < Content-Length: 0\r\n
            < \r\n
            -- Fin
        "#]],
    );
    check(
        r"> GET / HTTP/1.0\r\nExpect: teapots\r\n\r\n
          answer 200",
        expect![[r#"
            => #1 GET / HTTP/1.0 {Expect: "teapots"}
            => #1 End
            ~ Closing why=SaidClose
            < HTTP/1.1 200 OK\r\n
            < Connection: close\r\n
            < Content-Length: 0\r\n
            < \r\n
            -- Fin
        "#]],
    );
}

//= test RFC 9110 §10.1.1: without a body there is nothing to wait for.
#[test]
fn no_body_no_leave() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n
          read
          answer 200
          > POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect:\r\n\r\n
          read
          > hello
          answer 200",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "0", Expect: "100-continue"}
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
            => #2 POST / HTTP/1.1 {Host: "x", Content-Length: "5", Expect: ""}
            => #2 Data "hello"
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
fn the_user_may_give_leave_itself() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n
          interim 100
          read
          > hello
          answer 200",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "5", Expect: "100-continue"}
            < HTTP/1.1 100 Continue\r\n
            < \r\n
            => #1 Data "hello"
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 0\r\n
            < \r\n
        "#]],
    );
}

/// With the final head on its way it is too late for a 100.
#[test]
fn no_leave_behind_the_final_head() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n
          head 200 Content-Length: 2
          read
          > hello
          data ok
          end",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Content-Length: "5", Expect: "100-continue"}
            ~ Closing why=NeverContinued
            < HTTP/1.1 200 OK\r\n
            < Connection: close\r\n
            < Content-Length: 2\r\n
            < \r\n
            => #1 Data "hello"
            => #1 End
            < ok
            ~ Closing why=SaidClose
            -- Fin
        "#]],
    );
}

//= test RFC 9110 §15.2: any number of interim responses, but none to HTTP/1.0.
#[test]
fn interim_responses() {
    check(
        r"> GET / HTTP/1.1\r\nHost: x\r\n\r\n
          interim 103 Link: a; Content-Length: 5; Transfer-Encoding: chunked; Connection: close
          interim 102
          head 103 Link: b
          interim 101 Upgrade: x
          answer 200 hello
          interim 103
          > GET / HTTP/1.0\r\n\r\n
          interim 103 Link: a
          answer 200 hello",
        expect![[r#"
            => #1 GET / HTTP/1.1 {Host: "x"}
            => #1 End
            < HTTP/1.1 103 Early Hints\r\n
            < Link: a\r\n
            < \r\n
            < HTTP/1.1 102 Processing\r\n
            < \r\n
            < HTTP/1.1 103 Early Hints\r\n
            < Link: b\r\n
            < \r\n
            ~ NotSent id=1 why=OutOfTurn
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 5\r\n
            < \r\n
            < hello
            ~ NotSent id=1 why=OutOfTurn
            => #2 GET / HTTP/1.0 {}
            => #2 End
            ~ NotSent id=2 why=InterimTo10
            ~ Closing why=SaidClose
            < HTTP/1.1 200 OK\r\n
            < Connection: close\r\n
            < Content-Length: 5\r\n
            < \r\n
            < hello
            -- Fin
        "#]],
    );
}
