use std::cell::Cell;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::SocketFlags;

use super::{Occasion, Worker};
use crate::clients::Presence;
use crate::connection::Connection;
use crate::handler::Handler;
use crate::listen::{BACKLOG, ListeningSocket};
use crate::server::Socket;
use crate::transport::{Stream, Transport};
use crate::xray::Or;

/// How many idle connections are sent away when there are no descriptors left.
const EVICTED_AT_ONCE: usize = 32;

/// How many are still accepted where nobody will listen any more: all that the kernel kept.
const DRAINED_MAX: usize = BACKLOG as usize;

/// What a client hears for whom there is no room.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 57\r\n\
    Retry-After: 1\r\n\
    Connection: close\r\n\
    \r\n\
    503 Service Unavailable: too many connections; try again\n";

/// Clients for whom there was no room since the log last said so.
///
/// They may come by thousands, so the log counts them and does not name them.
#[derive(Debug, Default)]
pub(super) struct NoRoom {
    /// Were refused: as many connections as a worker may have were there, and none was idle.
    connections: Cell<u64>,
    /// Were refused: they had as many as a client may have.
    greedy: Cell<u64>,
    /// Were refused: there was no descriptor left, or no memory in the kernel.
    descriptors: Cell<u64>,
    /// Were idle, and went to make room.
    evicted: Cell<u64>,
}

impl NoRoom {
    /// Has the log say it.
    pub(super) fn report(&self) {
        let (connections, descriptors) = (self.connections.take(), self.descriptors.take());
        let (greedy, evicted) = (self.greedy.take(), self.evicted.take());
        if connections + greedy + descriptors + evicted > 0 {
            tracing::warn!(
                refused_by_limit = connections,
                refused_by_limit_of_a_client = greedy,
                refused_without_descriptors = descriptors,
                idle_sent_away = evicted,
                "there was no room for every connection"
            );
        }
    }
}

/// Who was to say first who its client is, and did not, since the log last said so.
///
/// That is no stranger but a proxy which the configuration names: one of the two is set up wrongly, and
/// its operator has nothing else to find out by. A proxy makes many connections, so they are counted.
#[derive(Debug, Default)]
pub(super) struct Unannounced {
    count: Cell<u64>,
    /// Who was the last, and what was wrong.
    last: Cell<Option<(Option<SocketAddr>, &'static str)>>,
}

impl Unannounced {
    /// Has the log say it.
    pub(super) fn report(&self) {
        if let Some((from, what)) = self.last.take() {
            tracing::warn!(
                connections = self.count.take(),
                from = ?Or(from),
                what,
                "a proxy was to begin with the PROXY protocol, and was not answered"
            );
        }
    }
}

/// A client has as many connections as it may.
pub(crate) struct TooMany;

fn count(counter: &Cell<u64>, more: usize) {
    counter.set(counter.get() + more as u64);
}

/// A descriptor kept for the day when there are none.
pub(super) fn open_spare() -> Option<File> {
    File::open("/dev/null").ok()
}

impl<H: Handler> Worker<H> {
    /// Takes note of who did not say who its client is, for the log.
    #[cold]
    pub(crate) fn miss_announcement(&self, from: Option<SocketAddr>, what: &'static str) {
        count(&self.unannounced.count, 1);
        self.unannounced.last.set(Some((from, what)));
        self.start_ticking();
    }

    /// Accepts up to `count` of those who wait at a listener. The poller tells of the rest again.
    pub(super) fn accept(&self, listener: u32, count: usize) {
        let listeners = self.listeners.borrow();
        let Some(listener) = listeners.get(listener as usize) else { return };
        self.accept_from(listener, count, &listeners);
    }

    fn accept_from(&self, listener: &Socket, count: usize, all: &[Socket]) {
        for _ in 0..count {
            let ListeningSocket::Kernel(socket) = &listener.socket else { return };
            match accept(socket) {
                Ok((stream, address)) => self.begin(stream, address, listener),
                Err(Errno::AGAIN) => return,
                Err(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                    if !self.accept_without_room(listener) {
                        return self.pause_listening(all);
                    }
                }
                // The peer went away before we came; the listener is as good as before.
                Err(errno) => {
                    tracing::debug!(error = %errno, "a connection ended before it was accepted");
                }
            }
        }
    }

    pub(super) fn begin(&self, mut stream: Stream, address: Option<SocketAddr>, listener: &Socket) {
        let limits = self.serving.borrow().config.limits;
        let is_full = self.connections.borrow().len() >= limits.connections_max;
        if is_full && self.evict_idle(1) == 0 {
            count(&self.no_room.connections, 1);
            self.tally.refused_by_limit.add(1);
            self.start_ticking();
            return refuse(&mut stream, listener.tls.is_some());
        }
        // Who announces its client is not one itself.
        let is_announced = listener.expects_announcement(address);
        let Ok(presence) = self.enter(address.filter(|_| !is_announced)) else {
            return refuse(&mut stream, listener.tls.is_some());
        };
        let key = self.connections.borrow_mut().reserve(self.clock.now());
        let first = match self.watch(&stream, key) {
            Ok(first) => first,
            Err(error) => {
                tracing::warn!(?address, %error, "refused: the kernel cannot watch one more socket");
                self.tally.refused_by_kernel.add(1);
                refuse(&mut stream, listener.tls.is_some());
                return self.forget(key);
            }
        };
        let begun =
            Connection::new(self, &self.serving.borrow(), stream, address, is_announced, listener);
        match begun {
            Ok(mut connection) => {
                connection.keep(presence);
                let mut connections = self.connections.borrow_mut();
                connections.put_back(key, Box::new(connection));
                self.tally.accepted.add(1);
                self.tally.open.set(connections.len() as u64);
                drop(connections);
                self.give_turn(key, first);
            }
            Err(fault) => {
                tracing::error!(?address, ?fault, "no session for a new connection");
                self.forget(key);
            }
        }
    }

