//! Who our neighbours are, and how sure we are of it. (RFC 4861 §7.3)
//!
//! A neighbour that was confirmed lately is `Reachable`. When the confirmation has grown old it is
//! `Stale`: still used, and the first packet starts a `Delay` in which a sign of life from above
//! (an acknowledgement, say) is enough. Without one the neighbour itself is asked (`Probe`), and who
//! does not answer is looked for anew. `Stale` costs no timer, so neighbours that nobody talks to
//! cost nothing but their place.
//!
//! The table is bounded (`table.rs`): strangers who fill it can only drive out entries that nobody has
//! confirmed or that have grown stale.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use base::{Bucket, Cx, Instant, Key, Mac, SipKey, TxBuf};

use crate::config::Config;
use crate::state::State;
use crate::table::{Entry, Room, Table};
use crate::xray::{Seen, Why};

/// What is known of a neighbour now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// Send it there.
    Known(Mac),
    /// Everybody is being asked: [`Cache::hold`] the packet.
    Wait,
    /// Nobody is there.
    Unreachable,
}

/// What somebody has said about an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Heard {
    /// An answer to our question. (RFC 4861 §7.2.5, Solicited set)
    Answer,
    /// It was told to everybody. (RFC 4861 §7.2.6, RFC 5227 §3)
    News {
        /// Whether it replaces another address that we had.
        overrides: bool,
    },
    /// The sender of a question to us said where it is itself. (RFC 826, RFC 4861 §7.2.3)
    Question,
}

/// What an advertisement of neighbour discovery says. (RFC 4861 §4.4)
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Advertised {
    /// Where its sender is, if it says so.
    pub mac: Option<Mac>,
    /// Whether it answers a question of ours (S).
    pub is_solicited: bool,
    /// Whether it replaces another address that we had (O).
    pub overrides: bool,
}

/// A question that is to be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lookup {
    /// Who is looked for.
    pub target: IpAddr,
    /// Which of our addresses asks.
    pub source: IpAddr,
    /// The neighbour itself, when only a confirmation is asked for; otherwise everybody.
    pub to: Option<Mac>,
}

/// The neighbours of one interface.
#[derive(Debug)]
pub struct Cache {
    config: Config,
    table: Table,
    lookups: VecDeque<Lookup>,
    found: VecDeque<(Mac, TxBuf)>,
    lost: VecDeque<(IpAddr, Option<TxBuf>)>,
    waiting_bytes: usize,
    questions: Bucket,
}

impl Cache {
    /// A cache that knows nobody yet. The key is a secret, for strangers must not choose which
    /// neighbours fall together.
    pub fn new(config: Config, key: SipKey) -> Self {
        Self {
            config,
            table: Table::new(config.neighbors_max, key),
            lookups: VecDeque::new(),
            found: VecDeque::new(),
            lost: VecDeque::new(),
            waiting_bytes: 0,
            questions: Bucket::new(config.questions_per_second, config.questions_per_second),
        }
    }

    /// Takes in where somebody said an address is.
    pub fn handle_heard(&mut self, cx: &mut Cx<'_>, ip: IpAddr, mac: Mac, heard: Heard) {
        let Some((key, entry)) = self.table.find_mut(ip) else {
            return match heard {
                Heard::Question => self.admit_stranger(cx, ip, mac),
                // RFC 4861 §7.2.5: what nobody here has asked for makes no entry.
                Heard::Answer | Heard::News { .. } => {
                    cx.note(|| Seen::Dropped { from: ip, why: Why::NobodyAsked });
                }
            };
        };
        if entry.state == State::Permanent {
            return cx.note(|| Seen::Dropped { from: ip, why: Why::EntryIsPermanent });
        }
        let is_new = !entry.has_mac() || entry.mac != mac;
        let replaces = !matches!(heard, Heard::News { overrides: false });
        if is_new && entry.has_mac() && !replaces {
            // RFC 4861 §7.2.5, I.: it may not replace what we have, but makes us doubt it.
            if entry.state == State::Reachable {
                self.doubt(cx, key);
            }
            return;
        }
        entry.mac = mac;
        match heard {
            Heard::Answer => self.confirm(cx, key),
            Heard::News { .. } | Heard::Question if is_new => self.doubt(cx, key),
            Heard::News { .. } | Heard::Question => {}
        }
        self.release(key);
    }

