use std::time::Duration;

use base::Instant;

use super::hystart::{Advice, GROWTH_DIVISOR, HyStart};
use super::{Policy, Progress, Window};

/// What is left of the window after a loss, in 1024ths: 0.7 (RFC 9438 §4.6).
const BETA: u64 = 717;

/// The constant C, 0.4 segments per cubic second (RFC 9438 §5.1), in 1024ths.
const C: u64 = 410;

/// How fast the estimate of a Reno flow grows: 3 (1 - beta) / (1 + beta), in 1024ths (RFC 9438
/// §4.3).
const ALPHA: u64 = 3 * (1024 - BETA) * 1024 / (1024 + BETA);

/// While no maximum is known, the window grows by one segment for so many acknowledged, at least.
const PER_UNKNOWN: u32 = 20;

/// CUBIC: the window is a cubic function of the time since the last loss. (RFC 9438)
///
/// Fractions of a segment are in 1024ths, times in milliseconds; there are no floating points, so
/// every machine has the same film.
#[derive(Clone, Debug)]
pub(super) struct Cubic {
    /// The window before the last reduction, in segments.
    w_max: u32,
    /// The window just before the last reduction, in segments: above it Reno's pace is one segment
    /// a round trip.
    w_prior: u32,
    epoch: Option<Epoch>,
    hystart: Option<HyStart>,
    /// Segments acknowledged while slow start is conservative.
    conservative: u32,
}

/// One flight of the cubic function: from a reduction, or a pause, to the next.
#[derive(Clone, Copy, Debug)]
struct Epoch {
    since: Instant,
    /// How long until the function reaches `origin`, in milliseconds.
    k: u32,
    /// Where the function is flat, in segments.
    origin: u32,
    /// What a Reno flow would have, in 1024ths of a segment.
    reno: u64,
}

impl Cubic {
    pub(super) fn new(hystart: bool) -> Self {
        Self {
            w_max: 0,
            w_prior: 0,
            epoch: None,
            hystart: hystart.then(HyStart::default),
            conservative: 0,
        }
    }

    /// RFC 9406 §4.2: slow start, as long as round trips do not grow. Returns what is left over.
    fn slow_start(&mut self, window: &mut Window, progress: &Progress) -> u32 {
        let cwnd = window.cwnd;
        let advice =
            self.hystart.as_mut().map_or(Advice::Fast, |hystart| hystart.look(cwnd, progress));
        match advice {
            //= exception: RFC 9406 §4.2: growth is not cut to eight segments an acknowledgement:
            // peers that merge segments acknowledge dozens at a time.
            Advice::Fast => window.slow_start(progress.acked),
            Advice::Slow => {
                self.conservative += progress.acked;
                let acked = self.conservative / GROWTH_DIVISOR;
                self.conservative %= GROWTH_DIVISOR;
                window.slow_start(acked);
                0
            }
            Advice::Leave => {
                window.ssthresh = window.cwnd;
                progress.acked
            }
        }
    }

    fn epoch(&mut self, window: &Window, now: Instant) -> &mut Epoch {
        let w_max = self.w_max;
        self.epoch.get_or_insert_with(|| {
            // RFC 9438 §4.2: K is the cube root of (W_max - cwnd) / C.
            // Four million segments are more than any window holds; beyond it the product is too large.
            let missing = u64::from(w_max.saturating_sub(window.cwnd)).min(1 << 22);
            let k = cube_root(missing * 1024 * 1_000_000_000 / C);
            let origin = w_max.max(window.cwnd);
            Epoch { since: now, k, origin, reno: u64::from(window.cwnd) * 1024 }
        })
    }
}

impl Epoch {
    /// W_cubic at `t` milliseconds, in 1024ths of a segment (RFC 9438 §4.2, figure 1).
    fn cubic(&self, t: u64) -> u64 {
        let origin = u64::from(self.origin) * 1024;
        let distance = u128::from(t.abs_diff(u64::from(self.k)).min(1 << 20));
        let delta = (u128::from(C) * distance * distance * distance / 1_000_000_000) as u64;
        if t < u64::from(self.k) {
            origin.saturating_sub(delta)
        } else {
            origin.saturating_add(delta)
        }
    }
}

impl Policy for Cubic {
    fn grow(&mut self, window: &mut Window, progress: &Progress) {
        let mut acked = progress.acked;
        if window.is_in_slow_start() {
            acked = self.slow_start(window, progress);
            if acked == 0 {
                return;
            }
        }
        let w_prior = u64::from(self.w_prior) * 1024;
        let cwnd = u64::from(window.cwnd) * 1024;
        let epoch = self.epoch(window, progress.now);
        // RFC 9438 §4.3: what Reno would have by now.
        let alpha = if epoch.reno >= w_prior { 1024 } else { ALPHA };
        epoch.reno += alpha * u64::from(acked) * 1024 / cwnd.max(1);
        // RFC 9438 §4.4, §4.5: where the function will be in one round trip, but not below the
        // window, and not above one and a half of it.
        let elapsed = progress.now.since(epoch.since) + progress.smoothed;
        let t = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let target = epoch.cubic(t).clamp(cwnd, cwnd + cwnd / 2).max(epoch.reno);
        // The window grows by (target - cwnd) / cwnd for each segment acknowledged.
        let per = match target.saturating_sub(cwnd) {
            0 => window.cwnd.saturating_mul(100),
            more => u32::try_from(u64::from(window.cwnd) * 1024 / more).unwrap_or(u32::MAX),
        };
        // Before any loss the function knows no maximum and is slow: a twentieth of the window in
        // each round trip is what others take too.
        let per = if self.w_max == 0 { per.min(PER_UNKNOWN) } else { per };
        // At least two segments must be acknowledged for one more: half a window a round trip.
        window.grow_by_one_per(per.max(2), acked);
    }

    fn reduce(&mut self, window: &Window) -> u32 {
        self.epoch = None;
        self.w_prior = window.cwnd;
        // RFC 9438 §4.7: a flow that falls before it reached its old maximum makes room.
        self.w_max = if window.cwnd < self.w_max {
            (u64::from(window.cwnd) * (1024 + BETA) / 2048) as u32
        } else {
            window.cwnd
        };
        // RFC 9438 §4.6.
        (u64::from(window.cwnd) * BETA / 1024).max(2) as u32
    }

    /// RFC 9438 §4.8: after a timeout slow start comes first; K is then zero.
    fn forget(&mut self) {
        self.epoch = None;
        self.w_max = 0;
        if let Some(hystart) = &mut self.hystart {
            hystart.forget();
        }
    }

    /// RFC 9438 §5.8: time in which nothing was sent does not count.
    fn resume(&mut self, now: Instant, pause: Duration) {
        if let Some(epoch) = &mut self.epoch {
            epoch.since = epoch.since.after(pause).min(now);
        }
    }
}

/// The largest number whose cube is at most `n`.
fn cube_root(n: u64) -> u32 {
    let (mut low, mut high) = (0_u32, 1 << 22);
    while low + 1 < high {
        let middle = u32::midpoint(low, high);
        if u128::from(middle).pow(3) <= u128::from(n) { low = middle } else { high = middle }
    }
    low
}
