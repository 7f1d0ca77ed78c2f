mod changing;
mod leases;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use base::{Cx, Instant, TxBuf, Wall, World};
use host::{Event, Host, ListenerId, Origin, TcpEvent, TcpId};
use ip::InterfaceId;
use phys::{Counts, FRAME_LEN_MAX, Merger, Outlet, Port, RxFrame};
use rustix::event::Timespec;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};
use tcp::State;

use self::changing::Leaving;
use super::claims::Claims;
use super::reels::Reels;
use super::{Network, NetworkSettings, OwnSocket, is_inlet};
use crate::Clock;
use crate::listen::BACKLOG;
use crate::poller::{Poller, Ready, Source};
use crate::registry::Key;

/// How many frames are taken from a port in one round; then connections have their turns.
const FRAMES_MAX: usize = 64;

/// How long a peer that has heard everything may take to say goodbye when the worker ends: the way
/// there and back, and some time to think.
const GOODBYE_MAX: Duration = Duration::from_secs(1);

/// A worker's own network stack, at work; its sockets share it.
pub(crate) struct Stack {
    inner: RefCell<Inner>,
    /// Rings at the stack's next deadline.
    timer: OwnedFd,
    /// Ports that have frames for us, a bit each; there are no more than interfaces, 64.
    readable: Cell<u64>,
}

/// What no two may use at once. Nobody who has it calls anybody else.
pub(super) struct Inner {
    pub(super) host: Host,
    world: World,
    clock: Clock,
    ports: Vec<(InterfaceId, Box<dyn Port>)>,
    frame: Box<[u8]>,
    out: TxBuf,
    /// Whose connection it is, at the place that the host's number names.
    users: Vec<Option<(TcpId, Key)>>,
    listeners: Vec<(ListenerId, SocketAddr)>,
    /// Where it is to listen, as far as the addresses are ours.
    wanted: Vec<SocketAddr>,
    claims: Claims,
    /// The interface that an operator has set up, and how.
    settings: Option<(InterfaceId, NetworkSettings)>,
    /// What nobody wants any more, and when it goes.
    leaving: Vec<(Instant, Leaving)>,
    /// Interfaces of whose leases there is news for those who follow.
    leases_changed: Vec<InterfaceId>,
    /// Who is to have a turn.
    news: Vec<(Key, Ready)>,
    acceptable: Vec<ListenerId>,
    /// When the timer rings, if it does.
    rings_at: Instant,
    outlet: Outlet,
    merger: Merger,
    pub(super) reels: Reels,
    /// When it need not wait any longer for goodbyes.
    leaves_at: Option<Instant>,
    /// Why nothing can come any more.
    failure: Option<io::Error>,
}

impl Stack {
    /// Sets `network` to work, so that `poller` tells of it.
    pub(crate) fn new(network: Network, poller: &Poller) -> io::Result<Rc<Self>> {
        let Network { host, world, clock, ports, claims, settings } = network;
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        poller.add_source(&timer, Source::Deadline)?;
        for (number, (_, port)) in (0..).zip(&ports) {
            poller.watch_port(port.fd(), number)?;
        }
        let listeners: Vec<_> = host.tcp_listeners().map(|(id, at, _)| (id, at)).collect();
        let wanted = listeners.iter().map(|(_, at)| *at).collect();
        let inner = Inner {
            host,
            world,
            clock,
            ports,
            frame: vec![0; FRAME_LEN_MAX].into(),
            out: TxBuf::new(),
            users: Vec::new(),
            listeners,
            wanted,
            claims,
            settings,
            leaving: Vec::new(),
            leases_changed: Vec::new(),
            news: Vec::new(),
            acceptable: Vec::new(),
            rings_at: Instant::NEVER,
            outlet: Outlet::new(),
            merger: Merger::new(),
            reels: Reels::new(),
            leaves_at: None,
            failure: None,
        };
        Ok(Rc::new(Self { inner: RefCell::new(inner), timer, readable: Cell::new(0) }))
    }

    /// Its clock, so that all the times of a worker are on one scale.
    pub(crate) fn clock(&self) -> Clock {
        self.inner.borrow().clock.clone()
    }

    // From above.

    /// Listens at these from now on, and nowhere else. Who waits where it goes on listening is still
    /// there.
    pub(crate) fn listen_at(&self, wanted: &[SocketAddr]) -> io::Result<()> {
        self.with(|inner| inner.listen_at(wanted))
    }

