use base::{Chunk, Cx};
use message::{
    Closing, Event, ExchangeId, Fields, Head, Method, Name, Request, Reset, Response, Status,
    Version, list,
};

use crate::framing::{self, Framing};
use crate::machine::{Connection, Exchange, Role};
use crate::memory::Memory;
use crate::persistence::{self, Wish};
use crate::recv::{leave_out_forbidden, note_fields};
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
    /// The body and its trailers are written; the user has still to say so.
    BehindTrailers,
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
    /// Who sends knows what it sends: the kind of event is settled where it is inlined.
    #[inline(always)]
    pub(crate) fn send_event(&mut self, cx: &mut Cx<'_>, event: Event) {
        match event {
            Event::Head(Head::Response(response)) => self.send_head(cx, response),
            Event::Data(chunk) => self.send_chunk(cx, chunk),
            Event::End => self.send_message_end(cx),
            other => self.send_rare(cx, other),
        }
    }

    #[inline]
    fn send_head(&mut self, cx: &mut Cx<'_>, response: Response) {
        match self.send.phase {
            Phase::Head => self.send_response(cx, response),
            _ => self.leave_out(cx, Why::OutOfTurn),
        }
    }

    #[inline]
    fn send_chunk(&mut self, cx: &mut Cx<'_>, chunk: Chunk) {
        match self.send.phase {
            Phase::Body(body) => self.send_data(cx, body, chunk),
            Phase::Tunnel => self.send_data(cx, Framing::UntilClose, chunk),
            _ => self.leave_out(cx, Why::OutOfTurn),
        }
    }

    #[inline]
    fn send_message_end(&mut self, cx: &mut Cx<'_>) {
        match self.send.phase {
            Phase::Body(body) => self.send_end(cx, body),
            Phase::BehindTrailers => self.send_end(cx, Framing::None),
            Phase::Tunnel => self.send_tunnel_end(cx),
            _ => self.leave_out(cx, Why::OutOfTurn),
        }
    }

    #[cold]
    fn send_rare(&mut self, cx: &mut Cx<'_>, event: Event) {
        match (self.send.phase, event) {
            (Phase::Head, Event::Informational(response)) => self.send_interim(cx, response),
            (Phase::Body(body), Event::Trailers(fields)) => self.send_trailers(cx, body, fields),
            (_, Event::Reset(reset)) => self.send_reset(cx, reset),
            _ => self.leave_out(cx, Why::OutOfTurn),
        }
    }

    pub(crate) fn send_request(
        &mut self,
        cx: &mut Cx<'_>,
        id: ExchangeId,
        mut request: Request,
    ) -> Result<(), Why> {
        // RFC 9110 §2.5: we send our own version, whatever version the request came in.
        request.version = Version::HTTP_11;
        if !request.method.as_str().bytes().all(list::is_token) {
            return Err(Why::StartLineMalformed);
        }
        let body = framing::of_request(&request)?;
        self.clean_length(cx, &mut request.fields);
        cx.note(|| Seen::RequestOut {
            id: id.0,
            method: &request.method,
            target: base::xray::Text(request.target.as_str().as_bytes()),
            body,
        });
        note_fields(cx, &request.fields);
        self.emit_request_head(cx, &request, body);
        self.exchange = Exchange {
            id,
            persists: persistence::wish(Version::HTTP_11, &request.fields) == Wish::Persist,
            wishes_upgrade: persistence::wishes_upgrade(Version::HTTP_11, &request.fields),
            method: request.method,
            version: Version::HTTP_11,
            awaits_continue: false,
            becomes_tunnel: false,
        };
        self.send.phase = Phase::Body(body);
        Ok(())
    }

    fn emit_request_head(&mut self, cx: &mut Cx<'_>, request: &Request, body: Framing) {
        let tail = self.out.tail(cx);
        emit_request_line(&request.method, &request.target, tail);
        if !request.fields.contains(Name::Host) {
            // RFC 9110 §7.2: Host stands first where the user has not written it; RFC 9112 §3.2: it
            // is empty where nobody knows the host.
            let authority = request.target.authority();
            tail.extend_from_slice(b"Host: ");
            tail.extend_from_slice(authority.map(|a| a.to_string()).unwrap_or_default().as_bytes());
            tail.extend_from_slice(b"\r\n");
        }
        request.fields.append_wire_form(tail);
        if body == Framing::None
            && matches!(request.method, Method::Post | Method::Put | Method::Patch)
        {
            // RFC 9110 §8.6: where a body is expected, we say that there is none.
            tail.extend_from_slice(b"Content-Length: 0\r\n");
        }
        tail.extend_from_slice(b"\r\n");
    }

    fn send_response(&mut self, cx: &mut Cx<'_>, mut response: Response) {
        if response.status == Status::SWITCHING_PROTOCOLS {
            return self.send_upgrade(cx, response);
        }
        if response.status.is_informational() {
            // RFC 9110 §15.2: whatever the user calls it, the final response is still to come.
            return self.send_interim(cx, response);
        }
        if response.fields.contains_any(&OWN) {
            self.take_own_fields(cx, &mut response.fields);
        }
        let is_tunnel = framing::is_tunnel(&self.exchange.method, response.status);
        let body = self.frame(cx, &mut response, is_tunnel);
        self.decide_persistence(cx, body, response.status);
        let (id, status, persists) = (self.exchange.id.0, response.status, self.exchange.persists);
        cx.note(|| Seen::ResponseOut { id, status, body, persists });
        note_fields(cx, &response.fields);
        self.emit_response_head(cx, &response, body, is_tunnel);
        if is_tunnel {
            self.begin_own_tunnel(cx);
        } else {
            self.send.phase = Phase::Body(body);
        }
    }

    fn emit_response_head(
        &mut self,
        cx: &mut Cx<'_>,
        response: &Response,
        body: Framing,
        is_tunnel: bool,
    ) {
        let says_persists = self.exchange.persists && !is_tunnel;
        let (idle_secs, wall) = (self.config.timeout_idle.as_secs(), cx.wall());
        let head = self.out.tail(cx);
        let opening = cx.memory::<Memory>().opening(wall, idle_secs);
        // RFC 9110 §6.6.1: an origin server with a clock says when.
        let has_date = response.fields.contains(Name::Date);
        if response.status == Status::OK && says_persists && !has_date {
            // Nearly every response.
            head.extend_from_slice(opening.whole());
        } else {
            emit_status_line(response.status, head);
            if !has_date {
                head.extend_from_slice(opening.date_line());
            }
            if says_persists {
                head.extend_from_slice(opening.persistence());
            }
        }
        if says_persists {
            let id = u32::try_from(self.exchange.id.0).unwrap_or(u32::MAX);
            let left = self.config.requests_max.saturating_sub(id);
            list::append_digits_line(left.into(), head);
        } else if !is_tunnel {
            // To what follows in a tunnel the connection does not belong.
            head.extend_from_slice(b"Connection: close\r\n");
        }
        response.fields.append_wire_form(head);
        if body == Framing::Chunked {
            head.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        if response.fields.contains(Name::Upgrade) {
            // RFC 9110 §7.8: an offer of other protocols is for this connection only.
            head.extend_from_slice(b"Connection: upgrade\r\n");
        }
        head.extend_from_slice(b"\r\n");
    }

    /// How the body of our response will end, given what the client understands; what the fields
    /// say about it is made to be true.
    fn frame(&mut self, cx: &mut Cx<'_>, response: &mut Response, is_tunnel: bool) -> Framing {
        let status = response.status;
        let is_bodiless = framing::is_bodiless(&self.exchange.method, status);
        let has_no_length = status == Status::NO_CONTENT || is_tunnel;
        if has_no_length && response.fields.contains(Name::ContentLength) {
            // RFC 9110 §8.6: not even zero.
            self.leave_out(cx, Why::NoLengthHere);
            response.fields.remove(Name::ContentLength);
        }
        match self.clean_length(cx, &mut response.fields) {
            // With HEAD and 304 the length is that of the body that is not sent.
            _ if is_bodiless => Framing::None,
            Some(len) => Framing::Length(len),
            None if self.exchange.version >= Version::HTTP_11 => Framing::Chunked,
            None => Framing::UntilClose,
        }
    }

    /// The length that the user announces. RFC 9110 §8.6: one that is written twice is sent once,
    /// one that is none is not sent.
    #[inline]
    fn clean_length(&mut self, cx: &mut Cx<'_>, fields: &mut Fields) -> Option<u64> {
        if !fields.contains(Name::ContentLength) {
            return None;
        }
        if let Some(len) = fields.length() {
            return Some(len);
        }
        match framing::content_length(fields) {
            Ok(len) => {
                fields.set(Name::ContentLength, len.unwrap_or_default().to_string());
                len
            }
            Err(why) => {
                self.leave_out(cx, why);
                fields.remove(Name::ContentLength);
                None
            }
        }
    }

    fn decide_persistence(&mut self, cx: &mut Cx<'_>, body: Framing, status: Status) {
        let reason = if body == Framing::UntilClose {
            Some(Why::BodyUntilClose)
        } else if matches!(self.exchange.method, Method::Connect) && !status.is_successful() {
            // RFC 9110 §9.3.6: what follows may have been meant for the tunnel already, and must
            // not be read as requests. (RFC 9931 demands it of proxies.)
            Some(Why::TunnelRefused)
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

    fn send_interim(&mut self, cx: &mut Cx<'_>, mut response: Response) {
        if self.exchange.version < Version::HTTP_11 {
            return self.leave_out(cx, Why::InterimTo10);
        }
        if !response.status.is_informational() || response.status == Status::SWITCHING_PROTOCOLS {
            return self.leave_out(cx, Why::OutOfTurn);
        }
        remove_framing(&mut response.fields);
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

    fn send_upgrade(&mut self, cx: &mut Cx<'_>, mut response: Response) {
        // RFC 9110 §7.8: we switch only to what was asked for; §15.2.2: and say to what.
        if !self.exchange.wishes_upgrade || !response.fields.contains(Name::Upgrade) {
            self.leave_out(cx, Why::UpgradeNotWished);
            return self.refuse(cx, Why::UpgradeNotWished);
        }
        // RFC 9110 §7.8: who awaits a 100 and a switch gets the 100 first.
        self.continue_if_awaited(cx);
        remove_framing(&mut response.fields);
        let (id, status) = (self.exchange.id.0, response.status);
        cx.note(|| Seen::ResponseOut { id, status, body: Framing::None, persists: false });
        note_fields(cx, &response.fields);
        let tail = self.out.tail(cx);
        emit_status_line(status, tail);
        response.fields.append_wire_form(tail);
        tail.extend_from_slice(b"Connection: upgrade\r\n\r\n");
        self.begin_own_tunnel(cx);
    }

    /// From here on we send another protocol. What comes in is still the request until its end, and
    /// then the other protocol (RFC 9110 §7.8).
    fn begin_own_tunnel(&mut self, cx: &mut Cx<'_>) {
        let id = self.exchange.id.0;
        cx.note(|| Seen::Upgraded { id });
        self.exchange.persists = false;
        self.exchange.becomes_tunnel = true;
        self.send.become_tunnel();
        if self.recv.is_complete() {
            self.recv.become_tunnel();
        } else if self.recv.has_unread_body() {
            let len = self.recv.discard();
            cx.note(|| Seen::Discarding { id, len });
            self.watch_rate(cx);
        }
    }

    /// Sends the answer to a request that goes no further than this machine.
    pub(crate) fn send_refusal(&mut self, cx: &mut Cx<'_>, status: Status, explanation: &str) {
        self.exchange.persists = false;
        let (response, text) = Response::in_words(status, explanation);
        self.send.phase = Phase::Head;
        self.send_response(cx, response);
        if !matches!(self.exchange.method, Method::Head) {
            self.out.push(cx, text.into());
        }
        self.send.phase = Phase::Complete;
    }

    #[inline]
    fn send_data(&mut self, cx: &mut Cx<'_>, body: Framing, chunk: Chunk) {
        let (id, len) = (self.exchange.id.0, chunk.len());
        if len == 0 {
            return;
        }
        match body {
            // To HEAD and with 304 a handler may send what it would send to GET.
            Framing::None if self.role == Role::Server => {
                return self.leave_out(cx, Why::NoBodyHere);
            }
            Framing::None => return self.break_off(cx),
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

    fn send_trailers(&mut self, cx: &mut Cx<'_>, body: Framing, mut fields: Fields) {
        if body != Framing::Chunked {
            return self.leave_out(cx, Why::NoTrailersHere);
        }
        leave_out_forbidden(cx, self.exchange.id.0, &mut fields);
        let tail = self.out.tail(cx);
        tail.extend_from_slice(LAST_CHUNK);
        fields.append_wire_form(tail);
        tail.extend_from_slice(b"\r\n");
        self.send.phase = Phase::BehindTrailers;
    }

    #[inline]
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
        if self.exchange.becomes_tunnel {
            return self.send.become_tunnel();
        }
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
        let is_server = self.role == Role::Server;
        let is_over = if is_server {
            matches!(self.send.phase, Phase::Idle | Phase::Complete)
        } else {
            self.is_idle()
        };
        if is_over {
            // It is late, and must not harm what was sent.
            return self.leave_out(cx, Why::OutOfTurn);
        }
        let can_answer = is_server && !self.send.has_begun();
        match reset.status.filter(|status| can_answer && status.is_error()) {
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

/// RFC 9110 §8.6, RFC 9112 §6.1: nothing in front of the final response has a body; and what it
/// says of the connection is ours to say.
fn remove_framing(fields: &mut Fields) {
    for name in OWN {
        fields.remove(name);
    }
    fields.remove(Name::ContentLength);
}
