//! The dynamic table (RFC 7541 §2.3.2, §4).
//!
//! The text of all entries lies in one buffer: new text goes to its end, and an entry that is evicted is
//! only no longer counted. When the end is reached, the text that is still in use moves together. The
//! buffer has twice as much room as the text in use ever takes, so each byte that comes pays for few
//! that move, and every text is in one piece: fields are handed out as they lie here.
//!
//! A name that was written as an index is not copied: it is that of the static table, or it stands in
//! the buffer already. Otherwise two bytes of a block could have a name moved that is as long as the
//! table, again and again.

use std::collections::VecDeque;

use base::Cx;
use base::xray::{Private, Text};

use crate::static_table::static_field;
use crate::{Seen, Side, policy};

/// What an entry takes beside its text (RFC 7541 §4.1).
pub(crate) const ENTRY_OVERHEAD: usize = 32;

/// The smallest buffer for text: a few entries.
const TEXT_LEN_MIN: usize = 256;

/// Both sides have one for each direction, and both are equal.
#[derive(Debug)]
pub(crate) struct Table {
    side: Side,
    text: Vec<u8>,
    /// The oldest first.
    entries: VecDeque<Entry>,
    /// RFC 7541 §4.1: the text of all entries, and 32 for each.
    size: usize,
    size_max: usize,
    changes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    name_at: u32,
    name_len: u32,
    value_at: u32,
    value_len: u32,
    /// A static field that has the name, which is then not in the text; or 0.
    static_name: u8,
}

/// An entry, as it is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) value: &'a [u8],
    pub(crate) static_name: u8,
}

/// The name of a new entry.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NewName<'a> {
    /// The name of a static field.
    Static(u8),
    /// One that no table has.
    Text(&'a [u8]),
    /// The name of another entry: 0 is the newest.
    Of(usize),
}

/// A field that is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sought<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) value: &'a [u8],
    /// The first static field with this name, or 0.
    pub(crate) known: u8,
}

fn static_name(index: u8) -> &'static [u8] {
    static_field(index).map_or(&[], |(name, _)| name.as_bytes())
}

impl Entry {
    const fn size(&self) -> usize {
        size_of(self.name_len as usize, self.value_len as usize)
    }
}

/// RFC 7541 §4.1: what an entry counts for.
#[inline]
pub(crate) const fn size_of(name_len: usize, value_len: usize) -> usize {
    name_len + value_len + ENTRY_OVERHEAD
}

impl Table {
    pub(crate) const fn new(side: Side, size_max: u32) -> Self {
        Self {
            side,
            text: Vec::new(),
            entries: VecDeque::new(),
            size: 0,
            size_max: size_max as usize,
            changes: 0,
        }
    }

    /// Adds an entry; evicts as many of the oldest as it needs room for (RFC 7541 §4.4). Says whether
    /// it is in the table: one that is larger than all of it only empties it.
    pub(crate) fn insert(&mut self, cx: &mut Cx<'_>, name: NewName<'_>, value: &[u8]) -> bool {
        self.changes += 1;
        let named = match name {
            NewName::Of(age) => self.entry(age).copied(),
            _ => None,
        };
        let (name_len, copied_len) = match name {
            NewName::Of(_) => (named.map_or(0, |entry| entry.name_len as usize), 0),
            NewName::Static(index) => (static_name(index).len(), 0),
            NewName::Text(name) => (name.len(), name.len()),
        };
        let size = size_of(name_len, value.len());
        if size > self.size_max {
            self.refuse(cx, name);
            return false;
        }
        // RFC 7541 §4.4: the name may be that of an entry which leaves now. Its text stays where it
        // is until text moves, so room is made first.
        self.make_room(cx, copied_len + value.len());
        let (name_at, static_name) = match name {
            NewName::Of(age) => self.entry(age).map_or((0, 0), |e| (e.name_at, e.static_name)),
            NewName::Static(index) => (0, index),
            NewName::Text(name) => (self.append(name), 0),
        };
        self.evict_to(cx, self.size_max - size);
        let value_at = self.append(value);
        let (name_len, value_len) = (name_len as u32, value.len() as u32);
        self.entries.push_back(Entry { name_at, name_len, value_at, value_len, static_name });
        self.size += size;
        self.note_added(cx);
        true
    }

    /// RFC 7541 §4.3: the table has another size from now on.
    pub(crate) fn resize(&mut self, cx: &mut Cx<'_>, size_max: u32) {
        self.changes += 1;
        self.size_max = size_max as usize;
        self.evict_to(cx, self.size_max);
        self.shrink(cx);
        let (table, size, size_max) = (self.side, self.size, self.size_max);
        cx.note(|| Seen::TableResized { table, size, size_max });
    }

