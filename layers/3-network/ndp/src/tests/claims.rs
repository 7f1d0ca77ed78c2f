//! Whether somebody else has an address.

use super::*;
use base::Mac;

use crate::{Claim, Claims, Outcome, Outgoing, Standing};

const OTHER: Mac = Mac([2, 0, 0, 0, 0, 8]);

/// Lets `duration` pass; what was to be sent.
fn run(scene: &mut Scene, claims: &mut Claims, duration: Duration) -> Vec<Outgoing> {
    let end = scene.now.after(duration);
    let mut all: Vec<_> = std::iter::from_fn(|| claims.poll_transmit()).collect();
    while let Some(at) = claims.poll_timeout().filter(|at| *at <= end) {
        scene.now = scene.now.max(at);
        scene.with(|cx| claims.handle_timeout(cx));
        all.extend(std::iter::from_fn(|| claims.poll_transmit()));
    }
    scene.now = end;
    all
}

fn add(scene: &mut Scene, claims: &mut Claims, how: Claim) {
    assert!(scene.with(|cx| claims.add(cx, v6("fd00::1"), how, true)));
}

//= test RFC 4862 §5.4.2: after a random time it is asked once, and a second later the address is ours
//= test RFC 4861 §7.2.6: and everybody is told
#[test]
fn an_address_is_probed_then_taken_then_announced() {
    let (mut scene, mut claims) = (Scene::new(), Claims::new(SECOND));
    let target = v6("fd00::1");
    add(&mut scene, &mut claims, Claim::Probe);
    assert_eq!(claims.standing(target), Standing::Tentative);
    let sent = run(&mut scene, &mut claims, SECOND - SECOND / 100);
    assert!(matches!(sent[..], [Outgoing::Probe { .. }]), "{sent:?}");
    assert_eq!((claims.poll_outcome(), claims.standing(target)), (None, Standing::Tentative));
    let sent = run(&mut scene, &mut claims, 5 * SECOND);
    assert_eq!(sent, [Outgoing::Announcement { target }; 2]);
    assert_eq!(claims.poll_outcome(), Some(Outcome::Taken { ip: target }));
    assert_eq!((claims.standing(target), claims.poll_timeout()), (Standing::Held, None));
}

//= test RFC 4429 §3.3: an optimistic address is used at once, and lost if somebody has it
#[test]
fn an_optimistic_address_may_be_lost() {
    let (mut scene, mut claims) = (Scene::new(), Claims::new(SECOND));
    let ip = v6("fd00::1");
    add(&mut scene, &mut claims, Claim::Optimistic);
    assert_eq!(
        (claims.poll_outcome(), claims.standing(ip)),
        (Some(Outcome::Taken { ip }), Standing::Optimistic)
    );
    assert!(scene.with(|cx| claims.handle_advertisement(cx, ip, OTHER)));
    assert_eq!(claims.poll_outcome(), Some(Outcome::Lost { ip, to: OTHER }));
    assert_eq!(run(&mut scene, &mut claims, 5 * SECOND), [], "nothing more is said of it");
}

//= test RFC 4862 §5.4.5: an address that is ours is kept, whoever says that it is theirs
#[test]
fn an_address_that_we_hold_is_not_taken_from_us() {
    let (mut scene, mut claims) = (Scene::new(), Claims::new(SECOND));
    let ip = v6("fd00::1");
    add(&mut scene, &mut claims, Claim::Silent);
    assert_eq!(claims.poll_outcome(), Some(Outcome::Taken { ip }));
    assert!(scene.with(|cx| claims.handle_advertisement(cx, ip, OTHER)));
    assert!(!scene.with(|cx| claims.handle_probe(cx, ip, None, OTHER)), "it is to be answered");
    assert_eq!((claims.poll_outcome(), claims.standing(ip)), (None, Standing::Held));
    assert_eq!(run(&mut scene, &mut claims, 5 * SECOND), []);
    assert!(scene.film.text.contains("AddressDisputed"), "{}", scene.film.text);
}

#[test]
fn the_number_of_addresses_is_bounded() {
    let (mut scene, mut claims) = (Scene::new(), Claims::new(SECOND));
    let address = |n: u16| Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, n);
    let taken =
        (0..1000).filter(|n| scene.with(|cx| claims.add(cx, address(*n), Claim::Silent, false)));
    assert_eq!(taken.count(), crate::claims::ADDRESSES_MAX);
    claims.remove(address(5));
    assert!(scene.with(|cx| claims.add(cx, address(1000), Claim::Silent, false)));
}
