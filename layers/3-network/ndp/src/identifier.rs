//! The second half of an address that a host makes for itself. (RFC 7217, RFC 8981, RFC 5453)

use std::net::Ipv6Addr;

use std::time::Duration;

use base::SipKey;

/// How often another identifier is drawn, when one is reserved: of 2^64 some two hundred are.
const DRAWS_MAX: u8 = 8;

/// From what the identifiers of an interface follow: those that stay, and those that do not.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Which nobody else knows.
    key: SipKey,
    /// Of those that do not stay.
    temporary_key: SipKey,
    /// What the interface is called, or another thing that stays.
    interface: Vec<u8>,
}

impl Identity {
    /// An identity; `key` is a secret that stays as long as addresses are to stay, `temporary_key` one
    /// that is another at each start (RFC 8981 §3.3.2). Whoever has both, and hears the same, makes the
    /// same addresses.
    pub fn new(key: SipKey, temporary_key: SipKey, interface: &[u8]) -> Self {
        let (key, temporary_key) = (key.derive(b"RFC 7217"), temporary_key.derive(b"RFC 8981"));
        Self { key, temporary_key, interface: interface.to_vec() }
    }

    /// The address in the network `prefix` (64 bits) that stays ours, unless it was somebody else's
    /// `conflicts` times.
    ///
    /// RFC 7217 §5: a pseudo-random function of the prefix, the interface, the count of conflicts
    /// and a secret. So it is the same whenever we come back, and says nothing of who we are
    /// elsewhere.
    pub fn address(&self, prefix: Ipv6Addr, conflicts: u8) -> Ipv6Addr {
        self.draw(&self.key, prefix, &[conflicts])
    }

    /// The `nth` temporary address in the network `prefix` (64 bits), unless it was somebody else's
    /// `conflicts` times: it says nothing of the one before it, nor of the one behind.
    ///
    /// RFC 8981 §3.3.2: a pseudo-random function of the prefix, the interface, what changes with time,
    /// the count of conflicts and a secret. What changes is `nth` and no clock, so that hosts behind the
    /// queues of one device, whose clocks differ a little, have the same addresses.
    pub(crate) fn temporary(&self, prefix: Ipv6Addr, nth: u32, conflicts: u8) -> Ipv6Addr {
        let [a, b, c, d] = nth.to_be_bytes();
        self.draw(&self.temporary_key, prefix, &[conflicts, a, b, c, d])
    }

    /// How much of `limit` the `nth` temporary address in `prefix` does not use, so that hosts do not
    /// change together. (RFC 8981 §3.8)
    pub(crate) fn desync(&self, prefix: Ipv6Addr, nth: u32, limit: Duration) -> Duration {
        let network = (prefix.to_bits() >> 64) as u64;
        let input = [&network.to_be_bytes()[..], &nth.to_be_bytes(), &self.interface].concat();
        let drawn = self.temporary_key.derive(b"DESYNC_FACTOR").hash(&input);
        let millis = (u128::from(drawn) * limit.as_millis()) >> 64;
        Duration::from_millis(millis as u64)
    }

    /// An address in the network `prefix` that follows from a key and `what`, and is a host's.
    fn draw(&self, key: &SipKey, prefix: Ipv6Addr, what: &[u8]) -> Ipv6Addr {
        let network = (prefix.to_bits() >> 64) as u64;
        let mut address = prefix;
        for draw in 0..DRAWS_MAX {
            let input = [&network.to_be_bytes()[..], what, &[draw], &self.interface].concat();
            address = join(prefix, key.hash(&input));
            if !is_reserved(address) {
                break;
            }
        }
        address
    }
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
