//! The sockets of a host.

mod table;

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use base::{Arena, Cx, Key, SipKey, TxBuf};
use icmp::Error;

use crate::ring::Ring;
use crate::wire::Header;
use crate::xray::{Seen, Why};

/// How often a port is drawn before the next free one is taken.
const DRAWS_MAX: u32 = 16;

/// The ports that are given out. (RFC 6056 §3.2: as many as possible; RFC 6335 §6: the dynamic ones
/// and those of users, above what is well known and registered for the most common services.)
const EPHEMERAL: std::ops::RangeInclusive<u16> = 32_768..=65_535;

/// All sockets.
///
/// | from     | call                                                                              |
/// |----------|-----------------------------------------------------------------------------------|
/// | the wire | [`handle_datagram`](Self::handle_datagram), [`handle_error`](Self::handle_error)    |
/// | the user | [`bind`](Self::bind), [`connect`](Self::connect), [`send`](Self::send), [`receive`](Self::receive), [`close`](Self::close) |
///
/// After any of them, drain [`poll_transmit`](Self::poll_transmit), then
/// [`poll_event`](Self::poll_event).
#[derive(Debug)]
pub struct Sockets {
    config: Config,
    key: SipKey,
    /// Numbers drawn so far: the key makes them random.
    drawn: u64,
    sockets: Arena<Socket>,
    /// Sockets that are not connected, by port. Few have the same.
    bound: HashMap<u16, Vec<SocketId>, SipKey>,
    /// Connected sockets, by both ends.
    connected: HashMap<(SocketAddr, SocketAddr), SocketId, SipKey>,
    /// Sockets that have something to send, in the order in which they had it.
    sending: VecDeque<SocketId>,
    events: VecDeque<Event>,
}

/// What an operator may choose.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// How many sockets there may be.
    pub sockets_max: usize,
    /// How many bytes may wait for the user of one, overhead included.
    pub receive_bytes_max: usize,
    /// How many bytes one may have to send, overhead included.
    pub send_bytes_max: usize,
}

impl Default for Config {
    /// What Linux has: 208 KiB each way.
    fn default() -> Self {
        Self { sockets_max: 65_536, receive_bytes_max: 212_992, send_bytes_max: 212_992 }
    }
}

/// A socket, as its user knows it.
pub type SocketId = Key<Socket>;

/// A socket.
#[derive(Debug)]
pub struct Socket {
    /// Its own end; an unspecified address means any of ours.
    local: SocketAddr,
    /// Whom it talks to alone, if it is connected.
    peer: Option<SocketAddr>,
    received: Ring<Datagram>,
    outgoing: Ring<(Option<IpAddr>, SocketAddr)>,
    /// Whether it is among those that have something to send.
    is_sending: bool,
    /// Whether its user waits for room to send.
    wants_room: bool,
    dropped: u64,
}

/// What is known of a datagram that was received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Datagram {
    /// From whom.
    pub from: SocketAddr,
    /// At which of our addresses.
    pub to: IpAddr,
}

/// A datagram that is to be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Outgoing {
    /// From where.
    pub source: IpAddr,
    /// For whom.
    pub destination: IpAddr,
}

/// What the user must learn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// There is something to receive, where there was nothing.
    Readable(SocketId),
    /// There is room to send again.
    Writable(SocketId),
    /// What was sent did not arrive. (RFC 1122 §4.1.3.3)
    Failed {
        /// Whose it was.
        socket: SocketId,
        /// For whom it was.
        to: SocketAddr,
        /// Why.
        error: Error,
    },
}

/// What became of a datagram that came in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Somebody has it, or would have had it if there had been room.
    Delivered,
    /// Nobody listens: the sender is told, if it was sent to us alone. (RFC 1122 §4.1.3.1)
    PortUnreachable,
}

