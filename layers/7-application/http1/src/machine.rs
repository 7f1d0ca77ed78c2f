use std::sync::Arc;

use base::{Cx, Instant, TxQueue};
use message::{Closing, Event, ExchangeId, Head, Method, Pace, Request, Reset, Version};

use crate::events::Events;
use crate::recv::Recv;
use crate::send::Send;
use crate::{Config, Seen, Why};

/// One connection of HTTP/1.1, from either end.
///
/// | from          | call                                                                          |
/// |---------------|-------------------------------------------------------------------------------|
/// | the wire      | [`handle_bytes`](Self::handle_bytes), [`handle_eof`](Self::handle_eof)        |
/// | the clock     | [`handle_timeout`](Self::handle_timeout)                                      |
/// | the user      | [`open`](Self::open), [`send`](Self::send), [`read_body`](Self::read_body),   |
/// |               | [`release`](Self::release), [`wind_down`](Self::wind_down), [`shut_down`](Self::shut_down) |
///
/// After any of them, drain [`poll_transmit`](Self::poll_transmit), then
/// [`poll_event`](Self::poll_event), and look at [`poll_timeout`](Self::poll_timeout) and
/// [`closing`](Self::closing).
///
/// There is at most one exchange at a time. Its two halves, the message that comes in (`recv`) and
/// the one that goes out (`send`), proceed on their own; `settle` is where they meet: when both
/// are complete, the connection is ready for the next exchange or ends. Bytes of the next request
/// are not taken before that.
#[derive(Debug)]
pub struct Connection {
    pub(crate) config: Arc<Config>,
    /// What the user has asked for beside it.
    pub(crate) pace: Option<Arc<Pace>>,
    pub(crate) role: Role,
    pub(crate) recv: Recv,
    pub(crate) send: Send,
    pub(crate) exchange: Exchange,
    pub(crate) out: TxQueue,
    pub(crate) events: Events,
    /// The one time limit that is running, and what for.
    pub(crate) deadline: Option<(Instant, Timer)>,
    pub(crate) closing: Closing,
    pub(crate) is_shutting_down: bool,
}

/// Which end of the connection we are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    Server,
    Client,
}

/// What both halves must know of the exchange under way, or of the last one.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) id: ExchangeId,
    pub(crate) method: Method,
    /// What the peer speaks.
    pub(crate) version: Version,
    /// Nothing yet said that this exchange is the connection's last.
    pub(crate) persists: bool,
    /// The client waits for a 100 (Continue) before it sends its body.
    pub(crate) awaits_continue: bool,
    /// The client wishes to speak another protocol.
    pub(crate) wishes_upgrade: bool,
    /// Both sides have agreed to: whichever half is complete goes on as a tunnel.
    pub(crate) becomes_tunnel: bool,
}

/// What a time limit is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Timer {
    /// The next request's first byte.
    Idle,
    /// The rest of a head.
    Head,
    /// The rate of a body.
    BodyRate,
    /// The peer's FIN, after ours.
    Linger,
}

impl Connection {
    /// A server's end, of a connection that began now.
    pub fn server(cx: &mut Cx<'_>, config: Arc<Config>) -> Self {
        let deadline = Some((cx.now().after(config.timeout_head), Timer::Head));
        Self { deadline, ..Self::new(config, Role::Server) }
    }

    /// A client's end. Time limits are the user's.
    pub fn client(config: Arc<Config>) -> Self {
        Self::new(config, Role::Client)
    }

    fn new(config: Arc<Config>, role: Role) -> Self {
        Self {
            config,
            pace: None,
            role,
            recv: Recv::new(),
            send: Send::new(),
            exchange: Exchange {
                id: ExchangeId(0),
                method: Method::Get,
                version: Version::HTTP_11,
                persists: true,
                awaits_continue: false,
                wishes_upgrade: false,
                becomes_tunnel: false,
            },
            out: TxQueue::new(),
            events: Events::default(),
            deadline: None,
            closing: Closing::Open,
            is_shutting_down: false,
        }
    }

    // From below.

