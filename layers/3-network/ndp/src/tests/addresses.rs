//! Addresses by themselves.

use super::*;
use crate::is_reserved;

fn own(autoconf: &Autoconf) -> Vec<Ipv6Addr> {
    autoconf.addresses().iter().map(|own| own.address).collect()
}

//= test RFC 4862 §5.5.3: addresses are made of prefixes that may be used, and of no other
#[test]
fn addresses_are_made_of_prefixes_by_rule() {
    let mut scene = Scene::new();
    let mut autoconf = started(&mut scene, false);
    let good = prefix("fd00:1::", 7200, 3600);
    let refused = [
        prefix("fe80::", 7200, 3600),
        prefix("ff02::", 7200, 3600),
        prefix("::", 7200, 3600),
        prefix("fd00:2::", 3600, 7200),
        PrefixInformation { len: 63, ..prefix("fd00:3::", 7200, 3600) },
        PrefixInformation { is_autonomous: false, ..prefix("fd00:4::", 7200, 3600) },
        prefix("fd00:5::", 0, 0),
    ];
    let options: Vec<_> = refused.iter().chain([&good]).copied().map(Opt::Prefix).collect();
    assert!(scene.hear(&mut autoconf, "fe80::1", 1800, &options));
    let [made] = own(&autoconf)[..] else { panic!("{:?}", autoconf.addresses()) };
    assert_eq!(made.segments()[..4], [0xfd00, 1, 0, 0]);
    assert_eq!(scene.film.text.matches("why=PrefixUnfit").count(), 5, "{}", scene.film.text);
    // Networks on the link are another matter.
    let on_link: Vec<_> =
        autoconf.routes().iter().filter(|route| route.by.is_none()).map(|r| r.to).collect();
    assert_eq!(on_link, [(v6("fd00:3::"), 63), (v6("fd00:4::"), 64), (v6("fd00:1::"), 64)]);
}

//= test RFC 4862 §5.5.4: an address is preferred, then deprecated, then gone
#[test]
fn an_address_grows_old() {
    let mut scene = Scene::new();
    let mut autoconf = started(&mut scene, false);
    scene.hear(&mut autoconf, "fe80::1", 9000, &[Opt::Prefix(prefix("fd00:1::", 7200, 3600))]);
    let _ = autoconf.take_changed();
    scene.run(&mut autoconf, HOUR - SECOND);
    assert!(!autoconf.addresses()[0].is_deprecated && !autoconf.take_changed());
    scene.run(&mut autoconf, SECOND);
    assert!(autoconf.addresses()[0].is_deprecated && autoconf.take_changed());
    scene.hear(&mut autoconf, "fe80::1", 9000, &[Opt::Prefix(prefix("fd00:1::", 7200, 10))]);
    assert!(!autoconf.addresses()[0].is_deprecated, "it was renewed");
    scene.run(&mut autoconf, 2 * HOUR);
    assert!(autoconf.addresses().is_empty() && autoconf.take_changed());
    assert!(
        autoconf.routes().iter().all(|route| route.by.is_some()),
        "the link's network ended too"
    );
}

//= test RFC 4862 §5.5.3: (e) nobody makes what is left shorter than two hours
#[test]
fn one_forged_advertisement_ends_no_address() {
    let mut scene = Scene::new();
    let mut autoconf = started(&mut scene, false);
    let valid = |autoconf: &Autoconf, now| autoconf.addresses()[0].valid_until.since(now);
    let hear = |scene: &mut Scene, autoconf: &mut Autoconf, valid, preferred| {
        scene.hear(autoconf, "fe80::1", 9000, &[Opt::Prefix(prefix("fd00:1::", valid, preferred))]);
    };
    hear(&mut scene, &mut autoconf, 86_400, 86_400);
    hear(&mut scene, &mut autoconf, 10, 0);
    assert_eq!(valid(&autoconf, scene.now), 2 * HOUR);
    assert!(autoconf.addresses()[0].is_deprecated, "preferred it is no longer");
    scene.run(&mut autoconf, HOUR);
    hear(&mut scene, &mut autoconf, 10, 0);
    assert_eq!(valid(&autoconf, scene.now), HOUR, "nor is it made longer");
    hear(&mut scene, &mut autoconf, 5400, 5400);
    assert_eq!(valid(&autoconf, scene.now), HOUR + HOUR / 2);
    hear(&mut scene, &mut autoconf, u32::MAX, u32::MAX);
    assert_eq!(autoconf.addresses()[0].valid_until, Instant::NEVER);
}

//= test RFC 7217 §5: the same network has the same address, another network another
//= test RFC 7217 §6: after three conflicts there is none
#[test]
fn addresses_stay_and_give_way() {
    let mut scene = Scene::new();
    let option =
        [Opt::Prefix(prefix("fd00:1::", 7200, 3600)), Opt::Prefix(prefix("fd00:2::", 7200, 3600))];
    let mut both = [(); 2].map(|()| {
        let mut autoconf = started(&mut scene, false);
        scene.hear(&mut autoconf, "fe80::1", 1800, &option);
        autoconf
    });
    assert_eq!(own(&both[0]), own(&both[1]));
    let [first, second] = own(&both[0])[..] else { panic!() };
    assert_ne!(first.to_bits() as u64, second.to_bits() as u64);
    assert_ne!(both[0].link_local().to_bits() as u64, first.to_bits() as u64);
    let autoconf = &mut both[0];
    let mut seen = vec![first];
    for _ in 0..3 {
        let last = *seen.last().unwrap();
        assert!(scene.with(|cx| autoconf.handle_conflict(cx, last)));
        let next = own(autoconf).into_iter().find(|ip| ip.segments()[1] == 1).unwrap();
        assert!(!seen.contains(&next));
        seen.push(next);
    }
    assert!(scene.with(|cx| autoconf.handle_conflict(cx, seen[3])));
    assert_eq!(own(autoconf), [second]);
    assert!(!scene.with(|cx| autoconf.handle_conflict(cx, first)), "it is not ours");
}

