//! What is ours: interfaces, addresses, routes, and which of our addresses speaks.

use std::net::IpAddr;

use base::Cx;
use icmp::{Error, Unreachable};
use ip::{Candidate, Cidr, InterfaceId, Route, select_source};
use neighbor::Claim;

use super::{
    AddError, Address, Change, Failed, INTERFACES_MAX, LOOPBACK, LOOPBACK_MTU, Network, Origin,
    unspecified_like,
};
use crate::interface::{Interface, InterfaceConfig, Keys, may_come_from};

impl Network {
    pub(crate) fn add_interface(&mut self, config: InterfaceConfig) -> Option<InterfaceId> {
        let id = InterfaceId(self.interfaces.len() as u32);
        if self.interfaces.len() >= INTERFACES_MAX {
            return None;
        }
        let key = self.key.derive(&[b"interface", &id.0.to_le_bytes()[..]].concat());
        let keys = Keys { tables: key, addresses: self.stable_key };
        self.interfaces.push(Some(Interface::new(id, config, keys)));
        Some(id)
    }

    /// Takes an interface away, with its addresses and routes.
    pub(crate) fn remove_interface(&mut self, id: InterfaceId) -> bool {
        let is_there = id != LOOPBACK && self.interface(id).is_some();
        if is_there {
            if let Some(place) = self.interfaces.get_mut(id.0 as usize) {
                *place = None;
            }
            self.addresses.retain(|address| address.interface != id);
            let gone = self.local.iter().filter(|(_, interface)| **interface == id);
            self.gone.extend(gone.map(|(address, _)| *address));
            self.local.retain(|_, interface| *interface != id);
            self.routes.remove(|route| route.interface == id);
            self.redirects.retain(|route| route.interface != id);
            self.dns.remove_interface(id);
        }
        is_there
    }

    pub(crate) fn add_address(
        &mut self,
        cx: &mut Cx<'_>,
        id: InterfaceId,
        cidr: Cidr,
        claim: Claim,
    ) -> Result<(), AddError> {
        let address = cidr.address();
        self.interface(id).ok_or(AddError::NoInterface)?;
        // RFC 1122 §3.2.1.3: neither the network itself nor everybody in it is a host.
        let network = cidr.network();
        let names_all = network.broadcast().is_some_and(|all| address == IpAddr::V4(all))
            || (network.broadcast().is_some() && address == network.network());
        let is_host = id == LOOPBACK || may_come_from(address);
        if !is_host || names_all {
            return Err(AddError::NotAHost);
        }
        self.take_address(cx, Address::of_operator(cidr, id), claim)
    }

    /// Takes an address that a host can have.
    pub(super) fn take_address(
        &mut self,
        cx: &mut Cx<'_>,
        own: Address,
        claim: Claim,
    ) -> Result<(), AddError> {
        let (id, network, address) = (own.interface, own.cidr.network(), own.cidr.address());
        let interface = self.interface_mut(id).ok_or(AddError::NoInterface)?;
        let needs_claim = interface.device.medium == phys::Medium::Ethernet;
        if let (IpAddr::V4(v4), true) = (address, needs_claim)
            && !interface.neighbors.add_address(cx, v4, claim)
        {
            let exists = interface.neighbors.has_address(v4);
            return Err(if exists { AddError::Exists } else { AddError::TooMany });
        }
        if self.addresses.iter().any(|other| other.cidr.address() == address) {
            return Err(AddError::Exists);
        }
        if let (IpAddr::V6(v6), true) = (address, needs_claim)
            && !self.claim_v6(cx, id, v6, claim)
        {
            return Err(AddError::TooMany);
        }
        self.addresses.push(own);
        match (address, own.origin) {
            (IpAddr::V4(_), _) => {
                self.routes.add(Route { source: Some(address), ..Route::on_link(network, id) });
            }
            // Routers say themselves which networks are on the link.
            (IpAddr::V6(_), Origin::Router) => {}
            // Which of several addresses speaks, RFC 6724 says.
            (IpAddr::V6(_), _) => self.routes.add(Route::on_link(network, id)),
        }
        if !needs_claim {
            self.make_ready(id, address);
        }
        self.settle();
        if address.is_ipv6() && needs_claim {
            self.begin_v6(cx, id, claim);
            self.settle_discovery(cx);
        }
        Ok(())
    }

    pub(crate) fn remove_address(&mut self, address: IpAddr) -> bool {
        let Some(at) = self.addresses.iter().position(|own| own.cidr.address() == address) else {
            return false;
        };
        let Address { cidr, interface: id, .. } = self.addresses.remove(at);
        if self.local.remove(&address).is_some() {
            self.gone.push(address);
        }
        if let (Some(interface), IpAddr::V4(v4)) = (self.interface_mut(id), address) {
            interface.neighbors.remove_address(v4);
            interface.broadcasts.retain(|all| Some(*all) != cidr.network().broadcast());
        }
        if let (Some(interface), IpAddr::V6(v6)) = (self.interface_mut(id), address) {
            interface.forget_v6(v6);
        }
        let others = self
            .addresses
            .iter()
            .any(|own| (own.interface, own.cidr.network()) == (id, cidr.network()));
        self.routes.remove(|route| {
            route.source == Some(address)
                || (!others
                    && (route.gateway, route.metric) == (None, 0)
                    && (route.to, route.interface) == (cidr.network(), id))
        });
        true
    }

