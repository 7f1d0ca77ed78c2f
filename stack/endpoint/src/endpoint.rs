use std::sync::Arc;

use base::{Chunk, Cx, Instant, TxQueue};
use http1::Closing;
use message::{Event, ExchangeId, Request};

/// What is said to somebody who speaks HTTP in clear text where TLS is spoken.
const CLEAR_TEXT_ON_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 79\r\n\
    Connection: close\r\n\
    \r\n\
    400 Bad Request: this port speaks TLS; write https:// in front of the address.\n";

/// One end of a connection, from layer 5 up.
///
/// | from          | call                                                                          |
/// |---------------|-------------------------------------------------------------------------------|
/// | the stream    | [`handle_bytes`](Self::handle_bytes), [`handle_eof`](Self::handle_eof)        |
/// | the clock     | [`handle_timeout`](Self::handle_timeout)                                      |
/// | the user      | [`open`](Self::open), [`send`](Self::send), [`read_body`](Self::read_body),   |
/// |               | [`release`](Self::release), [`wind_down`](Self::wind_down), [`shut_down`](Self::shut_down) |
///
/// After any of them, drain [`poll_transmit`](Self::poll_transmit), then
/// [`poll_event`](Self::poll_event), and look at [`poll_timeout`](Self::poll_timeout) and
/// [`closing`](Self::closing).
#[derive(Debug)]
pub struct Endpoint {
    secure: Option<Box<Secure>>,
    http: http1::Connection,
}

/// Layer 5, where it is used.
#[derive(Debug)]
struct Secure {
    session: tls::Session,
    /// Bytes that are out of their records and wait for HTTP.
    plain: Vec<u8>,
    /// What HTTP sent before there was a session.
    early: TxQueue,
    /// The peer has said that nothing more will come.
    is_closed: bool,
    /// It has ended without saying so.
    is_truncated: bool,
    /// Our own last word has been said.
    has_said_close: bool,
    /// The session is of no use any more.
    is_broken: bool,
    /// What goes out is for somebody who speaks clear text.
    is_in_clear: bool,
    /// Why there is no session.
    fault: Option<Box<tls::Fault>>,
}

/// What is known of the layers below HTTP.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The session, once there is one.
    pub tls: Option<&'a tls::Facts>,
}

/// What a time limit is for.
pub type Timer = http1::Timer;

impl Endpoint {
    /// A server's end of a connection that began now, in clear text or, with `tls`, in a session.
    ///
    /// # Errors
    ///
    /// The session could not be set up.
    pub fn server(
        cx: &mut Cx<'_>,
        http1: Arc<http1::Config>,
        tls: Option<&tls::ServerConfig>,
    ) -> Result<Self, tls::Fault> {
        let secure = tls.map(tls::Session::server).transpose()?.map(Secure::new);
        Ok(Self { secure, http: http1::Connection::server(cx, http1) })
    }

    /// A client's end; with `tls`, to a server of that name.
    ///
    /// # Errors
    ///
    /// The session could not be set up, or the name is none.
    pub fn client(
        cx: &mut Cx<'_>,
        http1: Arc<http1::Config>,
        tls: Option<(&tls::ClientConfig, &str)>,
    ) -> Result<Self, tls::Fault> {
        let session =
            tls.map(|(config, name)| tls::Session::client(cx, config, name)).transpose()?;
        Ok(Self { secure: session.map(Secure::new), http: http1::Connection::client(http1) })
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
        secure.handle_session_events(cx);
        secure.move_up(cx, &mut self.http);
        taken
    }

    /// The peer will send nothing more, and has been shown up to its last byte: call this when the
    /// end was read and [`handle_bytes`](Self::handle_bytes) takes no more although
    /// [`wants_bytes`](Self::wants_bytes).
    pub fn handle_eof(&mut self, cx: &mut Cx<'_>) {
        if let Some(secure) = &mut self.secure {
            secure.session.handle_eof(cx);
            secure.handle_session_events(cx);
            secure.is_closed = true;
        }
        self.http.handle_eof(cx);
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        self.http.handle_timeout(cx);
    }

