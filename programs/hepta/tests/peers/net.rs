//! `hepta ping`, `hepta telnet` and `hepta net`, with the kernel at the other end of a device, in a
//! network namespace that each test makes for itself: nothing outside sees it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::time::Duration;

use peers::{Site, run, run_with_input};

use crate::commands::hepta;
use crate::{HEPTA, program};

/// Says that the test runs in its namespace.
const INSIDE: &str = "HEPTA_PEERS_INSIDE";

/// Our end of the device whose other end is the kernel's 10.77.0.1.
pub(crate) const OURS: [&str; 4] = ["--net", "tap0", "--address", "10.77.0.2/24"];

/// The version of IP that a test's namespace speaks, where it is made once for each.
const FAMILY: &str = "HEPTA_PEERS_FAMILY";

/// A version of IP. Tests that are the same over both are written in the addresses of IPv4.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    /// Says the same in the addresses of this version: 10.77.0.2 is fd77::2, and its network one of 64
    /// bits; where a port follows, or in a URL, it stands in brackets.
    pub(crate) fn say(self, text: &str) -> String {
        let mut said = String::new();
        let mut rest = text;
        while let (Self::V6, Some(at)) = (self, rest.find("10.7")) {
            let (before, from) = rest.split_at(at);
            let end = from.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(from.len());
            let v4 = from[..end].trim_end_matches('.');
            let [_, network, _, host] = v4.parse::<Ipv4Addr>().unwrap().octets();
            let v6 = match host {
                0 => format!("fd{network}::"),
                host => format!("fd{network}::{host}"),
            };
            rest = &from[v4.len()..];
            said.push_str(before);
            let has_brackets = before.ends_with("//") || rest.starts_with(':');
            said.push_str(&if has_brackets { format!("[{v6}]") } else { v6 });
            if let Some(behind) = rest.strip_prefix("/24") {
                said.push_str("/64");
                rest = behind;
            }
        }
        said + rest
    }

    /// Our end of the device whose other end is the kernel's.
    pub(crate) const fn ours(self) -> [&'static str; 4] {
        match self {
            Self::V4 => OURS,
            Self::V6 => ["--net", "tap0", "--address", "fd77::2/64"],
        }
    }

    /// The device, with the kernel at 10.77.0.1; and the loopback, which a new namespace has down.
    pub(crate) fn make_network(self) {
        let _ = run(Command::new("ip").args(["link", "set", "lo", "up"])).ok();
        let _ = hepta(&["net", "up", "tap0", &self.say("10.77.0.1/24")]).ok();
    }

    /// Somebody on no network of ours.
    const fn elsewhere(self) -> &'static str {
        match self {
            Self::V4 => "192.0.2.1",
            Self::V6 => "2001:db8::1",
        }
    }

    /// Every network.
    const fn all(self) -> &'static str {
        match self {
            Self::V4 => "0.0.0.0/0",
            Self::V6 => "::/0",
        }
    }

    /// The longest payload of a ping that is not cut.
    const fn ping_len_max(self) -> &'static str {
        match self {
            Self::V4 => "1472",
            Self::V6 => "1452",
        }
    }
}

/// Runs `test` in a namespace of its own, by starting this program once more in it; says so if that
/// is not permitted.
pub(crate) fn in_namespace(name: &str, test: impl FnOnce()) {
    if is_inside() {
        return test();
    }
    if may_have_one(name) {
        run_inside(name, &mut Command::new("unshare"));
    }
}

/// The same once for each version of IP, each in a namespace of its own, at the same time.
pub(crate) fn in_namespace_over_each(name: &str, test: impl FnOnce(Family)) {
    if is_inside() {
        let is_v6 = std::env::var(FAMILY).is_ok_and(|family| family == "6");
        return test(if is_v6 { Family::V6 } else { Family::V4 });
    }
    if !may_have_one(name) {
        return;
    }
    std::thread::scope(|scope| {
        for family in ["4", "6"] {
            scope.spawn(move || run_inside(name, Command::new("unshare").env(FAMILY, family)));
        }
    });
}

fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

fn may_have_one(name: &str) -> bool {
    let probe = Command::new("unshare").args(["--net", "test", "-w", "/dev/net/tun"]).output();
    let may = probe.is_ok_and(|output| output.status.success());
    if !may {
        eprintln!("skipped {name}: it takes root, unshare and /dev/net/tun");
    }
    may
}

fn run_inside(name: &str, unshare: &mut Command) {
    unshare.arg("--net").arg(std::env::current_exe().unwrap());
    unshare.args(["--exact", name, "--nocapture", "--test-threads=1"]);
    let finished = run(unshare.env(INSIDE, "1")).ok();
    assert!(finished.text().contains("1 passed"), "{}", finished.text());
}

