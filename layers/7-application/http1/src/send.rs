use base::{Chunk, Cx};
use message::{Event, Fields, Head, Method, Name, Request, Reset, Response, Status, Version, date};

use crate::framing::{self, Framing};
use crate::machine::{Closing, Connection, Role};
use crate::persistence::{self, Wish};
use crate::wire::{LAST_CHUNK, chunk_head, emit_request_line, emit_status_line};
use crate::{Seen, Why};

/// The fields by which a connection speaks for itself; from a user they mean nothing here, but for
/// `close` (RFC 9110 §7.6.1).
const OWN: [Name; 4] =
    [Name::Connection, Name::KeepAlive, Name::ProxyConnection, Name::TransferEncoding];

/// The half of an exchange that goes out.
#[derive(Debug)]
pub(crate) struct Send {
    phase: Phase,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Nothing is to be sent.
    Idle,
    /// The response is to begin.
    Head,
    /// A body without end yet, with this framing; `Length` counts down.
    Body(Framing),
    /// Another protocol.
    Tunnel,
    /// The message is complete.
    Complete,
}

impl Send {
    pub(crate) const fn new() -> Self {
        Self { phase: Phase::Idle }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.phase == Phase::Complete
    }

    pub(crate) fn has_begun(&self) -> bool {
        !matches!(self.phase, Phase::Idle | Phase::Head)
    }

    pub(crate) fn expect_response(&mut self) {
        self.phase = Phase::Head;
    }

    pub(crate) fn become_tunnel(&mut self) {
        self.phase = Phase::Tunnel;
    }
}

/// What goes out.
impl Connection {
    pub(crate) fn send_event(&mut self, cx: &mut Cx<'_>, event: Event) {
        match (self.send.phase, event) {
            (Phase::Head, Event::Head(Head::Response(response))) => {
                self.send_response(cx, response);
            }
            (Phase::Head, Event::Informational(response)) => self.send_interim(cx, response),
            (Phase::Body(body), Event::Data(chunk)) => self.send_data(cx, body, chunk),
            (Phase::Tunnel, Event::Data(chunk)) => self.out.push(cx, chunk),
            (Phase::Body(body), Event::Trailers(fields)) => self.send_trailers(cx, body, fields),
            (Phase::Body(body), Event::End) => self.send_end(cx, body),
            (Phase::Tunnel, Event::End) => self.send_tunnel_end(cx),
            (_, Event::Reset(reset)) => self.send_reset(cx, reset),
            _ => self.leave_out(cx, Why::OutOfTurn),
        }
    }

    pub(crate) fn send_request(&mut self, cx: &mut Cx<'_>, request: Request) {
        let id = self.exchange.id;
        let body = framing::of_request(&request).unwrap_or(Framing::None);
        cx.note(|| Seen::RequestOut {
            id: id.0,
            method: &request.method,
            target: base::xray::Text(request.target.as_str().as_bytes()),
            body,
        });
        crate::recv::note_fields(cx, &request.fields);
        self.exchange.persists =
            persistence::wish(Version::HTTP_11, &request.fields) == Wish::Persist;
        let tail = self.out.tail(cx);
        emit_request_line(&request.method, &request.target, tail);
        // RFC 9110 §7.2: Host stands first where the user has not named another.
        if let (false, Some(authority)) =
            (request.fields.contains(Name::Host), request.target.authority())
        {
            tail.extend_from_slice(b"Host: ");
            tail.extend_from_slice(authority.to_string().as_bytes());
            tail.extend_from_slice(b"\r\n");
        }
        request.fields.append_wire_form(tail);
        tail.extend_from_slice(b"\r\n");
        self.exchange.method = request.method;
        self.send.phase = Phase::Body(body);
    }

