use base::Cx;

use super::{Marks, Send};
use crate::Seq;
use crate::xray::{CwndCause, Seen};

/// The phases of loss recovery.
///
/// In `Disorder` something arrived out of order, and nothing is done yet; in the three behind it
/// the window was reduced, and stays so until everything that was outstanding then is acknowledged.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Phase {
    /// All is well.
    #[default]
    Open,
    /// Something is out of order.
    Disorder,
    /// A router marked a packet (RFC 3168 §6.1.2), or a probe found a loss.
    Cwr,
    /// Something was lost and is retransmitted (RFC 6675, RFC 6582).
    Recovery,
    /// A timeout passed (RFC 5681 §3.1).
    Loss,
}

/// What is known of losses, and of what was done about them.
#[derive(Clone, Debug)]
pub(crate) struct Recovery {
    pub(crate) phase: Phase,
    /// The phase ends when this is acknowledged (RecoveryPoint in RFC 6675 §5).
    pub(crate) high: Seq,
    /// How many segments may arrive late before something is lost.
    pub(crate) reordering: u32,
    pub(crate) has_seen_reordering: bool,
    /// Without SACK: duplicate acknowledgements, each of which says that a segment arrived
    /// (RFC 6582 §3.2).
    pub(crate) duplicates: u32,
    /// The window before the reduction, and the threshold to come back to; none, when the
    /// reduction must not be undone.
    pub(crate) prior_cwnd: u32,
    pub(crate) prior_ssthresh: Option<u32>,
    /// Proportional rate reduction (RFC 9937 §6): delivered and sent since it began.
    pub(crate) prr_delivered: u32,
    pub(crate) prr_out: u32,
    /// Where recovery began, as long as it may prove needless.
    pub(crate) undo_from: Option<Seq>,
    /// Retransmissions that the peer has not reported as duplicates; none, before there were any.
    pub(crate) undo_left: Option<u32>,
    /// What our clock of timestamps showed when the first retransmission left: an echo of an earlier
    /// time proves that the original arrived (RFC 3522 §3.2).
    pub(crate) first_retransmission: Option<u32>,
    /// The timeout may have been spurious (RFC 5682).
    pub(crate) frto: bool,
    /// New data goes before retransmissions, until the next acknowledgement (RFC 5682 §2.1 step 2).
    pub(crate) new_data_first: bool,
    /// The tail loss probe that is out: `snd.nxt` behind it, and whether it was a retransmission.
    pub(crate) probe: Option<(Seq, bool)>,
    /// Segments marked as lost since the acknowledgement came.
    pub(crate) lost_now: u32,
    /// Losses were looked for, and the timer runs for what may be lost in a moment.
    pub(crate) waits_for_reordering: bool,
    /// Without SACK, a partial acknowledgement showed a hole: it is filled at once.
    pub(crate) owes_next_hole: bool,
    /// Among them is one that was lost again.
    pub(crate) lost_retransmission: bool,
    /// The peer had acknowledged selectively what it no longer has.
    pub(crate) reneged: bool,
}

impl Recovery {
    pub(crate) fn new(dup_threshold: u8) -> Self {
        Self {
            phase: Phase::Open,
            high: Seq(0),
            reordering: u32::from(dup_threshold),
            has_seen_reordering: false,
            duplicates: 0,
            prior_cwnd: 0,
            prior_ssthresh: None,
            prr_delivered: 0,
            prr_out: 0,
            undo_from: None,
            undo_left: None,
            first_retransmission: None,
            frto: false,
            new_data_first: false,
            probe: None,
            lost_now: 0,
            waits_for_reordering: false,
            owes_next_hole: false,
            lost_retransmission: false,
            reneged: false,
        }
    }

    /// After the handshake, which has no recovery of its own.
    pub(crate) fn begin(&mut self) {
        self.phase = Phase::Open;
        self.duplicates = 0;
        self.undo_from = None;
        self.first_retransmission = None;
        self.frto = false;
    }

