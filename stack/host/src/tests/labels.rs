//! Labels of flows, in IPv6. (RFC 6437)

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// The labels of each flow of a host, by protocol and ports, in what it sent.
fn labels(net: &mut Net, host: usize) -> BTreeMap<(u8, [u8; 4]), BTreeSet<u32>> {
    let mut all: BTreeMap<_, BTreeSet<u32>> = BTreeMap::new();
    for (_, frame) in net.frames.take().unwrap().iter().filter(|(from, _)| *from == host) {
        let (header, rest) = ip::v6::Header::parse(&frame[14..]).unwrap();
        let ports = *rest.first_chunk().unwrap();
        all.entry((header.next.0, ports)).or_default().insert(header.flow_label);
    }
    all
}

//= test RFC 6437 §3: all packets of a flow have one label, and other flows another
//= test RFC 6437 §2: a flow that is labelled has no label of 0
#[test]
fn every_flow_has_a_label_of_its_own() {
    let mut net = neighbors::pair_v6(&[]);
    net.frames = Some(Vec::new());
    let listener = net.hosts[1].tcp_listen(at("[::]:80"), 8).unwrap();
    let clients = [(); 8]
        .map(|()| net.with(0, |cx, host| host.tcp_connect(cx, None, at("[fd00::2]:80"))).unwrap());
    net.run(Duration::from_secs(5));
    while net.hosts[1].tcp_accept(listener).is_some() {}
    for client in clients {
        net.with(0, |cx, host| host.tcp_write_slice(cx, client, &[7; 10_000]));
    }
    let socket = net.hosts[0].udp_bind(at("[::]:53")).unwrap();
    for port in [1000, 1000, 2000] {
        let to = SocketAddr::new(ip("fd00::2"), port);
        net.hosts[0].udp_send(socket, Some(to), b"datagram").unwrap();
    }
    // Resets, of no connection, and errors of ICMP.
    net.with(0, |cx, host| host.tcp_connect(cx, None, at("[fd00::2]:81"))).unwrap();
    net.run(Duration::from_secs(5));
    let frames = net.frames.clone();
    let sent = labels(&mut net, 0);
    let tcp_and_udp = sent.iter().filter(|((protocol, _), _)| [6, 17].contains(protocol));
    let each: Vec<_> = tcp_and_udp.map(|(_, labels)| labels.clone()).collect();
    assert_eq!(each.len(), 8 + 1 + 2, "{sent:?}");
    assert!(each.iter().all(|labels| labels.len() == 1 && !labels.contains(&0)), "{sent:?}");
    let distinct: BTreeSet<u32> = each.into_iter().flatten().collect();
    assert_eq!(distinct.len(), 8 + 1 + 2, "{distinct:?}");
    // Each direction has its own, with the handshake of the other end too.
    net.frames = frames;
    let answered = labels(&mut net, 1);
    let of_80 = answered.iter().filter(|((protocol, ports), _)| *protocol == 6 && ports[1] == 80);
    let of_80: Vec<_> = of_80.map(|(_, labels)| labels.clone()).collect();
    assert_eq!(of_80.len(), 8, "{answered:?}");
    assert!(of_80.iter().all(|labels| labels.len() == 1 && !labels.contains(&0)), "{of_80:?}");
}
