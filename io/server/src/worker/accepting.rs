use std::cell::Cell;
use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, SocketFlags};

use super::{Occasion, Worker};
use crate::connection::Connection;
use crate::handler::Handler;
use crate::server::Socket;

/// How many idle connections are sent away when there are no descriptors left.
const EVICTED_AT_ONCE: usize = 32;

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
    /// Were refused: there was no descriptor left, or no memory in the kernel.
    descriptors: Cell<u64>,
    /// Were idle, and went to make room.
    evicted: Cell<u64>,
}

impl NoRoom {
    /// Has the log say it.
    pub(super) fn report(&self) {
        let (connections, descriptors) = (self.connections.take(), self.descriptors.take());
        let evicted = self.evicted.take();
        if connections + descriptors + evicted > 0 {
            tracing::warn!(
                refused_by_limit = connections,
                refused_without_descriptors = descriptors,
                idle_sent_away = evicted,
                "there was no room for every connection"
            );
        }
    }
}

fn count(counter: &Cell<u64>, more: usize) {
    counter.set(counter.get() + more as u64);
}

/// A descriptor kept for the day when there are none.
pub(super) fn open_spare() -> Option<File> {
    File::open("/dev/null").ok()
}

impl<H: Handler> Worker<H> {
    /// Accepts up to `count` of those who wait at a listener. The poller tells of the rest again.
    pub(super) fn accept(&self, listener: u32, count: usize) {
        let listeners = self.listeners.borrow();
        let Some((socket, _, tls)) = listeners.get(listener as usize) else { return };
        for _ in 0..count {
            match accept(socket) {
                Ok((stream, address)) => self.begin(stream, address, tls.as_ref()),
                Err(Errno::AGAIN) => return,
                Err(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                    if !self.accept_without_room(socket, tls.is_some()) {
                        return self.pause_listening(&listeners);
                    }
                }
                // The peer went away before we came; the listener is as good as before.
                Err(errno) => {
                    tracing::debug!(error = %errno, "a connection ended before it was accepted");
                }
            }
        }
    }

    fn begin(&self, stream: TcpStream, address: SocketAddr, tls: Option<&tls::ServerConfig>) {
        let limits = self.serving.borrow().config.limits;
        let is_full = self.connections.borrow().len() >= limits.connections_max;
        if is_full && self.evict_idle(1) == 0 {
            count(&self.no_room.connections, 1);
            self.start_ticking();
            return refuse(&stream, tls.is_some());
        }
        let key = self.connections.borrow_mut().reserve();
        if let Err(error) = self.poller.add(&stream, key) {
            tracing::warn!(%address, %error, "refused: the kernel cannot watch one more socket");
            refuse(&stream, tls.is_some());
            return self.forget(key);
        }
        let begun = Connection::new(self, &self.serving.borrow(), stream, address, tls);
        match begun {
            Ok(connection) => {
                self.connections.borrow_mut().put_back(key, Box::new(connection));
                self.give_turn(key, Occasion::Due);
            }
            Err(fault) => {
                tracing::error!(%address, ?fault, "no session for a new connection");
                self.forget(key);
            }
        }
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
        evicted
    }

    /// Makes room, or tells the next client that there is none (RFC 9110 §15.6.4), which takes a
    /// descriptor too; whether either was possible.
    fn accept_without_room(&self, listener: &TcpListener, is_secure: bool) -> bool {
        self.start_ticking();
        if self.evict_idle(EVICTED_AT_ONCE) > 0 {
            return true;
        }
        self.spare.borrow_mut().take();
        let accepted = accept(listener);
        if let Ok((stream, _)) = &accepted {
            refuse(stream, is_secure);
            count(&self.no_room.descriptors, 1);
        }
        let is_possible = !matches!(accepted, Err(errno) if errno != Errno::AGAIN);
        drop(accepted);
        *self.spare.borrow_mut() = open_spare();
        is_possible
    }

    /// Hears of nobody who wants to be accepted, until the next tick.
    fn pause_listening(&self, listeners: &[Socket]) {
        self.is_listening_paused.set(true);
        self.set_listening(listeners, false);
    }

    pub(super) fn resume_listening(&self) {
        if self.is_listening_paused.take() {
            self.set_listening(&self.listeners.borrow(), true);
        }
    }

    fn set_listening(&self, listeners: &[Socket], to: bool) {
        for ((socket, ..), index) in listeners.iter().zip(0..) {
            if let Err(error) = self.poller.listen(socket, index, to) {
                tracing::error!(%error, "a listener cannot be watched");
            }
        }
    }
}

/// A socket that waits for nothing, and who is at the other end.
fn accept(listener: &TcpListener) -> rustix::io::Result<(TcpStream, SocketAddr)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (socket, address) = rustix::net::acceptfrom_with(listener, flags)?;
    let address = address.and_then(|address| SocketAddr::try_from(address).ok());
    Ok((socket.into(), address.ok_or(Errno::CONNABORTED)?))
}

/// Says no in a few bytes, which fit any socket's buffer; over TLS, by closing.
fn refuse(stream: &TcpStream, is_secure: bool) {
    if !is_secure {
        let _ = rustix::net::send(stream, REFUSAL, SendFlags::NOSIGNAL);
        let _ = rustix::net::shutdown(stream, Shutdown::Write);
        // What is unread when a socket closes makes the kernel reset, and the answer is lost.
        let _ = rustix::net::recv(stream, &mut [0; 4096], RecvFlags::empty());
    }
}
