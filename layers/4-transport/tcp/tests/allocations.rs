//! How often a segment asks for memory, and how much a connection is. The counts are exact, so that
//! one more is seen at once.

use std::sync::Arc;
use std::time::Duration;

use base::{Cx, Instant, Wall, World};
use bytes::Bytes;
use tcp::{Config, Connection, Flow, Limits, Listener, Segment, TimeWait};

/// Two ends, and nothing between them.
struct Pair {
    world: World,
    now: Instant,
    ends: [Connection; 2],
    wire: Vec<u8>,
    segments: u64,
    /// Whether users read, and how much they have.
    reads: bool,
    read: usize,
}

const LIMITS: Limits = Limits::of_mss(1460);

fn flow(local: &str, remote: &str) -> Flow {
    Flow {
        local: local.parse().expect("it is there"),
        remote: remote.parse().expect("it is there"),
    }
}

impl Pair {
    fn connected() -> Self {
        Self::connected_with(Config::default())
    }

    /// The same, where the server has a configuration of its own.
    fn connected_with(server: Config) -> Self {
        let mut world = World::seeded(1);
        let now = Instant::from_millis(1000);
        let config = Arc::new(Config::default());
        let (a, b) = ("10.0.0.1:4000", "10.0.0.2:80");
        let mut cx = Cx::new(now, Wall(0), &mut world);
        let mut client = Connection::client(&mut cx, Arc::clone(&config), flow(a, b), &LIMITS);
        let mut listener = Listener::new(Arc::new(server), 1);
        let mut wire = Vec::with_capacity(2048);
        assert!(carry(&mut cx, &mut client, &mut wire));
        let syn = Segment::parse(&wire).expect("it is there");
        let ecn = tcp::Ecn::NotEct;
        let came = listener.handle_segment(&mut cx, &flow(b, a), &LIMITS, &syn, ecn, None);
        assert!(came.is_none());
        let (_, answer) = listener.poll_transmit(&mut cx).expect("it is there");
        let answer = Segment { header: answer, payload: &[], segment_len: 0 };
        client.handle_segment(&mut cx, &answer, ecn);
        assert!(carry(&mut cx, &mut client, &mut wire));
        let third = Segment::parse(&wire).expect("it is there");
        let server = listener.handle_segment(&mut cx, &flow(b, a), &LIMITS, &third, ecn, None);
        Self {
            world,
            now,
            ends: [client, server.expect("it is there")],
            wire,
            segments: 0,
            reads: true,
            read: 0,
        }
    }

    /// Client to server and back, until nobody has anything to say. The server reads.
    fn exchange(&mut self) {
        loop {
            let before = self.segments;
            for n in 0..2 {
                let [a, b] = &mut self.ends;
                let (from, to) = if n == 0 { (a, b) } else { (b, a) };
                let mut cx = Cx::new(self.now, Wall(0), &mut self.world);
                while carry(&mut cx, from, &mut self.wire) {
                    let segment = Segment::parse(&self.wire).expect("it is there");
                    to.handle_segment(&mut cx, &segment, tcp::Ecn::NotEct);
                    self.segments += 1;
                }
                while to.poll_event().is_some() {}
                let n = if self.reads { to.readable() } else { 0 };
                self.read += n;
                to.release(&mut cx, n);
            }
            if self.segments == before {
                return;
            }
        }
    }

    fn pass(&mut self, delay: Duration) {
        self.now = self.now.after(delay);
        for end in &mut self.ends {
            end.handle_timeout(&mut Cx::new(self.now, Wall(0), &mut self.world));
        }
        self.exchange();
    }
}

/// Writes the next segment into `wire`.
fn carry(cx: &mut Cx<'_>, from: &mut Connection, wire: &mut Vec<u8>) -> bool {
    let Some(out) = from.poll_transmit(cx, &LIMITS) else { return false };
    let mut header = [0; 60];
    let len = out.header.emit(&mut header);
    wire.clear();
    wire.extend_from_slice(header.get(..len).unwrap_or_default());
    out.payload.slices().for_each(|slice| wire.extend_from_slice(slice));
    true
}

#[test]
fn a_warm_segment_asks_for_nothing() {
    let mut pair = Pair::connected();
    let data = Bytes::from(vec![b'x'; 50_000]);
    let round = |pair: &mut Pair| {
        let mut cx = Cx::new(pair.now, Wall(0), &mut pair.world);
        let [client, _] = &mut pair.ends;
        assert_eq!(client.write(&mut cx, data.clone()), data.len());
        pair.exchange();
        pair.pass(Duration::from_millis(50));
    };
    for _ in 0..20 {
        round(&mut pair);
    }
    let before = pair.segments;
    let asked = allocation_counter::measure(|| (0..10).for_each(|_| round(&mut pair)));
    assert!(pair.segments - before > 350, "{} segments", pair.segments - before);
    assert_eq!(asked.count_total, 0, "for {} segments", pair.segments - before);
}

/// A peer fills the memory of a stack whose user does not read: it holds its budget and a block, and
/// everything arrives as soon as the user reads.
#[test]
fn who_does_not_read_holds_no_more_than_the_budget() {
    let budget = Arc::new(tcp::Budget::new(16 * 1024));
    let mut pair =
        Pair::connected_with(Config { budget: Arc::clone(&budget), ..Config::default() });
    pair.reads = false;
    let data = Bytes::from(vec![b'x'; 60_000]);
    let [client, _] = &mut pair.ends;
    let mut cx = Cx::new(pair.now, Wall(0), &mut pair.world);
    assert_eq!(client.write(&mut cx, data.clone()), data.len());
    let most = budget.max() + 4096;
    for _ in 0..20 {
        pair.pass(Duration::from_millis(300));
        assert!(budget.used() <= most, "{} bytes", budget.used());
    }
    let [_, server] = &pair.ends;
    let waiting = server.readable();
    assert!(waiting > 8000 && waiting < 20_000, "{waiting} bytes");
    pair.reads = true;
    for _ in 0..300 {
        pair.pass(Duration::from_millis(300));
        assert!(budget.used() <= most, "{} bytes", budget.used());
    }
    assert_eq!((pair.read, budget.used()), (data.len(), 0));
}

/// The numbers of `docs/tcp.md`.
#[test]
fn what_a_connection_is() {
    assert!(size_of::<Connection>() <= 824, "{}", size_of::<Connection>());
    assert!(size_of::<TimeWait>() <= 96, "{}", size_of::<TimeWait>());
    let mut world = World::seeded(1);
    let config = Arc::new(Config::default());
    let mut client = None;
    let boxed = allocation_counter::measure(|| {
        let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
        let flow = flow("10.0.0.1:4000", "10.0.0.2:80");
        client = Some(Connection::client(&mut cx, config, flow, &LIMITS));
    });
    assert_eq!(boxed.bytes_current, 0, "a connection that has sent nothing is one piece");
    let mut pair = Pair::connected();
    let grown = allocation_counter::measure(|| {
        let mut cx = Cx::new(pair.now, Wall(0), &mut pair.world);
        let data = Bytes::from_static(&[b'x'; 20_000]);
        let [client, _] = &mut pair.ends;
        client.write(&mut cx, data);
        pair.exchange();
        pair.pass(Duration::from_secs(1));
        // What the worker keeps for all connections is not theirs.
        pair.world = World::seeded(1);
    });
    assert!(grown.bytes_current <= 96, "{} bytes stay after a transfer", grown.bytes_current);
}
