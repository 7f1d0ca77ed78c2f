//! Every attack of `docs/http2.md`, each against a server of its own, with a client beside it that
//! only wants its files.
//!
//! The table in the documentation is what this prints:
//! `cargo test --release -p hepta --test peers http2_attacks -- --nocapture`.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use peers::{Program, Server, Site, random_bytes, run, tool};

use crate::HEPTA;

/// RFC 9113 §7.
const ENHANCE_YOUR_CALM: u32 = 11;

/// How many attack at a time.
const ATTACKERS: usize = 4;

/// How many rounds an attacker goes on that nobody sends away; then it stays, and waits.
const ROUNDS_MAX: u32 = 100_000;

/// The same where each round is a whole request, which takes what requests take.
const REQUESTS_MAX: u32 = 20_000;

/// What the client beside asks for.
const REQUESTS: &str = "4000";

// Types of frames (RFC 9113 §6, RFC 9218 §7.1), and flags.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const PRIORITY_UPDATE: u8 = 16;
const UNKNOWN: u8 = 99;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

fn literal(first: u8, name: &str, value: &str) -> Vec<u8> {
    assert!(name.len() < 127 && value.len() < 127, "longer ones need more bytes for their length");
    let mut field = vec![first, name.len() as u8];
    field.extend(name.as_bytes());
    field.push(value.len() as u8);
    field.extend(value.as_bytes());
    field
}

/// The block of a request for this path, without compression.
fn block(path: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x86];
    block.extend(literal(0, ":path", path));
    block.extend(literal(0, ":authority", "a"));
    block
}

fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &block(path))
}

/// The beginning of a request with a body, which is to be so long.
fn post(stream: u32, len: &str) -> Vec<u8> {
    let mut block = vec![0x83, 0x86];
    block.extend(literal(0, ":path", "/hello.txt"));
    block.extend(literal(0, ":authority", "a"));
    block.extend(literal(0, "content-length", len));
    frame(HEADERS, END_HEADERS, stream, &block)
}

/// The stream of the n-th request.
fn nth(n: u32) -> u32 {
    2 * n + 1
}

/// 32 bits, as increments and error codes are.
fn number(n: u32) -> [u8; 4] {
    n.to_be_bytes()
}

/// A block that writes one long field into the table, and then nothing but where it is.
fn bomb() -> Vec<u8> {
    let mut bomb = block("/hello.txt");
    // A literal with indexing, whose value has 4,000 bytes: 127 and 3,873 in groups of seven bits.
    bomb.extend([0x40, 1, b'x', 0x7f, 0xa1, 0x1e]);
    bomb.extend([b'x'; 4000]);
    bomb.resize(16_000, 0xbe);
    bomb
}

/// A block that drives everything out of the table, with each field of it.
fn thrash() -> Vec<u8> {
    let mut thrash = block("/hello.txt");
    // A name from the static table and an empty value, with indexing.
    while thrash.len() < 16_000 {
        thrash.extend([0x40 | 58, 0]);
    }
    thrash
}

/// What becomes of an attacker.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    /// It is sent away, with ENHANCE_YOUR_CALM if the words arrive.
    SentAway,
    /// It gets nowhere, and may stay.
    Bounded,
    /// It would be sent away if there were more of it.
    Either,
}

struct Attack {
    name: &'static str,
    /// What its SETTINGS say.
    settings: Vec<u8>,
    /// What it sends first.
    first: Vec<u8>,
    /// What it sends each time.
    round: Box<dyn Fn(u32) -> Vec<u8> + Sync>,
    /// Whether it takes what it is sent.
    reads: bool,
    /// How many rounds there are.
    rounds: u32,
    /// How long it waits between two of them.
    pause: Duration,
    fate: Fate,
}

