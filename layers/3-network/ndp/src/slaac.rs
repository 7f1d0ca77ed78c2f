//! Addresses by themselves: made of prefixes that routers advertise. (RFC 4862 §5.5, RFC 8981)
//!
//! An address is preferred, then deprecated, then gone. For each prefix there is one that stays
//! (RFC 7217) and, if the operator wants them, temporary ones: of these the newest is used, a new one
//! is made shortly before it is deprecated, and old ones live on for what still uses them.

use std::collections::VecDeque;
use std::net::Ipv6Addr;
use std::time::Duration;

use base::{Cx, Instant};

use crate::identifier::Identity;
use crate::wire::PrefixInformation;
use crate::xray::{Seen, Why};

/// How many addresses an interface makes for itself. A temporary one lives two days and a new one
/// comes every day, so a prefix has three: with it, ten prefixes. 32 entries of 80 bytes.
const ADDRESSES_MAX: usize = 32;

/// How often another address is tried when somebody has it. (RFC 7217 §6: IDGEN_RETRIES;
/// RFC 8981 §3.8: TEMP_IDGEN_RETRIES)
pub(crate) const RETRIES: u8 = 3;

/// Below this, what is left of a lifetime is not made shorter: whoever can send one forged
/// advertisement would otherwise end all connections. (RFC 4862 §5.5.3 (e))
const TWO_HOURS: Duration = Duration::from_secs(2 * 60 * 60);

/// How long a temporary address lives. (RFC 8981 §3.8: TEMP_VALID_LIFETIME)
const TEMPORARY_VALID: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// How long a temporary address is used for what is new. (RFC 8981 §3.8: TEMP_PREFERRED_LIFETIME)
const TEMPORARY_PREFERRED: Duration = Duration::from_secs(24 * 60 * 60);

/// So much less at most, so that hosts do not change together. (RFC 8981 §3.8: MAX_DESYNC_FACTOR is
/// four tenths)
const DESYNC_MAX: Duration = Duration::from_secs(24 * 60 * 60 * 4 / 10);

/// How long before that the next one is made. (RFC 8981 §3.8: REGEN_ADVANCE, for one probe of a
/// second and three tries)
const REGENERATE_BEFORE: Duration = Duration::from_secs(5);

/// An address that was made of a prefix.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AutoAddress {
    /// The address; its network is the first 64 bits.
    pub address: Ipv6Addr,
    /// Whether it was made to be forgotten soon.
    pub is_temporary: bool,
    /// Until when it is used for what is new.
    pub preferred_until: Instant,
    /// Until when it is ours.
    pub valid_until: Instant,
    /// Whether it is used for nothing new, as [`preferred_until`](Self::preferred_until) is past.
    pub is_deprecated: bool,
    made: Instant,
    /// A part of the preferred lifetime, which a temporary address does not use.
    desync: Duration,
    /// How many before it were somebody else's.
    conflicts: u8,
    /// Whether the one that follows it was made.
    has_successor: bool,
}

/// The addresses of one interface that were made of prefixes.
#[derive(Debug)]
pub(crate) struct Addresses {
    identity: Identity,
    /// Whether there are temporary ones.
    with_temporary: bool,
    all: Vec<AutoAddress>,
    /// How many temporary addresses there have been in a network, by its first 64 bits; also when the
    /// network was gone in between, none comes again.
    counts: VecDeque<(u64, u32)>,
}

/// Lifetimes of a prefix, as they come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetimes {
    pub(crate) preferred: Instant,
    pub(crate) valid: Instant,
}

impl Lifetimes {
    pub(crate) fn of(now: Instant, prefix: &PrefixInformation) -> Self {
        Self { preferred: after(now, prefix.preferred), valid: after(now, prefix.valid) }
    }
}

impl Addresses {
    pub(crate) const fn new(identity: Identity, with_temporary: bool) -> Self {
        Self { identity, with_temporary, all: Vec::new(), counts: VecDeque::new() }
    }

    pub(crate) fn all(&self) -> &[AutoAddress] {
        &self.all
    }

