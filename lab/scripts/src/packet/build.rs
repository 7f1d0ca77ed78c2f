//! Inbound packets: everything on the wire is what the script says, however odd.

use std::net::{IpAddr, SocketAddr};

use base::TxBuf;
use base::checksum::Sum;
use ip::{Protocol, v4, v6};

use crate::language::script::{Body, Echoed, Icmp, IpInfo, Service, Tcp, TcpOption};

/// From where a packet comes, and for whom it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ends {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
}

impl Ends {
    /// The way back.
    pub(crate) const fn reversed(self) -> Self {
        Self { source: self.destination, destination: self.source }
    }
}

/// How often packets from the peer may still be passed on.
const HOP_LIMIT: u8 = 64;

/// Writes a packet; its numbers are already those of the wire.
pub(crate) fn build(ends: Ends, ip: &IpInfo, body: &Body, out: &mut TxBuf) {
    out.clear();
    let protocol = match body {
        Body::Tcp(segment) => {
            build_tcp(ends, segment, out);
            Protocol::TCP
        }
        Body::Udp(len) => {
            out.append_zeroed(usize::from(*len));
            let header = udp::Header {
                source_port: ends.source.port(),
                destination_port: ends.destination.port(),
            };
            header.emit(ends.source.ip(), ends.destination.ip(), out);
            Protocol::UDP
        }
        Body::Icmp(message) => {
            build_icmp(ends, message, out);
            if ends.source.is_ipv4() { Protocol::ICMP } else { Protocol::ICMPV6 }
        }
    };
    out.finish_checksum();
    put_ip(ends, ip, protocol, out);
}

fn put_ip(ends: Ends, info: &IpInfo, protocol: Protocol, out: &mut TxBuf) {
    let service = match info.service {
        Service::Any | Service::EcnCapable => 0,
        Service::Ecn(bits) => bits,
        Service::All(byte) => byte,
    };
    let (dscp, ecn) = (service >> 2, ip::Ecn::from_bits(service));
    let hop_limit = info.hop_limit.unwrap_or(HOP_LIMIT);
    match (ends.source.ip(), ends.destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let header = v4::Header::new(source, destination, protocol, hop_limit);
            v4::Header { dscp, ecn, ..header }.emit(out);
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let flow_label = info.flow_label.unwrap_or(0);
            let next = protocol;
            v6::Header { dscp, ecn, flow_label, next, hop_limit, source, destination }.emit(out);
        }
        _ => unreachable!("settings were checked: both addresses are of one version"),
    }
}

fn build_tcp(ends: Ends, segment: &Tcp, out: &mut TxBuf) {
    out.append_zeroed(usize::from(segment.len));
    let mut options = Vec::new();
    for option in segment.options.iter().flatten() {
        put_option(option, &mut options);
    }
    let words = (tcp::wire::HEADER_LEN + options.len()) / 4;
    let [offset, flags] = (segment.flags.bits() | (words as u16) << 12).to_be_bytes();
    let mut header = Vec::with_capacity(60);
    header.extend(ends.source.port().to_be_bytes());
    header.extend(ends.destination.port().to_be_bytes());
    header.extend(segment.seq.to_be_bytes());
    header.extend(segment.ack.to_be_bytes());
    header.extend([offset, flags]);
    header.extend(segment.window.unwrap_or(0).to_be_bytes());
    let len = header.len() + 4 + options.len() + out.len();
    header.extend(pseudo(ends, Protocol::TCP, len).folded().to_be_bytes());
    header.extend(segment.urgent.to_be_bytes());
    header.extend(options);
    out.prepend_slice(&header);
    out.leave_checksum(tcp::wire::CHECKSUM_AT);
}

/// What the checksum covers of the header of IP.
pub(crate) fn pseudo(ends: Ends, protocol: Protocol, len: usize) -> Sum {
    match (ends.source.ip(), ends.destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            Sum::pseudo_v4(source, destination, protocol.0, len)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            Sum::pseudo_v6(source, destination, protocol.0, len)
        }
        _ => Sum::new(),
    }
}

