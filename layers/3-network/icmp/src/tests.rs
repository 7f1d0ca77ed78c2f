use std::net::{IpAddr, Ipv6Addr};

use base::xray::{self, Film, Layer};
use base::{Cx, Instant, SipKey, TxBuf, Wall, World};
use expect_test::expect;
use proptest::prelude::*;

use crate::{Echo, Error, Errors, Exceeded, Message, Offender, Outgoing, Severity, Unreachable};

const A6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
const B6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn offender() -> Offender {
    Offender {
        source: ip("192.0.2.1"),
        source_is_one: true,
        is_for_group: false,
        is_later_fragment: false,
        is_error: false,
    }
}

//= test RFC 792: an echo request as it lies on the wire
#[test]
fn a_question_as_it_lies_on_the_wire() {
    let bytes = [8, 0, 0x5a, 0xc3, 0x12, 0x34, 0, 7, b'h', b'i', b'!', b'!'];
    let question = Message::EchoRequest { id: 0x1234, seq: 7, data: b"hi!!" };
    let mut out = TxBuf::new();
    question.emit_v4(&mut out);
    out.finish_checksum();
    assert_eq!(Message::parse_v4(out.as_slice(), false), Ok(question));
    assert_eq!(out.as_slice()[4..], bytes[4..]);
    out.as_mut_slice()[9] ^= 1;
    assert_eq!(Message::parse_v4(out.as_slice(), false).unwrap_err().what, "ICMP checksum");
    assert!(Message::parse_v4(&[8, 0, 0xf7, 0xff], false).is_err());
}

