//! What messages of routers change beyond their interface: addresses, routes, servers of names. (RFC 4861
//! §6.3, §8; RFC 4862 §5.5; RFC 8106; RFC 1122 §3.2.2.2)

use std::net::{IpAddr, Ipv6Addr};

use base::{Cx, Mac};
use ip::{Cidr, InterfaceId, Prefix, Quoted, Route};
use ndp::wire::{Ends, Message, Opt, RouterAdvertisement};
use ndp::{AutoAddress, Outcome, Seen, Why};
use neighbor::Claim;
use phys::Medium;

use super::addresses::claim_of;
use super::{Address, Change, Discovery, DnsDomain, DnsServer, DnsSource, Network, Origin};

/// How many destinations there are at most for which a router named another: a stranger on the link
/// can name any.
const REDIRECTS_MAX: usize = 64;

/// How many redirects are heeded in a second: each makes the table of routes anew.
pub(super) const REDIRECTS_PER_SECOND: u32 = 10;

/// The metric of their routes: an operator's for the same host comes first.
const REDIRECT_METRIC: u32 = 512;

/// What an operator may choose of addresses that follow from what routers say.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct AutoConfig {
    /// Whether there are also addresses that change each day (RFC 8981); they are preferred then.
    pub with_temporary: bool,
    /// How these addresses, and that of the link, are taken.
    pub claim: Claim,
}

impl Network {
    /// Takes a message of neighbour discovery: its type, code and what stands behind its checksum.
    pub(crate) fn handle_discovery(
        &mut self,
        cx: &mut Cx<'_>,
        id: InterfaceId,
        ends: &Ends,
        (kind, code, body): (u8, u8, &[u8]),
    ) {
        let (from, is_router) = (ends.source, self.is_router);
        let message = Message::parse(kind, code, body, ends);
        let interface = self.interface_mut(id).filter(|of| of.discovery.is_some());
        let dropped = match (interface, message) {
            (_, Err(why)) => Some(why),
            // Where there are no hardware addresses nobody has to ask.
            (None, _) => Some(Why::NotOurRole),
            (Some(_), Ok(Message::RouterSolicitation { .. })) => Some(Why::NotOurRole),
            (Some(of), Ok(Message::NeighborSolicitation { target, mac, nonce })) => {
                of.handle_solicitation(cx, ends, (target, mac, nonce), is_router);
                None
            }
            (Some(of), Ok(Message::NeighborAdvertisement(told))) => {
                of.handle_neighbor(cx, from, told);
                None
            }
            // RFC 4861 §6.3.4, §8.3: routers follow nobody.
            (Some(_), Ok(_)) if is_router => Some(Why::NotOurRole),
            (Some(_), Ok(Message::RouterAdvertisement(told))) => {
                self.handle_router(cx, id, from, &told);
                None
            }
            (Some(_), Ok(Message::Redirect { target, destination, mac })) => {
                self.handle_redirect(cx, id, from, (target, destination, mac)).err()
            }
        };
        if let Some(why) = dropped {
            cx.note(|| Seen::Dropped { from, why });
        }
        self.settle_discovery(cx);
    }

    /// A router says what is so on its link. (RFC 4861 §6.3.4)
    fn handle_router(
        &mut self,
        cx: &mut Cx<'_>,
        id: InterfaceId,
        from: Ipv6Addr,
        told: &RouterAdvertisement<'_>,
    ) {
        let Some(interface) = self.interface_mut(id) else { return };
        let Some(discovery) = &mut interface.discovery else { return };
        if !discovery.autoconf.handle_advertisement(cx, from, told) {
            return;
        }
        if let Some(mac) = told.options.source_mac() {
            interface.neighbors.handle_heard(cx, from, mac);
        }
        self.learn_names(cx, id, from, told);
    }

    /// RFC 8106 §5: who answers questions about names, and where they are looked for.
    fn learn_names(
        &mut self,
        cx: &mut Cx<'_>,
        interface: InterfaceId,
        from: Ipv6Addr,
        told: &RouterAdvertisement<'_>,
    ) {
        let (now, source) = (cx.now(), DnsSource::Router(from));
        let until = |seconds| match seconds {
            u32::MAX => base::Instant::NEVER,
            seconds => now.after(std::time::Duration::from_secs(u64::from(seconds))),
        };
        let mut is_full = false;
        for option in told.options.iter() {
            match option {
                Opt::Servers { lifetime, addresses } => {
                    for address in ndp::servers(addresses) {
                        let ends = until(lifetime);
                        let server = DnsServer { address: address.into(), interface, source, ends };
                        is_full |= !self.dns.add_server(now, server);
                    }
                }
                Opt::Domains { lifetime, names } => {
                    for name in ndp::domains(names) {
                        let domain = DnsDomain { name, interface, source, ends: until(lifetime) };
                        is_full |= !self.dns.add_domain(now, domain);
                    }
                }
                _ => {}
            }
        }
        if is_full {
            cx.note(|| Seen::Dropped { from, why: Why::TableFull });
        }
    }

