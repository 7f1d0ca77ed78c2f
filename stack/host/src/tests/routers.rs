//! What routers of IPv6 say, and what becomes of it; and what they are told of groups.

use super::neighbors::{frame, v6};
use super::*;
use crate::{DnsSource, Origin};
use multicast::wire::ALL_NODES_V6;
use ndp::Options;
use ndp::wire::{Message, Opt, Preference, PrefixInformation, RouterAdvertisement};
use std::net::Ipv6Addr;

const SECOND: Duration = Duration::from_secs(1);

/// A router that no test has as a host, and its hardware address.
const ROUTER: (Mac, Ipv6Addr) =
    (Mac([2, 0, 0, 0, 9, 1]), Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1));
const OTHER: (Mac, Ipv6Addr) =
    (Mac([2, 0, 0, 0, 9, 2]), Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2));
const US: Mac = Mac([2, 0, 0, 0, 1, 1]);
const EVERYBODY: (Mac, Ipv6Addr) = (Mac([0x33, 0x33, 0, 0, 0, 1]), ALL_NODES_V6);

/// A host that follows routers, alone on its link.
fn follower() -> Net {
    let mut net = Net::new(&[Layer::Network]);
    let host = net.add_host(&["10.0.0.1/24"]);
    assert!(net.with(host, |cx, host| host.autoconfigure(cx, IF1, AutoConfig::default())));
    net.run(5 * SECOND);
    net
}

fn hear(net: &mut Net, bytes: &[u8]) {
    net.with(0, |cx, host| host.handle_frame(cx, IF1, &RxFrame::new(bytes)));
}

fn advertise(net: &mut Net, from: (Mac, Ipv6Addr), lifetime: u16, options: &[Opt<'_>]) {
    let mut bytes = Vec::new();
    Opt::SourceMac(from.0).emit(&mut bytes);
    options.iter().for_each(|option| option.emit(&mut bytes));
    let message = Message::RouterAdvertisement(RouterAdvertisement {
        hop_limit: 70,
        is_managed: false,
        has_other: false,
        preference: Preference::Medium,
        lifetime,
        reachable_ms: 0,
        retrans_ms: 0,
        options: Options::parse(&bytes).unwrap(),
    });
    hear(net, &frame(from, EVERYBODY, 255, &message));
}

fn prefix(text: &str, valid: u32) -> Opt<'static> {
    Opt::Prefix(PrefixInformation {
        prefix: v6(text),
        len: 64,
        is_on_link: true,
        is_autonomous: true,
        valid,
        preferred: valid / 2,
    })
}

fn gateway(net: &Net, to: &str) -> Option<IpAddr> {
    net.hosts[0].route_to(ip(to)).and_then(|route| route.gateway)
}

//= test RFC 4862 §5.5: a prefix becomes an address when nobody else has it, then ages
//= test RFC 4861 §6.3.4: a router becomes a route, and numbers are obeyed
//= test RFC 8106 §5.1: servers of names are known for as long as they are told
#[test]
fn a_router_makes_addresses_and_routes() {
    let mut net = follower();
    net.events.clear();
    let addresses = v6("fd00:1::53").octets();
    let servers = Opt::Servers { lifetime: 600, addresses: &addresses };
    advertise(&mut net, ROUTER, 1800, &[prefix("fd00:1::", 7200), Opt::Mtu(1400), servers]);
    let made = |net: &Net| {
        let own = net.hosts[0].addresses().iter().find(|own| own.origin == Origin::Router);
        own.copied()
    };
    assert!(!made(&net).unwrap().is_ready);
    net.run(2 * SECOND);
    let own = made(&net).unwrap();
    let address = own.cidr.address();
    assert!(own.is_ready && net.events == [(0, Event::AddressReady { interface: IF1, address })]);
    assert_eq!(gateway(&net, "2001:db8::1"), Some(ROUTER.1.into()));
    assert_eq!(gateway(&net, "fd00:1::9"), None, "that is on the link");
    let host = &net.hosts[0];
    assert_eq!(host.source_for(ip("2001:db8::1")), Some(address));
    assert_eq!(host.network.mtu_to(net.now, ip("2001:db8::1")), 1400);
    assert_eq!(host.network.mtu_to(net.now, ip("10.0.0.9")), 1500, "IPv4 has its own");
    let known = |net: &Net| {
        let servers = net.hosts[0].dns_servers(net.now, Some(IF1));
        servers.map(|server| (server.address, server.source)).collect::<Vec<_>>()
    };
    assert_eq!(known(&net), [(ip("fd00:1::53"), DnsSource::Router(ROUTER.1))]);
    net.run(3600 * SECOND);
    assert!(made(&net).unwrap().is_deprecated && known(&net).is_empty());
    assert_eq!(gateway(&net, "2001:db8::1"), None, "it has not said so again");
    net.run(3600 * SECOND);
    assert_eq!(made(&net), None);
    assert!(net.hosts[0].route_to(ip("fd00:1::9")).is_none());
    assert_ne!(net.hosts[0].source_for(ip("2001:db8::1")), Some(address));
}

