use std::collections::BTreeMap;
use std::net::SocketAddr;

use base::SipKey;
use proptest::prelude::*;
use tcp::Flow;

use super::{Flows, Owner};

fn flow(n: u32) -> Flow {
    let remote = SocketAddr::new(n.to_be_bytes().into(), 40_000);
    Flow { local: SocketAddr::new([10, 0, 0, 1].into(), 80), remote }
}

proptest! {
    /// As a map of the standard library has it, also where hashes collide and places wrap around.
    #[test]
    fn owners_are_found_until_they_are_removed(
        steps in prop::collection::vec((any::<bool>(), 0u32..24, 0u64..5), 1..200),
    ) {
        let mut flows = Flows::new(SipKey::new([7; 16]));
        let mut expected = BTreeMap::new();
        // Hashes that lie together at the end of the table, so that searches go around.
        let hash = |n: u64| u64::MAX - n;
        for (inserts, index, n) in steps {
            let owner = if index % 2 == 0 { Owner::Connection(index) } else { Owner::TimeWait(index) };
            if inserts && !expected.contains_key(&index) {
                flows.insert(hash(n), owner);
                expected.insert(index, (n, owner));
            } else if !inserts {
                let of = expected.remove(&index);
                prop_assert_eq!(flows.remove(hash(of.map_or(0, |(n, _)| n)), owner), of.is_some());
            }
            prop_assert_eq!(flows.len, expected.len());
            for (n, owner) in expected.values() {
                prop_assert_eq!(flows.find(hash(*n), |of| of == *owner), Some(*owner));
            }
            let none = (0..5).find_map(|n| flows.find(hash(n), |of| !expected.values().any(|(_, e)| *e == of)));
            prop_assert_eq!(none, None, "what was removed is found no more");
        }
    }
}

#[test]
fn a_hash_tells_both_ends_and_both_versions_apart() {
    let flows = Flows::new(SipKey::new([7; 16]));
    let one = flow(1);
    let turned = Flow { local: one.remote, remote: one.local };
    let ports = Flow { local: SocketAddr::new(one.local.ip(), 81), ..one };
    let six = Flow { local: "[::1]:80".parse().unwrap(), remote: "[::2]:40000".parse().unwrap() };
    let other = Flow { remote: "[::3]:40000".parse().unwrap(), ..six };
    let hashes = [one, flow(2), turned, ports, six, other].map(|flow| flows.hash(&flow));
    let distinct: std::collections::BTreeSet<u64> = hashes.into_iter().collect();
    assert_eq!(distinct.len(), hashes.len());
}

#[test]
fn a_hundred_thousand_take_two_mebibytes() {
    let mut flows = Flows::new(SipKey::new([7; 16]));
    for n in 0..100_000 {
        flows.insert(flows.hash(&flow(n)), Owner::Connection(n));
    }
    assert_eq!(flows.places.len() * size_of::<super::Place>(), 2 << 20);
    let found = |n| flows.find(flows.hash(&flow(n)), |of| of == Owner::Connection(n));
    assert!((0..100_000).all(|n| found(n).is_some()) && found(100_000).is_none());
}
