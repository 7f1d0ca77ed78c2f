//! Layers 2 and 3 of a host: interfaces, addresses, routes, and the packets on their way between them.

mod addresses;
mod discovery;
mod dns;
mod groups;
mod output;
mod routers;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base::{Bucket, Cx, Instant, Offload, PendingChecksum, SipKey, TxBuf};
use icmp::Error;
use ip::{
    Cidr, Ecn, Fragments, Identifications, InterfaceId, Packet, PathMtus, Protocol, Reassembly,
    Route, Routes, Seen, Why, v4, v6,
};
use multicast::Membership;
use phys::Pool;

use crate::interface::{Interface, may_come_from};

pub(crate) use discovery::Discovery;
pub(crate) use dns::Dns;
pub use dns::{
    DNS_DOMAINS_MAX_EACH, DNS_ENTRIES_MAX, DNS_SERVERS_MAX_EACH, DnsDomain, DnsServer, DnsSource,
};
pub use routers::AutoConfig;

/// How many interfaces a host may have.
const INTERFACES_MAX: usize = 64;

/// How many packets may wait to be passed on, or to come back to ourselves: a batch of frames, or a
/// window of one connection to ourselves. With 2 KiB each, 2 MiB.
const QUEUE_MAX: usize = 1024;

/// How many packets may be cut at a time, of at most 64 KiB.
const CUTTING_MAX: usize = 32;

/// The interface that leads to ourselves.
pub const LOOPBACK: InterfaceId = InterfaceId(0);

/// How long packets to ourselves may be: as long as packets can be.
const LOOPBACK_MTU: usize = v4::PACKET_LEN_MAX;

/// Interfaces, addresses, routes, and packets between them.
#[derive(Debug)]
pub(crate) struct Network {
    key: SipKey,
    /// What labels of flows follow from.
    label_key: SipKey,
    /// What addresses follow from that stay.
    stable_key: SipKey,
    /// The first is the loopback; a place is never used again.
    interfaces: Vec<Option<Interface>>,
    /// Addresses that may be used.
    local: BTreeMap<IpAddr, InterfaceId>,
    /// All addresses, in the order in which they came.
    addresses: Vec<Address>,
    pub(crate) routes: Routes,
    pub(crate) paths: PathMtus,
    pub(crate) reassembly: Reassembly,
    pub(crate) dns: Dns,
    identifications: Identifications,
    /// Whether packets for others are passed on.
    pub(crate) is_router: bool,
    hop_limit: u8,
    /// What routers of IPv6 said that it should be.
    advertised_hop_limit: Option<u8>,
    /// Routes to single hosts that routers told us.
    redirects: VecDeque<Route>,
    redirects_heeded: Bucket,
    /// Neighbours who do not answer, and through whom something led.
    silent: VecDeque<(InterfaceId, IpAddr)>,
    /// Packets with their header that are to be passed on, and by whom on which link.
    forwarded: VecDeque<(InterfaceId, IpAddr, TxBuf)>,
    /// Packets that are being cut, and to whom on which link the parts go.
    cutting: VecDeque<(InterfaceId, IpAddr, IpAddr, Fragments)>,
    looped: VecDeque<TxBuf>,
    failed: VecDeque<Failed>,
    changes: VecDeque<Change>,
    /// Addresses that are ours no longer, whose connections are to end.
    gone: Vec<IpAddr>,
    /// Whether any has ever gone, so that it is looked whose the source of a packet is.
    has_lost_any: bool,
    pool: Pool,
}

/// An address of ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Address {
    /// The address and its network.
    pub cidr: Cidr,
    /// The interface that has it.
    pub interface: InterfaceId,
    /// Whether it may be used already: nobody else has it.
    pub is_ready: bool,
    /// Where it comes from.
    pub origin: Origin,
    /// Whether it is used for nothing new. (RFC 4862 §5.5.4)
    pub is_deprecated: bool,
    /// Whether it was made to be forgotten soon. (RFC 8981)
    pub is_temporary: bool,
    /// Until when it is used for what is new.
    pub preferred_until: Instant,
    /// Until when it is ours.
    pub valid_until: Instant,
}

/// Where an address of ours comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// Somebody above gave it to us: the operator, or a client of DHCP.
    Operator,
    /// It is the interface's own address of the link. (RFC 4862 §5.3)
    LinkLocal,
    /// It was made of a prefix that a router advertised. (RFC 4862 §5.5)
    Router,
}

