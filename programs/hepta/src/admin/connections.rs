//! The connections that there are now, for programs and for people, and the film of one of them.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use base::xray;
use message::{Name, Request, Status};
use serde_json::{Value, json};
use server::{Answer, ConnectionFacts, Connections, NoFilm, Reply, RequestFacts, TcpFacts};

use super::{Overview, page, with_status};
use crate::listing::{self, Form, escaped};
use crate::serve::pages;
use crate::words::ENGLISH;

/// How many connections are told of at most; to ask the kernel for one takes a microsecond or two of
/// its worker's time.
const SHOWN_MAX: usize = 1000;

/// How long a connection is filmed unless told otherwise.
const FILM_TIME: Duration = Duration::from_secs(10);

/// How long a connection is filmed at most.
const FILM_TIME_MAX: Duration = Duration::from_secs(60);

/// The media types by which a film is asked for in lines of JSON.
const JSON_LINES: [&str; 3] = ["application/jsonl", "application/x-ndjson", "application/json"];

/// Answers with all connections, once every worker has told of its own.
pub(super) fn list(overview: &Arc<Overview>, request: &Request) -> Reply {
    let (overview, form) = (Arc::clone(overview), Form::of_report(&request.fields));
    Reply::Later(Box::pin(async move {
        let connections = overview.observer.connections(SHOWN_MAX).await;
        let mut answer = match form {
            Form::Html => {
                let page = listing::html_page(&ENGLISH, "Connections", &table(&connections));
                let mut answer = with_status(Status::OK, page.media_type, page.body.into());
                let policy = listing::CONTENT_SECURITY_POLICY;
                answer.response.fields.push(Name::ContentSecurityPolicy, policy);
                answer
            }
            Form::Text | Form::Json => {
                page("application/json", format!("{:#}\n", to_json(&connections)).into())
            }
        };
        answer.response.fields.push(Name::Vary, "Accept");
        answer
    }))
}

/// Answers with the film of the connection of this number, when it has ended or the time is over.
pub(super) fn film(overview: &Arc<Overview>, request: &Request, number: &[u8]) -> Reply {
    let number = str::from_utf8(number).ok().and_then(|number| number.parse::<u64>().ok());
    let (Some(number), Some(time)) = (number, film_time(request.target.query())) else {
        let why = "write /connections/NUMBER/film, or /connections/NUMBER/film?seconds=1 to 60";
        return pages::error_for_operators(request, Status::BAD_REQUEST, why).into();
    };
    let is_json = JSON_LINES.iter().any(|name| request.fields.has_element(Name::Accept, name));
    let (form, media_type) = match is_json {
        true => (xray::Form::JsonLines, "application/jsonl"),
        false => (xray::Form::Text, super::TEXT),
    };
    let (overview, request) = (Arc::clone(overview), request.clone());
    Reply::Later(Box::pin(async move {
        let mut answer = match overview.observer.film(number, form, time).await {
            Ok(film) => page(media_type, film.into()),
            Err(why) => no_film(&request, why),
        };
        answer.response.fields.set(Name::Vary, "Accept");
        answer
    }))
}

fn film_time(query: Option<&str>) -> Option<Duration> {
    let Some(query) = query else { return Some(FILM_TIME) };
    let seconds = query.strip_prefix("seconds=")?.parse().ok()?;
    let time = Duration::from_secs(seconds);
    (time <= FILM_TIME_MAX && !time.is_zero()).then_some(time)
}

fn no_film(request: &Request, why: NoFilm) -> Answer {
    match why {
        NoFilm::Refused => {
            let why = "there is no such connection, or it is filmed already, or too many are";
            pages::error_for_operators(request, Status::NOT_FOUND, why)
        }
        NoFilm::Silent => {
            let why = "the connection's worker does not answer";
            pages::error_for_operators(request, Status::SERVICE_UNAVAILABLE, why)
        }
    }
}

/// Connections for programs.
fn to_json(all: &Connections) -> Value {
    let Connections { shown, more, silent_workers } = all;
    let shown: Vec<_> = shown.iter().map(connection).collect();
    json!({ "connections": shown, "more": more, "silent_workers": silent_workers })
}

