//! What servers, and those who pretend to be some, must not achieve.

use super::*;
use crate::{ClientId, Lost, Why};

/// Why a message is dropped, how its header was changed for that, and its options.
type Case<'a> = (Why, fn(&mut Header), Changes<'a>);

/// Why each message was dropped.
fn dropped(play: &Play) -> Vec<String> {
    let lines = play.film.text.lines().filter(|line| line.contains("DhcpDropped"));
    lines.map(|line| line.rsplit("why=").next().unwrap().to_owned()).collect()
}

#[test]
fn what_is_not_for_us_is_dropped() {
    let other_id = ClientId::hardware(MAC);
    let cases: [Case<'_>; 7] = [
        (Why::NotAReply, |header| header.is_reply = false, &[]),
        (Why::ForAnother, |header| header.chaddr = Mac([2; 6]), &[]),
        (Why::OtherConversation, |header| header.xid ^= 1, &[]),
        (Why::OtherClient, |_| {}, &[(option::CLIENT_ID, other_id.as_bytes())]),
        (Why::NoKind, |_| {}, &[(option::MESSAGE_TYPE, &[])]),
        (Why::NoKind, |_| {}, &[(option::MESSAGE_TYPE, &[9])]),
        (Why::NotExpected, |_| {}, &[(option::MESSAGE_TYPE, &[5])]),
    ];
    for (why, change, changes) in cases {
        let mut play = Play::new();
        let bytes = reply(Kind::Offer, play.client.xid, US, changes);
        let (mut header, options) = Header::parse(&bytes).unwrap();
        change(&mut header);
        let mut out = TxBuf::new();
        header.emit(options.iter(), &mut out);
        play.tell(|client, cx| client.handle_message(cx, SERVER, out.as_slice()));
        assert_eq!(dropped(&play), [format!("{why:?}")]);
        assert_eq!(play.client.state(), State::Selecting);
        play.answer(Kind::Offer, &[]);
        assert_eq!(play.client.state(), State::Requesting);
    }
}

//= test RFC 6842 §3: an answer for another client with our hardware address is not ours
#[test]
fn an_answer_that_repeats_our_identifier_is_ours() {
    let mut play = Play::new();
    let id = ClientId::of_link(MAC);
    play.answer(Kind::Offer, &[(option::CLIENT_ID, id.as_bytes())]);
    assert_eq!(play.client.state(), State::Requesting);
    play.answer(Kind::Ack, &[(option::CLIENT_ID, &[1, 2, 3])]);
    assert_eq!(
        (play.client.state(), dropped(&play)),
        (State::Requesting, vec!["OtherClient".into()])
    );
}

