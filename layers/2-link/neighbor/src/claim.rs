//! Our own addresses, and whether somebody else has them too. (RFC 5227)
//!
//! An address is *probed* (nobody's address asks for it) before it is used, *announced* when it is
//! taken, and *held* from then on. Somebody else who uses it is answered with one announcement; if
//! that does not help, we let go of it, or not: that is [`Defence`].

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;

use base::{Cx, Instant, Mac};

use crate::wire::{Operation, Packet};
use crate::xray::{Seen, Why};

/// How many addresses an interface may have.
pub(crate) const ADDRESSES_MAX: usize = 64;

/// RFC 5227 §1.1: the least, random part of the time before the first probe.
const PROBE_WAIT: Duration = Duration::from_secs(1);
/// RFC 5227 §1.1: how many probes.
const PROBE_NUM: u32 = 3;
/// RFC 5227 §1.1: between two probes at least this, and up to PROBE_MAX of two seconds.
const PROBE_MIN: Duration = Duration::from_secs(1);
/// RFC 5227 §1.1: from the last probe to the first announcement.
const ANNOUNCE_WAIT: Duration = Duration::from_secs(2);
/// RFC 5227 §1.1: how many announcements.
const ANNOUNCE_NUM: u32 = 2;
/// RFC 5227 §1.1: between two announcements.
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(2);
/// RFC 5227 §1.1: after this many conflicts, probing begins no more than once in
/// [`RATE_LIMIT_INTERVAL`].
const MAX_CONFLICTS: u32 = 10;
/// RFC 5227 §1.1: see [`MAX_CONFLICTS`].
const RATE_LIMIT_INTERVAL: Duration = Duration::from_secs(60);
/// RFC 5227 §1.1: how long after a defence another conflict means that it did not help.
const DEFEND_INTERVAL: Duration = Duration::from_secs(10);

/// How an address is taken.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Claim {
    /// Ask first whether somebody has it; it is ours after about six seconds. (RFC 5227 §2.1.1)
    #[default]
    Probe,
    /// It is ours, and everybody is told. (RFC 5227 §2.3)
    Announce,
    /// It is ours, and nobody is told.
    Silent,
    /// It is ours for as long as another host behind the same hardware address has it: nobody is told, and
    /// whoever else uses it is for that host to deal with, since only one may speak for a station.
    Follow,
}

/// What to do when somebody else uses an address of ours. (RFC 5227 §2.4)
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Defence {
    /// Let go of it at once: (a).
    Never,
    /// Defend it once, and let go if that does not help: (b).
    Once,
    /// Keep it whatever happens: (c), for who has an address by which it must be found.
    Always,
}

base::states! {
    /// How far we are in taking an address.
    pub(crate) enum Phase {
        /// We ask whether somebody has it.
        Probing,
        /// It is ours, and everybody is being told.
        Announcing,
        /// It is ours.
        Held,
    }
    /// Nobody has answered.
    take: Probing => Announcing;
    /// Everybody has been told.
    settle: Announcing => Held;
}

/// The addresses of one interface.
#[derive(Debug)]
pub struct Claims {
    mac: Mac,
    defence: Defence,
    /// In the order in which they came: the first is the one that speaks when any may.
    claims: Vec<Claimed>,
    conflicts: u32,
    outgoing: VecDeque<Packet>,
    outcomes: VecDeque<Outcome>,
}

#[derive(Debug)]
struct Claimed {
    ip: Ipv4Addr,
    phase: Phase,
    /// Probes or announcements sent in this phase.
    sent: u32,
    next: Option<Instant>,
    defended: Option<Instant>,
    /// Whether another host deals with who else uses it.
    follows: bool,
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Taken { ip: Ipv4Addr },
    Lost { ip: Ipv4Addr, to: Mac },
}

impl Claims {
    pub(crate) const fn new(mac: Mac, defence: Defence) -> Self {
        Self {
            mac,
            defence,
            claims: Vec::new(),
            conflicts: 0,
            outgoing: VecDeque::new(),
            outcomes: VecDeque::new(),
        }
    }

