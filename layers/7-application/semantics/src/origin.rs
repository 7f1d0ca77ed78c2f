//! Origins: who asks, and is it one of those that the operator named? (HTML, origins; Fetch, Origin)
//!
//! A browser says with Origin which page a request comes from. Two origins are the same when their
//! schemes, hosts and ports are (RFC 9110 §4.3.1). [`Origin`] is one that was said,
//! [`Origins`] those that an operator names.
//!
//! Not here: sites, which are larger than origins. To know where a site ends takes the list of
//! public suffixes; browsers have it, and say so ([`cross_site`](crate::cross_site)).

use std::error::Error;
use std::fmt;

use base::Malformed;
use message::uri::{self, Authority, Host};

/// Where a page comes from.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'a> {
    /// `null`: an origin without a name, which is the same as no other. Sandboxed frames and files
    /// of the user have it, so any site can make a page that does.
    Opaque,
    /// One with a name.
    Tuple {
        /// The scheme, in any case.
        scheme: &'a str,
        /// The host, and the port unless it is the scheme's own.
        authority: Authority<'a>,
    },
}

impl<'a> Origin<'a> {
    /// Reads the value of Origin: `null`, or a scheme, a host and perhaps a port, and nothing else.
    pub fn parse(value: &'a [u8]) -> Result<Self, Malformed> {
        if value == b"null" {
            return Ok(Self::Opaque);
        }
        let colon = value.iter().position(|&b| b == b':');
        let colon = colon.ok_or(Malformed::new("scheme is missing"))?;
        let (scheme, rest) = value.split_at_checked(colon).unwrap_or_default();
        let scheme = as_scheme(scheme).ok_or(Malformed::new("scheme"))?;
        let authority = rest.strip_prefix(b"://");
        let authority = authority.ok_or(Malformed::new("two slashes behind the scheme"))?;
        Ok(Self::Tuple { scheme, authority: Authority::parse(authority)? })
    }

    /// Whether both are the same (HTML, same origin). One without a name is not even the same as
    /// itself: two pages that say `null` have nothing to do with each other.
    pub fn is_same(&self, other: &Origin<'_>) -> bool {
        let (Self::Tuple { authority: a, .. }, Origin::Tuple { authority: b, .. }) = (self, other)
        else {
            return false;
        };
        self.has_same_scheme_and_port(other) && is_same_host(a.host, b.host)
    }

    fn has_same_scheme_and_port(&self, other: &Origin<'_>) -> bool {
        match (self, other) {
            (Self::Tuple { scheme: a, .. }, Origin::Tuple { scheme: b, .. }) => {
                a.eq_ignore_ascii_case(b) && self.port() == other.port()
            }
            _ => false,
        }
    }

    /// The port, or the scheme's own.
    fn port(&self) -> Option<u16> {
        match self {
            Self::Opaque => None,
            Self::Tuple { scheme, authority } => {
                authority.port.or_else(|| uri::default_port(scheme))
            }
        }
    }
}

/// A scheme begins with a letter (RFC 3986 §3.1).
fn as_scheme(bytes: &[u8]) -> Option<&str> {
    let is_rest = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let is_scheme = bytes.first()?.is_ascii_alphabetic() && bytes.iter().all(is_rest);
    str::from_utf8(bytes).ok().filter(|_| is_scheme)
}

fn is_same_host(a: &str, b: &str) -> bool {
    // There are several ways to write an IPv6 address.
    if let (true, Ok(a), Ok(b)) = (a.starts_with('['), Host::parse(a), Host::parse(b)) {
        return a == b;
    }
    a.eq_ignore_ascii_case(b)
}

/// The origins that an operator names.
#[derive(Clone, Debug, Default)]
pub struct Origins(Vec<Entry>);

#[derive(Clone, Debug)]
enum Entry {
    Any,
    Opaque,
    One(Named),
    /// Every name below this one.
    Below(Named),
}

/// An [`Origin::Tuple`] with a text of its own.
#[derive(Clone, Debug)]
struct Named {
    scheme: Box<str>,
    host: Box<str>,
    port: Option<u16>,
}

