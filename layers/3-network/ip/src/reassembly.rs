//! Putting packets together again. (RFC 791 §3.2, RFC 8200 §4.5, RFC 815 for the idea)
//!
//! A packet under way is its bytes and the ranges that are there. A fragment that says something new
//! about bytes that are there makes the whole packet nobody's, as RFC 5722 wants it for IPv6 and
//! nothing forbids for IPv4; one that repeats exactly what is there is a duplicate of the network.
//! What is refused leaves an empty entry, so that the rest of it is refused too.
//!
//! Every packet has the same time, so the oldest is the first to end and also the first to make
//! room: a queue is all the order there is.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use base::{Cx, Instant, SipKey};

use crate::packet::{Fragment, Packet};
use crate::protocol::{Ecn, Protocol};
use crate::v4::PACKET_LEN_MAX;
use crate::xray::{Seen, Why};

/// How long fragments wait for each other. (RFC 1122 §3.3.2: 60 to 120 s; RFC 8200 §4.5: 60 s)
const TIMEOUT: Duration = Duration::from_secs(60);

/// How many bytes fragments take together, what they need beside payload included: sixty packets of
/// the greatest length.
const BYTES_MAX: usize = 4 << 20;

/// What an entry costs beside its bytes: itself, its key and its place in the queue.
const ENTRY_COST: usize = 512;

/// How many ranges with gaps between them a packet may have: a network that reorders fragments
/// further apart than this is none that we know.
const RANGES_MAX: usize = 64;

/// How much of the first fragment is kept for an ICMP error: what fits into the least MTU of IPv6
/// with the headers of the error. (RFC 4443 §2.4 (c))
const QUOTE_MAX: usize = 1280 - 48;

/// Packets of which not every part is here.
#[derive(Debug)]
pub struct Reassembly {
    partial: HashMap<Key, Partial, SipKey>,
    /// By when they began; an entry that is gone is passed over.
    order: VecDeque<(Instant, Key)>,
    bytes: usize,
}

/// What the parts of a packet have in common. (RFC 791 §3.2, RFC 8200 §4.5)
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    identification: u32,
    /// IPv6 does without: only its first fragment knows the protocol.
    protocol: Option<Protocol>,
}

/// What is there of a packet.
#[derive(Debug)]
struct Partial {
    began: Instant,
    /// As long as the furthest fragment reaches; what is not covered is zero.
    payload: Vec<u8>,
    /// What is covered: begin and end, ordered, with gaps between them.
    ranges: Vec<(usize, usize)>,
    /// Where the packet ends, once the last fragment is here.
    end: Option<usize>,
    /// From the first fragment: the protocol, and its beginning for an ICMP error.
    first: Option<(Protocol, Vec<u8>)>,
    /// The codepoints seen, a bit each.
    ecn: u8,
    /// Why everything of it is refused, if so.
    refused: bool,
}

/// A packet of which every part came.
#[derive(Debug, Eq, PartialEq)]
pub struct Whole {
    /// What it carries; for IPv6 more extension headers may stand in front.
    pub protocol: Protocol,
    /// The payload.
    pub payload: Vec<u8>,
    /// What routers said of congestion, on the way of any part.
    pub ecn: Ecn,
}

/// A packet of which not every part came in time, but the first did.
#[derive(Debug, Eq, PartialEq)]
pub struct Expired {
    /// How the first fragment began, to be quoted to its source. (RFC 792, RFC 8200 §4.5)
    pub quote: Vec<u8>,
}

impl Reassembly {
    /// No packets under way. The key is a secret.
    pub fn new(key: SipKey) -> Self {
        Self { partial: HashMap::with_hasher(key), order: VecDeque::new(), bytes: 0 }
    }

