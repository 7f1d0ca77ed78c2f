//! How fast we send: the congestion window, and the policy that moves it. (RFC 5681)

mod cubic;
mod hystart;
mod newreno;

use std::time::Duration;

use base::Instant;

use crate::Seq;
use crate::config::{Algorithm, CongestionConfig};
use cubic::Cubic;
use newreno::NewReno;

/// The window that a policy moves; in segments, as everything here.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) cwnd: u32,
    pub(crate) ssthresh: u32,
    /// Segments acknowledged since the window last grew in congestion avoidance.
    counter: u32,
    max: u32,
}

/// What a policy learns from an acknowledgement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    pub(crate) now: Instant,
    /// How many segments were newly acknowledged, selectively or not.
    pub(crate) acked: u32,
    /// What is now acknowledged, and what has been sent: tells rounds apart.
    pub(crate) una: Seq,
    pub(crate) nxt: Seq,
    /// The round trip that this acknowledgement measured.
    pub(crate) rtt: Option<Duration>,
    pub(crate) smoothed: Duration,
}

/// A policy of congestion control: how the window grows, and how far it falls.
trait Policy {
    /// Data was acknowledged while the window was in use.
    fn grow(&mut self, window: &mut Window, progress: &Progress);
    /// Segments were lost or marked: the new slow start threshold.
    fn reduce(&mut self, window: &Window) -> u32;
    /// Everything that was sent is thought lost: the past says nothing of the path.
    fn forget(&mut self);
    /// Nothing was sent for `pause`.
    fn resume(&mut self, now: Instant, pause: Duration);
}

/// The policies there are.
#[derive(Clone, Debug)]
enum Chosen {
    NewReno(NewReno),
    /// What it remembers, once there is something; and whether it leaves slow start early.
    Cubic(Option<Box<Cubic>>, bool),
}

impl Chosen {
    fn policy(&mut self) -> &mut dyn Policy {
        match self {
            Self::NewReno(policy) => policy,
            Self::Cubic(policy, hystart) => {
                &mut **policy.get_or_insert_with(|| Box::new(Cubic::new(*hystart)))
            }
        }
    }

    /// The same, if it remembers anything.
    fn with_memory(&mut self) -> Option<&mut dyn Policy> {
        match self {
            Self::Cubic(None, _) => None,
            other => Some(other.policy()),
        }
    }
}

/// The congestion window of a connection, whether it is used, and the policy.
#[derive(Clone, Debug)]
pub(crate) struct Congestion {
    window: Window,
    chosen: Chosen,
    initial: u32,
    /// The most segments that were outstanding in this round, and when the round ends.
    used_max: u32,
    used_until: Seq,
    /// The window kept us from sending in this round.
    is_limited: bool,
    /// The most segments outstanding since the window was last full, and since when.
    used_unlimited: u32,
    full_at: Instant,
}

impl Congestion {
    pub(crate) fn new(config: &CongestionConfig) -> Self {
        let chosen = match config.algorithm {
            Algorithm::NewReno => Chosen::NewReno(NewReno),
            Algorithm::Cubic => Chosen::Cubic(None, config.hystart),
        };
        Self {
            window: Window {
                cwnd: config.initial_window,
                ssthresh: u32::MAX,
                counter: 0,
                max: config.window_max,
            },
            chosen,
            initial: config.initial_window,
            used_max: 0,
            used_until: Seq(0),
            is_limited: false,
            used_unlimited: 0,
            full_at: Instant::ORIGIN,
        }
    }

    /// The window, in segments.
    #[inline]
    pub(crate) const fn cwnd(&self) -> u32 {
        self.window.cwnd
    }

    /// The slow start threshold, in segments.
    pub(crate) const fn ssthresh(&self) -> u32 {
        self.window.ssthresh
    }

    pub(crate) const fn algorithm(&self) -> Algorithm {
        match self.chosen {
            Chosen::NewReno(_) => Algorithm::NewReno,
            Chosen::Cubic(..) => Algorithm::Cubic,
        }
    }

    pub(crate) const fn is_in_slow_start(&self) -> bool {
        self.window.is_in_slow_start()
    }

    /// Begins after the handshake; a lost SYN, or its answer, says that the path is poor
    /// (RFC 5681 §3.1, RFC 6928 §2).
    pub(crate) fn begin(&mut self, now: Instant, syn_was_lost: bool, una: Seq) {
        self.window.cwnd = if syn_was_lost { 1 } else { self.initial.max(1) };
        self.window.ssthresh = u32::MAX;
        self.full_at = now;
        self.used_until = una;
        self.used_max = 0;
        self.is_limited = false;
    }

    /// Lets the window grow, if it was in use (RFC 7661 §4.1, RFC 9438 §5.8).
    pub(crate) fn grow(&mut self, progress: &Progress) {
        if self.was_used() {
            self.chosen.policy().grow(&mut self.window, progress);
        }
    }

