//! The admin listener: what an operator can ask of a server that runs.
//!
//! ```text
//!   Admin (Handler) ──▶ Overview ──▶ Tallies           requests by site and route
//!     a Server of its own      ├──▶ Observer<Sites>    sockets, connections, films
//!     with one worker          └──▶ State              serving, stopping, handing over
//! ```
//!
//! It is a server beside the one that serves sites: busy workers do not keep it waiting, and it goes
//! on while the other one stops. A reload changes it like everything else.

mod connections;
mod metrics;
mod network;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use base::Cx;
use bytes::Bytes;
use message::uri::Host;
use message::{Method, Name, Request, Status};
use server::{Answer, Config, Counter, Handler, Limits, Observer, Peer, Reply};
use subtle::ConstantTimeEq as _;

use crate::serve::xray::{Seen, Why};
use crate::serve::{Sites, Tallies, browsers, pages};

/// How many connections there are at most; then idle ones go, and if none is idle, the next is
/// refused. A scraper keeps one.
const CONNECTIONS_MAX: usize = 64;

/// What can be asked.
const METHODS: [Method; 2] = [Method::Get, Method::Head];

/// What is said at `/`.
const INDEX: &str = "\
/metrics      what was counted, for Prometheus and its kind (OpenMetrics, or text)
/health       200 while the program runs
/ready        200 while it serves, 503 when it stops or another one takes over
/config       the configuration that it serves by, without secrets
/connections  the connections that there are now (JSON or HTML)
/connections/NUMBER/film?seconds=10
              what each layer does on one of them from now on (text or JSON lines)
/network      our own network: interfaces, addresses, routes, neighbours, sockets (JSON or text)
";

/// What answers at the admin listener.
pub(crate) struct Admin {
    overview: Arc<Overview>,
    token: Option<String>,
    /// The configuration that is served by, without secrets.
    shown: Bytes,
}

/// What is known of the server that serves sites.
pub(crate) struct Overview {
    began: Instant,
    state: AtomicU8,
    reloads: Counter,
    reloads_failed: Counter,
    tallies: Arc<Tallies>,
    observer: Observer<Sites>,
}

/// What a server is about to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum State {
    Serving,
    Stopping,
    HandingOver,
}

impl Overview {
    /// Of a server that has begun to serve.
    pub(crate) fn new(tallies: Arc<Tallies>, observer: Observer<Sites>) -> Self {
        Self {
            began: Instant::now(),
            state: AtomicU8::new(State::Serving as u8),
            reloads: Counter::default(),
            reloads_failed: Counter::default(),
            tallies,
            observer,
        }
    }

    /// Says what the server is about to do.
    pub(crate) fn set(&self, state: State) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    /// Counts a time that the configuration was read anew; to be called by one thread only.
    pub(crate) fn count_reload(&self, is_changed: bool) {
        let counter = if is_changed { &self.reloads } else { &self.reloads_failed };
        counter.add(1);
    }

    /// What counts requests.
    pub(crate) const fn tallies(&self) -> &Arc<Tallies> {
        &self.tallies
    }

    fn state(&self) -> State {
        match self.state.load(Ordering::Relaxed) {
            state if state == State::Serving as u8 => State::Serving,
            state if state == State::Stopping as u8 => State::Stopping,
            _ => State::HandingOver,
        }
    }
}

/// What a server for [`Admin`] is given.
pub(crate) fn config() -> Config {
    let limits = Limits { connections_max: CONNECTIONS_MAX, ..Limits::default() };
    let http = endpoint::Config::default();
    Config { http, limits, busy_poll: Duration::ZERO, film: None }
}

impl Admin {
    pub(crate) fn new(overview: Arc<Overview>, token: Option<String>, shown: String) -> Self {
        Self { overview, token, shown: shown.into() }
    }

    /// What to answer somebody who may not ask.
    fn refuse(&self, cx: &mut Cx<'_>, request: &Request) -> Option<Answer> {
        let refused = match &self.token {
            Some(token) => check_token(request, token),
            None => check_host(request),
        };
        let because = refused.err()?;
        cx.note(|| Seen::Refused { because });
        if because == Why::Misdirected {
            let why = "ask by an address or as localhost; other names need a token";
            return Some(pages::error_for_operators(request, Status::MISDIRECTED_REQUEST, why));
        }
        let why = "this needs a token, as in `Authorization: Bearer TOKEN`";
        let mut answer = pages::error_for_operators(request, Status::UNAUTHORIZED, why);
        answer.response.fields.push(Name::WwwAuthenticate, "Bearer realm=\"hepta\"");
        Some(answer)
    }

