//! Routers: who is one, which is asked, and what they say beside.

use super::*;
use crate::wire::RouteInformation;

/// The routes to everything, the best first, by the last part of the routers' addresses.
fn default(autoconf: &Autoconf) -> Vec<u16> {
    let mut routes: Vec<_> =
        autoconf.routes().into_iter().filter(|route| route.to.1 == 0).collect();
    routes.sort_by_key(|route| route.rank);
    routes.iter().filter_map(|route| Some(route.by?.segments()[7])).collect()
}

//= test RFC 7559 §2: routers are asked for less and less often, but always again
//= test RFC 4861 §6.3.7: the first question waits a random time
#[test]
fn routers_are_asked_for_until_one_answers() {
    let mut scene = Scene::new();
    let mut autoconf = started(&mut scene, false);
    let mut asked = Vec::new();
    let end = Instant::ORIGIN.after(6 * HOUR);
    while let Some(at) = autoconf.poll_timeout().filter(|at| *at < end) {
        scene.now = at;
        scene.with(|cx| autoconf.handle_timeout(cx));
        if autoconf.poll_solicitation() {
            asked.push(at.since(Instant::ORIGIN).as_secs_f64());
        }
    }
    assert!(asked[0] < 1.0 && (3.5..4.5).contains(&(asked[1] - asked[0])), "{asked:?}");
    assert!((14..20).contains(&asked.len()), "{asked:?}");
    let last = asked.windows(2).last().map(|pair| pair[1] - pair[0]).unwrap();
    assert!((3200.0..4000.0).contains(&last), "{last}");
    scene.hear(&mut autoconf, "fe80::1", 0, &[]);
    assert!(autoconf.poll_timeout().is_some(), "it is no default router");
    scene.hear(&mut autoconf, "fe80::1", 1800, &[]);
    scene.run(&mut autoconf, HOUR / 4);
    assert!(!autoconf.poll_solicitation());
}

//= test RFC 4861 §6.3.4: a router is one for as long as it says
#[test]
fn routers_end() {
    let mut scene = Scene::new();
    let mut autoconf = started(&mut scene, false);
    scene.hear(&mut autoconf, "fe80::1", 100, &[]);
    scene.hear(&mut autoconf, "fe80::2", 200, &[]);
    scene.hear(&mut autoconf, "fe80::3", 300, &[]);
    scene.run(&mut autoconf, 100 * SECOND);
    assert_eq!(default(&autoconf), [2, 3]);
    scene.hear(&mut autoconf, "fe80::2", 0, &[]);
    assert_eq!(default(&autoconf), [3]);
    scene.with(|cx| autoconf.handle_no_router(cx, v6("fe80::3")));
    assert_eq!(default(&autoconf), [0; 0]);
    let gone = scene.film.text.matches("RouterGone").count();
    assert_eq!(gone, 3, "{}", scene.film.text);
}

//= test RFC 4191 §3.2: the one that wants it most is asked, if it answers
//= test RFC 4861 §6.3.6: who does not answer comes last, and each of them has its turn
#[test]
fn routers_that_answer_come_first() {
    let mut scene = Scene::new();
    let mut autoconf = started(&mut scene, false);
    for (from, preference) in [
        ("fe80::1", Preference::Low),
        ("fe80::2", Preference::High),
        ("fe80::3", Preference::Medium),
    ] {
        let message = RouterAdvertisement { lifetime: 1800, preference, ..nothing() };
        scene.hear_all(&mut autoconf, from, message, &[]);
    }
    assert_eq!(default(&autoconf), [2, 3, 1]);
    let is_silent = |scene: &mut Scene, autoconf: &mut Autoconf, router: &str| {
        scene.with(|cx| autoconf.handle_unreachable(cx, v6(router)));
        scene.now = scene.now.after(SECOND);
    };
    is_silent(&mut scene, &mut autoconf, "fe80::2");
    assert_eq!(default(&autoconf), [3, 1, 2]);
    is_silent(&mut scene, &mut autoconf, "fe80::3");
    is_silent(&mut scene, &mut autoconf, "fe80::1");
    assert_eq!(default(&autoconf), [2, 3, 1], "none answers: the one that was tried longest ago");
    is_silent(&mut scene, &mut autoconf, "fe80::2");
    assert_eq!(default(&autoconf), [3, 1, 2]);
    scene.run(&mut autoconf, 61 * SECOND);
    assert_eq!(default(&autoconf), [2, 3, 1], "after a minute they are tried again");
}

