//! Addresses from a server of DHCP: dnsmasq at the kernel's end of a device. Each test makes a network
//! namespace for itself.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use peers::{Program, Server, Site, random_bytes, run, tool, until};
use rustix::process::Signal;

use crate::commands::hepta;
use crate::net::{Family, in_namespace};
use crate::own_network::{Running, keep_buffers_small};
use crate::{HEPTA, program};

/// Our end of the device.
const OURS: [&str; 4] = ["--net", "tap0", "--address", "dhcp"];

/// dnsmasq, until it is dropped.
pub(crate) struct Dnsmasq {
    child: Child,
    log: PathBuf,
    _site: Site,
}

impl Dnsmasq {
    /// The device, with the kernel at 10.77.0.1, and a server there.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::make_network();
        Self::start_at(args)
    }

    /// The device, with the kernel at 10.77.0.1.
    fn make_network() {
        Family::V4.make_network();
    }

    /// A server at the kernel's end of the device.
    fn start_at(args: &[&str]) -> Self {
        let site = Site::new();
        let log = site.path("log");
        let usual = [
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--user=root",
            "--pid-file=",
            "--log-facility=-",
            "--interface=tap0",
            "--except-interface=lo",
            "--bind-interfaces",
            "--no-ping",
            "--no-hosts",
            "--no-resolv",
            "--log-queries",
            "--dhcp-authoritative",
            "--dhcp-sequential-ip",
        ];
        let mut dnsmasq = tool("dnsmasq");
        dnsmasq.args(usual).args(args);
        dnsmasq.arg(format!("--dhcp-leasefile={}", site.path("leases").display()));
        let log_file = File::create(&log).unwrap();
        dnsmasq.stdout(Stdio::null()).stderr(log_file);
        let dnsmasq = Self { child: dnsmasq.spawn().unwrap(), log, _site: site };
        dnsmasq.until_log_has("sockets bound exclusively");
        dnsmasq
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    #[track_caller]
    pub(crate) fn until_log_has(&self, text: &str) {
        until(&format!("dnsmasq says {text:?}"), || self.log().contains(text).then_some(()));
    }

    /// How often it has said so.
    fn count(&self, text: &str) -> usize {
        self.log().matches(text).count()
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("dnsmasq has said:\n{}", self.log());
        }
    }
}

#[test]
fn an_address_is_leased_renewed_and_given_back() {
    in_namespace("dhcp::an_address_is_leased_renewed_and_given_back", || {
        // Renewed after four seconds, in place of half an hour.
        let dnsmasq = Dnsmasq::start(&[
            "--dhcp-range=10.77.0.50,10.77.0.59,255.255.255.0,1h",
            "--dhcp-option-force=58,4",
            "--dhcp-option-force=59,600",
            "--domain=office.test",
        ]);
        let ping = ["ping", "10.77.0.1", "-c", "6", "-i", "1"];
        let text = hepta(&[&ping[..], &OURS].concat()).ok().text();
        assert!(text.contains("6 packets transmitted, 6 received"), "{text}");
        dnsmasq.until_log_has("DHCPRELEASE(tap0) 10.77.0.50");
        let log = dnsmasq.log();
        for said in ["DHCPDISCOVER(tap0)", "DHCPOFFER(tap0) 10.77.0.50"] {
            assert_eq!(dnsmasq.count(said), 1, "{said} in {log}");
        }
        assert_eq!(dnsmasq.count("DHCPREQUEST(tap0) 10.77.0.50"), 2, "{log}");
        assert_eq!(dnsmasq.count("DHCPACK(tap0) 10.77.0.50"), 2, "{log}");
        // Who comes again is known.
        let _ = hepta(&[&["ping", "10.77.0.1", "-c", "1"], &OURS[..]].concat()).ok();
        assert_eq!(dnsmasq.count("DHCPOFFER(tap0) 10.77.0.50"), 2, "{}", dnsmasq.log());
    });
}

