//! Bodies that go out, as far as the user is concerned. (RFC 9113 §8.1)

use base::{Chunk, Cx};
use message::{Event, Reset};

use crate::machine::{Connection, Role};
use crate::stream::{OutPhase, State};
use crate::wire::{Flags, FrameHeader, Kind};
use crate::{Seen, Wait, Why};

impl Connection {
    #[inline]
    pub(crate) fn send_chunk(&mut self, cx: &mut Cx<'_>, id: u32, chunk: Chunk) {
        let len = chunk.len();
        let Some(slot) = self.streams.find(id) else {
            return self.leave_out(cx, id, Why::StreamClosed);
        };
        let Some(stream) = self.streams.at_mut(slot) else { return };
        let outbound = &mut stream.outbound;
        match outbound.phase {
            _ if len == 0 => return,
            OutPhase::Body => {}
            // To HEAD and with 304 a handler may send what it would send to GET.
            OutPhase::NoBody => return self.leave_out(cx, id, Why::NoBodyHere),
            _ => return self.leave_out(cx, id, Why::OutOfTurn),
        }
        if let Some(left) = &mut outbound.left {
            let Some(rest) = left.checked_sub(len) else { return self.break_off(cx, id) };
            *left = rest;
        }
        outbound.pending.push(chunk);
        self.send.pending += len;
        self.schedule(cx, slot);
    }

    #[inline]
    pub(crate) fn send_end(&mut self, cx: &mut Cx<'_>, id: u32) {
        let Some(slot) = self.streams.find(id) else {
            return self.leave_out(cx, id, Why::StreamClosed);
        };
        let Some(stream) = self.streams.at_mut(slot) else { return };
        let outbound = &mut stream.outbound;
        let may_end =
            matches!(outbound.phase, OutPhase::Body | OutPhase::NoBody | OutPhase::BehindTrailers);
        if !may_end {
            return self.leave_out(cx, id, Why::OutOfTurn);
        }
        if outbound.left.is_some_and(|left| left > 0) {
            return self.break_off(cx, id);
        }
        outbound.phase = OutPhase::Complete;
        outbound.has_end = true;
        if outbound.pending.len() == 0 {
            self.end_message(cx, slot);
        }
    }

    #[cold]
    pub(crate) fn send_rare(&mut self, cx: &mut Cx<'_>, id: u32, event: Event) {
        match event {
            Event::Informational(response) => self.send_interim(cx, id, response),
            Event::Trailers(fields) => self.send_trailers(cx, id, fields),
            Event::Reset(reset) => self.send_reset(cx, id, reset),
            _ => self.leave_out(cx, id, Why::OutOfTurn),
        }
    }

    /// Everything that was pending has been sent: what follows is the end.
    pub(super) fn end_message(&mut self, cx: &mut Cx<'_>, slot: u32) {
        let Some(stream) = self.streams.at_mut(slot) else { return };
        let id = stream.id;
        if let Some(trailers) = stream.outbound.trailers.take() {
            self.emit_trailers(cx, id, &trailers);
        } else if !self.end_with_head(id) {
            // RFC 9113 §6.1: an empty frame costs no window.
            let header = FrameHeader::new(Kind::Data, Flags::END_STREAM, id, 0);
            self.send.replies(cx).extend_from_slice(&header.emit());
        }
        self.message_ended(cx, slot, Kind::Headers);
    }

    /// The frame that ends our message is out, or as good as.
    #[inline]
    pub(super) fn message_ended(&mut self, cx: &mut Cx<'_>, slot: u32, by: Kind) {
        let Some(stream) = self.streams.at_mut(slot) else { return };
        let id = stream.id;
        cx.note(|| Seen::CompleteOut { id });
        stream.change(cx, by, State::send_end);
        let is_closed = stream.state == State::Closed;
        self.abuse.forgive_exchange();
        if is_closed {
            self.retire(cx, slot);
        } else if self.role == Role::Server {
            self.give_up_body(cx, slot);
        }
    }

