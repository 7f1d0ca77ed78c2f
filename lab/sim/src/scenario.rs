//! Everything from one seed: who is where, how the weather is, and what they have to say.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base::{Instant, Rng};
use ip::{InterfaceId, Prefix, Route};
use tcp::ProbeWhen;

use crate::cable::Weather;
use crate::net::{Broken, Net};
use crate::programs::{Chatter, Client, Listener, Plan, Server};

/// By when everything must be said: with all outages and the longest waits, an hour is much.
const END: Duration = Duration::from_secs(3600);

/// How long after that connections may linger: TIME-WAIT, and ends that wait for a lost FIN.
const LINGER: Duration = Duration::from_secs(600);

/// What the buffers of one connection may hold at most: both ways, and what is out of order.
const MEMORY_MAX: usize = 16 << 20;

/// What is played.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// From what all of it follows.
    pub seed: u64,
    /// Over which version of IP.
    pub is_v6: bool,
    /// What the links take; one, or two with a router between them.
    pub mtus: Vec<usize>,
    /// The weather of each link, each way.
    pub weather: Vec<[Weather; 2]>,
    /// What goes over each stream.
    pub plans: Vec<Plan>,
    /// How long the datagrams are that go beside.
    pub datagrams: Vec<usize>,
    /// Whether TCP searches for the largest segment from the beginning (RFC 4821).
    pub probes_sizes: bool,
}

/// What was seen when it was played.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// How long it took, in virtual time.
    pub took: Duration,
    /// Frames put on cables.
    pub frames: u64,
    /// Of these, lost.
    pub lost: u64,
    /// Bytes of all streams.
    pub bytes: u64,
}

impl Scenario {
    /// What follows from `seed`.
    pub fn from_seed(seed: u64) -> Self {
        let mut rng = Rng::seeded(seed ^ 0x5eed);
        // The first numbers of near seeds are near.
        let _ = (0..8).map(|_| rng.below(2)).sum::<u32>();
        let links = 1 + rng.below(2);
        let is_v6 = rng.below(4) == 0;
        // RFC 8200 §5: no link of IPv6 takes less than 1280.
        let all: &[usize] =
            if is_v6 { &[1500, 1400, 1280] } else { &[1500, 1500, 1400, 1006, 600] };
        let mtus = (0..links).map(|_| pick(&mut rng, all)).collect();
        let weather = (0..links).map(|_| {
            let there = weather(&mut rng, links);
            let back = if rng.below(3) == 0 { weather(&mut rng, links) } else { there.clone() };
            [there, back]
        });
        let weather = weather.collect();
        let streams = 1 + rng.below(4);
        let plans = (0..streams).map(|n| plan(&mut rng, u64::from(n) + 1)).collect();
        let count = rng.below(6) as usize;
        let datagrams = (0..count).map(|_| rng.below(6000) as usize).collect();
        let probes_sizes = seed % 4 == 3;
        Self { seed, is_v6, mtus, weather, plans, datagrams, probes_sizes }
    }

    /// The same over IPv6: on links that it may use, with neighbours that are found by their own
    /// protocol.
    #[must_use]
    pub fn over_ipv6(mut self) -> Self {
        self.is_v6 = true;
        self.mtus.iter_mut().for_each(|mtu| *mtu = (*mtu).max(ip::v6::MTU_MIN));
        self
    }

    fn build(&self, is_watched: bool) -> Net {
        let mut net = Net::new(self.seed);
        if is_watched {
            net.watch();
        }
        let configure = |config: &mut host::Config| {
            if self.probes_sizes {
                config.tcp.each.mtu_probing.when = ProbeWhen::Always;
            }
        };
        let (client, server) = (net.add_host(configure), net.add_host(configure));
        let mut links = self.mtus.iter().copied().zip(self.weather.iter().cloned());
        let (mtu, weather) = links.next().expect("there is a link");
        let address = |net: u8, host: u8| match self.is_v6 {
            false => format!("10.0.{net}.{host}/24"),
            true => format!("fd00:0:0:{net:x}::{host:x}/64"),
        };
        let ip = |net, host| -> IpAddr {
            let address = address(net, host).parse::<ip::Cidr>();
            address.expect("both forms are addresses").address()
        };
        let remote = match links.next() {
            None => {
                let ends = [(client, &*address(1, 1)), (server, &*address(1, 2))];
                net.join(ends, mtu, weather);
                ip(1, 2)
            }
            Some((mtu_2, weather_2)) => {
                let router = net.add_host(|config| config.is_router = true);
                let ends = [(client, &*address(1, 1)), (router, &*address(1, 254))];
                net.join(ends, mtu, weather);
                let ends = [(router, &*address(2, 254)), (server, &*address(2, 1))];
                net.join(ends, mtu_2, weather_2);
                let all = if self.is_v6 { Prefix::ALL_V6 } else { Prefix::ALL_V4 };
                for (host, number) in [(client, 1), (server, 2)] {
                    net.add_route(host, Route::via(all, InterfaceId(1), ip(number, 254)));
                }
                ip(2, 1)
            }
        };
        let at = |port| SocketAddr::new(remote, port);
        let nobody: IpAddr = if self.is_v6 { [0; 16].into() } else { [0; 4].into() };
        let any = |port| SocketAddr::new(nobody, port);
        net.start(server, Box::new(Server::new(any(80), self.plans.iter().copied())));
        net.start(server, Box::new(Listener::new(any(7))));
        for plan in &self.plans {
            net.start(client, Box::new(Client::new(at(80), *plan)));
        }
        let interval = Duration::from_millis(700);
        net.start(client, Box::new(Chatter::new(at(7), self.datagrams.clone(), interval)));
        net
    }
}

