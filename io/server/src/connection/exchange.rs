//! From a request to its answer: what a connection does above its endpoint.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use base::{Chunk, Cx, FileRange, Instant};
use message::{Event, ExchangeId, Head, Method, Request, Reset, Response, Status};
use rustix::buffer::spare_capacity;

use super::facts::Live;
use super::{Connection, Turn};
use crate::handler::{Answer, Body, Handler, Hinted, Notes, Record, Reply};
use crate::observer::RequestFacts;
use crate::transport::Transport;
use crate::xray::{Answering, Awaited};

/// How much of a file is read at once where it cannot be sent by the kernel.
const READ_LEN: u64 = 64 * 1024;

/// How much of a target is told to who asks for connections.
const TARGET_SHOWN_MAX: usize = 256;

/// An exchange whose answer is not out yet.
pub(super) struct Exchange {
    pub(super) id: ExchangeId,
    request: Arc<Request>,
    began: Instant,
    pub(super) state: State,
    status: Option<Status>,
    body_len: u64,
    /// The handler's own.
    pub(super) notes: Notes,
}

pub(super) enum State {
    Promised(Pin<Box<dyn Future<Output = Answer>>>),
    /// The handler is asked again when this is over.
    Asking(Pin<Box<dyn Future<Output = ()>>>),
    /// The handler is asked again when the request's body is over or longer than this.
    TakingBody {
        most: u64,
        is_over: bool,
    },
    Sending(Body),
    Complete,
}

/// What a step of an exchange led to.
enum Step {
    /// Nothing can be done now.
    Waits,
    /// Something was done, and more may be.
    Moved,
    /// The answer is complete, or will never be.
    Over(Option<&'static str>),
}

impl Exchange {
    /// What can be told of it.
    pub(super) fn facts(&self, now: Instant) -> RequestFacts {
        let target = self.request.target.as_str();
        RequestFacts {
            method: self.request.method.to_string(),
            target: target.chars().take(TARGET_SHOWN_MAX).collect(),
            age: now.since(self.began),
            body_len: self.body_len,
        }
    }

    /// Whether parts of the body are still to be sent, which need not be waited for.
    pub(super) fn has_parts(&self) -> bool {
        matches!(&self.state, State::Sending(Body::Parts(parts)) if !parts.is_empty())
    }
}

impl<T: Transport> Connection<T> {
    /// Hands events to the handler and answers; whether there were any.
    pub(super) fn handle_events<H: Handler>(&mut self, turn: &mut Turn<'_, H>) -> bool {
        let mut any = false;
        while let Some((id, event)) = self.endpoint.poll_event() {
            any = true;
            match event {
                Event::Head(Head::Request(request)) => self.handle_request(turn, id, request),
                Event::Reset(reset) => self.handle_reset(turn, id, reset),
                Event::Data(chunk) => self.take_body(turn, id, Some(chunk.len())),
                Event::End if self.takes_bodies() => self.take_body(turn, id, None),
                // Servers get no responses nor promises.
                Event::Head(Head::Response(_))
                | Event::Informational(_)
                | Event::Trailers(_)
                | Event::End
                | Event::Promise(_) => {}
            }
        }
        any
    }

    fn handle_request<H: Handler>(
        &mut self,
        turn: &mut Turn<'_, H>,
        id: ExchangeId,
        request: Arc<Request>,
    ) {
        let mut exchange = Exchange {
            id,
            request,
            began: turn.cx.now(),
            state: State::Complete,
            status: None,
            body_len: 0,
            notes: Notes::default(),
        };
        match self.ask(turn, &mut exchange) {
            Step::Over(why) => self.finish_exchange(turn, &exchange, why),
            _ => self.busy().exchanges.add(exchange),
        }
    }

    /// Has the handler answer.
    #[inline(always)]
    fn ask<H: Handler>(&mut self, turn: &mut Turn<'_, H>, exchange: &mut Exchange) -> Step {
        let handler = &turn.serving.handler;
        let (clock, began) = (&turn.worker.clock, exchange.began);
        let vitals = Live { stream: &self.stream, clock, began };
        let peer = self.peer(exchange.id, &exchange.notes, Some(&vitals));
        let reply = handler.handle(&mut turn.cx, &exchange.request, &peer);
        self.keep_pace(exchange.id, exchange.notes.pace.take());
        self.take_reply(turn, exchange, reply)
    }