#[test]
fn the_kernel_answers_our_pings() {
    in_namespace_over_each("net::the_kernel_answers_our_pings", |family| {
        let over = |args: &[&str]| hepta(&[args, &family.ours()].concat());
        let kernel = family.say("10.77.0.1");
        let up = hepta(&["net", "up", "tap0", &family.say("10.77.0.1/24")]).ok().text();
        assert!(up.contains("ip tuntap add dev tap0 mode tap"), "{up}");
        for size in ["0", "56", family.ping_len_max(), "4000"] {
            let ping = ["ping", &kernel, "-c", "2", "-i", "0.02", "-s", size];
            let text = over(&ping).ok().text();
            assert!(text.contains("2 packets transmitted, 2 received, 0% packet loss"), "{text}");
            assert!(text.contains("rtt min/avg/max/mdev = "), "{text}");
        }
        let flood = over(&["ping", &kernel, "--flood", "-c", "500"]).ok().text();
        assert!(flood.contains("500 received"), "{flood}");
        let nobody = over(&["ping", &family.say("10.77.0.9"), "-c", "1", "-W", "0.2"]);
        assert_eq!(nobody.status.code(), Some(1), "{}", nobody.text());
        assert!(nobody.text().contains("100% packet loss"), "{}", nobody.text());
        let elsewhere = over(&["ping", family.elsewhere(), "-c", "1"]);
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
    in_namespace_over_each("net::a_stack_is_shown_with_its_neighbours", |family| {
        let over = |args: &[&str]| hepta(&[args, &family.ours()].concat());
        family.make_network();
        let kernel = &family.say("10.77.0.1");
        let text = over(&["net", "show", "--gateway", kernel]).ok().text();
        for word in [family.ours()[3], family.all(), kernel, "reachable", "Ethernet"] {
            assert!(text.contains(word), "{word} is not in {text}");
        }
        let json = over(&["net", "show", "--ask", kernel, "--json"]).ok().text();
        assert!(json.contains("\"state\": \"reachable\""), "{json}");
        // What is not ours stays as it is.
        assert!(!hepta(&["net", "down", "lo"]).status.success());
        let twice = hepta(&["net", "up", "tap0", "10.77.1.1/24"]);
        assert!(twice.stderr.contains("of that name"), "{}", twice.stderr);
        assert!(over(&["ping", kernel, "-c", "1"]).status.success());
    });
}

#[test]
fn a_telnet_talks_to_a_listener_of_the_kernel() {
    in_namespace_over_each("net::a_telnet_talks_to_a_listener_of_the_kernel", |family| {
        let over = |args: &[&str]| hepta(&[args, &family.ours()].concat());
        family.make_network();
        let (kernel, ours) = (&family.say("10.77.0.1"), family.say("10.77.0.2"));
        let listener = TcpListener::bind(family.say("10.77.0.1:2323")).unwrap();
        let (refused, is_refused) = std::sync::mpsc::channel();
        let server = std::thread::spawn(move || {
            let (mut stream, peer) = listener.accept().unwrap();
            assert_eq!(peer.ip().to_string(), ours, "our own stack's address");
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
        telnet.args(["telnet", kernel, "2323"]).args(family.ours());
        let mut telnet = telnet.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let limit = Duration::from_secs(20);
        assert_eq!(is_refused.recv_timeout(limit).unwrap(), [255, 254, 5, 255, 252, 31]);
        telnet.stdin.take().unwrap().write_all(b"a friend\n").unwrap();
        let finished = telnet.wait_with_output().unwrap();
        assert!(finished.status.success());
        assert_eq!(finished.stdout, b"who are you?\r\n\xff\r!\r\nbye\r\n");
        assert_eq!(server.join().unwrap(), "a friend\r\n");
        let refused = over(&["telnet", kernel, "2324"]);
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
    in_namespace_over_each("net::get_fetches_over_our_own_stack", |family| {
        let over = |args: &[&str]| hepta(&[args, &family.ours()].concat());
        family.make_network();
        let large: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
        let site = Site::new().with("hello.txt", "hello\n").with("large.bin", &large[..]);
        let server = program(&site).listen(&family.say("10.77.0.1:0")).start();
        let (hello, copy) = (server.url("/hello.txt"), site.path("copy"));
        let text = over(&["get", &hello, &hello]).ok().text();
        assert_eq!(text, "hello\nhello\n", "two requests on one connection");
        let to_file = ["get", "-o", copy.to_str().unwrap(), &server.url("/large.bin")];
        let _ = over(&to_file).ok();
        assert!(std::fs::read(copy).unwrap() == large);
        // The film goes down to the cable, and is in order.
        let film = over(&["get", "-v", &hello]).ok().stderr;
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
        let refused = over(&["get", &family.say("http://10.77.0.1:9/")]);
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
