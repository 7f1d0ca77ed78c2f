//! Our own stack, as scripts reach it: packets of IP on one side, verbs on the other, and a clock that
//! somebody else moves.

use std::collections::VecDeque;
use std::net::IpAddr;

use base::xray::{Film, Watching};
use base::{Cx, Instant, TxBuf, Wall, World};
use host::{Event, Host, InterfaceConfig};
use ip::{Cidr, InterfaceId, Prefix, Route};
use neighbor::Claim;
use phys::{Medium, RxFrame, pcapng};

use crate::Options;
use crate::language::settings::Settings;
use crate::run::seconds;

/// When scripts begin: a quarter into a millisecond, so that what happens in whole milliseconds is far
/// from the edges of coarse clocks; and late enough that clocks do not stand near zero.
pub(crate) const BEGINNING: Instant = Instant::from_nanos(1_000_000_250_000);

/// How many packets may wait to be looked at: more than any script can name.
const SNIFFED_MAX: usize = 100_000;

/// A host with one link to everybody else.
pub(crate) struct Stack {
    pub(crate) host: Host,
    /// How TCP behaves if no socket says otherwise.
    pub(crate) tcp: tcp::Config,
    world: World,
    now: Instant,
    link: InterfaceId,
    out: TxBuf,
    /// What left, and when.
    pub(crate) sniffed: VecDeque<(Instant, Vec<u8>)>,
    /// What sockets were told.
    pub(crate) events: VecDeque<Event>,
    /// The error of ICMP that came last.
    pub(crate) error_in: Option<ErrorIn>,
    /// What the stack says of itself, if somebody watches.
    film: Option<(Film, Watching)>,
    /// What went over the link, if somebody wants it.
    capture: Option<Vec<u8>>,
}

impl Stack {
    /// A host with an address and a way to everybody.
    ///
    /// # Errors
    /// For addresses that no host can have.
    pub(crate) fn new(
        settings: &Settings,
        config: &tcp::Config,
        options: &Options,
    ) -> Result<Self, String> {
        let mut all = host::Config::new(*b"a known secret!!");
        all.tcp.each = config.clone();
        let mut host = Host::new(all);
        let mtu = usize::from(settings.mtu);
        let link = host.add_interface(InterfaceConfig::point_to_point("tun0", mtu));
        let link = link.ok_or("no interface")?;
        let mut stack = Self {
            host,
            tcp: config.clone(),
            world: World::seeded(1),
            now: BEGINNING,
            link,
            out: TxBuf::new(),
            sniffed: VecDeque::new(),
            events: VecDeque::new(),
            error_in: None,
            film: options.is_watched.then(|| (Film::default(), Watching::begin())),
            capture: options.is_captured.then(new_capture),
        };
        let local = settings.local();
        let (len, all) = match local {
            IpAddr::V4(_) => (32, Prefix::ALL_V4),
            IpAddr::V6(_) => (128, Prefix::ALL_V6),
        };
        let cidr: Cidr = format!("{local}/{len}").parse().map_err(|_| "no address".to_owned())?;
        let added = stack.with(|cx, host| host.add_address(cx, link, cidr, Claim::Silent));
        added.map_err(|error| format!("address {local}: {error:?}"))?;
        let route = stack.host.add_route(Route::on_link(all, link));
        route.map_err(|error| format!("route: {error:?}"))?;
        stack.settle();
        stack.events.clear();
        Ok(stack)
    }

    /// The time.
    pub(crate) const fn now(&self) -> Instant {
        self.now
    }

    /// Does something with the host; what follows from it at once has happened when this returns.
    pub(crate) fn with<T>(&mut self, run: impl FnOnce(&mut Cx<'_>, &mut Host) -> T) -> T {
        let mut cx = Cx::new(self.now, Wall(0), &mut self.world);
        if let Some((film, _)) = &mut self.film {
            cx = cx.watched_by(film);
        }
        let result = run(&mut cx, &mut self.host);
        self.settle();
        result
    }

    /// Changes the settings of every connection there is.
    pub(crate) fn reconfigure(&mut self, change: impl Fn(&mut tcp::Config)) {
        let ids: Vec<_> = self.host.tcp_connections().map(|(id, _)| id).collect();
        for id in ids {
            self.with(|_, host| host.tcp_with(id, |connection| connection.reconfigure(&change)));
        }
    }

    /// Takes a packet from the link.
    pub(crate) fn handle_packet(&mut self, packet: &[u8]) {
        self.capture(packet);
        self.error_in = ErrorIn::of(packet);
        let link = self.link;
        self.with(|cx, host| host.handle_frame(cx, link, &RxFrame::new(packet)));
    }

    /// The next deadline.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.host.poll_timeout()
    }

