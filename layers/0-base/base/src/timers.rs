use std::time::Duration;

use crate::Instant;

/// How many slots a level has; one word says which are taken.
const SLOTS: u32 = 64;

/// How many bits of a tick choose a slot.
const BITS: u32 = SLOTS.trailing_zeros();

/// How many levels there are: 64⁸ ticks are nine years of microseconds, and with anything longer than
/// 66 µs there is no [`Instant`] behind them.
const LEVELS: usize = 8;

/// How many deadlines a slot keeps memory for: 512 slots of 64 × 16 bytes are half a MiB at most.
const KEPT_MAX: usize = 64;

/// The last tick there is.
const LAST: u64 = (1 << (BITS * LEVELS as u32)) - 1;

/// Deadlines from a tick to years, each at the price of a push: a hierarchical timing wheel (Varghese
/// and Lauck, 1987, scheme 7).
///
/// Beside [`Wheel`](crate::Wheel), which turns all the time and suits one who never sleeps, this one
/// knows when the next deadline is, so that who has nothing else to do can sleep until then: a
/// deadline moves from level to level as it comes nearer, at most seven times. It is never early and
/// at most one tick late. There is no cancelling: who is woken looks whether it was meant.
#[derive(Debug)]
pub struct Timers<K> {
    tick_nanos: u64,
    /// The tick up to which everything has expired.
    hand: u64,
    len: usize,
    levels: [Level<K>; LEVELS],
}

/// Slots of 1, 64, 64², … ticks. A deadline stands at the level of the highest digit (to the base
/// 64) in which it differs from the hand, in the slot of that digit; so slots up to the hand's own
/// digit are empty.
#[derive(Debug)]
struct Level<K> {
    taken: u64,
    slots: Vec<Vec<(u64, K)>>,
}

impl<K> Timers<K> {
    /// Timers that are exact to one `tick`.
    pub fn new(tick: Duration) -> Self {
        Self {
            tick_nanos: u64::try_from(tick.as_nanos()).unwrap_or(u64::MAX).max(1),
            hand: 0,
            len: 0,
            levels: std::array::from_fn(|_| Level {
                taken: 0,
                slots: (0..SLOTS).map(|_| Vec::new()).collect(),
            }),
        }
    }

    /// How many deadlines are set.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no deadline is set.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Wakes `key` at `at`, or at the next tick when that has passed.
    pub fn set(&mut self, at: Instant, key: K) {
        let due = at.as_nanos().div_ceil(self.tick_nanos).max(self.hand + 1).min(LAST);
        self.len += 1;
        self.place(due, key);
    }

    /// Moves every key whose deadline has passed by `now` to `woken`, earliest first.
    pub fn expire(&mut self, now: Instant, woken: &mut Vec<K>) {
        let target = (now.as_nanos() / self.tick_nanos).min(LAST - 1);
        while let Some((tick, level, slot)) = self.next_slot().filter(|(tick, ..)| *tick <= target)
        {
            self.hand = tick;
            let mut taken = self.take(level, slot);
            for (due, key) in taken.drain(..) {
                if due <= tick {
                    self.len -= 1;
                    woken.push(key);
                } else {
                    self.place(due, key);
                }
            }
            self.give_back(level, slot, taken);
        }
        self.hand = self.hand.max(target);
    }

    /// When to call [`expire`](Self::expire), if anything is set: a deadline, or a little before one
    /// that is far away.
    pub fn next(&self) -> Option<Instant> {
        let (tick, ..) = self.next_slot()?;
        Some(Instant::from_nanos(tick.saturating_mul(self.tick_nanos)))
    }

    fn place(&mut self, due: u64, key: K) {
        let highest = u64::BITS - 1 - ((due ^ self.hand) | 1).leading_zeros();
        let digit = highest / BITS;
        let slot = (due >> (BITS * digit)) % u64::from(SLOTS);
        let Some(level) = self.levels.get_mut(digit as usize) else { return };
        level.taken |= 1 << slot;
        if let Some(slot) = level.slots.get_mut(slot as usize) {
            slot.push((due, key));
        }
    }

    /// The first slot that is taken: the tick at which it begins, its level, its number.
    fn next_slot(&self) -> Option<(u64, usize, u32)> {
        (0..).zip(&self.levels).find_map(|(level, of_level)| {
            let shift = BITS * level as u32;
            let hand_slot = (self.hand >> shift) as u32 % SLOTS;
            let behind = u64::MAX.checked_shl(hand_slot + 1).unwrap_or(0);
            let slot = (of_level.taken & behind).trailing_zeros();
            if slot < SLOTS {
                let begin = self.hand >> (shift + BITS) << (shift + BITS);
                return Some((begin + (u64::from(slot) << shift), level, slot));
            }
            None
        })
    }

    fn take(&mut self, level: usize, slot: u32) -> Vec<(u64, K)> {
        let Some(level) = self.levels.get_mut(level) else { return Vec::new() };
        level.taken &= !(1 << slot);
        level.slots.get_mut(slot as usize).map(std::mem::take).unwrap_or_default()
    }

    /// The memory of a slot is kept for the next turn, unless many came to it at once.
    fn give_back(&mut self, level: usize, slot: u32, empty: Vec<(u64, K)>) {
        let slots = self.levels.get_mut(level).map(|level| &mut level.slots);
        let slot = slots.and_then(|slots| slots.get_mut(slot as usize));
        if let Some(slot) = slot.filter(|slot| slot.is_empty())
            && empty.capacity() <= KEPT_MAX
        {
            *slot = empty;
        }
    }
}
