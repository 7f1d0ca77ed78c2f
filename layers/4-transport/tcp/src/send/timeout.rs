//! The timers of the sender. (RFC 6298 §5, RFC 8985 §6.3 and §7, RFC 9293 §3.8.6.1)

use std::time::Duration;

use base::{Cx, Instant};

use super::sent::Marks;
use super::{Phase, RetransmitTimer, Send, TIMER_MIN};
use crate::config::Config;
use crate::xray::{CwndCause, LossCause, Seen};

impl Send {
    /// Something was acknowledged, or sent: the timer begins anew, with a probe first where the end
    /// of a flight may have been lost.
    pub(super) fn set_retransmit_timer(&mut self, cx: &mut Cx<'_>, config: &Config) {
        if self.sent.is_empty() {
            if self.timer.1 != RetransmitTimer::Persist {
                self.timer.0 = Instant::NEVER;
            }
            return;
        }
        if !self.schedule_probe(cx.now(), config, true) {
            self.set_timeout(cx.now(), config);
        }
    }

    /// RFC 6298 §5.1, §5.3.
    pub(super) fn set_timeout(&mut self, now: Instant, config: &Config) {
        if self.sent.is_empty() {
            self.timer.0 = Instant::NEVER;
            return;
        }
        let timeout = self.rtt.timeout(&config.retransmit);
        let is_other = self.timer.0 != Instant::NEVER
            && matches!(self.timer.1, RetransmitTimer::Probe | RetransmitTimer::Reordering);
        // A probe or a wait for reordering must not put the timeout off.
        let at = match self.sent.front() {
            Some(first) if is_other => first.at.after(timeout).max(now),
            _ => now.after(timeout),
        };
        self.timer = (at, RetransmitTimer::Timeout);
    }

    /// RFC 8985 §7.2: when to probe, if it is to be done before the timeout.
    /// An acknowledgement puts the timeout off (`advances`); sending does not.
    pub(super) fn schedule_probe(&mut self, now: Instant, config: &Config, advances: bool) -> bool {
        let is_calm = matches!(self.recovery.phase, Phase::Open | Phase::Cwr);
        let is_wanted = config.retransmit.tail_loss_probe
            && self.has_sack
            && is_calm
            && self.sent.sacked() == 0
            && self.nxt.is_after(self.iss + 1)
            && self.una != self.iss;
        let Some(last) = self.sent.back().filter(|_| is_wanted) else { return false };
        let wait = if self.rtt.is_known() {
            let delack = match self.sent.packets() {
                1 => config.retransmit.probe_delack_allowance,
                _ => TIMER_MIN,
            };
            self.rtt.smoothed() * 2 + delack
        } else {
            config.retransmit.rto_initial
        };
        // The probe never comes later than the timeout.
        let from = if advances { now } else { self.sent.front().unwrap_or(last).at };
        let timeout_at = from.after(self.rtt.timeout(&config.retransmit)).max(now);
        let at = now.after(wait);
        self.timer = (at.min(timeout_at), RetransmitTimer::Probe);
        true
    }

    /// RFC 9293 §3.8.6.1: something waits that the window does not take, and nothing is
    /// outstanding that would bring an acknowledgement.
    pub(super) fn set_persist_timer(&mut self, now: Instant, config: &Config) {
        let doubled = self.rtt.timeout(&config.retransmit);
        let wait = doubled.max(config.retransmit.persist_min).min(config.retransmit.rto_max);
        self.timer = (now.after(wait), RetransmitTimer::Persist);
    }

    /// The timer has gone off; the connection has decided not to give up.
    pub(crate) fn handle_timer(&mut self, cx: &mut Cx<'_>, config: &Config) {
        let kind = self.timer.1;
        self.timer.0 = Instant::NEVER;
        match kind {
            RetransmitTimer::Timeout => self.handle_timeout(cx, config),
            RetransmitTimer::Probe => self.handle_probe_timer(cx, config),
            RetransmitTimer::Reordering => self.handle_reordering_timer(cx, config),
            RetransmitTimer::Persist => self.handle_persist_timer(cx, config),
        }
    }

    /// RFC 6298 §5.4 to §5.6.
    fn handle_timeout(&mut self, cx: &mut Cx<'_>, config: &Config) {
        let Some(first) = self.sent.front().copied() else { return };
        self.recovery.probe = None;
        if self.timeouts == 0 {
            self.stalled_since = cx.now();
        }
        // The data that a server sent early may be as it should be: only its SYN went astray.
        let is_early = self.nagle.is_early && self.una == self.iss;
        if !is_early || self.timeouts > 0 {
            self.enter_loss(cx, config);
        }
        self.timeouts = self.timeouts.saturating_add(1);
        let is_syn = first.has(Marks::SYN);
        self.due.syn |= is_syn;
        // The first SYNs may come at equal distances: a server under load drops them cheaply.
        let is_linear =
            is_syn && !is_early && self.timeouts <= config.handshake.syn_linear_timeouts;
        if !is_linear {
            self.rtt.back_off();
        }
        self.timer =
            (cx.now().after(self.rtt.timeout(&config.retransmit)), RetransmitTimer::Timeout);
    }

