//! What comes in: in order into the buffer, out of order into ranges, and when it is acknowledged.

mod buffer;
mod delay;
mod ranges;
mod timestamps;
mod window;

use std::sync::Arc;
use std::time::Duration;

use base::Cx;

use crate::Seq;
use crate::config::{Acknowledge, Config};
use crate::wire::{Ecn, Flags, Segment};
use crate::xray::{Seen, Why};
pub(crate) use buffer::Buffer;
pub(crate) use delay::Delay;
pub(crate) use ranges::Ranges;
pub(crate) use timestamps::{Timestamps, ticks};
pub(crate) use window::Window;

/// The receive sequence space and everything that depends on it (RFC 9293 §3.3.1).
#[derive(Debug)]
pub(crate) struct Recv {
    /// IRS.
    pub(crate) irs: Seq,
    /// RCV.NXT.
    pub(crate) nxt: Seq,
    pub(crate) buffer: Buffer,
    pub(crate) ranges: Ranges,
    pub(crate) window: Window,
    pub(crate) delay: Delay,
    pub(crate) timestamps: Timestamps,
    /// Where the peer's FIN stands, once it came, in order or not.
    pub(crate) fin: Option<Seq>,
    /// It was taken: nothing follows.
    pub(crate) is_finished: bool,
    /// RCV.UP: behind the urgent data that the peer announced (RFC 6093).
    pub(crate) urgent: Option<Seq>,
    /// Whether selective acknowledgements were agreed on.
    pub(crate) has_sack: bool,
    /// The user has left: what comes is of no use to anybody.
    pub(crate) is_abandoned: bool,
    /// The user stays, and reads no more.
    pub(crate) is_shut: bool,
    pub(crate) ecn: EcnReceiver,
    /// The largest segment that we said we take.
    pub(crate) advertised_mss: u16,
    /// Bytes received in order, ever, and segments with data.
    pub(crate) bytes_received: u64,
    pub(crate) data_segments: u32,
}

/// The receiver's half of RFC 3168 §6.1.3.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EcnReceiver {
    /// Both sides understand marks.
    pub(crate) is_on: bool,
    /// Until the peer says CWR, every acknowledgement says ECE.
    pub(crate) echoes: bool,
    has_seen_ect: bool,
}

/// What became of a segment's data.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taken {
    /// Bytes that can be read now and could not before.
    pub(crate) readable: u32,
    /// The peer's FIN was taken.
    pub(crate) has_finished: bool,
    /// A gap was filled: that is acknowledged at once, whatever else came.
    pub(crate) fills_gap: bool,
}

impl Recv {
    pub(crate) fn new(config: &Config, scale: u8, advertised_mss: u16) -> Self {
        Self {
            irs: Seq(0),
            nxt: Seq(0),
            buffer: Buffer::new(Arc::clone(&config.budget)),
            ranges: Ranges::default(),
            window: Window::new(&config.buffers, scale, advertised_mss),
            delay: Delay::new(advertised_mss),
            timestamps: Timestamps::default(),
            fin: None,
            is_finished: false,
            urgent: None,
            has_sack: false,
            is_abandoned: false,
            is_shut: false,
            ecn: EcnReceiver::default(),
            advertised_mss,
            bytes_received: 0,
            data_segments: 0,
        }
    }

    /// The peer's SYN came; its segments are at most `mss` bytes long.
    pub(crate) fn begin(&mut self, cx: &mut Cx<'_>, irs: Seq, is_scaled: bool, mss: u16) {
        self.irs = irs;
        self.nxt = irs + 1;
        self.timestamps.last_ack = self.nxt;
        self.window.begin(cx.now(), self.nxt, is_scaled, mss);
    }

    /// How many bytes lie in memory, in order or not.
    pub(crate) fn used(&self) -> u32 {
        let out_of_order = if self.ranges.is_empty() { 0 } else { self.ranges.bytes() };
        self.buffer.len() as u32 + out_of_order
    }

    /// What the peer would be told now.
    pub(crate) fn window_now(&self, config: &Config) -> u32 {
        let pressure = config.budget.is_under_pressure();
        self.window.choose(self.nxt, self.used(), self.delay.segment, pressure)
    }