#[test]
fn offers_that_no_host_can_use_are_dropped() {
    let cases: [(Why, [u8; 4], Changes<'_>); 16] = [
        (Why::NoServer, [10, 0, 0, 9], &[(option::SERVER_ID, &[])]),
        (Why::NoServer, [10, 0, 0, 9], &[(option::SERVER_ID, &[10, 0, 0])]),
        (Why::NoServer, [10, 0, 0, 9], &[(option::SERVER_ID, &[255; 4])]),
        (Why::NoServer, [10, 0, 0, 9], &[(option::SERVER_ID, &[127, 0, 0, 1])]),
        (Why::NoLeaseTime, [10, 0, 0, 9], &[(option::LEASE_TIME, &[])]),
        (Why::NoLeaseTime, [10, 0, 0, 9], &[(option::LEASE_TIME, &[0, 0, 14])]),
        (Why::LeaseTooShort, [10, 0, 0, 9], &[(option::LEASE_TIME, &[0, 0, 0, 0])]),
        (Why::LeaseTooShort, [10, 0, 0, 9], &[(option::LEASE_TIME, &[0, 0, 0, 14])]),
        (Why::NotAHost, [0, 0, 0, 0], &[]),
        (Why::NotAHost, [127, 0, 0, 1], &[]),
        (Why::NotAHost, [224, 0, 0, 1], &[]),
        (Why::NotAHost, [255, 255, 255, 255], &[]),
        (Why::NotAHost, [10, 0, 0, 0], &[]),
        (Why::NotAHost, [10, 0, 0, 255], &[]),
        (Why::NotAHost, [10, 0, 0, 9], &[(option::SUBNET_MASK, &[255, 0, 255, 0])]),
        (Why::NotAHost, [10, 0, 0, 9], &[(option::SUBNET_MASK, &[0; 4])]),
    ];
    for (why, address, changes) in cases {
        let mut play = Play::new();
        let bytes = reply(Kind::Offer, play.client.xid, address.into(), changes);
        play.tell(|client, cx| client.handle_message(cx, SERVER, &bytes));
        assert_eq!(dropped(&play), [format!("{why:?}")], "{address:?} {changes:?}");
        assert_eq!(play.client.state(), State::Selecting);
    }
}

//= test RFC 2131 §3.1 (3): of those who offered only the chosen one has a say
//= test RFC 2131 §4.4.1: the first good offer is taken
#[test]
fn only_the_chosen_server_has_a_say() {
    let mut play = Play::new();
    play.answer(Kind::Offer, &[]);
    let other: Changes<'_> = &[(option::SERVER_ID, &[10, 0, 0, 2])];
    play.answer(Kind::Offer, other);
    play.answer(Kind::Nak, other);
    play.answer(Kind::Nak, &[(option::SERVER_ID, &[])]);
    play.answer(Kind::Ack, other);
    let bytes = reply(Kind::Ack, play.client.xid, Ipv4Addr::new(10, 0, 0, 10), &[]);
    play.tell(|client, cx| client.handle_message(cx, SERVER, &bytes));
    let expected = ["NotExpected", "OtherServer", "NoServer", "OtherServer", "OtherAddress"];
    assert_eq!(dropped(&play), expected);
    play.answer(Kind::Ack, &[]);
    assert_eq!(play.client.state(), State::Checking);
}

#[test]
fn a_server_that_refuses_what_it_offers_is_asked_ever_less() {
    let mut play = Play::new();
    for _ in 0..200 {
        play.answer(Kind::Offer, &[]);
        play.answer(Kind::Nak, &[]);
        let next = play.client.poll_timeout().unwrap().0;
        play.run(next.since(play.now));
    }
    let discovers = play.times().into_iter().filter(|(_, kind, _)| *kind == Kind::Discover);
    let at: Vec<u64> = discovers.map(|(at, ..)| at).collect();
    let gaps: Vec<u64> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps[..4].iter().zip([1, 2, 4, 8]).all(|(gap, least)| *gap >= least), "{gaps:?}");
    assert!(gaps[10..].iter().all(|gap| (64..=66).contains(gap)), "{gaps:?}");
}

//= test RFC 2131 §4.4.5: a refusal ends the lease at once
#[test]
fn a_refusal_ends_the_lease() {
    let mut play = Play::bound(&[]);
    play.answer(Kind::Nak, &[]);
    assert_eq!(dropped(&play), ["NotExpected"], "nobody was asked");
    play.tell(|client, cx| client.renew(cx));
    play.answer(Kind::Nak, &[]);
    let address = "10.0.0.9/24".parse().unwrap();
    assert_eq!(play.events, [Event::Lost { address, why: Lost::Refused }]);
}

/// Renewals that a server wants every second, or after the end, are made when the standard says.
#[test]
fn times_that_make_no_sense_are_not_taken() {
    for times in [[1, 2], [40, 30], [3600, 3601], [20, 3600], [0, 0]] {
        let [t1, t2] = times.map(|time: u32| time.to_be_bytes());
        let changes = [(option::RENEWAL_TIME, &t1[..]), (option::REBINDING_TIME, &t2[..])];
        let play = Play::bound(&changes);
        assert!(play.film.text.contains("TimesOutOfOrder"), "{times:?}");
        let (at, _) = play.client.poll_timeout().unwrap();
        assert!((1770..=1800).contains(&at.since(Instant::ORIGIN).as_secs()), "{times:?} {at:?}");
    }
}

#[test]
fn a_lease_that_ends_while_it_is_checked_is_over() {
    let mut play = Play::new();
    play.answer(Kind::Offer, &[(option::LEASE_TIME, &[0, 0, 0, 15])]);
    play.answer(Kind::Ack, &[(option::LEASE_TIME, &[0, 0, 0, 15])]);
    play.run_secs(15);
    assert_eq!(play.client.lease(), None);
    play.tell(|client, cx| client.handle_claimed(cx));
    play.tell(|client, cx| client.handle_conflict(cx));
    assert_eq!(play.client.state(), State::Selecting);
    assert!(!play.times().iter().any(|(_, kind, _)| *kind == Kind::Decline));
}
