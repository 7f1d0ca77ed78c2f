//! Layers 2 and 3 of a host: interfaces, addresses, routes, and the packets on their way between them.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

use base::{Cx, Instant, SipKey, TxBuf};
use icmp::{Error, Unreachable};
use ip::{
    Candidate, Cidr, Ecn, Fragments, Identifications, InterfaceId, Packet, PathMtus, Prefix,
    Protocol, Reassembly, Route, Routes, Seen, Why, select_source, v4, v6,
};
use neighbor::{Claim, Outgoing as FromNeighbors};
use phys::Pool;

use crate::interface::{Interface, InterfaceConfig, Sent, ethertype_of, may_come_from};

/// How many interfaces a host may have.
const INTERFACES_MAX: usize = 64;

/// How many packets may wait to be passed on, or to come back to ourselves: a batch of frames, or a
/// window of one connection to ourselves. With 2 KiB each, 2 MiB.
const QUEUE_MAX: usize = 1024;

/// How many packets may be cut at a time, of at most 64 KiB.
const CUTTING_MAX: usize = 32;

/// The interface that leads to ourselves.
pub const LOOPBACK: InterfaceId = InterfaceId(0);

/// How long packets to ourselves may be: as long as packets can be.
const LOOPBACK_MTU: usize = v4::PACKET_LEN_MAX;

/// Interfaces, addresses, routes, and packets between them.
#[derive(Debug)]
pub(crate) struct Network {
    key: SipKey,
    /// The first is the loopback; a place is never used again.
    interfaces: Vec<Option<Interface>>,
    /// Addresses that may be used.
    local: BTreeMap<IpAddr, InterfaceId>,
    /// All addresses, in the order in which they came.
    addresses: Vec<Address>,
    pub(crate) routes: Routes,
    pub(crate) paths: PathMtus,
    pub(crate) reassembly: Reassembly,
    identifications: Identifications,
    /// Whether packets for others are passed on.
    pub(crate) is_router: bool,
    hop_limit: u8,
    /// Packets with their header that are to be passed on, and by whom on which link.
    forwarded: VecDeque<(InterfaceId, IpAddr, TxBuf)>,
    /// Packets that are being cut, and to whom on which link the parts go.
    cutting: VecDeque<(InterfaceId, IpAddr, IpAddr, Fragments)>,
    looped: VecDeque<TxBuf>,
    failed: VecDeque<Failed>,
    changes: VecDeque<Change>,
    pool: Pool,
}

/// An address of ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Address {
    /// The address and its network.
    pub cidr: Cidr,
    /// The interface that has it.
    pub interface: InterfaceId,
    /// Whether it may be used already: nobody else has it.
    pub is_ready: bool,
}

/// Why an address or a route cannot be had.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AddError {
    /// There is no such interface.
    NoInterface,
    /// It is there already.
    Exists,
    /// There are as many as there may be.
    TooMany,
    /// No host can have this address.
    NotAHost,
    /// The gateway is not on the link.
    GatewayNotOnLink,
}

/// What a packet needs that goes out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: Protocol,
    pub(crate) ecn: Ecn,
    /// Whether it may be cut if a link or the path takes no longer ones.
    pub(crate) may_be_cut: bool,
}

/// A packet that could not be handed to anybody, and why.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) packet: TxBuf,
    pub(crate) error: Error,
}

/// What has changed by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    Ready { interface: InterfaceId, address: IpAddr },
    Lost { interface: InterfaceId, address: IpAddr, to: base::Mac },
}

/// What is to be done with a packet that came in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Admission {
    /// It is for us; perhaps for others too.
    Deliver { is_group: bool },
    /// It is for somebody else, and we are a router.
    Forward,
    /// It is dropped.
    Drop(Why),
}

impl Network {
    pub(crate) fn new(key: SipKey, is_router: bool, hop_limit: u8) -> Self {
        let derive = |purpose: &[u8]| key.derive(purpose);
        let mut network = Self {
            key,
            interfaces: Vec::new(),
            local: BTreeMap::new(),
            addresses: Vec::new(),
            routes: Routes::new(),
            paths: PathMtus::new(derive(b"paths")),
            reassembly: Reassembly::new(derive(b"reassembly")),
            identifications: Identifications::new(derive(b"identifications")),
            is_router,
            hop_limit,
            forwarded: VecDeque::new(),
            cutting: VecDeque::new(),
            looped: VecDeque::new(),
            failed: VecDeque::new(),
            changes: VecDeque::new(),
            pool: Pool::new(),
        };
        network.add_loopback();
        network
    }

