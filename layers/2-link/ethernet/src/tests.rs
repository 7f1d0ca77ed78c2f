use std::net::Ipv4Addr;

use base::{Mac, TxBuf};
use proptest::prelude::*;

use crate::{EtherType, GROUPS_MAX, Groups, Header, Tag, group_v4, group_v6};

const US: Mac = Mac([2, 0, 0, 0, 0, 1]);

#[test]
fn a_tagged_frame_as_it_lies_on_the_cable() {
    let bytes = [
        &[0xff; 6][..],
        &[2, 0, 0, 0, 0, 9],
        &[0x81, 0x00, 0xb0, 0x64], // priority 5, drop eligible, VLAN 100
        &[0x86, 0xdd],
        b"payload",
    ]
    .concat();
    let (header, payload) = Header::parse(&bytes).unwrap();
    assert_eq!(header.tag, Some(Tag { priority: 5, drop_eligible: true, vlan: 100 }));
    assert_eq!((header.ethertype, payload), (EtherType::Ipv6, &b"payload"[..]));
}

#[test]
fn what_cannot_be_read_is_named() {
    let frame = |number: [u8; 2]| [&[2; 12][..], &number, &[0; 3]].concat();
    let what = |bytes: &[u8]| Header::parse(bytes).unwrap_err().what;
    assert_eq!(what(&[0; 13]), "shorter than an Ethernet header");
    assert_eq!(what(&frame([0x81, 0x00])), "shorter than a VLAN tag");
    assert_eq!(what(&frame([0x05, 0xdc])), "a length instead of a type (LLC)");
}

//= test RFC 1112 §6.4: the lowest 23 bits of the group stand in the hardware address
//= test RFC 2464 §7: the last four bytes of the group stand in the hardware address
#[test]
fn groups_have_hardware_addresses() {
    assert_eq!(group_v4(Ipv4Addr::new(224, 0, 0, 251)).to_string(), "01:00:5e:00:00:fb");
    assert_eq!(group_v4(Ipv4Addr::new(239, 128, 0, 1)).to_string(), "01:00:5e:00:00:01");
    assert_eq!(group_v6("ff02::1:ff00:abcd".parse().unwrap()).to_string(), "33:33:ff:00:ab:cd");
}

//= test RFC 1112 §7.2: a group is listened to until the last who joined it leaves
#[test]
fn a_group_is_joined_as_often_as_it_was_joined() {
    let (mut groups, group) = (Groups::new(), group_v4(Ipv4Addr::new(224, 0, 0, 251)));
    assert!(!groups.destination_is_us(US, group));
    assert!(groups.join(group) && groups.join(group));
    groups.leave(group);
    assert!(groups.destination_is_us(US, group));
    groups.leave(group);
    groups.leave(group);
    assert!(!groups.destination_is_us(US, group));
    assert!(groups.destination_is_us(US, US) && groups.destination_is_us(US, Mac::BROADCAST));
    assert!(!groups.destination_is_us(US, Mac([2, 0, 0, 0, 0, 2])));
}

#[test]
fn the_table_of_groups_is_bounded() {
    let mut groups = Groups::new();
    let group = |n: usize| Mac([1, 0, 0x5e, 0, (n >> 8) as u8, n as u8]);
    assert!((0..GROUPS_MAX).all(|n| groups.join(group(n))));
    assert!(!groups.join(group(GROUPS_MAX)));
    assert!(groups.join(group(0)), "what is there may be joined again");
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        destination: [u8; 6],
        source: [u8; 6],
        tag in prop::option::of((0u8..8, any::<bool>(), 0u16..4096)),
        ethertype in prop_oneof![Just(0x0800), Just(0x0806), Just(0x86dd), 0x9100u16..],
        payload in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let tag = tag.map(|(priority, drop_eligible, vlan)| Tag { priority, drop_eligible, vlan });
        let ethertype = EtherType::from(ethertype);
        let header = Header { destination: Mac(destination), source: Mac(source), tag, ethertype };
        let mut out = TxBuf::new();
        out.append(&payload);
        header.emit(&mut out);
        prop_assert_eq!(out.len(), header.header_len() + payload.len());
        prop_assert_eq!(Header::parse(out.as_slice()), Ok((header, &payload[..])));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = Header::parse(&bytes);
    }
}
