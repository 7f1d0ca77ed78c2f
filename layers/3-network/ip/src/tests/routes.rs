//! The longest prefix, against looking at every route.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::ip;
use crate::{InterfaceId, Prefix, Route, Routes};

const IF1: InterfaceId = InterfaceId(1);

fn net(text: &str) -> Prefix {
    text.parse().unwrap()
}

//= test RFC 1812 §5.2.4.3: the longest prefix wins, then the least metric
#[test]
fn the_longest_prefix_wins() {
    let mut routes = Routes::new();
    let gateway = |n| IpAddr::from([10, 0, 0, n]);
    routes.add(Route::on_link(net("10.0.0.0/8"), IF1));
    routes.add(Route::via(Prefix::ALL_V4, IF1, gateway(254)));
    routes.add(Route { metric: 5, ..Route::via(net("10.1.0.0/16"), IF1, gateway(2)) });
    routes.add(Route { metric: 1, ..Route::via(net("10.1.0.0/16"), IF1, gateway(3)) });
    let hop = |routes: &Routes, to: &str| {
        routes.find(ip(to)).map(|route| route.next_hop(ip(to)).to_string())
    };
    assert_eq!(hop(&routes, "10.9.9.9").as_deref(), Some("10.9.9.9"));
    assert_eq!(hop(&routes, "10.1.9.9").as_deref(), Some("10.0.0.3"));
    assert_eq!(hop(&routes, "255.255.255.255").as_deref(), Some("10.0.0.254"));
    assert_eq!(hop(&routes, "2001:db8::1"), None);
    assert_eq!(routes.remove(|route| route.metric == 1), 1);
    assert_eq!(hop(&routes, "10.1.9.9").as_deref(), Some("10.0.0.2"));
    assert_eq!(routes.find_through(ip("10.1.9.9"), InterfaceId(2)), None);
    let through = routes.find_through(ip("10.1.9.9"), IF1).map(|route| route.to);
    assert_eq!(through, Some(net("10.1.0.0/16")));
}

/// The best of all that contain `to`.
fn naive(routes: &[Route], to: IpAddr) -> Option<Prefix> {
    let matching = routes.iter().filter(|route| route.to.contains(to));
    matching.max_by_key(|route| route.to.len()).map(|route| route.to)
}

fn any_prefix() -> impl Strategy<Value = Prefix> {
    // Few different bits, so that prefixes lie in one another.
    let v4 = (0u32..8, 0u8..=32).prop_map(|(bits, len)| {
        Prefix::new(Ipv4Addr::from_bits(bits << 29 | bits << 14 | bits).into(), len).unwrap()
    });
    let v6 = (0u128..8, 0u8..=128).prop_map(|(bits, len)| {
        Prefix::new(Ipv6Addr::from_bits(bits << 125 | bits << 62 | bits).into(), len).unwrap()
    });
    prop_oneof![v4, v6]
}

proptest! {
    #[test]
    fn every_address_has_the_route_it_should(
        prefixes in prop::collection::vec((any_prefix(), 0u32..3), 0..24),
        others in prop::collection::vec(any::<u32>(), 8),
    ) {
        let mut table = Routes::new();
        let mut all = Vec::new();
        for (to, metric) in prefixes {
            let route = Route { metric, ..Route::on_link(to, IF1) };
            table.add(route);
            all.push(route);
        }
        // The edges of every prefix, and beyond them.
        let edges = all.iter().flat_map(|route| [route.to.network(), route.to.last()]);
        let beyond = |address: IpAddr| match address {
            IpAddr::V4(a) => [a.to_bits().wrapping_sub(1), a.to_bits(), a.to_bits().wrapping_add(1)]
                .map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
            IpAddr::V6(a) => [a.to_bits().wrapping_sub(1), a.to_bits(), a.to_bits().wrapping_add(1)]
                .map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
        };
        let asked = edges.flat_map(beyond).chain(others.iter().map(|&n| Ipv4Addr::from_bits(n).into()));
        for to in asked.collect::<Vec<_>>() {
            let found = table.find(to);
            prop_assert_eq!(found.map(|route| route.to), naive(&all, to), "{}", to);
            if let Some(found) = found {
                let same = all.iter().filter(|route| route.to == found.to);
                prop_assert_eq!(Some(found.metric), same.map(|route| route.metric).min());
            }
        }
    }
}
