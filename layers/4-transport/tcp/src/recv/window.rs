use std::time::Duration;

use base::Instant;

use crate::Seq;
use crate::config::BuffersConfig;
use crate::spare::Micros;

/// How many bytes of a header timestamps take (RFC 7323 appendix A).
const TIMESTAMPS_LEN: u16 = 12;

/// How much the peer may send: what it is told, and how the buffer behind it grows. (RFC 9293
/// §3.8.6.2.2, RFC 7323 §2)
#[derive(Clone, Debug)]
pub(crate) struct Window {
    /// RCV.WND, as it was last told, counted from `told_at`.
    told: u32,
    /// RCV.NXT when it was told.
    told_at: Seq,
    /// By how many bits it is shifted on the wire.
    pub(crate) scale: u8,
    /// How much the buffer may hold.
    space: u32,
    space_max: u32,
    /// No more than this is offered: it grows as whole segments come, so that small ones do not
    /// fill memory with what surrounds them.
    offered_max: u32,
    /// The measure of how fast the user reads: since when, since which byte, how much a round
    /// trip before.
    round_at: Instant,
    round_read: u32,
    round_last: u32,
    /// The peer's round trip as it shows in what comes.
    rtt: Micros,
    rtt_at: Instant,
    rtt_seq: Seq,
    advertised_mss: u16,
    /// All of the buffer is offered, to the byte.
    offers_all: bool,
}

impl Window {
    pub(crate) fn new(config: &BuffersConfig, scale: u8, advertised_mss: u16) -> Self {
        let mss = u32::from(advertised_mss.max(1));
        let first = first_window(config, advertised_mss);
        Self {
            told: first,
            told_at: Seq(0),
            scale,
            space: config.receive_initial.max(first),
            space_max: config.receive_max.max(config.receive_initial),
            offered_max: first,
            round_at: Instant::ORIGIN,
            round_read: 0,
            round_last: first.min(10 * mss),
            rtt: Micros::ZERO,
            rtt_at: Instant::ORIGIN,
            rtt_seq: Seq(0),
            advertised_mss,
            offers_all: config.receive_offers_all,
        }
    }

    /// Segments carry timestamps, so that more of them fit into the buffer: the first window, which
    /// was not told yet, is whole segments of that size.
    pub(crate) fn reckon_with_timestamps(&mut self, config: &BuffersConfig) {
        let first = first_window(config, self.advertised_mss.saturating_sub(TIMESTAMPS_LEN));
        self.told = first;
        self.offered_max = first;
        self.space = self.space.max(first);
    }

    /// The peer's SYN came: numbers begin at `nxt`, and segments have at most `mss` bytes.
    pub(crate) fn begin(&mut self, now: Instant, nxt: Seq, is_scaled: bool, mss: u16) {
        self.told_at = nxt;
        self.round_at = now;
        self.rtt_at = now;
        self.rtt_seq = nxt + self.told;
        self.scale = if is_scaled { self.scale } else { 0 };
        if self.offers_all {
            self.space = self.space.next_multiple_of(u32::from(mss.max(1)));
            self.space_max = self.space_max.max(self.space);
        } else if !is_scaled {
            self.space_max = self.space_max.min(u32::from(u16::MAX));
            self.space = self.space.min(u32::from(u16::MAX));
        }
    }

    /// What is still open of what the peer was told.
    #[inline]
    pub(crate) fn open(&self, nxt: Seq) -> u32 {
        (self.told_at + self.told).beyond(nxt)
    }

    /// The window for a SYN, which is never scaled.
    pub(crate) fn in_syn(&self) -> u16 {
        self.told.min(u32::from(u16::MAX)) as u16
    }

    /// The window of a SYN that acknowledges all before `nxt`.
    pub(crate) fn tell_in_syn(&mut self, nxt: Seq) {
        self.told = u32::from(self.in_syn());
        self.told_at = nxt;
    }

    /// How much the buffer may hold.
    pub(crate) const fn space(&self) -> u32 {
        self.space
    }

    /// The user sets how much the buffer may hold, once and for all.
    pub(crate) fn set_space(&mut self, space: u32) {
        self.space = space;
        self.space_max = space;
        self.offered_max = self.offered_max.min(space);
    }

    /// What the peer would be told now, while `used` bytes lie in the buffer. RFC 9293 §3.8.6.2.2:
    /// the window opens by whole segments or not at all, and never shrinks.
    pub(crate) fn choose(&self, nxt: Seq, used: u32, segment: u16, pressure: bool) -> u32 {
        let open = self.open(nxt);
        let full = self.space;
        if self.offers_all {
            return self.choose_all(open, full.saturating_sub(used));
        }
        let segment = u32::from(segment).min(full);
        let mut free = full.saturating_sub(used);
        let unit = 1 << self.scale;
        if free < full / 2 {
            free -= free % unit;
            if free < full / 16 || free < segment {
                return round_up(open, unit);
            }
        }
        let offered = if pressure { free.min(4 * segment.max(1)) } else { free };
        let offered = offered.min(self.offered_max.max(segment));
        if self.scale > 0 {
            return round_up(offered.max(open), unit);
        }
        // Without scaling each value can be told: it moves by whole segments only.
        let segment = segment.max(1);
        let window = if self.told + segment <= offered || self.told > offered {
            offered - offered % segment
        } else {
            self.told
        };
        window.max(open)
    }

