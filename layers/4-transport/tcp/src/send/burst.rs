//! Several segments that are decided on as one.
//!
//! A device that cuts super-segments is given many at once, and the last of them carries PSH, so that who
//! merges them again hands them up without waiting. Where a profile says so, the same is done for devices
//! that take one at a time: on the wire nobody sees the difference.

use std::time::Duration;

use base::Instant;

use super::output::{Next, Room};
use super::{Phase, Send};
use crate::Seq;
use crate::config::Config;

impl Send {
    /// Decides what leaves next: a segment, or where the profile sends in bursts, several that are
    /// decided on as one, whether or not the device takes them as one. Returns the first piece: how
    /// long it is, whether it ends with FIN, and whether a burst ends with it.
    pub(super) fn begin_burst(
        &mut self,
        config: &Config,
        room: Room,
        (mss, quota): (u32, u32),
        small: bool,
    ) -> Option<(u32, bool, bool)> {
        let sends_bursts = config.congestion.burst_min > 0 && !small;
        let quota = if sends_bursts {
            let half = (self.congestion.cwnd() / 2).max(1);
            quota.min(half).min(self.burst_len(config, mss))
        } else {
            quota
        };
        self.burst = (self.nxt, self.nxt);
        let device = (room.gso_len_max / mss).max(1);
        let is_burst = sends_bursts && quota > 1;
        let segments = if is_burst { quota } else { device.min(quota) };
        let (len, has_fin) = self.cut((mss, segments), is_burst, small)?;
        if len <= device.saturating_mul(mss) {
            return Some((len, has_fin, is_burst && len > mss));
        }
        self.burst.1 = self.nxt + len;
        Some((device * mss, false, false))
    }

    /// Whether a burst waits until there is room for all of it: not for long, for the acknowledgement
    /// that makes room is on its way, and only if something left just now. (As Linux'
    /// `tcp_tso_should_defer` does it.)
    pub(super) fn waits_for_burst(
        &mut self,
        now: Instant,
        config: &Config,
        (mss, quota): (u32, u32),
    ) -> bool {
        /// So long ago is just now.
        const RECENT: Duration = Duration::from_millis(1);
        /// This part of the window is worth a burst, whatever its length.
        const PART: u32 = 3;
        let unsent = self.unsent_len();
        let is_last = self.has_finished || self.record_len(self.nxt, unsent).is_some();
        if config.congestion.burst_min == 0
            || unsent <= mss
            || is_last
            || self.recovery.phase >= Phase::Recovery
            || now.since(self.last_data_at) > RECENT
        {
            return false;
        }
        let window = self.window_end().beyond(self.nxt);
        let congestion = quota.saturating_mul(mss);
        let room = window.min(congestion);
        let whole = self.wnd.min(self.congestion.cwnd().saturating_mul(mss));
        if room >= self.burst_len(config, mss).saturating_mul(mss) || room >= whole / PART {
            return false;
        }
        // What was sent first is acknowledged first; if that takes long, nothing is to be gained.
        let Some(first) = self.sent.front() else { return false };
        let waits = now.since(first.at) >= self.rtt.smoothed() / 2;
        if waits && congestion < window {
            let packets = self.sent.packets();
            self.congestion.note_use(now, (self.una, self.nxt), packets, true);
        }
        waits
    }

    /// An entry of several segments is sent again as a burst, too, as far as `allowed`.
    pub(super) fn begin_burst_again(&mut self, config: &Config, index: usize, allowed: u32) {
        let Some(sent) = self.sent.get(index).copied() else { return };
        let is_rest = sent.start.is_after(self.burst.0) && sent.start.is_before(self.burst.1);
        if config.congestion.burst_min == 0 || is_rest {
            return;
        }
        let mss = self.mss();
        let segments = allowed.min(self.burst_len(config, mss));
        let len = sent.payload_len().min(segments.saturating_mul(mss));
        self.burst = (sent.start, sent.start + len);
    }

    /// Whether such a burst of more than one segment ends here.
    pub(super) fn ends_burst_again(&self, next: &Next) -> bool {
        let is_several = next.start.is_after(self.burst.0) || next.len > u32::from(next.mss);
        is_several && next.start + next.len == self.burst.1
    }

    /// What was decided on is decided on anew.
    pub(super) fn drop_burst(&mut self) {
        self.burst = (self.nxt, self.nxt);
    }

    /// Whether a write ends at `end`, or what comes to the same: the window's last bit is used, or of a
    /// small window so much was sent that the peer shall not wait for more.
    pub(super) fn ends_write(&mut self, config: &Config, end: Seq, mss: u32, small: bool) -> bool {
        let half = self.wnd_max / 2;
        let is_small_window = config.congestion.burst_min > 0 && half < 2 * mss;
        let is_much = is_small_window && end.beyond(self.pushed) > half;
        let ends_record = || self.record_len(self.nxt, end.beyond(self.nxt)).is_some();
        let is_end = end == self.write_end() || small || is_much || ends_record();
        if is_end {
            self.pushed = end;
        }
        is_end
    }

    /// The next piece of what was decided on, if something is left of it.
    pub(super) fn rest_of_burst(&mut self, mss: u32, room: Room) -> Option<(u32, bool, bool)> {
        let end = self.burst.1;
        let window = self.window_end();
        let left = end.min(window).beyond(self.nxt);
        if left == 0 {
            return None;
        }
        let device = (room.gso_len_max / mss).max(1).saturating_mul(mss);
        if left > device {
            return Some((device, false, false));
        }
        let has_fin = self.has_finished && end == self.write_end() && window.is_after(end);
        Some((left, has_fin, self.nxt + left == end))
    }

    /// How many segments leave as one: what is sent in a millisecond at the rate that the congestion
    /// window makes, and on short paths more, for there a burst fills no queue for long.
    fn burst_len(&self, config: &Config, mss: u32) -> u32 {
        // The most that a packet of IP carries, with its headers.
        const LEN_MAX: u64 = 65_200;
        let cwnd = self.congestion.cwnd();
        let is_early = cwnd < self.congestion.ssthresh() / 2;
        let percent = if is_early { 200 } else { 120 };
        let window = u64::from(cwnd.max(self.sent.packets())) * u64::from(mss) * percent / 100;
        let micros = |time: Option<Duration>| time.map(|time| time.as_micros() as u64);
        let smoothed = micros(Some(self.rtt.smoothed()).filter(|_| self.rtt.is_known()));
        let paced = smoothed.map_or(LEN_MAX, |rtt| (window * 1_000_000 / rtt.max(1)) >> 10);
        let near = micros(self.rtt.shortest())
            .map_or(0, |rtt| LEN_MAX.checked_shr((rtt >> 9) as u32).unwrap_or(0));
        let len = (paced + near).min(LEN_MAX) as u32;
        (len / mss).max(config.congestion.burst_min).min((self.wnd_max / 2 / mss).max(1))
    }
}