    /// A router says that another one is nearer to a destination. (RFC 4861 §8.1, §8.3)
    fn handle_redirect(
        &mut self,
        cx: &mut Cx<'_>,
        id: InterfaceId,
        from: Ipv6Addr,
        (target, destination, mac): (Ipv6Addr, Ipv6Addr, Option<Mac>),
    ) -> Result<(), Why> {
        let route = self.routes.find(destination.into());
        let is_asked = route
            .is_some_and(|route| route.interface == id && route.gateway == Some(IpAddr::V6(from)));
        if !is_asked || self.is_local(target.into()) || self.is_local(destination.into()) {
            return Err(Why::NotFromGateway);
        }
        if !self.redirects_heeded.take(cx.now()) {
            return Err(Why::TooMany);
        }
        if let (Some(mac), Some(interface)) = (mac, self.interface_mut(id)) {
            interface.neighbors.handle_heard(cx, target, mac);
        }
        cx.note(|| Seen::Redirected { destination, by: from, to: target });
        let gateway = (target != destination).then_some(IpAddr::V6(target));
        self.redirect(id, destination.into(), gateway);
        Ok(())
    }

    /// The same in IPv4: the address of the other router, and the packet that was sent to the wrong one.
    /// The redirect is heeded if we have sent such a packet to that router, and the other one is on the
    /// same link; whatever its code says, it is about this one destination. (RFC 1122 §3.2.2.2) Nothing,
    /// if it is ignored.
    pub(crate) fn handle_redirect_v4(
        &mut self,
        cx: &mut Cx<'_>,
        id: InterfaceId,
        from: IpAddr,
        body: &[u8],
    ) -> Option<()> {
        let (target, quote) = body.split_first_chunk::<4>()?;
        let (target, quoted) = (IpAddr::from(*target), Quoted::parse(quote).ok()?);
        let destination = quoted.destination;
        let route = self.routes.find(destination)?;
        let is_asked = route.interface == id && route.gateway == Some(from);
        let is_near = self.routes.find_through(target, id).is_some_and(|of| of.gateway.is_none());
        let is_ours = |address| self.is_local(address);
        let may_be = is_asked
            && is_near
            && ip::Kind::of(target).may_be_source()
            && is_ours(quoted.source)
            && !is_ours(target)
            && !is_ours(destination)
            && !self.is_router;
        if !may_be || !self.redirects_heeded.take(cx.now()) {
            return None;
        }
        cx.note(|| icmp::Seen::Redirected { destination, by: from, to: target });
        self.redirect(id, destination, (target != destination).then_some(target));
        Some(())
    }

    /// Leads what is for one host through `gateway` from now on, or to itself on the link.
    fn redirect(&mut self, id: InterfaceId, destination: IpAddr, gateway: Option<IpAddr>) {
        let to = Prefix::host(destination);
        let new = Route { gateway, metric: REDIRECT_METRIC, ..Route::on_link(to, id) };
        self.redirects.retain(|old| old.to != to);
        let oldest = (self.redirects.len() >= REDIRECTS_MAX).then(|| self.redirects.pop_front());
        self.redirects.push_back(new);
        let oldest = oldest.flatten();
        let is_old = |route: &Route| {
            Some(*route) == oldest || (route.to == to && route.metric == REDIRECT_METRIC)
        };
        self.routes.replace(is_old, [new]);
    }

    /// Asks for routers on an interface from now on, and makes addresses and routes of what they say.
    /// Whether there is such an interface, and it carries Ethernet.
    pub(crate) fn autoconfigure(
        &mut self,
        cx: &mut Cx<'_>,
        id: InterfaceId,
        wanted: AutoConfig,
    ) -> bool {
        let interface = self.interface_mut(id);
        let Some(discovery) = interface.and_then(|of| of.discovery.as_mut()) else { return false };
        discovery.autoconf.set_temporary(wanted.with_temporary);
        discovery.claim = wanted.claim;
        discovery.autoconf.start(cx);
        self.begin_v6(cx, id, wanted.claim);
        self.settle_discovery(cx);
        true
    }

