//! Where in its table the encoder finds a field, without asking for memory for each.
//!
//! ```text
//!   hash ──▶ newest ──▶ the newest entry with such a hash ──▶ an older one ──▶ … ──▶ one that has left
//! ```
//!
//! Entries are numbered as they come, and they leave in the same order. So a chain from newer to older
//! ones ends at the first that has left, nothing is taken out when an entry leaves, and the place of
//! an entry in the table is how many came after it.
//!
//! Blocks resemble the one before: a field is first compared with the entry that the field in its place
//! was found at last time, and in most blocks that is all.
//!
//! A hash only proposes: the text is compared. Somebody who makes many fields meet costs us a few
//! comparisons of 32 bits, and himself a field that is not found; no seed is needed.

use crate::table::{Sought, Table};

/// How many entries of a chain are looked at.
const CHAIN_MAX: usize = 8;

/// How many fields of a block are remembered.
const EXPECTED: usize = 16;

/// How many places there are for names, and for fields that were met once.
const PLACES: usize = 64;

/// What the encoder knows about the entries of its table: 2 KiB for the default of 4,096 bytes.
#[derive(Debug)]
pub(crate) struct Lookup {
    /// The number of the newest entry; the first has 1.
    newest: u32,
    /// By hash: the newest entry with such a hash.
    chains: Box<[u32]>,
    /// By number: as many as there can be entries, a power of two.
    links: Box<[Link]>,
    /// By hash of the name: the newest entry with such a name, which is not in the static table.
    names: [u32; PLACES],
    /// By hash: fields that were written once and did not go into the table.
    met: [u32; PLACES],
    changes: u64,
    /// By place in the block: the number of the entry that was written there last.
    expected: [u32; EXPECTED],
}

#[derive(Clone, Copy, Debug, Default)]
struct Link {
    hash: u32,
    /// The next older entry of the chain.
    older: u32,
}

/// A field's hashes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Hashes {
    /// Nothing for a name of the static table, which is not looked for in the dynamic one.
    name: Option<u32>,
    field: u32,
}

impl Hashes {
    /// Of a field whose name is that of the field `known` of the static table; or of any, with 0.
    #[inline]
    pub(crate) fn of(known: u8, name: &[u8], value: &[u8]) -> Self {
        if known > 0 {
            return Self { name: None, field: high(hash(SEED.rotate_left(known.into()), value)) };
        }
        let name = hash(SEED, name);
        Self { name: Some(high(name)), field: high(hash(name, value)) }
    }
}

impl Lookup {
    /// For a table that never has more than `entries_max` entries.
    pub(crate) fn new(entries_max: usize) -> Self {
        let places = entries_max.max(1).next_power_of_two();
        Self {
            newest: 0,
            chains: vec![0; places].into(),
            links: vec![Link::default(); places].into(),
            names: [0; PLACES],
            met: [0; PLACES],
            changes: 0,
            expected: [0; EXPECTED],
        }
    }

    /// The age of the entry that is this field, if it was written in this place of a block last time.
    #[inline]
    pub(crate) fn expected(
        &self,
        table: &Table,
        place: usize,
        name: &[u8],
        value: &[u8],
    ) -> Option<usize> {
        let age = self.age(*self.expected.get(place)?, table)?;
        table.get(age).filter(|stored| stored.value == value && stored.name == name).map(|_| age)
    }

    /// An entry was written in this place.
    #[inline]
    pub(crate) fn expect(&mut self, place: usize, age: usize) {
        if let Some(number) = self.expected.get_mut(place) {
            *number = self.newest.wrapping_sub(age as u32);
        }
    }

    /// The age of the entry that is this field.
    #[inline]
    pub(crate) fn find(&self, table: &Table, hashes: Hashes, field: &Sought<'_>) -> Option<usize> {
        let mut number = *place(&self.chains, hashes.field)?;
        for _ in 0..CHAIN_MAX {
            let age = self.age(number, table)?;
            let link = place(&self.links, number)?;
            if link.hash == hashes.field && table.holds(age, field) {
                return Some(age);
            }
            number = link.older;
        }
        None
    }

    /// The age of an entry with this name, if it has come lately.
    #[inline]
    pub(crate) fn find_name(&self, table: &Table, hashes: Hashes, name: &[u8]) -> Option<usize> {
        let age = self.age(*place(&self.names, hashes.name?)?, table)?;
        table.get(age).filter(|stored| stored.name == name).map(|_| age)
    }

    /// A field was added to the table.
    #[inline]
    pub(crate) fn insert(&mut self, hashes: Hashes) {
        self.newest = self.newest.wrapping_add(1);
        let newest = self.newest;
        let older = place_mut(&mut self.chains, hashes.field)
            .map_or(0, |chain| std::mem::replace(chain, newest));
        if let Some(link) = place_mut(&mut self.links, newest) {
            *link = Link { hash: hashes.field, older };
        }
        if let Some(name) = hashes.name.and_then(|name| place_mut(&mut self.names, name)) {
            *name = newest;
        }
    }

    /// Whether this field was met before; from now on it was.
    #[inline]
    pub(crate) fn meet(&mut self, hashes: Hashes) -> bool {
        let Some(met) = place_mut(&mut self.met, hashes.field) else { return false };
        let is_known = *met == hashes.field;
        if !is_known {
            *met = hashes.field;
            self.changes += 1;
        }
        is_known
    }

    /// How often [`meet`](Self::meet) has met something new.
    pub(crate) const fn changes(&self) -> u64 {
        self.changes
    }

    /// How many entries came after this one, if it is still there.
    #[inline]
    fn age(&self, number: u32, table: &Table) -> Option<usize> {
        let age = self.newest.wrapping_sub(number) as usize;
        (age < table.len()).then_some(age)
    }
}

/// The place of a number among as many as a power of two.
#[inline]
fn place<T>(places: &[T], number: u32) -> Option<&T> {
    places.get(number as usize & (places.len() - 1))
}

#[inline]
fn place_mut<T>(places: &mut [T], number: u32) -> Option<&mut T> {
    let at = number as usize & (places.len() - 1);
    places.get_mut(at)
}

/// Bits without a pattern: the fractional part of pi, where hashes begin.
const SEED: u64 = 0x243f_6a88_85a3_08d3;

/// The next of them, made odd.
const FACTOR: u64 = 0x1319_8a2e_0370_7345;

/// Eight bytes at a time, each time folding a product of twice the width.
#[inline]
fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let mut state = seed ^ bytes.len() as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = fold(state ^ u64::from_le_bytes(*word));
    }
    // The last bytes, some of them perhaps once more.
    let last = match (bytes.last_chunk::<8>(), rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        (Some(last), ..) => u64::from_le_bytes(*last),
        (_, Some(a), Some(b)) => {
            u64::from(u32::from_le_bytes(*a)) << 32 | u64::from(u32::from_le_bytes(*b))
        }
        _ => rest.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    };
    fold(state ^ last)
}

#[inline]
const fn fold(word: u64) -> u64 {
    let product = (word as u128).wrapping_mul(FACTOR as u128);
    product as u64 ^ (product >> 64) as u64
}

/// The half of a hash that is kept; its lowest bits choose places.
#[inline]
const fn high(hash: u64) -> u32 {
    (hash >> 32) as u32
}
