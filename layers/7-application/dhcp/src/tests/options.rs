//! What options say, and how messages are written.

use proptest::prelude::*;

use super::*;
use crate::{Route, Settings};

/// What a client has read of a server's options.
fn settings(changes: Changes<'_>) -> (Settings, String) {
    let mut play = Play::bound(changes);
    (play.client.lease().unwrap().settings.clone(), play.film.take())
}

fn routes(changes: Changes<'_>) -> Vec<String> {
    let line = |Route { to, gateway }: &Route| match gateway {
        Some(gateway) => format!("{to} {gateway}"),
        None => format!("{to} link"),
    };
    settings(changes).0.routes.iter().map(line).collect()
}

//= test RFC 3442: prefixes of every length, in as many bytes as they reach
#[test]
fn classless_routes_are_read() {
    // The examples of the RFC, behind one gateway each.
    let value = [
        &[0, 10, 0, 0, 1][..],
        &[8, 10, 10, 0, 0, 1],
        &[24, 10, 0, 1, 10, 0, 0, 1],
        &[16, 10, 17, 10, 0, 0, 1],
        &[24, 10, 27, 129, 10, 0, 0, 1],
        &[25, 10, 229, 0, 128, 10, 0, 0, 1],
        &[32, 10, 198, 122, 47, 10, 0, 0, 1],
        // Bits behind the prefix are masked away; no gateway means the link.
        &[25, 129, 210, 177, 132, 0, 0, 0, 0],
    ];
    let expected = [
        "0.0.0.0/0 10.0.0.1",
        "10.0.0.0/8 10.0.0.1",
        "10.0.1.0/24 10.0.0.1",
        "10.17.0.0/16 10.0.0.1",
        "10.27.129.0/24 10.0.0.1",
        "10.229.0.128/25 10.0.0.1",
        "10.198.122.47/32 10.0.0.1",
        "129.210.177.128/25 link",
    ];
    let routers: (u8, &[u8]) = (option::ROUTER, &[10, 0, 0, 99]);
    assert_eq!(routes(&[routers, (option::CLASSLESS_ROUTES, &value.concat())]), expected);
}

//= test RFC 3442: where there are classless routes, routers are ignored; else the first is the best
#[test]
fn routers_count_where_there_are_no_routes() {
    let routers: (u8, &[u8]) = (option::ROUTER, &[10, 0, 0, 1, 10, 0, 0, 2]);
    assert_eq!(routes(&[routers]), ["0.0.0.0/0 10.0.0.1", "0.0.0.0/0 10.0.0.2"]);
    let usable = &[24, 192, 0, 2, 10, 0, 0, 7][..];
    assert_eq!(routes(&[routers, (option::CLASSLESS_ROUTES, usable)]), ["192.0.2.0/24 10.0.0.7"]);
    // A prefix that is too long, one that breaks off, and networks that nobody leads to.
    for bad in [
        &[33, 1, 2, 3, 4, 5, 10, 0, 0, 1][..],
        &[24, 10, 0, 1, 10],
        &[8, 127, 10, 0, 0, 1, 4, 224, 10, 0, 0, 1],
        &[24, 10, 0, 1, 127, 0, 0, 1],
    ] {
        let got = routes(&[routers, (option::CLASSLESS_ROUTES, bad)]);
        assert_eq!(got, ["0.0.0.0/0 10.0.0.1", "0.0.0.0/0 10.0.0.2"], "{bad:?}");
    }
}

//= test RFC 3396 §7: an option in several parts is one
//= test RFC 2132 §9.3: options go on where the names of server and file would stand
#[test]
fn options_go_on_elsewhere() {
    let many: Vec<u8> = (0..100u8).flat_map(|n| [24, 10, 1, n, 10, 0, 0, 1]).collect();
    let (read, film) = settings(&[(option::CLASSLESS_ROUTES, &many)]);
    assert_eq!(read.routes.len(), 64, "as many as are kept");
    assert!(film.contains("code=121 why=TooMany"), "{film}");

    let mut play = Play::new();
    let mut bytes = reply(Kind::Offer, play.client.xid, US, &[(option::OVERLOAD, &[3])]);
    // The first part of a name in file, the second in sname, where it may not say where to go on.
    bytes[108..112].copy_from_slice(&[15, 2, b'e', b'x']);
    bytes[44..54].copy_from_slice(&[52, 1, 9, 15, 5, b'.', b't', b'e', b's', b't']);
    play.tell(|client, cx| client.handle_message(cx, SERVER, &bytes));
    let offer = play.client.offer.as_ref().unwrap();
    assert_eq!(offer.settings.domain.as_deref(), Some("ex.test"));
    bytes[44..47].copy_from_slice(&[6, 200, 1]);
    let unreadable = Header::parse(&bytes).map(drop).unwrap_err().what;
    assert_eq!(unreadable, "an option of DHCP is longer than its place");
}

