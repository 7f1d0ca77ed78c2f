use expect_test::expect;
use host::{DnsServer, DnsSource};

use super::*;

fn explained(text: &str) -> String {
    explain::text(text.parse().unwrap())
}

#[test]
fn an_address_is_explained() {
    expect![[r#"
        address    10.77.0.2, for a private network
        network    10.77.0.0/24
        mask       255.255.255.0
        host part  0.0.0.2 (the last 8 of 32 bits)
        hosts      254, 10.77.0.1 to 10.77.0.254
        broadcast  10.77.0.255
    "#]]
    .assert_eq(&explained("10.77.0.2/24"));
    expect![[r#"
        address    fe80::1:2, for the link
        network    fe80::/64
        mask       ffff:ffff:ffff:ffff::
        host part  ::1:2 (the last 64 of 128 bits)
        hosts      2^64, fe80:: to fe80::ffff:ffff:ffff:ffff
        broadcast  none: IPv6 has groups instead
    "#]]
    .assert_eq(&explained("fe80::1:2/64"));
}

//= test RFC 3021 §2.1: in a network of two both are hosts, and nobody is everybody
#[test]
fn networks_of_one_and_two_have_no_broadcast() {
    let two = explain::json("192.0.2.0/31".parse().unwrap());
    assert_eq!((&two["hosts"], &two["broadcast"]), (&"2".into(), &serde_json::Value::Null));
    assert_eq!((&two["first_host"], &two["last_host"]), (&"192.0.2.0".into(), &"192.0.2.1".into()));
    let one = explain::json("192.0.2.7/32".parse().unwrap());
    assert_eq!((&one["hosts"], &one["may_be_host"]), (&"1".into(), &true.into()));
}

#[test]
fn what_no_host_can_have_is_said() {
    assert!(explained("10.0.0.0/24").contains("network itself"));
    assert!(explained("10.0.0.255/24").contains("everybody in the network"));
    assert!(explained("fd00::/64").contains("any router"));
    assert!(explained("127.0.0.1/8").contains("this host"));
    assert!(!explained("10.0.0.1/24").contains("note"));
}

#[test]
fn the_largest_and_the_smallest_networks_are_counted() {
    assert!(explained("0.0.0.1/0").contains("4294967294, 0.0.0.1 to 255.255.255.254"));
    assert!(explained("::1/0").contains("2^128"));
    assert!(explained("10.0.0.1/30").contains("2, 10.0.0.1 to 10.0.0.2"));
    assert!(explained("::1/128").contains("hosts      1, ::1 to ::1"));
}

#[test]
fn what_ip_says_of_a_device_is_understood() {
    let tap = br#"[{"ifname":"tap0","linkinfo":{"info_kind":"tun","info_data":{"type":"tap"}}}]"#;
    assert_eq!(device::kind_of(tap).as_deref(), Some("tun"));
    assert_eq!(device::kind_of(br#"[{"ifname":"eth0"}]"#).as_deref(), Some(""));
    assert_eq!(device::kind_of(b"[]"), None);
    assert_eq!(device::kind_of(b"nonsense"), None);
}

/// Stacks of several workers follow one lease, each by its own clock.
#[test]
fn what_two_stacks_know_is_shown_once() {
    use base::Instant;
    let at = |seconds: u64| {
        let mut host = host::Host::new(host::Config::new([1; 16]));
        for (n, ends) in [(1, 100), (2, seconds)] {
            let server = DnsServer {
                address: [10, 77, 0, n].into(),
                interface: ip::InterfaceId(1),
                source: DnsSource::Dhcp([10, 77, 0, 1].into()),
                ends: Instant::from_millis(ends * 1000),
            };
            assert!(host.add_dns_server(Instant::ORIGIN, server));
        }
        Looked::at(&host, ::net::Counts::default(), Instant::ORIGIN)
    };
    let json = at(3600).and(at(3599)).json();
    let left: Vec<_> = json["names"].as_array().unwrap().iter().map(|of| &of["left_s"]).collect();
    assert_eq!(left, [100, 3600]);
}

#[test]
fn a_stack_is_shown() {
    use base::{Cx, Instant, Mac, Wall, World};
    let mut world = World::seeded(1);
    let mut cx = Cx::new(Instant::from_millis(1000), Wall(0), &mut world);
    let mut host = host::Host::new(host::Config::new([1; 16]));
    let config = host::InterfaceConfig::ethernet("tap0", Mac([2, 0, 0, 0, 0, 9]), 1500);
    let id = host.add_interface(config).unwrap();
    let address = "10.77.0.2/24".parse().unwrap();
    host.add_address(&mut cx, id, address, neighbor::Claim::Silent).unwrap();
    let all = ip::Prefix::ALL_V4;
    host.add_route(ip::Route::via(all, id, [10, 77, 0, 1].into())).unwrap();
    assert!(host.add_neighbor(&mut cx, id, [10, 77, 0, 1].into(), Mac([2, 0, 0, 0, 0, 1])));
    let looked = Looked::at(&host, ::net::Counts::default(), Instant::from_millis(1000));
    let text = anstream::adapter::strip_str(&looked.text()).to_string();
    expect![[r#"
        interfaces
          name  medium    mac                mtu
          tap0  Ethernet  02:00:00:00:00:09  1500
        addresses
          address       state  purpose            from   preferred_s  valid_s
          10.77.0.2/24  ready  a private network  given  -            -
        routes
          to            via        source     metric
          0.0.0.0/0     10.77.0.1  -          0
          10.77.0.0/24  the link   10.77.0.2  0
        leases
          none
        names
          none
        neighbors
          address    mac                state
          10.77.0.1  02:00:00:00:00:01  permanent
        listeners
          none
        connections
          none
        frames
          0 received, 0 sent, 0 of them lost
    "#]]
    .assert_eq(&text);
    let json = looked.json();
    assert_eq!(json["neighbors"][0]["mac"], "02:00:00:00:00:01");
    assert_eq!(
        (&json["interfaces"][0]["mtu"], &json["routes"][0]["source"]),
        (&1500.into(), &serde_json::Value::Null)
    );
}
