//! Networks, and addresses that are special.

use std::net::IpAddr;

use proptest::prelude::*;

use super::{any_v4, any_v6, ip};
use crate::{
    Candidate, Cidr, InterfaceId, Kind, Prefix, Source, order_destinations, select_source,
};

//= test RFC 1122 §3.2.1.3: the host part with all bits set is everybody
//= test RFC 3021 §2.1: networks of two have no broadcast
#[test]
fn a_network_is_explained() {
    let cidr: Cidr = "192.168.77.21/20".parse().unwrap();
    let network = cidr.network();
    assert_eq!(network.to_string(), "192.168.64.0/20");
    assert_eq!(network.mask(), ip("255.255.240.0"));
    assert_eq!(network.broadcast().map(IpAddr::V4), Some(ip("192.168.79.255")));
    assert_eq!(cidr.host_part(), 13 * 256 + 21);
    let broadcast = |text: &str| text.parse::<Prefix>().unwrap().broadcast();
    assert_eq!(broadcast("10.0.0.0/31"), None);
    assert_eq!(broadcast("10.0.0.4/30").map(IpAddr::V4), Some(ip("10.0.0.7")));
    assert_eq!(broadcast("0.0.0.0/0").map(IpAddr::V4), Some(ip("255.255.255.255")));
    assert_eq!(broadcast("2001:db8::/64"), None);
}

#[test]
fn networks_are_read_strictly() {
    for wrong in ["10.0.0.0", "10.0.0.0/33", "10.0.0.1/24", "::/129", "10.0.0.0/+8", "10.0.0/8"] {
        assert!(wrong.parse::<Prefix>().is_err(), "{wrong}");
    }
    assert!("10.0.0.1/24".parse::<Cidr>().is_ok());
    assert_eq!("::/0".parse(), Ok(Prefix::ALL_V6));
}

//= test RFC 6890 §2.2.2: special addresses of IPv4
//= test RFC 6890 §2.2.3: special addresses of IPv6
#[test]
fn special_addresses_are_known() {
    let table = [
        ("0.0.0.0", Kind::Unspecified),
        ("0.1.2.3", Kind::ThisNetwork),
        ("10.255.0.1", Kind::Private),
        ("100.63.255.255", Kind::Global),
        ("100.64.0.0", Kind::Shared),
        ("127.1.2.3", Kind::Loopback),
        ("169.254.1.1", Kind::LinkLocal),
        ("172.15.0.1", Kind::Global),
        ("172.31.255.255", Kind::Private),
        ("192.0.0.8", Kind::Protocols),
        ("192.0.2.1", Kind::Documentation),
        ("192.168.0.1", Kind::Private),
        ("198.18.0.1", Kind::Benchmarking),
        ("203.0.113.9", Kind::Documentation),
        ("224.0.0.1", Kind::Multicast),
        ("240.0.0.1", Kind::Reserved),
        ("255.255.255.255", Kind::Broadcast),
        ("8.8.8.8", Kind::Global),
        ("::", Kind::Unspecified),
        ("::1", Kind::Loopback),
        ("::ffff:10.0.0.1", Kind::Mapped),
        ("2001:db8::1", Kind::Documentation),
        ("2001::1", Kind::Protocols),
        ("2001:200::1", Kind::Global),
        ("fc00::1", Kind::UniqueLocal),
        ("fdff::1", Kind::UniqueLocal),
        ("fe80::1", Kind::LinkLocal),
        ("fec0::1", Kind::Global),
        ("ff02::1", Kind::Multicast),
        ("2a00::1", Kind::Global),
    ];
    for (address, kind) in table {
        assert_eq!(Kind::of(ip(address)), kind, "{address}");
    }
}

