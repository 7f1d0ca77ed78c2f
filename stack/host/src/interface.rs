//! One interface: a device, who is on the other side of it, and what we listen to there.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base::{Cx, Mac, SipKey, TxBuf};
use ethernet::{EtherType, Groups, group_v4, group_v6};
use ip::{InterfaceId, Kind};
use multicast::Membership;
use multicast::wire::{ALL_NODES_V6, ALL_SYSTEMS_V4};
use neighbor::{Answer, Neighbors};
use phys::{Device, Medium};

use crate::network::Discovery;

/// What an interface is made of.
#[derive(Clone, Debug)]
pub struct InterfaceConfig {
    /// What people call it.
    pub name: String,
    /// What its device can do.
    pub device: Device,
    /// Its hardware address; means nothing where there is no Ethernet.
    pub mac: Mac,
    /// How neighbours are found.
    pub neighbors: neighbor::Config,
}

/// What an interface's addresses follow from that stay. (RFC 7217)
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys {
    /// For tables that strangers fill.
    pub(crate) tables: SipKey,
    /// For addresses that are the same when we come back.
    pub(crate) addresses: SipKey,
}

impl InterfaceConfig {
    /// An interface on `device`; where that carries Ethernet, with this hardware address.
    pub fn on(name: &str, mac: Mac, device: Device) -> Self {
        let config = match device.medium {
            Medium::Ethernet => Self::ethernet(name, mac, device.mtu),
            Medium::Ip => Self::point_to_point(name, device.mtu),
        };
        Self { device, ..config }
    }

    /// An interface on a device that can do nothing for us.
    pub fn ethernet(name: &str, mac: Mac, mtu: usize) -> Self {
        let device = Device::plain(Medium::Ethernet, mtu);
        Self { name: name.to_owned(), device, mac, neighbors: neighbor::Config::default() }
    }

    /// An interface that carries IP and nothing else.
    pub fn point_to_point(name: &str, mtu: usize) -> Self {
        let device = Device::plain(Medium::Ip, mtu);
        let neighbors = neighbor::Config::default();
        Self { name: name.to_owned(), device, mac: Mac::UNSPECIFIED, neighbors }
    }
}

/// An interface at work.
#[derive(Debug)]
pub(crate) struct Interface {
    pub(crate) id: InterfaceId,
    pub(crate) name: String,
    pub(crate) device: Device,
    pub(crate) mac: Mac,
    pub(crate) neighbors: Neighbors,
    link_groups: Groups,
    /// Groups of the network layer, and how often each was joined.
    groups: BTreeMap<IpAddr, u32>,
    /// The addresses of everybody in the networks that are on this link.
    pub(crate) broadcasts: Vec<Ipv4Addr>,
    /// Who has which address in IPv6, where that has to be asked.
    pub(crate) discovery: Option<Discovery>,
    /// Our address of the link, in IPv6.
    pub(crate) link_local: Option<Ipv6Addr>,
    /// What routers of IPv6 said that packets may have at most, in bytes.
    pub(crate) advertised_mtu: Option<usize>,
    /// What routers are told of our groups: in IPv4, and in IPv6.
    pub(crate) memberships: [Membership; 2],
    /// What a server of DHCP said that packets may have at most, in bytes.
    pub(crate) leased_mtu: Option<usize>,
    /// Whether its device has other queues, with hosts of their own.
    pub(crate) is_shared: bool,
}

/// What became of a packet that was to go over a link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sent {
    /// `out` holds the frame.
    Frame,
    /// It waits for its neighbour.
    Held,
    /// The neighbour is not there.
    Unreachable,
}

impl Interface {
    pub(crate) fn new(id: InterfaceId, config: InterfaceConfig, keys: Keys) -> Self {
        let InterfaceConfig { name, device, mac, neighbors } = config;
        let discovery = (device.medium == Medium::Ethernet).then(|| {
            // RFC 7217 §5: the name stays, while numbers of interfaces and hardware may change.
            let identity = ndp::Identity::new(keys.addresses, keys.tables, name.as_bytes());
            let settings = ndp::Settings { identity, mtu: device.mtu, with_temporary: false };
            Discovery::new(settings, &neighbors)
        });
        let mut interface = Self {
            id,
            name,
            device,
            mac,
            neighbors: Neighbors::new(mac, neighbors, keys.tables),
            link_groups: Groups::new(),
            groups: BTreeMap::new(),
            broadcasts: Vec::new(),
            discovery,
            link_local: None,
            advertised_mtu: None,
            memberships: [Membership::new(), Membership::new()],
            leased_mtu: None,
            is_shared: false,
        };
        // RFC 1112 §7.2, RFC 4291 §2.8: every host is among all hosts.
        let _ = interface.join(ALL_SYSTEMS_V4.into()) && interface.join(ALL_NODES_V6.into());
        interface
    }