    /// The connection that waits longest at a listener: its socket, the listener's address and the
    /// client's.
    pub(crate) fn accept(
        self: &Rc<Self>,
        listener: ListenerId,
    ) -> Option<(OwnSocket, SocketAddr, SocketAddr)> {
        self.with(|inner| {
            let (_, at) = *inner.listeners.iter().find(|(of, _)| *of == listener)?;
            let id = inner.host.tcp_accept(listener)?;
            let peer = inner.host.tcp(id)?.flow().remote;
            Some((OwnSocket::new(Rc::clone(self), id), at, peer))
        })
    }

    /// Does something with the host and what is around it.
    pub(super) fn with<T>(&self, run: impl FnOnce(&mut Inner) -> T) -> T {
        run(&mut self.inner.borrow_mut())
    }

    /// Breaks off every connection: whoever is still there learns that nobody is here any more.
    pub(crate) fn end(&self) {
        self.with(|inner| {
            inner.break_off(|_| true);
            inner.send();
            inner.release_leases();
        });
    }

    // One round.

    /// Remembers that a port has frames.
    pub(crate) fn hear_of_port(&self, number: u32) {
        self.readable.set(self.readable.get() | 1u64.checked_shl(number).unwrap_or(0));
    }

    /// The timer has rung.
    pub(crate) fn hear_of_deadline(&self) {
        self.inner.borrow_mut().rings_at = Instant::NEVER;
    }

    /// Whether somebody is to have a turn.
    pub(crate) fn has_news(&self) -> bool {
        let inner = self.inner.borrow();
        !inner.news.is_empty() || !inner.acceptable.is_empty()
    }

    /// Who is to have a turn, in place of `before`, whose memory is used again.
    pub(crate) fn take_news(&self, before: &mut Vec<(Key, Ready)>) {
        before.clear();
        std::mem::swap(before, &mut self.inner.borrow_mut().news);
    }

    /// The listeners at which somebody waits.
    pub(crate) fn take_acceptable(&self) -> Vec<ListenerId> {
        std::mem::take(&mut self.inner.borrow_mut().acceptable)
    }

    /// Sends what there is to send.
    pub(crate) fn send(&self) {
        self.inner.borrow_mut().send();
    }

    /// Takes the frames that came, and lets time pass. Who has no part in what came of it is answered
    /// at once; who has, is answered with what they say in their turns.
    pub(crate) fn receive(&self) {
        let inner = &mut *self.inner.borrow_mut();
        let readable = self.readable.take();
        for number in 0..inner.ports.len() {
            if readable >> number & 1 == 1 {
                inner.receive(number);
            }
        }
        let (mut cx, host) = inner.parts();
        host.handle_timeout(&mut cx);
        inner.hear_events();
        inner.claim_again();
        let now = inner.now();
        inner.leave(now);
        if inner.news.is_empty() && inner.acceptable.is_empty() {
            inner.send();
        }
        if let Some(left) = inner.next_ring() {
            self.ring(left);
        }
    }

    fn ring(&self, left: Timespec) {
        let timer = Itimerspec { it_interval: Timespec::default(), it_value: left };
        if let Err(error) = timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &timer) {
            tracing::error!(%error, "nothing is sent again: the timer cannot be set");
        }
    }

    // Films.

    /// Films everything from now on, or only connections of which that is asked.
    pub(crate) fn film_all(&self, films_all: bool) {
        self.inner.borrow_mut().reels.film_all(films_all);
    }

    /// What was filmed and belongs to no connection that is still there; with the connection's title,
    /// if it belonged to one.
    pub(crate) fn take_films(&self) -> Vec<(Option<String>, String)> {
        self.inner.borrow_mut().reels.take_rest()
    }

    // Look.

    /// Does something with what can be seen of the host, and of what went over its ports.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Host, Counts, Instant) -> T) -> T {
        let inner = self.inner.borrow();
        look(&inner.host, inner.outlet.counts, inner.clock.now())
    }

    /// Why nothing can come any more, once that is so.
    pub(crate) fn take_failure(&self) -> Option<io::Error> {
        self.inner.borrow_mut().failure.take()
    }

    /// Whether nothing can come any more.
    pub(crate) fn has_failed(&self) -> bool {
        self.inner.borrow().failure.is_some()
    }

    /// Whether everything that was said has arrived at who was told, and everybody has said goodbye
    /// too, or had time to. To be asked when no more will be said.
    pub(crate) fn is_finished(&self) -> bool {
        let inner = &mut *self.inner.borrow_mut();
        let states = inner.host.tcp_connections().map(|(_, connection)| connection.state());
        let (mut is_heard, mut is_over) = (true, true);
        for state in states {
            is_heard &= matches!(state, State::FinWait2 | State::TimeWait | State::Closed);
            is_over &= matches!(state, State::TimeWait | State::Closed);
        }
        let now = inner.clock.now();
        let leaves_at = *inner.leaves_at.get_or_insert_with(|| now.after(GOODBYE_MAX));
        if let Some(left) = inner.next_ring() {
            self.ring(left);
        }
        is_over || (is_heard && now >= leaves_at)
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").finish_non_exhaustive()
    }
}

