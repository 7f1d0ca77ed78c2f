//! Which lists of fields are requests and responses, and which are not. (RFC 9113 §8.2, §8.3)

use std::fmt::Write as _;

use expect_test::expect;
use message::{Event, Head};

use super::script::{Stage, check, check_client, check_with};
use crate::Config;

/// What becomes of each list of fields, as a head on a stream of its own.
fn heads(client: bool, lists: &[&str]) -> String {
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
        let _ = writeln!(told, "{list}");
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
            ~ HeadRemembered id=3
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
            ~ ResetOut id=3 code=NO_ERROR why=BodyUnread
            < HEADERS 3 END_HEADERS -- :status: 431; content-type: text/plain; charset=utf-8; content-length: 62
            < DATA 3 END_STREAM -- 431 Request Header F... 62 bytes
            < RST_STREAM 3 -- NO_ERROR
            => #3 Reset(the fields are too large (431))
            ~ Ignored stream=3 why=ResetBefore
            => #5 POST / HTTP/2.0 {Host: "x"}
            ~ Refused id=5 why=FieldsTooLarge status=431
            ~ ResetOut id=5 code=NO_ERROR why=BodyUnread
            < HEADERS 5 END_HEADERS -- :status: 431; content-type: text/plain; charset=utf-8; content-length: 62
            < DATA 5 END_STREAM -- 431 Request Header F... 62 bytes
            < RST_STREAM 5 -- NO_ERROR
            => #5 Reset(the fields are too large (431))
            ~ HeadRemembered id=7
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
            ~ HeadRemembered id=5
            => #5 POST / HTTP/2.0 {Host: "x", Expect: "100-continue"}
            => #5 Data "ok"
            => #5 End
            ~ Refused id=7 why=ExpectationUnknown status=417
            ~ ResetOut id=7 code=NO_ERROR why=BodyUnread
            < HEADERS 7 END_HEADERS -- :status: 417; content-type: text/plain; charset=utf-8; content-length: 74
            < DATA 7 END_STREAM -- 417 Expectation Fail... 74 bytes
            < RST_STREAM 7 -- NO_ERROR
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
