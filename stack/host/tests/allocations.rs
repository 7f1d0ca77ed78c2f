//! Once warm, a frame costs no allocation, whichever way it goes.

use std::time::Duration;

use base::{Cx, Instant, Mac, TxBuf, Wall, World};
use bytes::Bytes;
use host::{Config, Host, InterfaceConfig, TcpId};
use ip::InterfaceId;
use neighbor::Claim;
use phys::{Device, Medium, Merger, RxFrame};

const IF1: InterfaceId = InterfaceId(1);

/// Two hosts on a cable without delay, and what they are lent.
struct Pair {
    world: World,
    now: Instant,
    hosts: [Host; 2],
    out: TxBuf,
    frames: usize,
}

impl Pair {
    fn new() -> Self {
        Self::on(Device::plain(Medium::Ethernet, 1500))
    }

    fn on(device: Device) -> Self {
        let (mut world, now) = (World::seeded(1), Instant::from_millis(1000));
        let hosts = [1u8, 2].map(|n| {
            let mut host = Host::new(Config::new([n; 16]));
            let mac = Mac([2, 0, 0, 0, 0, n]);
            let id = host.add_interface(InterfaceConfig::on("eth0", mac, device));
            let address = format!("10.0.0.{n}/24").parse().expect("an address");
            let mut cx = Cx::new(now, Wall(0), &mut world);
            let added = host.add_address(&mut cx, id.expect("room"), address, Claim::Silent);
            added.expect("the first");
            host
        });
        Self { world, now, hosts, out: TxBuf::new(), frames: 0 }
    }

    /// Lets frames go both ways until nobody has any, and some time pass.
    fn turn(&mut self) {
        self.now = self.now.after(Duration::from_micros(50));
        let [a, b] = &mut self.hosts;
        let mut cx = Cx::new(self.now, Wall(0), &mut self.world);
        a.handle_timeout(&mut cx);
        b.handle_timeout(&mut cx);
        loop {
            let sent = carry(&mut cx, a, b, &mut self.out) + carry(&mut cx, b, a, &mut self.out);
            self.frames += sent;
            if sent == 0 {
                break;
            }
        }
    }

