use std::sync::Arc;

use base::xray::{self, Layer};
use base::{Chunk, Cx, TxQueue};
use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, ReadTraffic, UnbufferedStatus,
};
use rustls::{CommonState, Error, HandshakeKind, ProtocolVersion};

use crate::clock::Clock;
use crate::config::{Alpn, ClientConfig, ServerConfig, Version};
use crate::fault::{Blame, Fault, Why};
use crate::verifier::Lenient;
use crate::wire::{self, ClientHello, First, HEADER_LEN, PLAIN_LEN_MAX, RECORD_LEN_MAX};
use crate::xray::{By, Name, Offered, Or, Seen, Versions};

/// The most bytes that [`Session::handle_bytes`] leaves with its caller: rustls takes handshake
/// messages up to 64 KiB, which is four records and a little, and the next may have begun.
pub const REST_LEN_MAX: usize = 6 * (HEADER_LEN + RECORD_LEN_MAX);

/// The same for a server before the handshake is done: a ClientHello has a few KiB, and whoever
/// sends it is a stranger.
const STRANGERS_REST_LEN_MAX: usize = 2 * (HEADER_LEN + RECORD_LEN_MAX);

/// The most that a record is longer than what it carries: header, nonce and tag in TLS 1.2
/// (RFC 5288 §3); header, type and tag in TLS 1.3 (RFC 8446 §5.2).
const OVERHEAD_LEN_MAX: usize = HEADER_LEN + 8 + 16;

/// A small message that may have to leave in front of application data: a key update or an alert.
const SMALL_MESSAGE_LEN: usize = 2 * (OVERHEAD_LEN_MAX + 5);

/// One TLS connection, in either role.
///
/// | from          | call                                                                     |
/// |---------------|--------------------------------------------------------------------------|
/// | the transport | [`handle_bytes`](Self::handle_bytes), [`handle_eof`](Self::handle_eof)   |
/// | above         | [`write`](Self::write), [`close`](Self::close)                           |
///
/// After any of them, drain [`poll_transmit`](Self::poll_transmit), then
/// [`poll_event`](Self::poll_event). There are no timeouts here: how long a handshake may take is
/// decided by whoever owns the connection.
///
/// # Theory of operation
///
/// rustls works in the caller's buffer. It decrypts records where they lie and, when a handshake
/// message spans records, leaves the pieces there and counts on seeing them again; until then it
/// can do nothing else (`held_len` below). Whatever it wants to send comes out while it reads, so
/// after a call everything for the peer is in `out` or has been written to the caller's buffer, in
/// the order of its sequence numbers. Plaintext is sealed straight from the caller's slice into the
/// caller's buffer.
///
/// A server has no memory of its own until the first record is complete.
#[derive(Debug)]
pub struct Session(State);

#[derive(Debug)]
enum State {
    /// A server to which nobody has spoken yet.
    Waiting(ServerConfig),
    /// rustls is at work.
    Live(Box<Live>),
    /// It ended before rustls had anything to do; the event has perhaps not been told yet.
    Over(Option<Box<Event>>),
}

struct Live {
    rustls: Rustls,
    clock: Arc<Clock>,
    /// Records to be sent.
    out: Vec<u8>,
    /// There once the handshake is done.
    facts: Option<Facts>,
    /// What the client called us, or we the server.
    server_name: Option<Arc<str>>,
    lenient: Option<Arc<Lenient>>,
    /// How it ended, if it did.
    ending: Option<Event>,
    is_established_told: bool,
    /// How many bytes of the caller's buffer rustls counts on seeing again, because it keeps a
    /// piece of a message there.
    held_len: usize,
    peer_has_closed: bool,
    we_have_closed: bool,
    is_over: bool,
}

#[allow(clippy::large_enum_variant)] // both are about as large; they live in the same box
enum Rustls {
    Server(UnbufferedServerConnection),
    Client(UnbufferedClientConnection),
}

/// What the layers above must learn.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// The handshake is done: data may be written.
    Established(Facts),
    /// The peer will send nothing more, and said so (RFC 8446 §6.1). We may still write.
    Closed,
    /// The stream ended without that word: what came last may be missing. A message whose end is
    /// known from itself is complete all the same (RFC 9112 §9.8).
    Truncated,
    /// There is no session, or no more.
    Failed(Fault),
}

