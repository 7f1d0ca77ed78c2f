use std::fmt;
use std::time::Duration;

use base::xray::Film;
use base::{Cx, Instant, Mac, TxBuf, Wall, World};
use host::{Config, Host, InterfaceConfig};
use ip::{InterfaceId, Route};
use neighbor::Claim;
use phys::RxFrame;

use crate::cable::{Cable, Weather};
use crate::capture::Capture;
use crate::programs::Program;

/// How many times the loop may go around without time passing: more is a host that never stops
/// talking.
const IDLE_TURNS_MAX: u32 = 100_000;

/// Hosts and the cables between them.
pub struct Net {
    now: Instant,
    seed: u64,
    world: World,
    hosts: Vec<Station>,
    cables: Vec<End>,
    out: TxBuf,
    frames: u64,
    /// What everybody said, if somebody wants to know.
    film: Option<Film>,
    capture: Option<Capture>,
}

/// A host and what runs on it.
struct Station {
    host: Host,
    programs: Vec<Box<dyn Program>>,
}

/// One direction of a cable, and both ends.
struct End {
    from: (usize, InterfaceId),
    to: (usize, InterfaceId),
    cable: Cable,
    captured_as: u32,
}

/// Something that must not be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Broken {
    /// When.
    pub at: Instant,
    /// What.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.at, self.what)
    }
}

