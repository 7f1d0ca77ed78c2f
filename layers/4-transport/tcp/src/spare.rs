use std::collections::VecDeque;
use std::time::Duration;

use base::Cx;

/// How many queues a worker keeps, and how long they may be: 64 × 4,096 places of 24 bytes are 6 MiB
/// at most, and a window of 6 MB has 4,096 segments.
const QUEUES_MAX: usize = 64;
const PLACES_MAX: usize = 4096;

/// Queues that nobody uses. A connection that has nothing in one holds none.
#[derive(Debug)]
struct Spare<T>(Vec<VecDeque<T>>);

impl<T> Default for Spare<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// Gives `queue` memory, if it has none, that another connection needs no more.
#[inline]
pub(crate) fn lend<T: Send + 'static>(cx: &mut Cx<'_>, queue: &mut VecDeque<T>) {
    if queue.capacity() == 0
        && let Some(spare) = cx.memory::<Spare<T>>().0.pop()
    {
        *queue = spare;
    }
}

/// Takes the memory of `queue` back, if there is nothing in it.
#[inline]
pub(crate) fn take_back<T: Send + 'static>(cx: &mut Cx<'_>, queue: &mut VecDeque<T>) {
    if !queue.is_empty() || queue.capacity() == 0 {
        return;
    }
    let queue = std::mem::take(queue);
    let spare = &mut cx.memory::<Spare<T>>().0;
    if queue.capacity() <= PLACES_MAX && spare.len() < QUEUES_MAX {
        spare.push(queue);
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
