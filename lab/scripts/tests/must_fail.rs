//! Scripts that must not pass: a wrong expectation is found, and said in words that help.

use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use scripts::{Options, run};

/// A connection that is accepted, and data both ways. Each test spoils one line of it.
const GOOD: &str = "\
   0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
  +0 bind(3, ..., ...) = 0
  +0 listen(3, 1) = 0
 +.1 < S 0:0(0) win 32792 <mss 1012,sackOK,TS val 10 ecr 0,nop,wscale 7>
  +0 > S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 50 ecr 10,nop,wscale 7>
 +.1 < . 1:1(0) ack 1 win 257 <nop,nop,TS val 20 ecr 50>
  +0 accept(3, ..., ...) = 4
  +0 write(4, ..., 1500) = 1500
  +0 > . 1:1001(1000) ack 1 <nop,nop,TS val 150 ecr 20>
  +0 > P. 1001:1501(500) ack 1 <nop,nop,TS val 150 ecr 20>
 +.1 < P. 1:101(100) ack 1501 win 257 <nop,nop,TS val 30 ecr 150>
  +0 > . 1501:1501(0) ack 101 win 510 <nop,nop,TS val 250 ecr 30>
  +0 %{ assert tcpi_unacked == 0 }%
  +0 read(4, ..., 1000) = 100
 +.1 close(4) = 0
  +0 > F. 1501:1501(0) ack 101 <nop,nop,TS val 350 ecr 30>
";

fn outcome(script: &str) -> String {
    let outcome = run(script, &Options::default());
    assert!(!outcome.is_passed(), "it must not pass:\n{script}");
    outcome.describe("x.pkt") + "\n"
}

/// The good script with one line that is otherwise.
fn spoil(line: usize, from: &str, to: &str) -> String {
    let mut lines: Vec<String> = GOOD.lines().map(str::to_owned).collect();
    let line = lines.get_mut(line - 1).expect("the line is there");
    assert!(line.contains(from), "{line} has no {from}");
    *line = line.replacen(from, to, 1);
    lines.join("\n") + "\n"
}

fn check(line: usize, from: &str, to: &str, expected: Expect) {
    expected.assert_eq(&outcome(&spoil(line, from, to)));
}

#[test]
fn the_good_script_passes() {
    let outcome = run(GOOD, &Options::default());
    assert!(outcome.is_passed(), "{}", outcome.describe("x.pkt"));
}