    pub(crate) const fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
    }

    pub(crate) const fn set_temporary(&mut self, with_temporary: bool) {
        self.with_temporary = with_temporary;
    }

    /// Makes addresses of a prefix of 64 bits, or gives those that there are new lifetimes.
    /// (RFC 4862 §5.5.3 (d), (e); RFC 8981 §3.4) Whether something has changed.
    pub(crate) fn handle_prefix(
        &mut self,
        cx: &mut Cx<'_>,
        from: Ipv6Addr,
        prefix: &PrefixInformation,
    ) -> bool {
        let (now, told) = (cx.now(), Lifetimes::of(cx.now(), prefix));
        let mut is_known = false;
        for own in self.all.iter_mut().filter(|own| is_in(own.address, prefix.prefix)) {
            is_known |= !own.is_temporary;
            own.renew(cx, told);
        }
        if is_known || told.valid <= now {
            return is_known;
        }
        self.make(cx, from, prefix.prefix, (false, 0), told);
        if self.with_temporary {
            self.make(cx, from, prefix.prefix, (true, 0), told);
        }
        true
    }

    /// Somebody else has an address that we made: another is tried, three times. Whether it was one
    /// of these.
    pub(crate) fn handle_conflict(&mut self, cx: &mut Cx<'_>, address: Ipv6Addr) -> bool {
        let Some(at) = self.all.iter().position(|own| own.address == address) else {
            return false;
        };
        let lost = self.all.remove(at);
        if lost.conflicts < RETRIES {
            let told = Lifetimes { preferred: lost.preferred_until, valid: lost.valid_until };
            let which = (lost.is_temporary, lost.conflicts + 1);
            self.make(cx, address, address, which, told);
        }
        true
    }

    /// Lets time pass. Whether something has changed.
    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>) -> bool {
        let now = cx.now();
        let mut changed = false;
        self.all.retain(|own| {
            let ends = own.valid_until <= now;
            if ends {
                cx.note(|| Seen::AddressEnded { address: own.address });
            }
            changed |= ends;
            !ends
        });
        for own in &mut self.all {
            changed |= own.age(cx);
        }
        while let Some(at) = self.all.iter().position(|own| own.wants_successor(now)) {
            changed = true;
            let Some(own) = self.all.get_mut(at) else { break };
            own.has_successor = true;
            let old = *own;
            let lives_on = |other: &&AutoAddress| {
                !other.is_temporary && !other.is_deprecated && is_in(other.address, old.address)
            };
            // RFC 8981 §3.5: only while the prefix is still preferred, as its stable address shows.
            if let Some(stable) = self.all.iter().find(lives_on) {
                let (preferred, valid) = (stable.preferred_until, stable.valid_until);
                let told = Lifetimes { preferred, valid };
                self.make(cx, old.address, old.address, (true, 0), told);
            }
        }
        changed
    }

    /// When something changes by itself.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.all.iter().map(AutoAddress::next).min().filter(|at| *at < Instant::NEVER)
    }

    fn make(
        &mut self,
        cx: &mut Cx<'_>,
        from: Ipv6Addr,
        prefix: Ipv6Addr,
        (is_temporary, conflicts): (bool, u8),
        told: Lifetimes,
    ) {
        if self.all.len() >= ADDRESSES_MAX {
            return cx.note(|| Seen::Dropped { from, why: Why::TableFull });
        }
        let network = Ipv6Addr::from_bits(prefix.to_bits() >> 64 << 64);
        let (address, desync) = match is_temporary {
            true => {
                let nth = self.count_temporary(network, conflicts);
                let desync = self.identity.desync(network, nth, DESYNC_MAX);
                (self.identity.temporary(network, nth, conflicts), desync)
            }
            false => (self.identity.address(network, conflicts), Duration::ZERO),
        };
        let Lifetimes { preferred, valid } = told;
        let mut own = AutoAddress {
            address,
            is_temporary,
            preferred_until: preferred,
            valid_until: valid,
            is_deprecated: preferred <= cx.now(),
            made: cx.now(),
            desync,
            conflicts,
            has_successor: false,
        };
        own.limit();
        // RFC 8981 §3.4: one that would be replaced at once is not made.
        if is_temporary && own.preferred_until <= cx.now().after(REGENERATE_BEFORE) {
            return;
        }
        cx.note(|| Seen::AddressMade { address, temporary: is_temporary });
        self.all.push(own);
    }

    /// Which temporary address of a network the next one is; in place of one that was somebody else's it
    /// is the same.
    fn count_temporary(&mut self, network: Ipv6Addr, conflicts: u8) -> u32 {
        let network = (network.to_bits() >> 64) as u64;
        if let Some((_, count)) = self.counts.iter_mut().find(|(of, _)| *of == network) {
            *count += u32::from(conflicts == 0);
            return *count;
        }
        if self.counts.len() >= ADDRESSES_MAX {
            self.counts.pop_front();
        }
        self.counts.push_back((network, 0));
        0
    }
}

impl AutoAddress {
    /// Takes the lifetimes that an advertisement says. (RFC 4862 §5.5.3 (e))
    fn renew(&mut self, cx: &mut Cx<'_>, told: Lifetimes) {
        let two_hours = cx.now().after(TWO_HOURS);
        self.preferred_until = told.preferred;
        if told.valid > two_hours || told.valid > self.valid_until {
            self.valid_until = told.valid;
        } else if self.valid_until > two_hours {
            self.valid_until = two_hours;
        }
        self.limit();
        if self.preferred_until > cx.now() {
            self.is_deprecated = false;
        }
        self.age(cx);
    }

    /// A temporary address does not live longer because its prefix does. (RFC 8981 §3.4)
    fn limit(&mut self) {
        if self.is_temporary {
            let preferred = self.made.after(TEMPORARY_PREFERRED - self.desync);
            self.preferred_until = self.preferred_until.min(preferred);
            self.valid_until = self.valid_until.min(self.made.after(TEMPORARY_VALID));
        }
    }

    /// Is deprecated, when it is time. Whether it became so.
    fn age(&mut self, cx: &mut Cx<'_>) -> bool {
        let is_due = !self.is_deprecated && self.preferred_until <= cx.now();
        if is_due {
            self.is_deprecated = true;
            let address = self.address;
            cx.note(|| Seen::AddressDeprecated { address });
        }
        is_due
    }

    fn wants_successor(&self, now: Instant) -> bool {
        self.is_temporary
            && !self.has_successor
            && self.preferred_until <= now.after(REGENERATE_BEFORE)
    }

    fn next(&self) -> Instant {
        let mut next = self.valid_until;
        if !self.is_deprecated {
            next = next.min(self.preferred_until);
        }
        if self.is_temporary && !self.has_successor {
            let nanos = REGENERATE_BEFORE.as_nanos() as u64;
            let at = self.preferred_until.as_nanos().saturating_sub(nanos);
            next = next.min(Instant::from_nanos(at));
        }
        next
    }
}

/// When so many seconds have passed; all bits set is never. (RFC 4861 §4.6.2)
pub(crate) fn after(now: Instant, seconds: u32) -> Instant {
    match seconds {
        u32::MAX => Instant::NEVER,
        seconds => now.after(Duration::from_secs(seconds.into())),
    }
}

fn is_in(address: Ipv6Addr, prefix: Ipv6Addr) -> bool {
    address.to_bits() >> 64 == prefix.to_bits() >> 64
}
