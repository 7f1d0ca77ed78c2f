//! What a router cuts on its way to us, with a stack at each of two queues. The router is the kernel, whose
//! link to us takes less than the one to the client, in a namespace beside it:
//!
//! ```text
//!   python3 ─ kernel ─ veth, 1500 ─ kernel, a router ─ TAP, 600 ─┬─ stack 0
//!                                                                └─ stack 1
//! ```
//!
//! The client looks for no path MTU, so its packets may be cut, as those of anybody may. In IPv6 routers cut
//! nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod namespace;

use std::process::Command;

use base::Mac;
use host::Config;
use ip::{Prefix, Route};
use neighbor::Claim;
use net::{Builder, Mode, PortConfig, Stack, Tap, TcpListener, UdpSocket, join};

use namespace::family::at;
use namespace::{Elsewhere, Family, in_namespace, sh};

/// Sends 200,000 bytes on each of 24 connections at once, and hears the same; then a datagram of 1,400
/// bytes from each of eight ports, and hears how long it was.
const CLIENT: &str = "
import socket
streams = [socket.create_connection(('10.77.0.2', 80), 20) for _ in range(24)]
for n, stream in enumerate(streams):
    stream.sendall(bytes([n]) * 200000)
    stream.shutdown(socket.SHUT_WR)
for n, stream in enumerate(streams):
    heard = b''
    while part := stream.recv(65536):
        heard += part
    assert heard == bytes([n]) * 200000, (n, len(heard))
for n in range(8):
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.settimeout(20)
    out.sendto(bytes(1400), ('10.77.0.2', 53))
    assert out.recv(100) == b'1400'
";

fn stack(queue: impl net::Port + 'static, inlet: net::Inlet) -> Stack {
    let mut builder = Builder::new(Config::new([7; 16]));
    let id = builder.add_port("hepta0", Mac([2, 0, 0, 0, 0, 7]), queue).unwrap();
    builder.add_inlet(id, inlet);
    builder.add_address(id, Family::V4.cidr(2), Claim::Announce).unwrap();
    builder.add_route(Route::via(Prefix::ALL_V4, id, Family::V4.kernel())).unwrap();
    builder.start().unwrap()
}

/// Sends everything back, and how long datagrams are.
fn serve(stack: &Stack) {
    let listener = TcpListener::bind(stack, at(Family::V4.any(), 80)).unwrap();
    let socket = UdpSocket::bind(stack, at(Family::V4.any(), 53)).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await.unwrap();
            });
        }
    });
    tokio::spawn(async move {
        let mut into = [0; 2000];
        while let Ok((len, from)) = socket.recv_from(&mut into).await {
            socket.send_to(len.to_string().as_bytes(), from).await.unwrap();
        }
    });
}

/// A counter of the kernel's, of packets of IP.
fn counter(name: &str) -> u64 {
    let all = std::fs::read_to_string("/proc/net/snmp").unwrap();
    let mut lines = all.lines().filter(|line| line.starts_with("Ip: "));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let at = names.split(' ').position(|word| word == name).unwrap();
    values.split(' ').nth(at).unwrap().parse().unwrap()
}

#[test]
fn segments_that_a_router_cuts_come_to_their_stack() {
    in_namespace("segments_that_a_router_cuts_come_to_their_stack", async {
        let taps = Tap::open_queues("hepta0", Mode::Tap, PortConfig::default(), 2).unwrap();
        sh("ip addr add 10.77.0.1/24 dev hepta0");
        sh("ip link set hepta0 mtu 600 up");
        let elsewhere = Elsewhere::new();
        let there = elsewhere.there();
        sh("ip link add near type veth peer name far");
        elsewhere.take("far");
        sh("ip addr add 10.78.0.1/24 dev near");
        sh("ip link set near up");
        sh(&format!("{there} ip addr add 10.78.0.2/24 dev far"));
        sh(&format!("{there} ip link set far up"));
        sh(&format!("{there} ip route add default via 10.78.0.1"));
        sh(&format!("{there} sysctl -q -w net.ipv4.ip_no_pmtu_disc=1"));
        sh("sysctl -q -w net.ipv4.ip_forward=1");
        let joined = join(taps).unwrap().into_iter();
        let stacks: Vec<Stack> = joined.map(|(queue, inlet)| stack(queue, inlet)).collect();
        stacks.iter().for_each(serve);
        let (program, args) = ("nsenter", there.split(' ').nth(1).unwrap().to_owned());
        let client = tokio::task::spawn_blocking(move || {
            Command::new(program).args([&args, "python3", "-c", CLIENT]).output().unwrap()
        });
        let said = client.await.unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        // Every segment but the short ones was cut, and pings may be too.
        assert!(counter("FragCreates") > 24 * 200_000 / 1460, "{}", counter("FragCreates"));
        sh(&format!("{there} ping -q -c 3 -i 0.05 -s 4000 10.77.0.2"));
    });
}
