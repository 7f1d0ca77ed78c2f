//! Layers 5 to 7 joined: bytes of a stream ⇄ exchanges of HTTP.
//!
//! ```text
//!   up    bytes → tls → http1 | http2 → Event      handle_bytes, then poll_event
//!   down  Event → http1 | http2 → tls → bytes      send, then poll_transmit
//! ```
//!
//! The layers know nothing of one another. [`Endpoint::handle_bytes`] is the whole way up and
//! [`Endpoint::poll_transmit`] the whole way down. What stands below is a stream of bytes: a
//! kernel's socket, or a connection of our own TCP; what stands above sees exchanges by
//! [`ExchangeId`](message::ExchangeId), whichever version of HTTP carries them.
//!
//! Not here: sockets, and what an exchange is about.

mod endpoint;
mod http;
mod secure;

pub use endpoint::{Config, Endpoint, Facts, Timer};
pub use message::Closing;

#[cfg(test)]
mod tests;