impl Address {
    /// An address that stays until somebody takes it away, and is not ready.
    pub(crate) const fn of_operator(cidr: Cidr, interface: InterfaceId) -> Self {
        Self {
            cidr,
            interface,
            is_ready: false,
            origin: Origin::Operator,
            is_deprecated: false,
            is_temporary: false,
            preferred_until: Instant::NEVER,
            valid_until: Instant::NEVER,
        }
    }
}

/// Why an address or a route cannot be had.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AddError {
    /// There is no such interface.
    NoInterface,
    /// The interface carries no Ethernet.
    NoEthernet,
    /// It is there already.
    Exists,
    /// There are as many as there may be.
    TooMany,
    /// No host can have this address.
    NotAHost,
    /// The gateway is not on the link.
    GatewayNotOnLink,
}

impl From<AddError> for io::Error {
    fn from(error: AddError) -> Self {
        let what = match error {
            AddError::NoInterface => "there is no such interface",
            AddError::NoEthernet => "the interface carries no Ethernet",
            AddError::Exists => "it is there already",
            AddError::TooMany => "there are as many as there may be",
            AddError::NotAHost => "no host can have this address",
            AddError::GatewayNotOnLink => "the gateway is not on the link of any address",
        };
        Self::new(io::ErrorKind::InvalidInput, what)
    }
}

/// What a packet needs that goes out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: Protocol,
    pub(crate) ecn: Ecn,
    /// Whether it may be cut if a link or the path takes no longer ones.
    pub(crate) may_be_cut: bool,
    pub(crate) service: Service,
    /// In IPv6, what tells a flow from others for who looks no deeper; 0 for none. (RFC 6437)
    pub(crate) flow_label: u32,
}

impl Outgoing {
    /// A packet that travels as most do: it may be cut, and nobody has chosen anything.
    pub(crate) fn usual(source: IpAddr, destination: IpAddr, protocol: Protocol) -> Self {
        let (ecn, may_be_cut, service, flow_label) = (Ecn::NotEct, true, Service::default(), 0);
        Self { source, destination, protocol, ecn, may_be_cut, service, flow_label }
    }
}

/// What whoever sends packets may choose of how they travel.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Service {
    /// The differentiated services codepoint, 6 bits. (RFC 2474 §3)
    pub dscp: u8,
    /// How often they may be passed on; otherwise as often as the host's.
    pub hop_limit: Option<u8>,
}

/// A packet that could not be handed to anybody, and why.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) packet: TxBuf,
    pub(crate) error: Error,
}

/// What has changed by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    Ready { interface: InterfaceId, address: IpAddr },
    Lost { interface: InterfaceId, address: IpAddr, to: base::Mac },
    Gone { interface: InterfaceId, address: IpAddr },
}

/// What is to be done with a packet that came in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Admission {
    /// It is for us; perhaps for others too.
    Deliver { is_group: bool },
    /// It is for somebody else, and we are a router.
    Forward,
    /// It is dropped.
    Drop(Why),
}

impl Network {
    pub(crate) fn new(key: SipKey, stable_key: SipKey, is_router: bool, hop_limit: u8) -> Self {
        let derive = |purpose: &[u8]| key.derive(purpose);
        let mut network = Self {
            key,
            label_key: derive(b"flow labels"),
            stable_key,
            interfaces: Vec::new(),
            local: BTreeMap::new(),
            addresses: Vec::new(),
            routes: Routes::new(),
            paths: PathMtus::new(derive(b"paths")),
            reassembly: Reassembly::new(derive(b"reassembly")),
            dns: Dns::default(),
            identifications: Identifications::new(derive(b"identifications")),
            is_router,
            hop_limit,
            advertised_hop_limit: None,
            redirects: VecDeque::new(),
            redirects_heeded: Bucket::new(
                routers::REDIRECTS_PER_SECOND,
                routers::REDIRECTS_PER_SECOND,
            ),
            silent: VecDeque::new(),
            forwarded: VecDeque::new(),
            cutting: VecDeque::new(),
            looped: VecDeque::new(),
            failed: VecDeque::new(),
            changes: VecDeque::new(),
            gone: Vec::new(),
            has_lost_any: false,
            pool: Pool::new(),
        };
        network.add_loopback();
        network
    }

    // From below.

    pub(crate) fn interface(&self, id: InterfaceId) -> Option<&Interface> {
        self.interfaces.get(id.0 as usize)?.as_ref()
    }

    pub(crate) fn interface_mut(&mut self, id: InterfaceId) -> Option<&mut Interface> {
        self.interfaces.get_mut(id.0 as usize)?.as_mut()
    }

