use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// How many connections each client has, over all workers.
#[derive(Debug)]
pub(crate) struct Clients {
    hasher: RandomState,
    shards: [Mutex<HashMap<Client, usize>>; SHARDS],
}

/// A connection that is counted, as long as it lives.
#[derive(Debug)]
pub(crate) struct Presence {
    clients: Arc<Clients>,
    client: Client,
}

impl Clients {
    pub(crate) fn new() -> Self {
        Self { hasher: RandomState::new(), shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// Counts a connection, unless the client has `most` already.
    pub(crate) fn enter(self: &Arc<Self>, client: Client, most: usize) -> Option<Presence> {
        let mut counts = self.shard(client)?;
        let count = counts.entry(client).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Presence { clients: Arc::clone(self), client })
    }

    fn shard(&self, client: Client) -> Option<MutexGuard<'_, HashMap<Client, usize>>> {
        let shard = self.hasher.hash_one(client) as usize % SHARDS;
        Some(self.shards.get(shard)?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let Some(mut counts) = self.clients.shard(self.client) else { return };
        match counts.get_mut(&self.client) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(&self.client)),
        }
    }
}
