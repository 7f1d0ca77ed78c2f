//! What addresses are to one another when one is chosen. (RFC 6724 §2.1, §3)

use std::net::{IpAddr, Ipv6Addr};

use crate::kind::Kind;
use crate::prefix::Prefix;

/// Rows of the policy table: the first two groups of a prefix, its length, its precedence and its
/// label. Of those that fit, the longest prefix counts; none of these lies in another.
const TABLE: [(u16, u16, u8, u8, u8); 5] = [
    (0x2002, 0, 16, 30, 2),
    (0x2001, 0, 32, 5, 5),
    (0xfc00, 0, 7, 3, 13),
    (0xfec0, 0, 10, 1, 11),
    (0x3ffe, 0, 16, 1, 12),
];

/// How much a destination is wanted, and what belongs together by its label.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Policy {
    pub(crate) precedence: u8,
    pub(crate) label: u8,
}

impl Policy {
    /// The row of the table for `address`.
    pub(crate) fn of(address: IpAddr) -> Self {
        let row = |precedence, label| Self { precedence, label };
        match address {
            IpAddr::V4(_) => row(35, 4),
            IpAddr::V6(Ipv6Addr::LOCALHOST) => row(50, 0),
            // RFC 4291 §2.5.5.1: IPv4 in the last 32 bits, and nothing in front.
            IpAddr::V6(address) if address.to_bits() >> 32 == 0 => row(1, 3),
            IpAddr::V6(address) => {
                let fits = |(a, b, len, ..): &&(u16, u16, u8, u8, u8)| {
                    let network = Ipv6Addr::new(*a, *b, 0, 0, 0, 0, 0, 0);
                    Prefix::new(network.into(), *len).is_some_and(|p| p.contains(address.into()))
                };
                TABLE.iter().find(fits).map_or_else(|| row(40, 1), |found| row(found.3, found.4))
            }
        }
    }
}

/// What has the same label belongs together.
pub(crate) fn label(address: IpAddr) -> u8 {
    Policy::of(address).label
}

/// RFC 6724 §3.1, §3.2: how far an address reaches, as the scopes of multicast are numbered.
pub(crate) fn scope(address: IpAddr) -> u8 {
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
