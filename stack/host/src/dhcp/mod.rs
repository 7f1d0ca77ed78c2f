//! Addresses from servers of DHCP: a client for each interface that wants one, and what its lease does
//! to the host. (RFC 2131)
//!
//! A client speaks before there is an address, to everybody on one link and from nobody, and hears
//! what comes for its port before the address is ours. So its datagrams do not go through sockets:
//! [`Host::handle_dhcp`] takes them off the way up before anybody asks whose they are, and
//! [`Dhcp::poll_transmit`] writes them on the way down.
//!
//! What a lease brings comes and goes with it: `applied.rs`. Hosts behind other queues of the same device
//! have it too: `following.rs`.

mod applied;
mod following;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use base::xray::Layer;
use base::{Cx, Instant, TxBuf};
use dhcp::wire::{CLIENT_PORT, SERVER_PORT};
use dhcp::{Client, Lease, Lost, State};
use ip::{InterfaceId, Packet, Protocol};
use neighbor::Claim;
use phys::Medium;

use self::applied::Applied;
pub use self::following::Leased;
use crate::host::{Arrival, Event, Host};
use crate::interface::may_come_from;
use crate::network::{AddError, Change, Network, Outgoing};

/// How long it is worth waiting until a server was found, to be told that we are done. Whoever is on the
/// same link answers in a few milliseconds, and a lease ends by itself.
pub const RELEASE_TIME_MAX: Duration = Duration::from_millis(200);

/// What an operator may choose of a client.
#[derive(Clone, Debug, Default)]
pub struct DhcpConfig {
    /// Who we are to servers, and what we ask them for.
    pub client: dhcp::Config,
    /// How an address is taken. [`Claim::Probe`] asks first whether somebody has it, as RFC 2131 §4.4.1
    /// wants it, and takes some six seconds; by [`Claim::Announce`] it is used at once, and given up if
    /// somebody complains.
    pub claim: Claim,
}

/// What is new of a lease.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DhcpNews {
    /// There is one, and its address is in use.
    Bound,
    /// It lasts longer; what belongs to it may be another.
    Renewed,
    /// It is gone.
    Lost(Lost),
}

/// A client of DHCP, as it can be seen.
#[derive(Clone, Copy, Debug)]
pub struct DhcpView<'a> {
    /// On which interface it is.
    pub interface: InterfaceId,
    /// How far it is.
    pub state: State,
    /// What it has.
    pub lease: Option<&'a Lease>,
    /// When that ends, if ever.
    pub ends: Option<Instant>,
}

/// All clients, by their interfaces.
#[derive(Debug, Default)]
pub(crate) struct Dhcp {
    clients: BTreeMap<InterfaceId, Leasing>,
    /// What leases have done that other hosts keep.
    followed: BTreeMap<InterfaceId, Applied>,
}

/// A client, and what it has brought.
#[derive(Debug)]
struct Leasing {
    client: Client,
    claim: Claim,
    applied: Option<Applied>,
}

/// What an operator can do.
impl Host {
    /// Gets an address for an interface from a server of DHCP, and keeps it;
    /// [`Event::Dhcp`](crate::Event::Dhcp) tells of it.
    ///
    /// # Errors
    /// When there is no such interface, it carries no Ethernet, or does so already.
    pub fn dhcp(
        &mut self,
        cx: &mut Cx<'_>,
        interface: InterfaceId,
        config: DhcpConfig,
    ) -> Result<(), AddError> {
        let of = self.network.interface(interface).ok_or(AddError::NoInterface)?;
        if of.device.medium != Medium::Ethernet {
            return Err(AddError::NoEthernet);
        }
        if self.dhcp.has_client(interface) || self.dhcp.followed.contains_key(&interface) {
            return Err(AddError::Exists);
        }
        let DhcpConfig { client, claim } = config;
        let mut client = Client::new(client, of.mac, of.device.mtu);
        client.start(cx);
        self.dhcp.clients.insert(interface, Leasing { client, claim, applied: None });
        Ok(())
    }

    /// Asks for more time now. Whether there is a client on the interface.
    pub fn dhcp_renew(&mut self, cx: &mut Cx<'_>, interface: InterfaceId) -> bool {
        let found = self.dhcp.clients.get_mut(&interface);
        found.map(|of| of.client.renew(cx)).is_some()
    }

    /// Gives the address back, and wants none any more. Whether there is a client on the interface.
    pub fn dhcp_release(&mut self, cx: &mut Cx<'_>, interface: InterfaceId) -> bool {
        let found = self.dhcp.clients.get_mut(&interface);
        found.map(|of| of.client.release(cx)).is_some()
    }

