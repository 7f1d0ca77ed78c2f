//! ICMP errors: whose they are, and what they are to TCP. (RFC 5927)

use std::net::SocketAddr;

use base::Cx;
use ip::Quoted;
use tcp::{Flow, IcmpError, IcmpKind};

use super::output::Turn;
use super::{Entry, Tcp};

impl Tcp {
    /// A packet of ours did not arrive. Whether it was somebody's; and if it was too long, whether
    /// that was believed.
    pub(crate) fn handle_error(
        &mut self,
        cx: &mut Cx<'_>,
        error: icmp::Error,
        quoted: &Quoted<'_>,
    ) -> (bool, bool) {
        let Some([s0, s1, d0, d1, q0, q1, q2, q3]) = quoted.payload.first_chunk().copied() else {
            return (false, false);
        };
        let flow = Flow {
            local: SocketAddr::new(quoted.source, u16::from_be_bytes([s0, s1])),
            remote: SocketAddr::new(quoted.destination, u16::from_be_bytes([d0, d1])),
        };
        let seq = tcp::Seq(u32::from_be_bytes([q0, q1, q2, q3]));
        let error = IcmpError { kind: kind_of(error), seq };
        // It may be about what the route takes.
        self.turn = Turn::default();
        match self.owner(&flow) {
            Some(Entry::Connection(key)) => {
                self.attribute(cx, &flow);
                let Some(socket) = self.sockets.get_mut(key) else { return (false, false) };
                let before = socket.connection.info(cx.now()).mss_path;
                socket.connection.handle_icmp(cx, &error);
                let is_narrower = socket.connection.info(cx.now()).mss_path < before;
                self.touch(key);
                (true, is_narrower)
            }
            Some(Entry::TimeWait(_)) => (true, false),
            None => {
                let Some(listener) = self.listener_at(flow.local) else { return (false, false) };
                if let Some(of) = self.listeners.get_mut(listener) {
                    of.listener.handle_icmp(cx, &flow, &error);
                }
                (true, false)
            }
        }
    }
}

/// An ICMP error in TCP's words.
fn kind_of(error: icmp::Error) -> IcmpKind {
    use icmp::Unreachable;
    match error {
        icmp::Error::TooBig { mtu } => IcmpKind::PacketTooBig { mtu },
        icmp::Error::TimeExceeded(_) => IcmpKind::TimeExceeded,
        // RFC 4443 §3.4, code 1: nobody there knows TCP.
        icmp::Error::ParameterProblem { code: 1, .. } => {
            IcmpKind::Unreachable(tcp::Failure::ProtocolUnreachable)
        }
        icmp::Error::ParameterProblem { .. } => IcmpKind::ParameterProblem,
        icmp::Error::Unreachable(why) => IcmpKind::Unreachable(match why {
            Unreachable::Net | Unreachable::BeyondScope => tcp::Failure::NetworkUnreachable,
            Unreachable::Protocol => tcp::Failure::ProtocolUnreachable,
            Unreachable::Port => tcp::Failure::Refused,
            Unreachable::Prohibited => tcp::Failure::Prohibited,
            Unreachable::Host | Unreachable::Other(_) => tcp::Failure::HostUnreachable,
        }),
    }
}
