//! What goes ahead of an answer: links that a client had better know early, and what is pushed with it.
//! (RFC 8297, RFC 9113 §8.4)
//!
//! An answer that is there at once has all its links. Before one that takes time go those of the
//! configuration, and when it is there, those that it brings itself.

use message::{Fields, Method, Name, Request, Response, Status, Version};
use semantics::link;
use server::{Answer, Hinted, Reply};

use super::asked::Asked;
use super::steps::Steps;
use crate::config::{Change, Fact};

/// What browsers fetch that has something to fetch in it (Fetch Metadata, `Sec-Fetch-Dest`).
const PAGES: [&[u8]; 3] = [b"document", b"frame", b"iframe"];

impl Steps {
    /// The reply, with what is known of its links ahead of it.
    pub(super) fn put_hints_ahead(&self, asked: Asked<'_>, reply: Reply) -> Reply {
        let links = match &reply {
            Reply::Now(answer) => links_of(&answer.response),
            Reply::Later(_) => self.links_ahead(asked),
            // Whoever is asked again says it then.
            Reply::Again(_) | Reply::TakeBody(_) | Reply::Hinted(_) | Reply::Close => Vec::new(),
        };
        self.put_ahead(asked, links, reply)
    }

    /// An answer that was promised, and ahead of it what was not known of its links then.
    pub(super) fn put_other_hints_ahead(&self, asked: Asked<'_>, answer: Answer) -> Reply {
        let mut links = links_of(&answer.response);
        if !links.is_empty() {
            let ahead = self.links_ahead(asked);
            links.retain(|link| !ahead.contains(link));
        }
        self.put_ahead(asked, links, answer.into())
    }

    /// What the configuration says of links, whatever the answer will be.
    fn links_ahead(&self, asked: Asked<'_>) -> Vec<Vec<u8>> {
        let preloads = self.settings.preloads.iter();
        let mut links: Vec<_> = preloads.map(|link| link.clone().into_bytes()).collect();
        let is_link = |name: &str| name.eq_ignore_ascii_case(Name::Link.as_str());
        for step in self.settings.fields.iter().filter(|step| is_link(&step.name)) {
            if !matches!(step.change, Change::Add(_)) {
                links.clear();
            }
            match &step.change {
                Change::Set(value) | Change::Add(value) if !value.has(&Fact::Status) => {
                    links.push(asked.fill(value));
                }
                _ => {}
            }
        }
        links.retain(|link| link::is_early(link));
        links
    }

    fn put_ahead(&self, asked: Asked<'_>, links: Vec<Vec<u8>>, reply: Reply) -> Reply {
        if links.is_empty() || !is_for_page(asked.request) {
            return reply;
        }
        let mut early = Fields::new();
        if !self.settings.keeps_hints {
            links.iter().for_each(|link| early.push(Name::Link, link));
        }
        let pushes = self.pushes(asked, &links);
        if early.is_empty() && pushes.is_empty() {
            return reply;
        }
        Reply::Hinted(Box::new(Hinted { reply, early, pushes }))
    }

    fn pushes(&self, asked: Asked<'_>, links: &[Vec<u8>]) -> Vec<Request> {
        let Asked { request, peer, .. } = asked;
        if !self.pushes || request.version != Version::HTTP_2 || !link::may_push(request) {
            return Vec::new();
        }
        links.iter().flat_map(|value| link::pushes(request, peer.is_secure, value)).collect()
    }
}

/// The links of an answer that had better be known before it.
fn links_of(response: &Response) -> Vec<Vec<u8>> {
    let has_page = response.status.is_successful() || response.status == Status::NOT_MODIFIED;
    if !has_page || !response.fields.contains(Name::Link) {
        return Vec::new();
    }
    let links = response.fields.get_all(Name::Link).filter(|link| link::is_early(link));
    links.map(<[u8]>::to_vec).collect()
}

/// Whether who asks may have use for links: a GET, and not by a browser that says that it is for a
/// picture or a style sheet.
fn is_for_page(request: &Request) -> bool {
    let dest = request.fields.get(Name::SecFetchDest);
    request.method == Method::Get && dest.is_none_or(|dest| PAGES.contains(&dest))
}