//= test RFC 2132 §3.17: the domain, whatever ends it
//= test RFC 3397 §2: names to search in, which share their ends
#[test]
fn names_are_read() {
    for (text, name) in [
        (&b"Example.COM"[..], Some("example.com")),
        (b"example.com.\0", Some("example.com")),
        (b"a b", None),
        (b"a..b", None),
        (b"-;rm", None),
        (b"\xff", None),
        (b".", None),
    ] {
        let (read, film) = settings(&[(option::DOMAIN_NAME, text)]);
        assert_eq!(read.domain.as_deref(), name, "{text:?}");
        assert_eq!(film.contains("code=15 why=BadValue"), name.is_none());
    }
    let search = |list: &[u8]| settings(&[(option::DOMAIN_SEARCH, list)]).0.search;
    // The example of the RFC.
    let list = b"\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04";
    assert_eq!(search(list), ["eng.apple.com", "marketing.apple.com"]);
    assert_eq!(search(b"\x01a\x00\xc0\x05"), ["a"], "a pointer forwards is none");
    assert_eq!(search(b"\x01a\x00\xc0\x03"), ["a"], "nor one to itself");
    assert_eq!(search(b"\x01a\x00\x01b\xc0\x03"), ["a"], "nor a loop");
    assert_eq!(search(b"\x01a\x00\x04b.cd\x00"), ["a"], "a dot within a label");
    assert_eq!(search(b"\x01a\x00\x40b"), ["a"]);
    assert_eq!(search(b"\x01a\x00\x05b"), ["a"]);
    assert_eq!(search(&b"\x01a\x00".repeat(20)).len(), 16);
}

#[test]
fn what_is_of_no_use_is_left_out() {
    let (read, film) = settings(&[
        (option::DNS_SERVERS, &[0, 0, 0, 0, 127, 0, 0, 1, 10, 0, 0, 2, 10, 0, 0, 2, 224, 0, 0, 1]),
        (option::ROUTER, &[10, 0, 0, 9, 10, 0, 0]),
        (option::INTERFACE_MTU, &[0, 68]),
    ]);
    assert_eq!(read.dns_servers, [Ipv4Addr::new(10, 0, 0, 2)]);
    assert_eq!((read.routes.len(), read.mtu), (0, None));
    for note in ["code=6 why=NotUsable", "code=3 why=BadValue", "code=26 why=MtuOutOfRange"] {
        assert!(film.contains(note), "{note} is not in {film}");
    }
    let nine: Vec<u8> = (1..=9).flat_map(|n| [10, 0, 1, n]).collect();
    let (read, film) = settings(&[(option::DNS_SERVERS, &nine), (option::INTERFACE_MTU, &[5, 0])]);
    assert_eq!((read.dns_servers.len(), read.mtu), (8, Some(1280)));
    assert!(film.contains("code=6 why=TooMany"), "{film}");
}

//= test RFC 2132 §3.3: without a mask the first bits of the address say how long its prefix is
#[test]
fn a_prefix_comes_from_the_mask() {
    let prefix = |address: [u8; 4], mask: &[u8]| {
        let mut play = Play::new();
        let changes = [(option::SUBNET_MASK, mask)];
        let bytes = reply(Kind::Offer, play.client.xid, address.into(), &changes);
        play.tell(|client, cx| client.handle_message(cx, SERVER, &bytes));
        play.client.offer.as_ref().map(|offer| offer.address.prefix_len())
    };
    assert_eq!(prefix([10, 0, 0, 9], &[]), Some(8));
    assert_eq!(prefix([172, 16, 0, 9], &[]), Some(16));
    assert_eq!(prefix([192, 168, 0, 9], &[]), Some(24));
    assert_eq!(prefix([10, 0, 0, 9], &[255, 255, 255, 255]), Some(32));
    assert_eq!(prefix([10, 0, 0, 8], &[255, 255, 255, 254]), Some(31));
    assert_eq!(prefix([10, 0, 0, 9], &[255, 255]), None);
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        xid: u32,
        secs: u16,
        flags: [bool; 2],
        addresses: [u32; 4],
        mac: [u8; 6],
        values in prop::collection::vec((1u8..=254, prop::collection::vec(any::<u8>(), 1..600)), 0..8),
    ) {
        let [ciaddr, yiaddr, siaddr, giaddr] = addresses.map(Ipv4Addr::from_bits);
        let [is_reply, wants_broadcast] = flags;
        let header = Header {
            is_reply, xid, secs, wants_broadcast, ciaddr, yiaddr, siaddr, giaddr, chaddr: Mac(mac),
        };
        let values: Vec<_> = values.into_iter().filter(|(code, _)| *code != option::OVERLOAD).collect();
        let mut out = TxBuf::new();
        header.emit(values.iter().map(|(code, value)| (*code, &value[..])), &mut out);
        let (read, options) = Header::parse(out.as_slice()).unwrap();
        prop_assert_eq!(read, header);
        for (code, _) in &values {
            let same = values.iter().filter(|(other, _)| other == code);
            let whole: Vec<u8> = same.flat_map(|(_, value)| value.clone()).collect();
            let found = options.find(*code);
            prop_assert_eq!(found.as_deref(), Some(&whole[..]));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 236..700)) {
        let mut play = Play::new();
        let cookie = reply(Kind::Offer, play.client.xid, US, &[]);
        bytes.splice(..0, cookie.into_iter().take(100));
        play.tell(|client, cx| client.handle_message(cx, SERVER, &bytes));
    }
}
