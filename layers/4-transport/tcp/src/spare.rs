use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use base::Cx;

/// How many queues a worker keeps, and how long they may be: 64 × 4,096 places of 24 bytes are 6 MiB
/// at most, and a window of 6 MB has 4,096 segments.
const QUEUES_MAX: usize = 64;
const PLACES_MAX: usize = 4096;

/// A queue that has memory only while there is something in it: otherwise a pointer to nothing, for
/// most connections wait most of the time.
#[derive(Debug)]
#[allow(clippy::box_collection, reason = "an empty queue is three words more than a pointer")]
pub(crate) struct Lent<T>(Option<Box<VecDeque<T>>>);

impl<T> Default for Lent<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Deref for Lent<T> {
    type Target = VecDeque<T>;

    #[inline]
    fn deref(&self) -> &VecDeque<T> {
        self.0.as_deref().unwrap_or(const { &VecDeque::new() })
    }
}

impl<T> DerefMut for Lent<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut VecDeque<T> {
        self.0.get_or_insert_default()
    }
}

/// Queues that nobody uses.
#[derive(Debug)]
#[allow(clippy::vec_box, reason = "a queue is handed on as the pointer that it is")]
struct Spare<T>(Vec<Box<VecDeque<T>>>);

impl<T> Default for Spare<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// Gives `queue` memory, if it has none, that another connection needs no more.
#[inline]
pub(crate) fn lend<T: Send + 'static>(cx: &mut Cx<'_>, queue: &mut Lent<T>) {
    if queue.0.is_none() {
        queue.0 = cx.memory::<Spare<T>>().0.pop();
    }
}

/// Takes the memory of `queue` back, if there is nothing in it.
#[inline]
pub(crate) fn take_back<T: Send + 'static>(cx: &mut Cx<'_>, queue: &mut Lent<T>) {
    let Some(empty) = queue.0.take_if(|queue| queue.is_empty()) else { return };
    let spare = &mut cx.memory::<Spare<T>>().0;
    if empty.capacity() <= PLACES_MAX && spare.len() < QUEUES_MAX {
        spare.push(empty);
    }
}

/// A length of time in four bytes, in microseconds: at most 71 minutes. There are many in a
/// connection.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Micros(u32);

impl Micros {
    pub(crate) const ZERO: Self = Self(0);
    pub(crate) const MAX: Self = Self(u32::MAX);

    #[inline]
    pub(crate) const fn get(self) -> Duration {
        Duration::from_micros(self.0 as u64)
    }
}

impl From<Duration> for Micros {
    #[inline]
    fn from(length: Duration) -> Self {
        Self(u32::try_from(length.as_micros()).unwrap_or(u32::MAX))
    }
}
