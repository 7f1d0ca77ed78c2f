//! Windows: how much may be sent, in both directions, and how large ours should be. (RFC 9113 §5.2, §6.9)

use std::time::Duration;

use base::Instant;

use crate::Why;

/// The largest window there may be (RFC 9113 §6.9.1).
pub(crate) const WINDOW_MAX: u32 = (1 << 31) - 1;

/// What every window is before anybody says something else (RFC 9113 §6.9.2).
pub(crate) const WINDOW_INITIAL: u32 = 65_535;

/// The least that is worth a frame of its own, as long as there is more to send and the window was
/// ever twice as large.
const SLIVER: u32 = 1024;

/// How much the peer lets us send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SendWindow {
    /// It may be below nothing, when the peer has changed its settings (RFC 9113 §6.9.2).
    available: i64,
    /// The most it ever was.
    largest: u32,
}

impl SendWindow {
    pub(crate) const fn new(initial: u32) -> Self {
        Self { available: initial as i64, largest: initial }
    }

    /// The window as it is.
    pub(crate) const fn raw(&self) -> i64 {
        self.available
    }

    /// How much may be sent now.
    #[inline]
    pub(crate) fn available(&self) -> u32 {
        u32::try_from(self.available).unwrap_or(0)
    }

    /// Takes what WINDOW_UPDATE brings.
    #[inline]
    pub(crate) fn grow(&mut self, increment: u32) -> Result<(), Why> {
        // RFC 9113 §6.9: nothing is an error, §6.9.1: so is too much.
        if increment == 0 {
            return Err(Why::IncrementZero);
        }
        self.add(increment.into())
    }

    /// Takes a change of the initial window (RFC 9113 §6.9.2).
    pub(crate) fn shift(&mut self, by: i64) -> Result<(), Why> {
        // RFC 9113 §6.9.3: who makes windows smaller waits until they are; he will not make them as
        // large as they were.
        let largest = i64::from(self.largest) + by;
        self.largest = u32::try_from(largest.max(0)).unwrap_or(WINDOW_MAX);
        self.add(by)
    }

    fn add(&mut self, by: i64) -> Result<(), Why> {
        let available = self.available + by;
        if available > WINDOW_MAX.into() {
            return Err(Why::WindowOverflow);
        }
        self.available = available;
        self.largest = self.largest.max(self.available());
        Ok(())
    }

    #[inline]
    pub(crate) fn take(&mut self, n: u32) {
        debug_assert!(n <= self.available(), "more was sent than the window allows");
        self.available -= i64::from(n);
    }

    /// Whether a frame is worth sending, with so much to send: all of it, or no sliver. So a peer
    /// that opens its window a byte at a time does not make us send a byte at a time.
    #[inline]
    pub(crate) fn is_worth(&self, pending: u64) -> bool {
        let enough = SLIVER.min(self.largest / 2).max(1);
        u64::from(self.available()) >= pending.min(enough.into())
    }
}

/// How much we let the peer send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecvWindow {
    /// What the peer may still send, as it knows.
    left: i64,
    /// What is free again, and not yet announced.
    owed: u32,
    /// What the peer may have on the way at most.
    size: u32,
}

impl RecvWindow {
    pub(crate) const fn new(size: u32) -> Self {
        Self { left: size as i64, owed: 0, size }
    }

    pub(crate) const fn size(&self) -> u32 {
        self.size
    }

    pub(crate) const fn raw(&self) -> i64 {
        self.left
    }

    /// Takes what arrived.
    #[inline]
    pub(crate) fn take(&mut self, n: u32) -> Result<(), Why> {
        // RFC 9113 §6.9.1: more than was allowed is an error.
        if i64::from(n) > self.left {
            return Err(Why::WindowExceeded);
        }
        self.left -= i64::from(n);
        Ok(())
    }

    /// What arrived is done with.
    #[inline]
    pub(crate) fn release(&mut self, n: u32) {
        // Who releases more than there was gets no larger window for it.
        let held = i64::from(self.size) - self.left - i64::from(self.owed);
        self.owed += i64::from(n).clamp(0, held.max(0)) as u32;
    }

    /// Takes a change of our own initial window, once the peer knows of it (RFC 9113 §6.9.2).
    pub(crate) fn shift(&mut self, by: i64) {
        self.left += by;
        self.size = u32::try_from(i64::from(self.size) + by).unwrap_or(0);
    }

    /// Makes the window larger.
    pub(crate) fn widen(&mut self, to: u32) {
        let by = to.min(WINDOW_MAX).saturating_sub(self.size);
        self.size += by;
        self.owed += by;
    }

    /// What is to be announced, when it is worth a frame: half a window.
    #[inline]
    pub(crate) fn update(&mut self) -> Option<u32> {
        if self.owed < (self.size / 2).max(1) {
            return None;
        }
        let owed = std::mem::take(&mut self.owed);
        self.left += i64::from(owed);
        Some(owed)
    }

    /// Whether it is the peer's turn to send.
    pub(crate) const fn is_open(&self) -> bool {
        self.left > 0
    }
}

/// How large windows should be: twice what arrives in one round trip, measured with a PING whenever
/// enough arrives.
// RFC 9113 §5.2.3: windows below what the path carries in a round trip waste it.
#[derive(Debug)]
pub(crate) struct Bandwidth {
    /// What is measured now: since when, and how much has arrived.
    probe: Option<(Instant, u64)>,
    /// What has arrived since the last measurement.
    since: u64,
    /// How large windows are.
    window: u32,
    window_max: u32,
    /// How many measurements have changed nothing.
    fruitless: u8,
}

/// What is worth measuring.
const MEASURED_LEN_MIN: u32 = 8 * 1024;

/// After so many measurements in a row that changed nothing there are no more: the window is as large
/// as the path needs, and a steady upload is not to be paid for with a PING a round trip.
const FRUITLESS_MAX: u8 = 8;

impl Bandwidth {
    pub(crate) const fn new(window: u32, window_max: u32) -> Self {
        let window_max = if window_max > WINDOW_MAX { WINDOW_MAX } else { window_max };
        Self { probe: None, since: 0, window, window_max, fruitless: 0 }
    }

    /// How large the window of a stream that is read should be.
    pub(crate) const fn window(&self) -> u32 {
        self.window
    }

    /// Takes note of what arrived; whether a PING is to be sent.
    #[inline]
    pub(crate) fn arrived(&mut self, now: Instant, len: u32) -> bool {
        self.since += u64::from(len);
        if let Some((_, arrived)) = &mut self.probe {
            *arrived += u64::from(len);
            return false;
        }
        let is_worth = self.since >= u64::from((self.window / 2).max(MEASURED_LEN_MIN))
            && self.window < self.window_max
            && self.fruitless < FRUITLESS_MAX;
        if is_worth {
            self.probe = Some((now, 0));
        }
        is_worth
    }

    /// The PING came back; the new size and the round trip, if there is a new one.
    pub(crate) fn returned(&mut self, now: Instant) -> Option<(u32, Duration)> {
        let (sent, arrived) = self.probe.take()?;
        self.since = 0;
        if arrived < u64::from(self.window) * 2 / 3 {
            self.fruitless += 1;
            return None;
        }
        self.fruitless = 0;
        let wanted = u32::try_from(arrived * 2).unwrap_or(u32::MAX).min(self.window_max);
        (wanted > self.window).then(|| {
            self.window = wanted;
            (wanted, now.since(sent))
        })
    }
}
