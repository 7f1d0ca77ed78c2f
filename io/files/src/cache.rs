//! What is known about paths: one hash away, and bounded.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::rc::Rc;

use base::Instant;
use foldhash::SharedSeed;
use foldhash::fast::SeedableRandomState;

use crate::queue::{Links, Queue, SlotId};
use crate::tree::DirId;

/// What is known about each path.
///
/// A path finds its slot through a seeded hash. Each slot stands in the queue of its [`Class`], and
/// whoever stands in front leaves when there is no room; a slot that was asked for since it came
/// to the front goes back to the end once (second chance, which is CLOCK). So a hit writes one
/// flag, and a flood of paths that are asked for once pushes out nothing that is asked for often.
#[derive(Debug)]
pub(crate) struct Cache<V> {
    by_path: HashMap<Rc<[u8]>, SlotId, Seeded>,
    slots: Vec<Option<Slot<V>>>,
    free: Vec<SlotId>,
    queues: [Queue; CLASSES],
    links: Links,
    content_len: u64,
    limits: Limits,
}

/// One path and what is known about it.
#[derive(Debug)]
pub(crate) struct Slot<V> {
    /// The path.
    pub(crate) path: Rc<[u8]>,
    /// What is known.
    pub(crate) value: V,
    /// Until when that is believed without looking.
    pub(crate) fresh_until: Instant,
    /// Whether somebody asked since the slot last came to the front of its queue.
    pub(crate) is_used: bool,
    /// The directory whose changes concern it.
    pub(crate) dir: DirId,
    /// What it costs.
    pub(crate) weight: Weight,
}

/// What a slot costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weight {
    /// Which bound it counts against.
    pub(crate) class: Class,
    /// Bytes of content in memory.
    pub(crate) content_len: u64,
}

/// Which bound a slot counts against, and in which queue it stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Class {
    /// A file whose content is in memory.
    Memory,
    /// A file with an open descriptor.
    Open,
    /// A directory, or the knowledge that there is nothing: just the path.
    Bare,
}

const CLASSES: usize = 3;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Files, of both kinds.
    pub(crate) files: usize,
    /// Files with an open descriptor.
    pub(crate) open: usize,
    /// Paths without a file.
    pub(crate) bare: usize,
    /// Bytes of content in memory.
    pub(crate) content_len: u64,
}

