//! What is sent next.

use base::{Cx, Instant};

use super::sent::{Marks, Sent};
use super::size::SizeProbe;
use super::{Phase, RetransmitTimer, Send};
use crate::Seq;
use crate::config::Config;
use crate::xray::{CwndCause, Seen};

/// A segment that is to leave; the connection puts the header around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Next {
    pub(crate) what: What,
    pub(crate) start: Seq,
    /// Bytes of payload.
    pub(crate) len: u32,
    pub(crate) has_fin: bool,
    pub(crate) has_push: bool,
    pub(crate) is_retransmission: bool,
    /// How large its segments are, if it is a super-segment.
    pub(crate) mss: u16,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum What {
    Syn,
    Data,
    /// A segment below the window, so that the peer answers.
    WindowProbe,
}

/// What the device and the header leave room for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Payload of one super-segment.
    pub(crate) gso_len_max: u32,
    /// Bytes of options beyond timestamps: selective acknowledgements.
    pub(crate) sack_len: u32,
    /// Payload of a SYN that is sent for the first time.
    pub(crate) syn_len: u32,
    /// What the clock of timestamps shows.
    pub(crate) ts_now: u32,
}

impl Send {
    /// Asks for our SYN to be sent.
    pub(crate) fn start_handshake(&mut self) {
        self.due.syn = true;
    }

    /// The peer answered for an earlier connection, and our RST ends that: if the SYN has not been
    /// sent again yet, it is now, for it fell on deaf ears.
    pub(crate) fn hasten_syn(&mut self, now: Instant) {
        if self.timeouts == 0 && self.timer.0 != Instant::NEVER {
            self.timer = (now.after(super::TIMER_MIN), RetransmitTimer::Timeout);
        }
    }

    /// Our answer to the peer's SYN left at `sent_at`, when our clock of timestamps showed `ts`, and
    /// then so often by the clock and so often because the SYN came again.
    pub(crate) fn resume_handshake(
        &mut self,
        cx: &mut Cx<'_>,
        sent_at: Instant,
        ts: u32,
        (retries, copies): (u8, u8),
        is_measured: bool,
    ) {
        self.nxt = self.iss + 1;
        let marks = Marks::default().with(Marks::SYN);
        let is_ambiguous = retries > 0 || copies > 0 || !is_measured;
        let marks = if is_ambiguous { marks.with(Marks::AMBIGUOUS) } else { marks };
        let (start, end, delivered) = (self.iss, self.nxt, self.totals.delivered);
        self.sent.push(cx, Sent { start, end, at: sent_at, delivered, mss: 1, marks });
        self.timeouts = retries;
        self.totals.retransmitted = u32::from(retries) + u32::from(copies);
        if retries > 0 {
            // An echo of the first answer shows that it was not lost.
            self.recovery.first_retransmission = Some(ts.wrapping_add(1));
        }
    }

    /// The next segment with something of ours in it, if one may leave now.
    pub(crate) fn next(&mut self, cx: &mut Cx<'_>, config: &Config, room: Room) -> Option<Next> {
        if std::mem::take(&mut self.due.syn) {
            return Some(self.next_syn(cx, config, room));
        }
        let is_unproven = self.una == self.iss;
        if (is_unproven && !self.nagle.is_early) || (self.sent.is_empty() && !self.has_unsent()) {
            return None;
        }
        if let Some(pacing) = &mut self.pacing {
            if cx.now() < pacing.next {
                return None;
            }
            // Its turn has come; if it cannot leave now, something else tells when it can.
            pacing.next = Instant::ORIGIN;
        }
        // Before the third step, the answer to the SYN is all that is sent again.
        let again = match is_unproven {
            true => None,
            false => self.next_retransmission(cx, config, room),
        };
        let next = again.or_else(|| {
            let is_probe = std::mem::take(&mut self.due.tail_probe);
            let is_small = std::mem::take(&mut self.due.small);
            let new = self.next_new(cx, config, room, is_probe, is_small);
            if is_probe { new.or_else(|| self.next_tail_probe(cx, config, room)) } else { new }
        });
        if let Some(next) = &next {
            self.pace(cx.now(), next.len);
            return Some(*next);
        }
        if self.recovery.new_data_first && !self.nxt.is_after(self.recovery.high) {
            // RFC 5682 §2.1 step 2.b: there was nothing new to send, so it will not tell.
            self.recovery.new_data_first = false;
            self.recovery.frto = false;
            return self.next(cx, config, room);
        }
        self.arm_persist(cx.now(), config);
        std::mem::take(&mut self.due.window_probe).then(|| self.next_window_probe(config))
    }