    /// Takes a fragment; the packet, if this was the part that was missing.
    pub fn handle_fragment(
        &mut self,
        cx: &mut Cx<'_>,
        packet: &Packet<'_>,
        fragment: Fragment,
    ) -> Option<Whole> {
        let Fragment { identification, offset, more_fragments } = fragment;
        let (from, len) = (packet.source, packet.payload.len());
        let is_last = !more_fragments;
        cx.note(|| Seen::FragmentIn { from, identification, offset, len, is_last });
        if let Err(why) = fragment.check(packet.protocol, packet.payload) {
            let to = packet.destination;
            cx.note(|| Seen::Dropped { from, to, why });
            return None;
        }
        let key = Key::of(packet, identification);
        if !self.partial.contains_key(&key) {
            self.begin(cx, key);
        }
        let partial = self.partial.get_mut(&key)?;
        let before = partial.cost();
        let result = partial.add(packet, fragment);
        self.bytes = self.bytes - before + partial.cost();
        match result {
            Ok(false) => {}
            Err(why) => cx.note(|| Seen::NotReassembled { from, identification, why }),
            Ok(true) => return self.finish(cx, key),
        }
        self.make_room(cx, key);
        None
    }

    /// Lets time pass: gives up what waited too long. Call until it returns nothing.
    #[must_use]
    pub fn handle_timeout(&mut self, cx: &mut Cx<'_>) -> Option<Expired> {
        while let Some((began, key)) = self.oldest() {
            if began.after(TIMEOUT) > cx.now() {
                break;
            }
            let Some(partial) = self.remove(key) else { continue };
            if partial.refused {
                continue;
            }
            let (from, identification) = (key.source, key.identification);
            let why = Why::ReassemblyTimeout;
            cx.note(|| Seen::NotReassembled { from, identification, why });
            // RFC 792, RFC 8200 §4.5: only if the first fragment came.
            if let Some((_, quote)) = partial.first {
                return Some(Expired { quote });
            }
        }
        None
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if ever.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        // The first in the queue may be gone already: then the call is early, and no harm done.
        self.order.front().map(|(began, _)| began.after(TIMEOUT))
    }

    /// How many packets are under way.
    pub fn len(&self) -> usize {
        self.partial.len()
    }

    /// Whether none is under way.
    pub fn is_empty(&self) -> bool {
        self.partial.is_empty()
    }

    /// How many bytes they take, with what they need beside their payload.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn begin(&mut self, cx: &mut Cx<'_>, key: Key) {
        // Places of packets that became whole are let go of when there are as many as of others, so
        // that a packet that stays does not make the queue grow.
        if self.order.len() > 2 * self.partial.len() + 64 {
            let Self { order, partial, .. } = self;
            order.retain(|(began, key)| partial.get(key).is_some_and(|p| p.began == *began));
        }
        self.partial.insert(key, Partial::new(cx.now()));
        self.order.push_back((cx.now(), key));
        self.bytes += ENTRY_COST;
    }

    /// RFC 8200 §5, RFC 1122 §3.3.2: memory is bounded; the oldest goes first, but not `newest`.
    fn make_room(&mut self, cx: &mut Cx<'_>, newest: Key) {
        while self.bytes > BYTES_MAX {
            let Some((_, key)) = self.oldest().filter(|(_, key)| *key != newest) else { break };
            self.remove(key);
            let (from, identification) = (key.source, key.identification);
            cx.note(|| Seen::NotReassembled { from, identification, why: Why::ReassemblyFull });
        }
    }

    fn finish(&mut self, cx: &mut Cx<'_>, key: Key) -> Option<Whole> {
        let partial = self.remove(key)?;
        let (from, identification) = (key.source, key.identification);
        let Some(ecn) = partial.joint_ecn() else {
            cx.note(|| Seen::NotReassembled { from, identification, why: Why::EcnDisagrees });
            return None;
        };
        let (protocol, _) = partial.first?;
        let len = partial.payload.len();
        cx.note(|| Seen::Reassembled { from, identification, len });
        Some(Whole { protocol, payload: partial.payload, ecn })
    }

    fn remove(&mut self, key: Key) -> Option<Partial> {
        let partial = self.partial.remove(&key)?;
        self.bytes -= partial.cost();
        Some(partial)
    }

    /// The oldest that is still under way.
    fn oldest(&mut self) -> Option<(Instant, Key)> {
        while let Some((began, key)) = self.order.front().copied() {
            if self.partial.get(&key).is_some_and(|partial| partial.began == began) {
                return Some((began, key));
            }
            self.order.pop_front();
        }
        None
    }
}

impl Key {
    fn of(packet: &Packet<'_>, identification: u32) -> Self {
        let protocol = packet.source.is_ipv4().then_some(packet.protocol);
        let Packet { source, destination, .. } = *packet;
        Self { source, destination, identification, protocol }
    }
}

