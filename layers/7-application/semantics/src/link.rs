//! Link: what belongs to a response, and what of it is worth saying before the response, or sending
//! with it. (RFC 8288, RFC 8297, RFC 9113 §8.4)

use std::borrow::Cow;

use message::list::{self, trim_ows};
use message::uri::{Reference, Uri};
use message::{Fields, Method, Name, Request, Target, Version};

/// What a client begins to fetch, or to connect to, as soon as it hears of it.
const EARLY: [&str; 3] = ["preload", "modulepreload", "preconnect"];

/// What a client would ask for next.
const FETCHED: [&str; 2] = ["preload", "modulepreload"];

/// The fields of a request that its pushes have too: what a server chooses representations by. Not
/// those that say who asks.
const COPIED: [Name; 3] = [Name::AcceptEncoding, Name::AcceptLanguage, Name::UserAgent];

/// The most links of one field line that are looked at: a page needs fewer at once.
const LINKS_MAX: usize = 64;

/// One link of a field's value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Link<'a> {
    /// What it leads to: a URI reference, as it stands between the brackets.
    pub target: &'a [u8],
    parameters: &'a [u8],
}

/// The links of a value; what is malformed ends them.
pub fn links(value: &[u8]) -> impl Iterator<Item = Link<'_>> {
    let mut rest = value;
    std::iter::from_fn(move || {
        let (link, behind) = split_link(rest)?;
        rest = behind;
        Some(link)
    })
    .take(LINKS_MAX)
}

/// RFC 8288 §3: a URI between brackets, in which a comma is no end, and parameters up to the next
/// comma.
fn split_link(text: &[u8]) -> Option<(Link<'_>, &[u8])> {
    let begin = text.iter().position(|&b| b != b',' && !list::is_ows(b))?;
    let text = text.get(begin..)?.strip_prefix(b"<")?;
    let end = text.iter().position(|&b| b == b'>')?;
    let (target, behind) = text.split_at_checked(end)?;
    let behind = behind.get(1..)?;
    let parameters = list::split_outside_quotes(behind, b',').next()?;
    let rest = behind.get(parameters.len()..)?;
    Some((Link { target: trim_ows(target), parameters }, rest))
}

impl<'a> Link<'a> {
    /// Whether it is of one of these relation types, which are written in lower case (RFC 8288 §2.1.1).
    pub fn is_any(&self, relations: &[&str]) -> bool {
        // RFC 8288 §3.3: the first `rel` counts, and may name several.
        let Some(named) = self.parameter("rel") else { return false };
        named.split(|&b| b == b' ').any(|relation| {
            relations.iter().any(|wanted| relation.eq_ignore_ascii_case(wanted.as_bytes()))
        })
    }

    /// Whether there is a parameter of this name, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.parameter(name).is_some()
    }

    /// The value of the first parameter of this name; empty where it has none.
    pub fn parameter(&self, name: &str) -> Option<Cow<'a, [u8]>> {
        let parameters = list::split_outside_quotes(self.parameters, b';').map(trim_ows);
        parameters.filter(|parameter| !parameter.is_empty()).find_map(|parameter| {
            let end = parameter.iter().position(|&b| b == b'=').unwrap_or(parameter.len());
            let (found, value) = parameter.split_at_checked(end)?;
            if !trim_ows(found).eq_ignore_ascii_case(name.as_bytes()) {
                return None;
            }
            let value = trim_ows(value.strip_prefix(b"=").unwrap_or_default());
            Some(list::unquote(value).unwrap_or(Cow::Borrowed(value)))
        })
    }
}

/// Whether there is something in a value that a client had better know early (RFC 8297 §2).
pub fn is_early(value: &[u8]) -> bool {
    links(value).any(|link| link.is_any(&EARLY))
}

/// The requests that a client will make because of a value in the answer to `request`, as far as we
/// may answer them before they are made: for what belongs to the same authority, and is not marked
/// `nopush`. (RFC 9113 §8.4: what is promised is safe, has no body, and is ours to answer.)
pub fn pushes<'a>(
    request: &'a Request,
    is_secure: bool,
    value: &'a [u8],
) -> impl Iterator<Item = Request> + 'a {
    let base = base(request, is_secure);
    let fetched = links(value).filter(|link| link.is_any(&FETCHED) && !link.has("nopush"));
    fetched.filter_map(move |link| push(request, base.as_ref()?, link.target))
}

/// Whether something may be pushed with the answer to this request. Not to who asks whether what it has
/// is still good, since then it has what belongs to it too; nor to who shows credentials, since what
/// it gets may depend on them, and promises have none.
pub fn may_push(request: &Request) -> bool {
    const SPEAK_AGAINST: [Name; 4] =
        [Name::Authorization, Name::IfModifiedSince, Name::IfNoneMatch, Name::Range];
    request.method == Method::Get && !request.fields.contains_any(&SPEAK_AGAINST)
}

/// The URI of what is asked for (RFC 9110 §7.1).
fn base(request: &Request, is_secure: bool) -> Option<Uri<'static>> {
    let target = &request.target;
    let scheme = target.scheme().unwrap_or(if is_secure { "https" } else { "http" });
    let authority = request.authority()?;
    let path = target.path_and_query();
    Uri::parse(format!("{scheme}://{authority}{path}")).ok()
}

fn push(request: &Request, base: &Uri<'_>, reference: &[u8]) -> Option<Request> {
    let reference = Reference::parse(str::from_utf8(reference).ok()?).ok()?;
    let uri = base.resolve(&reference);
    let is_ours = uri.has_scheme(base.scheme())
        && uri.userinfo().is_none()
        && uri.effective_port() == base.effective_port()
        && uri.host()?.eq_ignore_ascii_case(base.host()?);
    let target = Target::origin(uri.path_and_query()).ok()?;
    // A page that leads to itself is here already.
    if !is_ours || target.as_str() == request.target.path_and_query() {
        return None;
    }
    let mut fields = Fields::new();
    fields.push(Name::Host, request.authority()?.to_string());
    for name in COPIED {
        for value in request.fields.get_all(name) {
            fields.push(name, value);
        }
    }
    Some(Request { method: Method::Get, target, version: Version::HTTP_2, fields })
}