    #[inline(always)]
    fn take_reply<H: Handler>(
        &mut self,
        turn: &mut Turn<'_, H>,
        exchange: &mut Exchange,
        reply: Reply,
    ) -> Step {
        match reply {
            Reply::Now(answer) => self.begin_answer(&mut turn.cx, exchange, answer),
            Reply::Later(promise) => {
                exchange.state = State::Promised(promise);
                note_awaited(&mut turn.cx, exchange, Awaited::Answer);
            }
            Reply::Again(promise) => {
                exchange.state = State::Asking(promise);
                note_awaited(&mut turn.cx, exchange, Awaited::Question);
            }
            Reply::TakeBody(most) => {
                exchange.state = State::TakingBody { most, is_over: false };
                note_awaited(&mut turn.cx, exchange, Awaited::RequestBody);
                self.busy().takes_bodies = true;
                self.endpoint.read_body(&mut turn.cx, exchange.id);
            }
            Reply::Hinted(hinted) => return self.take_hinted(turn, exchange, *hinted),
            Reply::Close => {
                let why = "the handler closes the connection";
                return self.break_off(&mut turn.cx, exchange, why);
            }
        }
        match exchange.state {
            State::Complete => Step::Over(None),
            _ => Step::Moved,
        }
    }

    /// Sends what goes ahead of a reply, the reply, and what belongs to it.
    #[cold]
    fn take_hinted<H: Handler>(
        &mut self,
        turn: &mut Turn<'_, H>,
        exchange: &mut Exchange,
        hinted: Hinted,
    ) -> Step {
        let Hinted { reply, early, pushes } = hinted;
        // RFC 9113 §8.4.1: promises first, so that nobody asks for what the hints speak of.
        let mut pushed = Vec::new();
        for request in pushes {
            let id = self.endpoint.push(&mut turn.cx, exchange.id, request.clone());
            pushed.extend(id.map(|id| (id, Arc::new(request))));
        }
        if !early.is_empty() {
            let response = Response::new(Status::EARLY_HINTS, early);
            self.send(&mut turn.cx, exchange.id, Event::Informational(response));
        }
        let step = match reply {
            Reply::Hinted(_) => {
                debug_assert!(false, "there are no hints of hints");
                self.break_off(&mut turn.cx, exchange, "the handler went wrong")
            }
            reply => self.take_reply(turn, exchange, reply),
        };
        for (id, request) in pushed {
            self.handle_request(turn, id, request);
        }
        step
    }

    #[cold]
    fn ask_again<H: Handler>(&mut self, turn: &mut Turn<'_, H>, exchange: &mut Exchange) -> Step {
        exchange.notes.begin_again();
        self.ask(turn, exchange)
    }

    fn handle_reset<H: Handler>(&mut self, turn: &mut Turn<'_, H>, id: ExchangeId, reset: Reset) {
        let found = self.busy.as_mut().and_then(|busy| busy.exchanges.remove(id));
        if let Some(mut exchange) = found {
            exchange.status = exchange.status.or(reset.status);
            return self.cut_short(turn, &exchange, reset.why);
        }
        turn.serving.handler.finished(&Record {
            wall: turn.cx.wall(),
            peer: self.peer(id, &Notes::default(), None),
            request: None,
            status: reset.status,
            body_len: 0,
            took: std::time::Duration::ZERO,
            cut_short: Some(reset.why),
        });
    }

    /// Moves on the answers of which there is news, as far as they go; whether one moved.
    #[inline]
    pub(super) fn go_on<H: Handler>(&mut self, turn: &mut Turn<'_, H>) -> bool {
        self.busy.is_some() && self.move_on(turn)
    }

    fn move_on<H: Handler>(&mut self, turn: &mut Turn<'_, H>) -> bool {
        let Some(busy) = &mut self.busy else { return false };
        while let Some(id) = self.endpoint.poll_room() {
            busy.exchanges.wake(id);
        }
        let mut moved = false;
        // Each at most once: who cannot go on now is looked at the next time.
        for _ in 0..busy.exchanges.ready_len() {
            // What was made now would only wait.
            if self.room_here(turn) == 0 {
                break;
            }
            let Some(exchange) = self.busy().exchanges.take_ready() else { break };
            moved |= self.move_one(turn, exchange);
        }
        moved
    }