fn put_option(option: &TcpOption, out: &mut Vec<u8>) {
    let kind = option.kind();
    match option {
        TcpOption::End | TcpOption::Nop => return out.push(kind),
        _ => out.extend([kind, option.len() as u8]),
    }
    match option {
        TcpOption::End | TcpOption::Nop | TcpOption::SackOk => {}
        TcpOption::Mss(mss) => out.extend(mss.to_be_bytes()),
        TcpOption::WindowScale(shift) => out.push(*shift),
        TcpOption::Sack(blocks) => {
            for (left, right) in blocks {
                out.extend(left.to_be_bytes());
                out.extend(right.to_be_bytes());
            }
        }
        TcpOption::Timestamps { value, echo, .. } => {
            out.extend(value.to_be_bytes());
            out.extend(echo.to_be_bytes());
        }
        TcpOption::FastOpenExperiment(bytes) => {
            out.extend(FAST_OPEN_EXPERIMENT.to_be_bytes());
            out.extend(bytes);
        }
        TcpOption::AccEcn { counters, .. } => {
            for counter in counters {
                let [_, rest @ ..] = counter.to_be_bytes();
                out.extend(rest);
            }
        }
        TcpOption::FastOpen(bytes)
        | TcpOption::Md5(bytes)
        | TcpOption::Authentication(bytes)
        | TcpOption::Other(_, bytes) => out.extend(bytes),
    }
}

/// By which number Fast Open is told from other experiments (RFC 7413 §4.1.1, RFC 6994).
pub(crate) const FAST_OPEN_EXPERIMENT: u16 = 0xf989;

impl TcpOption {
    /// Its number in IANA's registry.
    pub(crate) const fn kind(&self) -> u8 {
        match self {
            Self::End => 0,
            Self::Nop => 1,
            Self::Mss(_) => 2,
            Self::WindowScale(_) => 3,
            Self::SackOk => 4,
            Self::Sack(_) => 5,
            Self::Timestamps { .. } => 8,
            Self::Md5(_) => 19,
            Self::Authentication(_) => 29,
            Self::AccEcn { order: 0, .. } => 172,
            Self::AccEcn { .. } => 174,
            Self::FastOpen(_) => 34,
            Self::FastOpenExperiment(_) => 254,
            Self::Other(kind, _) => *kind,
        }
    }
}

/// A message, with the beginning of the packet that it is about.
fn build_icmp(ends: Ends, message: &Icmp, out: &mut TxBuf) {
    let is_v6 = ends.source.is_ipv6();
    match message.echoed {
        Echoed::Raw(len) => {
            out.append_zeroed(usize::from(len.saturating_sub(8)));
        }
        Echoed::Tcp { seq, len } => {
            let [a, b, c, d] = seq.to_be_bytes();
            let lens = (20, usize::from(len));
            quote(ends.reversed(), Protocol::TCP, [a, b, c, d], lens, out);
        }
        Echoed::Udp(len) => {
            let [l0, l1] = (len + 8).to_be_bytes();
            quote(ends.reversed(), Protocol::UDP, [l0, l1, 0, 0], (8, usize::from(len)), out);
        }
    }
    let word = match message.mtu {
        Some(mtu) => mtu.to_be_bytes(),
        None => {
            let [a, b] = message.id.to_be_bytes();
            [a, b, 0, 0]
        }
    };
    let [a, b, c, d] = word;
    let len = out.len() + 8;
    // The checksum of IPv4's messages covers no addresses.
    let sum = if is_v6 { pseudo(ends, Protocol::ICMPV6, len).folded() } else { 0 };
    let [s0, s1] = sum.to_be_bytes();
    out.prepend([message.kind, message.code, s0, s1, a, b, c, d]);
    out.leave_checksum(2);
}

/// The header of IP and the first eight bytes of what it carried, as the packet was.
fn quote(
    ends: Ends,
    protocol: Protocol,
    rest: [u8; 4],
    (header_len, payload_len): (usize, usize),
    out: &mut TxBuf,
) {
    let mut packet = TxBuf::new();
    packet.append(&ends.source.port().to_be_bytes());
    packet.append(&ends.destination.port().to_be_bytes());
    packet.append(&rest);
    packet.append_zeroed(header_len - 8 + payload_len);
    put_ip(ends, &IpInfo::default(), protocol, &mut packet);
    let ip_len = packet.len() - header_len - payload_len;
    out.append(packet.as_slice().get(..ip_len + 8).unwrap_or_default());
}
