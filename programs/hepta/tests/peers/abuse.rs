//! Abuse of all kinds at once, beside somebody who only wants a page; and what it may take.

use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use peers::{
    Conn, Crowd, Program, Server, Site, connect_from, connect_with_small_window,
    raise_descriptor_limit, random_bytes, run, run_with_input, tool, until,
};

use crate::HEPTA;
use crate::tls::certificate;

const GET: &str = "GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n";
const LARGE_LEN: usize = 8 << 20;

fn site(text: &str) -> Site {
    Site::new()
        .with("www/hello.txt", "hello\n")
        .with("www/large.bin", random_bytes(16, LARGE_LEN))
        .with("hepta.kdl", text)
}

fn configured(site: &Site) -> Server {
    Program::configured(HEPTA, &site.path("hepta.kdl")).start()
}

/// A connection of somebody else than the crowd, which comes from 127.0.0.1.
fn somebody(address: SocketAddr) -> Conn {
    connect_from(SocketAddr::from(([127, 0, 0, 2], 0)), address)
}

/// Does `what` until `is_over`; says how often.
fn again_and_again(is_over: &AtomicBool, mut what: impl FnMut()) -> usize {
    let mut count = 0;
    while !is_over.load(Ordering::Relaxed) {
        what();
        count += 1;
    }
    count
}

/// Pipelines requests until it is sent away.
fn flood_requests(address: SocketAddr) {
    let mut conn = Conn::to(address);
    let batch = GET.repeat(32);
    for _ in 0..64 {
        if conn.try_send(&batch).is_err() {
            return;
        }
        for _ in 0..32 {
            if conn.try_response("GET").is_err() {
                return;
            }
        }
    }
}

/// Sends a body without end, and does not care for the answer.
fn flood_body(address: SocketAddr) {
    let mut conn = Conn::to(address);
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let _ =
        conn.try_send("POST /hello.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for _ in 0..64 {
        if conn.try_send(&chunk).is_err() {
            return;
        }
    }
}

