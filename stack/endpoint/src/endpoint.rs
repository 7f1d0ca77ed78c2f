use std::sync::Arc;

use base::{Chunk, Cx, Instant, TxQueue};
use message::{Closing, Event, ExchangeId, Pace, Request, Response};

use crate::http::Http;
use crate::secure::Secure;

/// One end of a connection, from layer 5 up.
///
/// | from          | call                                                                          |
/// |---------------|-------------------------------------------------------------------------------|
/// | the stream    | [`handle_bytes`](Self::handle_bytes), [`handle_eof`](Self::handle_eof)        |
/// | the clock     | [`handle_timeout`](Self::handle_timeout)                                      |
/// | the user      | [`open`](Self::open), [`push`](Self::push), [`send`](Self::send),             |
/// |               | [`read_body`](Self::read_body), [`release`](Self::release),                   |
/// |               | [`wind_down`](Self::wind_down), [`shut_down`](Self::shut_down)                |
///
/// After any of them, drain [`poll_transmit`](Self::poll_transmit), then
/// [`poll_event`](Self::poll_event), and look at [`poll_timeout`](Self::poll_timeout) and
/// [`closing`](Self::closing).
#[derive(Debug)]
pub struct Endpoint {
    secure: Option<Box<Secure>>,
    http: Http,
}

/// How HTTP is spoken. A clone is a reference.
#[derive(Clone, Debug)]
pub struct Config {
    /// HTTP/1.1 and 1.0.
    pub http1: Arc<http1::Config>,
    /// HTTP/2, if it is spoken. ALPN is to offer it where it is.
    pub http2: Option<Arc<http2::Config>>,
}

impl Default for Config {
    fn default() -> Self {
        Self { http1: Arc::default(), http2: Some(Arc::default()) }
    }
}

/// What is known of the layers below HTTP.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The session, once there is one.
    pub tls: Option<&'a tls::Facts>,
}

/// What a time limit is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Timer {
    /// In HTTP/1.1.
    Http1(http1::Timer),
    /// In HTTP/2.
    Http2(http2::Timer),
}

impl Endpoint {
    /// A server's end of a connection that began now, in clear text or, with `tls`, in a session.
    ///
    /// # Errors
    ///
    /// The session could not be set up.
    pub fn server(
        cx: &mut Cx<'_>,
        config: &Config,
        tls: Option<&tls::ServerConfig>,
    ) -> Result<Self, tls::Fault> {
        let secure = tls.map(tls::Session::server).transpose()?.map(Secure::new);
        let http = Http::server(cx, config, secure.is_some());
        Ok(Self { secure, http })
    }

    /// A client's end; with `tls`, to a server of that name.
    ///
    /// # Errors
    ///
    /// The session could not be set up, or the name is none.
    pub fn client(
        cx: &mut Cx<'_>,
        config: &Config,
        tls: Option<(&tls::ClientConfig, &str)>,
    ) -> Result<Self, tls::Fault> {
        let session =
            tls.map(|(config, name)| tls::Session::client(cx, config, name)).transpose()?;
        let secure = session.map(Secure::new);
        let http = Http::client(config, secure.is_some());
        Ok(Self { secure, http })
    }

    // From below.

    /// The way up: takes bytes from the stream, in place; says how many. What is not taken is to be
    /// shown again, with more behind it or as it is. An empty slice moves on what waits inside.
    #[inline]
    pub fn handle_bytes(&mut self, cx: &mut Cx<'_>, bytes: &mut [u8]) -> usize {
        let Some(secure) = &mut self.secure else { return self.http.handle_bytes(cx, bytes) };
        if secure.is_broken {
            return bytes.len();
        }
        secure.move_up(cx, &mut self.http);
        if !secure.plain.is_empty() && !self.http.wants_bytes() {
            return 0;
        }
        if secure.plain.capacity() == 0 {
            secure.plain = cx.buffer();
        }
        let taken = secure.session.handle_bytes(cx, bytes, &mut secure.plain);
        secure.handle_session_events(cx, &mut self.http);
        secure.move_up(cx, &mut self.http);
        taken
    }

