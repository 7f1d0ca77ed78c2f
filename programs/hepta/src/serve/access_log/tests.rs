use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use base::Wall;
use expect_test::{Expect, expect};
use message::{ExchangeId, Fields, Method, Request, Status, Target, Version};
use server::{Peer, Record};

use super::chosen::Chosen;
use super::queue::{Batch, Queue};
use super::sink::Sink;
use super::*;
use crate::config::{LogPlace, Template};
use crate::serve::traces;

/// 2026-11-21 13:37:00.
const WALL: Wall = Wall(1_795_268_220);

fn request(target: &str, fields: &[(&str, &[u8])]) -> Request {
    let mut all = Fields::new();
    for (name, value) in fields {
        all.try_push(name, value).unwrap();
    }
    Request {
        method: Method::Get,
        target: Target::parse(&Method::Get, target.as_bytes()).unwrap(),
        version: Version { major: 1, minor: 1 },
        fields: all,
    }
}

fn record(request: Option<&Request>) -> Record<'_> {
    let address: SocketAddr = "[::ffff:192.0.2.7]:4711".parse().unwrap();
    // It lives as long as the test.
    let notes = Box::leak(Box::default());
    let peer = Peer { address: Some(address), ..Peer::new(1, ExchangeId(1), notes) };
    Record {
        wall: WALL,
        peer,
        request,
        status: Some(Status::OK),
        body_len: 4096,
        took: Duration::from_micros(1234),
        cut_short: None,
    }
}

/// The line that a log in this format has of an exchange. Names that are drawn anew each time are
/// replaced.
fn line(format: &LogFormat, record: &Record<'_>) -> String {
    let mut lines = Lines::default();
    Chosen::new(format, 1).push(record, Some("a.example"), &mut lines);
    let trace = traces::traceparent(record.request, &record.peer);
    let line = String::from_utf8(lines.text).unwrap();
    line.replace(&traces::trace_id(trace), "TRACE").replace(&traces::span_id(trace), "SPAN")
}

fn template(text: &str) -> LogFormat {
    LogFormat::Line(Template::parse_line(text).unwrap())
}

fn check(format: &LogFormat, record: &Record<'_>, expected: Expect) {
    expected.assert_eq(&line(format, record));
}

