//! What stands around a handler: who is let in before it, and what becomes of requests and answers.

use std::net::IpAddr;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use base::Cx;
use ipnet::IpNet;
use message::{Fields, Method, Name, Pace, Request, Response, Status, Version, list};
use semantics::{cors, cross_site};
use server::{Answer, Or, Peer, Reply};

use super::asked::Asked;
use super::browsers;
use super::crowding::Crowding;
use super::login::Login;
use super::pages;
use super::rate::Limiter;
use super::server_timing;
use super::xray::{Seen, Why};
use crate::config::{self, Access, Change, FieldStep};
use crate::words::Errors;

/// The steps of a route, or of a site, for one worker.
pub(crate) struct Steps {
    pub(super) settings: config::Steps,
    login: Option<Rc<Login>>,
    /// Whether anything may be pushed.
    pub(super) pushes: bool,
}

/// What counts a request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted<'s> {
    limiter: Option<&'s Limiter>,
    crowding: Option<&'s Crowding>,
}

impl Steps {
    /// The steps; nothing where there are none, which is the fast way.
    pub(crate) fn open(settings: &config::Steps, pushes: bool) -> Option<Self> {
        let login = settings.login.as_ref().map(|login| Rc::new(Login::new(login)));
        (!settings.is_empty()).then(|| Self { settings: settings.clone(), login, pushes })
    }

    /// What is to be said to pages of other origins, if anything is to be said of that here.
    pub(crate) fn decide_cors(&self, cx: &mut Cx<'_>, request: &Request) -> Option<cors::Decision> {
        let policy = self.settings.cors.as_ref()?;
        Some(cors::decide(cx, policy, &request.method, &request.fields))
    }

    /// What to answer somebody who is not let in, or not yet.
    pub(crate) fn refuse(
        &self,
        cx: &mut Cx<'_>,
        request: &Request,
        peer: &Peer<'_>,
        counted: Counted<'_>,
        cors: Option<&cors::Decision>,
    ) -> Option<Reply> {
        if !is_let_in(&self.settings.access, peer.ip()) {
            cx.note(|| Seen::RefusedAddress { address: Or(peer.address) });
            return Some(forbidden(cx, request, |say| say.address_refused));
        }
        let Counted { limiter, crowding } = self.not_counted(counted);
        // Who is asked about again has been counted.
        if let (Some(limiter), Some(address), false) = (limiter, peer.ip(), peer.notes.is_again())
            && let Err(wait) = limiter.count(address)
        {
            cx.note(|| Seen::Refused { because: Why::TooManyRequests });
            return Some(too_many(cx, request, wait).into());
        }
        if let Some(crowding) = crowding {
            let Some(under_way) = crowding.enter(peer.ip()) else {
                cx.note(|| Seen::Refused { because: Why::TooManyAtOnce });
                return Some(pages::busy(cx, request, |say| say.too_many_at_once).into());
            };
            peer.notes.keep(under_way);
        }
        let announced = request.fields.length();
        if let (Some(max), Some(announced)) = (self.settings.body_max, announced)
            && announced > max
        {
            return Some(body_too_long(cx, request, max).into());
        }
        if let (Some(port), false) = (self.settings.https_only, peer.is_secure) {
            return Some(browsers::to_tls(cx, request, port).into());
        }
        // A preflight has no credentials, and asks for nothing but leave (Fetch, CORS protocol).
        if let Some(status) = cors.and_then(cors::Decision::status) {
            return Some(browsers::preflight(cx, request, status).into());
        }
        let is_allowed = cors.is_some_and(|d| d.verdict == cors::Verdict::Allowed);
        if let (Some(policy), false) = (&self.settings.cross_site, is_allowed) {
            let scheme = if peer.is_secure { "https" } else { "http" };
            if cross_site::check(cx, policy, scheme, request).is_err() {
                return Some(forbidden(cx, request, |say| say.cross_site));
            }
        }
        let has_certificate = peer.tls.is_some_and(|tls| tls.has_client_certificate);
        if self.settings.needs_certificate && !has_certificate {
            cx.note(|| Seen::Refused { because: Why::NoCertificate });
            return Some(forbidden(cx, request, |say| say.certificate_needed));
        }
        let login = self.login.as_ref().and_then(|login| login.check(cx, request));
        login.or_else(|| unannounced_too_long(cx, request, peer, self.settings.body_max?))
    }