    /// Whether a packet is for us, and may be.
    #[inline]
    pub(crate) fn admit(
        &self,
        at: InterfaceId,
        is_link_group: bool,
        packet: &Packet<'_>,
    ) -> Admission {
        let Some(interface) = self.interface(at) else {
            return Admission::Drop(Why::InterfaceDown);
        };
        let (source, destination) = (packet.source, packet.destination);
        let is_outside = at != LOOPBACK;
        if is_outside && !may_come_from(source) && !is_from_newcomer(packet) {
            return Admission::Drop(Why::MartianSource);
        }
        // RFC 1812 §5.3.8: nobody else sends from our addresses.
        if is_outside && self.local.contains_key(&source) && !is_claim_of_other(packet) {
            return Admission::Drop(Why::FromOurselves);
        }
        if let IpAddr::V4(source) = source
            && interface.is_broadcast(source)
        {
            return Admission::Drop(Why::MartianSource);
        }
        if interface.hears_group(destination) {
            return Admission::Deliver { is_group: true };
        }
        // RFC 1122 §3.3.6: a packet for one that was sent to all is somebody's mistake.
        if is_link_group {
            return Admission::Drop(Why::MartianDestination);
        }
        if self.is_local(destination) {
            // RFC 1122 §3.2.1.3 (g): an address of the host itself is never on a link.
            return match is_outside && ip::Kind::of(destination) == ip::Kind::Loopback {
                true => Admission::Drop(Why::MartianDestination),
                false => Admission::Deliver { is_group: false },
            };
        }
        match self.is_router && is_outside {
            true => Admission::Forward,
            false => Admission::Drop(Why::NotForUs),
        }
    }

    /// The route for a packet that is passed on, and what its link takes.
    pub(crate) fn route_through(&self, destination: IpAddr) -> Option<(Route, usize)> {
        let route = self.routes.find(destination)?;
        Some((*route, self.interface(route.interface)?.mtu(destination.is_ipv6())))
    }

