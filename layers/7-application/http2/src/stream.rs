//! One stream: what it is in, what came in on it, what is to go out. (RFC 9113 §5.1)

use base::{Chunk, Cx, Instant};
use bytes::Bytes;
use message::{Fields, Rate, Status};
use std::collections::VecDeque;

use crate::flow::{RecvWindow, SendWindow};
use crate::priority::Priority;
use crate::scheduler::Place;
use crate::wire::Kind;
use crate::{Seen, Why};

base::states! {
    /// The states of a stream (RFC 9113 §5.1).
    pub enum State {
        /// Nothing has come or gone.
        Idle,
        /// We have promised it.
        ReservedLocal,
        /// The peer has promised it.
        ReservedRemote,
        /// Both may send.
        Open,
        /// Only the peer may send.
        HalfClosedLocal,
        /// Only we may send.
        HalfClosedRemote,
        /// Nobody sends any more.
        Closed,
    }
    /// A head, or a trailer section, goes out.
    send_head: Idle => Open, ReservedLocal => HalfClosedRemote, Open => Open,
        HalfClosedRemote => HalfClosedRemote;
    /// A head, or a trailer section, came in.
    recv_head: Idle => Open, ReservedRemote => HalfClosedLocal, Open => Open,
        HalfClosedLocal => HalfClosedLocal;
    /// Our message is complete.
    send_end: Open => HalfClosedLocal, HalfClosedRemote => Closed;
    /// The peer's message is complete.
    recv_end: Open => HalfClosedRemote, HalfClosedLocal => Closed;
    /// We promise it.
    send_promise: Idle => ReservedLocal;
    /// The peer promises it.
    recv_promise: Idle => ReservedRemote;
    /// One side gives it up.
    reset: ReservedLocal | ReservedRemote | Open | HalfClosedLocal | HalfClosedRemote => Closed;
}

impl State {
    /// Whether the peer may send parts of a message.
    pub(crate) const fn may_receive(self) -> bool {
        matches!(self, Self::Open | Self::HalfClosedLocal)
    }

    /// Whether we may.
    pub(crate) const fn may_send(self) -> bool {
        matches!(self, Self::Open | Self::HalfClosedRemote)
    }
}

#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) id: u32,
    pub(crate) state: State,
    pub(crate) asked: Asked,
    pub(crate) priority: Priority,
    /// The user has been told that it is over, or has said so: it hears nothing more of it.
    pub(crate) is_disowned: bool,
    pub(crate) inbound: Inbound,
    pub(crate) outbound: Outbound,
}

/// What of the request decides how the response looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asked {
    /// HEAD: no body answers it.
    Head,
    /// CONNECT: a 2xx makes a tunnel.
    Connect,
    /// Nothing that the user has heard of: the request goes no further than this machine.
    Refused,
    Other,
}

/// The message that comes in.
#[derive(Debug)]
pub(crate) struct Inbound {
    pub(crate) window: RecvWindow,
    /// How many bytes of the body are to come, where the head says it.
    pub(crate) left: Option<u64>,
    /// Bytes of the body that the user has not got yet: at most a window.
    pub(crate) buffer: Vec<u8>,
    /// What waits behind the buffer for somebody to read it.
    pub(crate) held: Held,
    pub(crate) phase: InPhase,
    /// Whether somebody wants the body.
    pub(crate) is_read: bool,
    /// Whether an event that stands for the buffer waits for the user.
    pub(crate) is_announced: bool,
    /// Whether the client waits for a 100 (Continue) before it sends its body.
    pub(crate) awaits_continue: bool,
    /// Bytes of the body that came in this interval.
    pub(crate) in_interval: u32,
    /// Bytes of the body that were taken and forgotten.
    pub(crate) discarded: u64,
    /// What it must bring, if that is not the same as for all.
    pub(crate) rate_min: Option<Rate>,
    pub(crate) interims: u8,
}

/// How far the message that comes in has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum InPhase {
    Head,
    Body,
    Complete,
}

/// What comes behind a body that nobody has asked for yet.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) trailers: Option<Box<Fields>>,
    pub(crate) end: bool,
}

impl Inbound {
    /// Takes what DATA brings from what the head announced.
    pub(crate) fn count(&mut self, len: u32) -> Result<(), Why> {
        let Some(left) = &mut self.left else { return Ok(()) };
        *left = left.checked_sub(len.into()).ok_or(Why::LengthDiffers)?;
        Ok(())
    }

