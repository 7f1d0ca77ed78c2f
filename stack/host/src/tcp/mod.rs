//! TCP joined to the network: who has which flow, when each is to be woken, whose turn it is to send.
//!
//! A segment finds its connection by one look into a table whose hash has a secret key. A connection
//! that may have something to say stands in a queue once and gets a turn of a few segments; when it
//! says nothing more, its next deadline goes into the timers. Each has one alarm there at most, which
//! moves when a deadline comes nearer, and not when it goes away: who is woken early looks again. So a
//! segment costs the same whether there is one connection or a hundred thousand.

mod connect;
mod errors;
mod fast_open;
mod flows;
mod output;
mod timers;
mod verbs;

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base::checksum::Sum;
use base::xray::Layer;
use base::{Alarm, Arena, Cx, Instant, Key, Malformed, SipKey, Timers};
use ip::{Packet, Protocol};
use tcp::{Connection, Flow, Limits, Listener, Returned, Segment, TimeWait};

use crate::network::{Network, Service};
use crate::xray::{Seen, Why};
use flows::{Flows, Owner};

pub use connect::ConnectError;
pub use verbs::ListenError;

/// How exact timers are: a quarter of the shortest time that TCP waits for on purpose.
const TICK: Duration = Duration::from_micros(250);

/// How many segments to nobody may wait for their answer; a batch of frames brings no more.
const REPLIES_MAX: usize = 256;

/// How often a connection tells that its neighbour is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// A connection, as its user knows it.
pub type TcpId = Key<Socket>;

/// A listener, as its user knows it.
pub type ListenerId = Key<Listening>;

/// What an operator may choose beside what [`tcp::Config`] says.
#[derive(Clone, Debug)]
pub struct TcpConfig {
    /// How each connection behaves; its secret comes from the host's.
    pub each: tcp::Config,
    /// How many connections there may be.
    pub connections_max: usize,
    /// How many flows are remembered in TIME-WAIT: about 150 bytes each. Beyond that a connection
    /// ends without it, as everybody does under such a load.
    pub time_waits_max: usize,
}

impl Default for TcpConfig {
    fn default() -> Self {
        let each = tcp::Config::default();
        Self { each, connections_max: 1 << 20, time_waits_max: 1 << 16 }
    }
}

/// All of TCP on a host.
#[derive(Debug)]
pub(crate) struct Tcp {
    config: Arc<tcp::Config>,
    connections_max: usize,
    time_waits_max: usize,
    flows: Flows,
    sockets: Arena<Box<Socket>>,
    listeners: Arena<Listening>,
    /// Listeners by port; few have the same.
    ports: HashMap<u16, Vec<ListenerId>, SipKey>,
    time_waits: Arena<Waiting>,
    timers: Timers<Wake>,
    /// Who may have something to send, each once.
    ready: VecDeque<Ready>,
    /// How much of its turn the first of them has used.
    turn: output::Turn,
    /// Who has news for its user, each once.
    news: VecDeque<News>,
    /// Headers without a connection.
    replies: VecDeque<(Flow, tcp::Header)>,
    ephemeral: connect::Ephemeral,
    cookies: fast_open::Cookies,
}

/// A connection and what the host needs to know beside it.
#[derive(Debug)]
pub struct Socket {
    connection: Connection,
    service: Service,
    /// What its packets are labelled with in IPv6.
    flow_label: u32,
    is_ready: bool,
    has_news: bool,
    /// Its user has left: when it is over, it is gone.
    is_released: bool,
    /// Its place in the timers, if it has one, and when that wakes it.
    alarm: Option<Alarm>,
    wakes_at: Instant,
    /// When it last told that its neighbour is alive, if ever.
    confirmed_at: Instant,
}

/// A listener and where it listens.
#[derive(Debug)]
pub struct Listening {
    local: SocketAddr,
    listener: Listener,
    /// Of its answers, and of the connections that begin here.
    service: Service,
    is_ready: bool,
    alarm: Option<Alarm>,
    wakes_at: Instant,
}

/// What is left of a flow that both sides have closed.
#[derive(Debug)]
struct Waiting {
    flow: Flow,
    state: TimeWait,
    alarm: Alarm,
}

/// Whose a flow is.
#[derive(Clone, Copy, Debug)]
enum Entry {
    Connection(Key<Box<Socket>>),
    TimeWait(Key<Waiting>),
}

