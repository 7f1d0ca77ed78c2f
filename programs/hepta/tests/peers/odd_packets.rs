//! `hepta serve --net` and hping3, which makes packets that no TCP sends: each is answered as the
//! RFCs say or not at all, and the server goes on serving.

use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use peers::{Finished, Program, Server, Site, numbered_text, run, tool, until};

use crate::HEPTA;
use crate::commands::hepta;
use crate::net::{OURS, in_namespace};

/// What comes back.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// A segment with these flags.
    Flags(&'static str),
    /// An ICMP error or answer, which hping3 calls so.
    Icmp(&'static str),
    Nothing,
}

use Answer::{Flags, Icmp, Nothing};

/// The device with the kernel at 10.77.0.1, and a server at 10.77.0.2:80.
fn serve() -> (Site, Server) {
    serve_with(&[])
}

fn serve_with(args: &[&str]) -> (Site, Server) {
    let site = Site::new().with("hello.txt", "hello\n").with("page.html", numbered_text(200_000));
    let _ = hepta(&["net", "up", "tap0", "10.77.0.1/24"]).ok();
    let program = Program::serve(HEPTA, site.root()).args(&OURS).args(args);
    let server = program.listen("10.77.0.2:80").start();
    (site, server)
}

/// Sends two packets, from ports of their own: those that hping3 chooses are the same for all that begin
/// in one second, and hear each other's answers. It also chooses 0 for an identification now and then, for
/// which the kernel puts another into each part of a packet.
fn hping3(args: &str) -> Finished {
    static PORT: AtomicU16 = AtomicU16::new(20_000);
    let port = PORT.fetch_add(8, Ordering::Relaxed).to_string();
    let mut hping3 = tool("hping3");
    hping3.args(["-n", "-c", "2", "-i", "u20000", "-I", "tap0", "-s", &port, "-N", &port]);
    run(hping3.args(args.split_ascii_whitespace()).arg("10.77.0.2"))
}

/// A page, whole.
#[track_caller]
fn assert_serves() {
    let mut curl = tool("curl");
    let said = run(curl.args(["-sS", "--max-time", "20", "http://10.77.0.2/page.html"])).ok();
    assert!(said.text() == numbered_text(200_000), "{} bytes", said.stdout.len());
}

#[track_caller]
fn assert_answers(cases: &[(&str, Answer)]) {
    for (args, answer) in cases {
        let said = hping3(args);
        let (text, heard) = (said.text(), said.stderr.clone());
        match answer {
            Flags(flags) => {
                let all = text.lines().filter(|line| line.contains("flags=")).count();
                let right = text.matches(&format!("flags={flags} ")).count();
                assert!(all == 2 && right == 2, "{args}: {answer:?} is not in {text}{heard}");
            }
            Icmp(word) => assert!(text.contains(word), "{args}: {word} is not in {text}{heard}"),
            Nothing => {
                assert!(heard.contains(" 0 packets received"), "{args}: {text}{heard}");
            }
        }
        assert_serves();
    }
}

#[test]
fn flags_that_no_connection_has_are_answered_as_rfc_9293_says() {
    in_namespace("odd_packets::flags_that_no_connection_has_are_answered_as_rfc_9293_says", || {
        let (_site, server) = serve();
        let before = server.resident_kib();
        assert_answers(&[
            // RFC 9293 §3.10.7.2: where somebody listens, a SYN is answered, an ACK is reset, and
            // what is neither is dropped; so a scan by FIN, NULL or Xmas hears nothing.
            ("-S -p 80", Flags("SA")),
            ("-A -p 80", Flags("R")),
            ("-SA -p 80", Flags("R")),
            ("-F -p 80", Nothing),
            ("-p 80", Nothing),
            ("-FPU -p 80", Nothing),
            ("-FPUXY -p 80", Nothing),
            ("-R -p 80", Nothing),
            ("-SR -p 80", Nothing),
            // RFC 9293 §3.10.7.1: where nobody does, everything but a reset is reset.
            ("-S -p 81", Flags("RA")),
            ("-F -p 81", Flags("RA")),
            ("-p 81", Flags("RA")),
            ("-FPU -p 81", Flags("RA")),
            ("-A -p 81", Flags("R")),
            ("-R -p 81", Nothing),
        ]);
        let mut scan = tool("hping3");
        scan.args(["-n", "-I", "tap0", "-S", "--scan", "78-82,443", "10.77.0.2"]);
        let scanned = run(&mut scan).text();
        let open: Vec<&str> = scanned.lines().filter(|line| line.contains(".S..A")).collect();
        assert!(open.len() == 1 && open[0].trim_start().starts_with("80 "), "{scanned}");
        assert_is_as_before(&server, before);
    });
}

#[test]
fn headers_that_are_wrong_are_dropped() {
    in_namespace("odd_packets::headers_that_are_wrong_are_dropped", || {
        let (_site, server) = serve();
        let before = server.resident_kib();
        assert_answers(&[
            // A header that begins in the middle of itself, or ends behind its packet.
            ("-S -p 80 -O 4", Nothing),
            ("-S -p 80 -O 15", Nothing),
            ("-S -p 80 -b", Nothing),
            // Odd, but allowed.
            ("-S -p 80 --tcp-timestamp", Flags("SA")),
            ("-S -p 80 --tcp-mss 1", Flags("SA")),
            ("-S -p 80 --tcp-mss 0", Flags("SA")),
            ("-S -p 80 -w 0", Flags("SA")),
            ("-S -p 80 -d 200", Flags("SA")),
            ("-S -p 80 -M 4294967295 -L 7", Flags("SA")),
            ("-S -p 80 -t 1", Flags("SA")),
            ("-S -p 80 -o 252", Flags("SA")),
        ]);
        assert_is_as_before(&server, before);
    });
}

#[test]
fn packets_in_parts_and_other_protocols() {
    in_namespace("odd_packets::packets_in_parts_and_other_protocols", || {
        // With several workers nothing in parts begins a connection.
        let (_site, server) = serve_with(&["--workers", "1"]);
        let before = server.resident_kib();
        assert_answers(&[
            ("-1", Icmp("icmp_seq=")),
            ("-1 -d 3000 -m 1000", Icmp("icmp_seq=")),
            // RFC 1858 §3.2.1: a part that ends within the header of TCP could slip past a filter.
            ("-S -p 80 -f -d 100", Nothing),
            ("-S -p 80 -m 1000 -d 2000", Flags("SA")),
            // Parts of which the others never come.
            ("-S -p 80 -x -d 96", Nothing),
            ("-S -p 80 -g 80 -d 96", Nothing),
            ("-S -p 80 -g 65528 -d 96", Nothing),
            // Routes that the sender chose.
            ("-S -p 80 --lsrr 10.77.0.1", Nothing),
            ("-S -p 80 --ssrr 10.77.0.1", Nothing),
            // Other protocols.
            ("-2 -p 53 -d 10", Icmp("ICMP Port Unreachable")),
            ("-0 -H 253 -d 10", Icmp("ICMP Protocol Unreachable")),
            // Questions that no host need answer (RFC 1122 §3.2.2, RFC 6633), and errors about what
            // we never sent.
            ("-1 -C 13", Nothing),
            ("-1 -C 17", Nothing),
            ("-1 -C 4", Nothing),
            ("-1 -C 3 -K 1", Nothing),
            ("-1 -C 11", Nothing),
            ("-1 -C 5", Nothing),
        ]);
        assert_is_as_before(&server, before);
    });
}

#[test]
fn a_flood_of_odd_segments_holds_nobody_up() {
    in_namespace("odd_packets::a_flood_of_odd_segments_holds_nobody_up", || {
        let (_site, server) = serve();
        let before = server.resident_kib();
        for args in ["-F -p 80", "-A -p 80", "-FPU -p 80 -f -d 64", "-S -p 80 --rand-source"] {
            let mut hping3 = tool("hping3");
            hping3.args(["-n", "-q", "-I", "tap0", "-i", "u100"]);
            let mut flood = Command::new("timeout");
            flood.args(["2"]).arg(hping3.get_program()).args(hping3.get_args());
            flood.args(args.split_ascii_whitespace()).arg("10.77.0.2");
            flood.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
            let mut flood = flood.spawn().unwrap();
            let mut served = 0;
            while flood.try_wait().unwrap().is_none() {
                assert_serves();
                served += 1;
            }
            assert!(served > 0, "{args}");
        }
        assert_is_as_before(&server, before);
    });
}

/// No connection is left, and no memory but what is kept warm.
#[track_caller]
fn assert_is_as_before(server: &Server, before: u64) {
    assert_serves();
    let after = server.resident_kib();
    assert!(after < before + 32 * 1024, "{before} KiB, then {after} KiB");
    assert!(!server.stderr().contains("panicked"), "{}", server.stderr());
    // It is idle again.
    until("nothing is left to do", || {
        let before = server.cpu_time();
        std::thread::sleep(Duration::from_millis(500));
        (server.cpu_time() - before < Duration::from_millis(50)).then_some(())
    });
}