    /// The interval that is running does not count: the peer could not send in all of it.
    pub(crate) fn forgive_interval(&mut self) {
        self.in_interval = u32::MAX;
    }

    /// Whether less has come in the interval than must come, `rate` where it has no rate of its own:
    /// the interval is the one in which all streams are looked at.
    pub(crate) fn is_slow(&self, rate: Rate) -> bool {
        let least = self.rate_min.unwrap_or(rate).len_in(rate.interval);
        self.in_interval != u32::MAX && u64::from(self.in_interval) < least
    }

    /// The end has come: whether the body was as long as the head announced.
    pub(crate) fn end(&mut self) -> Result<(), Why> {
        if self.left.is_some_and(|left| left > 0) {
            return Err(Why::LengthDiffers);
        }
        self.phase = InPhase::Complete;
        Ok(())
    }
}

/// The message that goes out.
#[derive(Debug)]
pub(crate) struct Outbound {
    pub(crate) window: SendWindow,
    pub(crate) phase: OutPhase,
    /// How many bytes of the body are still to come from the user, where the head announced it.
    pub(crate) left: Option<u64>,
    pub(crate) pending: Pending,
    /// What follows when everything that is pending has gone.
    pub(crate) trailers: Option<Box<Fields>>,
    /// The user has said that this is all.
    pub(crate) has_end: bool,
    /// Where it stands among those that send, while it can.
    pub(crate) place: Option<Place>,
    /// Since when it has had something to send and no window.
    pub(crate) blocked: Option<Instant>,
    /// It has waited for so long that it may send less than is worth a frame.
    pub(crate) takes_sliver: bool,
    /// Whether the user waits for room.
    pub(crate) room: AwaitsRoom,
}

/// Whether the user was told that there is no room, and is to be told when there is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AwaitsRoom {
    No,
    Yes,
    /// It stands in a queue of those that are to be told.
    Queued,
}

/// How far the user is with the message that goes out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum OutPhase {
    /// Nothing is to be sent yet: a promise that was made to us.
    None,
    Head,
    Body,
    /// A body that is left out: to HEAD, with 204 or 304.
    NoBody,
    BehindTrailers,
    Complete,
}

impl Stream {
    /// A slot in which there is no stream.
    pub(crate) fn vacant() -> Self {
        Self {
            id: 0,
            state: State::Closed,
            asked: Asked::Other,
            priority: Priority::default(),
            is_disowned: false,
            inbound: Inbound {
                window: RecvWindow::new(0),
                left: None,
                buffer: Vec::new(),
                held: Held::default(),
                phase: InPhase::Head,
                is_read: false,
                is_announced: false,
                awaits_continue: false,
                in_interval: 0,
                discarded: 0,
                rate_min: None,
                interims: 0,
            },
            outbound: Outbound {
                window: SendWindow::new(0),
                phase: OutPhase::Head,
                left: None,
                pending: Pending::default(),
                trailers: None,
                has_end: false,
                place: None,
                blocked: None,
                takes_sliver: false,
                room: AwaitsRoom::No,
            },
        }
    }

    /// A stream begins in a slot. Whatever is not set here is as [`clear`](Self::clear) left it.
    #[inline]
    pub(crate) fn begin(&mut self, id: u32, recv_window: u32, send_window: u32) {
        self.id = id;
        self.state = State::Idle;
        self.asked = Asked::Other;
        self.priority = Priority::default();
        self.inbound.window = RecvWindow::new(recv_window);
        self.inbound.phase = InPhase::Head;
        self.outbound.window = SendWindow::new(send_window);
        self.outbound.phase = OutPhase::Head;
    }

