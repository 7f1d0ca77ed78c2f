use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base::xray::Sink;
use base::{Cx, Instant, Mac, TxBuf, Wall, World};
use host::{
    AddError, AutoConfig, Config, DhcpConfig, Event, Host, InterfaceConfig, ListenerId, TcpEvent,
    TcpId,
};
use ip::{Cidr, InterfaceId, Route};
use neighbor::Claim;
use phys::{Counts, FRAME_LEN_MAX, Merger, Outlet, Port, RxFrame};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use crate::clock::Clock;

/// How many frames are taken from a port before others may have the lock.
const BATCH: usize = 64;

/// How many lost addresses are kept for who may still ask.
const LOSSES_MAX: usize = 64;

/// Makes a [`Stack`]: its ports, addresses and routes.
pub struct Builder {
    inner: Inner,
    busy_poll: Duration,
}

/// A network stack of our own, shared by everybody who has a socket on it.
///
/// It runs as long as there is one of these, or a socket.
#[derive(Clone)]
pub struct Stack(Arc<Handle>);

/// Why an address is ours no longer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Loss {
    /// Somebody else has it, too (RFC 5227 §2.4, RFC 4862 §5.4).
    Taken {
        /// The hardware address of who has it, if they said.
        by: Option<Mac>,
    },
    /// No router offers it any more: its lifetime is over (RFC 4862 §5.5.4).
    NotOffered,
}

/// Ends the thread when nobody is left.
struct Handle {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

pub(crate) struct Shared {
    inner: Mutex<Inner>,
    /// Wakes the thread.
    bell: OwnedFd,
    /// How long the thread looks for frames before it sleeps.
    busy_poll: Duration,
    stops: AtomicBool,
}

/// What the lock protects.
pub(crate) struct Inner {
    pub(crate) host: Host,
    world: World,
    clock: Clock,
    /// Who watches.
    sink: Option<Box<dyn Sink + Send>>,
    /// Who hears of addresses that are ours no longer.
    hears_losses: Option<Box<dyn FnMut(IpAddr, Loss) + Send>>,
    /// What nobody has heard of yet.
    losses: Vec<(IpAddr, Loss)>,
    ports: Vec<(InterfaceId, Box<dyn Port>)>,
    out: TxBuf,
    /// Who waits for news of a connection: who reads, who writes.
    tcp: HashMap<TcpId, Wakers>,
    listeners: HashMap<ListenerId, Vec<Waker>>,
    udp: HashMap<udp::SocketId, Wakers>,
    /// What datagrams of a socket met, to be told with the next call.
    udp_errors: HashMap<udp::SocketId, icmp::Error>,
    pings: HashMap<(u16, u16), Ping>,
    next_ping: u16,
    /// Who is to be woken once nobody holds the lock: waking may run what takes it.
    woken: Vec<Waker>,
    /// Until when the thread sleeps.
    sleeps_until: Instant,
    outlet: Outlet,
    merger: Merger,
}

/// Who waits.
#[derive(Debug, Default)]
pub(crate) struct Wakers {
    pub(crate) read: Option<Waker>,
    pub(crate) write: Option<Waker>,
}

/// A question that is under way, or its answer.
struct Ping {
    asked: Instant,
    answer: Option<io::Result<Duration>>,
    waker: Option<Waker>,
}

impl Builder {
    /// A stack without ports. The secret in `config` should be good randomness.
    pub fn new(config: Config) -> Self {
        let seed = u64::from_le_bytes(config.secret.first_chunk().copied().unwrap_or_default());
        let inner = Inner {
            host: Host::new(config),
            world: World::seeded(seed),
            clock: Clock::new(),
            sink: None,
            hears_losses: None,
            losses: Vec::new(),
            ports: Vec::new(),
            out: TxBuf::new(),
            tcp: HashMap::new(),
            listeners: HashMap::new(),
            udp: HashMap::new(),
            udp_errors: HashMap::new(),
            pings: HashMap::new(),
            next_ping: 0,
            woken: Vec::new(),
            sleeps_until: Instant::NEVER,
            outlet: Outlet::new(),
            merger: Merger::new(),
        };
        Self { inner, busy_poll: Duration::ZERO }
    }

