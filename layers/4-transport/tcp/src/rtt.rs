use std::time::Duration;

use base::Instant;

use crate::Seq;
use crate::config::{Estimator, Retransmit};

/// For how long the shortest round trip is remembered: half of this at least, all of it at most.
const MIN_WINDOW: Duration = Duration::from_secs(300);

/// How long a round trip takes, and how long to wait for an acknowledgement. (RFC 6298)
#[derive(Clone, Debug)]
pub(crate) struct Rtt {
    /// SRTT; nothing was measured while it is zero.
    pub(crate) smoothed: Duration,
    /// What is added to it: four times RTTVAR.
    pub(crate) variation: Duration,
    /// Four times the mean deviation; `variation` is the largest of one round trip.
    deviation: Duration,
    deviation_max: Duration,
    /// When this is acknowledged, a round trip is over.
    round_end: Seq,
    /// The timeout without backing off.
    base: Duration,
    /// How often it has doubled.
    pub(crate) backoff: u8,
    /// The shortest round trip of this half of the window and of the one before.
    shortest: [Duration; 2],
    shortest_since: Instant,
    /// The latest sample.
    pub(crate) latest: Duration,
}

impl Rtt {
    pub(crate) fn new(config: &Retransmit) -> Self {
        Self {
            smoothed: Duration::ZERO,
            variation: config.rto_initial,
            deviation: config.rto_initial,
            deviation_max: Duration::ZERO,
            round_end: Seq(0),
            // RFC 6298 §2.1: one second before anything was measured.
            base: config.rto_initial,
            backoff: 0,
            shortest: [Duration::MAX; 2],
            shortest_since: Instant::ORIGIN,
            latest: Duration::ZERO,
        }
    }

    /// Whether a round trip was measured.
    pub(crate) fn is_known(&self) -> bool {
        !self.smoothed.is_zero()
    }

    /// How long to wait for an acknowledgement now (RFC 6298 §2, §5.5).
    pub(crate) fn timeout(&self, config: &Retransmit) -> Duration {
        let doubled = self.base.saturating_mul(1 << self.backoff.min(20));
        doubled.min(config.rto_max)
    }

    /// The same without backing off.
    pub(crate) fn timeout_base(&self) -> Duration {
        self.base
    }

    /// The shortest round trip of late; nothing, when none was measured.
    pub(crate) fn shortest(&self) -> Option<Duration> {
        let [now, before] = self.shortest;
        Some(now.min(before)).filter(|&shortest| shortest != Duration::MAX)
    }

    /// Takes a sample. `una` and `nxt` tell when a round is over.
    pub(crate) fn measure(
        &mut self,
        config: &Retransmit,
        now: Instant,
        sample: Duration,
        (una, nxt): (Seq, Seq),
    ) {
        let sample = sample.max(Duration::from_micros(1));
        self.latest = sample;
        if self.is_known() {
            self.smooth(config, sample, (una, nxt));
        } else {
            // RFC 6298 §2.2: SRTT <- R, RTTVAR <- R/2.
            self.smoothed = sample;
            self.deviation = sample * 2;
            self.deviation_max = self.floor(config).max(self.deviation);
            self.variation = self.deviation_max;
            self.round_end = nxt;
        }
        // RFC 6298 §2.4, §2.5.
        let slop = match config.estimator {
            Estimator::Rfc6298 { slop } => slop,
            Estimator::WindowedMax => Duration::ZERO,
        };
        self.base = (self.smoothed + self.variation).max(config.rto_min).min(config.rto_max) + slop;
        self.backoff = 0;
        self.remember_shortest(now, sample);
    }

    /// RFC 6298 §2.3, with alpha 1/8 and beta 1/4.
    fn smooth(&mut self, config: &Retransmit, sample: Duration, (una, nxt): (Seq, Seq)) {
        let is_faster = sample < self.smoothed;
        let error = sample.abs_diff(self.smoothed);
        self.smoothed =
            if is_faster { self.smoothed - error / 8 } else { self.smoothed + error / 8 };
        let quarter = self.deviation / 4;
        match config.estimator {
            Estimator::Rfc6298 { .. } => {
                self.deviation = self.deviation - quarter + error;
                self.variation = self.deviation;
            }
            Estimator::WindowedMax => {
                // A round trip that became shorter is no reason to wait longer: it counts an eighth.
                if is_faster && error > quarter {
                    self.deviation += (error - quarter) / 8;
                } else {
                    self.deviation = self.deviation + error - quarter;
                }
                self.deviation_max = self.deviation_max.max(self.deviation);
                self.variation = self.variation.max(self.deviation_max);
                if una.is_after(self.round_end) {
                    if self.deviation_max < self.variation {
                        self.variation -= (self.variation - self.deviation_max) / 4;
                    }
                    self.round_end = nxt;
                    self.deviation_max = self.floor(config);
                }
            }
        }
    }

    fn floor(&self, config: &Retransmit) -> Duration {
        match config.estimator {
            Estimator::Rfc6298 { .. } => Duration::ZERO,
            Estimator::WindowedMax => config.rto_min,
        }
    }

    fn remember_shortest(&mut self, now: Instant, sample: Duration) {
        if now.since(self.shortest_since) > MIN_WINDOW / 2 {
            self.shortest = [Duration::MAX, self.shortest[0]];
            self.shortest_since = now;
        }
        let [shortest, _] = &mut self.shortest;
        *shortest = sample.min(*shortest);
    }

    /// A timeout passed: the next one is twice as long (RFC 6298 §5.5).
    pub(crate) fn back_off(&mut self) {
        self.backoff = self.backoff.saturating_add(1);
    }

    /// What the handshake taught about timeouts is not believed (RFC 6298 §5.7 is about the SYN).
    pub(crate) fn forget_backoff(&mut self) {
        self.backoff = 0;
    }
}