    /// The stream is gone, and so is everything that it held.
    #[inline]
    pub(crate) fn clear(&mut self) {
        let Self { id, state, asked: _, priority: _, is_disowned, inbound, outbound } = self;
        *id = 0;
        *state = State::Closed;
        *is_disowned = false;
        let Inbound {
            window: _,
            left,
            buffer,
            held: Held { trailers, end },
            phase: _,
            is_read,
            is_announced,
            awaits_continue,
            in_interval,
            discarded,
            rate_min,
            interims,
        } = inbound;
        (*left, *rate_min) = (None, None);
        if buffer.capacity() > 0 {
            *buffer = Vec::new();
        }
        if trailers.is_some() {
            *trailers = None;
        }
        (*end, *is_read, *is_announced, *awaits_continue) = (false, false, false, false);
        (*in_interval, *discarded, *interims) = (0, 0, 0);
        let Outbound {
            window: _,
            phase: _,
            left,
            pending,
            trailers,
            has_end,
            place,
            blocked,
            takes_sliver,
            room,
        } = outbound;
        (*left, *place, *blocked) = (None, None, None);
        (*has_end, *takes_sliver, *room) = (false, false, AwaitsRoom::No);
        if trailers.is_some() {
            *trailers = None;
        }
        pending.clear();
    }

    /// Changes the state, if the table has the way.
    #[inline]
    pub(crate) fn change(
        &mut self,
        cx: &mut Cx<'_>,
        by: Kind,
        input: impl FnOnce(&mut State) -> bool,
    ) {
        let was = self.state;
        let may = input(&mut self.state);
        let (id, is) = (self.id, self.state);
        debug_assert!(may, "no such way out of {was:?}");
        if was != is {
            cx.note(|| Seen::Stream { id, was, is, by });
        }
    }

    /// Whether a response with this status to what was asked has no body (RFC 9110 §6.4.1).
    pub(crate) fn is_bodiless(&self, status: Status) -> bool {
        self.asked == Asked::Head || status.is_bodiless()
    }

    /// Whether it has something to send and a window that is worth it.
    #[inline]
    pub(crate) fn is_ready(&self) -> bool {
        let (pending, window) = (self.outbound.pending.len(), &self.outbound.window);
        let may_sliver = self.outbound.takes_sliver && window.available() > 0;
        pending > 0 && (window.is_worth(pending) || may_sliver)
    }

    /// Whether its window is worth a frame of what is still to come: of all that was announced, or of
    /// more than is known.
    pub(crate) fn is_open(&self) -> bool {
        let Outbound { window, left, takes_sliver, .. } = &self.outbound;
        window.is_worth(left.unwrap_or(u64::MAX).max(1))
            || (*takes_sliver && window.available() > 0)
    }

    /// Whether it is the peer's turn to go on with a body that somebody wants.
    pub(crate) fn awaits_body(&self) -> bool {
        self.state.may_receive()
            && self.inbound.phase == InPhase::Body
            && self.inbound.is_read
            && self.inbound.window.is_open()
    }
}

/// Parts of a body that wait to be sent, in order. One needs no memory of its own: most bodies are
/// one part.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    first: Option<Chunk>,
    others: VecDeque<Chunk>,
    len: u64,
}

impl Pending {
    #[inline]
    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    /// Whether what comes next is a file's.
    #[inline]
    pub(crate) const fn begins_with_file(&self) -> bool {
        matches!(self.first, Some(Chunk::File(_)))
    }

    #[inline]
    pub(crate) fn push(&mut self, chunk: Chunk) {
        self.len += chunk.len();
        match self.first {
            None => self.first = Some(chunk),
            Some(_) => self.others.push_back(chunk),
        }
    }

    /// Takes what is in front, `max` bytes at most.
    #[inline]
    pub(crate) fn pop(&mut self, max: u64) -> Option<Chunk> {
        let first = self.first.take()?;
        let len = first.len();
        if len <= max {
            self.len -= len;
            self.first = self.others.pop_front();
            return Some(first);
        }
        let (front, rest) = split(first, max);
        self.len -= max;
        self.first = Some(rest);
        Some(front)
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        if self.len > 0 || self.others.capacity() > 0 {
            *self = Self::default();
        }
    }
}

/// Cuts a chunk; `at` lies inside it.
fn split(chunk: Chunk, at: u64) -> (Chunk, Chunk) {
    match chunk {
        Chunk::File(front) => {
            let mut rest = front.clone();
            rest.offset += at;
            rest.len -= at;
            (Chunk::File(base::FileRange { len: at, ..front }), Chunk::File(rest))
        }
        Chunk::Shared(mut bytes) => (bytes.split_to(at as usize).into(), bytes.into()),
        Chunk::Owned(bytes) => {
            let mut bytes = Bytes::from(bytes);
            (bytes.split_to(at as usize).into(), bytes.into())
        }
    }
}
