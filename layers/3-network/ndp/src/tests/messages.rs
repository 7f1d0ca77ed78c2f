//! What lies on the wire, and what is refused.

use super::v6;
use base::Mac;
use proptest::prelude::*;
use std::net::Ipv6Addr;

use crate::wire::{
    Ends, Message, NeighborAdvertisement, Opt, Preference, PrefixInformation, RouteInformation,
    RouterAdvertisement, solicited_node,
};
use crate::{Options, Why, domains, servers};

const MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);

fn ends(source: &str, destination: &str) -> Ends {
    let (source, destination) = (v6(source), v6(destination));
    Ends { source, destination, hop_limit: 255, is_fragmented: false }
}

//= test RFC 4861 §4.3: a solicitation as it lies on the wire
//= test RFC 4861 §4.6.1: with where its sender is
#[test]
fn a_solicitation_as_it_lies_on_the_wire() {
    let target = v6("fe80::1:2:3:4");
    let mut body = Vec::new();
    let question = Message::NeighborSolicitation { target, mac: Some(MAC), nonce: None };
    let kind = question.emit(&mut body);
    let mut bytes = vec![0, 0, 0, 0];
    bytes.extend(target.octets());
    bytes.extend([1, 1, 2, 0, 0, 0, 0, 9]);
    assert_eq!((kind, &body), (135, &bytes));
    let ends = ends("fe80::5", "ff02::1:ff03:4");
    assert_eq!(Message::parse(135, 0, &bytes, &ends), Ok(question));
    assert_eq!(solicited_node(target), ends.destination);
}

//= test RFC 4861 §6.1.1: solicitations for routers that are not valid
//= test RFC 4861 §6.1.2: advertisements of routers that are not valid
//= test RFC 4861 §7.1.1: solicitations that are not valid
//= test RFC 4861 §7.1.2: advertisements that are not valid
//= test RFC 4861 §8.1: redirects that are not valid
//= test RFC 6980 §5: none of them may come in parts
#[test]
fn messages_that_are_not_valid_are_refused() {
    let (link, all, us) = ("fe80::1", "ff02::1", "fd00::1");
    let good = ends(link, us);
    let targeted =
        |target: &str, option: &[u8]| [&[0x40, 0, 0, 0][..], &v6(target).octets(), option].concat();
    let redirect = |target: &str, destination: &str| {
        [&[0; 4][..], &v6(target).octets(), &v6(destination).octets()].concat()
    };
    let mac = [1, 1, 2, 0, 0, 0, 0, 9];
    let nobody = ends("::", "ff02::1:ff00:1");
    let table: &[(u8, u8, Vec<u8>, Ends, Why)] = &[
        (135, 0, targeted(us, &[]), Ends { hop_limit: 254, ..good }, Why::PassedOn),
        (135, 0, targeted(us, &[]), Ends { is_fragmented: true, ..good }, Why::InParts),
        (135, 1, targeted(us, &[]), good, Why::UnknownCode),
        (135, 0, vec![0; 19], good, Why::TooShort),
        (135, 0, targeted("ff02::1", &[]), good, Why::TargetIsGroup),
        (135, 0, targeted(us, &[1, 0, 0, 0, 0, 0, 0, 0]), good, Why::OptionLength),
        (135, 0, targeted(us, &[1, 2, 0, 0, 0, 0, 0, 0]), good, Why::OptionLength),
        (135, 0, targeted(us, &mac), nobody, Why::NobodyWithAddress),
        (135, 0, targeted(us, &[]), ends("::", all), Why::ProbeElsewhere),
        (136, 0, targeted(us, &[]), ends(link, all), Why::AnswerToAll),
        (136, 0, targeted("ff02::1", &[]), good, Why::TargetIsGroup),
        (133, 0, [&[0; 4][..], &mac].concat(), nobody, Why::NobodyWithAddress),
        (133, 0, vec![0; 3], good, Why::TooShort),
        (134, 0, vec![0; 12], ends("fd00::9", all), Why::NotFromLink),
        (134, 0, vec![0; 11], good, Why::TooShort),
        (137, 0, redirect("fe80::2", "fd00::9"), ends("fd00::8", us), Why::NotFromLink),
        (137, 0, redirect("fe80::2", "ff02::9"), good, Why::TargetIsGroup),
        (137, 0, redirect("fd00::2", "fd00::9"), good, Why::TargetIsNoRouter),
        (137, 0, vec![0; 35], good, Why::TooShort),
    ];
    for (n, (kind, code, body, ends, why)) in table.iter().enumerate() {
        assert_eq!(Message::parse(*kind, *code, body, ends), Err(*why), "{n}");
    }
    assert!(Message::parse(135, 0, &targeted(us, &[]), &nobody).is_ok());
    assert!(Message::parse(137, 0, &redirect("fd00::9", "fd00::9"), &good).is_ok());
}

