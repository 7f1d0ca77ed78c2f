use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use base::{Cx, Instant, TxBuf, Wall, World, checksum};
use ethernet::{EtherType, Header};
use host::{Config, Host, InterfaceConfig};
use ip::{InterfaceId, Protocol, v4, v6};
use multicast::wire::ALL_NODES_V6;
use neighbor::Claim;
use phys::RxFrame;

use crate::packets::mac;

/// How many frames one frame may make a host send: a window of TCP, or a long datagram's parts.
const ANSWERS_MAX: usize = 128;

const US: [u8; 4] = [10, 0, 0, 1];
const PEER: [u8; 4] = [10, 0, 0, 2];
const US_V6: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const PEER_V6: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

/// Feeds a host with frames. It never panics, never answers one with a flood, and what it keeps
/// stays bounded.
///
/// The bytes are steps: what it is, a length, and so many bytes, which are a frame or the inside of
/// one. What is inside has right lengths and checksums, so that fuzzers get past them.
pub fn frames(data: &[u8]) {
    let mut world = World::seeded(1);
    let (mut host, mut now) = (Host::new(Config::new([7; 16])), Instant::ORIGIN);
    let (mut out, mut frame) = (TxBuf::new(), TxBuf::new());
    let id = set_up(&mut host, &mut Cx::new(now, Wall(0), &mut world));
    let mut steps = data;
    while let Some(([what, len], rest)) = steps.split_first_chunk() {
        let (bytes, after) = rest.split_at_checked(usize::from(*len) * 4).unwrap_or((rest, &[]));
        steps = after;
        let mut cx = Cx::new(now, Wall(0), &mut world);
        if what % 8 == 7 {
            now = now.after(Duration::from_millis(u64::from(*len) * 37));
            host.handle_timeout(&mut Cx::new(now, Wall(0), &mut world));
        } else {
            build(*what, bytes, &mut frame);
            let frame = RxFrame::new(frame.as_slice());
            // Some come from behind another queue of the device, which it has from then on.
            if what & 0x40 == 0 {
                host.handle_frame(&mut cx, id, &frame);
            } else {
                host.share_interface(id);
                host.handle_stray(&mut cx, id, &frame);
            }
        }
        while host.poll_stray(&mut out).is_some() {
            let frame = RxFrame::new(out.as_slice());
            host.handle_stray(&mut Cx::new(now, Wall(0), &mut world), id, &frame);
        }
        drain(&mut host, &mut Cx::new(now, Wall(0), &mut world), &mut out);
    }
    let connections = host.tcp_connections().map(|(_, c)| c.info(now).memory);
    assert!(connections.sum::<usize>() <= 64 * 1024 + 8 * data.len(), "memory follows the input");
    assert!(host.neighbors().count() <= 1024);
    // What routers said: addresses, routes, servers of names.
    assert!(host.addresses().len() <= 64 && host.routes().count() <= 256);
    assert!(host.dns_servers(now, None).count() + host.dns_domains(now, None).count() <= 32);
}

fn set_up(host: &mut Host, cx: &mut Cx<'_>) -> InterfaceId {
    let config = InterfaceConfig::ethernet("fuzz", mac(1), 1500);
    let id = host.add_interface(config).expect("the first");
    let address = ip::Cidr::new(US.into(), 24).expect("24 bits");
    host.add_address(cx, id, address, Claim::Silent).expect("the first");
    assert!(host.add_neighbor(cx, id, PEER.into(), mac(2)));
    let address = ip::Cidr::new(US_V6.into(), 64).expect("64 bits");
    host.add_address(cx, id, address, Claim::Silent).expect("the second");
    let auto = host::AutoConfig { with_temporary: true, ..Default::default() };
    assert!(host.autoconfigure(cx, id, auto));
    assert!(host.join_group(id, IpAddr::from([239, 1, 2, 3])));
    let any = |port| SocketAddr::new(IpAddr::from([0; 4]), port);
    host.tcp_listen(any(80), 4).expect("the first");
    host.udp_bind(any(53)).expect("the first");
    let peer = SocketAddr::new(PEER.into(), 81);
    host.tcp_connect(cx, Some(SocketAddr::new(US.into(), 4000)), peer).expect("the first");
    id
}

