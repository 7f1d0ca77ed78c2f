use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use base::{Cx, Instant, Mac, SipKey, TxBuf};

use crate::cache::{Advertised, Answer, Cache, Heard, Lookup};
use crate::claim::{Claim, Claims, Outcome};
use crate::config::Config;
use crate::state::State;
use crate::wire::{Operation, Packet};
use crate::xray::{Seen, Why};

/// How many answers may wait to be sent; more questions than that in one batch are an attack.
const REPLIES_MAX: usize = 64;

/// The neighbours of one interface, and our own addresses among them.
///
/// | from          | call                                                                             |
/// |---------------|----------------------------------------------------------------------------------|
/// | the wire      | [`handle_arp`](Self::handle_arp)                                                  |
/// | the clock     | [`handle_timeout`](Self::handle_timeout)                                          |
/// | the network   | [`resolve`](Self::resolve), [`hold`](Self::hold), [`handle_sign_of_life`](Self::handle_sign_of_life) |
/// | the operator  | [`add_address`](Self::add_address), [`remove_address`](Self::remove_address)      |
///
/// After any of them, drain [`poll_transmit`](Self::poll_transmit), then
/// [`poll_event`](Self::poll_event), then ask [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Neighbors {
    mac: Mac,
    cache: Cache,
    claims: Claims,
    replies: VecDeque<Packet>,
}

/// What [`Neighbors::poll_transmit`] wrote.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outgoing {
    /// An ARP packet for this station or for all.
    Arp(Mac),
    /// A packet of the network layer that has waited for this station.
    Packet(Mac),
    /// Nothing: IPv6 asks in its own messages, which the network layer makes. (RFC 4861 §4.3)
    Solicitation {
        /// Who is looked for.
        target: Ipv6Addr,
        /// Which of our addresses asks.
        source: Ipv6Addr,
        /// The neighbour itself, or everybody.
        to: Option<Mac>,
    },
}

/// What the network layer must learn.
#[derive(Debug)]
pub enum Event {
    /// Nobody has this address; the packet, if there is one, waited for it.
    Unreachable {
        /// The address.
        ip: IpAddr,
        /// A packet that will not be sent.
        packet: Option<TxBuf>,
    },
    /// The address is ours now.
    Claimed {
        /// The address.
        ip: Ipv4Addr,
    },
    /// The address is not ours (any more): somebody else has it. (RFC 5227 §2.1.1, §2.4)
    Lost {
        /// The address.
        ip: Ipv4Addr,
        /// Who has it.
        to: Mac,
    },
}

impl Neighbors {
    /// An interface with the hardware address `mac` that knows nobody yet. The key is a secret.
    pub fn new(mac: Mac, config: Config, key: SipKey) -> Self {
        Self {
            mac,
            cache: Cache::new(config, key),
            claims: Claims::new(mac, config.defence),
            replies: VecDeque::new(),
        }
    }

    /// Takes an ARP packet from the wire. (RFC 826, "Packet reception")
    pub fn handle_arp(&mut self, cx: &mut Cx<'_>, packet: &Packet) {
        let (mac, ip) = packet.sender;
        let target = packet.target.1;
        if let Some(why) = self.refuses(packet) {
            return cx.note(|| Seen::Dropped { from: ip.into(), why });
        }
        if self.claims.handle_arp(cx, packet) {
            return;
        }
        let for_us = self.claims.has(target);
        if !packet.is_probe() {
            let heard = match packet.operation {
                // RFC 5227 §3: an announcement replaces what was known.
                _ if target == ip => Heard::News { overrides: true },
                Operation::Reply if self.cache.is_asking(ip.into()) => Heard::Answer,
                Operation::Reply => Heard::News { overrides: true },
                Operation::Request if for_us => Heard::Question,
                Operation::Request => Heard::News { overrides: true },
            };
            self.cache.handle_heard(cx, ip.into(), mac, heard);
        }
        if for_us && target != ip && packet.operation == Operation::Request {
            self.answer(cx, packet);
        }
    }

    /// Somebody said in another message than an advertisement where it is itself: who asked us, or for
    /// routers, a router. (RFC 4861 §6.2.6, §6.3.4, §7.2.3)
    pub fn handle_heard(&mut self, cx: &mut Cx<'_>, ip: Ipv6Addr, mac: Mac) {
        self.cache.handle_heard(cx, ip.into(), mac, Heard::Question);
    }

    /// Takes in an advertisement of neighbour discovery; see [`Cache::handle_advertisement`].
    pub fn handle_advertisement(&mut self, cx: &mut Cx<'_>, ip: Ipv6Addr, told: Advertised) {
        self.cache.handle_advertisement(cx, ip.into(), told);
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        self.cache.handle_timeout(cx);
        self.claims.handle_timeout(cx);
    }

    /// Where `ip` is; if that is not known, everybody is asked, by our address `source`.
    #[inline]
    pub fn resolve(&mut self, cx: &mut Cx<'_>, ip: IpAddr, source: IpAddr) -> Answer {
        self.cache.resolve(cx, ip, source)
    }