    /// RFC 9293 §3.8.6.1: what makes the peer show its window. A byte beyond it is not sent until the
    /// peer has taken it: it goes again with the next probe, or with what the window allows then.
    fn next_window_probe(&mut self, config: &Config) -> Next {
        let unsent = self.unsent_len();
        let sends_byte = config.retransmit.persist_sends_byte && unsent > 0;
        let (what, start, len) = match sends_byte {
            true => (What::Data, self.nxt, 1),
            false => (What::WindowProbe, self.una - 1, 0),
        };
        let has_push = sends_byte && unsent == 1;
        // RFC 3168 §6.1.6: a probe is not marked, as nothing that is sent again.
        let is_retransmission = sends_byte;
        Next { what, start, len, has_fin: false, has_push, is_retransmission, mss: 1 }
    }

    /// The peer took the byte that went beyond its closed window: then it was sent.
    pub(crate) fn note_probe_taken(&mut self, cx: &mut Cx<'_>, config: &Config, ack: Seq) {
        let has_probed = self.probes > 0
            && self.timer.1 == RetransmitTimer::Persist
            && config.retransmit.persist_sends_byte
            && self.unsent_len() > 0;
        if !has_probed || ack != self.nxt + 1 {
            return;
        }
        let marks = Marks::default().with(Marks::AMBIGUOUS);
        let (start, end, delivered) = (self.nxt, ack, self.totals.delivered);
        self.sent.push(cx, Sent { start, end, at: cx.now(), delivered, mss: 1, marks });
        self.nxt = ack;
    }

    fn next_syn(&mut self, cx: &mut Cx<'_>, config: &Config, room: Room) -> Next {
        let now = cx.now();
        let is_retransmission = !self.sent.is_empty();
        let mut len = 0;
        if is_retransmission {
            self.note_retransmission(room.ts_now, 1);
            self.totals.retransmitted = self.totals.retransmitted.saturating_add(1);
            self.sent.update(0, |sent| {
                sent.at = now;
                sent.marks = sent.marks.with(Marks::RETRANSMITTED).with(Marks::AMBIGUOUS);
            });
        } else {
            self.nxt = self.iss + 1;
            self.last_data_at = now;
            let marks = Marks::default().with(Marks::SYN);
            let delivered = self.totals.delivered;
            self.sent.push(
                cx,
                Sent { start: self.iss, end: self.nxt, at: now, delivered, mss: 1, marks },
            );
            len = self.add_syn_data(cx, room.syn_len);
            self.set_timeout(now, config);
        }
        Next {
            what: What::Syn,
            start: self.iss,
            len,
            has_fin: false,
            has_push: false,
            is_retransmission,
            mss: 0,
        }
    }

    /// The first segment that is lost and not on its way again, if the congestion window allows
    /// one more (RFC 6675 §5, step C).
    fn next_retransmission(
        &mut self,
        cx: &mut Cx<'_>,
        config: &Config,
        room: Room,
    ) -> Option<Next> {
        if self.sent.lost() == 0 || self.recovery.new_data_first {
            return None;
        }
        let allowed = self.congestion.cwnd().checked_sub(self.in_flight()).filter(|&n| n > 0)?;
        let index = self.sent.next_lost()?;
        self.begin_burst_again(config, index, allowed);
        let next = self.send_again(cx, room, index, allowed)?;
        let ends_burst = self.ends_burst_again(&next);
        let next = Next { has_push: next.has_push || ends_burst, ..next };
        let segments = self.sent.get(index).map_or(1, Sent::segments);
        self.note_retransmission(room.ts_now, segments);
        if self.recovery.is_reducing() {
            self.recovery.prr_out += segments;
        }
        self.sent.update(index, |sent| sent.marks = sent.marks.with(Marks::RETRANSMITTED));
        if index == 0 && self.timer.1 != RetransmitTimer::Reordering {
            // RFC 6675 §5, step C: the timer runs for what was just sent.
            let at = cx.now().after(self.rtt.timeout(&config.retransmit));
            self.timer = (at.min(self.patient_until), RetransmitTimer::Timeout);
        }
        Some(next)
    }

