//! Layer 4, transport: TCP. (RFC 9293, with what grew around it; `docs/tcp.md` has the list)
//!
//! ```text
//!   user ── write, shut_down ─▶ ┌────────────┐ ── poll_transmit ─▶ Outgoing
//!        ◀─ peek, poll_event ── │ Connection │
//!                               └────────────┘ ◀── handle_segment ── Segment
//!                                 ▲        │
//!                 third step of   │        │ both FINs are acknowledged
//!                 the handshake   │        ▼
//!                          ┌──────────┐  ┌──────────┐
//!      SYNs from anybody ─▶│ Listener │  │ TimeWait │  remembers for a minute
//!                          └──────────┘  └──────────┘
//! ```
//!
//! Whoever joins the layers keeps a table from [`Flow`] to `Connection` or `TimeWait`, and one from
//! local addresses to `Listener`; what belongs to nobody is answered by [`answer::to_nobody`].
//!
//! Start reading at [`Connection`]: `machine.rs` is what can be done with one, `arrive.rs` the eight
//! steps of RFC 9293 §3.10.7.4, `send/` and `recv/` the two halves. [`wire`] turns bytes into
//! segments and back. [`Config`] holds everything that differs between systems, as [`Profile`]s.
//!
//! Not here: addresses and routes, checksums (they cover the addresses below), ports and who may
//! have them, cutting super-segments for devices that cannot.

pub mod answer;
pub mod wire;

mod arrive;
mod budget;
mod config;
mod congestion;
mod fast_open;
mod icmp;
mod info;
mod listen;
mod machine;
mod pmtu;
mod profile;
mod recv;
mod rtt;
mod send;
mod seq;
mod spare;
mod state;
mod syn_sent;
mod time_wait;
mod timers;
mod transmit;
mod xray;

pub use budget::Budget;
pub use config::{
    Acknowledge, Algorithm, BuffersConfig, Config, CongestionConfig, EcnPolicy, Estimator,
    Handshake, Idle, MtuProbing, ProbeWhen, ResetRule, Retransmit, Silence,
};
pub use fast_open::{FastOpen, FastOpenStep, Known};
pub use icmp::{IcmpError, IcmpKind};
pub use info::Info;
pub use listen::{Listener, SynHeaders};
pub use machine::{Connection, Event, Failure, Flow, Limits, Timer};
pub use profile::Profile;
pub use send::{Payload, Phase};
pub use seq::Seq;
pub use state::State;
pub use time_wait::{Returned, TimeWait};
pub use transmit::Outgoing;
pub use wire::{Ecn, Flags, Header, Segment};
pub use xray::{Cause, CwndCause, LossCause, MssCause, Seen, Why};

#[cfg(test)]
mod tests;
