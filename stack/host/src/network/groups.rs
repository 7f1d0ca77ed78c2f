//! Groups: what routers ask, and what they are told. (RFC 3376, RFC 3810)
//!
//! `multicast` says what is to be said and when; here it gets the headers that it is sent with: of the
//! link only, and with the option by which routers look at what is not for them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base::xray::Layer;
use base::{Cx, TxBuf};
use ip::{InterfaceId, Packet, Protocol, v4, v6};
use multicast::wire::{Message, Report};
use multicast::{Membership, Seen, Why};
use phys::Medium;

use super::Network;
use crate::interface::{Interface, Sent};

/// What IGMP and MLD are sent with: nobody passes it on. (RFC 3376 §4, RFC 3810 §5)
const HOP_LIMIT: u8 = 1;

/// The type of service of IGMP: Internetwork Control, as a codepoint. (RFC 3376 §4)
const DSCP: u8 = 0xc0 >> 2;

/// The option Router Alert of IPv4. (RFC 2113 §2.1)
const ALERT_V4: [u8; 4] = [0x94, 4, 0, 0];

/// A header of hop-by-hop options with Router Alert for MLD, in front of ICMPv6. (RFC 2711 §2.1)
const ALERT_V6: [u8; 8] = [Protocol::ICMPV6.0, 0, 5, 2, 0, 0, 1, 0];

/// The number of the hop-by-hop options' header. (RFC 8200 §4.3)
const HOP_BY_HOP: Protocol = Protocol(0);

impl Network {
    /// Takes a message of IGMP.
    pub(crate) fn handle_igmp(&mut self, cx: &mut Cx<'_>, id: InterfaceId, packet: &Packet<'_>) {
        let message = cx.parsed(Layer::Network, Message::parse_igmp(packet.payload));
        // RFC 3376 §4: it stays on the link.
        let is_of_link = packet.hop_limit == HOP_LIMIT;
        self.handle_membership(cx, id, (packet.source, is_of_link), message);
    }

    /// Takes a message of MLD: its type, and what stands behind its checksum.
    pub(crate) fn handle_mld(
        &mut self,
        cx: &mut Cx<'_>,
        id: InterfaceId,
        packet: &Packet<'_>,
        (kind, body): (u8, &[u8]),
    ) {
        let message = cx.parsed(Layer::Network, Message::parse_mld(kind, body));
        // RFC 3810 §6.2: it comes from an address of the link, and was passed on by nobody.
        let is_of_link = packet.hop_limit == HOP_LIMIT
            && matches!(packet.source, IpAddr::V6(from) if from.is_unicast_link_local());
        self.handle_membership(cx, id, (packet.source, is_of_link), message);
    }

    fn handle_membership(
        &mut self,
        cx: &mut Cx<'_>,
        id: InterfaceId,
        (from, is_of_link): (IpAddr, bool),
        message: Option<Message>,
    ) {
        let (Some(interface), Some(message)) = (self.interface_mut(id), message) else { return };
        let membership = interface.membership_of(from);
        let why = match message {
            _ if !is_of_link => Why::NotFromLink,
            Message::Query(query) => return membership.handle_query(cx, from, &query),
            Message::Report(group) => return membership.handle_report(cx, from, group),
            Message::ForRouters => Why::ForRouters,
            Message::Other => Why::UnknownType,
        };
        cx.note(|| Seen::Dropped { from, why });
    }

    /// The address that a message of IGMP comes from: one of the interface, or nobody's.
    /// (RFC 3376 §4.2.13)
    pub(super) fn report_source(&self, id: InterfaceId) -> Ipv4Addr {
        let own = self.addresses.iter().filter(|own| own.interface == id && own.is_ready);
        let own = own.filter_map(|own| match own.cidr.address() {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        });
        own.into_iter().next().unwrap_or(Ipv4Addr::UNSPECIFIED)
    }
}

impl Interface {
    /// What routers are told of groups, in the version of `address`.
    pub(crate) const fn membership_of(&mut self, address: IpAddr) -> &mut Membership {
        let [v4, v6] = &mut self.memberships;
        if address.is_ipv6() { v6 } else { v4 }
    }

    /// Whether routers are to be told something, now or later. Where there is nobody but the other end,
    /// nobody has to know.
    pub(super) fn has_reports(&self) -> bool {
        self.device.medium == Medium::Ethernet
            && self.memberships.iter().any(Membership::is_talking)
    }

    /// Writes the next report as a frame, if any. Whether `out` holds one. `source_v4` is the address
    /// of ours that speaks in IPv4.
    pub(super) fn poll_reports(
        &mut self,
        cx: &mut Cx<'_>,
        source_v4: Ipv4Addr,
        out: &mut TxBuf,
    ) -> bool {
        let [v4, v6] = &mut self.memberships;
        if let Some(report) = v4.poll_transmit(cx) {
            return self.emit_igmp(cx, source_v4, &report, out);
        }
        let Some(report) = v6.poll_transmit(cx) else { return false };
        // RFC 3810 §5.2.13: from our address of the link; while that is not sure, from nobody.
        let own = self.own_source(Ipv6Addr::UNSPECIFIED);
        let source = own.map_or(Ipv6Addr::UNSPECIFIED, |(source, _)| source);
        self.emit_mld(cx, source, &report, out)
    }

    fn emit_igmp(
        &mut self,
        cx: &mut Cx<'_>,
        source: Ipv4Addr,
        report: &Report,
        out: &mut TxBuf,
    ) -> bool {
        let IpAddr::V4(to) = report.destination(false) else { return false };
        out.clear();
        out.append(&report.to_igmp());
        let header = v4::Header::new(source, to, Protocol::IGMP, HOP_LIMIT);
        v4::Header { dscp: DSCP, options: &ALERT_V4, ..header }.emit(out);
        self.send_report(cx, (source.into(), to.into()), Protocol::IGMP, out)
    }

    fn emit_mld(
        &mut self,
        cx: &mut Cx<'_>,
        source: Ipv6Addr,
        report: &Report,
        out: &mut TxBuf,
    ) -> bool {
        let IpAddr::V6(destination) = report.destination(true) else { return false };
        let (kind, body) = report.to_mld();
        out.clear();
        icmp::Message::Other { kind, code: 0, body: &body }.emit_v6(source, destination, out);
        out.prepend(ALERT_V6);
        v6::Header {
            dscp: 0,
            ecn: ip::Ecn::NotEct,
            flow_label: 0,
            next: HOP_BY_HOP,
            hop_limit: HOP_LIMIT,
            source,
            destination,
        }
        .emit(out);
        self.send_report(cx, (source.into(), destination.into()), Protocol::ICMPV6, out)
    }

    fn send_report(
        &mut self,
        cx: &mut Cx<'_>,
        (from, to): (IpAddr, IpAddr),
        carries: Protocol,
        out: &mut TxBuf,
    ) -> bool {
        let len = out.len();
        cx.note(|| ip::Seen::PacketOut { from, to, carries, len });
        self.send(cx, to, from, out) == Sent::Frame
    }
}
