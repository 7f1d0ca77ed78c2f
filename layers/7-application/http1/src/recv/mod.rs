//! The half of an exchange that comes in.

mod body;
mod head;

pub(crate) use body::leave_out_forbidden;

use base::Cx;
use base::xray::{Private, Text};
use message::fields::FieldName;
use message::{Closing, Event, Fields};

use crate::machine::{Connection, Role};
use crate::wire::{ChunkDecoder, HeadParser};
use crate::{Config, Seen, Why};

/// How many bytes a lingering close takes before it stops being polite: what a client may have on its
/// way, and send on, before it reads our last word. To forget as many costs a few milliseconds.
const LINGERED_LEN_MAX: u64 = 16 * 1024 * 1024;

/// How far the message has come in, and what becomes of its body.
#[derive(Debug)]
pub(crate) struct Recv {
    phase: Phase,
    mode: Mode,
    /// How many interim responses have come.
    interims: u8,
    /// Bytes of the body that are with the user: a window, and at most one read more.
    unreleased: u32,
    /// Bytes of the body that came in this interval.
    pub(crate) in_interval: u64,
    /// Bytes of a body nobody reads; it stops counting at 4 GiB.
    discarded: u32,
}

#[derive(Debug)]
enum Phase {
    /// Before a head, or in it, when there is a parser.
    Head(Option<Box<HeadParser>>),
    /// In a body of which this many bytes are to come.
    Length(u64),
    Chunked(Box<ChunkDecoder>),
    Trailers(Box<HeadParser>),
    UntilClose,
    /// Another protocol.
    Tunnel,
    /// The message is complete.
    Complete,
    /// The connection is ending; bytes are taken and forgotten, this many at most.
    Lingering(u64),
    /// The peer has finished.
    Finished,
}

/// What becomes of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mode {
    /// Nobody has asked for it yet: it stays on the wire.
    Undecided,
    Read,
    Discard,
}

impl Recv {
    pub(crate) const fn new() -> Self {
        Self {
            phase: Phase::Head(None),
            mode: Mode::Undecided,
            interims: 0,
            unreleased: 0,
            in_interval: 0,
            discarded: 0,
        }
    }

    pub(crate) fn is_at_start(&self) -> bool {
        matches!(self.phase, Phase::Head(_) | Phase::Finished)
    }

    /// Whether a message has begun, and is known to have more to come.
    pub(crate) fn is_mid_message(&self) -> bool {
        matches!(self.phase, Phase::Head(Some(_))) || self.is_in_body()
    }

    fn is_in_body(&self) -> bool {
        matches!(self.phase, Phase::Length(_) | Phase::Chunked(_) | Phase::Trailers(_))
    }

    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.phase, Phase::Complete)
    }

    pub(crate) fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Finished)
    }

    pub(crate) fn has_unread_body(&self) -> bool {
        self.is_in_body() && self.mode == Mode::Undecided
    }

    /// How much of the body is known to be left.
    pub(crate) fn body_left(&self) -> u64 {
        if let Phase::Length(left) = self.phase { left } else { 0 }
    }

    pub(crate) fn wants_bytes(&self, may_begin: bool, config: &Config) -> bool {
        match self.phase {
            Phase::Head(_) => may_begin,
            Phase::Length(_) | Phase::Chunked(_) | Phase::UntilClose | Phase::Tunnel => {
                self.body_room(config) > 0
            }
            Phase::Trailers(_) | Phase::Lingering(_) => true,
            Phase::Complete | Phase::Finished => false,
        }
    }

    /// How many bytes of the body may be taken now.
    fn body_room(&self, config: &Config) -> usize {
        match self.mode {
            Mode::Undecided => 0,
            Mode::Read => config.body_window.saturating_sub(self.unreleased as usize),
            Mode::Discard => usize::MAX,
        }
    }

    /// Whether it is the peer who has to go on with a body.
    pub(crate) fn awaits_body(&self, config: &Config) -> bool {
        self.is_in_body() && self.body_room(config) > 0
    }

    /// Whether this is news.
    pub(crate) fn read_body(&mut self) -> bool {
        let news = self.has_unread_body();
        if news {
            self.mode = Mode::Read;
        }
        news
    }

    /// Whether bytes are wanted again.
    pub(crate) fn release(&mut self, n: usize, config: &Config) -> bool {
        let was_full = self.unreleased as usize >= config.body_window;
        self.unreleased = self.unreleased.saturating_sub(u32::try_from(n).unwrap_or(u32::MAX));
        was_full && (self.unreleased as usize) < config.body_window
    }

    /// Takes the rest of the body without showing it; says how much that is, as far as it is known.
    pub(crate) fn discard(&mut self) -> u64 {
        self.mode = Mode::Discard;
        self.body_left()
    }

    pub(crate) fn linger(&mut self) {
        if !self.is_finished() {
            self.phase = Phase::Lingering(LINGERED_LEN_MAX);
        }
    }

    pub(crate) fn become_tunnel(&mut self) {
        self.phase = Phase::Tunnel;
        self.mode = Mode::Read;
    }
}

