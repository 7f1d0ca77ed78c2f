//! Heads and trailers that go out. (RFC 9113 §8.1, §8.2.2)

use base::Cx;
use message::{Event, Fields, Name, Reset, Response, Status};

use crate::head::{Extra, emit_fields, is_own};
use crate::machine::{Connection, Role};
use crate::memory::Today;
use crate::recv::{leave_out_forbidden, note_fields};
use crate::stream::{Asked, OutPhase, State};
use crate::wire::{Flags, FrameHeader, HEADER_LEN, Kind, begin_frame, end_frame};
use crate::{Seen, Why};

/// The fields by which a connection of HTTP/1.1 speaks for itself, and TE, which is no server's.
const OWN: [Name; 7] = [
    Name::Connection,
    Name::Http2Settings,
    Name::KeepAlive,
    Name::ProxyConnection,
    Name::Te,
    Name::TransferEncoding,
    Name::Upgrade,
];

/// Where the flags stand in the head of a frame.
const FLAGS_AT: usize = 4;

impl Connection {
    #[inline]
    pub(crate) fn send_response(&mut self, cx: &mut Cx<'_>, id: u32, mut response: Response) {
        let Some(slot) = self.streams.find(id) else {
            // It has been given up while somebody worked at the answer.
            return self.leave_out(cx, id, Why::StreamClosed);
        };
        // Its body mostly follows at once.
        self.streams.touch(id, slot);
        let Some(stream) = self.streams.at_mut(slot) else { return };
        if stream.outbound.phase != OutPhase::Head || self.role == Role::Client {
            return self.leave_out(cx, id, Why::OutOfTurn);
        }
        let status = response.status;
        if status.is_informational() {
            // RFC 9110 §15.2: whatever the user calls it, the final response is still to come.
            return self.send_interim(cx, id, response);
        }
        let is_tunnel = stream.asked == Asked::Connect && status.is_successful();
        if (is_tunnel || status == Status::NO_CONTENT)
            && response.fields.contains(Name::ContentLength)
        {
            // RFC 9110 §8.6: not even zero.
            response.fields.remove(Name::ContentLength);
            cx.note(|| Seen::FieldLeftOut { id, name: "Content-Length" });
        }
        if response.fields.contains_any(&OWN) {
            note_own(cx, id, &response.fields);
        }
        if stream.is_bodiless(status) {
            stream.outbound.phase = OutPhase::NoBody;
            stream.outbound.left = None;
        } else {
            stream.outbound.phase = OutPhase::Body;
            stream.outbound.left = response.fields.length();
        }
        cx.note(|| Seen::ResponseOut { id, status });
        note_fields(cx, &response.fields);
        if stream.state == State::ReservedLocal {
            self.change(cx, slot, Kind::Headers, State::send_head);
        }
        self.emit_response(cx, id, status, &response.fields, true);
        self.abuse.forgive_work();
    }

    pub(crate) fn send_interim(&mut self, cx: &mut Cx<'_>, id: u32, mut response: Response) {
        let status = response.status;
        let may_come = self.role == Role::Server
            && status.is_informational()
            // RFC 9113 §8.6: HTTP/2 has no 101.
            && status != Status::SWITCHING_PROTOCOLS
            && self.stream(id).is_some_and(|s| {
                s.outbound.phase == OutPhase::Head && s.state != State::ReservedLocal
            });
        if !may_come {
            return self.leave_out(cx, id, Why::OutOfTurn);
        }
        // RFC 9110 §8.6: nothing in front of the final response has a body.
        response.fields.remove(Name::ContentLength);
        if status == Status::CONTINUE
            && let Some(stream) = self.streams.get_mut(id)
        {
            stream.inbound.awaits_continue = false;
        }
        cx.note(|| Seen::ResponseOut { id, status });
        note_fields(cx, &response.fields);
        self.emit_response(cx, id, status, &response.fields, false);
        self.send.last_head = None;
    }

    /// Whoever waits for leave to send a body that somebody wants gets it (RFC 9110 §10.1.1).
    pub(crate) fn continue_if_awaited(&mut self, cx: &mut Cx<'_>, id: u32) {
        let awaits = self.stream(id).is_some_and(|stream| {
            stream.inbound.awaits_continue && stream.outbound.phase == OutPhase::Head
        });
        if awaits {
            cx.note(|| Seen::Continued { id });
            self.send_interim(cx, id, Response::new(Status::CONTINUE, Fields::new()));
        }
    }