    /// RFC 9293 §3.10.7.4, first: whether some of the segment lies in the window, or it stands
    /// right before it. What is not acknowledged yet counts as the window: an acknowledgement that
    /// data of the same flight overtook is not out of place, and needs no answer.
    #[inline]
    pub(crate) fn is_acceptable(&self, start: Seq, end: Seq) -> bool {
        let window_end = self.nxt + self.window.open(self.nxt);
        start.is_at_most(window_end) && end.is_at_least(self.timestamps.last_ack)
    }

    /// Takes what a segment carries (RFC 9293 §3.10.7.4, seventh and eighth).
    pub(crate) fn take_data(
        &mut self,
        cx: &mut Cx<'_>,
        config: &Config,
        segment: &Segment<'_>,
        (smoothed, rto): (Option<Duration>, Duration),
    ) -> Taken {
        let (start, has_fin) = (segment.header.seq, segment.header.flags.has(Flags::FIN));
        let end = segment.end();
        self.data_segments = self.data_segments.wrapping_add(segments_in(segment));
        self.ranges.forget_duplicate();
        if end.is_at_most(self.nxt) {
            self.refuse_duplicate(cx, config, start, end);
            return Taken::default();
        }
        let open = self.window.open(self.nxt);
        let is_bare_fin = segment.payload.is_empty() && start == self.nxt;
        if start.is_at_least(self.nxt + open) && !is_bare_fin {
            self.delay.hurry(&config.acknowledge, open, 2);
            self.delay.is_due = true;
            cx.note(|| Seen::dropped(segment, Why::WindowClosed));
            return Taken::default();
        }
        // What came before is cut off in front, what was not asked for behind.
        let skip = self.nxt.beyond(start);
        if skip > 0 {
            self.note_duplicate(&config.acknowledge, start, self.nxt);
        }
        let from = start.max(self.nxt);
        // Nothing stands behind the peer's FIN.
        let window_end = self.fin.map_or(self.nxt + open, |fin| fin.min(self.nxt + open));
        let data_end = (start + segment.payload.len() as u32).min(window_end.max(from));
        let is_cut = data_end != start + segment.payload.len() as u32;
        if is_cut {
            cx.note(|| Seen::Ignored { why: Why::BeyondWindow });
        }
        let len = data_end.beyond(from);
        let payload = segment.payload.get(skip as usize..(skip + len) as usize).unwrap_or_default();
        if has_fin && !is_cut && self.fin.is_none() {
            self.fin = Some(data_end);
        }
        if from == self.nxt {
            self.take_in_order(cx, config, segment, payload, (smoothed, rto))
        } else {
            self.take_out_of_order(cx, config, segment, from, payload, smoothed);
            Taken::default()
        }
    }

    fn take_in_order(
        &mut self,
        cx: &mut Cx<'_>,
        config: &Config,
        segment: &Segment<'_>,
        payload: &[u8],
        (smoothed, rto): (Option<Duration>, Duration),
    ) -> Taken {
        if !self.buffer.has_memory_for(0, payload.len()) {
            cx.note(|| Seen::dropped(segment, Why::OutOfMemory));
            self.delay.is_due = true;
            return Taken::default();
        }
        let had_gap = !self.ranges.is_empty();
        let before = self.nxt;
        if had_gap && config.acknowledge.reports_duplicates {
            self.ranges.note_overlaps(before, before + payload.len() as u32);
        }
        if !self.is_abandoned {
            self.buffer.write_at(cx, 0, payload);
        }
        self.nxt += payload.len() as u32;
        let brings_fin = segment.header.flags.has(Flags::FIN) && self.fin == Some(self.nxt);
        while let Some(end) = self.ranges.take_up_to(self.nxt) {
            self.nxt = self.nxt.max(end);
        }
        // A FIN that came early has its number in the ranges.
        self.nxt = self.fin.map_or(self.nxt, |fin| self.nxt.min(fin));
        let readable = self.nxt - before;
        if self.is_abandoned {
            self.buffer.clear(cx);
        } else {
            self.buffer.complete(readable as usize);
        }
        self.bytes_received += u64::from(readable);
        let has_finished = !self.is_finished && self.fin == Some(self.nxt);
        if has_finished {
            self.is_finished = true;
            self.nxt += 1;
            self.delay.is_owed = true;
            // Nothing stands behind a FIN: what claimed to is forgotten.
            self.ranges.clear();
        }
        let used = self.used();
        self.window.note_data(cx.now(), self.nxt, payload.len(), used);
        if !payload.is_empty() {
            let has_push = segment.header.flags.has(Flags::PSH);
            let size = match segment.segment_len {
                0 => segment.payload.len(),
                n => usize::from(n),
            };
            let open = self.window.open(self.nxt);
            // RFC 6691 §2: what we said counts no options; a whole segment has those of timestamps.
            let options = if self.timestamps.is_on { 12 } else { 0 };
            let (now, mss) = (cx.now(), self.advertised_mss.saturating_sub(options));
            self.delay.note_data(&config.acknowledge, now, size, has_push, (open, rto), mss);
        }
        // RFC 5681 §4.2: what fills a gap is acknowledged at once.
        let fills_gap = had_gap && !brings_fin;
        self.delay.is_due |= fills_gap;
        self.decide(cx, config, smoothed);
        Taken { readable, has_finished, fills_gap }
    }