#[derive(Clone, Copy, Debug)]
enum Wake {
    Connection(Key<Box<Socket>>),
    Listener(ListenerId),
    TimeWait(Key<Waiting>),
}

#[derive(Clone, Copy, Debug)]
enum Ready {
    Connection(Key<Box<Socket>>),
    Listener(ListenerId),
}

/// Who has news.
#[derive(Clone, Copy, Debug)]
enum News {
    Connection(Key<Box<Socket>>),
    /// Somebody waits to be accepted.
    Listener(ListenerId),
}

/// What TCP tells programs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TcpEvent {
    /// A connection has news.
    Connection(TcpId, tcp::Event),
    /// Somebody waits to be accepted.
    Acceptable(ListenerId),
}

impl Tcp {
    pub(crate) fn new(config: TcpConfig, key: SipKey) -> Self {
        let TcpConfig { mut each, connections_max, time_waits_max } = config;
        let [low, high] = [b"secret 1", b"secret 2"].map(|half| u128::from(key.hash(half)));
        each.secret = SipKey::new((high << 64 | low).to_le_bytes());
        Self {
            config: Arc::new(each),
            connections_max: connections_max.min(Flows::OWNERS_MAX),
            time_waits_max: time_waits_max.min(Flows::OWNERS_MAX),
            flows: Flows::new(key.derive(b"flows")),
            sockets: Arena::new(),
            listeners: Arena::new(),
            ports: HashMap::with_hasher(key.derive(b"ports")),
            time_waits: Arena::new(),
            timers: Timers::new(TICK),
            ready: VecDeque::new(),
            turn: output::Turn::default(),
            news: VecDeque::new(),
            replies: VecDeque::new(),
            ephemeral: connect::Ephemeral::new(key.derive(b"ephemeral")),
            cookies: fast_open::Cookies::new(key.derive(b"cookies")),
        }
    }

    // From below.

    /// Takes the payload of a packet. `is_verified`: somebody below has looked at the checksum;
    /// `segment_len`: as in [`Segment`].
    pub(crate) fn handle_segment(
        &mut self,
        cx: &mut Cx<'_>,
        network: &mut Network,
        packet: &Packet<'_>,
        (is_verified, segment_len): (bool, u16),
    ) {
        let segment = parse(packet, is_verified);
        let Some(mut segment) = cx.parsed(Layer::Transport, segment) else { return };
        segment.segment_len = segment_len;
        let flow = Flow {
            local: SocketAddr::new(packet.destination, segment.header.destination),
            remote: SocketAddr::new(packet.source, segment.header.source),
        };
        let ecn = packet.ecn;
        self.attribute(cx, &flow);
        match self.owner(&flow) {
            Some(Entry::Connection(key)) => {
                self.handle_connections(cx, network, key, &segment, ecn);
            }
            Some(Entry::TimeWait(key)) => {
                self.handle_time_waits(cx, network, key, &segment, ecn);
            }
            None => self.handle_strangers(cx, network, flow, &segment, ecn, None),
        }
        let flags = segment.header.flags;
        if flags.has(tcp::Flags::SYN) && !flags.has(tcp::Flags::ACK) {
            let len = packet.bytes.len().saturating_sub(segment.payload.len());
            self.keep_syn(&flow, packet.bytes.get(..len).unwrap_or_default());
        }
    }

    /// Keeps the headers of a SYN, if it began something and its listener wishes so.
    fn keep_syn(&mut self, flow: &Flow, headers: &[u8]) {
        let listener = self.listener_at(flow.local);
        let Some(of) = listener.and_then(|key| self.listeners.get_mut(key)) else { return };
        if !of.listener.saves_syn() {
            return;
        }
        of.listener.keep_syn(flow, headers);
        // With Fast Open there is a connection already.
        if let Some(Entry::Connection(key)) = self.owner(flow)
            && let Some(socket) = self.sockets.get_mut(key)
            && !socket.connection.state().is_synchronized()
        {
            socket.connection.keep_syn(headers);
        }
    }