    /// Writes a response's HEADERS. The same fields under the same table are the same block.
    #[inline]
    fn emit_response(
        &mut self,
        cx: &mut Cx<'_>,
        id: u32,
        status: Status,
        fields: &Fields,
        is_final: bool,
    ) {
        let wall = cx.wall();
        self.send.replies(cx);
        let send = &mut self.send;
        let at = begin_frame(Kind::Headers, Flags::END_HEADERS, id, &mut send.replies);
        let before = send.encoder.insertions();
        if let Some(block) = send.responses.find(status, wall, fields, before) {
            send.replies.extend_from_slice(block);
        } else {
            let is_resizing = send.encoder.has_size_update();
            // RFC 9110 §6.6.1: an origin server with a clock says when.
            let date =
                (is_final && !fields.contains(Name::Date)).then(|| cx.memory::<Today>().text(wall));
            let extra = Extra { status: Some(status.digits()), date };
            emit_fields(cx, &mut send.encoder, &extra, fields, &mut send.replies);
            if !is_resizing && send.encoder.insertions() == before {
                let block = send.replies.get(at + HEADER_LEN..).unwrap_or_default();
                send.responses.remember(status, wall, fields, before, block);
            }
        }
        self.end_head(id, at);
    }

    /// Ends a HEADERS frame, or cuts it into frames that the peer takes.
    #[inline]
    pub(super) fn end_head(&mut self, id: u32, at: usize) {
        let max = self.peer.frame_len_max as usize;
        let replies = &mut self.send.replies;
        if replies.len() - at - HEADER_LEN > max {
            cut_block(at, id, max, replies);
        } else {
            end_frame(at, replies);
        }
        self.send.last_head = Some((id, at + FLAGS_AT));
    }

    pub(crate) fn send_trailers(&mut self, cx: &mut Cx<'_>, id: u32, mut fields: Fields) {
        let Some(stream) = self.streams.get_mut(id) else {
            return self.leave_out(cx, id, Why::StreamClosed);
        };
        if stream.outbound.phase != OutPhase::Body {
            return self.leave_out(cx, id, Why::OutOfTurn);
        }
        stream.outbound.phase = OutPhase::BehindTrailers;
        leave_out_forbidden(cx, id, &mut fields);
        if !fields.is_empty()
            && let Some(stream) = self.streams.get_mut(id)
        {
            stream.outbound.trailers = Some(Box::new(fields));
        }
    }

    /// Writes the trailer section that ends a stream.
    pub(super) fn emit_trailers(&mut self, cx: &mut Cx<'_>, id: u32, fields: &Fields) {
        let flags = Flags::END_HEADERS | Flags::END_STREAM;
        let at = begin_frame(Kind::Headers, flags, id, self.send.replies(cx));
        let send = &mut self.send;
        emit_fields(cx, &mut send.encoder, &Extra::default(), fields, &mut send.replies);
        self.end_head(id, at);
        self.send.last_head = None;
    }

    /// Answers a request that goes no further than this machine. Its user hears that it is over.
    pub(crate) fn answer_refused(&mut self, cx: &mut Cx<'_>, id: u32, why: Why, status: Status) {
        cx.note(|| Seen::Refused { id, why, status });
        let explanation = why.explanation();
        let reset = Reset { why: explanation, status: Some(status), untouched: false };
        self.events.push(id, Event::Reset(reset));
        self.send_refusal(cx, id, status, explanation);
    }

    /// A whole response in words.
    pub(super) fn send_refusal(
        &mut self,
        cx: &mut Cx<'_>,
        id: u32,
        status: Status,
        explanation: &str,
    ) {
        let (response, text) = Response::in_words(status, explanation);
        if let Some(stream) = self.streams.get_mut(id) {
            stream.is_disowned = true;
            stream.inbound.buffer = Vec::new();
        }
        self.send_response(cx, id, response);
        self.send_chunk(cx, id, text.into());
        self.send_end(cx, id);
    }

    /// The head of a stream gets the flag that says that nothing follows, if it is still here.
    pub(super) fn end_with_head(&mut self, id: u32) -> bool {
        let Some((of, at)) = self.send.last_head.take() else { return false };
        let flags = self.send.replies.get_mut(at).filter(|_| of == id);
        flags.map(|flags| *flags |= Flags::END_STREAM).is_some()
    }
}

/// RFC 9113 §8.2.2: what is about a connection of HTTP/1.1 is not sent.
#[cold]
fn note_own(cx: &mut Cx<'_>, id: u32, fields: &Fields) {
    for (name, _) in fields.iter().filter(|(name, value)| is_own(*name, value)) {
        cx.note(|| Seen::FieldLeftOut { id, name: name.as_str() });
    }
}

/// RFC 9113 §6.10: a block that does not fit in one frame goes on in CONTINUATION.
#[cold]
fn cut_block(at: usize, id: u32, max: usize, out: &mut Vec<u8>) {
    let block = out.split_off(at + HEADER_LEN);
    let header = out.split_off(at);
    let parts = block.chunks(max);
    let last = parts.len().saturating_sub(1);
    let flags = header.get(FLAGS_AT).copied().unwrap_or_default() & !Flags::END_HEADERS;
    let kind = FrameHeader::parse(&header).map_or(Kind::Headers, |header| header.kind);
    for (number, part) in parts.enumerate() {
        let ends = if number == last { Flags::END_HEADERS } else { 0 };
        let (kind, flags) = if number == 0 { (kind, flags) } else { (Kind::Continuation, 0) };
        let header = FrameHeader::new(kind, flags | ends, id, part.len() as u32);
        out.extend_from_slice(&header.emit());
        out.extend_from_slice(part);
    }
}
