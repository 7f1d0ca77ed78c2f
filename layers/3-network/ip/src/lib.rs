//! Layer 3, network: packets from host to host. (RFC 791, RFC 8200, RFC 1122 §3, RFC 1812)
//!
//! ```text
//!   bytes ─▶ v4, v6 ─▶ Packet ─▶ Reassembly ─▶ whole payload      what comes in
//!   destination ─▶ Routes ─▶ select_source ─▶ PathMtus ─▶ Fragments ─▶ bytes      what goes out
//! ```
//!
//! Start reading at [`Packet`], what every packet is whatever its version; [`v4`] and [`v6`] are the
//! headers on the wire. [`Routes`] knows where a destination is, [`Prefix`] and [`Cidr`] what a
//! network is, [`Kind`] which addresses are special; [`select_source`] and [`order_destinations`] choose
//! among several. [`Reassembly`] and [`Fragments`] are the two ways
//! past a small MTU, [`PathMtus`] the way around it. [`forward`] is what makes a router.
//!
//! Not here: ICMP (its errors are asked for by a [`Why`] or a [`forward::Refusal`]), neighbours,
//! multicast routing, jumbograms, mobility, IPsec.

pub mod forward;
pub mod v4;
pub mod v6;

mod destination;
mod fragment;
mod id;
mod kind;
mod packet;
mod pmtu;
mod policy;
mod prefix;
mod protocol;
mod quoted;
mod reassembly;
mod route;
mod source;
mod xray;

pub use destination::{Source, order_destinations};
pub use fragment::Fragments;
pub use id::Identifications;
pub use kind::Kind;
pub use packet::{Fragment, Packet, Unfit};
pub use pmtu::{PathMtus, Verdict as PathMtuVerdict};
pub use prefix::{Cidr, Prefix};
pub use protocol::{Ecn, Protocol};
pub use quoted::Quoted;
pub use reassembly::{Expired, Reassembly, Whole};
pub use route::{InterfaceId, Route, Routes};
pub use source::{Candidate, select_source};
pub use xray::{Seen, Why};

#[cfg(test)]
mod tests;
