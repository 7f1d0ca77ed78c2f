//! Requests and their answers, over connections that are kept for the next one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::Cx;
use bytes::Bytes;
use http1::framing::{self, Framing};
use message::{Event, ExchangeId, Head, Name, Request, Reset, Response, Status};

use super::connect::connect;
use super::connection::{Connection, Lost, Tools};
use super::film::Reel;
use super::location::Origin;
use super::options::Options;
use super::problem::{Again, Code, Problem, note};
use super::trust;
use super::upload::{Body, Upload};
use crate::network::Network;

/// How many hints are shown: a page has so many that matter, and a server may send any number.
const HINTS_SHOWN_MAX: usize = 32;

/// How many connections wait for another request: the hosts that one command line names.
const IDLE_MAX: usize = 8;

/// How much of a body nobody wants is taken so that its connection can be kept: less than a new
/// connection with TLS would cost.
const SKIPPED_LEN_MAX: u64 = 64 * 1024;

/// How long that may take: a few times as long as a new connection does.
const SKIP_TIME_MAX: Duration = Duration::from_secs(1);

/// How much of a body may be on its way through us.
const BODY_WINDOW: usize = 256 * 1024;

/// A client of any number of servers.
#[derive(Debug)]
pub(super) struct Client<'o> {
    pub(super) options: &'o Options,
    tools: Tools,
    http: endpoint::Config,
    /// Made when the first `https` URL needs it: reading the system's roots takes its time.
    tls: Option<tls::ClientConfig>,
    idle: Vec<(Origin, Connection)>,
    /// How many connections have been made, and the peer of the last one.
    made: u64,
    last: Option<(u64, SocketAddr)>,
    /// Our own, if it is not the kernel's.
    network: Option<Network>,
}

/// An answer whose body is still to come.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) response: Response,
    origin: Origin,
    connection: Connection,
    id: ExchangeId,
    upload: Upload,
    framing: Framing,
    /// How much of the body has come.
    received: u64,
    is_complete: bool,
}

/// Why there is no answer.
struct Failure {
    problem: Problem,
    /// The connection had been kept, and was closed before anything came: that happens, and says
    /// nothing about the request (RFC 9112 §9.3.1).
    is_stale: bool,
}

