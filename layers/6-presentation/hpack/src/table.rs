//! The dynamic table (RFC 7541 §2.3.2, §4).
//!
//! The text of all entries lies in one buffer, in the order in which they came: new text goes to its
//! end, and an entry that is evicted is only no longer counted. When the end is reached, the text
//! that is still in use moves to the front. The buffer has twice as much room as the text in use ever
//! takes, so each byte that comes pays for at most one that moves, and every entry is in one piece:
//! fields are handed out as they lie here.

use std::collections::VecDeque;

use base::Cx;
use base::xray::{Private, Text};

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
    /// Where the first byte of `text` would stand if text never moved. It counts around, as the
    /// places of entries do.
    begin: u32,
    /// The oldest first.
    entries: VecDeque<Entry>,
    /// RFC 7541 §4.1: the text of all entries, and 32 for each.
    size: usize,
    size_max: usize,
    changes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Where the name stands, the value behind it.
    at: u32,
    name_len: u32,
    value_len: u32,
    /// A static field with the same name; 0 if the entry was not written with one.
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
    /// As text, with the index of a static field that has it, or 0.
    Text(&'a [u8], u8),
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

impl Entry {
    const fn text_len(&self) -> usize {
        self.name_len as usize + self.value_len as usize
    }

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
            begin: 0,
            entries: VecDeque::new(),
            size: 0,
            size_max: size_max as usize,
            changes: 0,
        }
    }

    /// Adds an entry; evicts as many of the oldest as it needs room for (RFC 7541 §4.4). Says whether
    /// it is in the table: one that is larger than all of it only empties it.
    pub(crate) fn insert(&mut self, cx: &mut Cx<'_>, name: NewName<'_>, value: &[u8]) -> bool {
        let name_len = match name {
            NewName::Text(text, _) => text.len(),
            NewName::Of(age) => self.entry(age).map_or(0, |entry| entry.name_len as usize),
        };
        self.changes += 1;
        let size = size_of(name_len, value.len());
        if size > self.size_max {
            self.refuse(cx, name);
            return false;
        }
        // RFC 7541 §4.4: the name may be that of an entry which leaves now. Its text stays where it
        // is until text moves, so room is made first.
        self.make_room(name_len + value.len());
        let named = if let NewName::Of(age) = name { self.entry(age).copied() } else { None };
        self.evict_to(cx, self.size_max - size);
        let at = self.begin.wrapping_add(self.text.len() as u32);
        let static_name = match (name, named) {
            (NewName::Text(text, static_name), _) => {
                self.text.extend_from_slice(text);
                static_name
            }
            (NewName::Of(_), Some(entry)) => {
                let from = entry.at.wrapping_sub(self.begin) as usize;
                self.text.extend_from_within(from..from + name_len);
                entry.static_name
            }
            (NewName::Of(_), None) => 0,
        };
        self.text.extend_from_slice(value);
        let (name_len, value_len) = (name_len as u32, value.len() as u32);
        self.entries.push_back(Entry { at, name_len, value_len, static_name });
        self.size += size;
        self.note_added(cx);
        true
    }

    /// RFC 7541 §4.3: the table has another size from now on.
    pub(crate) fn resize(&mut self, cx: &mut Cx<'_>, size_max: u32) {
        self.changes += 1;
        self.size_max = size_max as usize;
        self.evict_to(cx, self.size_max);
        self.shrink();
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
        let from = entry.at.wrapping_sub(self.begin) as usize;
        let text = self.text.get(from..from + entry.text_len())?;
        let (name, value) = text.split_at_checked(entry.name_len as usize)?;
        Some(Stored { name, value, static_name: entry.static_name })
    }

    /// Sees to it that so much text can be appended without growing.
    fn make_room(&mut self, len: usize) {
        if self.text.capacity() - self.text.len() >= len {
            return;
        }
        let from = self.used_from();
        let used = self.text.len() - from;
        if 2 * used.max(len) <= self.text.capacity() {
            self.text.copy_within(from.., 0);
            self.text.truncate(used);
            self.begin = self.begin.wrapping_add(from as u32);
        } else {
            self.move_text((2 * (used + len)).max(TEXT_LEN_MIN).min(2 * self.size_max));
        }
    }

    /// Whoever makes a table small does not want to pay for a large one.
    fn shrink(&mut self) {
        if self.text.capacity() > 2 * self.size_max {
            self.move_text(2 * self.size_max);
        }
        self.entries.shrink_to(self.size_max / ENTRY_OVERHEAD);
    }

    /// Moves the text that is in use to a buffer of its own.
    fn move_text(&mut self, capacity: usize) {
        let from = self.used_from();
        let mut text = Vec::with_capacity(capacity);
        text.extend_from_slice(self.text.get(from..).unwrap_or_default());
        self.text = text;
        self.begin = self.begin.wrapping_add(from as u32);
    }

    /// Where the text of the oldest entry stands.
    fn used_from(&self) -> usize {
        let oldest = self.entries.front();
        oldest.map_or(self.text.len(), |entry| entry.at.wrapping_sub(self.begin) as usize)
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
                NewName::Text(text, _) => text,
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
