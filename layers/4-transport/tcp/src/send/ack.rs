use std::time::Duration;

use base::{Cx, Instant};

use super::rack::Arrival;
use super::sent::{Marks, Sent};
use super::{Phase, RetransmitTimer, Send};
use crate::Seq;
use crate::config::Config;
use crate::congestion::Progress;
use crate::wire::SackBlocks;
use crate::xray::Seen;

/// What a segment says to the sender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ack<'a> {
    /// SEG.SEQ.
    pub(crate) seq: Seq,
    /// SEG.ACK.
    pub(crate) ack: Seq,
    /// SEG.WND, scaled.
    pub(crate) window: u32,
    /// It carries data, SYN or FIN: then it is no duplicate.
    pub(crate) carries_data: bool,
    /// It is the peer's answer to our SYN; the first window is not a change of it.
    pub(crate) is_handshake: bool,
    /// It is that answer itself: we have connected.
    pub(crate) is_syn_ack: bool,
    /// A router marked a packet of ours (RFC 3168 §6.1.2).
    pub(crate) has_ece: bool,
    pub(crate) sack: &'a SackBlocks,
    /// TSecr, when timestamps were agreed on.
    pub(crate) echo: Option<u32>,
    /// The round trip that TSecr tells, and how exact that is.
    pub(crate) echo_rtt: Option<Duration>,
    pub(crate) tick: Duration,
}

/// What came of an acknowledgement.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Verdict {
    /// Something is acknowledged that was not.
    pub(crate) has_advanced: bool,
    /// How many bytes of the user these are.
    pub(crate) bytes: u32,
    /// The peer's window is another.
    pub(crate) window_changed: bool,
}

/// What one acknowledgement says, while it is looked at.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) una_advanced: bool,
    /// Nothing in it is new but that it came: a segment arrived out of order (RFC 5681 §2).
    pub(super) is_duplicate: bool,
    /// It acknowledges selectively what was not.
    pub(super) has_sacked: bool,
    pub(super) has_ece: bool,
    /// The peer had something twice (RFC 2883), and whether that was a tail loss probe.
    pub(super) has_dsack: bool,
    pub(super) dsack_of_probe: bool,
    /// Something that was never retransmitted has arrived, of what was out when recovery began.
    pub(super) original_arrived: bool,
    /// Cumulatively acknowledged: something that was retransmitted.
    pub(super) acked_retransmission: bool,
    /// The earliest number that arrived late, of what was never retransmitted.
    pub(super) late: Option<Seq>,
    /// Segments that left the network.
    pub(super) delivered: u32,
    /// Segments cumulatively acknowledged.
    pub(super) acked: u32,
    pub(super) acked_syn: bool,
    /// When the first and the last of these were sent, of what was never retransmitted.
    pub(super) first_acked: Option<Instant>,
    pub(super) last_acked: Option<Instant>,
    /// The same of what is selectively acknowledged.
    pub(super) first_sacked: Option<Instant>,
    pub(super) last_sacked: Option<Instant>,
    /// Of what has arrived, that which was sent last: when, where it ends, and how many segments
    /// had been delivered by then.
    pub(super) newest: Option<(Instant, Seq, u32)>,
    /// The timer is to be set anew.
    pub(super) sets_timer: bool,
    pub(super) carries_data: bool,
    /// The peer's window was taken from it, though it may be what it was.
    pub(super) took_window: bool,
    pub(super) echo: Option<u32>,
    /// How far the peer had got before, selectively or not.
    pub(super) prior_highest: Seq,
}

impl Facts {
    /// Something has arrived.
    pub(super) fn note_arrived(&mut self, sent: &Sent) {
        if self.newest.is_none_or(|(at, end, _)| sent.is_sent_after(at, end)) {
            self.newest = Some((sent.at, sent.end, sent.delivered));
        }
    }

    pub(super) fn note_late(&mut self, start: Seq) {
        self.late = Some(self.late.map_or(start, |late| late.min(start)));
    }
}

