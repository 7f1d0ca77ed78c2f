use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;

use base::xray::Layer;
use base::{
    Cx, Instant, Mac, Offload, PendingChecksum, Segmentation, SegmentationKind, SipKey, TxBuf,
};
use ethernet::EtherType;
use icmp::{Error, Unreachable};
use ip::{InterfaceId, Packet, Protocol, Unfit};
use phys::{RxChecksum, RxFrame};

use crate::dhcp::{Dhcp, DhcpNews};
use crate::messages::Messages;
use crate::network::{Admission, Change, LOOPBACK, Network, Outgoing};
use crate::strays::Strays;
use crate::tcp::{Tcp, TcpConfig, TcpEvent};
use crate::xray::{Seen, Why};

/// A host on networks.
///
/// | from          | call                                                                    |
/// |---------------|-------------------------------------------------------------------------|
/// | devices       | [`handle_frame`](Self::handle_frame)                                    |
/// | the clock     | [`handle_timeout`](Self::handle_timeout)                                |
/// | programs      | the verbs: `add_…`, `ping`, `udp_…`, `tcp_…`                            |
///
/// After any of them, drain [`poll_frame`](Self::poll_frame), then
/// [`poll_event`](Self::poll_event), and read [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Host {
    pub(crate) network: Network,
    pub(crate) messages: Messages,
    pub(crate) udp: udp::Sockets,
    pub(crate) tcp: Tcp,
    pub(crate) dhcp: Dhcp,
    pub(crate) events: VecDeque<Event>,
    pub(crate) strays: Strays,
}

/// What an operator may choose.
#[derive(Clone, Debug)]
pub struct Config {
    /// What strangers must not know: by it tables are spread and ports, identifications and sequence
    /// numbers chosen. Sixteen bytes of good randomness.
    pub secret: [u8; 16],
    /// What addresses follow from that are to be the same when the host comes back (RFC 7217): as
    /// secret, but kept, or made of something that stays. Without it they follow from `secret`.
    pub stable_secret: Option<[u8; 16]>,
    /// Whether packets for others are passed on. (RFC 1122 §3.3.1: a host does not, unless it is told)
    pub is_router: bool,
    /// How often our packets may be passed on. (RFC 1122 §3.2.1.7; IANA's registry says 64)
    pub hop_limit: u8,
    /// Bounds of UDP.
    pub udp: udp::Config,
    /// How TCP behaves.
    pub tcp: TcpConfig,
}

impl Config {
    /// Sensible values for everything but the secret.
    pub fn new(secret: [u8; 16]) -> Self {
        let (udp, tcp) = (udp::Config::default(), TcpConfig::default());
        Self { secret, stable_secret: None, is_router: false, hop_limit: 64, udp, tcp }
    }
}

/// What programs must learn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// Somebody whom we asked is there.
    Pong(icmp::Event),
    /// A question of ours did not arrive.
    PingFailed {
        /// Whom we asked.
        to: IpAddr,
        /// Who asked.
        id: u16,
        /// Which question it was.
        seq: u16,
        /// Who says so: a router on the way, or ourselves.
        from: IpAddr,
        /// Why.
        error: Error,
    },
    /// A datagram socket has news.
    Udp(udp::Event),
    /// A stream socket has news.
    Tcp(TcpEvent),
    /// An address may be used from now on.
    AddressReady {
        /// Where.
        interface: InterfaceId,
        /// Which.
        address: IpAddr,
    },
    /// Somebody else has an address of ours; we let go of it.
    AddressLost {
        /// Where.
        interface: InterfaceId,
        /// Which.
        address: IpAddr,
        /// Who has it; unspecified, if they did not say.
        to: Mac,
    },
    /// An address that routers had offered is ours no longer: its lifetime is over.
    AddressGone {
        /// Where.
        interface: InterfaceId,
        /// Which.
        address: IpAddr,
    },
    /// A lease of DHCP came, lasts longer, or is gone; [`Host::dhcp_clients`] says more.
    Dhcp {
        /// Where.
        interface: InterfaceId,
        /// What is new of it.
        news: DhcpNews,
    },
}