fn attack(name: &'static str, round: impl Fn(u32) -> Vec<u8> + Sync + 'static) -> Attack {
    let round = Box::new(round);
    let (settings, first) = (Vec::new(), Vec::new());
    Attack {
        name,
        settings,
        first,
        round,
        reads: true,
        rounds: ROUNDS_MAX,
        pause: Duration::ZERO,
        fate: Fate::SentAway,
    }
}

impl Attack {
    fn bounded(self) -> Self {
        Self { fate: Fate::Bounded, ..self }
    }

    fn deaf(self) -> Self {
        Self { reads: false, ..self }
    }

    fn of_requests(self) -> Self {
        Self { rounds: REQUESTS_MAX, ..self }
    }

    fn slow(self) -> Self {
        Self { pause: Duration::from_millis(20), ..self }
    }

    /// What takes the server long: in a program that was not optimised, thirty times as long, so that
    /// there it comes more slowly.
    fn costly(self) -> Self {
        if !cfg!(debug_assertions) {
            return self;
        }
        Self { pause: Duration::from_millis(200), fate: Fate::Either, ..self }
    }

    fn after(self, first: Vec<u8>) -> Self {
        Self { first, ..self }
    }

    /// SETTINGS_INITIAL_WINDOW_SIZE.
    fn window(self, window: u32) -> Self {
        Self { settings: [&[0, 4], &number(window)[..]].concat(), ..self }
    }
}

/// Requests for what is large, on so many streams.
fn large(streams: u32) -> Vec<u8> {
    (0..streams).flat_map(|n| get(nth(n), "/large.bin")).collect()
}

fn resets() -> Vec<Attack> {
    vec![
        attack("rapid reset (CVE-2023-44487)", |n| {
            [get(nth(n), "/large.bin"), frame(RST_STREAM, 0, nth(n), &number(8))].concat()
        }),
        attack("made to reset: DATA behind the end (CVE-2025-8671)", |n| {
            [get(nth(n), "/large.bin"), frame(DATA, 0, nth(n), b"x")].concat()
        }),
        attack("made to reset: a window that grows by nothing", |n| {
            [get(nth(n), "/large.bin"), frame(WINDOW_UPDATE, 0, nth(n), &number(0))].concat()
        }),
        attack("made to reset: a window beyond its limit", |n| {
            let update = frame(WINDOW_UPDATE, 0, nth(n), &number(0x7fff_ffff));
            [get(nth(n), "/large.bin"), update].concat()
        }),
        attack("made to reset: a request without a path", |n| {
            frame(HEADERS, END_STREAM | END_HEADERS, nth(n), &[0x82, 0x86])
        }),
        attack("more streams than allowed", |n| get(nth(n), "/large.bin")).window(0),
    ]
}

fn blocks() -> Vec<Attack> {
    vec![
        attack("CONTINUATION without end, empty (CVE-2024-27316)", |_| {
            frame(CONTINUATION, 0, 1, b"")
        })
        .after(frame(HEADERS, 0, 1, &block("/hello.txt"))),
        attack("CONTINUATION without end, full", |_| {
            frame(CONTINUATION, 0, 1, &literal(0, "x", "y").repeat(3_000))
        })
        .after(frame(HEADERS, 0, 1, &block("/hello.txt"))),
        attack("HPACK bomb: a field of 4 KiB 12,000 times", |n| {
            frame(HEADERS, END_STREAM | END_HEADERS, nth(n), &bomb())
        })
        .costly(),
        attack("table thrash: 8,000 insertions", |n| {
            frame(HEADERS, END_STREAM | END_HEADERS, nth(n), &thrash())
        })
        .costly(),
    ]
}

