//! Who our neighbours are, and how sure we are of it. (RFC 4861 §7.3)
//!
//! A neighbour that was confirmed lately is `Reachable`. When the confirmation has grown old it is
//! `Stale`: still used, and the first packet starts a `Delay` in which a sign of life from above
//! (an acknowledgement, say) is enough. Without one the neighbour itself is asked (`Probe`), and who
//! does not answer is looked for anew. `Stale` costs no timer, so neighbours that nobody talks to
//! cost nothing but their place.
//!
//! The table is bounded. A place for a new entry is found by a hand that goes around (a *clock*): it
//! passes over who was used since it last came by. Strangers who fill it can only drive out entries
//! that nobody has confirmed or that have grown stale.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use base::{Arena, Bucket, Cx, Instant, Key, Mac, SipKey, TxBuf};

use crate::config::Config;
use crate::xray::{Seen, Why};

/// How many entries the hand looks at before it gives up: a bound on the work that one frame causes.
const LOOKS_MAX: usize = 16;

base::states! {
    /// How sure we are of a neighbour's hardware address. (RFC 4861 §7.3.2)
    pub enum State {
        /// Everybody is being asked; there is no address yet.
        Incomplete,
        /// Confirmed lately.
        Reachable,
        /// Confirmed some time ago, or said by somebody whom we did not ask.
        Stale,
        /// Used while stale; a sign of life from above may still come.
        Delay,
        /// The neighbour itself is being asked.
        Probe,
        /// Nobody answered; nobody is asked again for a while.
        Unreachable,
        /// An operator has said so.
        Permanent,
    }
    /// The neighbour answered us, or a layer above heard from it because of what we sent.
    confirm: Incomplete | Reachable | Stale | Delay | Probe | Unreachable => Reachable;
    /// Somebody told us the address without having been asked, or the confirmation grew old.
    doubt: Incomplete | Reachable | Stale | Delay | Probe | Unreachable => Stale;
    /// A packet was sent there.
    use_it: Stale => Delay;
    /// No sign of life came.
    ask_it: Delay => Probe;
    /// The neighbour itself did not answer; it may have got another address.
    look_again: Probe => Incomplete;
    /// Nobody answered.
    give_up: Incomplete => Unreachable;
}

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
    index: HashMap<IpAddr, Key<Entry>, SipKey>,
    entries: Arena<Entry>,
    timers: BTreeSet<(Instant, Key<Entry>)>,
    lookups: VecDeque<Lookup>,
    found: VecDeque<(Mac, TxBuf)>,
    lost: VecDeque<(IpAddr, Option<TxBuf>)>,
    waiting_bytes: usize,
    questions: Bucket,
    hand: u32,
}

#[derive(Debug)]
struct Entry {
    ip: IpAddr,
    /// Which of our addresses asks for it.
    source: IpAddr,
    mac: Mac,
    state: State,
    attempts: u32,
    /// When the state ends, as it stands in `timers`.
    ends: Option<Instant>,
    /// Whether it was used since the hand came by.
    is_used: bool,
    waiting: VecDeque<TxBuf>,
}

impl Cache {
    /// A cache that knows nobody yet. The key is a secret, for strangers must not choose which
    /// neighbours fall together.
    pub fn new(config: Config, key: SipKey) -> Self {
        Self {
            config,
            index: HashMap::with_hasher(key),
            entries: Arena::new(),
            timers: BTreeSet::new(),
            lookups: VecDeque::new(),
            found: VecDeque::new(),
            lost: VecDeque::new(),
            waiting_bytes: 0,
            questions: Bucket::new(config.questions_per_second, config.questions_per_second),
            hand: 0,
        }
    }

