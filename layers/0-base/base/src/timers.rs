use std::time::Duration;

use crate::Instant;

/// How many slots a level has; one word says which are taken.
const SLOTS: u32 = 64;

/// How many bits of a tick choose a slot.
const BITS: u32 = SLOTS.trailing_zeros();

/// How many levels there are: 64⁸ ticks are nine years of microseconds, and with anything longer than
/// 66 µs there is no [`Instant`] behind them.
const LEVELS: usize = 8;

/// The last tick there is.
const LAST: u64 = (1 << (BITS * LEVELS as u32)) - 1;

/// No node.
const NONE: u32 = u32::MAX;

/// A ring for each slot, and one of those whose tick has come.
const RINGS: usize = LEVELS * SLOTS as usize + 1;
const DUE: u16 = LEVELS as u16 * SLOTS as u16;

/// Deadlines from a tick to years, each at the price of a link: a hierarchical timing wheel (Varghese
/// and Lauck, 1987, scheme 7).
///
/// Beside [`Wheel`](crate::Wheel), which turns all the time and suits one who never sleeps, this one
/// knows when the next deadline is, so that who has nothing else to do can sleep until then: a
/// deadline moves from level to level as it comes nearer, at most seven times. It is never early and
/// at most one tick late. An [`Alarm`] can be moved and taken back, so nobody needs more than one, and
/// memory is that of the most deadlines there were at one time.
#[derive(Debug)]
pub struct Timers<K> {
    tick_nanos: u64,
    /// The tick up to which everything has expired.
    hand: u64,
    len: usize,
    /// Which slots of each level are taken, a bit each.
    taken: [u64; LEVELS],
    /// The first node of each ring; the last ring is of those that are due.
    first: [u32; RINGS],
    nodes: Vec<Node<K>>,
    /// The first of the nodes that nobody uses, each of which names the next.
    free: u32,
}

/// A deadline that is set, until it was moved, taken back, or has passed.
#[derive(Debug, Eq, PartialEq)]
pub struct Alarm(u32);

/// A deadline, in the ring of its slot.
///
/// Slots are of 1, 64, 64², … ticks. A deadline stands at the level of the highest digit (to the base
/// 64) in which it differs from the hand, in the slot of that digit; so slots up to the hand's own
/// digit are empty.
#[derive(Debug)]
struct Node<K> {
    due: u64,
    next: u32,
    previous: u32,
    ring: u16,
    /// Nothing, while nobody uses it.
    key: Option<K>,
}