    /// Moves one answer on as far as it goes; whether it moved.
    fn move_one<H: Handler>(
        &mut self,
        turn: &mut Turn<'_, H>,
        mut exchange: Box<Exchange>,
    ) -> bool {
        let id = exchange.id;
        let mut moved = false;
        loop {
            match self.step(turn, &mut exchange) {
                Step::Moved => moved = true,
                Step::Waits => {
                    self.busy().exchanges.put_back(exchange);
                    // Of a window, a promise or a part of a body there will be news; not of room
                    // here, nor in HTTP/1.1, which has one exchange.
                    if !self.endpoint.is_windowed() || self.room_here(turn) == 0 {
                        self.busy().exchanges.wake(id);
                    }
                    return moved;
                }
                Step::Over(why) => {
                    self.busy().exchanges.remove(id);
                    self.finish_exchange(turn, &exchange, why);
                    return true;
                }
            }
        }
    }

    fn step<H: Handler>(&mut self, turn: &mut Turn<'_, H>, exchange: &mut Exchange) -> Step {
        let id = exchange.id;
        let body = match &mut exchange.state {
            State::Complete => return Step::Over(None),
            State::Promised(promise) => {
                let answer = promise.as_mut().poll(&mut Context::from_waker(&turn.waker(id)));
                let Poll::Ready(answer) = answer else { return Step::Waits };
                let handler = &turn.serving.handler;
                let (clock, began) = (&turn.worker.clock, exchange.began);
                let vitals = Live { stream: &self.stream, clock, began };
                let peer = self.peer(exchange.id, &exchange.notes, Some(&vitals));
                let reply = handler.promised(&mut turn.cx, &exchange.request, &peer, answer);
                return self.take_reply(turn, exchange, reply);
            }
            State::Asking(promise) => {
                let found_out = promise.as_mut().poll(&mut Context::from_waker(&turn.waker(id)));
                if found_out.is_pending() {
                    return Step::Waits;
                }
                return self.ask_again(turn, exchange);
            }
            State::TakingBody { is_over: false, .. } => return Step::Waits,
            State::TakingBody { is_over: true, .. } => return self.ask_again(turn, exchange),
            State::Sending(body) => body,
        };
        let room = self.room(turn, id);
        if room == 0 {
            return Step::Waits;
        }
        let next = match body {
            Body::Empty | Body::Memory(_) => None,
            Body::Parts(parts) => match parts.pop_front() {
                Some(Chunk::File(range)) => {
                    return self.step_file(&mut turn.cx, exchange, range, room);
                }
                Some(Chunk::Shared(mut part)) if part.len() as u64 > room => {
                    let first = part.split_to(room as usize);
                    parts.push_front(part.into());
                    Some(first.into())
                }
                part => part,
            },
            Body::Stream(source) => {
                let waker = turn.waker(id);
                match source.poll_next(&mut turn.cx, &mut Context::from_waker(&waker)) {
                    Poll::Pending => {
                        note_awaited(&mut turn.cx, exchange, Awaited::PartOfBody);
                        return Step::Waits;
                    }
                    Poll::Ready(Some(Ok(chunk))) => Some(chunk),
                    Poll::Ready(Some(Err(_))) => {
                        return self.break_off(&mut turn.cx, exchange, "the body broke off");
                    }
                    Poll::Ready(None) => None,
                }
            }
        };
        match next {
            Some(chunk) => self.send_chunk(&mut turn.cx, exchange, chunk),
            None => self.send_end(&mut turn.cx, exchange),
        }
        Step::Moved
    }

    /// Sends the head, and with it a body that is in memory and not large.
    fn begin_answer(&mut self, cx: &mut Cx<'_>, exchange: &mut Exchange, answer: Answer) {
        let Answer { response, body } = answer;
        exchange.status = Some(response.status);
        // RFC 9110 §9.3.2: the answer to HEAD is the one to GET without its body.
        let is_head = matches!(exchange.request.method, Method::Head);
        let is_bodiless = is_head || response.status.is_bodiless();
        let body = match body {
            Body::Memory(bytes) if bytes.len() as u64 <= READ_LEN && !is_bodiless => {
                exchange.body_len += bytes.len() as u64;
                self.endpoint.send_whole(cx, exchange.id, response, bytes.into());
                return complete(exchange);
            }
            body => body,
        };
        self.send(cx, exchange.id, Event::Head(Head::Response(response)));
        match body {
            Body::Memory(bytes) if !is_bodiless => {
                let parts = Body::Parts(VecDeque::from([Chunk::Shared(bytes)]));
                return exchange.state = State::Sending(parts);
            }
            Body::Parts(_) | Body::Stream(_) if !is_bodiless => {
                return exchange.state = State::Sending(body);
            }
            _ => {}
        }
        self.send_end(cx, exchange);
    }

