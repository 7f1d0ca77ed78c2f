//! Datagrams that wait, in one ring of bytes.

use std::collections::VecDeque;

/// How many datagrams wait beside the bound on bytes, so that empty ones are bounded too.
const COUNT_MAX: usize = 4096;

/// What one costs beside its bytes.
const COST: usize = 64;

/// A queue of datagrams with something about each.
#[derive(Debug)]
pub(crate) struct Ring<M> {
    bytes: VecDeque<u8>,
    datagrams: VecDeque<(usize, M)>,
    bytes_max: usize,
}

impl<M: Copy> Ring<M> {
    /// A ring for so many bytes, overhead included; memory comes with the first datagram.
    pub(crate) const fn new(bytes_max: usize) -> Self {
        Self { bytes: VecDeque::new(), datagrams: VecDeque::new(), bytes_max }
    }

    /// Whether a datagram of `len` bytes fits.
    pub(crate) fn has_room(&self, len: usize) -> bool {
        let cost = self.bytes.len() + len + (self.datagrams.len() + 1) * COST;
        // One always fits, whatever its length.
        self.datagrams.is_empty() || (cost <= self.bytes_max && self.datagrams.len() < COUNT_MAX)
    }

    /// Adds a datagram behind the others. Ask first whether it fits.
    pub(crate) fn push(&mut self, about: M, payload: &[u8]) {
        self.bytes.extend(payload);
        self.datagrams.push_back((payload.len(), about));
    }

    /// The first datagram: what is known of it, and its bytes in two pieces.
    pub(crate) fn front(&self) -> Option<(M, [&[u8]; 2])> {
        let (len, about) = *self.datagrams.front()?;
        let (a, b) = self.bytes.as_slices();
        let in_a = len.min(a.len());
        let pieces = [a.get(..in_a), b.get(..len - in_a)].map(Option::unwrap_or_default);
        Some((about, pieces))
    }

    /// Forgets the first datagram.
    pub(crate) fn pop(&mut self) {
        if let Some((len, _)) = self.datagrams.pop_front() {
            self.bytes.drain(..len);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }
}
