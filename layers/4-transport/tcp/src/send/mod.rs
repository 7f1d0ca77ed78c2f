//! What we send: the bytes, what is outstanding of them, and when something is sent again.
//!
//! ```text
//!   write ─▶ queue ─▶ output ──────────────▶ segments        ack ◀──── acknowledgements
//!                       │ what was sent                       │ what has arrived
//!                       ▼                                     ▼
//!                     sent (scoreboard) ◀── rack, loss: what is lost, how fast we may send
//! ```

mod ack;
mod burst;
mod early;
mod loss;
mod output;
mod queue;
mod rack;
mod recovery;
mod sack;
mod sent;
mod size;
mod timeout;

use std::time::Duration;

use base::{Cx, Instant};

use crate::Seq;
use crate::config::Config;
use crate::congestion::Congestion;
use crate::pmtu::PathMtu;
use crate::rtt::Rtt;
use queue::Queue;
use rack::Rack;
use recovery::Recovery;
use sent::{Marks, Scoreboard};

pub(crate) use ack::Ack;
pub(crate) use output::{Next, Room, What};
pub use queue::Payload;
pub use recovery::Phase;

/// The shortest time that a timer is set for: below it, clocks are not exact enough.
pub(crate) const TIMER_MIN: Duration = Duration::from_millis(2);

/// How many segments may be thought to overtake each other: if more were waited for, a timeout
/// would come first.
const REORDERING_MAX: u32 = 300;

/// Which of the timers of the sender runs; there is one at a time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RetransmitTimer {
    /// RFC 6298 §5.
    Timeout,
    /// The end of a flight is probed (RFC 8985 §7).
    Probe,
    /// What may have been reordered is lost (RFC 8985 §6.3).
    Reordering,
    /// The peer's closed window is probed (RFC 9293 §3.8.6.1).
    Persist,
}

/// The send sequence space and everything that depends on it (RFC 9293 §3.3.1).
#[derive(Debug)]
pub(crate) struct Send {
    /// ISS.
    pub(crate) iss: Seq,
    /// SND.UNA.
    pub(crate) una: Seq,
    /// SND.NXT.
    pub(crate) nxt: Seq,
    /// SND.WND, scaled.
    pub(crate) wnd: u32,
    /// SND.WL1: the segment that last moved the window. SND.WL2 is not needed: see
    /// [`take_window`](Self::take_window).
    pub(crate) wl1: Seq,
    /// The largest window that the peer has offered.
    pub(crate) wnd_max: u32,
    /// By how many bits the peer shifts its windows.
    pub(crate) scale: u8,
    /// Whether selective acknowledgements were agreed on.
    pub(crate) has_sack: bool,
    /// Whether timestamps were; each segment carries twelve bytes more.
    pub(crate) has_timestamps: bool,
    /// The user has finished: behind the queue comes a FIN.
    pub(crate) has_finished: bool,
    /// Where the FIN stands, once it was sent.
    pub(crate) fin: Option<Seq>,
    pub(crate) queue: Queue,
    pub(crate) sent: Scoreboard,
    pub(crate) rtt: Rtt,
    pub(crate) congestion: Congestion,
    pub(crate) recovery: Recovery,
    pub(crate) rack: Rack,
    pub(crate) pmtu: PathMtu,
    pub(crate) nagle: Nagle,
    /// When the timer goes off, or never, and which it is.
    pub(crate) timer: (Instant, RetransmitTimer),
    /// How often the first outstanding segment has timed out.
    pub(crate) timeouts: u8,
    /// When the first of these segments was sent.
    pub(crate) stalled_since: Instant,
    /// When the user's patience ends, if it is set and something is outstanding too long already:
    /// no timeout is later.
    pub(crate) patient_until: Instant,
    /// How many probes of a closed window were not answered.
    pub(crate) probes: u8,
    /// Where the urgent data that the user sends ends.
    pub(crate) urgent: Option<Seq>,
    /// When data was last sent; before the handshake is done, when our SYN first was.
    pub(crate) last_data_at: Instant,
    /// What `info` shows.
    pub(crate) totals: Totals,
    /// Explicit congestion notification (RFC 3168).
    pub(crate) ecn: EcnSender,
    /// Where that began and ends which was last decided on as one.
    burst: (Seq, Seq),
    /// Where PSH last stood because a write ended, or as good as.
    pushed: Seq,
    /// What is due.
    due: Due,
    /// Pacing, if the user wishes it.
    pub(crate) pacing: Option<Box<Pacing>>,
}

