//! What does not go, and who is told.

use super::*;
use base::checksum;
use expect_test::expect;
use icmp::{Error, Exceeded, Unreachable};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn what_cannot_be_read_is_dropped_and_said() {
    let mut net = Net::pair(&[Layer::Link, Layer::Network]);
    let mut frame = [0xff; 34];
    (frame[6], frame[12], frame[13], frame[14]) = (2, 8, 0, 0x45);
    for bytes in [&frame[..], &frame[..9]] {
        net.with(0, |cx, host| host.handle_frame(cx, IF1, &RxFrame::new(bytes)));
    }
    expect![[r#"
        0.000000s Link FrameIn from=02:ff:ff:ff:ff:ff to=ff:ff:ff:ff:ff:ff carries=Ipv4 len=34
        0.000000s Network Unreadable what="IPv4 header checksum"
        0.000000s Link Unreadable what="shorter than an Ethernet header"
    "#]]
    .assert_eq(&net.film());
}

//= test RFC 1122 §4.1.3.1: nobody listens, and the sender is told
//= test RFC 1122 §4.1.3.3: and its socket learns it
#[test]
fn a_port_at_which_nobody_listens() {
    let mut net = Net::pair(&[Layer::Network, Layer::Transport]);
    let client = net.hosts[0].udp_bind(at("0.0.0.0:5000")).unwrap();
    net.hosts[0].udp_send(client, Some(at("10.0.0.2:53")), b"question").unwrap();
    net.run(SECOND);
    expect![[r#"
        0.000000s Transport DatagramOut from=10.0.0.1:5000 to=10.0.0.2:53 len=8
        0.000000s Network PacketOut from=10.0.0.1 to=10.0.0.2 carries=UDP len=16
        0.003000s Network PacketIn from=10.0.0.1 to=10.0.0.2 carries=UDP len=16
        0.003000s Transport DatagramIn from=10.0.0.1:5000 to=10.0.0.2:53 len=8
        0.003000s Transport Dropped from=10.0.0.1:5000 to=10.0.0.2:53 why=NobodyListens
        0.003000s Network ErrorOut to=10.0.0.1 error=Unreachable(Port)
        0.003000s Network PacketOut from=10.0.0.2 to=10.0.0.1 carries=ICMP len=44
        0.004000s Network PacketIn from=10.0.0.2 to=10.0.0.1 carries=ICMP len=44
        0.004000s Network ErrorIn from=10.0.0.2 error=Unreachable(Port) about=10.0.0.2
    "#]]
    .assert_eq(&net.film());
    let error = Error::Unreachable(Unreachable::Port);
    let failed = udp::Event::Failed { socket: client, to: at("10.0.0.2:53"), error };
    assert_eq!(net.events, [(0, Event::Udp(failed))]);
}

#[test]
fn a_neighbour_who_is_not_there() {
    let mut net = Net::pair(&[Layer::Network]);
    assert!(net.with(0, |cx, host| host.ping(cx, ip("10.0.0.9"), (7, 1), b"")));
    net.run(5 * SECOND);
    let error = Error::Unreachable(Unreachable::Host);
    let (to, from) = (ip("10.0.0.9"), ip("10.0.0.1"));
    assert_eq!(net.events, [(0, Event::PingFailed { to, id: 7, seq: 1, from, error })]);
}

#[test]
fn a_network_to_which_there_is_no_route() {
    let mut net = Net::pair(&[Layer::Network]);
    let client = net.hosts[0].udp_bind(at("10.0.0.1:5000")).unwrap();
    net.hosts[0].udp_send(client, Some(at("192.0.2.1:53")), b"question").unwrap();
    net.run(SECOND);
    let error = Error::Unreachable(Unreachable::Net);
    let failed = udp::Event::Failed { socket: client, to: at("192.0.2.1:53"), error };
    assert_eq!(net.events, [(0, Event::Udp(failed))]);
}

//= test RFC 1812 §5.3.1: who is passed on too often is dropped, and the sender is told
//= test RFC 1812 §4.3.3.1: where there is no route, the sender is told
//= test RFC 1812 §4.3.3.2: also when the last hop does not answer
#[test]
fn a_router_tells_what_it_does_not_pass_on() {
    let mut net = Net::routed(&[Layer::Network], 1500);
    net.hosts[0].network.set_hop_limit(1);
    assert!(net.with(0, |cx, host| host.ping(cx, ip("10.0.2.1"), (7, 1), b"")));
    net.run(SECOND);
    net.hosts[0].network.set_hop_limit(64);
    assert!(net.with(0, |cx, host| host.ping(cx, ip("192.0.2.1"), (7, 2), b"")));
    assert!(net.with(0, |cx, host| host.ping(cx, ip("10.0.2.9"), (7, 3), b"")));
    net.run(9 * SECOND);
    let failed = |to, seq, error| {
        let (to, from) = (ip(to), ip("10.0.1.254"));
        (0, Event::PingFailed { to, id: 7, seq, from, error })
    };
    let expected = [
        failed("10.0.2.1", 1, Error::TimeExceeded(Exceeded::Hops)),
        failed("192.0.2.1", 2, Error::Unreachable(Unreachable::Net)),
        failed("10.0.2.9", 3, Error::Unreachable(Unreachable::Host)),
    ];
    assert_eq!(net.events, expected);
}

//= test RFC 1122 §3.2.1.3: addresses that nobody can have
//= test RFC 1122 §3.3.6: what was sent to all must be for all
//= test RFC 1812 §5.3.8: nobody else sends from our addresses
#[test]
fn martians_are_dropped() {
    let mut net = Net::pair(&[Layer::Network]);
    let us = Mac([2, 0, 0, 0, 1, 1]);
    let table = [
        ("127.0.0.1", "10.0.0.1", us),
        ("10.0.0.1", "10.0.0.1", us),
        ("10.0.255.255", "10.0.0.1", us),
        ("224.0.0.1", "10.0.0.1", us),
        ("0.0.0.0", "10.0.0.1", us),
        ("10.0.0.2", "127.0.0.1", us),
        ("10.0.0.2", "10.0.0.3", us),
        ("10.0.0.2", "10.0.0.1", Mac::BROADCAST),
    ];
    for (from, to, destination) in table {
        let mut out = TxBuf::new();
        icmp::Message::EchoRequest { id: 1, seq: 1, data: b"" }.emit_v4(&mut out);
        out.finish_checksum();
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        ip::v4::Header::new(from, to, ip::Protocol::ICMP, 64).emit(&mut out);
        let (source, tag, ethertype) = (Mac([2; 6]), None, ethernet::EtherType::Ipv4);
        ethernet::Header { destination, source, tag, ethertype }.emit(&mut out);
        net.with(0, |cx, host| host.handle_frame(cx, IF1, &RxFrame::new(out.as_slice())));
    }
    let film = net.film();
    let why = film.lines().filter_map(|line| line.split_once("why=")).map(|(_, why)| why);
    let why: Vec<_> = why.collect();
    let source = "MartianSource";
    let destination = "MartianDestination";
    let expected =
        [source, "FromOurselves", source, source, source, destination, "NotForUs", destination];
    assert_eq!(why, expected, "{film}");
    net.run(SECOND);
    assert!(net.in_flight.is_empty() && net.events.is_empty());
}

//= test RFC 5227 §2.1.1: an address is used only when nobody else has it
#[test]
fn an_address_that_is_taken_is_not_used() {
    let mut net = Net::pair(&[Layer::Link]);
    for address in ["10.0.0.2/24", "10.0.0.7/24"] {
        let cidr = address.parse().unwrap();
        net.with(0, |cx, host| host.add_address(cx, IF1, cidr, Claim::Probe)).unwrap();
    }
    net.run(10 * SECOND);
    let mac = Mac([2, 0, 0, 0, 2, 1]);
    let (lost, ready) = (ip("10.0.0.2"), ip("10.0.0.7"));
    assert_eq!(
        net.events,
        [
            (0, Event::AddressLost { interface: IF1, address: lost, to: mac }),
            (0, Event::AddressReady { interface: IF1, address: ready }),
        ]
    );
    assert_eq!(net.hosts[0].addresses().iter().filter(|own| own.is_ready).count(), 4);
}

#[test]
fn an_error_about_what_we_did_not_send_changes_nothing() {
    let mut net = Net::pair(&[Layer::Network]);
    let mut quote = TxBuf::new();
    quote.append(&[0, 53, 0, 54, 0, 8, 0, 0]);
    let (us, peer) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
    ip::v4::Header::new(us, peer, ip::Protocol::UDP, 64).emit(&mut quote);
    let mut out = TxBuf::new();
    let error = Error::TooBig { mtu: 600 };
    icmp::Message::Error { error, quote: quote.as_slice() }.emit_v4(&mut out);
    out.finish_checksum();
    assert_eq!(checksum::of(out.as_slice()), 0);
    ip::v4::Header::new(peer, us, ip::Protocol::ICMP, 64).emit(&mut out);
    let (destination, source) = (Mac([2, 0, 0, 0, 1, 1]), Mac([2, 0, 0, 0, 2, 1]));
    let (tag, ethertype) = (None, ethernet::EtherType::Ipv4);
    ethernet::Header { destination, source, tag, ethertype }.emit(&mut out);
    net.with(0, |cx, host| host.handle_frame(cx, IF1, &RxFrame::new(out.as_slice())));
    expect![[r#"
        0.000000s Network PacketIn from=10.0.0.2 to=10.0.0.1 carries=ICMP len=36
        0.000000s Network ErrorIn from=10.0.0.2 error=TooBig { mtu: 600 } about=10.0.0.2
        0.000000s Network Ignored from=10.0.0.2 why=NotOurs
    "#]]
    .assert_eq(&net.film());
    assert_eq!(net.hosts[0].network.mtu_to(net.now, ip("10.0.0.2")), 1500);
}

/// Connections that nobody means to finish stand in nobody's way, neither in the
/// listener's queue nor in the table of neighbours.
#[test]
fn a_flood_of_syns_stops_nobody() {
    let mut net = Net::pair(&[Layer::Transport]);
    let listener = net.hosts[1].tcp_listen(at("0.0.0.0:80"), 8).unwrap();
    let remote = at("10.0.0.2:80");
    let mut client = None;
    for n in 0..20_000u32 {
        // Invented neighbours: each would have to be looked for.
        let from = std::net::Ipv4Addr::new(10, 0, (n >> 8) as u8, n as u8);
        let header = tcp::Header {
            source: 1000 + n as u16,
            destination: 80,
            seq: tcp::Seq(n),
            flags: tcp::Flags::SYN,
            window: 1000,
            ..tcp::Header::default()
        };
        net.with(1, |cx, host| host.handle_frame(cx, IF1, &RxFrame::new(&syn(from, &header))));
        if n % 100 == 0 {
            net.run(Duration::from_millis(2));
        }
        if n == 10_000 {
            client = net.with(0, |cx, host| host.tcp_connect(cx, None, remote)).ok();
        }
    }
    net.run(5 * SECOND);
    let accepted = net.hosts[1].tcp_accept(listener).expect("who means it is served");
    let flow = net.hosts[1].tcp(accepted).unwrap().flow();
    assert_eq!(flow.remote.ip(), ip("10.0.0.1"));
    assert!(net.hosts[0].tcp(client.unwrap()).unwrap().failure().is_none());
    assert!(net.hosts[1].neighbors().count() <= 1024);
    let (_, listener) = net.hosts[1].tcp_listener(listener).unwrap();
    assert!(listener.half_open() <= 4096 && net.hosts[1].tcp_connections().count() == 1);
}

/// A frame with a segment from an address of 10/8 to the second host.
fn syn(from: std::net::Ipv4Addr, header: &tcp::Header) -> Vec<u8> {
    let to = [10, 0, 0, 2].into();
    let mut bytes = [0; tcp::wire::HEADER_LEN_MAX];
    let len = header.emit(&mut bytes);
    let mut out = TxBuf::new();
    out.append(&bytes[..len]);
    let mut sum = checksum::Sum::pseudo_v4(from, to, 6, len);
    sum.add(out.as_slice());
    out.as_mut_slice()[16..18].copy_from_slice(&sum.finish().to_be_bytes());
    ip::v4::Header::new(from, to, ip::Protocol::TCP, 64).emit(&mut out);
    let (destination, source) = (Mac([2, 0, 0, 0, 2, 1]), Mac([2, 0, 0, 0, 9, 9]));
    let (tag, ethertype) = (None, ethernet::EtherType::Ipv4);
    ethernet::Header { destination, source, tag, ethertype }.emit(&mut out);
    out.as_slice().to_vec()
}
