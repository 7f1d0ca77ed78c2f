//! Which flow is whose.
//!
//! A place is eight bytes: half of the flow's hash, and a number. The flow itself stands with its
//! owner, who is looked at only when the hashes agree; so a segment of no flow here is known by one
//! line of memory, and the table of a hundred thousand connections has two MiB. Places follow one
//! another from the one that the hash names (linear probing), and nothing is hashed again when the
//! table grows.

use std::hash::{BuildHasher as _, Hasher as _};
use std::net::IpAddr;

use base::SipKey;
use tcp::Flow;

/// How many places the first table has.
const FIRST: usize = 16;

/// Who has a flow: the place in the table of connections, or in that of TIME-WAITs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Owner {
    Connection(u32),
    TimeWait(u32),
}

/// Owners by the hash of their flow.
#[derive(Debug)]
pub(super) struct Flows {
    key: SipKey,
    /// As many as a power of two, or none.
    places: Vec<Place>,
    len: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Place {
    hash: u32,
    /// The owner's number twice, and one more for TIME-WAIT.
    owner: u32,
}

impl Place {
    const VACANT: Self = Self { hash: 0, owner: u32::MAX };

    const fn new(hash: u32, owner: Owner) -> Self {
        let owner = match owner {
            Owner::Connection(index) => index << 1,
            Owner::TimeWait(index) => index << 1 | 1,
        };
        Self { hash, owner }
    }

    const fn owner(self) -> Owner {
        let index = self.owner >> 1;
        if self.owner & 1 == 0 { Owner::Connection(index) } else { Owner::TimeWait(index) }
    }
}

impl Flows {
    /// How many owners of one kind can be told apart.
    pub(super) const OWNERS_MAX: usize = (1 << 31) - 1;

    pub(super) const fn new(key: SipKey) -> Self {
        Self { key, places: Vec::new(), len: 0 }
    }

    /// The hash by which a flow is found, and known to the x-ray. Strangers cannot choose flows that
    /// fall together.
    #[inline]
    pub(super) fn hash(&self, flow: &Flow) -> u64 {
        let mut hasher = self.key.build_hasher();
        match (flow.local.ip(), flow.remote.ip()) {
            (IpAddr::V4(local), IpAddr::V4(remote)) => {
                hasher.write_u64(u64::from(local.to_bits()) << 32 | u64::from(remote.to_bits()));
            }
            (local, remote) => {
                for ip in [local, remote] {
                    let ip = match ip {
                        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                        IpAddr::V6(ip) => ip,
                    };
                    hasher.write_u64((ip.to_bits() >> 64) as u64);
                    hasher.write_u64(ip.to_bits() as u64);
                }
            }
        }
        hasher.write_u32(u32::from(flow.local.port()) << 16 | u32::from(flow.remote.port()));
        hasher.finish()
    }

    /// The owner under this hash of whom `is_it` is true.
    #[inline]
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(Owner) -> bool) -> Option<Owner> {
        self.probe(hash as u32)
            .map(|(_, place)| place)
            .take_while(|place| *place != Place::VACANT)
            .filter(|place| place.hash == hash as u32)
            .map(Place::owner)
            .find(|owner| is_it(*owner))
    }

    pub(super) fn insert(&mut self, hash: u64, owner: Owner) {
        // A quarter stays vacant, so that a search ends after a few places.
        if (self.len + 1) * 4 > self.places.len() * 3 {
            self.grow();
        }
        self.len += 1;
        self.put(Place::new(hash as u32, owner));
    }

    /// Takes an owner out; whether it was there.
    pub(super) fn remove(&mut self, hash: u64, owner: Owner) -> bool {
        let wanted = Place::new(hash as u32, owner);
        let found = self
            .probe(wanted.hash)
            .take_while(|(_, place)| *place != Place::VACANT)
            .find(|(_, place)| *place == wanted);
        let Some((at, _)) = found else { return false };
        self.len -= 1;
        self.close_gap(at);
        true
    }

    /// Every place from the one that `hash` names, going around.
    fn probe(&self, hash: u32) -> impl Iterator<Item = (usize, Place)> {
        let home = hash as usize & self.mask();
        let (before, from) = self.places.split_at_checked(home).unwrap_or_default();
        let from = from.iter().enumerate().map(move |(n, place)| (home + n, *place));
        from.chain(before.iter().enumerate().map(|(n, place)| (n, *place)))
    }

    fn mask(&self) -> usize {
        self.places.len().saturating_sub(1)
    }

    fn put(&mut self, place: Place) {
        let vacant = self.probe(place.hash).find(|(_, other)| *other == Place::VACANT);
        if let Some(at) = vacant.and_then(|(at, _)| self.places.get_mut(at)) {
            *at = place;
        }
    }

    fn grow(&mut self) {
        let len = (self.places.len() * 2).max(FIRST);
        let before = std::mem::replace(&mut self.places, vec![Place::VACANT; len]);
        for place in before.into_iter().filter(|place| *place != Place::VACANT) {
            self.put(place);
        }
    }

    /// Makes `gap` vacant: who stands behind it and could not have its place moves up, or nobody would
    /// find it any more.
    fn close_gap(&mut self, mut gap: usize) {
        let mask = self.mask();
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            let place = self.places.get(at).copied().unwrap_or(Place::VACANT);
            if place == Place::VACANT {
                break;
            }
            // How far it stands from home, and how far the gap is from it.
            let from_home = at.wrapping_sub(place.hash as usize) & mask;
            if from_home >= (at.wrapping_sub(gap) & mask) {
                if let Some(to) = self.places.get_mut(gap) {
                    *to = place;
                }
                gap = at;
            }
        }
        if let Some(to) = self.places.get_mut(gap) {
            *to = Place::VACANT;
        }
    }
}

#[cfg(test)]
mod tests;
