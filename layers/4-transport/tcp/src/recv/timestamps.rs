use std::time::Duration;

use base::Instant;

use crate::Seq;

/// A timestamp is believed for so long (RFC 7323 §5.5): the fastest clock wraps in 24.8 days.
const RECENT_FOR: Duration = Duration::from_secs(24 * 24 * 3600);

/// What the peer's timestamps say. (RFC 7323 §4.3, §5)
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timestamps {
    /// Both sides send them.
    pub(crate) is_on: bool,
    /// TS.Recent.
    pub(crate) recent: u32,
    /// When it was taken.
    pub(crate) recent_at: Instant,
    /// Last.ACK.sent.
    pub(crate) last_ack: Seq,
    /// What is added to our clock on this connection.
    pub(crate) offset: u32,
}

impl Timestamps {
    /// The handshake's timestamp.
    pub(crate) fn begin(&mut self, now: Instant, value: u32) {
        self.is_on = true;
        self.recent = value;
        self.recent_at = now;
    }

    /// RFC 7323 §5.3 R1: whether the segment is older than one that came before.
    #[inline]
    pub(crate) fn is_old(&self, now: Instant, value: u32) -> bool {
        // Some send zeros in the handshake and a clock afterwards: zero is no time.
        self.recent != 0
            && (value.wrapping_sub(self.recent) as i32) < 0
            && now.since(self.recent_at) < RECENT_FOR
    }

    /// RFC 7323 §4.3: takes the timestamp of a segment that covers what was acknowledged last.
    #[inline]
    pub(crate) fn take(&mut self, now: Instant, seq: Seq, value: u32) {
        let is_newer = !self.is_old(now, value);
        if seq.is_at_most(self.last_ack) && is_newer {
            self.recent = value;
            self.recent_at = now;
        }
    }

    /// What our clock shows.
    pub(crate) fn now(&self, now: Instant, tick: Duration) -> u32 {
        ticks(now, tick).wrapping_add(self.offset)
    }

    /// How long ago our clock showed `echo`; nothing, if that is not believable.
    pub(crate) fn since_echo(&self, now: Instant, tick: Duration, echo: u32) -> Option<Duration> {
        let elapsed = self.now(now, tick).wrapping_sub(echo);
        // RFC 7323 §4.1: an echo of zero is none; one from the future, or from before the longest
        // timeout, is somebody's invention.
        let elapsed_max = Duration::from_secs(300);
        let elapsed = tick.checked_mul(elapsed).filter(|&elapsed| elapsed < elapsed_max)?;
        Some(elapsed.max(tick))
    }
}

/// How often a clock that steps by `tick` has stepped.
pub(crate) fn ticks(now: Instant, tick: Duration) -> u32 {
    let tick = u64::try_from(tick.as_nanos()).unwrap_or(u64::MAX).max(1);
    (now.as_nanos() / tick) as u32
}
