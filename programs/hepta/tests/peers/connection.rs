//! What happens on one connection: order, persistence, ends.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use peers::{Conn, Site, connect_with_small_window, random_bytes};

use crate::{program, serve, small};

const GET: &str = "GET /hello.txt HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut site = Site::new().with("large.bin", random_bytes(1, 300_000));
    for n in 0..100 {
        site = site.with(&format!("{n}.txt"), format!("file {n}\n").repeat(n + 1));
    }
    let server = serve(&site);
    let mut conn = server.connect();
    let mut batch = String::new();
    for n in 0..100 {
        let _ = match n % 5 {
            0 => write!(batch, "HEAD /{n}.txt HTTP/1.1\r\nHost: a\r\n\r\n"),
            1 => write!(batch, "GET /{n}.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"),
            2 => write!(batch, "GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n"),
            3 => write!(batch, "POST /{n}.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok"),
            _ => write!(batch, "GET /{n}.txt HTTP/1.1\r\nHost: a\r\n\r\n"),
        };
    }
    conn.send(batch);
    for n in 0..100 {
        let content = format!("file {n}\n").repeat(n + 1);
        match n % 5 {
            0 => {
                let response = conn.response("HEAD");
                assert_eq!(response.field("content-length"), Some(&*content.len().to_string()));
            }
            2 => assert!(conn.response("GET").body == random_bytes(1, 300_000), "{n}"),
            3 => assert_eq!(conn.response("POST").status, 405, "{n}"),
            _ => assert_eq!(conn.response("GET").text(), content, "{n}"),
        }
    }
}

#[test]
fn a_flood_of_pipelined_requests_is_bounded_by_the_reader() {
    let site = Site::new().with("file.bin", random_bytes(2, 10_000));
    let log = site.path("access.log");
    let server = program(&site).args(&["--workers", "1", "--access-log"]).arg(&log).start();
    let mut conn = connect_with_small_window(server.address());
    let mut writer = Conn::over(conn.stream().try_clone().unwrap());
    let flood = "GET /file.bin HTTP/1.1\r\nHost: a\r\n\r\n".repeat(6000);
    let writer = std::thread::spawn(move || writer.send(flood));
    // Nobody reads yet: only what fits the socket's buffers is answered, some 400, and what came
    // with one read, at most 64 KiB of requests.
    server.until_file_has(&log, "/file.bin");
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(1) {
        let answered = std::fs::read_to_string(&log).unwrap().lines().count();
        assert!(answered < 3000, "{answered} requests are answered, and nobody reads");
        std::thread::sleep(Duration::from_millis(50));
    }
    for n in 0..6000 {
        assert!(conn.response("GET").body == random_bytes(2, 10_000), "{n}");
    }
    writer.join().unwrap();
}

