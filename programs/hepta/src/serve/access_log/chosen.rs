//! Lines as somebody has chosen them: in a format of choice, and of some requests only.

use std::cell::Cell;
use std::io::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use base::Wall;
use message::{Request, date, list};
use semantics::trace_context::Traceparent;
use server::Record;

use super::combined::log_date;
use super::escape::{push_escaped, push_word};
use super::{Lines, combined, json};
use crate::config::{Fact, LogFact, LogFormat, Part, Template};
use crate::serve::traces;

/// What was chosen, and where the count of requests is.
pub(super) struct Chosen {
    format: Format,
    /// Of the requests that succeeded, one of so many has a line.
    sample: u32,
    /// How many will have none before the next one has.
    left_out: Cell<u32>,
}

enum Format {
    Combined,
    Json,
    Line(Vec<Piece>),
}

/// A piece of a line.
enum Piece {
    Text(Vec<u8>),
    Fact {
        fact: Fact,
        /// Whether it stands between quotes, where a blank ends nothing.
        is_quoted: bool,
    },
}

impl Chosen {
    pub(super) fn new(format: &LogFormat, sample: u32) -> Self {
        let format = match format {
            LogFormat::Combined => Format::Combined,
            LogFormat::Json => Format::Json,
            LogFormat::Line(template) => Format::Line(pieces(template)),
        };
        Self { format, sample, left_out: Cell::new(0) }
    }

    /// Whether this exchange has a line.
    pub(super) fn takes(&self, record: &Record<'_>) -> bool {
        if !is_success(record) {
            return true;
        }
        match self.left_out.get() {
            0 => {
                self.left_out.set(self.sample - 1);
                true
            }
            left => {
                self.left_out.set(left - 1);
                false
            }
        }
    }

    pub(super) fn push(&self, record: &Record<'_>, site: Option<&str>, lines: &mut Lines) {
        let sample = if is_success(record) { self.sample } else { 1 };
        match &self.format {
            Format::Combined => combined::push(record, lines),
            Format::Json => json::push(record, site, sample, lines),
            Format::Line(pieces) => {
                let line = Line { record, site, sample };
                pieces.iter().for_each(|piece| line.push(piece, &mut lines.text));
                lines.text.push(b'\n');
            }
        }
    }
}

/// Whether it is one of many, of which some may be left out.
fn is_success(record: &Record<'_>) -> bool {
    record.cut_short.is_none() && record.status.is_some_and(|status| !status.is_error())
}

fn pieces(template: &Template) -> Vec<Piece> {
    let mut is_quoted = false;
    let pieces = template.parts().iter().map(|part| match part {
        Part::Text(text) => {
            is_quoted ^= text.matches('"').count() % 2 == 1;
            Piece::Text(text.as_bytes().to_vec())
        }
        Part::Fact(fact) => Piece::Fact { fact: fact.clone(), is_quoted },
    });
    pieces.collect()
}

/// A line that is written.
struct Line<'a> {
    record: &'a Record<'a>,
    site: Option<&'a str>,
    sample: u32,
}

impl Line<'_> {
    fn push(&self, piece: &Piece, text: &mut Vec<u8>) {
        match piece {
            Piece::Text(plain) => text.extend_from_slice(plain),
            Piece::Fact { fact: Fact::Logged(fact), is_quoted } => {
                self.push_logged(*fact, *is_quoted, text);
            }
            Piece::Fact { fact, is_quoted } => self.push_fact(fact, *is_quoted, text),
        }
    }

    fn push_fact(&self, fact: &Fact, is_quoted: bool, text: &mut Vec<u8>) {
        let Record { request, peer, status, .. } = self.record;
        let value = match fact {
            Fact::Address => return push_address(peer.ip(), text),
            Fact::Scheme => Some(if peer.is_secure { &b"https"[..] } else { b"http" }),
            Fact::Status => match status {
                Some(status) => return text.extend_from_slice(&status.digits()),
                None => None,
            },
            // It follows a path, and a dash would be a part of that.
            Fact::Query => match request.and_then(|request| request.target.query()) {
                Some(query) => {
                    text.push(b'?');
                    Some(query.as_bytes())
                }
                None => return,
            },
            Fact::Path => request.map(|request| request.target.path().as_bytes()),
            Fact::Host => request.and_then(Request::authority).map(|a| a.host.as_bytes()),
            Fact::Method => request.map(|request| request.method.as_str().as_bytes()),
            Fact::Trace => {
                return text.extend_from_slice(traces::trace_id(self.trace()).as_bytes());
            }
            Fact::Span => return text.extend_from_slice(traces::span_id(self.trace()).as_bytes()),
            Fact::Traceparent => {
                let _ = write!(text, "{}", self.trace());
                return;
            }
            Fact::Field(name) => request.and_then(|r| r.fields.get_named(name).next()),
            // No line has them: the reader of templates sees to it.
            Fact::Rest | Fact::Logged(_) => None,
        };
        push_value(value, is_quoted, text);
    }

    fn trace(&self) -> Traceparent {
        traces::traceparent(self.record.request, &self.record.peer)
    }

    fn push_logged(&self, fact: LogFact, is_quoted: bool, text: &mut Vec<u8>) {
        let Record { request, peer, wall, took, body_len, cut_short, .. } = self.record;
        let value = match fact {
            LogFact::Time => return push_time(*wall, text),
            LogFact::Date => {
                text.extend_from_slice(&log_date(*wall));
                return text.extend_from_slice(b" +0000");
            }
            LogFact::Bytes => return list::append_digits(*body_len, text),
            LogFact::Seconds => return push_seconds(*took, text),
            LogFact::Sample => return list::append_digits(self.sample.into(), text),
            LogFact::Version => match request {
                Some(request) => return push_version(request, text),
                None => None,
            },
            LogFact::Target => request.map(|request| request.target.as_bytes()),
            LogFact::Site => self.site.map(str::as_bytes),
            LogFact::Tls => peer.tls.map(|tls| tls_version(tls.version).as_bytes()),
            LogFact::Sni => peer.tls.and_then(|tls| tls.server_name.as_deref()).map(str::as_bytes),
            LogFact::Why => cut_short.map(str::as_bytes),
        };
        push_value(value, is_quoted, text);
    }
}

fn push_value(value: Option<&[u8]>, is_quoted: bool, text: &mut Vec<u8>) {
    match value {
        None | Some([]) => text.push(b'-'),
        Some(value) if is_quoted => push_escaped(value, text),
        Some(value) => push_word(value, text),
    }
}

/// The client's address; who comes by a socket in the file system has none.
pub(super) fn push_address(ip: Option<IpAddr>, text: &mut Vec<u8>) {
    let _ = match ip {
        Some(ip) => write!(text, "{ip}"),
        None => write!(text, "unix:"),
    };
}

/// `2026-11-21T13:37:00Z` (RFC 3339).
pub(super) fn push_time(wall: Wall, text: &mut Vec<u8>) {
    let (days, second) = (wall.0.div_euclid(86_400), wall.0.rem_euclid(86_400));
    let (year, month, day) = date::civil_from_days(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let _ = write!(text, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
}

pub(super) fn push_version(request: &Request, text: &mut Vec<u8>) {
    let _ = write!(text, "{}", request.version);
}

/// Seconds with six places.
pub(super) fn push_seconds(took: Duration, text: &mut Vec<u8>) {
    let _ = write!(text, "{}.{:06}", took.as_secs(), took.subsec_micros());
}

pub(super) const fn tls_version(version: tls::Version) -> &'static str {
    match version {
        tls::Version::Tls12 => "1.2",
        tls::Version::Tls13 => "1.3",
    }
}
