//! How messages begin, and how they end with trailers. (RFC 9113 §8.1)

use std::sync::Arc;

use base::Cx;
use base::xray::{Layer, Private, Text, is_watched};
use message::fields::FieldName;
use message::{Event, Fields, Head as MessageHead, Method, Request, Response, Status, trailers};

use super::block::Block;
use crate::head::{Expected, Head, RequestHead};
use crate::machine::{Connection, Role};
use crate::stream::{Asked, InPhase, OutPhase, State};
use crate::streams::Known;
use crate::wire::Kind;
use crate::{Fault, Priority, Seen, Timer, Why};

/// How many interim responses may come before the final one: with one every 20 seconds, which is
/// what servers at work on something long have been told to send (RFC 2518 §10.1), more than half
/// an hour.
const INTERIMS_MAX: u8 = 100;

impl Connection {
    #[inline]
    pub(super) fn take_head(
        &mut self,
        cx: &mut Cx<'_>,
        block: Block,
        bytes: &[u8],
    ) -> Result<(), Fault> {
        match self.streams.known(block.stream) {
            Known::Idle => self.take_new_stream(cx, block, bytes),
            Known::Slot(slot) => self.take_further_head(cx, slot, block, bytes),
            Known::Reset => {
                // RFC 9113 §5.1: it was on its way; §4.3: but the table needs it.
                self.read_block(cx, Expected::Nothing, bytes)?.ok();
                self.ignore(cx, block.stream, Why::ResetBefore)
            }
            // RFC 9113 §5.1.1: numbers rise.
            Known::Closed if self.streams.was_skipped(block.stream) => {
                Err(Fault::connection(Why::StreamNumber))
            }
            // RFC 9113 §5.1: both sides knew that it was over.
            Known::Closed => Err(Fault::connection(Why::StreamClosed)),
        }
    }

    /// A client opens a stream.
    #[inline]
    fn take_new_stream(
        &mut self,
        cx: &mut Cx<'_>,
        block: Block,
        bytes: &[u8],
    ) -> Result<(), Fault> {
        let id = block.stream;
        if self.role == Role::Client || self.streams.is_own(id) {
            // RFC 9113 §5.1.1: clients open odd streams, and servers none that they have not promised.
            return Err(Fault::connection(Why::StreamNumber));
        }
        let head = match self.refusal() {
            None => self.read_request(cx, id, bytes)?,
            Some(why) => {
                self.read_block(cx, Expected::Nothing, bytes)?.ok();
                Err(why)
            }
        };
        self.streams.peer_opens(id);
        match head.and_then(|head| check_new(block, head)) {
            Ok(head) => {
                self.accept(cx, id, head, block.ends_stream);
                Ok(())
            }
            Err(why) => self.refuse_new(cx, block, why),
        }
    }

    /// Why no stream may be opened now, if none may.
    #[inline]
    fn refusal(&self) -> Option<Why> {
        if self.going.has_said_last() {
            Some(Why::BeyondGoAway)
        } else if self.streams.active_peer >= self.config.streams_max {
            // RFC 9113 §5.1.2: more than we said.
            Some(Why::TooManyStreams)
        } else {
            None
        }
    }

    /// Reads a request, unless the same block came before.
    #[inline]
    fn read_request(
        &mut self,
        cx: &mut Cx<'_>,
        id: u32,
        bytes: &[u8],
    ) -> Result<Result<RequestHead, Why>, Fault> {
        let insertions = self.recv.decoder.insertions();
        if let Some(head) = self.recv.requests.find(bytes, insertions) {
            cx.note(|| Seen::HeadRemembered { id });
            return Ok(Ok(head.clone()));
        }
        let head = match self.read_block(cx, Expected::Request, bytes)? {
            Ok(Head::Request(head)) => head,
            Ok(_) => return Ok(Err(Why::PseudoMissing)),
            Err(why) => return Ok(Err(why)),
        };
        if self.recv.decoder.insertions() == insertions {
            self.recv.requests.remember(bytes, insertions, &head);
        }
        Ok(Ok(head))
    }

