mod conversations;
mod followers;
mod labels;
mod leases;
mod names;
mod neighbors;
mod paths;
mod redirects;
mod refusals;
mod routers;
mod strays;
mod streams;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base::xray::{self, Film, Layer};
use base::{Cx, Instant, Mac, Offload, TxBuf, Wall, World};
use ip::{InterfaceId, Prefix, Route};
use neighbor::Claim;
use phys::{RxChecksum, RxFrame};

use crate::{AutoConfig, Config, Event, Host, InterfaceConfig};

const IF1: InterfaceId = InterfaceId(1);

/// How long a frame takes.
const DELAY: Duration = Duration::from_millis(1);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A frame on a cable, and what was left open in it: at the other end somebody does it.
struct Frame {
    bytes: Vec<u8>,
    open: Offload,
}

impl From<Vec<u8>> for Frame {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, open: Offload::default() }
    }
}

/// Hosts, and cables between them.
struct Net {
    now: Instant,
    world: World,
    film: Film,
    /// The layers that the film shows.
    shown: Vec<Layer>,
    hosts: Vec<Host>,
    /// Which interfaces of which hosts a cable joins.
    cables: Vec<[(usize, InterfaceId); 2]>,
    in_flight: VecDeque<(Instant, usize, InterfaceId, Frame)>,
    events: Vec<(usize, Event)>,
    /// Every frame that went over a cable, if they are to be kept, and whose it was.
    frames: Option<Vec<(usize, Vec<u8>)>>,
}

impl Net {
    fn new(layers: &[Layer]) -> Self {
        // All are watched in every test, so that tests that run beside it change no film.
        xray::watch(&Layer::ALL);
        Self {
            shown: layers.to_vec(),
            now: Instant::ORIGIN,
            world: World::seeded(1),
            film: Film::default(),
            hosts: Vec::new(),
            cables: Vec::new(),
            in_flight: VecDeque::new(),
            events: Vec::new(),
            frames: None,
        }
    }

    /// Two hosts, 10.0.0.1 and 10.0.0.2, in one network on one cable.
    fn pair(layers: &[Layer]) -> Self {
        let mut net = Self::new(layers);
        let hosts = ["10.0.0.1/16", "10.0.0.2/16"].map(|address| net.add_host(&[address]));
        net.cables.push(hosts.map(|host| (host, IF1)));
        net
    }

    /// Two hosts, 10.0.1.1 and 10.0.2.1, and a router between them, the second of whose links takes
    /// `mtu` bytes.
    fn routed(layers: &[Layer], mtu: usize) -> Self {
        let mut net = Self::new(layers);
        let (a, b) = (net.add_host(&["10.0.1.1/24"]), net.add_host(&["10.0.2.1/24"]));
        let router = net.add_host(&["10.0.1.254/24", "10.0.2.254/24"]);
        net.hosts[router].set_router(true);
        for (host, gateway) in [(a, "10.0.1.254"), (b, "10.0.2.254")] {
            let route = Route::via(Prefix::ALL_V4, IF1, ip(gateway));
            net.hosts[host].add_route(route).unwrap();
        }
        net.cables.push([(a, IF1), (router, IF1)]);
        net.cables.push([(router, InterfaceId(2)), (b, IF1)]);
        net.hosts[router].network.interface_mut(InterfaceId(2)).unwrap().device.mtu = mtu;
        net
    }

    fn add_host(&mut self, addresses: &[&str]) -> usize {
        let number = self.hosts.len();
        let mut host = Host::new(Config::new([number as u8; 16]));
        for (n, address) in (1u8..).zip(addresses) {
            let mac = Mac([2, 0, 0, 0, number as u8 + 1, n]);
            let interface = host.add_interface(InterfaceConfig::ethernet("eth", mac, 1500));
            let mut cx = Cx::new(self.now, Wall(0), &mut self.world);
            let cidr = address.parse().unwrap();
            host.add_address(&mut cx, interface.unwrap(), cidr, Claim::Silent).unwrap();
        }
        while host.poll_event().is_some() {}
        self.hosts.push(host);
        number
    }

    /// Does something with a host.
    fn with<T>(&mut self, host: usize, run: impl FnOnce(&mut Cx<'_>, &mut Host) -> T) -> T {
        let mut cx = Cx::new(self.now, Wall(0), &mut self.world).watched_by(&mut self.film);
        run(&mut cx, &mut self.hosts[host])
    }

    /// Lets `duration` pass.
    fn run(&mut self, duration: Duration) {
        let end = self.now.after(duration);
        let mut out = TxBuf::new();
        loop {
            while self.in_flight.front().is_some_and(|(due, ..)| *due <= self.now) {
                let (_, host, interface, Frame { bytes, open }) =
                    self.in_flight.pop_front().unwrap();
                let checksum = match open.checksum {
                    Some(_) => RxChecksum::Open,
                    None => RxChecksum::Unverified,
                };
                let frame = RxFrame { bytes: &bytes, checksum, segmentation: open.segmentation };
                self.with(host, |cx, host| host.handle_frame(cx, interface, &frame));
            }
            for host in 0..self.hosts.len() {
                self.with(host, |cx, host| host.handle_timeout(cx));
                while let Some(from) = self.with(host, |cx, host| host.poll_frame(cx, &mut out)) {
                    if let Some(frames) = &mut self.frames {
                        frames.push((host, out.as_slice().to_vec()));
                    }
                    let to = self.other_end((host, from));
                    let due = self.now.after(DELAY);
                    let frame = Frame { bytes: out.as_slice().to_vec(), open: out.offload() };
                    self.in_flight.extend(to.map(|(to, i)| (due, to, i, frame)));
                }
                while let Some(event) = self.hosts[host].poll_event() {
                    self.events.push((host, event));
                }
            }
            let timers = self.hosts.iter().filter_map(Host::poll_timeout);
            let next = timers.chain(self.in_flight.front().map(|(due, ..)| *due)).min();
            match next.filter(|next| *next <= end) {
                Some(next) => self.now = next.max(self.now),
                None => break,
            }
        }
        self.now = end;
    }

    fn other_end(&self, end: (usize, InterfaceId)) -> Option<(usize, InterfaceId)> {
        let mut ends = self.cables.iter().flat_map(|[a, b]| [(*a, *b), (*b, *a)]);
        ends.find(|(near, _)| *near == end).map(|(_, far)| far)
    }

    /// The film.
    fn film(&self) -> String {
        let is_shown = |line: &&str| {
            let layer = line.split(' ').nth(1);
            self.shown.iter().any(|shown| layer == Some(&format!("{shown:?}")[..]))
        };
        self.film.text.split_inclusive('\n').filter(is_shown).collect()
    }
}
