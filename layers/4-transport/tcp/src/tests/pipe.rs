//! Two machines and a network between them that delays, loses, doubles and reorders.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::xray::{self, AnyNote, Layer, Sink, Stamp};
use base::{Cx, Instant, Rng, SipKey, Wall, World};
use bytes::Bytes;

use super::stage::pattern;
use crate::wire::{HEADER_LEN_MAX, Header};
use crate::{
    Algorithm, Budget, Config, Connection, Ecn, EcnPolicy, Event, Flow, Limits, Listener, Profile,
    Returned, Segment, State, TimeWait,
};

/// How the network is.
#[derive(Clone, Copy, Debug)]
struct Weather {
    delay: Duration,
    jitter: Duration,
    /// In thousandths.
    loss: u32,
    duplicates: u32,
    reordering: u32,
    marks: u32,
    /// Bytes a second, and how long the queue before it may become.
    rate: u64,
    queue: Duration,
}

/// Writes what both ends say to standard error, when `FILM` is set.
struct Printer(usize);

impl Sink for Printer {
    fn record(&mut self, stamp: &Stamp, note: &dyn AnyNote) {
        let mut line = format!("{:?} {} {}", stamp.at, ["a", "  b"][self.0], note.entry().name);
        note.each_field(&mut |name, value| line += &format!(" {name}={value:?}"));
        eprintln!("{line}");
    }
}

fn context<'a>(
    now: Instant,
    world: &'a mut World,
    printer: &'a mut Printer,
    is_filmed: bool,
) -> Cx<'a> {
    let cx = Cx::new(now, Wall(0), world);
    if is_filmed { cx.watched_by(printer) } else { cx }
}

/// One end, and what its user does.
struct End {
    flow: Flow,
    config: Arc<Config>,
    listener: Option<Listener>,
    connection: Option<Connection>,
    waiting: Option<TimeWait>,
    limits: Limits,
    /// How much its user writes in all, and has written and read so far.
    total: u32,
    written: u32,
    read: u32,
    has_shut: bool,
    saw_end: bool,
    is_closed: bool,
    /// The user reads now and then only.
    is_lazy: bool,
}

struct Pipe {
    now: Instant,
    world: World,
    rng: Rng,
    weather: Weather,
    ends: [End; 2],
    /// What is under way, in the order of arrival.
    wire: BTreeMap<(Instant, u64), (usize, Vec<u8>, Ecn)>,
    count: u64,
    busy_until: [Instant; 2],
    segments: u64,
    is_filmed: bool,
}

impl End {
    fn new(config: Arc<Config>, flow: Flow, total: u32, limits: Limits) -> Self {
        Self {
            flow,
            config,
            listener: None,
            connection: None,
            waiting: None,
            limits,
            total,
            written: 0,
            read: 0,
            has_shut: false,
            saw_end: false,
            is_closed: false,
            is_lazy: false,
        }
    }

    /// The user writes, reads and finishes.
    fn act(&mut self, cx: &mut Cx<'_>, rng: &mut Rng) {
        let Some(connection) = &mut self.connection else { return };
        while self.written < self.total {
            let n = (1 + rng.below(20_000)).min(self.total - self.written);
            let bytes = pattern(self.written, n as usize);
            let took = match rng.below(2) {
                0 => connection.write(cx, Bytes::from(bytes)),
                _ => connection.write_slice(cx, &bytes),
            };
            self.written += took as u32;
            if took < n as usize {
                break;
            }
        }
        if self.written == self.total && !self.has_shut && connection.state().is_synchronized() {
            connection.shut_down(cx);
            self.has_shut = true;
        }
        if self.is_lazy && rng.below(4) > 0 {
            return;
        }
        let mut out = [0; 16_384];
        loop {
            let most = 1 + rng.below(out.len() as u32) as usize;
            let n = connection.read(cx, &mut out[..most]);
            if n == 0 {
                break;
            }
            assert_eq!(out[..n], pattern(self.read, n), "the stream is what was written");
            self.read += n as u32;
        }
    }
}