    /// Takes bytes from the wire; says how many. What is not taken is to be shown again: with more
    /// behind it, or as it is once the exchange under way is over.
    pub fn handle_bytes(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            if self.has_ended() {
                cx.note(|| Seen::Lingering { len: rest.len() });
                return bytes.len();
            }
            let before = (taken, self.exchange.id);
            taken += self.take_bytes(cx, rest);
            if (taken, self.exchange.id) == before {
                break;
            }
        }
        taken
    }

    /// The peer will send nothing more, and has been shown to us up to its last byte: call this
    /// when the end was read and [`handle_bytes`](Self::handle_bytes) takes no more although
    /// [`wants_bytes`](Self::wants_bytes).
    pub fn handle_eof(&mut self, cx: &mut Cx<'_>) {
        let mid_message = self.recv.is_mid_message();
        cx.note(|| Seen::PeerFinished { mid_message });
        if !self.has_ended() {
            self.take_eof(cx);
        }
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        let Some((_, timer)) = self.deadline.take_if(|(at, _)| *at <= cx.now()) else { return };
        match timer {
            Timer::BodyRate if self.keeps_rate() => self.watch_rate(cx),
            Timer::BodyRate => {
                cx.note(|| Seen::TimedOut { timer });
                self.refuse(cx, Why::BodyTooSlow);
            }
            Timer::Head if self.recv.is_mid_message() => {
                cx.note(|| Seen::TimedOut { timer });
                self.refuse(cx, Why::HeadTooSlow);
            }
            Timer::Head | Timer::Idle => {
                // Nothing of a request has come, so nobody waits for an answer.
                cx.note(|| Seen::TimedOut { timer });
                self.close(cx, Why::Idle, Closing::Now);
            }
            Timer::Linger => {
                cx.note(|| Seen::TimedOut { timer });
                self.end_now();
            }
        }
    }

    // From above.

    /// Begins an exchange with `request`, if none is under way and the connection persists; the
    /// request's body, if it has one, follows with [`send`](Self::send), and `End` in any case.
    ///
    /// A request whose own framing is wrong (two lengths, an unknown coding) is not sent either:
    /// the x-ray says why.
    pub fn open(&mut self, cx: &mut Cx<'_>, request: Request) -> Option<ExchangeId> {
        debug_assert!(self.role == Role::Client, "servers answer");
        let id = ExchangeId(self.exchange.id.0 + 1);
        let sent = if self.is_reusable() {
            self.send_request(cx, id, request)
        } else {
            Err(Why::OutOfTurn)
        };
        sent.inspect_err(|&why| cx.note(|| Seen::NotSent { id: id.0, why })).ok().map(|()| id)
    }

    /// Sends the next event of our message. What does not fit is left out and noted.
    #[inline(always)]
    pub fn send(&mut self, cx: &mut Cx<'_>, id: ExchangeId, event: Event) {
        if id == self.exchange.id && self.closing != Closing::Abort {
            self.send_event(cx, event);
        } else {
            cx.note(|| Seen::NotSent { id: id.0, why: Why::OutOfTurn });
        }
    }

    /// Asks for the body of the message that comes in; before that none of it is taken, and a
    /// client that awaits leave to send it gets none.
    pub fn read_body(&mut self, cx: &mut Cx<'_>, id: ExchangeId) {
        if id == self.exchange.id && self.closing == Closing::Open && self.recv.read_body() {
            self.continue_if_awaited(cx);
            self.watch_rate(cx);
        }
    }

    /// Says that `n` bytes of the body are done with, so that as many may follow.
    pub fn release(&mut self, cx: &mut Cx<'_>, id: ExchangeId, n: usize) {
        if id == self.exchange.id && self.recv.release(n, &self.config) {
            self.watch_rate(cx);
        }
    }

    /// Ends the connection after the exchange under way, or if there is none, after the next one,
    /// which says so (RFC 9112 §9.6). Nobody loses a request to a connection that closes while it
    /// is on its way; who never asks again is let go when the idle time is over.
    pub fn wind_down(&mut self) {
        self.is_shutting_down = true;
    }

    /// Ends the connection after the exchange under way, or now if there is none.
    pub fn shut_down(&mut self, cx: &mut Cx<'_>) {
        self.is_shutting_down = true;
        // A request that has begun to come is still answered.
        if self.is_idle() && self.closing == Closing::Open && !self.recv.is_mid_message() {
            self.close(cx, Why::ShuttingDown, Closing::Now);
        }
    }

    // Out.

    /// Moves all that is to be sent to `out`; whether there was anything.
    #[inline]
    pub fn poll_transmit(&mut self, cx: &mut Cx<'_>, out: &mut TxQueue) -> bool {
        if self.out.is_empty() {
            return false;
        }
        out.append(cx, &mut self.out);
        true
    }

    /// The next thing the user must learn, if any.
    #[must_use]
    #[inline]
    pub fn poll_event(&mut self) -> Option<(ExchangeId, Event)> {
        self.events.pop()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if ever, and why.
    #[must_use]
    #[inline]
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.deadline
    }

    // Look.

    /// What is to become of the connection below.
    #[inline]
    pub fn closing(&self) -> Closing {
        self.closing
    }

    /// Whether more bytes from the wire are of use now.
    #[inline]
    pub fn wants_bytes(&self) -> bool {
        !self.has_ended()
            && self.recv.wants_bytes(self.send.is_idle() || self.role == Role::Client, &self.config)
    }

    /// Whether no exchange is under way.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.recv.is_at_start() && self.send.is_idle()
    }

    /// The request that wishes for another protocol, if all of it is here and the user has not been
    /// shown it yet.
    pub fn upgrade_wished(&self) -> Option<&Arc<Request>> {
        if !self.exchange.wishes_upgrade || !self.recv.is_complete() {
            return None;
        }
        match self.events.first()? {
            (_, Event::Head(Head::Request(request))) => Some(request),
            _ => None,
        }
    }

    /// Whether a client may [`open`](Self::open) another exchange.
    pub fn is_reusable(&self) -> bool {
        self.is_idle()
            && self.closing == Closing::Open
            && self.exchange.persists
            && !self.is_shutting_down
    }

    /// How many bytes of a body may be sent now without piling up here.
    #[inline]
    pub fn room(&self) -> u64 {
        (self.config.body_window as u64).saturating_sub(self.waiting_len())
    }

    /// How many bytes wait here to be transmitted.
    #[inline]
    pub fn waiting_len(&self) -> u64 {
        self.out.len()
    }

    // Where the two halves meet.

    /// Goes on when a half is complete: to the next exchange, or to the end.
    pub(crate) fn settle(&mut self, cx: &mut Cx<'_>) {
        if !self.send.is_complete() {
            return;
        }
        if !self.recv.is_complete() {
            if self.role == Role::Server {
                self.give_up_body(cx);
            }
            return;
        }
        if !self.exchange.persists || self.is_shutting_down {
            self.close(cx, Why::SaidClose, Closing::Fin);
            return;
        }
        self.recv = Recv::new();
        self.send = Send::new();
        self.exchange.method = Method::Get;
        self.exchange.version = Version::HTTP_11;
        self.deadline = (self.role == Role::Server)
            .then(|| (cx.now().after(self.config.timeout_idle), Timer::Idle));
    }

    /// The response is out, but the request's body is not all in: what is left of it is taken and
    /// forgotten, if that leads anywhere.
    fn give_up_body(&mut self, cx: &mut Cx<'_>) {
        if self.exchange.persists {
            let id = self.exchange.id.0;
            let len = self.recv.discard();
            cx.note(|| Seen::Discarding { id, len });
            self.watch_rate(cx);
        } else {
            self.close(cx, Why::BodyUnread, Closing::Fin);
        }
    }

    /// Answers what cannot be served, if it still can be answered, and ends the connection.
    pub(crate) fn refuse(&mut self, cx: &mut Cx<'_>, why: Why) {
        let is_server = self.role == Role::Server;
        let answer = why.status().filter(|_| is_server && !self.send.has_begun());
        cx.note(|| Seen::Refused { why, status: answer });
        let was_idle = self.is_idle();
        if was_idle && is_server {
            // What could not be read was a request too, as far as counting goes.
            self.exchange.id.0 += 1;
        }
        let has_listener = if is_server { !self.send.is_complete() } else { !was_idle };
        if has_listener {
            let reset = Reset { why: why.explanation(), status: answer, untouched: false };
            self.events.push(self.exchange.id, Event::Reset(reset));
        }
        match answer {
            Some(status) => {
                self.send_refusal(cx, status, why.explanation());
                self.close(cx, why, Closing::Fin);
            }
            None if self.send.is_complete() && is_server => self.close(cx, why, Closing::Fin),
            None => self.close(cx, why, Closing::Abort),
        }
    }

    /// Ends the connection, gracefully or not.
    pub(crate) fn close(&mut self, cx: &mut Cx<'_>, why: Why, how: Closing) {
        cx.note(|| Seen::Closing { why });
        self.exchange.persists = false;
        // A client has nothing to lose; and when the peer has finished, nothing is to wait for.
        let lingers = self.role == Role::Server && !self.recv.is_finished();
        let how = if how == Closing::Fin && !lingers { Closing::Now } else { how };
        self.end_with(how);
        if how == Closing::Fin {
            self.recv.linger();
            self.deadline = Some((cx.now().after(self.config.timeout_linger), Timer::Linger));
        }
    }

    /// What is still to be sent is all there is.
    pub(crate) fn end_now(&mut self) {
        self.end_with(Closing::Now);
    }

    fn end_with(&mut self, how: Closing) {
        self.closing = how;
        self.deadline = None;
    }

    /// Whether nothing that comes from below or above changes anything any more.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.closing, Closing::Now | Closing::Abort)
    }
}
