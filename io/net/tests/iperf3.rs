//! iperf3 over our stack. Both its ends speak a protocol of their own beside the streams that they
//! measure, so neither can be ours; ours stands between them, in two ways:
//!
//! ```text
//!   iperf3 -c ─ kernel ─ TAP ─ our TCP │ relay │ our TCP ─ TAP ─ kernel ─ iperf3 -s
//!   iperf3 -c ─ kernel ─ TAP ─ our IP, a router ─ TAP ─ kernel of another namespace ─ iperf3 -s
//! ```
//!
//! The relay ends every connection of the client and begins another to the server, so all that is
//! measured goes through our TCP twice: received, and sent. The router passes packets on.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod namespace;

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base::Mac;
use host::Config;
use ip::Cidr;
use neighbor::Claim;
use net::{Builder, Mode, PortConfig, Stack, Tap, TcpListener, TcpStream};
use serde_json::Value;

use namespace::family::at;
use namespace::{Elsewhere, Family, in_namespace_over_each, sh};

/// The least that goes through in a second: a hundredth of what an idle machine manages.
const LEN_MIN: u64 = 1 << 20;

/// A program in the background, which ends with the test.
struct Running(Child);

impl Running {
    fn start(command: &str) -> Self {
        let mut words = command.split_ascii_whitespace();
        let mut program = Command::new(words.next().unwrap());
        let program = program.args(words).stdin(Stdio::null()).stdout(Stdio::null());
        Self(program.spawn().unwrap_or_else(|error| {
            panic!("{command}: {error}; `cargo xtask test` installs what is missing")
        }))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Measures; what iperf3 says at its end.
async fn measure(args: &str) -> Value {
    let command = format!("iperf3 -J --connect-timeout 5000 {args}");
    // The server takes a moment to listen, and another to be done with the last test: it says that it is
    // busy and closes, and who hears that over a relay may hear only the end.
    for _ in 0..50 {
        let command = command.clone();
        let said = tokio::task::spawn_blocking(move || {
            let mut words = command.split_ascii_whitespace();
            Command::new(words.next().unwrap()).args(words).output().unwrap()
        });
        let said = said.await.unwrap();
        let end: Value = serde_json::from_slice(&said.stdout).unwrap();
        match end["error"].as_str() {
            None => return end["end"].clone(),
            Some(error)
                if ["refused", "busy", "has closed", "reset"]
                    .iter()
                    .any(|word| error.contains(word)) =>
            {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Some(error) => panic!("{args}: {error}"),
        }
    }
    panic!("{args}: the server is never ready")
}

fn bytes(end: &Value, sum: &str) -> u64 {
    end[sum]["bytes"].as_u64().unwrap_or_else(|| panic!("no {sum} in {end:#}"))
}

/// What went through in a second of a busy machine. A test ends when its sender has handed over its last
/// byte; what is still under way then is not waited for.
#[track_caller]
fn assert_flows(end: &Value) {
    for sum in ["sum_sent", "sum_received"] {
        assert!(bytes(end, sum) > LEN_MIN, "{end:#}");
    }
}

#[test]
fn iperf3_measures_our_tcp() {
    in_namespace_over_each("iperf3_measures_our_tcp", async |family| {
        let tap = Tap::open("tap0", Mode::Tap, PortConfig::default()).unwrap();
        let (kernel, ours) = (family.kernel(), family.ours());
        give(family, "", family.cidr(1), "tap0");
        sh("ip link set tap0 up");
        sh("ip link set lo up");
        let mut builder = Builder::new(Config::new([5; 16]));
        let id = builder.add_port("tap0", Mac([2, 0, 0, 0, 0, 5]), tap).unwrap();
        builder.add_address(id, family.cidr(2), Claim::Announce).unwrap();
        let stack = builder.start().unwrap();
        let servers = [5202, 5203].map(|port| {
            tokio::spawn(relay(stack.clone(), at(ours, port), at(kernel, port)));
            Running::start(&format!("iperf3 -s -B {kernel} -p {port}"))
        });
        let through =
            async |port: u16, args: &str| measure(&format!("-c {ours} -p {port} {args}")).await;
        // The last one has segments of another length, and writes that are no multiple of it.
        for args in ["-t 1", "-t 1 -R", "-t 1 -P 8", "-t 1 -M 700 -l 1001"] {
            assert_flows(&through(5202, args).await);
        }
        // Both directions at once, by two of them: one alone waits for itself when its buffers are full
        // (before 3.16 it has one thread).
        let (there, back) = tokio::join!(through(5202, "-t 2"), through(5203, "-t 2 -R"));
        assert_flows(&there);
        assert_flows(&back);
        drop(servers);
    });
}

/// Ends connections, and begins others in their place.
async fn relay(stack: Stack, from: SocketAddr, to: SocketAddr) {
    let listener = TcpListener::bind(&stack, from).unwrap();
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        let stack = stack.clone();
        // A runtime for each: in one, a relay that always has something to do would keep those waiting
        // that the stack's thread wakes (tokio looks for them in every 31st turn).
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                // Where nobody listens yet, the client hears of it by the end of its connection.
                let Ok(mut server) = TcpStream::connect(&stack, to).await else { return };
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        });
    }
}

