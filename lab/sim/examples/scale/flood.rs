//! SYNs from addresses that nobody has, faster than anybody could answer, and a client who means it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use base::checksum::Sum;
use base::{Mac, Rng, TxBuf};
use host::{Event, ListenerId, TcpEvent, TcpId};
use ip::{Prefix, Route};
use sim::{INTERFACE, Pair, Side, address_of, end_of, mac_of};

pub(crate) const PORT: u16 = 80;

/// How many frames come before the server has its turn, as from a device.
pub(crate) const BATCH: usize = 64;

/// How many SYNs are made ahead of the time that is measured.
const BLOCK: usize = 64 * BATCH;

/// How often the client connects.
const INTERVAL: Duration = Duration::from_millis(10);

/// What the server says to whom it accepts.
pub(crate) const GREETING: [u8; 100] = [7; 100];

pub(crate) fn run(rate: u64, seconds: u64, is_on_link: bool) {
    let mut pair = Pair::new(true, |_| ());
    let local = end_of(Side::Server, PORT);
    let listener = pair.with(Side::Server, |_, host| {
        // Whoever is not on the link is behind the client.
        let route = Route::via(Prefix::ALL_V4, INTERFACE, address_of(Side::Client));
        host.add_route(route).expect("the client is on the link");
        host.tcp_listen(local, 4096).expect("nobody listens there")
    });
    let mut attack = Attack { rng: Rng::seeded(1), is_on_link, made: 0 };
    let mut clients =
        Clients { listener, waiting: Vec::new(), served: 0, failed: 0, slowest: Duration::ZERO };
    let gap = Duration::from_nanos(BATCH as u64 * 1_000_000_000 / rate.max(1));
    let begin = pair.now();
    let (mut next, mut nanos, mut memory) = (begin, 0, Vec::new());
    let mut frames = Vec::new();
    while pair.now().since(begin) < Duration::from_secs(seconds) {
        frames.clear();
        frames.resize_with(BLOCK, || attack.syn());
        for batch in frames.chunks(BATCH) {
            let began = super::cpu_nanos();
            take(&mut pair, batch);
            nanos += super::cpu_nanos() - began;
            pair.pass(gap);
            if pair.now() >= next {
                next = next.after(INTERVAL);
                clients.connect(&mut pair);
            }
            clients.settle(&mut pair);
        }
        if memory.len() < pair.now().since(begin).as_secs() as usize {
            memory.push(super::resident());
        }
    }
    let host = pair.host(Side::Server);
    let half_open = host.tcp_listener(listener).map_or(0, |(_, listener)| listener.half_open());
    println!(
        "{{\"syns\": {}, \"ns_per_syn\": {:.0}, \"served\": {}, \"failed\": {}, \"slowest_ms\": {:.0}, \
         \"half_open\": {half_open}, \"neighbors\": {}, \"resident\": {memory:?}}}",
        attack.made,
        nanos as f64 / attack.made as f64,
        clients.served,
        clients.failed + clients.waiting.len(),
        clients.slowest.as_secs_f64() * 1e3,
        host.neighbors().count(),
    );
}

/// A batch of SYNs comes, and the answers leave, none of which arrives anywhere.
#[inline(never)]
fn take(pair: &mut Pair, batch: &[Vec<u8>]) {
    for frame in batch {
        pair.receive(Side::Server, frame);
    }
    while pair.send(Side::Server, |_| ()) {}
}

/// Where SYNs come from.
pub(crate) struct Attack {
    pub(crate) rng: Rng,
    pub(crate) is_on_link: bool,
    pub(crate) made: u64,
}

impl Attack {
    /// A SYN from an address and a port that are not likely to come again.
    fn syn(&mut self) -> Vec<u8> {
        let IpAddr::V4(to) = address_of(Side::Server) else { return Vec::new() };
        self.syn_to(to.octets(), mac_of(Side::Server))
    }

