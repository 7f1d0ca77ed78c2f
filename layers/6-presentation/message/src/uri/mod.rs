//! URIs: parse, normalise, resolve; authorities; percent-encoding. (RFC 3986, RFC 8141)
//!
//! ```text
//!   https://user@example.com:8443/over/there?name=ferret#nose
//!   └─┬─┘   └──────────┬────────┘└────┬────┘ └────┬────┘ └┬─┘
//!   scheme         authority         path       query   fragment
//! ```
//!
//! | item                     | what                                                           |
//! |--------------------------|----------------------------------------------------------------|
//! | [`Uri`]                  | a URI: it has a scheme. Locators and names ([`Urn`]) told apart |
//! | [`Reference`]            | a URI, or one relative to another                               |
//! | [`Authority`], [`Host`]  | a host and a port; what kind of host                            |
//! | [`percent`]              | percent-encoding                                                |
//! | [`default_port`]         | the port that goes without saying                               |
//!
//! The syntax is RFC 3986's to the byte: what a browser would mend is refused here. Nothing bounds
//! the length: who takes URIs from strangers does.
//!
//! Not here: what a request line may hold ([`crate::target`]), which is both more and less.

pub mod percent;

pub(crate) mod chars;

mod authority;
mod normalise;
mod parse;
mod resolve;
mod urn;

use std::borrow::Cow;
use std::fmt;

use base::Malformed;

pub use authority::{Authority, Host};
pub use urn::Urn;

use parse::Parts;

/// A URI or a relative reference (RFC 3986 §4.1): its text, and where its parts stand.
#[derive(Clone)]
pub struct Reference<'a> {
    text: Cow<'a, str>,
    parts: Parts,
}

/// A URI (RFC 3986 §3): a reference that has a scheme. It may have a fragment.
#[derive(Clone)]
pub struct Uri<'a>(Reference<'a>);

impl<'a> Reference<'a> {
    /// Reads a reference; errs on the first part that RFC 3986 does not allow.
    pub fn parse(text: impl Into<Cow<'a, str>>) -> Result<Self, Malformed> {
        let text = text.into();
        Ok(Self { parts: Parts::parse(&text)?, text })
    }

    /// The text as it came.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The scheme as it came, without its colon; a relative reference has none (§3.1).
    pub fn scheme(&self) -> Option<&str> {
        self.parts.scheme.map(|span| span.of(&self.text))
    }

    /// The authority's host and port, if there is an authority; the host may be empty (§3.2).
    pub fn authority(&self) -> Option<Authority<'_>> {
        let host = self.parts.host?.of(&self.text);
        Some(Authority { host, port: self.parts.port })
    }

    /// The whole authority as it came: user information, host and port (§3.2).
    pub fn authority_text(&self) -> Option<&str> {
        self.parts.authority.map(|span| span.of(&self.text))
    }

    /// What stands before the `@` (§3.2.1). It may hold a password: do not show it.
    pub fn userinfo(&self) -> Option<&str> {
        self.parts.userinfo.map(|span| span.of(&self.text))
    }

    /// The host as it came (§3.2.2).
    pub fn host(&self) -> Option<&str> {
        self.parts.host.map(|span| span.of(&self.text))
    }

    /// What kind of host it is.
    pub fn host_kind(&self) -> Option<Host<'_>> {
        Some(self.authority()?.host_kind())
    }

    /// The port, if it is given (§3.2.3).
    pub fn port(&self) -> Option<u16> {
        self.parts.port
    }

    /// The path as it came; it may be empty (§3.3).
    pub fn path(&self) -> &str {
        self.parts.path.of(&self.text)
    }

    /// The query as it came, without its question mark (§3.4).
    pub fn query(&self) -> Option<&str> {
        self.parts.query.map(|span| span.of(&self.text))
    }

    /// The fragment as it came, without its `#` (§3.5).
    pub fn fragment(&self) -> Option<&str> {
        self.parts.fragment.map(|span| span.of(&self.text))
    }

    /// The path and the query as they came: what a request is made of.
    pub fn path_and_query(&self) -> &str {
        let end = self.parts.query.unwrap_or(self.parts.path).end;
        self.text.get(self.parts.path.start..end).unwrap_or_default()
    }

    /// The same with a text of its own.
    pub fn into_owned(self) -> Reference<'static> {
        Reference { text: Cow::Owned(self.text.into_owned()), parts: self.parts }
    }
}

impl<'a> Uri<'a> {
    /// Reads a URI; errs on the first part that RFC 3986 does not allow, and without a scheme.
    pub fn parse(text: impl Into<Cow<'a, str>>) -> Result<Self, Malformed> {
        Self::try_from(Reference::parse(text)?)
    }