    /// Gives back every address that there is, and wants none any more: whether there was one. What is
    /// said to servers leaves with the next frames, or once they were [found](Self::is_releasing).
    pub fn dhcp_release_all(&mut self, cx: &mut Cx<'_>) -> bool {
        let mut had_any = false;
        for of in self.dhcp.clients.values_mut() {
            had_any |= of.client.lease().is_some();
            of.client.release(cx);
        }
        had_any
    }

    /// Whether a server may still have to hear that its address is given back: somebody is looked for whom
    /// nobody has talked to lately. Who ends waits for that, but no longer than [`RELEASE_TIME_MAX`].
    pub fn is_releasing(&self) -> bool {
        self.neighbors().any(|neighbor| neighbor.state == neighbor::State::Incomplete)
    }

    /// Every client of DHCP.
    pub fn dhcp_clients(&self) -> impl Iterator<Item = DhcpView<'_>> {
        self.dhcp.clients.iter().map(|(interface, of)| DhcpView {
            interface: *interface,
            state: of.client.state(),
            lease: of.client.lease(),
            ends: of.client.lease_ends(),
        })
    }
}

/// The way up and the way down.
impl Host {
    /// Takes a packet that is for a client, here or behind another queue, if it is: nobody asks whose its
    /// address is. Whether it was.
    #[inline]
    pub(crate) fn take_dhcp(&mut self, cx: &mut Cx<'_>, at: &Arrival, packet: &Packet<'_>) -> bool {
        if packet.protocol != Protocol::UDP || !is_for_client(packet) {
            return false;
        }
        let is_ours = self.dhcp.wants(&self.network, at, packet);
        let is_for_leader = !is_ours && self.is_for_leader(at);
        if is_ours {
            self.handle_dhcp(cx, at, packet);
        } else if is_for_leader {
            self.hand_over(cx, at, packet);
        }
        is_ours || is_for_leader
    }

    /// What a server, or a relay, has to say.
    fn handle_dhcp(&mut self, cx: &mut Cx<'_>, at: &Arrival, packet: &Packet<'_>) {
        let (from, to) = (packet.source, packet.destination);
        let IpAddr::V4(source) = from else { return };
        if !may_come_from(from) {
            return cx.note(|| ip::Seen::Dropped { from, to, why: ip::Why::MartianSource });
        }
        let is_verified = at.checksum.is_verified();
        let datagram = udp::Header::parse(packet.payload, from, to, is_verified);
        let Some((header, payload)) = cx.parsed(Layer::Transport, datagram) else { return };
        let from = SocketAddr::new(from, header.source_port);
        let to = SocketAddr::new(to, header.destination_port);
        cx.note(|| udp::Seen::DatagramIn { from, to, len: payload.len() });
        if let Some(of) = self.dhcp.clients.get_mut(&at.interface) {
            of.client.handle_message(cx, source, payload);
        }
    }

    /// Sends the next message of a client, if any: the interface, if `out` holds a frame for it now. What
    /// a client says on its way out leaves before its address goes.
    pub(crate) fn poll_dhcp(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut TxBuf,
    ) -> Option<Option<InterfaceId>> {
        let (id, packet) = self.dhcp.poll_transmit(cx, out)?;
        let frame = match packet.destination {
            IpAddr::V4(Ipv4Addr::BROADCAST) => self.network.send_on_link(cx, id, &packet, out),
            _ => self.network.send(cx, &packet, out),
        };
        self.handle_leases(cx);
        Some(frame)
    }

    /// Does what clients have decided, and tells them what became of their addresses.
    pub(crate) fn handle_leases(&mut self, cx: &mut Cx<'_>) {
        while !self.dhcp.clients.is_empty() {
            if let Some(change) = self.network.poll_change() {
                self.hear_change(cx, change);
                self.events.push_back(change.into());
            } else if let Some((interface, event)) = self.dhcp.poll_event() {
                self.obey(cx, interface, event);
            } else {
                break;
            }
        }
    }

    /// An address may be used, or somebody else has it: perhaps it is a client's.
    fn hear_change(&mut self, cx: &mut Cx<'_>, change: Change) {
        let (Change::Ready { interface, address }
        | Change::Lost { interface, address, .. }
        | Change::Gone { interface, address }) = change;
        let Some(of) = self.dhcp.clients.get_mut(&interface) else { return };
        let Some(applied) = of.applied.filter(|applied| applied.address.address() == address)
        else {
            return;
        };
        if matches!(change, Change::Lost { .. }) {
            return of.client.handle_conflict(cx);
        }
        if !applied.is_ready {
            of.applied = Some(Applied { is_ready: true, ..applied });
            of.client.handle_claimed(cx);
            if let Some(lease) = of.client.lease() {
                let ends = of.client.lease_ends().unwrap_or(Instant::NEVER);
                self.network.set_up_lease(cx, interface, lease, ends);
            }
            self.tell_lease(interface, DhcpNews::Bound);
        }
    }