    /// Takes a packet of somebody else; whether it said that they have an address of ours.
    pub(crate) fn handle_arp(&mut self, cx: &mut Cx<'_>, packet: &Packet) -> bool {
        let (from, ip) = packet.sender;
        // RFC 5227 §2.1.1: while we probe, another's probe for the same address counts too.
        let target = packet.target.1;
        let conflict = self.claims.iter().position(|claim| {
            claim.ip == ip
                || (claim.phase == Phase::Probing && packet.is_probe() && claim.ip == target)
        });
        if let Some(at) = conflict {
            self.handle_conflict(cx, at, from);
        }
        conflict.is_some()
    }

    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        let mac = self.mac;
        for claim in &mut self.claims {
            if claim.next.is_none_or(|next| next > cx.now()) {
                continue;
            }
            if claim.phase == Phase::Probing && claim.sent == PROBE_NUM {
                claim.phase.take();
                claim.sent = 0;
                self.outcomes.push_back(Outcome::Taken { ip: claim.ip });
            }
            self.outgoing.extend(claim.speak(cx, mac));
        }
    }

    /// Takes an address; whether there was room.
    pub(crate) fn add(&mut self, cx: &mut Cx<'_>, ip: Ipv4Addr, how: Claim) -> bool {
        if self.claims.len() >= ADDRESSES_MAX || self.claims.iter().any(|claim| claim.ip == ip) {
            return false;
        }
        let (phase, follows) = (Phase::Probing, how == Claim::Follow);
        let mut claim = Claimed { ip, phase, sent: 0, next: None, defended: None, follows };
        match how {
            Claim::Probe => {
                // RFC 5227 §2.1.1: not all at once after the power came back.
                let mut wait = random_below(cx, PROBE_WAIT);
                if self.conflicts >= MAX_CONFLICTS {
                    wait = RATE_LIMIT_INTERVAL;
                }
                claim.next = Some(cx.now().after(wait));
            }
            Claim::Announce => {
                claim.phase.take();
                claim.next = Some(cx.now());
            }
            Claim::Silent | Claim::Follow => {
                claim.phase.take();
                claim.phase.settle();
            }
        }
        if how != Claim::Probe {
            self.outcomes.push_back(Outcome::Taken { ip });
        }
        self.claims.push(claim);
        self.handle_timeout(cx);
        true
    }

    pub(crate) fn remove(&mut self, ip: Ipv4Addr) {
        self.claims.retain(|claim| claim.ip != ip);
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Packet> {
        self.outgoing.pop_front()
    }

    pub(crate) fn poll_outcome(&mut self) -> Option<Outcome> {
        self.outcomes.pop_front()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.claims.iter().filter_map(|claim| claim.next).min()
    }

    /// Whether `ip` is ours, and may be used.
    pub fn has(&self, ip: Ipv4Addr) -> bool {
        self.claims.iter().any(|claim| claim.ip == ip && claim.phase != Phase::Probing)
    }

    fn handle_conflict(&mut self, cx: &mut Cx<'_>, at: usize, from: Mac) {
        let Some(claim) = self.claims.get_mut(at) else { return };
        let ip = claim.ip;
        if claim.follows {
            return cx.note(|| Seen::Dropped { from: ip.into(), why: Why::AnotherDefends });
        }
        self.conflicts += 1;
        let before = claim.defended;
        let helped = before.is_none_or(|at| cx.now().since(at) >= DEFEND_INTERVAL);
        let keep = match self.defence {
            _ if claim.phase == Phase::Probing => false,
            Defence::Never => false,
            Defence::Once => helped,
            Defence::Always => true,
        };
        if !keep {
            self.claims.remove(at);
            cx.note(|| Seen::AddressLost { ip, to: from });
            return self.outcomes.push_back(Outcome::Lost { ip, to: from });
        }
        if helped {
            // RFC 5227 §2.4: one announcement, and at most one in DEFEND_INTERVAL, or two who are
            // both sure would never stop.
            claim.defended = Some(cx.now());
            cx.note(|| Seen::Defended { ip, against: from });
            self.outgoing.push_back(announcement(self.mac, ip));
        } else {
            cx.note(|| Seen::Dropped { from: ip.into(), why: Why::DefendedLately });
        }
    }
}

impl Claimed {
    /// The next probe or announcement, if the phase has one.
    fn speak(&mut self, cx: &mut Cx<'_>, mac: Mac) -> Option<Packet> {
        let ip = self.ip;
        self.sent += 1;
        let nth = self.sent;
        match self.phase {
            Phase::Probing => {
                let wait = if self.sent < PROBE_NUM {
                    PROBE_MIN + random_below(cx, PROBE_MIN)
                } else {
                    ANNOUNCE_WAIT
                };
                self.next = Some(cx.now().after(wait));
                cx.note(|| Seen::Probed { ip, nth });
                Some(probe(mac, ip))
            }
            Phase::Announcing => {
                self.next = Some(cx.now().after(ANNOUNCE_INTERVAL));
                if self.sent == ANNOUNCE_NUM {
                    self.phase.settle();
                    self.next = None;
                }
                cx.note(|| Seen::Announced { ip, nth });
                Some(announcement(mac, ip))
            }
            Phase::Held => {
                self.next = None;
                None
            }
        }
    }
}

/// RFC 5227 §1.1: a request in which nobody asks for the address.
const fn probe(mac: Mac, ip: Ipv4Addr) -> Packet {
    Packet {
        operation: Operation::Request,
        sender: (mac, Ipv4Addr::UNSPECIFIED),
        target: (Mac::UNSPECIFIED, ip),
    }
}

/// RFC 5227 §3: a request for our own address, which needs no answer.
const fn announcement(mac: Mac, ip: Ipv4Addr) -> Packet {
    Packet { operation: Operation::Request, sender: (mac, ip), target: (Mac::UNSPECIFIED, ip) }
}

fn random_below(cx: &mut Cx<'_>, limit: Duration) -> Duration {
    Duration::from_millis(cx.random_below(limit.as_millis() as u32).into())
}
