use std::time::Duration;

use base::Instant;

use crate::{Cable, Scenario, Weather, run};

fn arrivals(weather: Weather, count: u32) -> Vec<(u64, u8)> {
    let mut cable = Cable::new(weather, 7);
    (0..count).for_each(|n| cable.send(Instant::from_millis(n.into()), &[n as u8; 100]));
    let mut arrived = Vec::new();
    while let Some(at) = cable.next() {
        let frame = cable.receive(at).unwrap();
        arrived.push((at.as_nanos() / 1_000_000, frame[0]));
    }
    arrived
}

#[test]
fn a_fair_cable_is_a_delay() {
    assert_eq!(arrivals(Weather::default(), 3), [(1, 0), (2, 1), (3, 2)]);
}

#[test]
fn weather_does_what_it_says() {
    let with = |weather: Weather| arrivals(weather, 1000);
    let fair = Weather::default();
    let lost = 1000 - with(Weather { loss: 1000, ..fair.clone() }).len();
    assert!((60..140).contains(&lost), "{lost}");
    let double = with(Weather { duplicate: 1000, ..fair.clone() }).len() - 1000;
    assert!((60..140).contains(&double), "{double}");
    let jitter = Duration::from_millis(10);
    let order = with(Weather { jitter, ..fair.clone() });
    assert!(order.windows(2).filter(|w| w[0].1 > w[1].1).count() > 100);
    let outage = (Instant::from_millis(100), Instant::from_millis(200));
    let out = with(Weather { outages: vec![outage], ..Weather::default() });
    assert_eq!(out.len(), 900);
    // 100 bytes each millisecond are 800 kbit/s.
    let slow = with(Weather { rate: Some(400_000), queue: 1000, ..fair });
    assert!((490..520).contains(&slow.len()), "{}", slow.len());
}

#[test]
fn the_same_seed_gives_the_same_film() {
    let scenario = Scenario::from_seed(5);
    let films = [(); 2].map(|()| {
        let (net, outcome) = run(&scenario, true);
        outcome.unwrap();
        (net.film().to_owned(), net.capture().map(<[u8]>::to_vec))
    });
    assert!(films[0] == films[1] && films[0].0.len() > 1000);
}
