//! What goes as it should, from the cable to the user and back.

use super::*;
use expect_test::expect;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_ping_from_the_cable_to_the_user_and_back() {
    let mut net = Net::pair(&[Layer::Link, Layer::Network]);
    assert!(net.with(0, |cx, host| host.ping(cx, ip("10.0.0.2"), (7, 1), b"are you there?")));
    net.run(SECOND);
    expect![[r#"
        0.000000s Network EchoRequestOut to=10.0.0.2 id=7 seq=1 len=14
        0.000000s Network PacketOut from=10.0.0.1 to=10.0.0.2 carries=ICMP len=22
        0.000000s Link Asked target=10.0.0.2 to=None attempt=1
        0.000000s Link FrameOut from=02:00:00:00:01:01 to=ff:ff:ff:ff:ff:ff carries=Arp len=42
        0.001000s Link FrameIn from=02:00:00:00:01:01 to=ff:ff:ff:ff:ff:ff carries=Arp len=42
        0.001000s Link Learned ip=10.0.0.1 mac=02:00:00:00:01:01 state=Stale
        0.001000s Link Answered to=10.0.0.1 at=02:00:00:00:01:01
        0.001000s Link FrameOut from=02:00:00:00:02:01 to=02:00:00:00:01:01 carries=Arp len=42
        0.002000s Link FrameIn from=02:00:00:00:02:01 to=02:00:00:00:01:01 carries=Arp len=42
        0.002000s Link Learned ip=10.0.0.2 mac=02:00:00:00:02:01 state=Reachable
        0.002000s Link FrameOut from=02:00:00:00:01:01 to=02:00:00:00:02:01 carries=Ipv4 len=56
        0.003000s Link FrameIn from=02:00:00:00:01:01 to=02:00:00:00:02:01 carries=Ipv4 len=56
        0.003000s Network PacketIn from=10.0.0.1 to=10.0.0.2 carries=ICMP len=22
        0.003000s Network EchoRequestIn from=10.0.0.1 id=7 seq=1 len=14
        0.003000s Network EchoReplyOut to=10.0.0.1 id=7 seq=1 len=14
        0.003000s Network PacketOut from=10.0.0.2 to=10.0.0.1 carries=ICMP len=22
        0.003000s Link FrameOut from=02:00:00:00:02:01 to=02:00:00:00:01:01 carries=Ipv4 len=56
        0.004000s Link FrameIn from=02:00:00:00:02:01 to=02:00:00:00:01:01 carries=Ipv4 len=56
        0.004000s Network PacketIn from=10.0.0.2 to=10.0.0.1 carries=ICMP len=22
        0.004000s Network EchoReplyIn from=10.0.0.2 id=7 seq=1 len=14
    "#]]
    .assert_eq(&net.film());
    let pong =
        icmp::Event::Answered { from: ip("10.0.0.2"), id: 7, seq: 1, len: 14, hop_limit: 64 };
    assert_eq!(net.events, [(0, Event::Pong(pong))]);
}

#[test]
fn a_datagram_goes_through_a_router() {
    let mut net = Net::routed(&[Layer::Network, Layer::Transport], 1500);
    let server = net.hosts[1].udp_bind(at("0.0.0.0:53")).unwrap();
    let client = net.hosts[0].udp_bind(at("0.0.0.0:5000")).unwrap();
    net.hosts[0].udp_send(client, Some(at("10.0.2.1:53")), b"question").unwrap();
    net.run(SECOND);
    expect![[r#"
        0.000000s Transport DatagramOut from=10.0.1.1:5000 to=10.0.2.1:53 len=8
        0.000000s Network PacketOut from=10.0.1.1 to=10.0.2.1 carries=UDP len=16
        0.003000s Network PacketIn from=10.0.1.1 to=10.0.2.1 carries=UDP len=16
        0.003000s Network Forwarded from=10.0.1.1 to=10.0.2.1 interface=if2 hop_limit=63
        0.006000s Network PacketIn from=10.0.1.1 to=10.0.2.1 carries=UDP len=16
        0.006000s Transport DatagramIn from=10.0.1.1:5000 to=10.0.2.1:53 len=8
    "#]]
    .assert_eq(&net.film());
    let mut into = [0; 100];
    let (len, datagram) = net.hosts[1].udp_receive(server, &mut into).unwrap();
    assert_eq!((&into[..len], datagram.from), (&b"question"[..], at("10.0.1.1:5000")));
}

//= test RFC 791 §2.3: what is too long for a link is cut, by the source and by the router
#[test]
fn a_long_datagram_is_cut_twice_and_put_together() {
    let mut net = Net::routed(&[Layer::Network], 600);
    let server = net.hosts[1].udp_bind(at("0.0.0.0:53")).unwrap();
    let client = net.hosts[0].udp_bind(at("0.0.0.0:5000")).unwrap();
    let payload: Vec<u8> = (0..3000u32).map(|n| (n % 251) as u8).collect();
    net.hosts[0].udp_send(client, Some(at("10.0.2.1:53")), &payload).unwrap();
    net.run(SECOND);
    let mut into = [0; 4000];
    let (len, _) = net.hosts[1].udp_receive(server, &mut into).unwrap();
    assert_eq!(into[..len], payload);
    let film = net.film();
    assert_eq!(film.matches("Fragmented").count(), 3, "{film}");
    assert_eq!(film.matches("FragmentIn").count(), 7, "{film}");
}

#[test]
fn a_host_talks_to_itself() {
    let mut net = Net::pair(&[Layer::Network]);
    for address in ["127.0.0.1", "127.9.9.9", "10.0.0.1", "::1"] {
        assert!(net.with(0, |cx, host| host.ping(cx, ip(address), (1, 1), b"me?")));
    }
    let a = net.hosts[0].udp_bind(at("127.0.0.1:1000")).unwrap();
    let b = net.hosts[0].udp_bind(at("0.0.0.0:1001")).unwrap();
    net.hosts[0].udp_send(a, Some(at("127.0.0.1:1001")), b"hi").unwrap();
    net.run(SECOND);
    let from = net.events.iter().map(|(_, event)| match event {
        Event::Pong(icmp::Event::Answered { from, .. }) => from.to_string(),
        other => format!("{other:?}"),
    });
    let from: Vec<_> = from.collect();
    assert_eq!(from[..4], ["127.0.0.1", "127.9.9.9", "10.0.0.1", "::1"]);
    assert!(net.hosts[0].udp_receive(b, &mut [0; 9]).is_some());
    assert!(net.in_flight.is_empty());
}

#[test]
fn what_is_for_everybody_is_heard_by_everybody() {
    let mut net = Net::pair(&[Layer::Network]);
    let server = net.hosts[1].udp_bind(at("0.0.0.0:67")).unwrap();
    let client = net.hosts[0].udp_bind(at("10.0.0.1:68")).unwrap();
    for to in ["10.0.255.255:67", "255.255.255.255:67", "224.0.0.1:67"] {
        net.hosts[0].udp_send(client, Some(at(to)), b"anybody?").unwrap();
    }
    assert!(net.hosts[1].join_group(IF1, ip("239.1.2.3")));
    net.hosts[0].udp_send(client, Some(at("239.1.2.3:67")), b"group").unwrap();
    net.hosts[0].udp_send(client, Some(at("239.1.2.4:67")), b"other group").unwrap();
    net.run(SECOND);
    let mut into = [0; 100];
    let heard: Vec<_> =
        std::iter::from_fn(|| net.hosts[1].udp_receive(server, &mut into)).collect();
    let to: Vec<_> = heard.iter().map(|(_, datagram)| datagram.to.to_string()).collect();
    assert_eq!(to, ["10.0.255.255", "255.255.255.255", "224.0.0.1", "239.1.2.3"]);
}

#[test]
fn ipv6_goes_over_a_link_without_neighbours() {
    let mut net = Net::new(&[Layer::Network]);
    for address in ["fd00::1/64", "fd00::2/64"] {
        let mut host = Host::new(Config::new([3; 16]));
        let id = host.add_interface(InterfaceConfig::point_to_point("tun", 1400)).unwrap();
        let mut cx = Cx::new(net.now, Wall(0), &mut net.world);
        host.add_address(&mut cx, id, address.parse().unwrap(), Claim::Silent).unwrap();
        net.hosts.push(host);
    }
    net.cables.push([(0, IF1), (1, IF1)]);
    let server = net.hosts[1].udp_bind(at("[::]:53")).unwrap();
    let client = net.hosts[0].udp_bind(at("[::]:5000")).unwrap();
    net.hosts[0].udp_send(client, Some(at("[fd00::2]:53")), &[7; 5000]).unwrap();
    assert!(net.with(0, |cx, host| host.ping(cx, ip("fd00::2"), (7, 1), &[1; 3000])));
    net.run(SECOND);
    assert_eq!(net.hosts[1].udp_receive(server, &mut [0; 9]).map(|(len, _)| len), Some(5000));
    let pong =
        icmp::Event::Answered { from: ip("fd00::2"), id: 7, seq: 1, len: 3000, hop_limit: 64 };
    assert!(net.events.contains(&(0, Event::Pong(pong))));
}