#[test]
fn iperf3_measures_our_router() {
    in_namespace_over_each("iperf3_measures_our_router", async |family| {
        let (left, right) = (tap("left0"), tap("right0"));
        let elsewhere = Elsewhere::new();
        let there = elsewhere.there();
        sh("ip link set lo up");
        elsewhere.take("right0");
        let [left_kernel, right_kernel] = [81, 82].map(|network| host_of(family, network, 1));
        let [left_ours, right_ours] = [81, 82].map(|network| host_of(family, network, 254));
        let through_us = |there: &str, to: Cidr, by: Cidr| {
            sh(&format!("{there} ip route add {} via {}", to.network(), by.address()));
        };
        give(family, "", left_kernel, "left0");
        sh("ip link set left0 up");
        through_us("", right_kernel, left_ours);
        give(family, &there, right_kernel, "right0");
        // The way is narrower behind the router, and nobody at the other end knows.
        sh(&format!("{there} ip link set right0 mtu 1300 up"));
        through_us(&there, left_kernel, right_ours);
        let mut builder = Builder::new(Config { is_router: true, ..Config::new([6; 16]) });
        for (n, (tap, address)) in (1..).zip([(left, left_ours), (right, right_ours)]) {
            let name = tap.name().to_owned();
            let id = builder.add_port(&name, Mac([2, 0, 0, 0, 0, n]), tap).unwrap();
            builder.add_address(id, address, Claim::Announce).unwrap();
        }
        let _router = builder.start().unwrap();
        let server = right_kernel.address();
        let _server = Running::start(&format!("{there} iperf3 -s -B {server}"));
        let through = async |args: &str| measure(&format!("-c {server} {args}")).await;
        assert_flows(&through("-t 1").await);
        assert_flows(&through("-t 1 -R").await);
        assert_flows(&through("-t 1 -P 8").await);
        learn_path_mtu(at(server, 9));
        // Datagrams that the kernel has cut, and that are put together behind the router.
        for len in [1250, 1472, 4000] {
            let end = through(&format!("-u -b 20M -t 1 -l {len}")).await;
            let lost = end["sum"]["lost_percent"].as_f64().unwrap();
            assert!(lost < 10.0 && bytes(&end, "sum") > LEN_MIN, "{len}: {end:#}");
        }
    });
}

/// Sends datagrams that are too long for the way behind the router, until the kernel has learned by
/// our ICMP that they are. (RFC 1191 §4)
fn learn_path_mtu(to: SocketAddr) {
    let socket =
        std::net::UdpSocket::bind(if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).unwrap();
    socket.connect(to).unwrap();
    for _ in 0..50 {
        match socket.send(&[0; 1452]) {
            Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) => return,
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    panic!("the kernel never learns that the path is narrower")
}

fn tap(name: &str) -> Tap {
    let mtu = if name == "left0" { 1500 } else { 1300 };
    Tap::open(name, Mode::Tap, PortConfig { mtu, ..PortConfig::default() }).unwrap()
}

/// Gives the kernel an address, in the namespace that `there` leads to; nobody is asked whether he has it.
fn give(family: Family, there: &str, address: Cidr, name: &str) {
    let nodad = if family == Family::V6 { "nodad" } else { "" };
    sh(&format!("{there} ip addr add {address} dev {name} {nodad}"));
}

/// A host of one of the two networks that our router joins: 10.81.0.0/24 and 10.82.0.0/24, or fd81::/64
/// and fd82::/64.
fn host_of(family: Family, network: u8, host: u8) -> Cidr {
    let text = match family {
        Family::V4 => format!("10.{network}.0.{host}/24"),
        Family::V6 => format!("fd{network}::{host}/64"),
    };
    text.parse().unwrap()
}
