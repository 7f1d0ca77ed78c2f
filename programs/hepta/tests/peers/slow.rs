//! Time limits against slow peers. Each test shortens the limits it is about.

use std::time::{Duration, Instant};

use peers::{Conn, Program, Site, connect_with_small_window, random_bytes, run};

use crate::{HEPTA, program};

fn hello() -> Site {
    Site::new().with("hello.txt", "hello\n").with("large.bin", random_bytes(17, 16 << 20))
}

#[test]
fn a_head_that_comes_too_slowly_is_408() {
    let site = hello();
    let server = program(&site).args(&["--timeout-head", "1"]).start();
    std::thread::scope(|scope| {
        // Nothing at all, half a line, half a head, and one that goes on and on.
        let openings =
            ["", "GET /hel", "GET /hello.txt HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\n"];
        for (at, opening) in openings.into_iter().enumerate() {
            let server = &server;
            scope.spawn(move || {
                let mut conn = server.connect();
                let since = Instant::now();
                conn.send(opening);
                while at == 3 && since.elapsed() < Duration::from_secs(6) && !conn.has_something() {
                    let _ = conn.try_send("X: y\r\n");
                    std::thread::sleep(Duration::from_millis(100));
                }
                let answer = conn.try_response("GET");
                let took = since.elapsed();
                match answer {
                    Ok(response) => {
                        assert_eq!(response.status, 408, "{opening:?}: {response}");
                        assert!(response.lists("connection", "close"), "{response}");
                    }
                    // Who never said a word may be left without one.
                    Err(broken) => assert!(opening.is_empty(), "{opening:?}: {broken:?}"),
                }
                assert!(took > Duration::from_millis(700), "{opening:?}: after {took:?}");
                assert!(took < Duration::from_secs(8), "{opening:?}: after {took:?}");
            });
        }
    });
}