    /// As a reference, which has the getters for every part.
    pub fn as_reference(&self) -> &Reference<'a> {
        &self.0
    }

    /// The scheme as it came, without its colon (§3.1).
    pub fn scheme(&self) -> &str {
        self.0.scheme().unwrap_or_default()
    }

    /// Whether this is the scheme, in any case (§3.1).
    pub fn has_scheme(&self, scheme: &str) -> bool {
        self.scheme().eq_ignore_ascii_case(scheme)
    }

    /// The port that is given, or the scheme's (§3.2.3).
    pub fn effective_port(&self) -> Option<u16> {
        self.port().or_else(|| default_port(self.scheme()))
    }

    /// Whether it says where something is, and not only what it is called (§1.1.3): every scheme
    /// does but `urn`.
    pub fn is_url(&self) -> bool {
        !self.has_scheme("urn")
    }

    /// Its parts as a name, when it is a well-formed one (RFC 8141).
    ///
    /// What has the scheme `urn` and is none is neither a name nor a locator.
    pub fn as_urn(&self) -> Option<Urn<'_>> {
        Urn::of(&self.0)
    }

    /// The URI that `reference` means where this one is the base (§5.2, strictly).
    pub fn resolve(&self, reference: &Reference<'_>) -> Uri<'static> {
        resolve::resolve(&self.0, reference)
    }

    /// The same URI in the one way to write it (§6.2.2, §6.2.3): letters of the scheme and the host
    /// small, needless escapes taken away, dot segments removed, the scheme's own port left out, an
    /// empty path behind an authority a slash.
    pub fn normalise(&self) -> Uri<'static> {
        normalise::normalise(self)
    }

    /// Whether both are the same once they are normalised, fragments included (§6.1).
    ///
    /// Different answers are certain to be different URIs only; they may still be the same resource.
    pub fn is_equivalent(&self, other: &Uri<'_>) -> bool {
        self.as_str() == other.as_str() || self.normalise().as_str() == other.normalise().as_str()
    }

    /// The text up to the fragment (§4.3).
    pub fn without_fragment(&self) -> &str {
        let end = self.0.parts.fragment.map_or(self.as_str().len(), |span| span.start - 1);
        self.as_str().get(..end).unwrap_or_default()
    }

    /// The same with a text of its own.
    pub fn into_owned(self) -> Uri<'static> {
        Uri(self.0.into_owned())
    }
}

/// The getters that a URI shares with a reference.
macro_rules! as_of_reference {
    ($( $(#[$doc:meta])* $name:ident -> $T:ty; )*) => {
        impl Uri<'_> {
            $( $(#[$doc])* pub fn $name(&self) -> $T { self.0.$name() } )*
        }
    };
}

as_of_reference! {
    /// The text as it came.
    as_str -> &str;
    /// The authority's host and port; see [`Reference::authority`].
    authority -> Option<Authority<'_>>;
    /// The whole authority as it came; see [`Reference::authority_text`].
    authority_text -> Option<&str>;
    /// What stands before the `@`; see [`Reference::userinfo`].
    userinfo -> Option<&str>;
    /// The host as it came; see [`Reference::host`].
    host -> Option<&str>;
    /// What kind of host it is.
    host_kind -> Option<Host<'_>>;
    /// The port, if it is given; see [`Reference::port`].
    port -> Option<u16>;
    /// The path as it came; see [`Reference::path`].
    path -> &str;
    /// The query as it came; see [`Reference::query`].
    query -> Option<&str>;
    /// The fragment as it came; see [`Reference::fragment`].
    fragment -> Option<&str>;
    /// The path and the query as they came; see [`Reference::path_and_query`].
    path_and_query -> &str;
}

impl<'a> TryFrom<Reference<'a>> for Uri<'a> {
    type Error = Malformed;

    fn try_from(reference: Reference<'a>) -> Result<Self, Malformed> {
        match reference.parts.scheme {
            Some(_) => Ok(Self(reference)),
            None => Err(Malformed::new("scheme is missing")),
        }
    }
}

impl<'a> From<Uri<'a>> for Reference<'a> {
    fn from(uri: Uri<'a>) -> Self {
        uri.0
    }
}

/// The port of a scheme when none is given (RFC 9110 §4.2, RFC 6455 §3, RFC 1738 §3.2), in any case.
pub fn default_port(scheme: &str) -> Option<u16> {
    const PORTS: [(&str, u16); 5] =
        [("http", 80), ("https", 443), ("ws", 80), ("wss", 443), ("ftp", 21)];
    PORTS.iter().find(|(name, _)| name.eq_ignore_ascii_case(scheme)).map(|(_, port)| *port)
}

macro_rules! shown_as_text {
    ($($T:ident)*) => { $(
        impl fmt::Display for $T<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $T<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }

        /// The same text; see [`Uri::is_equivalent`] for more.
        impl PartialEq for $T<'_> {
            fn eq(&self, other: &Self) -> bool {
                self.as_str() == other.as_str()
            }
        }

        impl Eq for $T<'_> {}
    )* };
}

shown_as_text! { Reference Uri }
