//! What it costs to connect, to be accepted and to part.

use std::time::Duration;

use host::{Host, ListenerId};
use sim::{Pair, Side, end_of};

/// Where the server listens: at so many ports that a client's do not come again too soon, for each is
/// in TIME-WAIT for a while.
const PORTS: std::ops::Range<u16> = 80..96;

/// How far the clock goes on with each connection: 60,000 of them in a second.
const EACH: Duration = Duration::from_nanos(1_000_000_000 / 60_000);

pub(crate) fn run(count: usize) {
    // The device looks at checksums, as all do that reach such rates.
    let mut pair = Pair::new(true, |_| ());
    let listeners: Vec<(u16, ListenerId)> = PORTS
        .map(|port| {
            let listening = |host: &mut Host| host.tcp_listen(end_of(Side::Server, port), 16);
            (port, pair.with(Side::Server, |_, host| listening(host)).expect("nobody does"))
        })
        .collect();
    let mut places = listeners.into_iter().cycle();
    let mut next = |pair: &mut Pair| places.next().into_iter().for_each(|at| one(pair, at));
    (0..count / 10).for_each(|_| next(&mut pair));
    let began = super::cpu_nanos();
    (0..count).for_each(|_| next(&mut pair));
    let took = super::cpu_nanos() - began;
    let waiting = pair.host(Side::Client).tcp_time_waits();
    println!(
        "{{\"per_second\": {:.0}, \"ns_each\": {:.0}, \"time_waits\": {waiting}}}",
        count as f64 * 1e9 / took as f64,
        took as f64 / count as f64,
    );
}

/// Connects, is accepted, and both leave: the client first.
#[inline(never)]
fn one(pair: &mut Pair, (port, listener): (u16, ListenerId)) {
    pair.pass(EACH);
    let remote = end_of(Side::Server, port);
    let client = pair.with(Side::Client, |cx, host| host.tcp_connect(cx, None, remote));
    let client = client.expect("a port is free, or free again");
    pair.settle(|_, _| ());
    let server = pair.with(Side::Server, |_, host| host.tcp_accept(listener)).expect("it came");
    assert!(pair.with(Side::Client, |cx, host| host.tcp_close(cx, client)));
    pair.settle(|_, _| ());
    assert!(pair.with(Side::Server, |cx, host| host.tcp_close(cx, server)));
    pair.settle(|_, _| ());
}