    /// Whether the window, and not the user, holds us back.
    fn was_used(&self) -> bool {
        // In slow start the window may be twice of what was out: it grows in bursts.
        self.is_limited
            || (self.window.is_in_slow_start()
                && self.window.cwnd < self.used_max.saturating_mul(2))
    }

    /// Segments were lost or marked: sets the threshold, not the window (RFC 5681 §3.1).
    pub(crate) fn reduce(&mut self) {
        self.window.counter = 0;
        self.window.ssthresh = self.chosen.policy().reduce(&self.window).max(2);
    }

    /// Everything outstanding is lost: what is in flight and one segment (RFC 5681 §3.1).
    pub(crate) fn collapse(&mut self, in_flight: u32) {
        if let Some(policy) = self.chosen.with_memory() {
            policy.forget();
        }
        self.window.counter = 0;
        self.window.cwnd = in_flight + 1;
    }

    pub(crate) fn set_cwnd(&mut self, cwnd: u32) {
        self.window.cwnd = cwnd.clamp(1, self.window.max);
    }

    pub(crate) fn set_ssthresh(&mut self, ssthresh: u32) {
        self.window.ssthresh = ssthresh;
    }

    /// The reduction was for nothing: what was before comes back.
    pub(crate) fn restore(&mut self, cwnd: u32, ssthresh: u32) {
        self.window.cwnd = self.window.cwnd.max(cwnd);
        self.window.ssthresh = self.window.ssthresh.max(ssthresh);
    }

    /// What the threshold would be if it were remembered for later: three quarters of the window
    /// at least (RFC 7661 §4.3).
    pub(crate) fn threshold_to_keep(&self) -> u32 {
        let cwnd = self.window.cwnd;
        self.window.ssthresh.max((cwnd / 2) + (cwnd / 4))
    }

    /// Something was sent, or could not be.
    pub(crate) fn note_use(
        &mut self,
        now: Instant,
        (una, nxt): (Seq, Seq),
        packets: u32,
        is_limited: bool,
    ) {
        let is_new_round = una.is_at_least(self.used_until);
        if is_new_round || is_limited || (!self.is_limited && packets > self.used_max) {
            self.is_limited = is_limited;
            self.used_max = packets;
            self.used_until = nxt;
        }
        if self.was_used() {
            self.used_unlimited = 0;
            self.full_at = now;
        } else {
            self.used_unlimited = self.used_unlimited.max(packets);
        }
    }

    /// A window that nobody fills proves nothing: after a timeout of this it falls half the way to
    /// what is used (RFC 5681 §4.1's spirit; RFC 7661).
    pub(crate) fn decay_unused(&mut self, now: Instant, rto: Duration) -> bool {
        if self.was_used() || now.since(self.full_at) < rto {
            return false;
        }
        self.full_at = now;
        let used = self.used_unlimited.max(self.initial);
        self.used_unlimited = 0;
        if used >= self.window.cwnd {
            return false;
        }
        self.window.ssthresh = self.threshold_to_keep();
        self.window.cwnd = u32::midpoint(self.window.cwnd, used);
        true
    }

    /// Something is sent, and nothing was outstanding for `pause`.
    pub(crate) fn resume(&mut self, now: Instant, pause: Duration) {
        if let Some(policy) = self.chosen.with_memory() {
            policy.resume(now, pause);
        }
    }

    /// RFC 5681 §4.1: what was learnt about the path ages in a pause; the window is halved for
    /// every timeout of it, down to the first window.
    pub(crate) fn restart(&mut self, now: Instant, pause: Duration, rto: Duration) -> bool {
        let before = self.window.cwnd;
        let floor = self.initial.min(before);
        self.window.ssthresh = self.threshold_to_keep();
        let mut left = pause;
        while let Some(rest) = left.checked_sub(rto).filter(|rest| !rest.is_zero())
            && self.window.cwnd > floor
        {
            left = rest;
            self.window.cwnd /= 2;
        }
        self.window.cwnd = self.window.cwnd.max(floor);
        self.full_at = now;
        self.used_unlimited = 0;
        self.window.cwnd != before
    }
}

impl Window {
    pub(crate) const fn is_in_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }

    /// RFC 5681 §3.1, with RFC 3465's counting: the window grows by what was acknowledged, up to
    /// the threshold; returns what is left over for congestion avoidance.
    fn slow_start(&mut self, acked: u32) -> u32 {
        let grown = self.cwnd.saturating_add(acked).min(self.ssthresh);
        let left = acked - (grown - self.cwnd).min(acked);
        self.cwnd = grown.min(self.max);
        left
    }

    /// One segment for every `per` acknowledged.
    fn grow_by_one_per(&mut self, per: u32, acked: u32) {
        let per = per.max(1);
        if self.counter >= per {
            self.counter = 0;
            self.cwnd += 1;
        }
        self.counter = self.counter.saturating_add(acked);
        if self.counter >= per {
            self.cwnd += self.counter / per;
            self.counter %= per;
        }
        self.cwnd = self.cwnd.min(self.max);
    }
}

#[cfg(test)]
mod tests;
