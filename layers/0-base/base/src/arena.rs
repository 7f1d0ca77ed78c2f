use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

/// Values that are found by a key, at the price of an array.
///
/// A key stays the value's own: when the value is gone, the key finds nothing, also if its place
/// has been taken by another. Places are used again, so memory is that of the most values there
/// were at one time.
#[derive(Debug)]
pub struct Arena<T> {
    slots: Vec<Slot<T>>,
    /// The first of the free places, each of which names the next.
    free: Option<u32>,
    len: usize,
}

/// Where a value stands in an [`Arena`].
pub struct Key<T> {
    index: u32,
    generation: u32,
    of: PhantomData<fn() -> T>,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    state: State<T>,
}

#[derive(Debug)]
enum State<T> {
    Free { next: Option<u32> },
    Taken(T),
}

impl<T> Arena<T> {
    /// Nothing yet, and no memory.
    pub const fn new() -> Self {
        Self { slots: Vec::new(), free: None, len: 0 }
    }

    /// How many values there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes `value` in.
    ///
    /// # Panics
    /// With the 2³²nd value; whoever fills an arena has a smaller maximum.
    pub fn insert(&mut self, value: T) -> Key<T> {
        self.insert_with(|_| value)
    }

    /// Takes in the value that `make` makes of its own key.
    ///
    /// # Panics
    /// As [`insert`](Self::insert) does.
    pub fn insert_with(&mut self, make: impl FnOnce(Key<T>) -> T) -> Key<T> {
        self.len += 1;
        let free = self.free.and_then(|index| Some((index, self.slots.get_mut(index as usize)?)));
        if let Some((index, slot)) = free {
            if let State::Free { next } = slot.state {
                self.free = next;
            }
            let key = Key { index, generation: slot.generation, of: PhantomData };
            slot.state = State::Taken(make(key));
            return key;
        }
        let index = u32::try_from(self.slots.len()).expect("fewer than 2³² values at a time");
        let key = Key { index, generation: 0, of: PhantomData };
        self.slots.push(Slot { generation: 0, state: State::Taken(make(key)) });
        key
    }

    /// The value, unless it is gone.
    #[inline]
    pub fn get(&self, key: Key<T>) -> Option<&T> {
        match self.slots.get(key.index as usize) {
            Some(Slot { generation, state: State::Taken(value) })
                if *generation == key.generation =>
            {
                Some(value)
            }
            _ => None,
        }
    }

    /// The value at a place, whoever it is, with its key.
    #[inline]
    pub fn at(&self, index: u32) -> Option<(Key<T>, &T)> {
        let Slot { generation, state } = self.slots.get(index as usize)?;
        let State::Taken(value) = state else { return None };
        Some((Key { index, generation: *generation, of: PhantomData }, value))
    }

    /// The value, to be changed, unless it is gone.
    #[inline]
    pub fn get_mut(&mut self, key: Key<T>) -> Option<&mut T> {
        match self.slots.get_mut(key.index as usize) {
            Some(Slot { generation, state: State::Taken(value) })
                if *generation == key.generation =>
            {
                Some(value)
            }
            _ => None,
        }
    }

    /// Takes the value out.
    pub fn remove(&mut self, key: Key<T>) -> Option<T> {
        self.get(key)?;
        let slot = self.slots.get_mut(key.index as usize)?;
        // After 2³² values in one place an old key would find a stranger: nobody keeps one so long.
        slot.generation = slot.generation.wrapping_add(1);
        let state = std::mem::replace(&mut slot.state, State::Free { next: self.free });
        self.free = Some(key.index);
        self.len -= 1;
        match state {
            State::Taken(value) => Some(value),
            State::Free { .. } => None,
        }
    }

    /// The key of the first value at `hand` or behind it, going around; the hand moves on. For who
    /// looks for something to let go of, a few places at a time.
    pub fn next_in_turn(&self, hand: &mut u32) -> Option<Key<T>> {
        for _ in 0..self.slots.len() {
            let index = if (*hand as usize) < self.slots.len() { *hand } else { 0 };
            *hand = index + 1;
            if let Some(Slot { generation, state: State::Taken(_) }) =
                self.slots.get(index as usize)
            {
                return Some(Key { index, generation: *generation, of: PhantomData });
            }
        }
        None
    }

    /// Every value with its key, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = (Key<T>, &T)> {
        (0..).zip(&self.slots).filter_map(|(index, slot)| match &slot.state {
            State::Taken(value) => {
                Some((Key { index, generation: slot.generation, of: PhantomData }, value))
            }
            State::Free { .. } => None,
        })
    }
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Key<T> {
    /// The key as one number, which no other value of the arena has (or has had, for a long time).
    pub const fn to_bits(self) -> u64 {
        (self.generation as u64) << 32 | self.index as u64
    }

    /// The place of the value, which others may have after it.
    pub const fn index(self) -> u32 {
        self.index
    }

    /// The key that [`to_bits`](Self::to_bits) made a number of.
    pub const fn from_bits(bits: u64) -> Self {
        Self { index: bits as u32, generation: (bits >> 32) as u32, of: PhantomData }
    }
}

// Written out, because derives would ask the same of `T`.
impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> PartialEq for Key<T> {
    fn eq(&self, other: &Self) -> bool {
        self.to_bits() == other.to_bits()
    }
}

impl<T> Eq for Key<T> {}

impl<T> PartialOrd for Key<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Key<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.to_bits().cmp(&other.to_bits())
    }
}

impl<T> Hash for Key<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_bits().hash(state);
    }
}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.index)?;
        if self.generation > 0 { write!(f, ".{}", self.generation) } else { Ok(()) }
    }
}