impl<'o> Client<'o> {
    pub(super) fn new(options: &'o Options, network: Option<Network>) -> Self {
        let film = options.film_layers().map(|layers| {
            base::xray::watch(&layers);
            Reel::new()
        });
        let mut tools = Tools::new(film, options.stall_timeout);
        if let Some(network) = &network {
            tools.film_below(network);
        }
        let http1 = http1::Config { body_window: BODY_WINDOW, ..http1::Config::default() };
        let http2 = http2::Config { push: options.push, ..http2::Config::default() };
        let http2 = (!options.http1_only).then(|| Arc::new(http2));
        Self {
            options,
            tools,
            http: endpoint::Config { http1: Arc::new(http1), http2 },
            tls: None,
            idle: Vec::new(),
            made: 0,
            last: None,
            network,
        }
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn ask(
        &mut self,
        origin: &Origin,
        request: Request,
        body: Option<&Body>,
        expects_continue: bool,
    ) -> Result<Answer, Problem> {
        // RFC 9112 §9.3.1: a kept connection may be closing while we write. Only what may be sent
        // twice is sent there.
        if request.method.is_idempotent()
            && let Some(connection) = self.take_idle(origin)
        {
            let upload = Upload::new(body, expects_continue);
            match self.exchange(origin, connection, request.clone(), upload).await {
                Err(failure) if failure.is_stale => {}
                done => return done.map_err(|failure| failure.problem),
            }
        }
        let connection = self.connect(origin).await?;
        let upload = Upload::new(body, expects_continue);
        let done = self.exchange(origin, connection, request, upload).await;
        done.map_err(|failure| failure.problem)
    }

    /// The next part of the body; nothing when it is complete.
    pub(super) async fn part(&mut self, answer: &mut Answer) -> Result<Option<Bytes>, Problem> {
        if answer.is_complete {
            return Ok(None);
        }
        loop {
            let Answer { connection, id, upload, .. } = answer;
            match connection.next(&mut self.tools, *id, upload).await {
                Ok(Event::Data(chunk)) => {
                    let bytes = match chunk {
                        base::Chunk::Shared(bytes) => bytes,
                        base::Chunk::Owned(bytes) => bytes.into(),
                        base::Chunk::File(_) => continue, // what is received is in memory
                    };
                    answer.received += bytes.len() as u64;
                    connection.release(&mut self.tools, *id, bytes.len());
                    return Ok(Some(bytes));
                }
                Ok(Event::End) => {
                    // RFC 9112 §9.8: an end that only the connection shows must be a proper one.
                    if answer.framing == Framing::UntilClose && answer.connection.is_truncated() {
                        return Err(answer.incomplete("the server did not end the TLS session"));
                    }
                    answer.is_complete = true;
                    return Ok(None);
                }
                Ok(Event::Reset(reset)) => return Err(answer.reset(reset)),
                Ok(
                    Event::Head(_)
                    | Event::Informational(_)
                    | Event::Trailers(_)
                    | Event::Promise(_),
                ) => {}
                Err(lost) => return Err(answer.lost(lost)),
            }
        }
    }

    /// Takes the rest of a body that nobody wants, if there is not much of it.
    pub(super) async fn skip(&mut self, mut answer: Answer) {
        let is_short = match answer.framing {
            Framing::None => true,
            Framing::Length(len) => len <= SKIPPED_LEN_MAX,
            Framing::Chunked => true,
            Framing::UntilClose => false,
        };
        let until = tokio::time::Instant::now() + SKIP_TIME_MAX;
        while is_short && answer.received <= SKIPPED_LEN_MAX {
            match tokio::time::timeout_at(until, self.part(&mut answer)).await {
                Ok(Ok(Some(_))) => {}
                // What is not complete is not kept.
                Ok(Ok(None) | Err(_)) | Err(_) => break,
            }
        }
        self.done(answer);
    }

    /// Waits for what was pushed with an answer, which is complete.
    pub(super) async fn await_pushes(&mut self, answer: &mut Answer) {
        let connection = &mut answer.connection;
        if let Err(lost) = connection.await_pushes(&mut self.tools).await {
            note(self.options.silent, format_args!("not all that was pushed came: {lost}"));
        }
    }

    /// Says what the server says of what the answer will need (RFC 8297), once.
    fn show_hints(&self, response: &Response, shown: &mut Vec<Vec<u8>>) {
        if response.status != Status::EARLY_HINTS {
            return;
        }
        for link in response.fields.get_all(Name::Link) {
            if shown.len() < HINTS_SHOWN_MAX && !shown.iter().any(|other| other == link) {
                note(self.options.silent, format_args!("early hint: {}", link.escape_ascii()));
                shown.push(link.to_vec());
            }
        }
    }

    /// The answer has been dealt with; its connection is kept if it can be.
    pub(super) fn done(&mut self, answer: Answer) {
        let Answer { mut connection, origin, is_complete, .. } = answer;
        connection.report_pushes(self.options.silent);
        connection.print_film(&mut self.tools);
        if is_complete && connection.is_reusable() && self.idle.len() < IDLE_MAX {
            self.idle.push((origin, connection));
        } else {
            connection.close(&mut self.tools);
        }
    }

    /// Ends every connection that is kept.
    pub(super) fn close(&mut self) {
        for (_, connection) in std::mem::take(&mut self.idle) {
            connection.close(&mut self.tools);
        }
        self.show_film();
    }

    /// Prints what has not been printed of the last connection.
    pub(super) fn show_film(&mut self) {
        if let (Some(film), Some((number, peer))) = (&mut self.tools.film, self.last) {
            film.print(number, || title(number, peer));
        }
    }

    /// The film, for what is still to be said when the client is gone.
    pub(super) fn into_film(self) -> Option<Reel> {
        self.tools.film
    }

    /// Time, chance and the x-ray for what is done with an answer.
    pub(super) fn cx(&mut self, answer: &Answer) -> Cx<'_> {
        self.tools.cx(answer.connection.number())
    }

    fn take_idle(&mut self, origin: &Origin) -> Option<Connection> {
        let at = self.idle.iter().position(|(known, _)| known == origin)?;
        let (_, connection) = self.idle.swap_remove(at);
        if connection.is_reusable() {
            return Some(connection);
        }
        connection.close(&mut self.tools);
        None
    }

    /// A new connection, with a session where it needs one.
    async fn connect(&mut self, origin: &Origin) -> Result<Connection, Problem> {
        let limit = self.options.connect_timeout;
        match tokio::time::timeout(limit, self.connect_at_leisure(origin)).await {
            Ok(connected) => connected,
            Err(_) => {
                let what = format!("no connection to {origin} within {} s", limit.as_secs_f64());
                Err(Problem::new(Code::TimedOut, what)
                    .hint(
                        "allow more with --connect-timeout SECONDS; does a firewall stand between?",
                    )
                    .again(Again::Always))
            }
        }
    }

