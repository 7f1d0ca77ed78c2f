use std::net::IpAddr;
use std::time::Duration;

use base::xray::{self, Film, Layer};
use base::{Cx, Instant, Wall, World, checksum};
use proptest::prelude::*;

use crate::Membership;
use crate::wire::{Message, Query, Record, Report, Version};

const SECOND: Duration = Duration::from_secs(1);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

struct Scene {
    now: Instant,
    world: World,
    film: Film,
    membership: Membership,
}

impl Scene {
    fn new() -> Self {
        xray::watch(&[Layer::Network]);
        let (now, world) = (Instant::ORIGIN, World::seeded(1));
        Self { now, world, film: Film::default(), membership: Membership::new() }
    }

    fn with<T>(&mut self, run: impl FnOnce(&mut Cx<'_>, &mut Membership) -> T) -> T {
        let mut cx = Cx::new(self.now, Wall(0), &mut self.world).watched_by(&mut self.film);
        run(&mut cx, &mut self.membership)
    }

    /// What is said within `duration`, and after how many milliseconds.
    fn run(&mut self, duration: Duration) -> Vec<(u128, Report)> {
        let (begin, end) = (self.now, self.now.after(duration));
        let mut all = Vec::new();
        loop {
            let at = self.now.since(begin).as_millis();
            while let Some(report) = self.with(|cx, membership| membership.poll_transmit(cx)) {
                all.push((at, report));
            }
            let next = self.membership.poll_timeout().filter(|next| *next <= end);
            let Some(next) = next else { break };
            self.now = self.now.max(next);
        }
        self.now = end;
        all
    }

    fn ask(&mut self, version: Version, group: Option<&str>, within: Duration) {
        let query = Query { version, group: group.map(ip), within, robustness: 2 };
        self.with(|cx, membership| membership.handle_query(cx, ip("fe80::1"), &query));
    }
}

fn records(all: &[(u128, Report)]) -> Vec<(String, Record)> {
    let records = all.iter().flat_map(|(_, report)| match report {
        Report::Records(records) => records.clone(),
        other => panic!("{other:?}"),
    });
    records.map(|(group, record)| (group.to_string(), record)).collect()
}

//= test RFC 3376 §5.1: a change is said at once, and again within a second
//= test RFC 3810 §6.1: the same in MLD
#[test]
fn joins_and_leaves_are_said_twice() {
    for group in ["239.1.2.3", "ff02::1:ff00:1"] {
        let mut scene = Scene::new();
        scene.membership.join(ip(group));
        let said = scene.run(5 * SECOND);
        let joined = (group.to_owned(), Record::Joined);
        assert_eq!(records(&said), [joined.clone(), joined]);
        assert!(said[0].0 == 0 && said[1].0 < 1000, "{said:?}");
        scene.membership.leave(ip(group));
        let left = (group.to_owned(), Record::Left);
        assert_eq!(records(&scene.run(5 * SECOND)), [left.clone(), left]);
        assert_eq!((scene.membership.iter().count(), scene.membership.poll_timeout()), (0, None));
    }
}

//= test RFC 3376 §5.1: who changes their mind says the latest, with all its repetitions
#[test]
fn the_latest_change_counts() {
    let mut scene = Scene::new();
    scene.membership.join(ip("ff05::1"));
    assert_eq!(scene.run(Duration::ZERO).len(), 1);
    scene.membership.leave(ip("ff05::1"));
    scene.membership.join(ip("ff05::2"));
    let mut said = records(&scene.run(5 * SECOND));
    said.sort_by(|a, b| a.0.cmp(&b.0));
    let [left, joined] =
        [("ff05::1", Record::Left), ("ff05::2", Record::Joined)].map(|(g, r)| (g.to_owned(), r));
    assert_eq!(said, [left.clone(), left, joined.clone(), joined]);
}

//= test RFC 3810 §6: the group of all nodes and those that stay in the host are not reported
//= test RFC 3376 §6: nor is that of all systems
#[test]
fn some_groups_are_nobodys_to_hear_of() {
    let mut scene = Scene::new();
    for group in ["ff02::1", "ff01::5", "ff00::5", "224.0.0.1", "10.0.0.1", "fd00::1"] {
        scene.membership.join(ip(group));
    }
    assert_eq!(scene.run(SECOND), []);
    scene.membership.join(ip("ff05::1"));
    scene.membership.join(ip("ff02::2"));
    assert_eq!(records(&scene.run(Duration::ZERO)).len(), 2);
}

//= test RFC 3376 §5.2: a question is answered within its time, with all groups
//= test RFC 3810 §6.2: what is to be said soon answers what is asked then
#[test]
fn questions_are_answered_within_their_time() {
    let mut scene = Scene::new();
    for n in 0..100 {
        scene.membership.join(ip(&format!("ff05::{n:x}")));
    }
    let _ = scene.run(5 * SECOND);
    scene.ask(Version::Newest, None, 10 * SECOND);
    scene.ask(Version::Newest, Some("ff05::5"), 100 * SECOND);
    let said = scene.run(200 * SECOND);
    assert_eq!(said.len(), 2, "a hundred records are more than one report takes");
    assert!(said[0].0 < 10_000);
    let records = records(&said);
    assert_eq!(records.len(), 100);
    assert!(records.iter().all(|(_, record)| *record == Record::Listens));
    scene.ask(Version::Newest, Some("ff05::5"), SECOND);
    scene.ask(Version::Newest, Some("ff05::999"), SECOND);
    let said = scene.run(200 * SECOND);
    assert_eq!(self::records(&said), [("ff05::5".to_owned(), Record::Listens)]);
    scene.ask(Version::Newest, Some("fd00::5"), SECOND);
    assert_eq!(scene.run(SECOND), []);
}

//= test RFC 3376 §7.2.1: an older router is spoken to in its version, until it is heard no more
//= test RFC 2236 §3: each group has its own time, and who leaves says so if they reported it last
//= test RFC 3810 §8.2.1: the same in MLD
#[test]
fn older_routers_are_answered_in_their_version() {
    let mut scene = Scene::new();
    let groups = ["239.0.0.1", "239.0.0.2"];
    groups.iter().for_each(|group| scene.membership.join(ip(group)));
    let _ = scene.run(5 * SECOND);
    scene.ask(Version::Older, None, 10 * SECOND);
    let mut said = scene.run(20 * SECOND);
    assert_ne!(said[0].0, said[1].0);
    said.sort_by_key(|(_, report)| format!("{report:?}"));
    let said: Vec<_> = said.into_iter().map(|(_, report)| report).collect();
    assert_eq!(said, groups.map(|group| Report::Listens(ip(group), Version::Older)));
    // Another has reported the first since.
    scene.with(|cx, membership| membership.handle_report(cx, ip("10.0.0.9"), ip(groups[0])));
    groups.iter().for_each(|group| scene.membership.leave(ip(group)));
    let said: Vec<_> = scene.run(20 * SECOND).into_iter().map(|(_, report)| report).collect();
    assert_eq!(said, [Report::Left(ip(groups[1]))]);
    assert_eq!(scene.membership.version(), Version::Older);
    let _ = scene.run(260 * SECOND);
    assert_eq!(scene.membership.version(), Version::Newest);
    let film = &scene.film.text;
    assert_eq!(film.matches("VersionChanged").count(), 2, "{film}");
    // The oldest says nothing of leaving.
    scene.ask(Version::Oldest, None, 10 * SECOND);
    scene.membership.join(ip("239.0.0.3"));
    let said = scene.run(60 * SECOND);
    assert!(
        said.iter().all(|(_, r)| *r == Report::Listens(ip("239.0.0.3"), Version::Oldest)),
        "{said:?}"
    );
    assert_eq!(said.len(), 2);
    scene.membership.leave(ip("239.0.0.3"));
    assert_eq!(scene.run(60 * SECOND), []);
}

//= test RFC 2236 §3: when another reports the group first, we need not
#[test]
fn what_another_has_reported_is_not_said_again() {
    let mut scene = Scene::new();
    scene.membership.join(ip("239.0.0.1"));
    let _ = scene.run(5 * SECOND);
    scene.ask(Version::Older, Some("239.0.0.1"), 10 * SECOND);
    scene.with(|cx, membership| membership.handle_report(cx, ip("10.0.0.9"), ip("239.0.0.1")));
    assert_eq!(scene.run(20 * SECOND), []);
}

//= test RFC 3376 §4.1: a question of each version as it lies on the wire
//= test RFC 3376 §4.1.1: long times are written with an exponent
//= test RFC 3376 §7.1: the version shows in the length and the time
#[test]
fn questions_of_igmp_as_they_lie_on_the_wire() {
    let parse = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let sum = checksum::of(&bytes).to_be_bytes();
        bytes[2..4].copy_from_slice(&sum);
        Message::parse_igmp(&bytes)
    };
    let query = |version, group: Option<&str>, tenths: u32, robustness| {
        let within = SECOND / 10 * tenths;
        Ok(Message::Query(Query { version, group: group.map(ip), within, robustness }))
    };
    let v2 = [0x11, 100, 0, 0, 239, 1, 2, 3];
    assert_eq!(parse(&v2), query(Version::Older, Some("239.1.2.3"), 100, 0));
    assert_eq!(parse(&[0x11, 0, 0, 0, 0, 0, 0, 0]), query(Version::Oldest, None, 100, 0));
    let v3 = |code| [0x11, code, 0, 0, 0, 0, 0, 0, 2, 125, 0, 0];
    assert_eq!(parse(&v3(100)), query(Version::Newest, None, 100, 2));
    assert_eq!(parse(&v3(0x80)), query(Version::Newest, None, 128, 2));
    assert_eq!(parse(&v3(0xff)), query(Version::Newest, None, 31_744, 2));
    assert_eq!(Message::parse_igmp(&v2).unwrap_err().what, "IGMP checksum");
    assert!(parse(&v3(1)[..9]).is_err() && Message::parse_igmp(&[0x11; 7]).is_err());
    assert_eq!(parse(&[0x16, 0, 0, 0, 239, 1, 2, 3]), Ok(Message::Report(ip("239.1.2.3"))));
    assert_eq!(parse(&[0x17, 0, 0, 0, 239, 1, 2, 3]), Ok(Message::ForRouters));
    assert_eq!(parse(&[0x99, 0, 0, 0, 239, 1, 2, 3]), Ok(Message::Other));
}

