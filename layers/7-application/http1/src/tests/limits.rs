//! What has a limit, at the limit and one beyond.

use super::script::Stage;
use crate::Config;

/// What a server answers to `request`, whether it comes at once or byte by byte; nothing when it is
/// shown to the user or still waited for.
#[track_caller]
pub(super) fn status_of(config: &Config, request: &[u8]) -> Option<u16> {
    let whole = {
        let mut stage = Stage::server(config.clone());
        stage.receive(request);
        stage
    };
    let mut bytewise = Stage::server(config.clone());
    for byte in request {
        bytewise.receive(&[*byte]);
    }
    assert_eq!(whole.sent.escape_ascii().to_string(), bytewise.sent.escape_ascii().to_string());
    assert_eq!(whole.events.len(), bytewise.events.len());
    let status = whole.sent.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    Some(str::from_utf8(status).unwrap().parse().unwrap())
}

fn request(target_len: usize, fields: &str) -> Vec<u8> {
    format!("GET /{} HTTP/1.1\r\nHost: x\r\n{fields}\r\n", "a".repeat(target_len - 1)).into_bytes()
}

//= test RFC 9112 §3: a target longer than we read is 414.
#[test]
fn request_line() {
    let config = Config::default();
    let longest = 8 * 1024 - "GET  HTTP/1.1".len();
    assert_eq!(status_of(&config, &request(longest, "")), None);
    assert_eq!(status_of(&config, &request(longest + 1, "")), Some(414));
    // Nobody waits for the end of a line that is too long already.
    assert_eq!(status_of(&config, &[b"GET /", &[b'a'; 8 * 1024][..]].concat()), Some(414));
    // With a bare LF it is the first limit that is passed which counts.
    assert_eq!(status_of(&config, &[b"GET /", &[b'a'; 9_000][..], b"\n"].concat()), Some(414));
}

//= test RFC 9112 §3: a method longer than any we know is 501.
#[test]
fn method() {
    let config = Config::default();
    let with_method =
        |len| format!("{} / HTTP/1.1\r\nHost: x\r\n\r\n", "M".repeat(len)).into_bytes();
    assert_eq!(status_of(&config, &with_method(64)), None);
    assert_eq!(status_of(&config, &with_method(65)), Some(501));
    assert_eq!(status_of(&config, &[b'M'; 8 * 1024 + 2]), Some(501));
}

//= test RFC 9110 §5.4: a head longer than we read is 431.
#[test]
fn head() {
    let config = Config::default();
    let head_of = |len: usize| {
        let rest = len - request(1, "A: \r\n").len();
        request(1, &format!("A: {}\r\n", "a".repeat(rest)))
    };
    assert_eq!(head_of(64 * 1024).len(), 64 * 1024);
    assert_eq!(status_of(&config, &head_of(64 * 1024)), None);
    assert_eq!(status_of(&config, &head_of(64 * 1024 + 1)), Some(431));
    let endless = [b"GET / HTTP/1.1\r\nA: ", &[b'a'; 64 * 1024][..]].concat();
    assert_eq!(status_of(&config, &endless), Some(431));
    // A bare LF behind the limit is not looked at.
    assert_eq!(status_of(&config, &[endless, b"\n".to_vec()].concat()), Some(431));
}

//= test RFC 9110 §5.4: more field lines than we read are 431.
#[test]
fn fields() {
    let config = Config::default();
    assert_eq!(status_of(&config, &request(1, &"A: b\r\n".repeat(99))), None);
    assert_eq!(status_of(&config, &request(1, &"A: b\r\n".repeat(100))), Some(431));
}

#[test]
fn each_limit_can_be_chosen() {
    let config =
        Config { request_line_len_max: 14, head_len_max: 40, fields_max: 2, ..Config::default() };
    assert_eq!(status_of(&config, &request(1, "")), None);
    assert_eq!(status_of(&config, &request(2, "")), Some(414));
    assert_eq!(status_of(&config, &request(1, "A: b\r\n")), None);
    assert_eq!(status_of(&config, &request(1, "A: b\r\nB: c\r\n")), Some(431));
    assert_eq!(status_of(&config, &request(1, "A: bbbbbbbbbbbbbbbb\r\n")), Some(431));
    // The smaller limit is the one that counts.
    let config = Config { head_len_max: 14, ..config };
    assert_eq!(status_of(&config, b"GET / HTTP/1.1\r\n"), Some(431));
}

/// A name of more than 64 KiB must not be cut to what an index has room for.
#[test]
fn names_are_never_cut() {
    let config = Config { head_len_max: 1024 * 1024, ..Config::default() };
    let name = |len| request(1, &format!("{}: b\r\n", "n".repeat(len)));
    assert_eq!(status_of(&config, &name(65_535)), None);
    assert_eq!(status_of(&config, &name(65_536)), Some(431));
}

/// Bytes of a head are looked at once, however they come: a MiB of it, a byte at a time, ends within
/// a test's patience, which the square of it would not.
#[test]
fn no_square_work() {
    let config = Config { head_len_max: 1024 * 1024, fields_max: usize::MAX, ..Config::default() };
    let request = request(1, &"A: bbbbbbbbbbbbbbbbbbbbbbb\r\n".repeat(30_000));
    let mut world = base::World::seeded(1);
    let mut cx = base::Cx::new(base::Instant::ORIGIN, base::Wall(0), &mut world);
    let mut server = crate::Connection::server(&mut cx, std::sync::Arc::new(config));
    for end in 1..request.len() {
        assert_eq!(server.handle_bytes(&mut cx, &request[..end]), 0);
    }
    assert_eq!(server.handle_bytes(&mut cx, &request), request.len());
}