    /// The peer will send nothing more, and has been shown up to its last byte: call this when the
    /// end was read and [`handle_bytes`](Self::handle_bytes) takes no more although
    /// [`wants_bytes`](Self::wants_bytes).
    pub fn handle_eof(&mut self, cx: &mut Cx<'_>) {
        if let Some(secure) = &mut self.secure {
            secure.session.handle_eof(cx);
            secure.handle_session_events(cx, &mut self.http);
            secure.is_closed = true;
        }
        self.http.handle_eof(cx);
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        self.http.handle_timeout(cx);
    }

    // From above.

    /// Begins an exchange, if there is place for one ([`is_reusable`](Self::is_reusable)); `End` follows with [`send`](Self::send).
    pub fn open(&mut self, cx: &mut Cx<'_>, request: Request) -> Option<ExchangeId> {
        self.http.open(cx, request)
    }

    /// Promises a client of HTTP/2 the answer to `request`, which belongs to that of `parent`; it is
    /// sent under the number that this gives. Nothing where that cannot be, or is not wanted.
    pub fn push(
        &mut self,
        cx: &mut Cx<'_>,
        parent: ExchangeId,
        request: Request,
    ) -> Option<ExchangeId> {
        self.http.push(cx, parent, request)
    }

    /// Sends the next event of our message. `Data` may be a range of a file only where
    /// [`takes_files`](Self::takes_files).
    #[inline(always)]
    pub fn send(&mut self, cx: &mut Cx<'_>, id: ExchangeId, event: Event) {
        self.http.send(cx, id, event);
    }

    /// Sends a whole response: its head, its body, which is in memory, and its end.
    #[inline(always)]
    pub fn send_whole(&mut self, cx: &mut Cx<'_>, id: ExchangeId, response: Response, body: Chunk) {
        self.http.send_whole(cx, id, response, body);
    }

    /// Asks for the body of the message that comes in.
    pub fn read_body(&mut self, cx: &mut Cx<'_>, id: ExchangeId) {
        self.http.read_body(cx, id);
    }

    /// Says that `n` bytes of a body are done with, so that as many may follow.
    pub fn release(&mut self, cx: &mut Cx<'_>, id: ExchangeId, n: usize) {
        self.http.release(cx, id, n);
    }

    /// From now on a client must keep this pace, or without one, that of the configuration: with the
    /// body of this exchange, and with the heads that follow. Exchange 0 is the connection.
    pub fn keep_pace(&mut self, id: ExchangeId, pace: Option<Arc<Pace>>) {
        self.http.keep_pace(id, pace);
    }

    /// Ends the connection after the exchange under way, or if there is none, after the next one.
    pub fn wind_down(&mut self, cx: &mut Cx<'_>) {
        self.http.wind_down(cx);
    }

    /// Ends the connection after the exchanges under way, or now if there are none.
    pub fn shut_down(&mut self, cx: &mut Cx<'_>) {
        self.http.shut_down(cx);
    }

    // Out.

    /// The way down: moves all that is to be sent to `out`; whether there was anything.
    #[inline]
    pub fn poll_transmit(&mut self, cx: &mut Cx<'_>, out: &mut TxQueue) -> bool {
        let Some(secure) = &mut self.secure else { return self.http.poll_transmit(cx, out) };
        let mut any = secure.session.poll_transmit(cx, out);
        any |= self.http.poll_transmit(cx, &mut secure.early);
        any |= secure.move_down(cx, out);
        if self.http.closing() != Closing::Open && !secure.has_said_close && secure.early.is_empty()
        {
            // RFC 8446 §6.1: who will send nothing more says so.
            secure.has_said_close = true;
            secure.session.close(cx);
            any |= secure.session.poll_transmit(cx, out);
        }
        any
    }

