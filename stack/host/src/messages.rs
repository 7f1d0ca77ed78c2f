//! What ICMP has to do with everybody else: errors that we send, and errors that we get.

use std::collections::VecDeque;
use std::net::IpAddr;

use base::xray::Layer;
use base::{Cx, Offload, SegmentationKind, SipKey, TxBuf};
use icmp::{Error, Exceeded, Message, Offender, Unreachable};
use ip::forward::{self, Refusal};
use ip::v6::Refusal as Refused;
use ip::{Kind, Packet, Protocol, Quoted};
use phys::RxChecksum;

use crate::host::{Arrival, Event, Host};
use crate::network::{LOOPBACK, Network};

/// How many errors may wait to be sent; the rate allows fifty at once.
const ERRORS_MAX: usize = 64;

/// How much of an error that waits is kept: the most that one quotes.
const QUOTE_MAX: usize = icmp::QUOTE_MAX_V6;

/// Questions, answers, errors.
#[derive(Debug)]
pub(crate) struct Messages {
    pub(crate) echo: icmp::Echo,
    errors: icmp::Errors,
    outgoing: VecDeque<Telling>,
}

/// An error that is to be sent.
#[derive(Debug)]
struct Telling {
    /// From our address, if the packet was for it.
    source: Option<IpAddr>,
    destination: IpAddr,
    error: Error,
    quote: Vec<u8>,
}

impl Messages {
    pub(crate) fn new(key: SipKey) -> Self {
        let (echo, errors) = (icmp::Echo::new(), icmp::Errors::new(key));
        Self { echo, errors, outgoing: VecDeque::new() }
    }

    /// Writes the next message, if any: from where, and for whom.
    pub(crate) fn poll_transmit(
        &mut self,
        cx: &mut Cx<'_>,
        network: &Network,
        out: &mut TxBuf,
    ) -> Option<(IpAddr, IpAddr)> {
        while let Some(telling) = self.outgoing.pop_front() {
            let Telling { source, destination, error, quote } = telling;
            let source = source.or_else(|| network.source_for(destination));
            let message = Message::Error { error, quote: &quote };
            let ends = match (source, destination) {
                (Some(IpAddr::V4(from)), IpAddr::V4(_)) => {
                    message.emit_v4(out);
                    Some((from.into(), destination))
                }
                (Some(IpAddr::V6(from)), IpAddr::V6(to)) => {
                    message.emit_v6(from, to, out);
                    Some((from.into(), destination))
                }
                _ => None,
            };
            cx.recycle(quote);
            if ends.is_some() {
                return ends;
            }
            cx.note(|| icmp::Seen::NotSent { to: destination, why: icmp::Why::NoSource });
        }
        self.echo.poll_transmit(cx, out, |to| network.source_for(to))
    }
}