    async fn connect_at_leisure(&mut self, origin: &Origin) -> Result<Connection, Problem> {
        let config = self.tls_for(origin)?;
        let stream = connect(origin, self.network.as_ref()).await?;
        self.made += 1;
        let number = self.made;
        self.last = stream.peer_addr().ok().map(|peer| (number, peer));
        let name = origin.sent_host();
        let tls = config.as_ref().map(|config| (config, &*name));
        let authority = origin.host_field();
        let tools = &mut self.tools;
        let connection = Connection::new(tools, number, &authority, stream, &self.http, tls);
        let mut connection = connection.map_err(|lost| no_session(origin, &[], lost))?;
        if config.is_some() {
            let shaken = connection.shake_hands(&mut self.tools).await;
            shaken.map_err(|lost| no_session(origin, connection.first(), lost))?;
            if let Some(problem) = connection.tls().and_then(|facts| facts.problem.as_deref()) {
                note(
                    self.options.silent,
                    format_args!("{origin}: {problem}; going on because of --insecure"),
                );
            }
        }
        Ok(connection)
    }

    fn tls_for(&mut self, origin: &Origin) -> Result<Option<tls::ClientConfig>, Problem> {
        if !origin.is_secure {
            return Ok(None);
        }
        let config = match self.tls.take() {
            Some(config) => config,
            None => trust::client_config(self.options)?,
        };
        Ok(Some(self.tls.insert(config).clone()))
    }

    async fn exchange(
        &mut self,
        origin: &Origin,
        mut connection: Connection,
        request: Request,
        mut upload: Upload,
    ) -> Result<Answer, Failure> {
        let method = request.method.clone();
        let Some(id) = connection.open(&mut self.tools, request) else {
            let what = "the request cannot be sent as it is; --verbose shows why";
            return Err(Failure { problem: Problem::new(Code::Usage, what), is_stale: false });
        };
        let mut hints = Vec::new();
        let response = loop {
            match connection.next(&mut self.tools, id, &mut upload).await {
                Ok(Event::Head(Head::Response(response))) => break response,
                Ok(Event::Informational(response)) => {
                    if response.status == Status::CONTINUE {
                        upload.waits_until = None;
                    }
                    self.show_hints(&response, &mut hints);
                }
                Ok(Event::Reset(reset)) => {
                    return Err(unanswered(origin, &connection, &Lost::Closed, Some(reset)));
                }
                Ok(_) => {}
                Err(lost) => return Err(unanswered(origin, &connection, &lost, None)),
            }
        };
        if !upload.is_complete() && (response.status.is_error() || upload.waits_until.is_some()) {
            // RFC 9112 §9.5: what the server has refused is not sent to its end.
            upload.give_up();
        }
        // What was said comes before what is shown of the answer.
        connection.print_film(&mut self.tools);
        let framing = framing::of_response(&method, &response).unwrap_or(Framing::UntilClose);
        let origin = origin.clone();
        let answer = Answer {
            response,
            origin,
            connection,
            id,
            upload,
            framing,
            received: 0,
            is_complete: false,
        };
        Ok(answer)
    }
}

impl Answer {
    /// The length of the body, if it is announced; 0 where there is none.
    pub(super) fn body_len(&self) -> Option<u64> {
        match self.framing {
            Framing::None => Some(0),
            Framing::Length(len) => Some(len),
            Framing::Chunked | Framing::UntilClose => None,
        }
    }

    fn lost(&self, lost: Lost) -> Problem {
        match lost {
            Lost::Upload(problem) => problem,
            Lost::Stalled(limit) => stalled(limit),
            lost => self.incomplete(&lost.to_string()),
        }
    }

    fn reset(&self, reset: Reset) -> Problem {
        if reset.why == http1::Why::CutShort.explanation() {
            return self.incomplete("the server closed the connection");
        }
        let what = format!("the body cannot be understood: {}", reset.why);
        Problem::new(Code::BadAnswer, what).hint("--verbose shows what came")
    }

    /// Says how much of the body is missing.
    fn incomplete(&self, why: &str) -> Problem {
        let received = self.received;
        let what = match self.framing {
            Framing::Length(len) => {
                let missing = len.saturating_sub(received);
                format!(
                    "the body is not complete: {received} of {len} bytes came, \
                     {missing} are missing ({why})"
                )
            }
            _ => format!("the body is not complete: {received} bytes came, and no end ({why})"),
        };
        Problem::new(Code::Partial, what).again(Again::IfIdempotent)
    }
}

fn title(number: u64, peer: SocketAddr) -> String {
    format!("connection {number} to {peer}")
}

fn stalled(limit: Duration) -> Problem {
    let what = format!("nothing came or went for {} s", limit.as_secs_f64());
    Problem::new(Code::TimedOut, what)
        .hint("wait longer with --stall-timeout SECONDS (0: for ever)")
        .again(Again::IfIdempotent)
}

