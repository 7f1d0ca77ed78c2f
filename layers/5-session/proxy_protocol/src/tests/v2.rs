//! Version 2, rule by rule.

use std::net::SocketAddr;

use super::{assert_refused_at_end, whole};
use crate::{
    Addresses, BLOCK_LEN_MAX, Connection, Extras, HEADER_LEN_MAX, Malformed, Parsed, Tls, TooLong,
    Transport, Version, emit_v2, parse,
};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// IPv4: 192.0.2.1:256 to 192.0.2.2:443.
const ENDS: &[u8] = &[192, 0, 2, 1, 192, 0, 2, 2, 1, 0, 1, 187];

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A header with this fixed part and block.
fn header(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(block.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family, high, low], block].concat()
}

/// A header of TCP over IPv4, with these TLVs.
fn with_tlvs(tlvs: &[(u8, &[u8])]) -> Vec<u8> {
    header(0x21, 0x11, &[ENDS, &joined(tlvs)].concat())
}

fn joined(tlvs: &[(u8, &[u8])]) -> Vec<u8> {
    let tlv = |(kind, value): &(u8, &[u8])| {
        let [high, low] = u16::try_from(value.len()).unwrap().to_be_bytes();
        [&[*kind, high, low], *value].concat()
    };
    tlvs.iter().flat_map(tlv).collect()
}

fn emitted(connection: &Connection<'_>, extras: &Extras<'_>) -> Result<Vec<u8>, TooLong> {
    let mut out = b"before".to_vec();
    let emitted = emit_v2(connection, extras, &mut out);
    let header = out.strip_prefix(b"before").unwrap().to_vec();
    assert!(emitted.is_ok() || header.is_empty());
    emitted.map(|()| header)
}

fn tcp() -> Connection<'static> {
    Connection::tcp(address("192.0.2.1:256"), address("192.0.2.2:443"))
}

/// As a load balancer of Amazon's sends it, with a checksum, a TLV of its own and padding.
#[test]
fn a_header_from_the_wild() {
    let mut bytes = header(
        0x21,
        0x11,
        &[
            &[0xac, 0x1f, 7, 0x71, 0xac, 0x1f, 10, 0x1f, 0xc8, 0xf2, 0, 0x50][..],
            &[3, 0, 4, 0xe8, 0xd6, 0x89, 0x2d],
            &[0xea, 0, 0x17, 1],
            b"vpce-08d2bf15fac5001c9",
            &[4, 0, 0x24],
            &[0; 36],
        ]
        .concat(),
    );
    let read = whole(&bytes);
    assert_eq!(read.version, Version::Two);
    assert_eq!(read.source(), Some(address("172.31.7.113:51442")));
    assert_eq!(read.destination(), Some(address("172.31.10.31:80")));
    assert_eq!(read.extras, Extras { has_checksum: true, ..Extras::default() });
    // Wherever something changes, but in the checksum's own type, it is noticed.
    for at in (16..bytes.len()).filter(|at| !(28..31).contains(at)) {
        bytes[at] ^= 1;
        assert!(parse(&bytes).is_err(), "{at}");
        bytes[at] ^= 1;
    }
}

#[test]
fn families_and_transports() {
    let v6: Vec<u8> = (0..36).collect();
    let unix = [&b"/run/a\0ignored"[..], &[7; 94], b"\0name\0x", &[0; 101]].concat();
    let (a, b) = ("[1:203:405:607:809:a0b:c0d:e0f]", "[1011:1213:1415:1617:1819:1a1b:1c1d:1e1f]");
    for (code, transport) in [(1_u8, Transport::Stream), (2, Transport::Datagram)] {
        let connection = |family: u8, block: &[u8]| {
            let bytes = header(0x21, family | code, block);
            let read = whole(&bytes);
            let Connection::Relayed { transport: told, .. } = read.connection else { panic!() };
            assert_eq!(told, transport);
            (read.source(), read.destination())
        };
        let v4 = (Some(address("192.0.2.1:256")), Some(address("192.0.2.2:443")));
        assert_eq!(connection(0x10, ENDS), v4);
        let v6_ends = [format!("{a}:{}", 0x2021), format!("{b}:{}", 0x2223)];
        let [from, to] = v6_ends.map(|end| Some(address(&end)));
        assert_eq!(connection(0x20, &v6), (from, to));
        assert_eq!(connection(0x30, &unix), (None, None));
    }
    let bytes = header(0x21, 0x31, &unix);
    let addresses = Addresses::Unix { source: b"/run/a", destination: b"\0name\0x" };
    assert_eq!(whole(&bytes).connection.addresses(), Some(addresses));
    let bytes = header(0x21, 0x31, &[[0; 108], [b'a'; 108]].concat());
    let addresses = Addresses::Unix { source: b"", destination: &[b'a'; 108] };
    assert_eq!(whole(&bytes).connection.addresses(), Some(addresses));
}