impl Pipe {
    fn new(seed: u64, weather: Weather, configs: [Config; 2], totals: [u32; 2], gso: u32) -> Self {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (a, b) = (address("10.0.0.1:4000"), address("[2001:db8::2]:80"));
        let flows = [Flow { local: a, remote: b }, Flow { local: b, remote: a }];
        let limits = Limits { mss: 1460, gso_len_max: gso };
        let [first, second] = configs.map(Arc::new);
        let mut world = World::seeded(seed);
        let now = Instant::from_millis(5000);
        let mut client = End::new(Arc::clone(&first), flows[0], totals[0], limits);
        let mut server = End::new(Arc::clone(&second), flows[1], totals[1], limits);
        let mut cx = Cx::new(now, Wall(0), &mut world);
        client.connection = Some(Connection::client(&mut cx, first, flows[0], &limits));
        server.listener = Some(Listener::new(second, 4));
        Self {
            now,
            world,
            rng: Rng::seeded(seed ^ 0x5eed),
            weather,
            ends: [client, server],
            wire: BTreeMap::new(),
            count: 0,
            busy_until: [now; 2],
            segments: 0,
            is_filmed: std::env::var("FILM").is_ok(),
        }
    }

    /// Runs until both ends are done, or `limit` has passed.
    fn run(&mut self, limit: Duration) {
        let until = self.now.after(limit);
        for _ in 0..3_000_000 {
            for n in 0..2 {
                self.serve(n);
            }
            if self.ends.iter().all(|end| end.is_closed) {
                for n in 0..2 {
                    self.ends[n].is_lazy = false;
                    self.serve(n);
                }
                return;
            }
            let next = self.next().expect("somebody waits for something");
            assert!(next <= until, "it takes too long: {}", self.report());
            self.now = self.now.max(next);
            self.deliver();
            for n in 0..2 {
                self.expire(n);
            }
        }
        panic!("it goes on for ever: {}", self.report());
    }

    fn report(&self) -> String {
        let mut all = format!("{:?}, {} segments, {:?}\n", self.now, self.segments, self.weather);
        for end in &self.ends {
            let info = end.connection.as_ref().map(|c| c.info(self.now));
            let next = end.connection.as_ref().and_then(Connection::poll_timeout);
            all += &format!(
                "wrote {} of {}, read {}, next {next:?}, {info:#?}\n",
                end.written, end.total, end.read
            );
        }
        all
    }

    fn serve(&mut self, n: usize) {
        let Self { world, rng, now, is_filmed, .. } = self;
        let end = &mut self.ends[n];
        let mut printer = Printer(n);
        let mut cx = context(*now, world, &mut printer, *is_filmed);
        end.act(&mut cx, rng);
        let mut out: Vec<(Header, Vec<u8>, u16, Ecn)> = Vec::new();
        if let Some(listener) = &mut end.listener {
            while let Some((_, header)) = listener.poll_transmit(&mut cx) {
                out.push((header, Vec::new(), 0, Ecn::NotEct));
            }
        }
        if let Some(connection) = &mut end.connection {
            while let Some(segment) = connection.poll_transmit(&mut cx, &end.limits) {
                let payload = segment.payload.to_vec();
                out.push((segment.header, payload, segment.segment_len, segment.ecn));
            }
            let mut is_failed = None;
            while let Some(event) = connection.poll_event() {
                match event {
                    Event::PeerFinished => end.saw_end = true,
                    Event::TimeWait => end.waiting = connection.take_time_wait(),
                    Event::Failed(why) => is_failed = Some(why),
                    Event::Closed => end.is_closed = true,
                    _ => {}
                }
            }
            assert_eq!(is_failed, None, "it fails: {}", self.report());
        }
        for (header, payload, segment_len, ecn) in out {
            self.send(n, header, &payload, segment_len, ecn);
        }
    }