    /// What pace clients must keep here, if it is not the same for all.
    pub(crate) fn pace(&self) -> Option<Arc<Pace>> {
        self.settings.pace.clone()
    }

    /// What has counted a request once it has been let in here.
    pub(crate) fn counted<'s>(&'s self, before: Counted<'s>) -> Counted<'s> {
        let (limiter, crowding) = (self.settings.rate.as_deref(), self.settings.at_once.as_deref());
        Counted { limiter: limiter.or(before.limiter), crowding: crowding.or(before.crowding) }
    }

    /// What counts requests here and did not count this one before it was rewritten.
    fn not_counted(&self, before: Counted<'_>) -> Counted<'_> {
        fn unless<'s, T>(ours: Option<&'s Arc<T>>, before: Option<&T>) -> Option<&'s T> {
            ours.map(|ours| &**ours).filter(|ours| !before.is_some_and(|by| ptr::eq(*ours, by)))
        }
        Counted {
            limiter: unless(self.settings.rate.as_ref(), before.limiter),
            crowding: unless(self.settings.at_once.as_ref(), before.crowding),
        }
    }

    /// Whether the steps answer preflights.
    pub(crate) fn has_cors(&self) -> bool {
        self.settings.cors.is_some()
    }

    /// The request as the handler is to see it, if that differs.
    pub(crate) fn change_request(&self, asked: Asked<'_>) -> Option<Request> {
        if self.settings.request_fields.is_empty() {
            return None;
        }
        let mut request = asked.request.clone();
        for step in &self.settings.request_fields {
            apply(step, &mut request.fields, |template| asked.fill(template));
        }
        Some(request)
    }

    /// Changes the answer's fields.
    pub(crate) fn change_answer(
        &self,
        cx: &mut Cx<'_>,
        asked: Asked<'_>,
        cors: Option<&cors::Decision>,
        response: &mut Response,
    ) {
        let status = response.status;
        let fields = &mut response.fields;
        if !status.is_error() {
            browsers::keep(&self.settings.caching, cx.wall(), fields);
            for link in &self.settings.preloads {
                fields.push(Name::Link, link);
            }
        }
        if let Some(security) = &self.settings.security {
            browsers::protect(security, asked.peer.is_secure, fields);
        }
        if let Some(decision) = cors {
            decision.add_to(fields);
        }
        if self.settings.server_timing {
            let value = server_timing::value(asked.request, asked.peer);
            fields.push(Name::ServerTiming, value);
        }
        for step in &self.settings.fields {
            let fill = |template: &_| asked.fill_answered(template, status);
            apply(step, &mut response.fields, fill);
        }
    }

    /// The path of the page for this error.
    pub(crate) fn error_page(&self, status: Status) -> Option<&str> {
        let page = self.settings.error_pages.iter().find(|page| page.status == status)?;
        Some(&page.path)
    }
}

