use std::net::{IpAddr, SocketAddr};

use base::xray::{self, Film, Layer};
use base::{Cx, Instant, SipKey, TxBuf, Wall, World};
use expect_test::expect;
use icmp::{Error, Unreachable};
use proptest::prelude::*;

use crate::{BindError, Config, Event, Header, Known, SendError, Sockets, Verdict};

const KEY: SipKey = SipKey::new([2; 16]);

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn sockets() -> Sockets {
    Sockets::new(Config { receive_bytes_max: 400, send_bytes_max: 400, ..Config::default() }, KEY)
}

/// Brings a datagram with `payload`.
fn bring(sockets: &mut Sockets, film: &mut Film, from: &str, to: &str, payload: &[u8]) -> Verdict {
    bring_merged(sockets, film, (from, to), payload, 0)
}

/// The same, which a device has merged of several of this length.
fn bring_merged(
    sockets: &mut Sockets,
    film: &mut Film,
    (from, to): (&str, &str),
    payload: &[u8],
    segment_len: u16,
) -> Verdict {
    xray::watch(&[Layer::Transport]);
    let (from, to, mut out) = (at(from), at(to), TxBuf::new());
    out.append(payload);
    let header = Header { source_port: from.port(), destination_port: to.port() };
    header.emit(from.ip(), to.ip(), &mut out);
    out.finish_checksum();
    let mut world = World::seeded(1);
    let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world).watched_by(film);
    let is_group = to.ip().is_multicast();
    let known = Known { is_group, is_verified: false, segment_len };
    sockets.handle_datagram(&mut cx, (from.ip(), to.ip()), out.as_slice(), known)
}

fn read(sockets: &mut Sockets, socket: crate::SocketId) -> Option<(String, Vec<u8>)> {
    let mut into = [0; 100];
    let (len, datagram) = sockets.receive(socket, &mut into, false)?;
    Some((datagram.from.to_string(), into[..len].to_vec()))
}

#[test]
fn what_a_device_has_merged_is_cut_again() {
    let (mut sockets, mut film) = (sockets(), Film::default());
    let socket = sockets.bind(at("10.0.0.1:53")).unwrap();
    let flow = ("10.0.0.2:1000", "10.0.0.1:53");
    for (payload, pieces) in [
        (&b"aaabbbcc"[..], &["aaa", "bbb", "cc"][..]),
        (b"aaabbb", &["aaa", "bbb"]),
        (b"aa", &["aa"]),
        (b"", &[""]),
    ] {
        let verdict = bring_merged(&mut sockets, &mut film, flow, payload, 3);
        assert_eq!(verdict, Verdict::Delivered);
        for piece in pieces {
            let (_, bytes) = read(&mut sockets, socket).unwrap();
            assert_eq!(bytes, piece.as_bytes());
        }
        assert_eq!(read(&mut sockets, socket), None);
    }
}

