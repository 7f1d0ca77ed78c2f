//! Whose a port is, and which is given out.

use std::net::{IpAddr, SocketAddr};

use super::{BindError, DRAWS_MAX, EPHEMERAL, SocketId, Sockets};

impl Sockets {
    /// Who is bound to `to`.
    pub(super) fn bound_to(&self, to: SocketAddr) -> impl Iterator<Item = SocketId> {
        let same_port = self.bound.get(&to.port()).into_iter().flatten().copied();
        same_port.filter(move |socket| {
            let own = self.sockets.get(*socket).map(|found| found.local.ip());
            own.is_some_and(|own| {
                own == to.ip() || (own.is_unspecified() && own.is_ipv4() == to.is_ipv4())
            })
        })
    }

    /// The one who is bound to `to`: who names the address goes before who takes any.
    pub(super) fn find_bound(&self, to: SocketAddr) -> Option<SocketId> {
        self.bound_to(to).min_by_key(|socket| {
            self.sockets.get(*socket).is_none_or(|found| found.local.ip().is_unspecified())
        })
    }

    pub(super) fn is_taken(&self, local: SocketAddr) -> bool {
        let clashes = |socket: &SocketId| {
            self.sockets.get(*socket).is_some_and(|found| {
                let own = found.local.ip();
                own.is_ipv4() == local.is_ipv4()
                    && (own == local.ip() || own.is_unspecified() || local.ip().is_unspecified())
            })
        };
        self.bound.get(&local.port()).is_some_and(|sockets| sockets.iter().any(clashes))
    }

    /// RFC 6056 §3.3.1: ports are drawn at random; if the draws fail, the next free one behind the
    /// last draw is taken.
    pub(super) fn draw_port(&mut self, ip: IpAddr) -> Result<u16, BindError> {
        let (first, count) = (u32::from(*EPHEMERAL.start()), EPHEMERAL.len() as u32);
        let mut draw = 0;
        for _ in 0..DRAWS_MAX {
            self.drawn += 1;
            draw = (self.key.hash(&self.drawn.to_le_bytes()) % u64::from(count)) as u32;
            let port = (first + draw) as u16;
            if !self.is_taken(SocketAddr::new(ip, port)) {
                return Ok(port);
            }
        }
        (0..count)
            .map(|n| (first + (draw + n) % count) as u16)
            .find(|port| !self.is_taken(SocketAddr::new(ip, *port)))
            .ok_or(BindError::NoPortLeft)
    }

    /// Takes a socket out of the tables.
    pub(super) fn unlist(&mut self, socket: SocketId) {
        let Some(found) = self.sockets.get(socket) else { return };
        let local = found.local;
        if let Some(peer) = found.peer {
            self.connected.remove(&(local, peer));
        } else if let Some(sockets) = self.bound.get_mut(&local.port()) {
            sockets.retain(|other| *other != socket);
            if sockets.is_empty() {
                self.bound.remove(&local.port());
            }
        }
    }
}
