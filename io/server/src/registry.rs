use std::time::Duration;

use base::Instant;

/// The connections of a worker, each found by a number that is never given again.
#[derive(Debug)]
pub(crate) struct Registry<C> {
    slots: Vec<Slot<C>>,
    free: Vec<u32>,
    /// Where the search for one that can be spared goes on.
    hand: usize,
}

#[derive(Debug)]
struct Slot<C> {
    /// Tells a slot's connections apart.
    generation: u32,
    /// When the connection began, in seconds since the clock did. It stands here because there is room.
    began_s: u32,
    /// Empty while it is the connection's turn.
    connection: Option<Box<C>>,
}

/// A connection's place; it means nothing once the connection is gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    /// The key as a number below 2⁶³.
    pub(crate) const fn to_bits(self) -> u64 {
        (self.generation as u64) << 32 | self.index as u64
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self { index: bits as u32, generation: (bits >> 32) as u32 }
    }
}

impl<C> Registry<C> {
    pub(crate) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), hand: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// A place for a connection that begins now; [`put_back`](Self::put_back) fills it.
    pub(crate) fn reserve(&mut self, now: Instant) -> Key {
        let index = self.free.pop().unwrap_or_else(|| {
            if self.slots.len() == self.slots.capacity() {
                // A quarter more, not as much again: most of a worker's memory is its connections.
                self.slots.reserve_exact(self.slots.len() / 4 + 64);
            }
            self.slots.push(Slot { generation: 0, began_s: 0, connection: None });
            (self.slots.len() - 1) as u32
        });
        let generation = self.slots.get_mut(index as usize).map_or(0, |slot| {
            slot.began_s = seconds(now);
            slot.generation
        });
        Key { index, generation }
    }

    /// Takes a connection out for its turn; [`put_back`](Self::put_back) or
    /// [`remove`](Self::remove) ends it.
    #[inline]
    pub(crate) fn take(&mut self, key: Key) -> Option<Box<C>> {
        self.slot(key)?.connection.take()
    }

    /// A connection that does not have its turn.
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut C> {
        self.slot(key)?.connection.as_deref_mut()
    }

    #[inline]
    pub(crate) fn put_back(&mut self, key: Key, connection: Box<C>) {
        if let Some(slot) = self.slot(key) {
            slot.connection = Some(connection);
        }
    }

    pub(crate) fn remove(&mut self, key: Key) {
        if let Some(slot) = self.slot(key) {
            // 31 bits of it are in a key.
            slot.generation = (slot.generation + 1) & (u32::MAX >> 1);
            slot.connection = None;
            self.free.push(key.index);
        }
    }

    /// Every connection, but for one that has its turn, and how long it has been there.
    pub(crate) fn iter(&self, now: Instant) -> impl Iterator<Item = (&C, Duration)> {
        let age = move |slot: &Slot<C>| seconds(now).saturating_sub(slot.began_s);
        self.slots.iter().filter_map(move |slot| {
            Some((slot.connection.as_deref()?, Duration::from_secs(age(slot).into())))
        })
    }

    /// The connection for which this is so.
    pub(crate) fn find_mut(&mut self, is_it: impl Fn(&C) -> bool) -> Option<&mut C> {
        let mut connections =
            self.slots.iter_mut().filter_map(|slot| slot.connection.as_deref_mut());
        connections.find(|connection| is_it(connection))
    }

    /// Every connection's place.
    pub(crate) fn keys(&self) -> Vec<Key> {
        (0..).zip(&self.slots).filter_map(|(index, slot)| slot.key(index)).collect()
    }

    /// The next connection, in turn, that can be spared.
    pub(crate) fn find_next(&mut self, can_be_spared: impl Fn(&C) -> bool) -> Option<Key> {
        for _ in 0..self.slots.len() {
            self.hand = (self.hand + 1) % self.slots.len();
            let slot = self.slots.get(self.hand)?;
            if slot.connection.as_deref().is_some_and(&can_be_spared) {
                return slot.key(self.hand as u32);
            }
        }
        None
    }

    #[inline]
    fn slot(&mut self, key: Key) -> Option<&mut Slot<C>> {
        self.slots.get_mut(key.index as usize).filter(|slot| slot.generation == key.generation)
    }
}

/// Whole seconds since the clock began.
const fn seconds(now: Instant) -> u32 {
    (now.as_nanos() / 1_000_000_000) as u32
}

impl<C> Slot<C> {
    fn key(&self, index: u32) -> Option<Key> {
        self.connection.is_some().then_some(Key { index, generation: self.generation })
    }
}
