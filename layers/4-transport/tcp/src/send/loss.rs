//! What is lost, and what is done about it. (RFC 5681 §3.2, RFC 6582, RFC 6675, RFC 5682)

use base::Cx;

use super::ack::Facts;
use super::sent::Marks;
use super::{Phase, Send};
use crate::Seq;
use crate::config::Config;
use crate::xray::{CwndCause, LossCause};

impl Send {
    /// An acknowledgement says that something is amiss, or comes while something was.
    pub(super) fn alert(&mut self, cx: &mut Cx<'_>, config: &Config, facts: &mut Facts) {
        if facts.has_ece {
            // RFC 3168 §6.1.2: a mark is as good as a loss, so nothing is taken back.
            self.recovery.prior_ssthresh = None;
        }
        if self.has_peer_reneged(cx, facts) {
            facts.sets_timer = false;
            return;
        }
        if self.recovery.phase == Phase::Open {
            self.recovery.first_retransmission = None;
        } else if self.una.is_at_least(self.recovery.high) && self.leave_phase(cx, facts) {
            return;
        }
        match self.recovery.phase {
            Phase::Recovery => self.go_on_recovering(cx, config, facts),
            Phase::Loss => self.go_on_after_timeout(cx, config, facts),
            Phase::Open | Phase::Disorder | Phase::Cwr => self.look_for_losses(cx, config, facts),
        }
        // What may be lost in a moment is waited for before anything else.
        facts.sets_timer &= !self.recovery.waits_for_reordering;
    }

    /// Everything that was out when the phase began is acknowledged. Returns whether nothing else
    /// is to be done.
    fn leave_phase(&mut self, cx: &mut Cx<'_>, facts: &Facts) -> bool {
        match self.recovery.phase {
            // What says so must be above, or it might be an answer to what was before.
            Phase::Cwr if self.una != self.recovery.high => {
                self.end_reduction(cx);
                self.recovery.set_phase(cx, Phase::Open);
                false
            }
            Phase::Recovery => {
                if !self.has_sack {
                    self.recovery.duplicates = 0;
                }
                self.try_to_finish(cx, facts)
            }
            _ => false,
        }
    }

    /// Recovery, or what followed a timeout, is over. Returns whether it is held on to until
    /// something above is acknowledged.
    fn try_to_finish(&mut self, cx: &mut Cx<'_>, facts: &Facts) -> bool {
        if self.may_undo(facts.echo) {
            self.undo(cx, false, CwndCause::Undone);
        } else {
            self.rack.recovered();
        }
        if self.una == self.recovery.high && !self.has_sack {
            // RFC 6582 §3.2 step 1: duplicates of what was retransmitted must not begin another
            // recovery.
            if !self.has_retransmitted() {
                self.recovery.first_retransmission = None;
            }
            return true;
        }
        if self.recovery.phase == Phase::Recovery {
            self.end_reduction(cx);
        }
        // What to come back to is still remembered: duplicates may be reported a while later.
        self.recovery.set_phase(cx, Phase::Open);
        false
    }

    fn go_on_recovering(&mut self, cx: &mut Cx<'_>, config: &Config, facts: &Facts) {
        let mut is_partial = false;
        if facts.una_advanced {
            if self.try_to_undo_partially(cx, facts) {
                return;
            }
            // RFC 6582 §3.2 step 3: an acknowledgement of a part of it shows the next hole.
            is_partial = !self.has_sack && self.una.is_before(self.recovery.high);
            self.recovery.owes_next_hole = is_partial;
        } else {
            self.count_duplicate(facts);
        }
        if self.try_to_undo_by_dsack(cx) {
            self.open_or_disorder(cx);
        }
        self.find_losses(cx, config, facts, is_partial);
        if self.recovery.phase != Phase::Recovery && self.sent.lost() > 0 {
            // What was undone was reordering; this is a loss.
            self.enter_recovery(cx, facts.has_ece);
        }
    }

    /// RFC 5682 §2.1, §3.1: was the timeout needless?
    fn go_on_after_timeout(&mut self, cx: &mut Cx<'_>, config: &Config, facts: &Facts) {
        if self.is_after_timeout_settled(cx, facts) {
            return;
        }
        if self.recovery.phase == Phase::Loss {
            self.find_losses(cx, config, facts, false);
            if !self.recovery.lost_retransmission {
                return;
            }
        }
        self.look_for_losses(cx, config, facts);
    }