#[test]
fn a_server_has_an_address_of_dhcp_and_declines_what_somebody_has() {
    let name = "dhcp::a_server_has_an_address_of_dhcp_and_declines_what_somebody_has";
    in_namespace(name, || {
        let range = "--dhcp-range=10.77.0.50,10.77.0.51,255.255.255.0,1h";
        let dnsmasq = Dnsmasq::start(&[range]);
        // The kernel has the first, of which its server does not know.
        let _ = run(Command::new("ip").args(["addr", "add", "10.77.0.50/32", "dev", "lo"])).ok();
        let site = Site::new().with("hello.txt", "hello\n");
        let mut serve = Command::new(HEPTA);
        serve.args(["serve", "--listen", "0.0.0.0:80"]).args(OURS).arg(site.root());
        let mut server = serve.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // RFC 2131 §3.1 (5): ten seconds lie between the two, and finding out takes some more.
        dnsmasq.until_log_has("DHCPDECLINE(tap0) 10.77.0.50");
        dnsmasq.until_log_has("DHCPACK(tap0) 10.77.0.51");
        let got = until("the site is served", || {
            let got = run(tool("curl").args(["-sS", "http://10.77.0.51/hello.txt"]));
            got.status.success().then(|| got.text())
        });
        assert_eq!(got, "hello\n");
        let pid = rustix::process::Pid::from_child(&server);
        rustix::process::kill_process(pid, Signal::TERM).unwrap();
        assert!(server.wait().unwrap().success());
        dnsmasq.until_log_has("DHCPRELEASE(tap0) 10.77.0.51");
    });
}

#[test]
fn a_server_goes_on_at_the_address_that_follows() {
    in_namespace("dhcp::a_server_goes_on_at_the_address_that_follows", || {
        // Asked again after four seconds, in place of half an hour. After eight everybody is asked: the first
        // server may be gone before what it says has left.
        let start = |range: &str| {
            let range = format!("--dhcp-range={range},255.255.255.0,1h");
            Dnsmasq::start_at(&[&range, "--dhcp-option-force=58,4", "--dhcp-option-force=59,8"])
        };
        Dnsmasq::make_network();
        let first = start("10.77.0.50,10.77.0.59");
        let file = r#"
            net "tap0" { address "dhcp"; probe "never"; }
            listen 80
            default { files "www" }
            "#;
        let site = Site::new().with("www/hello.txt", "hello\n").with("hepta.kdl", file);
        let mut server = Program::configured(HEPTA, &site.path("hepta.kdl")).start();
        assert_eq!(server.urls(), ["http://10.77.0.50:80/"]);
        let get = |at: &str| {
            let url = format!("http://{at}/hello.txt");
            run(tool("curl").args(["-s", "--max-time", "1", &url])).text()
        };
        assert_eq!(get("10.77.0.50"), "hello\n");
        // Longer, at the same address.
        until("it was renewed", || (first.count("DHCPACK(tap0) 10.77.0.50") > 1).then_some(()));
        assert_eq!(get("10.77.0.50"), "hello\n");
        // Another server knows nothing of it, and has other addresses.
        drop(first);
        let second = start("10.77.0.60,10.77.0.69");
        second.until_log_has("DHCPNAK(tap0) 10.77.0.50");
        second.until_log_has("DHCPACK(tap0) 10.77.0.6");
        let lost = "the address that a server of DHCP had given is ours no longer";
        let given = "a server of DHCP gave us an address address=10.77.0.6";
        let log = until("the log says both", || {
            Some(server.stderr()).filter(|log| log.contains(lost) && log.contains(given))
        });
        let (_, rest) = log.split_once("address=10.77.0.6").unwrap();
        let at = format!("10.77.0.6{}", &rest[..1]);
        until("the site is served there", || (get(&at) == "hello\n").then_some(()));
        assert_eq!(get("10.77.0.50"), "");
        server.signal(Signal::TERM);
        assert!(server.wait().success());
        second.until_log_has(&format!("DHCPRELEASE(tap0) {at}"));
    });
}

