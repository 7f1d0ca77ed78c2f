//! Layer 7, application: HTTP/1.1 and 1.0, both roles. (RFC 9112, with RFC 9110's framing rules)
//!
//! ```text
//!   handler ── send(Event) ──▶ ┌────────────┐ ── poll_transmit ─▶ bytes
//!            ◀── poll_event ── │ Connection │
//!                              └────────────┘ ◀── handle_bytes ── bytes
//! ```
//!
//! Start reading at [`Connection`]: `machine.rs` is what a connection goes through, `recv/` the
//! message that comes in, `send.rs` the one that goes out. [`framing`] decides where a body ends,
//! [`persistence`] whether another message follows;
//! `wire/` turns bytes into heads and chunks and back. `docs/request-smuggling.md` lists what is refused and why.
//!
//! The server answers requests in order, one at a time: the bytes of pipelined requests wait
//! where they are until their turn, so the queue is as long as the caller's receive buffer.
//!
//! Not here: what a method does, which resources there are, TLS, sockets.

pub mod framing;
pub mod persistence;

mod config;
mod events;
mod machine;
mod memory;
mod pace;
mod recv;
mod send;
mod wire;
mod xray;

pub use config::Config;
pub use machine::{Connection, Timer};
pub use message::Closing;
pub use xray::{Seen, Why};

#[cfg(test)]
mod tests;