    /// Whether what was lost is being retransmitted.
    pub(crate) fn is_recovering(&self) -> bool {
        self.phase >= Phase::Recovery
    }

    /// Whether the window is brought down to the threshold, proportionally.
    pub(crate) fn is_reducing(&self) -> bool {
        matches!(self.phase, Phase::Cwr | Phase::Recovery)
    }

    pub(crate) fn set_phase(&mut self, cx: &mut Cx<'_>, to: Phase) {
        let from = std::mem::replace(&mut self.phase, to);
        if from != to {
            cx.note(|| Seen::RecoveryPhase { from, to });
        }
    }

    /// Whether retransmissions were for nothing: the peer had them all twice.
    fn all_were_duplicates(&self) -> bool {
        self.undo_left == Some(0)
    }
}

impl Send {
    /// Begins to reduce the window (RFC 9937 §6, RFC 5681 §3.2 step 2).
    pub(super) fn begin_reduction(&mut self, cx: &mut Cx<'_>, cause: CwndCause) {
        self.recovery.high = self.nxt;
        self.recovery.probe = None;
        self.recovery.prior_cwnd = self.congestion.cwnd();
        self.recovery.prr_delivered = 0;
        self.recovery.prr_out = 0;
        self.congestion.reduce();
        self.ecn.owes_cwr = self.ecn.is_on;
        self.note_window(cx, cause);
    }

    /// How much may be sent in reply to what was delivered (RFC 9937 §6).
    pub(super) fn reduce_proportionally(
        &mut self,
        cx: &mut Cx<'_>,
        delivered: u32,
        una_advanced: bool,
    ) {
        let recovery = &mut self.recovery;
        if delivered == 0 || recovery.prior_cwnd == 0 {
            return;
        }
        recovery.prr_delivered += delivered;
        let (ssthresh, delivered_all, out) =
            (self.congestion.ssthresh(), recovery.prr_delivered, recovery.prr_out);
        let no_new_loss = recovery.lost_now == 0;
        let prior = u64::from(recovery.prior_cwnd);
        let in_flight = self.in_flight();
        let allowed = if in_flight > ssthresh {
            // In proportion: the threshold is reached when everything is delivered.
            let target = (u64::from(delivered_all) * u64::from(ssthresh)).div_ceil(prior);
            u32::try_from(target).unwrap_or(u32::MAX).saturating_sub(out)
        } else {
            // Below the threshold: as much as arrives, and in slow start's pace when it goes well.
            let arrived = delivered_all.saturating_sub(out).max(delivered);
            let more = u32::from(una_advanced && no_new_loss);
            (arrived + more).min(ssthresh - in_flight)
        };
        // RFC 9937 §6.1: the first retransmission leaves at once.
        // RFC 6582 §3.2 step 3: and so does the one that a partial acknowledgement asks for.
        let must_send = out == 0 || std::mem::take(&mut self.recovery.owes_next_hole);
        let allowed = allowed.max(u32::from(must_send));
        self.congestion.set_cwnd(in_flight + allowed);
        cx.note(|| Seen::RateReduced { in_flight, allowed });
    }

    /// The reduction is over: the window is the threshold (RFC 9937 §6).
    pub(super) fn end_reduction(&mut self, cx: &mut Cx<'_>) {
        let ssthresh = self.congestion.ssthresh();
        let is_whole = self.recovery.phase == Phase::Cwr || self.recovery.undo_from.is_some();
        if ssthresh != u32::MAX && is_whole {
            self.congestion.set_cwnd(ssthresh);
            self.note_window(cx, CwndCause::Recovered);
        }
    }

    /// Remembers what to come back to, if what begins now was for nothing.
    pub(super) fn remember_for_undo(&mut self) {
        let probe = u32::from(self.recovery.probe.is_some_and(|(_, again)| again));
        let out = self.sent.retransmitted() + probe;
        self.recovery.undo_from = Some(self.una);
        self.recovery.undo_left = (out > 0).then_some(out);
    }

