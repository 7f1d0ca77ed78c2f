//! What nobody needs so much of. (RFC 9113 §10.5)
//!
//! Two accounts. One is for streams that are reset before they are done, by the peer or because of
//! what it does; the other for frames that do no work. Each has a limit that no honest peer comes
//! near, is refilled slowly by time, and quickly by work: whoever takes responses whole, or sends
//! bodies, may also send a lot around them. Whoever has overdrawn an account loses the connection.

use base::{Cx, Instant};

use crate::{Config, Fault, Seen, Why};

/// What one piece of work (a head, a frame of a body) forgives of the frames that do none.
const WORK: u32 = 4;

/// How many resets a head costs that is too large to be kept. A block of 64 KiB, which is read to its
/// end for the sake of the table, takes a millisecond; a reset some ten microseconds. The answer to it
/// forgives one. So there are a hundred at once, and three a second.
const OVERSIZED: u32 = 11;

/// How many windows are moved for what a frame that does no work costs.
const SHIFTS: u32 = 4;

#[derive(Debug)]
pub(crate) struct Abuse {
    resets: Account,
    control: Account,
}

/// A bucket of tokens.
#[derive(Debug)]
struct Account {
    left: u32,
    max: u32,
    per_second: u32,
    refilled: Instant,
}

impl Abuse {
    pub(crate) fn new(now: Instant, config: &Config) -> Self {
        let account = |max, per_second| Account { left: max, max, per_second, refilled: now };
        Self {
            resets: account(config.resets_max, config.resets_per_second),
            control: account(config.control_frames_max, config.control_frames_per_second),
        }
    }

    /// A stream was reset that was not done (CVE-2023-44487), or we had to reset it (CVE-2025-8671).
    pub(crate) fn count_reset(&mut self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        self.resets.spend(cx, 1, Why::TooManyResets)
    }

    /// A head came that is too large to be kept, and is answered with 431 (RFC 9113 §10.5.1).
    #[cold]
    pub(crate) fn count_oversized(&mut self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        self.resets.spend(cx, OVERSIZED, Why::TooManyResets)
    }

    /// A frame came that does no work.
    #[inline]
    pub(crate) fn count_control(&mut self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        self.control.spend(cx, 1, Why::TooManyControlFrames)
    }

    /// The initial window was changed, and with it those of so many streams (RFC 9113 §6.9.2).
    #[cold]
    pub(crate) fn count_shifts(&mut self, cx: &mut Cx<'_>, streams: usize) -> Result<(), Fault> {
        let streams = u32::try_from(streams).unwrap_or(u32::MAX);
        self.control.spend(cx, streams / SHIFTS, Why::TooManyControlFrames)
    }

    /// A head, or a frame of a body, came or went.
    #[inline]
    pub(crate) fn forgive_work(&mut self) {
        self.control.earn(WORK);
    }

    /// A message was sent whole, or received whole.
    #[inline]
    pub(crate) fn forgive_exchange(&mut self) {
        self.resets.earn(1);
    }
}

impl Account {
    #[inline]
    fn earn(&mut self, n: u32) {
        self.left = self.left.saturating_add(n).min(self.max);
    }

    #[inline]
    fn spend(&mut self, cx: &mut Cx<'_>, n: u32, why: Why) -> Result<(), Fault> {
        if self.left <= self.max / 2 {
            self.refill(cx.now());
        }
        let Some(left) = self.left.checked_sub(n) else { return Err(Fault::connection(why)) };
        self.left = left;
        cx.note(|| Seen::Counted { what: why, left });
        Ok(())
    }

    #[cold]
    fn refill(&mut self, now: Instant) {
        let nanos = u64::try_from(now.since(self.refilled).as_nanos()).unwrap_or(u64::MAX);
        let due = nanos.saturating_mul(self.per_second.into()) / 1_000_000_000;
        if due > 0 {
            self.refilled = now;
            self.earn(u32::try_from(due).unwrap_or(u32::MAX).min(self.max));
        }
    }
}
