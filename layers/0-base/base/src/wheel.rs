use std::time::Duration;

use crate::Instant;

/// How many slots a wheel has; one turn is `SLOTS × tick`.
const SLOTS: usize = 512;

/// A thousand deadlines at the price of one: a hashed timing wheel (Varghese and Lauck, 1987).
///
/// Deadlines are kept in slots of one tick. Setting one costs the same whatever else is set, and
/// [`expire`](Self::expire) touches only the slots that the time has passed. A deadline is never
/// early and at most one tick late. There is no cancelling: who is woken looks whether it was
/// meant, and sets the next deadline. So a deadline that moves back and back (a connection that
/// is alive) costs one look a turn instead of two operations a request.
#[derive(Debug)]
pub struct Wheel<K> {
    tick_nanos: u64,
    slots: Vec<Vec<(u64, K)>>,
    /// The tick up to which everything has expired.
    hand: u64,
    len: usize,
}

impl<K> Wheel<K> {
    /// A wheel whose deadlines are exact to one `tick`.
    pub fn new(tick: Duration) -> Self {
        let tick_nanos = u64::try_from(tick.as_nanos()).unwrap_or(u64::MAX).max(1);
        Self { tick_nanos, slots: (0..SLOTS).map(|_| Vec::new()).collect(), hand: 0, len: 0 }
    }

    /// How many deadlines are set.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no deadline is set.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Wakes `key` at `at`, or at the next tick when that has passed.
    pub fn set(&mut self, at: Instant, key: K) {
        let due = at.as_nanos().div_ceil(self.tick_nanos).max(self.hand + 1);
        let slot = (due % SLOTS as u64) as usize;
        if let Some(slot) = self.slots.get_mut(slot) {
            if slot.len() == slot.capacity() {
                // A quarter more, not as much again: connections that began together end together.
                slot.reserve_exact(slot.len() / 4 + 4);
            }
            slot.push((due, key));
            self.len += 1;
        }
    }

    /// Moves every key whose deadline has passed by `now` to `woken`, earliest tick first.
    pub fn expire(&mut self, now: Instant, woken: &mut Vec<K>) {
        let target = now.as_nanos() / self.tick_nanos;
        // A pause longer than a turn passes every slot once, not more often.
        let first = (self.hand + 1).max(target.saturating_sub(SLOTS as u64 - 1));
        for tick in first..=target {
            let Some(slot) = self.slots.get_mut((tick % SLOTS as u64) as usize) else { continue };
            let before = slot.len();
            woken.extend(slot.extract_if(.., |(due, _)| *due <= target).map(|(_, key)| key));
            self.len -= before - slot.len();
        }
        self.hand = self.hand.max(target);
    }

    /// The earliest tick at which something may expire, if anything is set.
    pub fn next(&self) -> Option<Instant> {
        if self.is_empty() {
            return None;
        }
        Some(Instant::from_nanos((self.hand + 1).saturating_mul(self.tick_nanos)))
    }
}
