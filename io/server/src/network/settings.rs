//! What an operator wants of a network, at its start and while it runs: what is new is added, what is
//! not wanted any more is taken away, and whatever stays is not touched.

use std::io;
use std::net::IpAddr;

use base::{Cx, Instant, Mac};
use host::{AddError, AutoConfig, DhcpConfig, DnsServer, DnsSource, Host};
use ip::{Cidr, InterfaceId, Route};
use neighbor::Claim;

use super::claims::Claims;

/// What an operator wants of a network at one of its interfaces.
#[derive(Clone, Debug, Default)]
pub struct NetworkSettings {
    /// Our addresses, and how each is taken.
    pub addresses: Vec<(Cidr, Claim)>,
    /// Ways to other networks, those on the link first.
    pub routes: Vec<Route>,
    /// Neighbours whose hardware addresses are known.
    pub neighbors: Vec<(IpAddr, Mac)>,
    /// Who answers questions about names.
    pub dns: Vec<IpAddr>,
    /// Whether, and how, addresses are made of what routers of IPv6 say.
    pub auto: Option<AutoConfig>,
    /// Whether, and how, a server of DHCP gives us an address.
    pub dhcp: Option<DhcpConfig>,
}

impl NetworkSettings {
    /// The addresses that are here and not in `after`, which follows.
    pub(super) fn gone(&self, after: &Self) -> Vec<IpAddr> {
        let gone = self.addresses.iter().map(|(cidr, _)| cidr.address());
        gone.filter(|address| !after.has(*address)).collect()
    }

    /// Whether servers are asked for an address here, and not in `after`.
    pub(super) const fn gives_up_dhcp(&self, after: &Self) -> bool {
        self.dhcp.is_some() && after.dhcp.is_none()
    }

    /// Whether an operator wants this address.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|(cidr, _)| cidr.address() == address)
    }
}

/// Makes a host what `after` says, of what it became by `before`; addresses that have
/// [gone](NetworkSettings::gone), and one that is [not asked for](NetworkSettings::gives_up_dhcp) any more,
/// are for the caller to take away. What cannot be is left out: why, with what it was.
pub(super) fn follow(
    cx: &mut Cx<'_>,
    (host, claims): (&mut Host, &mut Claims),
    interface: InterfaceId,
    before: &NetworkSettings,
    after: &NetworkSettings,
) -> Vec<io::Error> {
    let mut wrong = Vec::new();
    let mut note = |what: String, result: Result<(), AddError>| {
        if let Err(error) = result.map_err(io::Error::from) {
            wrong.push(io::Error::new(error.kind(), format!("{what}: {error}")));
        }
    };
    host.remove_routes(|route| before.routes.contains(route) && !after.routes.contains(route));
    for (address, _) in before.neighbors.iter().filter(|old| !after.neighbors.contains(old)) {
        host.remove_neighbor(interface, *address);
    }
    let is_in = |all: &NetworkSettings, cidr| all.addresses.iter().any(|(other, _)| *other == cidr);
    for (cidr, _) in before.addresses.iter().filter(|(cidr, _)| !is_in(after, *cidr)) {
        claims.remove(cidr.address());
        // Another network of the same address: its connections stay.
        if after.has(cidr.address()) {
            host.remove_address(cidr.address());
        }
    }
    let is_old = |cidr: &Cidr| is_in(before, *cidr);
    for (cidr, claim) in after.addresses.iter().filter(|(cidr, _)| !is_old(cidr)) {
        let added = host.add_address(cx, interface, *cidr, *claim);
        if added.is_ok() {
            claims.add(interface, *cidr, *claim);
        }
        note(format!("it cannot have the address {cidr}"), added);
    }
    claims.expect_others(after.auto.is_some() || after.dhcp.is_some());
    match (before.auto, after.auto) {
        (None, Some(wanted)) => {
            let is_on = host.autoconfigure(cx, interface, wanted);
            let result = is_on.then_some(()).ok_or(AddError::NoEthernet);
            note("it cannot get addresses from routers".to_owned(), result);
        }
        (Some(_), None) => drop(host.stop_autoconfiguration(cx, interface)),
        _ => {}
    }
    if let (None, Some(wanted), true) = (&before.dhcp, &after.dhcp, claims.leads()) {
        let begun = host.dhcp(cx, interface, wanted.clone());
        note("it cannot get an address by DHCP".to_owned(), begun);
    }
    for (address, mac) in after.neighbors.iter().filter(|new| !before.neighbors.contains(new)) {
        let has_room = host.add_neighbor(cx, interface, *address, *mac);
        note(format!("{address} is not at {mac}"), has_room.then_some(()).ok_or(AddError::TooMany));
    }
    if before.dns != after.dns {
        // In the order in which they are asked.
        host.remove_dns(interface, DnsSource::Operator);
        for address in after.dns.iter().copied() {
            let (source, ends) = (DnsSource::Operator, Instant::NEVER);
            let server = DnsServer { address, interface, source, ends };
            let has_room = host.add_dns_server(cx.now(), server);
            let result = has_room.then_some(()).ok_or(AddError::TooMany);
            note(format!("{address} is asked for no names"), result);
        }
    }
    // Those that stay are there, unless their gateway's network was taken away in between.
    for route in &after.routes {
        if !host.routes().any(|there| there == route) {
            let by = route.gateway.map(|gateway| format!(" by {gateway}")).unwrap_or_default();
            note(format!("there is no way to {}{by}", route.to), host.add_route(*route));
        }
    }
    wrong
}