/// §2.2: the family of the proxy's own connections is ignored, and the block is skipped.
#[test]
fn the_block_is_skipped_where_no_addresses_are_told() {
    let block = [0xff; 300];
    for len in [0, 1, 12, 300] {
        for family in [0x00, 0x11, 0x31, 0x99, 0xff] {
            let bytes = header(0x20, family, &block[..len]);
            assert_eq!(whole(&bytes).connection, Connection::Local);
        }
        let bytes = header(0x21, 0x00, &block[..len]);
        assert_eq!(whole(&bytes).connection, Connection::Unknown);
        assert_eq!(whole(&bytes).extras, Extras::default());
    }
}

#[test]
fn the_first_wrong_byte_of_the_fixed_part() {
    for (rest, what) in [
        (&[0x11][..], "version"),
        (&[0x01], "version"),
        (&[0x31], "version"),
        (&[0x22], "command"),
        (&[0x2f], "command"),
        (&[0x21, 0x41], "address family"),
        (&[0x21, 0x01], "address family"),
        (&[0x21, 0xf1], "address family"),
        (&[0x21, 0x10], "transport"),
        (&[0x21, 0x23], "transport"),
        (&[0x21, 0x3f], "transport"),
        (&[0x21, 0x11, 0, 11], "length below that of the addresses"),
        (&[0x21, 0x21, 0, 35], "length below that of the addresses"),
        (&[0x21, 0x32, 0, 215], "length below that of the addresses"),
        (&[0x21, 0x11, 0x10], "length above the maximum"),
        (&[0x21, 0x11, 0xff], "length above the maximum"),
        (&[0x20, 0x00, 0x0f, 0xf1], "length above the maximum"),
    ] {
        assert_refused_at_end(&[SIGNATURE, rest].concat(), what);
    }
    for at in 1..SIGNATURE.len() {
        let mut bytes = SIGNATURE[..=at].to_vec();
        bytes[at] ^= 0x20;
        assert_refused_at_end(&bytes, "signature");
    }
}

#[test]
fn the_longest_header() {
    let bytes = header(0x20, 0, &[0; BLOCK_LEN_MAX]);
    assert_eq!(bytes.len(), HEADER_LEN_MAX);
    whole(&bytes);
    let padding = vec![0; BLOCK_LEN_MAX - ENDS.len() - 3];
    whole(&with_tlvs(&[(4, &padding)]));
}

#[test]
fn what_stands_behind_the_addresses() {
    let tls = [
        &[0x07, 0, 0, 0, 0][..],
        &joined(&[(0x21, b"TLSv1.3"), (0x23, b"cipher"), (0x22, "Zo\u{eb}".as_bytes())]),
    ]
    .concat();
    let bytes = with_tlvs(&[
        (0x01, b"h2"),
        (0xe0, b"somebody's own"),
        (0x02, b"example.org"),
        (0x30, b"namespace"),
        (0x05, &[0, 255]),
        (0x04, b""),
        (0x04, b"padding"),
        (0x20, &tls),
    ]);
    let tls = Tls {
        is_spoken: true,
        has_certificate: true,
        has_session_certificate: true,
        verification: 0,
        version: Some("TLSv1.3"),
        common_name: Some("Zo\u{eb}"),
    };
    let want = Extras {
        alpn: Some(b"h2"),
        authority: Some("example.org"),
        unique_id: Some(&[0, 255]),
        tls: Some(tls),
        has_checksum: false,
    };
    assert_eq!(whole(&bytes).extras, want);
}

/// Zero alone does not say that there was a certificate.
#[test]
fn a_certificate_that_is_verified() {
    for (client, verification, want) in
        [(0x01, 0, false), (0x03, 0, true), (0x05, 0, true), (0x07, 18, false), (0xf9, 0, false)]
    {
        let bytes = with_tlvs(&[(0x20, &[client, 0, 0, 0, verification])]);
        let tls = whole(&bytes).extras.tls.unwrap();
        assert_eq!((tls.is_verified(), tls.is_spoken), (want, true), "{client:#x}");
    }
}

