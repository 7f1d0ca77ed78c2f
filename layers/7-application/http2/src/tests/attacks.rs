//! What an attacker can try, and where it ends. `docs/http2.md` has the table.

use super::script::{Stage, outcomes_with};
use crate::{Closing, Config};

/// How often `step` can be played before the connection ends, and the words it ends with.
fn until_the_end(config: Config, begin: &str, step: impl Fn(u32) -> String) -> (u32, String) {
    let mut stage = Stage::server(config);
    stage.shake_hands("");
    stage.play(begin);
    for n in 0..200_000 {
        stage.film.clear();
        stage.events.clear();
        stage.play(&step(n));
        if stage.connection.closing() != Closing::Open {
            let last = stage.film.lines().find(|line| line.starts_with("< GOAWAY")).unwrap();
            return (n, last.to_owned());
        }
    }
    panic!("this goes on for ever");
}

fn config() -> Config {
    Config { resets_max: 50, control_frames_max: 50, ..Config::default() }
}

#[track_caller]
fn check_calmed(ended: (u32, String), range: std::ops::RangeInclusive<u32>, why: &str) {
    assert!(ended.1.contains("ENHANCE_YOUR_CALM") && ended.1.contains(why), "{}", ended.1);
    assert!(range.contains(&ended.0), "{} times", ended.0);
}

// CVE-2023-44487.
//= test RFC 9113 §10.5: streams that are opened and reset
#[test]
fn rapid_reset() {
    let ended = until_the_end(config(), "", |n| {
        let id = 2 * n + 1;
        format!("get {id} /\n> RST_STREAM {id} -- CANCEL")
    });
    check_calmed(ended, 50..=50, "too many streams were reset");
    // In one read: the handler never hears of them.
    let mut stage = Stage::server(config());
    stage.shake_hands("");
    stage.play("hold");
    for id in (1..80).step_by(2) {
        stage.play(&format!("get {id} /\n> RST_STREAM {id} -- CANCEL"));
    }
    stage.play("arrive");
    assert!(stage.events.is_empty());
}

//= test RFC 9113 §6.9.2: settings that move the windows of many streams cost what that costs
#[test]
fn settings_that_move_windows() {
    let ask: String = (0..100).map(|n| format!("get {} /\n", 2 * n + 1)).collect();
    let config = Config { control_frames_max: 1000, ..Config::default() };
    let ended = until_the_end(config, &ask, |n| {
        format!("> SETTINGS 0 -- INITIAL_WINDOW_SIZE={}", 1 + n % 2)
    });
    // A head forgives four; each frame costs one, and a quarter of a hundred.
    check_calmed(ended, 38..=39, "too many frames");
}

//= test RFC 9113 §10.5.1: heads that are too large, which take long to read
#[test]
fn heads_that_are_too_large() {
    let head = "a: b; ".repeat(101);
    let ended = until_the_end(Config { resets_max: 1000, ..config() }, "", |n| {
        format!("get {} / {head}", 2 * n + 1)
    });
    check_calmed(ended, 99..=100, "too many streams were reset");
}

// CVE-2025-8671.
//= test RFC 9113 §10.5: streams that we are made to reset
#[test]
fn made_to_reset() {
    for provocation in [
        "> WINDOW_UPDATE {} -- 0",
        "> PRIORITY {} -- hex 00",
        "> DATA {} -- x",
        "> HEADERS {} END_STREAM END_HEADERS -- a: b",
        "> WINDOW_UPDATE {} -- 2147483647",
    ] {
        let ended = until_the_end(config(), "", |n| {
            let id = (2 * n + 1).to_string();
            format!("get {id} /\n{}", provocation.replace("{}", &id))
        });
        check_calmed(ended, 40..=51, "too many");
    }
    let ended = until_the_end(config(), "", |n| format!("get {} / Bad: x", 2 * n + 1));
    check_calmed(ended, 50..=50, "too many streams were reset");
    let refused = Config { streams_max: 1, ..config() };
    let ended = until_the_end(refused, "", |n| format!("get {} /", 2 * n + 1));
    check_calmed(ended, 51..=51, "too many streams were reset");
}