    /// These addresses are ours no longer: their connections end. That happens seldom, so all connections
    /// may be looked at.
    pub(crate) fn handle_addresses_gone(&mut self, cx: &mut Cx<'_>, gone: &[IpAddr]) {
        let is_gone = |socket: &Socket| gone.contains(&socket.connection.flow().local.ip());
        let all = self.sockets.iter().filter(|(_, socket)| is_gone(socket));
        for key in all.map(|(key, _)| key).collect::<Vec<_>>() {
            let Some(socket) = self.sockets.get_mut(key) else { continue };
            let flow = *socket.connection.flow();
            cx.attribute(|| Some(self.flows.hash(&flow)));
            socket.connection.handle_address_gone(cx);
            self.touch(key);
        }
        let waits = self.time_waits.iter().filter(|(_, of)| gone.contains(&of.flow.local.ip()));
        for key in waits.map(|(key, _)| key).collect::<Vec<_>>() {
            self.end_time_wait(key);
        }
    }

    /// The next thing that programs must learn, if any.
    pub(crate) fn poll_event(&mut self) -> Option<TcpEvent> {
        loop {
            match self.news.pop_front()? {
                News::Listener(listener) => return Some(TcpEvent::Acceptable(listener)),
                News::Connection(key) => {
                    let Some(socket) = self.sockets.get_mut(key) else { continue };
                    let Some(event) = socket.connection.poll_event() else {
                        socket.has_news = false;
                        self.let_go(key);
                        continue;
                    };
                    self.news.push_front(News::Connection(key));
                    self.follow(key, event);
                    // That there is a TIME-WAIT is nobody's business but ours.
                    if event != tcp::Event::TimeWait {
                        return Some(TcpEvent::Connection(public(key), event));
                    }
                }
            }
        }
    }

    // Whose a segment is.