/// What was agreed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Facts {
    /// The version of TLS.
    pub version: Version,
    /// The cipher suite, by its registered name.
    pub suite: &'static str,
    /// The group of the key exchange, if there was one.
    pub group: Option<&'static str>,
    /// The protocol inside, if both sides spoke of it.
    pub alpn: Option<Alpn>,
    /// The name by which the client called the server, in lower case (RFC 6066 §3). As a server:
    /// nothing when the client hid it by cutting its first message in pieces.
    pub server_name: Option<Arc<str>>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// Whether the client showed a certificate that its [`ClientAuth`](crate::ClientAuth) takes, now
    /// or when the session began. As a client: not known.
    pub has_client_certificate: bool,
    /// What is wrong with the server's certificate, when everything is trusted.
    pub problem: Option<Arc<str>>,
}

impl Session {
    /// The server's side of a new connection. Nothing is allocated before the client speaks.
    ///
    /// # Errors
    ///
    /// None today.
    pub fn server(config: &ServerConfig) -> Result<Self, Fault> {
        Ok(Self(State::Waiting(config.clone())))
    }

    /// The client's side of a new connection to `name`, a host's name or an address, in brackets
    /// or not. Its first message is ready to be sent.
    ///
    /// # Errors
    ///
    /// `name` is neither ([`Why::BadName`]), or there is no randomness.
    pub fn client(cx: &mut Cx<'_>, config: &ClientConfig, name: &str) -> Result<Self, Fault> {
        let mut live = Live::client(cx, config, name)?;
        live.read(cx, &mut [], &mut Vec::new());
        if xray::is_watched(Layer::Session) {
            note_hello(cx, By::Us, &live.out);
        }
        Ok(Self(State::Live(Box::new(live))))
    }

    /// Takes records from the transport: decrypts them where they lie and appends the plaintext to
    /// `plain`. Says how many bytes it took.
    ///
    /// The rest, at most [`REST_LEN_MAX`] bytes, is the caller's to keep and to present again in
    /// front of what comes next, untouched: parts of it may have been decrypted already. After the
    /// end of the session everything is taken, and ignored.
    pub fn handle_bytes(
        &mut self,
        cx: &mut Cx<'_>,
        bytes: &mut [u8],
        plain: &mut Vec<u8>,
    ) -> usize {
        if let State::Waiting(config) = &self.0 {
            self.0 = match wire::first_bytes(bytes) {
                First::TooShort => return 0,
                First::ClearText => {
                    self.0 = refused(cx, Fault::new(Blame::Peer, Why::ClearText, ""));
                    return bytes.len();
                }
                First::Record | First::Neither => Live::server(cx, config, bytes),
            };
        }
        match &mut self.0 {
            State::Live(live) if live.listens() => live.handle_bytes(cx, bytes, plain),
            _ => {
                cx.note(|| Seen::Ignored { len: bytes.len() });
                bytes.len()
            }
        }
    }

    /// The transport will bring nothing more. Without `close_notify` before it, somebody may have
    /// cut the stream short (RFC 8446 §6.1).
    pub fn handle_eof(&mut self, cx: &mut Cx<'_>) {
        match &mut self.0 {
            // Nobody spoke, so nothing was cut short.
            State::Waiting(_) => self.0 = State::Over(Some(Box::new(Event::Closed))),
            State::Live(live) => live.handle_eof(cx),
            State::Over(_) => {}
        }
    }

    /// Seals `plain` into records of 16 KiB, appended to `out` behind everything that must come
    /// before them. Says how many plaintext bytes it took: all, or none while data may not be
    /// written (during the handshake, after the end, while the peer owes the rest of a message).
    pub fn write(&mut self, cx: &mut Cx<'_>, plain: &[u8], out: &mut Vec<u8>) -> usize {
        match &mut self.0 {
            State::Live(live) => live.write(cx, plain, out),
            State::Waiting(_) | State::Over(_) => 0,
        }
    }

    /// We will write nothing more, and say so (RFC 8446 §6.1). Reading goes on.
    pub fn close(&mut self, cx: &mut Cx<'_>) {
        match &mut self.0 {
            State::Live(live) => live.close(cx),
            State::Waiting(_) => self.0 = State::Over(None),
            State::Over(_) => {}
        }
    }