//= test RFC 4861 §6.3.6: when the router does not answer, the other is asked
#[test]
fn a_router_that_falls_silent_is_passed_over() {
    let mut net = follower();
    for router in [ROUTER, OTHER] {
        advertise(&mut net, router, 1800, &[prefix("fd00:1::", 7200)]);
    }
    net.run(2 * SECOND);
    assert_eq!(gateway(&net, "2001:db8::1"), Some(ROUTER.1.into()));
    assert!(net.with(0, |cx, host| host.ping(cx, ip("2001:db8::1"), (7, 1), b"")));
    // Nobody confirms it, nor answers when asked: five seconds, and twice three questions.
    net.run(15 * SECOND);
    assert_eq!(gateway(&net, "2001:db8::1"), Some(OTHER.1.into()), "{}", net.film());
    net.run(60 * SECOND);
    assert_eq!(gateway(&net, "2001:db8::1"), Some(ROUTER.1.into()), "it is tried again");
}

//= test RFC 4861 §8.3: a redirect by the router that is asked is followed, and no other
//= test RFC 4861 §8.1: it must come from there, and lead to a router of the link or the destination
#[test]
fn redirects_are_followed_by_rule() {
    let mut net = follower();
    advertise(&mut net, ROUTER, 1800, &[prefix("fd00:1::", 7200)]);
    net.run(2 * SECOND);
    let us = net.hosts[0].source_for(ip("2001:db8::1"));
    let Some(IpAddr::V6(us)) = us else { panic!() };
    let redirect = |net: &mut Net, from, hop_limit, target: &str, destination: &str| {
        let (target, destination) = (v6(target), v6(destination));
        let message = Message::Redirect { target, destination, mac: Some(OTHER.0) };
        hear(net, &frame(from, (US, us), hop_limit, &message));
    };
    redirect(&mut net, OTHER, 255, "fe80::2", "2001:db8::1");
    redirect(&mut net, ROUTER, 254, "fe80::2", "2001:db8::1");
    redirect(&mut net, ROUTER, 255, "fd00:1::2", "2001:db8::1");
    assert_eq!(gateway(&net, "2001:db8::1"), Some(ROUTER.1.into()));
    redirect(&mut net, ROUTER, 255, "fe80::2", "2001:db8::1");
    assert_eq!(gateway(&net, "2001:db8::1"), Some(OTHER.1.into()));
    assert_eq!(gateway(&net, "2001:db8::2"), Some(ROUTER.1.into()), "others go as before");
    redirect(&mut net, ROUTER, 255, "2001:db8::3", "2001:db8::3");
    assert!(gateway(&net, "2001:db8::3").is_none(), "that is on the link");
    // Who it led to does not answer: back to the router.
    assert!(net.with(0, |cx, host| host.ping(cx, ip("2001:db8::1"), (7, 1), b"")));
    net.run(15 * SECOND);
    assert_eq!(gateway(&net, "2001:db8::1"), Some(ROUTER.1.into()), "{}", net.film());
    // A liar makes neither many routes nor many changes.
    for n in 4..2000u32 {
        redirect(&mut net, ROUTER, 255, "fe80::2", &format!("2001:db8::{n:x}"));
        net.now = net.now.after(SECOND / 20);
    }
    assert!(net.hosts[0].routes().count() < 64 + 10, "{}", net.hosts[0].routes().count());
    let film = net.film();
    for why in ["NotFromGateway", "PassedOn", "TargetIsNoRouter", "TooMany"] {
        assert!(film.contains(&format!("why={why}")), "{why}");
    }
}

//= test RFC 4861 §6.3.4: who passes packets on follows nobody
#[test]
fn who_was_not_asked_to_follows_no_router() {
    let mut net = follower();
    net.hosts[0].set_router(true);
    advertise(&mut net, ROUTER, 1800, &[prefix("fd00:1::", 7200)]);
    assert_eq!(
        net.hosts[0].addresses().iter().filter(|own| own.origin == Origin::Router).count(),
        0
    );
    net.hosts[0].set_router(false);
    advertise(&mut net, ROUTER, 1800, &[prefix("fd00:1::", 7200)]);
    net.run(2 * SECOND);
    assert!(gateway(&net, "2001:db8::1").is_some());
    assert!(net.with(0, |cx, host| host.stop_autoconfiguration(cx, IF1)));
    assert!(net.hosts[0].route_to(ip("2001:db8::1")).is_none());
    assert_eq!(
        net.hosts[0].addresses().iter().filter(|own| own.origin == Origin::Router).count(),
        0
    );
}

/// What is said in `duration`, as packets.
fn packets(net: &mut Net, duration: Duration) -> Vec<Vec<u8>> {
    let (mut all, mut out) = (Vec::new(), TxBuf::new());
    let end = net.now.after(duration);
    while net.now < end {
        net.with(0, |cx, host| host.handle_timeout(cx));
        while net.with(0, |cx, host| host.poll_frame(cx, &mut out)).is_some() {
            all.push(out.as_slice()[14..].to_vec());
        }
        net.now = net.now.after(Duration::from_millis(10));
    }
    all
}