    fn take_out_of_order(
        &mut self,
        cx: &mut Cx<'_>,
        config: &Config,
        segment: &Segment<'_>,
        from: Seq,
        payload: &[u8],
        smoothed: Option<Duration>,
    ) {
        let rtt = smoothed.into_iter().chain(self.window.rtt()).min();
        let (now, has_sack) = (cx.now(), self.has_sack);
        self.delay.decide_out_of_order(&config.acknowledge, now, self.nxt, has_sack, rtt);
        // The number of a FIN behind a gap is acknowledged selectively too.
        let end = from + payload.len() as u32;
        let end = if self.fin == Some(end) { end + 1 } else { end };
        if end == from {
            return;
        }
        if self.ranges.contains(from, end) {
            self.note_duplicate(&config.acknowledge, from, end);
            self.delay.is_due = true;
            cx.note(|| Seen::dropped(segment, Why::Duplicate));
            return;
        }
        let offset = from.beyond(self.nxt) as usize;
        let why = if !self.ranges.has_room_for(from, end) {
            Some(Why::TooManyGaps)
        } else if !self.buffer.has_memory_for(offset, payload.len()) {
            Some(Why::OutOfMemory)
        } else {
            None
        };
        if let Some(why) = why {
            self.delay.is_due = true;
            cx.note(|| Seen::dropped(segment, why));
            return;
        }
        if !self.is_abandoned {
            self.buffer.write_at(cx, offset, payload);
        }
        if config.acknowledge.reports_duplicates {
            self.ranges.note_overlaps(from, end);
        }
        self.ranges.insert(from, end);
        let (nxt, len) = (self.nxt, payload.len());
        cx.note(|| Seen::OutOfOrder { seq: from, len, expected: nxt });
    }

    /// All of it came before.
    fn refuse_duplicate(&mut self, cx: &mut Cx<'_>, config: &Config, start: Seq, end: Seq) {
        self.delay.hurry_anew(&config.acknowledge, self.window.open(self.nxt));
        self.delay.is_due = true;
        // RFC 2883 §4: the peer hears that it need not have sent it again.
        self.note_duplicate(&config.acknowledge, start, end);
        cx.note(|| Seen::Ignored { why: Why::Duplicate });
    }

    /// The peer is to hear that it sent something twice (RFC 2883 §4).
    fn note_duplicate(&mut self, config: &Acknowledge, start: Seq, end: Seq) {
        if config.reports_duplicates {
            self.ranges.note_duplicate(start, end);
        }
    }

    /// A segment that is wholly out of the window is reported too, if it carries something
    /// (RFC 2883 §4).
    pub(crate) fn note_outside(&mut self, config: &Acknowledge, start: Seq, end: Seq) {
        if start.is_before(end) && start.is_before(self.nxt) {
            // Our acknowledgement was lost, or is late: the next ones do not wait.
            self.delay.hurry_anew(config, self.window.open(self.nxt));
            self.ranges.forget_duplicate();
            self.note_duplicate(config, start, end.min(self.nxt));
        }
    }

