//! `hepta ping`, `hepta telnet` and `hepta net`, with the kernel at the other end of a device, in a
//! network namespace that each test makes for itself: nothing outside sees it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use peers::{Finished, Site, run, run_with_input};

use crate::commands::hepta;
use crate::{HEPTA, program};

/// Says that the test runs in its namespace.
const INSIDE: &str = "HEPTA_PEERS_INSIDE";

/// Our end of the device whose other end is the kernel's 10.77.0.1.
pub(crate) const OURS: [&str; 4] = ["--net", "tap0", "--address", "10.77.0.2/24"];

/// Runs `test` in a namespace of its own, by starting this program once more in it; says so if that
/// is not permitted.
pub(crate) fn in_namespace(name: &str, test: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return test();
    }
    let probe = Command::new("unshare").args(["--net", "test", "-w", "/dev/net/tun"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped {name}: it takes root, unshare and /dev/net/tun");
        return;
    }
    let mut inside = Command::new("unshare");
    inside.arg("--net").arg(std::env::current_exe().unwrap());
    inside.args(["--exact", name, "--nocapture", "--test-threads=1"]);
    let finished = run(inside.env(INSIDE, "1")).ok();
    assert!(finished.text().contains("1 passed"), "{}", finished.text());
}

/// A command over our own stack.
fn hepta_over_tap(args: &[&str]) -> Finished {
    hepta(&[args, &OURS].concat())
}

#[test]
fn the_kernel_answers_our_pings() {
    in_namespace("net::the_kernel_answers_our_pings", || {
        let up = hepta(&["net", "up", "tap0", "10.77.0.1/24"]).ok().text();
        assert!(up.contains("ip tuntap add dev tap0 mode tap"), "{up}");
        for size in ["0", "56", "1472", "4000"] {
            let ping = ["ping", "10.77.0.1", "-c", "2", "-i", "0.02", "-s", size];
            let text = hepta_over_tap(&ping).ok().text();
            assert!(text.contains("2 packets transmitted, 2 received, 0% packet loss"), "{text}");
            assert!(text.contains("rtt min/avg/max/mdev = "), "{text}");
        }
        let flood = hepta_over_tap(&["ping", "10.77.0.1", "--flood", "-c", "500"]).ok().text();
        assert!(flood.contains("500 received"), "{flood}");
        let nobody = hepta_over_tap(&["ping", "10.77.0.9", "-c", "1", "-W", "0.2"]);
        assert_eq!(nobody.status.code(), Some(1), "{}", nobody.text());
        assert!(nobody.text().contains("100% packet loss"), "{}", nobody.text());
        let elsewhere = hepta_over_tap(&["ping", "192.0.2.1", "-c", "1"]);
        assert_eq!(elsewhere.status.code(), Some(2));
        assert!(elsewhere.stderr.contains("--gateway"), "{}", elsewhere.stderr);
        let down = hepta(&["net", "down", "tap0"]).ok().text();
        assert!(down.contains("ip link delete dev tap0"), "{down}");
        assert!(!hepta(&["net", "down", "tap0"]).status.success(), "it is gone");
    });
}

#[test]
fn pings_go_over_a_tun_device_and_over_the_kernels_network() {
    in_namespace("net::pings_go_over_a_tun_device_and_over_the_kernels_network", || {
        let up = ["net", "up", "tun0", "10.78.0.1/24", "fd78::1/64", "--tun", "--mtu", "1400"];
        let _ = hepta(&up).ok();
        let ours = [
            "--net",
            "tun0",
            "--address",
            "10.78.0.2/24",
            "--address",
            "fd78::2/64",
            "--mtu",
            "1400",
        ];
        for to in ["10.78.0.1", "fd78::1"] {
            // The kernel takes a moment to see that somebody has opened the device; what it sends
            // until then is lost, and without ARP nobody asks again.
            let ping = ["ping", to, "-c", "5", "-i", "0.2"];
            let text = hepta(&[&ping[..], &ours[..]].concat()).ok().text();
            assert!(text.contains("rtt min/avg/max/mdev"), "{text}");
        }
        let _ = run(Command::new("ip").args(["link", "set", "lo", "up"])).ok();
        let text = hepta(&["ping", "10.78.0.1", "-c", "2", "-i", "0.01", "-s", "9000"]).ok().text();
        assert!(text.contains("9008 bytes from 10.78.0.1: seq=2"), "{text}");
        let nowhere = hepta(&["ping", "192.0.2.1", "-c", "1"]);
        assert_eq!(nowhere.status.code(), Some(2), "{}", nowhere.text());
        assert!(nowhere.stderr.contains("no way"), "{}", nowhere.stderr);
    });
}

