//! What holds for all headers, and for all bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use proptest::prelude::*;

use super::whole;
use crate::{
    Addresses, Connection, Extras, HEADER_LEN_MAX, LINE_LEN_MAX, Parsed, Tls, Transport, Version,
    emit_v1, emit_v2, parse,
};

/// A header that owns what it tells.
#[derive(Clone, Debug)]
struct Case {
    kind: u8,
    transport: Transport,
    ends: [SocketAddr; 2],
    paths: [Vec<u8>; 2],
    alpn: Option<Vec<u8>>,
    authority: Option<String>,
    unique_id: Option<Vec<u8>>,
    tls: Option<TlsCase>,
    has_checksum: bool,
}

/// The three bits, the verification, the version and the common name.
type TlsCase = ([bool; 3], u32, Option<String>, Option<String>);

impl Case {
    fn connection(&self) -> Connection<'_> {
        let [source, destination] = self.ends;
        let [from, to] = &self.paths;
        let addresses = match self.kind {
            0 => return Connection::Local,
            1 => return Connection::Unknown,
            2 => Addresses::Unix { source: from, destination: to },
            _ => Addresses::between(source, destination),
        };
        Connection::Relayed { transport: self.transport, addresses }
    }

    fn extras(&self) -> Extras<'_> {
        let tls = self.tls.as_ref().map(|(bits, verification, version, common_name)| {
            let [is_spoken, has_certificate, has_session_certificate] = *bits;
            Tls {
                is_spoken,
                has_certificate,
                has_session_certificate,
                verification: *verification,
                version: version.as_deref(),
                common_name: common_name.as_deref(),
            }
        });
        Extras {
            alpn: self.alpn.as_deref(),
            authority: self.authority.as_deref(),
            unique_id: self.unique_id.as_deref(),
            tls,
            has_checksum: self.has_checksum,
        }
    }

    fn emit_v1(&self) -> Vec<u8> {
        let mut out = Vec::new();
        emit_v1(&self.connection(), &mut out);
        out
    }

    fn emit_v2(&self) -> Vec<u8> {
        let mut out = Vec::new();
        emit_v2(&self.connection(), &self.extras(), &mut out).unwrap();
        out
    }
}

fn end() -> impl Strategy<Value = SocketAddr> {
    let groups = prop::array::uniform8(prop_oneof![Just(0), Just(0xffff), any::<u16>()]);
    let ip = prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        groups.prop_map(|groups| IpAddr::V6(Ipv6Addr::from(groups))),
        any::<u32>().prop_map(|bits| IpAddr::V6(Ipv4Addr::from_bits(bits).to_ipv6_mapped())),
    ];
    (ip, any::<u16>()).prop_map(SocketAddr::from)
}

/// A path, or a name that begins with a zero; neither ends with one.
fn path() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::collection::vec(any::<u8>(), 0..106)
        .prop_map(|name| [b"\0", &name[..], b"x"].concat());
    prop_oneof![prop::collection::vec(1..=255_u8, 0..=108), name]
}

fn case() -> BoxedStrategy<Case> {
    let transport = prop_oneof![3 => Just(Transport::Stream), 1 => Just(Transport::Datagram)];
    let bytes = |max| prop::option::of(prop::collection::vec(any::<u8>(), 0..=max));
    let text = || prop::option::of("\\PC{0,40}");
    let tls = prop::option::of((any::<[bool; 3]>(), any::<u32>(), text(), text()));
    let connection = (0..8_u8, transport, [end(), end()], [path(), path()]);
    let extras = (bytes(255), text(), bytes(128), tls, any::<bool>());
    let case =
        (connection, extras).prop_map(
            |((kind, transport, ends, paths), (alpn, authority, unique_id, tls, has_checksum))| {
                Case { kind, transport, ends, paths, alpn, authority, unique_id, tls, has_checksum }
            },
        );
    // What is generated is large while it is: two of these do not fit on a test's stack.
    case.boxed()
}