    /// Our SYN acknowledges what has come, with a window that is not scaled.
    pub(crate) fn note_answered(&mut self, config: &Acknowledge) {
        self.timestamps.last_ack = self.nxt;
        self.window.tell_in_syn(self.nxt);
        self.delay.note_acknowledged(config);
    }

    /// Whether what came since is acknowledged now, or later.
    pub(crate) fn decide(&mut self, cx: &mut Cx<'_>, config: &Config, smoothed: Option<Duration>) {
        let unacknowledged = self.window.unacknowledged(self.nxt);
        let open = self.window.open(self.nxt);
        let moves = unacknowledged > 0 && self.window_now(config) >= open;
        self.delay.decide(&config.acknowledge, cx.now(), unacknowledged, moves, smoothed);
    }

    /// The user has read `n` bytes.
    pub(crate) fn release(&mut self, cx: &mut Cx<'_>, config: &Config, n: usize) {
        let n = n.min(self.buffer.len());
        self.buffer.release(cx, n);
        if self.ranges.is_empty() {
            self.buffer.tidy(cx);
        }
        let may_grow = config.buffers.receive_autotune && !config.budget.is_under_pressure();
        self.window.note_read(cx.now(), n, may_grow);
        let unacknowledged = self.window.unacknowledged(self.nxt);
        let is_all = self.buffer.len() == 0;
        self.delay.note_read(&config.acknowledge, unacknowledged, is_all);
        if !self.delay.is_due && !self.is_finished && n > 0 {
            // RFC 9293 §3.8.6.2.2: the peer hears of the window when it opened by a good part.
            let now = self.window_now(config);
            let may_tell = !config.buffers.receive_offers_all || !self.delay.is_owed;
            self.delay.is_due |= may_tell && self.window.is_news(self.nxt, now);
        }
    }

    /// What the IP header said of congestion (RFC 3168 §6.1.3).
    pub(crate) fn take_ecn(&mut self, config: &Config, flags: Flags, ecn: Ecn, has_data: bool) {
        if !self.ecn.is_on {
            return;
        }
        if flags.has(Flags::CWR) {
            self.ecn.echoes = false;
            // The peer learns of the next mark as soon as can be.
            self.delay.is_due |= has_data;
        }
        match ecn {
            Ecn::Ce => {
                if !self.ecn.echoes {
                    let open = self.window.open(self.nxt);
                    self.delay.hurry_anew(&config.acknowledge, open);
                }
                self.ecn.echoes = true;
                self.ecn.has_seen_ect = true;
            }
            Ecn::NotEct if self.ecn.has_seen_ect && has_data => {
                // A retransmission: it is not marked, and tells of trouble.
                let open = self.window.open(self.nxt);
                self.delay.hurry(&config.acknowledge, open, 2);
            }
            Ecn::NotEct => {}
            Ecn::Ect0 | Ecn::Ect1 => self.ecn.has_seen_ect = true,
        }
    }

    /// RFC 6093 §4: takes the urgent pointer. Returns whether it is news.
    pub(crate) fn take_urgent(&mut self, segment: &Segment<'_>) -> bool {
        if !segment.header.flags.has(Flags::URG) || segment.header.urgent == 0 {
            return false;
        }
        let end = segment.header.seq + u32::from(segment.header.urgent);
        let is_news = end.is_after(self.nxt)
            && self.urgent.is_none_or(|before| end.is_after(before))
            || (end == self.nxt && self.urgent.is_none() && !segment.payload.is_empty());
        if is_news {
            self.urgent = Some(end);
        }
        is_news
    }
}

/// How many segments this was before a device merged them.
pub(crate) fn segments_in(segment: &Segment<'_>) -> u32 {
    match (segment.payload.len() as u32, u32::from(segment.segment_len)) {
        (0, _) => 0,
        (_, 0) => 1,
        (len, each) => len.div_ceil(each),
    }
}