#[test]
fn a_site_has_a_pace_of_its_own() {
    let site = Site::new().with(
        "hepta.kdl",
        r#"listen "127.0.0.1:0"
        site "quick" { respond 200 "quick\n"; timeout-head "1s"; body-rate "1KiB" per="1s" }
        default { respond 200 "patient\n" }"#,
    );
    let server = Program::configured(HEPTA, &site.path("hepta.kdl")).start();
    std::thread::scope(|scope| {
        for host in ["quick", "patient"] {
            let server = &server;
            // The rest of a body, behind its answer; and a second head, behind a first request.
            let body = format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 99999\r\n\r\n");
            let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
            for (request, next) in [(body, "x"), (head, "GET / HT")] {
                scope.spawn(move || {
                    let mut conn = server.connect();
                    conn.send(&request);
                    assert_eq!(conn.response("GET").text(), format!("{host}\n"));
                    conn.send(next);
                    let since = Instant::now();
                    while since.elapsed() < Duration::from_secs(3) && !conn.has_something() {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    let was_quick = since.elapsed() < Duration::from_secs(3);
                    assert_eq!(was_quick, host == "quick", "{request:?} {next:?}");
                    assert!(since.elapsed() > Duration::from_millis(700), "{request:?}");
                });
            }
        }
    });
}

#[test]
fn an_idle_connection_ends_after_its_time() {
    let site = hello();
    let server = program(&site).args(&["--timeout-idle", "1"]).start();
    let mut conn = server.connect();
    conn.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    let response = conn.response("GET");
    let announced = response.field("keep-alive").unwrap_or_default();
    assert!(announced.contains("timeout=1"), "{response}");
    let since = Instant::now();
    conn.expect_end();
    let took = since.elapsed();
    assert!(took > Duration::from_millis(700) && took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn a_body_that_comes_too_slowly_ends_the_connection() {
    let site = hello();
    let server = program(&site).start();
    let mut conn = server.connect();
    conn.send("POST /hello.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    assert_eq!(conn.response("POST").status, 405);
    // A byte now and then is less than any minimum.
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(40) && !conn.has_something() {
        let _ = conn.try_send("b");
        std::thread::sleep(Duration::from_millis(200));
    }
    let took = since.elapsed();
    assert!(took < Duration::from_secs(40), "it was still held after {took:?}");
    assert!(took > Duration::from_secs(3), "it was ended after {took:?}");
}

#[test]
fn a_peer_that_takes_nothing_is_let_go_and_holds_nothing() {
    let site = hello();
    let server = program(&site).args(&["--timeout-write", "1", "--workers", "1"]).start();
    let mut stalled: Vec<Conn> = (0..20)
        .map(|_| {
            let mut conn = connect_with_small_window(server.address());
            conn.send("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
            conn.head().unwrap();
            conn
        })
        .collect();
    peers::until("they are let go", || (server.open_sockets() < 15).then_some(()));
    // What they find later is not the whole, and does not look so.
    for conn in &mut stalled {
        assert!(conn.rest().len() < 16 << 20);
    }
    assert_eq!(server.get("/hello.txt").text(), "hello\n");
}

#[test]
fn a_slow_reader_who_goes_on_is_not_let_go() {
    let content = random_bytes(17, 48 << 20);
    let site = Site::new().with("large.bin", &content);
    let server = program(&site).args(&["--timeout-write", "2"]).start();
    // With a small window, and with one in which the kernels on both sides hold megabytes: it is
    // what the peer takes that counts, not when the socket takes more from us.
    std::thread::scope(|scope| {
        for conn in [connect_with_small_window(server.address()), server.connect()] {
            let content = &content;
            scope.spawn(move || read_in_small_bites(conn, content));
        }
    });
}

/// Reads slowly for three times as long as a stall may take, and then the rest.
fn read_in_small_bites(mut conn: Conn, content: &[u8]) {
    conn.send("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    conn.head().unwrap();
    let since = Instant::now();
    let mut seen = Vec::new();
    while since.elapsed() < Duration::from_secs(6) {
        seen.extend(conn.take(20_000).unwrap());
        std::thread::sleep(Duration::from_millis(50));
    }
    match conn.take(content.len() - seen.len()) {
        Ok(rest) => seen.extend(rest),
        Err(broken) => panic!("let go, though it took something all the time: {broken:?}"),
    }
    assert!(seen == content);
}

#[test]
fn the_limits_are_those_that_are_promised() {
    let help = run(std::process::Command::new(HEPTA).args(["serve", "--help"])).ok().text();
    let default = |option: &str| {
        let rest = help.split(&format!("{option} ")).nth(1).unwrap_or_default();
        let value = rest.split("[default: ").nth(1).unwrap_or_default();
        value.split(']').next().unwrap_or_default().to_owned()
    };
    for (option, expected) in [
        ("--timeout-head", "10"),
        ("--timeout-idle", "15"),
        ("--request-line-max", "8192"),
        ("--head-max", "65536"),
        ("--fields-max", "100"),
    ] {
        assert_eq!(default(option), expected, "{option}\n{help}");
    }
}

#[test]
fn each_limit_can_be_chosen() {
    let site = hello();
    let server = program(&site)
        .args(&["--request-line-max", "100", "--head-max", "500", "--fields-max", "5"])
        .args(&["--requests-max", "3"])
        .start();
    assert_eq!(server.get(&format!("/hello.txt?{}", "q".repeat(100))).status, 414);
    assert_eq!(server.ask("GET", "/hello.txt", &[("X", &"y".repeat(500))]).status, 431);
    assert_eq!(server.ask("GET", "/hello.txt", &[("X", "y"); 5]).status, 431);
    let mut conn = server.connect();
    conn.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n".repeat(4));
    for is_last in [false, false, true] {
        assert_eq!(conn.response("GET").lists("connection", "close"), is_last);
    }
    conn.expect_end();
}

#[test]
fn stalled_peers_hold_no_buffers() {
    peers::raise_descriptor_limit(2000);
    let site = hello();
    let server = program(&site).args(&["--workers", "1"]).start();
    for _ in 0..20 {
        assert_eq!(server.get("/hello.txt").text(), "hello\n");
    }
    let before = server.resident_kib();
    // Four hundred that take nothing of 16 MiB each, and as many that stop in a head.
    let stalled: Vec<Conn> = (0..400)
        .map(|_| {
            let mut conn = connect_with_small_window(server.address());
            conn.send("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
            conn.head().unwrap();
            conn
        })
        .collect();
    let slow: Vec<Conn> = (0..400)
        .map(|_| {
            let mut conn = server.connect();
            conn.send("GET /hello.txt HTTP/1.1\r\nX: ");
            conn
        })
        .collect();
    assert_eq!(server.get("/hello.txt").text(), "hello\n");
    let grown = server.resident_kib().saturating_sub(before);
    // Not a page for each: what a connection is, and nothing for its bytes.
    assert!(grown < 800 * 8, "{grown} KiB for {}", stalled.len() + slow.len());
}