    /// The next thing the user must learn, if any.
    #[must_use]
    #[inline]
    pub fn poll_event(&mut self) -> Option<(ExchangeId, Event)> {
        self.http.poll_event()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if ever, and why.
    #[must_use]
    #[inline]
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.http.poll_timeout()
    }

    // Look.

    /// What is to become of the stream below.
    #[inline]
    pub fn closing(&self) -> Closing {
        match (&self.secure, self.http.closing()) {
            (Some(secure), Closing::Open | Closing::Fin) if secure.is_broken => Closing::Now,
            (_, closing) => closing,
        }
    }

    /// Whether more bytes from the stream are of use now.
    #[inline]
    pub fn wants_bytes(&self) -> bool {
        match &self.secure {
            Some(secure) if secure.is_broken => false,
            Some(secure) if secure.session.is_handshaking() => true,
            _ => self.http.wants_bytes(),
        }
    }

    /// Whether bytes wait inside for [`handle_bytes`](Self::handle_bytes) with nothing.
    #[inline]
    pub fn has_waiting_bytes(&self) -> bool {
        self.secure.as_ref().is_some_and(|secure| !secure.plain.is_empty())
    }

    /// Whether the peer has ended its side in words of layer 5, and everything before has been
    /// taken.
    pub fn is_closed_by_peer(&self) -> bool {
        self.secure.as_ref().is_some_and(|secure| secure.is_closed && secure.plain.is_empty())
    }

    /// Whether the stream ended without the words of layer 5 that end a session (RFC 8446 §6.1): a
    /// message whose end is only the stream's may have been cut short (RFC 9112 §9.8).
    pub fn is_truncated(&self) -> bool {
        self.secure.as_ref().is_some_and(|secure| secure.is_truncated)
    }

    /// Whether it is a session of TLS.
    #[inline]
    pub fn is_secure(&self) -> bool {
        self.secure.is_some()
    }

    /// Whether bodies may be sent as ranges of files: what goes out is what the file holds.
    #[inline]
    pub fn takes_files(&self) -> bool {
        self.secure.is_none()
    }

    /// How many bytes of an exchange's body may be sent now without piling up here. Exchange 0 is the
    /// connection: whether more may be answered. Where the peer has windows
    /// ([`is_windowed`](Self::is_windowed)), nothing also means: told by
    /// [`poll_room`](Self::poll_room) when that changes.
    #[inline]
    pub fn room(&mut self, cx: &mut Cx<'_>, id: ExchangeId) -> u64 {
        self.http.room(cx, id)
    }

    /// An exchange that had no [`room`](Self::room) when it was asked for, and has some now.
    #[must_use]
    #[inline]
    pub fn poll_room(&mut self) -> Option<ExchangeId> {
        self.http.poll_room()
    }

    /// Whether the peer decides how much of a body goes out, by windows of its own.
    #[inline]
    pub fn is_windowed(&self) -> bool {
        self.http.is_windowed()
    }

    /// Whether there is more to [`poll_transmit`](Self::poll_transmit) when what it gave is gone.
    #[inline]
    pub fn has_more(&self) -> bool {
        self.http.has_more()
    }

    /// How many bytes wait inside to be transmitted.
    #[inline]
    pub fn waiting_len(&self) -> u64 {
        self.http.waiting_len()
    }

    /// Whether no exchange is under way.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.http.is_idle()
    }

    /// Whether a client may [`open`](Self::open) another exchange.
    pub fn is_reusable(&self) -> bool {
        self.http.is_reusable()
    }

    /// What is known of the layers below HTTP.
    pub fn facts(&self) -> Facts<'_> {
        Facts { tls: self.secure.as_ref().and_then(|secure| secure.session.facts()) }
    }

    /// What went wrong in layer 5, if something did.
    pub fn fault(&self) -> Option<&tls::Fault> {
        self.secure.as_ref().and_then(|secure| secure.fault.as_deref())
    }
}
