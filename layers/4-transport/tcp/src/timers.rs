//! What goes with time: giving up, keep-alive, leaving; and what the user may set.

use std::sync::Arc;
use std::time::Duration;

use base::{Cx, Instant};

use crate::config::Config;
use crate::fast_open::Opening;
use crate::listen::SynHeaders;
use crate::machine::{Connection, Events, Failure, Timer};
use crate::send::{Pacing, RetransmitTimer, Send};
use crate::state::State;
use crate::xray::{Cause, Seen};

/// The timers that are not of one direction, and the user's wishes.
#[derive(Debug)]
pub(crate) struct Life {
    /// When something last came.
    pub(crate) received_at: Instant,
    /// When to ask a silent peer, or to leave it: one of them at a time.
    alarm: Instant,
    /// The user has left.
    pub(crate) is_orphan: bool,
    /// [`Connection::write`] took less than was offered.
    pub(crate) wants_room: bool,
    /// What the user has set that few users set.
    wishes: Option<Box<Wishes>>,
    /// How many questions were not answered.
    pub(crate) keepalive_probes: u8,
    /// The largest segment that the peer takes, in bytes of payload and options.
    pub(crate) peer_mss: u16,
    /// Both sides shift windows.
    pub(crate) is_scaled: bool,
    /// What was charged to the budget for what is kept for the network.
    charged: u32,
}

/// What few users set.
#[derive(Debug, Default)]
struct Wishes {
    /// Keep-alive is on.
    keepalive: Option<KeepAlive>,
    user_timeout: Option<Duration>,
    linger: Option<Duration>,
    /// How much we may keep for the network.
    send_space: Option<u32>,
    /// Data goes with a SYN, or went.
    opening: Option<Box<Opening>>,
    /// Errors that may pass are reported, and the last one is still to be.
    reports_errors: bool,
    report: Option<Failure>,
    /// The headers of the SYN that began it.
    syn: Option<Box<SynHeaders>>,
}

/// How a silent peer is asked (RFC 9293 §3.8.4). Times are in milliseconds, 49 days at most.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct KeepAlive {
    after_ms: u32,
    interval_ms: u32,
    probes: u8,
}

impl KeepAlive {
    fn new(after: Duration, interval: Duration, probes: u8) -> Self {
        let ms = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        Self { after_ms: ms(after), interval_ms: ms(interval), probes }
    }

    const fn after(self) -> Duration {
        Duration::from_millis(self.after_ms as u64)
    }

    const fn interval(self) -> Duration {
        Duration::from_millis(self.interval_ms as u64)
    }
}

impl Life {
    pub(crate) const fn new() -> Self {
        Self {
            received_at: Instant::ORIGIN,
            alarm: Instant::NEVER,
            is_orphan: false,
            wants_room: false,
            wishes: None,
            keepalive_probes: 0,
            peer_mss: u16::MAX,
            is_scaled: false,
            charged: 0,
        }
    }

    /// How many bytes may be kept for the network: what the congestion window needs, twice.
    pub(crate) fn send_space(&self, config: &Config, send: &Send) -> u32 {
        if let Some(space) = self.wishes.as_ref().and_then(|wishes| wishes.send_space) {
            return space;
        }
        // When nothing is left, each may still keep what makes it go on.
        const LEAST: u32 = 4096;
        if config.budget.is_exhausted_by(0) {
            return LEAST;
        }
        let first = config.buffers.send_initial;
        if !config.buffers.send_autotune || config.budget.is_under_pressure() {
            return first;
        }
        let wished = send.congestion.cwnd().saturating_mul(2 * send.mss());
        wished.clamp(first, config.buffers.send_max.max(first))
    }

    fn wishes(&mut self) -> &mut Wishes {
        self.wishes.get_or_insert_default()
    }

    /// What is known of a fast opening, if it is one.
    pub(crate) fn opening(&self) -> Option<&Opening> {
        self.wishes.as_ref()?.opening.as_deref()
    }