    /// The response is out, but the request's body is not all in, and of no use. RFC 9113 §8.1 lets
    /// us say so with a reset; but there are clients that take a reset while they send for a failure,
    /// and never look at the response (curl 7, httpx). So what is not much is taken and forgotten; of a
    /// body whose length is not known as much as that.
    fn give_up_body(&mut self, cx: &mut Cx<'_>, slot: u32) {
        let Some(stream) = self.streams.at_mut(slot) else { return };
        let id = stream.id;
        let left = stream.inbound.left.unwrap_or_default();
        if left > self.config.body_unread_max || stream.inbound.awaits_continue {
            return self.end_stream(cx, id, Why::BodyUnread);
        }
        cx.note(|| Seen::Discarding { id, len: left });
        stream.is_disowned = true;
        // From now on it has to keep its rate, like one that is read.
        stream.inbound.is_read = true;
        stream.inbound.forgive_interval();
        let held = std::mem::take(&mut stream.inbound.buffer).len();
        self.release_window(cx, id, held as u32);
        self.watch(cx);
    }

    /// The body is not what its length said: nobody may take it for whole.
    fn break_off(&mut self, cx: &mut Cx<'_>, id: u32) {
        self.leave_out(cx, id, Why::LengthBroken);
        self.end_stream(cx, id, Why::LengthBroken);
    }

    fn send_reset(&mut self, cx: &mut Cx<'_>, id: u32, reset: Reset) {
        let Some(stream) = self.stream(id) else {
            // It is late, and must not harm what was sent.
            return self.leave_out(cx, id, Why::OutOfTurn);
        };
        if self.role == Role::Server && stream.outbound.phase == OutPhase::Complete {
            return self.leave_out(cx, id, Why::OutOfTurn);
        }
        let can_answer = self.role == Role::Server && stream.outbound.phase == OutPhase::Head;
        match reset.status.filter(|status| can_answer && status.is_error()) {
            Some(status) => self.send_refusal(cx, id, status, reset.why),
            // RFC 9113 §7: a server that cannot go on has an error; a client wants no more.
            None if self.role == Role::Server => self.end_stream(cx, id, Why::UserError),
            None => self.end_stream(cx, id, Why::UserReset),
        }
    }

    pub(super) fn leave_out(&mut self, cx: &mut Cx<'_>, id: u32, why: Why) {
        cx.note(|| Seen::NotSent { id, why });
    }

    /// Gives a stream its place among those that send, if it has something to send and a window; else
    /// it has none, and the film says why.
    #[inline]
    pub(super) fn schedule(&mut self, cx: &mut Cx<'_>, slot: u32) {
        let Some(stream) = self.streams.at_mut(slot) else { return };
        if stream.is_ready() {
            // Who sends a sliver goes on waiting.
            if !stream.outbound.takes_sliver {
                stream.outbound.blocked = None;
            }
            if stream.outbound.place.is_none() {
                let place = self.send.scheduler.add(stream.priority, stream.id, slot);
                stream.outbound.place = Some(place);
            }
            return;
        }
        self.unschedule(slot);
        if self.streams.at(slot).is_some_and(|stream| stream.outbound.pending.len() > 0) {
            self.stream_is_blocked(cx, slot);
        }
    }

    /// A stream has something to send, here or with its user, and no window for it.
    pub(super) fn stream_is_blocked(&mut self, cx: &mut Cx<'_>, slot: u32) {
        let Some(stream) = self.streams.at_mut(slot) else { return };
        let (id, pending) = (stream.id, stream.outbound.pending.len());
        if stream.outbound.blocked.is_none() {
            stream.outbound.blocked = Some(cx.now());
            cx.note(|| Seen::Waits { id, what: Wait::WindowOfStream, pending });
            self.watch(cx);
        }
    }

    #[inline]
    pub(crate) fn unschedule(&mut self, slot: u32) {
        if let Some(stream) = self.streams.at_mut(slot)
            && let Some(place) = stream.outbound.place.take()
        {
            self.send.scheduler.remove(place);
        }
    }

    /// The client says how urgent something is by now (RFC 9218 §6).
    pub(crate) fn reprioritise(&mut self, cx: &mut Cx<'_>, slot: u32, priority: crate::Priority) {
        let Some(stream) = self.streams.at_mut(slot) else { return };
        let id = stream.id;
        cx.note(|| Seen::Prioritised { id, priority });
        stream.priority = priority;
        if stream.outbound.place.is_some() {
            self.unschedule(slot);
            self.schedule(cx, slot);
        }
    }
}