impl Host {
    /// Takes a message that came in.
    pub(crate) fn handle_message(&mut self, cx: &mut Cx<'_>, at: &Arrival, packet: &Packet<'_>) {
        let (from, to) = (packet.source, packet.destination);
        // Devices look at the checksums of TCP and UDP only; one that was never on a cable needs none.
        let is_verified = at.checksum == RxChecksum::Open;
        let message = match (from, to) {
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                Message::parse_v6(packet.payload, (from, to), is_verified)
            }
            _ => Message::parse_v4(packet.payload, is_verified),
        };
        let Some(message) = cx.parsed(Layer::Network, message) else { return };
        match message {
            Message::EchoRequest { .. } if at.is_group => {
                cx.note(|| icmp::Seen::Ignored { from, why: icmp::Why::GroupAsked });
            }
            Message::EchoRequest { id, seq, data } => {
                self.messages.echo.handle_request(cx, from, to, (id, seq), data);
            }
            Message::EchoReply { id, seq, data } => {
                let limit = packet.hop_limit;
                self.network.handle_sign_of_life(cx, from);
                self.messages.echo.handle_reply(cx, from, limit, (id, seq), data);
            }
            Message::Error { error, quote } => {
                let Some(quoted) = cx.parsed(Layer::Network, Quoted::parse(quote)) else { return };
                self.handle_error(cx, from, error, &quoted);
            }
            Message::Other { kind: 5, body, .. } if from.is_ipv4() => {
                if self.network.handle_redirect_v4(cx, at.interface, from, body).is_none() {
                    cx.note(|| icmp::Seen::Ignored { from, why: icmp::Why::Redirect });
                }
            }
            Message::Other { kind, code, body } if from.is_ipv6() && ndp::wire::is_ours(kind) => {
                let (IpAddr::V6(source), IpAddr::V6(destination)) = (from, to) else { return };
                let hop_limit = packet.hop_limit;
                let is_fragmented = at.is_fragmented || packet.has_fragment_header;
                let ends = ndp::wire::Ends { source, destination, hop_limit, is_fragmented };
                self.network.handle_discovery(cx, at.interface, &ends, (kind, code, body));
            }
            Message::Other { kind, body, .. }
                if from.is_ipv6() && multicast::wire::is_mld(kind) =>
            {
                self.network.handle_mld(cx, at.interface, packet, (kind, body));
            }
            Message::Other { .. } => {
                cx.note(|| icmp::Seen::Ignored { from, why: icmp::Why::UnknownType });
            }
        }
    }

    /// `from` says that a packet of ours did not arrive.
    pub(crate) fn handle_error(
        &mut self,
        cx: &mut Cx<'_>,
        from: IpAddr,
        error: Error,
        quoted: &Quoted<'_>,
    ) {
        let about = quoted.destination;
        cx.note(|| icmp::Seen::ErrorIn { from, error, about });
        // RFC 5927 §4: it is about a packet that we can have sent, or it is nobody's.
        let is_ours = self.network.is_local(quoted.source);
        let (is_taken, is_believed) =
            if is_ours { self.hand_error_up(cx, from, error, quoted) } else { (false, false) };
        if !is_taken {
            return cx.note(|| icmp::Seen::Ignored { from, why: icmp::Why::NotOurs });
        }
        if let (Error::TooBig { mtu }, true) = (error, is_believed) {
            self.narrow_path(cx, about, mtu as usize, quoted.packet_len);
        }
    }

    /// Hands an error to whose packet it is about: whether it is somebody's, and whether what it says
    /// of the path is to be believed.
    fn hand_error_up(
        &mut self,
        cx: &mut Cx<'_>,
        from: IpAddr,
        error: Error,
        quoted: &Quoted<'_>,
    ) -> (bool, bool) {
        match quoted.protocol {
            Protocol::TCP => self.tcp.handle_error(cx, error, quoted),
            Protocol::UDP => {
                let ends = (quoted.source, quoted.destination);
                let is_taken = self.udp.handle_error(ends, quoted.payload, error);
                (is_taken, is_taken)
            }
            Protocol::ICMP | Protocol::ICMPV6 => {
                let [8 | 128, 0, _, _, i, d, s, q] =
                    *quoted.payload.first_chunk().unwrap_or(&[0; 8])
                else {
                    return (false, false);
                };
                let (id, seq) = (u16::from_be_bytes([i, d]), u16::from_be_bytes([s, q]));
                let to = quoted.destination;
                self.events.push_back(Event::PingFailed { to, id, seq, from, error });
                (true, true)
            }
            _ => (false, false),
        }
    }

    /// The path to `to` takes no longer packets than `mtu`. (RFC 1191 §3, RFC 8201 §4)
    pub(crate) fn narrow_path(&mut self, cx: &mut Cx<'_>, to: IpAddr, mtu: usize, sent_len: usize) {
        let link_mtu = self.network.mtu_to(base::Instant::NEVER, to);
        self.network.paths.handle_too_big(cx, to, mtu, sent_len, link_mtu);
    }

    /// Passes on a packet that is for somebody else.
    pub(crate) fn forward(&mut self, cx: &mut Cx<'_>, at: &Arrival, packet: &Packet<'_>) {
        let (from, to) = (packet.source, packet.destination);
        let Some((route, mtu)) = self.network.route_through(to) else {
            cx.note(|| ip::Seen::Dropped { from, to, why: ip::Why::NoRoute });
            return self.tell(cx, at, packet, Error::Unreachable(Unreachable::Net));
        };
        let open = at.left_open(packet);
        let (why, error) = match forward::decide(packet, merged_len(packet, &open), mtu) {
            Ok(()) => return self.network.forward(cx, &route, packet, open),
            Err(Refusal::Drop(why)) => (why, None),
            Err(Refusal::HopLimitUsedUp) => {
                (ip::Why::HopLimitUsedUp, Some(Error::TimeExceeded(Exceeded::Hops)))
            }
            Err(Refusal::TooBig { mtu }) => {
                (ip::Why::TooBig, Some(Error::TooBig { mtu: mtu as u32 }))
            }
        };
        cx.note(|| ip::Seen::Dropped { from, to, why });
        if let Some(error) = error {
            self.tell(cx, at, packet, error);
        }
    }

    /// A packet whose headers forbid to go on.
    pub(crate) fn refuse(&mut self, cx: &mut Cx<'_>, at: &Arrival, bytes: &[u8], refused: Refused) {
        let header =
            ip::v6::Header::parse(bytes).map(|(h, _)| (h.source.into(), h.destination.into()));
        let header = header.or_else(|_| {
            ip::v4::Header::parse(bytes).map(|(h, _)| (h.source.into(), h.destination.into()))
        });
        let Ok((from, to)) = header else { return };
        let (Refused::Drop(why) | Refused::Tell { why, .. }) = refused;
        cx.note(|| ip::Seen::Dropped { from, to, why });
        let Refused::Tell { code, pointer, even_for_groups, .. } = refused else { return };
        let (error, is_group) =
            (Error::ParameterProblem { code, pointer }, Kind::of(to).is_group());
        let hears = self.network.interface(at.interface).is_some_and(|of| of.hears_group(to));
        // RFC 8200 §4: headers concern whom the packet is for. RFC 8200 §4.2: some options say that
        // nobody who sent to a group is told.
        let why = match is_group {
            true if !hears => Some(icmp::Why::NotForUs),
            true if !even_for_groups => Some(icmp::Why::AboutGroup),
            false if !self.network.is_local(to) => Some(icmp::Why::NotForUs),
            _ => None,
        };
        if let Some(why) = why {
            return cx.note(|| icmp::Seen::ErrorNotSent { to: from, error, why });
        }
        let about = self.offender(at, from, is_group, false, bytes, None);
        self.tell_about(cx, &about, to, bytes, error);
    }

    /// Tells the source of a packet that it did not arrive, if the rules allow it.
    pub(crate) fn tell(
        &mut self,
        cx: &mut Cx<'_>,
        at: &Arrival,
        packet: &Packet<'_>,
        error: Error,
    ) {
        let is_later = packet.fragment.is_some_and(|fragment| fragment.offset > 0);
        let is_group = at.is_group || Kind::of(packet.destination).is_group();
        let carries = Some((packet.protocol, packet.payload));
        let about = self.offender(at, packet.source, is_group, is_later, packet.bytes, carries);
        self.tell_about(cx, &about, packet.destination, packet.bytes, error);
    }

    /// Not all parts of a packet came in time.
    pub(crate) fn tell_expired(&mut self, cx: &mut Cx<'_>, quote: &[u8]) {
        let Ok(quoted) = Quoted::parse(quote) else { return };
        let error = Error::TimeExceeded(Exceeded::Reassembly);
        let about = Offender {
            source: quoted.source,
            source_is_one: true,
            is_for_group: Kind::of(quoted.destination).is_group(),
            is_later_fragment: false,
            is_error: is_error(quoted.protocol, quoted.payload),
        };
        self.tell_about(cx, &about, quoted.destination, quote, error);
    }

    /// Packets that nobody could be found for: their sockets are told, or their sources.
    pub(crate) fn handle_failed(&mut self, cx: &mut Cx<'_>) {
        self.network.settle();
        self.network.settle_discovery(cx);
        while let Some(failed) = self.network.poll_failed() {
            if let Ok(quoted) = Quoted::parse(failed.packet.as_slice()) {
                if self.network.is_local(quoted.source) {
                    self.hand_error_up(cx, quoted.source, failed.error, &quoted);
                } else {
                    let about = Offender {
                        source: quoted.source,
                        source_is_one: Kind::of(quoted.source).may_be_source(),
                        is_for_group: false,
                        is_later_fragment: false,
                        is_error: is_error(quoted.protocol, quoted.payload),
                    };
                    let to = quoted.destination;
                    self.tell_about(cx, &about, to, failed.packet.as_slice(), failed.error);
                }
            }
            self.network.recycle(failed.packet);
        }
    }

    fn offender(
        &self,
        at: &Arrival,
        source: IpAddr,
        is_group: bool,
        is_later_fragment: bool,
        bytes: &[u8],
        carries: Option<(Protocol, &[u8])>,
    ) -> Offender {
        let quoted = Quoted::parse(bytes).ok().map(|quoted| (quoted.protocol, quoted.payload));
        let is_error =
            carries.or(quoted).is_some_and(|(protocol, payload)| is_error(protocol, payload));
        Offender {
            source,
            source_is_one: at.interface == LOOPBACK || Kind::of(source).may_be_source(),
            is_for_group: is_group || at.is_link_group,
            is_later_fragment,
            is_error,
        }
    }

    fn tell_about(
        &mut self,
        cx: &mut Cx<'_>,
        about: &Offender,
        to: IpAddr,
        bytes: &[u8],
        error: Error,
    ) {
        if self.messages.outgoing.len() >= ERRORS_MAX {
            let (to, why) = (about.source, icmp::Why::TooMany);
            return cx.note(|| icmp::Seen::ErrorNotSent { to, error, why });
        }
        if !self.messages.errors.may_answer(cx, about, error) {
            return;
        }
        // RFC 1122 §3.2.2: it comes from the address that the packet was for, if that is ours.
        let source = self.network.is_local(to).then_some(to);
        let mut quote = cx.buffer();
        quote.extend_from_slice(bytes.get(..QUOTE_MAX).unwrap_or(bytes));
        self.messages.outgoing.push_back(Telling {
            source,
            destination: about.source,
            error,
            quote,
        });
    }
}

/// Whether a payload is an ICMP error, or could be one. (RFC 1122 §3.2.2, RFC 4443 §2.4 (e))
fn is_error(protocol: Protocol, payload: &[u8]) -> bool {
    match (protocol, payload.first()) {
        // Questions and answers, and what routers and groups tell: all but errors.
        (Protocol::ICMP, Some(kind)) => !matches!(kind, 0 | 8 | 9 | 10 | 13..=18),
        (Protocol::ICMPV6, Some(kind)) => *kind < 128,
        (Protocol::ICMP | Protocol::ICMPV6, None) => true,
        _ => false,
    }
}

/// If a packet is to be cut again into those that it was merged from: how long these are.
fn merged_len(packet: &Packet<'_>, open: &Offload) -> Option<usize> {
    let cut = open.segmentation?;
    let header_len = match cut.kind {
        SegmentationKind::Tcp => usize::from(packet.payload.get(12)? >> 4) * 4,
        SegmentationKind::Udp => 8,
    };
    let before = packet.bytes.len().saturating_sub(packet.payload.len());
    Some(before + header_len + usize::from(cut.payload_len))
}