/// No answer came, or none that can be understood.
fn unanswered(
    origin: &Origin,
    connection: &Connection,
    lost: &Lost,
    reset: Option<Reset>,
) -> Failure {
    let is_cut = reset.is_none_or(|reset| reset.why == http1::Why::CutShort.explanation());
    let is_closed = is_cut && matches!(lost, Lost::Closed | Lost::Io(_));
    let is_stale = is_closed && connection.is_reused() && !connection.has_answered();
    let problem = match (reset, lost) {
        _ if speaks_tls(connection.first()) && !origin.is_secure => {
            Problem::new(Code::BadAnswer, format!("{origin} speaks TLS, not clear text"))
                .hint(format!("try https://{origin}/"))
        }
        (Some(reset), _) if !is_cut => {
            let what = format!("the answer cannot be understood: {}", reset.why);
            Problem::new(Code::BadAnswer, what).hint("--verbose shows what came")
        }
        (_, Lost::Stalled(limit)) => stalled(*limit),
        (_, Lost::Upload(problem)) => Problem::new(problem.code(), problem.to_string()),
        (_, Lost::Tls(fault)) => {
            Problem::new(Code::Tls, format!("the TLS session with {origin} ended: {fault}"))
                .again(Again::IfIdempotent)
        }
        (_, Lost::Io(error)) => {
            Problem::new(Code::Broken, format!("the connection to {origin} broke: {error}"))
                .again(Again::IfIdempotent)
        }
        (_, Lost::Closed) if connection.has_answered() => {
            let what = format!("{origin} closed the connection in the middle of its answer's head");
            Problem::new(Code::Broken, what).again(Again::IfIdempotent)
        }
        (_, Lost::Closed) => {
            let what = format!("{origin} closed the connection and answered nothing");
            Problem::new(Code::NoAnswer, what)
                .hint("does it speak HTTP there? https:// may be wanted; --retry N tries again")
                .again(Again::IfIdempotent)
        }
    };
    Failure { problem, is_stale }
}

/// There is no session with this server.
fn no_session(origin: &Origin, first: &[u8], lost: Lost) -> Problem {
    let clear = |what: String| {
        Problem::new(Code::Tls, what).hint(format!("if it speaks clear text, try http://{origin}/"))
    };
    let fault = match lost {
        Lost::Tls(_) if first.starts_with(b"HTTP/") => {
            return Problem::new(Code::Tls, format!("{origin} speaks clear text, not TLS"))
                .hint(format!("try http://{origin}/"));
        }
        Lost::Tls(fault) => fault,
        Lost::Stalled(limit) => return stalled(limit).again(Again::Always),
        lost => return clear(format!("no TLS session with {origin}: {lost}")).again(Again::Always),
    };
    match fault.why {
        tls::Why::BadCertificate => distrusted(origin, &fault),
        tls::Why::BadName => {
            Problem::new(Code::BadUrl, format!("no TLS session with {origin}: {fault}"))
                .hint("the host must be a DNS name or an IP address")
        }
        tls::Why::NotTls | tls::Why::Gone | tls::Why::Malformed => {
            clear(format!("no TLS session with {origin}: {fault}"))
        }
        _ => Problem::new(Code::Tls, format!("no TLS session with {origin}: {fault}"))
            .hint("--verbose shows what was offered and what came back"),
    }
}

fn distrusted(origin: &Origin, fault: &tls::Fault) -> Problem {
    let problem = Problem::new(Code::Certificate, format!("{origin}: {fault}"));
    let says = |words: &str| fault.detail.contains(words);
    if says("not valid for name") {
        return problem.hint("use the name in the certificate; --insecure goes on all the same");
    }
    if says("expired") || says("not valid yet") {
        return problem
            .hint("is this machine's clock right? If so, --insecure goes on all the same");
    }
    let local = match trust::local_authority() {
        Some(file) => format!(" (this machine's own, {}, has not issued it)", file.display()),
        None => String::new(),
    };
    problem.hint(format!(
        "name the certificate of its authority with --cacert FILE{local}, \
         or go on all the same with --insecure"
    ))
}

/// Whether these are the first bytes of an alert or a handshake (RFC 8446 §5.1).
fn speaks_tls(first: &[u8]) -> bool {
    matches!(first, [0x15 | 0x16, 0x03, ..])
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => f.write_str(error),
            Self::Closed => f.write_str("the server closed the connection"),
            Self::Tls(fault) => write!(f, "{fault}"),
            Self::Stalled(_) => f.write_str("nothing came or went for too long"),
            Self::Upload(problem) => write!(f, "{problem}"),
        }
    }
}