    /// A request that passed every check begins an exchange.
    #[inline]
    fn accept(&mut self, cx: &mut Cx<'_>, id: u32, head: RequestHead, ends: bool) {
        let RequestHead { request, length, priority, expects_continue, has_bad_priority } = head;
        if has_bad_priority {
            // RFC 9218 §5: what cannot be read says nothing.
            cx.note(|| Seen::Ignored { stream: id, why: Why::PriorityMalformed });
        }
        let priority = self.take_early_priority(id).unwrap_or(priority);
        let slot = self.streams.insert(id, self.recv.stream_window, self.peer.window);
        let Some(stream) = self.streams.at_mut(slot) else { return };
        stream.asked = asked(&request.method);
        stream.priority = priority;
        cx.note(|| Seen::RequestIn {
            id,
            method: &request.method,
            target: Text(request.target.as_bytes()),
            priority,
        });
        note_fields(cx, &request.fields);
        stream.change(cx, Kind::Headers, State::recv_head);
        if let Some(sent) = &mut self.send.sent {
            sent.add(&request);
        }
        self.events.push(id, Event::Head(MessageHead::Request(request)));
        if ends {
            // Most requests are nothing but a head.
            stream.inbound.phase = InPhase::Complete;
            stream.inbound.is_read = true;
            cx.note(|| Seen::CompleteIn { id });
            stream.change(cx, Kind::Headers, State::recv_end);
            self.events.push(id, Event::End);
        } else {
            stream.inbound.phase = InPhase::Body;
            stream.inbound.left = if stream.asked == Asked::Connect { None } else { length };
            stream.inbound.awaits_continue = expects_continue;
        }
        if self.streams.active() == 1 {
            self.timers.clear(Timer::Head);
            self.timers.clear(Timer::Idle);
            self.timers.clear(Timer::Rest);
        }
        self.abuse.forgive_work();
        self.go_away_if_used_up(cx, id);
    }

    /// A request that came without HTTP/2 and is complete.
    pub(crate) fn accept_whole(&mut self, cx: &mut Cx<'_>, id: u32, request: Arc<Request>) {
        let head = RequestHead {
            request,
            length: None,
            priority: Priority::default(),
            has_bad_priority: false,
            expects_continue: false,
        };
        self.accept(cx, id, head, true);
        // The client's preface is still to come, and has so long.
        self.timers.set(Timer::Head, cx.now().after(self.timeout_head()));
    }

    /// A request that is not passed on: answered, where there is an answer, and reset.
    #[cold]
    fn refuse_new(&mut self, cx: &mut Cx<'_>, block: Block, why: Why) -> Result<(), Fault> {
        let id = block.stream;
        if why == Why::BeyondGoAway {
            // RFC 9113 §6.8: the client has been told; what it sent since is ignored.
            self.streams.remember_reset(id);
            return self.ignore(cx, id, why);
        }
        let slot = self.streams.insert(id, self.recv.stream_window, self.peer.window);
        self.change(cx, slot, Kind::Headers, State::recv_head);
        self.timers.clear(Timer::Idle);
        if let Some(stream) = self.streams.at_mut(slot) {
            stream.inbound.phase = InPhase::Body;
            stream.asked = Asked::Refused;
        }
        if block.ends_stream {
            self.change(cx, slot, Kind::Headers, State::recv_end);
        }
        match why.status() {
            // An answer like any other; but what it took to read the head is not like any other.
            Some(status) => {
                if why == Why::FieldsTooLarge {
                    self.abuse.count_oversized(cx)?;
                }
                self.answer_refused(cx, id, why, status);
                Ok(())
            }
            None => Err(Fault::stream(id, why)),
        }
    }