    /// Counts a connection among those of its client, if they are counted.
    pub(crate) fn enter(&self, client: Option<SocketAddr>) -> Result<Option<Presence>, TooMany> {
        let most = self.serving.borrow().config.limits.connections_per_client_max;
        let (Some(client), Some(most)) = (client, most) else { return Ok(None) };
        let presence = self.clients.enter(client.ip().into(), most);
        if presence.is_none() {
            count(&self.no_room.greedy, 1);
            self.tally.refused_by_client.add(1);
            self.start_ticking();
        }
        presence.map(Some).ok_or(TooMany)
    }

    /// Ends up to `most` connections on which nothing is under way; says how many.
    fn evict_idle(&self, most: usize) -> usize {
        let mut evicted = 0;
        while evicted < most {
            let idle = self.connections.borrow_mut().find_next(Connection::is_idle);
            let Some(key) = idle else { break };
            self.give_turn(key, Occasion::Leave);
            evicted += 1;
        }
        count(&self.no_room.evicted, evicted);
        self.tally.idle_sent_away.add(evicted as u64);
        evicted
    }

    /// Makes room, or tells the next client that there is none (RFC 9110 §15.6.4), which takes a
    /// descriptor too; whether either was possible.
    fn accept_without_room(&self, listener: &Socket) -> bool {
        self.start_ticking();
        if self.evict_idle(EVICTED_AT_ONCE) > 0 {
            return true;
        }
        let ListeningSocket::Kernel(socket) = &listener.socket else { return false };
        self.spare.borrow_mut().take();
        let mut accepted = accept(socket);
        if let Ok((stream, _)) = &mut accepted {
            refuse(stream, listener.tls.is_some());
            count(&self.no_room.descriptors, 1);
            self.tally.refused_by_kernel.add(1);
        }
        let is_possible = !matches!(accepted, Err(errno) if errno != Errno::AGAIN);
        drop(accepted);
        *self.spare.borrow_mut() = open_spare();
        is_possible
    }

    /// Hears of nobody who wants to be accepted, until the next tick.
    fn pause_listening(&self, listeners: &[Socket]) {
        if !self.is_listening_paused.replace(true) {
            self.stop_listening(listeners);
        }
    }

    pub(super) fn resume_listening(&self) {
        if self.is_listening_paused.take()
            && let Err(error) = self.start_listening(&self.listeners.borrow())
        {
            tracing::error!(%error, "a listener cannot be watched");
        }
    }

    /// Listens at these from now on. Who waited at the others is still served.
    pub(super) fn replace_listeners(&self, listeners: Vec<Socket>) {
        let before = self.drop_listeners();
        for listener in &before {
            self.accept_from(listener, DRAINED_MAX, &[]);
        }
        self.is_listening_paused.set(false);
        if let Err(error) = self.start_listening(&listeners) {
            tracing::error!(%error, "a listener cannot be watched");
        }
        self.listeners.replace(listeners);
    }

    /// Listens nowhere any more; where it did.
    pub(super) fn drop_listeners(&self) -> Vec<Socket> {
        let listeners = self.listeners.take();
        if !self.is_listening_paused.take() {
            self.stop_listening(&listeners);
        }
        listeners
    }

    /// Listens at all of these; the first error, behind which the others are still tried.
    pub(super) fn start_listening(&self, listeners: &[Socket]) -> io::Result<()> {
        let mut result = self.listen_own(listeners);
        for (listener, index) in listeners.iter().zip(0..) {
            if let ListeningSocket::Kernel(socket) = &listener.socket {
                let watched = self.poller.listen(socket, index);
                result = result.and(watched);
            }
        }
        result
    }

    fn stop_listening(&self, listeners: &[Socket]) {
        for listener in listeners {
            if let ListeningSocket::Kernel(socket) = &listener.socket
                && let Err(error) = self.poller.stop_listening(socket)
            {
                tracing::error!(%error, "a listener is still watched");
            }
        }
    }
}

/// A socket that waits for nothing, and who is at the other end.
///
/// Who comes by a socket in the file system has no address.
fn accept(listener: &OwnedFd) -> rustix::io::Result<(Stream, Option<SocketAddr>)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (socket, address) = rustix::net::acceptfrom_with(listener, flags)?;
    let address = address.and_then(|address| SocketAddr::try_from(address).ok());
    Ok((Stream::Kernel(socket.into()), address))
}

/// Says no in a few bytes, which fit any socket's buffer; over TLS, by closing.
pub(crate) fn refuse(stream: &mut impl Transport, is_secure: bool) {
    if !is_secure {
        let _ = stream.write(REFUSAL, false);
        let _ = stream.finish();
        // What is unread when a socket closes makes TCP reset, and the answer is lost.
        let _ = stream.read(&mut [0; 4096]);
    }
}
