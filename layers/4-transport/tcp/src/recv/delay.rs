use std::time::Duration;

use base::Instant;

use crate::Seq;
use crate::config::Acknowledge;
use crate::spare::Micros;

/// What is assumed of the peer's segments before one came (RFC 9293 §3.7.1).
const SEGMENT_DEFAULT: u16 = 536;

/// The smallest that a path can make of whole segments (RFC 791 §3.2: 68 bytes with IPv4's longest
/// header is less than anybody has seen).
const SEGMENT_MIN: u16 = 88;

/// When what arrived is acknowledged: at once, with data of ours, or after a delay. (RFC 9293
/// §3.8.6.3, RFC 5681 §4.2)
#[derive(Clone, Debug)]
pub(crate) struct Delay {
    /// An acknowledgement is owed.
    pub(crate) is_owed: bool,
    /// It is owed now.
    pub(crate) is_due: bool,
    /// When it is due, while it may wait.
    pub(crate) until: Instant,
    /// How many more are sent at once, whatever the rules for delay say.
    quick: u8,
    /// How often data of ours went out soon after theirs came: a conversation.
    interactive: u8,
    /// How long the next is delayed; zero before data came.
    ato: Micros,
    last_data_at: Instant,
    /// How many segments that seem to end a write wait for their acknowledgement; two are many.
    pushed: u8,
    /// How large the last segment was that was smaller than `segment`.
    smaller: u16,
    /// How large the peer's segments are; a smaller one ends a write.
    pub(crate) segment: u16,
    /// How many acknowledgements of data out of order are saved up, until when, and for which gap.
    compressed: u8,
    pub(crate) compressed_until: Instant,
    compressed_at: Seq,
    /// How many were sent for this gap.
    duplicates: u8,
}

impl Delay {
    pub(crate) fn new(advertised_mss: u16) -> Self {
        Self {
            is_owed: false,
            is_due: false,
            until: Instant::NEVER,
            quick: 0,
            interactive: 0,
            ato: Micros::ZERO,
            last_data_at: Instant::ORIGIN,
            pushed: 0,
            smaller: 0,
            segment: advertised_mss.clamp(SEGMENT_MIN, SEGMENT_DEFAULT),
            compressed: 0,
            compressed_until: Instant::NEVER,
            compressed_at: Seq(0),
            duplicates: 0,
        }
    }

