//! Slots in a row, each of which can leave from the middle.

/// The number of a slot in the cache.
pub(crate) type SlotId = u32;

/// No slot.
const NONE: SlotId = SlotId::MAX;

/// A queue of slots. The links between them stand in a [`Links`] that all queues share, so that
/// leaving costs the same from every place.
#[derive(Debug)]
pub(crate) struct Queue {
    first: SlotId,
    last: SlotId,
    len: usize,
}

/// Who stands before and behind each slot, by its number.
#[derive(Debug, Default)]
pub(crate) struct Links(Vec<Link>);

#[derive(Clone, Copy, Debug)]
struct Link {
    before: SlotId,
    behind: SlotId,
}

impl Queue {
    /// Nobody stands here.
    pub(crate) const fn new() -> Self {
        Self { first: NONE, last: NONE, len: 0 }
    }

    /// How many stand here.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Who stands here longest.
    pub(crate) fn first(&self) -> Option<SlotId> {
        (self.first != NONE).then_some(self.first)
    }

    /// `slot`, which stands in no queue, comes to the end.
    pub(crate) fn push(&mut self, links: &mut Links, slot: SlotId) {
        links.set(slot, Link { before: self.last, behind: NONE });
        match links.get_mut(self.last) {
            Some(last) => last.behind = slot,
            None => self.first = slot,
        }
        self.last = slot;
        self.len += 1;
    }

    /// `slot`, which stands in this queue, leaves it.
    pub(crate) fn remove(&mut self, links: &mut Links, slot: SlotId) {
        let Some(&mut Link { before, behind }) = links.get_mut(slot) else { return };
        match links.get_mut(before) {
            Some(link) => link.behind = behind,
            None => self.first = behind,
        }
        match links.get_mut(behind) {
            Some(link) => link.before = before,
            None => self.last = before,
        }
        self.len -= 1;
    }
}

impl Links {
    fn get_mut(&mut self, slot: SlotId) -> Option<&mut Link> {
        // `NONE` is beyond every slot there is.
        self.0.get_mut(slot as usize)
    }

    fn set(&mut self, slot: SlotId, link: Link) {
        let at = slot as usize;
        if self.0.len() <= at {
            self.0.resize(at + 1, Link { before: NONE, behind: NONE });
        }
        if let Some(place) = self.0.get_mut(at) {
            *place = link;
        }
    }
}