    /// Appends what must be sent to `out`: handshake messages, alerts, tickets. Says whether there
    /// was anything.
    pub fn poll_transmit(&mut self, cx: &mut Cx<'_>, out: &mut TxQueue) -> bool {
        let State::Live(live) = &mut self.0 else { return false };
        if live.out.is_empty() {
            return false;
        }
        out.push(cx, Chunk::Owned(std::mem::take(&mut live.out)));
        true
    }

    /// What happened, once each.
    pub fn poll_event(&mut self) -> Option<Event> {
        match &mut self.0 {
            State::Waiting(_) => None,
            State::Live(live) => live.poll_event(),
            State::Over(event) => event.take().map(|event| *event),
        }
    }

    /// Whether data may not be written yet.
    pub fn is_handshaking(&self) -> bool {
        match &self.0 {
            State::Waiting(_) => true,
            State::Live(live) => live.facts.is_none() && !live.is_over,
            State::Over(_) => false,
        }
    }

    /// What was agreed, once the handshake is done.
    pub fn facts(&self) -> Option<&Facts> {
        match &self.0 {
            State::Live(live) => live.facts.as_ref(),
            State::Waiting(_) | State::Over(_) => None,
        }
    }

    /// The certificates that the server showed, its own first; for a client.
    pub fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        match &self.0 {
            State::Live(live) => live.rustls.common().peer_certificates(),
            State::Waiting(_) | State::Over(_) => None,
        }
    }
}

fn refused(cx: &mut Cx<'_>, fault: Fault) -> State {
    cx.note(|| Seen::Refused { why: fault.why, detail: &fault.detail });
    State::Over(Some(Box::new(Event::Failed(fault))))
}

fn note_hello(cx: &mut Cx<'_>, by: By, record: &[u8]) {
    if let Some(hello) = cx.parsed(Layer::Session, ClientHello::parse(record)) {
        cx.note(|| Seen::ClientHello {
            by,
            server_name: Name(hello.server_name),
            alpn: Offered(hello),
            versions: Versions(hello),
            suites: hello.suites_len(),
            resumes: hello.resumes,
        });
        if hello.offers_npn {
            let instead = hello.alpn().next().map_or(NO_ALPN, |_| "ALPN, which it offers too");
            cx.note(|| Seen::NpnUnanswered { because: NPN_IS_DEAD, instead });
        }
    }
}

/// Why nobody answers NPN.
const NPN_IS_DEAD: &str = "ALPN (RFC 7301) took its place: with NPN the client chose when the handshake was as good as over, and TLS 1.3 has no message for it";

/// What a client that offers nothing else gets.
const NO_ALPN: &str = "nothing: without ALPN it is HTTP/1.1";

impl Live {
    fn new(rustls: Rustls, clock: &Arc<Clock>, server_name: Option<Arc<str>>) -> Self {
        Self {
            rustls,
            clock: Arc::clone(clock),
            out: Vec::new(),
            facts: None,
            server_name,
            lenient: None,
            ending: None,
            is_established_told: false,
            held_len: 0,
            peer_has_closed: false,
            we_have_closed: false,
            is_over: false,
        }
    }

    /// The server's side, once the first record is there.
    fn server(cx: &mut Cx<'_>, config: &ServerConfig, first_record: &[u8]) -> State {
        let hello = ClientHello::parse(first_record).ok();
        if hello.is_some() && xray::is_watched(Layer::Session) {
            note_hello(cx, By::Peer, first_record);
        }
        match UnbufferedServerConnection::new(config.for_client(hello.as_ref())) {
            Ok(server) => {
                let name = hello.and_then(|hello| host_name(hello.server_name?));
                State::Live(Box::new(Self::new(Rustls::Server(server), config.clock(), name)))
            }
            Err(error) => refused(cx, error.into()),
        }
    }

    fn client(cx: &mut Cx<'_>, config: &ClientConfig, name: &str) -> Result<Self, Fault> {
        // The hello is made at once, and says how old its tickets are.
        config.clock().set(cx.wall());
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        let server_name = ServerName::try_from(bare.to_owned())
            .map_err(|_| Fault::new(Blame::User, Why::BadName, name))?;
        let (rustls, lenient) = config.for_session();
        let client = UnbufferedClientConnection::new(rustls, server_name)?;
        let name = Some(bare.to_ascii_lowercase().into());
        Ok(Self { lenient, ..Self::new(Rustls::Client(client), config.clock(), name) })
    }