    /// Takes in an advertisement of neighbour discovery. (RFC 4861 §7.2.5)
    pub fn handle_advertisement(&mut self, cx: &mut Cx<'_>, ip: IpAddr, told: Advertised) {
        let Advertised { mac, is_solicited, overrides } = told;
        let entry = self.table.find_mut(ip);
        let why = match &entry {
            None => Some(Why::NobodyAsked),
            Some((_, entry)) if entry.state == State::Permanent => Some(Why::EntryIsPermanent),
            // Who is looked for must say where it is.
            Some((_, entry)) if !entry.has_mac() && mac.is_none() => Some(Why::SaysNotWhere),
            Some(_) => None,
        };
        if let Some(why) = why {
            return cx.note(|| Seen::Dropped { from: ip, why });
        }
        let Some((key, entry)) = entry else { return };
        let is_found = !entry.has_mac();
        let differs = mac.is_some_and(|mac| mac != entry.mac);
        if !is_found && differs && !overrides {
            // §7.2.5, I.: it may not replace what we have, but makes us doubt it.
            if entry.state == State::Reachable {
                self.doubt(cx, key);
            }
            return;
        }
        entry.mac = mac.unwrap_or(entry.mac);
        if is_solicited {
            self.confirm(cx, key);
        } else if is_found || differs {
            self.doubt(cx, key);
        }
        self.release(key);
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        while let Some(key) = self.table.pop_ended(cx.now()) {
            self.expire(cx, key);
        }
    }

    /// Where `ip` is; if that is not known, everybody is asked, by our address `source`.
    #[inline]
    pub fn resolve(&mut self, cx: &mut Cx<'_>, ip: IpAddr, source: IpAddr) -> Answer {
        let Some((key, entry)) = self.table.find_mut(ip) else {
            return self.look_for(cx, ip, source);
        };
        entry.is_used = true;
        let mac = entry.mac;
        match entry.state {
            State::Reachable | State::Permanent | State::Delay | State::Probe => Answer::Known(mac),
            State::Incomplete => Answer::Wait,
            State::Unreachable => Answer::Unreachable,
            State::Stale => {
                // RFC 4861 §7.3.3: the first packet sent to a stale neighbour starts the delay.
                entry.state.use_it();
                entry.source = source;
                let ends = cx.now().after(self.config.delay);
                self.table.schedule(key, Some(ends));
                Answer::Known(mac)
            }
        }
    }

    /// Keeps a packet until `ip` has been found; the oldest one makes room for it.
    ///
    /// RFC 1122 §2.3.2.2: at least the latest packet is kept. RFC 4861 §7.2.2: it replaces the oldest.
    pub fn hold(&mut self, cx: &mut Cx<'_>, ip: IpAddr, packet: TxBuf) {
        let Some((_, entry)) = self.table.find_mut(ip) else {
            return cx.note(|| Seen::PacketLost { to: ip, why: Why::NobodyAsked });
        };
        if entry.waiting.len() >= self.config.waiting_max
            && let Some(oldest) = entry.waiting.pop_front()
        {
            self.waiting_bytes -= oldest.memory();
            cx.note(|| Seen::PacketLost { to: ip, why: Why::TooManyWait });
        }
        if self.waiting_bytes + packet.memory() > self.config.waiting_bytes_max {
            return cx.note(|| Seen::PacketLost { to: ip, why: Why::TooManyWait });
        }
        self.waiting_bytes += packet.memory();
        entry.waiting.push_back(packet);
    }

    /// A layer above heard from `ip` because of what we sent there. (RFC 4861 §7.3.1)
    #[inline]
    pub fn handle_sign_of_life(&mut self, cx: &mut Cx<'_>, ip: IpAddr) {
        let Some((key, entry)) = self.table.find_mut(ip) else { return };
        // A fresh confirmation is not worth a new timer: the old one leads to `Stale` first.
        if let State::Stale | State::Delay | State::Probe = entry.state {
            self.confirm(cx, key);
        }
    }

