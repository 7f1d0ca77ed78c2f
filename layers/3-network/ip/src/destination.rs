//! Which of a host's addresses is tried first. (RFC 6724 §6)

use std::cmp::Reverse;
use std::net::IpAddr;

use crate::policy::{Policy, scope};
use crate::route::common_prefix_len;

/// The address of ours that packets to a destination would come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Source {
    /// The address.
    pub address: IpAddr,
    /// Whether it is on its way out. (RFC 4862 §5.5.4)
    pub is_deprecated: bool,
}

/// Orders the addresses of a host, the one to be tried first in front.
///
/// `source_for` says from where packets would come; nothing, if there is no way. RFC 6724 §6: rules 1,
/// 2, 3, 5, 6, 8 and 9, in this order; rule 4 is about mobile nodes, and rule 7 about tunnels, of
/// which we have none. What is equal stays in the order in which it came (rule 10).
pub fn order_destinations(all: &mut [IpAddr], source_for: impl Fn(IpAddr) -> Option<Source>) {
    all.sort_by_cached_key(|&to| {
        let (source, policy, reach) = (source_for(to), Policy::of(to), scope(to));
        let has =
            |is_so: fn(Source, IpAddr) -> bool| source.is_some_and(|source| is_so(source, to));
        let common = source.map_or(0, |source| common_prefix_len(source.address, to));
        (
            source.is_none(),
            has(|source, to| scope(source.address) != scope(to)),
            has(|source, _| source.is_deprecated),
            has(|source, to| Policy::of(source.address).label != Policy::of(to).label),
            Reverse(policy.precedence),
            reach,
            // Never between the versions of IP, which differ in precedence.
            Reverse(common),
        )
    });
}