/// Why a socket cannot have an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BindError {
    /// Another has it.
    InUse,
    /// Every port is taken.
    NoPortLeft,
    /// There are as many sockets as there may be.
    TooManySockets,
    /// The socket is gone.
    Closed,
}

/// Why a datagram cannot be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SendError {
    /// It is longer than a packet can be.
    TooLong,
    /// No room now; an [`Event::Writable`] will come.
    Full,
    /// For whom? The socket is not connected.
    NoDestination,
    /// The socket is gone.
    Closed,
}

/// What [`Sockets::iter`] shows of a socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Looked {
    /// Its own end.
    pub local: SocketAddr,
    /// Whom it talks to alone.
    pub peer: Option<SocketAddr>,
    /// How many bytes wait for its user.
    pub received: usize,
    /// How many bytes wait to be sent.
    pub outgoing: usize,
    /// How many datagrams were dropped for want of room.
    pub dropped: u64,
}

/// What somebody below knows of a datagram.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Known {
    /// It was sent to many, so everybody who listens gets one.
    pub is_group: bool,
    /// The checksum is right.
    pub is_verified: bool,
    /// If the device merged several datagrams: how long the payload of each is, in bytes, but perhaps
    /// of the last; otherwise 0.
    pub segment_len: u16,
}

impl Sockets {
    /// No sockets. The key is a secret: by it ports are chosen and tables spread.
    pub fn new(config: Config, key: SipKey) -> Self {
        Self {
            config,
            key,
            drawn: 0,
            sockets: Arena::new(),
            bound: HashMap::with_hasher(key),
            connected: HashMap::with_hasher(key),
            sending: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Takes the payload of a packet from `source` to `destination`, and what somebody below knows of
    /// it.
    pub fn handle_datagram(
        &mut self,
        cx: &mut Cx<'_>,
        (source, destination): (IpAddr, IpAddr),
        bytes: &[u8],
        known: Known,
    ) -> Verdict {
        let parsed = Header::parse(bytes, source, destination, known.is_verified);
        let Some((header, payload)) = cx.parsed(base::xray::Layer::Transport, parsed) else {
            return Verdict::Delivered;
        };
        let from = SocketAddr::new(source, header.source_port);
        let to = SocketAddr::new(destination, header.destination_port);
        let each = match usize::from(known.segment_len) {
            0 => payload.len(),
            each => each,
        };
        // What is merged is cut again: users see the datagrams that were sent.
        let (mut piece, mut rest) = payload.split_at_checked(each).unwrap_or((payload, &[]));
        let mut verdict = self.handle_piece(cx, from, to, piece, known.is_group);
        while !rest.is_empty() {
            (piece, rest) = rest.split_at_checked(each).unwrap_or((rest, &[]));
            verdict = self.handle_piece(cx, from, to, piece, known.is_group);
        }
        verdict
    }

    /// One datagram.
    fn handle_piece(
        &mut self,
        cx: &mut Cx<'_>,
        from: SocketAddr,
        to: SocketAddr,
        payload: &[u8],
        is_group: bool,
    ) -> Verdict {
        let len = payload.len();
        cx.note(|| Seen::DatagramIn { from, to, len });
        let connected = self.connected.get(&(to, from)).copied();
        if let Some(socket) = connected.or_else(|| self.find_bound(to)) {
            self.deliver(cx, socket, from, to, payload);
            if is_group {
                let others = self.bound_to(to).filter(|other| *other != socket);
                for other in others.collect::<Vec<_>>() {
                    self.deliver(cx, other, from, to, payload);
                }
            }
            return Verdict::Delivered;
        }
        cx.note(|| Seen::Dropped { from, to, why: Why::NobodyListens });
        Verdict::PortUnreachable
    }

    /// Whether a socket would take a datagram from `from` to `to`.
    pub fn has_user(&self, from: SocketAddr, to: SocketAddr) -> bool {
        self.connected.contains_key(&(to, from)) || self.find_bound(to).is_some()
    }

    /// A packet of ours from `source` to `destination` did not arrive; `quoted` is how its payload
    /// began. Whether it was a socket's.
    pub fn handle_error(
        &mut self,
        (source, destination): (IpAddr, IpAddr),
        quoted: &[u8],
        error: Error,
    ) -> bool {
        let Some(header) = Header::parse_ports(quoted) else { return false };
        let local = SocketAddr::new(source, header.source_port);
        let to = SocketAddr::new(destination, header.destination_port);
        // RFC 1122 §4.1.3.3: whoever sent it is told; RFC 5927 §4: if somebody can have sent it.
        let socket = self.connected.get(&(local, to)).copied();
        let Some(socket) = socket.or_else(|| self.find_bound(local)) else {
            return false;
        };
        let event = Event::Failed { socket, to, error };
        // As with sockets everywhere, the latest error is the one that counts.
        if self.events.back() != Some(&event) {
            self.events.push_back(event);
        }
        true
    }

    /// A socket at `local`: port 0 is any that is free, an unspecified address any of ours.
    ///
    /// # Errors
    /// When another has it, or there are too many.
    pub fn bind(&mut self, local: SocketAddr) -> Result<SocketId, BindError> {
        if self.sockets.len() >= self.config.sockets_max {
            return Err(BindError::TooManySockets);
        }
        let port = match local.port() {
            0 => self.draw_port(local.ip())?,
            port if self.is_taken(SocketAddr::new(local.ip(), port)) => {
                return Err(BindError::InUse);
            }
            port => port,
        };
        let local = SocketAddr::new(local.ip(), port);
        let socket = self.sockets.insert(Socket {
            local,
            peer: None,
            received: Ring::new(self.config.receive_bytes_max),
            outgoing: Ring::new(self.config.send_bytes_max),
            is_sending: false,
            wants_room: false,
            dropped: 0,
        });
        self.bound.entry(port).or_default().push(socket);
        Ok(socket)
    }

    /// From now on the socket talks to `peer` alone, from our address `local`.
    ///
    /// # Errors
    /// When another socket does so already.
    pub fn connect(
        &mut self,
        socket: SocketId,
        local: IpAddr,
        peer: SocketAddr,
    ) -> Result<(), BindError> {
        let found = self.sockets.get(socket).ok_or(BindError::Closed)?;
        let (own, before) = (SocketAddr::new(local, found.local.port()), found.peer);
        if self.connected.contains_key(&(own, peer)) {
            return Err(BindError::InUse);
        }
        self.unlist(socket);
        self.connected.insert((own, peer), socket);
        if let Some(found) = self.sockets.get_mut(socket) {
            (found.local, found.peer) = (own, Some(peer));
            // What came from others before is not from the peer.
            while before.is_none() && found.received.front().is_some_and(|(d, _)| d.from != peer) {
                found.received.pop();
            }
        }
        Ok(())
    }

    /// Sends `payload` to `to`, or to the peer.
    ///
    /// # Errors
    /// When it cannot be sent, or not now.
    pub fn send(
        &mut self,
        socket: SocketId,
        to: Option<SocketAddr>,
        payload: &[u8],
    ) -> Result<(), SendError> {
        let found = self.sockets.get_mut(socket).ok_or(SendError::Closed)?;
        let to = to.or(found.peer).ok_or(SendError::NoDestination)?;
        if payload.len() > Header::payload_len_max(to.ip()) {
            return Err(SendError::TooLong);
        }
        if !found.outgoing.has_room(payload.len()) {
            found.wants_room = true;
            return Err(SendError::Full);
        }
        let own = found.local.ip();
        found.outgoing.push(((!own.is_unspecified()).then_some(own), to), payload);
        if !std::mem::replace(&mut found.is_sending, true) {
            self.sending.push_back(socket);
        }
        Ok(())
    }

    /// Copies the next datagram into `into`, as much as fits; how long it was, and from whom.
    /// `is_peek`: it stays where it is.
    pub fn receive(
        &mut self,
        socket: SocketId,
        into: &mut [u8],
        is_peek: bool,
    ) -> Option<(usize, Datagram)> {
        let found = self.sockets.get_mut(socket)?;
        let (datagram, pieces) = found.received.front()?;
        let mut rest = into;
        for piece in pieces {
            let len = piece.len().min(rest.len());
            let (place, after) = rest.split_at_mut(len);
            place.copy_from_slice(piece.get(..len).unwrap_or_default());
            rest = after;
        }
        let len = pieces.iter().map(|piece| piece.len()).sum();
        if !is_peek {
            found.received.pop();
        }
        Some((len, datagram))
    }

    /// Ends a socket; what waits is forgotten. Whether there was one.
    pub fn close(&mut self, socket: SocketId) -> bool {
        self.unlist(socket);
        self.sockets.remove(socket).is_some()
    }

    /// Writes the next datagram to send, if any; `source_for` chooses an address of ours for who has
    /// none. What has no source is dropped.
    #[must_use]
    pub fn poll_transmit(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut TxBuf,
        mut source_for: impl FnMut(IpAddr) -> Option<IpAddr>,
    ) -> Option<Outgoing> {
        while let Some(&socket) = self.sending.front() {
            let front = self.sockets.get(socket).and_then(|found| found.outgoing.front());
            let Some(((own, to), pieces)) = front else {
                self.sending.pop_front();
                continue;
            };
            let source = own.or_else(|| source_for(to.ip()));
            pieces.iter().for_each(|piece| out.append(piece));
            let port = self.finish_send(socket)?;
            let Some(source) = source else {
                out.clear();
                cx.note(|| Seen::NotSent { to, why: Why::NoSource });
                continue;
            };
            let (from, len) = (SocketAddr::new(source, port), out.len());
            cx.note(|| Seen::DatagramOut { from, to, len });
            Header { source_port: port, destination_port: to.port() }.emit(source, to.ip(), out);
            return Some(Outgoing { source, destination: to.ip() });
        }
        None
    }

    /// The next thing the user must learn, if any.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Where a socket is, and with whom it talks.
    pub fn look(&self, socket: SocketId) -> Option<Looked> {
        self.sockets.get(socket).map(Socket::look)
    }

    /// Every socket.
    pub fn iter(&self) -> impl Iterator<Item = (SocketId, Looked)> {
        self.sockets.iter().map(|(id, socket)| (id, socket.look()))
    }

    /// What has been written goes; its socket waits for its next turn behind the others.
    fn finish_send(&mut self, socket: SocketId) -> Option<u16> {
        let found = self.sockets.get_mut(socket)?;
        found.outgoing.pop();
        self.sending.pop_front();
        if found.outgoing.is_empty() {
            found.is_sending = false;
        } else {
            self.sending.push_back(socket);
        }
        if std::mem::take(&mut found.wants_room) {
            self.events.push_back(Event::Writable(socket));
        }
        Some(found.local.port())
    }

    fn deliver(
        &mut self,
        cx: &mut Cx<'_>,
        socket: SocketId,
        from: SocketAddr,
        to: SocketAddr,
        payload: &[u8],
    ) {
        let Some(found) = self.sockets.get_mut(socket) else { return };
        if !found.received.has_room(payload.len()) {
            found.dropped += 1;
            return cx.note(|| Seen::Dropped { from, to, why: Why::ReceiverFull });
        }
        if found.received.is_empty() {
            self.events.push_back(Event::Readable(socket));
        }
        found.received.push(Datagram { from, to: to.ip() }, payload);
    }
}

impl Socket {
    fn look(&self) -> Looked {
        Looked {
            local: self.local,
            peer: self.peer,
            received: self.received.bytes(),
            outgoing: self.outgoing.bytes(),
            dropped: self.dropped,
        }
    }
}