    /// Returns whether nothing else is to be done for this acknowledgement.
    fn is_after_timeout_settled(&mut self, cx: &mut Cx<'_>, facts: &Facts) -> bool {
        let is_recovered = self.una.is_at_least(self.recovery.high);
        if facts.una_advanced && self.may_undo(facts.echo) {
            self.undo_timeout(cx, CwndCause::Undone);
            return false;
        }
        if self.recovery.frto {
            // Step 3.b: something that was sent once has arrived, so not everything was lost.
            if facts.original_arrived {
                self.undo_timeout(cx, CwndCause::SpuriousTimeout);
                return false;
            }
            if self.nxt.is_after(self.recovery.high) {
                // Step 3.a: new data arrived, and still the hole is there.
                if facts.has_sacked || facts.is_duplicate {
                    self.recovery.frto = false;
                }
            } else if facts.una_advanced && !is_recovered {
                // Step 2.b: new data will tell, be it small.
                self.recovery.high = self.nxt;
                if self.has_unsent() && self.window_end().is_after(self.nxt) {
                    self.recovery.new_data_first = true;
                    self.nagle.pushed = Some(self.write_end());
                    return true;
                }
                self.recovery.frto = false;
            }
        }
        if is_recovered {
            return self.try_to_finish(cx, facts);
        }
        if !self.has_sack {
            if self.nxt.is_after(self.recovery.high) && facts.is_duplicate {
                self.count_duplicate(facts);
            } else if facts.una_advanced {
                self.recovery.duplicates = 0;
            }
        }
        false
    }

    fn undo_timeout(&mut self, cx: &mut Cx<'_>, cause: CwndCause) {
        self.undo(cx, true, cause);
        self.timeouts = 0;
        self.patient_until = base::Instant::NEVER;
        self.recovery.frto = false;
        if self.una != self.recovery.high || self.has_sack {
            self.recovery.set_phase(cx, Phase::Open);
        }
    }

    /// Nothing was lost yet: is it now?
    fn look_for_losses(&mut self, cx: &mut Cx<'_>, config: &Config, facts: &Facts) {
        if !self.has_sack {
            if facts.una_advanced {
                self.recovery.duplicates = 0;
            }
            self.count_duplicate(facts);
        }
        if self.recovery.phase <= Phase::Disorder {
            self.try_to_undo_by_dsack(cx);
        }
        self.find_losses(cx, config, facts, false);
        if self.sent.lost() == 0 {
            self.try_to_open(cx, facts);
            return;
        }
        if !self.is_size_probe_lost(cx) {
            self.enter_recovery(cx, facts.has_ece);
        }
    }

    fn try_to_open(&mut self, cx: &mut Cx<'_>, facts: &Facts) {
        if !self.has_retransmitted() {
            self.recovery.first_retransmission = None;
        }
        if facts.has_ece {
            self.enter_cwr(cx, CwndCause::Marked);
        }
        if self.recovery.phase != Phase::Cwr {
            self.open_or_disorder(cx);
        }
    }

    /// Without SACK, a duplicate acknowledgement is all that tells of a segment that arrived.
    fn count_duplicate(&mut self, facts: &Facts) {
        if self.has_sack || !facts.is_duplicate {
            return;
        }
        let before = self.recovery.duplicates;
        self.recovery.duplicates += 1;
        self.limit_duplicates(0);
        let counted = self.recovery.duplicates.saturating_sub(before);
        self.totals.delivered = self.totals.delivered.wrapping_add(counted);
    }

    /// More duplicates than there can be segments behind a hole mean that there is none: segments,
    /// or acknowledgements, were reordered. `acked` were acknowledged just now.
    pub(super) fn limit_duplicates(&mut self, acked: u32) {
        let packets = self.sent.packets();
        let holes = self.sent.lost().max(1).min(packets);
        let most = packets - holes;
        if self.recovery.duplicates > most {
            self.recovery.duplicates = most;
            self.recovery.reordering = (packets + acked).min(super::REORDERING_MAX);
            self.recovery.has_seen_reordering = true;
            self.totals.reorderings = self.totals.reorderings.saturating_add(1);
        }
    }

