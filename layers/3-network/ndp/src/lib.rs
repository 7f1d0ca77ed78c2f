//! Layer 3, network: who is on the link, in IPv6. (RFC 4861, RFC 4862)
//!
//! ```text
//!   ICMPv6 133 to 137 ─▶ wire::Message ─┬─ neighbours ─▶ the cache of layer 2 (`neighbor`)
//!                                       ├─ probes ─────▶ Claims ───▶ Taken, Lost
//!                                       └─ routers ────▶ Autoconf ─▶ addresses, routes, MTU, hop limit
//! ```
//!
//! Start reading at [`wire::Message`]: its five kinds, and what makes them valid. [`Claims`] are our
//! own addresses, and whether somebody else has them (RFC 4862 §5.4, RFC 4429, RFC 7527).
//! [`Autoconf`] is what a host makes of what routers say: default routers (RFC 4191), networks of the
//! link, addresses by themselves with identifiers that stay (RFC 7217) or do not (RFC 8981). It says
//! what there is to be; whoever joins the layers makes it so.
//!
//! Not here: the states of neighbours (`neighbor` has them for both versions of IP), routers'
//! side, secure neighbour discovery, DHCPv6, and the checksum and type of messages (`icmp`).

pub mod wire;

mod asking;
mod autoconf;
mod claims;
mod identifier;
mod options;
mod params;
mod routes;
mod slaac;
mod xray;

pub use autoconf::{Autoconf, Settings};
pub use claims::{Claim, Claims, Outcome, Outgoing, Standing};
pub use identifier::{Identity, is_reserved};
pub use options::{Options, domains, servers};
pub use routes::{Learned, Router};
pub use slaac::AutoAddress;
pub use xray::{Seen, Why};

#[cfg(test)]
mod tests;
