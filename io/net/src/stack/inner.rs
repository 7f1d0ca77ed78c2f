//! What a stack and its thread share under a lock: the host, its ports, and who waits for what.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use base::xray::Sink;
use base::{Cx, Instant, Mac, TxBuf, Wall, World};
use host::{Config, Event, Host, ListenerId, TcpEvent, TcpId};
use ip::InterfaceId;
use phys::{Merger, Outlet, Port, RxFrame};

use super::Loss;
use crate::clock::Clock;

/// How many frames are taken from a port before others may have the lock.
const BATCH: usize = 64;

/// How many lost addresses are kept for who may still ask.
const LOSSES_MAX: usize = 64;

/// What the lock protects.
pub(crate) struct Inner {
    pub(crate) host: Host,
    world: World,
    pub(super) clock: Clock,
    /// Who watches.
    pub(super) sink: Option<Box<dyn Sink + Send>>,
    /// Who hears of addresses that are ours no longer.
    hears_losses: Option<Box<dyn FnMut(IpAddr, Loss) + Send>>,
    /// What nobody has heard of yet.
    losses: Vec<(IpAddr, Loss)>,
    pub(super) ports: Vec<(InterfaceId, Box<dyn Port>)>,
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
    pub(super) woken: Vec<Waker>,
    /// Until when the thread sleeps.
    pub(super) sleeps_until: Instant,
    pub(super) outlet: Outlet,
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

impl Inner {
    pub(super) fn new(config: Config) -> Self {
        let seed = u64::from_le_bytes(config.secret.first_chunk().copied().unwrap_or_default());
        Self {
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
        }
    }

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
    pub(super) fn receive(&mut self, frame: &mut [u8]) -> bool {
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

    /// Lets time pass for the host.
    pub(super) fn pass_time(&mut self) {
        let (mut cx, host) = self.parts();
        host.handle_timeout(&mut cx);
    }

    /// Sends what there is to send, and tells everybody what they wait for.
    pub(super) fn transmit(&mut self) {
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

    /// Has `hear` told of lost addresses, those of which nobody has heard yet first.
    pub(super) fn hear_losses(&mut self, mut hear: Box<dyn FnMut(IpAddr, Loss) + Send>) {
        self.losses.drain(..).for_each(|(address, why)| hear(address, why));
        self.hears_losses = Some(hear);
    }

    fn tell_loss(&mut self, address: IpAddr, why: Loss) {
        match &mut self.hears_losses {
            Some(hear) => hear(address, why),
            None if self.losses.len() < LOSSES_MAX => self.losses.push((address, why)),
            None => {}
        }
    }

    /// Asks `to` whether it is there: by which key its answer is waited for.
    pub(super) fn ask(&mut self, to: IpAddr, data: &[u8]) -> io::Result<(u16, u16)> {
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

    /// Whether the question has its answer.
    pub(super) fn poll_ping(
        &mut self,
        key: (u16, u16),
        cx: &Context<'_>,
    ) -> Poll<io::Result<Duration>> {
        let Some(ping) = self.pings.get_mut(&key) else {
            return Poll::Ready(Err(io::ErrorKind::NotFound.into()));
        };
        match ping.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                ping.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Nobody waits for its answer any more.
    pub(super) fn forget_ping(&mut self, key: (u16, u16)) {
        self.pings.remove(&key);
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
