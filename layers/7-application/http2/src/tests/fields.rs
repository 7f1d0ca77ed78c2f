//! Which lists of fields are requests and responses, and which are not. (RFC 9113 §8.2, §8.3)

use std::fmt::Write as _;

use expect_test::expect;
use message::{Event, Head};

use super::script::Stage;
use crate::Config;

/// What becomes of each list of fields, as a head on a stream of its own.
pub(super) fn heads(client: bool, lists: &[&str]) -> String {
    let mut told = String::new();
    for list in lists {
        let config = Config::default();
        let mut stage = if client { Stage::client(config) } else { Stage::server(config) };
        stage.shake_hands("");
        if client {
            stage.play("open GET / Host: x\nend 1");
        }
        stage.film.clear();
        stage.play(&format!("> HEADERS 1 END_STREAM END_HEADERS -- {list}\n> PING 0 -- still ok"));
        let _ = writeln!(told, "{}", list.trim_end());
        for line in stage.film.lines() {
            let is_of_interest = line.starts_with("=> ") || line.starts_with("< RST");
            if is_of_interest && line != "=> #1 End" {
                let _ = writeln!(told, "    {line}");
            }
        }
        assert!(stage.film.contains("< PING 0 ACK -- still ok"), "the connection goes on");
    }
    told
}

