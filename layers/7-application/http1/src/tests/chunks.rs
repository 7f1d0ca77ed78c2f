//! Bodies in chunks, to the byte. Part of `docs/request-smuggling.md`.

use expect_test::expect;
use http_scripts::bytes_of;

use super::script::{Stage, check, check_with};
use crate::{Closing, Config};

const HEAD: &str = r"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

/// The body that comes of these bytes, at once and byte by byte, or nothing when they are refused.
#[track_caller]
fn decoded(body: &str) -> Option<Vec<u8>> {
    let bytes = [bytes_of(HEAD), bytes_of(body)].concat();
    let play = |step: usize| {
        let mut stage = Stage::server(Config::default());
        for part in bytes.chunks(step) {
            stage.receive(part);
            stage.play("read");
        }
        let mut data = Vec::new();
        for (_, event) in &stage.events {
            if let message::Event::Data(chunk) = event {
                data.extend_from_slice(chunk.as_bytes().unwrap());
            }
        }
        match stage.events.last() {
            Some((_, message::Event::End)) => Some(data),
            Some((_, message::Event::Reset(_))) => {
                assert!(stage.sent.starts_with(b"HTTP/1.1 400 "), "{body}");
                assert_eq!(stage.connection.closing(), Closing::Fin, "{body}");
                None
            }
            other => panic!("{body}: neither whole nor refused: {other:?}"),
        }
    };
    let whole = play(bytes.len());
    assert_eq!(whole, play(1), "{body}");
    whole
}

#[track_caller]
fn all_refused(bodies: &[&str]) {
    for body in bodies {
        assert_eq!(decoded(body), None, "{body}");
    }
}

//= test RFC 9112 §7.1: sizes in hexadecimal, data, the last chunk, an empty line.
#[test]
fn chunks_are_decoded() {
    for (body, data) in [
        (r"0\r\n\r\n", ""),
        (r"1\r\na\r\n0\r\n\r\n", "a"),
        (r"000003\r\nabc\r\n000\r\n\r\n", "abc"),
        (r"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"),
        (r"2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
        (r"5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n"),
    ] {
        assert_eq!(decoded(body).as_deref(), Some(data.as_bytes()), "{body}");
    }
}

//= test RFC 9112 §7.1: a size is hexadecimal digits, at least one.
#[test]
fn sizes_that_are_none() {
    all_refused(&[
        r"\r\nabc\r\n0\r\n\r\n",
        r"g\r\nabc\r\n0\r\n\r\n",
        r"+3\r\nabc\r\n0\r\n\r\n",
        r"-3\r\nabc\r\n0\r\n\r\n",
        r"0x3\r\nabc\r\n0\r\n\r\n",
        r"3h\r\nabc\r\n0\r\n\r\n",
        r"3.0\r\nabc\r\n0\r\n\r\n",
        r" 3\r\nabc\r\n0\r\n\r\n",
        r"3 \r\nabc\r\n0\r\n\r\n",
        r"3\t\r\nabc\r\n0\r\n\r\n",
        r"3 3\r\nabc\r\n0\r\n\r\n",
        r"3_0\r\nabc\r\n0\r\n\r\n",
        r"\0\r\n\r\n",
        r";a\r\n\r\n",
    ]);
}

//= test RFC 9112 §7.1: a size too large to be counted must not wrap around.
#[test]
fn sizes_that_overflow() {
    all_refused(&[
        r"10000000000000000\r\nabc",
        r"10000000000000003\r\nabc\r\n0\r\n\r\n",
        r"ffffffffffffffff0\r\nabc",
        r"fffffffffffffffff\r\nabc",
    ]);
}

//= test RFC 9112 §7.1: CRLF behind the size, and nothing that resembles it.
#[test]
fn delimiters_behind_sizes() {
    all_refused(&[
        r"3\nabc\r\n0\r\n\r\n",
        r"3\rabc\r\n0\r\n\r\n",
        r"3\r\r\nabc\r\n0\r\n\r\n",
        r"3\n\rabc\r\n0\r\n\r\n",
        r"3\r\0abc\r\n0\r\n\r\n",
        r"0\n\n",
        r"0\n\r\n",
    ]);
}

//= test RFC 9112 §7.1: CRLF behind the data, exactly where the size says.
#[test]
fn delimiters_behind_data() {
    all_refused(&[
        r"3\r\nabc0\r\n\r\n",
        r"3\r\nabc\n0\r\n\r\n",
        r"3\r\nabc\r0\r\n\r\n",
        r"3\r\nabcd\r\n0\r\n\r\n",
        r"3\r\nab\r\n0\r\n\r\n",
        r"3\r\nabc\r\r\n0\r\n\r\n",
        r"3\r\nabc\r\r0\r\n\r\n",
        r"3\r\nabc\n\n0\r\n\r\n",
        r"3\r\nabc\n\r0\r\n\r\n",
        r"3\r\nabcXX0\r\n\r\n",
    ]);
}

//= test RFC 9112 §7.1: an empty line ends the last chunk.
#[test]
fn delimiters_at_the_end() {
    all_refused(&[
        r"0\r\n\n",
        r"0\r\n\rX\r\n\r\n",
        r"0\r\nX\r\n\r\n",
        r"0\r\n \r\n\r\n",
        r"0\r\n\r\r\n",
    ]);
}

//= test RFC 9112 §7.1.1: extensions are skipped, with the white space that recipients live with.
#[test]
fn extensions() {
    for line in [
        "3;a",
        "3;a=b",
        "3;a=b;c;d=\"e\"",
        "3 ; a",
        "3\\t;\\ta = b ; c",
        "3;a=\"b;c\\\\\"\\t\\xff\" ;d",
        "3;a= \"\"",
    ] {
        let body = format!(r"{line}\r\nabc\r\n0;last\r\n\r\n");
        assert_eq!(decoded(&body).as_deref(), Some(&b"abc"[..]), "{body}");
    }
}

//= test RFC 9112 §7.1.1: what is no extension is refused, above all a line end inside it.
#[test]
fn extensions_that_are_none() {
    for line in [
        "3;",
        "3;;a",
        "3;=b",
        "3;a=",
        "3;a=b c",
        "3;a b",
        "3;a=\"b",
        "3;a=\"b\"c",
        "3;a\\n",
        "3;a\\r",
        "3;a\\0",
        "3;a=\"\\n\"",
        "3;a=\"\\r\\n\"",
        "3;a=\"\\0\"",
        "3;a=\"\\\\\\n\"",
        "3;a ",
        "3;a=b ",
        "3;(",
        "3 a",
    ] {
        let body = format!(r"{line}\r\nabc\r\n0\r\n\r\n");
        assert_eq!(decoded(&body), None, "{body}");
    }
}

//= test RFC 9112 §7.1.1: extensions have a limit, a line's and a body's.
#[test]
fn extensions_are_bounded() {
    let within = format!(r"3;%{} times: (a)\r\nabc\r\n0\r\n\r\n", 4096 - 4);
    assert_eq!(decoded(&within).as_deref(), Some(&b"abc"[..]));
    let beyond = format!(r"3;%{} times: (a)\r\nabc\r\n0\r\n\r\n", 4096 - 3);
    assert_eq!(decoded(&beyond), None);
    // Many short ones add up.
    assert_eq!(decoded(&r"1;a\r\na\r\n".repeat(40_000)), None);
    // A size of nothing but zeros is no way around it.
    assert_eq!(decoded(r"%5000 times: (0)"), None);
}

#[test]
fn a_body_in_pieces() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r
          read
          > \nab
          > c\r\n2;x=y\r\nde
          > \r\n0\r\n
          > \r
          > \n
          answer 200 thanks",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Transfer-Encoding: "chunked"}
            => #1 Data "ab"
            => #1 Data "cde"
            => #1 End
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 6\r\n
            < \r\n
            < thanks
        "#]],
    );
}

