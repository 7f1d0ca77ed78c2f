//! Packets that came to the wrong queue: in parts, of flows that the host behind another queue of the same
//! device has, or for the client of DHCP that another host has (`dhcp/following.rs`).
//!
//! A device with several queues gives a flow to one of them by its addresses and ports; of packets in
//! parts it sees addresses only, so these come to one queue, whichever hosts their flows are at. A host
//! puts a packet together where its parts come. If nobody here has its flow, it is handed to the hosts
//! behind the other queues, whole; who has the flow takes it, the others drop it. As no host knows of
//! the others' flows, nobody answers what nobody takes; nor does a connection begin with a SYN in parts,
//! which no TCP sends. (`queues.rs` says what else they tell each other)
//!
//! ```text
//!   parts ─▶ host 1 ── whole, nobody here ─▶ poll_stray ─▶ handle_stray ─▶ host 0, which has the flow
//!                                                      └─▶ handle_stray ─▶ host 2, which drops it
//! ```

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use base::{Cx, Mac, TxBuf};
use ethernet::EtherType;
use ip::{InterfaceId, Packet, Protocol, v4, v6};
use phys::{Medium, RxFrame};

use crate::host::{Arrival, Host};

/// How many packets may wait to be handed over: they are fetched after every batch of frames. With
/// 64 KiB each 2 MiB.
const STRAYS_MAX: usize = 32;

/// Packets on their way to the hosts behind other queues.
pub(crate) type Strays = VecDeque<(InterfaceId, TxBuf)>;

impl Host {
    /// The device of an interface has other queues, with hosts of their own that have the same addresses:
    /// a flow that is not here may be there. Whether there is such an interface.
    pub fn share_interface(&mut self, interface: InterfaceId) -> bool {
        let found = self.network.interface_mut(interface);
        found.map(|of| of.is_shared = true).is_some()
    }

    /// Takes a frame that the host behind another queue has handed over, or that concerns all of them
    /// ([`concerns_all_queues`](crate::concerns_all_queues)).
    pub fn handle_stray(&mut self, cx: &mut Cx<'_>, interface: InterfaceId, frame: &RxFrame<'_>) {
        self.handle_frame_of(cx, interface, frame, true);
    }

    /// Writes the next frame that is for the hosts behind the other queues of a device, if any, and says
    /// of which interface's.
    #[must_use]
    pub fn poll_stray(&mut self, out: &mut TxBuf) -> Option<InterfaceId> {
        let (interface, mut frame) = self.strays.pop_front()?;
        std::mem::swap(out, &mut frame);
        self.network.recycle(frame);
        Some(interface)
    }

    /// A packet came in parts, or from another host: whether its flow is not here, and all is done that
    /// can be done with it.
    pub(crate) fn is_stray(&mut self, cx: &mut Cx<'_>, at: &Arrival, packet: &Packet<'_>) -> bool {
        let is_shared = self.network.interface(at.interface).is_some_and(|of| of.is_shared);
        if !is_shared || at.is_group || self.has_user(packet) {
            return false;
        }
        //= exception: RFC 9293 §3.10.7.1: a segment of no connection that came in parts is answered with no
        //= reset, and (RFC 1122 §4.1.3.1) a datagram for nobody with no error: somebody else may have it.
        if at.is_of_other {
            let (from, to, why) = (packet.source, packet.destination, ip::Why::NotAtThisQueue);
            cx.note(|| ip::Seen::Dropped { from, to, why });
        } else {
            self.hand_over(cx, at, packet);
        }
        true
    }

    /// Hands a whole packet to the hosts behind the other queues, if not too many wait for that.
    pub(crate) fn hand_over(&mut self, cx: &mut Cx<'_>, at: &Arrival, packet: &Packet<'_>) {
        let (from, to, carries) = (packet.source, packet.destination, packet.protocol);
        if self.strays.len() >= STRAYS_MAX {
            return cx.note(|| ip::Seen::Dropped { from, to, why: ip::Why::QueueFull });
        }
        cx.note(|| ip::Seen::HandedOver { from, to, carries, len: packet.payload.len() });
        self.push_stray(at, packet);
    }

    /// Whether somebody here waits for what a packet carries.
    fn has_user(&self, packet: &Packet<'_>) -> bool {
        let (source, destination) = (packet.source, packet.destination);
        let Some([s0, s1, d0, d1]) = packet.payload.first_chunk().copied() else { return true };
        let from = SocketAddr::new(source, u16::from_be_bytes([s0, s1]));
        let to = SocketAddr::new(destination, u16::from_be_bytes([d0, d1]));
        match packet.protocol {
            // Who begins a connection has no flow yet: it would begin here, and go on elsewhere.
            Protocol::TCP => self.tcp.has_flow(&tcp::Flow { local: to, remote: from }),
            Protocol::UDP => self.udp.has_user(from, to),
            _ => true,
        }
    }

    /// Makes a frame of a whole packet.
    fn push_stray(&mut self, at: &Arrival, packet: &Packet<'_>) {
        let id = at.interface;
        let Packet { source, destination, protocol, hop_limit, ecn, dscp, .. } = *packet;
        let mut out = self.network.take_buffer();
        out.append(packet.payload);
        // Between hosts nothing is left open.
        if let Some(open) = at.left_open(packet).checksum {
            out.leave_checksum(open.offset);
            out.finish_checksum();
        }
        let ethertype = match (source, destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let header = v4::Header::new(from, to, protocol, hop_limit);
                v4::Header { dscp, ecn, ..header }.emit(&mut out);
                EtherType::Ipv4
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let (flow_label, next) = (0, protocol);
                v6::Header { dscp, ecn, flow_label, next, hop_limit, source, destination }
                    .emit(&mut out);
                EtherType::Ipv6
            }
            _ => return self.network.recycle(out),
        };
        let Some(of) = self.network.interface(id) else { return self.network.recycle(out) };
        if of.device.medium == Medium::Ethernet {
            let (destination, source, tag) = (of.mac, Mac::UNSPECIFIED, None);
            ethernet::Header { destination, source, tag, ethertype }.emit(&mut out);
        }
        self.strays.push_back((id, out));
    }
}