//= test RFC 9113 §8.3: pseudo-fields: in front, once, known
//= test RFC 9113 §8.3.1: which a request must have
//= test RFC 9113 §8.5: CONNECT has none but :method and :authority
//= test RFC 9113 §8.1.1: malformed messages are errors of their stream and never shown
#[test]
fn pseudo_fields_of_requests() {
    let told = heads(
        false,
        &[
            ":method: GET; :scheme: https; :path: /; :authority: x",
            ":authority: x; :path: /; :scheme: https; :method: GET",
            ":method: GET; :scheme: https; :path: /",
            ":scheme: https; :path: /",
            ":method: GET; :path: /",
            ":method: GET; :scheme: https",
            ":method: GET; :method: GET; :scheme: https; :path: /",
            ":method: GET; :scheme: https; :path: /; :path: /",
            ":method: GET; :scheme: https; :path: /; accept: a; :authority: x",
            ":method: GET; :scheme: https; :path: /; :status: 200",
            ":method: GET; :scheme: https; :path: /; :unknown: x",
            ":method: GET; :scheme: https; :path: /; :Authority: x",
            ":method: ; :scheme: https; :path: /",
            ":method: G T; :scheme: https; :path: /",
            ":method: BREW; :scheme: https; :path: /",
            ":method: GET; :scheme: ; :path: /",
            ":method: GET; :scheme: h s; :path: /",
            ":method: GET; :scheme: ftp; :path: /a; :authority: x",
            ":method: GET; :scheme: https; :path: ",
            ":method: GET; :scheme: https; :path: a",
            ":method: GET; :scheme: https; :path: http://x/",
            ":method: GET; :scheme: https; :path: /a b",
            ":method: GET; :scheme: https; :path: /a#b",
            ":method: GET; :scheme: https; :path: *",
            ":method: OPTIONS; :scheme: https; :path: *; :authority: x",
            ":method: GET; :scheme: https; :path: /; :authority: ",
            ":method: GET; :scheme: https; :path: /; :authority: me@x",
            ":method: GET; :scheme: https; :path: /; :authority: x/y",
            ":method: GET; :scheme: https; :path: /; :authority: x:99999",
            ":method: CONNECT; :authority: x:443",
            ":method: CONNECT; :authority: x",
            ":method: CONNECT",
            ":method: CONNECT; :authority: x:443; :scheme: https; :path: /",
            ":method: CONNECT; :protocol: websocket; :scheme: https; :path: /chat; :authority: x",
        ],
    );
    expect![[r#"
        :method: GET; :scheme: https; :path: /; :authority: x
            => #1 GET / HTTP/2.0 {Host: "x"}
        :authority: x; :path: /; :scheme: https; :method: GET
            => #1 GET / HTTP/2.0 {Host: "x"}
        :method: GET; :scheme: https; :path: /
            => #1 GET / HTTP/2.0 {}
        :scheme: https; :path: /
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a pseudo-field is missing)
        :method: GET; :path: /
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a pseudo-field is missing)
        :method: GET; :scheme: https
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a pseudo-field is missing)
        :method: GET; :method: GET; :scheme: https; :path: /
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a pseudo-field is there twice)
        :method: GET; :scheme: https; :path: /; :path: /
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a pseudo-field is there twice)
        :method: GET; :scheme: https; :path: /; accept: a; :authority: x
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a pseudo-field stands behind a field)
        :method: GET; :scheme: https; :path: /; :status: 200
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a pseudo-field has no place here)
        :method: GET; :scheme: https; :path: /; :unknown: x
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a pseudo-field has no place here)
        :method: GET; :scheme: https; :path: /; :Authority: x
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a pseudo-field has no place here)
        :method: ; :scheme: https; :path: /
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(the method is not a token)
        :method: G T; :scheme: https; :path: /
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(the method is not a token)
        :method: BREW; :scheme: https; :path: /
            => #1 BREW / HTTP/2.0 {}
        :method: GET; :scheme: ; :path: /
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(the scheme is none)
        :method: GET; :scheme: h s; :path: /
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(the scheme is none)
        :method: GET; :scheme: ftp; :path: /a; :authority: x
            => #1 GET ftp://x/a HTTP/2.0 {Host: "x"}
        :method: GET; :scheme: https; :path:
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(path without a slash in front)
        :method: GET; :scheme: https; :path: a
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(path without a slash in front)
        :method: GET; :scheme: https; :path: http://x/
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(path without a slash in front)
        :method: GET; :scheme: https; :path: /a b
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(path)
        :method: GET; :scheme: https; :path: /a#b
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(fragment in the target)
        :method: GET; :scheme: https; :path: *
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(path without a slash in front)
        :method: OPTIONS; :scheme: https; :path: *; :authority: x
            => #1 OPTIONS * HTTP/2.0 {Host: "x"}
        :method: GET; :scheme: https; :path: /; :authority:
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(host is empty)
        :method: GET; :scheme: https; :path: /; :authority: me@x
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(user information beside the host)
        :method: GET; :scheme: https; :path: /; :authority: x/y
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(path behind the host)
        :method: GET; :scheme: https; :path: /; :authority: x:99999
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(port)
        :method: CONNECT; :authority: x:443
            => #1 CONNECT x:443 HTTP/2.0 {Host: "x:443"}
        :method: CONNECT; :authority: x
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(CONNECT without a port)
        :method: CONNECT
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a pseudo-field is missing)
        :method: CONNECT; :authority: x:443; :scheme: https; :path: /
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a pseudo-field has no place here)
        :method: CONNECT; :protocol: websocket; :scheme: https; :path: /chat; :authority: x
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a pseudo-field has no place here)
    "#]]
    .assert_eq(&told);
}

