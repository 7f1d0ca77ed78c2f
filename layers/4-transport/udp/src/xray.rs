use std::net::SocketAddr;

base::notes! {
    /// What UDP tells the x-ray.
    pub enum Seen in Transport {
        /// A datagram came in.
        DatagramIn { from: SocketAddr, to: SocketAddr, len: usize },
        /// A datagram goes out.
        DatagramOut { from: SocketAddr, to: SocketAddr, len: usize },
        /// A datagram was not sent.
        NotSent { to: SocketAddr, why: Why },
        /// A datagram that came in was dropped.
        Dropped { from: SocketAddr, to: SocketAddr, why: Why },
    }
}

/// Why a datagram was dropped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// No socket has this port, or its user talks to somebody else alone (RFC 1122 §4.1.3.1).
    NobodyListens,
    /// The socket's user does not take what is there already.
    ReceiverFull,
    /// We have no address that it could come from (RFC 1122 §4.1.3.5).
    NoSource,
}