    /// Moves the clock, not past the next deadline.
    pub(crate) fn set_now(&mut self, now: Instant) {
        debug_assert!(now >= self.now, "time does not go back");
        self.now = now.max(self.now);
        self.with(|cx, host| host.handle_timeout(cx));
    }

    /// Everything that is said now is said.
    fn settle(&mut self) {
        let mut out = std::mem::take(&mut self.out);
        loop {
            let mut cx = Cx::new(self.now, Wall(0), &mut self.world);
            if let Some((film, _)) = &mut self.film {
                cx = cx.watched_by(film);
            }
            let frame = self.host.poll_frame(&mut cx, &mut out);
            if frame.is_some() {
                self.capture(out.as_slice());
            }
            if frame.is_some() && self.sniffed.len() < SNIFFED_MAX {
                self.sniffed.push_back((self.now, out.as_slice().to_vec()));
            }
            let event = self.host.poll_event();
            if frame.is_none() && event.is_none() {
                break;
            }
            self.events.extend(event);
        }
        self.out = out;
    }

    fn capture(&mut self, packet: &[u8]) {
        if let Some(capture) = &mut self.capture {
            let at = self.now.since(BEGINNING).as_nanos();
            let at = u64::try_from(at).unwrap_or(u64::MAX);
            pcapng::write_packet(capture, 0, at, packet, "");
        }
    }

    /// What went over the link; its times count from the beginning of the script.
    pub(crate) fn into_capture(self) -> Vec<u8> {
        self.capture.unwrap_or_default()
    }

    /// What the stack has said of itself since this was last asked.
    pub(crate) fn take_film(&mut self) -> String {
        let film = self.film.as_mut().map(|(film, _)| film.take()).unwrap_or_default();
        film.lines().map(in_script_time).collect()
    }
}

/// An error of ICMP, as far as programs are told of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ErrorIn {
    pub(crate) is_v6: bool,
    pub(crate) kind: u8,
    pub(crate) code: u8,
    /// How much it quotes of what a packet of ours carried, with the header of TCP or UDP.
    pub(crate) quoted: usize,
}

impl ErrorIn {
    /// The error that a packet is.
    fn of(packet: &[u8]) -> Option<Self> {
        const HEADER_LEN: usize = 8;
        let packet = ip::Packet::parse(packet).ok()?;
        let (kind, code) = (*packet.payload.first()?, *packet.payload.get(1)?);
        let quote = packet.payload.get(HEADER_LEN..)?;
        let (is_v6, is_error) = match packet.protocol {
            ip::Protocol::ICMP => (false, matches!(kind, 3 | 11 | 12)),
            ip::Protocol::ICMPV6 => (true, kind < 128),
            _ => return None,
        };
        let header_len = if is_v6 { 40 } else { usize::from(quote.first()? & 0xf) * 4 };
        let quoted = quote.len().checked_sub(header_len).filter(|_| is_error)?;
        Some(Self { is_v6, kind, code, quoted })
    }
}

/// A note of the stack with the time that it has in the script.
fn in_script_time(line: &str) -> String {
    let beginning = i64::try_from(BEGINNING.as_nanos() / 1000).unwrap_or(i64::MAX);
    let parts = line.split_once("s ").and_then(|(time, note)| {
        let micros: i64 = time.replace('.', "").parse().ok()?;
        Some((micros - beginning, note))
    });
    match parts {
        Some((micros, note)) => format!("{} {note}\n", seconds(micros)),
        None => format!("{line}\n"),
    }
}

/// A pcapng file of one interface on which nothing was seen yet.
fn new_capture() -> Vec<u8> {
    let mut bytes = Vec::new();
    pcapng::write_section(&mut bytes);
    pcapng::write_interface(&mut bytes, Medium::Ip, "tun0");
    bytes
}