impl Send {
    /// Takes an acknowledgement that is neither too old nor of something never sent
    /// (RFC 9293 §3.10.7.4, fifth step).
    pub(crate) fn handle_ack(
        &mut self,
        cx: &mut Cx<'_>,
        config: &Config,
        ack: &Ack<'_>,
    ) -> Verdict {
        let before = self.wnd;
        let took_window = self.take_window(cx, ack);
        let window_changed = self.wnd != before;
        let una_advanced = ack.ack.is_after(self.una);
        let mut facts = Facts {
            una_advanced,
            has_ece: ack.has_ece && self.ecn.is_on,
            carries_data: ack.carries_data,
            took_window,
            echo: ack.echo,
            prior_highest: self.highest_arrived(),
            ..Facts::default()
        };
        self.probes = 0;
        self.recovery.new_data_first = false;
        self.recovery.lost_now = 0;
        self.recovery.lost_retransmission = false;
        self.recovery.waits_for_reordering = false;
        self.recovery.owes_next_hole = false;
        let (delivered_before, mut bytes) = (self.totals.delivered, 0);
        if self.has_sack && !ack.sack.is_empty() {
            self.take_sack(cx, ack, &mut facts);
        }
        if self.sent.is_empty() {
            debug_assert!(!una_advanced, "what is outstanding is in the scoreboard");
            self.handle_ack_of_nothing(cx, config, ack, &mut facts);
            return Verdict { has_advanced: false, bytes: 0, window_changed };
        }
        if una_advanced {
            bytes = self.advance_una(cx, ack, &mut facts);
        }
        // RFC 5681 §2: of what is acknowledged already, not of what was long ago.
        facts.is_duplicate =
            ack.ack == self.una && !(ack.carries_data || took_window || una_advanced);
        facts.is_duplicate &= !facts.has_dsack;
        self.measure(cx, config, ack, &mut facts);
        self.take_reordering(cx, &facts);
        self.totals.delivered = self.totals.delivered.wrapping_add(facts.delivered);
        if let Some((_, _, delivered)) = facts.newest {
            self.rack.adapt(self.totals.delivered, delivered);
        }
        if self.recovery.probe.is_some() {
            self.take_probe_answer(cx, ack.ack, &facts);
        }
        if self.is_dubious(&facts) {
            self.alert(cx, config, &mut facts);
        }
        // Without SACK, duplicates have told of more.
        facts.delivered = self.totals.delivered.wrapping_sub(delivered_before);
        if facts.has_ece {
            self.totals.delivered_ce = self.totals.delivered_ce.wrapping_add(facts.delivered);
        }
        if facts.sets_timer {
            self.set_retransmit_timer(cx, config);
        }
        self.control(cx, ack, &facts);
        Verdict { has_advanced: una_advanced, bytes, window_changed }
    }

    /// RFC 9293 §3.10.7.4: the window is taken from a segment that is newer than the one it was
    /// last taken from; from one that is as new, when it is larger or closed.
    fn take_window(&mut self, cx: &mut Cx<'_>, ack: &Ack<'_>) -> bool {
        let is_newer = ack.ack.is_after(self.una)
            || ack.seq.is_after(self.wl1)
            || (ack.seq == self.wl1 && (ack.window > self.wnd || ack.window == 0));
        if !is_newer || ack.ack.is_before(self.una) {
            return false;
        }
        self.wl1 = ack.seq;
        let before = std::mem::replace(&mut self.wnd, ack.window);
        self.wnd_max = self.wnd_max.max(ack.window);
        if before != ack.window && (before == 0 || ack.window == 0) {
            cx.note(|| Seen::SendWindow { window: ack.window });
        }
        !ack.is_handshake
    }

