//! Requests that another site has made a browser send: may this one change anything? (Fetch
//! Metadata; Fetch, Origin)
//!
//! A page can make its visitor's browser send a form to any site, and the browser sends the cookies
//! that it has for that site along. The request looks as if the user had wanted it, but the browser
//! says where it comes from, and no page can make it say otherwise:
//!
//! | what is asked, in this order               | then                                            |
//! |--------------------------------------------|-------------------------------------------------|
//! | the method is safe                         | pass: nothing changes (RFC 9110 §9.2.1)         |
//! | Sec-Fetch-Site is `same-origin` or `none`  | pass: our own page, or the user                 |
//! | it is `same-site`, and the policy takes it | pass: a page of a sister                        |
//! | Origin is one of those that are trusted    | pass                                            |
//! | Sec-Fetch-Site is anything else we know    | refuse                                          |
//! | Origin is our own                          | pass: a browser without Sec-Fetch-Site          |
//! | neither field is there                     | pass: not a browser, so nobody was tricked      |
//!
//! Everything else is refused, which is 403.
//!
//! Not here: WebSockets, whose handshake is a GET, and who may *read* answers
//! ([`cors`](crate::cors)). The two do not know each other: a page of another origin that is to
//! change something and read what came of it has to be named in both.

use base::Cx;
use message::{Fields, Name, Request};

use crate::origin::{InvalidOrigin, Origin, Origins};
use crate::xray::{Seen, Why};

/// What an operator says. The default is the strictest: our own pages, and nobody else's.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Whose pages may change something beside our own, as [`Origins::parse`] takes them.
    pub trusted: Vec<String>,
    /// Whether sister origins may (`a.example.org` and `b.example.org`).
    ///
    /// Only where browsers send Sec-Fetch-Site, which is not in clear text: nothing else says where
    /// a site ends. There, sisters have to be trusted by name.
    pub takes_same_site: bool,
}

/// What an operator said, without contradictions. The default is that of [`Config`].
#[derive(Clone, Debug, Default)]
pub struct Policy {
    trusted: Origins,
    takes_same_site: bool,
}

impl Policy {
    /// Makes a policy of what an operator said.
    ///
    /// `*` and `null` are refused: who trusts them trusts everybody, and needs no policy for that.
    pub fn new(config: &Config) -> Result<Self, InvalidOrigin> {
        let trusted = Origins::parse(&config.trusted)?;
        let because = "any site can make a page with it";
        if trusted.has_any() {
            return Err(InvalidOrigin::new("*", because));
        }
        if trusted.has_opaque() {
            return Err(InvalidOrigin::new("null", because));
        }
        Ok(Self { trusted, takes_same_site: config.takes_same_site })
    }
}

/// Checks a request; the error is a 403, and the reason is for the x-ray.
///
/// `scheme` is the one that the client uses: behind a proxy that ends TLS, the proxy's.
pub fn check(cx: &mut Cx<'_>, policy: &Policy, scheme: &str, request: &Request) -> Result<(), Why> {
    if request.method.is_safe() {
        return Ok(());
    }
    let judged = judge(cx, policy, scheme, request);
    cx.note(|| match judged {
        Ok(because) => Seen::Decided { what: "not from another site", because },
        Err(because) => Seen::Decided { what: "refused: from another site", because },
    });
    judged.map(drop)
}

fn judge(cx: &mut Cx<'_>, policy: &Policy, scheme: &str, request: &Request) -> Result<Why, Why> {
    let site = FetchSite::read(cx, &request.fields);
    match site {
        FetchSite::SameOrigin => return Ok(Why::SameOrigin),
        FetchSite::User => return Ok(Why::UserAsks),
        FetchSite::SameSite if policy.takes_same_site => return Ok(Why::SameSite),
        _ => {}
    }
    let origin = origin(&request.fields);
    if let Some(Ok(origin)) = origin
        && policy.trusted.contains(&origin)
    {
        return Ok(Why::OriginAllowed);
    }
    match (site, origin) {
        (FetchSite::CrossSite, _) => Err(Why::CrossSite),
        (FetchSite::SameSite, _) => Err(Why::SameSite),
        (FetchSite::Unsaid, None) => Ok(Why::NotFromBrowser),
        (_, None) => Err(Why::NoOrigin),
        (_, Some(origin)) => compare(&origin?, scheme, request),
    }
}

/// Whether the origin that asks is the one that is asked.
fn compare(origin: &Origin<'_>, scheme: &str, request: &Request) -> Result<Why, Why> {
    let authority = request.authority().ok_or(Why::NoAuthority)?;
    let is_same = origin.is_same(&Origin::Tuple { scheme, authority });
    if is_same { Ok(Why::SameOrigin) } else { Err(Why::OriginNotAllowed) }
}

fn origin(fields: &Fields) -> Option<Result<Origin<'_>, Why>> {
    let first = fields.get(Name::Origin)?;
    Some(match fields.get_only(Name::Origin) {
        Some(_) => Origin::parse(first).map_err(|_| Why::OriginMalformed),
        None => Err(Why::MoreThanOneLine),
    })
}

/// What Sec-Fetch-Site says (Fetch Metadata, Sec-Fetch-Site).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum FetchSite {
    /// Nothing: the field is not there.
    Unsaid,
    /// Something that we do not know.
    Unknown,
    SameOrigin,
    SameSite,
    CrossSite,
    /// `none`: no page asks, but the user, with a bookmark or the address bar.
    User,
}

impl FetchSite {
    fn read(cx: &mut Cx<'_>, fields: &Fields) -> Self {
        let field = Name::SecFetchSite;
        if !fields.contains(field) {
            return Self::Unsaid;
        }
        match fields.get_only(field) {
            Some(b"same-origin") => Self::SameOrigin,
            Some(b"same-site") => Self::SameSite,
            Some(b"cross-site") => Self::CrossSite,
            Some(b"none") => Self::User,
            // Fetch Metadata: unknown values are ignored, so that there can be new ones. Origin has
            // to speak for the request then; whoever sends this field is a browser, and sends both.
            _ => {
                cx.note(|| Seen::Ignored { field, because: Why::FetchSiteUnknown });
                Self::Unknown
            }
        }
    }
}
