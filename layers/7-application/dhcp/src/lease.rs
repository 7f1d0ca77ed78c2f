//! What a server gives: an address for a time, and what belongs to it. (RFC 2132)
//!
//! Everything in a message was said by a stranger. What no host can use is left out, one by one, with
//! a note; without an address, a server and a time there is no lease.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use base::Cx;
use ip::{Cidr, Kind, Prefix};

use crate::names;
use crate::routes;
use crate::times::Times;
use crate::wire::{Header, Options, option};
use crate::xray::{Seen, Why};

/// How many servers of names, and how many routers, are kept: programs ask three at most.
const SERVERS_MAX: usize = 8;

/// How many routes are kept: a message of one Ethernet frame holds 250 of the shortest.
const ROUTES_MAX: usize = 64;

/// How many domains to search in are kept.
const SEARCH_MAX: usize = 16;

/// The narrowest link: what every host must take. (RFC 791 §3.1)
const MTU_MIN: u16 = 576;

/// An address for a time, and what belongs to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lease {
    /// Ours, in its network.
    pub address: Cidr,
    /// Who gave it.
    pub server: Ipv4Addr,
    pub(crate) times: Times,
    /// What belongs to it.
    pub settings: Settings,
}

/// What a server tells beside the address.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Settings {
    /// The ways to other networks, the best first among those to one.
    pub routes: Vec<Route>,
    /// Who knows names, the best first. (RFC 2132 §3.8)
    pub dns_servers: Vec<Ipv4Addr>,
    /// The domain that we are in. (RFC 2132 §3.17)
    pub domain: Option<String>,
    /// In which domains short names are looked for. (RFC 3397)
    pub search: Vec<String>,
    /// How long packets on the link may be, in bytes. (RFC 2132 §5.1)
    pub mtu: Option<u16>,
}

/// The way to a network.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Route {
    /// What it leads to.
    pub to: Prefix,
    /// Who passes it on; nobody, if the network is on the link itself.
    pub gateway: Option<Ipv4Addr>,
}

impl Lease {
    /// How long it lasts, counted from when it was asked for; nothing means for ever.
    pub const fn duration(&self) -> Option<Duration> {
        self.times.lease
    }

    /// What an offer or an acknowledgement gives.
    pub(crate) fn read(
        cx: &mut Cx<'_>,
        header: &Header,
        options: &Options<'_>,
    ) -> Result<Self, Why> {
        let server = options.address(option::SERVER_ID).ok_or(Why::NoServer)?;
        if !routes::may_pass_on(server) {
            return Err(Why::NoServer);
        }
        let address = address(header.yiaddr, options)?;
        let times = Times::read(cx, options)?;
        let settings = Settings::read(cx, address, options);
        Ok(Self { address, server, times, settings })
    }
}

/// The address with its prefix.
fn address(address: Ipv4Addr, options: &Options<'_>) -> Result<Cidr, Why> {
    let len = match options.find(option::SUBNET_MASK) {
        None => classful_len(address),
        Some(_) => {
            let mask = options.address(option::SUBNET_MASK).ok_or(Why::NotAHost)?.to_bits();
            let len = mask.leading_ones();
            // RFC 2132 §3.3, RFC 950 §2.1: ones, then zeros; and some address is not on the link.
            if len == 0 || mask.count_ones() != len {
                return Err(Why::NotAHost);
            }
            len as u8
        }
    };
    let cidr = Cidr::new(address.into(), len).ok_or(Why::NotAHost)?;
    let network = cidr.network();
    // RFC 1122 §3.2.1.3: neither the network itself nor everybody in it is a host.
    let names_all = network
        .broadcast()
        .is_some_and(|all| address == all || network.network() == IpAddr::V4(address));
    match Kind::of_v4(address).may_be_source() && !names_all {
        true => Ok(cidr),
        false => Err(Why::NotAHost),
    }
}

/// Where nobody says it, the first bits do, as they did before prefixes. (RFC 791 §3.2)
const fn classful_len(address: Ipv4Addr) -> u8 {
    match address.octets() {
        [0..=127, ..] => 8,
        [128..=191, ..] => 16,
        _ => 24,
    }
}

impl Settings {
    fn read(cx: &mut Cx<'_>, own: Cidr, options: &Options<'_>) -> Self {
        let mut settings = Self {
            routes: read_routes(cx, own, options),
            dns_servers: read_addresses(cx, own, options, option::DNS_SERVERS),
            ..Self::default()
        };
        if let Some(value) = options.find(option::DOMAIN_NAME) {
            settings.domain = names::of_text(&value);
            if settings.domain.is_none() {
                ignore(cx, option::DOMAIN_NAME, Why::BadValue);
            }
        }
        if let Some(value) = options.find(option::DOMAIN_SEARCH) {
            let (search, is_whole) = names::of_list(&value, SEARCH_MAX);
            if !is_whole {
                let is_full = search.len() == SEARCH_MAX;
                let why = if is_full { Why::TooMany } else { Why::BadValue };
                ignore(cx, option::DOMAIN_SEARCH, why);
            }
            settings.search = search;
        }
        if options.find(option::INTERFACE_MTU).is_some() {
            let mtu = options.array(option::INTERFACE_MTU).map(u16::from_be_bytes);
            //= exception: RFC 2132 §5.1: it allows 68. Whoever says so makes us send twenty packets for
            // one, and no link of today needs it.
            settings.mtu = mtu.filter(|mtu| *mtu >= MTU_MIN);
            if settings.mtu.is_none() {
                ignore(cx, option::INTERFACE_MTU, Why::MtuOutOfRange);
            }
        }
        settings
    }
}

fn read_routes(cx: &mut Cx<'_>, own: Cidr, options: &Options<'_>) -> Vec<Route> {
    let routers = read_addresses(cx, own, options, option::ROUTER);
    let Some(value) = options.find(option::CLASSLESS_ROUTES) else {
        return routes::by_routers(&routers);
    };
    let Some(mut classless) = routes::classless(&value) else {
        ignore(cx, option::CLASSLESS_ROUTES, Why::BadValue);
        return routes::by_routers(&routers);
    };
    // RFC 3442: where there are classless routes, routers are not looked at.
    if !routers.is_empty() {
        ignore(cx, option::ROUTER, Why::ClasslessRoutesInstead);
    }
    classless.retain(|route| route.gateway.is_none_or(|gateway| own.address() != gateway));
    if classless.len() > ROUTES_MAX {
        ignore(cx, option::CLASSLESS_ROUTES, Why::TooMany);
        classless.truncate(ROUTES_MAX);
    }
    classless
}

/// Addresses of others, one after another.
fn read_addresses(cx: &mut Cx<'_>, own: Cidr, options: &Options<'_>, code: u8) -> Vec<Ipv4Addr> {
    let Some(value) = options.find(code) else { return Vec::new() };
    let (whole, rest) = value.as_chunks::<4>();
    if !rest.is_empty() {
        ignore(cx, code, Why::BadValue);
        return Vec::new();
    }
    let mut addresses = Vec::new();
    for address in whole.iter().copied().map(Ipv4Addr::from) {
        let why = match () {
            () if !routes::may_pass_on(address) || own.address() == address => Why::NotUsable,
            () if addresses.len() == SERVERS_MAX => Why::TooMany,
            () => {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
                continue;
            }
        };
        ignore(cx, code, why);
    }
    addresses
}

fn ignore(cx: &mut Cx<'_>, code: u8, why: Why) {
    cx.note(|| Seen::OptionIgnored { code, why });
}
