use std::net::{IpAddr, Ipv4Addr};

use base::xray::{self, Film, Layer};
use base::{Cx, Instant, Mac, SipKey, TxBuf, Wall, World};
use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::wire::{LEN, Operation, Packet};
use crate::{Claim, Config, Defence, Event, Neighbors, Outgoing, State};

const OURS: (Mac, Ipv4Addr) = (Mac([2, 0, 0, 0, 0, 1]), Ipv4Addr::new(10, 0, 0, 1));
const PEER: (Mac, Ipv4Addr) = (Mac([2, 0, 0, 0, 0, 2]), Ipv4Addr::new(10, 0, 0, 2));
const KEY: SipKey = SipKey::new([1; 16]);

//= test RFC 1122 §2.3.2.1: no more than one question a second for an address
//= test RFC 4861 §7.2.2: who sent what waited is told that it will not be sent
#[test]
fn asks_once_a_second_and_gives_up() {
    check(
        Config::default(),
        "0 send, 10 send, 1000, 2000, 3000, 3500 send, 6000, 6100 send",
        expect![[r#"
            0.000000s Link Asked target=10.0.0.2 to=None attempt=1
            1.000000s Link Asked target=10.0.0.2 to=None attempt=2
            2.000000s Link Asked target=10.0.0.2 to=None attempt=3
            3.000000s Link GaveUp target=10.0.0.2 why=NobodyAnswered
            => Unreachable 10.0.0.2 with a packet
            => Unreachable 10.0.0.2 with a packet
            => unreachable at once
            6.100000s Link Asked target=10.0.0.2 to=None attempt=1
        "#]],
    );
}

//= test RFC 1122 §2.3.2.2: what waited is sent when the answer comes
#[test]
fn an_answer_sends_what_waited() {
    check(
        Config::default(),
        "0 send, 3 reply, 4 send",
        expect![[r#"
            0.000000s Link Asked target=10.0.0.2 to=None attempt=1
            0.003000s Link Learned ip=10.0.0.2 mac=02:00:00:00:00:02 state=Reachable
            => packet to 02:00:00:00:00:02
            => packet to 02:00:00:00:00:02
        "#]],
    );
}

#[test]
fn only_the_latest_packets_are_kept() {
    check(
        Config { waiting_max: 2, ..Config::default() },
        "0 send, 1 send, 2 send, 3 reply",
        expect![[r#"
            0.000000s Link Asked target=10.0.0.2 to=None attempt=1
            0.002000s Link PacketLost to=10.0.0.2 why=TooManyWait
            0.003000s Link Learned ip=10.0.0.2 mac=02:00:00:00:00:02 state=Reachable
            => packet to 02:00:00:00:00:02
            => packet to 02:00:00:00:00:02
        "#]],
    );
}

#[test]
fn who_asks_for_us_is_answered_and_remembered() {
    check(
        Config::default(),
        "5 request, 6 send",
        expect![[r#"
            0.005000s Link Learned ip=10.0.0.2 mac=02:00:00:00:00:02 state=Stale
            0.005000s Link Answered to=10.0.0.2 at=02:00:00:00:00:02
            => packet to 02:00:00:00:00:02
        "#]],
    );
}

//= test RFC 4861 §7.3.3: stale, then a delay, then the neighbour itself is asked, then everybody
#[test]
fn an_old_confirmation_is_checked_when_it_is_used() {
    check(
        Config::default(),
        "0 send, 1 reply, 60000, 60001 send, 65001, 66001, 67001, 68001, 69000 reply",
        expect![[r#"
            0.000000s Link Asked target=10.0.0.2 to=None attempt=1
            0.001000s Link Learned ip=10.0.0.2 mac=02:00:00:00:00:02 state=Reachable
            => packet to 02:00:00:00:00:02
            60.000000s Link Learned ip=10.0.0.2 mac=02:00:00:00:00:02 state=Stale
            => packet to 02:00:00:00:00:02
            65.001000s Link Asked target=10.0.0.2 to=Some(02:00:00:00:00:02) attempt=1
            66.001000s Link Asked target=10.0.0.2 to=Some(02:00:00:00:00:02) attempt=2
            67.001000s Link Asked target=10.0.0.2 to=Some(02:00:00:00:00:02) attempt=3
            68.001000s Link Asked target=10.0.0.2 to=None attempt=1
            69.000000s Link Learned ip=10.0.0.2 mac=02:00:00:00:00:02 state=Reachable
        "#]],
    );
}

//= test RFC 4861 §7.3.1: a sign of life from above confirms
#[test]
fn a_sign_of_life_spares_the_question() {
    check(
        Config::default(),
        "0 request, 1 send, 2 alive, 5100",
        expect![[r#"
            0.000000s Link Learned ip=10.0.0.2 mac=02:00:00:00:00:02 state=Stale
            0.000000s Link Answered to=10.0.0.2 at=02:00:00:00:00:02
            => packet to 02:00:00:00:00:02
            0.002000s Link Learned ip=10.0.0.2 mac=02:00:00:00:00:02 state=Reachable
        "#]],
    );
}

//= test RFC 826: packets that tell of strangers make no entry
#[test]
fn what_nobody_asked_for_is_not_believed() {
    check(
        Config::default(),
        "0 reply, 1 news, 2 group, 3 nobody",
        expect![[r#"
            0.000000s Link Dropped from=10.0.0.2 why=NobodyAsked
            0.001000s Link Dropped from=10.0.0.2 why=NobodyAsked
            0.002000s Link Dropped from=10.0.0.2 why=SenderIsNoStation
            0.003000s Link Dropped from=0.0.0.0 why=SenderIsNobody
        "#]],
    );
}

//= test RFC 5227 §2.1.1: three probes, then the address is taken
//= test RFC 5227 §2.3: two announcements
#[test]
fn an_address_is_probed_and_announced() {
    check(
        Config::default(),
        "0 probe, 1000, 3000, 5000, 7000, 9000",
        expect![[r#"
            0.000000s Link Probed ip=10.0.0.7 nth=1
            3.000000s Link Probed ip=10.0.0.7 nth=2
            5.000000s Link Probed ip=10.0.0.7 nth=3
            7.000000s Link Announced ip=10.0.0.7 nth=1
            => Claimed 10.0.0.7
            9.000000s Link Announced ip=10.0.0.7 nth=2
        "#]],
    );
}

//= test RFC 5227 §2.1.1: who uses, or probes for, the address has it
#[test]
fn an_address_that_somebody_has_is_not_taken() {
    for conflict in ["uses7", "probes7"] {
        check(
            Config::default(),
            &format!("0 probe, 1000, 1100 {conflict}, 20000"),
            expect![[r#"
                0.000000s Link Probed ip=10.0.0.7 nth=1
                1.100000s Link AddressLost ip=10.0.0.7 to=02:00:00:00:00:02
                => Lost 10.0.0.7 to 02:00:00:00:00:02
            "#]],
        );
    }
}

//= test RFC 5227 §2.4: one defence, and if that does not help we let go
#[test]
fn an_address_is_defended_once() {
    check(
        Config::default(),
        "0 uses1, 30000 uses1, 31000 uses1",
        expect![[r#"
            0.000000s Link Defended ip=10.0.0.1 against=02:00:00:00:00:02
            30.000000s Link Defended ip=10.0.0.1 against=02:00:00:00:00:02
            31.000000s Link AddressLost ip=10.0.0.1 to=02:00:00:00:00:02
            => Lost 10.0.0.1 to 02:00:00:00:00:02
        "#]],
    );
}

//= test RFC 5227 §2.4: two who are both sure do not talk for ever
#[test]
fn an_address_that_must_be_kept_is_kept_quietly() {
    check(
        Config { defence: Defence::Always, ..Config::default() },
        "0 uses1, 1000 uses1, 11000 uses1",
        expect![[r#"
            0.000000s Link Defended ip=10.0.0.1 against=02:00:00:00:00:02
            1.000000s Link Dropped from=10.0.0.1 why=DefendedLately
            11.000000s Link Defended ip=10.0.0.1 against=02:00:00:00:00:02
        "#]],
    );
}

//= test RFC 5227 §2.4: of hosts behind one hardware address one deals with who else has it
#[test]
fn who_follows_answers_for_an_address_and_leaves_its_defence_to_another() {
    let mut world = World::seeded(1);
    let mut cx = Cx::new(Instant::from_millis(0), Wall(0), &mut world);
    let (mut us, mut out) = (new(Config::default()), TxBuf::new());
    assert!(us.add_address(&mut cx, OURS.1, Claim::Follow));
    assert!(matches!(us.poll_event(), Some(Event::Claimed { ip }) if ip == OURS.1));
    let (theirs, target) = ((PEER.0, OURS.1), OURS);
    for operation in [Operation::Request, Operation::Reply, Operation::Reply] {
        us.handle_arp(&mut cx, &Packet { operation, sender: theirs, target });
    }
    assert!(us.poll_transmit(&mut out).is_none(), "it says nothing");
    assert!(us.poll_event().is_none() && us.has_address(OURS.1), "and keeps it");
    us.handle_arp(&mut cx, &Packet { operation: Operation::Request, sender: PEER, target: OURS });
    assert_eq!(us.poll_transmit(&mut out), Some(Outgoing::Arp(PEER.0)), "who asks is answered");
}

#[test]
fn strangers_do_not_drive_out_whom_we_talk_to() {
    let config = Config { neighbors_max: 4, ..Config::default() };
    let mut world = World::seeded(1);
    let mut cx = Cx::new(Instant::from_millis(0), Wall(0), &mut world);
    let (mut us, ip) = (new(config), |n| Ipv4Addr::new(10, 0, 0, n));
    assert!(us.add_address(&mut cx, OURS.1, Claim::Silent));
    assert!(us.insert_permanent(&mut cx, ip(9).into(), PEER.0));
    us.resolve(&mut cx, ip(2).into(), OURS.1.into());
    let question =
        |n, operation| Packet { operation, sender: (Mac([2, 0, 0, 0, 0, n]), ip(n)), target: OURS };
    us.handle_arp(&mut cx, &question(2, Operation::Reply));
    for n in 10..250 {
        us.handle_arp(&mut cx, &question(n, Operation::Request));
    }
    let known: Vec<_> = us.iter().filter(|(.., state)| *state != State::Stale).collect();
    let ours = [(9, State::Permanent), (2, State::Reachable)];
    assert_eq!(known, ours.map(|(n, state)| (IpAddr::from(ip(n)), Some(PEER.0), state)));
    assert_eq!(us.iter().count(), 4);
}

#[test]
fn questions_to_everybody_are_limited() {
    let config = Config { questions_per_second: 10, ..Config::default() };
    let mut world = World::seeded(1);
    let mut cx = Cx::new(Instant::from_millis(5000), Wall(0), &mut world);
    let (mut us, mut out) = (new(config), TxBuf::new());
    for n in 2..102 {
        us.resolve(&mut cx, Ipv4Addr::new(10, 0, 0, n).into(), OURS.1.into());
    }
    assert_eq!(std::iter::from_fn(|| us.poll_transmit(&mut out)).count(), 10);
}

#[test]
fn the_states_are_drawn() {
    expect![[r#"
        digraph State {
          Incomplete -> Reachable [label=confirm]
          Reachable -> Reachable [label=confirm]
          Stale -> Reachable [label=confirm]
          Delay -> Reachable [label=confirm]
          Probe -> Reachable [label=confirm]
          Unreachable -> Reachable [label=confirm]
          Incomplete -> Stale [label=doubt]
          Reachable -> Stale [label=doubt]
          Stale -> Stale [label=doubt]
          Delay -> Stale [label=doubt]
          Probe -> Stale [label=doubt]
          Unreachable -> Stale [label=doubt]
          Stale -> Delay [label=use_it]
          Delay -> Probe [label=ask_it]
          Probe -> Incomplete [label=look_again]
          Incomplete -> Unreachable [label=give_up]
        }
    "#]]
    .assert_eq(&State::drawing());
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(macs: [[u8; 6]; 2], ips: [[u8; 4]; 2], is_request: bool) {
        let [sender, target] = [0, 1].map(|n: usize| (Mac(macs[n]), Ipv4Addr::from(ips[n])));
        let operation = if is_request { Operation::Request } else { Operation::Reply };
        let packet = Packet { operation, sender, target };
        let mut out = TxBuf::new();
        packet.emit(&mut out);
        prop_assert_eq!(out.len(), LEN);
        out.append(&[0; 18]);
        prop_assert_eq!(Packet::parse(out.as_slice()), Ok(packet));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = Packet::parse(&bytes);
    }
}

fn new(config: Config) -> Neighbors {
    Neighbors::new(OURS.0, config, KEY)
}

fn packet(operation: Operation, sender: (Mac, Ipv4Addr), target: Ipv4Addr) -> Packet {
    Packet { operation, sender, target: (OURS.0, target) }
}

/// What a step of a script hears, if it is not something that we do.
fn heard(what: &str) -> Option<Packet> {
    let seven = Ipv4Addr::new(10, 0, 0, 7);
    Some(match what {
        "request" => packet(Operation::Request, PEER, OURS.1),
        "reply" => packet(Operation::Reply, PEER, OURS.1),
        "news" => packet(Operation::Request, PEER, PEER.1),
        "group" => packet(Operation::Reply, (Mac::BROADCAST, PEER.1), OURS.1),
        "nobody" => packet(Operation::Reply, (PEER.0, Ipv4Addr::UNSPECIFIED), OURS.1),
        "uses1" => packet(Operation::Reply, (PEER.0, OURS.1), OURS.1),
        "uses7" => packet(Operation::Request, (PEER.0, seven), PEER.1),
        "probes7" => packet(Operation::Request, (PEER.0, Ipv4Addr::UNSPECIFIED), seven),
        _ => return None,
    })
}

/// Plays `script` ("<ms> <what>, ...") and compares the film with `want`.
#[track_caller]
fn check(config: Config, script: &str, want: Expect) {
    xray::watch(&[Layer::Link]);
    let (mut world, mut film) = (World::seeded(1), Film::default());
    let mut us = new(config);
    let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
    assert!(us.add_address(&mut cx, OURS.1, Claim::Silent));
    for step in script.split(", ") {
        let (ms, what) = step.split_once(' ').unwrap_or((step, ""));
        let now = Instant::from_millis(ms.parse().unwrap());
        let mut cx = Cx::new(now, Wall(0), &mut world).watched_by(&mut film);
        let said = match what {
            "send" => send(&mut cx, &mut us),
            "alive" => {
                us.handle_sign_of_life(&mut cx, PEER.1.into());
                String::new()
            }
            "probe" => {
                assert!(us.add_address(&mut cx, Ipv4Addr::new(10, 0, 0, 7), Claim::Probe));
                String::new()
            }
            _ => {
                match heard(what) {
                    Some(packet) => us.handle_arp(&mut cx, &packet),
                    None => us.handle_timeout(&mut cx),
                }
                String::new()
            }
        };
        film.text += &said;
        drain(&mut us, &mut film);
    }
    want.assert_eq(&film.text);
}

fn send(cx: &mut Cx<'_>, us: &mut Neighbors) -> String {
    match us.resolve(cx, PEER.1.into(), OURS.1.into()) {
        crate::Answer::Known(mac) => format!("=> packet to {mac}\n"),
        crate::Answer::Unreachable => "=> unreachable at once\n".to_owned(),
        crate::Answer::Wait => {
            us.hold(cx, PEER.1.into(), TxBuf::new());
            String::new()
        }
    }
}

fn drain(us: &mut Neighbors, film: &mut Film) {
    let mut out = TxBuf::new();
    while let Some(outgoing) = us.poll_transmit(&mut out) {
        if let Outgoing::Packet(mac) = outgoing {
            film.text += &format!("=> packet to {mac}\n");
        }
    }
    while let Some(event) = us.poll_event() {
        film.text += &match event {
            Event::Claimed { ip } if ip == OURS.1 => continue,
            Event::Claimed { ip } => format!("=> Claimed {ip}\n"),
            Event::Lost { ip, to } => format!("=> Lost {ip} to {to}\n"),
            Event::Unreachable { ip, packet } => {
                let what = if packet.is_some() { " with a packet" } else { "" };
                format!("=> Unreachable {ip}{what}\n")
            }
        };
    }
}
