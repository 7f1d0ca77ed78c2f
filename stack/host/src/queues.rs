//! Several hosts behind several queues of one device: what concerns all of them.
//!
//! A device with a queue for each worker gives every flow to one of them, by a hash of its addresses and
//! ports. Each worker has a host of its own, and all have the same addresses. What belongs to no flow
//! comes at one queue only, and not always where it was asked for: who is at which hardware address,
//! what a router says, that somebody has our address too, which packets were too big. All hosts must
//! hear that. What *asks* something concerns only who happens to hear it: one answer is enough.

use ethernet::EtherType;
use ip::Protocol;
use neighbor::wire::{Operation, Packet as ArpPacket};
use phys::Medium;

/// Messages of ICMP that tell of other packets, or of routers: unreachable, source quench, redirect, time
/// exceeded, parameter problem. (RFC 792)
const TELLING_V4: [u8; 5] = [3, 4, 5, 11, 12];

/// The same of ICMPv6, with advertisements of routers and neighbours. (RFC 4443 §2.1, RFC 4861 §4)
const TELLING_V6: [u8; 7] = [1, 2, 3, 4, 134, 136, 137];

/// Where clients of DHCP hear answers. (RFC 2131 §4.1, RFC 8415 §7.2)
const DHCP_CLIENT_V4: u16 = 68;
const DHCP_CLIENT_V6: u16 = 546;

/// Whether a frame that came at one queue of a device concerns the hosts behind all of them.
#[inline]
pub fn concerns_all_queues(medium: Medium, frame: &[u8]) -> bool {
    let (ethertype, packet) = match medium {
        Medium::Ip => (crate::interface::ethertype_of(frame), frame),
        Medium::Ethernet => match ethernet::Header::parse(frame) {
            Ok((header, packet)) => (header.ethertype, packet),
            Err(_) => return false,
        },
    };
    let byte = |at: usize| packet.get(at).copied().unwrap_or_default();
    let (protocol, header_len) = match ethertype {
        EtherType::Arp => return is_news(packet),
        EtherType::Ipv4 => (byte(9), usize::from(byte(0) & 0xf) * 4),
        EtherType::Ipv6 => (byte(6), 40),
        EtherType::Other(_) => return false,
    };
    let port = u16::from_be_bytes([byte(header_len + 2), byte(header_len + 3)]);
    match Protocol(protocol) {
        Protocol::ICMP => TELLING_V4.contains(&byte(header_len)),
        Protocol::ICMPV6 => TELLING_V6.contains(&byte(header_len)),
        Protocol::UDP => port == DHCP_CLIENT_V4 || port == DHCP_CLIENT_V6,
        _ => false,
    }
}

/// Whether a packet of ARP tells something: it answers, or its sender wants or has an address. (RFC
/// 5227 §1.1)
fn is_news(packet: &[u8]) -> bool {
    ArpPacket::parse(packet).is_ok_and(|packet| {
        packet.operation == Operation::Reply
            || packet.is_probe()
            || packet.sender.1 == packet.target.1
    })
}
