//! Multicast on a cable: which addresses groups have, and which of them we listen to.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use base::Mac;

/// How many groups one interface listens to at most: 256 entries of about 32 bytes are 8 KiB.
pub const GROUPS_MAX: usize = 256;

/// The hardware address of an IPv4 group.
///
/// RFC 1112 §6.4: the lowest 23 bits behind 01-00-5e, so 32 groups share an address and the network
/// layer has to look again.
pub const fn group_v4(group: Ipv4Addr) -> Mac {
    let [_, b, c, d] = group.octets();
    Mac([0x01, 0x00, 0x5e, b & 0x7f, c, d])
}

/// The hardware address of an IPv6 group.
///
/// RFC 2464 §7: the last four bytes behind 33-33.
pub const fn group_v6(group: Ipv6Addr) -> Mac {
    let [.., a, b, c, d] = group.octets();
    Mac([0x33, 0x33, a, b, c, d])
}

/// The groups that an interface listens to.
#[derive(Debug, Default)]
pub struct Groups {
    /// How often each was joined: groups of the network layer share addresses.
    joined: BTreeMap<Mac, u32>,
}

impl Groups {
    /// Listens to nobody but who speaks to us or to all.
    pub const fn new() -> Self {
        Self { joined: BTreeMap::new() }
    }

    /// Listens to `group` too; whether there was room.
    #[must_use]
    pub fn join(&mut self, group: Mac) -> bool {
        if !self.joined.contains_key(&group) && self.joined.len() >= GROUPS_MAX {
            return false;
        }
        *self.joined.entry(group).or_default() += 1;
        true
    }

    /// Listens to `group` no longer, once everybody who joined it has left.
    pub fn leave(&mut self, group: Mac) {
        if let Some(times) = self.joined.get_mut(&group) {
            *times -= 1;
            if *times == 0 {
                self.joined.remove(&group);
            }
        }
    }

    /// Whether a frame for `destination` is for a station with the address `us`.
    #[inline]
    pub fn destination_is_us(&self, us: Mac, destination: Mac) -> bool {
        destination == us
            || destination == Mac::BROADCAST
            || (destination.is_group() && self.joined.contains_key(&destination))
    }
}
