//! The exchanges of a connection, and whose turn it is among them.
//!
//! What a turn costs is what is done in it: exchanges that wait for a window, for a promised answer or
//! for a part of a body are not looked at until there is news of them.

use std::collections::{BTreeMap, VecDeque};

use message::ExchangeId;

use super::exchange::Exchange;

/// Exchanges whose answers are not out yet.
#[derive(Default)]
pub(super) struct Exchanges {
    /// By number; a place is empty while its exchange is being moved on.
    all: BTreeMap<ExchangeId, Option<Box<Exchange>>>,
    /// Those that could perhaps go on, in the order in which they are looked at. A number may be in it
    /// twice, or of an exchange that is over; then there is nothing to be done about it.
    ready: VecDeque<ExchangeId>,
}

impl Exchanges {
    /// Adds one that has just begun.
    pub(super) fn add(&mut self, exchange: Exchange) {
        let id = exchange.id;
        self.all.insert(id, Some(Box::new(exchange)));
        self.wake(id);
    }

    /// There is news of this one.
    pub(super) fn wake(&mut self, id: ExchangeId) {
        self.ready.push_back(id);
    }

    /// One that is not being moved on.
    pub(super) fn get_mut(&mut self, id: ExchangeId) -> Option<&mut Exchange> {
        self.all.get_mut(&id)?.as_deref_mut()
    }

    /// How many could perhaps go on.
    pub(super) fn ready_len(&self) -> usize {
        self.ready.len()
    }

    /// Takes the next one that could perhaps go on, until it is [put back](Self::put_back) or
    /// [removed](Self::remove).
    pub(super) fn take_ready(&mut self) -> Option<Box<Exchange>> {
        loop {
            let id = self.ready.pop_front()?;
            if let Some(exchange) = self.all.get_mut(&id).and_then(Option::take) {
                return Some(exchange);
            }
        }
    }

    pub(super) fn put_back(&mut self, exchange: Box<Exchange>) {
        if let Some(place) = self.all.get_mut(&exchange.id) {
            *place = Some(exchange);
        }
    }

    pub(super) fn remove(&mut self, id: ExchangeId) -> Option<Box<Exchange>> {
        self.all.remove(&id).flatten()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Exchange> {
        self.all.values().filter_map(Option::as_deref)
    }
}

impl IntoIterator for Exchanges {
    type Item = Exchange;
    type IntoIter = Box<dyn Iterator<Item = Exchange>>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.all.into_values().flatten().map(|exchange| *exchange))
    }
}
