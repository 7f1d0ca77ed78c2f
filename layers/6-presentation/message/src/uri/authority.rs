use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use base::Malformed;

use super::chars;

/// A host and perhaps a port (RFC 3986 §3.2), without user information: what Host holds, and what
/// the authority-form of a request target is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Authority<'a> {
    /// The host as it came: a name, an IPv4 address, or an IPv6 address in brackets.
    pub host: &'a str,
    /// The port, if one is given. A colon without digits gives none (RFC 3986 §3.2.3).
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Reads `host` or `host:port`, as they stand in Host (RFC 9110 §7.2).
    ///
    /// Refused: an empty host, user information, a path, white space, a zone identifier, a port
    /// above 65535, and everything else that RFC 3986 has no place for.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (host_len, port) = Self::measure(bytes)?;
        Ok(Self { host: as_text(bytes.get(..host_len).unwrap_or_default())?, port })
    }

    /// How long the host is, and which port is behind it; errs where [`parse`](Self::parse) does.
    #[inline]
    pub(crate) fn measure(bytes: &[u8]) -> Result<(usize, Option<u16>), Malformed> {
        //= exception: RFC 3986 §3.2.2: a comma may stand in a name, but no real name has one, and a
        // Host with one is two Host lines that somebody joined: refused, so that nobody has to guess.
        let name_len = chars::span(bytes, chars::WIRE_NAME);
        let host_len = match bytes.get(name_len) {
            Some(b'[') if name_len == 0 => literal_len(bytes)?,
            Some(b'%') => chars::span_with_escapes(bytes, chars::WIRE_NAME),
            _ => name_len,
        };
        let rest = bytes.get(host_len..).unwrap_or_default();
        match rest {
            [] | [b':', ..] if host_len == 0 => Err(Malformed::new("host is empty")),
            [] => Ok((host_len, None)),
            [b':', port @ ..] => match parse_port(port) {
                Ok(port) => Ok((host_len, port)),
                Err(_) => Err(why_refused(port, "port")),
            },
            _ => Err(why_refused(rest, "host")),
        }
    }

    /// Whether this is the host, in any case (RFC 3986 §6.2.2.1). Escapes are not looked into.
    pub fn host_eq(&self, host: &str) -> bool {
        self.host.eq_ignore_ascii_case(host)
    }

    /// The port, or the scheme's.
    pub fn effective_port(&self, default: u16) -> u16 {
        self.port.unwrap_or(default)
    }

    /// What kind of host it is.
    pub fn host_kind(&self) -> Host<'a> {
        // Who read the authority has checked the host.
        Host::parse(self.host).unwrap_or(Host::Name(self.host))
    }
}

impl fmt::Display for Authority<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// What a host is (RFC 3986 §3.2.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Host<'a> {
    /// A registered name as it came, escapes included; the name may be empty.
    ///
    /// What looks like an address and is none (`256.1.1.1`, `127.1`) is a name too: RFC 3986 knows
    /// four numbers without leading zeros and nothing else.
    Name(&'a str),
    /// Four numbers.
    V4(Ipv4Addr),
    /// An address in brackets.
    V6 {
        /// The address.
        address: Ipv6Addr,
        /// The interface it is meant on, as it came (RFC 6874, which RFC 9844 has obsoleted): only
        /// on this machine has it a meaning, so it is never sent.
        zone: Option<&'a str>,
    },
    /// An address of a kind that is still to come, without its brackets.
    Future(&'a str),
}

impl<'a> Host<'a> {
    /// Reads a host without its port; a name may be empty.
    pub fn parse(text: &'a str) -> Result<Self, Malformed> {
        if let Some(literal) = text.strip_prefix('[') {
            let literal = literal.strip_suffix(']').ok_or(Malformed::new("address in brackets"))?;
            return Self::parse_literal(literal);
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::V4(address));
        }
        chars::check(text, chars::REG_NAME, "host")?;
        Ok(Self::Name(text))
    }

    fn parse_literal(literal: &'a str) -> Result<Self, Malformed> {
        if literal.starts_with(['v', 'V']) {
            return Self::parse_future(literal);
        }
        let (address, zone) = match literal.split_once("%25") {
            Some((address, zone)) => (address, Some(zone)),
            None => (literal, None),
        };
        let address: Ipv6Addr = address.parse().map_err(|_| Malformed::new("IPv6 address"))?;
        if let Some(zone) = zone {
            // RFC 6874 §2, RFC 4007 §6: a zone distinguishes links, which global addresses do not need.
            let is_local = address.is_unicast_link_local() || address.is_multicast();
            if zone.is_empty() || !is_local {
                return Err(Malformed::new("zone of an IPv6 address"));
            }
            chars::check(zone, chars::UNRESERVED, "zone of an IPv6 address")?;
        }
        Ok(Self::V6 { address, zone })
    }

    fn parse_future(literal: &'a str) -> Result<Self, Malformed> {
        let parts = literal.get(1..).and_then(|rest| rest.split_once('.'));
        parts
            .filter(|(version, address)| {
                let is_version = version.bytes().all(|b| b.is_ascii_hexdigit());
                let is_address = address.bytes().all(|b| chars::is(b, chars::USERINFO));
                is_version && is_address && !version.is_empty() && !address.is_empty()
            })
            .map(|_| Self::Future(literal))
            .ok_or(Malformed::new("address in brackets"))
    }
}