impl Net {
    /// An empty network whose chances follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            now: Instant::ORIGIN,
            seed,
            world: World::seeded(seed),
            hosts: Vec::new(),
            cables: Vec::new(),
            out: TxBuf::new(),
            frames: 0,
            film: None,
            capture: None,
        }
    }

    /// Keeps a film and a capture from now on.
    pub fn watch(&mut self) {
        base::xray::watch(&base::xray::Layer::ALL);
        self.film = Some(Film::bounded(64 << 20));
        self.capture = Some(Capture::new());
    }

    /// A host; its number. TCP's secret follows from the network's seed.
    pub fn add_host(&mut self, adjust: impl FnOnce(&mut Config)) -> usize {
        let number = self.hosts.len();
        let secret = u128::from(self.seed) << 64 | number as u128;
        let mut config = Config::new(secret.to_le_bytes());
        adjust(&mut config);
        self.hosts.push(Station { host: Host::new(config), programs: Vec::new() });
        number
    }

    /// Joins two hosts by a cable with this weather each way, and gives each an address on it.
    pub fn join(&mut self, ends: [(usize, &str); 2], mtu: usize, weather: [Weather; 2]) {
        let ends = ends.map(|(host, address)| (host, self.add_interface(host, address, mtu)));
        let [a, b] = ends;
        for ((from, to), weather) in [(a, b), (b, a)].into_iter().zip(weather) {
            let seed = self.seed.wrapping_mul(31).wrapping_add(self.cables.len() as u64);
            let name = format!("host{} {:?}", from.0, from.1);
            let captured_as = self.capture.as_mut().map_or(0, |c| c.add_interface(&name));
            self.cables.push(End { from, to, cable: Cable::new(weather, seed), captured_as });
        }
    }

    fn add_interface(&mut self, number: usize, address: &str, mtu: usize) -> InterfaceId {
        let cidr: ip::Cidr = address.parse().expect("a scenario knows what an address is");
        let mac = match cidr.address() {
            std::net::IpAddr::V4(ip) => {
                let [a, b, c, d] = ip.octets();
                Mac([2, number as u8, a, b, c, d])
            }
            std::net::IpAddr::V6(ip) => {
                let [.., net, _] = ip.segments().map(|part| part as u8);
                Mac([2, number as u8, 6, 0, net, ip.segments()[2] as u8])
            }
        };
        let mut cx = Cx::new(self.now, Wall(0), &mut self.world);
        let station = self.hosts.get_mut(number).expect("the scenario has made it");
        let config = InterfaceConfig::ethernet(&format!("eth{number}"), mac, mtu);
        let id = station.host.add_interface(config).expect("there are few interfaces");
        let added = station.host.add_address(&mut cx, id, cidr, Claim::Silent);
        added.expect("a scenario gives each address once");
        id
    }

    /// A way for a host to a network.
    pub fn add_route(&mut self, host: usize, route: Route) {
        let added = self.host_mut(host).add_route(route);
        added.expect("a scenario knows its gateways");
    }

    /// Starts a program on a host.
    pub fn start(&mut self, host: usize, program: Box<dyn Program>) {
        self.hosts.get_mut(host).expect("the scenario has made it").programs.push(program);
    }

    /// The time now.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// A host, to be looked at.
    pub fn host(&self, number: usize) -> &Host {
        &self.hosts.get(number).expect("there is such a host").host
    }

    /// A host, to be changed.
    pub fn host_mut(&mut self, number: usize) -> &mut Host {
        &mut self.hosts.get_mut(number).expect("there is such a host").host
    }

    /// Every host.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().map(|station| &station.host)
    }

    /// How many frames were put on cables, and how many of them were lost.
    pub fn frames(&self) -> (u64, u64) {
        (self.frames, self.cables.iter().map(|end| end.cable.lost()).sum())
    }

    /// Whether every program has done what it wanted to do.
    pub fn is_done(&self) -> bool {
        self.hosts.iter().flat_map(|station| &station.programs).all(|program| program.is_done())
    }

    /// What programs say they wait for.
    pub fn unfinished(&self) -> String {
        let programs = self.hosts.iter().flat_map(|station| &station.programs);
        let waiting = programs.filter(|program| !program.is_done());
        waiting.map(|program| program.describe()).collect::<Vec<_>>().join("; ")
    }

    /// The film, if one was kept.
    pub fn film(&self) -> &str {
        self.film.as_ref().map_or("", |film| &film.text)
    }

    /// The capture, if one was kept.
    pub fn capture(&self) -> Option<&[u8]> {
        self.capture.as_ref().map(Capture::bytes)
    }

    /// Lets time pass until `end`, or until `stop` says so, which is asked once in a while.
    ///
    /// # Errors
    /// What a program, or a host, must not do.
    pub fn run_until(
        &mut self,
        end: Instant,
        mut stop: impl FnMut(&Self) -> Result<bool, String>,
    ) -> Result<(), Broken> {
        let mut asked_at = self.now;
        let mut idle_turns = 0;
        for host in 0..self.hosts.len() {
            self.pump(host)?;
        }
        loop {
            if self.now.since(asked_at) >= Duration::from_secs(1) {
                asked_at = self.now;
                if stop(self).map_err(|what| self.broken(what))? {
                    return Ok(());
                }
            }
            let Some(next) = self.next_event().filter(|next| *next <= end) else { break };
            idle_turns = if next > self.now { 0 } else { idle_turns + 1 };
            if idle_turns > IDLE_TURNS_MAX {
                return Err(self.broken("time does not pass: somebody never stops".to_owned()));
            }
            self.now = self.now.max(next);
            self.step()?;
        }
        self.now = self.now.max(end);
        stop(self).map_err(|what| self.broken(what))?;
        Ok(())
    }

    fn next_event(&self) -> Option<Instant> {
        let cables = self.cables.iter().filter_map(|end| end.cable.next());
        let stations = self.hosts.iter().flat_map(|station| {
            let programs = station.programs.iter().filter_map(|program| program.poll_timeout());
            programs.chain(station.host.poll_timeout())
        });
        cables.chain(stations).min()
    }

    /// Everything that is due now.
    fn step(&mut self) -> Result<(), Broken> {
        for at in 0..self.cables.len() {
            let mut touched = None;
            while let Some(end) = self.cables.get_mut(at)
                && let Some(frame) = end.cable.receive(self.now)
            {
                let (host, interface) = end.to;
                touched = Some(host);
                let mut cx = context(self.now, &mut self.world, &mut self.film, host);
                if let Some(station) = self.hosts.get_mut(host) {
                    station.host.handle_frame(&mut cx, interface, &RxFrame::new(&frame));
                }
            }
            if let Some(host) = touched {
                self.pump(host)?;
            }
        }
        for host in 0..self.hosts.len() {
            let Some(station) = self.hosts.get(host) else { break };
            let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= self.now);
            let is_program_due = station.programs.iter().any(|p| is_due(p.poll_timeout()));
            if is_due(station.host.poll_timeout()) || is_program_due {
                self.pump(host)?;
            }
        }
        Ok(())
    }

    /// Lets a host and its programs do all that they can do now.
    fn pump(&mut self, number: usize) -> Result<(), Broken> {
        let Some(station) = self.hosts.get_mut(number) else { return Ok(()) };
        let mut cx = context(self.now, &mut self.world, &mut self.film, number);
        station.host.handle_timeout(&mut cx);
        let mut result = Ok(());
        loop {
            while let Some(interface) = station.host.poll_frame(&mut cx, &mut self.out) {
                let mine = |end: &&mut End| end.from == (number, interface);
                if let Some(end) = self.cables.iter_mut().find(mine) {
                    self.frames += 1;
                    if let Some(capture) = &mut self.capture {
                        capture.add_frame(end.captured_as, self.now, self.out.as_slice());
                    }
                    end.cable.send(self.now, self.out.as_slice());
                }
            }
            let mut has_news = false;
            while let Some(event) = station.host.poll_event() {
                has_news = true;
                for program in &mut station.programs {
                    program.handle_event(&mut cx, &mut station.host, &event);
                }
            }
            for program in &mut station.programs {
                let worked = program.run(&mut cx, &mut station.host);
                match worked {
                    Ok(worked) => has_news |= worked,
                    Err(what) => result = Err(what),
                }
            }
            if !has_news || result.is_err() {
                break;
            }
        }
        result.map_err(|what| self.broken(format!("host {number}: {what}")))
    }

    fn broken(&self, what: String) -> Broken {
        Broken { at: self.now, what }
    }
}

/// What a host is lent for one call.
fn context<'a>(
    now: Instant,
    world: &'a mut World,
    film: &'a mut Option<Film>,
    host: usize,
) -> Cx<'a> {
    let cx = Cx::new(now, Wall(0), world).in_connection(host as u64);
    match film {
        Some(film) => cx.watched_by(film),
        None => cx,
    }
}
