//! `hepta lab run`, as people and harnesses call it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

use peers::{Site, run};
use serde_json::Value;

/// A handshake that goes as it says.
const GOOD: &str = "\
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+.1 < S 0:0(0) win 32792 <mss 1000>
+0 > S. 0:0(0) ack 1 <mss 1460>
+.1 < . 1:1(0) ack 1 win 257
+0 accept(3, ..., ...) = 4
";

/// One that expects another size of segments.
fn bad() -> String {
    GOOD.replace("ack 1 <mss 1460>", "ack 1 <mss 1450>")
}

/// One with a call that nobody knows.
const STRANGE: &str = " 0 sockt(..., SOCK_STREAM, IPPROTO_TCP) = 3\n";

struct Played {
    code: i32,
    stdout: String,
    stderr: String,
}

fn play_in(directory: &Path, arguments: &[&str]) -> Played {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hepta"));
    command.args(["lab", "run"]).args(arguments).current_dir(directory).env("NO_COLOR", "1");
    let finished = run(&mut command);
    Played {
        code: finished.status.code().unwrap(),
        stdout: finished.text(),
        stderr: finished.stderr,
    }
}

/// All of the scripts above, and one in a directory of its own.
fn scripts() -> Site {
    let site = Site::new().with("a/good.pkt", GOOD).with("a/bad.pkt", bad());
    site.with("b/strange.pkt", STRANGE).with("b/deeper/good.pkt", GOOD).with("b/notes.txt", "x")
}

#[test]
fn what_goes_as_it_says_passes() {
    let site = scripts();
    let played = play_in(site.root(), &["a/good.pkt"]);
    assert_eq!((played.code, &*played.stdout, &*played.stderr), (0, "a/good.pkt: ok\n", ""));
}

#[test]
fn what_does_not_is_shown_in_the_scripts_notation() {
    let site = scripts();
    let played = play_in(site.root(), &["a/bad.pkt"]);
    assert_eq!(played.code, 1);
    assert_eq!(
        played.stdout,
        "a/bad.pkt:5:1: error handling packet: bad outbound TCP options: expected: mss 1450 vs actual: mss 1460\n\
         script packet: 0.100000 S. 0:0(0) ack 1 <mss 1450>\n\
         actual packet: 0.100000 S. 0:0(0) ack 1 win 64240 <mss 1460>\n"
    );
}

#[test]
fn what_is_not_known_is_refused() {
    let site = scripts();
    let played = play_in(site.root(), &["b/strange.pkt"]);
    assert_eq!(played.code, 1);
    assert_eq!(played.stdout, "b/strange.pkt:1:4: refused: unknown system call 'sockt'\n");
    assert_eq!(play_in(site.root(), &["nowhere.pkt"]).code, 1, "a file that is not there");
}

#[test]
fn directories_are_played_and_added_up() {
    let site = scripts();
    for jobs in ["1", "3"] {
        let played = play_in(site.root(), &["--quiet", "--jobs", jobs, "a", "b"]);
        assert_eq!(played.code, 1);
        let (said, table) = played.stdout.split_once("\n\n").unwrap();
        assert_eq!(said.lines().count(), 4, "three lines of one and one of the other: {said}");
        assert_eq!(
            table,
            "          passed  failed  refused\n\
             a              1       1        0\n\
             b              0       0        1\n\
             b/deeper       1       0        0\n\
             all            2       1        1\n"
        );
    }
}

#[test]
fn programs_read_json() {
    let site = scripts();
    let played = play_in(site.root(), &["--json", "a", "b/strange.pkt"]);
    assert_eq!(played.code, 1);
    let all: Value = serde_json::from_str(&played.stdout).unwrap();
    assert_eq!(
        (&all["passed"], &all["failed"], &all["refused"]),
        (&1.into(), &1.into(), &1.into())
    );
    let scripts = all["scripts"].as_array().unwrap();
    assert_eq!(scripts[0]["file"], "a/bad.pkt");
    assert_eq!((&scripts[0]["line"], &scripts[0]["column"]), (&5.into(), &1.into()));
    assert!(scripts[0]["what"].as_str().unwrap().contains("script packet: "), "{all:#}");
    assert_eq!(scripts[1]["verdict"], "passed");
    assert_eq!(scripts[2]["verdict"], "refused");
}