//= test RFC 3810 §5: reports stay on the link, come from there, and routers look at them
//= test RFC 3376 §4: the same in IGMP
//= test RFC 2711 §2.1: with the option that says so
//= test RFC 2113 §2.1: the same in IPv4
#[test]
fn routers_are_told_of_groups() {
    let mut net = follower();
    assert!(net.hosts[0].join_group(IF1, ip("ff05::1")));
    let said = packets(&mut net, 2 * SECOND);
    let [report, _again] = &said[..] else { panic!("{}", said.len()) };
    let (header, rest) = ip::v6::Header::parse(report).unwrap();
    assert_eq!((header.hop_limit, header.destination), (1, v6("ff02::16")));
    assert!(header.source.is_unicast_link_local());
    assert_eq!((header.next, &rest[..8]), (ip::Protocol(0), &[58, 0, 5, 2, 0, 0, 1, 0][..]));
    assert_eq!((rest[8], &rest[12..20]), (143, &[0, 0, 0, 1, 4, 0, 0, 0][..]));
    let whole = ip::Packet::parse(report).unwrap();
    let ends = (header.source, header.destination);
    assert!(icmp::Message::parse_v6(whole.payload, ends, false).is_ok(), "its checksum");
    assert!(net.hosts[0].join_group(IF1, ip("239.1.2.3")));
    let said = packets(&mut net, 2 * SECOND);
    let (header, payload) = ip::v4::Header::parse(&said[0]).unwrap();
    assert_eq!((header.ttl, header.protocol), (1, ip::Protocol::IGMP));
    assert_eq!((header.options, header.dscp), (&[0x94, 4, 0, 0][..], 0x30));
    assert_eq!(payload[0], 0x22);
}

//= test RFC 3810 §6.2: questions from elsewhere than the link are nobody's to answer
#[test]
fn questions_about_groups_come_from_the_link() {
    let mut net = follower();
    assert!(net.hosts[0].join_group(IF1, ip("ff05::1")));
    let _ = packets(&mut net, 3 * SECOND);
    let ask = |net: &mut Net, source: &str, hop_limit| {
        let mut out = TxBuf::new();
        let mut body = vec![0, 100, 0, 0];
        body.extend([0; 16]);
        body.extend([2, 125, 0, 0]);
        let (source, destination) = (v6(source), ALL_NODES_V6);
        icmp::Message::Other { kind: 130, code: 0, body: &body }.emit_v6(
            source,
            destination,
            &mut out,
        );
        out.finish_checksum();
        let (dscp, ecn, flow_label, next) = (0, ip::Ecn::NotEct, 0, ip::Protocol::ICMPV6);
        ip::v6::Header { dscp, ecn, flow_label, next, hop_limit, source, destination }
            .emit(&mut out);
        let (tag, ethertype) = (None, ethernet::EtherType::Ipv6);
        ethernet::Header { destination: EVERYBODY.0, source: ROUTER.0, tag, ethertype }
            .emit(&mut out);
        hear(net, out.as_slice());
        packets(net, SECOND).len()
    };
    assert_eq!(ask(&mut net, "fe80::1", 255), 0);
    assert_eq!(ask(&mut net, "fd00::1", 1), 0);
    assert_eq!(ask(&mut net, "fe80::1", 1), 1);
}

//= test RFC 3376 §5.2: a question is answered, also that of a switch, which has no address
#[test]
fn a_switch_asks_about_groups_from_nobody() {
    let mut net = follower();
    assert!(net.hosts[0].join_group(IF1, ip("239.1.2.3")));
    let _ = packets(&mut net, 3 * SECOND);
    let ask = |net: &mut Net, source: &str, ttl| {
        let mut query = [0x11, 10, 0, 0, 0, 0, 0, 0, 2, 125, 0, 0];
        let sum = base::checksum::of(&query).to_be_bytes();
        query[2..4].copy_from_slice(&sum);
        let mut out = TxBuf::new();
        out.append(&query);
        let (source, all) = (source.parse().unwrap(), [224, 0, 0, 1].into());
        ip::v4::Header::new(source, all, ip::Protocol::IGMP, ttl).emit(&mut out);
        let (destination, source) = (ethernet::group_v4(all), ROUTER.0);
        let (tag, ethertype) = (None, ethernet::EtherType::Ipv4);
        ethernet::Header { destination, source, tag, ethertype }.emit(&mut out);
        hear(net, out.as_slice());
        packets(net, 2 * SECOND).iter().filter(|packet| packet[0] >> 4 == 4).count()
    };
    assert_eq!(ask(&mut net, "10.0.0.9", 64), 0);
    assert_eq!(ask(&mut net, "10.0.0.9", 1), 1);
    assert_eq!(ask(&mut net, "0.0.0.0", 1), 1);
}
