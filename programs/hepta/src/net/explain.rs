//! What an address and its prefix mean. (RFC 4632 §3.1, RFC 4291 §2.3)

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ip::{Cidr, Kind};
use serde_json::{Value, json};

/// For people.
pub(super) fn text(cidr: Cidr) -> String {
    let network = cidr.network();
    let (first, last) = hosts_of(cidr);
    let mut lines = vec![
        ("address", format!("{}, for {}", cidr.address(), Kind::of(cidr.address()))),
        ("network", network.to_string()),
        ("mask", network.mask().to_string()),
        (
            "host part",
            format!("{} (the last {} of {} bits)", host_part(cidr), host_bits(cidr), bits(cidr)),
        ),
        ("hosts", format!("{}, {first} to {last}", count(cidr))),
    ];
    match network.broadcast() {
        Some(everybody) => lines.push(("broadcast", everybody.to_string())),
        None if cidr.address().is_ipv6() => {
            lines.push(("broadcast", "none: IPv6 has groups instead".to_owned()));
        }
        // RFC 3021 §2.1
        None => lines.push(("broadcast", "none: there is no room for it".to_owned())),
    }
    if let Some(role) = role(cidr) {
        lines.push(("note", role.to_owned()));
    }
    let mut text = String::new();
    for (name, value) in lines {
        let _ = writeln!(text, "{name:<10} {value}");
    }
    text
}

/// For programs.
pub(super) fn json(cidr: Cidr) -> Value {
    let network = cidr.network();
    let (first, last) = hosts_of(cidr);
    json!({
        "address": cidr.address().to_string(),
        "prefix": cidr.prefix_len(),
        "purpose": Kind::of(cidr.address()).to_string(),
        "network": network.network().to_string(),
        "mask": network.mask().to_string(),
        "host_part": host_part(cidr).to_string(),
        "host_bits": host_bits(cidr),
        "first_host": first.to_string(),
        "last_host": last.to_string(),
        // More than numbers of JSON can say in most programs.
        "hosts": hosts(cidr).map(|hosts| hosts.to_string()),
        "broadcast": network.broadcast().map(|all| all.to_string()),
        "may_be_host": role(cidr).is_none_or(|_| cidr.address().is_ipv6()),
        "forwardable": Kind::of(cidr.address()).is_forwardable(),
    })
}

/// What stands in the way of a host with this address.
fn role(cidr: Cidr) -> Option<&'static str> {
    let (network, address) = (cidr.network(), cidr.address());
    let is_first = address == network.network();
    match network.broadcast() {
        Some(_) if is_first => Some("it is the network itself: no host can have it"),
        Some(all) if address == IpAddr::V4(all) => {
            Some("it is everybody in the network: no host can have it")
        }
        // RFC 4291 §2.6.1
        None if is_first && address.is_ipv6() && host_bits(cidr) > 1 => {
            Some("it is any router of the network: hosts take another")
        }
        _ if !Kind::of(address).may_be_source() => Some("no host of a network can have it"),
        _ => None,
    }
}

/// The first and the last address that hosts can have.
fn hosts_of(cidr: Cidr) -> (IpAddr, IpAddr) {
    let network = cidr.network();
    match (network.network(), network.last(), network.broadcast()) {
        // RFC 1122 §3.2.1.3: neither the network nor everybody in it.
        (IpAddr::V4(first), IpAddr::V4(last), Some(_)) => {
            let inside = |bits| IpAddr::V4(Ipv4Addr::from_bits(bits));
            (inside(first.to_bits() + 1), inside(last.to_bits() - 1))
        }
        (first, last, _) => (first, last),
    }
}

/// How many hosts there can be; nothing where that is 2^128.
fn hosts(cidr: Cidr) -> Option<u128> {
    let all = 1u128.checked_shl(host_bits(cidr).into())?;
    Some(if cidr.network().broadcast().is_some() { all - 2 } else { all })
}

fn count(cidr: Cidr) -> String {
    match hosts(cidr) {
        Some(hosts) if hosts < 1 << 32 => hosts.to_string(),
        _ => format!("2^{}", host_bits(cidr)),
    }
}

/// The host part, written as an address.
fn host_part(cidr: Cidr) -> IpAddr {
    match cidr.address() {
        IpAddr::V4(_) => Ipv4Addr::from_bits(cidr.host_part() as u32).into(),
        IpAddr::V6(_) => Ipv6Addr::from_bits(cidr.host_part()).into(),
    }
}

fn bits(cidr: Cidr) -> u8 {
    if cidr.address().is_ipv4() { 32 } else { 128 }
}

fn host_bits(cidr: Cidr) -> u8 {
    bits(cidr) - cidr.prefix_len()
}