    pub(crate) fn opening_mut(&mut self) -> Option<&mut Opening> {
        self.wishes.as_mut()?.opening.as_deref_mut()
    }

    pub(crate) fn set_opening(&mut self, opening: Opening) {
        self.wishes().opening = Some(Box::new(opening));
    }

    fn keepalive(&self) -> Option<KeepAlive> {
        self.wishes.as_ref().and_then(|wishes| wishes.keepalive)
    }

    fn user_timeout(&self) -> Option<Duration> {
        self.wishes.as_ref().and_then(|wishes| wishes.user_timeout)
    }

    /// An error that may pass: the user hears of it, who wants to (RFC 9293 §3.9.1.8, MUST-47, SHLD-20).
    pub(crate) fn report(&mut self, failure: Failure) {
        if let Some(wishes) = self.wishes.as_mut().filter(|wishes| wishes.reports_errors) {
            wishes.report = Some(failure);
        }
    }

    pub(crate) fn take_report(&mut self) -> Option<Failure> {
        self.wishes.as_mut()?.report.take()
    }

    pub(crate) fn keep_syn(&mut self, syn: Box<SynHeaders>) {
        self.wishes().syn = Some(syn);
    }

    /// How long the user lingers over what it wrote.
    pub(crate) fn linger(&self) -> Option<Duration> {
        self.wishes.as_ref().and_then(|wishes| wishes.linger)
    }

    pub(crate) fn stop(&mut self) {
        self.alarm = Instant::NEVER;
    }
}