    /// Another head on a stream: a response to what we asked, or a trailer section.
    fn take_further_head(
        &mut self,
        cx: &mut Cx<'_>,
        slot: u32,
        block: Block,
        bytes: &[u8],
    ) -> Result<(), Fault> {
        let id = block.stream;
        let Some(stream) = self.streams.at(slot) else { return Ok(()) };
        let (state, phase) = (stream.state, stream.inbound.phase);
        let answered = stream.outbound.phase;
        let expected = match phase {
            _ if state == State::ReservedLocal => {
                // RFC 9113 §5.1: nothing may come on a stream that we have promised.
                return Err(Fault::connection(Why::WrongStream));
            }
            _ if !state.may_receive() && state != State::ReservedRemote => Expected::Nothing,
            InPhase::Head => Expected::Response,
            InPhase::Body => Expected::Trailers,
            InPhase::Complete => Expected::Nothing,
        };
        let head = self.read_block(cx, expected, bytes)?;
        if expected == Expected::Nothing {
            // RFC 9113 §5.1: half-closed (remote).
            return Err(Fault::stream(id, Why::HalfClosed));
        }
        if block.depends_on_itself {
            return Err(Fault::stream(id, Why::DependsOnItself));
        }
        if let (Err(why @ Why::FieldsTooLarge), OutPhase::Head, Role::Server) =
            (&head, answered, self.role)
        {
            // RFC 9113 §10.5.1: a trailer section can be answered, too, while nothing else is.
            self.abuse.count_oversized(cx)?;
            self.answer_refused(cx, id, *why, Status::REQUEST_HEADER_FIELDS_TOO_LARGE);
            return Ok(());
        }
        match head.map_err(|why| Fault::stream(id, why))? {
            Head::Response(response, length) => {
                self.take_response(cx, slot, response, length, block.ends_stream)
            }
            // RFC 9113 §8.1: a second head ends the message, or is none.
            Head::Trailers(_) if !block.ends_stream => Err(Fault::stream(id, Why::HeadTwice)),
            Head::Trailers(fields) => self.take_trailers(cx, slot, fields),
            Head::Request(_) | Head::Nothing => Ok(()),
        }
    }

    fn take_response(
        &mut self,
        cx: &mut Cx<'_>,
        slot: u32,
        response: Response,
        length: Option<u64>,
        ends: bool,
    ) -> Result<(), Fault> {
        let Some(stream) = self.streams.at_mut(slot) else { return Ok(()) };
        let (id, status) = (stream.id, response.status);
        if status == Status::SWITCHING_PROTOCOLS {
            return Err(Fault::stream(id, Why::SwitchingProtocols));
        }
        if status.is_informational() {
            return self.take_interim(cx, slot, response, ends);
        }
        let is_tunnel = stream.asked == Asked::Connect && status.is_successful();
        stream.inbound.left = if stream.is_bodiless(status) {
            // RFC 9110 §8.6: there the length is that of what is not sent.
            Some(0)
        } else if is_tunnel {
            None
        } else {
            length
        };
        if ends {
            // RFC 9113 §8.1.1: a length without its body.
            stream.inbound.end().map_err(|why| Fault::stream(id, why))?;
        }
        stream.inbound.phase = InPhase::Body;
        stream.inbound.is_read = true;
        cx.note(|| Seen::ResponseIn { id, status });
        note_fields(cx, &response.fields);
        self.change(cx, slot, Kind::Headers, State::recv_head);
        self.abuse.forgive_work();
        self.events.push(id, Event::Head(MessageHead::Response(response)));
        if ends {
            self.complete(cx, slot, Kind::Headers);
        }
        Ok(())
    }