    fn with<T>(&mut self, host: usize, run: impl FnOnce(&mut Cx<'_>, &mut Host) -> T) -> T {
        let mut cx = Cx::new(self.now, Wall(0), &mut self.world);
        run(&mut cx, self.hosts.get_mut(host).expect("one of two"))
    }
}

/// Carries every frame from one host to the other; how many there were.
fn carry(cx: &mut Cx<'_>, from: &mut Host, to: &mut Host, out: &mut TxBuf) -> usize {
    let mut frames = 0;
    while from.poll_frame(cx, out).is_some() {
        frames += 1;
        out.finish_checksum();
        to.handle_frame(cx, IF1, &RxFrame::new(out.as_slice()));
    }
    while from.poll_event().is_some() {}
    frames
}

/// Carries every frame from one host to the other as devices do it that can nothing: super-segments are
/// cut, and what arrives is merged; how many packets there were.
fn carry_in_software(
    cx: &mut Cx<'_>,
    (from, to): (&mut Host, &mut Host),
    (out, piece): (&mut TxBuf, &mut TxBuf),
    merger: &mut Merger,
) -> usize {
    let mut packets = 0;
    while from.poll_frame(cx, out).is_some() {
        let mut up = |frame: &RxFrame<'_>| to.handle_frame(cx, IF1, frame);
        let mut arrive = |frame: &mut TxBuf| {
            frame.finish_checksum();
            packets += 1;
            merger.handle_frame(Medium::Ethernet, RxFrame::new(frame.as_slice()), &mut up);
        };
        match out.offload().segmentation {
            Some(_) => phys::cut(out, Medium::Ethernet, piece, arrive),
            None => arrive(out),
        }
        merger.flush(up);
    }
    while from.poll_event().is_some() {}
    packets
}

/// Allocations per frame, once `turn` has been played often enough.
fn measure(pair: &mut Pair, mut turn: impl FnMut(&mut Pair)) -> f64 {
    (0..500).for_each(|_| turn(pair));
    let before = pair.frames;
    let info = allocation_counter::measure(|| (0..500).for_each(|_| turn(pair)));
    let frames = pair.frames - before;
    assert!(frames >= 500, "{frames} frames");
    info.count_total as f64 / frames as f64
}

#[test]
fn a_ping_costs_no_allocation() {
    let mut pair = Pair::new();
    let per_frame = measure(&mut pair, |pair| {
        let asked = pair.with(0, |cx, host| host.ping(cx, [10, 0, 0, 2].into(), (1, 1), &[7; 56]));
        assert!(asked);
        pair.turn();
    });
    assert_eq!(per_frame, 0.0);
}

#[test]
fn a_datagram_costs_no_allocation() {
    let mut pair = Pair::new();
    let any = |port| std::net::SocketAddr::new([0; 4].into(), port);
    let client = pair.with(0, |_, host| host.udp_bind(any(1))).expect("free");
    let server = pair.with(1, |_, host| host.udp_bind(any(2))).expect("free");
    let to = Some(std::net::SocketAddr::new([10, 0, 0, 2].into(), 2));
    let mut into = [0; 2000];
    let per_frame = measure(&mut pair, |pair| {
        pair.with(0, |_, host| host.udp_send(client, to, &[7; 1000])).expect("room");
        pair.turn();
        assert!(pair.with(1, |_, host| host.udp_receive(server, &mut into)).is_some());
    });
    assert_eq!(per_frame, 0.0);
}

/// Two ends of a connection over port 80: the client's, and the server's.
fn connect(pair: &mut Pair) -> (TcpId, TcpId) {
    let any = std::net::SocketAddr::new([0; 4].into(), 80);
    let remote = std::net::SocketAddr::new([10, 0, 0, 2].into(), 80);
    let listener = pair.with(1, |_, host| host.tcp_listen(any, 8)).expect("free");
    let client = pair.with(0, |cx, host| host.tcp_connect(cx, None, remote)).expect("a way");
    pair.turn();
    let server = pair.with(1, |_, host| host.tcp_accept(listener)).expect("connected");
    (client, server)
}

#[test]
fn a_segment_costs_no_allocation_of_its_own() {
    let mut pair = Pair::new();
    let (client, server) = connect(&mut pair);
    let data = Bytes::from(vec![7; 16 * 1024]);
    let mut into = vec![0; 1 << 20];
    let per_frame = measure(&mut pair, |pair| {
        pair.with(0, |cx, host| host.tcp_write(cx, client, data.clone()));
        pair.turn();
        pair.with(1, |cx, host| host.tcp_read(cx, server, &mut into));
    });
    // What is under way is a list that grows and shrinks with each flight: twice for some dozen frames.
    assert!(per_frame < 0.2, "{per_frame} allocations for a frame");
}

/// A client that connects to a server again and again, and asks it for something every 100 ms.
struct Talk {
    pair: Pair,
    listener: host::ListenerId,
    ends: Vec<[TcpId; 2]>,
    /// Whether both ask each other after two hours whether they are there.
    keeps_alive: bool,
}

impl Talk {
    fn new(connections: usize, keeps_alive: bool) -> Self {
        let mut pair = Pair::new();
        let any = std::net::SocketAddr::new([0; 4].into(), 80);
        let listener = pair.with(1, |_, host| host.tcp_listen(any, 8)).expect("free");
        let mut talk = Self { pair, listener, ends: Vec::new(), keeps_alive };
        (0..connections).for_each(|_| talk.connect());
        talk
    }

