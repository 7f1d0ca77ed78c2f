//! Addresses of sockets: `...`, or spelled out as the system's structs are.

use std::net::{IpAddr, SocketAddr};

use crate::language::expression::{Expression, Field, Kind};
use crate::position::Parsed;
use crate::symbols::{AF_INET, AF_INET6};

/// An address as a call has it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Address {
    /// `...`: the one that the options of the script give.
    Usual,
    /// A family, and nothing more.
    Family(i64),
    /// All of it.
    Spelled(SocketAddr),
}

impl Address {
    /// The address, where that is no mere family; IPv4 in IPv6's form is IPv4 (RFC 4291 §2.5.5.2).
    pub(crate) fn or(self, usual: SocketAddr) -> Option<SocketAddr> {
        match self {
            Self::Usual => Some(usual),
            Self::Family(_) => None,
            Self::Spelled(address) => {
                Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
            }
        }
    }
}

/// `...`, `AF_UNSPEC`, or
/// `{sa_family = AF_INET, sin_port = htons(8080), sin_addr = inet_addr("192.0.2.1")}`.
pub(super) fn address_of(argument: &Expression) -> Parsed<Address> {
    match &argument.kind {
        Kind::Ellipsis => Ok(Address::Usual),
        Kind::Int(family) => Ok(Address::Family(*family)),
        Kind::Struct(fields) => spelled(argument, fields).map(Address::Spelled),
        _ => Err(argument.bad("expected '...', a family or {sa_family=…, …}")),
    }
}

fn spelled(argument: &Expression, fields: &[Field]) -> Parsed<SocketAddr> {
    let (mut family, mut port, mut ip) = (None, None, None);
    for field in fields {
        let value = &field.value;
        match field.name.as_deref() {
            Some("sa_family" | "sin_family" | "sin6_family") => {
                family = Some(value.int("a family")?)
            }
            Some("sin_port" | "sin6_port") => port = Some(port_of(value)?),
            Some("sin_addr" | "sin6_addr") | None => ip = Some(ip_of(value)?),
            Some("sin6_flowinfo" | "sin6_scope_id") if value.int("a number")? == 0 => {}
            _ => return Err(value.bad("unexpected part of an address")),
        }
    }
    let (Some(family), Some(port), Some(ip)) = (family, port, ip) else {
        return Err(argument.bad("expected {sa_family=…, sin_port=…, sin_addr=…}"));
    };
    match (family, ip) {
        (AF_INET, IpAddr::V4(_)) | (AF_INET6, IpAddr::V6(_)) => Ok(SocketAddr::new(ip, port)),
        _ => Err(argument.bad("the address is not of its family")),
    }
}

fn port_of(value: &Expression) -> Parsed<u16> {
    let port = value.int("htons(a port)")?;
    u16::try_from(port).map_err(|_| value.bad(&format!("{port} is no port")))
}

/// `inet_addr("192.0.2.1")`, `inet_pton(AF_INET6, "2001:db8::1", &sin6_addr)`, `htonl(INADDR_ANY)`.
fn ip_of(value: &Expression) -> Parsed<IpAddr> {
    let text = match &value.kind {
        Kind::Apply(name, arguments) => match (&name[..], &arguments[..]) {
            ("inet_addr", [text]) | ("inet_pton", [_, text]) => text,
            ("inet_pton", [_, text, Expression { kind: Kind::Reference(_), .. }]) => text,
            ("htonl", [zero]) if zero.int("a number")? == 0 => {
                return Ok(IpAddr::from([0, 0, 0, 0]));
            }
            _ => return Err(value.bad("expected inet_addr(\"…\") or inet_pton(…, \"…\", …)")),
        },
        _ => value,
    };
    let Kind::Text(text) = &text.kind else {
        return Err(text.bad("expected an address in quotes"));
    };
    let ip = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    ip.ok_or_else(|| value.bad("this is no address"))
}