    /// Passes a packet on, with one hop less, and with what is still to be done left `open` again.
    pub(crate) fn forward(
        &mut self,
        cx: &mut Cx<'_>,
        route: &Route,
        packet: &Packet<'_>,
        open: Offload,
    ) {
        let (from, to) = (packet.source, packet.destination);
        if self.forwarded.len() >= QUEUE_MAX {
            return cx.note(|| Seen::Dropped { from, to, why: Why::QueueFull });
        }
        let mut copy = self.pool.take();
        copy.append(packet.bytes);
        ip::forward::decrement(copy.as_mut_slice());
        if let Some(PendingChecksum { start, offset }) = open.checksum {
            copy.leave_checksum_at(start, offset);
        }
        if let Some(segmentation) = open.segmentation {
            copy.leave_segmentation(segmentation);
        }
        let (interface, hop_limit) = (route.interface, packet.hop_limit - 1);
        cx.note(|| Seen::Forwarded { from, to, interface, hop_limit });
        self.forwarded.push_back((interface, route.next_hop(to), copy));
    }

    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        for interface in self.interfaces.iter_mut().flatten() {
            interface.neighbors.handle_timeout(cx);
            if let Some(discovery) = &mut interface.discovery {
                discovery.handle_timeout(cx);
            }
            interface.memberships.iter_mut().for_each(|m| m.handle_timeout(cx));
        }
        self.settle_discovery(cx);
    }

    // From above.

    /// Whether `address` is one of ours, and may be used.
    #[inline]
    pub(crate) fn is_local(&self, address: IpAddr) -> bool {
        self.local.contains_key(&address)
            // RFC 1122 §3.2.1.3 (g): all of 127/8 is the host.
            || matches!(address, IpAddr::V4(v4) if v4.is_loopback())
    }

    /// Whether `address` is ours, or about to be once it has been probed.
    pub(crate) fn is_own(&self, address: IpAddr) -> bool {
        self.is_local(address) || self.addresses.iter().any(|own| own.cidr.address() == address)
    }

    /// How long packets to `destination` may be: what the link takes, or what the path does.
    #[inline]
    pub(crate) fn mtu_to(&self, now: Instant, destination: IpAddr) -> usize {
        if self.is_local(destination) {
            return LOOPBACK_MTU;
        }
        let route = self.routes.find(destination);
        let link = route.and_then(|route| self.interface(route.interface));
        let link = link.map_or(v6::MTU_MIN, |interface| interface.mtu(destination.is_ipv6()));
        self.paths.find(now, destination).map_or(link, |path| path.min(link))
    }

    /// How long the super-segments may be that the way to `destination` takes, if any.
    pub(crate) fn segments_to(&self, destination: IpAddr) -> usize {
        let kind = base::SegmentationKind::Tcp;
        let route = self.routes.find(destination).filter(|_| !self.is_local(destination));
        let interface = route.and_then(|route| self.interface(route.interface));
        interface.map_or(0, |i| i.device.segment_len_max(kind, destination.is_ipv6()))
    }

    /// Somebody at `address` has answered a layer above. (RFC 4861 §7.3.1)
    #[inline]
    pub(crate) fn handle_sign_of_life(&mut self, cx: &mut Cx<'_>, address: IpAddr) {
        let Some(route) = self.routes.find(address).copied() else { return };
        if let Some(interface) = self.interface_mut(route.interface)
            && interface.device.medium == phys::Medium::Ethernet
        {
            interface.neighbors.handle_sign_of_life(cx, route.next_hop(address));
        }
    }

    /// How often packets of ours may be passed on, from now on.
    pub(crate) fn set_hop_limit(&mut self, hop_limit: u8) {
        self.hop_limit = hop_limit;
    }

    // Out.

    /// The next packet that came back to ourselves.
    pub(crate) fn poll_looped(&mut self) -> Option<TxBuf> {
        self.looped.pop_front()
    }

    /// Memory for a packet, empty.
    pub(crate) fn take_buffer(&mut self) -> TxBuf {
        self.pool.take()
    }

    /// Takes the memory of a packet back.
    pub(crate) fn recycle(&mut self, packet: TxBuf) {
        self.pool.put(packet);
    }

    /// The next packet that nobody could be found for.
    pub(crate) fn poll_failed(&mut self) -> Option<Failed> {
        self.failed.pop_front()
    }

    /// The next thing that has changed by itself.
    pub(crate) fn poll_change(&mut self) -> Option<Change> {
        self.settle();
        self.changes.pop_front()
    }

    /// Addresses that are ours no longer, if there are any of which that was not said; one that was given
    /// back at once, with another prefix, is not among them.
    #[inline]
    pub(crate) fn take_gone(&mut self) -> Option<Vec<IpAddr>> {
        if self.gone.is_empty() {
            return None;
        }
        self.has_lost_any = true;
        let mut gone = std::mem::take(&mut self.gone);
        gone.retain(|address| !self.local.contains_key(address));
        Some(gone).filter(|gone| !gone.is_empty())
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let neighbors = self.interfaces.iter().flatten();
        let neighbors = neighbors.flat_map(|interface| {
            let discovery = interface.discovery.as_ref();
            let discovery = discovery.and_then(|discovery| discovery.poll_timeout());
            let [v4, v6] = interface.memberships.each_ref().map(Membership::poll_timeout);
            [interface.neighbors.poll_timeout(), discovery, v4, v6].into_iter().flatten()
        });
        neighbors.chain(self.reassembly.poll_timeout()).min()
    }

    // Look.

    pub(crate) fn interfaces(&self) -> impl Iterator<Item = &Interface> {
        self.interfaces.iter().flatten()
    }

    pub(crate) fn addresses(&self) -> &[Address] {
        &self.addresses
    }
}

/// Nobody, in the same version of IP.
pub(crate) fn unspecified_like(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// Whether a packet comes from somebody who has no address yet, and may: in IPv6 who asks whether
/// somebody else has it, in IPv4 a switch that asks about groups (RFC 4541 §2.1.1). Both speak to a
/// group, and are passed on by nobody. (RFC 4861 §7.1.1, RFC 3376 §4)
fn is_from_newcomer(packet: &Packet<'_>) -> bool {
    let hop_limit = match packet.protocol {
        Protocol::ICMPV6 => ndp::wire::HOP_LIMIT,
        Protocol::IGMP => 1,
        _ => return false,
    };
    packet.source.is_unspecified()
        && packet.hop_limit == hop_limit
        && packet.destination.is_multicast()
}

/// Whether somebody says that an address is theirs, in IPv6: also of one of ours we have to hear it.
/// (RFC 4862 §5.4.4)
fn is_claim_of_other(packet: &Packet<'_>) -> bool {
    packet.protocol == Protocol::ICMPV6
        && packet.hop_limit == ndp::wire::HOP_LIMIT
        && packet.payload.first() == Some(&ndp::wire::NEIGHBOR_ADVERTISEMENT)
}
