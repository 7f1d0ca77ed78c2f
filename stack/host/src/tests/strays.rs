//! Packets that came in parts, with hosts behind two queues of one device.

use ip::{Fragments, Protocol, v4};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A peer, 10.0.0.1, which has a cable to the first of two hosts that are both 10.0.0.2; behind the
/// second queue comes what `feed` gives it.
fn scene() -> Net {
    let mut net = Net::pair(&[Layer::Network, Layer::Transport]);
    let second = net.add_host(&["10.0.0.2/16"]);
    for host in [1, second] {
        assert!(net.hosts[host].share_interface(IF1));
    }
    net
}

/// A datagram or segment from the peer, as it is behind the header of IP.
fn parts_of(protocol: Protocol, payload: &[u8]) -> Vec<Vec<u8>> {
    let mut packet = TxBuf::new();
    packet.append(payload);
    let (from, to) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
    let header = v4::Header::new(from, to, protocol, 64);
    v4::Header { dont_fragment: false, identification: 77, ..header }.emit(&mut packet);
    let mut parts = Fragments::new(packet.as_slice(), 200, 77).unwrap();
    let (mut all, mut part) = (Vec::new(), TxBuf::new());
    while parts.next(&mut part) {
        let (destination, source) = (Mac([2, 0, 0, 0, 3, 1]), Mac([2, 0, 0, 0, 1, 1]));
        let (tag, ethertype) = (None, ethernet::EtherType::Ipv4);
        ethernet::Header { destination, source, tag, ethertype }.emit(&mut part);
        all.push(part.as_slice().to_vec());
    }
    assert!(all.len() > 2);
    all
}

/// Parts come to the second queue; what its host hands over goes to the first one. How many that were.
fn feed(net: &mut Net, parts: &[Vec<u8>]) -> usize {
    for part in parts {
        net.with(2, |cx, host| host.handle_frame(cx, IF1, &RxFrame::new(part)));
    }
    let (mut count, mut out) = (0, TxBuf::new());
    while net.hosts[2].poll_stray(&mut out) == Some(IF1) {
        count += 1;
        let mac = net.hosts[1].interfaces().nth(1).unwrap().mac;
        out.as_mut_slice()[..6].copy_from_slice(&mac.0);
        let frame = RxFrame::new(out.as_slice());
        net.with(1, |cx, host| host.handle_stray(cx, IF1, &frame));
        assert_eq!(net.hosts[1].poll_stray(&mut TxBuf::new()), None, "it goes on to nobody");
    }
    count
}

/// What a host answers.
fn answers(net: &mut Net, host: usize) -> usize {
    let mut out = TxBuf::new();
    let mut count = 0;
    while net.with(host, |cx, host| host.poll_frame(cx, &mut out)).is_some() {
        count += 1;
    }
    count
}

#[test]
fn a_segment_in_parts_comes_to_its_connection_at_another_queue() {
    let mut net = scene();
    // The second host speaks to the peer by no cable: it only hears.
    let listener = net.hosts[1].tcp_listen(at("0.0.0.0:80"), 8).unwrap();
    net.hosts[2].tcp_listen(at("0.0.0.0:80"), 8).unwrap();
    let client = net.with(0, |cx, host| host.tcp_connect(cx, None, at("10.0.0.2:80"))).unwrap();
    net.run(SECOND);
    let server = net.hosts[1].tcp_accept(listener).unwrap();
    // The peer's segment, cut on its way.
    net.frames = Some(Vec::new());
    net.cables.clear();
    net.with(0, |cx, host| host.tcp_write_slice(cx, client, &[7; 1000]));
    net.run(Duration::from_millis(1));
    let frames = net.frames.take().unwrap();
    let mut segment = TxBuf::new();
    segment.append(&frames.first().unwrap().1[34..]);
    assert_eq!(feed(&mut net, &parts_of(Protocol::TCP, segment.as_slice())), 1);
    let mut into = [0; 2000];
    let len = net.with(1, |cx, host| host.tcp_read(cx, server, &mut into));
    assert_eq!((len, into[..len].iter().all(|byte| *byte == 7)), (1000, true), "{}", net.film());
    assert_eq!(answers(&mut net, 2), 0);
}

#[test]
fn what_comes_in_parts_and_is_nobodys_is_answered_by_nobody() {
    let mut net = scene();
    for host in [1, 2] {
        net.hosts[host].tcp_listen(at("0.0.0.0:80"), 8).unwrap();
        answers(&mut net, host);
    }
    // A segment with ACK of no connection, and a datagram to no socket; their checksums are zero.
    let mut segment = vec![0; 800];
    segment[..14].copy_from_slice(&[4, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10]);
    let mut datagram = vec![0; 800];
    datagram[..6].copy_from_slice(&[4, 0, 0, 53, 3, 32]);
    for (protocol, bytes) in [(Protocol::TCP, segment), (Protocol::UDP, datagram)] {
        assert_eq!(feed(&mut net, &parts_of(protocol, &bytes)), 1);
        assert_eq!([1, 2].map(|host| answers(&mut net, host)), [0, 0]);
    }
    assert_eq!(net.film().matches("why=NotAtThisQueue").count(), 2, "{}", net.film());
    // Where somebody listens, the datagram stays where it came.
    let socket = net.hosts[2].udp_bind(at("0.0.0.0:53")).unwrap();
    let mut datagram = vec![0; 800];
    datagram[..6].copy_from_slice(&[4, 0, 0, 53, 3, 32]);
    assert_eq!(feed(&mut net, &parts_of(Protocol::UDP, &datagram)), 0);
    assert_eq!(net.hosts[2].udp_receive(socket, &mut [0; 2000]).map(|(len, _)| len), Some(792));
    // Strangers fill no memory: nobody fetches what waits.
    let parts = parts_of(Protocol::TCP, &[1; 800]);
    for _ in 0..1000 {
        for part in &parts {
            net.with(2, |cx, host| host.handle_frame(cx, IF1, &RxFrame::new(part)));
        }
    }
    let mut out = TxBuf::new();
    let waiting = std::iter::from_fn(|| net.hosts[2].poll_stray(&mut out)).count();
    assert_eq!(waiting, 32);
}