/// Announces a body that is too long.
fn announce_body(address: SocketAddr, refused: &AtomicUsize) {
    let mut conn = Conn::to(address);
    let _ =
        conn.try_send("POST /hello.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n");
    if conn.try_response("POST").is_ok_and(|answer| answer.status == 413) {
        refused.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn all_kinds_at_once_cost_somebody_else_nothing() {
    raise_descriptor_limit(4000);
    let site = site(
        r#"
        listen "127.0.0.1:0"
        workers 2
        limits { connections-per-client 1000; timeout-head "3s"; buffers-max "32MiB" }
        default { files "www"; rate "2000/s" burst=2000; body-max "1MiB" }
        "#,
    );
    let server = configured(&site);
    let address = server.address();
    let heads = Crowd::gather(address, 300, b"GET /hello.txt HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n");
    let opening = b"GET /hello.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
    let bodies = Crowd::gather(address, 200, opening, b"b");
    let readers: Vec<_> = (0..50)
        .map(|_| {
            let mut reader = connect_with_small_window(address);
            reader.send("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
            reader
        })
        .collect();
    let (is_over, refused) = (&AtomicBool::new(false), &AtomicUsize::new(0));
    let abuse: [&(dyn Fn() + Sync); 5] = [
        &|| drop(TcpStream::connect(address)),
        &|| flood_requests(address),
        &|| flood_requests(address),
        &|| flood_body(address),
        &|| announce_body(address, refused),
    ];
    let counts = std::thread::scope(|scope| {
        let abusers: Vec<_> =
            abuse.iter().map(|what| scope.spawn(move || again_and_again(is_over, what))).collect();
        let since = Instant::now();
        // On a connection that stays, and on new ones: each is answered, and whole.
        let mut staying = somebody(address);
        let mut asked = 0;
        while asked < 50 || since.elapsed() < Duration::from_secs(5) {
            staying.send(GET);
            assert_eq!(staying.response("GET").text(), "hello\n");
            let mut new = somebody(address);
            new.send(GET);
            assert_eq!(new.response("GET").text(), "hello\n");
            if asked % 20 == 0 {
                new.send("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
                assert_eq!(new.response("GET").body.len(), LARGE_LEN);
            }
            asked += 1;
        }
        is_over.store(true, Ordering::Relaxed);
        abusers.into_iter().map(|abuser| abuser.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(counts.iter().all(|count| *count > 0), "each kind was there: {counts:?}");
    assert!(refused.load(Ordering::Relaxed) > 0, "bodies that are too long are refused");
    assert!(heads.lost() > 0, "heads that take too long are not waited for");
    drop((heads, bodies, readers));
}

#[test]
fn slow_readers_hold_bounded_memory() {
    const READERS: usize = 100;
    let site = site(
        r#"
        listen "127.0.0.1:0" { certificate "pair.pem" key="pair.key" }
        admin "unix:admin.sock"
        workers 1
        limits { buffers-max "1MiB" }
        default { files "www" }
        "#,
    );
    certificate(&site, "pair", "a.example");
    let server = configured(&site);
    // They say when all have asked, take nothing until they are told to, and then say how much the
    // first of them got.
    let script = format!(
        "
import socket, ssl, sys
context = ssl._create_unverified_context()
readers = []
for _ in range({READERS}):
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    reader.connect(('127.0.0.1', {}))
    reader = context.wrap_socket(reader, server_hostname='a.example')
    reader.sendall(b'GET /large.bin HTTP/1.0\\r\\n\\r\\n')
    readers.append(reader)
print('asked', flush=True)
sys.stdin.readline()
for reader in readers[:3]:
    length = 0
    while piece := reader.recv(1 << 16):
        length += len(piece)
    print(length, flush=True)
",
        server.port()
    );
    let mut python = tool("python");
    python.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut readers = python.spawn().unwrap();
    let mut said = std::io::BufReader::new(readers.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    assert_eq!(line, "asked\n");
    // The gauge is of the last quarter of a second.
    let held = || {
        let mut curl = tool("curl");
        curl.arg("-s").arg("--unix-socket").arg(site.path("admin.sock"));
        let text = run(curl.arg("http://localhost/metrics")).ok().text();
        let line = text.lines().find_map(|line| line.strip_prefix("hepta_buffers_bytes "));
        line.unwrap().parse::<f64>().unwrap()
    };
    until("they hold something", || (held() > 5e5).then_some(()));
    std::thread::sleep(Duration::from_millis(600));
    let most = (1 << 20) + READERS * 16 * 1024;
    assert!(held() <= most as f64, "{} of {most} bytes", held());
    // Somebody who reads is served meanwhile.
    let mut curl = tool("curl");
    let url = server.url("/large.bin");
    let len =
        run(curl.args(["-sk", "-o", "/dev/null", "-w", "%{size_download}", &url])).ok().text();
    assert_eq!(len, LARGE_LEN.to_string());
    std::io::Write::write_all(&mut readers.stdin.take().unwrap(), b"go on\n").unwrap();
    let mut lens = String::new();
    std::io::Read::read_to_string(&mut said, &mut lens).unwrap();
    readers.wait().unwrap();
    for line in lens.lines() {
        assert!(line.parse::<usize>().unwrap() > LARGE_LEN, "all of it, and a head: {line}");
    }
    assert_eq!(lens.lines().count(), 3);
    until("nothing is held any more", || (held() == 0.0).then_some(()));
}

#[test]
fn without_threads_it_goes_on() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("NOT RUN: only root can become a user who may have no more threads");
    }
    let mut hepta = std::process::Command::new(HEPTA);
    let user = run_with_input(hepta.args(["passwd", "anna"]), b"secret\n").ok().text();
    let lines: String = (0..20_000).map(|n| format!("line {n}\n")).collect();
    let site = site(&format!(
        r#"
        listen "127.0.0.1:0"
        user "games"
        workers 1
        default {{
            files "www"
            route "/private/*" {{
                respond 200 "in\n"
                basic-auth "r" {{
                    {user}
                }}
            }}
        }}
        "#
    ));
    let site = site.with("www/text.txt", &lines).with("www/other.txt", &lines);
    // As many threads as it begins with may be, and so no other one is made.
    let server = configured(&site);
    let threads = std::fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap().count();
    drop(server);
    let mut command = tool("prlimit");
    command.arg(format!("--nproc={threads}:{threads}")).arg(HEPTA);
    let server = Program::configured_under(command, &site.path("hepta.kdl")).start();
    let gzip = [("Accept-Encoding", "gzip")];
    for target in ["/text.txt", "/other.txt"] {
        let answer = server.ask("GET", target, &gzip);
        assert_eq!((answer.status, answer.field("content-encoding")), (200, Some("gzip")));
    }
    let came_in = |pair| server.ask("GET", "/private/x", &[("Authorization", pair)]).status;
    assert_eq!(came_in("Basic YW5uYTpzZWNyZXQ="), 200, "anna:secret");
    assert_eq!(came_in("Basic YW5uYTp3cm9uZw=="), 401, "anna:wrong");
    assert_eq!(server.get("/hello.txt").text(), "hello\n");
    assert!(!server.stderr().contains("panicked"), "{}", server.stderr());
}