//= test RFC 3810 §5.1: a question as it lies on the wire
//= test RFC 3810 §5.1.3: long times are written with an exponent
//= test RFC 3810 §8.1: the version shows in the length
#[test]
fn questions_of_mld_as_they_lie_on_the_wire() {
    let bytes = |code: u16, group: &str, rest: &[u8]| {
        let IpAddr::V6(group) = ip(group) else { panic!() };
        [&code.to_be_bytes()[..], &[0, 0], &group.octets(), rest].concat()
    };
    let query = |version, group: Option<&str>, millis, robustness| {
        let within = Duration::from_millis(millis);
        Ok(Message::Query(Query { version, group: group.map(ip), within, robustness }))
    };
    let newest = [3, 125, 0, 0];
    let parse = |bytes: &[u8]| Message::parse_mld(130, bytes);
    assert_eq!(
        parse(&bytes(1000, "ff05::1", &[])),
        query(Version::Older, Some("ff05::1"), 1000, 0)
    );
    assert_eq!(parse(&bytes(1000, "::", &newest)), query(Version::Newest, None, 1000, 3));
    assert_eq!(parse(&bytes(0x8000, "::", &newest)), query(Version::Newest, None, 32_768, 3));
    assert!(parse(&bytes(1, "::", &newest)[..22]).is_err() && parse(&[0; 19]).is_err());
    assert_eq!(
        Message::parse_mld(131, &bytes(0, "ff05::1", &[])),
        Ok(Message::Report(ip("ff05::1")))
    );
    assert_eq!(Message::parse_mld(143, &[0; 4]), Ok(Message::ForRouters));
}

