//! Layer 2, link: which hardware address has that neighbour? (RFC 826, RFC 4861 §7.3, RFC 5227)
//!
//! ```text
//!   network ── resolve, hold, confirm ─▶ ┌───────────┐ ── poll_event ────▶ Unreachable, Claimed, Lost
//!                                        │ Neighbors │
//!   cable ──── handle_arp ─────────────▶ └───────────┘ ── poll_transmit ─▶ ARP, and packets that waited
//! ```
//!
//! Start reading at [`Neighbors`], which is what an interface has. Inside, [`Cache`] knows the
//! neighbours, by the states of neighbour unreachability detection, and is free of any protocol:
//! ARP feeds it for IPv4 and neighbour discovery (`ndp`, in layer 3) for IPv6. [`Claims`] are our own addresses:
//! whether somebody else has them too. [`wire`] turns bytes into [`wire::Packet`]s and back.
//!
//! Not here: proxy ARP, reverse ARP, the messages of IPv6's neighbour discovery (`ndp`).

pub mod wire;

mod cache;
mod claim;
mod config;
mod machine;
mod state;
mod table;
mod xray;

pub use cache::{Advertised, Answer, Cache, Heard, Lookup};
pub use claim::{Claim, Claims, Defence};
pub use config::Config;
pub use machine::{Event, Neighbors, Outgoing};
pub use state::State;
pub use xray::{Seen, Why};

#[cfg(test)]
mod tests;