    /// What an operator knows; it stays until it is [removed](Self::remove). Whether there was room.
    #[must_use]
    pub fn insert_permanent(&mut self, cx: &mut Cx<'_>, ip: IpAddr, mac: Mac) -> bool {
        let key = match self.table.find_mut(ip).map(|(key, _)| key) {
            Some(key) => key,
            None if !self.make_room(cx, false) => return false,
            None => self.table.insert(Entry::new(ip, ip, State::Permanent)),
        };
        if let Some(entry) = self.table.get_mut(key) {
            (entry.mac, entry.state) = (mac, State::Permanent);
        }
        self.table.schedule(key, None);
        self.release(key);
        cx.note(|| Seen::Learned { ip, mac, state: State::Permanent });
        true
    }

    /// For how long a confirmation counts from now on, on average, and after how long questions are
    /// repeated: routers may say so. (RFC 4861 §6.3.4)
    pub const fn set_times(&mut self, reachable: Duration, retry: Duration) {
        (self.config.reachable, self.config.retry) = (reachable, retry);
    }

    /// Forgets a neighbour; packets that wait for it are lost. Whether it was known.
    pub fn remove(&mut self, ip: IpAddr) -> bool {
        let Some((key, _)) = self.table.find_mut(ip) else { return false };
        self.drop_entry(key);
        true
    }

    /// The next question to send, if any.
    #[must_use]
    pub fn poll_lookup(&mut self) -> Option<Lookup> {
        self.lookups.pop_front()
    }

    /// The next packet whose neighbour was found, and where it is.
    #[must_use]
    pub fn poll_found(&mut self) -> Option<(Mac, TxBuf)> {
        self.found.pop_front()
    }

    /// The next neighbour that was not found, with a packet that waited for it.
    #[must_use]
    pub fn poll_lost(&mut self) -> Option<(IpAddr, Option<TxBuf>)> {
        self.lost.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if ever.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.table.next_end()
    }

