//! Layer 4, transport: datagrams. (RFC 768, RFC 8200 §8.1, RFC 1122 §4.1, RFC 6056)
//!
//! ```text
//!   user ── bind, connect, send, receive ─▶ ┌─────────┐ ── poll_event ────▶ Readable, Writable, Failed
//!                                           │ Sockets │
//!   ip ──── handle_datagram, handle_error ─▶└─────────┘ ── poll_transmit ─▶ datagrams
//! ```
//!
//! Start reading at [`Sockets`]. A socket's datagrams lie in one ring of bytes each way, so that
//! nothing is allocated for a datagram once the ring is warm.
//!
//! Not here: which groups an interface listens to, fragments, UDP-Lite, multicast sources.

mod ring;
mod sockets;
mod wire;
mod xray;

pub use sockets::{
    BindError, Config, Datagram, Event, Known, Looked, Outgoing, SendError, Socket, SocketId,
    Sockets, Verdict,
};
pub use wire::Header;
pub use xray::{Seen, Why};

#[cfg(test)]
mod tests;