/// What holds segments back, small ones above all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Nagle {
    /// `TCP_NODELAY`.
    pub(crate) is_off: bool,
    /// `TCP_CORK`.
    pub(crate) is_corked: bool,
    /// Not the handshake: data may leave before our SYN is acknowledged, for the peer is a client with a
    /// cookie (RFC 7413 §4.2.2).
    pub(crate) is_early: bool,
    /// Somewhere in what is written a record ends: what follows begins a segment.
    pub(crate) has_records: bool,
    /// Where the last small segment ended (Minshall's change to RFC 896).
    pub(crate) small_end: Option<Seq>,
    /// The user turned something off, or it shall tell something: what waits may leave at once, up to
    /// here.
    pub(crate) pushed: Option<Seq>,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    /// Segments retransmitted, ever.
    pub(crate) retransmitted: u32,
    /// Segments delivered, ever, those acknowledged selectively included.
    pub(crate) delivered: u32,
    /// Of these, marked by a router.
    pub(crate) delivered_ce: u32,
    /// Numbers acknowledged, ever: bytes, our FIN, and our SYN if it was the first.
    pub(crate) bytes_acked: u64,
    /// Bytes sent, ever, those sent again included.
    pub(crate) bytes_sent: u64,
    /// Bytes sent again.
    pub(crate) bytes_retransmitted: u64,
    /// Segments with data sent, ever.
    pub(crate) data_segments: u32,
    /// Duplicates that the peer reported (RFC 2883).
    pub(crate) duplicates: u32,
    /// Reordering that was seen.
    pub(crate) reorderings: u32,
}

/// The sender's half of RFC 3168 §6.1.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EcnSender {
    /// Both sides understand marks.
    pub(crate) is_on: bool,
    /// The next data that is new says that the window was reduced.
    pub(crate) owes_cwr: bool,
}

/// What is to be sent whatever the windows say.
#[derive(Clone, Copy, Debug, Default)]
struct Due {
    /// Our SYN.
    syn: bool,
    /// A tail loss probe.
    tail_probe: bool,
    /// What the window allows, however small: a probe of the persist timer.
    small: bool,
    /// A segment that says nothing new, so that the peer shows its window.
    window_probe: bool,
}

/// How the rate is held down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacing {
    /// The most bytes a second; not zero.
    pub(crate) rate_max: u64,
    /// When the next segment may leave.
    pub(crate) next: Instant,
}

impl Send {
    pub(crate) fn new(config: &Config, iss: Seq, mss: u16) -> Self {
        Self {
            iss,
            una: iss,
            nxt: iss,
            wnd: 0,
            wl1: Seq(0),
            wnd_max: 0,
            scale: 0,
            has_sack: false,
            has_timestamps: false,
            has_finished: false,
            fin: None,
            queue: Queue::default(),
            sent: Scoreboard::default(),
            rtt: Rtt::new(&config.retransmit),
            congestion: Congestion::new(&config.congestion),
            recovery: Recovery::new(config.retransmit.dup_threshold),
            rack: Rack::default(),
            pmtu: PathMtu::new(mss),
            nagle: Nagle { is_off: !config.nagle, ..Nagle::default() },
            timer: (Instant::NEVER, RetransmitTimer::Timeout),
            timeouts: 0,
            stalled_since: Instant::ORIGIN,
            patient_until: Instant::NEVER,
            probes: 0,
            urgent: None,
            last_data_at: Instant::ORIGIN,
            totals: Totals::default(),
            ecn: EcnSender::default(),
            burst: (iss, iss),
            pushed: iss + 1,
            due: Due::default(),
            pacing: None,
        }
    }

    /// Where the queue begins: behind our SYN, or at what is not acknowledged.
    pub(crate) fn queue_start(&self) -> Seq {
        let start = self.una.max(self.iss + 1);
        self.fin.map_or(start, |fin| start.min(fin))
    }

