//! What programs can do with TCP, and what can be seen of it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use base::{Cx, Instant, Key};
use bytes::Bytes;
use tcp::{Connection, Listener};

use super::{ConnectError, ListenerId, Listening, Tcp, TcpId, private, public};
use crate::host::Host;
use crate::network::Service;

/// Why nobody can listen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ListenError {
    /// Somebody does already.
    InUse,
    /// The address is not ours.
    NotOurs,
    /// Every port is taken.
    NoPortLeft,
}

impl From<ListenError> for io::Error {
    fn from(error: ListenError) -> Self {
        Self::from(match error {
            ListenError::InUse | ListenError::NoPortLeft => io::ErrorKind::AddrInUse,
            ListenError::NotOurs => io::ErrorKind::AddrNotAvailable,
        })
    }
}

impl Tcp {
    fn listen(&mut self, local: SocketAddr, backlog: usize) -> Result<ListenerId, ListenError> {
        let clashes = |tcp: &Self, local: SocketAddr| {
            let same_port = tcp.ports.get(&local.port()).into_iter().flatten();
            same_port.filter_map(|key| tcp.listeners.get(*key)).any(|other| {
                let own = other.local.ip();
                own.is_ipv4() == local.is_ipv4()
                    && (own == local.ip() || own.is_unspecified() || local.ip().is_unspecified())
            })
        };
        let local = match local.port() {
            0 => (49_152..=65_535)
                .map(|port| SocketAddr::new(local.ip(), port))
                .find(|local| !clashes(self, *local))
                .ok_or(ListenError::NoPortLeft)?,
            _ if clashes(self, local) => return Err(ListenError::InUse),
            _ => local,
        };
        let listener = Listener::new(Arc::clone(&self.config), backlog);
        let key = self.listeners.insert(Listening {
            local,
            listener,
            service: Service::default(),
            is_ready: false,
            alarm: None,
            wakes_at: Instant::NEVER,
        });
        self.ports.entry(local.port()).or_default().push(key);
        Ok(key)
    }

    /// Ends a listener; who waits to be accepted is sent away.
    fn unlisten(&mut self, cx: &mut Cx<'_>, key: ListenerId) -> bool {
        let Some(mut of) = self.listeners.remove(key) else { return false };
        if let Some(alarm) = of.alarm.take() {
            self.timers.cancel(alarm);
        }
        if let Some(keys) = self.ports.get_mut(&of.local.port()) {
            keys.retain(|other| *other != key);
            if keys.is_empty() {
                self.ports.remove(&of.local.port());
            }
        }
        while let Some(waiting) = of.listener.accept() {
            self.leave(cx, Key::from_bits(waiting), Connection::abort);
        }
        true
    }

    /// Does something with a connection, which may make it send and tell.
    pub(super) fn with<T>(
        &mut self,
        id: TcpId,
        run: impl FnOnce(&mut Connection) -> T,
    ) -> Option<T> {
        let key = private(id);
        let result = run(&mut self.sockets.get_mut(key)?.connection);
        self.touch(key);
        Some(result)
    }

    /// The user of a connection leaves it.
    fn leave(
        &mut self,
        cx: &mut Cx<'_>,
        id: TcpId,
        how: impl FnOnce(&mut Connection, &mut Cx<'_>),
    ) -> bool {
        let key = private(id);
        let Some(socket) = self.sockets.get_mut(key).filter(|socket| !socket.is_released) else {
            return false;
        };
        socket.is_released = true;
        how(&mut socket.connection, cx);
        self.touch(key);
        true
    }

    pub(crate) fn connection(&self, id: TcpId) -> Option<&Connection> {
        Some(&self.sockets.get(private(id)).filter(|socket| !socket.is_released)?.connection)
    }
}

/// Streams.
impl Host {
    /// How connections behave that begin from now on, and listeners; what is there stays as it is. The
    /// secret is still the host's.
    pub fn tcp_configure(&mut self, each: tcp::Config) {
        let secret = self.tcp.config.secret;
        self.tcp.config = Arc::new(tcp::Config { secret, ..each });
    }

    /// How the connections behave that begin at a listener from now on. The secret is still the host's.
    pub fn tcp_configure_listener(&mut self, listener: ListenerId, each: tcp::Config) {
        let secret = self.tcp.config.secret;
        if let Some(of) = self.tcp.listeners.get_mut(listener) {
            of.listener.configure(Arc::new(tcp::Config { secret, ..each }));
        }
    }

    /// Listens at `local`: port 0 is any that is free, an unspecified address any of ours. Up to
    /// `backlog` connections wait to be accepted.
    ///
    /// # Errors
    /// When somebody does already, or the address is not ours.
    pub fn tcp_listen(
        &mut self,
        local: SocketAddr,
        backlog: usize,
    ) -> Result<ListenerId, ListenError> {
        if !local.ip().is_unspecified() && !self.network.is_own(local.ip()) {
            return Err(ListenError::NotOurs);
        }
        self.tcp.listen(local, backlog)
    }

    /// Where a listener listens, and how many wait to be accepted.
    pub fn tcp_listener(&self, listener: ListenerId) -> Option<(SocketAddr, &Listener)> {
        self.tcp.listeners.get(listener).map(|of| (of.local, &of.listener))
    }

