//! What templates have put in.

use std::borrow::Cow;

use message::uri::percent;
use message::{Request, Status};
use semantics::trace_context::Traceparent;
use server::Peer;

use super::traces;
use crate::config::{Fact, Template};

/// A request with all that a template can ask of it.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a Request,
    pub(crate) peer: &'a Peer<'a>,
    /// What of the normal path follows the route's own.
    pub(crate) rest: &'a [u8],
}

impl<'a> Asked<'a> {
    /// Puts what is asked into a template.
    pub(crate) fn fill(&self, template: &Template) -> Vec<u8> {
        template.fill(|fact| self.look_up(fact, None))
    }

    /// As [`fill`](Self::fill), where the answer is known.
    pub(crate) fn fill_answered(&self, template: &Template, status: Status) -> Vec<u8> {
        template.fill(|fact| self.look_up(fact, Some(status)))
    }

    fn traceparent(&self) -> Traceparent {
        traces::traceparent(Some(self.request), self.peer)
    }

    fn look_up(&self, fact: &Fact, status: Option<Status>) -> Cow<'a, [u8]> {
        match fact {
            Fact::Path => one_slash(self.request.target.path()).into_bytes().into(),
            Fact::Rest => {
                percent::encode(self.rest, percent::PATH).into_owned().into_bytes().into()
            }
            Fact::Query => match self.request.target.query() {
                Some(query) => format!("?{query}").into_bytes().into(),
                None => Cow::Borrowed(b""),
            },
            Fact::Host => {
                let authority = self.request.authority();
                authority.map_or(Cow::Borrowed(b""), |authority| authority.host.as_bytes().into())
            }
            Fact::Method => self.request.method.to_string().into_bytes().into(),
            Fact::Scheme => Cow::Borrowed(if self.peer.is_secure { b"https" } else { b"http" }),
            Fact::Address => {
                let ip = self.peer.ip();
                ip.map_or(Cow::Borrowed(b""), |ip| ip.to_string().into_bytes().into())
            }
            Fact::Status => {
                status.map_or(Cow::Borrowed(b""), |status| status.digits().to_vec().into())
            }
            Fact::Trace => traces::trace_id(self.traceparent()).into_bytes().into(),
            Fact::Span => traces::span_id(self.traceparent()).into_bytes().into(),
            Fact::Traceparent => self.traceparent().to_string().into_bytes().into(),
            // Known when there is nothing to be asked any more: the reader of templates sees to it.
            Fact::Logged(_) => Cow::Borrowed(b""),
            Fact::Field(name) => {
                let value = self.request.fields.get_named(name).next();
                value.map_or(Cow::Borrowed(b""), |value| value.to_vec().into())
            }
        }
    }
}

/// Two slashes in front of a path would lead to another server.
fn one_slash(path: &str) -> String {
    format!("/{}", path.trim_start_matches('/'))
}
