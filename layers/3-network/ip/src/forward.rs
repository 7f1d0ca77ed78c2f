//! Passing packets on: what makes a host a router. (RFC 1812 §5.2, RFC 8200 §3)

use std::net::IpAddr;

use crate::kind::Kind;
use crate::packet::Packet;
use crate::xray::Why;
use crate::{v4, v6};

/// Why a packet is not passed on, and what its sender is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// It is dropped.
    Drop(Why),
    /// The sender is told that it has been passed on too often. (RFC 792: time exceeded, code 0)
    HopLimitUsedUp,
    /// The sender is told that it was too long for the next link, and may not be cut.
    TooBig {
        /// What the next link takes, in bytes.
        mtu: usize,
    },
}

/// Whether `packet` is passed on to a link that takes `mtu` bytes. If a device has merged it from
/// several, `merged_len` is how long the longest of them was: they go on as they were.
///
/// # Errors
/// When it is not. That there is a route is the caller's business.
pub fn decide(packet: &Packet<'_>, merged_len: Option<usize>, mtu: usize) -> Result<(), Refusal> {
    let (source, destination) = (Kind::of(packet.source), Kind::of(packet.destination));
    // RFC 1812 §5.3.4, §5.3.7, §5.3.9: groups are passed on by those who know multicast routing.
    if destination.is_group() {
        return Err(Refusal::Drop(Why::LeavesScope));
    }
    if !source.may_be_source() {
        return Err(Refusal::Drop(Why::MartianSource));
    }
    if !destination.may_be_destination() {
        return Err(Refusal::Drop(Why::MartianDestination));
    }
    // RFC 3927 §2.7, RFC 4291 §2.5.6: what is for a link stays there.
    if source == Kind::LinkLocal || destination == Kind::LinkLocal {
        return Err(Refusal::Drop(Why::LeavesScope));
    }
    // RFC 1812 §5.3.1: before anything is sent.
    if packet.hop_limit <= 1 {
        return Err(Refusal::HopLimitUsedUp);
    }
    let fits = match merged_len {
        Some(len) => len <= mtu,
        None => packet.bytes.len() <= mtu || may_be_cut(packet),
    };
    if fits { Ok(()) } else { Err(Refusal::TooBig { mtu }) }
}

/// Takes one from how often a packet may be passed on. Whether there was one to take.
pub fn decrement(packet: &mut [u8]) -> bool {
    match packet.first().map(|first| first >> 4) {
        Some(6) => v6::decrement_hop_limit(packet).is_some(),
        _ => v4::decrement_ttl(packet).is_some(),
    }
}

/// RFC 791 §2.3: IPv4 without DF. RFC 8200 §5: in IPv6 only the sender cuts.
fn may_be_cut(packet: &Packet<'_>) -> bool {
    match packet.destination {
        IpAddr::V4(_) => v4::Header::parse(packet.bytes).is_ok_and(|(h, _)| !h.dont_fragment),
        IpAddr::V6(_) => false,
    }
}
