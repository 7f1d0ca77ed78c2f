//! Layer 7, application: an address for a while, and what belongs to it. (RFC 2131, RFC 2132)
//!
//! ```text
//!   host ── start, handle_claimed, handle_conflict, release ─▶ ┌────────┐ ── poll_event ────▶ Granted, Renewed, Lost
//!                                                              │ Client │
//!   UDP ─── handle_message ──────────────────────────────────▶ └────────┘ ── poll_transmit ─▶ messages for servers
//! ```
//!
//! Start reading at [`Client`], which is what an interface has: [`State`] is the table of its states,
//! `machine.rs` what time and its user do to it, `answers.rs` what servers do, `requests.rs` what
//! it says to them. Inside, [`wire`] turns
//! bytes into a header and options and back, `lease.rs` reads what a server offers and believes none
//! of it that no host can use, `routes.rs` and `names.rs` read the two options with a grammar of their
//! own (RFC 3442, RFC 3397), and `times.rs` says when things are sent again.
//!
//! The first offer that can be used is taken. Servers of one network belong to one operator, who has
//! made all of their offers good; whoever waits for a better one makes everybody wait.
//!
//! Not here: servers and relays, DHCPINFORM, authentication (RFC 3118), Rapid Commit (RFC 4039), and
//! DHCPv6.

pub mod wire;

mod answers;
mod config;
mod lease;
mod machine;
mod names;
mod requests;
mod routes;
mod times;
mod xray;

pub use config::{ClientId, Config};
pub use lease::{Lease, Route, Settings};
pub use machine::{Client, Event, Lost, State, Timer};
pub use requests::Outgoing;
pub use xray::{Seen, Why};

#[cfg(test)]
mod tests;
