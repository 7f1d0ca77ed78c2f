//! Neighbour discovery on one interface: questions and answers of IPv6, and their frames.
//! (RFC 4861 §7, RFC 4862 §5.4)
//!
//! `ndp` reads messages and keeps our addresses, `neighbor` keeps everybody else's; this is where the
//! two meet. What a message changes beyond its interface, `routers.rs` does.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use base::{Cx, Mac, TxBuf};
use ip::{Protocol, v6};
use multicast::wire::{ALL_NODES_V6, ALL_ROUTERS_V6};
use ndp::wire::{self, Ends, Message, NeighborAdvertisement, Nonce, solicited_node};
use ndp::{Autoconf, Claims, Seen, Standing, Why};
use neighbor::Claim;

use crate::interface::{Interface, Sent};

/// How many messages may wait to be sent; more questions than that in one batch are an attack.
const CONTROLS_MAX: usize = 64;

/// What an interface that carries Ethernet has for IPv6.
#[derive(Debug)]
pub(crate) struct Discovery {
    pub(crate) claims: Claims,
    pub(crate) autoconf: Autoconf,
    outgoing: VecDeque<Control>,
    /// How neighbours are asked when no router says otherwise.
    pub(super) reachable: Duration,
    pub(super) retry: Duration,
    /// Whether we have begun to speak IPv6 here: we have an address of the link, or had.
    pub(super) has_begun: bool,
    /// How addresses are taken that follow from what routers say.
    pub(super) claim: Claim,
    /// The routes that stand in the table because routers said so.
    pub(super) learned: Vec<ip::Route>,
}

/// A message of ICMPv6 that goes to somebody on the link.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) source: Ipv6Addr,
    pub(crate) destination: Ipv6Addr,
    /// Where that is, if it is known.
    pub(crate) to: Option<Mac>,
    pub(crate) kind: u8,
    pub(crate) body: Vec<u8>,
}

impl Control {
    fn new(source: Ipv6Addr, destination: Ipv6Addr, message: &Message<'_>) -> Self {
        let mut body = Vec::new();
        let kind = message.emit(&mut body);
        Self { source, destination, to: None, kind, body }
    }
}

impl Discovery {
    pub(crate) fn new(settings: ndp::Settings, neighbors: &neighbor::Config) -> Self {
        let (reachable, retry) = (neighbors.reachable, neighbors.retry);
        Self {
            claims: Claims::new(retry),
            autoconf: Autoconf::new(settings),
            outgoing: VecDeque::new(),
            reachable,
            retry,
            has_begun: false,
            claim: Claim::Probe,
            learned: Vec::new(),
        }
    }

    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        self.claims.handle_timeout(cx);
        self.autoconf.handle_timeout(cx);
    }

    pub(crate) fn poll_timeout(&self) -> Option<base::Instant> {
        [self.claims.poll_timeout(), self.autoconf.poll_timeout()].into_iter().flatten().min()
    }

    /// Whether there is nothing to say: asked for each frame that leaves.
    #[inline]
    fn is_quiet(&self) -> bool {
        self.outgoing.is_empty() && !self.claims.has_transmit() && !self.autoconf.has_solicitation()
    }

    fn push(&mut self, cx: &mut Cx<'_>, control: Control) {
        if self.outgoing.len() >= CONTROLS_MAX {
            let from = control.destination;
            return cx.note(|| Seen::Dropped { from, why: Why::TooMany });
        }
        self.outgoing.push_back(control);
    }
}