/// Bytes of all kinds: any, a header with damages, a line of the right characters.
fn bytes() -> BoxedStrategy<Vec<u8>> {
    let damages = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let damaged = (case(), any::<bool>(), damages).prop_map(|(case, is_v2, damages)| {
        let mut bytes = if is_v2 { case.emit_v2() } else { case.emit_v1() };
        for (at, byte) in damages {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    });
    let line = "PROXY (TCP4 |TCP6 |UNKNOWN)[0-9a-fA-F:. \r]{0,100}(\r\n)?.{0,4}";
    let block = (0..5_usize, any::<u8>(), prop::collection::vec(any::<u8>(), 0..80)).prop_map(
        |(family, len, rest)| {
            let family = [0x11, 0x12, 0x21, 0x31, 0x00][family];
            [&b"\r\n\r\n\0\r\nQUIT\n\x21"[..], &[family, 0, len], &rest].concat()
        },
    );
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        damaged,
        line.prop_map(String::into_bytes),
        block,
    ]
    .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn version_1_there_and_back(case in case()) {
        let bytes = case.emit_v1();
        prop_assert!(bytes.len() <= LINE_LEN_MAX);
        let header = whole(&bytes);
        prop_assert_eq!((header.version, header.extras), (Version::One, Extras::default()));
        let want = match case.connection() {
            Connection::Relayed { transport: Transport::Datagram, .. }
            | Connection::Relayed { addresses: Addresses::Unix { .. }, .. }
            | Connection::Local => Connection::Unknown,
            told => told,
        };
        prop_assert_eq!(header.connection, want);
    }

    #[test]
    fn version_2_there_and_back(case in case()) {
        let bytes = case.emit_v2();
        prop_assert!(bytes.len() <= HEADER_LEN_MAX);
        let header = whole(&bytes);
        prop_assert_eq!((header.version, header.connection), (Version::Two, case.connection()));
        let is_relayed = header.connection.addresses().is_some();
        let want = if is_relayed { case.extras() } else { Extras::default() };
        prop_assert_eq!(header.extras, want);
    }

    #[test]
    fn before_its_end_a_header_is_incomplete(case in case()) {
        for bytes in [case.emit_v1(), case.emit_v2()] {
            for len in 0..bytes.len() {
                prop_assert_eq!(parse(&bytes[..len]), Ok(Parsed::Incomplete));
            }
        }
    }

    #[test]
    fn what_follows_changes_nothing(case in case(), rest in bytes()) {
        for bytes in [case.emit_v1(), case.emit_v2()] {
            let more = [&bytes[..], &rest].concat();
            prop_assert_eq!(parse(&more), parse(&bytes));
        }
    }

    /// Any bytes, one more at a time: a verdict stays, and it is the same for all that follow.
    #[test]
    fn a_verdict_is_final(bytes in bytes()) {
        let last = parse(&bytes);
        for len in 0..bytes.len() {
            match parse(&bytes[..len]) {
                Ok(Parsed::Incomplete) => {}
                Ok(header) => prop_assert_eq!(Ok(header), last),
                Err(_) => prop_assert!(last.is_err()),
            }
        }
        if let Ok(Parsed::Header { len, .. }) = last {
            prop_assert!(0 < len && len <= bytes.len() && len <= HEADER_LEN_MAX);
        }
    }

    /// A header that is read and written again tells the same.
    #[test]
    fn what_is_read_can_be_written(bytes in bytes()) {
        let Ok(Parsed::Header { header, .. }) = parse(&bytes) else { return Ok(()) };
        let mut out = Vec::new();
        prop_assert!(emit_v2(&header.connection, &header.extras, &mut out).is_ok());
        let again = whole(&out);
        prop_assert_eq!((again.connection, again.extras), (header.connection, header.extras));
    }

    /// With a checksum, an address cannot change unnoticed.
    #[test]
    fn a_damaged_address_is_noticed(case in case(), at in 16..28_usize, bit in 0..8_u32) {
        let mut bytes = Case { kind: 7, has_checksum: true, ..case }.emit_v2();
        bytes[at] ^= 1 << bit;
        prop_assert!(parse(&bytes).is_err());
    }

    /// The standard library reads the same addresses.
    #[test]
    fn addresses_are_read_as_others_read_them(
        v6 in "([0-9a-fA-F]{1,5}:){0,8}(:([0-9a-f]{1,4}:){0,7})?[0-9a-f]{0,4}(\\.?[0-9]{1,3}){0,4}",
        v4 in "([0-9]{1,3}\\.){3}[0-9]{1,3}",
    ) {
        let line = format!("PROXY TCP6 {v6} :: 1 2\r\n");
        let ours = parse(line.as_bytes());
        match v6.parse::<Ipv6Addr>() {
            Ok(theirs) if line.len() <= LINE_LEN_MAX => {
                prop_assert_eq!(whole(line.as_bytes()).source(), Some((theirs, 1).into()));
            }
            _ => prop_assert!(ours.is_err(), "{}", v6),
        }
        let line = format!("PROXY TCP4 {v4} 0.0.0.0 1 2\r\n");
        match v4.parse::<Ipv4Addr>() {
            Ok(theirs) => prop_assert_eq!(whole(line.as_bytes()).source(), Some((theirs, 1).into())),
            Err(_) => prop_assert!(parse(line.as_bytes()).is_err(), "{}", v4),
        }
    }

    /// As long as nothing is wrong, something makes an address of it.
    #[test]
    fn what_is_incomplete_can_be_completed(
        text in "([0-9a-f]{1,4}:){0,8}(:([0-9a-f]{1,4}:){0,7})?[0-9a-f]{0,4}(\\.[0-9]{1,3}){0,4}",
        len in 0..=60_usize,
    ) {
        let start = format!("PROXY TCP6 {}", text.get(..len).unwrap_or(&text));
        if parse(start.as_bytes()) == Ok(Parsed::Incomplete) {
            let groups = (0..=8).flat_map(|n| [":0".repeat(n), format!("0{}", ":0".repeat(n))]);
            let octets = (0..=3).flat_map(|n| [".0".repeat(n), format!("0{}", ".0".repeat(n))]);
            let mut ends = groups.chain(octets).chain([":".to_owned(), "::".to_owned()]);
            let is_end = |end: String| parse(format!("{start}{end} :: 1 2\r\n").as_bytes()).is_ok();
            prop_assert!(ends.any(is_end), "{}", start);
        }
    }
}