fn floods() -> Vec<Attack> {
    let on_one = || get(1, "/large.bin");
    vec![
        attack("SETTINGS", |_| frame(SETTINGS, 0, 0, b"")),
        attack("SETTINGS that move every window", |n| {
            let window = [&[0, 4], &number(n % 2 * 100_000)[..]].concat();
            frame(SETTINGS, 0, 0, &window)
        })
        .after(large(100)),
        attack("PING", |_| frame(PING, 0, 0, b"12345678")),
        attack("PRIORITY", |n| frame(PRIORITY, 0, nth(n), &[0, 0, 0, 0, 15])),
        attack("PRIORITY_UPDATE of streams to come", |n| {
            frame(PRIORITY_UPDATE, 0, 0, &[&number(nth(n)), &b"u=0"[..]].concat())
        }),
        attack("WINDOW_UPDATE", |_| frame(WINDOW_UPDATE, 0, 0, &number(1))),
        attack("RST_STREAM of what is over", |_| frame(RST_STREAM, 0, 1, &number(8)))
            .after([on_one(), frame(RST_STREAM, 0, 1, &number(8))].concat()),
        attack("empty DATA", |_| frame(DATA, 0, 1, b"")).after(post(1, "1000000")),
        attack("unknown frames", |_| frame(UNKNOWN, 0, 0, b"")),
    ]
}

fn stalls() -> Vec<Attack> {
    vec![
        attack("windows that stay closed, 100 streams", |_| Vec::new())
            .window(0)
            .after(large(100))
            .slow()
            .bounded(),
        attack("windows of one byte", |n| frame(WINDOW_UPDATE, 0, nth(n % 100), &number(1)))
            .window(1)
            .after(large(100)),
        attack("answers that nobody takes", |n| get(nth(n), "/hello.txt"))
            .of_requests()
            .deaf()
            .bounded(),
        attack("large answers that nobody takes", |_| Vec::new())
            .window(0x7fff_ffff)
            .after([large(100), frame(WINDOW_UPDATE, 0, 0, &number(0x7fff_0000))].concat())
            .deaf()
            .slow()
            .bounded(),
        attack("streams far apart", |n| get(nth(n) * 16 + 1, "/hello.txt")).slow().bounded(),
        attack("bodies in frames of one byte", |n| frame(DATA, 0, nth(n % 100), b"x"))
            .after((0..100).flat_map(|n| post(nth(n), "1000000")).collect())
            .bounded(),
        attack("bodies that come too slowly", |n| frame(DATA, 0, nth(n % 100), b"x"))
            .after((0..100).flat_map(|n| post(nth(n), "1000000")).collect())
            .slow()
            .bounded(),
    ]
}

/// What came of an attack.
#[derive(Default)]
struct Outcome {
    connections: AtomicU64,
    rounds: AtomicU64,
    /// How many were sent away, and were told why.
    told: AtomicU64,
    /// An error code with which somebody was sent away, if it was another one.
    other: AtomicU64,
}

/// Attacks until it is sent away, and then anew, until it `is_over`.
fn besiege(attack: &Attack, address: SocketAddr, is_over: &AtomicBool, outcome: &Outcome) {
    while !is_over.load(Ordering::Relaxed) {
        let Ok(stream) = TcpStream::connect(address) else { continue };
        stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        outcome.connections.fetch_add(1, Ordering::Relaxed);
        let listener = stream.try_clone().unwrap();
        std::thread::scope(|scope| {
            let listener = attack.reads.then(|| scope.spawn(move || code_of_goaway(listener)));
            send_rounds(attack, &stream, is_over, outcome);
            let _ = stream.shutdown(Shutdown::Both);
            let code = listener.and_then(|listener| listener.join().unwrap());
            match code {
                Some(ENHANCE_YOUR_CALM) => outcome.told.fetch_add(1, Ordering::Relaxed),
                Some(code) => outcome.other.swap(code.into(), Ordering::Relaxed),
                None => 0,
            };
        });
    }
}

