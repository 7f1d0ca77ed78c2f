//! Our own addresses, and whether somebody else has them too. (RFC 4862 §5.4, RFC 4429, RFC 7527)
//!
//! An address is *tentative* while we ask whether anybody has it, and then *held*. Who cannot wait
//! takes it *optimistically*: it is used at once, asked for at the same time, and told to nobody as
//! theirs to remember. A question of ours that comes back to us is known by its nonce: the link is
//! looped, which says nothing of the address, so we go on asking.

use std::collections::VecDeque;
use std::net::Ipv6Addr;
use std::time::Duration;

use base::{Cx, Instant, Mac};

use crate::wire::{NONCE_LEN, Nonce};
use crate::xray::Seen;

/// How many addresses an interface may have, its own and those that routers made it make.
pub(crate) const ADDRESSES_MAX: usize = 128;

/// How often it is asked whether anybody has an address. (RFC 4862 §5.1: DupAddrDetectTransmits)
const PROBES: u32 = 1;

/// How often more, when a question came back. (RFC 7527 §4.2, RFC 4861 §10: MAX_MULTICAST_SOLICIT)
const PROBES_AGAIN: u32 = 3;

/// The least, random time before the first question. (RFC 4861 §10: MAX_RTR_SOLICITATION_DELAY)
const DELAY_MAX: Duration = Duration::from_secs(1);

/// How often everybody is told that an address is ours. (RFC 4861 §10: at most three)
const ANNOUNCEMENTS: u32 = 2;

/// How an address is taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Claim {
    /// Ask first, and use it when nobody has answered, within two seconds. (RFC 4862 §5.4)
    Probe,
    /// Use it at once, and let go of it if somebody answers. (RFC 4429)
    Optimistic,
    /// It is ours, and nobody is asked or told.
    Silent,
}

base::states! {
    /// How far we are in taking an address.
    pub(crate) enum Phase {
        /// We ask whether somebody has it.
        Tentative,
        /// We ask, and use it already.
        Optimistic,
        /// It is ours, and everybody is being told.
        Announcing,
        /// It is ours.
        Held,
    }
    /// Nobody has answered.
    take: Tentative | Optimistic => Announcing;
    /// Everybody has been told, or is not to be.
    settle: Tentative | Announcing => Held;
}

/// What an address is to us.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// Nothing.
    NotOurs,
    /// We ask whether somebody has it.
    Tentative,
    /// We use it, but are not sure yet.
    Optimistic,
    /// It is ours.
    Held,
}

/// What is to be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outgoing {
    /// Ask, as nobody, whether somebody has `target`.
    Probe {
        /// The address.
        target: Ipv6Addr,
        /// By which we know the question again.
        nonce: Nonce,
    },
    /// Tell everybody that `target` is ours.
    Announcement {
        /// The address.
        target: Ipv6Addr,
    },
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The address may be used. An optimistic one may be lost later.
    Taken {
        /// The address.
        ip: Ipv6Addr,
    },
    /// Somebody else has it.
    Lost {
        /// The address.
        ip: Ipv6Addr,
        /// Who, if they said so; otherwise unspecified.
        to: Mac,
    },
}

/// The addresses of one interface.
#[derive(Debug)]
pub struct Claims {
    /// In the order in which they came.
    claims: Vec<Claimed>,
    /// How long to wait for an answer. (RFC 4861 §10: RetransTimer)
    retrans: Duration,
    outgoing: VecDeque<Outgoing>,
    outcomes: VecDeque<Outcome>,
    /// The first of all `next`.
    next: Option<Instant>,
}

#[derive(Debug)]
struct Claimed {
    ip: Ipv6Addr,
    phase: Phase,
    /// Questions or announcements sent, and how many there will be.
    sent: u32,
    planned: u32,
    nonce: Nonce,
    next: Option<Instant>,
}

impl Claims {
    /// No addresses yet; `retrans` is how long to wait for an answer.
    pub const fn new(retrans: Duration) -> Self {
        Self {
            claims: Vec::new(),
            retrans,
            outgoing: VecDeque::new(),
            outcomes: VecDeque::new(),
            next: None,
        }
    }

    /// Somebody asks, as nobody, whether anybody has `target`: they want it too.
    ///
    /// RFC 4862 §5.4.3: while we ask the same, it is nobody's. Whether it was about an address that is
    /// not ours yet; who holds one answers instead.
    pub fn handle_probe(
        &mut self,
        cx: &mut Cx<'_>,
        target: Ipv6Addr,
        nonce: Option<Nonce>,
        from: Mac,
    ) -> bool {
        let retrans = self.retrans;
        let Some(claim) = self.claims.iter_mut().find(|claim| claim.ip == target) else {
            return false;
        };
        if !claim.is_asked_for() {
            return false;
        }
        // RFC 7527 §4.2: it is our own question, so ask again, and again while they come back.
        if claim.sent > 0 && nonce == Some(claim.nonce) {
            claim.planned = claim.sent + PROBES_AGAIN;
            claim.next = Some(cx.now().after(retrans));
            cx.note(|| Seen::ProbeCameBack { target });
        } else {
            self.lose(cx, target, from);
        }
        self.plan();
        true
    }

