//! What programs and operators can do with a host.

use std::net::{IpAddr, SocketAddr};

use base::{Cx, Instant, Mac};
use icmp::Outgoing;
use ip::{Cidr, InterfaceId, Route};
use neighbor::Claim;
use udp::{BindError, Datagram, SendError, SocketId};

use crate::host::Host;
use crate::interface::InterfaceConfig;
use crate::network::{AddError, AutoConfig, DnsDomain, DnsServer, DnsSource};

/// What an operator sets up.
impl Host {
    /// An interface; nothing, if there are as many as there may be (64).
    pub fn add_interface(&mut self, config: InterfaceConfig) -> Option<InterfaceId> {
        self.network.add_interface(config)
    }

    /// Takes an interface away, with its addresses and routes. Whether there was one.
    pub fn remove_interface(&mut self, interface: InterfaceId) -> bool {
        self.dhcp.forget(interface);
        self.network.remove_interface(interface)
    }

    /// An address of ours, and the route to its network. By [`Claim::Probe`] it may be used only after
    /// an [`Event::AddressReady`](crate::Event::AddressReady).
    ///
    /// # Errors
    /// When no host can have it, or it is there already.
    pub fn add_address(
        &mut self,
        cx: &mut Cx<'_>,
        interface: InterfaceId,
        address: Cidr,
        claim: Claim,
    ) -> Result<(), AddError> {
        self.network.add_address(cx, interface, address, claim)
    }

    /// Asks for routers of IPv6 on an interface from now on, and makes of what they say addresses
    /// (RFC 4862, with identifiers that stay by RFC 7217), routes, the MTU and servers of names. Whether there is such an interface, and it carries Ethernet.
    #[must_use]
    pub fn autoconfigure(
        &mut self,
        cx: &mut Cx<'_>,
        interface: InterfaceId,
        wanted: AutoConfig,
    ) -> bool {
        self.network.autoconfigure(cx, interface, wanted)
    }

    /// Heeds no router of IPv6 on an interface any more, and forgets what they said. Whether it did.
    pub fn stop_autoconfiguration(&mut self, cx: &mut Cx<'_>, interface: InterfaceId) -> bool {
        self.network.stop_autoconfiguration(cx, interface)
    }

    /// Lets go of an address; connections that have it end. Whether it was ours.
    pub fn remove_address(&mut self, address: IpAddr) -> bool {
        self.network.remove_address(address)
    }

    /// A way to a network; it replaces the one with the same prefix, interface and metric.
    ///
    /// # Errors
    /// When its gateway is on no link of the interface.
    pub fn add_route(&mut self, route: Route) -> Result<(), AddError> {
        self.network.add_route(route)
    }

    /// Forgets every route that `is_meant`; how many there were.
    pub fn remove_routes(&mut self, is_meant: impl Fn(&Route) -> bool) -> usize {
        self.network.routes.remove(is_meant)
    }

    /// Says where a neighbour is, for good. Whether there was room.
    #[must_use]
    pub fn add_neighbor(
        &mut self,
        cx: &mut Cx<'_>,
        interface: InterfaceId,
        address: IpAddr,
        mac: Mac,
    ) -> bool {
        let interface = self.network.interface_mut(interface);
        interface.is_some_and(|of| of.neighbors.insert_permanent(cx, address, mac))
    }

    /// Forgets a neighbour. Whether it was known.
    pub fn remove_neighbor(&mut self, interface: InterfaceId, address: IpAddr) -> bool {
        let interface = self.network.interface_mut(interface);
        interface.is_some_and(|of| of.neighbors.remove(address))
    }

    /// Listens to a group on an interface. Whether there was room.
    #[must_use]
    pub fn join_group(&mut self, interface: InterfaceId, group: IpAddr) -> bool {
        let interface = self.network.interface_mut(interface);
        group.is_multicast() && interface.is_some_and(|of| of.join(group))
    }

