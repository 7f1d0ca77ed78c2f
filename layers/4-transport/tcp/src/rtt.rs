use std::time::Duration;

use base::Instant;

use crate::Seq;
use crate::config::{Estimator, Retransmit};
use crate::spare::Micros;

/// For how long the shortest round trip is remembered: half of this at least, all of it at most.
const MIN_WINDOW: Duration = Duration::from_secs(300);

/// How long a round trip takes, and how long to wait for an acknowledgement. (RFC 6298)
#[derive(Clone, Debug)]
pub(crate) struct Rtt {
    /// SRTT; nothing was measured while it is zero.
    smoothed: Micros,
    /// What is added to it: four times RTTVAR.
    variation: Micros,
    /// Four times the mean deviation; `variation` is the largest of one round trip.
    deviation: Micros,
    deviation_max: Micros,
    /// When this is acknowledged, a round trip is over.
    round_end: Seq,
    /// The timeout without backing off.
    base: Micros,
    /// How often it has doubled.
    pub(crate) backoff: u8,
    /// The shortest round trip of this half of the window and of the one before.
    shortest: [Micros; 2],
    shortest_since: Instant,
}

impl Rtt {
    pub(crate) fn new(config: &Retransmit) -> Self {
        Self {
            smoothed: Micros::ZERO,
            variation: config.rto_initial.into(),
            deviation: config.rto_initial.into(),
            deviation_max: Micros::ZERO,
            round_end: Seq(0),
            // RFC 6298 §2.1: one second before anything was measured.
            base: config.rto_initial.into(),
            backoff: 0,
            shortest: [Micros::MAX; 2],
            shortest_since: Instant::ORIGIN,
        }
    }

    /// SRTT; zero before anything was measured.
    #[inline]
    pub(crate) fn smoothed(&self) -> Duration {
        self.smoothed.get()
    }

    /// What is added to SRTT for a timeout.
    pub(crate) fn variation(&self) -> Duration {
        self.variation.get()
    }

    /// Whether a round trip was measured.
    pub(crate) fn is_known(&self) -> bool {
        self.smoothed != Micros::ZERO
    }

    /// How long to wait for an acknowledgement now (RFC 6298 §2, §5.5).
    pub(crate) fn timeout(&self, config: &Retransmit) -> Duration {
        let base = self.base.get();
        let slop = match config.estimator {
            Estimator::Rfc6298 { slop } if self.backoff > 0 => slop,
            _ => Duration::ZERO,
        };
        // What is added for good measure is added once.
        let reckoned = if self.is_known() { base.saturating_sub(slop) } else { base };
        let doubled = reckoned.saturating_mul(1 << self.backoff.min(20));
        (doubled + slop).min(config.rto_max)
    }

    /// The same without backing off.
    pub(crate) fn timeout_base(&self) -> Duration {
        self.base.get()
    }

    /// The shortest round trip of late; nothing, when none was measured.
    pub(crate) fn shortest(&self) -> Option<Duration> {
        let [now, before] = self.shortest;
        Some(now.min(before)).filter(|&shortest| shortest != Micros::MAX).map(Micros::get)
    }

    /// Takes a sample, and the shortest that the same acknowledgement showed. `una` and `nxt` tell when a round is over.
    pub(crate) fn measure(
        &mut self,
        config: &Retransmit,
        now: Instant,
        (sample, shortest): (Duration, Duration),
        (una, nxt): (Seq, Seq),
    ) {
        let sample = sample.max(Duration::from_micros(1));
        if self.is_known() {
            self.smooth(config, sample, (una, nxt));
        } else {
            // RFC 6298 §2.2: SRTT <- R, RTTVAR <- R/2.
            self.smoothed = sample.into();
            self.deviation = (sample * 2).into();
            self.deviation_max = self.deviation.max(self.floor(config).into());
            self.variation = self.deviation_max;
            self.round_end = nxt;
        }
        // RFC 6298 §2.4, §2.5.
        let slop = match config.estimator {
            Estimator::Rfc6298 { slop } => slop,
            Estimator::WindowedMax => Duration::ZERO,
        };
        let timeout = self.smoothed() + self.variation();
        self.base = (timeout.max(config.rto_min).min(config.rto_max) + slop).into();
        self.backoff = 0;
        self.remember_shortest(now, shortest.max(Duration::from_micros(1)));
    }

    /// RFC 6298 §2.3, with alpha 1/8 and beta 1/4.
    fn smooth(&mut self, config: &Retransmit, sample: Duration, (una, nxt): (Seq, Seq)) {
        let smoothed = self.smoothed();
        let is_faster = sample < smoothed;
        let error = sample.abs_diff(smoothed);
        self.smoothed = if is_faster { smoothed - error / 8 } else { smoothed + error / 8 }.into();
        let deviation = self.deviation.get();
        let quarter = deviation / 4;
        match config.estimator {
            Estimator::Rfc6298 { .. } => {
                self.deviation = (deviation - quarter + error).into();
                self.variation = self.deviation;
            }
            // A round trip that became shorter is no reason to wait longer: it counts an eighth.
            Estimator::WindowedMax if is_faster && error > quarter => {
                self.deviation = (deviation + (error - quarter) / 8).into();
                self.take_largest(config, (una, nxt));
            }
            Estimator::WindowedMax => {
                self.deviation = (deviation + error - quarter).into();
                self.take_largest(config, (una, nxt));
            }
        }
    }

    /// The variation is the largest deviation of a round trip, and falls slowly.
    fn take_largest(&mut self, config: &Retransmit, (una, nxt): (Seq, Seq)) {
        self.deviation_max = self.deviation_max.max(self.deviation);
        self.variation = self.variation.max(self.deviation_max);
        if una.is_after(self.round_end) {
            let (largest, variation) = (self.deviation_max.get(), self.variation.get());
            self.variation = (variation - variation.saturating_sub(largest) / 4).into();
            self.round_end = nxt;
            self.deviation_max = self.floor(config).into();
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
            self.shortest = [Micros::MAX, self.shortest[0]];
            self.shortest_since = now;
        }
        let [shortest, _] = &mut self.shortest;
        *shortest = (*shortest).min(sample.into());
    }

    /// The handshake measured nothing, because its segments had to be sent again: a path that lost
    /// them, or is slow, gets more time (RFC 6298 §5.7).
    pub(crate) fn fall_back(&mut self, config: &Retransmit) {
        if !self.is_known() {
            self.base = config.rto_fallback.max(self.base.get()).into();
            self.backoff = 0;
        }
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