    /// An entry by its age: 0 is the newest.
    #[inline]
    pub(crate) fn get(&self, age: usize) -> Option<Stored<'_>> {
        let entry = self.entry(age)?;
        self.stored(entry)
    }

    /// Whether the entry of this age is this field.
    #[inline]
    pub(crate) fn holds(&self, age: usize, field: &Sought<'_>) -> bool {
        let Some(entry) = self.entry(age).filter(|entry| entry.static_name == field.known) else {
            return false;
        };
        // The same static name is the same name.
        self.stored(entry).is_some_and(|stored| {
            stored.value == field.value && (field.known > 0 || stored.name == field.name)
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) const fn size(&self) -> usize {
        self.size
    }

    pub(crate) const fn size_max(&self) -> usize {
        self.size_max
    }

    /// How often the table has changed.
    pub(crate) const fn changes(&self) -> u64 {
        self.changes
    }

    #[inline]
    fn entry(&self, age: usize) -> Option<&Entry> {
        self.entries.get(self.entries.len().checked_sub(age + 1)?)
    }

    #[inline]
    fn stored(&self, entry: &Entry) -> Option<Stored<'_>> {
        let &Entry { name_at, name_len, value_at, value_len, static_name } = entry;
        let name = match static_field(static_name) {
            Some((name, _)) => name.as_bytes(),
            None => self.text_at(name_at, name_len)?,
        };
        Some(Stored { name, value: self.text_at(value_at, value_len)?, static_name })
    }

    #[inline]
    fn text_at(&self, at: u32, len: u32) -> Option<&[u8]> {
        self.text.get(at as usize..)?.get(..len as usize)
    }

    /// Appends text for which there is room; says where it stands.
    #[inline]
    fn append(&mut self, text: &[u8]) -> u32 {
        let at = self.text.len() as u32;
        self.text.extend_from_slice(text);
        at
    }

    /// Sees to it that so much text can be appended without growing.
    #[inline]
    fn make_room(&mut self, cx: &mut Cx<'_>, len: usize) {
        if self.text.capacity() - self.text.len() < len {
            let used = self.size - ENTRY_OVERHEAD * self.entries.len();
            let is_enough = 2 * used.max(len) <= self.text.capacity();
            let larger = (2 * (used + len)).max(TEXT_LEN_MIN).min(2 * self.size_max);
            self.move_text(cx, if is_enough { self.text.capacity() } else { larger });
        }
    }

    /// Whoever makes a table small does not want to pay for a large one.
    fn shrink(&mut self, cx: &mut Cx<'_>) {
        if self.text.capacity() > 2 * self.size_max {
            self.move_text(cx, 2 * self.size_max);
        }
        self.entries.shrink_to(self.size_max / ENTRY_OVERHEAD);
    }

    /// Moves the text that is in use together, into a buffer of this capacity: the one that there is, or
    /// another. A name that several entries share is written for each: it counts for each as well.
    #[cold]
    fn move_text(&mut self, cx: &mut Cx<'_>, capacity: usize) {
        let old = std::mem::replace(&mut self.text, cx.buffer());
        for entry in &mut self.entries {
            let mut moved = |at: u32, len: u32| {
                let new_at = self.text.len() as u32;
                let text = old.get(at as usize..).and_then(|text| text.get(..len as usize));
                self.text.extend_from_slice(text.unwrap_or_default());
                new_at
            };
            if entry.static_name == 0 {
                entry.name_at = moved(entry.name_at, entry.name_len);
            }
            entry.value_at = moved(entry.value_at, entry.value_len);
        }
        let mut kept = if old.capacity() == capacity { old } else { Vec::with_capacity(capacity) };
        kept.clear();
        kept.extend_from_slice(&self.text);
        cx.recycle(std::mem::replace(&mut self.text, kept));
    }

    /// RFC 7541 §4.2, §4.3, §4.4: the oldest go first, until the rest fits.
    #[inline]
    fn evict_to(&mut self, cx: &mut Cx<'_>, size_max: usize) {
        while self.size > size_max {
            let Some(entry) = self.entries.pop_front() else { return };
            self.size -= entry.size();
            let (table, size, size_max) = (self.side, self.size, self.size_max);
            cx.note(|| {
                let name = Text(self.stored(&entry).map_or(&[], |stored| stored.name));
                Seen::EntryEvicted { table, name, size, size_max }
            });
        }
    }

    /// RFC 7541 §4.4: an entry that is larger than the table empties it, and is no error.
    #[cold]
    fn refuse(&mut self, cx: &mut Cx<'_>, name: NewName<'_>) {
        let (table, size_max) = (self.side, self.size_max);
        cx.note(|| {
            let name = match name {
                NewName::Static(index) => static_name(index),
                NewName::Text(text) => text,
                NewName::Of(age) => self.get(age).map_or(&[][..], |stored| stored.name),
            };
            Seen::EntryTooLarge { table, name: Text(name), size_max }
        });
        self.evict_to(cx, 0);
    }

    #[inline]
    fn note_added(&self, cx: &mut Cx<'_>) {
        let (table, size, size_max) = (self.side, self.size, self.size_max);
        cx.note(|| {
            let (name, value) = self.get(0).map_or((&[][..], &[][..]), |s| (s.name, s.value));
            let is_secret = policy::is_secret(name);
            let name = Text(name);
            if is_secret {
                Seen::SecretEntryAdded { table, name, value: Private(value), size, size_max }
            } else {
                Seen::EntryAdded { table, name, value: Text(value), size, size_max }
            }
        });
    }
}