    fn handle_connections(
        &mut self,
        cx: &mut Cx<'_>,
        network: &mut Network,
        key: Key<Box<Socket>>,
        segment: &Segment<'_>,
        ecn: tcp::Ecn,
    ) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        let before = socket.connection.unacknowledged();
        socket.connection.handle_segment(cx, segment, ecn);
        let now = cx.now();
        let is_progress = socket.connection.unacknowledged() < before;
        let at = socket.confirmed_at;
        if is_progress && (at == Instant::NEVER || now.since(at) >= SIGN_OF_LIFE) {
            socket.confirmed_at = now;
            network.handle_sign_of_life(cx, socket.connection.flow().remote.ip());
        }
        self.touch(key);
    }

    fn handle_time_waits(
        &mut self,
        cx: &mut Cx<'_>,
        network: &Network,
        key: Key<Waiting>,
        segment: &Segment<'_>,
        ecn: tcp::Ecn,
    ) {
        let config = Arc::clone(&self.config);
        let Some(flow) = self.time_waits.get(key).map(|waiting| waiting.flow) else { return };
        let listens = self.listener_at(flow.local).is_some();
        let Some(Waiting { state, .. }) = self.time_waits.get_mut(key) else { return };
        match state.handle_segment(cx, &config, segment, listens) {
            Returned::Nothing => {}
            Returned::Reply(header) => self.reply(cx, flow, *header),
            Returned::Reuse { isn } => {
                self.end_time_wait(key);
                self.handle_strangers(cx, network, flow, segment, ecn, Some(isn));
            }
        }
    }

    /// A segment of a flow that has no connection.
    fn handle_strangers(
        &mut self,
        cx: &mut Cx<'_>,
        network: &Network,
        flow: Flow,
        segment: &Segment<'_>,
        ecn: tcp::Ecn,
        isn: Option<tcp::Seq>,
    ) {
        let (from, to) = (flow.remote, flow.local);
        let Some(listener) = self.listener_at(flow.local) else {
            cx.attribute(|| None);
            cx.note(|| Seen::Dropped { from, to, why: Why::NobodyListens });
            //= exception: RFC 9293 §3.10.7.1: an operator may wish that nobody is told.
            let is_told = match self.config.idle.silence {
                tcp::Silence::Nobody => true,
                tcp::Silence::Syns => !segment.header.flags.has(tcp::Flags::SYN),
                tcp::Silence::Everybody => false,
            };
            // RFC 9293 §3.10.7.1: it is answered with a reset, unless it is one.
            if let Some(header) = tcp::answer::to_nobody(segment).filter(|_| is_told) {
                self.reply(cx, flow, header);
            }
            return;
        };
        if self.sockets.len() >= self.connections_max {
            return cx.note(|| Seen::Dropped { from, to, why: Why::TooManyConnections });
        }
        let limits = limits_to(cx.now(), network, flow.remote.ip());
        let Some(of) = self.listeners.get_mut(listener) else { return };
        let service = of.service;
        let begun = of.listener.handle_segment(cx, &flow, &limits, segment, ecn, isn);
        self.touch_listener(listener);
        if let Some(connection) = begun {
            let key = self.admit(connection, service);
            if let Some(of) = self.listeners.get_mut(listener) {
                of.listener.enqueue(key.to_bits());
            }
            self.news.push_back(News::Listener(listener));
        }
    }

    /// The listener for segments to `local`: who names the address goes before who takes any.
    fn listener_at(&self, local: SocketAddr) -> Option<ListenerId> {
        let same_port = self.ports.get(&local.port())?.iter().copied();
        let own = |key: &ListenerId| self.listeners.get(*key).map(|of| of.local.ip());
        same_port
            .filter(|key| {
                own(key).is_some_and(|own| {
                    own == local.ip() || (own.is_unspecified() && own.is_ipv4() == local.is_ipv4())
                })
            })
            .min_by_key(|key| own(key).is_none_or(|own| own.is_unspecified()))
    }

    // What follows.

    fn admit(&mut self, connection: Connection, service: Service) -> Key<Box<Socket>> {
        let flow = *connection.flow();
        let flow_label = self.flow_label(&flow);
        let key = self.sockets.insert(Box::new(Socket {
            connection,
            service,
            flow_label,
            is_ready: false,
            has_news: false,
            is_released: false,
            alarm: None,
            wakes_at: Instant::NEVER,
            confirmed_at: Instant::NEVER,
        }));
        self.flows.insert(self.flows.hash(&flow), Owner::Connection(key.index()));
        self.touch(key);
        key
    }

    /// Something happened to a connection: it gets a turn to send, and its user learns of it.
    fn touch(&mut self, key: Key<Box<Socket>>) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        if !std::mem::replace(&mut socket.is_ready, true) {
            self.ready.push_back(Ready::Connection(key));
        }
        if !std::mem::replace(&mut socket.has_news, true) {
            self.news.push_back(News::Connection(key));
        }
    }

    fn touch_listener(&mut self, key: ListenerId) {
        let Some(of) = self.listeners.get_mut(key) else { return };
        if !std::mem::replace(&mut of.is_ready, true) {
            self.ready.push_back(Ready::Listener(key));
        }
    }

    /// What an event of a connection means for the tables.
    fn follow(&mut self, key: Key<Box<Socket>>, event: tcp::Event) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        let flow = *socket.connection.flow();
        match event {
            tcp::Event::TimeWait => {
                let waiting = socket.connection.take_time_wait();
                self.forget_flow(key, flow);
                if let Some(state) = waiting.filter(|_| self.time_waits.len() < self.time_waits_max)
                {
                    self.begin_time_wait(flow, state);
                }
            }
            tcp::Event::Connected => {
                if let Some(learned) = socket.connection.take_fast_open() {
                    self.cookies.learn(&flow, learned);
                }
            }
            // The last segment, if there is one, still goes out: that needs no flow.
            tcp::Event::Closed => self.forget_flow(key, flow),
            _ => {}
        }
    }

    /// Whether a flow is somebody's here.
    pub(crate) fn has_flow(&self, flow: &Flow) -> bool {
        self.owner(flow).is_some()
    }

    /// Whose a flow is, if it is anybody's.
    #[inline]
    fn owner(&self, flow: &Flow) -> Option<Entry> {
        let found = self.flows.find(self.flows.hash(flow), |owner| {
            let of = match owner {
                Owner::Connection(at) => self.sockets.at(at).map(|(_, of)| of.connection.flow()),
                Owner::TimeWait(at) => self.time_waits.at(at).map(|(_, of)| &of.flow),
            };
            of == Some(flow)
        });
        match found? {
            Owner::Connection(at) => self.sockets.at(at).map(|(key, _)| Entry::Connection(key)),
            Owner::TimeWait(at) => self.time_waits.at(at).map(|(key, _)| Entry::TimeWait(key)),
        }
    }

    /// The flow is this connection's no longer.
    fn forget_flow(&mut self, key: Key<Box<Socket>>, flow: Flow) {
        self.flows.remove(self.flows.hash(&flow), Owner::Connection(key.index()));
    }

    fn begin_time_wait(&mut self, flow: Flow, state: TimeWait) {
        let (until, timers) = (state.until(), &mut self.timers);
        let key = self.time_waits.insert_with(|key| {
            let alarm = timers.set(until, Wake::TimeWait(key));
            Waiting { flow, state, alarm }
        });
        self.flows.insert(self.flows.hash(&flow), Owner::TimeWait(key.index()));
    }

    /// Forgets a flow before its time is over.
    fn end_time_wait(&mut self, key: Key<Waiting>) -> Option<TimeWait> {
        let Waiting { flow, state, alarm } = self.time_waits.remove(key)?;
        self.timers.cancel(alarm);
        self.flows.remove(self.flows.hash(&flow), Owner::TimeWait(key.index()));
        Some(state)
    }

    /// Forgets a connection that nobody needs any more.
    fn let_go(&mut self, key: Key<Box<Socket>>) {
        let Some(socket) = self.sockets.get(key) else { return };
        if socket.is_released && socket.connection.is_over() {
            let gone = self.sockets.remove(key);
            if let Some(alarm) = gone.and_then(|gone| gone.alarm) {
                self.timers.cancel(alarm);
            }
        }
    }

    /// The number by which the x-ray knows a flow: the same from its first segment to its last,
    /// whether there is a connection yet, or still.
    pub(crate) fn number_of(&self, flow: &Flow) -> u64 {
        self.flows.hash(flow)
    }

    /// What the packets of a flow are labelled with in IPv6, from its first to its last.
    fn flow_label(&self, flow: &Flow) -> u32 {
        match flow.local.ip() {
            IpAddr::V4(_) => 0,
            IpAddr::V6(_) => ip::v6::flow_label_of(self.flows.hash(flow)),
        }
    }

    /// The notes that follow are about this flow.
    #[inline]
    fn attribute(&self, cx: &mut Cx<'_>, flow: &Flow) {
        cx.attribute(|| Some(self.number_of(flow)));
    }

    fn reply(&mut self, cx: &mut Cx<'_>, flow: Flow, header: tcp::Header) {
        if self.replies.len() >= REPLIES_MAX {
            let (from, to, why) = (flow.remote, flow.local, Why::TooManyReplies);
            return cx.note(|| Seen::Dropped { from, to, why });
        }
        self.replies.push_back((flow, header));
    }
}

