use std::time::Duration;

use super::options::parse_seconds;
use super::statistics::Statistics;

fn of(sent: u64, took: &[u64]) -> String {
    let mut statistics = Statistics::default();
    statistics.sent = sent;
    took.iter().for_each(|micros| statistics.add(Duration::from_micros(*micros)));
    statistics.summary(Duration::from_millis(2003))
}

#[test]
fn statistics_are_in_the_words_that_scripts_know() {
    assert_eq!(
        of(4, &[2000, 4000, 6000, 8000]),
        "4 packets transmitted, 4 received, 0% packet loss, time 2003ms\n\
         rtt min/avg/max/mdev = 2.000/5.000/8.000/2.236 ms\n"
    );
    assert_eq!(
        of(3, &[100, 100]),
        "3 packets transmitted, 2 received, 33.3% packet loss, time 2003ms\n\
         rtt min/avg/max/mdev = 0.100/0.100/0.100/0.000 ms\n"
    );
    assert_eq!(of(2, &[]), "2 packets transmitted, 0 received, 100% packet loss, time 2003ms\n");
    assert_eq!(of(0, &[]), "0 packets transmitted, 0 received, 0% packet loss, time 2003ms\n");
}

/// Sums of squares would say that times do not differ.
#[test]
fn small_differences_of_long_times_are_seen() {
    let long = 3_600_000_000;
    assert!(of(2, &[long, long + 2]).ends_with("/0.001 ms\n"), "{}", of(2, &[long, long + 2]));
}

#[test]
fn times_are_read_with_bounds() {
    assert_eq!(parse_seconds("0.2"), Ok(Duration::from_millis(200)));
    for bad in ["0", "-1", "1e9", "NaN", "inf", "soon"] {
        assert!(parse_seconds(bad).is_err(), "{bad}");
    }
}