    /// The same to a host of this address and hardware address.
    pub(crate) fn syn_to(&mut self, to: [u8; 4], mac: Mac) -> Vec<u8> {
        let to = Ipv4Addr::from(to);
        self.made += 1;
        let anything = self.rng.below(u32::MAX).to_be_bytes();
        let [a, b, c, d] = anything;
        // The network of the link, or one of those of providers.
        let first = if self.is_on_link { 10 } else { 32 + a % 64 };
        let source = Ipv4Addr::new(first, b, c, d.clamp(3, 254));
        let header = tcp::Header {
            source: 1024 + self.rng.below(64_000) as u16,
            destination: PORT,
            seq: tcp::Seq(self.rng.below(u32::MAX)),
            flags: tcp::Flags::SYN,
            window: 64_240,
            options: tcp::wire::Options {
                mss: Some(1460),
                sack_permitted: true,
                timestamps: Some((self.rng.below(u32::MAX), 0)),
                window_scale: Some(7),
                ..tcp::wire::Options::default()
            },
            ..tcp::Header::default()
        };
        let mut bytes = [0; tcp::wire::HEADER_LEN_MAX];
        let len = header.emit(&mut bytes);
        let mut out = TxBuf::new();
        out.append(bytes.get(..len).unwrap_or_default());
        let mut sum = Sum::pseudo_v4(source, to, 6, len);
        sum.add(out.as_slice());
        let place = out.as_mut_slice().get_mut(tcp::wire::CHECKSUM_AT..);
        if let Some(place) = place.and_then(|rest| rest.first_chunk_mut()) {
            *place = sum.finish().to_be_bytes();
        }
        ip::v4::Header::new(source, to, ip::Protocol::TCP, 64).emit(&mut out);
        let (destination, source) = (mac, mac_of(Side::Client));
        let (tag, ethertype) = (None, ethernet::EtherType::Ipv4);
        ethernet::Header { destination, source, tag, ethertype }.emit(&mut out);
        out.as_slice().to_vec()
    }
}

/// A client that connects again and again, reads a greeting and leaves.
struct Clients {
    listener: ListenerId,
    waiting: Vec<(TcpId, base::Instant)>,
    served: usize,
    failed: usize,
    slowest: Duration,
}

impl Clients {
    fn connect(&mut self, pair: &mut Pair) {
        let remote = end_of(Side::Server, PORT);
        let id = pair.with(Side::Client, |cx, host| host.tcp_connect(cx, None, remote));
        self.waiting.push((id.expect("a port is free"), pair.now()));
    }

    /// Lets the client and the server talk.
    fn settle(&mut self, pair: &mut Pair) {
        loop {
            while pair.carry_one(Side::Client) {}
            while let Some(event) = pair.with(Side::Server, |_, host| host.poll_event()) {
                if let Event::Tcp(TcpEvent::Acceptable(_)) = event {
                    self.greet(pair);
                }
            }
            let mut has_sent = false;
            while pair.carry_one(Side::Server) {
                has_sent = true;
            }
            while let Some(event) = pair.with(Side::Client, |_, host| host.poll_event()) {
                self.hear(pair, event);
            }
            if !has_sent {
                return;
            }
        }
    }

    fn greet(&self, pair: &mut Pair) {
        pair.with(Side::Server, |cx, host| {
            while let Some(id) = host.tcp_accept(self.listener) {
                host.tcp_write_slice(cx, id, &GREETING);
                host.tcp_close(cx, id);
            }
        });
    }

    fn hear(&mut self, pair: &mut Pair, event: Event) {
        let Event::Tcp(TcpEvent::Connection(id, event)) = event else { return };
        let is_over = matches!(event, tcp::Event::PeerFinished | tcp::Event::Failed(_));
        let at = self.waiting.iter().position(|(of, _)| *of == id).filter(|_| is_over);
        let Some((_, since)) = at.map(|at| self.waiting.swap_remove(at)) else { return };
        let mut into = [0; 200];
        let n = pair.with(Side::Client, |cx, host| {
            let n = host.tcp_read(cx, id, &mut into);
            host.tcp_close(cx, id);
            n
        });
        if into.get(..n) == Some(&GREETING) {
            self.served += 1;
            self.slowest = self.slowest.max(pair.now().since(since));
        } else {
            self.failed += 1;
        }
    }
}
