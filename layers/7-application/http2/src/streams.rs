//! The streams of a connection, found by their numbers. (RFC 9113 §5.1.1, §5.1.2)
//!
//! A stream lies in a slot; slots are used again. A small table finds the slot: the number, mixed with
//! something that nobody outside knows, says where to look. So a connection with a thousand streams
//! looks as long as one with a single stream, and streams that are idle or over cost nothing but,
//! for those that we reset, four bytes for a while.

use std::collections::VecDeque;

use base::Cx;

use crate::stream::{State, Stream};

/// How many streams that we reset are remembered, so that what was on its way is told from what must
/// not come. Who resets more in one round trip than the peer may have open has forgotten some: what
/// comes on those is ignored, too.
const RESETS_MAX: usize = 256;

#[derive(Debug)]
pub(crate) struct Streams {
    /// A slot that is free has a stream without a number.
    slots: Vec<Stream>,
    free: Vec<u32>,
    index: Index,
    /// The stream that was asked for last, and its slot.
    last: (u32, u32),
    /// How many there are, those that are over and wait for the user included.
    len: usize,
    /// The highest number that the peer has opened or promised.
    pub(crate) last_peer: u32,
    /// Which of the last 64 numbers up to it the peer has opened, the last one lowest: what it has
    /// skipped cannot be opened any more, and was never anything.
    opened: u64,
    /// The next number that we open or promise.
    pub(crate) next_own: u32,
    /// How many that the peer opened are not over.
    pub(crate) active_peer: u32,
    /// How many that we opened are not over.
    pub(crate) active_own: u32,
    resets: VecDeque<u32>,
    /// The highest number that has been forgotten of those that we reset.
    forgotten: u32,
}

/// What is known of a number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Known {
    /// In this slot, and not over.
    Slot(u32),
    /// Nobody has opened it yet.
    Idle,
    /// We have reset it a moment ago.
    Reset,
    /// It is over.
    Closed,
}

impl Streams {
    /// For a server or a client, whose own numbers are even or odd.
    pub(crate) fn new(cx: &mut Cx<'_>, next_own: u32) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            index: Index::new(cx.random_below(u32::MAX)),
            last: (0, 0),
            len: 0,
            last_peer: 0,
            opened: 0,
            next_own,
            active_peer: 0,
            active_own: 0,
            resets: VecDeque::new(),
            forgotten: 0,
        }
    }

    /// Whether the number is one of ours.
    #[inline]
    pub(crate) const fn is_own(&self, id: u32) -> bool {
        id % 2 == self.next_own % 2
    }

    /// The peer opens or promises a stream, above all before.
    #[inline]
    pub(crate) fn peer_opens(&mut self, id: u32) {
        let skipped = id.saturating_sub(self.last_peer) / 2;
        self.opened = self.opened.checked_shl(skipped).unwrap_or(0) | 1;
        self.last_peer = id;
    }

    /// Whether the peer has certainly skipped a number.
    pub(crate) fn was_skipped(&self, id: u32) -> bool {
        let back = self.last_peer.saturating_sub(id) / 2;
        let is_past = !self.is_own(id) && id < self.last_peer;
        is_past && self.opened.checked_shr(back).is_some_and(|bits| bits & 1 == 0)
    }

    /// What is known of a number, which is not 0.
    #[inline]
    pub(crate) fn known(&self, id: u32) -> Known {
        let is_idle = if self.is_own(id) { id >= self.next_own } else { id > self.last_peer };
        if is_idle {
            return Known::Idle;
        }
        if let Some(slot) = self.find(id) {
            Known::Slot(slot)
        } else if id <= self.forgotten || self.resets.contains(&id) {
            Known::Reset
        } else {
            Known::Closed
        }
    }

    /// The slot of a stream that is not over.
    #[inline]
    pub(crate) fn find(&self, id: u32) -> Option<u32> {
        let (last, slot) = self.last;
        let slot = if last == id { slot } else { self.index.get(id)? };
        let stream = self.slots.get(slot as usize)?;
        (stream.id == id && stream.state != State::Closed).then_some(slot)
    }

    /// This one will be asked for again.
    #[inline]
    pub(crate) fn touch(&mut self, id: u32, slot: u32) {
        self.last = (id, slot);
    }

    /// The slot of a stream that may be over.
    #[inline]
    pub(crate) fn find_any(&self, id: u32) -> Option<u32> {
        self.index.get(id)
    }

    #[inline]
    pub(crate) fn at(&self, slot: u32) -> Option<&Stream> {
        self.slots.get(slot as usize).filter(|stream| stream.id != 0)
    }

    #[inline]
    pub(crate) fn at_mut(&mut self, slot: u32) -> Option<&mut Stream> {
        self.slots.get_mut(slot as usize).filter(|stream| stream.id != 0)
    }

    #[inline]
    pub(crate) fn get(&self, id: u32) -> Option<&Stream> {
        self.at(self.find(id)?)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut Stream> {
        let slot = self.find(id)?;
        self.at_mut(slot)
    }

    /// A new stream with these windows; says where it lies. Nothing is moved: what was in the slot has
    /// left nothing that takes memory.
    #[inline]
    pub(crate) fn insert(&mut self, id: u32, recv_window: u32, send_window: u32) -> u32 {
        if self.is_own(id) {
            self.active_own += 1;
        } else {
            self.active_peer += 1;
        }
        self.len += 1;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Stream::vacant());
            (self.slots.len() - 1) as u32
        });
        if let Some(stream) = self.slots.get_mut(slot as usize) {
            stream.begin(id, recv_window, send_window);
        }
        self.index.insert(id, slot);
        slot
    }

    /// A stream is over: it counts no longer, but stays until it is removed.
    #[inline]
    pub(crate) fn retire(&mut self, id: u32) {
        if self.is_own(id) {
            self.active_own -= 1;
        } else {
            self.active_peer -= 1;
        }
    }

    #[inline]
    pub(crate) fn remove(&mut self, slot: u32) {
        let Some(stream) = self.at_mut(slot) else { return };
        let id = stream.id;
        stream.clear();
        self.index.remove(id);
        self.free.push(slot);
        self.len -= 1;
    }

    /// Gives memory back, when there are no streams.
    pub(crate) fn let_go(&mut self) {
        if self.len == 0 {
            self.slots = Vec::new();
            self.free = Vec::new();
            self.index.cells = Vec::new();
            // They were reset a while ago: nothing of them is on its way any more.
            self.resets = VecDeque::new();
        }
    }

    /// Remembers that we reset a stream.
    pub(crate) fn remember_reset(&mut self, id: u32) {
        if self.resets.len() >= RESETS_MAX
            && let Some(forgotten) = self.resets.pop_front()
        {
            self.forgotten = self.forgotten.max(forgotten);
        }
        self.resets.push_back(id);
    }

    /// How many streams are not over.
    #[inline]
    pub(crate) const fn active(&self) -> u32 {
        self.active_peer + self.active_own
    }

    /// How many streams there are.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Every slot that is used, in order.
    pub(crate) fn slots(&self) -> impl Iterator<Item = u32> + use<> {
        0..self.slots.len() as u32
    }
}