    /// Takes in where somebody said an address is.
    pub fn handle_heard(&mut self, cx: &mut Cx<'_>, ip: IpAddr, mac: Mac, heard: Heard) {
        let Some(&key) = self.index.get(&ip) else {
            return match heard {
                Heard::Question => self.admit_stranger(cx, ip, mac),
                // RFC 4861 §7.2.5: what nobody here has asked for makes no entry.
                Heard::Answer | Heard::News { .. } => {
                    cx.note(|| Seen::Dropped { from: ip, why: Why::NobodyAsked });
                }
            };
        };
        let Some(entry) = self.entries.get_mut(key) else { return };
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
        let entry = self.index.get(&ip).and_then(|&key| Some((key, self.entries.get(key)?)));
        let why = match entry {
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
        if let (Some(entry), Some(mac)) = (self.entries.get_mut(key), mac) {
            entry.mac = mac;
        }
        if is_solicited {
            self.confirm(cx, key);
        } else if is_found || differs {
            self.doubt(cx, key);
        }
        self.release(key);
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        while let Some(&(at, key)) = self.timers.first() {
            if at > cx.now() {
                break;
            }
            self.timers.pop_first();
            self.expire(cx, key);
        }
    }

    /// Where `ip` is; if that is not known, everybody is asked, by our address `source`.
    #[inline]
    pub fn resolve(&mut self, cx: &mut Cx<'_>, ip: IpAddr, source: IpAddr) -> Answer {
        let entry = self.index.get(&ip).and_then(|&key| Some((key, self.entries.get_mut(key)?)));
        let Some((key, entry)) = entry else { return self.look_for(cx, ip, source) };
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
                self.schedule(key, Some(ends));
                Answer::Known(mac)
            }
        }
    }

    /// Keeps a packet until `ip` has been found; the oldest one makes room for it.
    ///
    /// RFC 1122 §2.3.2.2: at least the latest packet is kept. RFC 4861 §7.2.2: it replaces the oldest.
    pub fn hold(&mut self, cx: &mut Cx<'_>, ip: IpAddr, packet: TxBuf) {
        let key = self.index.get(&ip).copied();
        let Some(entry) = key.and_then(|key| self.entries.get_mut(key)) else {
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
        let Some(&key) = self.index.get(&ip) else { return };
        // A fresh confirmation is not worth a new timer: the old one leads to `Stale` first.
        let state = self.entries.get(key).map(|entry| entry.state);
        if let Some(State::Stale | State::Delay | State::Probe) = state {
            self.confirm(cx, key);
        }
    }

    /// What an operator knows; it stays until it is [removed](Self::remove). Whether there was room.
    #[must_use]
    pub fn insert_permanent(&mut self, cx: &mut Cx<'_>, ip: IpAddr, mac: Mac) -> bool {
        let key = match self.index.get(&ip).copied() {
            Some(key) => key,
            None if !self.make_room(cx, false) => return false,
            None => self.insert(ip, ip, State::Permanent),
        };
        if let Some(entry) = self.entries.get_mut(key) {
            (entry.mac, entry.state) = (mac, State::Permanent);
        }
        self.schedule(key, None);
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
        let Some(key) = self.index.get(&ip).copied() else { return false };
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
        self.timers.first().map(|(at, _)| *at)
    }

    /// Every neighbour, with its address if that is known, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, Option<Mac>, State)> {
        self.entries
            .iter()
            .map(|(_, entry)| (entry.ip, entry.has_mac().then_some(entry.mac), entry.state))
    }

    /// Whether we have been asking for `ip`, so that an answer is one.
    pub fn is_asking(&self, ip: IpAddr) -> bool {
        let entry = self.index.get(&ip).and_then(|&key| self.entries.get(key));
        entry.is_some_and(|entry| matches!(entry.state, State::Incomplete | State::Probe))
    }

    fn look_for(&mut self, cx: &mut Cx<'_>, ip: IpAddr, source: IpAddr) -> Answer {
        if !self.make_room(cx, false) {
            cx.note(|| Seen::GaveUp { target: ip, why: Why::TableFull });
            return Answer::Unreachable;
        }
        let key = self.insert(ip, source, State::Incomplete);
        self.ask(cx, key);
        Answer::Wait
    }

    /// RFC 826: who asks for us will be talked to soon, so it is worth an entry.
    fn admit_stranger(&mut self, cx: &mut Cx<'_>, ip: IpAddr, mac: Mac) {
        if !self.make_room(cx, true) {
            return cx.note(|| Seen::Dropped { from: ip, why: Why::TableFull });
        }
        let key = self.insert(ip, Ipv4Addr::UNSPECIFIED.into(), State::Stale);
        if let Some(entry) = self.entries.get_mut(key) {
            entry.mac = mac;
        }
        cx.note(|| Seen::Learned { ip, mac, state: State::Stale });
    }

    fn insert(&mut self, ip: IpAddr, source: IpAddr, state: State) -> Key<Entry> {
        let key = self.entries.insert(Entry {
            ip,
            source,
            mac: Mac::UNSPECIFIED,
            state,
            attempts: 0,
            ends: None,
            is_used: true,
            waiting: VecDeque::new(),
        });
        self.index.insert(ip, key);
        key
    }

    /// Sends a question, and comes back when there was time for an answer.
    fn ask(&mut self, cx: &mut Cx<'_>, key: Key<Entry>) {
        let Some(entry) = self.entries.get_mut(key) else { return };
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
        self.schedule(key, Some(ends));
    }

    /// What happens when a state ends.
    fn expire(&mut self, cx: &mut Cx<'_>, key: Key<Entry>) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.ends = None;
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
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.state.confirm();
        entry.attempts = 0;
        let (ip, mac, state) = (entry.ip, entry.mac, entry.state);
        cx.note(|| Seen::Learned { ip, mac, state });
        let ends = cx.now().after(self.reachable_time(cx));
        self.schedule(key, Some(ends));
    }

    fn doubt(&mut self, cx: &mut Cx<'_>, key: Key<Entry>) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.state.doubt();
        entry.attempts = 0;
        let (ip, mac, state) = (entry.ip, entry.mac, entry.state);
        cx.note(|| Seen::Learned { ip, mac, state });
        self.schedule(key, None);
    }

    fn give_up(&mut self, cx: &mut Cx<'_>, key: Key<Entry>) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.state.give_up();
        let (ip, waiting) = (entry.ip, std::mem::take(&mut entry.waiting));
        cx.note(|| Seen::GaveUp { target: ip, why: Why::NobodyAnswered });
        // RFC 4861 §7.2.2: whoever sent these is told.
        self.waiting_bytes -= waiting.iter().map(TxBuf::memory).sum::<usize>();
        if waiting.is_empty() {
            self.lost.push_back((ip, None));
        }
        self.lost.extend(waiting.into_iter().map(|packet| (ip, Some(packet))));
        let ends = cx.now().after(self.config.unreachable);
        self.schedule(key, Some(ends));
    }

    /// RFC 4861 §6.3.2: between half and one and a half times the base, so that hosts that began
    /// together do not ask together.
    fn reachable_time(&self, cx: &mut Cx<'_>) -> Duration {
        self.config.reachable / 2 + self.config.reachable / 1000 * cx.random_below(1000)
    }

    /// Packets that waited may go now.
    fn release(&mut self, key: Key<Entry>) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let mac = entry.mac;
        for packet in entry.waiting.drain(..) {
            self.waiting_bytes -= packet.memory();
            self.found.push_back((mac, packet));
        }
    }

    fn schedule(&mut self, key: Key<Entry>, ends: Option<Instant>) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        if let Some(before) = std::mem::replace(&mut entry.ends, ends) {
            self.timers.remove(&(before, key));
        }
        self.timers.extend(ends.map(|at| (at, key)));
    }

    fn drop_entry(&mut self, key: Key<Entry>) {
        self.schedule(key, None);
        let Some(entry) = self.entries.remove(key) else { return };
        self.index.remove(&entry.ip);
        self.waiting_bytes -= entry.waiting.iter().map(TxBuf::memory).sum::<usize>();
    }

    /// Finds a place for a new entry; whether there is one.
    fn make_room(&mut self, cx: &mut Cx<'_>, for_stranger: bool) -> bool {
        if self.entries.len() < self.config.neighbors_max {
            return true;
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
        let Some((_, key)) = worst else { return false };
        if let Some(entry) = self.entries.get(key) {
            let to = entry.ip;
            (0..entry.waiting.len()).for_each(|_| {
                cx.note(|| Seen::PacketLost { to, why: Why::TableFull });
            });
        }
        self.drop_entry(key);
        true
    }
}

impl Entry {
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

    fn has_mac(&self) -> bool {
        !matches!(self.state, State::Incomplete | State::Unreachable)
    }
}