/// Plays a scenario, watched or not, and looks from outside whether all is well.
///
/// # Errors
/// What was broken first; the net is what it was then, to be looked at.
pub fn run(scenario: &Scenario, is_watched: bool) -> (Net, Result<Outcome, Broken>) {
    let mut net = scenario.build(is_watched);
    let outcome = play(scenario, &mut net);
    (net, outcome)
}

fn play(scenario: &Scenario, net: &mut Net) -> Result<Outcome, Broken> {
    let end = Instant::ORIGIN.after(END);
    net.run_until(end, |net| check_memory(net).map(|()| net.is_done()))?;
    let took = net.now().since(Instant::ORIGIN);
    if !net.is_done() {
        return Err(Broken { at: net.now(), what: format!("stuck: {}", net.unfinished()) });
    }
    // Both ends agree that it is over: nothing is left of any connection.
    let end = net.now().after(LINGER);
    net.run_until(end, |net| check_memory(net).map(|()| false))?;
    for (number, host) in net.hosts().enumerate() {
        let left: Vec<_> = host.tcp_connections().map(|(_, c)| (c.flow(), c.state())).collect();
        if !left.is_empty() || host.tcp_time_waits() > 0 {
            let time_waits = host.tcp_time_waits();
            let what = format!("host {number} keeps {left:?} and {time_waits} in TIME-WAIT");
            return Err(Broken { at: net.now(), what });
        }
    }
    let (frames, lost) = net.frames();
    let bytes = scenario.plans.iter().map(|plan| plan.up + plan.down).sum();
    Ok(Outcome { took, frames, lost, bytes })
}

/// No connection holds more than it may.
fn check_memory(net: &Net) -> Result<(), String> {
    for host in net.hosts() {
        for (_, connection) in host.tcp_connections() {
            let memory = connection.info(net.now()).memory;
            if memory > MEMORY_MAX {
                return Err(format!("{:?} holds {memory} bytes", connection.flow()));
            }
        }
    }
    Ok(())
}

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    let at = rng.below(from.len() as u32) as usize;
    *from.get(at).expect("there is something to pick from")
}

/// Weather that is fair or foul. Where there are two links, each loses half as much.
fn weather(rng: &mut Rng, links: u32) -> Weather {
    let mut maybe = |one_in: u32, value: u32| {
        if rng.below(one_in) == 0 { rng.below(value) + 1 } else { 0 }
    };
    let loss = maybe(2, 800 / links);
    let burst = maybe(4, 6000);
    let duplicate = maybe(3, 300);
    let corrupt = maybe(3, 200 / links);
    let outages = maybe(4, 2);
    let rate = match rng.below(3) {
        0 => None,
        _ => Some(1000 * u64::from(pick(rng, &[128u32, 1000, 10_000, 100_000]))),
    };
    let delay = Duration::from_micros(pick(rng, &[10, 500, 5000, 50_000, 150_000]));
    let jitter = if rng.below(2) == 0 { delay * rng.below(300) / 100 } else { Duration::ZERO };
    let outages = (0..outages).map(|_| {
        let begins = Instant::from_millis(rng.below(20_000).into());
        (begins, begins.after(Duration::from_millis((200 + rng.below(15_000)).into())))
    });
    let outages = outages.collect();
    let queue = 3000 + rng.below(100_000) as usize;
    Weather { delay, jitter, rate, queue, loss, burst, duplicate, corrupt, outages }
}

fn plan(rng: &mut Rng, stream: u64) -> Plan {
    // Most conversations are short, and some are not.
    let mut len = || {
        let bits = rng.below(17);
        u64::from(rng.below(1 << bits))
    };
    let (up, down) = (len(), len());
    let write_len = pick(rng, &[1, 100, 1460, 5000, 65_536]).max(up.max(down) as usize / 500);
    let read_len = pick(rng, &[100, 4096, 65_536]).max(up.max(down) as usize / 500);
    let rest = Duration::from_millis(pick(rng, &[0, 0, 0, 1, 20]));
    let begins = Instant::from_millis(rng.below(3000).into());
    Plan { stream, up, down, write_len, read: (read_len, rest), begins }
}
