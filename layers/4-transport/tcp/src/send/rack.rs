use std::time::Duration;

use base::{Cx, Instant};

use super::Send;
use super::sent::{Marks, Sent};
use crate::Seq;
use crate::spare::Micros;
use crate::xray::{LossCause, Seen};

/// A reordering window that was widened stays so for this many recoveries (RFC 8985 §6.2 step 4).
const PERSISTS: u8 = 16;

/// Losses told by time: what was sent before something that has arrived is lost, after a while.
/// (RFC 8985)
#[derive(Clone, Debug, Default)]
pub(crate) struct Rack {
    /// When that was sent which was sent last and has arrived.
    at: Instant,
    /// Where it ended.
    end: Seq,
    /// Its round trip.
    rtt: Micros,
    /// Quarters of the shortest round trip that reordering may take.
    steps: u8,
    persists: u8,
    /// The peer had something twice: we retransmit too early.
    had_duplicate: bool,
    /// How much had been delivered when the window was last widened.
    widened_at: u32,
    /// Something arrived since losses were last looked for.
    has_advanced: bool,
}

/// What helps to tell an original from its retransmission.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) now: Instant,
    /// The shortest round trip of late.
    pub(super) shortest: Option<Duration>,
    /// How long ago that was sent which the peer echoes, and how exact that is.
    pub(super) echo_rtt: Option<Duration>,
    pub(super) tick: Duration,
}

impl Rack {
    /// Something has arrived (RFC 8985 §6.2 step 2).
    pub(super) fn advance(&mut self, arrival: &Arrival, sent: &Sent) {
        let rtt = arrival.now.since(sent.at);
        // A retransmission that is acknowledged sooner than any round trip ever took was not what
        // was acknowledged; nor was it, when the peer echoes an earlier time.
        let is_too_soon = arrival.shortest.is_some_and(|shortest| rtt < shortest);
        let is_earlier = arrival.echo_rtt.is_some_and(|echo| echo > rtt + arrival.tick);
        if sent.has(Marks::AMBIGUOUS) && (is_too_soon || is_earlier) {
            return;
        }
        self.has_advanced = true;
        self.rtt = rtt.into();
        if sent.is_sent_after(self.at, self.end) {
            self.at = sent.at;
            self.end = sent.end;
        }
    }

    /// The round trip of that which was sent last and has arrived.
    pub(super) fn rtt(&self) -> Duration {
        self.rtt.get()
    }

    /// The peer had something twice.
    pub(crate) fn note_duplicate(&mut self) {
        self.had_duplicate = true;
    }

    /// Widens the reordering window at most once a round trip (RFC 8985 §6.2 step 4).
    /// `delivered_before` is what had been delivered when that was sent which has arrived now.
    pub(crate) fn adapt(&mut self, delivered: u32, delivered_before: u32) {
        if (delivered_before.wrapping_sub(self.widened_at) as i32) < 0 {
            self.had_duplicate = false;
        }
        if self.had_duplicate {
            self.steps = self.steps.saturating_add(1);
            self.had_duplicate = false;
            self.widened_at = delivered;
            self.persists = PERSISTS;
        } else if self.persists == 0 {
            self.steps = 1;
        }
    }

    /// A recovery ended without a duplicate.
    pub(crate) fn recovered(&mut self) {
        self.persists = self.persists.saturating_sub(1);
    }

    /// A retransmission was for nothing: losses are to be looked at again.
    pub(crate) fn undone(&mut self) {
        self.has_advanced = true;
    }

    pub(crate) fn keep_widened(&mut self) {
        self.persists = self.persists.saturating_add(1).min(PERSISTS);
    }
}

impl Send {
    /// How long what was sent earlier may arrive later (RFC 8985 §6.2 step 4).
    pub(super) fn reordering_window(&self) -> Duration {
        if !self.recovery.has_seen_reordering {
            // RFC 8985 §6.2 step 4: without reordering, recovery begins or three duplicates tell
            // at once.
            if self.recovery.is_recovering() || self.sent.sacked() >= self.recovery.reordering {
                return Duration::ZERO;
            }
        }
        let shortest = self.rtt.shortest().unwrap_or_default();
        let window = shortest / 4 * u32::from(self.rack.steps.max(1));
        window.min(self.rtt.smoothed())
    }

    /// Marks what is lost by now; says how long to wait for the rest of what may be (RFC 8985 §6.2
    /// step 5).
    pub(super) fn detect_losses(&mut self, cx: &mut Cx<'_>) -> Option<Duration> {
        let window = self.reordering_window();
        let now = cx.now();
        let mut wait: Option<Duration> = None;
        let mut index = 0;
        while let Some(sent) = self.sent.get(index).copied() {
            let (is_after, n) = (sent.is_sent_after(self.rack.at, self.rack.end), index);
            index += 1;
            if is_after && !sent.has(Marks::AMBIGUOUS) {
                // What follows was sent later still, for the first time or again.
                break;
            }
            let is_given_up = sent.has(Marks::LOST) && !sent.has(Marks::RETRANSMITTED);
            if is_after || is_given_up || sent.has(Marks::SACKED) {
                continue;
            }
            let limit = self.rack.rtt.get() + window;
            let elapsed = now.since(sent.at);
            match limit.checked_sub(elapsed).filter(|left| !left.is_zero()) {
                Some(left) => wait = Some(wait.map_or(left, |wait| wait.max(left))),
                None => self.mark_lost(cx, n, LossCause::Rack),
            }
        }
        wait
    }

    /// The same, if something arrived since.
    pub(super) fn detect_losses_after_progress(&mut self, cx: &mut Cx<'_>) {
        if !std::mem::take(&mut self.rack.has_advanced) {
            return;
        }
        if let Some(wait) = self.detect_losses(cx) {
            // RFC 8985 §6.3: a little more than exact, against clocks that are a tick early.
            let at = cx.now().after(wait + super::TIMER_MIN);
            self.timer = (at, super::RetransmitTimer::Reordering);
            self.recovery.waits_for_reordering = true;
        }
    }

    /// Marks an entry as lost, or as lost once more.
    pub(super) fn mark_lost(&mut self, cx: &mut Cx<'_>, index: usize, cause: LossCause) {
        let Some(sent) = self.sent.get(index).copied() else { return };
        if sent.has(Marks::SACKED) || (sent.has(Marks::LOST) && !sent.has(Marks::RETRANSMITTED)) {
            return;
        }
        cx.note(|| Seen::Lost { seq: sent.start, len: sent.end - sent.start, cause });
        self.recovery.lost_now += sent.segments();
        if sent.has(Marks::LOST) {
            self.recovery.lost_retransmission = true;
        }
        self.sent.update(index, |sent| {
            sent.marks = sent.marks.with(Marks::LOST).without(Marks::RETRANSMITTED);
        });
    }
}
