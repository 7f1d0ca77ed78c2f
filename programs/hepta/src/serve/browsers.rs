//! What answers say to browsers: what pages may do with them, and how long they are kept.

use base::{Cx, Wall};
use message::{Fields, Method, Name, Request, Response, Status, date};
use server::{Answer, Body};

use super::{pages, respond};
use crate::config::{Caching, Security};

/// What every answer has: who answers, and what cannot harm.
///
/// - `nosniff`: a browser believes what we say that it is (Fetch).
/// - Where a user comes from is said to others without its path; browsers of today do that anyway.
/// - `X-XSS-Protection: 0`: the filter that it turns off is in old browsers only, where it could be
///   made to cut out parts of a page that were meant to protect it.
pub(crate) fn base_fields() -> Fields {
    let mut fields = Fields::new();
    fields.push(Name::Server, "Hepta");
    fields.push(Name::XContentTypeOptions, "nosniff");
    fields.push(Name::ReferrerPolicy, "strict-origin-when-cross-origin");
    fields.push(Name::XXssProtection, "0");
    fields
}

/// Adds what the operator wants beside that, or takes that away.
pub(crate) fn protect(security: &Security, is_secure: bool, fields: &mut Fields) {
    if security.is_off {
        for name in [Name::XContentTypeOptions, Name::ReferrerPolicy, Name::XXssProtection] {
            fields.remove(name);
        }
    }
    for (name, value) in &security.fields {
        // Of several policies for content every one holds, so another one does no harm to a page's.
        if *name == Name::ContentSecurityPolicy {
            fields.push(*name, value);
        } else {
            fields.set(*name, value);
        }
    }
    if let (true, Some(value)) = (is_secure, &security.hsts) {
        fields.set(Name::StrictTransportSecurity, value);
    }
}

/// Says how long the answer may be kept (RFC 9111 §5.2, §5.3).
pub(crate) fn keep(caching: &Caching, now: Wall, fields: &mut Fields) {
    if let Some(age) = caching.expires {
        let age = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
        fields.set(Name::Expires, date::emit(Wall(now.0.saturating_add(age))));
        if caching.cache_control.is_none() {
            fields.set(Name::CacheControl, format!("max-age={age}"));
        }
    }
    if let Some(directives) = &caching.cache_control {
        fields.set(Name::CacheControl, directives);
    }
}

/// The same over TLS.
pub(crate) fn to_tls(cx: &mut Cx<'_>, request: &Request, port: u16) -> Answer {
    let authority = request.authority();
    let host = authority.as_ref().map_or("", |authority| authority.host);
    if host.is_empty() {
        // A client of HTTP/1.0 need not say whom it asks, and then there is no address to send it to.
        return pages::bare_error(cx, request, Status::BAD_REQUEST);
    }
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    let path = request.target.path().trim_start_matches('/');
    let query = request.target.query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = format!("https://{host}{port}/{path}{query}");
    respond::redirect(Status::PERMANENT_REDIRECT, location.as_bytes())
}

/// The method of the request that a preflight announces (Fetch, CORS preflight).
#[inline]
pub(crate) fn announced_method(request: &Request) -> Option<Method> {
    if request.method != Method::Options || !request.fields.contains(Name::Origin) {
        return None;
    }
    Method::from_bytes(request.fields.get_only(Name::AccessControlRequestMethod)?)
}

/// What answers a preflight, but for the fields of its decision.
pub(crate) fn preflight(cx: &mut Cx<'_>, request: &Request, status: Status) -> Answer {
    if status == Status::NO_CONTENT {
        return Answer { response: Response::new(status, base_fields()), body: Body::Empty };
    }
    let origin = request.fields.get(Name::Origin).unwrap_or_default().escape_ascii().to_string();
    pages::error(cx, request, status, |say| (say.origin_refused)(&origin))
}
