//! "Are you there?", both ways. (RFC 1122 §3.2.2.6, RFC 4443 §4)

use std::collections::VecDeque;
use std::net::IpAddr;

use base::{Bucket, Cx, TxBuf};

use crate::wire::Message;
use crate::xray::{Seen, Why};

/// How many messages may wait to be sent; a batch of frames brings no more than we answer at once.
const QUEUE_MAX: usize = 256;

/// How many bytes they have together: sixteen of the longest.
const QUEUE_BYTES_MAX: usize = 1 << 20;

/// How many answers the user may leave lying about.
const EVENTS_MAX: usize = 1024;

/// How many questions a second we answer: a flood of them must not cost more than the link.
const ANSWERS_PER_SECOND: u32 = 100_000;

/// Asks and answers.
#[derive(Debug)]
pub struct Echo {
    outgoing: VecDeque<Queued>,
    outgoing_bytes: usize,
    events: VecDeque<Event>,
    answers: Bucket,
}

#[derive(Debug)]
struct Queued {
    at: Outgoing,
    is_reply: bool,
    id: u16,
    seq: u16,
    data: Vec<u8>,
}

/// From where and to where a message goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Outgoing {
    /// The address that it comes from, if that is given: that at which we were asked.
    pub source: Option<IpAddr>,
    /// For whom.
    pub destination: IpAddr,
}

/// What the user must learn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// Somebody is there.
    Answered {
        /// Who.
        from: IpAddr,
        /// Who asked.
        id: u16,
        /// Which question it was.
        seq: u16,
        /// How many bytes came back.
        len: usize,
        /// How many routers might still have passed the answer on.
        hop_limit: u8,
    },
}

impl Echo {
    /// Nothing asked yet.
    pub const fn new() -> Self {
        Self {
            outgoing: VecDeque::new(),
            outgoing_bytes: 0,
            events: VecDeque::new(),
            answers: Bucket::new(ANSWERS_PER_SECOND, ANSWERS_PER_SECOND / 10),
        }
    }

    /// Takes a question that came from `from` for our address `to`.
    ///
    /// RFC 1122 §3.2.2.6: the answer comes from the address that was asked, and brings back all of
    /// the data. Who asks a group is not answered, which is the host's to see to.
    pub fn handle_request(
        &mut self,
        cx: &mut Cx<'_>,
        from: IpAddr,
        to: IpAddr,
        (id, seq): (u16, u16),
        data: &[u8],
    ) {
        let len = data.len();
        cx.note(|| Seen::EchoRequestIn { from, id, seq, len });
        if !self.answers.take(cx.now()) {
            return cx.note(|| Seen::Ignored { from, why: Why::TooMany });
        }
        let at = Outgoing { source: Some(to), destination: from };
        let mut copy = cx.buffer();
        copy.extend_from_slice(data);
        self.enqueue(cx, Queued { at, is_reply: true, id, seq, data: copy });
    }

    /// Takes an answer.
    pub fn handle_reply(
        &mut self,
        cx: &mut Cx<'_>,
        from: IpAddr,
        hop_limit: u8,
        (id, seq): (u16, u16),
        data: &[u8],
    ) {
        let len = data.len();
        cx.note(|| Seen::EchoReplyIn { from, id, seq, len });
        if self.events.len() >= EVENTS_MAX {
            return cx.note(|| Seen::Ignored { from, why: Why::NobodyReads });
        }
        self.events.push_back(Event::Answered { from, id, seq, len, hop_limit });
    }

    /// Asks `to`, from `source` if that is given. Whether there was room for it.
    #[must_use]
    pub fn ask(
        &mut self,
        cx: &mut Cx<'_>,
        at: Outgoing,
        (id, seq): (u16, u16),
        data: &[u8],
    ) -> bool {
        let mut copy = cx.buffer();
        copy.extend_from_slice(data);
        self.enqueue(cx, Queued { at, is_reply: false, id, seq, data: copy })
    }

    /// Writes the next message to send, if any, whose source is chosen by `source_for` if nobody did
    /// before. What has no source is dropped.
    #[must_use]
    pub fn poll_transmit(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut TxBuf,
        mut source_for: impl FnMut(IpAddr) -> Option<IpAddr>,
    ) -> Option<(IpAddr, IpAddr)> {
        while let Some(next) = self.outgoing.pop_front() {
            let Queued { at, is_reply, id, seq, data } = next;
            self.outgoing_bytes -= data.len();
            let to = at.destination;
            let source = at.source.or_else(|| source_for(to));
            let message = if is_reply {
                Message::EchoReply { id, seq, data: &data }
            } else {
                Message::EchoRequest { id, seq, data: &data }
            };
            let is_written = match (source, to) {
                (Some(IpAddr::V4(_)), IpAddr::V4(_)) => {
                    message.emit_v4(out);
                    true
                }
                (Some(IpAddr::V6(from)), IpAddr::V6(to)) => {
                    message.emit_v6(from, to, out);
                    true
                }
                _ => false,
            };
            let len = data.len();
            cx.recycle(data);
            let Some(source) = source.filter(|_| is_written) else {
                cx.note(|| Seen::NotSent { to, why: Why::NoSource });
                continue;
            };
            match is_reply {
                true => cx.note(|| Seen::EchoReplyOut { to, id, seq, len }),
                false => cx.note(|| Seen::EchoRequestOut { to, id, seq, len }),
            }
            return Some((source, to));
        }
        None
    }

    /// The next thing the user must learn, if any.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn enqueue(&mut self, cx: &mut Cx<'_>, queued: Queued) -> bool {
        let to = queued.at.destination;
        let bytes = self.outgoing_bytes + queued.data.len();
        if self.outgoing.len() >= QUEUE_MAX || bytes > QUEUE_BYTES_MAX {
            cx.recycle(queued.data);
            cx.note(|| Seen::NotSent { to, why: Why::TooMany });
            return false;
        }
        self.outgoing_bytes = bytes;
        self.outgoing.push_back(queued);
        true
    }
}

impl Default for Echo {
    fn default() -> Self {
        Self::new()
    }
}
