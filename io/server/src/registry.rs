use std::task::Waker;

/// The connections of a worker, by number: how the clock and a stop find them.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Where the search for idle connections goes on.
    hand: usize,
}

#[derive(Debug, Default)]
struct Slot {
    /// Tells a slot's connections apart.
    generation: u32,
    waker: Option<Waker>,
    is_idle: bool,
    is_evicted: bool,
}

/// A connection's place; it means nothing once the connection is gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Key {
    index: u32,
    generation: u32,
}

impl Registry {
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn insert(&mut self) -> Key {
        let index = self.free.pop().unwrap_or_else(|| {
            if self.slots.len() == self.slots.capacity() {
                // A quarter more, not as much again: most of a worker's memory is its connections.
                self.slots.reserve_exact(self.slots.len() / 4 + 64);
            }
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        Key { index, generation: self.slots.get(index as usize).map_or(0, |s| s.generation) }
    }

    pub(crate) fn remove(&mut self, key: Key) {
        if let Some(slot) = self.slot(key) {
            *slot = Slot { generation: key.generation.wrapping_add(1), ..Slot::default() };
            self.free.push(key.index);
        }
    }

    pub(crate) fn set_waker(&mut self, key: Key, waker: &Waker) {
        if let Some(slot) = self.slot(key) {
            slot.waker = Some(waker.clone());
        }
    }

    pub(crate) fn set_idle(&mut self, key: Key, is_idle: bool) {
        if let Some(slot) = self.slot(key) {
            slot.is_idle = is_idle;
        }
    }

    pub(crate) fn is_evicted(&mut self, key: Key) -> bool {
        self.slot(key).is_some_and(|slot| slot.is_evicted)
    }

    pub(crate) fn wake(&mut self, key: Key) {
        if let Some(waker) = self.slot(key).and_then(|slot| slot.waker.as_ref()) {
            waker.wake_by_ref();
        }
    }

    pub(crate) fn wake_all(&self) {
        for waker in self.slots.iter().filter_map(|slot| slot.waker.as_ref()) {
            waker.wake_by_ref();
        }
    }

    /// Asks up to `count` idle connections to go, in turn; says how many it found.
    pub(crate) fn evict_idle(&mut self, count: usize) -> usize {
        let mut found = 0;
        for _ in 0..self.slots.len() {
            if found == count {
                break;
            }
            self.hand = (self.hand + 1) % self.slots.len();
            let Some(slot) = self.slots.get_mut(self.hand) else { break };
            if slot.is_idle && !slot.is_evicted {
                slot.is_evicted = true;
                found += 1;
                if let Some(waker) = &slot.waker {
                    waker.wake_by_ref();
                }
            }
        }
        found
    }

    fn slot(&mut self, key: Key) -> Option<&mut Slot> {
        self.slots.get_mut(key.index as usize).filter(|slot| slot.generation == key.generation)
    }
}
