use std::fmt;
use std::sync::Arc;

use base::Malformed;

use crate::uri::Authority;
use crate::{Fields, Method, Name, Status, Target};

/// The head of a message.
#[derive(Clone, Debug)]
pub enum Head {
    /// Shared: the exchange keeps it, and so may whoever answers it.
    Request(Arc<Request>),
    /// A few words, and a reference to its fields.
    Response(Response),
}

/// The head of a request.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is asked for.
    pub method: Method,
    /// Of which resource; [`authority`](Self::authority) says on which host.
    pub target: Target,
    /// What the client speaks.
    pub version: Version,
    /// The field lines.
    pub fields: Fields,
}

/// The head of a response.
#[derive(Clone, Debug)]
pub struct Response {
    /// What came of it.
    pub status: Status,
    /// What the server speaks.
    pub version: Version,
    /// The field lines.
    pub fields: Fields,
}

impl Request {
    /// The host and the port that are asked: the target's own where it has them, else those of Host
    /// (RFC 9112 §3.2.2, §3.3). Nothing when there is no single Host that can be read.
    pub fn authority(&self) -> Option<Authority<'_>> {
        let of_host = || Authority::parse(self.fields.get_only(Name::Host)?).ok();
        self.target.authority().or_else(of_host)
    }

    /// Whether Host is as it must be (RFC 9112 §3.2); a request whose Host is not is answered
    /// with 400.
    ///
    /// HTTP/1.1 must have one. Whatever has one, has one only, and it is a host and perhaps a port,
    /// also where the target's own authority will be used.
    pub fn check_host(&self) -> Result<(), Malformed> {
        let mut hosts = self.fields.get_all(Name::Host);
        let Some(host) = hosts.next() else {
            // RFC 9113 §8.3.1: HTTP/2 has a field of its own for it.
            let must_be_there = self.version.major == 1 && self.version >= Version::HTTP_11;
            return if must_be_there { Err(Malformed::new("Host is missing")) } else { Ok(()) };
        };
        if hosts.next().is_some() {
            return Err(Malformed::new("Host more than once"));
        }
        // RFC 9112 §3.2 has an empty one for URIs without an authority; RFC 9110 §4.2.1 refuses an
        // http URI without a host, so nothing is left that an empty Host could be right for.
        Authority::measure(host).map(drop)
    }
}

impl Response {
    /// A response whose version is the connection's.
    pub const fn new(status: Status, fields: Fields) -> Self {
        Self { status, version: Version::HTTP_11, fields }
    }

    /// A status in words, for a request that goes no further than this machine: the response, and its
    /// body.
    pub fn in_words(status: Status, explanation: &str) -> (Self, Vec<u8>) {
        let text = format!("{status}: {explanation}\n");
        let mut fields = Fields::new();
        fields.push(Name::ContentType, "text/plain; charset=utf-8");
        fields.push(Name::ContentLength, text.len().to_string());
        (Self::new(status, fields), text.into_bytes())
    }
}

/// A version of HTTP (RFC 9110 §2.5). What a message is made of follows from the major number.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Version {
    /// How messages look.
    pub major: u8,
    /// What the sender understands.
    pub minor: u8,
}

#[allow(missing_docs)]
impl Version {
    pub const HTTP_10: Self = Self { major: 1, minor: 0 };
    pub const HTTP_11: Self = Self { major: 1, minor: 1 };
    pub const HTTP_2: Self = Self { major: 2, minor: 0 };
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP/{}.{}", self.major, self.minor)
    }
}
