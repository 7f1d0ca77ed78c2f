//! Layers 2 to 4 joined: a host on networks. Frames below, sockets above.
//!
//! ```text
//!   programs ── udp_*, tcp_*, ping ─▶ ┌──────┐ ── poll_event ─▶ Event
//!                                     │ Host │
//!   devices ── handle_frame ────────▶ └──────┘ ── poll_frame ─▶ devices
//! ```
//!
//! The layers know nothing of one another; [`Host`] is where they meet. In `host.rs`,
//! [`Host::handle_frame`] is the whole way up and [`Host::poll_frame`] the whole way down. Start
//! reading there; `network/` is layers 2 and 3 together, `interface.rs` one device, `messages.rs` what
//! ICMP has to do with all of them, `tcp/` who has which flow and whose turn it is, `dhcp/` addresses
//! that servers give, `verbs.rs` what programs can do, `look.rs` what can be seen, `queues.rs` and
//! `strays.rs` what several hosts at one device share.
//!
//! Not here: devices and threads (`io/`), resolving names (DNS), and the zones of link-local
//! addresses: with several interfaces, a link-local destination is on the link of the source.

mod dhcp;
mod host;
mod interface;
mod look;
mod messages;
mod network;
mod queues;
mod strays;
mod tcp;
mod verbs;
mod xray;

pub use dhcp::{DhcpConfig, DhcpNews, DhcpView, Leased, RELEASE_TIME_MAX};
pub use host::{Config, Event, Host};
pub use interface::InterfaceConfig;
pub use look::{InterfaceView, NeighborView};
pub use network::{
    AddError, Address, AutoConfig, DNS_DOMAINS_MAX_EACH, DNS_ENTRIES_MAX, DNS_SERVERS_MAX_EACH,
    DnsDomain, DnsServer, DnsSource, LOOPBACK, Origin, Service,
};
pub use queues::concerns_all_queues;
pub use tcp::{
    ConnectError, ListenError, ListenerId, Listening, Socket, TcpConfig, TcpEvent, TcpId,
};
pub use xray::{Seen, Why};

#[cfg(test)]
mod tests;