fn forbidden(
    cx: &mut Cx<'_>,
    request: &Request,
    say: impl FnOnce(&'static Errors) -> &'static str,
) -> Reply {
    pages::error(cx, request, Status::FORBIDDEN, say).into()
}

/// RFC 9110 §15.5.14.
fn body_too_long(cx: &mut Cx<'_>, request: &Request, max: u64) -> Answer {
    cx.note(|| Seen::Refused { because: Why::BodyTooLong });
    pages::error(cx, request, Status::CONTENT_TOO_LARGE, |say| (say.body_too_long)(max))
}

/// The same for a body whose length no field announces: it is looked at while it comes. The rest of one
/// that is too long is not waited for.
fn unannounced_too_long(
    cx: &mut Cx<'_>,
    request: &Request,
    peer: &Peer<'_>,
    max: u64,
) -> Option<Reply> {
    if !may_have_unannounced_body(request) {
        return None;
    }
    let Some(len) = peer.notes.body_len() else { return Some(Reply::TakeBody(max)) };
    (len > max).then(|| {
        let mut answer = body_too_long(cx, request, max);
        answer.response.fields.push(Name::Connection, "close");
        answer.into()
    })
}

/// In HTTP/1.1 a field says that there is a body (RFC 9112 §6.3); in HTTP/2 nothing does that a handler
/// sees (RFC 9113 §8.1), but the methods that most requests have are without one.
fn may_have_unannounced_body(request: &Request) -> bool {
    let is_silent = request.version == Version::HTTP_2
        && !matches!(request.method, Method::Get | Method::Head)
        && request.fields.length().is_none();
    is_silent || request.fields.contains(Name::TransferEncoding)
}

/// RFC 6585 §4: how long to wait, in whole seconds.
fn too_many(cx: &mut Cx<'_>, request: &Request, wait: Duration) -> Answer {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let status = Status::TOO_MANY_REQUESTS;
    let mut answer = pages::error(cx, request, status, |say| (say.too_many_requests)(seconds));
    answer.response.fields.push(Name::RetryAfter, seconds.to_string());
    answer
}

/// Who comes by a socket in the file system has no address, and is in no network.
fn is_let_in(access: &Access, address: Option<IpAddr>) -> bool {
    let has = |networks: &[IpNet]| {
        address.is_some_and(|address| networks.iter().any(|network| network.contains(&address)))
    };
    !has(&access.deny) && (access.allow.is_empty() || has(&access.allow))
}

fn apply(step: &FieldStep, fields: &mut Fields, fill: impl Fn(&config::Template) -> Vec<u8>) {
    let name = step.name.as_str();
    match &step.change {
        Change::Set(value) => fields.set(name, fill(value)),
        Change::Add(value) => fields.push(name, fill(value)),
        Change::Remove => fields.remove(name),
    }
}

/// The request for the page of an error: as the client asks, but for what concerns another
/// representation.
pub(crate) fn request_for_page(request: &Request, target: message::Target) -> Request {
    const LEFT_OUT: [Name; 10] = [
        Name::AcceptEncoding,
        Name::ContentLength,
        Name::Expect,
        Name::IfMatch,
        Name::IfModifiedSince,
        Name::IfNoneMatch,
        Name::IfRange,
        Name::IfUnmodifiedSince,
        Name::Range,
        Name::TransferEncoding,
    ];
    let mut asks = Request { method: Method::Get, target, ..request.clone() };
    for name in LEFT_OUT {
        asks.fields.remove(name);
    }
    asks
}

/// Shows `page` for the error that `answer` is: the page's content, the error's status, and what
/// else the error says.
pub(crate) fn show(page: Answer, answer: Answer) -> Answer {
    const OF_CONTENT: [Name; 9] = [
        Name::AcceptRanges,
        Name::ContentEncoding,
        Name::ContentLanguage,
        Name::ContentLength,
        Name::ContentSecurityPolicy,
        Name::ContentType,
        Name::ETag,
        Name::LastModified,
        Name::Vary,
    ];
    // Validators are the page's, and not those of what was asked for.
    const OF_PAGE: [Name; 4] =
        [Name::ContentEncoding, Name::ContentLanguage, Name::ContentLength, Name::ContentType];
    // Errors about a representation that fields of the request selected: another request might not
    // have come to them, whatever is shown (RFC 9110 §12.5.5).
    const OF_SELECTION: [Status; 3] =
        [Status::NOT_ACCEPTABLE, Status::PRECONDITION_FAILED, Status::RANGE_NOT_SATISFIABLE];
    let mut response = answer.response;
    let selected_by = if OF_SELECTION.contains(&response.status) {
        response.fields.joined(Name::Vary)
    } else {
        None
    };
    for name in OF_CONTENT {
        response.fields.remove(name);
    }
    for name in OF_PAGE {
        for value in page.response.fields.get_all(name) {
            response.fields.push(name, value);
        }
    }
    // It was asked for without Accept-Encoding, so it does not depend on that (RFC 9110 §12.5.5).
    for name in page.response.fields.elements(Name::Vary) {
        match str::from_utf8(name) {
            Ok(name) if !name.eq_ignore_ascii_case(Name::AcceptEncoding.as_str()) => {
                semantics::vary::add(&mut response.fields, name);
            }
            _ => {}
        }
    }
    for name in selected_by.iter().flat_map(|names| list::elements(names)) {
        if let Ok(name) = str::from_utf8(name) {
            semantics::vary::add(&mut response.fields, name);
        }
    }
    Answer { response, body: page.body }
}
