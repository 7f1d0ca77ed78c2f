//! Headers on the wire.

use base::{TxBuf, checksum};
use proptest::prelude::*;

use super::{any_v4, any_v6, ip};
use crate::v6::{FragmentHeader, Refusal};
use crate::{Ecn, Packet, Protocol, Quoted, Unfit, Why, forward, v4, v6};

#[test]
fn a_header_as_it_lies_on_the_wire() {
    let bytes = [
        &[0x45, 0x02, 0x00, 0x1c, 0x12, 0x34, 0x40, 0x00, 0x40, 0x11, 0, 0][..],
        &[192, 0, 2, 1, 198, 51, 100, 2],
        b"payload!",
    ]
    .concat();
    let mut bytes = bytes;
    let sum = checksum::of(&bytes[..20]);
    bytes[10..12].copy_from_slice(&sum.to_be_bytes());
    bytes.extend_from_slice(b"padding");
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!((packet.protocol, packet.hop_limit, packet.ecn), (Protocol::UDP, 64, Ecn::Ect0));
    assert_eq!((packet.payload, packet.bytes.len()), (&b"payload!"[..], 28));
}

//= test RFC 1122 §3.2.1.1: another version is dropped
//= test RFC 1122 §3.2.1.2: a wrong checksum is dropped
#[test]
fn what_cannot_be_read_is_named() {
    let mut out = TxBuf::new();
    out.append(&[0; 8]);
    header().emit(&mut out);
    let good = out.as_slice().to_vec();
    let broken = |at: usize, to: u8, fix: bool| {
        let mut bytes = good.clone();
        bytes[at] = to;
        if fix {
            bytes[10..12].fill(0);
            let sum = checksum::of(&bytes[..20]);
            bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        v4::Header::parse(&bytes).unwrap_err().what
    };
    assert_eq!(broken(0, 0x55, true), "IP version");
    assert_eq!(broken(0, 0x44, true), "IPv4 header length");
    assert_eq!(broken(0, 0x48, false), "IPv4 header length");
    assert_eq!(broken(8, 63, false), "IPv4 header checksum");
    assert_eq!(broken(3, 19, true), "IPv4 total length");
    assert_eq!(broken(3, 29, true), "IPv4 total length");
    let mut far = TxBuf::new();
    far.append(&[0; 8]);
    v4::Header { offset: 65_528, ..header() }.emit(&mut far);
    let what = v4::Header::parse(far.as_slice()).unwrap_err().what;
    assert_eq!(what, "a fragment behind the longest packet");
    assert_eq!(v4::Header::parse(&good[..19]).unwrap_err().what, "shorter than an IPv4 header");
    assert_eq!(v6::Header::parse(&good).unwrap_err().what, "shorter than an IPv6 header");
}

//= test RFC 7126 §4.3: loose source routes are dropped
//= test RFC 7126 §4.4: strict source routes are dropped
//= test RFC 1122 §3.2.1.8: options that we do not know are passed over
#[test]
fn options_are_walked_through() {
    let check = |options: &[u8]| v4::Header { options, ..header() }.check_options();
    assert_eq!(check(&[1, 1, 1, 0]), Ok(()));
    assert_eq!(check(&[7, 7, 4, 0, 0, 0, 0, 0]), Ok(()), "record route");
    assert_eq!(check(&[0x94, 4, 0, 0]), Ok(()), "router alert");
    assert_eq!(check(&[1, 131, 3, 4]), Err(Why::SourceRoute));
    assert_eq!(check(&[137, 3, 4, 0]), Err(Why::SourceRoute));
    assert_eq!(check(&[7, 9, 4, 0]), Err(Why::OptionsMalformed));
    assert_eq!(check(&[7, 1, 0, 0]), Err(Why::OptionsMalformed));
    assert_eq!(check(&[1, 1, 1, 7]), Err(Why::OptionsMalformed));
    assert_eq!(check(&[0, 7, 9, 9]), Ok(()), "nothing counts behind the end");
}

//= test RFC 8200 §4.2: what to do about an option is in its first two bits
#[test]
fn extension_headers_are_walked_through() {
    let options = |options: [u8; 6]| [&[6, 0][..], &options, &[0; 20]].concat();
    let walk = |bytes: &[u8]| v6::walk(Protocol(0), bytes).map(|upper| upper.protocol);
    assert_eq!(walk(&options([1, 4, 0, 0, 0, 0])), Ok(Protocol::TCP), "PadN");
    assert_eq!(walk(&options([0; 6])), Ok(Protocol::TCP), "Pad1");
    assert_eq!(walk(&options([0x05, 2, 0, 0, 0, 0])), Ok(Protocol::TCP), "pass over");
    assert_eq!(walk(&options([0x45, 4, 0, 0, 0, 0])), Err(Refusal::Drop(Why::OptionUnknown)));
    let tell = |pointer, even_for_groups| {
        Err(Refusal::Tell { why: Why::OptionUnknown, code: 2, pointer, even_for_groups })
    };
    assert_eq!(walk(&options([0, 0x85, 3, 0, 0, 0])), tell(43, true));
    assert_eq!(walk(&options([0xc5, 4, 0, 0, 0, 0])), tell(42, false));
    assert_eq!(walk(&options([1, 5, 0, 0, 0, 0])), Err(Refusal::Drop(Why::OptionsMalformed)));
    assert_eq!(walk(&[6, 1, 0, 0, 0, 0, 0, 0]), Err(Refusal::Drop(Why::HeadersCutShort)));
    assert_eq!(walk(&[]), Err(Refusal::Drop(Why::HeadersCutShort)));
}

//= test RFC 8200 §4.1: hop-by-hop options stand first or not at all
//= test RFC 8200 §4.4: a route that goes on is refused
//= test RFC 8200 §4.7: nothing is inside
#[test]
fn headers_out_of_place_are_refused() {
    let nested = [0, 0, 1, 4, 0, 0, 0, 0];
    let out_of_place =
        Refusal::Tell { why: Why::HeaderOutOfPlace, code: 1, pointer: 40, even_for_groups: false };
    assert_eq!(v6::walk(Protocol(60), &nested), Err(out_of_place));
    let routing = |left| [6, 0, 0, left, 0, 0, 0, 0];
    assert!(v6::walk(Protocol(43), &routing(0)).is_ok());
    let source_route =
        Refusal::Tell { why: Why::SourceRoute, code: 0, pointer: 42, even_for_groups: false };
    assert_eq!(v6::walk(Protocol(43), &routing(1)), Err(source_route));
    assert_eq!(v6::walk(Protocol(59), &[]), Err(Refusal::Drop(Why::NothingInside)));
    let long = [60, 0, 1, 4, 0, 0, 0, 0].repeat(20);
    assert_eq!(v6::walk(Protocol(60), &long), Err(Refusal::Drop(Why::TooManyHeaders)));
}

//= test RFC 6946 §4: a fragment that is the whole waits for no other
//= test RFC 7112 §5: the first fragment holds all headers
#[test]
fn fragments_of_ipv6_are_found() {
    let fragment = |offset, more_fragments, payload: &[u8]| {
        let mut out = TxBuf::new();
        out.append(payload);
        let next = Protocol::TCP;
        FragmentHeader { next, offset, more_fragments, identification: 9 }.emit(&mut out);
        v6::walk(Protocol(44), out.as_slice()).map(|u| (u.protocol, u.fragment.is_some()))
    };
    assert_eq!(fragment(0, false, &[0; 20]), Ok((Protocol::TCP, false)));
    assert_eq!(fragment(0, true, &[0; 24]), Ok((Protocol::TCP, true)));
    assert_eq!(fragment(24, false, &[0; 5]), Ok((Protocol::TCP, true)));
    let why = |result| match result {
        Err(Refusal::Tell { why, code, .. }) => Some((why, code)),
        _ => None,
    };
    assert_eq!(why(fragment(0, true, &[0; 16])), Some((Why::HeadersCutShort, 3)));
    assert_eq!(why(fragment(0, true, &[0; 21])), Some((Why::FragmentLength, 0)));
    assert_eq!(why(fragment(0xfff8, false, &[0; 16])), Some((Why::FragmentLength, 0)));
}

//= test RFC 1812 §5.3.1: a TTL is counted down, and the checksum stays right
#[test]
fn a_hop_limit_is_counted_down() {
    for ttl in 1..=255 {
        let mut out = TxBuf::new();
        v4::Header { ttl, ..header() }.emit(&mut out);
        assert!(forward::decrement(out.as_mut_slice()));
        assert_eq!(v4::Header::parse(out.as_slice()).unwrap().0.ttl, ttl - 1);
    }
    let mut out = TxBuf::new();
    v4::Header { ttl: 0, ..header() }.emit(&mut out);
    assert!(!forward::decrement(out.as_mut_slice()));
}

fn header() -> v4::Header<'static> {
    v4::Header::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), Protocol::UDP, 64)
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_v4(
        addresses in (any_v4(), any_v4()),
        (service, ttl, protocol, identification) in any::<(u8, u8, u8, u16)>(),
        (dont_fragment, more_fragments) in any::<(bool, bool)>(),
        offset in 0usize..4000,
        words in prop::collection::vec(any::<[u8; 4]>(), 0..=10),
        payload in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let header = v4::Header {
            dscp: service >> 2,
            ecn: Ecn::from_bits(service),
            identification,
            dont_fragment,
            more_fragments,
            offset: offset * 8,
            ttl,
            protocol: Protocol(protocol),
            source: addresses.0,
            destination: addresses.1,
            options: &words.concat(),
        };
        let mut out = TxBuf::new();
        out.append(&payload);
        header.emit(&mut out);
        out.append(&[0; 9]);
        prop_assert_eq!(v4::Header::parse(out.as_slice()), Ok((header, &payload[..])));
    }

    #[test]
    fn what_is_written_is_read_back_v6(
        addresses in (any_v6(), any_v6()),
        (service, next, hop_limit) in any::<(u8, u8, u8)>(),
        flow_label in 0u32..1 << 20,
        payload in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let header = v6::Header {
            dscp: service >> 2,
            ecn: Ecn::from_bits(service),
            flow_label,
            next: Protocol(next),
            hop_limit,
            source: addresses.0,
            destination: addresses.1,
        };
        let mut out = TxBuf::new();
        out.append(&payload);
        header.emit(&mut out);
        out.append(&[0; 9]);
        prop_assert_eq!(v6::Header::parse(out.as_slice()), Ok((header, &payload[..])));
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        mut bytes in prop::collection::vec(any::<u8>(), 0..120),
        version in prop_oneof![Just(0x45u8), Just(0x4f), Just(0x60)],
        next in prop_oneof![Just(0u8), Just(43), Just(44), Just(60), any::<u8>()],
    ) {
        let len = bytes.len();
        if len >= 40 {
            bytes[0] = version;
            if version == 0x60 {
                bytes[4..6].copy_from_slice(&(len as u16 - 40).to_be_bytes());
                bytes[6] = next;
            } else {
                bytes[2..4].copy_from_slice(&(len as u16).to_be_bytes());
                bytes[10..12].fill(0);
                let sum = checksum::of(&bytes[..(usize::from(version & 15) * 4).min(len)]);
                bytes[10..12].copy_from_slice(&sum.to_be_bytes());
            }
        }
        match Packet::parse(&bytes) {
            Ok(packet) => prop_assert!(packet.bytes.len() <= len && packet.payload.len() < len),
            Err(Unfit::Malformed(_) | Unfit::Refused(_)) => {}
        }
    }
}

#[test]
fn what_is_quoted_need_not_be_whole() {
    let mut out = TxBuf::new();
    out.append(&[9; 100]);
    header().emit(&mut out);
    let quoted = Quoted::parse(&out.as_slice()[..28]).unwrap();
    assert_eq!((quoted.source, quoted.destination), (ip("10.0.0.1"), ip("10.0.0.2")));
    assert_eq!((quoted.payload, quoted.packet_len), (&[9; 8][..], 120));
    assert!(Quoted::parse(&out.as_slice()[..19]).is_err());
    let mut out = TxBuf::new();
    v4::Header { offset: 8, ..header() }.emit(&mut out);
    assert!(Quoted::parse(out.as_slice()).is_err(), "a later fragment");
}
