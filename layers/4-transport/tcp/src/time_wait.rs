use base::{Cx, Instant};

use crate::listen::isn;
use crate::machine::{Connection, Flow};
use crate::recv::Timestamps;
use crate::wire::{Flags, Header, Layout, Options, Segment};
use crate::xray::{Seen, Why};
use crate::{Config, Seq};

/// What is left of a connection that both sides have closed, for twice the longest life of a
/// segment (RFC 9293 §3.6.1): enough to answer the peer's FIN once more, and to tell a new
/// connection from an old segment. It is small, for there may be very many.
#[derive(Clone, Copy, Debug)]
pub struct TimeWait {
    /// Our ports and the peer's, for headers.
    ports: (u16, u16),
    snd_nxt: Seq,
    rcv_nxt: Seq,
    /// What was open of our window.
    window: u32,
    scale: u8,
    layout: Layout,
    timestamps: Timestamps,
    until: Instant,
    answered_at: Option<Instant>,
}

/// What came of a segment to a flow in TIME-WAIT.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Returned {
    /// Nothing is to be done.
    Nothing,
    /// This is to be sent.
    Reply(Box<Header>),
    /// The peer begins anew (RFC 6191 §2, RFC 9293 §3.6.1): forget this value and give the segment
    /// to the listener, with a first number that lies above everything that was.
    Reuse {
        /// Our initial sequence number.
        isn: Seq,
    },
}

impl TimeWait {
    pub(crate) fn new(cx: &Cx<'_>, connection: &Connection) -> Self {
        let Connection { flow, config, send, recv, .. } = connection;
        Self {
            ports: (flow.local.port(), flow.remote.port()),
            snd_nxt: send.nxt,
            rcv_nxt: recv.nxt,
            window: recv.window_now(config),
            scale: recv.window.scale,
            layout: config.handshake.layout,
            timestamps: recv.timestamps,
            until: cx.now().after(config.idle.time_wait),
            answered_at: None,
        }
    }

    /// When it may be forgotten.
    pub fn until(&self) -> Instant {
        self.until
    }

    /// Takes a segment of the flow (RFC 9293 §3.10.7.4). Where nobody `listens` at our end, no new
    /// connection can take its place, and it stays.
    pub fn handle_segment(
        &mut self,
        cx: &mut Cx<'_>,
        config: &Config,
        segment: &Segment<'_>,
        listens: bool,
    ) -> Returned {
        let header = &segment.header;
        let now = cx.now();
        let value = header.options.timestamps.filter(|_| self.timestamps.is_on).map(|(v, _)| v);
        let is_old = value.is_some_and(|value| self.timestamps.is_old(now, value));
        if header.flags.has(Flags::RST) {
            // RFC 1337 §3: an RST that was on its way must not open the flow to old segments.
            cx.note(|| Seen::dropped(segment, Why::TimeWaitAssassin));
            return Returned::Nothing;
        }
        if listens && self.is_new_connection(header, value, is_old) {
            return Returned::Reuse { isn: self.isn_after() };
        }
        if !is_old && header.seq == self.rcv_nxt && segment.is_empty() {
            // The acknowledgement of our FIN came once more.
            if let Some(value) = value {
                self.timestamps.begin(now, value);
            }
            return Returned::Nothing;
        }
        if is_old || header.flags.has(Flags::ACK) {
            // RFC 9293 §3.10.7.4, eighth: the peer may not have heard us; the time begins again.
            self.until = now.after(config.idle.time_wait);
        }
        let why = if is_old { Why::OldTimestamp } else { Why::OutOfWindow };
        cx.note(|| Seen::dropped(segment, why));
        let is_seldom = segment.is_empty() || header.flags.has(Flags::SYN);
        self.answer(cx, config, is_seldom)
    }

    /// RFC 6191 §2: a SYN whose number or time lies above everything that came.
    fn is_new_connection(&self, header: &Header, value: Option<u32>, is_old: bool) -> bool {
        let is_bare_syn = header.flags.has(Flags::SYN) && !header.flags.has(Flags::ACK);
        let is_later =
            value.is_some_and(|value| (value.wrapping_sub(self.timestamps.recent) as i32) > 0);
        is_bare_syn && !is_old && (header.seq.is_after(self.rcv_nxt) || is_later)
    }

    /// A number that no segment of the old connection can have: beyond its last window.
    fn isn_after(&self) -> Seq {
        self.snd_nxt + (1 << 16) + 1
    }

    /// Whether we may connect from this flow again: the first number to use. RFC 6191 §2: with
    /// timestamps, one tick later old segments are told by theirs.
    pub fn reuse(&self, now: Instant) -> Option<Seq> {
        let is_later = now.since(self.timestamps.recent_at) >= std::time::Duration::from_secs(1);
        (self.timestamps.is_on && is_later).then(|| self.isn_after())
    }

    /// Who sends data waits for the answer; `is_seldom` is for all others, who might only answer us.
    fn answer(&mut self, cx: &mut Cx<'_>, config: &Config, is_seldom: bool) -> Returned {
        let now = cx.now();
        let interval = config.out_of_window_interval;
        if is_seldom {
            if self.answered_at.is_some_and(|at| now.since(at) < interval) {
                cx.note(|| Seen::Ignored { why: Why::AnsweredJustNow });
                return Returned::Nothing;
            }
            self.answered_at = Some(now);
        }
        let tick = config.handshake.timestamp_tick;
        let timestamps =
            self.timestamps.is_on.then(|| (self.timestamps.now(now, tick), self.timestamps.recent));
        let header = Header {
            source: self.ports.0,
            destination: self.ports.1,
            seq: self.snd_nxt,
            ack: self.rcv_nxt,
            flags: Flags::ACK,
            window: (self.window >> self.scale).min(u32::from(u16::MAX)) as u16,
            urgent: 0,
            options: Options { timestamps, layout: self.layout, ..Options::default() },
        };
        crate::transmit::note_out(cx, &header, 0);
        Returned::Reply(Box::new(header))
    }
}

impl Connection {
    /// Connects from a flow that is in TIME-WAIT, if that may be used again ([`TimeWait::reuse`]
    /// gave `isn`).
    pub fn client_again(
        cx: &mut Cx<'_>,
        config: std::sync::Arc<Config>,
        flow: Flow,
        limits: &crate::Limits,
        isn: Seq,
    ) -> Self {
        let own = isn::initial(&config, cx.now(), &flow);
        let mut connection = Self::client(cx, config, flow, limits);
        if own.is_before(isn) {
            connection.send.iss = isn;
            connection.send.una = isn;
            connection.send.nxt = isn;
        }
        connection
    }
}
