//! Neighbours of IPv6: who is where, and whose an address is.

use super::*;
use expect_test::expect;
use ndp::wire::{Ends, Message, NeighborAdvertisement, solicited_node};
use std::net::Ipv6Addr;

const SECOND: Duration = Duration::from_secs(1);

/// Somebody whom no test has as a host.
const STRANGER: Mac = Mac([2, 0, 0, 0, 9, 9]);

pub(super) fn v6(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

/// Two hosts, fd00::1 and fd00::2, on one cable.
pub(super) fn pair_v6(layers: &[Layer]) -> Net {
    let mut net = Net::new(layers);
    let hosts = ["fd00::1/64", "fd00::2/64"].map(|address| net.add_host(&[address]));
    net.cables.push(hosts.map(|host| (host, IF1)));
    net
}

/// A frame with a message of neighbour discovery.
pub(super) fn frame(
    (mac, source): (Mac, Ipv6Addr),
    (to, destination): (Mac, Ipv6Addr),
    hop_limit: u8,
    message: &Message<'_>,
) -> Vec<u8> {
    let (mut body, mut out) = (Vec::new(), TxBuf::new());
    let kind = message.emit(&mut body);
    icmp::Message::Other { kind, code: 0, body: &body }.emit_v6(source, destination, &mut out);
    out.finish_checksum();
    let (dscp, ecn, flow_label, next) = (0, ip::Ecn::NotEct, 0, ip::Protocol::ICMPV6);
    ip::v6::Header { dscp, ecn, flow_label, next, hop_limit, source, destination }.emit(&mut out);
    let (tag, ethertype) = (None, ethernet::EtherType::Ipv6);
    ethernet::Header { destination: to, source: mac, tag, ethertype }.emit(&mut out);
    out.as_slice().to_vec()
}

/// What the host says to a message: each frame as what it holds.
fn answers(net: &mut Net, host: usize, bytes: &[u8]) -> Vec<(Mac, Ends, Vec<u8>)> {
    net.with(host, |cx, host| host.handle_frame(cx, IF1, &RxFrame::new(bytes)));
    let mut out = TxBuf::new();
    let mut all = Vec::new();
    while net.with(host, |cx, host| host.poll_frame(cx, &mut out)).is_some() {
        let (link, packet) = ethernet::Header::parse(out.as_slice()).unwrap();
        let (header, payload) = ip::v6::Header::parse(packet).unwrap();
        let ip::v6::Header { source, destination, hop_limit, .. } = header;
        let ends = Ends { source, destination, hop_limit, is_fragmented: false };
        all.push((link.destination, ends, payload.to_vec()));
    }
    all
}

fn advertisement(target: &str, mac: Mac) -> NeighborAdvertisement {
    NeighborAdvertisement {
        target: v6(target),
        is_router: false,
        is_solicited: true,
        overrides: true,
        mac: Some(mac),
    }
}

fn state(net: &Net, host: usize, address: &str) -> Option<(Option<Mac>, neighbor::State)> {
    let found = net.hosts[host].neighbors().find(|found| found.address == ip(address));
    found.map(|found| (found.mac, found.state))
}

//= test RFC 4861 §7.2.2: everybody whose address ends so is asked, from the address that wants to send
//= test RFC 4861 §7.2.4: and who has it answers the asker alone
#[test]
fn a_ping_over_ethernet_finds_its_neighbour() {
    let mut net = pair_v6(&[Layer::Link, Layer::Network]);
    net.run(5 * SECOND);
    net.film.text.clear();
    assert!(net.with(0, |cx, host| host.ping(cx, ip("fd00::2"), (7, 1), b"are you there?")));
    net.run(SECOND);
    expect![[r#"
        5.000000s Network EchoRequestOut to=fd00::2 id=7 seq=1 len=14
        5.000000s Network PacketOut from=fd00::1 to=fd00::2 carries=ICMPv6 len=22
        5.000000s Link Asked target=fd00::2 to=None attempt=1
        5.000000s Network SolicitationOut target=fd00::2 from=fd00::1
        5.000000s Network PacketOut from=fd00::1 to=ff02::1:ff00:2 carries=ICMPv6 len=32
        5.000000s Link FrameOut from=02:00:00:00:01:01 to=33:33:ff:00:00:02 carries=Ipv6 len=86
        5.001000s Link FrameIn from=02:00:00:00:01:01 to=33:33:ff:00:00:02 carries=Ipv6 len=86
        5.001000s Network PacketIn from=fd00::1 to=ff02::1:ff00:2 carries=ICMPv6 len=32
        5.001000s Network SolicitationIn from=fd00::1 target=fd00::2
        5.001000s Link Learned ip=fd00::1 mac=02:00:00:00:01:01 state=Stale
        5.001000s Network AdvertisementOut target=fd00::2 to=fd00::1
        5.001000s Network PacketOut from=fd00::2 to=fd00::1 carries=ICMPv6 len=32
        5.001000s Link FrameOut from=02:00:00:00:02:01 to=02:00:00:00:01:01 carries=Ipv6 len=86
        5.002000s Link FrameIn from=02:00:00:00:02:01 to=02:00:00:00:01:01 carries=Ipv6 len=86
        5.002000s Network PacketIn from=fd00::2 to=fd00::1 carries=ICMPv6 len=32
        5.002000s Network AdvertisementIn from=fd00::2 target=fd00::2 mac=Some(02:00:00:00:02:01) solicited=true
        5.002000s Link Learned ip=fd00::2 mac=02:00:00:00:02:01 state=Reachable
        5.002000s Link FrameOut from=02:00:00:00:01:01 to=02:00:00:00:02:01 carries=Ipv6 len=76
        5.003000s Link FrameIn from=02:00:00:00:01:01 to=02:00:00:00:02:01 carries=Ipv6 len=76
        5.003000s Network PacketIn from=fd00::1 to=fd00::2 carries=ICMPv6 len=22
        5.003000s Network EchoRequestIn from=fd00::1 id=7 seq=1 len=14
        5.003000s Network EchoReplyOut to=fd00::1 id=7 seq=1 len=14
        5.003000s Network PacketOut from=fd00::2 to=fd00::1 carries=ICMPv6 len=22
        5.003000s Link FrameOut from=02:00:00:00:02:01 to=02:00:00:00:01:01 carries=Ipv6 len=76
        5.004000s Link FrameIn from=02:00:00:00:02:01 to=02:00:00:00:01:01 carries=Ipv6 len=76
        5.004000s Network PacketIn from=fd00::2 to=fd00::1 carries=ICMPv6 len=22
        5.004000s Network EchoReplyIn from=fd00::2 id=7 seq=1 len=14
    "#]].assert_eq(&net.film());
    let pong = icmp::Event::Answered { from: ip("fd00::2"), id: 7, seq: 1, len: 14, hop_limit: 64 };
    assert_eq!(net.events.last(), Some(&(0, Event::Pong(pong))));
}

//= test RFC 4861 §7.2.2: who does not answer three questions is unreachable
#[test]
fn a_neighbour_of_ipv6_who_is_not_there() {
    let mut net = pair_v6(&[Layer::Network]);
    assert!(net.with(0, |cx, host| host.ping(cx, ip("fd00::9"), (7, 1), b"")));
    net.run(5 * SECOND);
    assert_eq!(net.film().matches("SolicitationOut target=fd00::9").count(), 3);
    let error = icmp::Error::Unreachable(icmp::Unreachable::Host);
    let (to, from) = (ip("fd00::9"), ip("fd00::1"));
    let failed = Event::PingFailed { to, id: 7, seq: 1, from, error };
    assert!(net.events.contains(&(0, failed)), "{:?}", net.events);
}

//= test RFC 4861 §7.2.3: what is not valid, and what is not about us, is answered by nobody
//= test RFC 4861 §7.1.1: a hop limit that is not 255 proves nothing
#[test]
fn questions_are_answered_by_rule() {
    let mut net = pair_v6(&[Layer::Network]);
    net.run(5 * SECOND);
    let (all, group) = (Mac([0x33, 0x33, 0xff, 0, 0, 1]), solicited_node(v6("fd00::1")));
    let ask =
        |target: &str, mac| Message::NeighborSolicitation { target: v6(target), mac, nonce: None };
    let from = (STRANGER, v6("fd00::9"));
    let question = ask("fd00::1", Some(STRANGER));
    let said = answers(&mut net, 0, &frame(from, (all, group), 255, &question));
    let [(to, ends, payload)] = &said[..] else { panic!("{said:?}") };
    assert_eq!((*to, ends.destination, ends.hop_limit), (STRANGER, v6("fd00::9"), 255));
    let answer = Message::parse(136, 0, &payload[4..], ends).unwrap();
    let us = Mac([2, 0, 0, 0, 1, 1]);
    assert_eq!(answer, Message::NeighborAdvertisement(advertisement("fd00::1", us)));
    assert_eq!(state(&net, 0, "fd00::9"), Some((Some(STRANGER), neighbor::State::Stale)));
    // Who has no address is answered before everybody, and is no neighbour.
    let nobody = (STRANGER, Ipv6Addr::UNSPECIFIED);
    let said = answers(&mut net, 0, &frame(nobody, (all, group), 255, &ask("fd00::1", None)));
    let [(_, ends, payload)] = &said[..] else { panic!("{said:?}") };
    assert_eq!(ends.destination, multicast::wire::ALL_NODES_V6);
    let told = NeighborAdvertisement { is_solicited: false, ..advertisement("fd00::1", us) };
    let answer = Message::parse(136, 0, &payload[4..], ends).unwrap();
    assert_eq!(answer, Message::NeighborAdvertisement(told));
    for (hop_limit, question) in [(254, question), (255, ask("fd00::7", Some(STRANGER)))] {
        let said = answers(&mut net, 0, &frame(from, (all, group), hop_limit, &question));
        assert_eq!(said.len(), 0, "{hop_limit}");
    }
    let film = net.film();
    assert!(film.contains("why=PassedOn") && film.contains("why=NotOurs"), "{film}");
}

//= test RFC 4861 §7.2.5: what an advertisement changes, by its flags and what was known
#[test]
fn advertisements_change_what_their_flags_say() {
    use neighbor::State::{Reachable, Stale};
    let mut net = pair_v6(&[Layer::Link]);
    net.run(5 * SECOND);
    let (us, other) = (Mac([2, 0, 0, 0, 1, 1]), Mac([2, 0, 0, 0, 9, 8]));
    let hear = |net: &mut Net, told| {
        let message = Message::NeighborAdvertisement(told);
        let bytes = frame((STRANGER, v6("fd00::9")), (us, v6("fd00::1")), 255, &message);
        answers(net, 0, &bytes);
        state(net, 0, "fd00::9")
    };
    let told = advertisement("fd00::9", STRANGER);
    assert_eq!(hear(&mut net, told), None, "nobody asked");
    assert!(net.with(0, |cx, host| host.ping(cx, ip("fd00::9"), (7, 1), b"")));
    net.run(SECOND / 2);
    let nowhere = NeighborAdvertisement { mac: None, ..told };
    assert_eq!(hear(&mut net, nowhere).unwrap().0, None, "it says not where");
    assert_eq!(hear(&mut net, told), Some((Some(STRANGER), Reachable)));
    let timid = NeighborAdvertisement { overrides: false, ..advertisement("fd00::9", other) };
    assert_eq!(hear(&mut net, timid), Some((Some(STRANGER), Stale)), "it only makes us doubt");
    assert_eq!(hear(&mut net, timid), Some((Some(STRANGER), Stale)));
    assert_eq!(hear(&mut net, nowhere), Some((Some(STRANGER), Reachable)), "it confirms");
    let unasked = NeighborAdvertisement { is_solicited: false, ..advertisement("fd00::9", other) };
    assert_eq!(hear(&mut net, unasked), Some((Some(other), Stale)), "it replaces");
}

//= test RFC 4862 §5.4: an address is used when nobody else has it, and not when somebody has
//= test RFC 4862 §5.4.2: nobody asks for it, everybody whose address ends so is asked
#[test]
fn an_address_of_ipv6_that_is_taken_is_not_used() {
    let mut net = pair_v6(&[Layer::Link, Layer::Network]);
    net.run(5 * SECOND);
    net.events.clear();
    for address in ["fd00::2/64", "fd00::7/64"] {
        let cidr = address.parse().unwrap();
        net.with(0, |cx, host| host.add_address(cx, IF1, cidr, Claim::Probe)).unwrap();
    }
    assert!(
        !net.hosts[0]
            .addresses()
            .iter()
            .any(|own| own.is_ready && own.cidr.address() == ip("fd00::7"))
    );
    net.run(3 * SECOND);
    let mac = Mac([2, 0, 0, 0, 2, 1]);
    let (lost, ready) = (ip("fd00::2"), ip("fd00::7"));
    assert_eq!(
        net.events,
        [
            (0, Event::AddressLost { interface: IF1, address: lost, to: mac }),
            (0, Event::AddressReady { interface: IF1, address: ready }),
        ]
    );
}

//= test RFC 4862 §5.4.3: who wants the same address at the same time does not get it, nor do we
#[test]
fn two_who_want_the_same_address_both_let_go() {
    let mut net = Net::new(&[Layer::Network]);
    let hosts = [(); 2].map(|()| net.add_host(&["10.0.0.1/24"]));
    net.cables.push(hosts.map(|host| (host, IF1)));
    for host in hosts {
        let cidr = "fd00::7/64".parse().unwrap();
        net.with(host, |cx, host| host.add_address(cx, IF1, cidr, Claim::Announce)).unwrap();
    }
    net.run(5 * SECOND);
    for host in hosts {
        let lost = net.events.iter().any(|(of, event)| {
            *of == host
                && matches!(event, Event::AddressLost { address, .. } if *address == ip("fd00::7"))
        });
        assert!(lost, "{host}: {}", net.film());
    }
}

//= test RFC 7527 §4.2: a question of ours that comes back is no conflict
#[test]
fn a_looped_link_takes_no_address_away() {
    let mut net = Net::new(&[Layer::Network]);
    let host = net.add_host(&["10.0.0.1/24"]);
    let cidr = "fd00::7/64".parse().unwrap();
    net.with(host, |cx, host| host.add_address(cx, IF1, cidr, Claim::Probe)).unwrap();
    // What was sent in the first three seconds comes back.
    let mut out = TxBuf::new();
    for _ in 0..30 {
        net.with(host, |cx, host| host.handle_timeout(cx));
        while net.with(host, |cx, host| host.poll_frame(cx, &mut out)).is_some() {
            let back = out.as_slice().to_vec();
            net.with(host, |cx, host| host.handle_frame(cx, IF1, &RxFrame::new(&back)));
        }
        net.now = net.now.after(SECOND / 10);
    }
    let is_ready = |net: &Net| {
        net.hosts[host]
            .addresses()
            .iter()
            .any(|own| own.is_ready && own.cidr.address() == ip("fd00::7"))
    };
    assert!(net.film().contains("ProbeCameBack target=fd00::7") && !is_ready(&net));
    net.run(5 * SECOND);
    assert!(is_ready(&net), "{}", net.film());
}

//= test RFC 4291 §2.1: every interface has an address of its link
//= test RFC 7217 §5: which stays the same, and is another on another interface
//= test RFC 7217 §6: and another when it is somebody else's
#[test]
fn every_interface_that_speaks_ipv6_has_an_address_of_its_link() {
    let own = |net: &Net, host: usize| {
        let all = net.hosts[host].addresses().iter();
        let of_link = all.filter(|own| own.origin == crate::Origin::LinkLocal);
        of_link.map(|own| own.cidr.address()).collect::<Vec<_>>()
    };
    let mut net = pair_v6(&[Layer::Network]);
    let again = pair_v6(&[Layer::Network]);
    let first = own(&net, 0);
    assert_eq!(first.len(), 1);
    assert_eq!(first, own(&again, 0));
    assert_ne!(first, own(&net, 1));
    // Two that have the same one, which silence hid: the second that asks takes another.
    let IpAddr::V6(address) = first[0] else { panic!() };
    let mut other = Net::new(&[Layer::Network]);
    let host = other.add_host(&["10.0.0.1/24"]);
    assert!(other.with(host, |cx, host| host.autoconfigure(cx, IF1, AutoConfig::default())));
    assert_eq!(own(&other, host), first, "of the same secret and name");
    let claim = Message::NeighborAdvertisement(NeighborAdvertisement {
        is_solicited: false,
        ..advertisement(&address.to_string(), STRANGER)
    });
    let to = (Mac([0x33, 0x33, 0, 0, 0, 1]), multicast::wire::ALL_NODES_V6);
    let bytes = frame((STRANGER, address), to, 255, &claim);
    other.with(host, |cx, host| host.handle_frame(cx, IF1, &RxFrame::new(&bytes)));
    other.run(5 * SECOND);
    let second = own(&other, host);
    assert!(second.len() == 1 && second != first, "{second:?}");
    net.run(SECOND);
    assert!(net.hosts[0].interfaces().count() == 2);
}