#[test]
fn a_wrong_acknowledgement() {
    check(
        12,
        "ack 101",
        "ack 100",
        expect![[r#"
            x.pkt:12:3: error handling packet: live packet field tcp_ack_seq: expected: 100 (0x64) vs actual: 101 (0x65)
            script packet: 0.300000 . 1501:1501(0) ack 100 win 510 <nop,nop,TS val 250 ecr 30>
            actual packet: 0.300000 . 1501:1501(0) ack 101 win 510 <nop,nop,TS val 250 ecr 30>
        "#]],
    );
}

#[test]
fn a_wrong_number() {
    check(
        10,
        "1001:1501(500)",
        "1000:1500(500)",
        expect![[r#"
            x.pkt:10:3: error handling packet: live packet field tcp_seq: expected: 1000 (0x3e8) vs actual: 1001 (0x3e9)
            script packet: 0.200000 P. 1000:1500(500) ack 1 <nop,nop,TS val 150 ecr 20>
            actual packet: 0.200000 P. 1001:1501(500) ack 1 win 510 <nop,nop,TS val 150 ecr 20>
        "#]],
    );
}

#[test]
fn a_wrong_length() {
    check(
        10,
        "1001:1501(500)",
        "1001:1502(501)",
        expect![[r#"
            x.pkt:10:3: error handling packet: live packet field payload length: expected: 501 (0x1f5) vs actual: 500 (0x1f4)
            script packet: 0.200000 P. 1001:1502(501) ack 1 <nop,nop,TS val 150 ecr 20>
            actual packet: 0.200000 P. 1001:1501(500) ack 1 win 510 <nop,nop,TS val 150 ecr 20>
        "#]],
    );
}

#[test]
fn a_wrong_flag() {
    check(
        9,
        "> .",
        "> P.",
        expect![[r#"
            x.pkt:9:3: error handling packet: live packet field tcp_psh: expected: 1 (0x1) vs actual: 0 (0x0)
            script packet: 0.200000 P. 1:1001(1000) ack 1 <nop,nop,TS val 150 ecr 20>
            actual packet: 0.200000 . 1:1001(1000) ack 1 win 510 <nop,nop,TS val 150 ecr 20>
        "#]],
    );
}

#[test]
fn a_missing_flag() {
    check(
        16,
        "> F.",
        "> .",
        expect![[r#"
            x.pkt:16:3: error handling packet: live packet field tcp_fin: expected: 0 (0x0) vs actual: 1 (0x1)
            script packet: 0.400000 . 1501:1501(0) ack 101 <nop,nop,TS val 350 ecr 30>
            actual packet: 0.400000 F. 1501:1501(0) ack 101 win 510 <nop,nop,TS val 350 ecr 30>
        "#]],
    );
}

#[test]
fn a_wrong_window() {
    check(
        12,
        "win 510",
        "win 511",
        expect![[r#"
            x.pkt:12:3: error handling packet: live packet field tcp_window: expected: 511 (0x1ff) vs actual: 510 (0x1fe)
            script packet: 0.300000 . 1501:1501(0) ack 101 win 511 <nop,nop,TS val 250 ecr 30>
            actual packet: 0.300000 . 1501:1501(0) ack 101 win 510 <nop,nop,TS val 250 ecr 30>
        "#]],
    );
}

#[test]
fn a_wrong_size_of_segments() {
    check(
        5,
        "mss 1460",
        "mss 1450",
        expect![[r#"
            x.pkt:5:3: error handling packet: bad outbound TCP options: expected: mss 1450 vs actual: mss 1460
            script packet: 0.100000 S. 0:0(0) ack 1 win 65160 <mss 1450,sackOK,TS val 50 ecr 10,nop,wscale 7>
            actual packet: 0.100000 S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 50 ecr 10,nop,wscale 7>
        "#]],
    );
}

#[test]
fn options_in_another_order() {
    check(
        5,
        "mss 1460,sackOK,TS val 50 ecr 10,nop,wscale 7",
        "mss 1460,nop,wscale 7,sackOK,TS val 50 ecr 10",
        expect![[r#"
            x.pkt:5:3: error handling packet: bad outbound TCP options: expected: nop vs actual: sackOK
            script packet: 0.100000 S. 0:0(0) ack 1 win 65160 <mss 1460,nop,wscale 7,sackOK,TS val 50 ecr 10>
            actual packet: 0.100000 S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 50 ecr 10,nop,wscale 7>
        "#]],
    );
}

#[test]
fn an_option_too_many() {
    check(
        16,
        "<nop,nop,TS val 350 ecr 30>",
        "<nop,nop,TS val 350 ecr 30,nop,nop,sackOK>",
        expect![[r#"
            x.pkt:16:3: error handling packet: bad outbound TCP options: no nop
            script packet: 0.400000 F. 1501:1501(0) ack 101 <nop,nop,TS val 350 ecr 30,nop,nop,sackOK>
            actual packet: 0.400000 F. 1501:1501(0) ack 101 win 510 <nop,nop,TS val 350 ecr 30>
        "#]],
    );
}

#[test]
fn an_option_too_few() {
    check(
        16,
        " <nop,nop,TS val 350 ecr 30>",
        "",
        expect![[r#"
            x.pkt:16:3: error handling packet: bad outbound TCP options: nop is one too many
            script packet: 0.400000 F. 1501:1501(0) ack 101
            actual packet: 0.400000 F. 1501:1501(0) ack 101 win 510 <nop,nop,TS val 350 ecr 30>
        "#]],
    );
}

#[test]
fn a_wrong_echo() {
    check(
        12,
        "ecr 30",
        "ecr 20",
        expect![[r#"
            x.pkt:12:3: error handling packet: bad outbound TCP options: expected: TS val 250 ecr 20 vs actual: TS val 250 ecr 30
            script packet: 0.300000 . 1501:1501(0) ack 101 win 510 <nop,nop,TS val 250 ecr 20>
            actual packet: 0.300000 . 1501:1501(0) ack 101 win 510 <nop,nop,TS val 250 ecr 30>
        "#]],
    );
}

#[test]
fn an_echo_that_was_never_sent() {
    check(
        11,
        "ecr 150",
        "ecr 149",
        expect![[r#"
            x.pkt:11:2: error handling packet: unable to infer live TS ecr for script TS ecr 149; no matching or preceding outbound TS val
        "#]],
    );
}

#[test]
fn options_that_are_not_there() {
    check(
        16,
        "<nop,nop,TS val 350 ecr 30>",
        "<ECN e1b 1 ceb 0 e0b 301,nop>",
        expect![[r#"
            x.pkt:16:3: error handling packet: bad outbound TCP options: expected: ECN e1b 1 ceb 0 e0b 301 vs actual: nop
            script packet: 0.400000 F. 1501:1501(0) ack 101 <ECN e1b 1 ceb 0 e0b 301,nop>
            actual packet: 0.400000 F. 1501:1501(0) ack 101 win 510 <nop,nop,TS val 350 ecr 30>
        "#]],
    );
    check(
        16,
        "<nop,nop,TS val 350 ecr 30>",
        "<tcp_ao 0102aabbccddeeff0011>",
        expect![[r#"
            x.pkt:16:3: error handling packet: bad outbound TCP options: expected: tcp_ao 0102aabbccddeeff0011 vs actual: nop
            script packet: 0.400000 F. 1501:1501(0) ack 101 <tcp_ao 0102aabbccddeeff0011>
            actual packet: 0.400000 F. 1501:1501(0) ack 101 win 510 <nop,nop,TS val 350 ecr 30>
        "#]],
    );
}

#[test]
fn a_wrong_mark() {
    check(
        9,
        "> .",
        "> [ect0] .",
        expect![[r#"
            x.pkt:9:3: error handling packet: live packet field ip_ecn: expected: 2 (0x2) vs actual: 0 (0x0)
            script packet: 0.200000 . 1:1001(1000) ack 1 <nop,nop,TS val 150 ecr 20>
            actual packet: 0.200000 . 1:1001(1000) ack 1 win 510 <nop,nop,TS val 150 ecr 20>
        "#]],
    );
}

#[test]
fn an_urgent_pointer() {
    check(
        10,
        "ack 1 ",
        "ack 1 urg 5 ",
        expect![[r#"
            x.pkt:10:3: error handling packet: live packet field tcp_urg_ptr: expected: 5 (0x5) vs actual: 0 (0x0)
            script packet: 0.200000 P. 1001:1501(500) ack 1 urg 5 <nop,nop,TS val 150 ecr 20>
            actual packet: 0.200000 P. 1001:1501(500) ack 1 win 510 <nop,nop,TS val 150 ecr 20>
        "#]],
    );
}

#[test]
fn a_packet_later_than_it_comes() {
    check(
        9,
        "+0",
        "+.1",
        expect![[r#"
            x.pkt:9:3: error handling packet: timing error: expected outbound packet at 0.300000 sec but happened at 0.200000 sec; tolerance 0.012500 sec
            script packet: 0.300000 . 1:1001(1000) ack 1 <nop,nop,TS val 150 ecr 20>
            actual packet: 0.200000 . 1:1001(1000) ack 1 win 510 <nop,nop,TS val 150 ecr 20>
        "#]],
    );
}

#[test]
fn a_packet_earlier_than_it_comes() {
    check(
        16,
        "+0",
        "0.3",
        expect![[r#"
            x.pkt:16:3: error handling packet: timing error: expected outbound packet at 0.300000 sec but happened at 0.400000 sec; tolerance 0.004000 sec
            script packet: 0.300000 F. 1501:1501(0) ack 101 <nop,nop,TS val 350 ecr 30>
            actual packet: 0.400000 F. 1501:1501(0) ack 101 win 510 <nop,nop,TS val 350 ecr 30>
        "#]],
    );
}

#[test]
fn a_time_in_a_range() {
    check(
        9,
        "+0",
        "+.01~+.02",
        expect![[r#"
            x.pkt:9:3: error handling packet: timing error: expected outbound packet in relative time range +0.010000~+0.020000 sec but happened at +0.000000 sec
            script packet: 0.210000 . 1:1001(1000) ack 1 <nop,nop,TS val 150 ecr 20>
            actual packet: 0.200000 . 1:1001(1000) ack 1 win 510 <nop,nop,TS val 150 ecr 20>
        "#]],
    );
}

#[test]
fn a_call_that_returns_something_else() {
    check(
        14,
        "= 100",
        "= 99",
        expect![[r#"
            x.pkt:14:3: runtime error in read call: Expected result 99 but got 100
        "#]],
    );
}

#[test]
fn a_call_that_does_not_fail() {
    check(
        2,
        "= 0",
        "= -1 EADDRINUSE (Address already in use)",
        expect![[r#"
            x.pkt:2:3: runtime error in bind call: Expected result -1 but got 0
        "#]],
    );
}

#[test]
fn a_call_that_fails_otherwise() {
    check(
        14,
        "read(4, ..., 1000) = 100",
        "shutdown(3, SHUT_WR) = -1 EPIPE (Broken pipe)",
        expect![[r#"
            x.pkt:14:3: runtime error in shutdown call: Expected errno 32 (EPIPE) but got 107 (ENOTCONN)
        "#]],
    );
}

#[test]
fn a_call_that_waits_for_ever() {
    check(
        14,
        "read(4, ..., 1000) = 100",
        "recv(4, ..., 1000, MSG_WAITALL) = 1000",
        expect![[r#"
            x.pkt:14:3: recv blocks, and nothing will ever end that
        "#]],
    );
}

#[test]
fn a_call_that_returns_too_early() {
    check(
        14,
        "+0 read",
        "+0...0.1 read",
        expect![[r#"
            x.pkt:14:3: timing error: expected system call return at 0.400000 sec but happened at 0.300000 sec; tolerance 0.012500 sec
        "#]],
    );
}

#[test]
fn a_call_that_is_still_waiting() {
    check(
        16,
        "+0 > F.",
        "+0...9 accept(3, ..., ...) = 5\n+0 > F.",
        expect![[r#"
            x.pkt:16:3: exiting while a blocking system call is in progress
        "#]],
    );
}

#[test]
fn an_assertion_that_does_not_hold() {
    check(
        13,
        "tcpi_unacked == 0",
        "tcpi_unacked == 1, \"all is acknowledged\"",
        expect![[r#"
            x.pkt:13:9: assert tcpi_unacked == 1: it does not hold, tcpi_unacked is 0 (all is acknowledged)
        "#]],
    );
}

#[test]
fn a_socket_that_is_not_there() {
    check(
        14,
        "read(4",
        "read(5",
        expect![[r#"
            x.pkt:14:3: runtime error in read call: unable to find fd with script fd 5
        "#]],
    );
}

#[test]
fn another_protocol() {
    check(
        9,
        "> . 1:1001(1000) ack 1 <nop,nop,TS val 150 ecr 20>",
        "> udp (1000)",
        expect![[r#"
            x.pkt:9:3: error handling packet: live packet header layer 1: it carries something else
            script packet: 0.200000 udp (1000)
            actual packet: 0.200000 . 1:1001(1000) ack 1 win 510 <nop,nop,TS val 150 ecr 20>
        "#]],
    );
}

/// A packet that the script does not have: before another, and at the end.
#[test]
fn an_unexpected_packet() {
    for line in [5, 9, 10, 12] {
        let all: Vec<_> = GOOD.lines().collect();
        let without: Vec<_> = all.iter().enumerate().filter(|(n, _)| *n != line - 1).collect();
        let script: String = without.iter().map(|(_, line)| format!("{line}\n")).collect();
        outcome(&script);
    }
    // At the end too.
    let script: String = GOOD.lines().take(9).map(|line| format!("{line}\n")).collect();
    expect![[r#"
        x.pkt:9:3: a packet that the script does not have
        actual packet: 0.200000 P. 1001:1501(500) ack 1 win 510 <nop,nop,TS val 150 ecr 20>
    "#]]
    .assert_eq(&outcome(&script));
    let lenient = Options { allows_trailing_packets: true, ..Options::default() };
    assert!(run(&script, &lenient).is_passed());
    // But not how what the script closes last says goodbye.
    let last = GOOD.lines().count();
    let script: String = GOOD.lines().take(last - 1).map(|line| format!("{line}\n")).collect();
    assert!(run(&script, &Options::default()).is_passed());
}

#[test]
fn a_packet_that_does_not_come() {
    let script = GOOD.to_owned() + "+1 > . 5:5(0) ack 5\n";
    // The FIN comes again and again until it is given up.
    expect![[r#"
        x.pkt:17:1: error handling packet: live packet field tcp_fin: expected: 0 (0x0) vs actual: 1 (0x1)
        script packet: 1.400000 . 5:5(0) ack 5
        actual packet: 0.700000 F. 1501:1501(0) ack 101 win 510 <nop,nop,TS val 650 ecr 30>
    "#]].assert_eq(&outcome(&script));
    let script = " 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+1 > S 0:0(0) <...>\n";
    expect![[r#"
        x.pkt:2:1: error handling packet: no packet comes
        script packet: 1.000000 S 0:0(0) <...>
    "#]]
    .assert_eq(&outcome(script));
}

/// Every outbound segment of our own scripts counts: without it, twice, or with another number or
/// flag, its script does not pass.
#[test]
fn every_outbound_segment_counts() {
    let mut scripts = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts"), &mut scripts);
    let mut tried = 0;
    for path in scripts {
        let text = std::fs::read_to_string(&path).unwrap();
        if !run(&text, &Options::default()).is_passed() {
            continue;
        }
        let lines: Vec<&str> = text.lines().collect();
        for (n, line) in lines.iter().enumerate() {
            // What comes later may not come, if the script does not wait for it, or come again.
            let is_later = !line.trim_start().starts_with("+0 ");
            for spoiled in spoilings(line) {
                let is_goodbye = is_last(&lines[n + 1..]) && line.contains("> F");
                if is_goodbye && spoiled.is_empty() {
                    continue;
                }
                if is_later && (spoiled.is_empty() || spoiled.contains('\n')) {
                    continue;
                }
                let mut changed = lines.clone();
                changed[n] = &spoiled;
                let script = changed.join("\n") + "\n";
                tried += 1;
                let passes = run(&script, &Options::default()).is_passed();
                assert!(!passes, "{}:{}: {spoiled} passes", path.display(), n + 1);
            }
        }
    }
    assert!(tried > 1000, "{tried} spoiled scripts");
}

/// Whether no packet is in these lines.
fn is_last(lines: &[&str]) -> bool {
    !lines.iter().any(|line| line.contains(" < ") || line.contains(" > "))
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("a folder can be read to its end").path();
        if path.is_dir() {
            collect(&path, into);
        } else {
            into.push(path);
        }
    }
}

/// What can be wrong with a line that has an outbound segment.
fn spoilings(line: &str) -> Vec<String> {
    let line = line.split("//").next().unwrap_or_default();
    let Some((time, segment)) = line.split_once(" > ") else { return Vec::new() };
    if !time.chars().all(|c| "0123456789.+~* ".contains(c)) || segment.contains("udp") {
        return Vec::new();
    }
    let mut all = vec![String::new(), format!("{line}\n{line}")];
    if let Some((before, after)) = segment.split_once(" ack ") {
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (ack, rest) = after.split_at(digits);
        let ack = ack.parse().map_or(0, |ack: u32| ack.wrapping_add(1));
        all.push(format!("{time} > {before} ack {ack}{rest}"));
    }
    if let Some((flags, rest)) = segment.split_once(|c: char| c.is_ascii_digit()).and_then(|_| {
        let at = segment.find(|c: char| c.is_ascii_digit())?;
        Some(segment.split_at(at))
    }) {
        // One number further, of the same length.
        if let Some((start, rest)) = rest.split_once(':')
            && let Some((end, rest)) = rest.split_once('(')
            && let (Ok(start), Ok(end)) = (start.parse::<u32>(), end.parse::<u32>())
            && !flags.contains('S')
        {
            all.push(format!("{time} > {flags}{}:{}({rest}", start + 1, end + 1));
        }
        let other = if flags.contains('P') { flags.replace('P', "") } else { format!("P{flags}") };
        if !flags.contains(['[', '(']) && !other.trim().is_empty() {
            all.push(format!("{time} > {other}{rest}"));
        }
    }
    all
}

#[test]
fn another_error_than_what_icmp_says() {
    let script = "\
   0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
  +0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
  +0 setsockopt(3, SOL_IP, IP_RECVERR, [1], 4) = 0
  +0 connect(3, ..., ...) = -1 EINPROGRESS (in progress)
  +0 > S 0:0(0) <...>
 +.1 < icmp unreachable host_unreachable [0:0(0)]
  +0 recvmsg(3, {msg_name(...)=..., msg_iov(1)=[{..., 100}], msg_flags=MSG_ERRQUEUE,
                 msg_control=[{cmsg_level=SOL_IP, cmsg_type=IP_RECVERR,
                               cmsg_data={ee_errno=EHOSTUNREACH, ee_origin=SO_EE_ORIGIN_ICMP,
                                          ee_type=3, ee_code=3, ee_info=0, ee_data=0}}]},
             MSG_ERRQUEUE) = 8
";
    expect![[r#"
        x.pkt:7:3: runtime error in recvmsg call: Expected msg_control [Notice { level: 0, kind: 11, notice: Notice { errno: 113, origin: 2, kind: 3, code: 3, info: 0, data: 0 } }] but got [Notice { level: 0, kind: 11, notice: Notice { errno: 113, origin: 2, kind: 3, code: 1, info: 0, data: 0 } }]
    "#]].assert_eq(&outcome(script));
}
