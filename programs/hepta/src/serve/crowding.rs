//! How many requests may be under way at once.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use server::{Clients, Presence};

/// A limit that all workers keep together.
#[derive(Debug)]
pub(crate) struct Crowding {
    most: usize,
    most_of_client: Option<usize>,
    count: Arc<AtomicUsize>,
    clients: Arc<Clients>,
}

/// A request that is under way; counted as long as it lives.
#[derive(Debug)]
pub(crate) struct UnderWay {
    count: Arc<AtomicUsize>,
    _of_client: Option<Presence>,
}

impl Crowding {
    /// At most `most`, and at most `most_of_client` of one client.
    pub(crate) fn new(most: usize, most_of_client: Option<usize>) -> Self {
        Self { most, most_of_client, count: Arc::default(), clients: Arc::default() }
    }

    /// Whether another one allows the same.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        (self.most, self.most_of_client) == (other.most, other.most_of_client)
    }

    /// Counts a request, unless there are as many as may be. Who comes by a socket in the file
    /// system has no address, and is no client among others.
    pub(crate) fn enter(&self, address: Option<IpAddr>) -> Option<UnderWay> {
        let of_client = match (self.most_of_client, address) {
            (Some(most), Some(address)) => Some(self.clients.enter(address.into(), most)?),
            _ => None,
        };
        let before = self.count.fetch_add(1, Ordering::Relaxed);
        // Where there is no place it is dropped, and so not counted any more.
        let under_way = UnderWay { count: Arc::clone(&self.count), _of_client: of_client };
        (before < self.most).then_some(under_way)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_places_and_they_come_free() {
        let crowding = Crowding::new(3, Some(2));
        let [a, b] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().ok());
        let first = crowding.enter(a).unwrap();
        let _second = crowding.enter(a).unwrap();
        assert!(crowding.enter(a).is_none(), "as many as a client may have");
        let _third = crowding.enter(b).unwrap();
        assert!(crowding.enter(b).is_none(), "as many as there may be");
        assert!(crowding.enter(None).is_none());
        drop(first);
        assert!(crowding.enter(a).is_some());
        assert!(crowding.enter(None).is_some());
    }
}