    /// Sends an entry, or as much of it as is allowed, once more. Whether it is thought lost, so that
    /// it counts as on its way once more, is the caller's to say: a probe is not.
    fn send_again(
        &mut self,
        cx: &mut Cx<'_>,
        room: Room,
        index: usize,
        allowed: u32,
    ) -> Option<Next> {
        let sent = self.sent.get(index).copied()?;
        self.pmtu.forget_probe();
        let mss = self.mss().saturating_sub(room.sack_len).max(1);
        let window = self.window_end().beyond(sent.start);
        // A peer that takes its window back gets the first segment only: its answer shows the
        // window (RFC 9293 §3.8.6).
        let window = match window {
            0 if index == 0 => mss,
            0 => return None,
            window => window,
        };
        let limit = (room.gso_len_max / mss).max(1).min(allowed).saturating_mul(mss);
        let limit = if limit > window && window >= mss { window - window % mss } else { limit };
        let limit = limit.min(window);
        if sent.payload_len() < mss.min(window) {
            self.merge_small(index, mss.min(window));
        } else if sent.payload_len() > limit && limit > 0 {
            let skip = u32::from(sent.has(Marks::SYN));
            self.sent.split(index, sent.start + skip + limit);
        }
        let (now, mss) = (cx.now(), mss as u16);
        self.sent.update(index, |sent| sent.mss = mss);
        let delivered = self.totals.delivered;
        self.sent.update(index, |sent| {
            sent.at = now;
            sent.delivered = delivered;
            sent.marks = sent.marks.with(Marks::AMBIGUOUS);
        });
        let sent = self.sent.get(index).copied()?;
        let segments = sent.segments();
        self.totals.retransmitted = self.totals.retransmitted.saturating_add(segments);
        self.totals.data_segments = self.totals.data_segments.wrapping_add(segments);
        self.totals.bytes_retransmitted += u64::from(sent.payload_len());
        self.totals.bytes_sent += u64::from(sent.payload_len());
        let (seq, len) = (sent.start, sent.payload_len());
        let phase = self.recovery.phase;
        cx.note(|| Seen::Retransmitted { seq, len, phase });
        Some(Next {
            what: What::Data,
            start: sent.start,
            len,
            has_fin: sent.has(Marks::FIN),
            has_push: sent.has(Marks::PUSH),
            is_retransmission: true,
            mss: sent.mss,
        })
    }

    /// Small segments that are sent again are put together, up to a whole one, as far as the peer's
    /// window goes.
    fn merge_small(&mut self, index: usize, space: u32) {
        let window_end = self.window_end();
        while let (Some(first), Some(second)) = (self.sent.get(index), self.sent.get(index + 1)) {
            let is_odd = first.has(Marks::SYN) || first.has(Marks::FIN);
            let fits = first.payload_len() + second.payload_len() <= space;
            let ends_record = self.record_len(first.start, first.payload_len()).is_some();
            if is_odd
                || !fits
                || second.end.is_after(window_end)
                || ends_record
                || first.has(Marks::SACKED)
                || second.has(Marks::SACKED)
            {
                return;
            }
            self.sent.merge(index);
        }
    }

    /// RFC 8985 §7.3: nothing new to send, so the last segment goes once more.
    fn next_tail_probe(&mut self, cx: &mut Cx<'_>, config: &Config, room: Room) -> Option<Next> {
        let last = self.sent.back().copied()?;
        let mss = u32::from(last.mss.max(1));
        if last.payload_len() > mss {
            let rest = (last.payload_len() - 1) / mss * mss;
            let index = self.sent.len() - 1;
            self.sent.split(index, last.start + rest);
        }
        let index = self.sent.len() - 1;
        let next = self.send_again(cx, room, index, 1)?;
        self.recovery.probe = Some((self.nxt, true));
        let seq = next.start;
        cx.note(|| Seen::TailProbed { seq, is_new: false });
        self.timer.0 = Instant::NEVER;
        self.set_timeout(cx.now(), config);
        Some(next)
    }

