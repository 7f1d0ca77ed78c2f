use std::sync::Arc;

use base::{Chunk, Cx, Instant, TxQueue};
use message::{Closing, Event, ExchangeId, Head, Name, Pace, Request, Response};

use crate::abuse::Abuse;
use crate::end::GoingAway;
use crate::events::{Events, Learnt};
use crate::recv::Recv;
use crate::send::Send;
use crate::settings::{self, Peer};
use crate::stream::{InPhase, State, Stream};
use crate::streams::Streams;
use crate::timers::Timers;
use crate::{Config, Fault, Seen, Timer, Why};

/// One connection of HTTP/2, from either end.
///
/// | from          | call                                                                          |
/// |---------------|-------------------------------------------------------------------------------|
/// | the wire      | [`handle_bytes`](Self::handle_bytes), [`handle_eof`](Self::handle_eof)        |
/// | the clock     | [`handle_timeout`](Self::handle_timeout)                                      |
/// | the user      | [`open`](Self::open), [`push`](Self::push), [`send`](Self::send),             |
/// |               | [`read_body`](Self::read_body), [`release`](Self::release),                   |
/// |               | [`reset`](Self::reset), [`wind_down`](Self::wind_down), [`shut_down`](Self::shut_down) |
///
/// After any of them, drain [`poll_transmit`](Self::poll_transmit), then
/// [`poll_event`](Self::poll_event), and look at [`poll_timeout`](Self::poll_timeout) and
/// [`closing`](Self::closing).
///
/// An exchange is a stream, and its [`ExchangeId`] the stream's number. Each stream has two halves
/// that proceed on their own; what comes in of all of them goes through `recv`, what goes out through
/// `send`. Heads and control frames are bytes as soon as they are sent, in that order, because the
/// tables of HPACK depend on it. Bodies wait with their streams and become frames when
/// `poll_transmit` asks for bytes: so whoever is most urgent then comes next.
#[derive(Debug)]
pub struct Connection {
    pub(crate) config: Arc<Config>,
    /// What the user has asked for beside it.
    pub(crate) pace: Option<Arc<Pace>>,
    pub(crate) role: Role,
    pub(crate) recv: Recv,
    pub(crate) send: Send,
    pub(crate) streams: Streams,
    pub(crate) peer: Peer,
    pub(crate) events: Events,
    pub(crate) abuse: Abuse,
    pub(crate) going: GoingAway,
    pub(crate) timers: Timers,
    pub(crate) closing: Closing,
    /// Whether TLS is below.
    pub(crate) is_secure: bool,
}

/// Which end of the connection we are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    Server,
    Client,
}

impl Connection {
    /// A server's end, of a connection that began now: with prior knowledge, or after ALPN.
    // RFC 9113 §3.3: in both cases the preface comes at once.
    pub fn server(cx: &mut Cx<'_>, config: Arc<Config>) -> Self {
        let mut this = Self::new(cx, config, Role::Server);
        this.timers.set(Timer::Head, cx.now().after(this.config.timeout_head));
        this.begin(cx);
        this
    }

    /// A server's end, of a connection that HTTP/1.1 has upgraded (RFC 7540 §3.2): the 101 has been
    /// sent, or will be, by the caller. `request`, which is complete, is stream 1, and `settings` are
    /// the decoded bytes of its HTTP2-Settings. The client's preface is still to come.
    ///
    /// # Errors
    ///
    /// The settings are malformed: the request is to be answered in HTTP/1.1.
    pub fn server_upgraded(
        cx: &mut Cx<'_>,
        config: Arc<Config>,
        request: Request,
        settings: &[u8],
    ) -> Result<Self, Fault> {
        let mut this = Self::new(cx, config, Role::Server);
        // RFC 7540 §3.2.1: they are as good as a SETTINGS frame, and the 101 acknowledges them.
        this.take_upgrade_settings(cx, settings)?;
        this.timers.set(Timer::Head, cx.now().after(this.config.timeout_head));
        this.begin(cx);
        this.accept_upgraded(cx, request);
        Ok(this)
    }