/// A server with two workers, each with a stack of its own, and dnsmasq, of which they have an address that
/// is renewed after four seconds.
fn serve_by_two(large: &[u8]) -> (Dnsmasq, Site, Server) {
    let range = "--dhcp-range=10.77.0.50,10.77.0.59,255.255.255.0,1h";
    let dnsmasq =
        Dnsmasq::start(&[range, "--dhcp-option-force=58,4", "--dhcp-option-force=59,600"]);
    let file = r#"
        net "tap0" { address "dhcp"; probe "never"; }
        listen 80
        admin "127.0.0.1:9900"
        workers 2
        default { files "www" }
        "#;
    let site = Site::new().with("www/hello.txt", "hello\n").with("hepta.kdl", file);
    let site = site.with("www/large.bin", large);
    let server = Program::configured(HEPTA, &site.path("hepta.kdl")).start();
    assert_eq!(server.urls()[0], "http://10.77.0.50:80/", "it is leased before anybody is served");
    (dnsmasq, site, server)
}

/// Whether 64 connections, of which the device gives some to each worker, are served at an address.
#[track_caller]
fn both_serve(at: &str) {
    let mut h2load = tool("h2load");
    h2load.args(["--h1", "-n", "640", "-c", "64", "http://localhost/hello.txt"]);
    let said = run(h2load.arg(format!("--connect-to={at}:80"))).ok().text();
    assert!(said.contains("640 succeeded, 0 failed, 0 errored"), "{said}");
}

/// Downloads of the large file that go on for some seconds, some of them by each worker, the fastest first.
fn slow_downloads(site: &Site, at: &str, kib_per_second: u32) -> Vec<(Running, PathBuf)> {
    keep_buffers_small();
    let begin = |n: u32| {
        let copy = site.path(&format!("copy{n}"));
        let mut curl = tool("curl");
        let rate = format!("{}k", kib_per_second * (16 - n) / 4);
        curl.args(["-sS", "--limit-rate", &rate, "-o"]).arg(&copy);
        let child = curl.arg(format!("http://{at}/large.bin")).stderr(Stdio::null()).spawn();
        (Running(child.unwrap()), copy)
    };
    let all: Vec<_> = (0..12).map(begin).collect();
    for (_, copy) in &all {
        until("a part has come", || {
            std::fs::metadata(copy).ok().filter(|copy| copy.len() > 10_000)
        });
    }
    all
}

#[test]
fn every_worker_has_the_address_that_one_of_them_leases() {
    in_namespace("dhcp::every_worker_has_the_address_that_one_of_them_leases", || {
        let (dnsmasq, site, server) = serve_by_two(&random_bytes(52, 1 << 20));
        both_serve("10.77.0.50");
        let metrics = run(tool("curl").args(["-s", "http://127.0.0.1:9900/metrics"])).text();
        assert!(metrics.contains("hepta_workers 2.0"), "{metrics}");
        let mut shown = tool("curl");
        shown.args(["-s", "-H", "Accept: text/plain", "http://127.0.0.1:9900/network"]);
        let shown = run(&mut shown).text();
        assert_eq!(
            shown.matches("DHCP, 10.77.0.1").count(),
            1,
            "both have it, and it is one: {shown}"
        );
        let acks = || dnsmasq.count("DHCPACK(tap0) 10.77.0.50");
        until("it is renewed", || (acks() > 1).then_some(()));
        both_serve("10.77.0.50");
        assert_eq!(dnsmasq.count("DHCPDISCOVER"), 1, "one asks for all: {}", dnsmasq.log());
        // Another address instead: who is at the old one learns it at once, at whichever worker.
        let text = std::fs::read_to_string(site.path("hepta.kdl")).unwrap();
        let downloads = slow_downloads(&site, "10.77.0.50", 50);
        site.replace("hepta.kdl", text.replace("\"dhcp\"", "\"10.77.0.2/24\""));
        server.signal(Signal::HUP);
        dnsmasq.until_log_has("DHCPRELEASE(tap0) 10.77.0.50");
        for (mut download, _) in downloads {
            let ended = || download.0.try_wait().unwrap();
            assert!(!until("a download is cut short", ended).success());
        }
        both_serve("10.77.0.2");
        let old = ["-s", "--max-time", "1", "http://10.77.0.50/hello.txt"];
        assert_eq!(run(tool("curl").args(old)).text(), "");
        // And back, and to the same address without a server, and back.
        let log_has = |text: &str, times: usize| {
            let is_said = || (server.stderr().matches(text).count() == times).then_some(());
            until(&format!("the log says {text:?}, {times} times"), is_said);
        };
        for (before, address) in [(1, "10.77.0.50"), (2, "10.77.0.2")] {
            site.replace("hepta.kdl", &text);
            server.signal(Signal::HUP);
            log_has("a server of DHCP gave us an address address=10.77.0.50", before);
            both_serve("10.77.0.50");
            site.replace("hepta.kdl", text.replace("\"dhcp\"", &format!("\"{address}/24\"")));
            server.signal(Signal::HUP);
            log_has("the address that a server of DHCP had given is ours no longer", before + 1);
            both_serve(address);
        }
        assert!(!server.stderr().contains("ERROR"), "{}", server.stderr());
        assert_eq!(dnsmasq.count("DHCPDECLINE"), 0, "{}", dnsmasq.log());
        assert_eq!(dnsmasq.count("DHCPRELEASE(tap0) 10.77.0.50"), 3, "{}", dnsmasq.log());
        assert_eq!(dnsmasq.count("DHCPDISCOVER"), 3, "{}", dnsmasq.log());
    });
}

