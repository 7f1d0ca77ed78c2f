use base::Cx;

use super::Send;
use super::ack::{Ack, Facts};
use super::rack::Arrival;
use super::sent::Marks;
use crate::Seq;
use crate::xray::{Seen, Why};

impl Send {
    /// How far the peer has got, selectively or not.
    pub(super) fn highest_arrived(&self) -> Seq {
        if self.sent.sacked() == 0 {
            return self.una;
        }
        let highest = self.sent.iter().rev().find(|sent| sent.has(Marks::SACKED));
        highest.map_or(self.una, |sent| sent.end)
    }

    /// Takes selective acknowledgements (RFC 2018 §5, RFC 6675 §4).
    pub(super) fn take_sack(&mut self, cx: &mut Cx<'_>, ack: &Ack<'_>, facts: &mut Facts) {
        let blocks = ack.sack.as_slice();
        let mut rest = blocks;
        if let Some((&first, others)) = blocks.split_first()
            && self.is_dsack(ack.ack, first, others.first().copied())
        {
            self.take_dsack(cx, first, facts);
            rest = others;
        }
        for &(start, end) in rest {
            if self.is_believable(start, end) {
                self.mark_sacked(cx, ack, (start.max(self.una), end), facts);
            } else if !end.is_at_most(self.una) {
                cx.note(|| Seen::Ignored { why: Why::SackOutOfPlace });
            }
        }
    }

    /// RFC 2883 §4: the first block reports a duplicate when it lies below the acknowledgement, or
    /// inside of the second.
    fn is_dsack(&self, ack: Seq, (start, end): (Seq, Seq), next: Option<(Seq, Seq)>) -> bool {
        start.is_before(ack)
            || next.is_some_and(|(outer_start, outer_end)| {
                start.is_at_least(outer_start) && end.is_at_most(outer_end)
            })
    }

    /// Whether a block lies in what is outstanding.
    fn is_believable(&self, start: Seq, end: Seq) -> bool {
        start.is_before(end)
            && end.is_at_most(self.nxt)
            && end.is_after(self.una)
            && start.is_at_least(self.una)
    }

    /// The peer had something twice.
    fn take_dsack(&mut self, cx: &mut Cx<'_>, (start, end): (Seq, Seq), facts: &mut Facts) {
        // What lies far below was forgotten long ago; it says nothing of what is outstanding.
        let is_old = start.is_before(self.una - self.wnd_max.max(1 << 16));
        if !start.is_before(end) || end.is_after(self.nxt) || is_old {
            cx.note(|| Seen::Ignored { why: Why::SackOutOfPlace });
            return;
        }
        let segments = (end - start).div_ceil(self.mss()).max(1);
        self.totals.duplicates = self.totals.duplicates.saturating_add(segments);
        cx.note(|| Seen::DuplicateReported { start, end });
        // Networks duplicate too: no more is believed than was retransmitted.
        if self.totals.duplicates > self.totals.retransmitted {
            return;
        }
        facts.has_dsack = true;
        // A retransmission that was for nothing has left the network too.
        facts.delivered += segments;
        let is_of_probe = self.recovery.probe.is_some_and(|(high, again)| again && end == high);
        facts.dsack_of_probe |= is_of_probe && segments == 1;
        // RFC 8985 §6.2 step 4: the reordering window was too small.
        if self.recovery.has_seen_reordering && !is_of_probe {
            self.rack.note_duplicate();
        }
        if let (Some(from), Some(left)) = (self.recovery.undo_from, &mut self.recovery.undo_left)
            && end.is_after(from)
        {
            *left = left.saturating_sub(segments);
        }
    }

    /// Marks what a block covers.
    fn mark_sacked(
        &mut self,
        cx: &mut Cx<'_>,
        ack: &Ack<'_>,
        (start, end): (Seq, Seq),
        facts: &mut Facts,
    ) {
        let arrival = self.arrival(cx, ack);
        let mut index = self.sent.find(start);
        while let Some(sent) = self.sent.get(index).copied() {
            if !sent.start.is_before(end) {
                break;
            }
            if sent.has(Marks::SACKED) {
                index += 1;
                continue;
            }
            // Only whole segments: a peer that acknowledges single bytes makes no more entries
            // than there are segments.
            let mss = u32::from(sent.mss.max(1));
            let first = sent.start + start.beyond(sent.start).div_ceil(mss) * mss;
            if first.is_at_least(sent.end) {
                index += 1;
                continue;
            }
            if first != sent.start {
                self.sent.split(index, first);
                index += 1;
                continue;
            }
            if sent.end.is_after(end) {
                let last = sent.start + (end - sent.start) / mss * mss;
                if last == sent.start {
                    break;
                }
                self.sent.split(index, last);
                continue;
            }
            self.take_sacked(cx, &arrival, index, facts);
            index += 1;
        }
    }

    fn take_sacked(&mut self, cx: &mut Cx<'_>, arrival: &Arrival, index: usize, facts: &mut Facts) {
        let Some(sent) = self.sent.get(index).copied() else { return };
        if !sent.has(Marks::AMBIGUOUS) {
            // In a hole below what the peer had already: it was reordered, not lost.
            if sent.start.is_before(facts.prior_highest) {
                facts.note_late(sent.start);
            }
            facts.original_arrived |= sent.end.is_at_most(self.recovery.high);
            facts.first_sacked.get_or_insert(sent.at);
            facts.last_sacked = Some(sent.at);
        }
        facts.note_arrived(&sent);
        facts.has_sacked = true;
        facts.delivered += sent.segments();
        self.rack.advance(arrival, &sent);
        self.sent.update(index, |sent| {
            sent.marks =
                sent.marks.with(Marks::SACKED).without(Marks::LOST).without(Marks::RETRANSMITTED);
        });
        cx.note(|| Seen::SackedByPeer { seq: sent.start, len: sent.end - sent.start });
    }
}
