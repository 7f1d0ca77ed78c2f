//! What a server sends that nobody asked for. (RFC 9113 §8.4)
//!
//! It is looked at and counted, not kept: who wants it asks for it.

use message::{Event, ExchangeId, Head, Request, Status};

use super::problem::note;

/// How many pushes are told of; of the others, how many there were.
const TOLD_MAX: usize = 100;

/// The pushes of one connection.
#[derive(Debug, Default)]
pub(super) struct Pushes {
    under_way: Vec<Push>,
    /// What is to be told of those that are over.
    over: Vec<String>,
    untold: u64,
}

#[derive(Debug)]
struct Push {
    id: ExchangeId,
    /// What it answers, as people write it.
    url: String,
    status: Option<Status>,
    len: u64,
}

/// What to do about an event.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Then {
    /// Nothing.
    GoOn,
    /// So many bytes are done with.
    Release(usize),
    /// It is not wanted.
    Refuse,
}

impl Pushes {
    /// Takes an event of an exchange that is not the one we began, on a connection to `authority`.
    pub(super) fn take(&mut self, authority: &str, id: ExchangeId, event: Event) -> Then {
        if let Event::Promise(request) = event {
            return self.promised(authority, id, &request);
        }
        let Some(at) = self.under_way.iter().position(|push| push.id == id) else {
            return Then::GoOn;
        };
        let Some(push) = self.under_way.get_mut(at) else { return Then::GoOn };
        match event {
            Event::Head(Head::Response(response)) => push.status = Some(response.status),
            Event::Data(chunk) => {
                push.len += chunk.len();
                return Then::Release(chunk.len() as usize);
            }
            Event::End => {
                let Push { url, status, len, .. } = self.under_way.swap_remove(at);
                let status = status.map(|status| status.to_string()).unwrap_or_default();
                self.tell(format!("pushed: {url}: {status}, {len} bytes"));
            }
            Event::Reset(reset) => {
                let Push { url, len, .. } = self.under_way.swap_remove(at);
                self.tell(format!("pushed: {url}: cut short after {len} bytes: {}", reset.why));
            }
            Event::Head(_) | Event::Informational(_) | Event::Trailers(_) | Event::Promise(_) => {}
        }
        Then::GoOn
    }

    fn promised(&mut self, authority: &str, id: ExchangeId, request: &Request) -> Then {
        let promised = request.authority().map(|authority| authority.to_string());
        let shown = promised.as_deref().unwrap_or_default();
        let url = format!("https://{shown}{}", request.target.path_and_query());
        // RFC 9113 §8.4: a server promises what it may answer, and this is all that we know of it.
        if !shown.eq_ignore_ascii_case(authority) {
            self.tell(format!("pushed: {url}: refused, it is not {authority}'s"));
            return Then::Refuse;
        }
        self.under_way.push(Push { id, url, status: None, len: 0 });
        Then::GoOn
    }

    /// Whether something is still to come.
    pub(super) fn are_under_way(&self) -> bool {
        !self.under_way.is_empty()
    }

    fn tell(&mut self, what: String) {
        if self.over.len() < TOLD_MAX {
            self.over.push(what);
        } else {
            self.untold += 1;
        }
    }

    /// Says what became of those that are over.
    pub(super) fn report(&mut self, silent: bool) {
        for line in self.over.drain(..) {
            note(silent, line);
        }
        let untold = std::mem::take(&mut self.untold);
        if untold > 0 {
            note(silent, format_args!("pushed: {untold} more"));
        }
    }
}