impl Interface {
    /// Somebody asks who has `target`. (RFC 4861 §7.2.3, §7.2.4; RFC 4862 §5.4.3)
    pub(super) fn handle_solicitation(
        &mut self,
        cx: &mut Cx<'_>,
        ends: &Ends,
        (target, mac, nonce): (Ipv6Addr, Option<Mac>, Option<Nonce>),
        is_router: bool,
    ) {
        let (from, own_mac) = (ends.source, self.mac);
        cx.note(|| Seen::SolicitationIn { from, target });
        let Some(discovery) = &mut self.discovery else { return };
        let standing = discovery.claims.standing(target);
        let is_probe = from.is_unspecified();
        let why = match standing {
            Standing::NotOurs => Some(Why::NotOurs),
            Standing::Tentative if !is_probe => Some(Why::Tentative),
            _ => None,
        };
        if let Some(why) = why {
            return cx.note(|| Seen::Dropped { from, why });
        }
        if is_probe
            && discovery.claims.handle_probe(cx, target, nonce, mac.unwrap_or(Mac::UNSPECIFIED))
        {
            return;
        }
        if let Some(mac) = mac {
            self.neighbors.handle_heard(cx, from, mac);
        }
        // RFC 4861 §7.2.4: who has no address is answered before everybody.
        let to = if is_probe { ALL_NODES_V6 } else { from };
        let answer = Message::NeighborAdvertisement(NeighborAdvertisement {
            target,
            is_router,
            is_solicited: !is_probe,
            // RFC 4429 §3.3: who is not sure replaces nobody.
            overrides: standing == Standing::Held,
            mac: Some(own_mac),
        });
        cx.note(|| Seen::AdvertisementOut { target, to });
        discovery.push(cx, Control { to: mac, ..Control::new(target, to, &answer) });
    }

    /// Somebody says that an address is theirs. (RFC 4861 §7.2.5, RFC 4862 §5.4.4)
    pub(super) fn handle_neighbor(
        &mut self,
        cx: &mut Cx<'_>,
        from: Ipv6Addr,
        told: NeighborAdvertisement,
    ) {
        let NeighborAdvertisement { target, is_router, is_solicited, overrides, mac } = told;
        cx.note(|| Seen::AdvertisementIn { from, target, mac, solicited: is_solicited });
        let Some(discovery) = &mut self.discovery else { return };
        let by = mac.unwrap_or(Mac::UNSPECIFIED);
        if discovery.claims.handle_advertisement(cx, target, by) {
            return;
        }
        let told = neighbor::Advertised { mac, is_solicited, overrides };
        self.neighbors.handle_advertisement(cx, target, told);
        let autoconf = &mut discovery.autoconf;
        if !is_router && autoconf.routers().iter().any(|router| router.address == target) {
            autoconf.handle_no_router(cx, target);
        }
    }

    /// Asks who has `target`: everybody, or the neighbour itself. (RFC 4861 §7.2.2, §7.3.3)
    pub(super) fn ask_neighbor(
        &mut self,
        cx: &mut Cx<'_>,
        target: Ipv6Addr,
        source: Ipv6Addr,
        to: Option<Mac>,
    ) {
        let (mac, own) = (self.mac, self.own_source(source));
        let Some(discovery) = &mut self.discovery else { return };
        let Some((source, standing)) = own else {
            let (to, why) = (target.into(), ip::Why::NoSource);
            return cx.note(|| ip::Seen::NotSent { to, why });
        };
        cx.note(|| Seen::SolicitationOut { target, from: source });
        // RFC 4429 §3.2: who is not sure of an address tells nobody where it is.
        let mac = (standing == Standing::Held).then_some(mac);
        let destination = if to.is_some() { target } else { solicited_node(target) };
        let question = Message::NeighborSolicitation { target, mac, nonce: None };
        discovery.push(cx, Control { to, ..Control::new(source, destination, &question) });
    }

    /// Lets go of an address.
    pub(super) fn forget_v6(&mut self, address: Ipv6Addr) {
        let Some(discovery) = &mut self.discovery else { return };
        discovery.claims.remove(address);
        if self.link_local == Some(address) {
            self.link_local = None;
        }
        self.leave(IpAddr::V6(solicited_node(address)));
    }

