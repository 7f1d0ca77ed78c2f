use std::net::SocketAddr;

use udp::{BindError, SendError, SocketId};

use super::{Attempt, World};
use crate::stack::Stack;
use crate::symbols::{
    MSG_DONTWAIT, MSG_PEEK, POLLERR, POLLIN, POLLOUT, POLLRDNORM, POLLWRBAND, POLLWRNORM,
};

/// A socket of UDP.
#[derive(Debug)]
pub(super) struct Datagram {
    pub(super) is_nonblocking: bool,
    socket: Option<SocketId>,
    error: Option<i64>,
    /// How many datagrams may lie there.
    is_readable: bool,
    pub(super) wakes: u64,
}

impl Datagram {
    pub(super) fn new(is_nonblocking: bool) -> Self {
        Self { is_nonblocking, socket: None, error: None, is_readable: false, wakes: 0 }
    }

    pub(super) fn take_event(&mut self, event: udp::Event) {
        match event {
            udp::Event::Readable(socket) if Some(socket) == self.socket => self.is_readable = true,
            udp::Event::Writable(socket) if Some(socket) == self.socket => {}
            udp::Event::Failed { socket, .. } if Some(socket) == self.socket => {
                self.error = super::errno("ECONNREFUSED");
            }
            _ => return,
        }
        self.wakes += 1;
    }

    pub(super) fn bind(&mut self, world: &mut World<'_>, local: SocketAddr) -> Attempt {
        if self.socket.is_some() {
            return Attempt::error("EINVAL");
        }
        match world.stack.host.udp_bind(local) {
            Ok(socket) => {
                self.socket = Some(socket);
                Attempt::Returned(0)
            }
            Err(BindError::InUse) => Attempt::error("EADDRINUSE"),
            Err(_) => Attempt::error("EADDRNOTAVAIL"),
        }
    }

    /// The socket, at any port if it has none yet.
    fn socket(&mut self, world: &mut World<'_>) -> Option<SocketId> {
        if self.socket.is_none() {
            let any = SocketAddr::new(world.settings.local(), 0);
            self.socket = world.stack.host.udp_bind(any).ok();
        }
        self.socket
    }

    pub(super) fn connect(&mut self, world: &mut World<'_>, remote: SocketAddr) -> Attempt {
        let Some(socket) = self.socket(world) else { return Attempt::error("EAGAIN") };
        match world.stack.host.udp_connect(socket, remote) {
            Some(Ok(())) => Attempt::Returned(0),
            Some(Err(_)) => Attempt::error("EADDRINUSE"),
            None => Attempt::error("ENETUNREACH"),
        }
    }

    pub(super) fn write(
        &mut self,
        world: &mut World<'_>,
        len: usize,
        to: Option<SocketAddr>,
    ) -> Attempt {
        if let Some(error) = self.error.take() {
            return Attempt::Failed(error);
        }
        let Some(socket) = self.socket(world) else { return Attempt::error("EAGAIN") };
        let payload = vec![0; len];
        match world.stack.with(|_, host| host.udp_send(socket, to, &payload)) {
            Ok(()) => Attempt::Returned(len as i64),
            Err(SendError::TooLong) => Attempt::error("EMSGSIZE"),
            Err(_) => Attempt::error("EDESTADDRREQ"),
        }
    }

    pub(super) fn read(&mut self, world: &mut World<'_>, len: usize, flags: i64) -> Attempt {
        if flags & !(MSG_PEEK | MSG_DONTWAIT) != 0 {
            return Attempt::Unsupported(format!("flags {flags:#x} for datagrams"));
        }
        if let Some(error) = self.error.take() {
            return Attempt::Failed(error);
        }
        let mut into = vec![0; len];
        let host = &mut world.stack.host;
        let got = self.socket.and_then(|socket| match flags & MSG_PEEK != 0 {
            true => host.udp_peek(socket, &mut into),
            false => host.udp_receive(socket, &mut into),
        });
        match got {
            Some((n, _)) => Attempt::Returned(n.min(len) as i64),
            None => {
                self.is_readable = false;
                match self.is_nonblocking || flags & MSG_DONTWAIT != 0 {
                    true => Attempt::error("EAGAIN"),
                    false => Attempt::Blocked(None),
                }
            }
        }
    }

    /// What went wrong, once.
    pub(super) fn take_error(&mut self) -> i64 {
        self.error.take().unwrap_or(0)
    }

    pub(super) fn local(&self, stack: &Stack) -> Option<SocketAddr> {
        Some(stack.host.udp_look(self.socket?)?.local)
    }

    pub(super) fn close(self, world: &mut World<'_>) -> Attempt {
        if let Some(socket) = self.socket {
            world.stack.host.udp_close(socket);
        }
        Attempt::Returned(0)
    }

    pub(super) fn readiness(&self) -> i64 {
        const IN: i64 = POLLIN | POLLRDNORM;
        const OUT: i64 = POLLOUT | POLLWRNORM | POLLWRBAND;
        let input = if self.is_readable { IN } else { 0 };
        OUT | input | if self.error.is_some() { POLLERR } else { 0 }
    }
}