impl Connection {
    /// Lets time pass.
    pub fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now();
        if let Some((at, timer)) = self.send.next_timer()
            && at <= now
        {
            self.handle_retransmit_timer(cx, timer);
        }
        if self.recv.delay.next_timer() <= now {
            cx.note(|| Seen::TimedOut { timer: Timer::DelayedAck });
            let rto = self.send.rtt.timeout(&self.config.retransmit);
            self.recv.delay.handle_timeout(&self.config.acknowledge, now, rto);
        }
        if self.life.alarm <= now {
            self.life.alarm = Instant::NEVER;
            self.handle_alarm(cx);
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), or to drain again, and what for.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        let retransmit = self.send.next_timer().map(|(at, kind)| (at, kind.into()));
        let delayed = (self.recv.delay.next_timer(), Timer::DelayedAck);
        let alarm = if self.is_waiting_for_fin() { Timer::FinWait } else { Timer::KeepAlive };
        let alarm = (self.life.alarm, alarm);
        let paced = self.send.paced_until().map(|at| (at, Timer::Pacing));
        let all = [retransmit, Some(delayed), Some(alarm), paced];
        all.into_iter().flatten().filter(|(at, _)| *at != Instant::NEVER).min_by_key(|(at, _)| *at)
    }

    fn handle_retransmit_timer(&mut self, cx: &mut Cx<'_>, kind: RetransmitTimer) {
        cx.note(|| Seen::TimedOut { timer: kind.into() });
        if matches!(kind, RetransmitTimer::Timeout | RetransmitTimer::Persist)
            && self.has_waited_enough(cx.now(), kind)
        {
            let failure = self.soft_error.unwrap_or(Failure::TimedOut);
            return self.give_up(cx, failure);
        }
        let config = Arc::clone(&self.config);
        if kind == RetransmitTimer::Timeout {
            self.doubt_path(cx, &config);
        }
        self.send.handle_timer(cx, &config);
        if let Some(patience) = self.syn_patience().filter(|_| self.state == State::SynSent) {
            let until = self.send.stalled_since.after(patience);
            self.send.timer.0 = self.send.timer.0.min(until);
        }
        self.clamp_to_user_timeout(cx.now());
    }

    /// RFC 9293 §3.8.3: R2, counted or by the user's clock.
    fn has_waited_enough(&self, now: Instant, kind: RetransmitTimer) -> bool {
        let retransmit = &self.config.retransmit;
        let timeouts = self.send.timeouts;
        if self.is_unproven() {
            // One more than of a connection that nobody has yet.
            return timeouts > self.config.handshake.syn_ack_retries;
        }
        let is_impatient = || {
            let limit = self.life.user_timeout();
            limit.is_some_and(|limit| timeouts > 0 && self.send.stalled_for(now) >= limit)
        };
        match self.state {
            State::SynSent => {
                let handshake = &self.config.handshake;
                let most = handshake.syn_retries + handshake.syn_linear_timeouts;
                let is_over = self
                    .syn_patience()
                    .is_some_and(|patience| timeouts > 0 && self.send.stalled_for(now) >= patience);
                return timeouts >= most || is_over || is_impatient();
            }
            State::SynReceived => {
                return timeouts >= self.config.handshake.syn_ack_retries || is_impatient();
            }
            _ => {}
        }
        let stalled = self.send.stalled_for(now);
        if self.send.wnd == 0 && kind == RetransmitTimer::Timeout && !self.life.is_orphan {
            // The peer took its window back: what is retransmitted are probes, and who answers
            // probes is not left (RFC 9293 §3.8.6.1). Nobody is silent for twice the longest wait.
            let limit = retransmit.rto_max * 2;
            let limit = self.life.user_timeout().map_or(limit, |user| user.min(limit));
            return now.since(self.life.received_at) > limit && stalled > limit;
        }
        if let Some(limit) = self.life.user_timeout() {
            return stalled >= limit && !stalled.is_zero();
        }
        let orphan = self.config.idle.orphan_retries;
        let retries = if self.life.is_orphan { orphan } else { retransmit.retries_max };
        if kind == RetransmitTimer::Persist {
            return self.send.probes >= retries;
        }
        if retransmit.counts_retries {
            return timeouts >= retries;
        }
        timeouts > 0 && stalled >= self.patience(retries)
    }

    /// How long after the first timeout of a SYN it is enough, if that is not counted.
    fn syn_patience(&self) -> Option<Duration> {
        let limit = self.config.handshake.syn_timeout?;
        Some(limit.saturating_sub(self.config.retransmit.rto_initial))
    }

    /// How long `retries` doubling timeouts take, from the shortest on.
    fn patience(&self, retries: u8) -> Duration {
        let retransmit = &self.config.retransmit;
        let mut next = retransmit.rto_min.max(Duration::from_millis(1));
        let mut all = Duration::ZERO;
        for _ in 0..=retries {
            all += next;
            next = (next * 2).min(retransmit.rto_max);
        }
        all
    }

    /// The user's limit is not overslept.
    fn clamp_to_user_timeout(&mut self, now: Instant) {
        let Some(limit) = self.life.user_timeout() else { return };
        if self.send.timeouts == 0 && self.send.probes == 0 {
            return;
        }
        let at = self.send.stalled_since.after(limit).max(now.after(Duration::from_millis(1)));
        if self.send.timeouts > 0 {
            self.send.patient_until = at;
        }
        if self.send.timer.0 != Instant::NEVER {
            self.send.timer.0 = self.send.timer.0.min(at);
        }
    }

    /// RFC 4821 §7.7: large segments time out again and again.
    fn doubt_path(&mut self, cx: &mut Cx<'_>, config: &Config) {
        let small = config.mtu_probing.base_mss.min(self.send.pmtu.mss() / 2);
        // Who took its window back answers nothing, and that is no black hole.
        let may_answer = self.send.wnd > 0;
        if self.send.timeouts >= config.retransmit.retries_doubt
            && may_answer
            && self.send.is_first_large(small)
        {
            let options = self.send.options_len();
            self.send.pmtu.suspect_black_hole(cx, config, options);
        }
    }

    /// Nobody answers: the peer, if it is there, gets a reset.
    pub(crate) fn give_up(&mut self, cx: &mut Cx<'_>, failure: Failure) {
        self.end(cx, Cause::GaveUp, Some(failure));
    }

    fn is_waiting_for_fin(&self) -> bool {
        self.life.is_orphan && self.state == State::FinWait2
    }

    /// The user has left: the peer may take its time, but not for ever.
    pub(crate) fn watch_orphan(&mut self, cx: &mut Cx<'_>) {
        if self.is_waiting_for_fin() {
            self.life.alarm = cx.now().after(self.config.idle.fin_wait);
        }
    }

    fn handle_alarm(&mut self, cx: &mut Cx<'_>) {
        if self.is_waiting_for_fin() {
            cx.note(|| Seen::TimedOut { timer: Timer::FinWait });
            // As after TIME-WAIT, the peer's late FIN finds nobody.
            return self.end(cx, Cause::GaveUp, None);
        }
        self.ask_silent_peer(cx);
    }

    /// RFC 9293 §3.8.4.
    fn ask_silent_peer(&mut self, cx: &mut Cx<'_>) {
        let Some(keepalive) = self.life.keepalive() else { return };
        let (after, interval) = (keepalive.after(), keepalive.interval());
        if matches!(self.state, State::Closed | State::SynSent) {
            return;
        }
        let now = cx.now();
        if self.send.queue_len() > 0 || !self.send.sent.is_empty() {
            // Retransmissions ask already.
            self.life.alarm = now.after(after);
            return;
        }
        let silent = now.since(self.life.received_at);
        if silent < after {
            self.life.alarm = self.life.received_at.after(after);
            return;
        }
        let asked = self.life.keepalive_probes;
        let is_enough = match self.life.user_timeout() {
            Some(limit) => silent >= limit && asked > 0,
            None => asked >= keepalive.probes,
        };
        if is_enough {
            self.pending.owe_reset(self.send.nxt);
            let failure = self.soft_error.unwrap_or(Failure::TimedOut);
            return self.give_up(cx, failure);
        }
        self.life.keepalive_probes = asked + 1;
        cx.note(|| Seen::KeepAliveProbed { probes: asked + 1 });
        self.pending.keepalive = true;
        self.life.alarm = now.after(interval);
    }

    /// Something came: the peer is there.
    #[inline]
    pub(crate) fn note_received(&mut self, cx: &Cx<'_>) {
        self.life.received_at = cx.now();
        self.life.keepalive_probes = 0;
    }

    /// The connection is established: keep-alive begins, if it is on.
    pub(crate) fn start_keepalive(&mut self, cx: &Cx<'_>) {
        if let Some(keepalive) = self.life.keepalive() {
            self.life.alarm = cx.now().after(keepalive.after());
        }
    }

    // What the user may set.

    /// `TCP_NODELAY`: small segments do not wait (RFC 9293 §3.7.4). Whatever waits leaves.
    pub fn set_nodelay(&mut self, is_on: bool) {
        self.send.nagle.is_off = is_on;
        if is_on && !self.send.nagle.is_corked {
            self.send.nagle.pushed = Some(self.send.write_end());
        }
    }

    /// `TCP_CORK`: small segments wait until this is taken back; not longer than the persist timer.
    pub fn set_cork(&mut self, is_on: bool) {
        self.send.nagle.is_corked = is_on;
        if !is_on {
            self.send.nagle.pushed = Some(self.send.write_end());
        }
    }

    /// `TCP_QUICKACK`: acknowledgements are sent at once, or wait for data.
    pub fn set_quick_ack(&mut self, is_on: bool) {
        self.recv.delay.set_quick(is_on);
    }

    /// `SO_KEEPALIVE` with the times of [`Idle`](crate::Idle).
    pub fn set_keepalive(&mut self, cx: &Cx<'_>, is_on: bool) {
        let idle = &self.config.idle;
        let (after, interval) = (idle.keepalive_after, idle.keepalive_interval);
        if is_on {
            self.set_keepalive_times(cx, after, interval, idle.keepalive_probes);
        } else {
            self.life.wishes().keepalive = None;
            if !self.is_waiting_for_fin() {
                self.life.alarm = Instant::NEVER;
            }
        }
    }

    /// The same with times of the user's: ask when nothing came `after`, then each `interval`, so
    /// many `probes`.
    pub fn set_keepalive_times(
        &mut self,
        cx: &Cx<'_>,
        after: Duration,
        interval: Duration,
        probes: u8,
    ) {
        self.life.wishes().keepalive = Some(KeepAlive::new(after, interval, probes));
        if self.state.is_synchronized() && !self.is_waiting_for_fin() {
            let from = self.life.received_at;
            self.life.alarm = from.after(after).max(cx.now());
        }
    }

    /// How long data may stay unacknowledged, or a window closed, before the connection fails
    /// (RFC 9293 §3.9.1.8, RFC 5482); `None` for [`Retransmit::retries_max`](crate::Retransmit).
    pub fn set_user_timeout(&mut self, timeout: Option<Duration>) {
        self.life.wishes().user_timeout = timeout.filter(|timeout| !timeout.is_zero());
    }

    /// Whether [`Event::SoftError`](crate::Event::SoftError) comes when somebody on the way says that
    /// the peer cannot be reached (RFC 9293 §3.9.1.8; Linux' `IP_RECVERR`). It does not by itself.
    pub fn set_error_reports(&mut self, is_on: bool) {
        self.life.wishes().reports_errors = is_on;
    }

    /// Keeps the headers of the SYN that began this connection, for who accepts it.
    pub fn keep_syn(&mut self, headers: &[u8]) {
        if self.config.handshake.saves_syn
            && let Some(syn) = SynHeaders::new(headers)
        {
            self.life.keep_syn(Box::new(syn));
        }
    }

    /// The headers of the SYN that began this connection, once, if
    /// [`saves_syn`](crate::Handshake::saves_syn) was on then and no cookie had to carry everything.
    pub fn take_saved_syn(&mut self) -> Option<Box<SynHeaders>> {
        self.life.wishes.as_mut()?.syn.take()
    }

    /// `SO_LINGER`: with zero, [`close`](Self::close) resets the connection. A longer time is the
    /// caller's to wait.
    pub fn set_linger(&mut self, linger: Option<Duration>) {
        self.life.wishes().linger = linger;
    }

    /// How many bytes are kept for the network; it does not grow by itself any more.
    pub fn set_send_space(&mut self, bytes: u32) {
        self.life.wishes().send_space = Some(bytes.max(1));
    }

    /// How many bytes are kept for the user; it does not grow by itself any more.
    pub fn set_receive_space(&mut self, bytes: u32) {
        self.recv.window.set_space(bytes.max(1));
    }

    /// Sends at most so many bytes a second (a hook for pacing); `None` for no bound but the
    /// congestion window's.
    pub fn set_pacing_rate_max(&mut self, bytes_per_second: Option<u64>) {
        let rate = bytes_per_second.filter(|&rate| rate > 0);
        self.send.pacing =
            rate.map(|rate_max| Box::new(Pacing { rate_max, next: Instant::ORIGIN }));
    }

    // What is kept for the network is charged to the stack's budget.

    pub(crate) fn charge_send(&mut self) {
        let len = self.send.queue_len();
        let budget = &self.config.budget;
        match len.checked_sub(self.life.charged) {
            Some(more) => budget.take(u64::from(more)),
            None => budget.give_back(u64::from(self.life.charged - len)),
        }
        self.life.charged = len;
    }

    pub(crate) fn discharge_send(&mut self) {
        self.config.budget.give_back(u64::from(self.life.charged));
        self.life.charged = 0;
    }

    /// What was acknowledged made room: the user hears of it when that is a good part.
    pub(crate) fn offer_room(&mut self) {
        let room = self.room();
        if self.life.wants_room && room > 0 && room >= self.send.queue_len() as usize / 2 {
            self.life.wants_room = false;
            self.events.push(Events::WRITABLE);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.discharge_send();
    }
}

impl From<RetransmitTimer> for Timer {
    fn from(kind: RetransmitTimer) -> Self {
        match kind {
            RetransmitTimer::Timeout => Self::Retransmit,
            RetransmitTimer::Probe => Self::TailProbe,
            RetransmitTimer::Reordering => Self::Reordering,
            RetransmitTimer::Persist => Self::Persist,
        }
    }
}