/// A frame of this kind around `bytes`.
fn build(what: u8, bytes: &[u8], frame: &mut TxBuf) {
    frame.clear();
    frame.append(bytes);
    let protocol = match what % 8 {
        0 => return,
        1 => return link(EtherType::Arp, frame),
        2 => return link(EtherType::Ipv4, frame),
        3 if what & 0x80 != 0 => return icmpv6(what, frame),
        3 => return link(EtherType::Ipv6, frame),
        4 => Protocol::ICMP,
        5 => Protocol::UDP,
        _ => Protocol::TCP,
    };
    fix_checksum(protocol, frame.as_mut_slice());
    let header = v4::Header::new(PEER.into(), US.into(), protocol, 64);
    // The upper bits choose what a fragment would.
    let (more_fragments, offset) = (what & 0x80 != 0, usize::from(what >> 3 & 0xf) * 8);
    v4::Header { more_fragments, offset, dont_fragment: false, ..header }.emit(frame);
    link(EtherType::Ipv4, frame);
}

/// A message of ICMPv6 to everybody or to us, as neighbours and routers of the link send them, or
/// those who ask about groups; from one of three addresses.
fn icmpv6(what: u8, frame: &mut TxBuf) {
    let destination = if what & 8 != 0 { Ipv6Addr::from(US_V6) } else { ALL_NODES_V6 };
    let source = match what >> 4 & 3 {
        0 => Ipv6Addr::UNSPECIFIED,
        1 => Ipv6Addr::from(PEER_V6),
        n => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, n.into()),
    };
    let hop_limit = match frame.as_slice().first() {
        Some(130..=132 | 143) => 1,
        _ => ndp::wire::HOP_LIMIT,
    };
    let len = frame.len();
    if let Some(place) = frame.as_mut_slice().get_mut(2..4) {
        place.fill(0);
    }
    let mut sum = checksum::Sum::pseudo_v6(source, destination, 58, len);
    sum.add(frame.as_slice());
    if let Some(place) = frame.as_mut_slice().get_mut(2..4) {
        place.copy_from_slice(&sum.finish().to_be_bytes());
    }
    let (dscp, ecn, flow_label, next) = (0, ip::Ecn::NotEct, 0, Protocol::ICMPV6);
    v6::Header { dscp, ecn, flow_label, next, hop_limit, source, destination }.emit(frame);
    let to = if destination.is_multicast() { ethernet::group_v6(destination) } else { mac(1) };
    Header { destination: to, source: mac(2), tag: None, ethertype: EtherType::Ipv6 }.emit(frame);
}

fn link(ethertype: EtherType, frame: &mut TxBuf) {
    Header { destination: mac(1), source: mac(2), tag: None, ethertype }.emit(frame);
}

/// Puts the right checksum where this protocol has it.
fn fix_checksum(protocol: Protocol, bytes: &mut [u8]) {
    let len = bytes.len();
    let (at, pseudo) = match protocol {
        Protocol::ICMP => (2, checksum::Sum::new()),
        Protocol::UDP => (6, checksum::Sum::pseudo_v4(PEER.into(), US.into(), 17, len)),
        _ => (16, checksum::Sum::pseudo_v4(PEER.into(), US.into(), 6, len)),
    };
    if protocol == Protocol::UDP
        && let Some(place) = bytes.get_mut(4..).and_then(|rest| rest.first_chunk_mut())
    {
        *place = (len as u16).to_be_bytes();
    }
    let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<2>()) else {
        return;
    };
    *place = [0; 2];
    let mut sum = pseudo;
    sum.add(bytes);
    let sum = sum.finish().to_be_bytes();
    if let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *place = sum;
    }
}

fn drain(host: &mut Host, cx: &mut Cx<'_>, out: &mut TxBuf) {
    let mut sent = 0;
    while host.poll_frame(cx, out).is_some() {
        sent += 1;
        assert!(out.len() <= 1514, "a frame is no longer than the link takes");
        assert!(sent <= ANSWERS_MAX, "one frame makes a flood");
    }
    while let Some(event) = host.poll_event() {
        // A user who reads and closes whatever comes.
        if let host::Event::Tcp(host::TcpEvent::Connection(id, event)) = event {
            let _ = host.tcp_read(cx, id, &mut [0; 4096]);
            if matches!(event, tcp::Event::PeerFinished | tcp::Event::Failed(_)) {
                host.tcp_close(cx, id);
            }
        }
    }
}