    /// Cuts a super-segment, and puts each piece on the wire.
    fn send(&mut self, n: usize, header: Header, payload: &[u8], segment_len: u16, ecn: Ecn) {
        let each = usize::from(segment_len).max(1);
        let pieces = payload.len().div_ceil(each).max(1);
        for piece in 0..pieces {
            let from = piece * each;
            let to = payload.len().min(if pieces == 1 { payload.len() } else { from + each });
            let mut header = header.clone();
            header.seq += from as u32;
            if piece + 1 < pieces {
                header.flags = header.flags.without(crate::Flags::FIN).without(crate::Flags::PSH);
            }
            if piece > 0 {
                header.flags = header.flags.without(crate::Flags::CWR);
            }
            let mut bytes = [0; HEADER_LEN_MAX];
            let len = header.emit(&mut bytes);
            let mut all = bytes[..len].to_vec();
            all.extend_from_slice(&payload[from..to]);
            self.put_on_wire(n, all, ecn);
        }
    }

    fn put_on_wire(&mut self, n: usize, bytes: Vec<u8>, ecn: Ecn) {
        self.segments += 1;
        let weather = self.weather;
        let busy = self.busy_until[n].max(self.now);
        if busy.since(self.now) > weather.queue {
            return;
        }
        let nanos = bytes.len() as u64 * 1_000_000_000 / weather.rate;
        self.busy_until[n] = busy.after(Duration::from_nanos(nanos));
        if self.rng.below(1000) < weather.loss {
            return;
        }
        let copies = 1 + u32::from(self.rng.below(1000) < weather.duplicates);
        for _ in 0..copies {
            let mut at = self.busy_until[n].after(weather.delay);
            if self.rng.below(1000) < weather.reordering {
                let nanos = weather.jitter.as_nanos() as u32;
                at = at.after(Duration::from_nanos(u64::from(self.rng.below(nanos.max(1)))));
            }
            let is_marked = ecn != Ecn::NotEct && self.rng.below(1000) < weather.marks;
            let ecn = if is_marked { Ecn::Ce } else { ecn };
            self.count += 1;
            self.wire.insert((at, self.count), (1 - n, bytes.clone(), ecn));
        }
    }

    fn next(&self) -> Option<Instant> {
        let wire = self.wire.first_key_value().map(|((at, _), _)| *at);
        let timers = self.ends.iter().flat_map(|end| {
            let connection = end.connection.as_ref().and_then(|c| c.poll_timeout());
            let listener = end.listener.as_ref().and_then(Listener::poll_timeout);
            let lazy = end.is_lazy.then(|| self.now.after(Duration::from_millis(50)));
            connection.map(|(at, _)| at).into_iter().chain(listener).chain(lazy)
        });
        wire.into_iter().chain(timers).min()
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.wire.first_entry()
            && entry.key().0 <= self.now
        {
            let (n, bytes, ecn) = entry.remove();
            let segment = Segment::parse(&bytes).unwrap();
            let end = &mut self.ends[n];
            let mut printer = Printer(n);
            let mut cx = context(self.now, &mut self.world, &mut printer, self.is_filmed);
            let mut reply = None;
            match (&mut end.connection, &mut end.waiting) {
                (_, Some(waiting)) => {
                    match waiting.handle_segment(&mut cx, &end.config, &segment, true) {
                        Returned::Reply(header) => reply = Some(*header),
                        Returned::Nothing => {}
                        Returned::Reuse { .. } => panic!("nobody begins anew"),
                    }
                }
                (Some(connection), _) if connection.state() != State::Closed => {
                    connection.handle_segment(&mut cx, &segment, ecn);
                }
                (None, _) => {
                    let listener = end.listener.as_mut().unwrap();
                    let (flow, limits) = (end.flow, end.limits);
                    end.connection =
                        listener.handle_segment(&mut cx, &flow, &limits, &segment, ecn, None);
                }
                // A host would answer with an RST; the other end may still be in LAST-ACK.
                (Some(_), _) => {}
            }
            if let Some(header) = reply {
                self.send(n, header, &[], 0, Ecn::NotEct);
            }
        }
    }