fn connection(facts: &ConnectionFacts) -> Value {
    let requests: Vec<_> = facts.requests.iter().map(request).collect();
    json!({
        "number": facts.number,
        "client": facts.client.map(|client| client.to_string()),
        "server": facts.server.as_ref().map(ToString::to_string),
        "age_seconds": facts.age.as_secs_f64(),
        "secure": facts.is_secure,
        "tls": facts.tls.as_ref().map(session),
        "protocol": protocol(facts),
        "filmed": facts.is_filmed,
        "requests": requests,
        "unsent_bytes": facts.unsent_len,
        "tcp": facts.tcp.as_ref().map(tcp),
    })
}

fn session(facts: &tls::Facts) -> Value {
    json!({
        "version": facts.version.to_string(),
        "suite": facts.suite,
        "group": facts.group,
        "alpn": facts.alpn.map(tls::Alpn::as_str),
        "server_name": facts.server_name.as_deref(),
        "resumed": facts.resumed,
    })
}

/// What is spoken; without ALPN there is only one thing that could be.
fn protocol(facts: &ConnectionFacts) -> &'static str {
    let alpn = facts.tls.as_ref().and_then(|tls| tls.alpn);
    alpn.map_or(tls::Alpn::Http11.as_str(), tls::Alpn::as_str)
}

fn request(facts: &RequestFacts) -> Value {
    json!({
        "method": facts.method,
        "target": facts.target,
        "age_seconds": facts.age.as_secs_f64(),
        "body_bytes": facts.body_len,
    })
}

fn tcp(facts: &TcpFacts) -> Value {
    json!({
        "rtt_seconds": facts.rtt.as_secs_f64(),
        "rtt_variance_seconds": facts.rtt_variance.as_secs_f64(),
        "retransmitted_segments": facts.retransmitted,
        "congestion_window_segments": facts.congestion_window,
        "unacknowledged_segments": facts.unacknowledged,
        "segment_bytes_max": facts.segment_len_max,
        "acknowledged_bytes": facts.acknowledged_len,
        "received_bytes": facts.received_len,
        "unsent_bytes": facts.unsent_len,
    })
}

/// Connections for people.
fn table(all: &Connections) -> String {
    let mut out = String::from(
        "<h1>Connections</h1>\n<table>\n<thead><tr><th>Film<th>Client<th>Server<th>Age<th>TLS\
         <th class=\"name\">Request<th>RTT<th>Again<th>Window</tr></thead>\n<tbody>\n",
    );
    for facts in &all.shown {
        push_row(&mut out, facts);
    }
    let (shown, more) = (all.shown.len(), all.more);
    let _ = writeln!(out, "</tbody>\n</table>\n<p class=\"total\">{shown} shown, {more} more</p>");
    out
}

fn push_row(out: &mut String, facts: &ConnectionFacts) {
    let (number, age) = (facts.number, facts.age.as_secs());
    let client = facts.client.map_or_else(|| "unix:".to_owned(), |client| client.to_string());
    let server = facts.server.as_ref().map(ToString::to_string).unwrap_or_default();
    let tls = facts.tls.as_ref().map(|tls| tls.version.to_string()).unwrap_or_default();
    let request = facts.requests.first();
    let request = request.map(|request| format!("{} {}", request.method, request.target));
    let (rtt, again, window) = facts.tcp.map_or_else(Default::default, |tcp| {
        let rtt = format!("{:.1} ms", tcp.rtt.as_secs_f64() * 1000.0);
        (rtt, tcp.retransmitted.to_string(), tcp.congestion_window.to_string())
    });
    let _ = writeln!(
        out,
        "<tr><td><a href=\"/connections/{number}/film\">{number}</a><td>{client}<td>{}<td>{age} s\
         <td>{tls}<td class=\"name\">{}<td>{rtt}<td>{again}<td>{window}</tr>",
        escaped(&server),
        escaped(&request.unwrap_or_default()),
    );
}