    /// Nothing is outstanding. The report of a duplicate often comes only now: the original was
    /// late, its acknowledgement covered everything, and then came the copy (RFC 2883 §4,
    /// RFC 3708).
    fn handle_ack_of_nothing(
        &mut self,
        cx: &mut Cx<'_>,
        config: &Config,
        ack: &Ack<'_>,
        facts: &mut Facts,
    ) {
        self.totals.delivered = self.totals.delivered.wrapping_add(facts.delivered);
        if facts.has_dsack {
            self.alert(cx, config, facts);
        }
        self.look_at_window(cx, config);
        if self.recovery.probe.is_some() {
            self.take_probe_answer(cx, ack.ack, facts);
        }
    }

    /// Nothing is outstanding: if the window is open enough now, the persist timer's work is done.
    fn look_at_window(&mut self, cx: &mut Cx<'_>, config: &Config) {
        if self.timer.1 != RetransmitTimer::Persist || self.timer.0 == Instant::NEVER {
            return;
        }
        if self.window_takes_next() {
            self.rtt.forget_backoff();
            self.timer.0 = Instant::NEVER;
        } else {
            self.set_persist_timer(cx.now(), config);
        }
    }

    /// Takes out what is acknowledged; returns how many bytes of the user that is.
    fn advance_una(&mut self, cx: &mut Cx<'_>, ack: &Ack<'_>, facts: &mut Facts) -> u32 {
        let to = ack.ack;
        let data_before = self.queue_start();
        let data_end = self.write_end();
        let (has_sack, high) = (self.has_sack, self.recovery.high);
        let arrival = self.arrival(cx, ack);
        let rack = &mut self.rack;
        self.sent.acknowledge(cx, to, |sent| {
            facts.take_acknowledged(sent, high);
            if !sent.has(Marks::SACKED) {
                facts.note_arrived(sent);
                if has_sack {
                    facts.delivered += sent.segments();
                }
                rack.advance(&arrival, sent);
            }
        });
        let numbers = to - self.una;
        // Who was connected to counts from behind its SYN.
        let is_own = !facts.acked_syn || ack.is_syn_ack;
        self.totals.bytes_acked += u64::from(if is_own { numbers } else { numbers - 1 });
        self.una = to;
        self.timeouts = 0;
        self.patient_until = Instant::NEVER;
        let bytes = self.una.max(self.iss + 1).min(data_end).beyond(data_before);
        self.queue.acknowledge(cx, bytes);
        if self.urgent.is_some_and(|end| end.is_at_most(to)) {
            self.urgent = None;
        }
        if self.nagle.small_end.is_some_and(|end| end.is_at_most(to)) {
            self.nagle.small_end = None;
        }
        if facts.acked > 0 {
            facts.sets_timer = true;
            self.take_size_probe(cx, to);
        }
        if !has_sack {
            self.take_duplicates_back(facts);
            // Without SACK it cannot be told which of what is acknowledged arrived first.
            facts.original_arrived &= !facts.acked_retransmission;
        }
        bytes
    }

    pub(super) fn arrival(&self, cx: &Cx<'_>, ack: &Ack<'_>) -> Arrival {
        let Ack { echo_rtt, tick, .. } = *ack;
        Arrival { now: cx.now(), shortest: self.rtt.shortest(), echo_rtt, tick }
    }

    /// Without SACK, an acknowledgement of new data covers segments that duplicates have counted
    /// (RFC 6582 §3.2 step 3).
    fn take_duplicates_back(&mut self, facts: &mut Facts) {
        let counted = self.recovery.duplicates;
        if facts.acked > 0 {
            // One of them was the hole; the others arrived before and were counted then.
            facts.delivered += facts.acked.saturating_sub(counted).max(1);
            self.recovery.duplicates = counted.saturating_sub(facts.acked - 1);
        }
        self.limit_duplicates(facts.acked);
    }

