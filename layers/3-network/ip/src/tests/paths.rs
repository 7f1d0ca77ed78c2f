//! How long packets may be, what they are called, and which are passed on.

use std::collections::HashSet;

use base::TxBuf;
use base::xray::Film;

use super::{KEY, at, ip};
use crate::forward::{self, Refusal};
use crate::{Identifications, Packet, PathMtuVerdict, PathMtus, Protocol, Why, v4};
use base::Instant;

//= test RFC 1191 §3: a path's MTU only falls
//= test RFC 1191 §6.3: after ten minutes it is forgotten
//= test RFC 8201 §4: less than 1280 is no reason to send less
#[test]
fn a_path_is_as_narrow_as_routers_say() {
    let (mut paths, mut film) = (PathMtus::new(KEY), Film::default());
    let mut told = |ms, to, told, sent| {
        at(ms, &mut film, |cx| paths.handle_too_big(cx, ip(to), told, sent, 1500))
    };
    assert_eq!(told(0, "192.0.2.1", 1400, 1500), PathMtuVerdict::Narrower(1400));
    assert_eq!(told(1, "192.0.2.1", 1450, 1500), PathMtuVerdict::Ignored);
    assert_eq!(told(2, "192.0.2.2", 0, 1500), PathMtuVerdict::Narrower(1492), "RFC 1191 §7");
    assert_eq!(told(3, "192.0.2.2", 0, 1492), PathMtuVerdict::Narrower(1006));
    assert_eq!(told(4, "192.0.2.3", 60, 1500), PathMtuVerdict::Narrower(552));
    assert_eq!(told(5, "2001:db8::1", 600, 1500), PathMtuVerdict::Narrower(1280));
    let find = |ms, to| paths.find(Instant::from_millis(ms), ip(to));
    assert_eq!(find(1000, "192.0.2.1"), Some(1400));
    assert_eq!(find(600_000, "192.0.2.1"), None);
    assert_eq!(find(1000, "192.0.2.9"), None);
}

#[test]
fn the_table_of_paths_is_bounded() {
    let (mut paths, mut film) = (PathMtus::new(KEY), Film::default());
    for n in 0..10_000u32 {
        let to = std::net::Ipv4Addr::from_bits(0x0a00_0000 + n).into();
        at(n.into(), &mut film, |cx| paths.handle_too_big(cx, to, 1000, 1500, 1500));
    }
    assert!(paths.len() <= 4096);
}

//= test RFC 6864 §4.3: the same identification does not come again soon
//= test RFC 7739 §5.3: destinations do not share a sequence
#[test]
fn identifications_do_not_repeat() {
    let mut ids = Identifications::new(KEY);
    let (us, a, b) = (ip("10.0.0.1"), ip("10.0.0.2"), ip("10.0.0.3"));
    let seen: HashSet<u16> = (0..50_000).map(|_| ids.next(us, a, Protocol::UDP) as u16).collect();
    assert_eq!(seen.len(), 50_000);
    let differ = ids.next(us, a, Protocol::UDP).wrapping_sub(ids.next(us, b, Protocol::UDP));
    assert!(differ > 1000, "{differ}");
}

//= test RFC 1812 §5.3.1: a packet whose TTL is used up goes no further
//= test RFC 1812 §5.3.7: martians go no further
//= test RFC 3927 §2.7: what is for a link stays there
#[test]
fn a_router_passes_on_what_it_should() {
    let decide = |from: &str, to: &str, ttl, len: usize, dont_fragment| {
        let mut out = TxBuf::new();
        out.append(&vec![0; len - 20]);
        let header =
            v4::Header::new(from.parse().unwrap(), to.parse().unwrap(), Protocol::UDP, ttl);
        v4::Header { dont_fragment, ..header }.emit(&mut out);
        forward::decide(&Packet::parse(out.as_slice()).unwrap(), None, 1400)
    };
    assert_eq!(decide("10.0.0.1", "10.1.0.1", 2, 1400, true), Ok(()));
    assert_eq!(decide("10.0.0.1", "10.1.0.1", 1, 100, true), Err(Refusal::HopLimitUsedUp));
    let too_big = Err(Refusal::TooBig { mtu: 1400 });
    assert_eq!(decide("10.0.0.1", "10.1.0.1", 9, 1401, true), too_big);
    assert_eq!(decide("10.0.0.1", "10.1.0.1", 9, 1401, false), Ok(()));
    let dropped = |why| Err(Refusal::Drop(why));
    assert_eq!(decide("127.0.0.1", "10.1.0.1", 9, 99, true), dropped(Why::MartianSource));
    assert_eq!(decide("10.0.0.1", "127.0.0.1", 9, 99, true), dropped(Why::MartianDestination));
    assert_eq!(decide("10.0.0.1", "224.0.0.1", 9, 99, true), dropped(Why::LeavesScope));
    assert_eq!(decide("169.254.0.1", "10.1.0.1", 9, 99, true), dropped(Why::LeavesScope));
}

#[test]
fn packets_that_were_merged_go_on_as_they_were() {
    let mut out = TxBuf::new();
    out.append(&[0; 30_000]);
    let (from, to) = ("10.0.0.1".parse().unwrap(), "10.1.0.1".parse().unwrap());
    v4::Header::new(from, to, Protocol::TCP, 9).emit(&mut out);
    let packet = Packet::parse(out.as_slice()).unwrap();
    assert_eq!(forward::decide(&packet, Some(1400), 1400), Ok(()));
    let too_big = Err(Refusal::TooBig { mtu: 1400 });
    assert_eq!(forward::decide(&packet, Some(1401), 1400), too_big, "none of them is cut again");
}
