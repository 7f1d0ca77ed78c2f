use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base::{Cx, Instant, Wall, World};
use tcp::wire::HEADER_LEN_MAX;
use tcp::{
    Budget, Config, Connection, Ecn, Event, Flags, Flow, Header, IcmpError, IcmpKind, Limits,
    Listener, Profile, Returned, Segment, Seq, State, TimeWait,
};

/// Bytes as a segment, and a connection whose peer does what comes to its mind.
///
/// What can be read can be written, and reads the same. Whatever the peer sends, nothing panics,
/// what leaves between two events is bounded, so is memory, and all of it is given back.
///
/// The first byte chooses a system and who begins; each group of four bytes behind it is a step.
pub fn tcp(data: &[u8]) {
    round_trip(data);
    let Some((&choice, steps)) = data.split_first() else { return };
    let budget = Arc::new(Budget::new(1 << 20));
    let mut stage = Stage::new(choice, Arc::clone(&budget));
    for step in steps.as_chunks::<4>().0.iter().take(500) {
        stage.step(*step);
        stage.drain();
    }
    drop(stage);
    assert_eq!(budget.used(), 0, "all memory is given back");
}

fn round_trip(data: &[u8]) {
    let Ok((header, payload)) = Header::parse(data) else { return };
    assert!(payload.len() + 20 <= data.len());
    let mut out = [0; HEADER_LEN_MAX];
    let len = header.emit(&mut out);
    assert!(len.is_multiple_of(4) && (20..=HEADER_LEN_MAX).contains(&len));
    let written = out.get(..len).unwrap_or_default();
    let (again, rest) = Header::parse(written).expect("what we write can be read");
    assert!(rest.is_empty());
    // Whatever fits is there again; together options may be longer than a header.
    assert_eq!((again.seq, again.ack, again.flags), (header.seq, header.ack, header.flags));
    if len < 52 {
        assert_eq!(again, header);
    }
}

struct Stage {
    world: World,
    now: Instant,
    config: Arc<Config>,
    flow: Flow,
    connection: Option<Connection>,
    listener: Listener,
    waiting: Option<TimeWait>,
    limits: Limits,
    /// What our last segment said, so that the peer can be nearly right.
    seen: (Seq, Seq),
}

impl Stage {
    fn new(choice: u8, budget: Arc<Budget>) -> Self {
        let profile = match choice & 3 {
            0 => Profile::Linux,
            1 => Profile::FreeBsd,
            _ => Profile::Hepta,
        };
        let mut config = Config { budget, ..Config::profile(profile) };
        config.handshake.sack = choice & 4 == 0;
        config.handshake.timestamps = choice & 8 == 0;
        config.handshake.syn_queue_max = usize::from(choice >> 4 & 1);
        let config = Arc::new(config);
        let address = |n, port| SocketAddr::from((Ipv4Addr::new(10, 0, 0, n), port));
        let flow = Flow { local: address(1, 80), remote: address(2, 4000) };
        let gso_len_max = if choice & 32 == 0 { 1460 } else { 65_000 };
        let limits = Limits { mss: 1460, gso_len_max };
        let mut world = World::seeded(u64::from(choice));
        let now = Instant::from_millis(1000);
        let begins = choice & 64 == 0;
        let mut cx = Cx::new(now, Wall(0), &mut world);
        let connection =
            begins.then(|| Connection::client(&mut cx, Arc::clone(&config), flow, &limits));
        let listener = Listener::new(Arc::clone(&config), 4);
        let seen = (Seq(0), Seq(0));
        Self { world, now, config, flow, connection, listener, waiting: None, limits, seen }
    }

    /// The low four bits of the first byte say what happens, the rest how.
    fn step(&mut self, [what, a, b, c]: [u8; 4]) {
        let mut cx = Cx::new(self.now, Wall(0), &mut self.world);
        let n = usize::from(a) * 64;
        match (what & 15, &mut self.connection) {
            (0, Some(connection)) => drop(connection.write_slice(&mut cx, &vec![b; n])),
            (1, Some(connection)) => drop(connection.write(&mut cx, vec![b; n].into())),
            (2, Some(connection)) => connection.release(&mut cx, n),
            (3, Some(connection)) if a & 7 == 0 => connection.shut_down(&mut cx),
            (3, Some(connection)) if a & 7 == 1 => connection.close(&mut cx),
            (3, Some(connection)) if a == 250 => connection.abort(&mut cx),
            (4, Some(connection)) => {
                connection.set_nodelay(a & 1 == 0);
                connection.set_cork(a & 2 == 0);
                connection.set_keepalive(&cx, a & 4 == 0);
            }
            (5, Some(connection)) => {
                let kind = match b & 1 {
                    0 => IcmpKind::PacketTooBig { mtu: u32::from(a) * 8 },
                    _ => IcmpKind::TimeExceeded,
                };
                let seq = self.seen.0 + u32::from(c);
                connection.handle_icmp(&mut cx, &IcmpError { kind, seq });
            }
            (6 | 7, _) => self.pass(Duration::from_millis(1 << (a & 15))),
            _ => self.arrive(what, a, b, c),
        }
    }

