use std::sync::Arc;

use crate::per_client::{Client, PerClient};

/// How many of something each client has, over all workers: connections, or requests under way.
#[derive(Debug, Default)]
pub struct Clients(PerClient<usize>);

/// One of them, counted as long as it lives.
#[derive(Debug)]
pub struct Presence {
    clients: Arc<Clients>,
    client: Client,
}

impl Clients {
    /// Counts one more, unless the client has `most` already.
    pub fn enter(self: &Arc<Self>, client: Client, most: usize) -> Option<Presence> {
        let mut counts = self.0.shard(client);
        let count = counts.entry(client).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Presence { clients: Arc::clone(self), client })
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut counts = self.clients.0.shard(self.client);
        match counts.get_mut(&self.client) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(&self.client)),
        }
    }
}