impl<K: Copy> Timers<K> {
    /// Timers that are exact to one `tick`.
    pub fn new(tick: Duration) -> Self {
        Self {
            tick_nanos: u64::try_from(tick.as_nanos()).unwrap_or(u64::MAX).max(1),
            hand: 0,
            len: 0,
            taken: [0; LEVELS],
            first: [NONE; RINGS],
            nodes: Vec::new(),
            free: NONE,
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
    ///
    /// # Panics
    /// With the 2³²nd deadline; whoever sets one has a smaller maximum.
    pub fn set(&mut self, at: Instant, key: K) -> Alarm {
        let due = self.tick_of(at);
        self.len += 1;
        let node = Node { due, next: NONE, previous: NONE, ring: DUE, key: Some(key) };
        let index = match self.nodes.get_mut(self.free as usize) {
            Some(free) => {
                let index = std::mem::replace(&mut self.free, free.next);
                *free = node;
                index
            }
            None => {
                let index = u32::try_from(self.nodes.len()).ok().filter(|&index| index != NONE);
                self.nodes.push(node);
                index.expect("fewer than 2³² deadlines at a time")
            }
        };
        self.place(index, due);
        Alarm(index)
    }

    /// Moves a deadline that is set to `at`.
    pub fn reset(&mut self, alarm: &Alarm, at: Instant) {
        let due = self.tick_of(at);
        self.unlink(alarm.0);
        self.place(alarm.0, due);
    }

    /// Takes a deadline back.
    pub fn cancel(&mut self, alarm: Alarm) {
        self.unlink(alarm.0);
        self.release(alarm.0);
    }

    /// The next key whose deadline has passed by `now`, earliest first. Its alarm is over.
    pub fn pop(&mut self, now: Instant) -> Option<K> {
        let target = (now.as_nanos() / self.tick_nanos).min(LAST - 1);
        loop {
            if let Some(index) = self.first_of(DUE) {
                self.unlink(index);
                return self.release(index);
            }
            let Some((tick, ring)) = self.next_slot().filter(|(tick, _)| *tick <= target) else {
                self.hand = self.hand.max(target);
                return None;
            };
            self.hand = tick;
            self.spread(ring);
        }
    }

    /// When to call [`pop`](Self::pop), if anything is set: a deadline, or a little before one that is
    /// far away.
    pub fn next(&self) -> Option<Instant> {
        let tick = match self.first_of(DUE) {
            Some(_) => self.hand,
            None => self.next_slot()?.0,
        };
        Some(Instant::from_nanos(tick.saturating_mul(self.tick_nanos)))
    }

    /// The tick at which a deadline expires: not before it, and none that has passed.
    fn tick_of(&self, at: Instant) -> u64 {
        at.as_nanos().div_ceil(self.tick_nanos).max(self.hand + 1).min(LAST)
    }

    /// The first slot that is taken: the tick at which it begins, and its ring.
    fn next_slot(&self) -> Option<(u64, u16)> {
        (0..).zip(&self.taken).find_map(|(level, taken)| {
            let shift = BITS * level;
            let hand_slot = (self.hand >> shift) as u32 % SLOTS;
            let behind = u64::MAX.checked_shl(hand_slot + 1).unwrap_or(0);
            let slot = (taken & behind).trailing_zeros();
            if slot < SLOTS {
                let begin = self.hand >> (shift + BITS) << (shift + BITS);
                return Some((begin + (u64::from(slot) << shift), (level * SLOTS + slot) as u16));
            }
            None
        })
    }

    /// The slot whose tick has come: what is due is due, and the rest comes nearer.
    fn spread(&mut self, ring: u16) {
        while let Some(index) = self.first_of(ring) {
            self.unlink(index);
            let Some(due) = self.nodes.get(index as usize).map(|node| node.due) else { return };
            if due <= self.hand { self.link(index, DUE) } else { self.place(index, due) }
        }
    }

    /// Puts a node that is in no ring where its deadline belongs.
    fn place(&mut self, index: u32, due: u64) {
        let highest = u64::BITS - 1 - ((due ^ self.hand) | 1).leading_zeros();
        let level = highest / BITS;
        let slot = (due >> (BITS * level)) as u32 % SLOTS;
        if let Some(taken) = self.taken.get_mut(level as usize) {
            *taken |= 1 << slot;
        }
        if let Some(node) = self.nodes.get_mut(index as usize) {
            node.due = due;
        }
        self.link(index, (level * SLOTS + slot) as u16);
    }

    fn first_of(&self, ring: u16) -> Option<u32> {
        self.first.get(usize::from(ring)).copied().filter(|&first| first != NONE)
    }

    /// Puts a node at the end of a ring.
    fn link(&mut self, index: u32, ring: u16) {
        let first = self.first_of(ring);
        let first_node = first.and_then(|first| self.nodes.get_mut(first as usize));
        let last = first_node.map_or(index, |node| std::mem::replace(&mut node.previous, index));
        if let Some(node) = self.nodes.get_mut(last as usize) {
            node.next = index;
        }
        if let Some(node) = self.nodes.get_mut(index as usize) {
            (node.previous, node.next, node.ring) = (last, first.unwrap_or(index), ring);
        }
        if let (None, Some(place)) = (first, self.first.get_mut(usize::from(ring))) {
            *place = index;
        }
    }

    /// Takes a node out of its ring.
    fn unlink(&mut self, index: u32) {
        let Some(&Node { next, previous, ring, .. }) = self.nodes.get(index as usize) else {
            return;
        };
        if let Some(node) = self.nodes.get_mut(previous as usize) {
            node.next = next;
        }
        if let Some(node) = self.nodes.get_mut(next as usize) {
            node.previous = previous;
        }
        let Some(first) = self.first.get_mut(usize::from(ring)).filter(|first| **first == index)
        else {
            return;
        };
        if next != index {
            *first = next;
            return;
        }
        *first = NONE;
        if let Some(taken) = self.taken.get_mut(usize::from(ring) / SLOTS as usize) {
            *taken &= !(1 << (u32::from(ring) % SLOTS));
        }
    }

    /// Nobody uses the node any more.
    fn release(&mut self, index: u32) -> Option<K> {
        let node = self.nodes.get_mut(index as usize)?;
        let key = node.key.take()?;
        node.next = std::mem::replace(&mut self.free, index);
        self.len -= 1;
        Some(key)
    }
}