    /// Has the stack's thread look for frames for so long, again and again, before it sleeps: it then
    /// answers sooner by the time that it takes to wake a core, which is busy that long after each frame.
    pub const fn busy_poll(&mut self, time: Duration) {
        self.busy_poll = time;
    }

    /// Adds a port as an interface of this name; where there is Ethernet, with this hardware
    /// address.
    ///
    /// # Errors
    /// When there are as many interfaces as there may be.
    pub fn add_port(
        &mut self,
        name: &str,
        mac: Mac,
        port: impl Port + 'static,
    ) -> io::Result<InterfaceId> {
        let config = InterfaceConfig::on(name, mac, port.device().with_software());
        let id = self.inner.host.add_interface(config).ok_or(AddError::TooMany)?;
        self.inner.ports.push((id, Box::new(port)));
        Ok(id)
    }

    /// Adds a port that joins an interface, which has one already, to the stacks behind the other queues
    /// of its device ([`join`](crate::join())).
    pub fn add_inlet(&mut self, interface: InterfaceId, port: impl Port + 'static) {
        self.inner.host.share_interface(interface);
        self.inner.ports.push((interface, Box::new(port)));
    }

    /// Gives an interface an address.
    ///
    /// # Errors
    /// When no host can have it, or it is there already.
    pub fn add_address(
        &mut self,
        interface: InterfaceId,
        address: Cidr,
        claim: Claim,
    ) -> io::Result<()> {
        let (mut cx, host) = self.inner.parts();
        Ok(host.add_address(&mut cx, interface, address, claim)?)
    }

    /// Gets an address for an interface from a server of DHCP, and keeps it.
    ///
    /// # Errors
    /// When it carries no Ethernet, or does so already.
    pub fn dhcp(&mut self, interface: InterfaceId, config: DhcpConfig) -> io::Result<()> {
        let (mut cx, host) = self.inner.parts();
        Ok(host.dhcp(&mut cx, interface, config)?)
    }

    /// Asks for routers of IPv6 on an interface from now on, and makes addresses and routes of what
    /// they say.
    ///
    /// # Errors
    /// When it carries no Ethernet.
    pub fn autoconfigure(&mut self, interface: InterfaceId, wanted: AutoConfig) -> io::Result<()> {
        let (mut cx, host) = self.inner.parts();
        let is_on = host.autoconfigure(&mut cx, interface, wanted);
        Ok(is_on.then_some(()).ok_or(AddError::NoEthernet)?)
    }

    /// Adds a route.
    ///
    /// # Errors
    /// When its gateway is on no link of the interface.
    pub fn add_route(&mut self, route: Route) -> io::Result<()> {
        Ok(self.inner.host.add_route(route)?)
    }