fn send_rounds(attack: &Attack, mut stream: &TcpStream, is_over: &AtomicBool, outcome: &Outcome) {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let begin = [&preface[..], &frame(SETTINGS, 0, 0, &attack.settings), &attack.first].concat();
    if stream.write_all(&begin).is_err() {
        return;
    }
    for n in 0..attack.rounds {
        if is_over.load(Ordering::Relaxed) || stream.write_all(&(attack.round)(n)).is_err() {
            return;
        }
        outcome.rounds.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(attack.pause);
    }
    while !is_over.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Reads until the connection ends; the error code of the last GOAWAY.
fn code_of_goaway(mut stream: TcpStream) -> Option<u32> {
    let (mut code, mut head) = (None, [0; 9]);
    while stream.read_exact(&mut head).is_ok() {
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; len as usize];
        if stream.read_exact(&mut payload).is_err() {
            break;
        }
        if head[3] == GOAWAY {
            code = payload.get(4..8).map(|code| u32::from_be_bytes(code.try_into().unwrap()));
        }
    }
    code
}

/// The most that the program has had in memory, in KiB.
fn highest_kib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// How much memory an attack may cost: each attacker what `docs/http2.md` says that a connection can
/// take, and each has one that is ending beside the one that begins.
const HIGHEST_KIB_MAX: u64 = 2 * ATTACKERS as u64 * 35 * 1024;

/// Runs an attack with a client beside it.
fn withstand(site: &Site, attack: &Attack) {
    let server = Program::configured(HEPTA, &site.path("hepta.kdl")).start();
    let (is_over, outcome) = (&AtomicBool::new(false), &Outcome::default());
    let before = highest_kib(&server);
    let said = std::thread::scope(|scope| {
        for _ in 0..ATTACKERS {
            scope.spawn(|| besiege(attack, server.address(), is_over, outcome));
        }
        let url = server.url("/hello.txt");
        let beside = run(tool("h2load").args(["-n", REQUESTS, "-c", "2", "-m", "8", &url]));
        is_over.store(true, Ordering::Relaxed);
        beside.ok().text()
    });
    let name = attack.name;
    let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
    let highest = highest_kib(&server);
    assert!(said.contains(&format!("{REQUESTS} succeeded, 0 failed, 0 errored")), "{name}: {said}");
    assert!(said.contains(&format!("{REQUESTS} 2xx")), "{name}: {said}");
    assert!(highest < HIGHEST_KIB_MAX, "{name}: {highest} KiB");
    assert_eq!(count(&outcome.other), 0, "{name}: the code with which somebody was sent away");
    let (connections, told) = (count(&outcome.connections), count(&outcome.told));
    match attack.fate {
        // The last ones end with the client, and words may be lost when a connection is reset.
        Fate::SentAway => assert!(told > 0, "{name}: nobody was sent away"),
        Fate::Bounded => assert_eq!(told, 0, "{name}: it was sent away"),
        Fate::Either => {}
    }
    let longest = said.lines().find_map(|line| line.strip_prefix("time for request:"));
    let longest = longest.and_then(|line| line.split_whitespace().nth(1)).unwrap_or("?");
    eprintln!(
        "| {name} | {connections} | {} | {told} | 100 %, {longest} | {:.1} → {:.1} |",
        count(&outcome.rounds),
        before as f64 / 1024.0,
        highest as f64 / 1024.0,
    );
}

fn site() -> Site {
    Site::new()
        .with("www/hello.txt", "hello\n")
        .with("www/large.bin", random_bytes(23, 8 << 20))
        .with(
            "hepta.kdl",
            r#"
            listen "127.0.0.1:0"
            access-log "log"
            workers 1
            limits { body-rate "1KiB" per="1s" }
            default { files "www" }
            "#,
        )
}

fn withstand_all(attacks: &[Attack]) {
    let site = site();
    for attack in attacks {
        withstand(&site, attack);
    }
}

#[test]
fn streams_that_are_reset() {
    withstand_all(&resets());
}

#[test]
fn blocks_that_are_too_much() {
    withstand_all(&blocks());
}

#[test]
fn frames_that_do_no_work() {
    withstand_all(&floods());
}

#[test]
fn peers_that_do_not_move() {
    withstand_all(&stalls());
}
