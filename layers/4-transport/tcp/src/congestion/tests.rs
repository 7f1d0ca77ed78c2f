use std::time::Duration;

use base::Instant;

use super::{Congestion, Progress};
use crate::Seq;
use crate::config::{Algorithm, Config};

/// A flow that always fills its window, on a path of `rtt`.
struct FlowOf {
    congestion: Congestion,
    now: Instant,
    rtt: Duration,
    una: Seq,
}

impl FlowOf {
    fn new(algorithm: Algorithm, rtt: Duration) -> Self {
        let mut config = Config::default().congestion;
        config.algorithm = algorithm;
        let now = Instant::from_millis(1000);
        let mut congestion = Congestion::new(&config);
        congestion.begin(now, false, Seq(0));
        Self { congestion, now, rtt, una: Seq(0) }
    }

    /// One round: each segment is acknowledged by itself.
    fn round(&mut self, rtt: Duration) {
        let cwnd = self.congestion.cwnd();
        let nxt = self.una + cwnd;
        self.now = self.now.after(rtt);
        self.congestion.note_use(self.now, (self.una, nxt), cwnd, true);
        for _ in 0..cwnd {
            self.una += 1;
            let progress = Progress {
                now: self.now,
                acked: 1,
                una: self.una,
                nxt: nxt + 1,
                rtt: Some(rtt),
                smoothed: self.rtt,
            };
            self.congestion.grow(&progress);
        }
    }

    fn lose(&mut self) {
        self.congestion.reduce();
        self.congestion.set_cwnd(self.congestion.ssthresh());
    }
}

//= test RFC 5681 §3.1: doubled in each round, halved at a loss, one more in each round afterwards.
#[test]
fn newreno() {
    let mut flow = FlowOf::new(Algorithm::NewReno, Duration::from_millis(100));
    let mut seen = Vec::new();
    for round in 0..8 {
        flow.round(flow.rtt);
        if round == 3 {
            flow.lose();
        }
        seen.push(flow.congestion.cwnd());
    }
    assert_eq!(seen, [20, 40, 80, 80, 81, 82, 83, 84]);
}

//= test RFC 9438 §4.2: the window is W_max again after K seconds, the cube root of 0.3 W_max / 0.4.
#[test]
fn cubic_comes_back_when_the_formula_says() {
    let mut flow = FlowOf::new(Algorithm::Cubic, Duration::from_millis(100));
    while flow.congestion.cwnd() < 1000 {
        flow.round(flow.rtt);
    }
    let w_max = flow.congestion.cwnd();
    flow.lose();
    let beta = f64::from(flow.congestion.cwnd()) / f64::from(w_max);
    assert!((beta - 0.7).abs() < 0.01, "{beta}");
    let began = flow.now;
    while flow.congestion.cwnd() < w_max - 1 {
        flow.round(flow.rtt);
    }
    let took = flow.now.since(began).as_secs_f64();
    // The function is flat around K: one segment below W_max it is the cube root of 1 / 0.4 earlier.
    let k = (f64::from(w_max) * 0.3 / 0.4).cbrt() - (1.0_f64 / 0.4).cbrt();
    assert!((took - k).abs() < 0.3, "it took {took} s, and it should be {k} s");
}

//= test RFC 9438 §4.3: on a short path CUBIC is not slower than Reno.
#[test]
fn cubic_is_not_slower_than_reno() {
    let rtt = Duration::from_millis(5);
    let (mut cubic, mut reno) =
        (FlowOf::new(Algorithm::Cubic, rtt), FlowOf::new(Algorithm::NewReno, rtt));
    for flow in [&mut cubic, &mut reno] {
        flow.round(rtt);
        flow.lose();
        (0..200).for_each(|_| flow.round(rtt));
    }
    let (cubic, reno) = (cubic.congestion.cwnd(), reno.congestion.cwnd());
    assert!(cubic * 2 >= reno, "{cubic} and {reno}");
}

//= test RFC 9406 §4.2: slow start ends when round trips grow, and goes on when that was jitter.
#[test]
fn hystart_leaves_before_the_loss() {
    let rtt = Duration::from_millis(50);
    let mut flow = FlowOf::new(Algorithm::Cubic, rtt);
    (0..4).for_each(|_| flow.round(rtt));
    let before = flow.congestion.cwnd();
    assert_eq!(before, 160);
    for extra in 1..12 {
        flow.round(rtt + Duration::from_millis(8 * extra));
    }
    assert!(!flow.congestion.is_in_slow_start());
    assert!(flow.congestion.cwnd() < before * 8, "{}", flow.congestion.cwnd());
    let mut jittery = FlowOf::new(Algorithm::Cubic, rtt);
    for round in 0..8 {
        let extra = Duration::from_millis(if round == 4 { 20 } else { 0 });
        jittery.round(rtt + extra);
    }
    assert!(jittery.congestion.is_in_slow_start());
}
