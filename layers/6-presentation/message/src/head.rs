use std::fmt;

use crate::{Fields, Method, Status, Target};

/// The head of a message.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Head {
    Request(Request),
    Response(Response),
}

/// The head of a request.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is asked for.
    pub method: Method,
    /// Of which resource. It knows the authority too: of an absolute target, or of Host.
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

impl Response {
    /// A response whose version is the connection's.
    pub const fn new(status: Status, fields: Fields) -> Self {
        Self { status, version: Version::HTTP_11, fields }
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