//= test RFC 8441 §4: CONNECT with a protocol, where it is taken
#[test]
fn extended_connect() {
    let config = Config { extended_connect: true, ..Config::default() };
    let head = "> HEADERS 1 END_HEADERS --";
    let scripts = [
        ":method: CONNECT; :protocol: websocket; :scheme: https; :path: /chat; :authority: x",
        ":method: CONNECT; :protocol: websocket; :scheme: https; :path: /chat",
        ":method: CONNECT; :protocol: a b; :scheme: https; :path: /chat; :authority: x",
        ":method: GET; :protocol: websocket; :scheme: https; :path: /chat; :authority: x",
    ]
    .map(|list| format!("{head} {list}"));
    let tunnel = format!(
        "{}\nhead 1 200\nread 1\n> DATA 1 -- up\ndata 1 down\n> DATA 1 END_STREAM\nend 1",
        scripts[0]
    );
    let scripts: Vec<&str> = scripts.iter().chain([&tunnel]).map(String::as_str).collect();
    expect![[r#"
        > HEADERS 1 END_HEADERS -- :method: CONNECT; :protocol: websocket; :scheme: https; :path: /chat; :authority: x
            => #1 CONNECT /chat HTTP/2.0 {Host: "x", Upgrade: "websocket"}
        > HEADERS 1 END_HEADERS -- :method: CONNECT; :protocol: websocket; :scheme: https; :path: /chat
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a pseudo-field has no place here)
        > HEADERS 1 END_HEADERS -- :method: CONNECT; :protocol: a b; :scheme: https; :path: /chat; :authority: x
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(protocol)
        > HEADERS 1 END_HEADERS -- :method: GET; :protocol: websocket; :scheme: https; :path: /chat; :authority: x
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a pseudo-field has no place here)
        > HEADERS 1 END_HEADERS -- :method: CONNECT; :protocol: websocket; :scheme: https; :path: /chat; :authority: x | head 1
            => #1 CONNECT /chat HTTP/2.0 {Host: "x", Upgrade: "websocket"}
            => #1 Data "up"
            => #1 End
    "#]].assert_eq(&super::script::outcomes_with(&config, false, &scripts));
}