    fn connect(&mut self) {
        let remote = std::net::SocketAddr::new([10, 0, 0, 2].into(), 80);
        let pair = &mut self.pair;
        let client = pair.with(0, |cx, host| host.tcp_connect(cx, None, remote)).expect("a way");
        pair.turn();
        let server = pair.with(1, |_, host| host.tcp_accept(self.listener)).expect("connected");
        let ends = [client, server];
        for (n, end) in ends.into_iter().enumerate() {
            if self.keeps_alive {
                pair.with(n, |cx, host| host.tcp_with(end, |c| c.set_keepalive(cx, true)));
            }
        }
        self.ends.push(ends);
        self.exchange(self.ends.len() - 1, 2, 1000);
    }

    /// A question of 100 bytes, and an answer of so many.
    fn exchange(&mut self, of: usize, rounds: usize, answer_len: usize) {
        let Some(&[client, server]) = self.ends.get(of) else { return };
        for _ in 0..rounds {
            self.carry((0, client), (1, server), 100);
            self.carry((1, server), (0, client), answer_len);
            self.pair.now = self.pair.now.after(Duration::from_millis(100));
        }
    }

    fn carry(&mut self, from: (usize, TcpId), to: (usize, TcpId), len: usize) {
        let (mut into, pair) = ([0; 4096], &mut self.pair);
        let data = Bytes::from(vec![7; len]);
        pair.with(from.0, |cx, host| host.tcp_write(cx, from.1, data));
        pair.turn();
        while pair.with(to.0, |cx, host| host.tcp_read(cx, to.1, &mut into)) > 0 {}
        pair.turn();
    }