/// Numbers and slots, in open addressing: who finds its place taken takes the next one.
#[derive(Debug)]
struct Index {
    /// A number and its slot; 0 is no number. As many as a power of two, twice what is in them.
    cells: Vec<(u32, u32)>,
    len: usize,
    /// What nobody outside knows.
    seed: u32,
}

impl Index {
    const fn new(seed: u32) -> Self {
        Self { cells: Vec::new(), len: 0, seed }
    }

    /// Where a number is looked for first. The factor is 2⁶⁴ divided by the golden ratio: numbers that
    /// follow each other, as those of streams do, lie far from each other (Knuth, 6.4).
    #[inline]
    const fn home(&self, id: u32) -> usize {
        let mixed = ((id >> 1) ^ self.seed) as u64;
        let high = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        high as usize & (self.cells.len() - 1)
    }

    #[inline]
    fn place(&self, id: u32) -> Option<usize> {
        if self.cells.is_empty() {
            return None;
        }
        let mut at = self.home(id);
        loop {
            match self.cells.get(at)?.0 {
                0 => return None,
                found if found == id => return Some(at),
                _ => at = (at + 1) & (self.cells.len() - 1),
            }
        }
    }

    #[inline]
    fn get(&self, id: u32) -> Option<u32> {
        let (_, slot) = self.cells.get(self.place(id)?)?;
        Some(*slot)
    }

    #[inline]
    fn insert(&mut self, id: u32, slot: u32) {
        if (self.len + 1) * 2 > self.cells.len() {
            self.grow();
        }
        self.len += 1;
        let mut at = self.home(id);
        while let Some(cell) = self.cells.get_mut(at) {
            if cell.0 == 0 {
                *cell = (id, slot);
                return;
            }
            at = (at + 1) & (self.cells.len() - 1);
        }
    }

    #[cold]
    fn grow(&mut self) {
        let cells = vec![(0, 0); (self.cells.len() * 2).max(8)];
        let old = std::mem::replace(&mut self.cells, cells);
        self.len = 0;
        for (id, slot) in old.into_iter().filter(|(id, _)| *id != 0) {
            self.insert(id, slot);
        }
    }

    /// Takes a number out, and moves up those that had to go on because of it.
    #[inline]
    fn remove(&mut self, id: u32) {
        let Some(mut hole) = self.place(id) else { return };
        let mask = self.cells.len() - 1;
        self.len -= 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let Some(&cell) = self.cells.get(at) else { break };
            if cell.0 == 0 {
                break;
            }
            // It may move to the hole unless its home lies behind the hole.
            let distance = at.wrapping_sub(self.home(cell.0)) & mask;
            if distance >= (at.wrapping_sub(hole) & mask) {
                if let Some(place) = self.cells.get_mut(hole) {
                    *place = cell;
                }
                hole = at;
            }
        }
        if let Some(place) = self.cells.get_mut(hole) {
            *place = (0, 0);
        }
    }
}