    // From below.

    pub(crate) fn interface(&self, id: InterfaceId) -> Option<&Interface> {
        self.interfaces.get(id.0 as usize)?.as_ref()
    }

    pub(crate) fn interface_mut(&mut self, id: InterfaceId) -> Option<&mut Interface> {
        self.interfaces.get_mut(id.0 as usize)?.as_mut()
    }

    /// Whether a packet is for us, and may be.
    #[inline]
    pub(crate) fn admit(
        &self,
        at: InterfaceId,
        is_link_group: bool,
        packet: &Packet<'_>,
    ) -> Admission {
        let Some(interface) = self.interface(at) else {
            return Admission::Drop(Why::InterfaceDown);
        };
        let (source, destination) = (packet.source, packet.destination);
        let is_outside = at != LOOPBACK;
        if is_outside && !may_come_from(source) {
            return Admission::Drop(Why::MartianSource);
        }
        // RFC 1812 §5.3.8: nobody else sends from our addresses.
        if is_outside && self.local.contains_key(&source) {
            return Admission::Drop(Why::FromOurselves);
        }
        if let IpAddr::V4(source) = source
            && interface.is_broadcast(source)
        {
            return Admission::Drop(Why::MartianSource);
        }
        if interface.hears_group(destination) {
            return Admission::Deliver { is_group: true };
        }
        // RFC 1122 §3.3.6: a packet for one that was sent to all is somebody's mistake.
        if is_link_group {
            return Admission::Drop(Why::MartianDestination);
        }
        if self.is_local(destination) {
            // RFC 1122 §3.2.1.3 (g): an address of the host itself is never on a link.
            return match is_outside && ip::Kind::of(destination) == ip::Kind::Loopback {
                true => Admission::Drop(Why::MartianDestination),
                false => Admission::Deliver { is_group: false },
            };
        }
        match self.is_router && is_outside {
            true => Admission::Forward,
            false => Admission::Drop(Why::NotForUs),
        }
    }

    /// The route for a packet that is passed on, and what its link takes.
    pub(crate) fn route_through(&self, destination: IpAddr) -> Option<(Route, usize)> {
        let route = self.routes.find(destination)?;
        Some((*route, self.interface(route.interface)?.device.mtu))
    }