    fn handle_bytes(&mut self, cx: &mut Cx<'_>, bytes: &mut [u8], plain: &mut Vec<u8>) -> usize {
        if bytes.len() < self.held_len {
            debug_assert!(false, "the rest is presented again, whole");
            return 0;
        }
        self.clock.set(cx.wall());
        if self.facts.is_none() && self.out.capacity() == 0 {
            self.out = cx.buffer();
        }
        let taken = self.read(cx, bytes, plain);
        if self.out.is_empty() && self.out.capacity() > 0 {
            cx.recycle(std::mem::take(&mut self.out));
        }
        let rest = bytes.get(taken..).unwrap_or_default();
        self.held_len = if wire::has_record(rest) { rest.len() } else { 0 };
        if self.held_len > self.rest_len_max() {
            self.fail(cx, Fault::new(Blame::Peer, Why::MessageTooLong, ""));
            return bytes.len();
        }
        taken
    }

    fn rest_len_max(&self) -> usize {
        match (&self.rustls, &self.facts) {
            (Rustls::Server(_), None) => STRANGERS_REST_LEN_MAX,
            _ => REST_LEN_MAX,
        }
    }

    /// Lets rustls do all it can with `bytes`; says how many it is done with.
    fn read(&mut self, cx: &mut Cx<'_>, bytes: &mut [u8], plain: &mut Vec<u8>) -> usize {
        let mut taken = 0;
        loop {
            let rest = bytes.get_mut(taken..).unwrap_or_default();
            let (done, step) = self.rustls.turn(rest, Job::Read, &mut self.out, plain);
            taken += done;
            self.notice_established(cx);
            match step {
                Step::Again => {}
                Step::Encoded { len } => self.notice_tickets(cx, len),
                Step::Blocked | Step::Sealed => return taken,
                Step::PeerClosed => {
                    // RFC 8446 §6.1: whatever comes after the alert is ignored.
                    cx.note(|| Seen::Closed { by: By::Peer });
                    self.peer_has_closed = true;
                    self.ending = Some(Event::Closed);
                    return bytes.len();
                }
                Step::Failed(error) => {
                    self.fail_with_alert(cx, &error);
                    return bytes.len();
                }
            }
        }
    }

    fn listens(&self) -> bool {
        !self.is_over && !self.peer_has_closed
    }

    fn handle_eof(&mut self, cx: &mut Cx<'_>) {
        if !self.listens() {
            return;
        }
        if self.facts.is_none() {
            self.fail(cx, Fault::new(Blame::Peer, Why::Gone, ""));
            return;
        }
        cx.note(|| Seen::Truncated);
        self.peer_has_closed = true;
        self.ending = Some(Event::Truncated);
    }

    fn write(&mut self, cx: &mut Cx<'_>, plain: &[u8], out: &mut Vec<u8>) -> usize {
        if plain.is_empty() || !self.may_write() {
            return 0;
        }
        // Records are numbered, so those that are waiting go first.
        if !self.out.is_empty() {
            out.append(&mut self.out);
            cx.recycle(std::mem::take(&mut self.out));
        }
        match self.rustls.speak(Job::Seal(plain), out) {
            Step::Sealed => plain.len(),
            Step::Failed(error) => {
                self.fail_with_alert(cx, &error);
                0
            }
            _ => 0,
        }
    }

    fn may_write(&self) -> bool {
        self.facts.is_some() && self.held_len == 0 && !self.we_have_closed && !self.is_over
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        if self.we_have_closed || self.is_over {
            return;
        }
        cx.note(|| Seen::Closed { by: By::Us });
        // During the handshake there is nothing to close, and the peer sees the connection end.
        self.is_over = self.facts.is_none();
        if self.may_write() {
            self.rustls.speak(Job::Close, &mut self.out);
        }
        self.we_have_closed = true;
    }

    fn poll_event(&mut self) -> Option<Event> {
        if !self.is_established_told
            && let Some(facts) = &self.facts
        {
            self.is_established_told = true;
            return Some(Event::Established(facts.clone()));
        }
        self.ending.take()
    }

