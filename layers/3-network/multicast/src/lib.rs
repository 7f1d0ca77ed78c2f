//! Layer 3, network: telling routers to which groups we listen. (RFC 3376, RFC 2236, RFC 3810, RFC 2710)
//!
//! ```text
//!   join, leave ────────────┐      ┌────────────┐ ── poll_transmit ─▶ Report
//!   query ─▶ wire::Query ───┴────▶ │ Membership │
//!   time ────────────────────────▶ └────────────┘
//! ```
//!
//! Start reading at [`Membership`]: one for IGMP and one for MLD on each interface. The two protocols
//! are one with different numbers, so there is one machine; [`wire`] has both forms. What routers of
//! an older version ask is answered in their version, for as long as they are heard.
//!
//! Not here: filters by source. Sockets join a group from whomever, which is the mode EXCLUDE with
//! nobody in it; that is also what a question about single sources is answered with. And the router's
//! side, and the headers of IP around a message (TTL 1 and the Router Alert option).

pub mod wire;

mod machine;
mod xray;

pub use machine::Membership;
pub use xray::{Seen, Why};

#[cfg(test)]
mod tests;