    /// RFC 6298 §3: Karn's rule, unless a timestamp tells which one is acknowledged.
    fn measure(&mut self, cx: &mut Cx<'_>, config: &Config, ack: &Ack<'_>, facts: &mut Facts) {
        let now = cx.now();
        let of_acked = facts.first_acked.filter(|_| !facts.acked_retransmission);
        let sample = of_acked
            .or(facts.first_sacked)
            .map(|at| now.since(at))
            .or_else(|| ack.echo_rtt.filter(|_| facts.acked > 0));
        let Some(sample) = sample else {
            if facts.acked_syn {
                self.rtt.fall_back(&config.retransmit);
            }
            return;
        };
        // The shortest is that of what was sent last: it waited for no other.
        let of_last = of_acked.and(facts.last_acked).or(facts.last_sacked);
        let shortest = of_last.map_or(sample, |at| now.since(at));
        self.rtt.measure(&config.retransmit, now, (sample, shortest), (self.una, self.nxt));
        let (rtt, smoothed) = (sample, self.rtt.smoothed());
        let timeout = self.rtt.timeout(&config.retransmit);
        cx.note(|| Seen::RoundTrip { rtt, smoothed, timeout });
        // A selective acknowledgement of what was sent after the first outstanding segment shows
        // that the path is alive; one of what was sent before must not put the timer off.
        if facts.acked == 0 && self.sent.front().is_some_and(|first| now.since(first.at) < sample) {
            facts.sets_timer = true;
        }
    }

    /// What arrived late, though it was sent only once, was reordered (RFC 8985 §6.2 step 3).
    fn take_reordering(&mut self, cx: &mut Cx<'_>, facts: &Facts) {
        let Some(late) = facts.late.filter(|late| late.is_before(facts.prior_highest)) else {
            return;
        };
        let distance = self.highest_arrived().beyond(late).div_ceil(self.mss());
        self.recovery.has_seen_reordering = true;
        self.totals.reorderings = self.totals.reorderings.saturating_add(1);
        self.recovery.reordering =
            self.recovery.reordering.max(distance.min(super::REORDERING_MAX));
        let degree = self.recovery.reordering;
        cx.note(|| Seen::Reordered { distance, degree });
    }

    /// Whether there is more to think about than that all went well.
    fn is_dubious(&self, facts: &Facts) -> bool {
        facts.is_duplicate
            || facts.has_sacked
            || facts.has_ece
            || facts.has_dsack
            || self.recovery.phase != Phase::Open
    }

    /// The window grows, or is brought down.
    fn control(&mut self, cx: &mut Cx<'_>, ack: &Ack<'_>, facts: &Facts) {
        if self.recovery.is_reducing() {
            return self.reduce_proportionally(cx, facts.delivered, facts.una_advanced);
        }
        // RFC 5681 §3.1: the window grows with data that is acknowledged. While reordering is
        // known, what is acknowledged selectively counts too.
        let has_reordering = self.recovery.reordering > 3;
        let may_grow = facts.acked > 0 || (has_reordering && facts.has_sacked);
        if !may_grow || facts.acked_syn {
            return;
        }
        let before = self.congestion.cwnd();
        let progress = Progress {
            now: cx.now(),
            acked: facts.delivered,
            una: ack.ack.max(self.una),
            nxt: self.nxt,
            rtt: facts.last_acked.map(|at| cx.now().since(at)),
            smoothed: self.rtt.smoothed(),
        };
        self.congestion.grow(&progress);
        if self.congestion.cwnd() != before {
            let (cwnd, ssthresh) = (self.congestion.cwnd(), self.congestion.ssthresh());
            cx.note(|| Seen::CongestionWindow { cwnd, ssthresh, cause: self.growth_cause() });
        }
    }
}

impl Facts {
    /// An entry is acknowledged and gone.
    fn take_acknowledged(&mut self, sent: &Sent, high: Seq) {
        self.acked += sent.segments();
        self.acked_syn |= sent.has(Marks::SYN);
        if sent.has(Marks::AMBIGUOUS) {
            self.acked_retransmission = true;
        } else if !sent.has(Marks::SACKED) {
            self.last_acked = Some(sent.at);
            self.first_acked.get_or_insert(sent.at);
            self.note_late(sent.start);
            self.original_arrived |= sent.end.is_at_most(high);
        }
    }
}