    /// The connection that waits longest at a listener, if one waits.
    pub fn tcp_accept(&mut self, listener: ListenerId) -> Option<TcpId> {
        let of = self.tcp.listeners.get_mut(listener)?;
        loop {
            let id = TcpId::from_bits(of.listener.accept()?);
            if self.tcp.sockets.get(private(id)).is_some() {
                return Some(id);
            }
        }
    }

    /// Listens no longer; who waits to be accepted is sent away. Whether there was a listener.
    pub fn tcp_unlisten(&mut self, cx: &mut Cx<'_>, listener: ListenerId) -> bool {
        self.tcp.unlisten(cx, listener)
    }

    /// Connects to `remote`, from `local` as far as that is given;
    /// [`tcp::Event::Connected`] or [`tcp::Event::Failed`] follows.
    ///
    /// # Errors
    /// When nobody can be there, or we have nothing to connect from.
    pub fn tcp_connect(
        &mut self,
        cx: &mut Cx<'_>,
        local: Option<SocketAddr>,
        remote: SocketAddr,
    ) -> Result<TcpId, ConnectError> {
        self.tcp.connect(cx, &self.network, local, remote)
    }

    /// The number by which the x-ray knows a connection; nothing once its user has left.
    pub fn tcp_number(&self, id: TcpId) -> Option<u64> {
        Some(self.tcp.number_of(self.tcp.connection(id)?.flow()))
    }

    /// Takes bytes to send, without copying large ones; says how many. After less than all,
    /// [`tcp::Event::Writable`] follows.
    pub fn tcp_write(&mut self, cx: &mut Cx<'_>, id: TcpId, bytes: Bytes) -> usize {
        self.tcp.with(id, |connection| connection.write(cx, bytes)).unwrap_or(0)
    }

    /// The same for bytes that the caller keeps: they are copied.
    pub fn tcp_write_slice(&mut self, cx: &mut Cx<'_>, id: TcpId, bytes: &[u8]) -> usize {
        self.tcp.with(id, |connection| connection.write_slice(cx, bytes)).unwrap_or(0)
    }

    /// Reads into `into`; says how much. After zero, [`Connection::is_read_out`] tells whether there
    /// will be more.
    pub fn tcp_read(&mut self, cx: &mut Cx<'_>, id: TcpId, into: &mut [u8]) -> usize {
        self.tcp.with(id, |connection| connection.read(cx, into)).unwrap_or(0)
    }

    /// The first bytes that can be read; empty when there are none.
    pub fn tcp_peek(&self, id: TcpId) -> &[u8] {
        self.tcp.connection(id).map(Connection::peek).unwrap_or_default()
    }

    /// The first `n` bytes were read.
    pub fn tcp_release(&mut self, cx: &mut Cx<'_>, id: TcpId, n: usize) {
        self.tcp.with(id, |connection| connection.release(cx, n));
    }

    /// Nothing more will be written; reading goes on.
    pub fn tcp_shut_down(&mut self, cx: &mut Cx<'_>, id: TcpId) {
        self.tcp.with(id, |connection| connection.shut_down(cx));
    }

    /// The user leaves: what was written is still sent. Whether there was such a connection.
    pub fn tcp_close(&mut self, cx: &mut Cx<'_>, id: TcpId) -> bool {
        self.tcp.leave(cx, id, Connection::close)
    }

    /// The user breaks off. Whether there was such a connection.
    pub fn tcp_abort(&mut self, cx: &mut Cx<'_>, id: TcpId) -> bool {
        self.tcp.leave(cx, id, Connection::abort)
    }

    /// Sets what can be set of a connection; nothing if it is gone.
    pub fn tcp_with<T>(&mut self, id: TcpId, run: impl FnOnce(&mut Connection) -> T) -> Option<T> {
        self.tcp.with(id, run)
    }

    /// How the packets of a connection travel from now on; not those that are on their way.
    pub fn tcp_serve(&mut self, id: TcpId, service: Service) {
        if let Some(socket) = self.tcp.sockets.get_mut(private(id)) {
            socket.service = service;
        }
    }

    /// How a listener's answers travel, and the packets of connections that begin there from now on.
    pub fn tcp_listener_serve(&mut self, listener: ListenerId, service: Service) {
        if let Some(of) = self.tcp.listeners.get_mut(listener) {
            of.service = service;
        }
    }

    /// A connection, to be looked at; nothing once its user has left.
    pub fn tcp(&self, id: TcpId) -> Option<&Connection> {
        self.tcp.connection(id)
    }

    /// Every connection, those included that nobody uses any more.
    pub fn tcp_connections(&self) -> impl Iterator<Item = (TcpId, &Connection)> {
        self.tcp.sockets.iter().map(|(key, socket)| (public(key), &socket.connection))
    }

    /// Every listener.
    pub fn tcp_listeners(&self) -> impl Iterator<Item = (ListenerId, SocketAddr, &Listener)> {
        self.tcp.listeners.iter().map(|(key, of)| (key, of.local, &of.listener))
    }

    /// How many flows are remembered in TIME-WAIT.
    pub fn tcp_time_waits(&self) -> usize {
        self.tcp.time_waits.len()
    }
}
