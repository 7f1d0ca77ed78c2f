//! CORS: which pages of other origins may read the answer? (Fetch, CORS protocol)
//!
//! ```text
//!   page ──▶ browser ── OPTIONS, may it? ─▶ [`decide`] ──▶ 204 and what is allowed, or 403
//!               │
//!               └────── the request ──────▶ [`decide`] ──▶ the answer, and who may read it
//! ```
//!
//! A browser lets a page read what its own origin answers, and of other origins only what those let
//! it read. It sends what any form could have sent anyway, and keeps the answer from the page unless
//! the answer says that the page may have it. For everything else it asks first, with a *preflight*.
//!
//! So this protects users of browsers from pages, and nothing else: a refused request is answered
//! like any other, and whoever is no browser reads it. Whether it may *change* something is
//! [`cross_site`](crate::cross_site)'s question.

mod config;

use base::Cx;
use message::{Fields, Method, Name, Status, list};

use crate::origin::Origin;
use crate::vary;
use crate::xray::{Seen, Why};

use config::Names;
pub use config::{Config, Invalid, Policy};

/// How many names of fields a preflight may list. Browsers list what a script has set; a request
/// has 100 lines at most, of which the browser itself needs a good part.
pub const NAMES_MAX: usize = 64;

/// How long that list may be in bytes: 64 names of 64 bytes.
pub const NAMES_LEN_MAX: usize = 4096;

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What was decided.
    pub verdict: Verdict,
    /// What the answer has to say, Vary included; [`add_to`](Self::add_to) puts it there.
    pub fields: Fields,
}

/// What was decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// There is no Origin: answer as ever.
    NotCors,
    /// Answer as ever; the page may read it.
    Allowed,
    /// Answer as ever; the browser keeps it from the page.
    ///
    /// A refused request is no error: it may come from our own pages, whose browsers send Origin
    /// too, or from a form, which needs no leave. And what it asked for may have been done before.
    Refused(Why),
    /// A preflight: answer with [`Decision::status`]; the request itself may come.
    PreflightAllowed,
    /// A preflight: answer with [`Decision::status`]; the request itself must not come.
    PreflightRefused(Why),
}

impl Verdict {
    const fn as_str(self) -> &'static str {
        match self {
            Self::NotCors => "not CORS",
            Self::Allowed => "CORS allowed",
            Self::Refused(_) => "CORS refused",
            Self::PreflightAllowed => "preflight allowed",
            Self::PreflightRefused(_) => "preflight refused",
        }
    }

    const fn why(self) -> Why {
        match self {
            Self::NotCors => Why::NoOrigin,
            Self::Allowed | Self::PreflightAllowed => Why::OriginAllowed,
            Self::Refused(why) | Self::PreflightRefused(why) => why,
        }
    }
}

/// What an answer says about CORS.
const OURS: [Name; 6] = [
    Name::AccessControlAllowOrigin,
    Name::AccessControlAllowCredentials,
    Name::AccessControlExposeHeaders,
    Name::AccessControlAllowMethods,
    Name::AccessControlAllowHeaders,
    Name::AccessControlMaxAge,
];

impl Decision {
    /// The status of a preflight's answer, which has no content; nothing when the request is to be
    /// answered as ever.
    ///
    /// Browsers let a preflight pass only with a 2xx and the fields, so a refusal may have any
    /// status. Some servers say 204 there too. 403 is what it is, and people who look for the
    /// mistake (with curl, in the log, in the browser's console) see it.
    pub const fn status(&self) -> Option<Status> {
        match self.verdict {
            Verdict::NotCors | Verdict::Allowed | Verdict::Refused(_) => None,
            Verdict::PreflightAllowed => Some(Status::NO_CONTENT),
            Verdict::PreflightRefused(_) => Some(Status::FORBIDDEN),
        }
    }

    /// Puts the fields into an answer, whatever its status: pages read errors too.
    ///
    /// What the answer said about CORS before goes: browsers do not take two opinions.
    pub fn add_to(&self, response: &mut Fields) {
        if response.contains_any(&OURS) {
            OURS.into_iter().for_each(|name| response.remove(name));
        }
        for (name, value) in self.fields.iter() {
            if name != Name::Vary.into() {
                response.push(name, value);
            }
        }
        for name in self.fields.elements(Name::Vary) {
            vary::add(response, str::from_utf8(name).unwrap_or_default());
        }
    }
}

/// Decides about a request.
///
/// Vary names Origin exactly when the answer depends on it: always but for the policy `*`, whose
/// answers say the same to everybody, also to those who send no Origin (Fetch, CORS protocol and
/// HTTP caches). What answers a preflight depends on what it asks about, too.
pub fn decide(cx: &mut Cx<'_>, policy: &Policy, method: &Method, fields: &Fields) -> Decision {
    if !fields.contains(Name::Origin) {
        return without_origin(policy, method);
    }
    let asks_first = fields.contains(Name::AccessControlRequestMethod);
    let decision = if *method == Method::Options && asks_first {
        preflight(policy, fields)
    } else {
        actual(policy, method, fields)
    };
    let verdict = decision.verdict;
    cx.note(|| Seen::Decided { what: verdict.as_str(), because: verdict.why() });
    decision
}