    /// Somebody says that `target` is theirs. Whether it is ours, or was to be.
    ///
    /// RFC 4862 §5.4.4: what is tentative is lost. An address that we hold is kept: who says so last
    /// would otherwise take any address from anybody (§5.4.5 leaves that to the operator).
    pub fn handle_advertisement(&mut self, cx: &mut Cx<'_>, target: Ipv6Addr, from: Mac) -> bool {
        let Some(claim) = self.claims.iter().find(|claim| claim.ip == target) else {
            return false;
        };
        if claim.is_asked_for() {
            self.lose(cx, target, from);
            self.plan();
        } else {
            cx.note(|| Seen::AddressDisputed { address: target, by: from });
        }
        true
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        if self.next.is_none_or(|next| next > cx.now()) {
            return;
        }
        for claim in &mut self.claims {
            if claim.next.is_some_and(|next| next <= cx.now()) {
                let (sent, outcome) = claim.go_on(cx, self.retrans);
                self.outgoing.extend(sent);
                self.outcomes.extend(outcome);
            }
        }
        self.plan();
    }

    /// Takes an address; whether there was room, and it was not taken before. `is_first`: nothing
    /// was sent yet, or many hosts begin at the same time.
    #[must_use]
    pub fn add(&mut self, cx: &mut Cx<'_>, ip: Ipv6Addr, how: Claim, is_first: bool) -> bool {
        if self.claims.len() >= ADDRESSES_MAX || self.claims.iter().any(|claim| claim.ip == ip) {
            return false;
        }
        let (mut phase, mut next) = (Phase::Tentative, Some(cx.now()));
        match how {
            // RFC 4862 §5.4.2: not all at once.
            Claim::Probe if is_first => next = Some(cx.now().after(random_below(cx, DELAY_MAX))),
            Claim::Probe => {}
            Claim::Optimistic => phase = Phase::Optimistic,
            Claim::Silent => {
                phase.settle();
                next = None;
            }
        }
        if how != Claim::Probe {
            self.outcomes.push_back(Outcome::Taken { ip });
        }
        let nonce = [0; NONCE_LEN];
        self.claims.push(Claimed { ip, phase, sent: 0, planned: PROBES, nonce, next });
        self.plan();
        self.handle_timeout(cx);
        true
    }

    /// Lets go of an address.
    pub fn remove(&mut self, ip: Ipv6Addr) {
        self.claims.retain(|claim| claim.ip != ip);
        self.plan();
    }

    /// How long to wait for an answer from now on.
    pub const fn set_retrans(&mut self, retrans: Duration) {
        self.retrans = retrans;
    }

    /// The next message to send, if any. What is not ours any more is told to nobody.
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<Outgoing> {
        while let Some(next) = self.outgoing.pop_front() {
            let (Outgoing::Probe { target, .. } | Outgoing::Announcement { target }) = next;
            if self.standing(target) != Standing::NotOurs {
                return Some(next);
            }
        }
        None
    }

    /// Whether there is a message to send.
    #[inline]
    #[must_use]
    pub fn has_transmit(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// What became of the next claim, if anything.
    #[must_use]
    pub fn poll_outcome(&mut self) -> Option<Outcome> {
        self.outcomes.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if ever.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    /// What `ip` is to us.
    pub fn standing(&self, ip: Ipv6Addr) -> Standing {
        let claim = self.claims.iter().find(|claim| claim.ip == ip);
        claim.map_or(Standing::NotOurs, |claim| match claim.phase {
            Phase::Tentative => Standing::Tentative,
            Phase::Optimistic => Standing::Optimistic,
            Phase::Announcing | Phase::Held => Standing::Held,
        })
    }

    fn lose(&mut self, cx: &mut Cx<'_>, ip: Ipv6Addr, to: Mac) {
        self.claims.retain(|claim| claim.ip != ip);
        cx.note(|| Seen::AddressLost { address: ip, to });
        self.outcomes.push_back(Outcome::Lost { ip, to });
    }

    fn plan(&mut self) {
        self.next = self.claims.iter().filter_map(|claim| claim.next).min();
    }
}

impl Claimed {
    const fn is_asked_for(&self) -> bool {
        matches!(self.phase, Phase::Tentative | Phase::Optimistic)
    }

    /// What is due: a question, that nobody has answered them all, or an announcement.
    fn go_on(&mut self, cx: &mut Cx<'_>, retrans: Duration) -> (Option<Outgoing>, Option<Outcome>) {
        let (ip, target) = (self.ip, self.ip);
        self.next = Some(cx.now().after(retrans));
        let mut outcome = None;
        if self.is_asked_for() {
            if self.sent < self.planned {
                self.sent += 1;
                let nth = self.sent;
                cx.note(|| Seen::ProbeOut { target, nth });
                self.nonce = std::array::from_fn(|_| cx.random_below(256) as u8);
                return (Some(Outgoing::Probe { target, nonce: self.nonce }), None);
            }
            if self.phase == Phase::Tentative {
                outcome = Some(Outcome::Taken { ip });
            }
            self.phase.take();
            self.sent = 0;
            cx.note(|| Seen::AddressTaken { address: ip });
        }
        // RFC 4861 §7.2.6: whoever remembers another's place for it learns of ours.
        self.sent += 1;
        if self.sent >= ANNOUNCEMENTS {
            self.phase.settle();
            self.next = None;
        }
        (Some(Outgoing::Announcement { target }), outcome)
    }
}

pub(crate) fn random_below(cx: &mut Cx<'_>, limit: Duration) -> Duration {
    Duration::from_millis(cx.random_below(limit.as_millis() as u32).into())
}