/// Says to everybody, twice, that 02:00:00:00:00:09 has 10.77.0.50.
const SOMEBODY_ELSE: &str = r#"
import socket, time
them, ip, everybody = bytes.fromhex("020000000009"), bytes([10, 77, 0, 50]), b"\xff" * 6
request = bytes.fromhex("0001080006040001")
packet = everybody + them + b"\x08\x06" + request + them + ip + b"\0" * 6 + ip
device = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
device.bind(("tap0", 0))
device.send(packet)
time.sleep(1)
device.send(packet)
"#;

#[test]
fn all_workers_let_go_of_what_somebody_else_insists_on() {
    in_namespace("dhcp::all_workers_let_go_of_what_somebody_else_insists_on", || {
        let (dnsmasq, _site, server) = serve_by_two(b"");
        let _ = run(tool("python").args(["-c", SOMEBODY_ELSE])).ok();
        dnsmasq.until_log_has("DHCPDECLINE(tap0) 10.77.0.50");
        let old = ["-s", "--max-time", "1", "http://10.77.0.50/hello.txt"];
        for _ in 0..4 {
            assert_eq!(run(tool("curl").args(old)).text(), "", "somebody serves there");
        }
        // RFC 2131 §3.1 (5): ten seconds later another one is asked for.
        let given = "a server of DHCP gave us an address address=10.77.0.51";
        until("the log says it", || server.stderr().contains(given).then_some(()));
        both_serve("10.77.0.51");
        for said in
            ["10.77.0.50 is used by 02:00:00:00:00:09", "ours no longer why=Conflict", given]
        {
            assert_eq!(server.stderr().matches(said).count(), 1, "{said}: {}", server.stderr());
        }
        assert_eq!(dnsmasq.count("DHCPDECLINE"), 1, "{}", dnsmasq.log());
    });
}

#[test]
fn an_address_is_given_back_when_no_worker_needs_it() {
    in_namespace("dhcp::an_address_is_given_back_when_no_worker_needs_it", || {
        let large = random_bytes(53, 4 << 20);
        let (dnsmasq, site, mut server) = serve_by_two(&large);
        let downloads = slow_downloads(&site, "10.77.0.50", 600);
        server.signal(Signal::TERM);
        for (n, (mut download, copy)) in downloads.into_iter().enumerate() {
            assert!(download.0.wait().unwrap().success());
            assert!(std::fs::read(copy).unwrap() == large);
            assert!(n == 11 || dnsmasq.count("DHCPRELEASE") == 0, "{}", dnsmasq.log());
        }
        assert!(server.wait().success());
        dnsmasq.until_log_has("DHCPRELEASE(tap0) 10.77.0.50");
        assert_eq!(dnsmasq.count("DHCPRELEASE"), 1, "{}", dnsmasq.log());
    });
}

