//! What an operator says about CORS, checked and made ready.

use std::error::Error;
use std::fmt;

use message::{Fields, Method, Name, list};

use crate::origin::{InvalidOrigin, Origins};
use crate::{allow, vary};

/// What an operator says. [`Policy::new`] checks it.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whose pages may read answers, as [`Origins::parse`] takes them; by default nobody's, which
    /// is not enough for a policy.
    pub origins: Vec<String>,
    /// With which methods; by default with those that need no preflight: GET, HEAD and POST.
    pub methods: Vec<Method>,
    /// Which fields their requests may have, beside those that need no leave; `*` is any.
    pub request_fields: Vec<String>,
    /// Which fields of answers they may read, beside those that need no leave; `*` is any.
    pub exposed_fields: Vec<String>,
    /// Whether the user's cookies and other credentials may be sent.
    pub with_credentials: bool,
    /// For how many seconds a browser may remember what a preflight allowed. Browsers have limits of
    /// their own (two hours, a day), and five seconds where nothing is said.
    pub age_max_s: Option<u32>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            methods: vec![Method::Get, Method::Head, Method::Post],
            request_fields: Vec::new(),
            exposed_fields: Vec::new(),
            with_credentials: false,
            age_max_s: None,
        }
    }
}

/// What an operator said, without contradictions, and the answers that follow from it.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(super) origins: Origins,
    pub(super) methods: Vec<Method>,
    pub(super) names: Names,
    /// What an answer has that a page may read; the origin comes to it, unless it is a star.
    pub(super) allowed: Fields,
    /// What an answer has that no page may read.
    pub(super) refused: Fields,
    /// The same two for preflights.
    pub(super) preflight_allowed: Fields,
    pub(super) preflight_refused: Fields,
}

/// The fields that requests may have.
#[derive(Clone, Debug)]
pub(super) enum Names {
    Any,
    Listed(Vec<String>),
}

impl Policy {
    /// Makes a policy of what an operator said; errs on the first contradiction.
    pub fn new(config: &Config) -> Result<Self, Invalid> {
        let origins = Origins::parse(&config.origins).map_err(Invalid::Origin)?;
        check(config, &origins)?;
        let has_star = config.request_fields.iter().any(|name| name == "*");
        let names =
            if has_star { Names::Any } else { Names::Listed(config.request_fields.clone()) };
        Ok(Self {
            allowed: allowed(config, &origins),
            refused: refused(&origins),
            preflight_allowed: preflight_allowed(config, &origins, &names),
            preflight_refused: preflight_refused(&origins),
            methods: config.methods.clone(),
            origins,
            names,
        })
    }
}

fn check(config: &Config, origins: &Origins) -> Result<(), Invalid> {
    let names = || config.request_fields.iter().chain(&config.exposed_fields);
    if let Some(name) = names().find(|n| n.is_empty() || !n.bytes().all(list::is_token)) {
        return Err(Invalid::NotAName(name.clone()));
    }
    if origins.is_empty() {
        return Err(Invalid::NoOrigin);
    }
    if config.methods.is_empty() {
        return Err(Invalid::NoMethod);
    }
    if config.with_credentials { check_credentials(config, origins) } else { Ok(()) }
}

/// Where there are credentials, browsers take no star for an answer (Fetch, CORS protocol and
/// credentials).
fn check_credentials(config: &Config, origins: &Origins) -> Result<(), Invalid> {
    if origins.has_any() {
        return Err(Invalid::CredentialsForAll);
    }
    if origins.has_opaque() {
        return Err(Invalid::CredentialsForNull);
    }
    if config.exposed_fields.iter().any(|name| name == "*") {
        return Err(Invalid::CredentialsExposeAll);
    }
    Ok(())
}

fn refused(origins: &Origins) -> Fields {
    let mut fields = Fields::new();
    if !origins.has_any() {
        vary::add(&mut fields, Name::Origin);
    }
    fields
}

fn allowed(config: &Config, origins: &Origins) -> Fields {
    let mut fields = refused(origins);
    push_who(&mut fields, config, origins);
    if !config.exposed_fields.is_empty() {
        fields.push(Name::AccessControlExposeHeaders, config.exposed_fields.join(", "));
    }
    fields
}

fn preflight_refused(origins: &Origins) -> Fields {
    let mut fields = refused(origins);
    vary::add(&mut fields, Name::AccessControlRequestMethod);
    vary::add(&mut fields, Name::AccessControlRequestHeaders);
    fields
}

fn preflight_allowed(config: &Config, origins: &Origins, names: &Names) -> Fields {
    let mut fields = preflight_refused(origins);
    push_who(&mut fields, config, origins);
    fields.push(Name::AccessControlAllowMethods, allow::value(&config.methods));
    if let Names::Listed(listed) = names
        && !listed.is_empty()
    {
        fields.push(Name::AccessControlAllowHeaders, listed.join(", "));
    }
    if let Some(seconds) = config.age_max_s {
        fields.push(Name::AccessControlMaxAge, seconds.to_string());
    }
    fields
}

fn push_who(fields: &mut Fields, config: &Config, origins: &Origins) {
    if origins.has_any() {
        fields.push(Name::AccessControlAllowOrigin, "*");
    }
    if config.with_credentials {
        fields.push(Name::AccessControlAllowCredentials, "true");
    }
}

/// Why no policy can be made of what an operator said. `to_string` says it to people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Invalid {
    /// An origin cannot be used.
    Origin(InvalidOrigin),
    /// Nobody is allowed anything.
    NoOrigin,
    /// No method is allowed.
    NoMethod,
    /// Not the name of a field.
    NotAName(String),
    /// Credentials for the origin `*`: browsers refuse that.
    CredentialsForAll,
    /// Credentials for the origin `null`: any site can make a page that has it.
    CredentialsForNull,
    /// Credentials, and `*` for the fields that may be read: browsers take it for a name.
    CredentialsExposeAll,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Origin(invalid) => return invalid.fmt(f),
            Self::NotAName(name) => return write!(f, "{name:?} is not the name of a field"),
            Self::NoOrigin => "no origin is allowed: name one, or leave CORS out",
            Self::NoMethod => "no method is allowed: name one, or leave CORS out",
            Self::CredentialsForAll => {
                "credentials are not possible for every origin (*): name the origins"
            }
            Self::CredentialsForNull => {
                "credentials are not possible for the origin null: any site can make a page with it"
            }
            Self::CredentialsExposeAll => {
                "with credentials, * does not mean every field: name those that pages may read"
            }
        })
    }
}

impl Error for Invalid {}