    /// Starts the stack, in a thread of its own.
    ///
    /// # Errors
    /// When the system has no more threads or descriptors.
    pub fn start(self) -> io::Result<Stack> {
        let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        let stops = AtomicBool::new(false);
        let Self { inner, busy_poll } = self;
        let shared = Arc::new(Shared { inner: Mutex::new(inner), bell, busy_poll, stops });
        let for_thread = Arc::clone(&shared);
        let thread = thread::Builder::new().name("hepta-net".to_owned());
        let thread = Mutex::new(Some(thread.spawn(move || for_thread.run())?));
        Ok(Stack(Arc::new(Handle { shared, thread })))
    }
}

impl Stack {
    /// Does something with the host, and sends what comes of it.
    pub fn with<T>(&self, run: impl FnOnce(&mut Cx<'_>, &mut Host) -> T) -> T {
        self.inner(|inner| {
            let (mut cx, host) = inner.parts();
            run(&mut cx, host)
        })
    }

    /// Has `sink` see what every layer says from now on, if somebody watches it (`base::xray::watch`).
    /// It is called by whoever uses the stack, with its lock held, and must not use it.
    pub fn watched_by(&self, sink: impl Sink + Send + 'static) {
        self.0.shared.lock().sink = Some(Box::new(sink));
    }

    /// Has `hear` told of each address that is ours no longer, those before this call included: which, and
    /// why. It is called with the stack's lock held, and must not use it.
    pub fn hear_losses(&self, mut hear: impl FnMut(IpAddr, Loss) + Send + 'static) {
        let mut inner = self.0.shared.lock();
        inner.losses.drain(..).for_each(|(address, why)| hear(address, why));
        inner.hears_losses = Some(Box::new(hear));
    }

    /// What went over all ports so far.
    pub fn counts(&self) -> Counts {
        self.0.shared.lock().outlet.counts
    }

    /// Asks `to` whether it is there, with `data`; how long the answer took.
    ///
    /// # Errors
    /// When a router, or we, say that it cannot be reached. It waits for ever otherwise: who asks has
    /// a time limit.
    pub async fn ping(&self, to: IpAddr, data: &[u8]) -> io::Result<Duration> {
        let asked = self.inner(|inner| inner.ask(to, data))?;
        let waits = Waits { stack: self, asked };
        std::future::poll_fn(|cx| waits.stack.inner(|inner| inner.poll_ping(asked, cx))).await
    }

    /// Does something under the lock, and sends what comes of it.
    pub(crate) fn inner<T>(&self, run: impl FnOnce(&mut Inner) -> T) -> T {
        let shared = &self.0.shared;
        let mut inner = shared.lock();
        let result = run(&mut inner);
        inner.transmit();
        // The thread sleeps until a deadline that may be too late now.
        let is_early = inner.host.poll_timeout().is_some_and(|next| next < inner.sleeps_until);
        let woken = std::mem::take(&mut inner.woken);
        drop(inner);
        woken.into_iter().for_each(Waker::wake);
        if is_early {
            shared.ring();
        }
        result
    }
}

/// A question is forgotten when nobody waits for its answer.
struct Waits<'a> {
    stack: &'a Stack,
    asked: (u16, u16),
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.stack.0.shared.lock().pings.remove(&self.asked);
    }
}

impl std::fmt::Debug for Stack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stack")
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::Release);
        self.shared.ring();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }

    /// Waits for devices and deadlines, for as long as somebody has the stack.
    fn run(&self) {
        let mut frame = vec![0; FRAME_LEN_MAX];
        let fds: Vec<OwnedFd> = {
            let inner = self.lock();
            let fds = inner.ports.iter().map(|(_, port)| port.fd().try_clone_to_owned());
            // A port that cannot be waited for is looked at with every deadline.
            fds.flatten().collect()
        };
        while !self.stops.load(Ordering::Acquire) {
            let next = self.turn(&mut frame);
            self.wait(&fds, next);
        }
    }

    /// Does all that can be done now; until when nothing else need be.
    fn turn(&self, frame: &mut [u8]) -> Instant {
        loop {
            let mut inner = self.lock();
            let is_more = inner.receive(frame);
            inner.pass_time();
            inner.transmit();
            if !is_more {
                inner.sleeps_until = inner.host.poll_timeout().unwrap_or(Instant::NEVER);
            }
            let (until, woken) = (inner.sleeps_until, std::mem::take(&mut inner.woken));
            drop(inner);
            woken.into_iter().for_each(Waker::wake);
            if !is_more {
                return until;
            }
        }
    }

    fn wait(&self, fds: &[OwnedFd], until: Instant) {
        let all = fds.iter().map(AsFd::as_fd).chain([self.bell.as_fd()]);
        let mut polled: Vec<_> =
            all.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        let left = (until != Instant::NEVER).then(|| until.since(self.lock().clock.now()));
        if !self.looks_busily(&mut polled, left) {
            // What is too long for the kernel's clock is never.
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            let _ = poll(&mut polled, left.as_ref());
        }
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
        self.lock().sleeps_until = Instant::ORIGIN;
    }

    /// Looks for news without sleeping, for as long as it may; whether there are some, or `left` is
    /// over.
    fn looks_busily(&self, polled: &mut [PollFd<'_>], left: Option<Duration>) -> bool {
        if self.busy_poll.is_zero() {
            return false;
        }
        let began = std::time::Instant::now();
        loop {
            let time = began.elapsed();
            if left.is_some_and(|left| time >= left) {
                return true;
            }
            if time >= self.busy_poll {
                return false;
            }
            if poll(polled, Some(&Timespec::default())).is_ok_and(|news| news > 0) {
                return true;
            }
        }
    }
}