/// Splits an authority's host and port, both still unread: a port begins at the colon that stands
/// behind the brackets, if there are any.
pub(super) fn split_port(text: &str) -> (&str, Option<&str>) {
    let name_at = text.rfind(']').map_or(0, |at| at + 1);
    match text.get(name_at..).and_then(|rest| rest.find(':')) {
        Some(colon) => (
            text.get(..name_at + colon).unwrap_or_default(),
            Some(text.get(name_at + colon + 1..).unwrap_or_default()),
        ),
        None => (text, None),
    }
}

/// Reads a port's digits; none is no port.
pub(super) fn parse_port(digits: &[u8]) -> Result<Option<u16>, Malformed> {
    //= exception: RFC 3986 §3.2.3: a port may have any number of digits; what no transport can carry
    // is refused where it is read. Leading zeros are kept out of the count: the value decides.
    let mut port = 0;
    for b in digits {
        let digit = u32::from(b.wrapping_sub(b'0'));
        port = port * 10 + digit;
        if digit > 9 || port > u32::from(u16::MAX) {
            return Err(Malformed::new("port"));
        }
    }
    Ok((!digits.is_empty()).then_some(port as u16))
}

/// How long the `[address]` in front is, when it is an address that may be sent.
fn literal_len(bytes: &[u8]) -> Result<usize, Malformed> {
    let end = bytes.iter().position(|&b| b == b']').ok_or(Malformed::new("address in brackets"))?;
    let literal = bytes.get(..=end).unwrap_or_default();
    match Host::parse(as_text(literal)?)? {
        // RFC 6874 §4: a zone means nothing to anybody but who wrote it, so it is never sent.
        Host::V6 { zone: Some(_), .. } => Err(Malformed::new("zone of an IPv6 address")),
        _ => Ok(literal.len()),
    }
}

/// Says what is wrong with bytes that should be an authority and go on like this.
#[cold]
fn why_refused(rest: &[u8], otherwise: &'static str) -> Malformed {
    // User information may hold a colon, so what looks like a bad port may be a password.
    if rest.contains(&b'@') {
        return Malformed::new("user information beside the host");
    }
    Malformed::new(match rest.iter().find(|&&b| !chars::is(b, chars::WIRE_NAME)) {
        Some(b',') => "several hosts in one",
        Some(b' ' | b'\t') => "white space in the host",
        Some(b'/' | b'?' | b'#') => "path behind the host",
        _ => otherwise,
    })
}

/// The bytes as text; they have been found to be ASCII, so this cannot fail.
fn as_text(bytes: &[u8]) -> Result<&str, Malformed> {
    str::from_utf8(bytes).map_err(|_| Malformed::new("host"))
}