    pub(crate) fn add_route(&mut self, route: Route) -> Result<(), AddError> {
        self.interface(route.interface).ok_or(AddError::NoInterface)?;
        let is_on_link = |gateway| {
            self.routes.iter().any(|other| {
                other.interface == route.interface
                    && other.gateway.is_none()
                    && other.to.contains(gateway)
            })
        };
        if route.gateway.is_some_and(|gateway| !is_on_link(gateway)) {
            return Err(AddError::GatewayNotOnLink);
        }
        self.routes.add(route);
        Ok(())
    }

    /// The address of ours that packets to `destination` come from, unless somebody chose one.
    pub(crate) fn source_for(&self, destination: IpAddr) -> Option<IpAddr> {
        if self.is_local(destination) {
            return Some(destination);
        }
        let route = self.routes.find(destination);
        let route = route.or_else(|| self.routes.find(unspecified_like(destination)));
        if let Some(source) = route.and_then(|route| route.source)
            && self.local.contains_key(&source)
        {
            return Some(source);
        }
        let through = route.map_or(LOOPBACK, |route| route.interface);
        let candidates =
            self.addresses.iter().filter(|own| own.is_ready && own.interface != LOOPBACK);
        let candidates = candidates.map(|own| Candidate {
            cidr: own.cidr,
            interface: own.interface,
            is_deprecated: own.is_deprecated,
            is_temporary: own.is_temporary,
        });
        // RFC 6724 §4: what stays on a link comes from an address of that link.
        let is_bound = through != LOOPBACK
            && (destination.is_multicast() || ip::Kind::of(destination) == ip::Kind::LinkLocal);
        let candidates = candidates.filter(|own| !is_bound || own.interface == through);
        select_source(candidates, destination, through)
    }

    /// The same, if there is a way at all, and whether it is on its way out.
    pub(crate) fn source_to(&self, destination: IpAddr) -> Option<ip::Source> {
        if !self.is_local(destination) {
            self.routes.find(destination)?;
        }
        let address = self.source_for(destination)?;
        let own = self.addresses.iter().find(|own| own.cidr.address() == address);
        let is_deprecated = own.is_some_and(|own| own.is_deprecated);
        Some(ip::Source { address, is_deprecated })
    }

    pub(super) fn add_loopback(&mut self) {
        let config = InterfaceConfig::point_to_point("lo", LOOPBACK_MTU);
        let id = self.add_interface(config);
        debug_assert_eq!(id, Some(LOOPBACK));
        for text in ["127.0.0.1/8", "::1/128"] {
            let Ok(cidr) = text.parse::<Cidr>() else { continue };
            self.addresses.push(Address { is_ready: true, ..Address::of_operator(cidr, LOOPBACK) });
            self.local.insert(cidr.address(), LOOPBACK);
        }
    }

    /// An address may be used from now on.
    pub(super) fn make_ready(&mut self, interface: InterfaceId, address: IpAddr) {
        let Some(own) = self.addresses.iter_mut().find(|own| own.cidr.address() == address) else {
            return;
        };
        own.is_ready = true;
        let broadcast = own.cidr.network().broadcast();
        self.local.insert(address, interface);
        if let Some(of) = self.interface_mut(interface) {
            of.broadcasts.extend(broadcast);
        }
        self.changes.push_back(Change::Ready { interface, address });
    }

    /// Takes in what neighbours have to say.
    pub(crate) fn settle(&mut self) {
        for at in 0..self.interfaces.len() {
            let id = InterfaceId(at as u32);
            while let Some(event) = self.interface_mut(id).and_then(|i| i.neighbors.poll_event()) {
                match event {
                    neighbor::Event::Claimed { ip } => self.make_ready(id, ip.into()),
                    neighbor::Event::Lost { ip, to } => {
                        self.remove_address(ip.into());
                        let address = ip.into();
                        self.changes.push_back(Change::Lost { interface: id, address, to });
                    }
                    neighbor::Event::Unreachable { packet, ip } => {
                        if self.leads_through(id, ip) && !self.silent.contains(&(id, ip)) {
                            self.silent.push_back((id, ip));
                        }
                        let error = Error::Unreachable(Unreachable::Host);
                        self.failed.extend(packet.map(|packet| Failed { packet, error }));
                    }
                }
            }
        }
    }
}

/// How an address of IPv6 is taken. (RFC 4862 §5.4, RFC 4429)
pub(super) const fn claim_of(how: Claim) -> ndp::Claim {
    match how {
        Claim::Probe => ndp::Claim::Probe,
        Claim::Announce => ndp::Claim::Optimistic,
        // Only leases are followed, and these are of IPv4.
        Claim::Silent | Claim::Follow => ndp::Claim::Silent,
    }
}