    /// What was lost is to be retransmitted (RFC 6675 §5 step 4, RFC 5681 §3.2).
    pub(super) fn enter_recovery(&mut self, cx: &mut Cx<'_>, has_ece: bool) {
        self.recovery.prior_ssthresh = None;
        self.remember_for_undo();
        if !self.recovery.is_reducing() {
            if !has_ece {
                self.recovery.prior_ssthresh = Some(self.threshold_now());
            }
            self.begin_reduction(cx, CwndCause::Loss);
        }
        self.recovery.set_phase(cx, Phase::Recovery);
    }

    /// A router marked a packet (RFC 3168 §6.1.2), once a window.
    pub(super) fn enter_cwr(&mut self, cx: &mut Cx<'_>, cause: CwndCause) {
        self.recovery.prior_ssthresh = None;
        if self.recovery.phase < Phase::Cwr {
            self.recovery.undo_from = None;
            self.begin_reduction(cx, cause);
            self.recovery.set_phase(cx, Phase::Cwr);
        }
    }

    pub(super) fn threshold_now(&self) -> u32 {
        if self.recovery.is_reducing() {
            self.congestion.ssthresh()
        } else {
            self.congestion.threshold_to_keep()
        }
    }

    /// Whether the reduction can be taken back now: every retransmission was reported twice, or
    /// the acknowledgement echoes a time before the first (RFC 4015 §3, RFC 3522 §3.2).
    pub(super) fn may_undo(&self, echo: Option<u32>) -> bool {
        self.recovery.undo_from.is_some()
            && (self.recovery.all_were_duplicates() || self.is_echo_of_original(echo))
    }

    /// Whether the peer echoes a time before anything was retransmitted.
    pub(crate) fn is_echo_of_original(&self, echo: Option<u32>) -> bool {
        let (Some(first), Some(echo)) = (self.recovery.first_retransmission, echo) else {
            return false;
        };
        (echo.wrapping_sub(first) as i32) < 0
    }

    /// Takes the reduction back (RFC 4015 §3.2).
    pub(super) fn undo(&mut self, cx: &mut Cx<'_>, unmark: bool, cause: CwndCause) {
        if unmark {
            self.sent.update_all(|_, sent| sent.marks = sent.marks.without(Marks::LOST));
        }
        if let Some(ssthresh) = self.recovery.prior_ssthresh.take() {
            self.congestion.restore(self.recovery.prior_cwnd, ssthresh);
            self.ecn.owes_cwr = false;
            self.note_window(cx, cause);
        }
        self.recovery.undo_from = None;
        self.rack.undone();
    }

    /// What is outstanding is not retransmitted: nothing is lost, or it is not known.
    pub(super) fn open_or_disorder(&mut self, cx: &mut Cx<'_>) {
        let is_disordered = self.sent.sacked() + self.sent.lost() + self.recovery.duplicates > 0
            || self.has_retransmitted();
        let phase = if is_disordered { Phase::Disorder } else { Phase::Open };
        if phase != self.recovery.phase {
            self.recovery.set_phase(cx, phase);
            self.recovery.high = self.nxt;
        }
    }

    /// Whether something that is outstanding was retransmitted.
    pub(super) fn has_retransmitted(&self) -> bool {
        self.sent.retransmitted() > 0
            || self.sent.front().is_some_and(|first| first.has(Marks::AMBIGUOUS))
    }

    /// In which way the window grew.
    pub(super) fn growth_cause(&self) -> CwndCause {
        if self.congestion.is_in_slow_start() { CwndCause::SlowStart } else { CwndCause::Avoidance }
    }

    pub(super) fn note_window(&self, cx: &mut Cx<'_>, cause: CwndCause) {
        let (cwnd, ssthresh) = (self.congestion.cwnd(), self.congestion.ssthresh());
        cx.note(|| Seen::CongestionWindow { cwnd, ssthresh, cause });
    }
}