//= test RFC 4861 §4.2: an advertisement of a router, with what it may say
//= test RFC 4191 §2.2: and how much it wants to be asked
//= test RFC 8106 §5.1: servers of names
//= test RFC 8106 §5.2: domains in which names are looked for
#[test]
fn an_advertisement_of_a_router_says_many_things() {
    let names = b"\x03lab\x07example\0\x03two\0\0\0\0\0\0\0";
    let addresses = [v6("fd00::53").octets(), v6("fd00::54").octets()].concat();
    let all = [
        Opt::SourceMac(MAC),
        Opt::Mtu(1400),
        Opt::Prefix(super::prefix("fd00:1::", 86_400, 3600)),
        Opt::Route(RouteInformation {
            prefix: v6("fd00:2::"),
            len: 48,
            preference: Preference::Low,
            lifetime: 600,
        }),
        Opt::Servers { lifetime: 600, addresses: &addresses },
        Opt::Domains { lifetime: 600, names },
        Opt::Unknown(99),
    ];
    let mut bytes = Vec::new();
    all.iter().for_each(|option| option.emit(&mut bytes));
    let options = Options::parse(&bytes).unwrap();
    let preference = Preference::High;
    let told = RouterAdvertisement {
        hop_limit: 64,
        is_managed: true,
        has_other: true,
        preference,
        lifetime: 1800,
        reachable_ms: 30_000,
        retrans_ms: 1000,
        options,
    };
    let mut body = Vec::new();
    let kind = Message::RouterAdvertisement(told).emit(&mut body);
    assert_eq!((kind, &body[..4]), (134, &[64, 0xc8, 7, 8][..]));
    let read = Message::parse(134, 0, &body, &ends("fe80::1", "ff02::1"));
    assert_eq!(read, Ok(Message::RouterAdvertisement(told)));
    assert_eq!(options.iter().collect::<Vec<_>>(), all);
    assert_eq!(servers(&addresses).collect::<Vec<_>>(), [v6("fd00::53"), v6("fd00::54")]);
    assert_eq!(domains(names), ["lab.example", "two"]);
    assert_eq!(domains(b"\x03a b\0"), [""; 0], "no name has blanks");
    assert_eq!(domains(b"\x09short"), [""; 0]);
}

//= test RFC 4191 §2.3: a route with a reserved preference, or a prefix that is too short, is ignored
#[test]
fn options_with_a_wrong_length_are_unknown() {
    fn parse(bytes: &[u8]) -> Option<Opt<'_>> {
        Options::parse(bytes).unwrap().iter().next()
    }
    let mut long_mac = vec![1, 2];
    long_mac.resize(16, 0);
    assert_eq!(parse(&long_mac), Some(Opt::Unknown(1)));
    assert_eq!(parse(&[1, 1, 1, 0, 0, 0, 0, 9]), Some(Opt::Unknown(1)), "a group is no station");
    let route = |len, flags, words: u8| {
        let mut bytes = vec![24, words, len, flags, 0, 0, 0, 9];
        bytes.resize(usize::from(words) * 8, 0);
        bytes
    };
    assert_eq!(parse(&route(48, 0x10, 2)), Some(Opt::Unknown(24)));
    assert_eq!(parse(&route(48, 0, 1)), Some(Opt::Unknown(24)));
    assert_eq!(parse(&route(129, 0, 3)), Some(Opt::Unknown(24)));
    assert!(matches!(parse(&route(48, 0, 2)), Some(Opt::Route(_))));
    assert!(matches!(parse(&route(0, 0, 1)), Some(Opt::Route(_))));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        target: [u8; 16],
        flags: [bool; 3],
        mac in prop::option::of(Just(MAC)),
        nonce in prop::option::of(any::<[u8; 6]>()),
        len in 0u8..=128,
        times: [u32; 2],
    ) {
        let ends = ends("fe80::1", "fd00::1");
        let target = Ipv6Addr::from(target);
        prop_assume!(!target.is_multicast());
        let [is_router, is_solicited, overrides] = flags;
        let told = NeighborAdvertisement { target, is_router, is_solicited, overrides, mac };
        for message in [
            Message::NeighborAdvertisement(told),
            Message::NeighborSolicitation { target, mac, nonce },
            Message::RouterSolicitation { mac },
            Message::Redirect { target, destination: target, mac },
        ] {
            let mut body = Vec::new();
            let kind = message.emit(&mut body);
            prop_assert_eq!(Message::parse(kind, 0, &body, &ends), Ok(message));
        }
        let [valid, preferred] = times;
        let (is_on_link, is_autonomous) = (is_router, overrides);
        let option = Opt::Prefix(PrefixInformation {
            prefix: target, len, is_on_link, is_autonomous, valid, preferred,
        });
        let mut bytes = Vec::new();
        option.emit(&mut bytes);
        prop_assert_eq!(Options::parse(&bytes).unwrap().iter().next(), Some(option));
    }

    #[test]
    fn any_bytes_are_read_or_refused(kind in 133u8..=137, body in prop::collection::vec(any::<u8>(), 0..200)) {
        let ends = ends("fe80::1", "fd00::1");
        if let Ok(Message::RouterAdvertisement(told)) = Message::parse(kind, 0, &body, &ends) {
            for option in told.options.iter() {
                if let Opt::Domains { names, .. } = option {
                    prop_assert!(domains(names).iter().all(|name| name.len() <= 254));
                }
            }
        }
    }
}