    fn pass(&mut self, delay: Duration) {
        self.now = self.now.after(delay);
        let mut cx = Cx::new(self.now, Wall(0), &mut self.world);
        self.listener.handle_timeout(&mut cx);
        if let Some(connection) = &mut self.connection {
            connection.handle_timeout(&mut cx);
        }
        self.waiting.take_if(|waiting| waiting.until() <= self.now);
    }

    /// A segment that is nearly right: numbers near what we expect, any flags, some options.
    fn arrive(&mut self, what: u8, a: u8, b: u8, c: u8) {
        let payload = vec![a; usize::from(c) * 8];
        let mut header = Header {
            source: 4000,
            destination: 80,
            seq: self.seen.1 + (u32::from(a >> 4) * 500),
            ack: self.seen.0 + u32::from(b >> 4) * 300,
            flags: Flags::from_bits(u16::from(b & 15) | 0x10 | u16::from(what >> 6) << 5),
            window: u16::from(a) << 8 | u16::from(c),
            urgent: u16::from(c),
            ..Header::default()
        };
        if what & 16 == 0 {
            header.flags = header.flags.without(Flags::SYN | Flags::RST);
        }
        if header.flags.has(Flags::SYN) {
            header.options.mss = Some(u16::from(c) * 16);
            header.options.sack_permitted = true;
            header.options.window_scale = Some(a & 15);
            header.options.timestamps = Some((u32::from(a), 0));
            header.flags = if c & 1 == 0 { header.flags.without(Flags::ACK) } else { header.flags };
        }
        if what & 32 == 0 {
            let start = header.ack + u32::from(a) * 100;
            header.options.sack = [(start, start + u32::from(b) * 50)].into_iter().collect();
        }
        let segment = Segment { header, payload: &payload, segment_len: u16::from(c & 3) * 500 };
        let mut cx = Cx::new(self.now, Wall(0), &mut self.world);
        let mut isn = None;
        if let Some(waiting) = &mut self.waiting {
            match waiting.handle_segment(&mut cx, &self.config, &segment, true) {
                Returned::Reuse { isn: new } => isn = Some(new),
                Returned::Nothing | Returned::Reply(_) => return,
            }
            self.waiting = None;
        }
        let ecn = Ecn::from_bits(what >> 6);
        match &mut self.connection {
            Some(connection) if connection.state() != State::Closed => {
                connection.handle_segment(&mut cx, &segment, ecn);
            }
            _ => {
                let (flow, limits) = (self.flow, self.limits);
                let came =
                    self.listener.handle_segment(&mut cx, &flow, &limits, &segment, ecn, isn);
                if came.is_some() {
                    self.connection = came;
                }
            }
        }
    }

    fn drain(&mut self) {
        let mut cx = Cx::new(self.now, Wall(0), &mut self.world);
        while let Some((_, header)) = self.listener.poll_transmit(&mut cx) {
            self.seen = (header.seq + 1, header.ack);
        }
        let Some(connection) = &mut self.connection else { return };
        let mut count = 0;
        while let Some(out) = connection.poll_transmit(&mut cx, &self.limits) {
            let len = out.payload.slices().map(<[u8]>::len).sum::<usize>();
            assert_eq!(len, out.payload.len());
            assert!(len as u32 <= self.limits.gso_len_max);
            self.seen = (out.header.seq, out.header.ack);
            count += 1;
            assert!(count < 100_000, "somebody talks without end");
        }
        while let Some(event) = connection.poll_event() {
            if event == Event::TimeWait {
                self.waiting = connection.take_time_wait();
            }
        }
        let info = connection.info(self.now);
        assert!(info.memory <= 8 << 20, "{} bytes are held", info.memory);
        assert!(info.sacked + info.lost <= info.unacked + info.retransmitted + 1);
        if let Some((at, timer)) = connection.poll_timeout() {
            assert!(at.since(self.now) <= Duration::from_secs(7200), "{timer:?} is far away");
        }
    }
}