    fn send_response(&mut self, cx: &mut Cx<'_>, mut response: Response) {
        if response.status == Status::SWITCHING_PROTOCOLS {
            return self.send_upgrade(cx, response);
        }
        if OWN.iter().any(|&name| response.fields.contains(name)) {
            self.take_own_fields(cx, &mut response.fields);
        }
        let body = self.framing_of(&response);
        self.decide_persistence(cx, body);
        let (id, status, persists) = (self.exchange.id.0, response.status, self.exchange.persists);
        cx.note(|| Seen::ResponseOut { id, status, body, persists });
        crate::recv::note_fields(cx, &response.fields);

        let left = self.config.requests_max.saturating_sub(u32::try_from(id).unwrap_or(u32::MAX));
        let (idle, wall) = (self.config.timeout_idle.as_secs(), cx.wall());
        let tail = self.out.tail(cx);
        emit_status_line(status, tail);
        if !response.fields.contains(Name::Date) {
            // RFC 9110 §6.6.1: an origin server with a clock says when.
            tail.extend_from_slice(b"Date: ");
            tail.extend_from_slice(&date::emit(wall));
            tail.extend_from_slice(b"\r\n");
        }
        response.fields.append_wire_form(tail);
        if body == Framing::Chunked {
            tail.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        if persists {
            tail.extend_from_slice(b"Connection: keep-alive\r\nKeep-Alive: timeout=");
            push_decimal(idle, tail);
            tail.extend_from_slice(b", max=");
            push_decimal(left.into(), tail);
            tail.extend_from_slice(b"\r\n\r\n");
        } else {
            tail.extend_from_slice(b"Connection: close\r\n\r\n");
        }

        let is_tunnel = self.exchange.method == Method::Connect && status.is_successful();
        if is_tunnel { self.begin_own_tunnel(cx) } else { self.send.phase = Phase::Body(body) }
    }

    /// How the body of our response will end, given what the client understands.
    fn framing_of(&self, response: &Response) -> Framing {
        match framing::of_response(&self.exchange.method, response) {
            Ok(Framing::UntilClose) if self.exchange.version >= Version::HTTP_11 => {
                Framing::Chunked
            }
            Ok(body) => body,
            Err(_) => Framing::UntilClose,
        }
    }

    fn decide_persistence(&mut self, cx: &mut Cx<'_>, body: Framing) {
        let reason = if body == Framing::UntilClose {
            Some(Why::BodyUntilClose)
        } else if self.is_shutting_down {
            Some(Why::ShuttingDown)
        } else if self.recv.has_unread_body() && self.exchange.awaits_continue {
            // RFC 9110 §10.1.1: it may or may not send its body now; both cannot be told apart.
            Some(Why::NeverContinued)
        } else if self.recv.has_unread_body() && self.recv.body_left() > self.config.body_unread_max
        {
            Some(Why::BodyUnread)
        } else {
            None
        };
        if let (Some(why), true) = (reason, self.exchange.persists) {
            cx.note(|| Seen::Closing { why });
            self.exchange.persists = false;
        }
    }

    fn send_interim(&mut self, cx: &mut Cx<'_>, response: Response) {
        if self.exchange.version < Version::HTTP_11 {
            return self.leave_out(cx, Why::InterimTo10);
        }
        if !response.status.is_informational() {
            return self.leave_out(cx, Why::OutOfTurn);
        }
        if response.status == Status::CONTINUE {
            self.exchange.awaits_continue = false;
        }
        let (id, status) = (self.exchange.id.0, response.status);
        cx.note(|| Seen::ResponseOut { id, status, body: Framing::None, persists: true });
        let tail = self.out.tail(cx);
        emit_status_line(status, tail);
        response.fields.append_wire_form(tail);
        tail.extend_from_slice(b"\r\n");
    }

    pub(crate) fn continue_if_awaited(&mut self, cx: &mut Cx<'_>) {
        if self.exchange.awaits_continue && !self.send.has_begun() {
            let id = self.exchange.id.0;
            cx.note(|| Seen::Continued { id });
            self.send_interim(cx, Response::new(Status::CONTINUE, Fields::new()));
        }
    }

    fn send_upgrade(&mut self, cx: &mut Cx<'_>, response: Response) {
        let id = self.exchange.id.0;
        let tail = self.out.tail(cx);
        emit_status_line(response.status, tail);
        let mut fields = response.fields;
        fields.set(Name::Connection, "upgrade");
        fields.append_wire_form(tail);
        tail.extend_from_slice(b"\r\n");
        let status = response.status;
        cx.note(|| Seen::ResponseOut { id, status, body: Framing::None, persists: false });
        self.begin_own_tunnel(cx);
    }

    fn begin_own_tunnel(&mut self, cx: &mut Cx<'_>) {
        let id = self.exchange.id.0;
        cx.note(|| Seen::Upgraded { id });
        self.exchange.persists = false;
        self.recv.become_tunnel();
        self.send.become_tunnel();
    }

    /// Sends the answer to a request that goes no further than this machine.
    pub(crate) fn send_refusal(&mut self, cx: &mut Cx<'_>, status: Status, explanation: &str) {
        self.exchange.persists = false;
        let text = format!("{status}: {explanation}\n");
        let mut fields = Fields::new();
        fields.push(Name::ContentType, "text/plain; charset=utf-8");
        fields.push(Name::ContentLength, text.len().to_string());
        self.send.phase = Phase::Head;
        self.send_response(cx, Response::new(status, fields));
        if self.exchange.method != Method::Head {
            self.out.push(cx, text.into_bytes().into());
        }
        self.send.phase = Phase::Complete;
    }

    fn send_data(&mut self, cx: &mut Cx<'_>, body: Framing, chunk: Chunk) {
        let (id, len) = (self.exchange.id.0, chunk.len());
        if len == 0 {
            return;
        }
        match body {
            Framing::None => return self.leave_out(cx, Why::NoBodyHere),
            Framing::Length(left) => {
                let Some(left) = left.checked_sub(len) else {
                    return self.break_off(cx);
                };
                self.send.phase = Phase::Body(Framing::Length(left));
                self.out.push(cx, chunk);
            }
            Framing::Chunked => {
                chunk_head(len, self.out.tail(cx));
                self.out.push(cx, chunk);
                self.out.tail(cx).extend_from_slice(b"\r\n");
            }
            Framing::UntilClose => self.out.push(cx, chunk),
        }
        cx.note(|| Seen::BodyOut { id, len });
    }

    fn send_trailers(&mut self, cx: &mut Cx<'_>, body: Framing, fields: Fields) {
        if body != Framing::Chunked {
            return self.leave_out(cx, Why::NoTrailersHere);
        }
        let tail = self.out.tail(cx);
        tail.extend_from_slice(LAST_CHUNK);
        fields.append_wire_form(tail);
        tail.extend_from_slice(b"\r\n");
        // What is left is the end, which is written already.
        self.send.phase = Phase::Body(Framing::None);
    }

    fn send_end(&mut self, cx: &mut Cx<'_>, body: Framing) {
        match body {
            Framing::Length(left) if left > 0 => return self.break_off(cx),
            Framing::Chunked => {
                let tail = self.out.tail(cx);
                tail.extend_from_slice(LAST_CHUNK);
                tail.extend_from_slice(b"\r\n");
            }
            _ => {}
        }
        let id = self.exchange.id.0;
        cx.note(|| Seen::CompleteOut { id });
        self.send.phase = Phase::Complete;
        self.settle(cx);
    }

    fn send_tunnel_end(&mut self, cx: &mut Cx<'_>) {
        let id = self.exchange.id.0;
        cx.note(|| Seen::CompleteOut { id });
        self.send.phase = Phase::Complete;
        self.closing = if self.recv.is_finished() { Closing::Now } else { Closing::Fin };
    }

    /// The body is not what its length said: nobody may take it for whole.
    fn break_off(&mut self, cx: &mut Cx<'_>) {
        self.leave_out(cx, Why::LengthBroken);
        self.close(cx, Why::LengthBroken, Closing::Abort);
    }

    fn send_reset(&mut self, cx: &mut Cx<'_>, reset: Reset) {
        match reset.status.filter(|_| self.role == Role::Server && !self.send.has_begun()) {
            Some(status) => {
                self.send_refusal(cx, status, reset.why);
                self.close(cx, Why::UserReset, Closing::Fin);
            }
            None => self.close(cx, Why::UserReset, Closing::Abort),
        }
    }

    fn take_own_fields(&mut self, cx: &mut Cx<'_>, fields: &mut Fields) {
        if fields.has_element(Name::Connection, "close") {
            self.exchange.persists = false;
        } else {
            self.leave_out(cx, Why::ConnectionsOwnField);
        }
        for name in OWN {
            fields.remove(name);
        }
    }

    fn leave_out(&mut self, cx: &mut Cx<'_>, why: Why) {
        let id = self.exchange.id.0;
        cx.note(|| Seen::NotSent { id, why });
    }
}

fn push_decimal(mut n: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut count = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (n % 10) as u8;
        n /= 10;
        count += 1;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(20 - count..).unwrap_or_default());
}