#[test]
fn it_can_be_called_as_packetdrill_is() {
    let site = scripts();
    let as_harness = [
        "--ip_version=ipv6",
        "--local_ip=fd3d:fa7b:d17d::1",
        "--remote_ip=2001:db8::2/32",
        "--gateway_ip=fd3d:fa7b:d17d::9",
        "--netmask_ip=ffff::",
        "--bind_port=80",
        "--connect_port=81",
        "--tolerance_usecs=10000",
        "--tcp_ts_tick_usecs=1000",
        "--non_fatal=packet",
        "--mtu=1500",
        "--speed=1000",
        "--define",
        "X=1",
        "-DY=2",
        "--send_omit_free",
        "--debug",
    ];
    let v6 = Site::new().with("v6.pkt", GOOD.replace("<mss 1460>", "<mss 1440>"));
    let with = |more: &[&'static str], file: &str| {
        let arguments: Vec<_> = as_harness.iter().chain(more).copied().chain([file]).collect();
        play_in(v6.root(), &arguments)
    };
    let played = with(&[], "v6.pkt");
    assert_eq!((played.code, &*played.stdout, &*played.stderr), (0, "v6.pkt: ok\n", ""));
    assert_eq!(with(&["--dry_run"], "v6.pkt").code, 0);
    for (refused, why) in [
        ("--wire_client", "--wire_client is not supported"),
        ("--so_filename=x.so", "--so_filename is not supported"),
        ("--ip_version=ipv5", "--ip_version cannot be 'ipv5'"),
        ("--tolerance_usecs=0", "--tolerance_usecs cannot be '0'"),
    ] {
        let played = play_in(site.root(), &[refused, "a/good.pkt"]);
        assert_eq!(played.code, 2, "{refused}: {}", played.stdout);
        assert!(played.stderr.contains(why), "{refused}: {}", played.stderr);
    }
}

#[test]
fn the_profile_and_defines_come_from_the_command_line() {
    let script = GOOD
        .replace("<mss 1000>", "<mss MSS>")
        .replace("ack 1 <mss 1460>", "ack 1 win 65535 <mss 1460>");
    let site = Site::new().with("s.pkt", &script);
    let played = play_in(site.root(), &["--profile=freebsd", "-D", "MSS=1000", "s.pkt"]);
    assert_eq!(played.code, 0, "{}", played.stdout);
    let played = play_in(site.root(), &["-D", "MSS=1000", "s.pkt"]);
    assert_eq!(played.code, 1, "linux says another window: {}", played.stdout);
    assert_eq!(play_in(site.root(), &["-D", "MSS", "s.pkt"]).code, 2, "a define without a value");
}

#[test]
fn what_happens_can_be_watched_and_captured() {
    let site = scripts();
    let played = play_in(site.root(), &["-v", "--pcap", "good.pcapng", "a/good.pkt"]);
    assert_eq!(played.code, 0);
    assert!(played.stdout.contains("0.100000 script < S 0:0(0)"), "{}", played.stdout);
    assert!(
        played.stdout.contains("Transport SegmentIn"),
        "the stack's own notes: {}",
        played.stdout
    );
    let capture = fs::read(site.path("good.pcapng")).unwrap();
    let packets = phys::pcapng::Reader::new(&capture).unwrap().count();
    assert_eq!(packets, 3, "two of the peer's, one of ours");
    assert_eq!(play_in(site.root(), &["--pcap", "x", "a"]).code, 2, "a capture is of one script");
}
