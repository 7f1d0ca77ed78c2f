//! Which of our addresses a packet comes from. (RFC 6724 §5, RFC 1122 §3.3.4.3)

use std::cmp::Reverse;
use std::net::IpAddr;

use crate::policy::{label, scope};
use crate::prefix::Cidr;
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
            let own_scope = crate::policy::scope(address);
            // Rule 2: the least scope that reaches so far; if none does, the widest.
            let reach = if own_scope >= scope { own_scope } else { u8::MAX - own_scope };
            let common = common_prefix_len(address, destination).min(candidate.cidr.prefix_len());
            (
                address != destination,
                reach,
                candidate.is_deprecated,
                candidate.interface != interface,
                crate::policy::label(address) != label,
                !candidate.is_temporary,
                Reverse(common),
            )
        })
        .map(|candidate| candidate.cidr.address())
}