    fn close(&mut self, of: usize) {
        for (n, end) in self.ends.swap_remove(of).into_iter().enumerate() {
            assert!(self.pair.with(n, |cx, host| host.tcp_close(cx, end)));
            self.pair.turn();
        }
    }
}

/// Everything that a connection makes its host hold while it waits, both ends counted: what stands in
/// the tables beside it too, and what it has learnt of its path.
#[test]
fn an_idle_connection_is_a_kibibyte_at_most() {
    let mut talk = Talk::new(100, false);
    // What the worker keeps for all of them is warm.
    talk.exchange(0, 10, 50_000);
    let (before, count) = (talk.ends.len(), 2500);
    talk.ends.reserve(count);
    let grown = allocation_counter::measure(|| (0..count).for_each(|_| talk.connect()));
    let each = grown.bytes_current as f64 / (2 * count) as f64;
    assert!(each <= 928.0, "{each} bytes");
    // The same after an answer of many segments: they know the congestion of the path.
    let learnt = allocation_counter::measure(|| {
        (before..before + 250).for_each(|of| talk.exchange(of, 1, 50_000));
    });
    let more = learnt.bytes_current as f64 / 500.0;
    assert!(each + more <= 1024.0, "{each} and {more} bytes");
}

#[test]
fn small_talk_leaves_nothing_behind() {
    let mut talk = Talk::new(8, true);
    talk.exchange(0, 300, 3000);
    let grown = allocation_counter::measure(|| talk.exchange(0, 1000, 3000));
    assert!(grown.bytes_current < 1024, "{} bytes", grown.bytes_current);
}

#[test]
fn who_was_here_leaves_nothing_behind() {
    let mut talk = Talk::new(8, true);
    let mut come_and_go = |times: usize| {
        for _ in 0..times {
            talk.connect();
            talk.close(7);
        }
    };
    // So many that some are in TIME-WAIT all the time.
    come_and_go(500);
    let grown = allocation_counter::measure(|| come_and_go(500));
    assert!(grown.bytes_current < 1024, "{} bytes", grown.bytes_current);
}

/// A frame with a SYN from `from`, through the first host, to port 80 of the second.
fn syn(from: std::net::Ipv4Addr, seq: u32) -> Vec<u8> {
    let to = [10, 0, 0, 2].into();
    let options = tcp::wire::Options { mss: Some(1460), ..tcp::wire::Options::default() };
    let header = tcp::Header {
        source: 1024 + (seq % 60_000) as u16,
        destination: 80,
        seq: tcp::Seq(seq),
        flags: tcp::Flags::SYN,
        options,
        ..tcp::Header::default()
    };
    let mut bytes = [0; tcp::wire::HEADER_LEN_MAX];
    let len = header.emit(&mut bytes);
    let mut out = TxBuf::new();
    out.append(bytes.get(..len).expect("it was written"));
    ip::v4::Header::new(from, to, ip::Protocol::TCP, 64).emit(&mut out);
    let [source, destination] = [1, 2].map(|n| Mac([2, 0, 0, 0, 0, n]));
    let (tag, ethertype) = (None, ethernet::EtherType::Ipv4);
    ethernet::Header { destination, source, tag, ethertype }.emit(&mut out);
    out.as_slice().to_vec()
}

/// SYNs from invented addresses, as many as come in a tenth of a second at 500,000 a second, once the
/// queue of half-open connections is full: nothing more is held, and who means it is served meanwhile.
/// `bench/scale` plays ten seconds of it.
#[test]
fn a_flood_of_syns_takes_no_memory() {
    let mut talk = Talk::new(0, false);
    let gateway = [10, 0, 0, 1].into();
    let everywhere = ip::Route::via(ip::Prefix::ALL_V4, IF1, gateway);
    talk.pair.with(1, |_, host| host.add_route(everywhere)).expect("it is on the link");
    let mut seq = 0;
    let mut flood = |talk: &mut Talk, batches: usize| {
        for batch in 0..batches {
            for _ in 0..64 {
                seq += 1;
                let from = std::net::Ipv4Addr::from_bits(0x2000_0000 + seq * 7919);
                let bytes = syn(from, seq);
                let checksum = phys::RxChecksum::Verified;
                let frame = RxFrame { checksum, ..RxFrame::new(&bytes) };
                talk.pair.with(1, |cx, host| host.handle_frame(cx, IF1, &frame));
            }
            talk.pair.turn();
            talk.pair.now = talk.pair.now.after(Duration::from_micros(78));
            if batch % 50 == 0 {
                talk.connect();
                talk.close(0);
            }
        }
    };
    // What the worker keeps for all is warm.
    flood(&mut talk, 1200);
    let grown = allocation_counter::measure(|| flood(&mut talk, 782));
    let [_, server] = &talk.pair.hosts;
    let (_, listener) = server.tcp_listener(talk.listener).expect("it listens");
    assert_eq!(listener.half_open(), 4096);
    // The sixteen clients of this time are in TIME-WAIT, of some 200 bytes each.
    assert!(grown.bytes_current < 16_384, "{} bytes", grown.bytes_current);
}

#[test]
fn a_packet_that_is_cut_off_and_merged_again_costs_no_allocation() {
    let mut pair = Pair::on(Device::plain(Medium::Ethernet, 1500).with_software());
    let (client, server) = connect(&mut pair);
    let (mut piece, mut merger) = (TxBuf::new(), Merger::new());
    let data = Bytes::from(vec![7; 60_000]);
    let mut into = vec![0; 1 << 20];
    let per_packet = measure(&mut pair, |pair| {
        pair.with(0, |cx, host| host.tcp_write(cx, client, data.clone()));
        pair.now = pair.now.after(Duration::from_micros(50));
        let Pair { world, now, hosts: [a, b], out, frames } = pair;
        let mut cx = Cx::new(*now, Wall(0), world);
        loop {
            let buffers = (&mut *out, &mut piece);
            let there = carry_in_software(&mut cx, (a, b), buffers, &mut merger);
            let buffers = (&mut *out, &mut piece);
            let back = carry_in_software(&mut cx, (b, a), buffers, &mut merger);
            *frames += there + back;
            if there + back == 0 {
                break;
            }
        }
        pair.with(1, |cx, host| host.tcp_read(cx, server, &mut into));
    });
    assert!(per_packet < 0.05, "{per_packet} allocations for a packet");
}
