//! What a lease does to a host: it brings an address, routes, servers of names, and how long packets may
//! be. All of it comes and goes with the lease. An operator's routes count before those of a server.

use std::net::{IpAddr, Ipv4Addr};

use base::{Cx, Instant};
use dhcp::Lease;
use dhcp::wire::option;
use ip::{Cidr, InterfaceId, Prefix, Route};
use neighbor::Claim;

use crate::network::{AddError, DnsDomain, DnsServer, DnsSource, Network};

/// The metric of the first route of a lease; those behind it count less.
const METRIC: u32 = 100;

/// What a lease has done to a host so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Applied {
    pub(super) address: Cidr,
    pub(super) server: Ipv4Addr,
    /// Whether the address is in use, and the rest is there too.
    pub(super) is_ready: bool,
}

impl Network {
    /// Sets up what belongs to a lease beside its address; it lasts until `ends`.
    pub(super) fn set_up_lease(
        &mut self,
        cx: &mut Cx<'_>,
        id: InterfaceId,
        lease: &Lease,
        ends: Instant,
    ) {
        self.set_leased_mtu(cx, id, lease.settings.mtu.map(usize::from));
        self.add_leased_routes(cx, id, lease);
        self.add_leased_names(cx, id, lease, ends);
    }

    /// Takes the address of a lease by `claim`, by which it is in use at once, and sets up what belongs to it.
    ///
    /// # Errors
    /// The address cannot be had.
    pub(super) fn begin_lease(
        &mut self,
        cx: &mut Cx<'_>,
        id: InterfaceId,
        lease: &Lease,
        (claim, ends): (Claim, Instant),
    ) -> Result<Applied, AddError> {
        self.add_address(cx, id, lease.address, claim)?;
        self.set_up_lease(cx, id, lease, ends);
        Ok(Applied { address: lease.address, server: lease.server, is_ready: true })
    }

    /// Has everything be as `lease` says now, of what it became by the one `before`. An address that is
    /// another, or has another prefix, is taken by `claim`.
    ///
    /// # Errors
    /// The other address cannot be had.
    pub(super) fn change_lease(
        &mut self,
        cx: &mut Cx<'_>,
        id: InterfaceId,
        before: Applied,
        lease: &Lease,
        how: (Claim, Instant),
    ) -> Result<Applied, AddError> {
        if before.address != lease.address {
            self.end_lease(id, before);
            return self.begin_lease(cx, id, lease, how);
        }
        self.take_down_lease(id, before);
        self.set_up_lease(cx, id, lease, how.1);
        Ok(Applied { address: lease.address, server: lease.server, is_ready: true })
    }

    /// Takes everything away that a lease has brought.
    pub(super) fn end_lease(&mut self, id: InterfaceId, applied: Applied) {
        self.take_down_lease(id, applied);
        self.remove_address(applied.address.address());
    }

    /// Takes what belongs to a lease away, but not its address.
    fn take_down_lease(&mut self, id: InterfaceId, applied: Applied) {
        let Applied { address, server, .. } = applied;
        let (own, on_link) = (address.address(), address.network());
        self.routes.remove(|route| {
            (route.interface, route.source) == (id, Some(own)) && route.to != on_link
        });
        self.dns.remove_source(id, DnsSource::Dhcp(server));
        if let Some(of) = self.interface_mut(id) {
            of.leased_mtu = None;
        }
    }

    /// How long packets of IPv4 may be on an interface, if a server has said so.
    fn set_leased_mtu(&mut self, cx: &mut Cx<'_>, id: InterfaceId, mtu: Option<usize>) {
        let Some(of) = self.interface_mut(id) else { return };
        of.leased_mtu = mtu.filter(|mtu| *mtu <= of.device.mtu);
        if mtu != of.leased_mtu {
            let (code, why) = (option::INTERFACE_MTU, dhcp::Why::MtuOutOfRange);
            cx.note(|| dhcp::Seen::OptionIgnored { code, why });
        }
    }

    /// Adds the routes of a lease, those to networks on the link first, since they lead to gateways.
    fn add_leased_routes(&mut self, cx: &mut Cx<'_>, id: InterfaceId, lease: &Lease) {
        let source = Some(lease.address.address());
        let routes = &lease.settings.routes;
        let on_link = routes.iter().filter(|route| route.gateway.is_none());
        let behind = routes.iter().filter(|route| route.gateway.is_some());
        for (n, route) in (0..).zip(on_link.chain(behind)) {
            let gateway = route.gateway.map(IpAddr::V4);
            let made = Route { to: route.to, interface: id, gateway, metric: METRIC + n, source };
            // A network of one has its router outside: that is on the link.
            if let Some(gateway) = gateway
                && lease.address.prefix_len() == 32
                && self.routes.find_through(gateway, id).is_none()
            {
                let to = Prefix::host(gateway);
                self.routes.add(Route { to, gateway: None, ..made });
            }
            if self.add_route(made).is_err() {
                let (code, why) = (option::ROUTER, dhcp::Why::NotUsable);
                cx.note(|| dhcp::Seen::OptionIgnored { code, why });
            }
        }
    }

    /// Adds servers of names, and domains to search in: the one that we are in, if there is no list.
    fn add_leased_names(
        &mut self,
        cx: &mut Cx<'_>,
        interface: InterfaceId,
        lease: &Lease,
        ends: Instant,
    ) {
        let (now, source) = (cx.now(), DnsSource::Dhcp(lease.server));
        let settings = &lease.settings;
        for address in &settings.dns_servers {
            let address = IpAddr::V4(*address);
            if !self.dns.add_server(now, DnsServer { address, interface, source, ends }) {
                let (code, why) = (option::DNS_SERVERS, dhcp::Why::TooMany);
                cx.note(|| dhcp::Seen::OptionIgnored { code, why });
            }
        }
        let own = settings.domain.iter().filter(|_| settings.search.is_empty());
        for name in settings.search.iter().chain(own) {
            let domain = DnsDomain { name: name.clone(), interface, source, ends };
            if !self.dns.add_domain(now, domain) {
                let (code, why) = (option::DOMAIN_SEARCH, dhcp::Why::TooMany);
                cx.note(|| dhcp::Seen::OptionIgnored { code, why });
            }
        }
    }
}
