//! Once warm, a frame costs no allocation, whichever way it goes.

use std::time::Duration;

use base::{Cx, Instant, Mac, TxBuf, Wall, World};
use bytes::Bytes;
use host::{Config, Host, InterfaceConfig, TcpId};
use ip::InterfaceId;
use neighbor::Claim;
use phys::RxFrame;

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
        let (mut world, now) = (World::seeded(1), Instant::from_millis(1000));
        let hosts = [1u8, 2].map(|n| {
            let mut host = Host::new(Config::new([n; 16]));
            let mac = Mac([2, 0, 0, 0, 0, n]);
            let id = host.add_interface(InterfaceConfig::ethernet("eth0", mac, 1500));
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
        to.handle_frame(cx, IF1, &RxFrame::new(out.as_slice()));
    }
    while from.poll_event().is_some() {}
    frames
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

#[test]
fn a_segment_costs_no_allocation_of_its_own() {
    let mut pair = Pair::new();
    let any = std::net::SocketAddr::new([0; 4].into(), 80);
    let remote = std::net::SocketAddr::new([10, 0, 0, 2].into(), 80);
    let listener = pair.with(1, |_, host| host.tcp_listen(any, 8)).expect("free");
    let client = pair.with(0, |cx, host| host.tcp_connect(cx, None, remote)).expect("a way");
    pair.turn();
    let server: TcpId = pair.with(1, |_, host| host.tcp_accept(listener)).expect("connected");
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