    /// A client's end. Time limits but those of the protocol are the user's.
    pub fn client(cx: &mut Cx<'_>, config: Arc<Config>) -> Self {
        let mut this = Self::new(cx, config, Role::Client);
        this.send.replies(cx).extend_from_slice(crate::PREFACE);
        this.begin(cx);
        this
    }

    fn new(cx: &mut Cx<'_>, config: Arc<Config>, role: Role) -> Self {
        let next_own = if role == Role::Client { 1 } else { 2 };
        Self {
            role,
            recv: Recv::new(role, &config),
            send: Send::new(role, &config),
            streams: Streams::new(cx, next_own),
            peer: Peer::new(),
            events: Events::default(),
            abuse: Abuse::new(cx.now(), &config),
            going: GoingAway::default(),
            timers: Timers::new(),
            closing: Closing::Open,
            is_secure: false,
            pace: None,
            config,
        }
    }

    /// RFC 9113 §3.4: our SETTINGS come first.
    fn begin(&mut self, cx: &mut Cx<'_>) {
        for (name, value) in settings::own(self.role, &self.config) {
            cx.note(|| Seen::SettingOut { name, value });
        }
        settings::emit_own(self.role, &self.config, self.send.replies(cx));
        self.timers.set(Timer::Settings, cx.now().after(self.config.timeout_settings));
        self.widen_connection(cx, self.config.window_connection);
    }

    /// Says that the stream below is a session of TLS: requests in origin-form are for `https`, and
    /// bodies are copied behind the heads of their frames, so that a frame fills a record.
    pub fn set_secure(&mut self, is_secure: bool) {
        self.is_secure = is_secure;
    }

    // From below.