impl Inner {
    /// A context for the host, and the host.
    pub(super) fn parts(&mut self) -> (Cx<'_>, &mut Host) {
        let now = self.clock.now();
        (cx(now, &mut self.world, &mut self.reels), &mut self.host)
    }

    /// The same, for what concerns this connection.
    pub(super) fn parts_for(&mut self, id: TcpId) -> (Cx<'_>, &mut Host) {
        let (mut cx, host) = self.parts();
        cx.attribute(|| host.tcp_number(id));
        (cx, host)
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// News of this connection are for `key` from now on.
    pub(super) fn adopt(&mut self, id: TcpId, key: Key) {
        let at = place(id);
        if self.users.len() <= at {
            self.users.resize(at + 1, None);
        }
        if let Some(user) = self.users.get_mut(at) {
            *user = Some((id, key));
        }
    }

    /// News of this connection are nobody's from now on.
    pub(super) fn forget(&mut self, id: TcpId) {
        if let Some(user) = self.users.get_mut(place(id))
            && user.is_some_and(|(of, _)| of == id)
        {
            *user = None;
        }
    }

    /// Breaks off every connection at addresses that are meant: whoever is there learns it.
    fn break_off(&mut self, is_meant: impl Fn(SocketAddr) -> bool) {
        let all = self.host.tcp_connections().filter(|(_, of)| is_meant(of.flow().local));
        for id in all.map(|(id, _)| id).collect::<Vec<TcpId>>() {
            let (mut cx, host) = self.parts();
            // Also those that nobody uses any more.
            host.tcp_with(id, |connection| connection.abort(&mut cx));
        }
    }

    fn listen_at(&mut self, wanted: &[SocketAddr]) -> io::Result<()> {
        let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.listeners)
            .into_iter()
            .partition(|(_, at)| wanted.contains(at));
        for (listener, _) in gone {
            let (mut cx, host) = self.parts();
            host.tcp_unlisten(&mut cx, listener);
        }
        self.listeners = kept;
        self.wanted = wanted.to_vec();
        self.listen_missing()
    }

    /// Listens where it is to and does not yet. What somebody else has waits until it is ours again.
    fn listen_missing(&mut self) -> io::Result<()> {
        for at in &self.wanted {
            let is_there = self.listeners.iter().any(|(_, there)| there == at);
            if !is_there && !self.claims.is_lost(*at) {
                let id = self.host.tcp_listen(*at, BACKLOG as usize)?;
                self.listeners.push((id, *at));
            }
        }
        Ok(())
    }