    /// Heeds no router on an interface any more. Whether it did.
    pub(crate) fn stop_autoconfiguration(&mut self, cx: &mut Cx<'_>, id: InterfaceId) -> bool {
        let interface = self.interface_mut(id);
        let Some(discovery) = interface.and_then(|of| of.discovery.as_mut()) else { return false };
        let was_on = discovery.autoconf.is_on();
        discovery.autoconf.stop();
        self.dns.remove_routers(id);
        self.settle_discovery(cx);
        was_on
    }

    /// The interface gets its address of the link, if it has none. (RFC 4291 §2.1, RFC 4862 §5.3)
    pub(super) fn begin_v6(&mut self, cx: &mut Cx<'_>, id: InterfaceId, how: Claim) {
        let Some(interface) = self.interface_mut(id) else { return };
        let has_one = interface.link_local.is_some();
        let Some(discovery) = &mut interface.discovery else { return };
        if std::mem::replace(&mut discovery.has_begun, true) || has_one {
            return;
        }
        let address = discovery.autoconf.link_local();
        self.add_link_local(cx, id, address, how);
    }

    fn add_link_local(&mut self, cx: &mut Cx<'_>, id: InterfaceId, address: Ipv6Addr, how: Claim) {
        let Some(cidr) = Cidr::new(address.into(), 64) else { return };
        let own = Address { origin: Origin::LinkLocal, ..Address::of_operator(cidr, id) };
        // Refused only if the operator has given us the same one.
        let _ = self.take_address(cx, own, how);
    }

    /// Takes in what became of claims, and what routers said or have stopped to say.
    pub(crate) fn settle_discovery(&mut self, cx: &mut Cx<'_>) {
        for at in 0..self.interfaces.len() {
            let id = InterfaceId(at as u32);
            self.settle_claims(cx, id);
            let discovery = self.interface_mut(id).and_then(|of| of.discovery.as_mut());
            if discovery.is_some_and(|discovery| discovery.autoconf.take_changed()) {
                self.follow_routers(cx, id);
                self.settle_claims(cx, id);
            }
        }
        while let Some((id, address)) = self.silent.pop_front() {
            self.handle_silent(cx, id, address);
        }
    }

    fn settle_claims(&mut self, cx: &mut Cx<'_>, id: InterfaceId) {
        let next = |network: &mut Self| {
            network.interface_mut(id)?.discovery.as_mut()?.claims.poll_outcome()
        };
        while let Some(outcome) = next(self) {
            match outcome {
                Outcome::Taken { ip } => self.make_ready(id, ip.into()),
                Outcome::Lost { ip, to } => self.handle_lost(cx, id, ip, to),
            }
        }
    }

    /// Somebody else has `address`: for those that we made ourselves there are others.
    fn handle_lost(&mut self, cx: &mut Cx<'_>, id: InterfaceId, address: Ipv6Addr, to: Mac) {
        let is_own = |own: &&Address| own.cidr.address() == IpAddr::V6(address);
        let origin = self.addresses.iter().find(is_own).map(|own| own.origin);
        self.remove_address(address.into());
        self.changes.push_back(Change::Lost { interface: id, address: address.into(), to });
        let interface = self.interface_mut(id);
        let Some(discovery) = interface.and_then(|of| of.discovery.as_mut()) else { return };
        match origin {
            Some(Origin::LinkLocal) => {
                if let Some(next) = discovery.autoconf.next_link_local() {
                    self.add_link_local(cx, id, next, Claim::Probe);
                }
            }
            Some(Origin::Router) => {
                discovery.autoconf.handle_conflict(cx, address);
            }
            Some(Origin::Operator) | None => {}
        }
    }

    /// Makes addresses, routes and numbers what routers say. (RFC 4861 §6.3.4, RFC 4862 §5.5)
    fn follow_routers(&mut self, cx: &mut Cx<'_>, id: InterfaceId) {
        let Some(interface) = self.interface_mut(id) else { return };
        let Some(discovery) = &mut interface.discovery else { return };
        let (autoconf, reachable, retry) =
            (&discovery.autoconf, discovery.reachable, discovery.retry);
        let (reachable, retry) =
            (autoconf.reachable().unwrap_or(reachable), autoconf.retrans().unwrap_or(retry));
        let (wanted, mtu) = (autoconf.addresses().to_vec(), autoconf.mtu());
        let hop_limit = autoconf.hop_limit();
        let route = |learned: ndp::Learned| {
            let to = Prefix::new(learned.to.0.into(), learned.to.1)?;
            let gateway = learned.by.map(IpAddr::V6);
            Some(Route { gateway, metric: learned.rank, ..Route::on_link(to, id) })
        };
        let routes: Vec<Route> = autoconf.routes().into_iter().filter_map(route).collect();
        discovery.claims.set_retrans(retry);
        let before = std::mem::replace(&mut discovery.learned, routes.clone());
        interface.neighbors.set_times(reachable, retry);
        interface.advertised_mtu = mtu;
        self.advertised_hop_limit = hop_limit.or(self.advertised_hop_limit);
        if before != routes {
            self.routes.replace(|route| before.contains(route), routes);
        }
        self.follow_addresses(cx, id, &wanted);
    }