//= test RFC 1122 §3.2.2: never about errors, groups, later fragments, nobody
//= test RFC 4443 §2.4: the same for IPv6, but for packets to groups that were too big
#[test]
fn errors_are_sent_by_rule() {
    let mut film = Film::default();
    let mut errors = Errors::new(SipKey::new([3; 16]));
    let mut world = World::seeded(1);
    xray::watch(&[Layer::Network]);
    let port = Error::Unreachable(Unreachable::Port);
    let too_big = Error::TooBig { mtu: 1280 };
    let table = [
        (offender(), port),
        (Offender { is_error: true, ..offender() }, port),
        (Offender { is_for_group: true, ..offender() }, port),
        (Offender { is_later_fragment: true, ..offender() }, port),
        (Offender { source_is_one: false, ..offender() }, port),
        (Offender { is_for_group: true, ..offender() }, too_big),
        (Offender { is_for_group: true, source: B6.into(), ..offender() }, too_big),
    ];
    for (about, error) in table {
        let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world).watched_by(&mut film);
        errors.may_answer(&mut cx, &about, error);
    }
    expect![[r#"
        0.000000s Network ErrorOut to=192.0.2.1 error=Unreachable(Port)
        0.000000s Network ErrorNotSent to=192.0.2.1 error=Unreachable(Port) why=AboutError
        0.000000s Network ErrorNotSent to=192.0.2.1 error=Unreachable(Port) why=AboutGroup
        0.000000s Network ErrorNotSent to=192.0.2.1 error=Unreachable(Port) why=AboutLaterFragment
        0.000000s Network ErrorNotSent to=192.0.2.1 error=Unreachable(Port) why=AboutNobody
        0.000000s Network ErrorNotSent to=192.0.2.1 error=TooBig { mtu: 1280 } why=AboutGroup
        0.000000s Network ErrorOut to=fd00::2 error=TooBig { mtu: 1280 }
    "#]]
    .assert_eq(&film.text);
}

//= test RFC 4443 §2.4: errors have a rate, for all and for each
//= test RFC 1812 §4.3.2.8: errors have a rate
#[test]
fn errors_have_a_rate() {
    let mut errors = Errors::new(SipKey::new([3; 16]));
    let mut world = World::seeded(1);
    let port = Error::Unreachable(Unreachable::Port);
    let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
    let to_one = (0..200).filter(|_| errors.may_answer(&mut cx, &offender(), port)).count();
    let to_all = (0..2000u32).filter(|&n| {
        let source = std::net::Ipv4Addr::from_bits(0x0a00_0000 | n).into();
        errors.may_answer(&mut cx, &Offender { source, ..offender() }, port)
    });
    let to_all = to_all.count();
    assert!((15..=20).contains(&to_one) && (20..=35).contains(&to_all), "{to_one} {to_all}");
}

//= test RFC 1122 §4.2.3.9: what may pass, and what will not
#[test]
fn errors_are_soft_or_hard() {
    let table = [
        (Error::Unreachable(Unreachable::Net), Severity::Soft),
        (Error::Unreachable(Unreachable::Host), Severity::Soft),
        (Error::Unreachable(Unreachable::Protocol), Severity::Hard),
        (Error::Unreachable(Unreachable::Port), Severity::Hard),
        (Error::Unreachable(Unreachable::Other(5)), Severity::Soft),
        (Error::TimeExceeded(Exceeded::Hops), Severity::Soft),
        (Error::ParameterProblem { code: 0, pointer: 1 }, Severity::Soft),
        (Error::TooBig { mtu: 1400 }, Severity::PathMtu),
    ];
    for (error, severity) in table {
        assert_eq!(error.severity(), severity, "{error:?}");
    }
}

//= test RFC 1122 §3.2.2.6: the answer comes from the address asked, with all of the data
#[test]
fn who_asks_is_answered() {
    let (mut echo, mut world, mut out) = (Echo::new(), World::seeded(1), TxBuf::new());
    let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
    echo.handle_request(&mut cx, B6.into(), A6.into(), (5, 6), b"data");
    let sent = echo.poll_transmit(&mut cx, &mut out, |_| None);
    assert_eq!(sent, Some((A6.into(), B6.into())));
    out.finish_checksum();
    let reply = Message::EchoReply { id: 5, seq: 6, data: b"data" };
    assert_eq!(Message::parse_v6(out.as_slice(), (A6, B6), false), Ok(reply));
    assert_eq!(
        Message::parse_v6(out.as_slice(), (A6, A6), false).unwrap_err().what,
        "ICMPv6 checksum"
    );
    let at = Outgoing { source: None, destination: ip("192.0.2.1") };
    assert!(echo.ask(&mut cx, at, (1, 1), b""));
    assert_eq!(echo.poll_transmit(&mut cx, &mut out, |_| None), None, "there is no source");
}

#[test]
fn the_queue_of_answers_is_bounded() {
    let (mut echo, mut world) = (Echo::new(), World::seeded(1));
    let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
    let at = Outgoing { source: None, destination: ip("192.0.2.1") };
    let asked = (0..1000).filter(|_| echo.ask(&mut cx, at, (1, 1), &[0; 60_000])).count();
    assert_eq!(asked, (1 << 20) / 60_000);
}

fn any_error() -> impl Strategy<Value = Error> {
    prop_oneof![
        prop_oneof![
            Just(Unreachable::Net),
            Just(Unreachable::Host),
            Just(Unreachable::Port),
            Just(Unreachable::Prohibited),
        ]
        .prop_map(Error::Unreachable),
        (0u32..65536).prop_map(|mtu| Error::TooBig { mtu }),
        Just(Error::TimeExceeded(Exceeded::Hops)),
        Just(Error::TimeExceeded(Exceeded::Reassembly)),
        (0u8..3, 0u32..256).prop_map(|(code, pointer)| Error::ParameterProblem { code, pointer }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        error in any_error(),
        (id, seq, which) in any::<(u16, u16, u8)>(),
        body in prop::collection::vec(any::<u8>(), 4..200),
    ) {
        let message = match which % 4 {
            0 => Message::EchoRequest { id, seq, data: &body },
            1 => Message::EchoReply { id, seq, data: &body },
            2 => Message::Error { error, quote: &body },
            _ => Message::Other { kind: 135, code: 0, body: &body },
        };
        let mut out = TxBuf::new();
        message.emit_v4(&mut out);
        out.finish_checksum();
        prop_assert_eq!(Message::parse_v4(out.as_slice(), false), Ok(message));
        let mut out = TxBuf::new();
        message.emit_v6(A6, B6, &mut out);
        out.finish_checksum();
        prop_assert_eq!(Message::parse_v6(out.as_slice(), (A6, B6), false), Ok(message));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = Message::parse_v4(&bytes, false);
        let _ = Message::parse_v6(&bytes, (A6, B6), false);
    }
}
