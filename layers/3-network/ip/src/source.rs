//! Which of our addresses a packet comes from. (RFC 6724 §5, RFC 1122 §3.3.4.3)

use std::cmp::Reverse;
use std::net::{IpAddr, Ipv6Addr};

use crate::kind::Kind;
use crate::prefix::{Cidr, Prefix};
use crate::route::{InterfaceId, common_prefix_len};

/// An address of ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Candidate {
    /// The address and its network.
    pub cidr: Cidr,
    /// The interface that has it.
    pub interface: InterfaceId,
    /// Whether it is on its way out. (RFC 4862 §5.5.4)
    pub is_deprecated: bool,
    /// Whether it was made to be forgotten soon. (RFC 8981)
    pub is_temporary: bool,
}

/// The best of `candidates` for a packet to `destination` that leaves through `interface`.
///
/// RFC 6724 §5: rules 1, 2, 3, 5, 6, 7 and 8, in this order; rule 4 is about mobile nodes. For IPv4
/// the same rules hold, with its addresses mapped into IPv6's (§3.2).
pub fn select_source(
    candidates: impl Iterator<Item = Candidate>,
    destination: IpAddr,
    interface: InterfaceId,
) -> Option<IpAddr> {
    let (scope, label) = (scope(destination), label(destination));
    candidates
        .filter(|candidate| candidate.cidr.address().is_ipv4() == destination.is_ipv4())
        // `max_by_key` would take the last of equals; the first is the one that came first.
        .min_by_key(|candidate| {
            let address = candidate.cidr.address();
            let own_scope = self::scope(address);
            // Rule 2: the least scope that reaches so far; if none does, the widest.
            let reach = if own_scope >= scope { own_scope } else { u8::MAX - own_scope };
            let common = common_prefix_len(address, destination).min(candidate.cidr.prefix_len());
            (
                address != destination,
                reach,
                candidate.is_deprecated,
                candidate.interface != interface,
                self::label(address) != label,
                !candidate.is_temporary,
                Reverse(common),
            )
        })
        .map(|candidate| candidate.cidr.address())
}

/// RFC 6724 §3.1, §3.2: how far an address reaches, as the scopes of multicast are numbered.
fn scope(address: IpAddr) -> u8 {
    const LINK_LOCAL: u8 = 2;
    const SITE_LOCAL: u8 = 5;
    const GLOBAL: u8 = 14;
    match (address, Kind::of(address)) {
        (IpAddr::V6(address), Kind::Multicast) => address.octets()[1] & 0xf,
        (IpAddr::V6(address), _) if address.segments()[0] & 0xffc0 == 0xfec0 => SITE_LOCAL,
        (_, Kind::LinkLocal | Kind::Loopback) => LINK_LOCAL,
        _ => GLOBAL,
    }
}

/// RFC 6724 §2.1: the policy table; what has the same label belongs together.
fn label(address: IpAddr) -> u8 {
    /// The first two groups of a prefix, its length, and its label.
    const TABLE: [(u16, u16, u8, u8); 5] = [
        (0x2002, 0, 16, 2),
        (0x2001, 0, 32, 5),
        (0xfc00, 0, 7, 13),
        (0xfec0, 0, 10, 11),
        (0x3ffe, 0, 16, 12),
    ];
    match address {
        IpAddr::V4(_) => 4,
        IpAddr::V6(Ipv6Addr::LOCALHOST) => 0,
        IpAddr::V6(address) => {
            let in_row = |(a, b, len, _): &&(u16, u16, u8, u8)| {
                let network = Ipv6Addr::new(*a, *b, 0, 0, 0, 0, 0, 0);
                Prefix::new(network.into(), *len).is_some_and(|p| p.contains(address.into()))
            };
            TABLE.iter().find(in_row).map_or(1, |row| row.3)
        }
    }
}