    /// Passes a packet on: `bytes` with one hop less.
    pub(crate) fn forward(&mut self, cx: &mut Cx<'_>, route: &Route, packet: &Packet<'_>) {
        let (from, to) = (packet.source, packet.destination);
        if self.forwarded.len() >= QUEUE_MAX {
            return cx.note(|| Seen::Dropped { from, to, why: Why::QueueFull });
        }
        let mut copy = self.pool.take();
        copy.append(packet.bytes);
        ip::forward::decrement(copy.as_mut_slice());
        let (interface, hop_limit) = (route.interface, packet.hop_limit - 1);
        cx.note(|| Seen::Forwarded { from, to, interface, hop_limit });
        self.forwarded.push_back((interface, route.next_hop(to), copy));
    }

    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        for interface in self.interfaces.iter_mut().flatten() {
            interface.neighbors.handle_timeout(cx);
        }
    }

    // From above.

    pub(crate) fn add_interface(&mut self, config: InterfaceConfig) -> Option<InterfaceId> {
        let id = InterfaceId(self.interfaces.len() as u32);
        if self.interfaces.len() >= INTERFACES_MAX {
            return None;
        }
        let key = self.key.derive(&[b"interface", &id.0.to_le_bytes()[..]].concat());
        self.interfaces.push(Some(Interface::new(id, config, key)));
        Some(id)
    }

    /// Takes an interface away, with its addresses and routes.
    pub(crate) fn remove_interface(&mut self, id: InterfaceId) -> bool {
        let is_there = id != LOOPBACK && self.interface(id).is_some();
        if is_there {
            if let Some(place) = self.interfaces.get_mut(id.0 as usize) {
                *place = None;
            }
            self.addresses.retain(|address| address.interface != id);
            self.local.retain(|_, interface| *interface != id);
            self.routes.remove(|route| route.interface == id);
        }
        is_there
    }

    pub(crate) fn add_address(
        &mut self,
        cx: &mut Cx<'_>,
        id: InterfaceId,
        cidr: Cidr,
        claim: Claim,
    ) -> Result<(), AddError> {
        let address = cidr.address();
        let interface = self.interface_mut(id).ok_or(AddError::NoInterface)?;
        // RFC 1122 §3.2.1.3: neither the network itself nor everybody in it is a host.
        let network = cidr.network();
        let names_all = network.broadcast().is_some_and(|all| address == IpAddr::V4(all))
            || (network.broadcast().is_some() && address == network.network());
        let is_host = id == LOOPBACK || may_come_from(address);
        if !is_host || names_all {
            return Err(AddError::NotAHost);
        }
        let needs_claim = interface.device.medium == phys::Medium::Ethernet;
        if let (IpAddr::V4(v4), true) = (address, needs_claim)
            && !interface.neighbors.add_address(cx, v4, claim)
        {
            let exists = interface.neighbors.has_address(v4);
            return Err(if exists { AddError::Exists } else { AddError::TooMany });
        }
        if self.addresses.iter().any(|other| other.cidr.address() == address) {
            return Err(AddError::Exists);
        }
        let is_ready = !(needs_claim && address.is_ipv4());
        self.addresses.push(Address { cidr, interface: id, is_ready: false });
        self.routes.add(Route { source: Some(address), ..Route::on_link(network, id) });
        if is_ready {
            self.make_ready(id, address);
        }
        self.settle();
        Ok(())
    }

    pub(crate) fn remove_address(&mut self, address: IpAddr) -> bool {
        let Some(at) = self.addresses.iter().position(|own| own.cidr.address() == address) else {
            return false;
        };
        let Address { cidr, interface: id, .. } = self.addresses.remove(at);
        self.local.remove(&address);
        if let (Some(interface), IpAddr::V4(v4)) = (self.interface_mut(id), address) {
            interface.neighbors.remove_address(v4);
            interface.broadcasts.retain(|all| Some(*all) != cidr.network().broadcast());
        }
        let others = self
            .addresses
            .iter()
            .any(|own| (own.interface, own.cidr.network()) == (id, cidr.network()));
        self.routes.remove(|route| {
            route.source == Some(address)
                || (!others && route.gateway.is_none() && route.to == cidr.network())
        });
        true
    }

    pub(crate) fn add_route(&mut self, route: Route) -> Result<(), AddError> {
        self.interface(route.interface).ok_or(AddError::NoInterface)?;
        let is_on_link = |gateway| {
            self.routes.iter().any(|other| {
                other.interface == route.interface
                    && other.gateway.is_none()
                    && other.to.contains(gateway)
            })
        };
        if route.gateway.is_some_and(|gateway| !is_on_link(gateway)) {
            return Err(AddError::GatewayNotOnLink);
        }
        self.routes.add(route);
        Ok(())
    }

    /// Whether `address` is one of ours, and may be used.
    #[inline]
    pub(crate) fn is_local(&self, address: IpAddr) -> bool {
        self.local.contains_key(&address)
            // RFC 1122 §3.2.1.3 (g): all of 127/8 is the host.
            || matches!(address, IpAddr::V4(v4) if v4.is_loopback())
    }

    /// The address of ours that packets to `destination` come from, unless somebody chose one.
    pub(crate) fn source_for(&self, destination: IpAddr) -> Option<IpAddr> {
        if self.is_local(destination) {
            return Some(destination);
        }
        let route = self.routes.find(destination);
        let route = route.or_else(|| self.routes.find(unspecified_like(destination)));
        if let Some(source) = route.and_then(|route| route.source)
            && self.local.contains_key(&source)
        {
            return Some(source);
        }
        let through = route.map_or(LOOPBACK, |route| route.interface);
        let candidates =
            self.addresses.iter().filter(|own| own.is_ready && own.interface != LOOPBACK);
        let candidates = candidates.map(|own| Candidate {
            cidr: own.cidr,
            interface: own.interface,
            is_deprecated: false,
            is_temporary: false,
        });
        select_source(candidates, destination, through)
    }

    /// How long packets to `destination` may be: what the link takes, or what the path does.
    #[inline]
    pub(crate) fn mtu_to(&self, now: Instant, destination: IpAddr) -> usize {
        if self.is_local(destination) {
            return LOOPBACK_MTU;
        }
        let route = self.routes.find(destination);
        let link = route.and_then(|route| self.interface(route.interface));
        let link = link.map_or(v6::MTU_MIN, |interface| interface.device.mtu);
        self.paths.find(now, destination).map_or(link, |path| path.min(link))
    }

    /// How long the super-segments may be that the way to `destination` takes, if any.
    pub(crate) fn segments_to(&self, destination: IpAddr) -> usize {
        let kind = base::SegmentationKind::Tcp;
        let route = self.routes.find(destination).filter(|_| !self.is_local(destination));
        let interface = route.and_then(|route| self.interface(route.interface));
        interface.map_or(0, |i| i.device.segment_len_max(kind, destination.is_ipv6()))
    }

    /// Somebody at `address` has answered a layer above. (RFC 4861 §7.3.1)
    #[inline]
    pub(crate) fn handle_sign_of_life(&mut self, cx: &mut Cx<'_>, address: IpAddr) {
        let Some(route) = self.routes.find(address).copied() else { return };
        if let Some(interface) = self.interface_mut(route.interface)
            && interface.device.medium == phys::Medium::Ethernet
        {
            interface.neighbors.handle_sign_of_life(cx, route.next_hop(address));
        }
    }

    /// How often packets of ours may be passed on, from now on.
    pub(crate) fn set_hop_limit(&mut self, hop_limit: u8) {
        self.hop_limit = hop_limit;
    }

    // Out.

    /// Gives the payload in `out` the header of IP and sends it on its way. The interface, if `out`
    /// holds a frame for it now; otherwise the packet waits, stays here, or could not be sent.
    pub(crate) fn send(
        &mut self,
        cx: &mut Cx<'_>,
        packet: &Outgoing,
        out: &mut TxBuf,
    ) -> Option<InterfaceId> {
        let Outgoing { source: from, destination: to, protocol: carries, .. } = *packet;
        cx.note(|| Seen::PacketOut { from, to, carries, len: out.len() });
        if self.is_local(to) {
            self.emit_header(packet, out, false);
            self.loop_back(cx, out);
            return None;
        }
        let Some((id, hop, link_mtu)) = self.way_to(packet) else {
            cx.note(|| Seen::NotSent { to, why: Why::NoRoute });
            self.emit_header(packet, out, false);
            self.fail(out, Error::Unreachable(Unreachable::Net));
            return None;
        };
        let mtu = self.paths.find(cx.now(), to).map_or(link_mtu, |path| path.min(link_mtu));
        let header_len = if to.is_ipv4() { v4::LEN } else { v6::LEN };
        let is_long = out.len() + header_len > mtu && out.offload().segmentation.is_none();
        self.emit_header(packet, out, is_long && packet.may_be_cut);
        if is_long {
            self.cut(cx, (id, hop, from), mtu, packet.may_be_cut, out);
            return None;
        }
        self.hand_to(cx, (id, hop, from), out)
    }

    /// Writes the next frame that has waited for something, if any.
    pub(crate) fn poll_frame(&mut self, cx: &mut Cx<'_>, out: &mut TxBuf) -> Option<InterfaceId> {
        loop {
            if let Some(id) = self.poll_link(cx, out) {
                return Some(id);
            }
            let (id, hop, source) = self.poll_waiting(cx, out)?;
            if let Some(id) = self.hand_to(cx, (id, hop, source), out) {
                return Some(id);
            }
        }
    }

    /// Writes the next frame of somebody who looks for neighbours, or has found one.
    fn poll_link(&mut self, cx: &mut Cx<'_>, out: &mut TxBuf) -> Option<InterfaceId> {
        for interface in self.interfaces.iter_mut().flatten() {
            while let Some(outgoing) = interface.neighbors.poll_transmit(out) {
                let (to, ethertype) = match outgoing {
                    FromNeighbors::Arp(to) => (to, ethernet::EtherType::Arp),
                    FromNeighbors::Packet(to) => (to, ethertype_of(out.as_slice())),
                    // The messages of neighbour discovery are not here yet; who is not known by
                    // other means is not found.
                    FromNeighbors::Solicitation { .. } => continue,
                };
                interface.emit_frame(cx, to, ethertype, out);
                return Some(interface.id);
            }
        }
        None
    }

    /// Writes the next packet that is ready for a link: a part of one that is being cut, or one that
    /// is passed on. Through which interface, to whom, and from where.
    fn poll_waiting(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut TxBuf,
    ) -> Option<(InterfaceId, IpAddr, IpAddr)> {
        loop {
            while let Some((id, hop, source, parts)) = self.cutting.front_mut() {
                if parts.next(out) {
                    return Some((*id, *hop, *source));
                }
                self.cutting.pop_front();
            }
            let (id, hop, mut packet) = self.forwarded.pop_front()?;
            std::mem::swap(out, &mut packet);
            self.pool.put(packet);
            let mtu = self.interface(id).map_or(0, |interface| interface.device.mtu);
            let source = self.source_for(hop).unwrap_or(hop);
            if out.len() <= mtu {
                return Some((id, hop, source));
            }
            self.cut(cx, (id, hop, source), mtu, true, out);
        }
    }

    /// The next packet that came back to ourselves.
    pub(crate) fn poll_looped(&mut self) -> Option<TxBuf> {
        self.looped.pop_front()
    }

    /// Takes the memory of a packet back.
    pub(crate) fn recycle(&mut self, packet: TxBuf) {
        self.pool.put(packet);
    }

    /// The next packet that nobody could be found for.
    pub(crate) fn poll_failed(&mut self) -> Option<Failed> {
        self.failed.pop_front()
    }

    /// The next thing that has changed by itself.
    pub(crate) fn poll_change(&mut self) -> Option<Change> {
        self.settle();
        self.changes.pop_front()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let neighbors = self.interfaces.iter().flatten();
        let neighbors = neighbors.filter_map(|interface| interface.neighbors.poll_timeout());
        neighbors.chain(self.reassembly.poll_timeout()).min()
    }

    // Look.

    pub(crate) fn interfaces(&self) -> impl Iterator<Item = &Interface> {
        self.interfaces.iter().flatten()
    }

    pub(crate) fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    // Below the surface.

    fn add_loopback(&mut self) {
        let config = InterfaceConfig::point_to_point("lo", LOOPBACK_MTU);
        let id = self.add_interface(config);
        debug_assert_eq!(id, Some(LOOPBACK));
        for text in ["127.0.0.1/8", "::1/128"] {
            let Ok(cidr) = text.parse::<Cidr>() else { continue };
            self.addresses.push(Address { cidr, interface: LOOPBACK, is_ready: true });
            self.local.insert(cidr.address(), LOOPBACK);
        }
    }

    /// An address may be used from now on.
    fn make_ready(&mut self, interface: InterfaceId, address: IpAddr) {
        let Some(own) = self.addresses.iter_mut().find(|own| own.cidr.address() == address) else {
            return;
        };
        own.is_ready = true;
        let broadcast = own.cidr.network().broadcast();
        self.local.insert(address, interface);
        if let Some(of) = self.interface_mut(interface) {
            of.broadcasts.extend(broadcast);
        }
        self.changes.push_back(Change::Ready { interface, address });
    }

    /// Takes in what neighbours have to say.
    pub(crate) fn settle(&mut self) {
        for at in 0..self.interfaces.len() {
            let id = InterfaceId(at as u32);
            while let Some(event) = self.interface_mut(id).and_then(|i| i.neighbors.poll_event()) {
                match event {
                    neighbor::Event::Claimed { ip } => self.make_ready(id, ip.into()),
                    neighbor::Event::Lost { ip, to } => {
                        self.remove_address(ip.into());
                        let address = ip.into();
                        self.changes.push_back(Change::Lost { interface: id, address, to });
                    }
                    neighbor::Event::Unreachable { packet, .. } => {
                        let error = Error::Unreachable(Unreachable::Host);
                        self.failed.extend(packet.map(|packet| Failed { packet, error }));
                    }
                }
            }
        }
    }

    /// Through which interface, to whom on its link, and what that takes.
    fn way_to(&self, packet: &Outgoing) -> Option<(InterfaceId, IpAddr, usize)> {
        let to = packet.destination;
        let route = match self.routes.find(to) {
            // RFC 1122 §3.3.1.1: to everybody on the link, and to groups without a route, through the
            // interface that the source belongs to.
            _ if to.is_multicast() || to == IpAddr::V4(Ipv4Addr::BROADCAST) => {
                let interface = self.local.get(&packet.source).copied()?;
                Route::on_link(Prefix::host(to), interface)
            }
            route => *route?,
        };
        let mtu = self.interface(route.interface)?.device.mtu;
        Some((route.interface, route.next_hop(to), mtu))
    }

    fn emit_header(&mut self, packet: &Outgoing, out: &mut TxBuf, may_be_cut: bool) {
        let Outgoing { source, destination, protocol, ecn, .. } = *packet;
        // RFC 1112 §6.1: what is for a group stays on the link unless somebody wants it otherwise.
        let ttl = if destination.is_multicast() { 1 } else { self.hop_limit };
        match (source, destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let mut header = v4::Header { ecn, ..v4::Header::new(from, to, protocol, ttl) };
                // RFC 6864 §4.1: the identification means something only where a packet may be cut.
                if may_be_cut {
                    header.dont_fragment = false;
                    let id = self.identifications.next(source, destination, protocol);
                    header.identification = id as u16;
                }
                header.emit(out);
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let (dscp, flow_label, next, hop_limit) = (0, 0, protocol, ttl);
                v6::Header { dscp, ecn, flow_label, next, hop_limit, source, destination }
                    .emit(out);
            }
            _ => debug_assert!(false, "{source} does not send to {destination}"),
        }
    }

    fn loop_back(&mut self, cx: &mut Cx<'_>, out: &mut TxBuf) {
        if self.looped.len() >= QUEUE_MAX {
            // RFC 1122 §3.2.1.3: the loopback loses packets as any link may.
            return cx
                .note(|| Seen::NotSent { to: IpAddr::from([127, 0, 0, 1]), why: Why::QueueFull });
        }
        let mut packet = self.pool.take();
        std::mem::swap(&mut packet, out);
        self.looped.push_back(packet);
    }

    /// Begins to cut the packet in `out`.
    fn cut(
        &mut self,
        cx: &mut Cx<'_>,
        (id, hop, source): (InterfaceId, IpAddr, IpAddr),
        mtu: usize,
        may_be_cut: bool,
        out: &mut TxBuf,
    ) {
        let (to, len) = (hop, out.len());
        if !may_be_cut {
            cx.note(|| Seen::NotSent { to, why: Why::TooBig });
            return self.fail(out, Error::TooBig { mtu: mtu as u32 });
        }
        if self.cutting.len() >= CUTTING_MAX {
            return cx.note(|| Seen::NotSent { to, why: Why::QueueFull });
        }
        // RFC 1122 §3.3.3: checksums cover the whole packet, so they are finished first.
        out.finish_checksum();
        let identification = self.identifications.next(source, hop, Protocol::UDP);
        match Fragments::new(out.as_slice(), mtu, identification) {
            Ok(parts) => {
                cx.note(|| Seen::Fragmented { to, len, mtu });
                self.cutting.push_back((id, hop, source, parts));
            }
            Err(_) => {
                cx.note(|| Seen::NotSent { to, why: Why::TooBig });
                self.fail(out, Error::TooBig { mtu: mtu as u32 });
            }
        }
    }

    /// Hands the packet in `out` to `hop` on the link.
    fn hand_to(
        &mut self,
        cx: &mut Cx<'_>,
        (id, hop, source): (InterfaceId, IpAddr, IpAddr),
        out: &mut TxBuf,
    ) -> Option<InterfaceId> {
        let Some(interface) = self.interface_mut(id) else {
            cx.note(|| Seen::NotSent { to: hop, why: Why::InterfaceDown });
            return None;
        };
        match interface.send(cx, hop, source, out) {
            Sent::Frame => return Some(id),
            Sent::Held => {}
            Sent::Unreachable => {
                cx.note(|| Seen::NotSent { to: hop, why: Why::NeighborUnreachable });
                self.fail(out, Error::Unreachable(Unreachable::Host));
            }
        }
        None
    }

    /// Whoever sent the packet in `out` is to be told.
    fn fail(&mut self, out: &mut TxBuf, error: Error) {
        if self.failed.len() < CUTTING_MAX {
            let mut packet = self.pool.take();
            std::mem::swap(&mut packet, out);
            self.failed.push_back(Failed { packet, error });
        }
    }
}

/// Nobody, in the same version of IP.
pub(crate) fn unspecified_like(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    }
}
