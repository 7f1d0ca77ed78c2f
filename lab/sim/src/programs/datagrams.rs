//! Datagrams: each says what it is, so that whoever hears it knows whether it is whole.

use std::net::SocketAddr;
use std::time::Duration;

use base::{Cx, Instant};
use host::{Event, Host};

use super::{Program, byte_at};

/// How many bytes say which datagram this is.
const NAME_LEN: usize = 8;

/// Sends datagrams of several lengths, in even intervals.
#[derive(Debug)]
pub struct Chatter {
    to: SocketAddr,
    lens: Vec<usize>,
    interval: Duration,
    next: Instant,
    sent: usize,
    /// The socket, by its number.
    socket: Option<u64>,
}

impl Chatter {
    /// Sends datagrams of these lengths to `to`.
    pub fn new(to: SocketAddr, lens: Vec<usize>, interval: Duration) -> Self {
        Self { to, lens, interval, next: Instant::ORIGIN, sent: 0, socket: None }
    }
}

impl Program for Chatter {
    fn handle_event(&mut self, _: &mut Cx<'_>, _: &mut Host, _: &Event) {}

    fn run(&mut self, cx: &mut Cx<'_>, host: &mut Host) -> Result<bool, String> {
        let Some(len) = self.lens.get(self.sent).copied().filter(|_| self.next <= cx.now()) else {
            return Ok(false);
        };
        let socket = match self.socket {
            Some(bits) => base::Key::from_bits(bits),
            None => {
                let any = match self.to {
                    SocketAddr::V4(_) => SocketAddr::new([0; 4].into(), 0),
                    SocketAddr::V6(_) => SocketAddr::new([0; 16].into(), 0),
                };
                let socket = host.udp_bind(any).map_err(|error| format!("{error:?}"))?;
                self.socket = Some(socket.to_bits());
                socket
            }
        };
        let name = self.sent as u64;
        let mut payload = name.to_be_bytes().to_vec();
        payload.extend((0..len as u64).map(|at| byte_at(name, at)));
        // What finds no room is lost, as datagrams are.
        let _ = host.udp_send(socket, Some(self.to), &payload);
        self.sent += 1;
        self.next = cx.now().after(self.interval);
        Ok(true)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        (self.sent < self.lens.len()).then_some(self.next)
    }

    fn is_done(&self) -> bool {
        self.sent == self.lens.len()
    }

    fn describe(&self) -> String {
        format!("{} of {} datagrams sent", self.sent, self.lens.len())
    }
}

/// Hears datagrams, and knows whether they are whole.
#[derive(Debug)]
pub struct Listener {
    local: SocketAddr,
    socket: Option<u64>,
    heard: usize,
}

impl Listener {
    /// Hears what is sent to `local`.
    pub fn new(local: SocketAddr) -> Self {
        Self { local, socket: None, heard: 0 }
    }
}

impl Program for Listener {
    fn handle_event(&mut self, _: &mut Cx<'_>, _: &mut Host, _: &Event) {}

    fn run(&mut self, _: &mut Cx<'_>, host: &mut Host) -> Result<bool, String> {
        let socket = match self.socket {
            Some(bits) => base::Key::from_bits(bits),
            None => {
                let socket = host.udp_bind(self.local).map_err(|error| format!("{error:?}"))?;
                self.socket = Some(socket.to_bits());
                socket
            }
        };
        let mut into = vec![0; 65_536];
        let mut has_heard = false;
        while let Some((len, _)) = host.udp_receive(socket, &mut into) {
            has_heard = true;
            self.heard += 1;
            let payload = into.get(..len).unwrap_or_default();
            let Some((name, rest)) = payload.split_first_chunk::<NAME_LEN>() else {
                return Err("a datagram without a name".to_owned());
            };
            let name = u64::from_be_bytes(*name);
            if !(0..).zip(rest).all(|(at, byte)| *byte == byte_at(name, at)) {
                return Err(format!("datagram {name} is not what was sent"));
            }
        }
        Ok(has_heard)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn is_done(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        format!("{} datagrams heard", self.heard)
    }
}
