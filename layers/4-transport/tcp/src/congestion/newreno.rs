use std::time::Duration;

use base::Instant;

use super::{Policy, Progress, Window};

/// RFC 5681 with RFC 6582: doubled in slow start, one segment a round trip afterwards, halved at a
/// loss. It remembers nothing beyond the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewReno;

impl Policy for NewReno {
    fn grow(&mut self, window: &mut Window, progress: &Progress) {
        let mut acked = progress.acked;
        if window.is_in_slow_start() {
            acked = window.slow_start(acked);
            if acked == 0 {
                return;
            }
        }
        // RFC 5681 §3.1: one segment a round trip, counted in segments acknowledged.
        window.grow_by_one_per(window.cwnd, acked);
    }

    /// RFC 5681 §3.1, equation 4. The window stands for what is in flight: it only counts when it
    /// was in use.
    fn reduce(&mut self, window: &Window) -> u32 {
        (window.cwnd / 2).max(2)
    }

    fn forget(&mut self) {}

    fn resume(&mut self, _now: Instant, _pause: Duration) {}
}
