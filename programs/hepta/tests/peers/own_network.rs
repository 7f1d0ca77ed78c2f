//! `hepta serve --net`: the server over our own TCP, IP and Ethernet, with the kernel and its programs
//! at the other end of a device. Each test makes a network namespace for itself.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use peers::{Nginx, Program, Server, Site, numbered_text, random_bytes, run, tool, until};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::HEPTA;
use crate::chromium::{LOOK, browse, page};
use crate::commands::hepta;
use crate::net::{Family, in_namespace_over_each};
use crate::tls::certificate;

const LARGE_LEN: usize = 10 << 20;

/// Where it serves, and where over TLS.
const CLEAR: &str = "http://10.77.0.2";
const SECURE: &str = "https://10.77.0.2";

fn large() -> Vec<u8> {
    random_bytes(51, LARGE_LEN)
}

fn site(family: Family) -> Site {
    let site = Site::new()
        .with("www/hello.txt", "hello\n")
        .with("www/page.html", numbered_text(100_000))
        .with("www/large.bin", large())
        .with(
            "hepta.kdl",
            family.say(
                r#"
                listen "10.77.0.2:80"
                listen "10.77.0.2:443" { certificate "pair.pem" key="pair.key" }
                admin "127.0.0.1:9900"
                access-log "log"
                default { files "www" { listing #true } }
                "#,
            ),
        );
    certificate(&site, "pair", "localhost");
    site
}

fn serve(site: &Site, family: Family) -> Server {
    Program::configured(HEPTA, &site.path("hepta.kdl")).args(&family.ours()).start()
}

#[track_caller]
fn curl(args: &[&str]) -> String {
    run(tool("curl").args(["-sSk", "--max-time", "60"]).args(args)).ok().text()
}

/// A download of the large file, which must be right to the byte.
#[track_caller]
fn download(site: &Site, base: &str, args: &[&str]) -> String {
    let copy = site.path("copy");
    let url = format!("{base}/large.bin");
    let out = ["-o", copy.to_str().unwrap(), "-w", "%{http_version} %{time_total}", &url];
    let said = curl(&[args, &out].concat());
    assert!(std::fs::read(copy).unwrap() == large(), "{said}");
    said
}

#[test]
fn curl_gets_a_site_over_our_own_tcp() {
    in_namespace_over_each("own_network::curl_gets_a_site_over_our_own_tcp", |family| {
        let clear = &family.say(CLEAR);
        let site = site(family);
        family.make_network();
        let server = serve(&site, family);
        assert!(server.stdout().contains("over tap0"), "{}", server.stdout());
        assert_eq!(curl(&[&format!("{clear}/hello.txt")]), "hello\n");
        let head = curl(&["-I", &format!("{clear}/large.bin")]);
        assert!(head.contains("Content-Length: 10485760"), "{head}");
        let url = format!("{clear}/hello.txt");
        let connects = curl(&["-w", "%{num_connects} ", &url, &url, &url]);
        assert_eq!(connects, "hello\n1 hello\n0 hello\n0 ", "one connection for all");
        download(&site, clear, &[]);
        let part = curl(&["-r", "1000000-1000099", &format!("{clear}/large.bin")]);
        assert_eq!(part.len(), String::from_utf8_lossy(&large()[1_000_000..1_000_100]).len());
        // The kernel's pings are answered by the same stack, also those that come in parts.
        let ours = &family.say("10.77.0.2");
        for size in ["56", "1452", "4000"] {
            let mut ping = tool("ping");
            ping.args(["-c", "3", "-i", "0.05", "-s", size, ours]);
            let said = run(&mut ping).ok().text();
            assert!(said.contains("3 received, 0% packet loss"), "{said}");
        }
        let pinged = hepta(&["ping", ours, "-c", "2", "-i", "0.05"]).ok().text();
        assert!(pinged.contains("0% packet loss"), "{pinged}");
        let mut neighbors = Command::new("ip");
        let neighbors = run(neighbors.args(["neigh", "show", ours])).ok().text();
        assert!(neighbors.contains("lladdr 02:48:"), "{neighbors}");
        let log = server.until_file_has(&site.path("log"), "/hello.txt");
        assert!(log.starts_with(&family.say("10.77.0.1 - - [")), "{log}");
    });
}

#[test]
fn every_worker_has_a_queue_and_a_stack() {
    in_namespace_over_each("own_network::every_worker_has_a_queue_and_a_stack", |family| {
        let clear = &family.say(CLEAR);
        let file = r#"
            listen "10.77.0.2:80"
            admin "127.0.0.1:9900"
            workers 2
            default { files "www" }
            "#;
        let site = site(family).with("hepta.kdl", family.say(file));
        family.make_network();
        let _server = serve(&site, family);
        let mut h2load = tool("h2load");
        h2load.args(["--h1", "-n", "6400", "-c", "64", "http://localhost/page.html"]);
        h2load.arg(format!("--connect-to={}", family.say("10.77.0.2:80")));
        let said = run(&mut h2load).ok().text();
        assert!(said.contains("6400 succeeded, 0 failed, 0 errored"), "{said}");
        download(&site, clear, &[]);
        let metrics = curl(&["http://127.0.0.1:9900/metrics"]);
        assert!(metrics.contains("hepta_workers 2.0"), "{metrics}");
        // Who is at the other end is one neighbour, however many stacks know him.
        let seen = network();
        assert_eq!(seen["interfaces"].as_array().map(Vec::len), Some(1), "{seen}");
        // A device that was made for one queue has no second one.
        let _ = run(Command::new("ip").args("tuntap add dev tap1 mode tap".split(' '))).ok();
        let file = "listen 80\nworkers 2\nnet \"tap1\" { address \"10.78.0.2/24\" }\ndefault { files \"www\" }";
        let other = Site::new().with("www/hello.txt", "hello\n").with("hepta.kdl", file);
        let refused = hepta(&["serve", "--config", other.path("hepta.kdl").to_str().unwrap()]);
        let said = refused.stderr;
        assert!(said.contains("2 workers are one for each queue of tap1, which has one"), "{said}");
        // Who asks for no number has one worker there.
        other.replace("hepta.kdl", file.replace("workers 2", "admin \"127.0.0.1:9901\""));
        let _server = Program::configured(HEPTA, &other.path("hepta.kdl")).start();
        let metrics = curl(&["http://127.0.0.1:9901/metrics"]);
        assert!(metrics.contains("hepta_workers 1.0"), "{metrics}");
    });
}

#[test]
fn tls_and_http2_are_the_same_over_it() {
    in_namespace_over_each("own_network::tls_and_http2_are_the_same_over_it", |family| {
        let clear = &family.say(CLEAR);
        let secure = &family.say(SECURE);
        let site = site(family);
        family.make_network();
        let _server = serve(&site, family);
        assert!(download(&site, secure, &["--http1.1"]).starts_with("1.1 "));
        assert!(download(&site, secure, &["--http2"]).starts_with("2 "));
        assert!(download(&site, clear, &["--http2-prior-knowledge"]).starts_with("2 "));
        let mut h2load = tool("h2load");
        h2load.args(["-n", "2000", "-c", "8", "-m", "16", "https://localhost/hello.txt"]);
        // By name: it writes an address of IPv6 into requests without its brackets.
        h2load.arg(format!("--connect-to={}", family.say("10.77.0.2:443")));
        let said = run(&mut h2load).ok().text();
        assert!(said.contains("2000 succeeded, 0 failed, 0 errored"), "{said}");
    });
}

#[test]
fn a_hundred_at_once_and_those_who_leave_early() {
    in_namespace_over_each("own_network::a_hundred_at_once_and_those_who_leave_early", |family| {
        let clear = &family.say(CLEAR);
        let site = site(family);
        family.make_network();
        let server = serve(&site, family);
        let urls = format!("{clear}/page.html?[1-100]");
        let parallel = ["--parallel", "--parallel-immediate", "--parallel-max", "100"];
        let said = curl(
            &[&parallel[..], &["-o", "/dev/null", "-w", "%{size_download}\n", &urls]].concat(),
        );
        let len = std::fs::metadata(site.path("www/page.html")).unwrap().len();
        assert_eq!(said, format!("{len}\n").repeat(100));
        // Who hears a part and goes away costs nobody else anything, nor memory.
        let before = server.resident_kib();
        for _ in 0..30 {
            let mut leaves = tool("curl");
            leaves.args(["-sS", "--max-time", "0.05", "--limit-rate", "1M", "-o", "/dev/null"]);
            let said = run(leaves.arg(format!("{clear}/large.bin")));
            assert_eq!(said.status.code(), Some(28), "{}", said.stderr);
        }
        download(&site, clear, &[]);
        let after = server.resident_kib();
        assert!(after < before + 16 * 1024, "{before} KiB, then {after} KiB");
        until("nobody is left", || {
            let seen = network();
            seen["connections"].as_array().unwrap().is_empty().then_some(())
        });
    });
}

#[test]
fn wrk_finds_no_errors() {
    in_namespace_over_each("own_network::wrk_finds_no_errors", |family| {
        let clear = &family.say(CLEAR);
        let site = site(family);
        family.make_network();
        let server = serve(&site, family);
        let mut wrk = tool("wrk");
        wrk.args(["-t", "1", "-c", "64", "-d", "3", &format!("{clear}/hello.txt")]);
        let said = run(&mut wrk).ok().text();
        assert!(said.contains("Requests/sec"), "{said}");
        assert!(!said.contains("Socket errors") && !said.contains("Non-2xx"), "{said}");
        assert_eq!(curl(&[&format!("{clear}/hello.txt")]), "hello\n");
        // Idle, it uses no processor.
        std::thread::sleep(Duration::from_millis(200));
        let before = server.cpu_time();
        std::thread::sleep(Duration::from_secs(1));
        assert!(server.cpu_time() - before < Duration::from_millis(50));
    });
}

#[test]
fn chromium_shows_a_page_over_our_own_tcp() {
    in_namespace_over_each("own_network::chromium_shows_a_page_over_our_own_tcp", |family| {
        let site = page();
        family.make_network();
        let program = Program::serve(HEPTA, site.root()).args(&family.ours());
        let server = program.listen(&family.say("10.77.0.2:80")).start();
        let seen = browse(&json!([{ "goto": server.url("/") }, { "eval": LOOK }]));
        assert_eq!(seen["results"][0], json!(["rgb(1, 2, 3)", 7, 8, 8, true, "UTF-8"]));
        for response in seen["responses"].as_array().unwrap() {
            assert_eq!(response["status"], 200, "{response}");
        }
    });
}

/// Has the kernel lose 2 % of what goes either way.
fn lose_some() {
    let rules = "add table inet weather
        add chain inet weather in { type filter hook input priority 0; }
        add chain inet weather out { type filter hook output priority 0; }
        add rule inet weather in iifname tap0 numgen random mod 100 < 2 drop
        add rule inet weather out oifname tap0 numgen random mod 100 < 2 drop";
    let _ = run(tool("nft").arg(rules)).ok();
}

#[test]
fn a_path_that_loses_two_of_a_hundred_loses_no_byte() {
    in_namespace_over_each(
        "own_network::a_path_that_loses_two_of_a_hundred_loses_no_byte",
        |family| {
            let clear = &family.say(CLEAR);
            let secure = &family.say(SECURE);
            let site = site(family);
            family.make_network();
            lose_some();
            let server = serve(&site, family);
            download(&site, clear, &[]);
            download(&site, secure, &["--http2"]);
            // A download is some hundred frames, of which by chance none may be lost.
            let is_repaired = (0..10).any(|_| sent_again(clear) > 0);
            assert!(is_repaired, "something was lost, and sent again");
            drop(server);
            // The other way, with nginx as the one who serves and who stores.
            let lines =
                family.say("listen 10.77.0.1:8888; dav_methods PUT; client_max_body_size 20m;");
            let _nginx = Nginx::serve(&site.path("www"), &lines);
            let kernels = |name: &str| family.say(&format!("http://10.77.0.1:8888/{name}"));
            let copy = site.path("fetched");
            let get = |args: &[&str]| hepta(&[&["get"], args, &family.ours()].concat()).ok();
            let _ = get(&["-o", copy.to_str().unwrap(), &kernels("large.bin")]);
            assert!(std::fs::read(copy).unwrap() == large());
            let body = format!("@{}", site.path("www/large.bin").display());
            let _ = get(&["--fail", "-X", "PUT", "-d", &body, &kernels("stored.bin")]);
            assert!(std::fs::read(site.path("www/stored.bin")).unwrap() == large());
        },
    );
}

/// Segments that were sent again, on a connection that is still there.
fn sent_again(clear: &str) -> u64 {
    let mut slow = tool("curl");
    slow.args(["-sS", "--limit-rate", "3M", "-o", "/dev/null", &format!("{clear}/large.bin")]);
    let mut slow = slow.spawn().unwrap();
    let mut again = 0;
    while slow.try_wait().unwrap().is_none() {
        let seen = network();
        let connections = seen["connections"].as_array().unwrap();
        again += connections.iter().filter_map(|one| one["again"].as_u64()).max().unwrap_or(0);
        std::thread::sleep(Duration::from_millis(20));
    }
    again
}

/// What the admin listener shows of our own network.
fn network() -> Value {
    let said = curl(&["http://127.0.0.1:9900/network"]);
    serde_json::from_str(&said).unwrap()
}

#[test]
fn what_is_under_way_is_shown() {
    in_namespace_over_each("own_network::what_is_under_way_is_shown", |family| {
        let clear = &family.say(CLEAR);
        let site = site(family);
        family.make_network();
        let _server = serve(&site, family);
        let _slow = slow_download(clear, "256k", Stdio::null());
        let connection = until("the download is under way", || {
            let seen = network();
            let found = seen["connections"].as_array()?.first()?.clone();
            (found["in_flight"].as_u64()? > 0 || found["unsent"].as_u64()? > 0).then_some(found)
        });
        assert_eq!(connection["local"], family.say("10.77.0.2:80"));
        assert_eq!(connection["state"], "Established");
        assert!(connection["rtt_ms"].as_f64().unwrap() > 0.0, "{connection}");
        assert!(connection["cwnd"].as_u64().unwrap() >= 10, "{connection}");
        assert!(connection["window_out"].as_u64().is_some(), "{connection}");
        let seen = network();
        let listeners = seen["listeners"].as_array().unwrap();
        let at: Vec<&str> = listeners.iter().filter_map(|one| one["local"].as_str()).collect();
        assert_eq!(at, ["10.77.0.2:80", "10.77.0.2:443"].map(|at| family.say(at)));
        let kernel = family.say("10.77.0.1");
        let neighbors = seen["neighbors"].as_array().unwrap();
        assert!(neighbors.iter().any(|one| one["address"] == kernel), "{seen}");
        assert_eq!(seen["interfaces"][0]["name"], "tap0");
        let text = curl(&["-H", "Accept: text/plain", "http://127.0.0.1:9900/network"]);
        assert!(
            text.contains(&family.say("10.77.0.2:80")) && text.contains("Established"),
            "{text}"
        );
        // The same connection, as the server knows it.
        let all: Value =
            serde_json::from_str(&curl(&["http://127.0.0.1:9900/connections"])).unwrap();
        let known = &all["connections"][0];
        assert_eq!(known["server"], family.say("10.77.0.2:80"));
        assert_eq!(known["requests"][0]["target"], "/large.bin");
        assert!(known["tcp"]["congestion_window_segments"].as_u64().unwrap() >= 10, "{known}");
        assert!(known["tcp"]["acknowledged_bytes"].as_u64().unwrap() > 0, "{known}");
        // And its film, with the layers below.
        let number = known["number"].as_u64().unwrap();
        let film = format!("http://127.0.0.1:9900/connections/{number}/film?seconds=2");
        let text = curl(&[&film]);
        for word in
            ["Link FrameOut", "Network PacketOut", "Transport SegmentOut", "Transport Wrote"]
        {
            assert!(text.contains(word), "{word} is not in {text}");
        }
        let lines = curl(&["-H", "Accept: application/jsonl", &film]);
        for line in lines.lines() {
            let _: Value = serde_json::from_str(line).unwrap();
        }
        assert!(lines.contains("\"note\":\"SegmentOut\""), "{lines}");
    });
}

/// Has a file for a slow reader wait at our end: the kernel would take all of it, and tell its reader of a
/// reset only behind that.
pub(crate) fn keep_buffers_small() {
    std::fs::write("/proc/sys/net/ipv4/tcp_rmem", "4096 65536 131072").unwrap();
}

fn slow_download(clear: &str, rate: &str, stderr: Stdio) -> Download {
    keep_buffers_small();
    let mut curl = tool("curl");
    curl.args(["-sS", "--limit-rate", rate, "-o", "-", &format!("{clear}/large.bin")]);
    Download(curl.stdout(Stdio::null()).stderr(stderr).spawn().unwrap())
}

/// A download that ends with the test.
pub(crate) struct Download(pub(crate) Child);

impl Drop for Download {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_stop_in_the_middle_of_a_download_loses_nothing() {
    in_namespace_over_each(
        "own_network::a_stop_in_the_middle_of_a_download_loses_nothing",
        |family| {
            let clear = &family.say(CLEAR);
            let site = site(family);
            family.make_network();
            let mut server = serve(&site, family);
            let copy = site.path("copy");
            let mut slow = tool("curl");
            slow.args(["-sS", "--limit-rate", "8M", "-o"]).arg(&copy);
            let mut slow = slow.arg(format!("{clear}/large.bin")).spawn().unwrap();
            until("a part has come", || {
                std::fs::metadata(&copy).ok().filter(|copy| copy.len() > 100_000)
            });
            server.signal(Signal::TERM);
            // Nobody new comes in: the port is closed at once.
            until("new connections are refused", || {
                let said = run(tool("curl").args(["-sS", &format!("{clear}/hello.txt")]));
                (said.status.code() == Some(7)).then_some(())
            });
            assert!(slow.wait().unwrap().success());
            assert!(std::fs::read(&copy).unwrap() == large());
            assert_eq!(server.wait().code(), Some(0), "{}", server.stderr());
            // A second signal ends at once, and whoever was there hears it.
            let mut server = serve(&site, family);
            let mut cut = slow_download(clear, "100k", Stdio::null());
            until("the download is under way", || {
                network()["connections"].as_array()?.first().map(|_| ())
            });
            server.signal(Signal::TERM);
            until("it is about to stop", || {
                let ready = run(tool("curl").args(["-s", "http://127.0.0.1:9900/ready"]));
                (ready.text() == "stopping\n").then_some(())
            });
            server.signal(Signal::TERM);
            server.wait();
            assert!(!cut.0.wait().unwrap().success(), "it was cut short, and knows");
        },
    );
}

/// Sends SYNs of hosts that are not there to the address that it is given, as fast as it can, for two
/// seconds.
const FLOOD: &str = r#"
import ipaddress, random, socket, struct, sys, time
to = ipaddress.ip_address(sys.argv[1])
net = int(to) & ~0xff
def total(data):
    words = struct.unpack('!%dH' % (len(data) // 2), data)
    n = sum(words)
    n = (n >> 16) + (n & 0xffff)
    return ~(n + (n >> 16)) & 0xffff
family = socket.AF_INET if to.version == 4 else socket.AF_INET6
out = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
end, sent = time.time() + 2, 0
while time.time() < end:
    for _ in range(100):
        source = type(to)(net | random.randrange(50, 250)).packed
        tcp = struct.pack('!HHIIBBHHH', random.randrange(1024, 65535), 80, random.getrandbits(32), 0, 0x50, 2, 65535, 0, 0)
        check = total(source + to.packed + struct.pack('!HH', 6, len(tcp)) + tcp)
        tcp = tcp[:16] + struct.pack('!H', check) + tcp[18:]
        if to.version == 4:
            ip = struct.pack('!BBHHHBBH', 0x45, 0, 40, 0, 0, 64, 6, 0)
        else:
            ip = struct.pack('!IHBB', 6 << 28, 20, 6, 64)
        out.sendto(ip + source + to.packed + tcp, (str(to), 0))
        sent += 1
print(sent)
"#;

#[test]
fn a_flood_of_syns_and_closed_ports() {
    in_namespace_over_each("own_network::a_flood_of_syns_and_closed_ports", |family| {
        let clear = &family.say(CLEAR);
        let site = site(family);
        family.make_network();
        let server = serve(&site, family);
        assert_eq!(curl(&[&format!("{clear}/hello.txt")]), "hello\n");
        let before = server.resident_kib();
        let mut flood = tool("python");
        let flood = flood
            .args(["-c", FLOOD, &family.say("10.77.0.2")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut served = 0;
        let mut flood = Download(flood);
        while flood.0.try_wait().unwrap().is_none() {
            // A SYN may be lost in the crowd; the kernel sends it again after a second.
            let got = curl(&["--connect-timeout", "20", &format!("{clear}/hello.txt")]);
            assert_eq!(got, "hello\n");
            served += 1;
        }
        assert!(served > 0);
        let after = server.resident_kib();
        assert!(after < before + 32 * 1024, "{before} KiB, then {after} KiB");
        let seen = network();
        assert!(seen["connections"].as_array().unwrap().len() < 100, "half-open ones are not");
        // A port at which nobody listens says so at once.
        let closed = run(tool("curl").args(["-sS", &format!("{clear}:81/")]));
        assert_eq!(closed.status.code(), Some(7), "{}", closed.stderr);
        let mut nmap = tool("nmap");
        nmap.args(["-Pn", "-n", "-sS", "-p", "80,81,443", "-oG", "-"]);
        nmap.args((family == Family::V6).then_some("-6")).arg(family.say("10.77.0.2"));
        let scanned = run(&mut nmap).ok().text();
        for port in ["80/open", "81/closed", "443/open"] {
            assert!(scanned.contains(port), "{port} is not in {scanned}");
        }
    });
}

#[test]
fn a_film_shows_a_page_load_from_arp_to_http() {
    in_namespace_over_each("own_network::a_film_shows_a_page_load_from_arp_to_http", |family| {
        let clear = &family.say(CLEAR);
        let site = Site::new().with("hello.txt", "hello\n");
        family.make_network();
        let capture = site.path("frames.pcapng");
        let program = Program::serve(HEPTA, site.root()).args(&family.ours()).arg("--film");
        let server = program.arg("--capture").arg(&capture);
        let server = server.listen(&family.say("10.77.0.2:80")).start();
        assert_eq!(curl(&[&format!("{clear}/hello.txt")]), "hello\n");
        // In this order, whatever stands between.
        let story = [
            match family {
                Family::V4 => "Link Answered to=10.77.0.1",
                Family::V6 => "Network AdvertisementOut target=10.77.0.2 to=10.77.0.1",
            },
            "-- connection 1 from 10.77.0.1:",
            "Link FrameIn ",
            "Network PacketIn from=10.77.0.1 to=10.77.0.2 carries=TCP",
            "Transport SegmentIn flags=S ",
            "Transport SegmentOut flags=S. ",
            "Network PacketOut from=10.77.0.2 to=10.77.0.1 carries=TCP",
            "Link FrameOut ",
            "Transport StateChanged from=SynReceived to=Established",
            "Transport Accepted from=10.77.0.1:",
            "Transport Read len=",
            "Application RequestIn ",
            "Application ResponseOut ",
            "Transport Wrote len=",
            "Transport SegmentOut flags=P. ",
            "Transport SegmentIn flags=F. ",
            "Transport StateChanged from=Established to=CloseWait",
            "Transport FinReceived",
            "Transport Ended why=Closed",
            "Transport StateChanged from=CloseWait to=LastAck",
            "Transport StateChanged from=LastAck to=Closed",
        ]
        .map(|line| family.say(line));
        let film = until("the film is whole", || {
            Some(server.stderr()).filter(|film| film.contains(&story[story.len() - 1]))
        });
        let mut rest = &film[..];
        for line in &story {
            let Some(at) = rest.find(line) else { panic!("{line:?} does not follow in\n{film}") };
            rest = &rest[at + line.len()..];
        }
        // The same frames, for Wireshark: a section header, and the bytes of both messages.
        let frames = std::fs::read(&capture).unwrap();
        assert!(frames.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]));
        for bytes in [&b"GET /hello.txt HTTP/1.1\r\n"[..], b"\r\n\r\nhello\n"] {
            assert!(frames.windows(bytes.len()).any(|window| window == bytes));
        }
    });
}

#[test]
fn other_devices_carry_it_too() {
    in_namespace_over_each("own_network::other_devices_carry_it_too", |family| {
        let site = Site::new().with("hello.txt", "hello\n");
        family.make_network();
        // Packets without Ethernet, of both versions of IP.
        let _ = hepta(&["net", "up", "tun0", "10.78.0.1/24", "fd78::1/64", "--tun"]).ok();
        let ours = ["--net", "tun0", "--address", "10.78.0.2/24", "--address", "fd78::2/64"];
        let server = Program::serve(HEPTA, site.root()).args(&ours).listen("80").start();
        assert_eq!(server.urls(), ["http://10.78.0.2:80/", "http://[fd78::2]:80/"]);
        for url in server.urls() {
            // The kernel takes a moment to see that somebody has opened the device.
            assert_eq!(curl(&["--retry", "5", "-g", &format!("{url}hello.txt")]), "hello\n");
        }
        drop(server);
        // An interface that the kernel has too: one end of a cable, whose other end is the kernel's.
        let ip = |args: &str| run(Command::new("ip").args(args.split(' '))).ok();
        // Nobody is asked whether he has the kernel's address.
        std::fs::write("/proc/sys/net/ipv6/conf/default/accept_dad", "0").unwrap();
        let _ = ip("link add left type veth peer name right");
        let _ = ip(&family.say("address add 10.79.0.1/24 dev left"));
        let _ = ip("link set left up");
        let _ = ip("link set right up");
        // Nobody else is on it, so nobody is asked.
        let ours = family.say("10.79.0.2/24");
        let ours = ["--net", "right", "--address", &ours, "--probe", "never"];
        let program = Program::serve(HEPTA, site.root()).args(&ours);
        let server = program.listen(&family.say("10.79.0.2:80")).start();
        assert_eq!(curl(&[&family.say("http://10.79.0.2/hello.txt")]), "hello\n");
        drop(server);
    });
}

/// A configuration that names its network itself.
const WITH_NET: &str = r#"
net "tap0" {
    address "10.77.0.2/24"
    gateway "10.77.0.1"
    mtu 1400
    capture "frames.pcapng"
}
listen 80
default { files "www" }
"#;

#[test]
fn a_file_names_the_network_and_a_start_changes_it() {
    in_namespace_over_each(
        "own_network::a_file_names_the_network_and_a_start_changes_it",
        |family| {
            let clear = &family.say(CLEAR);
            let with_net = &family.say(WITH_NET);
            let site = site(family).with("hepta.kdl", with_net);
            family.make_network();
            let file = site.path("hepta.kdl");
            let check = || hepta(&["check", file.to_str().unwrap()]);
            assert!(check().ok().text().contains("is in order"));
            let server = Program::configured(HEPTA, &file).start();
            assert_eq!(server.urls(), [family.say("http://10.77.0.2:80/")]);
            assert!(server.stdout().contains("over tap0"), "{}", server.stdout());
            assert_eq!(curl(&[&format!("{clear}/hello.txt")]), "hello\n");
            // Our SYN says how long segments may be (RFC 9293 §3.7.1): 1400 bytes without both headers.
            let frames = std::fs::read(site.path("frames.pcapng")).unwrap();
            let mss: [u8; 2] = match family {
                Family::V4 => 1360_u16.to_be_bytes(),
                Family::V6 => 1340_u16.to_be_bytes(),
            };
            assert!(frames.windows(4).any(|four| four == [2, 4, mss[0], mss[1]]));
            // What is served there changes with a reload.
            site.replace("hepta.kdl", with_net.replace("listen 80", "listen 81"));
            server.signal(Signal::HUP);
            until("the new port is open", || {
                let said = run(tool("curl").args(["-s", &format!("{clear}:81/hello.txt")]));
                (said.text() == "hello\n").then_some(())
            });
            // Its device does not, and the log says which part of it, and everything stays as it is.
            let changes = [
                ("frames.pcapng", "other.pcapng", "`net` changes the file of the capture"),
                ("1400", "1500", "`net` changes the MTU"),
                ("\"tap0\"", "\"tap1\"", "`net` changes the device"),
                ("net \"tap0\"", "/-net \"tap0\"", "there is no `net` any more"),
            ];
            for (before, after, said) in changes {
                let text = with_net.replace("listen 80", "listen 82");
                let (before, after) = (family.say(before), family.say(after));
                assert!(text.contains(&before));
                site.replace("hepta.kdl", text.replace(&before, &after));
                server.signal(Signal::HUP);
                until(said, || server.stderr().contains(said).then_some(()));
            }
            let refusals = server.stderr().matches("that takes a start, not a reload").count();
            assert_eq!(refusals, changes.len(), "{}", server.stderr());
            assert_eq!(curl(&[&format!("{clear}:81/hello.txt")]), "hello\n");
            let closed = run(tool("curl").args(["-s", &format!("{clear}:82/hello.txt")]));
            assert_eq!(closed.status.code(), Some(7));
            // What is wrong is shown where it stands.
            let (near, far) = (family.say("\"10.77.0.1\""), family.say("\"10.78.0.1\""));
            site.replace("hepta.kdl", with_net.replace(&near, &far));
            let said = check();
            assert!(!said.status.success());
            let wrong = family.say("hepta.kdl:4:13: 10.78.0.1 is on no");
            assert!(said.stderr.contains(&wrong), "{}", said.stderr);
            // One of the two says over which network.
            site.replace("hepta.kdl", with_net);
            let both = hepta(
                &[&["serve", "--config", file.to_str().unwrap()], &family.ours()[..]].concat(),
            );
            assert!(both.stderr.contains("leave one of them away"), "{}", both.stderr);
        },
    );
}

#[test]
fn a_reload_changes_addresses_and_no_connection_over_those_that_stay() {
    const NAME: &str =
        "own_network::a_reload_changes_addresses_and_no_connection_over_those_that_stay";
    in_namespace_over_each(NAME, |family| {
        const BEFORE: &str = r#"
            net "tap0" { address "10.77.0.2/24"; }
            listen 80
            admin "127.0.0.1:9900"
            workers 2
            default { files "www" }
            "#;
        let site = site(family).with("hepta.kdl", family.say(BEFORE));
        family.make_network();
        let server = Program::configured(HEPTA, &site.path("hepta.kdl")).start();
        let reload = |before: &str, after: &str| {
            let text = BEFORE.replace("10.77.0.2/24", before).replace("; }", after);
            site.replace("hepta.kdl", family.say(&text));
            server.signal(Signal::HUP);
        };
        // Whether a site is served at 10.77.0.n.
        let serves = |n: u8| {
            let mut curl = tool("curl");
            let url = family.say(&format!("http://10.77.0.{n}/hello.txt"));
            run(curl.args(["-s", "--max-time", "1", &url])).text() == "hello\n"
        };
        let slow = |n: u8, rate: &str| {
            let copy = site.path(&format!("copy{n}"));
            let mut curl = tool("curl");
            curl.args(["-sS", "--limit-rate", rate, "-o"]).arg(&copy);
            curl.arg(family.say(&format!("http://10.77.0.{n}/large.bin")));
            let child = curl.stderr(Stdio::null()).spawn().unwrap();
            until("a part has come", || {
                std::fs::metadata(&copy).ok().filter(|copy| copy.len() > 100_000)
            });
            (Download(child), copy)
        };
        let (mut whole, copy) = slow(2, "3M");
        reload("10.77.0.2/24\" \"10.77.0.3/24", "; }");
        until("the new address serves", || serves(3).then_some(()));
        let routes = || network()["routes"].to_string();
        let gateway = family.say("\"10.77.0.1\"");
        // What a table of the network shows of somebody.
        let shows = |table: &str, words: [&str; 2]| {
            let seen = network()[table].to_string();
            words.iter().all(|word| seen.contains(&family.say(word))).then_some(())
        };
        let mac = "02:00:5e:10:00:01";
        let more = r#"; route "10.79.0.0/24" via="10.77.0.9"; neighbor "10.77.0.9" mac="MAC"; dns "10.77.0.8"; }"#;
        reload("10.77.0.2/24\" \"10.77.0.3/24", &more.replace("MAC", mac));
        until("there is another way", || shows("routes", ["\"10.79.0.0/24\"", "\"10.77.0.9\""]));
        until("the neighbour is known", || shows("neighbors", ["\"10.77.0.9\"", mac]));
        until("somebody knows names", || shows("names", ["10.77.0.8", ""]));
        reload("10.77.0.2/24\" \"10.77.0.3/24", "; gateway \"10.77.0.1\"; }");
        until("there is a gateway", || routes().contains(&gateway).then_some(()));
        assert!(
            shows("routes", ["10.79.0.0", ""]).is_none()
                && shows("names", ["10.77.0.8", ""]).is_none()
        );
        assert!(shows("neighbors", ["\"10.77.0.9\"", mac]).is_none(), "{}", network());
        // What cannot be changes nothing.
        let refusals = [
            ("10.77.0.1/24", "; }", "10.77.0.1 is this machine's own address, on tap0"),
            ("10.77.0.4/24", "; mtu 1400; }", "`net` changes the MTU"),
            ("10.77.0.4/24", "; gateway \"10.78.0.1\"; }", "10.78.0.1 is on no network of ours"),
        ];
        for (address, behind, said) in refusals {
            reload(address, behind);
            let said = family.say(said);
            until(&said, || server.stderr().contains(&said).then_some(()));
        }
        assert_eq!(server.stderr().matches("everything stays as it is").count(), refusals.len());
        assert!(serves(2) && serves(3) && routes().contains(&gateway), "{}", network());
        reload("10.77.0.2/24\" \"10.77.0.3/24", "; }");
        until("there is no gateway", || (!routes().contains(&gateway)).then_some(()));
        assert!(whole.0.wait().unwrap().success());
        assert!(std::fs::read(&copy).unwrap() == large());
        // Who is at an address that goes learns it at once; nobody else does.
        keep_buffers_small();
        let (mut cut, _) = slow(2, "100k");
        let (mut whole, copy) = slow(3, "5M");
        reload("10.77.0.3/24", "; }");
        let began = std::time::Instant::now();
        assert!(!cut.0.wait().unwrap().success(), "it was cut short, and knows");
        assert!(began.elapsed() < Duration::from_secs(5), "it learned it by chance");
        assert!(whole.0.wait().unwrap().success());
        assert!(std::fs::read(&copy).unwrap() == large());
        until("nobody is there", || (!serves(2)).then_some(()));
        assert!(serves(3));
    });
}

#[test]
fn what_cannot_be_is_said() {
    in_namespace_over_each("own_network::what_cannot_be_is_said", |family| {
        let clear = &family.say(CLEAR);
        let secure = &family.say(SECURE);
        let site = site(family);
        family.make_network();
        let root = site.path("www");
        let root = root.to_str().unwrap();
        let refused = |args: &[&str], word: &str| {
            let said = hepta(&[&["serve", root], args].concat());
            assert!(!said.status.success(), "{args:?}");
            assert!(said.stderr.contains(word), "{args:?}: {word} is not in {}", said.stderr);
        };
        refused(&["--net", "tap0"], "--address");
        let two_captured = ["--workers", "2", "--capture", "/dev/null"];
        refused(
            &[&family.ours()[..], &two_captured].concat(),
            "a capture has the frames of one worker",
        );
        let other = family.say("10.77.0.3:80");
        refused(&[&family.ours()[..], &["--listen", &other]].concat(), &family.say("10.77.0.2"));
        refused(&[&family.ours()[..], &["--listen", "80", "--listen", "80"]].concat(), "twice");
        let mut server = serve(&site, family);
        refused(&family.ours(), "another program has tap0 open");
        // An upgrade cannot take connections along that are ours alone, and changes nothing.
        server.signal(Signal::USR2);
        until("it says so", || server.stderr().contains("cannot be handed over").then_some(()));
        assert_eq!(curl(&[&format!("{clear}/hello.txt")]), "hello\n");
        // A reload closes and opens listeners as it does elsewhere.
        let text = std::fs::read_to_string(site.path("hepta.kdl")).unwrap();
        let (before, after) = (family.say("10.77.0.2:80"), family.say("10.77.0.2:8080"));
        site.replace("hepta.kdl", text.replace(&before, &after));
        server.signal(Signal::HUP);
        until("the new port is open", || {
            let said = run(tool("curl").args(["-s", &format!("{clear}:8080/hello.txt")]));
            (said.text() == "hello\n").then_some(())
        });
        assert_eq!(run(tool("curl").args(["-s", clear])).status.code(), Some(7));
        assert_eq!(curl(&[&format!("{secure}/hello.txt")]), "hello\n");
        // Without its device it serves nobody, and ends.
        let _ = run(Command::new("ip").args(["link", "delete", "tap0"])).ok();
        assert_eq!(server.wait().code(), Some(1), "{}", server.stderr());
        assert!(server.stderr().contains("is gone"), "{}", server.stderr());
    });
}