#[test]
fn without_a_server_people_learn_what_to_do() {
    in_namespace("dhcp::without_a_server_people_learn_what_to_do", || {
        let _ = hepta(&["net", "up", "tap0", "10.77.0.1/24"]).ok();
        let alone = hepta(&[&["ping", "10.77.0.1", "-c", "1"], &OURS[..]].concat());
        assert_eq!(alone.status.code(), Some(2), "{}", alone.stderr);
        assert!(alone.stderr.contains("no server of DHCP"), "{}", alone.stderr);
        assert!(alone.stderr.contains("--address 10.77.0.2/24"), "{}", alone.stderr);
        let tun = ["ping", "10.77.0.1", "--net", "tun9", "--address", "dhcp"];
        let refused = hepta(&tun);
        assert!(refused.stderr.contains("use a TAP device"), "{}", refused.stderr);
    });
}

#[test]
fn names_are_looked_up_over_our_own_network() {
    in_namespace("dhcp::names_are_looked_up_over_our_own_network", || {
        // Sixty addresses do not fit into a datagram: that answer comes by TCP.
        let many = (1..=60).map(|n| format!("--address=/many.office.test/10.77.{}.1", n % 60));
        let mut args: Vec<String> = many.collect();
        args.extend(
            [
                "--dhcp-range=10.77.0.50,10.77.0.59,255.255.255.0,1h",
                "--domain=office.test",
                "--local=/test/",
                "--host-record=web.office.test,10.77.0.1,fd77::1",
                "--edns-packet-max=512",
            ]
            .map(str::to_owned),
        );
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let dnsmasq = Dnsmasq::start(&args);
        let site = Site::new().with("hello.txt", "hello\n");
        let server = program(&site).listen("10.77.0.1:0").start();
        let port = server.port();
        // The server's address came by DHCP, and the domain of the short name too.
        for name in ["web.office.test", "web", "many.office.test", "WEB.office.test."] {
            let url = format!("http://{name}:{port}/hello.txt");
            let got = hepta(&[&["get", &url], &OURS[..]].concat()).ok().text();
            assert_eq!(got, "hello\n", "{name}: {}", dnsmasq.log());
        }
        let log = dnsmasq.log();
        for asked in ["query[A] web.office.test from 10.77.0.5", "query[AAAA] web.office.test"] {
            assert!(log.contains(asked), "{asked} in {log}");
        }
        let connections = |name: &str| {
            let url = format!("http://{name}:{port}/hello.txt");
            let film = hepta(&[&["get", "-v", &url], &OURS[..]].concat()).ok().stderr;
            film.matches("to=SynSent").count()
        };
        assert_eq!(connections("web.office.test"), 1);
        assert_eq!(connections("many.office.test"), 2, "one of them to ask once more, by TCP");
        let url = format!("http://nobody.test:{port}/");
        let nobody = hepta(&[&["get", &url], &OURS[..]].concat());
        assert_eq!(nobody.status.code(), Some(6), "{}", nobody.stderr);
        assert!(nobody.stderr.contains("no such name"), "{}", nobody.stderr);
        // An address of our own, and the server of names as somebody says it.
        let ours = ["--net", "tap0", "--address", "10.77.0.2/24", "--dns", "10.77.0.1"];
        let text =
            hepta(&[&["ping", "web.office.test", "-c", "1"], &ours[..]].concat()).ok().text();
        assert!(text.contains("bytes from 10.77.0.1"), "{text}");
        let shown = hepta(&[&["net", "show"], &OURS[..]].concat()).ok().text();
        for word in ["bound", "10.77.0.50/24", "DHCP, 10.77.0.1", "office.test"] {
            assert!(shown.contains(word), "{word} is not in {shown}");
        }
    });
}