    /// RFC 5681 §3.1: everything that is outstanding is thought lost, and the window is one
    /// segment.
    fn enter_loss(&mut self, cx: &mut Cx<'_>, config: &Config) {
        let is_new = self.recovery.phase < Phase::Recovery;
        self.drop_burst();
        self.mark_all_lost(cx, config);
        let was_settled = self.una.is_at_least(self.recovery.high);
        let begins_again = self.recovery.phase == Phase::Loss && self.timeouts == 0;
        if self.recovery.phase <= Phase::Disorder || was_settled || begins_again {
            self.recovery.prior_ssthresh = Some(self.threshold_now());
            self.recovery.prior_cwnd = self.congestion.cwnd();
            self.congestion.reduce();
            self.remember_for_undo();
        }
        let in_flight = self.in_flight();
        self.congestion.collapse(in_flight);
        self.note_window(cx, CwndCause::Timeout);
        if self.recovery.phase <= Phase::Disorder {
            let threshold = u32::from(config.retransmit.dup_threshold);
            if self.sent.sacked() >= threshold {
                // So many arrived, and still a timeout: less is reordered than was thought.
                self.recovery.reordering = self.recovery.reordering.min(threshold);
            }
        }
        self.recovery.set_phase(cx, Phase::Loss);
        self.recovery.high = self.nxt;
        self.ecn.owes_cwr = self.ecn.is_on;
        // RFC 5682 §2.1 step 1: unless an earlier recovery is not over, or this is no first
        // timeout of it.
        self.recovery.frto = config.retransmit.frto && (is_new || self.timeouts > 0);
        self.recovery.new_data_first = false;
    }

    fn mark_all_lost(&mut self, cx: &mut Cx<'_>, config: &Config) {
        let first_is_sacked = self.sent.front().is_some_and(|first| first.has(Marks::SACKED));
        if self.recovery.reneged || first_is_sacked {
            // RFC 2018 §8: after a timeout, what was acknowledged selectively is not believed.
            self.sent.update_all(|_, sent| sent.marks = sent.marks.without(Marks::SACKED));
            self.recovery.reneged = false;
        }
        self.recovery.duplicates = 0;
        let now = cx.now();
        let limit = self.rack.rtt();
        for index in 0..self.sent.len() {
            let Some(sent) = self.sent.get(index).copied() else { continue };
            // RFC 8985 §6.3: what was sent just now is not lost yet.
            if index > 0 && config.retransmit.rack && now.since(sent.at) < limit {
                continue;
            }
            self.mark_lost(cx, index, LossCause::Timeout);
        }
    }

    /// RFC 8985 §7.3.
    fn handle_probe_timer(&mut self, cx: &mut Cx<'_>, config: &Config) {
        if self.sent.is_empty() {
            return;
        }
        // Whether or not the probe can leave, the timeout runs behind it.
        self.timer = (cx.now(), RetransmitTimer::Probe);
        self.set_timeout(cx.now(), config);
        self.due.tail_probe = self.recovery.probe.is_none();
    }

    /// RFC 8985 §6.3.
    fn handle_reordering_timer(&mut self, cx: &mut Cx<'_>, config: &Config) {
        let before = self.in_flight();
        self.recovery.lost_now = 0;
        let wait = self.detect_losses(cx);
        let has_lost = self.in_flight() != before && self.recovery.phase != Phase::Recovery;
        if has_lost && !self.is_size_probe_lost(cx) {
            self.enter_recovery(cx, false);
            self.reduce_proportionally(cx, 1, false);
        }
        match wait {
            Some(wait) => {
                let at = cx.now().after(wait + TIMER_MIN);
                self.timer = (at, RetransmitTimer::Reordering);
            }
            None => {
                let now = cx.now();
                let timeout = self.rtt.timeout(&config.retransmit);
                let from = self.sent.front().map_or(now, |first| first.at);
                self.timer = (from.after(timeout).max(now), RetransmitTimer::Timeout);
                if self.sent.is_empty() {
                    self.timer.0 = Instant::NEVER;
                }
            }
        }
    }

    fn handle_persist_timer(&mut self, cx: &mut Cx<'_>, config: &Config) {
        if !self.sent.is_empty() || !self.has_unsent() {
            self.probes = 0;
            return;
        }
        if self.probes == 0 {
            self.stalled_since = cx.now();
        }
        self.probes = self.probes.saturating_add(1);
        // What fits into the window goes, however small (the override timeout of RFC 9293
        // §3.8.6.2.1); into a closed one goes what makes the peer answer.
        if self.window_end().is_after(self.nxt) {
            self.due.small = true;
            self.probes = 0;
            self.rtt.forget_backoff();
        } else {
            self.due.window_probe = true;
            let probes = self.probes;
            cx.note(|| Seen::WindowProbed { probes });
            if self.rtt.backoff < config.retransmit.retries_max {
                self.rtt.back_off();
            }
            self.set_persist_timer(cx.now(), config);
        }
    }

    /// Whether the first segment that is outstanding is a large one.
    pub(crate) fn is_first_large(&self, large: u16) -> bool {
        self.sent.front().is_some_and(|first| first.payload_len() > u32::from(large))
    }

    /// When the timer goes off, if it runs.
    pub(crate) fn next_timer(&self) -> Option<(Instant, RetransmitTimer)> {
        Some(self.timer).filter(|(at, _)| *at != Instant::NEVER)
    }

    /// For how long the peer has not acknowledged what it should.
    pub(crate) fn stalled_for(&self, now: Instant) -> Duration {
        let is_stalled = self.timeouts > 0 || self.probes > 0;
        if is_stalled { now.since(self.stalled_since) } else { Duration::ZERO }
    }
}