impl From<Change> for Event {
    fn from(change: Change) -> Self {
        match change {
            Change::Ready { interface, address } => Self::AddressReady { interface, address },
            Change::Lost { interface, address, to } => Self::AddressLost { interface, address, to },
            Change::Gone { interface, address } => Self::AddressGone { interface, address },
        }
    }
}

/// What is known of a packet beside what it says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) interface: InterfaceId,
    /// Whether the frame was for many.
    pub(crate) is_link_group: bool,
    /// Whether the packet is for many.
    pub(crate) is_group: bool,
    /// Whether it came in parts.
    pub(crate) is_fragmented: bool,
    /// Whether the host behind another queue of the device has handed it over.
    pub(crate) is_of_other: bool,
    /// What is known of the checksum of layer 4.
    pub(crate) checksum: RxChecksum,
    /// If the device merged several segments: how long their payload was; otherwise 0.
    pub(crate) segment_len: u16,
}

impl Arrival {
    /// What is still to be done with a packet before it is on a cable: as it came, so it is passed on.
    pub(crate) fn left_open(&self, packet: &Packet<'_>) -> Offload {
        let start = packet.bytes.len().saturating_sub(packet.payload.len());
        // Where TCP and UDP have their checksums.
        let (offset, kind) = match packet.protocol {
            Protocol::TCP => (16, SegmentationKind::Tcp),
            Protocol::UDP => (6, SegmentationKind::Udp),
            _ => return Offload::default(),
        };
        let is_open = self.checksum == RxChecksum::Open && packet.fragment.is_none();
        let merged = NonZeroU16::new(self.segment_len).filter(|_| is_open);
        Offload {
            checksum: is_open.then_some(PendingChecksum { start, offset }),
            segmentation: merged.map(|len| Segmentation { kind, payload_len: len.get() }),
        }
    }
}

impl Host {
    /// A host that has said nothing yet.
    pub fn new(config: Config) -> Self {
        let key = SipKey::new(config.secret);
        let stable = config.stable_secret.map_or_else(|| key.derive(b"stable"), SipKey::new);
        let Config { is_router, hop_limit, .. } = config;
        Self {
            network: Network::new(key.derive(b"network"), stable, is_router, hop_limit),
            messages: Messages::new(key.derive(b"messages")),
            udp: udp::Sockets::new(config.udp, key.derive(b"udp")),
            tcp: Tcp::new(config.tcp, key.derive(b"tcp")),
            dhcp: Dhcp::default(),
            events: VecDeque::new(),
            strays: Strays::new(),
        }
    }

    /// The way up: takes a frame from the device of `interface`.
    #[inline]
    pub fn handle_frame(&mut self, cx: &mut Cx<'_>, interface: InterfaceId, frame: &RxFrame<'_>) {
        self.handle_frame_of(cx, interface, frame, false);
    }

    /// The same; `is_of_other`: it came at another queue of the device.
    pub(crate) fn handle_frame_of(
        &mut self,
        cx: &mut Cx<'_>,
        interface: InterfaceId,
        frame: &RxFrame<'_>,
        is_of_other: bool,
    ) {
        let Some(of) = self.network.interface_mut(interface) else {
            let (port, len, why) = (interface.0, frame.bytes.len(), phys::Why::NoInterface);
            return cx.note(|| phys::Seen::Lost { port, len, why });
        };
        let Some((ethertype, is_link_group, payload)) = of.open_frame(cx, frame.bytes) else {
            return;
        };
        match ethertype {
            EtherType::Arp => {
                let packet = neighbor::wire::Packet::parse(payload);
                if let Some(packet) = cx.parsed(Layer::Link, packet) {
                    of.neighbors.handle_arp(cx, &packet);
                }
            }
            EtherType::Ipv4 | EtherType::Ipv6 => {
                let checksum = frame.checksum;
                let segment_len = frame.segmentation.map_or(0, |merged| merged.payload_len);
                let is_group = false;
                let is_fragmented = false;
                let at = Arrival {
                    interface,
                    is_link_group,
                    is_group,
                    is_fragmented,
                    is_of_other,
                    checksum,
                    segment_len,
                };
                self.handle_packet(cx, at, payload);
            }
            EtherType::Other(number) => {
                let (from, why) = (of.mac, ethernet::Why::UnknownType(number));
                cx.note(|| ethernet::Seen::Dropped { from, why });
            }
        }
        self.handle_failed(cx);
        self.handle_leases(cx);
    }