//= test RFC 9113 §10.5: frames that do no work
#[test]
fn floods() {
    for (begin, frame) in [
        ("", "> SETTINGS 0"),
        ("", "> SETTINGS 0 ACK"),
        ("", "> PING 0 -- 12345678"),
        ("", "> PING 0 ACK -- 12345678"),
        ("", "> PRIORITY 5 -- 0"),
        ("", "> PRIORITY_UPDATE 0 -- 5 u=1"),
        ("", "> WINDOW_UPDATE 0 -- 1"),
        ("get 1 /", "> WINDOW_UPDATE 1 -- 1"),
        ("get 1 /\nanswer 1 200 x", "> WINDOW_UPDATE 1 -- 1"),
        ("get 1 /\nanswer 1 200 x", "> RST_STREAM 1 -- CANCEL"),
        ("", "> 0x2a 0 -- x"),
        ("", "> ORIGIN 0"),
        ("post 1 /\nread 1", "> DATA 1"),
        ("post 1 /\nread 1", "> DATA 1 pad=9"),
        ("post 1 /\nreset 1", "> DATA 1 -- x"),
    ] {
        let ended = until_the_end(config(), begin, |_| frame.to_owned());
        check_calmed(ended, 45..=60, "too many frames do no work");
    }
}

/// Time forgives, and so does work.
#[test]
fn what_is_forgiven() {
    let timeout_idle = std::time::Duration::from_secs(1000);
    let mut stage = Stage::server(Config { timeout_idle, ..config() });
    stage.shake_hands("");
    for _ in 0..1000 {
        stage.play("> PING 0 -- 12345678\n100ms");
    }
    for id in (1..2000).step_by(2) {
        stage.play(&format!(
            "get {id} /\nanswer {id} 200 x\n> WINDOW_UPDATE 0 -- 1\n> WINDOW_UPDATE 0 -- 1"
        ));
    }
    for id in (2001..4000).step_by(2) {
        stage.play(&format!("get {id} /\n> RST_STREAM {id} -- CANCEL\n100ms"));
    }
    assert_eq!(stage.connection.closing(), Closing::Open);
}

/// Streams that were never opened cost nothing, however many are spoken of.
#[test]
fn idle_streams() {
    let told = outcomes_with(
        &Config { control_frames_max: u32::MAX, ..Config::default() },
        false,
        &["get 2147483645 /\n> PING 0 -- still ok"],
    );
    assert!(told.contains("< PING 0 ACK -- still ok"));
}

/// Answers that nobody takes are not made without end: nothing more is read.
#[test]
fn answers_that_nobody_takes() {
    let mut stage = Stage::server(Config { control_frames_max: u32::MAX, ..Config::default() });
    stage.shake_hands("");
    stage.play("slow down\nhold");
    for _ in 0..10_000 {
        stage.play("> PING 0 -- 12345678");
    }
    stage.play("arrive\nlook");
    assert!(stage.film.contains("wants_bytes=false"), "{}", stage.film);
    stage.film.clear();
    stage.play("transmit\nlook");
    assert!(stage.film.contains("wants_bytes=true waiting=0"));
}

/// 1-byte windows: each costs the client more than us, and counts.
#[test]
fn one_byte_windows() {
    let mut stage = Stage::server(config());
    stage.shake_hands("INITIAL_WINDOW_SIZE=1");
    stage.play("get 1 /\nanswer 1 200 %100000 times: (x)");
    let mut updates = 0;
    while stage.connection.closing() == Closing::Open {
        stage.film.clear();
        stage.play("> WINDOW_UPDATE 1 -- 1");
        updates += 1;
        assert!(updates < 100_000);
        if updates > 1000 {
            // Each byte that goes is work, and forgives its update: the attacker pays thirteen bytes
            // for ten of ours.
            break;
        }
    }
}