    /// Takes a batch of frames from a port.
    fn receive(&mut self, number: usize) {
        let Self { ports, host, merger, outlet, world, reels, clock, .. } = self;
        let is_inlet = is_inlet(ports, number);
        let Some((interface, port)) = ports.get_mut(number) else { return };
        let medium = port.device().medium;
        let mut up = |frame: &RxFrame<'_>| {
            reels.cut();
            let mut cx = cx(clock.now(), world, reels);
            match is_inlet {
                true => host.handle_stray(&mut cx, *interface, frame),
                false => host.handle_frame(&mut cx, *interface, frame),
            }
        };
        for _ in 0..FRAMES_MAX {
            match port.receive(&mut self.frame) {
                Ok(Some(received)) => {
                    outlet.counts.received += 1;
                    merger.handle_frame(medium, received.frame(&self.frame), &mut up);
                }
                Ok(None) => break,
                Err(error) => {
                    let what = format!("the device of our own network is gone: {error}");
                    self.failure = Some(io::Error::new(error.kind(), what));
                    break;
                }
            }
        }
        merger.flush(up);
    }

    /// Sends what there is to send, and hears what came of it.
    fn send(&mut self) {
        let now = self.clock.now();
        loop {
            self.reels.cut();
            let mut cx = cx(now, &mut self.world, &mut self.reels);
            let interface = self.host.poll_frame(&mut cx, &mut self.out);
            let Some(interface) = interface else { break };
            let port = self.ports.iter_mut().find(|(id, _)| *id == interface);
            let Some((_, port)) = port else { continue };
            self.outlet.send(&mut cx, interface.0, port, &mut self.out);
        }
        self.hand_over();
        self.hear_events();
    }

    /// Hands what came in parts, and is of no flow here, to the stacks of other workers.
    fn hand_over(&mut self) {
        while let Some(interface) = self.host.poll_stray(&mut self.out) {
            let now = self.clock.now();
            let mut cx = cx(now, &mut self.world, &mut self.reels);
            // The inlet stands behind the device.
            let inlet = self.ports.iter_mut().rev().find(|(id, _)| *id == interface);
            let Some((_, inlet)) = inlet else { continue };
            self.outlet.send(&mut cx, interface.0, inlet, &mut self.out);
        }
    }

    fn hear_events(&mut self) {
        while let Some(event) = self.host.poll_event() {
            match event {
                Event::Tcp(TcpEvent::Connection(id, event)) => self.hear(id, event),
                Event::Tcp(TcpEvent::Acceptable(listener)) => {
                    if !self.acceptable.contains(&listener) {
                        self.acceptable.push(listener);
                    }
                }
                Event::AddressReady { address, .. } => {
                    let own = self.host.addresses().iter().find(|o| o.cidr.address() == address);
                    let origin = own.map_or(Origin::Operator, |own| own.origin);
                    self.claims.handle_ready(address, origin);
                    if let Err(error) = self.listen_missing() {
                        tracing::error!(%error, "nobody is served at {address}");
                    }
                }
                Event::AddressLost { address, to, .. } => {
                    let now = self.clock.now();
                    if let Err(error) = self.claims.handle_lost(now, address, to) {
                        self.failure = Some(error);
                    }
                }
                Event::AddressGone { address, .. } => self.claims.handle_gone(address),
                Event::Dhcp { interface, news } => {
                    self.tell_lease(news);
                    if !self.leases_changed.contains(&interface) {
                        self.leases_changed.push(interface);
                    }
                }
                Event::Udp(_) | Event::Pong(_) | Event::PingFailed { .. } => {}
            }
        }
    }

    fn hear(&mut self, id: TcpId, event: tcp::Event) {
        let Some(&Some((of, key))) = self.users.get(place(id)) else { return };
        if of != id {
            return;
        }
        let ready = ready_by(event);
        match self.news.last_mut() {
            // The events of a connection come one behind the other.
            Some((last, so_far)) if *last == key => *so_far |= ready,
            _ if ready == Ready::default() => {}
            _ => self.news.push((key, ready)),
        }
    }

    /// How long to the next deadline, if the timer would ring too late.
    fn next_ring(&mut self) -> Option<Timespec> {
        let now = self.clock.now();
        let leaves_at = self.leaves_at.filter(|at| *at > now);
        let again = self.claims.poll_timeout();
        let leaving = self.leaving.iter().map(|(at, _)| *at).min();
        let next = [self.host.poll_timeout(), leaves_at, again, leaving];
        let next = next.into_iter().flatten().min();
        let next = next.filter(|next| *next < self.rings_at)?;
        self.rings_at = next;
        let left = next.since(now);
        // Nothing at all would be never.
        let nanos = i64::from(left.subsec_nanos()).max(1);
        Some(Timespec { tv_sec: left.as_secs() as i64, tv_nsec: nanos })
    }
}

/// What a layer is lent for one call; watched, if anybody is filmed. Nobody below HTTP asks for the date.
fn cx<'a>(now: Instant, world: &'a mut World, reels: &'a mut Reels) -> Cx<'a> {
    let cx = Cx::new(now, Wall(0), world);
    if reels.is_on() { cx.watched_by(reels) } else { cx }
}

/// Where a connection stands among the users.
const fn place(id: TcpId) -> usize {
    id.to_bits() as u32 as usize
}

/// What an event lets a connection do.
fn ready_by(event: tcp::Event) -> Ready {
    match event {
        tcp::Event::Readable => Ready::TO_READ,
        tcp::Event::Writable => Ready::TO_WRITE,
        tcp::Event::PeerFinished => Ready::TO_READ.and_if(true, Ready::AT_END),
        tcp::Event::Failed(_) | tcp::Event::Closed => Ready::ALL,
        // Urgent data is data. (RFC 6093 §6)
        tcp::Event::Connected | tcp::Event::Urgent | tcp::Event::TimeWait => Ready::default(),
        // What may pass is nothing to do.
        tcp::Event::SoftError(_) => Ready::default(),
    }
}
