//! Our own network over IPv6 and Ethernet, with the kernel at the other end of a TAP device. Each test
//! makes a network namespace for itself.

use std::process::Command;

use peers::{Nginx, Program, Site, random_bytes, run, tool};

use crate::HEPTA;
use crate::commands::hepta;
use crate::net::in_namespace;
use crate::own_network::lose_some;
use crate::tls::certificate;

/// Our end of the device whose other end is the kernel's fd77::1.
const OURS: [&str; 4] = ["--net", "tap0", "--address", "fd77::2/64"];

const LARGE_LEN: usize = 10 << 20;

fn large() -> Vec<u8> {
    random_bytes(61, LARGE_LEN)
}

fn site() -> Site {
    let site = Site::new().with("www/hello.txt", "hello\n").with("www/large.bin", large()).with(
        "hepta.kdl",
        r#"
            listen "[fd77::2]:80"
            listen "[fd77::2]:443" { certificate "pair.pem" key="pair.key" }
            access-log "log"
            default { files "www" }
            "#,
    );
    certificate(&site, "pair", "localhost");
    site
}

fn ip(args: &str) -> String {
    run(Command::new("ip").args(args.split(' '))).ok().text()
}

/// The device, with the kernel at fd77::1, which it has without asking anybody.
fn make_network() {
    let _ = ip("link set lo up");
    let _ = hepta(&["net", "up", "tap0", "10.77.0.1/24"]).ok();
    let _ = ip("-6 address add fd77::1/64 dev tap0 nodad");
}

#[track_caller]
fn curl(args: &[&str]) -> String {
    run(tool("curl").args(["-6", "-gsSk", "--max-time", "60"]).args(args)).ok().text()
}

/// A download of the large file, which must be right to the byte.
#[track_caller]
fn download(site: &Site, url: &str, args: &[&str]) {
    let copy = site.path("copy");
    let _ = curl(&[args, &["-o", copy.to_str().unwrap(), url]].concat());
    assert!(std::fs::read(copy).unwrap() == large());
}

#[test]
fn curl_and_ping_reach_us_over_ethernet() {
    in_namespace("ipv6::curl_and_ping_reach_us_over_ethernet", || {
        let site = site();
        make_network();
        let server = Program::configured(HEPTA, &site.path("hepta.kdl")).args(&OURS).start();
        assert!(!server.stderr().contains("WARN"), "{}", server.stderr());
        assert_eq!(curl(&["http://[fd77::2]/hello.txt"]), "hello\n");
        download(&site, "http://[fd77::2]/large.bin", &[]);
        download(&site, "https://[fd77::2]/large.bin", &["--http2"]);
        for size in ["56", "1452", "4000"] {
            let mut ping = tool("ping");
            ping.args(["-6", "-c", "3", "-i", "0.05", "-s", size, "fd77::2"]);
            let said = run(&mut ping).ok().text();
            assert!(said.contains("3 received, 0% packet loss"), "{said}");
        }
        let neighbours = ip("-6 neigh show dev tap0");
        assert!(neighbours.contains("fd77::2 lladdr 02:48:00:00:00:02 "), "{neighbours}");
        let log = server.until_file_has(&site.path("log"), "/hello.txt");
        assert!(log.starts_with("fd77::1 - - ["), "{log}");
    });
}

#[test]
fn we_reach_the_kernel_over_ethernet() {
    in_namespace("ipv6::we_reach_the_kernel_over_ethernet", || {
        let site = site();
        make_network();
        let over = |args: &[&str]| hepta(&[args, &OURS].concat()).ok().text();
        for size in ["0", "1452", "4000"] {
            let said = over(&["ping", "fd77::1", "-c", "3", "-i", "0.05", "-s", size]);
            assert!(said.contains("3 received, 0% packet loss"), "{said}");
        }
        let shown = over(&["net", "show", "--ask", "fd77::1"]);
        assert!(shown.contains("fd77::1") && shown.contains("reachable"), "{shown}");
        let lines = "listen [fd77::1]:8888; dav_methods PUT; client_max_body_size 20m;";
        let _nginx = Nginx::serve(&site.path("www"), lines);
        // Two of a hundred packets are lost either way, and no byte.
        lose_some();
        let copy = site.path("fetched");
        let _ = over(&["get", "-o", copy.to_str().unwrap(), "http://[fd77::1]:8888/large.bin"]);
        assert!(std::fs::read(copy).unwrap() == large());
        let body = format!("@{}", site.path("www/large.bin").display());
        let url = "http://[fd77::1]:8888/stored.bin";
        let _ = over(&["get", "--fail", "-X", "PUT", "-d", &body, url]);
        assert!(std::fs::read(site.path("www/stored.bin")).unwrap() == large());
    });
}