    /// Takes a frame apart: what it carries, and whether it was for many. Nothing, if it is not for us.
    #[inline]
    pub(crate) fn open_frame<'a>(
        &self,
        cx: &mut Cx<'_>,
        bytes: &'a [u8],
    ) -> Option<(EtherType, bool, &'a [u8])> {
        if self.device.medium == Medium::Ip {
            let is_v6 = bytes.first().is_some_and(|first| first >> 4 == 6);
            return Some((if is_v6 { EtherType::Ipv6 } else { EtherType::Ipv4 }, false, bytes));
        }
        let (header, payload) =
            cx.parsed(base::xray::Layer::Link, ethernet::Header::parse(bytes))?;
        let ethernet::Header { source: from, destination: to, ethertype: carries, tag } = header;
        cx.note(|| ethernet::Seen::FrameIn { from, to, carries, len: bytes.len() });
        let why = match tag.map(|tag| tag.vlan) {
            // IEEE 802.1Q §6.9: VLAN 0 says only how urgent it is.
            Some(vlan @ 1..) => Some(ethernet::Why::OtherVlan(vlan)),
            _ if from.is_group() => Some(ethernet::Why::SourceIsGroup),
            _ if !self.link_groups.destination_is_us(self.mac, to) => Some(ethernet::Why::NotForUs),
            _ => None,
        };
        if let Some(why) = why {
            cx.note(|| ethernet::Seen::Dropped { from, why });
            return None;
        }
        Some((carries, to.is_group(), payload))
    }

    /// Hands the packet in `out` to `hop` on this link, from our address `source`.
    #[inline]
    pub(crate) fn send(
        &mut self,
        cx: &mut Cx<'_>,
        hop: IpAddr,
        source: IpAddr,
        out: &mut TxBuf,
    ) -> Sent {
        if self.device.medium == Medium::Ip {
            self.device.finish(out);
            return Sent::Frame;
        }
        let destination = match self.group_mac(hop) {
            Some(group) => group,
            None => match self.neighbors.resolve(cx, hop, source) {
                Answer::Known(mac) => mac,
                Answer::Wait => {
                    self.neighbors.hold(cx, hop, std::mem::take(out));
                    return Sent::Held;
                }
                Answer::Unreachable => return Sent::Unreachable,
            },
        };
        self.emit_frame(cx, destination, ethertype_of(out.as_slice()), out);
        Sent::Frame
    }

    /// Puts the link's header in front of what `out` holds.
    #[inline]
    pub(crate) fn emit_frame(
        &self,
        cx: &mut Cx<'_>,
        destination: Mac,
        ethertype: EtherType,
        out: &mut TxBuf,
    ) {
        ethernet::Header { destination, source: self.mac, tag: None, ethertype }.emit(out);
        self.device.finish(out);
        let (from, to, len) = (self.mac, destination, out.len());
        cx.note(|| ethernet::Seen::FrameOut { from, to, carries: ethertype, len });
    }

    /// Listens to a group; whether there was room.
    #[must_use]
    pub(crate) fn join(&mut self, group: IpAddr) -> bool {
        let times = self.groups.get(&group).copied().unwrap_or(0);
        if times == 0 {
            if self.groups.len() >= ethernet::GROUPS_MAX {
                return false;
            }
            let is_joined = self.group_mac(group).is_none_or(|mac| self.link_groups.join(mac));
            if !is_joined {
                return false;
            }
            self.membership_of(group).join(group);
        }
        self.groups.insert(group, times + 1);
        true
    }

    /// Listens to a group no longer, once all who joined it have left.
    pub(crate) fn leave(&mut self, group: IpAddr) {
        let Some(times) = self.groups.get_mut(&group) else { return };
        *times -= 1;
        if *times == 0 {
            self.groups.remove(&group);
            if let Some(mac) = self.group_mac(group) {
                self.link_groups.leave(mac);
            }
            self.membership_of(group).leave(group);
        }
    }

    /// Whether `address` is many of those on this link, and we are among them.
    #[inline]
    pub(crate) fn hears_group(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) if self.is_broadcast(address) => true,
            _ => address.is_multicast() && self.groups.contains_key(&address),
        }
    }

    /// Whether `address` is everybody on this link.
    #[inline]
    pub(crate) fn is_broadcast(&self, address: Ipv4Addr) -> bool {
        address.is_broadcast() || self.broadcasts.contains(&address)
    }

    /// How long packets may be here, in bytes. A server may say less for IPv4 (RFC 2132 §5.1), and
    /// routers for IPv6 (RFC 4861 §6.3.4).
    #[inline]
    pub(crate) fn mtu(&self, is_v6: bool) -> usize {
        let said = if is_v6 { self.advertised_mtu } else { self.leased_mtu };
        said.map_or(self.device.mtu, |mtu| mtu.min(self.device.mtu))
    }

    /// The hardware address of a group, if it is one.
    fn group_mac(&self, address: IpAddr) -> Option<Mac> {
        match address {
            IpAddr::V4(address) if self.is_broadcast(address) => Some(Mac::BROADCAST),
            IpAddr::V4(address) => address.is_multicast().then(|| group_v4(address)),
            IpAddr::V6(address) => address.is_multicast().then(|| group_v6(address)),
        }
    }
}

/// What a packet is called on Ethernet.
pub(crate) fn ethertype_of(packet: &[u8]) -> EtherType {
    match packet.first() {
        Some(first) if first >> 4 == 6 => EtherType::Ipv6,
        _ => EtherType::Ipv4,
    }
}

/// Whether packets from `source` can come over a link at all.
#[inline]
pub(crate) fn may_come_from(source: IpAddr) -> bool {
    Kind::of(source).may_be_source()
}