#[test]
fn a_stack_is_shown_with_its_neighbours() {
    in_namespace("net::a_stack_is_shown_with_its_neighbours", || {
        let _ = hepta(&["net", "up", "tap0", "10.77.0.1/24"]).ok();
        let text = hepta_over_tap(&["net", "show", "--gateway", "10.77.0.1"]).ok().text();
        for word in ["10.77.0.2/24", "0.0.0.0/0", "10.77.0.1", "reachable", "Ethernet"] {
            assert!(text.contains(word), "{word} is not in {text}");
        }
        let json = hepta_over_tap(&["net", "show", "--ask", "10.77.0.1", "--json"]).ok().text();
        assert!(json.contains("\"state\": \"reachable\""), "{json}");
        // What is not ours stays as it is.
        assert!(!hepta(&["net", "down", "lo"]).status.success());
        let twice = hepta(&["net", "up", "tap0", "10.77.1.1/24"]);
        assert!(twice.stderr.contains("of that name"), "{}", twice.stderr);
        assert!(hepta_over_tap(&["ping", "10.77.0.1", "-c", "1"]).status.success());
    });
}

#[test]
fn a_telnet_talks_to_a_listener_of_the_kernel() {
    in_namespace("net::a_telnet_talks_to_a_listener_of_the_kernel", || {
        let _ = hepta(&["net", "up", "tap0", "10.77.0.1/24"]).ok();
        let listener = TcpListener::bind("10.77.0.1:2323").unwrap();
        let (refused, is_refused) = std::sync::mpsc::channel();
        let server = std::thread::spawn(move || {
            let (mut stream, peer) = listener.accept().unwrap();
            assert_eq!(peer.ip().to_string(), "10.77.0.2", "our own stack's address");
            // WILL STATUS, DO NAWS, and a line with a byte 255 in it.
            stream.write_all(&[255, 251, 5, 255, 253, 31]).unwrap();
            stream.write_all(b"who are you?\r\n\xff\xff\r\0!\r\n").unwrap();
            let mut refusals = [0; 6];
            stream.read_exact(&mut refusals).unwrap();
            refused.send(refusals).unwrap();
            let mut heard = String::new();
            stream.read_to_string(&mut heard).unwrap();
            stream.write_all(b"bye\r\n").unwrap();
            heard
        });
        let mut telnet = Command::new(HEPTA);
        telnet.args(["telnet", "10.77.0.1", "2323"]).args(OURS);
        let mut telnet = telnet.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let limit = Duration::from_secs(20);
        assert_eq!(is_refused.recv_timeout(limit).unwrap(), [255, 254, 5, 255, 252, 31]);
        telnet.stdin.take().unwrap().write_all(b"a friend\n").unwrap();
        let finished = telnet.wait_with_output().unwrap();
        assert!(finished.status.success());
        assert_eq!(finished.stdout, b"who are you?\r\n\xff\r!\r\nbye\r\n");
        assert_eq!(server.join().unwrap(), "a friend\r\n");
        let refused = hepta_over_tap(&["telnet", "10.77.0.1", "2324"]);
        assert!(refused.stderr.contains("nobody listens there"), "{}", refused.stderr);
    });
}