    fn follow_addresses(&mut self, cx: &mut Cx<'_>, id: InterfaceId, wanted: &[AutoAddress]) {
        let is_wanted = |ip: IpAddr| wanted.iter().any(|wanted| IpAddr::V6(wanted.address) == ip);
        let gone = self.addresses.iter().filter(|own| {
            own.interface == id && own.origin == Origin::Router && !is_wanted(own.cidr.address())
        });
        for address in gone.map(|own| own.cidr.address()).collect::<Vec<_>>() {
            self.remove_address(address);
            self.changes.push_back(Change::Gone { interface: id, address });
        }
        let discovery = self.interface(id).and_then(|of| of.discovery.as_ref());
        let claim = discovery.map_or(Claim::Probe, |discovery| discovery.claim);
        for told in wanted {
            let Some(cidr) = Cidr::new(told.address.into(), 64) else { continue };
            let own = Address {
                origin: Origin::Router,
                is_deprecated: told.is_deprecated,
                is_temporary: told.is_temporary,
                preferred_until: told.preferred_until,
                valid_until: told.valid_until,
                ..Address::of_operator(cidr, id)
            };
            let known = self.addresses.iter_mut().find(|k| k.cidr.address() == cidr.address());
            match known {
                Some(known) if known.origin == Origin::Router => {
                    *known = Address { is_ready: known.is_ready, ..own };
                }
                // The operator has given us the same one.
                Some(_) => {}
                None => {
                    let _ = self.take_address(cx, own, claim);
                }
            }
        }
    }

    /// A neighbour does not answer: whatever led through it is led elsewhere. (RFC 4861 §6.3.6, §7.3.3)
    /// In IPv4 only redirects are: there an operator's gateway is all that there is (RFC 1122 §3.3.1.2).
    fn handle_silent(&mut self, cx: &mut Cx<'_>, id: InterfaceId, by: IpAddr) {
        let leads_there =
            |route: &Route| route.interface == id && route.next_hop(route.to.network()) == by;
        if self.redirects.iter().any(leads_there) {
            let gone = self.redirects.iter().copied().filter(|r| leads_there(r));
            let gone: Vec<Route> = gone.collect();
            self.redirects.retain(|route| !gone.contains(route));
            self.routes.replace(|route| gone.contains(route), []);
        }
        let interface = self.interface_mut(id);
        let discovery = interface.and_then(|of| of.discovery.as_mut());
        let (Some(discovery), IpAddr::V6(address)) = (discovery, by) else { return };
        discovery.autoconf.handle_unreachable(cx, address);
        if discovery.autoconf.take_changed() {
            self.follow_routers(cx, id);
        }
    }

    /// Whether it matters that the neighbour `address` does not answer.
    pub(super) fn leads_through(&self, id: InterfaceId, by: IpAddr) -> bool {
        let discovery = self.interface(id).and_then(|of| of.discovery.as_ref());
        let is_router = |d: &Discovery| d.autoconf.routers().iter().any(|r| by == r.address);
        discovery.is_some_and(is_router)
            || self.redirects.iter().any(|route| route.next_hop(route.to.network()) == by)
    }

    /// Takes `own` by the rules of IPv6: nobody else may have it. Whether there was room.
    pub(super) fn claim_v6(
        &mut self,
        cx: &mut Cx<'_>,
        id: InterfaceId,
        address: Ipv6Addr,
        how: Claim,
    ) -> bool {
        let Some(interface) = self.interface_mut(id) else { return false };
        let group = IpAddr::V6(ndp::wire::solicited_node(address));
        if interface.device.medium != Medium::Ethernet || !interface.join(group) {
            return false;
        }
        let Some(discovery) = &mut interface.discovery else { return false };
        // RFC 4862 §5.4.2: the first message of an interface waits a random time.
        let is_of_link = address.is_unicast_link_local();
        let is_first = is_of_link || !discovery.has_begun;
        let is_claimed = discovery.claims.add(cx, address, claim_of(how), is_first);
        if is_claimed && is_of_link {
            interface.link_local = Some(address);
        }
        if !is_claimed {
            interface.leave(group);
        }
        is_claimed
    }
}