#[test]
fn wrong_tlvs() {
    let long_id = [7; 129];
    for (tlvs, what) in [
        (&[(0x02, &b"\xff"[..])][..], "authority"),
        (&[(0x05, &long_id)], "unique id"),
        (&[(0x01, b"h2"), (0x01, b"h2")], "TLV that comes twice"),
        (&[(0x02, b"a"), (0x04, b""), (0x02, b"b")], "TLV that comes twice"),
        (&[(0x03, b"\0\0\0")], "checksum"),
        (&[(0x03, b"\0\0\0\0\0")], "checksum"),
        (&[(0x03, b"\0\0\0\0")], "checksum"),
        (&[(0x20, b"\x01\0\0\0")], "TLV about TLS"),
        (&[(0x20, b"\x01\0\0\0\0\x21")], "length of a TLV"),
        (&[(0x20, b"\x01\0\0\0\0\x21\0\x02a")], "length of a TLV"),
        (&[(0x20, b"\x01\0\0\0\0\x21\0\x01\xff")], "version of TLS"),
        (&[(0x20, b"\x01\0\0\0\0\x22\0\x01\xff")], "common name"),
        (&[(0x20, b"\x01\0\0\0\0\x22\0\0\x22\0\0")], "TLV that comes twice"),
    ] {
        assert_refused_at_end(&with_tlvs(tlvs), what);
    }
    for rest in [&[4][..], &[4, 0], &[4, 0, 1], &[4, 0, 2, 0], &[4, 255, 255, 0]] {
        assert_refused_at_end(&header(0x21, 0x11, &[ENDS, rest].concat()), "length of a TLV");
    }
}

/// A second checksum would have to hold the first one's place.
#[test]
fn a_checksum_comes_once() {
    let extras = Extras { has_checksum: true, ..Extras::default() };
    let mut bytes = emitted(&tcp(), &extras).unwrap();
    whole(&bytes);
    let end = bytes.len() - 4;
    bytes[end] ^= 0x80;
    assert_eq!(parse(&bytes), Err(Malformed::new("checksum")));
    let twice = with_tlvs(&[(3, &[0; 4]), (3, &[0; 4])]);
    let sum = crate::crc32c::of(&[&twice]).to_be_bytes();
    let twice = with_tlvs(&[(3, &sum), (3, &[0; 4])]);
    assert_eq!(parse(&twice), Err(Malformed::new("TLV that comes twice")));
}

#[test]
fn written_headers() {
    let none = Extras::default();
    assert_eq!(emitted(&tcp(), &none), Ok(header(0x21, 0x11, ENDS)));
    let authority = Extras { authority: Some("example.org"), ..none };
    assert_eq!(emitted(&tcp(), &authority), Ok(with_tlvs(&[(2, b"example.org")])));
    // Nothing stands behind what has no addresses.
    let all = Extras { has_checksum: true, ..authority };
    assert_eq!(emitted(&Connection::Local, &all), Ok(header(0x20, 0, &[])));
    assert_eq!(emitted(&Connection::Unknown, &all), Ok(header(0x21, 0, &[])));
    let bytes = emitted(&tcp(), &all).unwrap();
    assert_eq!(bytes.len(), 16 + 12 + 3 + 11 + 7);
    assert_eq!(whole(&bytes).extras, all);
}

#[test]
fn what_is_too_long_is_not_written() {
    let name = "x".repeat(70_000);
    // What is left of the block behind addresses, checksum and the beginning of the TLV.
    let room = BLOCK_LEN_MAX - ENDS.len() - 7 - 3;
    for (len, fits) in [(room, true), (room + 1, false), (65_536, false), (70_000, false)] {
        let authority = Some(&name[..len]);
        let extras = Extras { authority, has_checksum: true, ..Extras::default() };
        let bytes = emitted(&tcp(), &extras);
        assert_eq!(bytes.is_ok(), fits, "{len}");
        assert!(bytes.is_err() || bytes.is_ok_and(|bytes| whole(&bytes).extras == extras));
    }
    for (len, fits) in [(128, true), (129, false)] {
        let unique_id = Some(&name.as_bytes()[..len]);
        let extras = Extras { unique_id, ..Extras::default() };
        assert_eq!(emitted(&tcp(), &extras).is_ok(), fits);
        assert!(emitted(&Connection::Local, &extras).is_ok());
    }
    for (len, fits) in [(108, true), (109, false)] {
        let addresses = Addresses::Unix { source: b"", destination: &name.as_bytes()[..len] };
        let connection = Connection::Relayed { transport: Transport::Stream, addresses };
        assert_eq!(emitted(&connection, &Extras::default()).is_ok(), fits);
    }
}

#[test]
fn nothing_yet() {
    assert_eq!(parse(b""), Ok(Parsed::Incomplete));
}