    #[inline(always)]
    fn send_end(&mut self, cx: &mut Cx<'_>, exchange: &mut Exchange) {
        self.send(cx, exchange.id, Event::End);
        complete(exchange);
    }

    fn step_file(
        &mut self,
        cx: &mut Cx<'_>,
        exchange: &mut Exchange,
        mut range: FileRange,
        room: u64,
    ) -> Step {
        let chunk = if self.endpoint.takes_files() && self.stream.sends_files() {
            Chunk::File(FileRange { file: range.file.clone(), ..range })
        } else {
            let len = range.len.min(READ_LEN).min(room) as usize;
            // Into memory that was not zeroed for it, and not further than the range goes.
            let mut buffer = cx.buffer();
            buffer.reserve_exact(len);
            match rustix::io::pread(&*range.file, spare_capacity(&mut buffer), range.offset) {
                Ok(read) if read > 0 => buffer.truncate(len),
                _ => return self.break_off(cx, exchange, "the file became shorter"),
            }
            Chunk::Owned(buffer)
        };
        let len = chunk.len();
        (range.offset, range.len) = (range.offset + len, range.len - len);
        self.send_chunk(cx, exchange, chunk);
        if let (true, State::Sending(Body::Parts(parts))) = (range.len > 0, &mut exchange.state) {
            parts.push_front(range.into());
        }
        Step::Moved
    }

    #[inline(always)]
    fn send_chunk(&mut self, cx: &mut Cx<'_>, exchange: &mut Exchange, chunk: Chunk) {
        exchange.body_len += chunk.len();
        self.send(cx, exchange.id, Event::Data(chunk));
    }

    fn break_off(&mut self, cx: &mut Cx<'_>, exchange: &Exchange, why: &'static str) -> Step {
        let reset = Reset { why, status: None, untouched: false };
        self.send(cx, exchange.id, Event::Reset(reset));
        Step::Over(Some(why))
    }

    #[inline(always)]
    fn send(&mut self, cx: &mut Cx<'_>, id: ExchangeId, event: Event) {
        self.endpoint.send(cx, id, event);
    }

    /// The exchange ended early.
    #[cold]
    pub(super) fn cut_short<H: Handler>(
        &mut self,
        turn: &Turn<'_, H>,
        exchange: &Exchange,
        why: &'static str,
    ) {
        self.finish_exchange(turn, exchange, Some(why));
    }

    #[inline(always)]
    fn finish_exchange<H: Handler>(
        &mut self,
        turn: &Turn<'_, H>,
        exchange: &Exchange,
        cut_short: Option<&'static str>,
    ) {
        turn.serving.handler.finished(&Record {
            wall: turn.cx.wall(),
            peer: self.peer(exchange.id, &exchange.notes, None),
            request: Some(&exchange.request),
            status: exchange.status,
            body_len: exchange.body_len,
            took: turn.worker.clock.now().since(exchange.began),
            cut_short,
        });
    }

    /// How many bytes of a body may be made now.
    fn room<H>(&mut self, turn: &mut Turn<'_, H>, id: ExchangeId) -> u64 {
        match self.room_here(turn) {
            0 => 0,
            here => here.min(self.endpoint.room(&mut turn.cx, id)),
        }
    }

    /// How many bytes may wait here beside those that do.
    fn room_here<H>(&self, turn: &Turn<'_, H>) -> u64 {
        let unsent = self.unsent().map_or(0, |unsent| unsent.queue.len());
        let waiting = unsent + self.endpoint.waiting_len();
        turn.worker.budget.share().saturating_sub(waiting)
    }

    /// Something that was promised for this exchange is there.
    pub(crate) fn wake(&mut self, id: ExchangeId) {
        if let Some(busy) = &mut self.busy {
            busy.exchanges.wake(id);
        }
    }
}

/// Everything has been handed down.
#[inline(always)]
fn complete(exchange: &mut Exchange) {
    // Most have never been anything else, and dropping a state costs more than a look.
    if !matches!(exchange.state, State::Complete) {
        exchange.state = State::Complete;
    }
}

fn note_awaited(cx: &mut Cx<'_>, exchange: &Exchange, what: Awaited) {
    cx.note(|| Answering::HandlerAwaited { id: exchange.id.0, what });
}