//= test RFC 8981 §3.4: temporary addresses live a day, whatever the prefix does
//= test RFC 8981 §3.5: the next one is made before that
#[test]
fn temporary_addresses_follow_one_another() {
    let mut scene = Scene::new();
    let mut autoconf = started(&mut scene, true);
    let mut most = 0;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..240 {
        scene.hear(
            &mut autoconf,
            "fe80::1",
            9000,
            &[Opt::Prefix(prefix("fd00:1::", 604_800, 604_800))],
        );
        scene.run(&mut autoconf, HOUR);
        let temporary = autoconf.addresses().iter().filter(|own| own.is_temporary);
        seen.extend(temporary.clone().map(|own| own.address));
        most = most.max(autoconf.addresses().len());
        let preferred: Vec<_> = temporary.filter(|own| !own.is_deprecated).collect();
        assert!(!preferred.is_empty(), "there is always one for what is new");
        assert!(preferred.iter().all(|own| own.preferred_until <= scene.now.after(24 * HOUR)));
    }
    // Ten days, and between 14 and 24 hours each.
    assert!((10..=18).contains(&seen.len()), "{}", seen.len());
    assert!(most <= 5, "{most}");
    assert!(seen.iter().all(|address| !is_reserved(*address)));
}

//= test RFC 8981 §3.3.2: they follow from a secret, what they were made of, and what changes with time
#[test]
fn who_knows_the_secret_and_hears_the_same_has_the_same_temporary_addresses() {
    let live = |chance: u64, begins: Instant, secret: u8| {
        let mut scene = Scene { world: World::seeded(chance), now: begins, ..Scene::new() };
        let identity = Identity::new(SipKey::new([7; 16]), SipKey::new([secret; 16]), b"eth0");
        let settings = Settings { identity, ..settings(true) };
        let mut autoconf = Autoconf::new(settings);
        scene.with(|cx| autoconf.start(cx));
        let mut seen = Vec::new();
        for hour in 0..240 {
            // Between the second and the seventh day the network is gone.
            let prefix = prefix("fd00:1::", 86_400, 86_400);
            if !(48..168).contains(&hour) {
                scene.hear(&mut autoconf, "fe80::1", 9000, &[Opt::Prefix(prefix)]);
            }
            // One that somebody else has.
            let newest = autoconf.addresses().last().filter(|own| own.is_temporary).copied();
            if let (20, Some(newest)) = (hour, newest) {
                scene.with(|cx| autoconf.handle_conflict(cx, newest.address));
            }
            let temporary = autoconf.addresses().iter().filter(|own| own.is_temporary);
            for address in temporary.map(|own| own.address) {
                if !seen.contains(&address) {
                    seen.push(address);
                }
            }
            scene.run(&mut autoconf, HOUR);
        }
        seen
    };
    let one = live(1, Instant::ORIGIN, 8);
    let other = live(2, Instant::from_millis(1700), 8);
    assert_eq!(one, other);
    assert!(one.len() >= 7, "{one:?}");
    let distinct: std::collections::BTreeSet<_> = one.iter().collect();
    assert_eq!(distinct.len(), one.len(), "none comes again");
    let stranger = live(1, Instant::ORIGIN, 9);
    assert!(stranger.iter().all(|address| !one.contains(address)));
}

//= test RFC 5453 §3: identifiers that are reserved are nobody's
#[test]
fn reserved_identifiers_are_known() {
    for (text, reserved) in [
        ("fd00::", true),
        ("fd00::fdff:ffff:ffff:ff80", true),
        ("fd00::fdff:ffff:ffff:ffff", true),
        ("fd00::fdff:ffff:ffff:ff7f", false),
        ("fd00::200:5eff:fe00:5213", true),
        ("fd00::200:5eff:fe00:5214", false),
        ("fd00::1", false),
    ] {
        assert_eq!(is_reserved(v6(text)), reserved, "{text}");
    }
}

#[test]
fn a_hostile_router_makes_no_more_than_so_many() {
    let mut scene = Scene::new();
    let mut autoconf = started(&mut scene, true);
    for n in 0..1000u16 {
        let at = Ipv6Addr::new(0xfd00, n, 0, 0, 0, 0, 0, 0);
        let information = PrefixInformation { prefix: at, ..prefix("fd00::", 7200, 3600) };
        let route = crate::wire::RouteInformation {
            prefix: at,
            len: 48,
            preference: Preference::High,
            lifetime: 600,
        };
        let from = format!("fe80::{n:x}");
        scene.hear(&mut autoconf, &from, 1800, &[Opt::Prefix(information), Opt::Route(route)]);
        scene.run(&mut autoconf, SECOND / 10);
    }
    assert!(autoconf.addresses().len() <= 32 && autoconf.routers().len() <= 16);
    assert!(autoconf.routes().len() <= 16 + 32 + 32, "{}", autoconf.routes().len());
    // And in one second no more than so often.
    let heard = (0..1000).filter(|_| scene.hear(&mut autoconf, "fe80::1", 1800, &[]));
    assert!(heard.count() <= 20);
}
