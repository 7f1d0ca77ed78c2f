//! The second half of an address that a host makes for itself. (RFC 7217, RFC 8981, RFC 5453)

use std::net::Ipv6Addr;

use base::{Cx, SipKey};

/// How often another identifier is drawn, when one is reserved: of 2^64 some two hundred are.
const DRAWS_MAX: u8 = 8;

/// From what the identifiers of an interface follow that stay.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Which nobody else knows.
    key: SipKey,
    /// What the interface is called, or another thing that stays.
    interface: Vec<u8>,
}

impl Identity {
    /// An identity; the key is a secret that stays as long as addresses are to stay.
    pub fn new(key: SipKey, interface: &[u8]) -> Self {
        Self { key: key.derive(b"RFC 7217"), interface: interface.to_vec() }
    }

    /// The address in the network `prefix` (64 bits) that stays ours, unless it was somebody else's
    /// `conflicts` times.
    ///
    /// RFC 7217 §5: a pseudo-random function of the prefix, the interface, the count of conflicts
    /// and a secret. So it is the same whenever we come back, and says nothing of who we are
    /// elsewhere.
    pub fn address(&self, prefix: Ipv6Addr, conflicts: u8) -> Ipv6Addr {
        let network = prefix.to_bits() >> 64;
        let mut address = prefix;
        for draw in 0..DRAWS_MAX {
            let mut input = network.to_be_bytes().to_vec();
            input.extend([conflicts, draw]);
            input.extend(&self.interface);
            address = join(prefix, self.key.hash(&input));
            if !is_reserved(address) {
                break;
            }
        }
        address
    }
}

/// An address in the network `prefix` (64 bits) that says nothing at all. (RFC 8981 §3.3.1)
pub(crate) fn temporary(cx: &mut Cx<'_>, prefix: Ipv6Addr) -> Ipv6Addr {
    let mut address = prefix;
    for _ in 0..DRAWS_MAX {
        let bytes = std::array::from_fn(|_| cx.random_below(256) as u8);
        address = join(prefix, u64::from_be_bytes(bytes));
        if !is_reserved(address) {
            break;
        }
    }
    address
}

/// Whether the second half of an address is for something else than a host: all routers of a network,
/// anycast groups, and what IANA has given away. (RFC 5453 §3, RFC 2526 §2, RFC 4291 §2.6.1)
pub const fn is_reserved(address: Ipv6Addr) -> bool {
    let identifier = address.to_bits() as u64;
    identifier == 0
        || (identifier >= 0xfdff_ffff_ffff_ff80 && identifier <= 0xfdff_ffff_ffff_ffff)
        || (identifier >= 0x0200_5eff_fe00_0000 && identifier <= 0x0200_5eff_fe00_5213)
}

fn join(prefix: Ipv6Addr, identifier: u64) -> Ipv6Addr {
    Ipv6Addr::from_bits(prefix.to_bits() >> 64 << 64 | u128::from(identifier))
}
