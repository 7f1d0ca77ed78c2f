use std::net::SocketAddr;

base::notes! {
    /// What the join of TCP and the network tells the x-ray.
    pub enum Seen in Transport {
        /// A segment that came in was dropped before any connection saw it.
        Dropped { from: SocketAddr, to: SocketAddr, why: Why },
    }
}

/// Why a segment was dropped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// No connection has its flow, and nobody listens; it is answered with a reset
    /// (RFC 9293 §3.10.7.1), unless the operator wishes that nobody is told.
    NobodyListens,
    /// It was sent to many (RFC 1122 §4.2.3.10).
    SentToGroup,
    /// There are as many connections as there may be.
    TooManyConnections,
    /// More answers wait to be sent than we keep.
    TooManyReplies,
}
