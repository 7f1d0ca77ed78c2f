//! Segments of other sizes: larger ones are tried, too large ones are sent again. (RFC 4821, RFC 1191)

use base::Cx;

use super::output::{Next, Room, What};
use super::{Phase, Send};
use crate::Seq;
use crate::config::Config;
use crate::pmtu::Probe;
use crate::xray::{CwndCause, LossCause};

/// A smaller window is not bothered with probes: one that is lost is to be told by what follows it, and
/// takes the place of two segments (RFC 4821 §7.4).
const WINDOW_MIN: u32 = 11;

/// What is to be done about a probe.
pub(super) enum SizeProbe {
    /// None leaves now.
    None,
    /// There will be room for one in a moment, and nothing else leaves until then.
    Waits,
    Leaves(Next),
}

impl Send {
    /// RFC 4821 §7.4, §7.5: the next size is tried, if there is one to try, enough to send behind it
    /// that tells whether it arrives, and nothing else amiss.
    pub(super) fn next_size_probe(
        &mut self,
        cx: &mut Cx<'_>,
        config: &Config,
        room: Room,
    ) -> SizeProbe {
        let cwnd = self.congestion.cwnd();
        // What else a header carries would make it larger still.
        if self.recovery.phase != Phase::Open || cwnd < WINDOW_MIN || room.sack_len > 0 {
            return SizeProbe::None;
        }
        let Some(size) = self.pmtu.next_size(cx.now(), config) else { return SizeProbe::None };
        let len = u32::from(size - self.options_len().min(size));
        let needed = len + (self.recovery.reordering + 1) * self.mss();
        let is_whole = self.record_len(self.nxt, len).is_none();
        if self.unsent_len() < needed || self.wnd < needed || !is_whole {
            return SizeProbe::None;
        }
        let in_flight = self.in_flight();
        if self.window_end().is_before(self.nxt + needed) || in_flight + 2 > cwnd {
            return if in_flight == 0 { SizeProbe::None } else { SizeProbe::Waits };
        }
        SizeProbe::Leaves(self.send_size_probe(cx, config, size, len))
    }

    fn send_size_probe(&mut self, cx: &mut Cx<'_>, config: &Config, size: u16, len: u32) -> Next {
        let start = self.nxt;
        self.pmtu.note_probe(cx, Probe { size, start, end: start + len });
        // It counts as one, and is as much as nearly two.
        self.congestion.set_cwnd(self.congestion.cwnd() - 1);
        self.drop_burst();
        self.note_sent(cx, config, len, false, false, len);
        let (what, mss) = (What::Data, len as u16);
        let (has_fin, has_push, is_retransmission) = (false, false, false);
        Next { what, start, len, has_fin, has_push, is_retransmission, mss }
    }

    /// Something was acknowledged, up to `una`: the probe, if one is out? The window stays as large as
    /// it is, in bytes (RFC 4821 §7.6.1).
    #[inline]
    pub(super) fn take_size_probe(&mut self, cx: &mut Cx<'_>, una: Seq) {
        let Some(probe) = self.pmtu.probe().filter(|probe| probe.end.is_at_most(una)) else {
            return;
        };
        let before = u64::from(self.pmtu.mss());
        self.pmtu.note_probe_arrived(cx);
        let cwnd = u64::from(self.congestion.cwnd()) * before / u64::from(probe.size.max(1));
        self.congestion.set_cwnd(u32::try_from(cwnd).unwrap_or(u32::MAX));
        let threshold = self.threshold_now();
        self.congestion.set_ssthresh(threshold);
        // What there was to come back to was counted in segments of another size.
        self.recovery.undo_from = None;
        self.note_window(cx, CwndCause::SegmentSize);
    }

    /// Something is lost. Is it the probe, and all before it has arrived, then it was too large, and that
    /// is no congestion (RFC 4821 §7.6.2). Returns whether it was.
    pub(super) fn is_size_probe_lost(&mut self, cx: &mut Cx<'_>) -> bool {
        let Some(probe) = self.pmtu.probe() else { return false };
        if self.recovery.phase >= Phase::Cwr || probe.start != self.una {
            return false;
        }
        self.pmtu.note_probe_lost(cx);
        self.congestion.set_cwnd(self.congestion.cwnd() + 1);
        self.note_window(cx, CwndCause::SegmentSize);
        self.mark_too_large(cx);
        self.retransmit_without_congestion(cx);
        true
    }

    /// A router said what the path takes: what is outstanding and larger is sent again.
    pub(crate) fn note_too_large(&mut self, cx: &mut Cx<'_>) {
        if self.pmtu.is_probe_too_large() {
            self.pmtu.forget_probe();
            self.congestion.set_cwnd(self.congestion.cwnd() + 1);
        }
        let before = self.sent.lost();
        self.mark_too_large(cx);
        if self.sent.lost() != before && self.recovery.phase != Phase::Loss {
            self.retransmit_without_congestion(cx);
        }
    }

    fn mark_too_large(&mut self, cx: &mut Cx<'_>) {
        let mss = self.mss();
        for index in 0..self.sent.len() {
            let is_larger =
                |sent: &super::sent::Sent| u32::from(sent.mss) > mss && sent.payload_len() > mss;
            if self.sent.get(index).is_some_and(is_larger) {
                self.mark_lost(cx, index, LossCause::TooLarge);
            }
        }
    }

    /// What is lost goes again, and the window stays (RFC 1191 §6.5).
    fn retransmit_without_congestion(&mut self, cx: &mut Cx<'_>) {
        self.recovery.high = self.nxt;
        let threshold = self.threshold_now();
        self.congestion.set_ssthresh(threshold);
        self.recovery.prior_ssthresh = None;
        self.recovery.undo_from = None;
        self.recovery.frto = false;
        self.recovery.set_phase(cx, Phase::Loss);
    }
}