//= test RFC 9113 §8.3.1: Host and :authority
//= test RFC 9113 §8.2.3: crumbs of cookies become one line
//= test RFC 9113 §8.2.1: names in lower case, and what names and values may hold
//= test RFC 9113 §8.2.2: fields of connections, and TE
#[test]
fn fields_of_requests() {
    let get = ":method: GET; :scheme: https; :path: /";
    let lists: Vec<String> = [
        ":authority: x; host: x",
        ":authority: x; host: X",
        ":authority: x; host: x:443",
        ":authority: x:443; host: x:80",
        ":authority: x; host: y",
        ":authority: x; host: x; host: x",
        "host: x",
        "host: x; host: x",
        "host: me@x",
        "host: ",
        "cookie: a=b; accept: c",
        "cookie: a=b; accept: c; cookie: d=e; cookie: f",
        "Accept: a",
        "acCept: a",
        "x-own: a",
        "X-Own: a",
        "a b: c",
        "a\\0: c",
        "a\\x80: c",
        "a:: c",
        "a: b\\0c",
        "a: b\\rc",
        "a: b\\nc",
        "a: b\\x01c",
        "a: b\\tc",
        "a: \\sb",
        "a: b\\s",
        "a: \\tb",
        "a: b\\t",
        "a: ",
        "a: \\xff",
        "connection: close",
        "keep-alive: 5",
        "proxy-connection: close",
        "transfer-encoding: chunked",
        "upgrade: h2c",
        "te: trailers",
        "te: Trailers",
        "te: gzip",
        "te: trailers, gzip",
        "content-length: 0",
        "content-length: 5",
        "content-length: 0; content-length: 0",
        "content-length: 0, 0",
        "content-length: x",
        "content-length: -1",
        "expect: 100-continue",
        "expect: more",
        "priority: u=1, i",
        "priority: u=1; priority: i",
        "priority: nonsense=",
    ]
    .iter()
    .map(|fields| format!("{get}; {fields}"))
    .collect();
    let lists: Vec<&str> = lists.iter().map(String::as_str).collect();
    let told = heads(false, &lists).replace(&format!("{get}; "), "");
    expect![[r#"
        :authority: x; host: x
            => #1 GET / HTTP/2.0 {Host: "x"}
        :authority: x; host: X
            => #1 GET / HTTP/2.0 {Host: "x"}
        :authority: x; host: x:443
            => #1 GET / HTTP/2.0 {Host: "x"}
        :authority: x:443; host: x:80
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(Host and :authority differ)
        :authority: x; host: y
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(Host and :authority differ)
        :authority: x; host: x; host: x
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(Host and :authority differ)
        host: x
            => #1 GET / HTTP/2.0 {Host: "x"}
        host: x; host: x
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(Host and :authority differ)
        host: me@x
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(user information beside the host)
        host:
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(host is empty)
        cookie: a=b; accept: c
            => #1 GET / HTTP/2.0 {Cookie: <3 private bytes>, Accept: "c"}
        cookie: a=b; accept: c; cookie: d=e; cookie: f
            => #1 GET / HTTP/2.0 {Cookie: <11 private bytes>, Accept: "c"}
        Accept: a
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field name is malformed)
        acCept: a
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field name is malformed)
        x-own: a
            => #1 GET / HTTP/2.0 {x-own: "a"}
        X-Own: a
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field name is malformed)
        a b: c
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field name is malformed)
        a\0: c
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field name is malformed)
        a\x80: c
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field name is malformed)
        a:: c
            => #1 GET / HTTP/2.0 {a: ": c"}
        a: b\0c
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field value is malformed)
        a: b\rc
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field value is malformed)
        a: b\nc
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field value is malformed)
        a: b\x01c
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field value is malformed)
        a: b\tc
            => #1 GET / HTTP/2.0 {a: "b\tc"}
        a: \sb
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field value is malformed)
        a: b\s
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field value is malformed)
        a: \tb
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field value is malformed)
        a: b\t
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field value is malformed)
        a:
            => #1 GET / HTTP/2.0 {a: ""}
        a: \xff
            => #1 GET / HTTP/2.0 {a: "\xff"}
        connection: close
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field of HTTP/1.1 connections has no place here)
        keep-alive: 5
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field of HTTP/1.1 connections has no place here)
        proxy-connection: close
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field of HTTP/1.1 connections has no place here)
        transfer-encoding: chunked
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field of HTTP/1.1 connections has no place here)
        upgrade: h2c
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(a field of HTTP/1.1 connections has no place here)
        te: trailers
            => #1 GET / HTTP/2.0 {TE: "trailers"}
        te: Trailers
            => #1 GET / HTTP/2.0 {TE: "Trailers"}
        te: gzip
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(TE says something else than trailers)
        te: trailers, gzip
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(TE says something else than trailers)
        content-length: 0
            => #1 GET / HTTP/2.0 {Content-Length: "0"}
        content-length: 5
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(the body is not as long as Content-Length says)
        content-length: 0; content-length: 0
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(Content-Length is not one number)
        content-length: 0, 0
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(Content-Length is not one number)
        content-length: x
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(Content-Length is not one number)
        content-length: -1
            < RST_STREAM 1 -- PROTOCOL_ERROR
            => #1 Reset(Content-Length is not one number)
        expect: 100-continue
            => #1 GET / HTTP/2.0 {Expect: "100-continue"}
        expect: more
            => #1 Reset(this server meets no expectation but 100-continue (417))
        priority: u=1, i
            => #1 GET / HTTP/2.0 {Priority: "u=1, i"}
        priority: u=1; priority: i
            => #1 GET / HTTP/2.0 {Priority: "u=1", Priority: "i"}
        priority: nonsense=
            => #1 GET / HTTP/2.0 {Priority: "nonsense="}
    "#]]
    .assert_eq(&told);
}

/// The block of a request holds its fields, and a copy of a request is a reference.
#[test]
fn fields_are_views() {
    let mut stage = Stage::server(Config::default());
    stage.shake_hands("");
    stage.play("get 1 / accept: a; x-own: b");
    let Some((_, Event::Head(Head::Request(request)))) = stage.events.first() else { panic!() };
    let block = request.fields.as_parsed();
    for (_, value) in request.fields.iter() {
        assert!(block.as_ptr_range().contains(&value.as_ptr()));
    }
}