    fn obey(&mut self, cx: &mut Cx<'_>, interface: InterfaceId, event: dhcp::Event) {
        match event {
            dhcp::Event::Granted => self.take(cx, interface),
            dhcp::Event::Renewed => self.renew(cx, interface),
            dhcp::Event::Lost { why, .. } => {
                let found = self.dhcp.clients.get_mut(&interface);
                if let Some(applied) = found.and_then(|of| of.applied.take()) {
                    self.network.end_lease(interface, applied);
                    self.tell_lease(interface, DhcpNews::Lost(why));
                }
            }
        }
    }

    /// Takes the address of a new lease.
    fn take(&mut self, cx: &mut Cx<'_>, interface: InterfaceId) {
        let Some(of) = self.dhcp.clients.get_mut(&interface) else { return };
        let Some(&Lease { address, server, .. }) = of.client.lease() else { return };
        let claim = of.claim;
        of.applied = Some(Applied { address, server, is_ready: false });
        if self.network.add_address(cx, interface, address, claim).is_err() {
            // It is ours by other means: the server has to give us another.
            of.applied = None;
            of.client.handle_conflict(cx);
        }
    }

    /// There is more time, and perhaps something else of the lease is new.
    fn renew(&mut self, cx: &mut Cx<'_>, interface: InterfaceId) {
        let Some(of) = self.dhcp.clients.get_mut(&interface) else { return };
        if let (Some(lease), Some(applied)) = (of.client.lease(), of.applied) {
            let ends = of.client.lease_ends().unwrap_or(Instant::NEVER);
            // It is ours already, so nobody has to be asked.
            let how = (Claim::Silent, ends);
            let renewed = self.network.change_lease(cx, interface, applied, lease, how);
            of.applied = Some(renewed.unwrap_or(applied));
        }
        self.tell_lease(interface, DhcpNews::Renewed);
    }

    fn tell_lease(&mut self, interface: InterfaceId, news: DhcpNews) {
        self.events.push_back(Event::Dhcp { interface, news });
    }
}

impl Dhcp {
    /// Lets time pass.
    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        for of in self.clients.values_mut() {
            of.client.handle_timeout(cx);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.clients.values().filter_map(|of| Some(of.client.poll_timeout()?.0)).min()
    }

    /// The interface is gone.
    pub(crate) fn forget(&mut self, interface: InterfaceId) {
        self.clients.remove(&interface);
        self.followed.remove(&interface);
    }

    /// Whether an interface has a client that wants an address.
    fn has_client(&self, interface: InterfaceId) -> bool {
        self.clients.get(&interface).is_some_and(|of| of.client.state() != State::Stopped)
    }

    /// Whether the client of its interface hears a packet that is for clients.
    fn wants(&self, network: &Network, at: &Arrival, packet: &Packet<'_>) -> bool {
        let Some(of) = self.clients.get(&at.interface) else { return false };
        let to = packet.destination;
        // RFC 2131 §4.1: as long as there is no address, servers write to the one that they offer.
        let is_bound = of.applied.is_some_and(|applied| applied.is_ready);
        let is_ours = !is_bound
            || network.is_local(to)
            || network.interface(at.interface).is_some_and(|of| of.hears_group(to));
        is_ours && of.client.state() != State::Stopped
    }

    /// Writes the next datagram of a client, if any: on which link, and what its packet is to be.
    fn poll_transmit(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut TxBuf,
    ) -> Option<(InterfaceId, Outgoing)> {
        self.clients.iter_mut().find_map(|(interface, of)| {
            out.clear();
            let dhcp::Outgoing { source, destination } = of.client.poll_transmit(cx, out)?;
            let (source, destination) = (IpAddr::V4(source), IpAddr::V4(destination));
            let header = udp::Header { source_port: CLIENT_PORT, destination_port: SERVER_PORT };
            let from = SocketAddr::new(source, CLIENT_PORT);
            let (to, len) = (SocketAddr::new(destination, SERVER_PORT), out.len());
            cx.note(|| udp::Seen::DatagramOut { from, to, len });
            header.emit(source, destination, out);
            Some((*interface, Outgoing::usual(source, destination, Protocol::UDP)))
        })
    }

    /// The next thing that a client has decided, once all that it had to say before was said.
    fn poll_event(&mut self) -> Option<(InterfaceId, dhcp::Event)> {
        let mut silent = self.clients.iter_mut().filter(|(_, of)| of.client.is_silent());
        silent.find_map(|(interface, of)| Some((*interface, of.client.poll_event()?)))
    }
}

/// Whether a datagram is for a client of DHCP, whoever has one.
fn is_for_client(packet: &Packet<'_>) -> bool {
    let port = udp::Header::parse_ports(packet.payload).map(|ports| ports.destination_port);
    port == Some(CLIENT_PORT) && packet.fragment.is_none() && packet.destination.is_ipv4()
}
