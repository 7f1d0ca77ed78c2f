//! What can be seen of a host.

use std::net::IpAddr;

use base::{Instant, Mac};
use ip::{InterfaceId, Route};
use phys::Device;

use crate::host::Host;
use crate::network::{Address, DnsDomain, DnsServer};

/// An interface, as it can be seen.
#[derive(Clone, Copy, Debug)]
pub struct InterfaceView<'a> {
    /// Its number.
    pub id: InterfaceId,
    /// What people call it.
    pub name: &'a str,
    /// Its hardware address.
    pub mac: Mac,
    /// What its device can do.
    pub device: Device,
}

/// A neighbour, as it can be seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NeighborView {
    /// On which link it is.
    pub interface: InterfaceId,
    /// Its address.
    pub address: IpAddr,
    /// Where it is, if that is known.
    pub mac: Option<Mac>,
    /// How sure that is.
    pub state: neighbor::State,
}

impl Host {
    /// Every interface, the loopback first.
    pub fn interfaces(&self) -> impl Iterator<Item = InterfaceView<'_>> {
        self.network.interfaces().map(|interface| InterfaceView {
            id: interface.id,
            name: &interface.name,
            mac: interface.mac,
            device: interface.device,
        })
    }

    /// Every address, in the order in which they came.
    pub fn addresses(&self) -> &[Address] {
        self.network.addresses()
    }

    /// Every route, by prefix, then metric.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.network.routes.iter()
    }

    /// The route that a packet to `destination` takes.
    pub fn route_to(&self, destination: IpAddr) -> Option<&Route> {
        self.network.routes.find(destination)
    }

    /// Orders the addresses that somebody has, the one to be tried first in front. (RFC 6724 §6)
    pub fn order_destinations(&self, all: &mut [IpAddr]) {
        ip::order_destinations(all, |to| self.network.source_to(to));
    }

    /// Every neighbour.
    pub fn neighbors(&self) -> impl Iterator<Item = NeighborView> {
        self.network.interfaces().flat_map(|interface| {
            let neighbors = interface.neighbors.iter();
            neighbors.map(|(address, mac, state)| NeighborView {
                interface: interface.id,
                address,
                mac,
                state,
            })
        })
    }

    /// Who answers questions about names now, on one interface or on all: the operator's servers first,
    /// then in the order in which they were named.
    pub fn dns_servers(
        &self,
        now: Instant,
        interface: Option<InterfaceId>,
    ) -> impl Iterator<Item = DnsServer> {
        self.network.dns.servers(now, interface)
    }

    /// In which domains names that are no whole ones are looked for now, in the same order.
    pub fn dns_domains(
        &self,
        now: Instant,
        interface: Option<InterfaceId>,
    ) -> impl Iterator<Item = &DnsDomain> {
        self.network.dns.domains(now, interface)
    }

    /// Every datagram socket.
    pub fn udp_sockets(&self) -> impl Iterator<Item = (udp::SocketId, udp::Looked)> {
        self.udp.iter()
    }
}