    fn notice_established(&mut self, cx: &mut Cx<'_>) {
        if self.facts.is_some() || self.rustls.common().is_handshaking() {
            return;
        }
        let server_name = self.server_name.take();
        let problem = self.lenient.as_ref().and_then(|lenient| lenient.problem());
        let facts = facts(&self.rustls, server_name, problem);
        if let Some(problem) = facts.problem.as_deref() {
            cx.note(|| Seen::Distrusted { problem });
        }
        cx.note(|| Seen::Established {
            version: facts.version,
            suite: facts.suite,
            group: Or(facts.group),
            alpn: Or(facts.alpn),
            server_name: Name(facts.server_name.as_deref().map(str::as_bytes)),
            resumed: facts.resumed,
        });
        self.facts = Some(facts);
    }

    /// The only thing that a server of TLS 1.3 says by itself after the handshake is tickets.
    fn notice_tickets(&self, cx: &mut Cx<'_>, len: usize) {
        let is_tls13 = self.facts.as_ref().is_some_and(|facts| facts.version == Version::Tls13);
        if is_tls13 && matches!(self.rustls, Rustls::Server(_)) {
            cx.note(|| Seen::TicketsSent { len });
        }
    }

    fn fail_with_alert(&mut self, cx: &mut Cx<'_>, error: &Error) {
        let before = self.out.len();
        self.rustls.flush(&mut self.out);
        let fault = Fault::from(error);
        if let Why::Alert(alert) = fault.why {
            cx.note(|| Seen::AlertReceived { alert });
        }
        let sent = self.out.get(before..).unwrap_or_default();
        if !sent.is_empty() {
            cx.note(|| Seen::AlertSent { alert: Or(wire::alert_in_clear(sent)) });
        }
        self.fail(cx, fault);
    }

    fn fail(&mut self, cx: &mut Cx<'_>, fault: Fault) {
        cx.note(|| Seen::Refused { why: fault.why, detail: &fault.detail });
        self.is_over = true;
        self.ending = Some(Event::Failed(fault));
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("facts", &self.facts).finish_non_exhaustive()
    }
}

/// A name from a ClientHello, if it is one; rustls decides whether a bad one is refused.
fn host_name(name: &[u8]) -> Option<Arc<str>> {
    match ServerName::try_from(name).ok()? {
        ServerName::DnsName(name) => Some(name.as_ref().to_ascii_lowercase().into()),
        _ => None,
    }
}

fn facts(rustls: &Rustls, server_name: Option<Arc<str>>, problem: Option<Arc<str>>) -> Facts {
    let common = rustls.common();
    let has_client_certificate =
        matches!(rustls, Rustls::Server(_)) && common.peer_certificates().is_some();
    let suite = common.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
    let group = common.negotiated_key_exchange_group().and_then(|group| group.name().as_str());
    Facts {
        version: match common.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => Version::Tls12,
            _ => Version::Tls13,
        },
        suite: suite.map_or("unknown", registered_name),
        group,
        alpn: common.alpn_protocol().and_then(Alpn::from_wire),
        server_name,
        resumed: common.handshake_kind() == Some(HandshakeKind::Resumed),
        has_client_certificate,
        problem,
    }
}