    /// The connection is established: who answers soon after has a conversation in mind.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.last_data_at = now;
    }

    /// Acknowledgements shall be sent at once for a while: something is amiss, or begins. `window`
    /// is how much the peer may send.
    pub(crate) fn hurry(&mut self, config: &Acknowledge, window: u32, max: u8) {
        let segments = window / (2 * u32::from(self.segment.max(1)));
        let segments = if segments == 0 { 2 } else { segments };
        let quick = segments.min(u32::from(max.max(2))) as u8;
        if config.quick_max > 0 {
            self.quick = self.quick.max(quick);
        }
    }

    /// The same, and the conversation is forgotten.
    pub(crate) fn hurry_anew(&mut self, config: &Acknowledge, window: u32) {
        self.hurry(config, window, config.quick_max);
        self.interactive = 0;
        self.ato = config.delay_min.into();
    }

    /// The user wishes that acknowledgements are sent at once (`TCP_QUICKACK`), or that they wait
    /// for data.
    pub(crate) fn set_quick(&mut self, is_quick: bool) {
        self.interactive = if is_quick { 0 } else { u8::MAX };
        self.is_due |= is_quick && self.is_owed;
    }

    /// Whether acknowledgements are sent at once.
    pub(crate) fn is_quick(&self, config: &Acknowledge) -> bool {
        self.quick > 0 && !self.is_interactive(config)
    }

    fn is_interactive(&self, config: &Acknowledge) -> bool {
        self.interactive >= config.interactive_after
    }

    /// Data arrived in order: `len` bytes in segments of `segment`.
    pub(crate) fn note_data(
        &mut self,
        config: &Acknowledge,
        now: Instant,
        segment: usize,
        has_push: bool,
        (window, rto): (u32, Duration),
        advertised_mss: u16,
    ) {
        self.is_owed = true;
        self.measure_segment(segment, has_push, advertised_mss);
        if self.ato == Micros::ZERO {
            // The first data: the peer's slow start waits for acknowledgements.
            self.hurry(config, window, config.quick_max);
            self.ato = config.delay_min.into();
        } else if config.adaptive {
            let gap = now.since(self.last_data_at);
            if gap <= config.delay_min / 2 {
                self.ato = (self.ato() / 2 + config.delay_min / 2).into();
            } else if gap < self.ato() {
                self.ato = (self.ato() / 2 + gap).min(rto).into();
            } else if gap > rto {
                // After a long pause the peer's slow start begins again.
                self.hurry(config, window, config.quick_max);
            }
        }
        self.last_data_at = now;
    }

    /// What the peer's whole segments are like decides what "every second" means.
    fn measure_segment(&mut self, len: usize, has_push: bool, advertised_mss: u16) {
        let len = u16::try_from(len).unwrap_or(u16::MAX);
        let smaller = std::mem::take(&mut self.smaller);
        if len >= self.segment {
            self.segment = len.min(advertised_mss).max(1);
            // A whole segment that was pushed ends a write: more may not come soon.
            self.pushed |= u8::from(has_push);
            return;
        }
        if len >= SEGMENT_DEFAULT || (len >= SEGMENT_MIN && !has_push) {
            // Two of one size are whole segments of a path that takes no larger ones.
            self.smaller = len;
            if len == smaller {
                self.segment = len;
                return;
            }
        }
        self.pushed = (self.pushed + 1).min(2);
    }

    /// Decides about an acknowledgement that is owed. `unacknowledged` bytes came since the last;
    /// `window_moves` says whether an acknowledgement would offer more.
    pub(crate) fn decide(
        &mut self,
        config: &Acknowledge,
        now: Instant,
        unacknowledged: u32,
        window_moves: bool,
        smoothed: Option<Duration>,
    ) {
        // RFC 9293 §3.8.6.3 (SHLD-18): an acknowledgement for every second full segment.
        let is_second = config.counts_segments && self.until != Instant::NEVER;
        let is_enough = is_second || unacknowledged > u32::from(self.segment) && window_moves;
        if is_enough || self.is_quick(config) {
            self.is_due = true;
        } else if self.is_owed && !self.is_due {
            self.wait(config, now, smoothed);
        }
    }

    fn wait(&mut self, config: &Acknowledge, now: Instant, smoothed: Option<Duration>) {
        if config.adaptive && self.ato == Micros::ZERO {
            // No data came before, so nothing is known of what it is worth to wait for.
            self.is_due = true;
            return;
        }
        let mut ato = self.ato().max(config.delay_min);
        if config.adaptive && ato > config.delay_min {
            let is_slow = self.is_interactive(config) || self.pushed > 0;
            let max = if is_slow { config.delay_max } else { Duration::from_millis(500) };
            let max = smoothed.map_or(max, |rtt| max.min(rtt.max(config.delay_min)));
            ato = ato.min(max);
        }
        let at = now.after(ato.min(config.delay_max));
        if self.until == Instant::NEVER {
            self.until = at;
        } else if self.until <= now.after(ato / 4) {
            // It would go off in a moment.
            self.is_due = true;
        } else {
            self.until = self.until.min(at);
        }
    }

    /// Decides about an acknowledgement of data out of order: RFC 5681 §4.2 wants it at once. With
    /// SACK, behind the third for a gap some are saved up, a moment long.
    pub(crate) fn decide_out_of_order(
        &mut self,
        config: &Acknowledge,
        now: Instant,
        nxt: Seq,
        has_sack: bool,
        rtt: Option<Duration>,
    ) {
        self.is_owed = true;
        if !has_sack || self.compressed >= config.compressed_max {
            self.is_due = true;
            return;
        }
        if self.compressed_at != nxt {
            self.compressed_at = nxt;
            self.duplicates = 0;
        }
        if self.duplicates < 3 {
            self.duplicates += 1;
            self.is_due = true;
            return;
        }
        self.compressed += 1;
        if self.compressed_until == Instant::NEVER {
            let twentieth = rtt.unwrap_or(Duration::from_secs(1)) / 20;
            self.compressed_until = now.after(config.compressed_delay.min(twentieth));
        }
    }

    /// The user has read. `is_all` says that nothing is left, `unacknowledged` how much came since
    /// the last acknowledgement.
    pub(crate) fn note_read(&mut self, config: &Acknowledge, unacknowledged: u32, is_all: bool) {
        let is_enough = unacknowledged > u32::from(self.segment);
        let is_write = self.pushed > 1 || (self.pushed > 0 && !self.is_interactive(config));
        let is_answered = is_write && is_all;
        if self.is_owed && config.adaptive && (is_enough || is_answered) {
            self.is_due = true;
        }
    }

    /// Data of ours goes out, and the acknowledgement with it.
    pub(crate) fn note_sent_data(&mut self, now: Instant) {
        if now.since(self.last_data_at) < self.ato() {
            self.interactive = self.interactive.saturating_add(1);
        }
    }

    /// An acknowledgement left, for `segments` that came.
    pub(crate) fn note_acknowledged(&mut self, config: &Acknowledge) {
        if self.quick > 0 {
            self.quick -= u8::from(self.is_owed);
            if self.quick == 0 {
                // From here on they wait, and not long at first.
                self.ato = self.ato().min(config.delay_min).into();
            }
        }
        self.is_owed = false;
        self.is_due = false;
        self.pushed = 0;
        self.until = Instant::NEVER;
        self.compressed = 0;
        self.compressed_until = Instant::NEVER;
    }

    /// The delay has passed.
    pub(crate) fn handle_timeout(&mut self, config: &Acknowledge, now: Instant, rto: Duration) {
        if self.compressed_until <= now {
            self.compressed_until = Instant::NEVER;
            self.is_due |= self.compressed > 0;
        }
        if self.until > now {
            return;
        }
        self.until = Instant::NEVER;
        if !self.is_owed {
            return;
        }
        if self.is_interactive(config) {
            // The user did not answer in time after all.
            self.interactive = 0;
            self.ato = config.delay_min.into();
        } else {
            self.ato = (self.ato() * 2).min(rto).into();
        }
        self.is_due = true;
    }

    /// The user will answer: acknowledgements wait for what it says.
    pub(crate) fn expect_answer(&mut self) {
        self.interactive = u8::MAX;
        self.is_owed = true;
    }

    /// Nothing is acknowledged any more.
    pub(crate) fn stop(&mut self) {
        self.is_owed = false;
        self.is_due = false;
        self.until = Instant::NEVER;
        self.compressed = 0;
        self.compressed_until = Instant::NEVER;
    }

    /// How long the next acknowledgement may be delayed.
    pub(crate) fn ato(&self) -> Duration {
        self.ato.get()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub(crate) fn next_timer(&self) -> Instant {
        self.until.min(self.compressed_until)
    }
}