    /// Listens to a group no longer, once all who joined it have left.
    pub fn leave_group(&mut self, interface: InterfaceId, group: IpAddr) {
        if let Some(of) = self.network.interface_mut(interface) {
            of.leave(group);
        }
    }

    /// Adds a server that answers questions about names, or says anew until when it may be asked (a time
    /// that is past ends it). Whether there was room.
    #[must_use]
    pub fn add_dns_server(&mut self, now: Instant, server: DnsServer) -> bool {
        self.network.dns.add_server(now, server)
    }

    /// The same for a domain in which names that are no whole ones are looked for. Whether there was
    /// room, and it is a name.
    #[must_use]
    pub fn add_dns_domain(&mut self, now: Instant, domain: DnsDomain) -> bool {
        self.network.dns.add_domain(now, domain)
    }

    /// Forgets all that `source` has said of servers and domains on an interface.
    pub fn remove_dns(&mut self, interface: InterfaceId, source: DnsSource) {
        self.network.dns.remove_source(interface, source);
    }

    /// How often our packets may be passed on, from now on.
    pub fn set_hop_limit(&mut self, hop_limit: u8) {
        self.network.set_hop_limit(hop_limit);
    }

    /// Whether packets for others are passed on from now on.
    pub fn set_router(&mut self, is_router: bool) {
        self.network.is_router = is_router;
    }
}

/// Whether somebody is there.
impl Host {
    /// Asks `to`; [`Event::Pong`](crate::Event::Pong) or
    /// [`Event::PingFailed`](crate::Event::PingFailed) may come. Whether there was room for the
    /// question.
    #[must_use]
    pub fn ping(
        &mut self,
        cx: &mut Cx<'_>,
        to: IpAddr,
        (id, seq): (u16, u16),
        data: &[u8],
    ) -> bool {
        let at = Outgoing { source: None, destination: to };
        self.messages.echo.ask(cx, at, (id, seq), data)
    }

    /// The address of ours that packets to `destination` come from.
    pub fn source_for(&self, destination: IpAddr) -> Option<IpAddr> {
        self.network.source_for(destination)
    }
}

/// Datagrams.
impl Host {
    /// A socket at `local`: port 0 is any that is free, an unspecified address any of ours.
    ///
    /// # Errors
    /// When another has it, or there are too many.
    pub fn udp_bind(&mut self, local: SocketAddr) -> Result<SocketId, BindError> {
        self.udp.bind(local)
    }

    /// From now on the socket talks to `peer` alone. Nothing, if we have no address for that.
    ///
    /// # Errors
    /// When another socket does so already.
    pub fn udp_connect(
        &mut self,
        socket: SocketId,
        peer: SocketAddr,
    ) -> Option<Result<(), BindError>> {
        let own = self.udp.look(socket)?.local.ip();
        let local = if own.is_unspecified() { self.network.source_for(peer.ip())? } else { own };
        Some(self.udp.connect(socket, local, peer))
    }

    /// Sends `payload` to `to`, or to the peer of a connected socket.
    ///
    /// # Errors
    /// When it cannot be sent, or not now.
    pub fn udp_send(
        &mut self,
        socket: SocketId,
        to: Option<SocketAddr>,
        payload: &[u8],
    ) -> Result<(), SendError> {
        self.udp.send(socket, to, payload)
    }

    /// Copies the next datagram into `into`, as much as fits; how long it was, and from whom.
    pub fn udp_receive(&mut self, socket: SocketId, into: &mut [u8]) -> Option<(usize, Datagram)> {
        self.udp.receive(socket, into, false)
    }

    /// The same, and it stays where it is.
    pub fn udp_peek(&mut self, socket: SocketId, into: &mut [u8]) -> Option<(usize, Datagram)> {
        self.udp.receive(socket, into, true)
    }

    /// Where a socket is, and with whom it talks.
    pub fn udp_look(&self, socket: SocketId) -> Option<udp::Looked> {
        self.udp.look(socket)
    }

    /// Ends a socket. Whether there was one.
    pub fn udp_close(&mut self, socket: SocketId) -> bool {
        self.udp.close(socket)
    }
}