impl Partial {
    const fn new(began: Instant) -> Self {
        Self {
            began,
            payload: Vec::new(),
            ranges: Vec::new(),
            end: None,
            first: None,
            ecn: 0,
            refused: false,
        }
    }

    /// What it takes of the memory.
    fn cost(&self) -> usize {
        let quote = self.first.as_ref().map_or(0, |(_, quote)| quote.len());
        ENTRY_COST + self.payload.len() + quote
    }

    /// Takes a fragment in; whether the packet is whole now.
    fn add(&mut self, packet: &Packet<'_>, fragment: Fragment) -> Result<bool, Why> {
        if self.refused {
            return Err(Why::PacketWasRefused);
        }
        self.try_add(packet, fragment).inspect_err(|_| {
            // RFC 5722 §4: what came before and what comes after are dropped too.
            *self = Self { refused: true, ..Self::new(self.began) };
        })
    }

    fn try_add(&mut self, packet: &Packet<'_>, fragment: Fragment) -> Result<bool, Why> {
        let (begin, end) = (fragment.offset, fragment.offset + packet.payload.len());
        if end > PACKET_LEN_MAX {
            return Err(Why::FragmentLength);
        }
        self.check_end(end, fragment.more_fragments)?;
        self.ecn |= 1 << packet.ecn as u8;
        if self.place(begin, end)? {
            if self.payload.len() < end {
                self.payload.resize(end, 0);
            }
            if let Some(place) = self.payload.get_mut(begin..end) {
                place.copy_from_slice(packet.payload);
            }
        } else if self.payload.get(begin..end) != Some(packet.payload) {
            return Err(Why::FragmentsOverlap);
        }
        if begin == 0 && self.first.is_none() {
            let quote = packet.bytes.get(..QUOTE_MAX).unwrap_or(packet.bytes).to_vec();
            self.first = Some((packet.protocol, quote));
        }
        Ok(self.end.is_some_and(|end| self.ranges == [(0, end)]))
    }

    /// There is one end, and nothing behind it.
    fn check_end(&mut self, end: usize, more_fragments: bool) -> Result<(), Why> {
        match self.end {
            Some(known) if end > known || (!more_fragments && end != known) => {
                Err(Why::FragmentsDisagree)
            }
            None if !more_fragments => {
                self.end = Some(end);
                let reaches = self.ranges.last().map_or(0, |(_, last)| *last);
                if reaches > end { Err(Why::FragmentsDisagree) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    /// Notes that `begin..end` is there; whether it was not before.
    fn place(&mut self, begin: usize, end: usize) -> Result<bool, Why> {
        // The first that ends at `begin` or behind it: all before lie apart.
        let at = self.ranges.partition_point(|(_, last)| *last < begin);
        let (mut new, mut replaced) = ((begin, end), 0);
        match self.ranges.get(at) {
            Some(&(first, last)) if first <= begin && end <= last => return Ok(false),
            Some(&(first, last)) if last == begin => (new.0, replaced) = (first, 1),
            _ => {}
        }
        match self.ranges.get(at + replaced) {
            Some(&(first, _)) if first < end => return Err(Why::FragmentsOverlap),
            Some(&(first, last)) if first == end => (new.1, replaced) = (last, replaced + 1),
            _ => {}
        }
        if self.ranges.len() + 1 - replaced > RANGES_MAX {
            return Err(Why::TooManyGaps);
        }
        self.ranges.splice(at..at + replaced, [new]);
        Ok(true)
    }

    /// RFC 3168 §5.3: congestion met by one part was met by the packet; but who does not know ECN
    /// would not understand, so such a mixture is dropped.
    fn joint_ecn(&self) -> Option<Ecn> {
        let has = |ecn: Ecn| self.ecn & 1 << ecn as u8 != 0;
        match (has(Ecn::Ce), has(Ecn::NotEct)) {
            (true, true) => None,
            (true, false) => Some(Ecn::Ce),
            (false, true) => Some(Ecn::NotEct),
            (false, false) if has(Ecn::Ect0) => Some(Ecn::Ect0),
            (false, false) => Some(Ecn::Ect1),
        }
    }
}