    fn take_interim(
        &mut self,
        cx: &mut Cx<'_>,
        slot: u32,
        response: Response,
        ends: bool,
    ) -> Result<(), Fault> {
        let Some(stream) = self.streams.at_mut(slot) else { return Ok(()) };
        let (id, status) = (stream.id, response.status);
        // RFC 9113 §8.1: an interim response is not the end.
        if ends {
            return Err(Fault::stream(id, Why::InterimEnds));
        }
        stream.inbound.interims += 1;
        if stream.inbound.interims > INTERIMS_MAX {
            return Err(Fault::stream(id, Why::TooManyInterims));
        }
        cx.note(|| Seen::ResponseIn { id, status });
        note_fields(cx, &response.fields);
        self.change(cx, slot, Kind::Headers, State::recv_head);
        self.events.push(id, Event::Informational(response));
        Ok(())
    }

    fn take_trailers(
        &mut self,
        cx: &mut Cx<'_>,
        slot: u32,
        mut fields: Fields,
    ) -> Result<(), Fault> {
        let Some(stream) = self.streams.at_mut(slot) else { return Ok(()) };
        let id = stream.id;
        cx.note(|| Seen::TrailersIn { id, fields: fields.len() });
        note_fields(cx, &fields);
        leave_out_forbidden(cx, id, &mut fields);
        stream.inbound.end().map_err(|why| Fault::stream(id, why))?;
        if !fields.is_empty() && !stream.is_disowned {
            if stream.inbound.is_read {
                self.events.push(id, Event::Trailers(fields));
            } else {
                stream.inbound.held.trailers = Some(Box::new(fields));
            }
        }
        self.complete(cx, slot, Kind::Headers);
        Ok(())
    }

    /// The message that comes in is complete.
    #[inline]
    pub(super) fn complete(&mut self, cx: &mut Cx<'_>, slot: u32, by: Kind) {
        let Some(stream) = self.streams.at_mut(slot) else { return };
        let (id, is_disowned) = (stream.id, stream.is_disowned);
        let inbound = &mut stream.inbound;
        inbound.phase = InPhase::Complete;
        inbound.awaits_continue = false;
        cx.note(|| Seen::CompleteIn { id });
        // A body that was never there need not be asked for.
        if is_disowned {
            // Nobody is there to hear it.
        } else if inbound.is_read || (inbound.buffer.is_empty() && inbound.held.trailers.is_none())
        {
            inbound.is_read = true;
            self.events.push(id, Event::End);
        } else {
            inbound.held.end = true;
        }
        self.change(cx, slot, by, State::recv_end);
        self.retire_if_closed(cx, slot);
    }

    /// Changes a stream's state, if the table has it.
    #[inline]
    pub(crate) fn change(
        &mut self,
        cx: &mut Cx<'_>,
        slot: u32,
        by: Kind,
        input: impl FnOnce(&mut State) -> bool,
    ) {
        if let Some(stream) = self.streams.at_mut(slot) {
            stream.change(cx, by, input);
        }
    }
}

/// What must be right of a request together with the frame it came in.
#[inline]
fn check_new(block: Block, head: RequestHead) -> Result<RequestHead, Why> {
    if block.depends_on_itself {
        return Err(Why::DependsOnItself);
    }
    // RFC 9113 §8.1.1: a length without its body.
    if block.ends_stream && head.length.is_some_and(|len| len > 0) {
        return Err(Why::LengthDiffers);
    }
    Ok(head)
}

/// What of a request decides about its response.
pub(crate) const fn asked(method: &Method) -> Asked {
    match method {
        Method::Head => Asked::Head,
        Method::Connect => Asked::Connect,
        _ => Asked::Other,
    }
}

/// RFC 9110 §6.5.1: what may not stand in a trailer section is left out, in both directions.
pub(crate) fn leave_out_forbidden(cx: &mut Cx<'_>, id: u32, fields: &mut Fields) {
    let forbidden: Vec<_> = trailers::forbidden(fields).collect();
    for name in forbidden {
        cx.note(|| Seen::FieldLeftOut { id, name: name.as_str() });
        fields.remove(name);
    }
}

/// One line for each field; what is private shows its length only.
#[inline]
pub(crate) fn note_fields(cx: &mut Cx<'_>, fields: &Fields) {
    if is_watched(Layer::Application) {
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