    /// Takes bytes from the wire; says how many. What is not taken is to be shown again: with more
    /// behind it, or, when [`poll_transmit`](Self::poll_transmit) has made room for answers, as it is.
    pub fn handle_bytes(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            match self.take_bytes(cx, rest) {
                0 => break,
                step => taken += step,
            }
        }
        taken
    }

    /// The peer will send nothing more, and has been shown to us up to its last byte.
    pub fn handle_eof(&mut self, cx: &mut Cx<'_>) {
        let streams = self.streams.len();
        cx.note(|| Seen::PeerFinished { streams });
        if !self.has_ended() {
            self.take_eof(cx);
        }
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        while let Some(timer) = self.timers.take_expired(cx.now()) {
            match timer {
                Timer::Watch => self.watch_streams(cx),
                Timer::Rest => self.let_go(),
                Timer::GoAway => {
                    cx.note(|| Seen::TimedOut { timer });
                    self.say_last_stream(cx);
                }
                Timer::Linger => {
                    cx.note(|| Seen::TimedOut { timer });
                    self.end_with(Closing::Now);
                }
                Timer::Head | Timer::Idle | Timer::Settings => {
                    cx.note(|| Seen::TimedOut { timer });
                    let why = match timer {
                        Timer::Settings => Why::SettingsNotAcknowledged,
                        Timer::Head if self.recv.is_in_block() => Why::HeadTooSlow,
                        _ => Why::Idle,
                    };
                    self.fail(cx, Fault::connection(why));
                }
            }
        }
    }

    // From above.

    /// Begins an exchange with `request`, if there may be one more now; the request's body, if it has
    /// one, follows with [`send`](Self::send), and `End` in any case.
    ///
    /// A request that cannot be sent is not: the x-ray says why.
    pub fn open(&mut self, cx: &mut Cx<'_>, request: Request) -> Option<ExchangeId> {
        debug_assert!(self.role == Role::Client, "servers answer");
        let id = self.streams.next_own;
        let sent = self.may_open().and_then(|()| self.send_request(cx, request));
        sent.inspect_err(|&why| cx.note(|| Seen::NotSent { id, why }))
            .ok()
            .map(|()| ExchangeId(id.into()))
    }

    /// Promises the response to `request`, which belongs to what `parent` is answered with; it is
    /// sent under the number that this gives. Nothing where the client wants no pushes, or no more, or
    /// was sent this before on this connection, or where `parent` is over (RFC 9113 §8.4).
    pub fn push(
        &mut self,
        cx: &mut Cx<'_>,
        parent: ExchangeId,
        request: Request,
    ) -> Option<ExchangeId> {
        debug_assert!(self.role == Role::Server, "clients ask");
        let id = self.streams.next_own;
        let parent = number(parent);
        let sent = self.may_push(parent, &request);
        let sent = sent.and_then(|()| self.send_promise(cx, parent, request));
        sent.inspect_err(|&why| cx.note(|| Seen::NotSent { id, why }))
            .ok()
            .map(|()| ExchangeId(id.into()))
    }

    /// Sends the next event of our message. What does not fit is left out and noted.
    #[inline(always)]
    pub fn send(&mut self, cx: &mut Cx<'_>, id: ExchangeId, event: Event) {
        let id = number(id);
        match event {
            Event::Head(Head::Response(response)) => self.send_response(cx, id, response),
            Event::Data(chunk) => self.send_chunk(cx, id, chunk),
            Event::End => self.send_end(cx, id),
            other => self.send_rare(cx, id, other),
        }
    }

    /// Sends a whole response: its head, its body and its end. As much as [`send`](Self::send) does
    /// with three events, in one call: most responses are of this kind.
    #[inline(always)]
    pub fn send_whole(&mut self, cx: &mut Cx<'_>, id: ExchangeId, response: Response, body: Chunk) {
        let id = number(id);
        self.send_response(cx, id, response);
        self.send_chunk(cx, id, body);
        self.send_end(cx, id);
    }

    /// Asks for the body of the message that comes in. Before that the peer may send a window of it,
    /// which waits here, and a client that awaits leave to send it gets none.
    pub fn read_body(&mut self, cx: &mut Cx<'_>, id: ExchangeId) {
        let id = number(id);
        let Some(stream) = self.streams.get_mut(id) else { return };
        let is_read = stream.inbound.is_read || stream.is_disowned;
        if is_read || stream.inbound.phase == InPhase::Head {
            return;
        }
        stream.inbound.is_read = true;
        stream.inbound.forgive_interval();
        let held = std::mem::take(&mut stream.inbound.held);
        if !stream.inbound.buffer.is_empty() {
            stream.inbound.is_announced = true;
            self.events.push_body(id);
        }
        if let Some(trailers) = held.trailers {
            self.events.push(id, Event::Trailers(*trailers));
        }
        if held.end {
            self.events.push(id, Event::End);
        }
        self.continue_if_awaited(cx, id);
        self.watch(cx);
    }

    /// Says that `n` bytes of the body are done with, so that as many may follow.
    pub fn release(&mut self, cx: &mut Cx<'_>, id: ExchangeId, n: usize) {
        self.release_window(cx, number(id), u32::try_from(n).unwrap_or(u32::MAX));
    }

    /// Gives up one exchange: the peer is told, and everything it held is free (RFC 9113 §6.4).
    pub fn reset(&mut self, cx: &mut Cx<'_>, id: ExchangeId) {
        let id = number(id);
        if self.streams.find(id).is_some() {
            self.end_stream(cx, id, Why::UserReset);
        }
    }

    /// Ends the connection when the exchanges under way are over, and those that the peer begins
    /// before it knows: nobody loses a request (RFC 9113 §6.8).
    pub fn wind_down(&mut self, cx: &mut Cx<'_>) {
        if self.closing == Closing::Open {
            self.go_away(cx);
        }
    }

    /// Ends the connection after the exchanges under way, or now if there are none.
    pub fn shut_down(&mut self, cx: &mut Cx<'_>) {
        if self.closing != Closing::Open {
            return;
        }
        if self.is_idle() {
            // RFC 9113 §6.8: a request on its way is above the last stream, so its client knows that
            // it may ask elsewhere.
            self.fail(cx, Fault::connection(Why::ShuttingDown));
        } else {
            self.go_away(cx);
        }
    }

    // Out.

    /// Moves what is to be sent to `out`, up to `transmit_len_max` bytes in it (64 KiB where records
    /// follow below); whether there was anything. Call it again when they are gone, as long as there
    /// [`has_more`](Self::has_more).
    #[inline]
    pub fn poll_transmit(&mut self, cx: &mut Cx<'_>, out: &mut TxQueue) -> bool {
        self.transmit(cx, out)
    }

    /// Whether `poll_transmit` would have something to say.
    #[inline]
    pub fn has_more(&self) -> bool {
        self.send.has_replies() || self.may_send_data()
    }

    /// The next thing the user must learn, if any.
    #[must_use]
    #[inline]
    pub fn poll_event(&mut self) -> Option<(ExchangeId, Event)> {
        loop {
            let (id, learnt) = self.events.pop()?;
            match learnt {
                Learnt::Event(event) => return Some((ExchangeId(id.into()), event)),
                Learnt::Body => {
                    if let Some(body) = self.take_buffer(id) {
                        return Some((ExchangeId(id.into()), Event::Data(body.into())));
                    }
                }
            }
        }
    }

    /// An exchange whose [`room`](Self::room) was nothing when it was asked for, and is something
    /// now. Each is told once; asking again and getting nothing makes it wait again.
    #[must_use]
    #[inline]
    pub fn poll_room(&mut self) -> Option<ExchangeId> {
        self.next_with_room().map(|id| ExchangeId(id.into()))
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if ever, and why.
    #[must_use]
    #[inline]
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.timers.next()
    }

    // Look.

    /// What is to become of the connection below.
    #[inline]
    pub fn closing(&self) -> Closing {
        self.closing
    }

    /// Whether more bytes from the wire are of use now: not when many answers wait to be sent.
    #[inline]
    pub fn wants_bytes(&self) -> bool {
        !self.has_ended() && !self.recv.is_finished() && !self.send.is_full()
    }

    /// Whether no exchange is under way.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.streams.len() == 0
    }

    /// Whether a client may [`open`](Self::open) another exchange now.
    pub fn is_reusable(&self) -> bool {
        self.may_open().is_ok()
    }

    /// How many bytes of an exchange's body may be handed in now without piling up here: what both
    /// windows let go if it is worth a frame, and at most `body_window` with what waits already. Nothing
    /// also means: told by [`poll_room`](Self::poll_room) when that changes. Exchange 0 is the connection: how much may
    /// still be answered before no more bytes are taken.
    #[inline]
    pub fn room(&mut self, cx: &mut Cx<'_>, id: ExchangeId) -> u64 {
        if id.0 == 0 {
            return self.send.room_for_replies();
        }
        self.room_of(cx, number(id))
    }

    /// How many bytes wait here to be transmitted.
    pub fn waiting_len(&self) -> u64 {
        self.send.waiting_len()
    }

    /// What decides about one stream.
    pub(crate) fn stream(&self, id: u32) -> Option<&Stream> {
        self.streams.get(id)
    }

    /// Whether nothing that comes from below or above changes anything any more.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.closing, Closing::Now | Closing::Abort)
    }

    /// What came in of a body, for the user.
    fn take_buffer(&mut self, id: u32) -> Option<Vec<u8>> {
        let slot = self.streams.find_any(id)?;
        let stream = self.streams.at_mut(slot)?;
        let buffer = std::mem::take(&mut stream.inbound.buffer);
        stream.inbound.is_announced = false;
        if stream.state == State::Closed {
            self.streams.remove(slot);
        }
        (!buffer.is_empty()).then_some(buffer)
    }

    fn accept_upgraded(&mut self, cx: &mut Cx<'_>, mut request: Request) {
        // RFC 7540 §3.2: they were about the upgrade, and have done their work.
        for name in [Name::Connection, Name::Upgrade, Name::Http2Settings] {
            request.fields.remove(name);
        }
        self.streams.peer_opens(1);
        self.accept_whole(cx, 1, Arc::new(request));
    }
}

/// The stream that an exchange is; what cannot be one is stream 0, which is never found.
#[inline]
fn number(id: ExchangeId) -> u32 {
    u32::try_from(id.0).unwrap_or(0)
}
