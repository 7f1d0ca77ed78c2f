//! What clients and servers say to each other, in time.

use base::Instant;
use expect_test::expect;

use super::*;
use crate::{ClientId, Lost, Timer};

//= test RFC 2131 §3.1: discover, offer, request, acknowledgement
//= test RFC 2131 §4.4.1: the address is checked before it is used
#[test]
fn an_address_is_found_and_used() {
    let mut play = Play::new();
    play.run_secs(2);
    play.answer(Kind::Offer, &[]);
    play.answer(Kind::Ack, &[(option::DNS_SERVERS, &[10, 0, 0, 2, 10, 0, 0, 3])]);
    assert_eq!(play.events, [Event::Granted]);
    play.run_secs(5);
    play.tell(|client, cx| client.handle_claimed(cx));
    expect![[r#"
        0.000000s Application DhcpState from=Stopped to=Init
        0.000000s Application DhcpState from=Init to=Selecting
        0.000000s Application DhcpOut kind=Discover xid=871202015 to=255.255.255.255
        2.000000s Application DhcpIn kind=Offer xid=871202015 from=10.0.0.1
        2.000000s Application DhcpState from=Selecting to=Requesting
        2.000000s Application DhcpOut kind=Request xid=871202015 to=255.255.255.255
        2.000000s Application DhcpIn kind=Ack xid=871202015 from=10.0.0.1
        2.000000s Application LeaseGranted address=10.0.0.9/24 server=10.0.0.1 seconds=Some(3600)
        2.000000s Application DhcpState from=Requesting to=Checking
        7.000000s Application DhcpState from=Checking to=Bound
    "#]]
    .assert_eq(&play.film.text);
    let lease = play.client.lease().unwrap();
    assert_eq!(lease.address.to_string(), "10.0.0.9/24");
    assert_eq!(
        lease.settings.dns_servers,
        [Ipv4Addr::new(10, 0, 0, 2), Ipv4Addr::new(10, 0, 0, 3)]
    );
}

//= test RFC 2131 §4.3.6: what a request says in each state
//= test RFC 2131 §4.4.1: the request for what was offered says the same secs as the search
//= test RFC 4361 §6.1: the identifier is in every message
#[test]
fn each_state_says_what_it_has_to_say() {
    let mut play = Play::new();
    play.run_secs(20);
    let (header, options) = play.last();
    let xid = header.xid;
    assert_eq!(
        (header.ciaddr, header.secs),
        (Ipv4Addr::UNSPECIFIED, 13),
        "sent after 0, 4 and 8 more seconds"
    );
    assert_eq!(options.array(option::MESSAGE_LEN_MAX), Some(1500u16.to_be_bytes()));
    let wanted = options.find(option::PARAMETER_LIST).unwrap();
    let place = |code| wanted.iter().position(|wanted| *wanted == code).unwrap();
    assert!(place(option::CLASSLESS_ROUTES) < place(option::ROUTER), "RFC 3442");
    play.run_secs(1);
    play.answer(Kind::Offer, &[]);
    let (header, options) = play.last();
    assert_eq!((header.xid, header.ciaddr, header.secs), (xid, Ipv4Addr::UNSPECIFIED, 13));
    assert_eq!(options.address(option::REQUESTED_ADDRESS), Some(US));
    assert_eq!(options.address(option::SERVER_ID), Some(SERVER));
    play.answer(Kind::Ack, &[]);
    play.tell(|client, cx| client.handle_claimed(cx));
    for (step, to) in [(1800, SERVER), (1350, Ipv4Addr::BROADCAST)] {
        play.run_secs(step);
        assert_eq!(play.sent.last().unwrap().1, to);
        let (header, options) = play.last();
        assert_eq!((options.kind(), header.ciaddr), (Some(Kind::Request), US));
        assert!(header.xid != xid && options.find(option::REQUESTED_ADDRESS).is_none());
        assert!(options.find(option::SERVER_ID).is_none());
    }
    play.tell(|client, cx| client.release(cx));
    let (header, options) = play.last();
    assert_eq!((options.kind(), header.ciaddr), (Some(Kind::Release), US));
    assert_eq!(options.address(option::SERVER_ID), Some(SERVER));
    for left_out in [option::REQUESTED_ADDRESS, option::PARAMETER_LIST, option::MESSAGE_LEN_MAX] {
        assert!(options.find(left_out).is_none(), "table 5: {left_out}");
    }
    let id = ClientId::of_link(MAC);
    for (_, _, bytes) in &play.sent {
        let (header, options) = Header::parse(bytes).unwrap();
        assert_eq!(options.find(option::CLIENT_ID).as_deref(), Some(id.as_bytes()));
        assert!(bytes.len() >= 300 && header.chaddr == MAC);
    }
}

//= test RFC 2131 §4.1: 4, 8, 16, 32, 64 seconds, each one second more or less
#[test]
fn nobody_answers_and_everybody_is_asked_ever_less() {
    let mut play = Play::new();
    play.run_secs(400);
    let times: Vec<u64> = play.sent.iter().map(|(at, ..)| at.as_nanos() / 1_000_000).collect();
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (gap, wait) in gaps.iter().zip([4_000, 8_000, 16_000, 32_000, 64_000, 64_000]) {
        assert!(gap.abs_diff(wait) <= 1000, "{gap} ms instead of {wait}");
    }
    assert!(gaps.len() >= 6 && gaps.iter().any(|gap| gap % 1000 != 0), "{gaps:?}");
}

//= test RFC 2131 §4.4.5: at half of the time the server, at seven eighths everybody is asked
//= test RFC 2131 §4.4.5: and again after half of what is left, at least a minute
#[test]
fn a_lease_that_nobody_renews_ends() {
    let mut play = Play::bound(&[]);
    play.run_secs(3599);
    let kinds = play.times();
    assert!(kinds.iter().all(|(_, kind, _)| *kind == Kind::Request));
    let (direct, all): (Vec<_>, Vec<_>) =
        kinds.iter().copied().partition(|&(.., to): &(u64, Kind, Ipv4Addr)| to == SERVER);
    assert!((1770..=1800).contains(&direct[0].0), "{kinds:?}");
    assert!((3100..=3150).contains(&all[0].0), "{kinds:?}");
    let first = direct.windows(2).next().unwrap();
    assert!((650..=700).contains(&(first[1].0 - first[0].0)), "half of 1350: {kinds:?}");
    assert!(kinds.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 60 || pair[1].2 != pair[0].2));
    assert!(play.events.is_empty() && play.client.lease().is_some());
    play.run_secs(1);
    let address = "10.0.0.9/24".parse().unwrap();
    assert_eq!(play.events, [Event::Lost { address, why: Lost::Expired }]);
    assert_eq!(play.client.state(), State::Selecting);
    let (_, options) = play.last();
    assert_eq!(options.address(option::REQUESTED_ADDRESS), Some(US), "the same is asked for");
}

//= test RFC 2131 §4.4.5: the times are counted from when the request was sent
#[test]
fn more_time_is_counted_from_the_question() {
    let mut play = Play::bound(&[]);
    play.tell(|client, cx| client.renew(cx));
    let asked = play.now;
    play.run_secs(20);
    play.answer(Kind::Ack, &[(option::LEASE_TIME, &[0, 0, 0, 100])]);
    assert_eq!(play.events, [Event::Renewed]);
    assert_eq!(play.client.lease_ends(), Some(asked.after(Duration::from_secs(100))));
    let (at, timer) = play.client.poll_timeout().unwrap();
    assert_eq!(timer, Timer::Renew);
    assert!(at.since(asked) <= Duration::from_secs(50));
}

//= test RFC 2131 §4.4.5: a server's own T1 and T2 count
//= test RFC 2131 §3.3: a lease for ever is never renewed
#[test]
fn servers_say_when_to_renew() {
    let mut play = Play::bound(&[(58, &[0, 0, 0, 20]), (59, &[0, 0, 0, 40])]);
    play.run_secs(50);
    let times = play.times();
    assert_eq!(times[0], (20, Kind::Request, SERVER));
    assert_eq!(times[1], (40, Kind::Request, Ipv4Addr::BROADCAST));
    play.answer(Kind::Ack, &[(option::LEASE_TIME, &[255; 4])]);
    assert_eq!((play.client.state(), play.client.poll_timeout()), (State::Bound, None));
    assert_eq!(play.client.lease_ends(), None);
    play.run_secs(1 << 33);
    assert_eq!(play.client.state(), State::Bound);
}

//= test RFC 2131 §3.1 (5): a chosen server that does not answer is asked for a minute
#[test]
fn a_server_that_only_offers_is_left() {
    let mut play = Play::new();
    play.answer(Kind::Offer, &[]);
    play.run_secs(55);
    assert_eq!(play.client.state(), State::Requesting);
    assert_eq!(play.times().iter().filter(|(_, kind, _)| *kind == Kind::Request).count(), 4);
    play.run_secs(10);
    assert_eq!(play.client.state(), State::Selecting);
}

//= test RFC 2131 §4.4.2: an old address is asked for first, without a server
//= test RFC 2131 §3.2: who hears nothing begins anew
#[test]
fn an_old_address_is_asked_for_first() {
    let config =
        || Config { known: Some(US), start_delay_max: Duration::ZERO, ..Config::default() };
    let mut play = Play::with(config());
    let (header, options) = play.last();
    assert_eq!((options.kind(), header.ciaddr), (Some(Kind::Request), Ipv4Addr::UNSPECIFIED));
    assert_eq!(options.address(option::REQUESTED_ADDRESS), Some(US));
    assert_eq!(options.address(option::SERVER_ID), None);
    play.answer(Kind::Ack, &[]);
    assert_eq!((play.client.state(), play.events.len()), (State::Checking, 1));
    let mut refused = Play::with(config());
    refused.answer(Kind::Nak, &[]);
    assert_eq!((refused.client.state(), refused.events.len()), (State::Init, 0));
    refused.run_secs(3);
    assert_eq!(refused.last().1.address(option::REQUESTED_ADDRESS), None, "it is not good here");
    let mut alone = Play::with(config());
    alone.run_secs(14);
    assert_eq!(alone.client.state(), State::Selecting);
}

//= test RFC 2131 §4.4.4: an address that somebody has is declined, and the client waits ten seconds
#[test]
fn an_address_that_somebody_has_is_declined() {
    let mut play = Play::new();
    play.answer(Kind::Offer, &[]);
    play.answer(Kind::Ack, &[]);
    let xid = play.client.xid;
    play.tell(|client, cx| client.handle_conflict(cx));
    let address = "10.0.0.9/24".parse().unwrap();
    assert_eq!(play.events, [Event::Granted, Event::Lost { address, why: Lost::Conflict }]);
    let (header, options) = play.last();
    assert_eq!((options.kind(), header.ciaddr), (Some(Kind::Decline), Ipv4Addr::UNSPECIFIED));
    assert_eq!(options.address(option::REQUESTED_ADDRESS), Some(US));
    assert_eq!(options.address(option::SERVER_ID), Some(SERVER));
    assert!(header.xid != xid && options.find(option::PARAMETER_LIST).is_none());
    play.run_secs(9);
    assert_eq!(play.client.state(), State::Init);
    play.run_secs(2);
    assert_eq!(play.client.state(), State::Selecting);
    assert_eq!(play.last().1.address(option::REQUESTED_ADDRESS), None);
}

//= test RFC 2131 §4.4.6: an address that is given back is nobody's at once
#[test]
fn an_address_is_given_back() {
    let mut play = Play::bound(&[]);
    play.tell(|client, cx| client.release(cx));
    let address = "10.0.0.9/24".parse().unwrap();
    assert_eq!(play.events, [Event::Lost { address, why: Lost::Released }]);
    assert_eq!(play.times(), [(0, Kind::Release, SERVER)]);
    assert_eq!((play.client.state(), play.client.poll_timeout()), (State::Stopped, None));
    play.tell(|client, cx| client.release(cx));
    assert_eq!(play.times().len(), 1);
    play.tell(|client, cx| client.start(cx));
    play.run_secs(1);
    assert_eq!(play.client.state(), State::Selecting);
}

#[test]
fn a_clock_that_leaps_ends_what_is_over() {
    let mut play = Play::bound(&[]);
    play.now = Instant::ORIGIN.after(Duration::from_secs(1 << 20));
    play.tell(|client, cx| client.handle_timeout(cx));
    assert_eq!(play.client.lease(), None);
    assert!(play.sent.is_empty(), "nobody is asked for more of what is over");
    let mut late = Play::bound(&[]);
    late.now = Instant::ORIGIN.after(Duration::from_secs(3300));
    late.tell(|client, cx| client.handle_timeout(cx));
    assert_eq!(late.client.state(), State::Rebinding);
}

#[test]
fn the_table_of_states_is_drawn() {
    let drawing = State::drawing();
    for way in ["Bound -> Renewing [label=renew]", "Rebinding -> Bound [label=grant]"] {
        assert!(drawing.contains(way), "{drawing}");
    }
}
