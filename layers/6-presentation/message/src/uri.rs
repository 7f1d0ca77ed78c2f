//! (skeleton)

/// A host and perhaps a port (RFC 3986 §3.2), without user information.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Authority<'a> {
    /// The host as it came: a name, an IPv4 address, or an IPv6 address in brackets.
    pub host: &'a str,
    /// The port, if one is given.
    pub port: Option<u16>,
}