    /// New data, if there is some and everything allows it. A `probe` may exceed the congestion
    /// window; a `small` one ignores what holds small segments back.
    fn next_new(
        &mut self,
        cx: &mut Cx<'_>,
        config: &Config,
        room: Room,
        probe: bool,
        small: bool,
    ) -> Option<Next> {
        if !self.has_unsent() {
            return None;
        }
        let mss = self.mss().saturating_sub(room.sack_len).max(1);
        let (len, has_fin, ends_burst) = match self.rest_of_burst(mss, room) {
            Some(rest) => rest,
            None => {
                self.restart_after_idle(cx, config);
                if !probe && !small {
                    match self.next_size_probe(cx, config, room) {
                        SizeProbe::None => {}
                        SizeProbe::Waits => return None,
                        SizeProbe::Leaves(next) => return Some(next),
                    }
                }
                let quota = self.quota(cx, probe)?;
                if !probe && !small && self.waits_for_burst(cx.now(), config, (mss, quota)) {
                    return None;
                }
                self.begin_burst(config, room, (mss, quota), small)?
            }
        };
        let start = self.nxt;
        let ends_write = len > 0 && self.ends_write(config, start + len, mss, small);
        self.note_sent(cx, config, len, has_fin, ends_write, mss);
        // What is sent again says only where a write ended, and where that burst does.
        let has_push = ends_write || ends_burst;
        if probe {
            self.recovery.probe = Some((self.nxt, false));
            cx.note(|| Seen::TailProbed { seq: start, is_new: true });
            self.timer.0 = Instant::NEVER;
            self.set_timeout(cx.now(), config);
        }
        let mss = mss as u16;
        let (what, is_retransmission) = (What::Data, false);
        Some(Next { what, start, len, has_fin, has_push, is_retransmission, mss })
    }

    /// How many segments the congestion window allows.
    fn quota(&mut self, cx: &mut Cx<'_>, probe: bool) -> Option<u32> {
        // Our SYN, if it is still out, does not count.
        let is_unproven = self.nagle.is_early && self.una == self.iss;
        let in_flight = self.in_flight().saturating_sub(u32::from(is_unproven));
        let cwnd = self.congestion.cwnd();
        if in_flight < cwnd {
            return Some(if probe { 1 } else { cwnd - in_flight });
        }
        if probe {
            return Some(1);
        }
        let packets = self.sent.packets();
        self.congestion.note_use(cx.now(), (self.una, self.nxt), packets, true);
        None
    }

    /// How many bytes go into the next segment, or super-segment, and whether the FIN does.
    pub(super) fn cut(
        &mut self,
        (mss, segments): (u32, u32),
        sends_bursts: bool,
        small: bool,
    ) -> Option<(u32, bool)> {
        let all = self.unsent_len();
        let unsent = self.record_len(self.nxt, all).unwrap_or(all);
        let window = self.window_end().beyond(self.nxt);
        let is_last = |len: u32| self.has_finished && len == all && len < window.max(1);
        if unsent == 0 {
            return (window > 0).then_some((0, true));
        }
        // RFC 9293 §3.8.6.2.1: a whole segment, or all there is, must fit into the window.
        if !small && unsent.min(mss) > window {
            return None;
        }
        let limit = segments.saturating_mul(mss);
        let len = unsent.min(window).min(limit);
        let partial = len % mss;
        if len < unsent && !sends_bursts && !small {
            // What would fill the window to its brim waits for more of it.
            return Some((len - partial, false)).filter(|&(len, _)| len > 0);
        }
        // What ends a record does not wait for what comes behind it.
        let is_end = len == unsent && (self.has_finished || unsent < all);
        if partial > 0 && !is_end && !small && self.holds_small_back(len) {
            return Some(len - partial).filter(|&len| len > 0).map(|len| (len, false));
        }
        Some((len, is_last(len))).filter(|&(len, fin)| len > 0 || fin)
    }

    /// RFC 896 with Minshall's change: a small segment waits as long as another small one is
    /// outstanding; corked, it waits in any case.
    fn holds_small_back(&self, len: u32) -> bool {
        if self.nagle.is_corked {
            return true;
        }
        let is_pushed = self.nagle.pushed.is_some_and(|end| end.is_at_least(self.nxt + len));
        if self.nagle.is_off || is_pushed || self.urgent.is_some() {
            return false;
        }
        !self.sent.is_empty() && self.nagle.small_end.is_some_and(|end| end.is_after(self.una))
    }