#[test]
fn each_format_has_a_line() {
    let request = request(
        "/a%20b?c=d",
        &[("Host", b"A.example:80"), ("User-Agent", b"me/1"), ("Referer", b"http://a/")],
    );
    let record = record(Some(&request));
    check(
        &LogFormat::Combined,
        &record,
        expect![[r#"
            192.0.2.7 - - [21/Nov/2026:13:37:00 +0000] "GET /a%20b?c=d HTTP/1.1" 200 4096 "http://a/" "me/1" 0.001234
        "#]],
    );
    check(
        &LogFormat::Json,
        &record,
        expect![[r#"
            {"time":"2026-11-21T13:37:00Z","address":"192.0.2.7","site":"a.example","host":"A.example","method":"GET","target":"/a%20b?c=d","version":"HTTP/1.1","status":200,"bytes":4096,"seconds":0.001234,"referer":"http://a/","user_agent":"me/1","tls":null,"sni":null,"trace":"TRACE","span":"SPAN","why":null,"sample":1}
        "#]],
    );
    let text = "{time} [{date}] {address} {site} {scheme}://{host}{path}{query} {target} {method} \
                {version} {status} {bytes} {seconds} {sample} \"{field:user-agent}\" {trace} {span} {traceparent} {{}";
    check(
        &template(text),
        &record,
        expect![[r#"
            2026-11-21T13:37:00Z [21/Nov/2026:13:37:00 +0000] 192.0.2.7 a.example http://A.example/a%20b?c=d /a%20b?c=d GET HTTP/1.1 200 4096 0.001234 1 "me/1" TRACE SPAN 00-TRACE-SPAN-03 {}
        "#]],
    );
}

#[test]
fn what_is_not_there_is_said_to_be_so() {
    let record = Record { status: None, cut_short: Some("it went away"), ..record(None) };
    check(
        &LogFormat::Combined,
        &record,
        expect![[r#"
            192.0.2.7 - - [21/Nov/2026:13:37:00 +0000] "-" -   4096 "-" "-" 0.001234
        "#]],
    );
    check(
        &LogFormat::Json,
        &record,
        expect![[r#"
            {"time":"2026-11-21T13:37:00Z","address":"192.0.2.7","site":"a.example","host":null,"method":null,"target":null,"version":null,"status":null,"bytes":4096,"seconds":0.001234,"referer":null,"user_agent":null,"tls":null,"sni":null,"trace":"TRACE","span":"SPAN","why":"it went away","sample":1}
        "#]],
    );
    check(
        &template("{method} {path}{query} {target} {status} {tls} {sni} \"{field:A}\" \"{why}\""),
        &record,
        expect![[r#"
            - - - - - - "-" "it went away"
        "#]],
    );
    let took = Duration::from_micros(12_000_345);
    check(
        &LogFormat::Combined,
        &Record { took, ..record },
        expect![[r#"
            192.0.2.7 - - [21/Nov/2026:13:37:00 +0000] "-" -   4096 "-" "-" 12.000345
        "#]],
    );
    let without_address = Peer { address: None, ..record.peer };
    let record = Record { peer: without_address, ..record };
    assert!(line(&LogFormat::Combined, &record).starts_with("unix: - - ["));
    assert!(line(&LogFormat::Json, &record).contains(r#""address":null"#));
    assert_eq!(line(&template("{address}"), &record), "unix:\n");
}

#[test]
fn what_strangers_write_looks_like_nothing_else() {
    let agent = b"\" 200 \\\tx\x80\xff \xc3\xa4 \xe2\x80\xa8 \xf0\x9f\x92\xa9";
    let request = request("/%0a%22?\\x'", &[("User-Agent", agent)]);
    let record = record(Some(&request));
    let agent = r"\x22 200 \x5c\x09x\x80\xff \xc3\xa4 \xe2\x80\xa8 \xf0\x9f\x92\xa9";
    let combined = line(&LogFormat::Combined, &record);
    assert!(combined.ends_with(&format!("\"{agent}\" 0.001234\n")), "{combined}");
    assert!(combined.contains(r#""GET /%0a%22?\x5cx' HTTP/1.1""#), "{combined}");
    let quoted = line(&template("\"{field:User-Agent}\" {path}"), &record);
    assert_eq!(quoted, format!("\"{agent}\" /%0a%22\n"));
    let word = line(&template("{field:User-Agent} {status}"), &record);
    assert_eq!(word, format!("{} 200\n", agent.replace(' ', r"\x20")), "a blank would end it");
    let json = line(&LogFormat::Json, &record);
    assert!(json.trim_end().bytes().all(|b| matches!(b, b' '..=b'~')), "{json}");
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(read["user_agent"], "\" 200 \\\tx\u{fffd}\u{fffd} ä \u{2028} 💩");
    assert_eq!(read["target"], "/%0a%22?\\x'");
}

#[test]
fn every_byte_comes_back_from_json_or_is_said_to_be_none() {
    let all: Vec<u8> = (0..=255).collect();
    let mut text = Vec::new();
    escape::push_json(&all, &mut text);
    let read: String = serde_json::from_slice(&text).unwrap();
    assert_eq!(read, String::from_utf8_lossy(&all));
}

#[test]
fn of_what_succeeded_only_a_part_is_logged() {
    let chosen = Chosen::new(&LogFormat::Json, 10);
    let request = request("/", &[]);
    let taken = |status: Status, cut_short: Option<&'static str>| {
        let record = Record { status: Some(status), cut_short, ..record(Some(&request)) };
        (0..1000).filter(|_| chosen.takes(&record)).count()
    };
    assert_eq!(taken(Status::OK, None), 100);
    assert_eq!(taken(Status::NOT_MODIFIED, None), 100);
    assert_eq!(taken(Status::NOT_FOUND, None), 1000);
    assert_eq!(taken(Status::OK, Some("it went away")), 1000);
    let mut lines = Lines::default();
    chosen.push(&record(Some(&request)), None, &mut lines);
    assert!(lines.text.ends_with(b"\"sample\":10}\n"));
    let missing = Record { status: Some(Status::NOT_FOUND), ..record(Some(&request)) };
    chosen.push(&missing, None, &mut lines);
    assert!(lines.text.ends_with(b"\"sample\":1}\n"));
}

/// A directory of its own; gone when the test is over.
fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn sink(path: PathBuf) -> Sink {
    Sink::open(&LogPlace::File(path)).unwrap()
}

#[test]
fn a_full_file_gets_a_number_and_the_last_one_goes() {
    let directory = directory();
    let path = directory.path().join("log");
    let sink = sink(path);
    let rotate = Some(Rotate { len_max: 10, keep: 2 });
    for text in ["one\n", "two\n", "three\n", "four\n", "five, which is long\n", "six\n"] {
        sink.write(Instant::now(), text.as_bytes(), rotate);
    }
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).ok();
    assert_eq!(read("log").unwrap(), "six\n");
    assert_eq!(read("log.1").unwrap(), "five, which is long\n");
    assert_eq!(read("log.2").unwrap(), "four\n");
    assert_eq!(read("log.3"), None);
}

#[test]
fn a_file_that_was_moved_away_is_let_go() {
    let directory = directory();
    let (path, moved) = (directory.path().join("log"), directory.path().join("moved"));
    let sink = sink(path.clone());
    sink.write(Instant::now(), b"one\n", None);
    std::fs::rename(&path, &moved).unwrap();
    sink.write(Instant::now(), b"two\n", None);
    sink.look(Instant::now(), false);
    sink.write(Instant::now(), b"three\n", None);
    assert_eq!(std::fs::read_to_string(&moved).unwrap(), "one\ntwo\n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "three\n");
    // Where nothing can be made, the old one is better than none.
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    sink.look(Instant::now(), true);
    sink.write(Instant::now(), b"four\n", None);
    std::fs::remove_dir(&path).unwrap();
    sink.look(Instant::now(), false);
    sink.write(Instant::now(), b"five\n", None);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "five\n");
}

/// What does not fit is lost by whole lines: the one that was begun goes on when there is room.
#[test]
fn no_line_is_broken_where_there_was_no_room() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&reader, true).unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    let sink = Sink::of(File::from(OwnedFd::from(writer))).unwrap();
    let mut read = Vec::new();
    for round in 0..20 {
        let text: String = (0..2000).map(|n| format!("{round} {n} {}\n", "x".repeat(50))).collect();
        sink.write(Instant::now(), text.as_bytes(), None);
        sink.write(Instant::now(), text.as_bytes(), None);
        let _ = reader.read_to_end(&mut read);
    }
    let text = String::from_utf8(read).unwrap();
    assert!(text.lines().count() > 1000);
    let tail = "x".repeat(50);
    // The last one may still be without its end.
    let whole = text.rsplit_once('\n').unwrap().0;
    let broken = whole.lines().find(|line| !line.ends_with(&tail) || line.len() > 60);
    assert_eq!(broken, None);
}

#[test]
fn what_finds_no_room_is_lost_and_nobody_waits() {
    let directory = directory();
    let sink = Arc::new(sink(directory.path().join("log")));
    let queue = Queue::default();
    let text = vec![b'\n'; 1 << 20];
    for _ in 0..20 {
        queue.put(Batch { sink: Arc::clone(&sink), rotate: None, text: text.clone() });
    }
    let mut waiting = 0;
    while queue.take(Duration::ZERO).batch.is_some() {
        waiting += 1;
    }
    assert_eq!(waiting, 8);
    assert_eq!(queue.lost(), 12 << 20);
}