/// What comes in.
impl Connection {
    pub(crate) fn take_bytes(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        match self.recv.phase {
            Phase::Head(_) if self.send.is_idle() || self.role == Role::Client => {
                self.take_head(cx, bytes)
            }
            Phase::Head(_) | Phase::Complete | Phase::Finished => self.leave_waiting(cx, bytes),
            Phase::Length(_) | Phase::UntilClose | Phase::Tunnel => self.take_plain(cx, bytes),
            Phase::Chunked(_) => self.take_chunks(cx, bytes),
            Phase::Trailers(_) => self.take_trailers(cx, bytes),
            Phase::Lingering(left) => self.take_in_vain(cx, left, bytes.len()),
        }
    }

    /// What follows a message waits until its exchange is over.
    fn leave_waiting(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        cx.note(|| Seen::Pipelined { bytes: bytes.len() });
        if self.role == Role::Client {
            // RFC 9112 §9.2: a response to no request; it must not become one to the next request.
            self.exchange.persists = false;
        }
        0
    }

    fn take_in_vain(&mut self, cx: &mut Cx<'_>, left: u64, len: usize) -> usize {
        cx.note(|| Seen::Lingering { len });
        let left = left.saturating_sub(len as u64);
        self.recv.phase = Phase::Lingering(left);
        if left == 0 {
            self.end_now();
        }
        len
    }

    pub(crate) fn take_eof(&mut self, cx: &mut Cx<'_>) {
        let phase = std::mem::replace(&mut self.recv.phase, Phase::Finished);
        match phase {
            Phase::Head(None) if self.send.is_idle() => {
                self.close(cx, Why::SaidClose, Closing::Now);
            }
            Phase::Complete => {
                // RFC 9112 §9.6: who closes its side early still gets its answer.
                self.recv.phase = Phase::Complete;
                self.exchange.persists = false;
            }
            Phase::Lingering(_) | Phase::Finished => self.end_now(),
            Phase::UntilClose => {
                self.exchange.persists = false;
                self.complete(cx);
            }
            Phase::Tunnel => {
                self.events.push(self.exchange.id, Event::End);
                if self.send.is_complete() {
                    self.close(cx, Why::SaidClose, Closing::Now);
                }
            }
            Phase::Head(_) | Phase::Length(_) | Phase::Chunked(_) | Phase::Trailers(_) => {
                // RFC 9112 §8: an incomplete request is answered with an error or not at all, an
                // incomplete response is never taken for a complete one.
                self.refuse(cx, Why::CutShort);
            }
        }
    }
}

/// One line for each field; what is private shows its length only.
#[inline]
pub(crate) fn note_fields(cx: &mut Cx<'_>, fields: &Fields) {
    if base::xray::is_watched(base::xray::Layer::Application) {
        note_each(cx, fields);
    }
}

#[cold]
fn note_each(cx: &mut Cx<'_>, fields: &Fields) {
    for (name, value) in fields.iter() {
        cx.note(|| match name {
            FieldName::Known(known) if known.is_private() => {
                Seen::SecretField { name: name.as_str(), value: Private(value) }
            }
            _ => Seen::Field { name: name.as_str(), value: Text(value) },
        });
    }
}