    /// The same, where all that is free is offered unless it is less than a segment.
    fn choose_all(&self, open: u32, free: u32) -> u32 {
        let is_silly = free < self.space / 4 && free < u32::from(self.advertised_mss);
        let free = if is_silly { 0 } else { free };
        let most = u32::from(u16::MAX) << self.scale;
        round_up(free.max(open), 1 << self.scale).min(most)
    }

    /// Whether the peer must hear that its window would now be `window`.
    pub(crate) fn is_news(&self, nxt: Seq, window: u32) -> bool {
        let open = self.open(nxt);
        if !self.offers_all {
            let is_small = open <= self.space / 2;
            return is_small && window > 0 && window >= open.saturating_mul(2);
        }
        // RFC 9293 §3.8.6.2.2 as 4.4BSD has it: two segments more that matter, or half of all.
        let more = window.saturating_sub(open);
        let segments = 2 * u32::from(self.advertised_mss);
        let matters =
            more >= self.space / 4 || window <= self.space / 8 || self.space <= 4 * segments;
        (more >= segments && matters) || more >= self.space.div_ceil(2)
    }

    /// Tells the peer: returns the window as it stands on the wire.
    pub(crate) fn tell(&mut self, nxt: Seq, window: u32) -> u16 {
        let most = u32::from(u16::MAX) << self.scale;
        let window = window.min(most);
        self.told = window;
        self.told_at = nxt;
        (window >> self.scale) as u16
    }

    /// How many bytes came since the window was last told: since the last acknowledgement.
    #[inline]
    pub(crate) fn unacknowledged(&self, nxt: Seq) -> u32 {
        nxt.beyond(self.told_at)
    }

    /// A segment of `len` bytes came in order.
    pub(crate) fn note_data(&mut self, now: Instant, nxt: Seq, len: usize, used: u32) {
        const SMALL: usize = 128;
        if len >= SMALL {
            let room = self.space.saturating_sub(used).saturating_sub(self.offered_max);
            // A merged segment counts as all of those that it was made of.
            let growth = u32::from(self.advertised_mss).max(len as u32).saturating_mul(2);
            self.offered_max += room.min(growth);
        }
        // A whole window came: that takes a round trip at least.
        if nxt.is_at_least(self.rtt_seq) {
            let sample = now.since(self.rtt_at);
            self.take_rtt(sample);
            self.rtt_at = now;
            self.rtt_seq = nxt + self.told;
        }
    }

    /// The peer's round trip was seen.
    pub(crate) fn take_rtt(&mut self, sample: Duration) {
        let sample = sample.max(Duration::from_micros(1));
        self.rtt = match self.rtt() {
            Some(rtt) if sample > rtt => rtt + (sample - rtt) / 8,
            _ => sample,
        }
        .into();
    }

    /// The round trip as the receiver sees it.
    pub(crate) fn rtt(&self) -> Option<Duration> {
        (self.rtt != Micros::ZERO).then(|| self.rtt.get())
    }

    /// The user has read `n` bytes: when it reads more than the last time in one round trip, the
    /// buffer is what holds the peer back.
    pub(crate) fn note_read(&mut self, now: Instant, n: usize, may_grow: bool) {
        self.round_read = self.round_read.saturating_add(u32::try_from(n).unwrap_or(u32::MAX));
        let Some(rtt) = self.rtt() else { return };
        if now.since(self.round_at) < rtt {
            return;
        }
        let read = std::mem::take(&mut self.round_read);
        self.round_at = now;
        if read <= self.round_last {
            return;
        }
        if may_grow {
            // Twice what was read, and as much more as it grew: the peer's slow start doubles.
            let twice = u64::from(read) * 2 + 16 * u64::from(self.advertised_mss);
            let growth =
                twice * u64::from(read - self.round_last) / u64::from(self.round_last.max(1));
            let wished = u32::try_from(twice + 2 * growth).unwrap_or(u32::MAX);
            self.space = self.space.max(wished.min(self.space_max));
        }
        self.round_last = read;
    }
}

/// What a SYN offers, or its answer: of the buffer, what segments of `mss` bytes can fill.
fn first_window(config: &BuffersConfig, mss: u16) -> u32 {
    let mss = u32::from(mss.max(1));
    let mut first = config.receive_initial;
    if config.receive_initial_whole_segments && first > mss {
        first -= first % mss;
    }
    if let Some(segments) = config.receive_initial_segments {
        first = first.min(segments * mss);
    }
    // The window of a SYN is not scaled (RFC 7323 §2.2).
    first.min(u32::from(u16::MAX))
}

fn round_up(n: u32, unit: u32) -> u32 {
    n.saturating_add(unit - 1) / unit * unit
}