    /// Keeps a packet until `ip` has been found; see [`Cache::hold`].
    pub fn hold(&mut self, cx: &mut Cx<'_>, ip: IpAddr, packet: TxBuf) {
        self.cache.hold(cx, ip, packet);
    }

    /// A layer above heard from `ip` because of what we sent there; see
    /// [`Cache::handle_sign_of_life`].
    #[inline]
    pub fn handle_sign_of_life(&mut self, cx: &mut Cx<'_>, ip: IpAddr) {
        self.cache.handle_sign_of_life(cx, ip);
    }

    /// Takes an address for ourselves; whether there was room, and it was not taken before.
    #[must_use]
    pub fn add_address(&mut self, cx: &mut Cx<'_>, ip: Ipv4Addr, how: Claim) -> bool {
        self.claims.add(cx, ip, how)
    }

    /// Lets go of an address of ours.
    pub fn remove_address(&mut self, ip: Ipv4Addr) {
        self.claims.remove(ip);
    }

    /// For how long a confirmation counts, and when questions are repeated; see
    /// [`Cache::set_times`].
    pub const fn set_times(&mut self, reachable: Duration, retry: Duration) {
        self.cache.set_times(reachable, retry);
    }

    /// Makes an entry that stays; see [`Cache::insert_permanent`].
    #[must_use]
    pub fn insert_permanent(&mut self, cx: &mut Cx<'_>, ip: IpAddr, mac: Mac) -> bool {
        self.cache.insert_permanent(cx, ip, mac)
    }

    /// Forgets a neighbour; whether it was known.
    pub fn remove(&mut self, ip: IpAddr) -> bool {
        self.cache.remove(ip)
    }

    /// Writes the next packet to send, if any, and says to whom. What `out` held is forgotten.
    #[must_use]
    pub fn poll_transmit(&mut self, out: &mut TxBuf) -> Option<Outgoing> {
        if let Some((mac, packet)) = self.cache.poll_found() {
            *out = packet;
            return Some(Outgoing::Packet(mac));
        }
        out.clear();
        if let Some(reply) = self.replies.pop_front() {
            reply.emit(out);
            return Some(Outgoing::Arp(reply.target.0));
        }
        if let Some(packet) = self.claims.poll_transmit() {
            packet.emit(out);
            return Some(Outgoing::Arp(Mac::BROADCAST));
        }
        while let Some(Lookup { target, source, to }) = self.cache.poll_lookup() {
            match (target, source) {
                (IpAddr::V4(target), IpAddr::V4(source)) => {
                    // RFC 1122 §2.3.2.1 (2): a neighbour that is only doubted is asked directly.
                    let operation = Operation::Request;
                    let target = (to.unwrap_or(Mac::UNSPECIFIED), target);
                    Packet { operation, sender: (self.mac, source), target }.emit(out);
                    return Some(Outgoing::Arp(to.unwrap_or(Mac::BROADCAST)));
                }
                (IpAddr::V6(target), IpAddr::V6(source)) => {
                    return Some(Outgoing::Solicitation { target, source, to });
                }
                _ => debug_assert!(false, "{source} cannot ask for {target}"),
            }
        }
        None
    }

    /// The next thing the network layer must learn, if any.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(outcome) = self.claims.poll_outcome() {
            return Some(match outcome {
                Outcome::Taken { ip } => Event::Claimed { ip },
                Outcome::Lost { ip, to } => Event::Lost { ip, to },
            });
        }
        self.cache.poll_lost().map(|(ip, packet)| Event::Unreachable { ip, packet })
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if ever.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.cache.poll_timeout(), self.claims.poll_timeout()].into_iter().flatten().min()
    }

    /// Every neighbour, with its address if that is known.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, Option<Mac>, State)> {
        self.cache.iter()
    }

    /// Whether `ip` is ours, and may be used.
    pub fn has_address(&self, ip: Ipv4Addr) -> bool {
        self.claims.has(ip)
    }

    /// Why nothing in this packet can be believed, if so.
    fn refuses(&self, packet: &Packet) -> Option<Why> {
        let (mac, ip) = packet.sender;
        if mac == self.mac {
            return Some(Why::Echo);
        }
        if !mac.is_station() {
            return Some(Why::SenderIsNoStation);
        }
        // RFC 1812 §3.3.2: a group or everybody is never at one hardware address.
        let is_one = !ip.is_multicast() && !ip.is_broadcast() && !ip.is_loopback();
        (!is_one || (ip.is_unspecified() && !packet.is_probe())).then_some(Why::SenderIsNobody)
    }

    fn answer(&mut self, cx: &mut Cx<'_>, question: &Packet) {
        let to = question.sender;
        if self.replies.len() >= REPLIES_MAX {
            return cx.note(|| Seen::Dropped { from: to.1.into(), why: Why::TooManyQuestions });
        }
        cx.note(|| Seen::Answered { to: to.1, at: to.0 });
        let sender = (self.mac, question.target.1);
        self.replies.push_back(Packet { operation: Operation::Reply, sender, target: to });
    }
}