impl Inner {
    /// A context for the host, and the host.
    pub(crate) fn parts(&mut self) -> (Cx<'_>, &mut Host) {
        (cx(&self.clock, &mut self.world, &mut self.sink), &mut self.host)
    }

    /// Who waits for news of a connection.
    pub(crate) fn tcp_wakers(&mut self, id: TcpId) -> &mut Wakers {
        self.tcp.entry(id).or_default()
    }

    /// The connection's user has left.
    pub(crate) fn forget_tcp(&mut self, id: TcpId) {
        self.tcp.remove(&id);
    }

    /// Wakes `waker` when somebody waits to be accepted.
    pub(crate) fn wait_for_accept(&mut self, id: ListenerId, waker: &Waker) {
        let waiting = self.listeners.entry(id).or_default();
        if !waiting.iter().any(|other| other.will_wake(waker)) {
            waiting.push(waker.clone());
        }
    }

    /// The listener is gone.
    pub(crate) fn forget_listener(&mut self, id: ListenerId) {
        self.listeners.remove(&id);
    }

    /// Who waits for news of a datagram socket.
    pub(crate) fn udp_wakers(&mut self, id: udp::SocketId) -> &mut Wakers {
        self.udp.entry(id).or_default()
    }

    /// What a datagram of the socket met since the last call.
    pub(crate) fn take_udp_error(&mut self, id: udp::SocketId) -> Option<icmp::Error> {
        self.udp_errors.remove(&id)
    }

    /// The socket is gone.
    pub(crate) fn forget_udp(&mut self, id: udp::SocketId) {
        self.udp.remove(&id);
        self.udp_errors.remove(&id);
    }