impl<V> Cache<V> {
    /// An empty cache.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            by_path: HashMap::with_hasher(seeded()),
            slots: Vec::new(),
            free: Vec::new(),
            queues: [const { Queue::new() }; CLASSES],
            links: Links::default(),
            content_len: 0,
            limits,
        }
    }

    /// The slot of a path. On the way of every request: one hash, one comparison.
    #[inline]
    pub(crate) fn find(&mut self, path: &[u8]) -> Option<&mut Slot<V>> {
        let slot = *self.by_path.get(path)?;
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// The slot of this number, if it is this path's.
    #[inline]
    pub(crate) fn find_at(&mut self, number: SlotId, path: &[u8]) -> Option<&mut Slot<V>> {
        self.slots.get_mut(number as usize)?.as_mut().filter(|slot| *slot.path == *path)
    }

    /// The number of a path's slot.
    pub(crate) fn number(&self, path: &[u8]) -> Option<SlotId> {
        self.by_path.get(path).copied()
    }

    /// A number for a new slot; [`put`](Self::put) or [`release`](Self::release) it.
    pub(crate) fn reserve(&mut self) -> SlotId {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            // At most `files + bare` slots exist, and each has a path in memory.
            (self.slots.len() - 1) as SlotId
        })
    }

    /// Gives an unused number back.
    pub(crate) fn release(&mut self, number: SlotId) {
        self.free.push(number);
    }

    /// Fills a reserved slot; the path has none yet.
    pub(crate) fn put(&mut self, number: SlotId, slot: Slot<V>) {
        debug_assert!(!self.by_path.contains_key(&slot.path), "one slot a path");
        self.content_len += slot.weight.content_len;
        self.by_path.insert(Rc::clone(&slot.path), number);
        let Self { queues, links, .. } = self;
        queue(queues, slot.weight.class).push(links, number);
        if let Some(place) = self.slots.get_mut(number as usize) {
            *place = Some(slot);
        }
    }

    /// Empties a slot.
    pub(crate) fn remove(&mut self, number: SlotId) -> Option<Slot<V>> {
        let slot = self.slots.get_mut(number as usize)?.take()?;
        self.content_len -= slot.weight.content_len;
        self.by_path.remove(&slot.path);
        let Self { queues, links, .. } = self;
        queue(queues, slot.weight.class).remove(links, number);
        self.free.push(number);
        Some(slot)
    }

    /// Whether something of this weight is kept at all.
    pub(crate) fn takes(&self, weight: Weight) -> bool {
        let Limits { files, open, bare, content_len } = self.limits;
        match weight.class {
            Class::Memory => files > 0 && weight.content_len <= content_len,
            Class::Open => files > 0 && open > 0,
            Class::Bare => bare > 0,
        }
    }

    /// Who must leave before something of this weight may come; ask until nobody must.
    pub(crate) fn must_leave(&mut self, coming: Weight) -> Option<SlotId> {
        let [memory, open, bare] = [Class::Memory, Class::Open, Class::Bare].map(|c| self.len(c));
        let limits = self.limits;
        let class = match coming.class {
            Class::Bare => (bare >= limits.bare).then_some(Class::Bare),
            Class::Open if open >= limits.open => Some(Class::Open),
            Class::Memory if self.content_len + coming.content_len > limits.content_len => {
                Some(Class::Memory)
            }
            // The longer queue gives way, so that neither kind starves the other.
            _ if memory + open < limits.files => None,
            _ => Some(if memory > open { Class::Memory } else { Class::Open }),
        };
        self.least_used(class?)
    }

    /// Who stands in front and has not been asked for since it came there.
    ///
    /// Each step takes a flag away that a hit has set: paid for by the hits, one step each.
    pub(crate) fn least_used(&mut self, class: Class) -> Option<SlotId> {
        let Self { queues, links, slots, .. } = self;
        let queue = queue(queues, class);
        loop {
            let first = queue.first()?;
            let slot = slots.get_mut(first as usize)?.as_mut()?;
            if !std::mem::take(&mut slot.is_used) {
                return Some(first);
            }
            queue.remove(links, first);
            queue.push(links, first);
        }
    }

    /// Every slot there is.
    pub(crate) fn numbers(&self) -> Vec<SlotId> {
        (0..).zip(&self.slots).filter(|(_, slot)| slot.is_some()).map(|(n, _)| n).collect()
    }

    /// How many slots are of a class.
    pub(crate) fn len(&self, class: Class) -> usize {
        self.queues.get(class as usize).map_or(0, Queue::len)
    }

    /// Bytes of content in memory.
    pub(crate) fn content_len(&self) -> u64 {
        self.content_len
    }
}

#[allow(clippy::indexing_slicing, reason = "there is a queue for each class")]
fn queue(queues: &mut [Queue; CLASSES], class: Class) -> &mut Queue {
    &mut queues[class as usize]
}

/// A hash that strangers cannot aim at: 64 bits from the system, which they never see.
///
/// The standard library's hash is stronger and costs several times more, which on this way is most
/// of a hit. Here it is used once, to make the seed. Were the seed found out, the damage would be
/// bounded: the paths kept are counted, and those without a file are short.
pub(crate) type Seeded = SeedableRandomState;

/// A new seed each time.
pub(crate) fn seeded() -> Seeded {
    let seed = RandomState::new().build_hasher().finish();
    SeedableRandomState::with_seed(seed, SharedSeed::global_random())
}
