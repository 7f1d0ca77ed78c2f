//! Who sends next. (RFC 9218 §10)
//!
//! The streams that have something to send and a window to send it in, in the order in which they
//! are served: by urgency; within one, first those whose parts are of no use alone, one after the
//! other in the order of their numbers, then the incremental ones in turn. Finding the next, adding
//! one and taking one out cost the logarithm of their number at most, and next to nothing where they
//! come and go in order.

use std::collections::{BTreeSet, VecDeque};

use crate::priority::Priority;

/// A stream's place: 3 bits of urgency, 1 bit for incremental, 36 bits of order, 24 bits of slot.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Place(u64);

const SLOT_BITS: u32 = 24;
const ORDER_BITS: u32 = 36;

impl Place {
    pub(crate) const fn slot(self) -> u32 {
        (self.0 & ((1 << SLOT_BITS) - 1)) as u32
    }
}

#[derive(Debug, Default)]
pub(crate) struct Scheduler {
    /// Those that came in their order, which most do: requests of one kind are answered one after the
    /// other. Sorted.
    run: VecDeque<Place>,
    /// The others.
    others: BTreeSet<Place>,
    /// How many turns incremental streams had.
    turns: u64,
}

impl Scheduler {
    /// Adds a stream; its place is needed to take it out.
    #[inline]
    pub(crate) fn add(&mut self, priority: Priority, id: u32, slot: u32) -> Place {
        let order = if priority.incremental {
            self.turns += 1;
            self.turns & ((1 << ORDER_BITS) - 1)
        } else {
            id.into()
        };
        let class = u64::from(priority.urgency) << 1 | u64::from(priority.incremental);
        let place = Place((class << ORDER_BITS | order) << SLOT_BITS | u64::from(slot));
        if self.run.back().is_none_or(|last| *last < place) {
            self.run.push_back(place);
        } else {
            self.others.insert(place);
        }
        place
    }

    #[inline]
    pub(crate) fn remove(&mut self, place: Place) {
        if self.run.front() == Some(&place) {
            self.run.pop_front();
        } else if let Ok(at) = self.run.binary_search(&place) {
            self.run.remove(at);
        } else {
            self.others.remove(&place);
        }
    }

    /// Whoever is next.
    #[inline]
    pub(crate) fn first(&self) -> Option<Place> {
        let first = self.run.front().copied();
        if self.others.is_empty() { first } else { self.first_of_both(first) }
    }

    fn first_of_both(&self, first: Option<Place>) -> Option<Place> {
        let other = self.others.first().copied();
        first.into_iter().chain(other).min()
    }

    /// Everybody, in no order.
    pub(crate) fn all(&self) -> impl Iterator<Item = Place> + '_ {
        self.run.iter().chain(&self.others).copied()
    }

    /// Gives memory back, when nobody is here.
    pub(crate) fn let_go(&mut self) {
        if self.first().is_none() {
            (self.run, self.others) = (VecDeque::new(), BTreeSet::new());
        }
    }
}