    fn answer(&self, request: &Request) -> Reply {
        let Ok(path) = request.target.normal_path() else {
            let why = "there is no path in this";
            return pages::error_for_operators(request, Status::BAD_REQUEST, why).into();
        };
        if !METHODS.contains(&request.method) {
            let why = format!("the method {} has no use here", request.method);
            let status = Status::METHOD_NOT_ALLOWED;
            let mut answer = pages::error_for_operators(request, status, &why);
            answer.response.fields.push(Name::Allow, semantics::allow::value(&METHODS));
            return answer.into();
        }
        if let Some(rest) = path.strip_prefix(b"/connections") {
            return match (rest, number_of_film(rest)) {
                (b"", _) => connections::list(&self.overview, request),
                (_, Some(number)) => connections::film(&self.overview, request, number),
                _ => nothing(request).into(),
            };
        }
        let answer = match &*path {
            b"/" => text(Status::OK, INDEX),
            b"/metrics" => self.metrics(request),
            b"/health" => text(Status::OK, "running\n"),
            b"/ready" => self.readiness(),
            b"/network" => return network::show(&self.overview, request),
            b"/config" => page(TEXT, self.shown.clone()),
            _ => nothing(request),
        };
        answer.into()
    }

    fn metrics(&self, request: &Request) -> Answer {
        let format = metrics::Format::of(&request.fields);
        let text = metrics::text(&self.overview, format);
        let mut answer = page(format.media_type(), text.into());
        answer.response.fields.push(Name::Vary, "Accept");
        answer
    }

    fn readiness(&self) -> Answer {
        match self.overview.state() {
            State::Serving => text(Status::OK, "serving\n"),
            State::Stopping => text(Status::SERVICE_UNAVAILABLE, "stopping\n"),
            State::HandingOver => text(Status::SERVICE_UNAVAILABLE, "handing over\n"),
        }
    }
}

impl Handler for Admin {
    fn handle(&self, cx: &mut Cx<'_>, request: &Arc<Request>, _peer: &Peer<'_>) -> Reply {
        match self.refuse(cx, request).map_or_else(|| self.answer(request), Reply::from) {
            Reply::Now(answer) => never_stored(answer).into(),
            other => other,
        }
    }

    fn promised(
        &self,
        _cx: &mut Cx<'_>,
        _request: &Request,
        _peer: &Peer<'_>,
        answer: Answer,
    ) -> Reply {
        never_stored(answer).into()
    }
}

/// What is said here is true now, and may be nobody else's business.
fn never_stored(mut answer: Answer) -> Answer {
    answer.response.fields.set(Name::CacheControl, "no-store");
    answer
}

/// `NUMBER` of `/NUMBER/film`.
fn number_of_film(rest: &[u8]) -> Option<&[u8]> {
    rest.strip_prefix(b"/")?.strip_suffix(b"/film")
}

fn nothing(request: &Request) -> Answer {
    pages::error_for_operators(request, Status::NOT_FOUND, "there is nothing here; / says what is")
}

/// Whether the request shows the token (RFC 6750 §2.1). How long it takes does not tell how much of
/// it was right.
fn check_token(request: &Request, token: &str) -> Result<(), Why> {
    let shown = request.fields.get_only(Name::Authorization).ok_or(Why::NoCredentials)?;
    let (scheme, shown) =
        shown.split_at_checked("Bearer ".len()).ok_or(Why::CredentialsUnreadable)?;
    if !scheme.eq_ignore_ascii_case(b"Bearer ") {
        return Err(Why::CredentialsUnreadable);
    }
    let is_right = bool::from(shown.trim_ascii().ct_eq(token.as_bytes()));
    if is_right { Ok(()) } else { Err(Why::CredentialsWrong) }
}

/// Whether the request names an address or this machine, if it names anything. A page that was loaded
/// from elsewhere could have its own name lead here (DNS rebinding), and a browser, which always says
/// the name, would let it read the answer.
fn check_host(request: &Request) -> Result<(), Why> {
    match request.authority().map(|authority| authority.host_kind()) {
        Some(Host::Name(name)) if !name.eq_ignore_ascii_case("localhost") => Err(Why::Misdirected),
        _ => Ok(()),
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

fn text(status: Status, text: &'static str) -> Answer {
    with_status(status, TEXT, Bytes::from_static(text.as_bytes()))
}

fn page(media_type: &str, body: Bytes) -> Answer {
    with_status(Status::OK, media_type, body)
}

fn with_status(status: Status, media_type: &str, body: Bytes) -> Answer {
    let mut fields = browsers::base_fields();
    fields.push(Name::ContentType, media_type);
    Answer::whole(status, fields, body)
}

#[cfg(test)]
mod tests;