//= test RFC 1122 §4.1.3.1: nobody listens, so the sender is to be told
#[test]
fn a_datagram_finds_its_socket() {
    let (mut sockets, mut film) = (sockets(), Film::default());
    let any = sockets.bind(at("0.0.0.0:53")).unwrap();
    let one = sockets.bind(at("10.0.0.1:54")).unwrap();
    let mut to = |to, payload: &[u8]| bring(&mut sockets, &mut film, "10.0.0.9:7", to, payload);
    assert_eq!(to("10.0.0.2:53", b"any"), Verdict::Delivered);
    assert_eq!(to("10.0.0.1:54", b"one"), Verdict::Delivered);
    assert_eq!(to("10.0.0.2:54", b"nobody"), Verdict::PortUnreachable);
    assert_eq!(read(&mut sockets, any), Some(("10.0.0.9:7".to_owned(), b"any".to_vec())));
    assert_eq!(read(&mut sockets, one), Some(("10.0.0.9:7".to_owned(), b"one".to_vec())));
    assert_eq!(read(&mut sockets, one), None);
    assert_eq!(sockets.poll_event(), Some(Event::Readable(any)));
    expect![[r#"
        0.000000s Transport DatagramIn from=10.0.0.9:7 to=10.0.0.2:53 len=3
        0.000000s Transport DatagramIn from=10.0.0.9:7 to=10.0.0.1:54 len=3
        0.000000s Transport DatagramIn from=10.0.0.9:7 to=10.0.0.2:54 len=6
        0.000000s Transport Dropped from=10.0.0.9:7 to=10.0.0.2:54 why=NobodyListens
    "#]]
    .assert_eq(&film.text);
}

#[test]
fn a_connected_socket_hears_only_its_peer() {
    let (mut sockets, mut film) = (sockets(), Film::default());
    let socket = sockets.bind(at("0.0.0.0:53")).unwrap();
    sockets.connect(socket, ip("10.0.0.1"), at("10.0.0.9:7")).unwrap();
    let mut from = |from| bring(&mut sockets, &mut film, from, "10.0.0.1:53", b"x");
    assert_eq!(from("10.0.0.9:7"), Verdict::Delivered);
    assert_eq!(from("10.0.0.9:8"), Verdict::PortUnreachable);
    let other = sockets.bind(at("0.0.0.0:53")).unwrap();
    let again = sockets.connect(other, ip("10.0.0.1"), at("10.0.0.9:7"));
    assert_eq!(again, Err(BindError::InUse));
    assert!(sockets.close(socket) && !sockets.close(socket));
    assert_eq!(
        bring(&mut sockets, &mut film, "10.0.0.9:7", "10.0.0.1:53", b"x"),
        Verdict::Delivered
    );
    assert!(read(&mut sockets, other).is_some());
}

#[test]
fn everybody_who_listens_to_a_group_hears_it() {
    let (mut sockets, mut film) = (sockets(), Film::default());
    let a = sockets.bind(at("0.0.0.0:5353")).unwrap();
    let b = sockets.bind(at("224.0.0.251:5353")).err();
    assert_eq!(b, Some(BindError::InUse));
    let c = sockets.bind(at("[::]:5353")).unwrap();
    bring(&mut sockets, &mut film, "10.0.0.9:7", "224.0.0.251:5353", b"x");
    assert!(read(&mut sockets, a).is_some() && read(&mut sockets, c).is_none());
}

#[test]
fn what_nobody_takes_is_dropped_and_counted() {
    let (mut sockets, mut film) = (sockets(), Film::default());
    let socket = sockets.bind(at("0.0.0.0:53")).unwrap();
    for n in 0..10 {
        bring(&mut sockets, &mut film, "10.0.0.9:7", "10.0.0.1:53", &[n; 60]);
    }
    assert_eq!(sockets.look(socket).unwrap().dropped, 7);
    let all: Vec<_> = std::iter::from_fn(|| read(&mut sockets, socket)).collect();
    assert_eq!(all.iter().map(|(_, bytes)| bytes[0]).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(film.text.contains("why=ReceiverFull"));
}

#[test]
fn sending_is_fair_and_bounded() {
    let (mut sockets, mut world, mut out) = (sockets(), World::seeded(1), TxBuf::new());
    let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
    let (a, b) = (sockets.bind(at("0.0.0.0:1")).unwrap(), sockets.bind(at("10.0.0.1:2")).unwrap());
    let to = Some(at("10.0.0.9:7"));
    assert_eq!(sockets.send(a, None, b"x"), Err(SendError::NoDestination));
    assert_eq!(sockets.send(a, to, &[0; 65_508]), Err(SendError::TooLong));
    while sockets.send(a, to, &[1; 60]).is_ok() {}
    sockets.send(b, to, b"2").unwrap();
    assert_eq!(sockets.send(a, to, &[1; 60]), Err(SendError::Full));
    let mut sent = Vec::new();
    while let Some(outgoing) = sockets.poll_transmit(&mut cx, &mut out, |_| Some(ip("10.0.0.3"))) {
        out.finish_checksum();
        let parsed = Header::parse(out.as_slice(), outgoing.source, outgoing.destination, false);
        sent.push((outgoing.source.to_string(), parsed.unwrap().0.source_port));
        out.clear();
    }
    let a3 = ("10.0.0.3".to_owned(), 1);
    assert_eq!(sent, [a3.clone(), ("10.0.0.1".to_owned(), 2), a3.clone(), a3]);
    assert_eq!(sockets.poll_event(), Some(Event::Writable(a)));
}

//= test RFC 1122 §4.1.3.3: who sent what did not arrive is told
#[test]
fn an_error_finds_its_socket() {
    let mut sockets = sockets();
    let socket = sockets.bind(at("0.0.0.0:53")).unwrap();
    let (ends, error) = ((ip("10.0.0.1"), ip("10.0.0.9")), Error::Unreachable(Unreachable::Port));
    assert!(sockets.handle_error(ends, &[0, 53, 0, 7, 0, 9, 0, 0], error));
    assert!(!sockets.handle_error(ends, &[0, 54, 0, 7, 0, 9, 0, 0], error));
    assert!(!sockets.handle_error(ends, &[0, 53], error));
    let failed = Event::Failed { socket, to: at("10.0.0.9:7"), error };
    assert_eq!(sockets.poll_event(), Some(failed));
}

//= test RFC 6056 §3.3.1: ports are drawn at random, and every free one is found
#[test]
fn ports_are_drawn_at_random() {
    let config = Config { sockets_max: 40_000, ..Config::default() };
    let mut sockets = Sockets::new(config, KEY);
    let bind = |sockets: &mut Sockets| sockets.bind(at("0.0.0.0:0"));
    let ports: Vec<u16> = (0..32_768)
        .map(|_| {
            let socket = bind(&mut sockets).unwrap();
            sockets.look(socket).unwrap().local.port()
        })
        .collect();
    let near = ports.windows(2).take(1000).filter(|w| w[0].abs_diff(w[1]) < 100).count();
    assert!(near < 30, "{near} of 1000 are close to the one before");
    assert!(ports.iter().all(|port| *port >= 32_768));
    assert_eq!(bind(&mut sockets), Err(BindError::NoPortLeft));
}

//= test RFC 768: zero means that there is no checksum
//= test RFC 8200 §8.1: in IPv6 there must be one
#[test]
fn a_missing_checksum_is_allowed_in_ipv4_only() {
    let bytes = [0, 1, 0, 2, 0, 9, 0, 0, b'x'];
    let parse =
        |ip: IpAddr, bytes: &[u8]| Header::parse(bytes, ip, ip, false).map(|(_, p)| p.len());
    assert_eq!(parse(ip("10.0.0.1"), &bytes), Ok(1));
    let what = |ip, bytes| parse(ip, bytes).unwrap_err().what;
    assert_eq!(what(ip("::1"), &bytes), "UDP over IPv6 without a checksum");
    assert_eq!(what(ip("10.0.0.1"), &[0, 1, 0, 2, 0, 9, 0, 1, b'x']), "UDP checksum");
    assert_eq!(what(ip("10.0.0.1"), &[0, 1, 0, 2, 0, 10, 0, 0, b'x']), "UDP length");
    assert_eq!(what(ip("10.0.0.1"), &[0, 1, 0, 2, 0, 7, 0, 0, b'x']), "UDP length");
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        ports: [u16; 2],
        addresses: [u128; 2],
        is_v6: bool,
        payload in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let [source, destination] = addresses.map(|bits| match is_v6 {
            true => IpAddr::from(bits.to_be_bytes()),
            false => IpAddr::from((bits as u32).to_be_bytes()),
        });
        let header = Header { source_port: ports[0], destination_port: ports[1] };
        let mut out = TxBuf::new();
        out.append(&payload);
        header.emit(source, destination, &mut out);
        out.finish_checksum();
        out.append(b"padding");
        let parsed = Header::parse(out.as_slice(), source, destination, false);
        prop_assert_eq!(parsed, Ok((header, &payload[..])));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = Header::parse(&bytes, ip("10.0.0.1"), ip("10.0.0.2"), false);
    }
}