    fn expire(&mut self, n: usize) {
        let end = &mut self.ends[n];
        let mut printer = Printer(n);
        let mut cx = context(self.now, &mut self.world, &mut printer, self.is_filmed);
        if let Some(connection) = &mut end.connection {
            connection.handle_timeout(&mut cx);
            let memory = connection.info(self.now).memory;
            assert!(memory < 16 << 20, "memory grows: {memory}");
        }
        if let Some(listener) = &mut end.listener {
            listener.handle_timeout(&mut cx);
        }
    }

    fn check(&self) {
        let [a, b] = &self.ends;
        assert_eq!(a.read, b.total, "the client has read everything");
        assert_eq!(b.read, a.total, "the server has read everything");
        assert!(a.saw_end && b.saw_end, "both have seen the end");
    }
}

/// What the seed makes of it.
fn play(seed: u64) {
    let mut rng = Rng::seeded(seed);
    let weather = Weather {
        delay: Duration::from_micros(100 + u64::from(rng.below(100_000))),
        jitter: Duration::from_micros(1 + u64::from(rng.below(60_000))),
        loss: [0, 10, 50, 150][rng.below(4) as usize],
        duplicates: [0, 20, 100][rng.below(3) as usize],
        reordering: [0, 30, 300][rng.below(3) as usize],
        marks: [0, 20][rng.below(2) as usize],
        rate: [500_000, 2_000_000, 100_000_000][rng.below(3) as usize],
        queue: Duration::from_millis(u64::from(20 + rng.below(200))),
    };
    let mut config = || {
        let profile = [Profile::Linux, Profile::FreeBsd, Profile::Hepta][rng.below(3) as usize];
        let mut config = Config::profile(profile);
        config.secret = SipKey::new((7 << 64 | u128::from(seed)).to_le_bytes());
        config.handshake.sack = rng.below(4) > 0;
        config.handshake.timestamps = rng.below(4) > 0;
        config.handshake.window_scaling = rng.below(4) > 0;
        config.congestion.algorithm = [Algorithm::NewReno, Algorithm::Cubic][rng.below(2) as usize];
        config.handshake.ecn =
            [EcnPolicy::Off, EcnPolicy::WhenAsked, EcnPolicy::Ask][rng.below(3) as usize];
        config.handshake.syn_queue_max = [0, 16][rng.below(2) as usize];
        config.buffers.receive_initial = [3000, 65_536][rng.below(2) as usize];
        config.retransmit.retries_max = 30;
        config.handshake.syn_retries = 20;
        config.handshake.syn_ack_retries = 20;
        config
    };
    let configs = [config(), config()];
    let budgets = [Arc::clone(&configs[0].budget), Arc::clone(&configs[1].budget)];
    let totals = [rng.below(300_000), rng.below(300_000)];
    let gso = [1460, 65_000][rng.below(2) as usize];
    if std::env::var("FILM").is_ok() {
        xray::watch(&[Layer::Transport]);
    }
    let mut pipe = Pipe::new(seed, weather, configs, totals, gso);
    pipe.ends[0].is_lazy = rng.below(3) == 0;
    pipe.ends[1].is_lazy = rng.below(3) == 0;
    pipe.run(Duration::from_secs(4000));
    pipe.check();
    drop(pipe);
    assert_eq!(budgets.map(|budget: Arc<Budget>| budget.used()), [0, 0], "memory is given back");
}

/// How many seeds every run plays.
const SEEDS: u64 = 300;

/// Streams arrive whole and in order, both ends close, nothing is stuck, memory stays bounded.
#[test]
fn streams_survive_any_weather() {
    let seeds = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = seeds.map_or(0..SEEDS, |seed| seed..seed + 1);
    for seed in seeds {
        let played = std::panic::catch_unwind(|| play(seed));
        assert!(played.is_ok(), "seed {seed} fails; play it alone with SEED={seed}");
    }
}