/// The key as users have it: what stands behind it is ours.
const fn public(key: Key<Box<Socket>>) -> TcpId {
    Key::from_bits(key.to_bits())
}

const fn private(id: TcpId) -> Key<Box<Socket>> {
    Key::from_bits(id.to_bits())
}

/// Reads a segment, and looks at its checksum unless somebody has. (RFC 9293 §3.1, MUST-3)
fn parse<'a>(packet: &Packet<'a>, is_verified: bool) -> Result<Segment<'a>, Malformed> {
    if !is_verified {
        let mut sum = pseudo(packet.source, packet.destination, packet.payload.len());
        sum.add(packet.payload);
        if sum.finish() != 0 {
            return Err(Malformed::new("TCP checksum"));
        }
    }
    Segment::parse(packet.payload)
}

/// The pseudo header of a segment of `len` bytes.
fn pseudo(source: IpAddr, destination: IpAddr, len: usize) -> Sum {
    let protocol = Protocol::TCP.0;
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            Sum::pseudo_v4(source, destination, protocol, len)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            Sum::pseudo_v6(source, destination, protocol, len)
        }
        _ => Sum::new(),
    }
}

/// What the way to `remote` takes.
fn limits_to(now: Instant, network: &Network, remote: IpAddr) -> Limits {
    let headers = if remote.is_ipv4() { 40 } else { 60 };
    let mss = network.mtu_to(now, remote).saturating_sub(headers);
    let gso = network.segments_to(remote).saturating_sub(headers + 40);
    // One segment at a time, however short segments turn out to be, unless the device cuts more.
    let gso_len_max = if gso > mss { gso as u32 } else { 1 };
    Limits { mss: u16::try_from(mss).unwrap_or(u16::MAX), gso_len_max }
}