#[test]
fn a_client_that_has_finished_gets_its_answers() {
    let site = Site::new().with("hello.txt", "hello\n").with("large.bin", random_bytes(3, 4 << 20));
    let server = serve(&site);
    let mut conn = server.connect();
    conn.send(GET.repeat(10));
    conn.send("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    conn.finish();
    for _ in 0..10 {
        assert_eq!(conn.response("GET").text(), "hello\n");
    }
    assert!(conn.response("GET").body == random_bytes(3, 4 << 20));
    conn.expect_end();
}

#[test]
fn a_client_that_finishes_mid_head_is_let_go() {
    let (_site, server) = small();
    let mut conn = server.connect();
    conn.send("GET /hello.txt HTT");
    conn.finish();
    let answer = conn.rest();
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400 "), "{answer:?}");
}

#[test]
fn connections_persist_as_their_version_says() {
    let (_site, server) = small();
    // Version, Connection as asked, whether it stays.
    let cases = [
        ("1.1", None, true),
        ("1.1", Some("keep-alive"), true),
        ("1.1", Some("close"), false),
        ("1.1", Some("CLOSE"), false),
        ("1.1", Some("x, close"), false),
        ("1.1", Some("keep-alive, close"), false),
        ("1.0", None, false),
        ("1.0", Some("close"), false),
        ("1.0", Some("keep-alive"), true),
        ("1.0", Some("Keep-Alive"), true),
    ];
    for (version, connection, stays) in cases {
        let field = connection.map(|c| format!("Connection: {c}\r\n")).unwrap_or_default();
        let request = format!("GET /hello.txt HTTP/{version}\r\nHost: a\r\n{field}\r\n");
        let mut conn = server.connect();
        conn.send(&request);
        let response = conn.response("GET");
        assert_eq!(response.text(), "hello\n");
        assert_eq!(response.lists("connection", "close"), !stays, "{request:?}: {response}");
        if stays {
            // The time, and how many more requests.
            let announced = response.field("keep-alive").unwrap_or_default();
            assert!(announced.contains("timeout=15"), "{request:?}: {response}");
            assert!(announced.contains("max="), "{request:?}: {response}");
            if version == "1.0" {
                assert!(response.lists("connection", "keep-alive"), "{response}");
            }
            conn.send(&request);
            assert_eq!(conn.response("GET").text(), "hello\n");
        } else {
            conn.expect_end();
        }
    }
}

#[test]
fn requests_behind_the_last_are_not_answered() {
    let (_site, server) = small();
    let mut conn = server.connect();
    conn.send(format!("GET /hello.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n{GET}"));
    assert_eq!(conn.response("GET").text(), "hello\n");
    conn.expect_end();
}

#[test]
fn a_connection_makes_as_many_requests_as_announced() {
    let (_site, server) = small();
    let mut conn = server.connect();
    conn.send(GET);
    let first = conn.response("GET");
    let announced = first.field("keep-alive").unwrap().to_owned();
    let left = announced.split("max=").nth(1).unwrap();
    let left: usize = left.split([',', ' ']).next().unwrap().parse().unwrap();
    assert!((10..=100_000).contains(&left), "{announced}");
    let mut asked = 0;
    while asked < left {
        let batch = (left - asked).min(1000);
        conn.send(GET.repeat(batch));
        for n in 1..=batch {
            let response = conn.response("GET");
            assert_eq!(response.text(), "hello\n");
            let is_last = asked + n == left;
            assert_eq!(response.lists("connection", "close"), is_last, "{} of {left}", asked + n);
        }
        asked += batch;
    }
    conn.expect_end();
}

#[test]
fn expectations_are_met_or_refused() {
    let (_site, server) = small();
    let mut conn = server.connect();
    // Nobody wants this body, so nobody asks for it: the answer is final, and comes at once.
    conn.send(
        "POST /hello.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    );
    assert_eq!(conn.response("POST").status, 405);

    let mut conn = server.connect();
    conn.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n");
    assert_eq!(conn.response("GET").status, 417);

    // HTTP/1.0 knows no expectations.
    let mut conn = server.connect();
    conn.send("GET /hello.txt HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx");
    assert_eq!(conn.response("GET").status, 200);

    // Without a body there is nothing to wait for; and case does not matter.
    let mut conn = server.connect();
    conn.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n");
    assert_eq!(conn.response("GET").status, 200);
    conn.send(GET);
    assert_eq!(conn.response("GET").status, 200);
}

#[test]
fn a_body_after_an_expectation_is_not_taken_for_a_request() {
    let (_site, server) = small();
    let mut conn = server.connect();
    conn.send(
        "POST /hello.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 66\r\nExpect: 100-continue\r\n\r\n",
    );
    let response = conn.response("POST");
    assert_eq!(response.status, 405);
    // The client may send its body all the same (RFC 9110 §10.1.1), or go on without it; the
    // server cannot know which, so either it closes or it takes the body for a body.
    let _ = conn.try_send(format!("{GET:<66}"));
    let _ = conn.try_send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let rest = String::from_utf8_lossy(&conn.rest()).into_owned();
    assert!(!rest.contains("hello\n"), "{rest}");
}

#[test]
fn upgrades_that_nobody_offers_are_ignored() {
    let (_site, server) = small();
    for protocol in ["h2c", "websocket", "TLS/1.2, HTTP/2.0"] {
        let fields = [("Upgrade", protocol), ("HTTP2-Settings", "AAMAAABkAAQAAP__")];
        let response = server.ask("GET", "/hello.txt", &fields);
        assert_eq!(response.text(), "hello\n", "{protocol}");
    }
}

#[test]
fn a_body_that_nobody_reads_is_drained() {
    let (_site, server) = small();
    let mut conn = server.connect();
    for chunked in [false, true, false] {
        let body = "b".repeat(100_000);
        let request = if chunked {
            format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
        } else {
            format!("Content-Length: {}\r\n\r\n{body}", body.len())
        };
        conn.send(format!("POST /hello.txt HTTP/1.1\r\nHost: a\r\n{request}"));
        assert_eq!(conn.response("POST").status, 405);
        conn.send(GET);
        assert_eq!(conn.response("GET").text(), "hello\n");
    }
}

#[test]
fn an_answer_arrives_although_the_upload_goes_on() {
    let (_site, server) = small();
    for framing in ["Content-Length: 1000000000", "Transfer-Encoding: chunked"] {
        let mut conn = server.connect();
        conn.send(format!("POST /hello.txt HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n"));
        let piece = format!("{:x}\r\n{}\r\n", 65536, "u".repeat(65536));
        // Four megabytes, far more than is drained; a client that writes before it reads.
        for _ in 0..64 {
            if conn.try_send(&piece).is_err() {
                break;
            }
        }
        let response = conn.response("POST");
        assert_eq!(response.status, 405, "{framing}: {response}");
        // That a body in chunks is too long shows only when it comes.
        let is_known = framing.starts_with("Content-Length");
        assert!(response.lists("connection", "close") || !is_known, "{framing}: {response}");
        assert!(response.text().contains("405"), "{framing}");
        assert!(conn.rest().is_empty());
    }
}

#[test]
fn connections_do_not_disturb_each_other() {
    let site =
        Site::new().with("hello.txt", "hello\n").with("large.bin", random_bytes(4, 20 << 20));
    let server = serve(&site);
    // Somebody who takes nothing of a large file …
    let mut stalled = connect_with_small_window(server.address());
    stalled.send("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(stalled.head().unwrap().status, 200);
    // … does not keep others, and finds the rest when it goes on.
    for _ in 0..100 {
        assert_eq!(server.get("/hello.txt").text(), "hello\n");
    }
    assert!(stalled.take(20 << 20).unwrap() == random_bytes(4, 20 << 20));
}