    /// Every neighbour, with its address if that is known, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, Option<Mac>, State)> {
        self.table.iter().map(|entry| (entry.ip, entry.has_mac().then_some(entry.mac), entry.state))
    }

    /// Whether we have been asking for `ip`, so that an answer is one.
    pub fn is_asking(&self, ip: IpAddr) -> bool {
        let entry = self.table.find(ip);
        entry.is_some_and(|entry| matches!(entry.state, State::Incomplete | State::Probe))
    }

    fn look_for(&mut self, cx: &mut Cx<'_>, ip: IpAddr, source: IpAddr) -> Answer {
        if !self.make_room(cx, false) {
            cx.note(|| Seen::GaveUp { target: ip, why: Why::TableFull });
            return Answer::Unreachable;
        }
        let key = self.table.insert(Entry::new(ip, source, State::Incomplete));
        self.ask(cx, key);
        Answer::Wait
    }

    /// RFC 826: who asks for us will be talked to soon, so it is worth an entry.
    fn admit_stranger(&mut self, cx: &mut Cx<'_>, ip: IpAddr, mac: Mac) {
        if !self.make_room(cx, true) {
            return cx.note(|| Seen::Dropped { from: ip, why: Why::TableFull });
        }
        let mut stranger = Entry::new(ip, Ipv4Addr::UNSPECIFIED.into(), State::Stale);
        stranger.mac = mac;
        self.table.insert(stranger);
        cx.note(|| Seen::Learned { ip, mac, state: State::Stale });
    }

    /// Sends a question, and comes back when there was time for an answer.
    fn ask(&mut self, cx: &mut Cx<'_>, key: Key<Entry>) {
        let Some(entry) = self.table.get_mut(key) else { return };
        let to = (entry.state == State::Probe).then_some(entry.mac);
        // RFC 1122 §2.3.2.1: no more than one question a second for an address (`retry`), and what
        // strangers can make us ask all together is limited too.
        if to.is_some() || self.questions.take(cx.now()) {
            entry.attempts += 1;
            let (target, source, attempt) = (entry.ip, entry.source, entry.attempts);
            self.lookups.push_back(Lookup { target, source, to });
            cx.note(|| Seen::Asked { target, to, attempt });
        } else {
            let target = entry.ip;
            cx.note(|| Seen::NotAsked { target, why: Why::TooManyQuestions });
        }
        let ends = cx.now().after(self.config.retry);
        self.table.schedule(key, Some(ends));
    }

    /// What happens when a state ends.
    fn expire(&mut self, cx: &mut Cx<'_>, key: Key<Entry>) {
        let Some(entry) = self.table.get_mut(key) else { return };
        match entry.state {
            State::Reachable => self.doubt(cx, key),
            State::Delay => {
                entry.state.ask_it();
                entry.attempts = 0;
                self.ask(cx, key);
            }
            State::Probe if entry.attempts < self.config.attempts_one => self.ask(cx, key),
            State::Incomplete if entry.attempts < self.config.attempts_all => self.ask(cx, key),
            State::Probe => {
                entry.state.look_again();
                entry.attempts = 0;
                self.ask(cx, key);
            }
            State::Incomplete => self.give_up(cx, key),
            State::Unreachable => self.drop_entry(key),
            State::Stale | State::Permanent => {}
        }
    }

    fn confirm(&mut self, cx: &mut Cx<'_>, key: Key<Entry>) {
        let Some(entry) = self.table.get_mut(key) else { return };
        entry.state.confirm();
        entry.attempts = 0;
        let (ip, mac, state) = (entry.ip, entry.mac, entry.state);
        cx.note(|| Seen::Learned { ip, mac, state });
        let ends = cx.now().after(self.reachable_time(cx));
        self.table.schedule(key, Some(ends));
    }

    fn doubt(&mut self, cx: &mut Cx<'_>, key: Key<Entry>) {
        let Some(entry) = self.table.get_mut(key) else { return };
        entry.state.doubt();
        entry.attempts = 0;
        let (ip, mac, state) = (entry.ip, entry.mac, entry.state);
        cx.note(|| Seen::Learned { ip, mac, state });
        self.table.schedule(key, None);
    }

    fn give_up(&mut self, cx: &mut Cx<'_>, key: Key<Entry>) {
        let Some(entry) = self.table.get_mut(key) else { return };
        entry.state.give_up();
        let ip = entry.ip;
        self.waiting_bytes -= entry.waiting_bytes();
        let waiting = std::mem::take(&mut entry.waiting);
        cx.note(|| Seen::GaveUp { target: ip, why: Why::NobodyAnswered });
        // RFC 4861 §7.2.2: whoever sent these is told.
        if waiting.is_empty() {
            self.lost.push_back((ip, None));
        }
        self.lost.extend(waiting.into_iter().map(|packet| (ip, Some(packet))));
        let ends = cx.now().after(self.config.unreachable);
        self.table.schedule(key, Some(ends));
    }

    /// RFC 4861 §6.3.2: between half and one and a half times the base, so that hosts that began
    /// together do not ask together.
    fn reachable_time(&self, cx: &mut Cx<'_>) -> Duration {
        self.config.reachable / 2 + self.config.reachable / 1000 * cx.random_below(1000)
    }

    /// Packets that waited may go now.
    fn release(&mut self, key: Key<Entry>) {
        let Some(entry) = self.table.get_mut(key) else { return };
        let mac = entry.mac;
        for packet in entry.waiting.drain(..) {
            self.waiting_bytes -= packet.memory();
            self.found.push_back((mac, packet));
        }
    }

    fn drop_entry(&mut self, key: Key<Entry>) {
        if let Some(entry) = self.table.remove(key) {
            self.waiting_bytes -= entry.waiting_bytes();
        }
    }

    /// Finds a place for a new entry; whether there is one.
    fn make_room(&mut self, cx: &mut Cx<'_>, for_stranger: bool) -> bool {
        match self.table.make_room(for_stranger) {
            Room::Free => true,
            Room::Full => false,
            Room::Instead(entry) => {
                let to = entry.ip;
                (0..entry.waiting.len()).for_each(|_| {
                    cx.note(|| Seen::PacketLost { to, why: Why::TableFull });
                });
                self.waiting_bytes -= entry.waiting_bytes();
                true
            }
        }
    }
}
