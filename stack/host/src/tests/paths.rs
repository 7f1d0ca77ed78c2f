//! Paths, headers and errors of IPv6.

use super::neighbors::{pair_v6, v6};
use super::*;
use icmp::Error;

const SECOND: Duration = Duration::from_secs(1);

/// A host, fd00:1::1, and another, fd00:2::1, with a router between them whose second link takes `mtu`
/// bytes.
fn routed_v6(mtu: usize) -> Net {
    let mut net = Net::new(&[Layer::Network]);
    let (a, b) = (net.add_host(&["fd00:1::1/64"]), net.add_host(&["fd00:2::1/64"]));
    let router = net.add_host(&["fd00:1::ff/64", "fd00:2::ff/64"]);
    net.hosts[router].set_router(true);
    for (host, gateway) in [(a, "fd00:1::ff"), (b, "fd00:2::ff")] {
        let route = Route::via(Prefix::ALL_V6, IF1, ip(gateway));
        net.hosts[host].add_route(route).unwrap();
    }
    net.cables.push([(a, IF1), (router, IF1)]);
    net.cables.push([(router, InterfaceId(2)), (b, IF1)]);
    net.hosts[router].network.interface_mut(InterfaceId(2)).unwrap().device.mtu = mtu;
    net
}

//= test RFC 8201 §4: what a router says of the path is believed, and later packets are cut by us
//= test RFC 4443 §3.2: a router says how long a packet may be, to who sent it
//= test RFC 8200 §5: routers cut nothing
//= test RFC 8201 §5.3: after ten minutes a longer path is looked for again
#[test]
fn a_narrow_path_of_ipv6_is_found() {
    let mut net = routed_v6(1300);
    let ping = |net: &mut Net, seq| {
        assert!(net.with(0, |cx, host| host.ping(cx, ip("fd00:2::1"), (7, seq), &[1; 1400])));
        net.run(SECOND);
    };
    let path = |net: &Net| net.hosts[0].network.mtu_to(net.now, ip("fd00:2::1"));
    ping(&mut net, 1);
    let error = Error::TooBig { mtu: 1300 };
    let failed = |event: &(usize, Event)| matches!(event, (0, Event::PingFailed { error: told, .. }) if *told == error);
    assert!(net.events.iter().any(failed), "{:?}", net.events);
    assert_eq!(path(&net), 1300);
    ping(&mut net, 2);
    let is_answer = |event: &(usize, Event)| matches!(event, (0, Event::Pong(_)));
    assert!(net.events.iter().any(is_answer), "{}", net.film());
    let film = net.film();
    assert!(film.contains("Fragmented to=fd00:1::ff len=1448 mtu=1300"), "{film}");
    net.run(601 * SECOND);
    assert_eq!(path(&net), 1500);
}

/// A packet from fd00::2 to `to`, of `next` and what follows.
fn packet(to: &str, next: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = TxBuf::new();
    out.append(payload);
    ip::v6::Header {
        dscp: 0,
        ecn: ip::Ecn::NotEct,
        flow_label: 0,
        next: ip::Protocol(next),
        hop_limit: 64,
        source: v6("fd00::2"),
        destination: v6(to),
    }
    .emit(&mut out);
    let destination = match v6(to).is_multicast() {
        true => ethernet::group_v6(v6(to)),
        false => Mac([2, 0, 0, 0, 1, 1]),
    };
    let (source, tag, ethertype) = (Mac([2, 0, 0, 0, 2, 1]), None, ethernet::EtherType::Ipv6);
    ethernet::Header { destination, source, tag, ethertype }.emit(&mut out);
    out.as_slice().to_vec()
}

//= test RFC 4443 §3.4: what nobody here knows is answered, with where it is said
//= test RFC 4443 §2.4: an option decides whether who sent to a group is told
//= test RFC 8200 §4.2: by its first two bits
#[test]
fn headers_that_are_not_known_are_answered_by_rule() {
    let mut net = pair_v6(&[Layer::Network]);
    net.run(5 * SECOND);
    // Destination options with one that is not known: kind, and what stands in front of it.
    let option = |kind: u8| [58, 0, kind, 4, 0, 0, 0, 0];
    let padded = [200, 0, 1, 4, 0, 0, 0, 0];
    let (us, group) = ("fd00::1", "ff02::1");
    type Row<'a> = (&'a str, u8, &'a [u8], Option<(u8, u32)>);
    let table: [Row<'_>; 9] = [
        (us, 200, &[0; 8], Some((1, 6))),
        // RFC 4443 §3.4: the pointer shows the field that is not known, behind another header.
        (us, 60, &padded, Some((1, 40))),
        (us, 60, &option(0x3f), None),
        (us, 60, &option(0x7f), None),
        (us, 60, &option(0x9f), Some((2, 42))),
        (us, 60, &option(0xdf), Some((2, 42))),
        (group, 60, &option(0x9f), Some((2, 42))),
        (group, 60, &option(0xdf), None),
        // It is somebody else's to answer.
        ("fd00::9", 60, &option(0x9f), None),
    ];
    for (n, (to, next, payload, expected)) in table.into_iter().enumerate() {
        net.film.text.clear();
        let bytes = packet(to, next, payload);
        net.with(0, |cx, host| host.handle_frame(cx, IF1, &RxFrame::new(&bytes)));
        net.run(SECOND);
        let sent = expected.map(|(code, pointer)| {
            format!(
                "ErrorOut to=fd00::2 error=ParameterProblem {{ code: {code}, pointer: {pointer} }}"
            )
        });
        let film = net.film();
        match sent {
            Some(sent) => assert!(film.contains(&sent), "{n}: {film}"),
            None => assert!(!film.contains("ErrorOut"), "{n}: {film}"),
        }
    }
}

//= test RFC 6980 §5: neighbour discovery that says that it was cut is dropped, even if it is whole
//= test RFC 6946 §4: and what else is whole is delivered
#[test]
fn what_says_that_it_was_cut_may_be_whole() {
    let mut net = pair_v6(&[Layer::Network]);
    net.run(5 * SECOND);
    net.film.text.clear();
    let (from, to) = (v6("fd00::2"), v6("fd00::1"));
    let mut said = Vec::new();
    for message in [
        icmp::Message::EchoRequest { id: 1, seq: 1, data: b"" },
        icmp::Message::Other { kind: 135, code: 0, body: &[0; 20] },
    ] {
        let mut out = TxBuf::new();
        message.emit_v6(from, to, &mut out);
        out.finish_checksum();
        let (next, offset, more_fragments, identification) = (ip::Protocol::ICMPV6, 0, false, 7);
        ip::v6::FragmentHeader { next, offset, more_fragments, identification }.emit(&mut out);
        let mut bytes = packet("fd00::1", 44, out.as_slice());
        bytes[14 + 7] = 255;
        net.with(0, |cx, host| host.handle_frame(cx, IF1, &RxFrame::new(&bytes)));
        said.push(std::mem::take(&mut net.film.text));
    }
    assert!(said[0].contains("EchoRequestIn"), "{}", said[0]);
    assert!(said[1].contains("why=InParts"), "{}", said[1]);
}
