//! What is remembered of each client.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many that workers hardly ever wait for each other.
const SHARDS: usize = 64;

/// Who counts as one client: an address of IPv4, or a network of IPv6, of which a subscriber has at
/// least a /64 (RFC 6177 §2).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Client(u128);

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
            IpAddr::V6(address) => address.to_bits() >> 64 << 64,
        })
    }
}

/// A table of clients that all workers share. Clients lie in shards, so that who looks for one does
/// not wait for who looks for another; which shard is a secret, so that nobody can fill one.
#[derive(Debug)]
pub struct PerClient<V> {
    hasher: RandomState,
    shards: [Mutex<HashMap<Client, V>>; SHARDS],
}

impl<V> PerClient<V> {
    /// How many parts the table has: who bounds it gives each its share.
    pub const SHARDS: usize = SHARDS;

    /// The part of the table in which this client is, if it is there.
    pub fn shard(&self, client: Client) -> MutexGuard<'_, HashMap<Client, V>> {
        let shard = self.hasher.hash_one(client) as usize % SHARDS;
        let shard = self.shards.get(shard).expect("a remainder is less than its divisor");
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many clients are in it.
    pub fn len(&self) -> usize {
        let len = |shard: &Mutex<HashMap<_, _>>| {
            shard.lock().unwrap_or_else(PoisonError::into_inner).len()
        };
        self.shards.iter().map(len).sum()
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<V> Default for PerClient<V> {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: std::array::from_fn(|_| Mutex::default()) }
    }
}
