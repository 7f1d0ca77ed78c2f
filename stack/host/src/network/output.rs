//! The way down of a packet: header, route, link; or back to ourselves, or in parts.

use std::net::{IpAddr, Ipv4Addr};

use base::{Cx, TxBuf};
use icmp::{Error, Unreachable};
use ip::{Fragments, InterfaceId, Prefix, Protocol, Route, Seen, Why, v4, v6};
use neighbor::Outgoing as FromNeighbors;

use super::{CUTTING_MAX, Failed, Network, Outgoing, QUEUE_MAX};
use crate::interface::{Interface, Sent, ethertype_of};

impl Network {
    /// Gives the payload in `out` the header of IP and sends it on its way. The interface, if `out`
    /// holds a frame for it now; otherwise the packet waits, stays here, or could not be sent.
    pub(crate) fn send(
        &mut self,
        cx: &mut Cx<'_>,
        packet: &Outgoing,
        out: &mut TxBuf,
    ) -> Option<InterfaceId> {
        let Outgoing { source: from, destination: to, protocol: carries, .. } = *packet;
        // RFC 1122 §3.2.1.3: what somebody still has to say from an address that has gone.
        if self.has_lost_any && !self.is_local(from) && !from.is_unspecified() {
            cx.note(|| Seen::NotSent { to, why: Why::SourceGone });
            return None;
        }
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

    /// The same to somebody on the link of an interface, whatever routes say: for who has no address
    /// yet.
    pub(crate) fn send_on_link(
        &mut self,
        cx: &mut Cx<'_>,
        id: InterfaceId,
        packet: &Outgoing,
        out: &mut TxBuf,
    ) -> Option<InterfaceId> {
        let Outgoing { source: from, destination: to, protocol: carries, .. } = *packet;
        cx.note(|| Seen::PacketOut { from, to, carries, len: out.len() });
        self.emit_header(packet, out, false);
        self.hand_to(cx, (id, to, from), out)
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
    pub(super) fn poll_link(&mut self, cx: &mut Cx<'_>, out: &mut TxBuf) -> Option<InterfaceId> {
        let is_router = self.is_router;
        for at in 0..self.interfaces.len() {
            let id = InterfaceId(at as u32);
            let is_reporting = self.interface(id).is_some_and(Interface::has_reports);
            let source = if is_reporting { self.report_source(id) } else { Ipv4Addr::UNSPECIFIED };
            let Some(interface) = self.interface_mut(id) else { continue };
            while let Some(outgoing) = interface.neighbors.poll_transmit(out) {
                let (to, ethertype) = match outgoing {
                    FromNeighbors::Arp(to) => (to, ethernet::EtherType::Arp),
                    FromNeighbors::Packet(to) => (to, ethertype_of(out.as_slice())),
                    FromNeighbors::Solicitation { target, source, to } => {
                        interface.ask_neighbor(cx, target, source, to);
                        continue;
                    }
                };
                interface.emit_frame(cx, to, ethertype, out);
                return Some(id);
            }
            // RFC 4862 §5.4.2: switches learn of a group before anybody is asked in it.
            let has_frame = is_reporting && interface.poll_reports(cx, source, out);
            if has_frame || interface.poll_discovery(cx, is_router, out) {
                return Some(id);
            }
        }
        None
    }

    /// Writes the next packet that is ready for a link: a part of one that is being cut, or one that
    /// is passed on. Through which interface, to whom, and from where.
    pub(super) fn poll_waiting(
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
            let is_v6 = hop.is_ipv6();
            let mtu = self.interface(id).map_or(0, |interface| interface.mtu(is_v6));
            let source = self.source_for(hop).unwrap_or(hop);
            // What was merged is cut again below, into what is no longer than this.
            if out.len() <= mtu || out.offload().segmentation.is_some() {
                return Some((id, hop, source));
            }
            self.cut(cx, (id, hop, source), mtu, true, out);
        }
    }

    /// Through which interface, to whom on its link, and what that takes.
    pub(super) fn way_to(&self, packet: &Outgoing) -> Option<(InterfaceId, IpAddr, usize)> {
        let to = packet.destination;
        let route = match self.routes.find(to) {
            // RFC 1122 §3.3.1.1: to everybody on the link, and to groups without a route, through the
            // interface that the source belongs to. RFC 4007 §6: each link has its own fe80::/10.
            _ if is_of_link(to) => {
                let interface = self.local.get(&packet.source).copied()?;
                Route::on_link(Prefix::host(to), interface)
            }
            route => *route?,
        };
        let mtu = self.interface(route.interface)?.mtu(to.is_ipv6());
        Some((route.interface, route.next_hop(to), mtu))
    }

    /// The same packet with the label of the flow that the first four bytes of `payload`, its ports,
    /// belong to.
    pub(crate) fn labelled(&self, packet: Outgoing, payload: &[u8]) -> Outgoing {
        let (IpAddr::V6(from), IpAddr::V6(to)) = (packet.source, packet.destination) else {
            return packet;
        };
        let mut flow = [0; 36];
        let ports = payload.get(..4).unwrap_or_default();
        let bytes = from.octets().into_iter().chain(to.octets()).chain(ports.iter().copied());
        flow.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
        Outgoing { flow_label: v6::flow_label_of(self.label_key.hash(&flow)), ..packet }
    }

    pub(super) fn emit_header(&mut self, packet: &Outgoing, out: &mut TxBuf, may_be_cut: bool) {
        let Outgoing { source, destination, protocol, ecn, service, flow_label, .. } = *packet;
        // RFC 1112 §6.1: what is for a group stays on the link unless somebody wants it otherwise.
        let advertised = self.advertised_hop_limit.filter(|_| destination.is_ipv6());
        let usual = match destination.is_multicast() {
            true => 1,
            false => advertised.unwrap_or(self.hop_limit),
        };
        let (ttl, dscp) = (service.hop_limit.unwrap_or(usual), service.dscp);
        match (source, destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let mut header =
                    v4::Header { dscp, ecn, ..v4::Header::new(from, to, protocol, ttl) };
                // RFC 6864 §4.1: the identification means something only where a packet may be cut.
                if may_be_cut {
                    header.dont_fragment = false;
                    let id = self.identifications.next(source, destination, protocol);
                    header.identification = id as u16;
                }
                header.emit(out);
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let (next, hop_limit) = (protocol, ttl);
                v6::Header { dscp, ecn, flow_label, next, hop_limit, source, destination }
                    .emit(out);
            }
            _ => debug_assert!(false, "{source} does not send to {destination}"),
        }
    }

    pub(super) fn loop_back(&mut self, cx: &mut Cx<'_>, out: &mut TxBuf) {
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
    pub(super) fn cut(
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
    pub(super) fn hand_to(
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
    pub(super) fn fail(&mut self, out: &mut TxBuf, error: Error) {
        if self.failed.len() < CUTTING_MAX {
            let mut packet = self.pool.take();
            std::mem::swap(&mut packet, out);
            self.failed.push_back(Failed { packet, error });
        }
    }
}

/// Whether an address says nothing of which link it is on: groups, everybody, and the link's own.
fn is_of_link(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_multicast() || address == Ipv4Addr::BROADCAST,
        IpAddr::V6(address) => address.is_multicast() || address.is_unicast_link_local(),
    }
}
