//! `hepta serve --net`: the server over our own TCP, IP and Ethernet, with the kernel and its programs
//! at the other end of a device. Each test makes a network namespace for itself.

use std::process::{Child, Stdio};

use peers::{Program, Server, Site, numbered_text, random_bytes, run, tool};
use serde_json::Value;

use crate::HEPTA;
use crate::net::Family;
use crate::tls::certificate;

mod configuration;
mod devices;
mod floods;
mod loss;
mod seeing;
mod serving;
mod stopping;

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

/// What the admin listener shows of our own network.
fn network() -> Value {
    let said = curl(&["http://127.0.0.1:9900/network"]);
    serde_json::from_str(&said).unwrap()
}

/// Has a file for a slow reader wait at our end: the kernel would take all of it, and tell its reader of a
/// reset only behind that.
pub(crate) fn keep_buffers_small() {
    std::fs::write("/proc/sys/net/ipv4/tcp_rmem", "4096 65536 131072").unwrap();
}

/// A download of the large file that is still under way when it is looked at.
fn slow_download(clear: &str, rate: &str) -> Running {
    keep_buffers_small();
    let mut curl = tool("curl");
    curl.args(["-sS", "--limit-rate", rate, "-o", "-", &format!("{clear}/large.bin")]);
    Running(curl.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

/// A program that ends with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