    /// A packet of IP, wherever it came from.
    fn handle_packet(&mut self, cx: &mut Cx<'_>, mut at: Arrival, bytes: &[u8]) {
        let packet = match Packet::parse(bytes) {
            Ok(packet) => packet,
            Err(Unfit::Malformed(bad)) => {
                cx.parsed::<()>(Layer::Network, Err(bad));
                return;
            }
            Err(Unfit::Refused(refusal)) => return self.refuse(cx, &at, bytes, refusal),
        };
        let (from, to, carries) = (packet.source, packet.destination, packet.protocol);
        cx.note(|| ip::Seen::PacketIn { from, to, carries, len: packet.payload.len() });
        if self.take_dhcp(cx, &at, &packet) {
            return;
        }
        match self.network.admit(at.interface, at.is_link_group, &packet) {
            Admission::Deliver { is_group } => at.is_group = is_group,
            Admission::Forward => return self.forward(cx, &at, &packet),
            Admission::Drop(why) => return cx.note(|| ip::Seen::Dropped { from, to, why }),
        }
        let Some(fragment) = packet.fragment else { return self.deliver(cx, &at, &packet) };
        // Nobody has looked at the checksum of the whole.
        (at.checksum, at.is_fragmented) = (RxChecksum::Unverified, true);
        let whole = self.network.reassembly.handle_fragment(cx, &packet, fragment);
        let Some(whole) = whole else { return };
        // RFC 8200 §4.5: more headers may stand in front of what was cut.
        let (protocol, payload) = match packet.destination {
            IpAddr::V4(_) => (whole.protocol, &whole.payload[..]),
            IpAddr::V6(_) => match ip::v6::walk(whole.protocol, &whole.payload) {
                Ok(upper) => (upper.protocol, upper.payload),
                Err(refusal) => return self.refuse(cx, &at, bytes, refusal),
            },
        };
        let ecn = whole.ecn;
        self.deliver(cx, &at, &Packet { fragment: None, protocol, payload, ecn, ..packet });
    }

    /// A whole packet for us: to whoever knows what it carries.
    fn deliver(&mut self, cx: &mut Cx<'_>, at: &Arrival, packet: &Packet<'_>) {
        if (at.is_fragmented || at.is_of_other) && self.is_stray(cx, at, packet) {
            return;
        }
        match packet.protocol {
            Protocol::ICMP if packet.source.is_ipv4() => self.handle_message(cx, at, packet),
            Protocol::ICMPV6 if packet.source.is_ipv6() => self.handle_message(cx, at, packet),
            Protocol::IGMP if packet.source.is_ipv4() => {
                self.network.handle_igmp(cx, at.interface, packet);
            }
            Protocol::TCP if at.is_group => {
                let (from, to, why) = (packet.source, packet.destination, Why::SentToGroup);
                let (from, to) = (SocketAddr::new(from, 0), SocketAddr::new(to, 0));
                cx.note(|| Seen::Dropped { from, to, why });
            }
            Protocol::TCP => {
                let facts = (at.checksum.is_verified(), at.segment_len);
                self.tcp.handle_segment(cx, &mut self.network, packet, facts);
            }
            Protocol::UDP => {
                let ends = (packet.source, packet.destination);
                let known = udp::Known {
                    is_group: at.is_group,
                    is_verified: at.checksum.is_verified(),
                    segment_len: at.segment_len,
                };
                match self.udp.handle_datagram(cx, ends, packet.payload, known) {
                    udp::Verdict::Delivered => {}
                    udp::Verdict::PortUnreachable => {
                        self.tell(cx, at, packet, Error::Unreachable(Unreachable::Port));
                    }
                }
            }
            _ => {
                let (from, to, why) = (packet.source, packet.destination, ip::Why::UnknownProtocol);
                cx.note(|| ip::Seen::Dropped { from, to, why });
                // RFC 1122 §3.2.2.1; RFC 8200 §4 says it with a parameter problem, at the place of
                // the next header.
                let error = match packet.source {
                    IpAddr::V4(_) => Error::Unreachable(Unreachable::Protocol),
                    IpAddr::V6(_) => {
                        let pointer = packet.protocol_at as u32;
                        Error::ParameterProblem { code: 1, pointer }
                    }
                };
                self.tell(cx, at, packet, error);
            }
        }
    }