    /// Takes a batch of frames from every port; whether more may wait.
    fn receive(&mut self, frame: &mut [u8]) -> bool {
        let mut is_more = false;
        let Self { ports, host, merger, outlet, .. } = self;
        for at in 0..ports.len() {
            let is_inlet = is_inlet(ports, at);
            let Some((id, port)) = ports.get_mut(at) else { continue };
            let medium = port.device().medium;
            let mut cx = cx(&self.clock, &mut self.world, &mut self.sink);
            let mut up = |frame: &RxFrame<'_>| match is_inlet {
                true => host.handle_stray(&mut cx, *id, frame),
                false => host.handle_frame(&mut cx, *id, frame),
            };
            for n in 1..=BATCH {
                // A device that fails has nothing for us; that it is gone is seen by its silence.
                let Ok(Some(received)) = port.receive(frame) else { break };
                outlet.counts.received += 1;
                merger.handle_frame(medium, received.frame(frame), &mut up);
                is_more |= n == BATCH;
            }
            merger.flush(up);
        }
        is_more
    }

    fn pass_time(&mut self) {
        let (mut cx, host) = self.parts();
        host.handle_timeout(&mut cx);
    }

    /// Sends what there is to send, and tells everybody what they wait for.
    fn transmit(&mut self) {
        loop {
            let mut cx = cx(&self.clock, &mut self.world, &mut self.sink);
            while let Some(interface) = self.host.poll_frame(&mut cx, &mut self.out) {
                let port = self.ports.iter_mut().find(|(id, _)| *id == interface);
                let Some((_, port)) = port else { continue };
                self.outlet.send(&mut cx, interface.0, port, &mut self.out);
            }
            while let Some(interface) = self.host.poll_stray(&mut self.out) {
                // The inlet stands behind the device.
                let inlet = self.ports.iter_mut().rev().find(|(id, _)| *id == interface);
                let Some((_, inlet)) = inlet else { continue };
                self.outlet.send(&mut cx, interface.0, inlet, &mut self.out);
            }
            let Some(event) = self.host.poll_event() else { break };
            self.tell(event);
            while let Some(event) = self.host.poll_event() {
                self.tell(event);
            }
        }
    }

    fn tell(&mut self, event: Event) {
        match event {
            Event::Tcp(TcpEvent::Connection(id, _)) => {
                if let Some(wakers) = self.tcp.get_mut(&id) {
                    wakers.take_all(&mut self.woken);
                }
            }
            Event::Tcp(TcpEvent::Acceptable(id)) => {
                let waiting = self.listeners.get_mut(&id).map(std::mem::take).unwrap_or_default();
                self.woken.extend(waiting);
            }
            Event::Udp(event) => {
                let (udp::Event::Readable(id)
                | udp::Event::Writable(id)
                | udp::Event::Failed { socket: id, .. }) = event;
                if let udp::Event::Failed { error, .. } = event {
                    self.udp_errors.insert(id, error);
                }
                if let Some(wakers) = self.udp.get_mut(&id) {
                    wakers.take_all(&mut self.woken);
                }
            }
            Event::Pong(icmp::Event::Answered { id, seq, .. }) => self.answer(id, seq, Ok(())),
            Event::PingFailed { id, seq, error, .. } => {
                self.answer(id, seq, Err(crate::error::of_icmp(error)));
            }
            Event::AddressLost { address, to, .. } => {
                let by = Some(to).filter(|to| *to != Mac::UNSPECIFIED);
                self.tell_loss(address, Loss::Taken { by });
            }
            Event::AddressGone { address, .. } => self.tell_loss(address, Loss::NotOffered),
            Event::AddressReady { .. } | Event::Dhcp { .. } => {}
        }
    }

    fn tell_loss(&mut self, address: IpAddr, why: Loss) {
        match &mut self.hears_losses {
            Some(hear) => hear(address, why),
            None if self.losses.len() < LOSSES_MAX => self.losses.push((address, why)),
            None => {}
        }
    }

    fn ask(&mut self, to: IpAddr, data: &[u8]) -> io::Result<(u16, u16)> {
        self.next_ping = self.next_ping.wrapping_add(1);
        let key = (std::process::id() as u16, self.next_ping);
        let (mut cx, host) = self.parts();
        let asked = cx.now();
        if !host.ping(&mut cx, to, key, data) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.pings.insert(key, Ping { asked, answer: None, waker: None });
        Ok(key)
    }

    fn answer(&mut self, id: u16, seq: u16, result: io::Result<()>) {
        let now = self.clock.now();
        if let Some(ping) = self.pings.get_mut(&(id, seq)) {
            ping.answer = Some(result.map(|()| now.since(ping.asked)));
            self.woken.extend(ping.waker.take());
        }
    }

    fn poll_ping(
        &mut self,
        key: (u16, u16),
        cx: &std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<Duration>> {
        let Some(ping) = self.pings.get_mut(&key) else {
            return std::task::Poll::Ready(Err(io::ErrorKind::NotFound.into()));
        };
        match ping.answer.take() {
            Some(answer) => std::task::Poll::Ready(answer),
            None => {
                ping.waker = Some(cx.waker().clone());
                std::task::Poll::Pending
            }
        }
    }
}

/// Whether a port is an inlet: the first of an interface is its device.
fn is_inlet(ports: &[(InterfaceId, Box<dyn Port>)], at: usize) -> bool {
    let (before, from) = ports.split_at_checked(at).unwrap_or_default();
    let own = from.first().map(|(id, _)| *id);
    before.iter().any(|(id, _)| Some(*id) == own)
}

impl Wakers {
    fn take_all(&mut self, into: &mut Vec<Waker>) {
        into.extend([self.read.take(), self.write.take()].into_iter().flatten());
    }
}

/// What a layer is lent for one call. Nobody below HTTP asks for the date.
fn cx<'a>(
    clock: &Clock,
    world: &'a mut World,
    sink: &'a mut Option<Box<dyn Sink + Send>>,
) -> Cx<'a> {
    let cx = Cx::new(clock.now(), Wall(0), world);
    match sink {
        Some(sink) => cx.watched_by(&mut **sink),
        None => cx,
    }
}
