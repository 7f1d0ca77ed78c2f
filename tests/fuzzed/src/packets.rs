use std::net::{IpAddr, Ipv6Addr};

use base::xray::Film;
use base::{Cx, Instant, Mac, SipKey, TxBuf, Wall, World};
use ip::{Fragments, Packet, Quoted, Reassembly, v4, v6};

/// Reads bytes as everything that layers 2 to 4 read, and what could be read it writes and reads
/// again as the same. What is cut is put together as it was.
///
/// The first byte chooses the format, the second how packets are cut.
pub fn packets(data: &[u8]) {
    let Some(([format, cut], bytes)) = data.split_first_chunk() else { return };
    match format % 8 {
        0 => ethernet_frame(bytes),
        1 => arp(bytes),
        2 => ipv4(bytes, *cut),
        3 => ipv6(bytes, *cut),
        4 => icmp_message(bytes),
        5 => udp_datagram(bytes),
        6 => drop(Quoted::parse(bytes)),
        _ => tcp_segment(bytes),
    }
}

fn ethernet_frame(bytes: &[u8]) {
    let Ok((header, payload)) = ethernet::Header::parse(bytes) else { return };
    let mut out = TxBuf::new();
    out.append(payload);
    header.emit(&mut out);
    assert_eq!(ethernet::Header::parse(out.as_slice()), Ok((header, payload)));
}

fn arp(bytes: &[u8]) {
    let Ok(packet) = neighbor::wire::Packet::parse(bytes) else { return };
    let mut out = TxBuf::new();
    packet.emit(&mut out);
    assert_eq!(Some(out.as_slice()), bytes.get(..out.len()), "ARP has one way to say it");
}

fn ipv4(bytes: &[u8], cut: u8) {
    let Ok((header, payload)) = v4::Header::parse(bytes) else { return };
    let mut out = TxBuf::new();
    out.append(payload);
    header.emit(&mut out);
    assert_eq!(v4::Header::parse(out.as_slice()), Ok((header, payload)));
    cut_and_join(out.as_slice(), 68 + 8 * usize::from(cut));
}

fn ipv6(bytes: &[u8], cut: u8) {
    let Ok((header, rest)) = v6::Header::parse(bytes) else { return };
    let mut out = TxBuf::new();
    out.append(rest);
    header.emit(&mut out);
    assert_eq!(v6::Header::parse(out.as_slice()), Ok((header, rest)));
    cut_and_join(out.as_slice(), 56 + 8 * usize::from(cut));
}

/// A whole packet is cut, and its parts put together, the last first.
fn cut_and_join(bytes: &[u8], mtu: usize) {
    let Ok(packet) = Packet::parse(bytes) else { return };
    let Ok(mut fragments) = Fragments::new(bytes, mtu, 7) else { return };
    if packet.fragment.is_some() {
        return;
    }
    let (mut parts, mut part) = (Vec::new(), TxBuf::new());
    while fragments.next(&mut part) {
        assert!(part.len() <= mtu, "a part is no longer than it may be");
        parts.push(part.as_slice().to_vec());
    }
    let (mut world, mut film) = (World::seeded(1), Film::default());
    let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world).watched_by(&mut film);
    let mut reassembly = Reassembly::new(SipKey::new([0; 16]));
    for part in parts.iter().rev() {
        // What is too small for its header is refused, and so is what hides headers.
        let Ok(packet) = Packet::parse(part) else { return };
        let Some(fragment) = packet.fragment else { return };
        if let Some(whole) = reassembly.handle_fragment(&mut cx, &packet, fragment) {
            let len = bytes.len() - if packet.source.is_ipv4() { 0 } else { v6::LEN };
            assert!(whole.payload.len() <= len);
            assert!(bytes.ends_with(&whole.payload), "what was cut is what was joined");
        }
    }
}

fn icmp_message(bytes: &[u8]) {
    let ends = (Ipv6Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
    let mut out = TxBuf::new();
    if let Ok(message) = icmp::Message::parse_v4(bytes, true) {
        message.emit_v4(&mut out);
        out.finish_checksum();
        let again = icmp::Message::parse_v4(out.as_slice(), false);
        assert!(again.is_ok(), "{message:?}");
    }
    out.clear();
    if let Ok(message) = icmp::Message::parse_v6(bytes, ends, true) {
        message.emit_v6(ends.0, ends.1, &mut out);
        out.finish_checksum();
        let again = icmp::Message::parse_v6(out.as_slice(), ends, false);
        assert!(again.is_ok(), "{message:?}");
    }
}

fn udp_datagram(bytes: &[u8]) {
    for ip in [IpAddr::from([10, 0, 0, 1]), Ipv6Addr::LOCALHOST.into()] {
        let Ok((header, payload)) = udp::Header::parse(bytes, ip, ip, true) else { continue };
        let mut out = TxBuf::new();
        out.append(payload);
        header.emit(ip, ip, &mut out);
        out.finish_checksum();
        assert_eq!(udp::Header::parse(out.as_slice(), ip, ip, false), Ok((header, payload)));
    }
}

fn tcp_segment(bytes: &[u8]) {
    let Ok((header, payload)) = tcp::Header::parse(bytes) else { return };
    let mut front = [0; tcp::wire::HEADER_LEN_MAX];
    let len = header.emit(&mut front);
    let mut out = TxBuf::new();
    out.append(payload);
    out.prepend_slice(front.get(..len).unwrap_or_default());
    let again = tcp::Header::parse(out.as_slice());
    assert_eq!(again.map(|(header, _)| header), Ok(header), "a header is read as it is written");
}

/// A hardware address for hosts in these tests.
pub(crate) const fn mac(n: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, n])
}