    // From above.

    /// Begins an exchange, if there is place for one; `End` follows with [`send`](Self::send).
    pub fn open(&mut self, cx: &mut Cx<'_>, request: Request) -> Option<ExchangeId> {
        self.http.open(cx, request)
    }

    /// Sends the next event of our message. `Data` may be a range of a file only where
    /// [`takes_files`](Self::takes_files).
    #[inline(always)]
    pub fn send(&mut self, cx: &mut Cx<'_>, id: ExchangeId, event: Event) {
        self.http.send(cx, id, event);
    }

    /// Asks for the body of the message that comes in.
    pub fn read_body(&mut self, cx: &mut Cx<'_>, id: ExchangeId) {
        self.http.read_body(cx, id);
    }

    /// Says that `n` bytes of a body are done with, so that as many may follow.
    pub fn release(&mut self, cx: &mut Cx<'_>, id: ExchangeId, n: usize) {
        self.http.release(cx, id, n);
    }

    /// Ends the connection after the exchange under way, or if there is none, after the next one.
    pub fn wind_down(&mut self) {
        self.http.wind_down();
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

    /// Whether bodies may be sent as ranges of files: what goes out is what the file holds.
    #[inline]
    pub fn takes_files(&self) -> bool {
        self.secure.is_none()
    }

    /// How many bytes of a body may be sent now without piling up here.
    #[inline]
    pub fn room(&self, _id: ExchangeId) -> u64 {
        self.http.room()
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

impl Secure {
    fn new(session: tls::Session) -> Box<Self> {
        Box::new(Self {
            session,
            plain: Vec::new(),
            early: TxQueue::new(),
            is_closed: false,
            is_truncated: false,
            has_said_close: false,
            is_broken: false,
            is_in_clear: false,
            fault: None,
        })
    }

    fn handle_session_events(&mut self, cx: &mut Cx<'_>) {
        while let Some(event) = self.session.poll_event() {
            match event {
                tls::Event::Established(_) => {}
                tls::Event::Closed => self.is_closed = true,
                tls::Event::Truncated => (self.is_closed, self.is_truncated) = (true, true),
                tls::Event::Failed(fault) => {
                    self.is_broken = true;
                    self.is_in_clear = fault.why == tls::Why::ClearText;
                    self.early.clear(cx);
                    if self.is_in_clear {
                        self.early.tail(cx).extend_from_slice(CLEAR_TEXT_ON_TLS);
                    }
                    self.fault = Some(Box::new(fault));
                }
            }
        }
    }

    fn move_up(&mut self, cx: &mut Cx<'_>, http: &mut http1::Connection) {
        if !self.plain.is_empty() {
            let taken = http.handle_bytes(cx, &self.plain);
            if taken == self.plain.len() {
                self.plain.clear();
            } else {
                self.plain.drain(..taken);
            }
        }
        if self.plain.is_empty() {
            cx.recycle(std::mem::take(&mut self.plain));
        }
    }

    /// Seals what HTTP sent, as soon as there is a session.
    fn move_down(&mut self, cx: &mut Cx<'_>, out: &mut TxQueue) -> bool {
        if self.early.is_empty() {
            return false;
        }
        if self.is_in_clear {
            out.append(cx, &mut self.early);
            return true;
        }
        if self.is_broken {
            // What was meant for a session never leaves without one.
            self.early.clear(cx);
            return false;
        }
        if self.session.is_handshaking() {
            return false;
        }
        while let Some(chunk) = self.early.pop() {
            debug_assert!(!matches!(chunk, Chunk::File(_)), "see `takes_files`");
            let mut rest = chunk.as_bytes().unwrap_or_default();
            let records = out.tail(cx);
            while !rest.is_empty() {
                match self.session.write(cx, rest, records) {
                    0 => break,
                    taken => rest = rest.get(taken..).unwrap_or_default(),
                }
            }
            if let Chunk::Owned(buffer) = chunk {
                cx.recycle(buffer);
            }
        }
        true
    }
}
