//! What goes out.

mod body;
mod head;
mod request;
mod room;
mod sent;
mod transmit;

use std::collections::VecDeque;

use base::{Cx, Instant};
use hpack::Encoder;

use crate::Config;
use crate::flow::{SendWindow, WINDOW_INITIAL};
use crate::machine::Role;
use crate::memory::Responses;
use crate::scheduler::Scheduler;

use sent::Sent;

/// How many bytes of heads and control frames may wait to be sent before no more bytes are taken from
/// the peer: whoever does not take what it asked for is asked for no more. The driver's queue has as
/// much again.
const REPLIES_LEN_MAX: usize = 64 * 1024;

/// What is ready, and in which order it goes.
#[derive(Debug)]
pub(crate) struct Send {
    /// Acknowledgements, which go ahead of everything.
    urgent: Vec<u8>,
    /// Heads and control frames, in their order.
    replies: Vec<u8>,
    /// Whether our preface is out.
    has_begun: bool,
    /// Where the flags of the last head stand in `replies`, as long as nothing follows on its stream.
    last_head: Option<(u32, usize)>,
    encoder: Encoder,
    responses: Responses,
    scheduler: Scheduler,
    /// The connection's window.
    pub(crate) window: SendWindow,
    /// Bytes of bodies that wait, of all streams.
    pending: u64,
    /// Since when all streams wait for the connection's window.
    pub(crate) blocked: Option<Instant>,
    /// They have waited for so long that whoever is next may send less than is worth a frame.
    takes_sliver: bool,
    /// Streams that have room and are to be told.
    with_room: VecDeque<u32>,
    /// Streams that the connection leaves no room.
    without_room: VecDeque<u32>,
    /// What the client was sent, as long as something may be pushed to it.
    pub(crate) sent: Option<Box<Sent>>,
}

impl Send {
    pub(crate) fn new(role: Role, config: &Config) -> Self {
        Self {
            urgent: Vec::new(),
            replies: Vec::new(),
            has_begun: false,
            last_head: None,
            encoder: Encoder::new(config.own_table_len_max.min(hpack::TABLE_LEN_MAX)),
            responses: Responses::default(),
            scheduler: Scheduler::default(),
            window: SendWindow::new(WINDOW_INITIAL),
            pending: 0,
            blocked: None,
            takes_sliver: false,
            with_room: VecDeque::new(),
            without_room: VecDeque::new(),
            sent: (role == Role::Server && config.push).then(Box::default),
        }
    }

    /// Where heads and control frames are written.
    #[inline]
    pub(crate) fn replies(&mut self, cx: &mut Cx<'_>) -> &mut Vec<u8> {
        if self.replies.capacity() == 0 {
            self.replies = cx.buffer();
        }
        &mut self.replies
    }

    /// Where acknowledgements are written.
    pub(crate) fn urgent(&mut self, cx: &mut Cx<'_>) -> &mut Vec<u8> {
        if self.urgent.capacity() == 0 {
            self.urgent = cx.buffer();
        }
        &mut self.urgent
    }

    #[inline]
    pub(crate) fn has_replies(&self) -> bool {
        !self.replies.is_empty() || !self.urgent.is_empty()
    }

    /// How many bytes wait to be sent.
    pub(crate) fn waiting_len(&self) -> u64 {
        self.pending + (self.replies.len() + self.urgent.len()) as u64
    }

    /// Whether so much waits to be sent that nothing more is taken.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.room_for_replies() == 0
    }

    #[inline]
    pub(crate) fn room_for_replies(&self) -> u64 {
        REPLIES_LEN_MAX.saturating_sub(self.replies.len() + self.urgent.len()) as u64
    }

    /// The peer's table may have this size.
    pub(crate) fn set_table_len_max(&mut self, len_max: u32) {
        self.encoder.set_table_len_max(len_max.min(hpack::TABLE_LEN_MAX));
        self.responses.forget();
    }

    /// Whether the connection's window is worth a frame, however much there is to send.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.window.is_worth(u64::MAX) || (self.takes_sliver && self.window.available() > 0)
    }

    /// Bytes that waited are gone, or nobody wants them.
    #[inline]
    pub(crate) fn forget_pending(&mut self, n: u64) {
        self.pending -= n;
    }

    /// No stream is left: neither is what was about them.
    pub(crate) fn let_go(&mut self) {
        self.scheduler.let_go();
        self.with_room = VecDeque::new();
        self.without_room = VecDeque::new();
    }
}
