//! What must hold when peers are many, slow or gone, and when the program is told to stop.

use std::process::Command;
use std::time::{Duration, Instant};

use peers::{
    Broken, Conn, Crowd, Program, Server, Site, connect_with_small_window, raise_descriptor_limit,
    random_bytes, tool, until,
};
use rustix::process::Signal;

use crate::{HEPTA, program, serve};

const GET: &str = "GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n";

fn hello() -> Site {
    Site::new().with("hello.txt", "hello\n").with("large.bin", random_bytes(16, 8 << 20))
}

#[test]
fn slow_crowds_cost_normal_requests_nothing() {
    raise_descriptor_limit(6000);
    let site = hello();
    let server = program(&site).arg("--workers").arg("2").start();
    let heads = Crowd::gather(
        server.address(),
        1000,
        b"GET /hello.txt HTTP/1.1\r\nHost: a\r\n",
        b"X: y\r\n",
    );
    let bodies = Crowd::gather(
        server.address(),
        1000,
        b"GET /hello.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n",
        b"b",
    );
    // On connections that stay, and on new ones.
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut conn = server.connect();
                for _ in 0..500 {
                    conn.send(GET);
                    assert_eq!(conn.response("GET").text(), "hello\n");
                }
                for _ in 0..500 {
                    assert_eq!(server.get("/hello.txt").text(), "hello\n");
                }
            });
        }
    });
    assert_eq!((heads.lost(), bodies.lost()), (0, 0), "they were held all the time");
}

#[test]
fn without_descriptors_it_refuses_politely_and_recovers() {
    let site = hello();
    let mut command = tool("prlimit");
    command.arg("--nofile=64:64").arg(HEPTA);
    let mut server = Program::serve_under(command, site.root()).args(&["--workers", "1"]).start();
    let mut old = server.connect();
    old.send(GET);
    assert_eq!(old.response("GET").text(), "hello\n");
    // More than there are descriptors; each is in the middle of a head, so none can be spared. Some
    // are sent away before they come to that, and then there is a place again: so others follow
    // until nobody is let in any more, five times in a row.
    let mut held = Vec::new();
    let mut hold = || {
        let mut conn = server.connect();
        let _ = conn.try_send("GET /hello.txt HTTP/1.1\r\nX-Slow: ");
        held.push(conn);
    };
    (0..100).for_each(|_| hold());
    let mut refused = 0;
    until("there is no place left", || {
        if is_refused(&server) {
            refused += 1;
        } else {
            refused = 0;
            hold();
        }
        (refused == 5).then_some(())
    });
    assert!(server.is_running());
    // It does not spin over it.
    let (before, since) = (server.cpu_time(), Instant::now());
    while since.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(100));
    }
    let spent = server.cpu_time() - before;
    assert!(spent < Duration::from_millis(600), "{spent:?} in two seconds");
    // And when they go, all is well.
    drop(held);
    until("it serves again", || {
        let mut conn = server.connect();
        conn.try_send(GET).ok()?;
        conn.try_response("GET").ok().filter(|response| response.text() == "hello\n")
    });
    for _ in 0..50 {
        assert_eq!(server.get("/hello.txt").text(), "hello\n");
        assert_eq!(server.get("/large.bin").body.len(), 8 << 20);
    }
}

