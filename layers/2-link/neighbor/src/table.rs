//! The table of neighbours: bounded, found by address, each with a time at which its state ends.
//!
//! A place for a new entry is found by a hand that goes around (a *clock*): it passes over who was used
//! since it last came by.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;

use base::{Arena, Instant, Key, Mac, SipKey, TxBuf};

use crate::state::State;

/// How many entries the hand looks at before it gives up: a bound on the work that one frame causes.
const LOOKS_MAX: usize = 16;

/// Neighbours by their addresses.
#[derive(Debug)]
pub(crate) struct Table {
    entries_max: usize,
    index: HashMap<IpAddr, Key<Entry>, SipKey>,
    entries: Arena<Entry>,
    ends: BTreeSet<(Instant, Key<Entry>)>,
    hand: u32,
}

/// A neighbour.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) ip: IpAddr,
    /// Which of our addresses asks for it.
    pub(crate) source: IpAddr,
    pub(crate) mac: Mac,
    pub(crate) state: State,
    /// How often it was asked for in this state.
    pub(crate) attempts: u32,
    /// When the state ends, as it stands in the table.
    ends: Option<Instant>,
    /// Whether it was used since the hand came by.
    pub(crate) is_used: bool,
    /// Packets to send once it is known where it is.
    pub(crate) waiting: VecDeque<TxBuf>,
}

/// Whether there is a place for another entry.
#[derive(Debug)]
pub(crate) enum Room {
    /// There is.
    Free,
    /// There is, where this one was.
    Instead(Entry),
    /// All that the hand looked at must stay.
    Full,
}

impl Table {
    pub(crate) fn new(entries_max: usize, key: SipKey) -> Self {
        Self {
            entries_max,
            index: HashMap::with_hasher(key),
            entries: Arena::new(),
            ends: BTreeSet::new(),
            hand: 0,
        }
    }

    /// The neighbour at `ip`.
    pub(crate) fn find(&self, ip: IpAddr) -> Option<&Entry> {
        self.entries.get(*self.index.get(&ip)?)
    }

    /// The same, to be changed.
    #[inline]
    pub(crate) fn find_mut(&mut self, ip: IpAddr) -> Option<(Key<Entry>, &mut Entry)> {
        let key = *self.index.get(&ip)?;
        Some((key, self.entries.get_mut(key)?))
    }

    /// The neighbour of this key.
    #[inline]
    pub(crate) fn get_mut(&mut self, key: Key<Entry>) -> Option<&mut Entry> {
        self.entries.get_mut(key)
    }

    /// Adds a neighbour that is not there yet, and for whom there is room.
    pub(crate) fn insert(&mut self, entry: Entry) -> Key<Entry> {
        let ip = entry.ip;
        let key = self.entries.insert(entry);
        self.index.insert(ip, key);
        key
    }

    /// Forgets a neighbour.
    pub(crate) fn remove(&mut self, key: Key<Entry>) -> Option<Entry> {
        self.schedule(key, None);
        let entry = self.entries.remove(key)?;
        self.index.remove(&entry.ip);
        Some(entry)
    }

    /// The entry's state ends then, if ever.
    pub(crate) fn schedule(&mut self, key: Key<Entry>, ends: Option<Instant>) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        if let Some(before) = std::mem::replace(&mut entry.ends, ends) {
            self.ends.remove(&(before, key));
        }
        self.ends.extend(ends.map(|at| (at, key)));
    }

    /// An entry whose state has ended by `now`, each once.
    pub(crate) fn pop_ended(&mut self, now: Instant) -> Option<Key<Entry>> {
        let (_, key) = *self.ends.first().filter(|(at, _)| *at <= now)?;
        self.ends.pop_first();
        if let Some(entry) = self.entries.get_mut(key) {
            entry.ends = None;
        }
        Some(key)
    }

    /// When the next state ends.
    pub(crate) fn next_end(&self) -> Option<Instant> {
        self.ends.first().map(|(at, _)| *at)
    }

    /// All of them, in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    /// Finds a place for another entry, which a stranger may have caused.
    pub(crate) fn make_room(&mut self, for_stranger: bool) -> Room {
        if self.entries.len() < self.entries_max {
            return Room::Free;
        }
        let mut worst: Option<(u8, Key<Entry>)> = None;
        for _ in 0..LOOKS_MAX.min(self.entries.len()) {
            let Some(key) = self.entries.next_in_turn(&mut self.hand) else { break };
            let Some(rank) = self.entries.get_mut(key).and_then(|e| e.rank(for_stranger)) else {
                continue;
            };
            if worst.is_none_or(|(least, _)| rank < least) {
                worst = Some((rank, key));
            }
            if rank == 0 {
                break;
            }
        }
        worst.and_then(|(_, key)| self.remove(key)).map_or(Room::Full, Room::Instead)
    }
}

impl Entry {
    /// A neighbour of whom nothing else is known; `source` asks for it.
    pub(crate) fn new(ip: IpAddr, source: IpAddr, state: State) -> Self {
        Self {
            ip,
            source,
            mac: Mac::UNSPECIFIED,
            state,
            attempts: 0,
            ends: None,
            is_used: true,
            waiting: VecDeque::new(),
        }
    }

    pub(crate) fn has_mac(&self) -> bool {
        !matches!(self.state, State::Incomplete | State::Unreachable)
    }

    /// How much memory the packets hold that wait for it.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.waiting.iter().map(TxBuf::memory).sum()
    }

    /// How much it is needed, the least first; nothing if it must stay. The hand has come by.
    ///
    /// Whom nobody has talked to of late goes first, then who is only being looked for: a flood of
    /// invented addresses fills the table with those. Strangers drive out nobody who was confirmed.
    fn rank(&mut self, for_stranger: bool) -> Option<u8> {
        let is_used = std::mem::take(&mut self.is_used);
        match self.state {
            State::Stale | State::Unreachable => Some(u8::from(is_used)),
            State::Incomplete => Some(2),
            State::Permanent => None,
            _ if for_stranger => None,
            State::Reachable | State::Delay | State::Probe => Some(3 + u8::from(is_used)),
        }
    }
}
