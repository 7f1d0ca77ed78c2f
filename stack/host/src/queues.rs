//! Several hosts behind several queues of one device: what concerns all of them.
//!
//! A device with a queue for each worker gives every flow to one of them, by a hash of its addresses and
//! ports. Each worker has a host of its own, and all have the same addresses. What belongs to no flow
//! comes at one queue only, and not always where it was asked for: who is at which hardware address,
//! what a router says, that somebody has our address too, which packets were too big. All hosts must
//! hear that. What *asks* something concerns only who happens to hear it: one answer is enough. Questions
//! of ARP to everybody are heard by all nevertheless, because they also tell who asks: that may be
//! somebody who has our address (RFC 5227 §2.4), and a host that lets go of it while the others go on
//! would lose its share of the flows. They come when somebody begins to talk to us, and several answers
//! do no harm. What servers of DHCP answer concerns the one host that has a client (`dhcp/following.rs`).

use ethernet::EtherType;
use ip::Protocol;
use neighbor::wire::{Operation, Packet as ArpPacket};
use phys::Medium;

/// Messages of ICMP that tell of other packets, or of routers: unreachable, source quench, redirect, time
/// exceeded, parameter problem. (RFC 792)
const TELLING_V4: [u8; 5] = [3, 4, 5, 11, 12];

/// The same of ICMPv6, with advertisements of routers and neighbours. (RFC 4443 §2.1, RFC 4861 §4)
const TELLING_V6: [u8; 7] = [1, 2, 3, 4, 134, 136, 137];

/// A question about who has an address. (RFC 4861 §4.3)
const SOLICITATION: u8 = 135;

/// Whether a frame that came at one queue of a device concerns the hosts behind all of them.
#[inline]
pub fn concerns_all_queues(medium: Medium, frame: &[u8]) -> bool {
    let (ethertype, is_to_all, packet) = match medium {
        Medium::Ip => (crate::interface::ethertype_of(frame), false, frame),
        Medium::Ethernet => match ethernet::Header::parse(frame) {
            Ok((header, packet)) => (header.ethertype, header.destination.is_group(), packet),
            Err(_) => return false,
        },
    };
    let byte = |at: usize| packet.get(at).copied().unwrap_or_default();
    let (protocol, header_len) = match ethertype {
        EtherType::Arp => return is_to_all || is_news(packet),
        EtherType::Ipv4 => (byte(9), usize::from(byte(0) & 0xf) * 4),
        EtherType::Ipv6 => (byte(6), 40),
        EtherType::Other(_) => return false,
    };
    // RFC 4862 §5.4.3: who asks without an address is about to take the one that it asks for.
    let is_from_nobody = || packet.get(8..24).is_some_and(|from| from == [0; 16]);
    match Protocol(protocol) {
        Protocol::ICMP => TELLING_V4.contains(&byte(header_len)),
        Protocol::ICMPV6 if byte(header_len) == SOLICITATION => is_from_nobody(),
        Protocol::ICMPV6 => TELLING_V6.contains(&byte(header_len)),
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

#[cfg(test)]
mod tests {
    use base::{Mac, TxBuf};
    use ethernet::Header;

    use super::*;

    const THEIRS: Mac = Mac([2, 0, 0, 0, 0, 9]);
    const OURS: Mac = Mac([2, 0, 0, 0, 0, 1]);

    //= test RFC 5227 §2.4: whoever uses our address in any packet of ARP has it too
    #[test]
    fn who_may_have_our_address_is_heard_by_all_queues() {
        let concerns = |operation, sender: &str, target: &str, destination| {
            let mut out = TxBuf::new();
            let sender = (THEIRS, sender.parse().unwrap());
            let target = (Mac::UNSPECIFIED, target.parse().unwrap());
            ArpPacket { operation, sender, target }.emit(&mut out);
            let (source, ethertype) = (THEIRS, EtherType::Arp);
            Header { destination, source, tag: None, ethertype }.emit(&mut out);
            concerns_all_queues(Medium::Ethernet, out.as_slice())
        };
        let (request, reply) = (Operation::Request, Operation::Reply);
        assert!(concerns(request, "10.0.0.2", "10.0.0.1", Mac::BROADCAST), "a question to all");
        assert!(concerns(request, "10.0.0.2", "10.0.0.2", Mac::BROADCAST), "an announcement");
        assert!(concerns(request, "0.0.0.0", "10.0.0.2", Mac::BROADCAST), "a probe");
        assert!(concerns(reply, "10.0.0.9", "10.0.0.2", OURS), "an answer");
        assert!(!concerns(request, "10.0.0.9", "10.0.0.2", OURS), "whether we are still there");
    }

    //= test RFC 4862 §5.4.3: who asks from no address wants the one that he asks for
    #[test]
    fn who_is_about_to_take_an_address_of_ipv6_is_heard_by_all_queues() {
        let concerns = |source: &str, kind: u8| {
            let source: std::net::Ipv6Addr = source.parse().unwrap();
            let destination = "ff02::1:ff00:2".parse().unwrap();
            let (dscp, ecn, flow_label, next) = (0, ip::Ecn::NotEct, 0, Protocol::ICMPV6);
            let mut out = TxBuf::new();
            out.append(&[kind; 24]);
            ip::v6::Header { dscp, ecn, flow_label, next, hop_limit: 255, source, destination }
                .emit(&mut out);
            concerns_all_queues(Medium::Ip, out.as_slice())
        };
        assert!(concerns("::", SOLICITATION), "a probe");
        assert!(!concerns("fe80::1", SOLICITATION), "a question: one answer is enough");
        assert!(concerns("fe80::1", 136), "an answer");
        assert!(!concerns("fe80::1", 128), "a ping");
    }
}