/// Whether a new client is told that there is no place, or sees the end; it does not wait.
fn is_refused(server: &Server) -> bool {
    let mut conn = server.connect();
    let _ = conn.try_send(GET);
    match conn.try_response("GET") {
        Ok(response) => response.status == 503,
        Err(Broken::Closed | Broken::CutShort(None)) => true,
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn idle_connections_make_room_for_new_ones() {
    let site = hello();
    let mut command = tool("prlimit");
    command.arg("--nofile=64:64").arg(HEPTA);
    let server = Program::serve_under(command, site.root()).args(&["--workers", "1"]).start();
    let mut idle = Vec::new();
    for n in 0..150 {
        let mut conn = until("a new connection is served", || {
            let mut conn = server.connect();
            conn.try_send(GET).ok()?;
            let response = conn.try_response("GET").ok()?;
            (response.status == 200).then_some(conn)
        });
        if n % 2 == 0 {
            conn.send(GET);
            assert_eq!(conn.response("GET").text(), "hello\n");
        }
        idle.push(conn);
    }
}

#[test]
fn a_signal_lets_running_requests_finish() {
    let site = hello();
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = serve(&site);
        let mut idle = server.connect();
        idle.send(GET);
        assert_eq!(idle.response("GET").text(), "hello\n");
        let mut slow = connect_with_small_window(server.address());
        slow.send("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
        slow.head().unwrap();
        let mut seen = slow.take(1000).unwrap();
        server.signal(signal);
        // Idle connections end at once, and nobody new comes in …
        idle.expect_end();
        until("new connections are refused", || {
            let stream = std::net::TcpStream::connect(server.address());
            let Ok(stream) = stream else { return Some(()) };
            let mut conn = Conn::over(stream);
            let _ = conn.try_send(GET);
            conn.try_response("GET").is_err().then_some(())
        });
        assert!(server.is_running());
        // … while what runs goes on to its end.
        seen.extend(slow.take((8 << 20) - 1000).unwrap());
        assert!(seen == random_bytes(16, 8 << 20));
        slow.expect_end();
        assert_eq!(server.wait().code(), Some(0), "{}", server.stderr());
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let site = hello();
    let mut server = serve(&site);
    let mut slow = connect_with_small_window(server.address());
    slow.send("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    slow.head().unwrap();
    let mut idle = server.connect();
    idle.send(GET);
    assert_eq!(idle.response("GET").text(), "hello\n");
    server.signal(Signal::INT);
    idle.expect_end();
    assert!(server.is_running(), "it waits for the slow one");
    let since = Instant::now();
    server.signal(Signal::INT);
    server.wait();
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
}

#[test]
fn a_stop_waits_no_longer_than_its_limit() {
    let site = hello();
    let mut server = program(&site).args(&["--grace", "1"]).start();
    let mut slow = connect_with_small_window(server.address());
    slow.send("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    slow.head().unwrap();
    let since = Instant::now();
    server.signal(Signal::TERM);
    server.wait();
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    let seen = slow.rest();
    assert!(seen.len() < 8 << 20, "what was cut off looks cut off");
}

#[test]
fn a_stop_without_connections_is_immediate() {
    let site = hello();
    let mut server = serve(&site);
    let since = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
}

#[test]
fn an_idle_server_uses_no_processor_time() {
    let site = hello();
    let server = serve(&site);
    let _idle: Vec<Conn> = (0..20)
        .map(|_| {
            let mut conn = server.connect();
            conn.send(GET);
            assert_eq!(conn.response("GET").text(), "hello\n");
            conn
        })
        .collect();
    let (before, since) = (server.cpu_time(), Instant::now());
    while since.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(100));
    }
    let spent = server.cpu_time() - before;
    assert!(spent < Duration::from_millis(100), "{spent:?} in two seconds");
}

#[test]
fn who_looks_busily_for_a_while_sleeps_then() {
    let site = hello();
    let server = program(&site).args(&["--workers", "1", "--busy-poll", "300000"]).start();
    let mut conn = server.connect();
    let mut ask = || {
        conn.send(GET);
        assert_eq!(conn.response("GET").text(), "hello\n");
        let before = server.cpu_time();
        std::thread::sleep(Duration::from_millis(600));
        server.cpu_time() - before
    };
    // Three tenths of a second after each request, and not after each tick of the clock.
    for spent in [ask(), ask()] {
        assert!(spent > Duration::from_millis(30), "{spent:?}");
        assert!(spent < Duration::from_millis(450), "{spent:?}");
    }
}

#[test]
fn two_programs_never_share_an_address_without_a_word() {
    let site = hello();
    let server = serve(&site);
    let address = server.address().to_string();
    let mut command = Command::new(HEPTA);
    command.arg("serve").arg(site.root()).args(["--listen", &address]);
    let said = peers::run(&mut command);
    assert!(!said.status.success());
    assert!(said.stderr.contains(&address) && said.stderr.contains("--listen"), "{}", said.stderr);
    assert_eq!(server.get("/hello.txt").text(), "hello\n");
}