//= test RFC 6724 §5: the rules for sources, one after another
#[test]
fn the_best_source_is_chosen() {
    let choose = |ours: &[(&str, u32)], destination| {
        let candidates = ours.iter().map(|(cidr, interface)| Candidate {
            cidr: cidr.parse().unwrap(),
            interface: InterfaceId(*interface),
            is_deprecated: cidr.ends_with("/63"),
            is_temporary: false,
        });
        select_source(candidates, ip(destination), InterfaceId(1)).map(|ip| ip.to_string())
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(choose(&[("10.0.0.1/8", 1), ("192.0.2.1/24", 1)], "192.0.2.9"), some("192.0.2.1"));
    assert_eq!(choose(&[("10.0.0.1/8", 1), ("192.0.2.1/24", 2)], "192.0.2.9"), some("10.0.0.1"));
    assert_eq!(choose(&[("169.254.0.1/16", 1), ("10.0.0.1/8", 1)], "8.8.8.8"), some("10.0.0.1"));
    assert_eq!(choose(&[("10.0.0.1/8", 1)], "2001:db8::1"), None);
    let v6 = [("fe80::1/64", 1), ("2001:db8::1/63", 1), ("2001:db8:1::1/64", 1), ("fd00::1/64", 1)];
    assert_eq!(choose(&v6, "fe80::9"), some("fe80::1"));
    assert_eq!(choose(&v6, "2001:db8::9"), some("2001:db8:1::1"), "the nearer one is deprecated");
    assert_eq!(choose(&v6, "fd00:9::9"), some("fd00::1"), "labels agree");
    assert_eq!(choose(&v6, "2001:db8::1"), some("2001:db8::1"), "the same address");
}

proptest! {
    #[test]
    fn a_network_contains_what_it_should(a in any_v4(), b in any_v4(), len in 0u8..=32) {
        let prefix = Prefix::new(a.into(), len).unwrap();
        let same = (0..len).all(|bit| (a.to_bits() ^ b.to_bits()) >> (31 - bit) & 1 == 0);
        prop_assert_eq!(prefix.contains(b.into()), same);
        prop_assert!(prefix.contains(prefix.last()) && prefix.contains(a.into()));
        prop_assert_eq!(prefix.to_string().parse(), Ok(prefix));
    }

    #[test]
    fn a_network_of_ipv6_too(a in any_v6(), b in any_v6(), len in 0u8..=128) {
        let prefix = Prefix::new(a.into(), len).unwrap();
        let same = (0..len).all(|bit| (a.to_bits() ^ b.to_bits()) >> (127 - bit) & 1 == 0);
        prop_assert_eq!(prefix.contains(b.into()), same);
        prop_assert_eq!(prefix.to_string().parse(), Ok(prefix));
        let cidr = Cidr::new(a.into(), len).unwrap();
        prop_assert_eq!(cidr.to_string().parse(), Ok(cidr));
    }
}

/// What `all` becomes, when packets come from the first of `sources` that `may` reach it.
fn ordered(all: &[&str], sources: &[(&str, bool)]) -> Vec<String> {
    let candidates = sources.iter().map(|(text, is_deprecated)| Candidate {
        cidr: Cidr::new(ip(text), if ip(text).is_ipv4() { 24 } else { 64 }).unwrap(),
        interface: InterfaceId(1),
        is_deprecated: *is_deprecated,
        is_temporary: false,
    });
    let candidates: Vec<_> = candidates.collect();
    let source_for = |to| {
        let address = select_source(candidates.iter().copied(), to, InterfaceId(1))?;
        let found = candidates.iter().find(|own| own.cidr.address() == address)?;
        Some(Source { address, is_deprecated: found.is_deprecated })
    };
    let mut all: Vec<IpAddr> = all.iter().map(|text| ip(text)).collect();
    order_destinations(&mut all, source_for);
    all.iter().map(IpAddr::to_string).collect()
}

//= test RFC 6724 §6: each rule decides, and what is equal stays as it came
//= test RFC 6724 §2.1: by the precedence of the policy table
#[test]
fn destinations_are_ordered_by_rule() {
    let global = ("2001:db8:1::2", false);
    let (v4, link) = (("198.51.100.117", false), ("fe80::2", false));
    type Row<'a> = (&'a [&'a str], &'a [(&'a str, bool)], &'a [&'a str]);
    let table: &[Row<'_>] = &[
        // 1: what cannot be reached comes last.
        (&["2001:db8:2::1", "198.51.100.1"], &[v4], &["198.51.100.1", "2001:db8:2::1"]),
        // 2: scopes that match.
        (&["2001:db8:2::1", "fe80::1"], &[link], &["fe80::1", "2001:db8:2::1"]),
        (&["2001:db8:2::1", "198.51.100.121"], &[link, v4], &["198.51.100.121", "2001:db8:2::1"]),
        (
            &["198.51.100.121", "2001:db8:1::1"],
            &[link, ("169.254.13.78", false), global],
            &["2001:db8:1::1", "198.51.100.121"],
        ),
        // 3: deprecated addresses of ours.
        (
            &["2001:db8:2::1", "198.51.100.1"],
            &[("2001:db8:1::2", true), v4],
            &["198.51.100.1", "2001:db8:2::1"],
        ),
        // 5: labels that match.
        (
            &["2002:c633:6401::1", "2001:db8:2::1"],
            &[global],
            &["2001:db8:2::1", "2002:c633:6401::1"],
        ),
        // 6: precedence.
        (&["198.51.100.1", "2001:db8:2::1"], &[global, v4], &["2001:db8:2::1", "198.51.100.1"]),
        (&["fd00::1", "198.51.100.1"], &[("fd00::2", false), v4], &["198.51.100.1", "fd00::1"]),
        (&["2001:db8:2::1", "::1"], &[global, ("::1", false)], &["::1", "2001:db8:2::1"]),
        // 8: the smaller scope.
        (&["2001:db8:1::1", "fe80::1"], &[global, link], &["fe80::1", "2001:db8:1::1"]),
        // 9: the longer common prefix.
        (&["2001:db8:3ffe::1", "2001:db8:1::1"], &[global], &["2001:db8:1::1", "2001:db8:3ffe::1"]),
        // 10: as they came.
        (&["192.0.2.9", "192.0.2.9"], &[], &["192.0.2.9", "192.0.2.9"]),
    ];
    for (n, (all, sources, expected)) in table.iter().enumerate() {
        assert_eq!(ordered(all, sources), *expected, "{n}");
    }
}