    /// Notes that something new leaves.
    pub(super) fn note_sent(
        &mut self,
        cx: &mut Cx<'_>,
        config: &Config,
        len: u32,
        has_fin: bool,
        has_push: bool,
        mss: u32,
    ) {
        let now = cx.now();
        let was_idle = self.sent.is_empty();
        let marks = if has_fin { Marks::FIN } else { Marks::default() };
        let marks = if has_push { marks.with(Marks::PUSH) } else { marks };
        let end = self.nxt + len + u32::from(has_fin);
        let delivered = self.totals.delivered;
        let sent = Sent { start: self.nxt, end, at: now, delivered, mss: mss as u16, marks };
        let segments = sent.segments();
        let follows_burst = config.congestion.burst_min > 0 && self.burst.0.is_before(self.nxt);
        if !(follows_burst && self.sent.extend(&sent)) {
            self.sent.push(cx, sent);
        }
        self.nxt = end;
        if has_fin {
            self.fin = Some(end - 1);
        }
        if !len.is_multiple_of(mss) {
            self.nagle.small_end = Some(end);
        }
        if self.nagle.pushed.is_some_and(|pushed| pushed.is_at_most(end)) {
            self.nagle.pushed = None;
        }
        if self.recovery.is_reducing() {
            self.recovery.prr_out += segments;
        }
        if was_idle {
            self.congestion.resume(now, now.since(self.last_data_at));
        }
        self.last_data_at = now;
        self.totals.bytes_sent += u64::from(len);
        self.totals.data_segments = self.totals.data_segments.wrapping_add(segments);
        let is_limited = self.in_flight() >= self.congestion.cwnd();
        let packets = self.sent.packets();
        self.congestion.note_use(now, (self.una, end), packets, is_limited);
        if self.congestion_is_idle(config) {
            let rto = self.rtt.timeout_base();
            if self.congestion.decay_unused(now, rto) {
                self.note_window(cx, CwndCause::Unused);
            }
        }
        self.set_timer_after_sending(now, config, was_idle);
    }

    fn congestion_is_idle(&self, config: &Config) -> bool {
        config.congestion.restart_after_idle && self.recovery.phase == Phase::Open
    }

    /// RFC 6298 §5.1: the timer runs from the first segment that is outstanding; RFC 8985 §7.2: a
    /// probe from the last.
    fn set_timer_after_sending(&mut self, now: Instant, config: &Config, was_idle: bool) {
        let is_stopped = self.timer.0 == Instant::NEVER;
        if was_idle || is_stopped || self.timer.1 == RetransmitTimer::Persist {
            self.timer.0 = Instant::NEVER;
            self.set_timeout(now, config);
        }
        if matches!(self.timer.1, RetransmitTimer::Probe | RetransmitTimer::Timeout) {
            self.schedule_probe(now, config, false);
        }
    }

    /// RFC 5681 §4.1: nothing was sent for longer than a timeout.
    fn restart_after_idle(&mut self, cx: &mut Cx<'_>, config: &Config) {
        let now = cx.now();
        let rto = self.rtt.timeout(&config.retransmit);
        let pause = now.since(self.last_data_at);
        if !self.sent.is_empty() || pause <= rto || !config.congestion.restart_after_idle {
            return;
        }
        self.pmtu.try_raising(cx);
        if self.congestion.restart(now, pause, rto) {
            self.note_window(cx, CwndCause::Idle);
        }
    }

    /// Something waits, nothing is outstanding: what holds it back is the window, or a rule against
    /// small segments; a timer sees to it that it is not for ever.
    fn arm_persist(&mut self, now: Instant, config: &Config) {
        let is_stuck = self.sent.is_empty() && self.has_unsent();
        if is_stuck && self.timer.0 == Instant::NEVER {
            self.set_persist_timer(now, config);
        }
    }

    /// Whether the window takes what would be sent next.
    pub(super) fn window_takes_next(&self) -> bool {
        let len = self.unsent_len().min(self.mss()).max(1);
        self.window_end().beyond(self.nxt) >= len
    }

    fn pace(&mut self, now: Instant, len: u32) {
        let Some(pacing) = &mut self.pacing else { return };
        let nanos = u64::from(len) * 1_000_000_000 / pacing.rate_max;
        pacing.next = pacing.next.max(now).after(std::time::Duration::from_nanos(nanos));
    }

    /// When pacing lets the next segment leave, if that is what it waits for.
    pub(crate) fn paced_until(&self) -> Option<Instant> {
        let has_more = self.has_unsent() || self.sent.lost() > 0;
        let next = self.pacing.as_ref().map(|pacing| pacing.next);
        next.filter(|&next| has_more && next != Instant::ORIGIN)
    }
}