/// rustls names the suites of TLS 1.3 in its own way.
fn registered_name(name: &'static str) -> &'static str {
    match name {
        "TLS13_AES_128_GCM_SHA256" => "TLS_AES_128_GCM_SHA256",
        "TLS13_AES_256_GCM_SHA384" => "TLS_AES_256_GCM_SHA384",
        "TLS13_CHACHA20_POLY1305_SHA256" => "TLS_CHACHA20_POLY1305_SHA256",
        registered => registered,
    }
}

/// What to do once rustls lets us write.
#[derive(Clone, Copy)]
enum Job<'a> {
    Read,
    Seal(&'a [u8]),
    Close,
}

/// What a turn came to.
enum Step {
    Again,
    /// A message for the peer was appended.
    Encoded {
        len: usize,
    },
    /// Nothing more to do with these bytes.
    Blocked,
    /// The job is done.
    Sealed,
    PeerClosed,
    Failed(Error),
}

impl Rustls {
    fn common(&self) -> &CommonState {
        match self {
            Self::Server(server) => server,
            Self::Client(client) => client,
        }
    }

    /// One step of rustls' machine; says how many bytes it is done with.
    fn turn(
        &mut self,
        bytes: &mut [u8],
        job: Job<'_>,
        out: &mut Vec<u8>,
        plain: &mut Vec<u8>,
    ) -> (usize, Step) {
        match self {
            Self::Server(server) => act(server.process_tls_records(bytes), job, out, plain),
            Self::Client(client) => act(client.process_tls_records(bytes), job, out, plain),
        }
    }

    /// Does a job that needs no bytes from the peer. Only while rustls holds none: it would look
    /// for them.
    fn speak(&mut self, job: Job<'_>, out: &mut Vec<u8>) -> Step {
        loop {
            match self.turn(&mut [], job, out, &mut Vec::new()).1 {
                Step::Again | Step::Encoded { .. } => {}
                last => return last,
            }
        }
    }

    /// Fetches what rustls has ready after an error. It is asked no more often than it has
    /// something: what comes next in its machine is reading, which after an error it must not do.
    fn flush(&mut self, out: &mut Vec<u8>) {
        while self.common().wants_write() {
            let Step::Encoded { .. } = self.turn(&mut [], Job::Read, out, &mut Vec::new()).1 else {
                return;
            };
        }
    }
}

fn act<D>(
    status: UnbufferedStatus<'_, '_, D>,
    job: Job<'_>,
    out: &mut Vec<u8>,
    plain: &mut Vec<u8>,
) -> (usize, Step) {
    let mut done = status.discard;
    let step = match status.state {
        Err(error) => Step::Failed(error),
        Ok(ConnectionState::ReadTraffic(traffic)) => match read(traffic, plain) {
            Ok(also_done) => {
                done += also_done;
                Step::Again
            }
            Err(error) => Step::Failed(error),
        },
        Ok(ConnectionState::EncodeTlsData(message)) => encode(message, out),
        Ok(ConnectionState::TransmitTlsData(transmit)) => {
            transmit.done();
            Step::Again
        }
        Ok(ConnectionState::PeerClosed) => Step::PeerClosed,
        Ok(ConnectionState::WriteTraffic(mut traffic)) => match job {
            Job::Read => Step::Blocked,
            Job::Seal(plain) => seal(out, plain, |out| traffic.encrypt(plain, out)),
            Job::Close => seal(out, &[], |out| traffic.queue_close_notify(out)),
        },
        // `ReadEarlyData` cannot come: early data is refused by configuration.
        Ok(_) => Step::Blocked,
    };
    (done, step)
}

fn read<D>(mut traffic: ReadTraffic<'_, '_, D>, plain: &mut Vec<u8>) -> Result<usize, Error> {
    let mut done = 0;
    while let Some(record) = traffic.next_record() {
        let record = record?;
        done += record.discard;
        plain.extend_from_slice(record.payload);
    }
    Ok(done)
}

fn encode<D>(mut message: EncodeTlsData<'_, D>, out: &mut Vec<u8>) -> Step {
    // It says how long it is when there is not enough room, so there is none at first.
    let Err(EncodeError::InsufficientSize(size)) = message.encode(&mut []) else {
        return Step::Again;
    };
    let start = out.len();
    out.resize(start + size.required_size, 0);
    let len = message.encode(out.get_mut(start..).unwrap_or_default()).unwrap_or(0);
    out.truncate(start + len);
    Step::Encoded { len }
}

/// Makes room for `plain` in records behind `out` and lets `write` fill it.
fn seal(
    out: &mut Vec<u8>,
    plain: &[u8],
    mut write: impl FnMut(&mut [u8]) -> Result<usize, EncryptError>,
) -> Step {
    let start = out.len();
    let records = plain.len().div_ceil(PLAIN_LEN_MAX);
    let mut room = plain.len() + records * OVERHEAD_LEN_MAX + SMALL_MESSAGE_LEN;
    loop {
        out.resize(start + room, 0);
        let error = match write(out.get_mut(start..).unwrap_or_default()) {
            Ok(len) => {
                out.truncate(start + len);
                return Step::Sealed;
            }
            Err(error) => error,
        };
        out.truncate(start);
        match error {
            EncryptError::InsufficientSize(size) if size.required_size > room => {
                room = size.required_size;
            }
            // The session ends as it would from any error of rustls.
            EncryptError::InsufficientSize(_) | EncryptError::EncryptExhausted => {
                return Step::Failed(Error::EncryptError);
            }
        }
    }
}