    /// Marks what is lost.
    fn find_losses(&mut self, cx: &mut Cx<'_>, config: &Config, facts: &Facts, is_partial: bool) {
        if !self.has_sack {
            let enough = self.recovery.duplicates >= self.recovery.reordering;
            let is_new = self.recovery.phase < Phase::Recovery;
            if (enough && is_new) || is_partial {
                self.cut_first();
                self.mark_lost(cx, 0, LossCause::DuplicateAcks);
            }
            return;
        }
        if config.retransmit.rack {
            return self.detect_losses_after_progress(cx);
        }
        if facts.has_sacked || facts.una_advanced {
            self.detect_by_count(cx);
        }
    }

    /// A super-segment is cut: one segment of it is lost, of the others nothing is known.
    fn cut_first(&mut self) {
        let Some(first) = self.sent.front() else { return };
        let mss = u32::from(first.mss.max(1));
        if first.payload_len() > mss {
            self.sent.split(0, first.start + mss);
        }
    }

    /// RFC 6675 §4, IsLost(): enough arrived above it.
    fn detect_by_count(&mut self, cx: &mut Cx<'_>) {
        let mut above = 0;
        for index in (0..self.sent.len()).rev() {
            let Some(sent) = self.sent.get(index).copied() else { continue };
            if sent.has(Marks::SACKED) {
                above += sent.segments();
            } else if above >= self.recovery.reordering && !sent.has(Marks::LOST) {
                self.mark_lost(cx, index, LossCause::Sack);
            }
        }
        // RFC 6675 §5 step 4: the first hole is retransmitted when recovery begins; (4.3) and on a
        // partial acknowledgement the next, by the same count.
    }

    /// What is acknowledged was not retransmitted in time: it was only late (RFC 4015 §3).
    fn try_to_undo_partially(&mut self, cx: &mut Cx<'_>, facts: &Facts) -> bool {
        if self.recovery.undo_from.is_none() || !self.is_echo_of_original(facts.echo) {
            return false;
        }
        if self.sent.retransmitted() > 0 {
            return true;
        }
        if !self.has_retransmitted() {
            self.recovery.first_retransmission = None;
        }
        self.undo(cx, true, CwndCause::Undone);
        self.open_or_disorder(cx);
        true
    }

    /// Every retransmission was reported twice (RFC 3708's use of RFC 2883).
    fn try_to_undo_by_dsack(&mut self, cx: &mut Cx<'_>) -> bool {
        if self.recovery.undo_from.is_none() || self.recovery.undo_left != Some(0) {
            return false;
        }
        self.rack.keep_widened();
        self.undo(cx, false, CwndCause::Undone);
        true
    }

    /// A tail loss probe is answered: was there a loss that it mended (RFC 8985 §7.4)?
    pub(super) fn take_probe_answer(&mut self, cx: &mut Cx<'_>, ack: Seq, facts: &Facts) {
        let Some((high, was_retransmission)) = self.recovery.probe else { return };
        if ack.is_before(high) {
            return;
        }
        let arrived_twice = facts.dsack_of_probe
            || !(facts.una_advanced || facts.carries_data || facts.took_window || facts.has_sacked);
        if !was_retransmission || arrived_twice {
            self.recovery.probe = None;
        } else if ack.is_after(high) {
            // The probe repaired what was lost, so the loss is to be answered for.
            if self.recovery.phase < Phase::Cwr {
                self.begin_reduction(cx, CwndCause::Probe);
                self.recovery.set_phase(cx, Phase::Cwr);
                self.end_reduction(cx);
                self.open_or_disorder(cx);
            }
            self.recovery.probe = None;
        }
    }

    /// The peer no longer has what it had acknowledged selectively (RFC 2018 §8): it acknowledges
    /// up to it, and not it.
    fn has_peer_reneged(&mut self, cx: &mut Cx<'_>, facts: &Facts) -> bool {
        let first_is_sacked = self.sent.front().is_some_and(|first| first.has(Marks::SACKED));
        if !facts.una_advanced || !first_is_sacked {
            return false;
        }
        // It may only have been reordered: half a round trip will tell.
        let wait = (self.rtt.smoothed() / 2).max(std::time::Duration::from_millis(10));
        self.recovery.reneged = true;
        self.timer = (cx.now().after(wait), super::RetransmitTimer::Timeout);
        true
    }

    /// A retransmission leaves, while the clock of timestamps shows `ts_now`.
    pub(super) fn note_retransmission(&mut self, ts_now: u32, segments: u32) {
        self.recovery.first_retransmission.get_or_insert(ts_now);
        let left = self.recovery.undo_left.unwrap_or_default();
        self.recovery.undo_left = Some(left + segments);
    }
}