fn without_origin(policy: &Policy, method: &Method) -> Decision {
    let says_the_same = policy.origins.has_any() && allows_method(policy, method.as_str());
    let fields = if says_the_same { &policy.allowed } else { &policy.refused };
    Decision { verdict: Verdict::NotCors, fields: fields.clone() }
}

/// The request itself.
fn actual(policy: &Policy, method: &Method, fields: &Fields) -> Decision {
    match check_actual(policy, method, fields) {
        Ok(origin) => {
            let fields = with_origin(policy.allowed.clone(), origin);
            Decision { verdict: Verdict::Allowed, fields }
        }
        Err(why) => Decision { verdict: Verdict::Refused(why), fields: policy.refused.clone() },
    }
}

fn check_actual<'a>(
    policy: &Policy,
    method: &Method,
    fields: &'a Fields,
) -> Result<Option<&'a [u8]>, Why> {
    let origin = allowed_origin(policy, fields)?;
    // A form sends GET and POST without asking; here a policy without them is heard too.
    if !allows_method(policy, method.as_str()) {
        return Err(Why::MethodNotAllowed);
    }
    Ok(origin)
}

fn preflight(policy: &Policy, fields: &Fields) -> Decision {
    match check_preflight(policy, fields) {
        Ok((origin, names)) => {
            let mut fields = with_origin(policy.preflight_allowed.clone(), origin);
            if let Some(names) = names {
                fields.push(Name::AccessControlAllowHeaders, names);
            }
            Decision { verdict: Verdict::PreflightAllowed, fields }
        }
        Err(why) => {
            let fields = policy.preflight_refused.clone();
            Decision { verdict: Verdict::PreflightRefused(why), fields }
        }
    }
}

/// The origin and the names to say back, where the answer does not say the same to everybody.
type Echoed<'a> = (Option<&'a [u8]>, Option<Vec<u8>>);

fn check_preflight<'a>(policy: &Policy, fields: &'a Fields) -> Result<Echoed<'a>, Why> {
    let origin = allowed_origin(policy, fields)?;
    let method = fields.get_only(Name::AccessControlRequestMethod).ok_or(Why::MoreThanOneLine)?;
    if !str::from_utf8(method).is_ok_and(|method| allows_method(policy, method)) {
        return Err(Why::MethodNotAllowed);
    }
    Ok((origin, allowed_names(policy, fields)?))
}

/// The origin to say back; nothing where the answer is a star for everybody.
fn allowed_origin<'a>(policy: &Policy, fields: &'a Fields) -> Result<Option<&'a [u8]>, Why> {
    if policy.origins.has_any() {
        return Ok(None);
    }
    let value = fields.get_only(Name::Origin).ok_or(Why::MoreThanOneLine)?;
    let origin = Origin::parse(value).map_err(|_| Why::OriginMalformed)?;
    // Said back as it came: the browser compares bytes (Fetch, CORS check).
    if policy.origins.contains(&origin) { Ok(Some(value)) } else { Err(Why::OriginNotAllowed) }
}

fn with_origin(mut fields: Fields, origin: Option<&[u8]>) -> Fields {
    if let Some(origin) = origin {
        fields.push(Name::AccessControlAllowOrigin, origin);
    }
    fields
}

/// Whether the policy has the method. HEAD is a GET without its content.
fn allows_method(policy: &Policy, name: &str) -> bool {
    // RFC 9110 §9.1: the case of methods means something; browsers send `patch` as it was typed.
    let has = |name: &str| policy.methods.iter().any(|method| method.as_str() == name);
    has(name) || (name == "HEAD" && has("GET"))
}

/// The names of fields to say back, where the policy takes any; elsewhere it is the policy's list.
///
/// They are said one by one, because a star does not mean Authorization, and means nothing at all
/// where there are credentials (Fetch, CORS-preflight fetch).
fn allowed_names(policy: &Policy, fields: &Fields) -> Result<Option<Vec<u8>>, Why> {
    let lines = fields.get_all(Name::AccessControlRequestHeaders);
    if lines.map(<[u8]>::len).sum::<usize>() > NAMES_LEN_MAX {
        return Err(Why::TooManyFieldNames);
    }
    let elements = fields.elements(Name::AccessControlRequestHeaders);
    let names: Vec<&[u8]> = elements.take(NAMES_MAX + 1).collect();
    if names.len() > NAMES_MAX {
        return Err(Why::TooManyFieldNames);
    }
    names.iter().try_for_each(|name| check_name(policy, name))?;
    let says_back = matches!(policy.names, Names::Any) && !names.is_empty();
    Ok(says_back.then(|| names.join(&b", "[..])))
}

fn check_name(policy: &Policy, name: &[u8]) -> Result<(), Why> {
    if !name.iter().all(|&b| list::is_token(b)) {
        return Err(Why::FieldNameMalformed);
    }
    match &policy.names {
        Names::Any => Ok(()),
        Names::Listed(listed) => {
            let is_listed = listed.iter().any(|ours| ours.as_bytes().eq_ignore_ascii_case(name));
            if is_listed { Ok(()) } else { Err(Why::FieldNotAllowed) }
        }
    }
}
