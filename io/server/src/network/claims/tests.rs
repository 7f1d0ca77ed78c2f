use super::*;

const LINK: InterfaceId = InterfaceId(1);
const THEIRS: Mac = Mac([2, 0, 0, 0, 0, 9]);

fn second(n: u64) -> Instant {
    Instant::from_millis(1000 * n)
}

fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Two addresses that are probed.
fn two() -> Claims {
    let mut claims = Claims::default();
    for text in ["10.0.0.2/24", "10.0.0.3/24"] {
        claims.add(LINK, cidr(text), Claim::Probe);
    }
    claims
}

//= test RFC 5227 §2.1.1: who was refused asks again, but not often
#[test]
fn an_address_that_was_lost_is_asked_for_again_in_a_minute() {
    let mut claims = two();
    claims.handle_ready(ip("10.0.0.3"), Origin::Operator);
    assert!(claims.handle_lost(second(5), ip("10.0.0.2"), THEIRS).is_ok());
    assert!(claims.is_lost("10.0.0.2:80".parse().unwrap()));
    assert_eq!(claims.poll_timeout(), Some(second(65)));
    assert_eq!(claims.poll_again(second(64)), None);
    assert_eq!(claims.poll_again(second(65)), Some((LINK, cidr("10.0.0.2/24"))));
    assert!(!claims.is_lost("10.0.0.2:80".parse().unwrap()), "it is probed");
    assert_eq!((claims.poll_again(second(65)), claims.poll_timeout()), (None, None));
    // It still has it, and then has it no more.
    assert!(claims.handle_lost(second(66), ip("10.0.0.2"), THEIRS).is_ok());
    assert_eq!(claims.poll_again(second(126)), Some((LINK, cidr("10.0.0.2/24"))));
    claims.handle_ready(ip("10.0.0.2"), Origin::Operator);
    assert_eq!(claims.poll_timeout(), None);
}

#[test]
fn who_never_had_an_address_cannot_serve_and_who_had_one_waits() {
    let mut claims = two();
    assert!(claims.handle_lost(second(1), ip("10.0.0.2"), THEIRS).is_ok());
    let said = claims.handle_lost(second(2), ip("10.0.0.3"), THEIRS).unwrap_err().to_string();
    assert!(said.contains("10.0.0.3") && said.contains("02:00:00:00:00:09"), "{said}");
    let mut claims = Claims::default();
    claims.add(LINK, cidr("10.0.0.2/24"), Claim::Announce);
    claims.handle_ready(ip("10.0.0.2"), Origin::Operator);
    assert!(claims.handle_lost(second(1), ip("10.0.0.2"), THEIRS).is_ok());
    assert_eq!(claims.poll_timeout(), Some(second(61)));
    // An address that came by itself is none at which anybody was to be served.
    let mut claims = Claims::default();
    claims.add(LINK, cidr("10.0.0.2/24"), Claim::Probe);
    claims.handle_ready(ip("fe80::2"), Origin::LinkLocal);
    assert!(claims.handle_lost(second(1), ip("fe80::3"), THEIRS).is_ok());
    assert!(claims.handle_lost(second(1), ip("10.0.0.2"), THEIRS).is_err());
}