    /// Where the bytes that the user has written end; a FIN stands here.
    #[inline]
    pub(crate) fn write_end(&self) -> Seq {
        self.queue_start() + self.queue_len()
    }

    /// How many bytes of the user are not acknowledged.
    #[inline]
    pub(crate) fn queue_len(&self) -> u32 {
        self.queue.len()
    }

    /// How many bytes of the user were never sent.
    pub(crate) fn unsent_len(&self) -> u32 {
        self.write_end().beyond(self.nxt.max(self.iss + 1))
    }

    /// How many bytes from `start` on may share a segment, of `len`: up to where a record ends.
    pub(crate) fn record_len(&self, start: Seq, len: u32) -> Option<u32> {
        if !self.nagle.has_records {
            return None;
        }
        let offset = start.max(self.iss + 1).beyond(self.queue_start());
        self.queue.record_len(offset, len)
    }

    /// Whether our FIN was sent.
    pub(crate) fn has_sent_fin(&self) -> bool {
        self.fin.is_some()
    }

    /// Whether our FIN is acknowledged (and then so is everything).
    pub(crate) fn is_fin_acknowledged(&self) -> bool {
        self.has_sent_fin() && self.una == self.nxt
    }

    /// Whether there is something to send that was never sent.
    pub(crate) fn has_unsent(&self) -> bool {
        self.unsent_len() > 0 || (self.has_finished && !self.has_sent_fin())
    }

    /// Where the peer's window ends.
    #[inline]
    pub(crate) fn window_end(&self) -> Seq {
        self.una + self.wnd
    }

    /// A number that the peer takes in a segment without data: `snd.nxt`, unless the peer took its
    /// window back, so that this lies beyond it (RFC 9293 §3.8.6). What is less than a window's unit
    /// is rounding.
    pub(crate) fn acceptable_seq(&self, scale: u8) -> Seq {
        let end = self.window_end();
        if self.nxt.beyond(end) < 1 << scale { self.nxt } else { end }
    }

    /// How many segments are on their way (RFC 6675's pipe).
    pub(crate) fn in_flight(&self) -> u32 {
        let left = self.sent.sacked() + self.sent.lost() + self.recovery.duplicates;
        (self.sent.packets() + self.sent.retransmitted()).saturating_sub(left)
    }

    /// How many bytes of options each segment has.
    #[inline]
    pub(crate) const fn options_len(&self) -> u16 {
        if self.has_timestamps { 12 } else { 0 }
    }

    /// The payload of a full segment, without options.
    #[inline]
    pub(crate) fn mss(&self) -> u32 {
        let options = u32::from(self.options_len());
        let mss = u32::from(self.pmtu.mss()).saturating_sub(options);
        // RFC 9293 §3.8.6.2.1: never more than half of the largest window the peer ever offered,
        // or nothing would be sent until all of it is free.
        let half = if self.wnd_max > 536 { self.wnd_max / 2 } else { self.wnd_max };
        // RFC 791: packets of 68 bytes pass everywhere.
        if half == 0 { mss.max(1) } else { mss.min(half.max(48 - options)).max(1) }
    }

    /// The peer has agreed: what we send from here on is data. Who `accepted` it, and not who asked
    /// for it, is where some systems send whole segments at first.
    pub(crate) fn begin(
        &mut self,
        cx: &mut Cx<'_>,
        config: &Config,
        (syn_was_lost, accepted): (bool, bool),
    ) {
        self.pmtu.begin(cx.now(), config, self.options_len(), accepted);
        self.congestion.begin(cx.now(), syn_was_lost, self.una);
        self.recovery.begin();
        self.last_data_at = cx.now();
    }

    /// Notes the window that the peer offers.
    pub(crate) fn set_window(&mut self, wnd: u32) {
        self.wnd = wnd;
        self.wnd_max = self.wnd_max.max(wnd);
    }

    /// Forgets everything that would be sent.
    pub(crate) fn clear(&mut self, cx: &mut Cx<'_>) {
        self.queue.clear(cx);
        self.sent.clear(cx);
        self.timer.0 = Instant::NEVER;
        self.due = Due::default();
        self.drop_burst();
        self.urgent = None;
    }
}