    /// Writes the next message of neighbour discovery as a frame, if any. Whether `out` holds one.
    pub(super) fn poll_discovery(
        &mut self,
        cx: &mut Cx<'_>,
        is_router: bool,
        out: &mut TxBuf,
    ) -> bool {
        if self.discovery.as_ref().is_none_or(Discovery::is_quiet) {
            return false;
        }
        self.say_what_is_due(cx, is_router);
        while let Some(control) = self.discovery.as_mut().and_then(|d| d.outgoing.pop_front()) {
            if self.emit_control(cx, &control, out) {
                return true;
            }
        }
        false
    }

    /// What claims and questions for routers have to say becomes messages.
    fn say_what_is_due(&mut self, cx: &mut Cx<'_>, is_router: bool) {
        let own_mac = self.mac;
        let own = self.own_source(Ipv6Addr::UNSPECIFIED);
        let Some(discovery) = &mut self.discovery else { return };
        while discovery.outgoing.len() < CONTROLS_MAX
            && let Some(next) = discovery.claims.poll_transmit()
        {
            let control = match next {
                ndp::Outgoing::Probe { target, nonce } => {
                    let nobody = Ipv6Addr::UNSPECIFIED;
                    let question =
                        Message::NeighborSolicitation { target, mac: None, nonce: Some(nonce) };
                    Control::new(nobody, solicited_node(target), &question)
                }
                ndp::Outgoing::Announcement { target } => {
                    let to = ALL_NODES_V6;
                    cx.note(|| Seen::AdvertisementOut { target, to });
                    let message = Message::NeighborAdvertisement(NeighborAdvertisement {
                        target,
                        is_router,
                        is_solicited: false,
                        overrides: true,
                        mac: Some(own_mac),
                    });
                    Control::new(target, to, &message)
                }
            };
            discovery.push(cx, control);
        }
        if discovery.autoconf.poll_solicitation() {
            // RFC 4861 §4.1: without an address of ours it comes from nobody, and says not where.
            let (source, mac) = match own {
                Some((source, Standing::Held)) => (source, Some(own_mac)),
                Some((source, _)) => (source, None),
                None => (Ipv6Addr::UNSPECIFIED, None),
            };
            let question = Message::RouterSolicitation { mac };
            discovery.push(cx, Control::new(source, ALL_ROUTERS_V6, &question));
        }
    }

    /// `source` if it is ours here and may be used, or else our address of the link; and how sure we
    /// are of it.
    pub(super) fn own_source(&self, source: Ipv6Addr) -> Option<(Ipv6Addr, Standing)> {
        let discovery = self.discovery.as_ref()?;
        let candidates = [Some(source), self.link_local];
        candidates.into_iter().flatten().find_map(|address| {
            let standing = discovery.claims.standing(address);
            let may_speak = matches!(standing, Standing::Held | Standing::Optimistic);
            may_speak.then_some((address, standing))
        })
    }

    /// Writes a message as a frame. Whether `out` holds it; otherwise it waits, or cannot be sent.
    fn emit_control(&mut self, cx: &mut Cx<'_>, control: &Control, out: &mut TxBuf) -> bool {
        let Control { source, destination, to, kind, ref body } = *control;
        out.clear();
        icmp::Message::Other { kind, code: 0, body }.emit_v6(source, destination, out);
        let (from, at, len) = (source.into(), destination.into(), out.len());
        let carries = Protocol::ICMPV6;
        cx.note(|| ip::Seen::PacketOut { from, to: at, carries, len });
        v6::Header {
            dscp: 0,
            ecn: ip::Ecn::NotEct,
            flow_label: 0,
            next: Protocol::ICMPV6,
            hop_limit: wire::HOP_LIMIT,
            source,
            destination,
        }
        .emit(out);
        if let Some(mac) = to {
            self.emit_frame(cx, mac, ethernet::EtherType::Ipv6, out);
            return true;
        }
        match self.send(cx, IpAddr::V6(destination), IpAddr::V6(source), out) {
            Sent::Frame => true,
            Sent::Held => false,
            Sent::Unreachable => {
                let (to, why) = (destination.into(), ip::Why::NeighborUnreachable);
                cx.note(|| ip::Seen::NotSent { to, why });
                false
            }
        }
    }
}