#[test]
fn what_came_before_an_error_is_shown_before_it() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n
          read
          > 3\r\nabc\r\nX",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Transfer-Encoding: "chunked"}
            ~ Refused why=ChunkMalformed status=Some(400)
            ~ Closing why=ChunkMalformed
            < HTTP/1.1 400 Bad Request\r\n
            < Connection: close\r\n
            < Content-Type: text/plain; charset=utf-8\r\n
            < Content-Length: 38\r\n
            < \r\n
            < 400 Bad Request: a chunk is malformed\n
            => #1 Data "abc"
            => #1 Reset(a chunk is malformed (400))
            -- Fin
        "#]],
    );
}

#[test]
fn an_error_behind_the_answers_head_breaks_off() {
    check(
        r"> POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n
          read
          head 200 Content-Length: 10
          data abc
          > 3\r\nabcd",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Transfer-Encoding: "chunked"}
            < HTTP/1.1 200 OK\r\n
            < Connection: keep-alive\r\n
            < Keep-Alive: timeout=15, max=9999\r\n
            < Content-Length: 10\r\n
            < \r\n
            < abc
            ~ Refused why=ChunkMalformed status=None
            ~ Closing why=ChunkMalformed
            => #1 Data "abc"
            => #1 Reset(a chunk is malformed)
            -- Abort
        "#]],
    );
}

#[test]
fn a_body_is_read_as_the_user_gets_done_with_it() {
    let config = Config { body_window: 8, ..Config::default() };
    check_with(
        config,
        r"> POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n
          hold
          read
          > a\r\n0123456789\r\n0\r\n\r\n
          look
          release 3
          look
          release 5
          look
          release 8
          release 8",
        expect![[r#"
            => #1 POST / HTTP/1.1 {Host: "x", Transfer-Encoding: "chunked"}
            => #1 Data "01234"
            => #1 Data "567"
            -- idle=false reusable=false wants_bytes=false waiting=9 timer=None
            => #1 Data "89"
            => #1 End
            -- idle=false reusable=false wants_bytes=false waiting=0 timer=None
            -- idle=false reusable=false wants_bytes=false waiting=0 timer=None
        "#]],
    );
}