//= test RFC 4191 §3.1: routes to networks behind routers; that to everything is about the router
#[test]
fn routers_say_what_is_behind_them() {
    let mut scene = Scene::new();
    let mut autoconf = started(&mut scene, false);
    let route = |prefix: &str, len, preference, lifetime| {
        Opt::Route(RouteInformation { prefix: v6(prefix), len, preference, lifetime })
    };
    let options = [
        route("fd00:5::1", 48, Preference::Medium, 600),
        route("fd00:6::", 48, Preference::High, 300),
        route("::", 0, Preference::Low, 1000),
        route("fe80::", 64, Preference::High, 300),
    ];
    scene.hear(&mut autoconf, "fe80::1", 1800, &options);
    scene.hear(&mut autoconf, "fe80::2", 1800, &[]);
    assert_eq!(default(&autoconf), [2, 1]);
    let behind = |autoconf: &Autoconf| {
        let routes = autoconf.routes().into_iter().filter(|route| route.to.1 > 0);
        routes.map(|route| route.to.0.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(behind(&autoconf), ["fd00:5::", "fd00:6::"]);
    scene.run(&mut autoconf, 300 * SECOND);
    assert_eq!(behind(&autoconf), ["fd00:5::"]);
    scene.hear(&mut autoconf, "fe80::1", 1800, &[route("fd00:5::", 48, Preference::Medium, 0)]);
    assert_eq!(behind(&autoconf), [""; 0]);
}

//= test RFC 4861 §6.3.4: numbers that are zero say nothing, and those out of range are not obeyed
#[test]
fn numbers_are_obeyed_within_their_range() {
    let mut scene = Scene::new();
    let mut autoconf = started(&mut scene, false);
    let good =
        RouterAdvertisement { hop_limit: 70, reachable_ms: 9000, retrans_ms: 500, ..nothing() };
    scene.hear_all(&mut autoconf, "fe80::1", good, &[Opt::Mtu(1400)]);
    let seen = |autoconf: &Autoconf| {
        (autoconf.hop_limit(), autoconf.reachable(), autoconf.retrans(), autoconf.mtu())
    };
    let expected = (Some(70), Some(9 * SECOND), Some(SECOND / 2), Some(1400));
    assert_eq!(seen(&autoconf), expected);
    scene.hear_all(&mut autoconf, "fe80::1", nothing(), &[]);
    let bad =
        RouterAdvertisement { hop_limit: 1, reachable_ms: 3_600_001, retrans_ms: 1, ..nothing() };
    for mtu in [1279, 1501, u32::MAX] {
        scene.hear_all(&mut autoconf, "fe80::1", bad, &[Opt::Mtu(mtu)]);
    }
    assert_eq!(seen(&autoconf), expected);
}

#[test]
fn who_does_not_want_routers_heeds_none() {
    let mut scene = Scene::new();
    let mut autoconf = Autoconf::new(settings(false));
    let options = [Opt::Prefix(prefix("fd00:1::", 7200, 3600))];
    assert!(!scene.hear(&mut autoconf, "fe80::1", 1800, &options));
    scene.with(|cx| autoconf.start(cx));
    assert!(scene.hear(&mut autoconf, "fe80::1", 1800, &options));
    autoconf.stop();
    assert!(autoconf.take_changed() && autoconf.poll_timeout().is_none());
    assert!(autoconf.addresses().is_empty() && autoconf.routes().is_empty());
}