    /// The way down: writes the next frame, if any, and says for which interface's device it is.
    #[must_use]
    pub fn poll_frame(&mut self, cx: &mut Cx<'_>, out: &mut TxBuf) -> Option<InterfaceId> {
        // RFC 5227 §2.4, RFC 2131 §4.4.5, RFC 4862 §5.5.4: nothing is said from an address that is not ours.
        if let Some(gone) = self.network.take_gone() {
            self.tcp.handle_addresses_gone(cx, &gone);
        }
        loop {
            // What has waited for something below.
            if let Some(interface) = self.network.poll_frame(cx, out) {
                return Some(interface);
            }
            // What stays here.
            if let Some(packet) = self.network.poll_looped() {
                self.handle_looped(cx, packet);
                continue;
            }
            // What servers of addresses are told.
            match self.poll_dhcp(cx, out) {
                Some(Some(interface)) => return Some(interface),
                Some(None) => continue,
                None => {}
            }
            // What is new, those who say least first.
            out.clear();
            let packet = self.poll_packet(cx, out)?;
            if let Some(interface) = self.network.send(cx, &packet, out) {
                return Some(interface);
            }
            self.handle_failed(cx);
        }
    }

    /// Writes the next payload of a packet, if any, and says what the packet is to be.
    fn poll_packet(&mut self, cx: &mut Cx<'_>, out: &mut TxBuf) -> Option<Outgoing> {
        let network = &self.network;
        if let Some((source, destination)) = self.messages.poll_transmit(cx, network, out) {
            let protocol = if source.is_ipv4() { Protocol::ICMP } else { Protocol::ICMPV6 };
            return Some(Outgoing::usual(source, destination, protocol));
        }
        let source_for = |destination| network.source_for(destination);
        if let Some(datagram) = self.udp.poll_transmit(cx, out, source_for) {
            let udp::Outgoing { source, destination } = datagram;
            let packet = Outgoing::usual(source, destination, Protocol::UDP);
            return Some(network.labelled(packet, out.as_slice()));
        }
        self.tcp.poll_transmit(cx, network, out)
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        self.network.handle_timeout(cx);
        self.tcp.handle_timeout(cx);
        self.dhcp.handle_timeout(cx);
        while let Some(expired) = self.network.reassembly.handle_timeout(cx) {
            self.tell_expired(cx, &expired.quote);
        }
        self.handle_failed(cx);
        self.handle_leases(cx);
    }

    /// The next thing that programs must learn, if any.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(change) = self.network.poll_change() {
            return Some(change.into());
        }
        let pong = self.messages.echo.poll_event().map(Event::Pong);
        pong.or_else(|| self.udp.poll_event().map(Event::Udp))
            .or_else(|| self.tcp.poll_event().map(Event::Tcp))
            .or_else(|| self.events.pop_front())
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if ever.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let all = [self.network.poll_timeout(), self.tcp.poll_timeout(), self.dhcp.poll_timeout()];
        all.into_iter().flatten().min()
    }

    /// A packet of ours that is for ourselves. (RFC 1122 §3.2.1.3 (g))
    fn handle_looped(&mut self, cx: &mut Cx<'_>, packet: TxBuf) {
        // Its checksums were left open, and nothing can have happened to it.
        let at = Arrival {
            interface: LOOPBACK,
            is_link_group: false,
            is_group: false,
            is_fragmented: false,
            is_of_other: false,
            checksum: RxChecksum::Open,
            segment_len: 0,
        };
        self.handle_packet(cx, at, packet.as_slice());
        self.network.recycle(packet);
    }
}
