//! Data that is sent before the handshake is done. (RFC 7413)

use base::{Cx, Instant};

use super::Send;
use super::sent::{Marks, Sent};

impl Send {
    /// Puts behind our SYN, which was just sent for the first time, as much of what waits as may go with
    /// it; says how much that is.
    pub(super) fn add_syn_data(&mut self, cx: &mut Cx<'_>, room: u32) -> u32 {
        let len = room.min(self.queue_len());
        if len == 0 {
            return 0;
        }
        let (at, delivered) = (cx.now(), self.totals.delivered);
        let (start, end) = (self.nxt, self.nxt + len);
        let (mss, marks) = (len as u16, Marks::default().with(Marks::PUSH));
        self.sent.push(cx, Sent { start, end, at, delivered, mss, marks });
        self.nxt = end;
        self.totals.bytes_sent += u64::from(len);
        self.totals.data_segments = self.totals.data_segments.wrapping_add(1);
        len
    }

    /// What went with our SYN was not taken: it was never sent, but for the count.
    pub(crate) fn take_back_unacknowledged(&mut self, cx: &mut Cx<'_>) {
        let again = self.nxt - self.una;
        self.totals.bytes_retransmitted += u64::from(again);
        self.totals.retransmitted = self.totals.retransmitted.saturating_add(1);
        self.sent.clear(cx);
        self.nxt = self.una;
        self.timer.0 = Instant::NEVER;
    }
}
