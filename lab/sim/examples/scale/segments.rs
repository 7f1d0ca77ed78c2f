//! What a segment costs, on one connection and on many.

use std::time::Duration;

use bytes::Bytes;
use host::{ListenerId, TcpId};
use sim::{Pair, Side, end_of};

/// How many connections there are to each port of the server: a client has some 32,000 ports for one.
const PER_PORT: usize = 25_000;

/// Where the server listens first.
const PORT: u16 = 80;

/// What a full segment carries, with timestamps on Ethernet.
const SEGMENT: usize = 1448;

/// Both ends of a connection.
type Ends = [TcpId; 2];

pub(crate) fn run(connections: usize, active: usize, rounds: usize, has_offload: bool) {
    let before = super::resident();
    let mut pair = Pair::new(has_offload, |_| ());
    let all = connect(&mut pair, connections);
    let grown = super::resident() - before;
    let data = Bytes::from(vec![7; 2 * SEGMENT]);
    let (mut wire, mut into) = (Wire::default(), vec![0; 4 * SEGMENT]);
    // In an order that nothing can foresee, and yet each as often as the others.
    let step = stride(active);
    let mut at = 0;
    let mut turn = |pair: &mut Pair, times: usize| {
        for _ in 0..times {
            at = (at + step) % active;
            let ends = all.get(at * (connections / active)).expect("active are no more than all");
            round(pair, *ends, &data, &mut wire, &mut into);
        }
    };
    // Everybody has spoken before it counts.
    turn(&mut pair, active.max(1000));
    let began = super::cpu_nanos();
    turn(&mut pair, rounds);
    let took = super::cpu_nanos() - began;
    // Two full segments and an acknowledgement, each sent and received.
    let each = took as f64 / (3 * rounds) as f64;
    println!(
        "{{\"connections\": {connections}, \"active\": {active}, \"ns_per_segment\": {each:.1}, \
              \"resident_per_end\": {:.0}}}",
        grown as f64 / (2 * connections) as f64
    );
}

/// A number that has no divisor in common with `count`, near the golden section of it.
fn stride(count: usize) -> usize {
    let has_common = |mut a: usize, mut b: usize| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a > 1
    };
    (count * 5 / 8 + 1..).find(|step| !has_common(*step, count)).unwrap_or(1)
}

/// Connects so many times, and accepts all of them.
pub(crate) fn connect(pair: &mut Pair, count: usize) -> Vec<Ends> {
    let mut all = Vec::with_capacity(count);
    for (port, first) in (PORT..).zip((0..count).step_by(PER_PORT)) {
        let local = end_of(Side::Server, port);
        let listener = pair.with(Side::Server, |_, host| host.tcp_listen(local, 16));
        let listener = listener.expect("nobody listens there");
        for _ in first..count.min(first + PER_PORT) {
            all.push(connect_one(pair, listener, port));
        }
    }
    all
}

fn connect_one(pair: &mut Pair, listener: ListenerId, port: u16) -> Ends {
    let remote = end_of(Side::Server, port);
    let client = pair.with(Side::Client, |cx, host| host.tcp_connect(cx, None, remote));
    pair.settle(|_, _| ());
    pair.pass(Duration::from_micros(10));
    let server = pair.with(Side::Server, |_, host| host.tcp_accept(listener));
    [client.expect("there are ports"), server.expect("it came")]
}

/// What is on its way: two segments at most.
type Wire = [Vec<u8>; 2];

/// The client sends two full segments, the server reads them and acknowledges both.
fn round(pair: &mut Pair, [client, server]: Ends, data: &Bytes, wire: &mut Wire, into: &mut [u8]) {
    pair.pass(Duration::from_micros(10));
    write(pair, client, data);
    assert_eq!(data_out(pair, wire), 2, "there is room in the window");
    data_in(pair, wire);
    assert_eq!(read(pair, server, into), data.len());
    assert_eq!(ack_out(pair, wire), 1, "every second segment is acknowledged");
    ack_in(pair, wire);
}

/// Puts what a host sends on the wire; how many frames there were.
#[inline(always)]
fn send(pair: &mut Pair, from: Side, wire: &mut Wire) -> usize {
    let mut places = wire.iter_mut();
    let mut sent = 0;
    while pair.send(from, |frame| {
        let place = places.next().expect("no more than two");
        place.clear();
        place.extend_from_slice(frame);
    }) {
        sent += 1;
    }
    sent
}

/// Gives a host what is on the wire, and hears its events.
#[inline(always)]
fn receive(pair: &mut Pair, to: Side, frames: &[Vec<u8>]) {
    for frame in frames {
        pair.receive(to, frame);
    }
    while pair.with(to, |_, host| host.poll_event()).is_some() {}
}

#[inline(never)]
fn write(pair: &mut Pair, client: TcpId, data: &Bytes) {
    let n = pair.with(Side::Client, |cx, host| host.tcp_write(cx, client, data.clone()));
    assert_eq!(n, data.len());
}

#[inline(never)]
fn data_out(pair: &mut Pair, wire: &mut Wire) -> usize {
    send(pair, Side::Client, wire)
}

#[inline(never)]
fn data_in(pair: &mut Pair, wire: &Wire) {
    receive(pair, Side::Server, wire);
}

#[inline(never)]
fn ack_out(pair: &mut Pair, wire: &mut Wire) -> usize {
    send(pair, Side::Server, wire)
}

#[inline(never)]
fn ack_in(pair: &mut Pair, wire: &Wire) {
    receive(pair, Side::Client, &wire[..1]);
}

#[inline(never)]
fn read(pair: &mut Pair, server: TcpId, into: &mut [u8]) -> usize {
    pair.with(Side::Server, |cx, host| host.tcp_read(cx, server, into))
}