//= test RFC 3376 §4.2: a report as it lies on the wire
//= test RFC 3810 §5.2: the same in MLD
#[test]
fn reports_as_they_lie_on_the_wire() {
    let report =
        Report::Records(vec![(ip("239.1.2.3"), Record::Joined), (ip("239.1.2.4"), Record::Left)]);
    let bytes = report.to_igmp();
    let rest = [0, 0, 0, 2, 4, 0, 0, 0, 239, 1, 2, 3, 3, 0, 0, 0, 239, 1, 2, 4];
    assert_eq!((bytes[0], &bytes[4..]), (0x22, &rest[..]));
    assert_eq!(checksum::of(&bytes), 0);
    assert_eq!(report.destination(false), ip("224.0.0.22"));
    let report = Report::Records(vec![(ip("ff05::1"), Record::Listens)]);
    let (kind, body) = report.to_mld();
    assert_eq!((kind, body.len(), &body[..8]), (143, 24, &[0, 0, 0, 1, 2, 0, 0, 0][..]));
    assert_eq!(report.destination(true), ip("ff02::16"));
    let old = Report::Listens(ip("ff05::1"), Version::Older);
    assert_eq!((old.to_mld().0, old.destination(true)), (131, ip("ff05::1")));
    let left = Report::Left(ip("239.1.2.3"));
    assert_eq!((left.to_igmp()[0], left.destination(false)), (0x17, ip("224.0.0.2")));
    assert_eq!(Report::Listens(ip("239.1.2.3"), Version::Oldest).to_igmp()[0], 0x12);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(kind: u8, bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = (Message::parse_igmp(&bytes), Message::parse_mld(kind, &bytes));
    }
}