impl Origins {
    /// Reads what an operator names:
    ///
    /// | text                    | which origins                                                 |
    /// |-------------------------|---------------------------------------------------------------|
    /// | `https://example.org`   | this one; a port other than the scheme's own is said          |
    /// | `https://*.example.org` | `https://a.example.org`, `https://b.a.example.org`, not       |
    /// |                         | `https://example.org`, and no other scheme or port            |
    /// | `null`                  | those without a name, which is to say any site that wants     |
    /// | `*`                     | every one, and `null` too; it stands alone                    |
    ///
    /// A star before a public suffix (`https://*.org`) is taken: nobody here knows which they are.
    pub fn parse(texts: &[impl AsRef<str>]) -> Result<Self, InvalidOrigin> {
        let entries = texts.iter().map(|text| Entry::parse(text.as_ref()));
        let origins = Self(entries.collect::<Result<_, _>>()?);
        if origins.has_any() && origins.0.len() > 1 {
            return Err(InvalidOrigin::new("*", "it means every origin, so it stands alone"));
        }
        Ok(origins)
    }

    /// Whether this is one of them.
    pub fn contains(&self, origin: &Origin<'_>) -> bool {
        self.0.iter().any(|entry| entry.contains(origin))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every origin is one of them: `*`.
    pub fn has_any(&self) -> bool {
        self.0.iter().any(|entry| matches!(entry, Entry::Any))
    }

    /// Whether those without a name are named: `null`.
    pub fn has_opaque(&self) -> bool {
        self.0.iter().any(|entry| matches!(entry, Entry::Opaque))
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        match text {
            "*" => return Ok(Self::Any),
            "null" => return Ok(Self::Opaque),
            _ => {}
        }
        let wrong = |what| InvalidOrigin::new(text, what);
        if !text.is_ascii() {
            return Err(wrong("write the name as browsers send it, in ASCII: xn--..."));
        }
        if !text.contains("://*.") {
            return Named::parse(text).map(Self::One).map_err(wrong);
        }
        let parent = Named::parse(&text.replacen("://*.", "://", 1)).map_err(wrong)?;
        if is_address(&parent.host) {
            return Err(wrong("a star stands before a name, not before an address"));
        }
        Ok(Self::Below(parent))
    }

    fn contains(&self, origin: &Origin<'_>) -> bool {
        match (self, origin) {
            (Self::Any, _) | (Self::Opaque, Origin::Opaque) => true,
            (Self::One(named), _) => named.as_origin().is_same(origin),
            (Self::Below(parent), Origin::Tuple { authority, .. }) => {
                parent.as_origin().has_same_scheme_and_port(origin)
                    && is_below(authority.host, &parent.host)
            }
            (Self::Opaque | Self::Below(_), _) => false,
        }
    }
}

impl Named {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match Origin::parse(text.as_bytes()) {
            Ok(Origin::Tuple { authority, .. }) if authority.host.contains('*') => {
                Err("a star stands for whole labels, and only in front: https://*.example.org")
            }
            Ok(Origin::Tuple { scheme, authority }) => Ok(Self {
                scheme: scheme.into(),
                host: authority.host.into(),
                port: authority.port,
            }),
            Ok(Origin::Opaque) => Err("it has no name"),
            Err(malformed) => Err(malformed.what),
        }
    }

    fn as_origin(&self) -> Origin<'_> {
        let authority = Authority { host: &self.host, port: self.port };
        Origin::Tuple { scheme: &self.scheme, authority }
    }
}

/// Whether a browser would take the host for an address: in brackets, or with a last label that
/// begins with a digit, as no top-level domain does (URL, host parser).
fn is_address(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    host.starts_with('[') || last.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether `host` is `parent` with one or more whole labels in front.
fn is_below(host: &str, parent: &str) -> bool {
    let split = host.len().checked_sub(parent.len()).and_then(|at| host.split_at_checked(at));
    let Some((front, end)) = split else { return false };
    let Some(labels) = front.strip_suffix('.') else { return false };
    end.eq_ignore_ascii_case(parent) && labels.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let is_in_label = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    !label.is_empty() && label.bytes().all(is_in_label)
}

/// An origin that an operator cannot name, and why. `to_string` says it to people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidOrigin {
    /// The origin as it was written.
    pub origin: String,
    /// What is wrong with it.
    pub what: &'static str,
}

impl InvalidOrigin {
    pub(crate) fn new(origin: &str, what: &'static str) -> Self {
        Self { origin: origin.to_owned(), what }
    }
}

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the origin {:?} cannot be used: {}", self.origin, self.what)
    }
}

impl Error for InvalidOrigin {}