#[test]
fn a_telnet_goes_over_the_kernels_network_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let server = std::thread::spawn(move || {
        let mut heard = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            stream.write_all(b"\xff\xfb\x01").unwrap();
            heard.push(all);
        }
        heard
    });
    let telnet = |args: &[&str]| {
        let mut command = Command::new(HEPTA);
        run_with_input(command.args(["telnet", "127.0.0.1", &port]).args(args), b"a\xff\n")
            .ok()
            .stdout
    };
    assert_eq!(telnet(&[]), b"");
    assert_eq!(telnet(&["--raw"]), b"\xff\xfb\x01", "as it came");
    assert_eq!(server.join().unwrap(), [&b"a\xff\xff\r\n"[..], &b"a\xff\n"[..]]);
}

#[test]
fn get_fetches_over_our_own_stack() {
    in_namespace("net::get_fetches_over_our_own_stack", || {
        let _ = hepta(&["net", "up", "tap0", "10.77.0.1/24"]).ok();
        let large: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
        let site = Site::new().with("hello.txt", "hello\n").with("large.bin", &large[..]);
        let server = program(&site).listen("10.77.0.1:0").start();
        let (hello, copy) = (server.url("/hello.txt"), site.path("copy"));
        let text = hepta_over_tap(&["get", &hello, &hello]).ok().text();
        assert_eq!(text, "hello\nhello\n", "two requests on one connection");
        let to_file = ["get", "-o", copy.to_str().unwrap(), &server.url("/large.bin")];
        let _ = hepta_over_tap(&to_file).ok();
        assert!(std::fs::read(copy).unwrap() == large);
        // The film goes down to the cable, and is in order.
        let film = hepta_over_tap(&["get", "-v", &hello]).ok().stderr;
        let story = [
            "Transport SegmentOut flags=S ",
            "Link FrameOut",
            "Transport SegmentIn flags=S. ",
            "Transport StateChanged from=SynSent to=Established",
            "Application RequestOut",
            "Transport SegmentOut flags=P. ",
            "Transport SegmentIn flags=P. ",
            "Application ResponseIn",
            "to=FinWait1",
        ];
        let mut rest = &film[..];
        for line in story {
            let Some(at) = rest.find(line) else { panic!("{line:?} does not follow in\n{film}") };
            rest = &rest[at + line.len()..];
        }
        let refused = hepta_over_tap(&["get", "http://10.77.0.1:9/"]);
        assert_eq!(refused.status.code(), Some(7), "{}", refused.stderr);
        assert!(refused.stderr.contains("nobody listens"), "{}", refused.stderr);
    });
}

#[test]
fn errors_say_what_is_missing() {
    let cases: [(&[&str], &str); 9] = [
        (&["ping", "10.0.0.1", "--net", "tap0"], "--address"),
        (&["ping", "10.0.0.1", "--address", "10.0.0.2/24"], "--net"),
        (&["ping", "10.0.0.1", "--net", "tap0", "--address", "10.0.0.2"], "10.0.0.2/24"),
        (&["ping", "10.0.0.1", "--net", "a-name-that-is-too-long"], "tap0"),
        (&["ping", "10.0.0.1", "--interval", "0"], "--flood"),
        (&["net", "show"], "--net tap0"),
        (&["net", "up", "tap0", "10.0.0.0/24"], "the network itself"),
        (&["net", "explain", "10.0.0.1"], "10.0.0.1/24"),
        (&["telnet", "localhost", "99999"], "65535"),
    ];
    for (args, word) in cases {
        let said = hepta(args);
        assert!(!said.status.success(), "{args:?}");
        assert!(said.stderr.contains(word), "{args:?}: {word} is not in {}", said.stderr);
        assert!(!said.stderr.contains("panicked"), "{args:?}: {}", said.stderr);
    }
    let explained = hepta(&["net", "explain", "10.77.0.2/24", "fd77::2/64"]).ok().text();
    assert!(explained.contains("254, 10.77.0.1 to 10.77.0.254"), "{explained}");
    assert!(explained.contains("2^64"), "{explained}");
}
