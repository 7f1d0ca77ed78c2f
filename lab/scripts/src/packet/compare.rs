//! Whether a packet is the one that a script waits for, field by field.

use tcp::Flags;

use super::show::show_option;
use super::{Actual, Carried};
use crate::language::script::{Body, IpInfo, Numbering, Packet, Service, Tcp, TcpOption};

/// The first difference, in packetdrill's words; nothing if there is none. Numbers are the script's.
pub(crate) fn difference(expected: &Packet, actual: &Actual) -> Option<String> {
    let before = difference_of_ip(&expected.ip, actual);
    let before = before.or_else(|| difference_of_ports(expected, actual));
    before.or_else(|| match (&expected.body, &actual.carried) {
        (Body::Tcp(expected), Carried::Tcp { segment, is_zero }) => {
            difference_of_segments(expected, segment).or_else(|| payload(*is_zero))
        }
        (Body::Udp(expected), Carried::Udp { len, is_zero }) => {
            let len = u32::try_from(*len).unwrap_or(u32::MAX);
            field("udp_len", u32::from(*expected) + 8, len.saturating_add(8))
                .or_else(|| payload(*is_zero))
        }
        (Body::Icmp(expected), Carried::Icmp { kind, code }) => {
            field("icmp_type", expected.kind.into(), (*kind).into())
                .or_else(|| field("icmp_code", expected.code.into(), (*code).into()))
        }
        _ => Some("live packet header layer 1: it carries something else".to_owned()),
    })
}

fn payload(is_zero: bool) -> Option<String> {
    (!is_zero).then(|| "incorrect outbound data payload".to_owned())
}

fn field(name: &str, expected: u32, actual: u32) -> Option<String> {
    (expected != actual).then(|| {
        format!(
            "live packet field {name}: expected: {expected} ({expected:#x}) \
             vs actual: {actual} ({actual:#x})"
        )
    })
}

fn number(name: &str, (expected, numbering): (u32, Numbering), actual: u32) -> Option<String> {
    (numbering != Numbering::Any).then(|| field(name, expected, actual)).flatten()
}

fn difference_of_ip(expected: &IpInfo, actual: &Actual) -> Option<String> {
    let service = u32::from(actual.service);
    let by_service = match expected.service {
        Service::Any => None,
        Service::Ecn(bits) => field("ip_ecn", bits.into(), service & 3),
        Service::All(byte) => field("tos", byte.into(), service),
        Service::EcnCapable if matches!(service & 3, 1 | 2) => None,
        Service::EcnCapable => {
            let bits = service & 3;
            Some(format!("live packet field ip_ecn: expected: 0x1 or 0x2 vs actual: {bits:#x}"))
        }
    };
    let by_hop_limit = || {
        let limit = expected.hop_limit?;
        field("ttl", limit.into(), actual.hop_limit.into())
    };
    by_service.or_else(by_hop_limit)
}

/// Ports that the script says; 0 is the connection's.
fn difference_of_ports(expected: &Packet, actual: &Actual) -> Option<String> {
    let (source, destination) = expected.ports?;
    let port = |name: &str, expected: u16, actual: u16| match expected {
        0 => None,
        expected => field(name, expected.into(), actual.into()),
    };
    port("src_port", source, actual.ends.source.port())
        .or_else(|| port("dst_port", destination, actual.ends.destination.port()))
}

fn difference_of_segments(expected: &Tcp, actual: &Tcp) -> Option<String> {
    let (wanted, found) = (expected.flags, actual.flags);
    let flag = |name: &str, flag: Flags| {
        field(name, u32::from(wanted.has(flag)), u32::from(found.has(flag)))
    };
    let marks = || {
        if expected.has_ace {
            return field("tcp_ace", ace(wanted), ace(found));
        }
        flag("tcp_ece", Flags::ECE)
            .or_else(|| flag("tcp_cwr", Flags::CWR))
            .or_else(|| flag("tcp_ae", Flags::AE))
    };
    let len = |segment: &Tcp| segment.options.iter().flatten().map(TcpOption::len).sum::<usize>();
    let offset = || {
        // What options are missing says more than how many bytes they have.
        expected.options.as_ref()?;
        let (wanted, found) = (len(expected), len(actual));
        (wanted != found)
            .then(|| difference_of_options(expected, actual))
            .flatten()
            .or_else(|| field("tcp_data_offset", 5 + wanted as u32 / 4, 5 + found as u32 / 4))
    };
    flag("tcp_fin", Flags::FIN)
        .or_else(|| flag("tcp_syn", Flags::SYN))
        .or_else(|| flag("tcp_rst", Flags::RST))
        .or_else(|| flag("tcp_psh", Flags::PSH))
        .or_else(|| flag("tcp_ack", Flags::ACK))
        .or_else(|| flag("tcp_urg", Flags::URG))
        .or_else(marks)
        .or_else(|| number("tcp_seq", (expected.seq, expected.seq_is), actual.seq))
        .or_else(|| number("tcp_ack_seq", (expected.ack, expected.ack_is), actual.ack))
        .or_else(|| field("payload length", expected.len.into(), actual.len.into()))
        .or_else(|| {
            let window = expected.window?;
            field("tcp_window", window.into(), actual.window.unwrap_or_default().into())
        })
        .or_else(|| field("tcp_urg_ptr", expected.urgent.into(), actual.urgent.into()))
        .or_else(offset)
        .or_else(|| difference_of_options(expected, actual))
}

/// The three bits of RFC 9768 as a number.
fn ace(flags: Flags) -> u32 {
    u32::from(flags.has(Flags::ECE))
        | u32::from(flags.has(Flags::CWR)) << 1
        | u32::from(flags.has(Flags::AE)) << 2
}

/// Options have an order. Whether a timestamp is right is a question of time, and asked elsewhere.
fn difference_of_options(expected: &Tcp, actual: &Tcp) -> Option<String> {
    let expected = expected.options.as_ref()?;
    let actual = actual.options.as_deref().unwrap_or_default();
    for (n, wanted) in expected.iter().enumerate() {
        let Some(found) = actual.get(n) else {
            return Some(format!("bad outbound TCP options: no {}", show_option(wanted)));
        };
        let is_same = match (wanted, found) {
            (
                TcpOption::Timestamps { echo: wanted, echo_is, .. },
                TcpOption::Timestamps { echo: found, .. },
            ) => *echo_is == Numbering::Any || wanted == found,
            _ => wanted == found,
        };
        if !is_same {
            let (wanted, found) = (show_option(wanted), show_option(found));
            return Some(format!(
                "bad outbound TCP options: expected: {wanted} vs actual: {found}"
            ));
        }
    }
    let more = actual.get(expected.len())?;
    Some(format!("bad outbound TCP options: {} is one too many", show_option(more)))
}

/// Whether `next` goes on where `segment` ends, so that a script may have both as one: as if somebody
/// below had cut them apart.
pub(crate) fn follows(segment: &Tcp, next: &Tcp) -> bool {
    let loose = Flags::FIN | Flags::PSH | Flags::CWR;
    let rest = |segment: &Tcp| segment.flags.without(loose);
    segment.len > 0
        && next.len > 0
        && !segment.flags.has(Flags::FIN)
        && next.len <= segment.len
        && next.seq == segment.seq.wrapping_add(u32::from(segment.len))
        && rest(segment) == rest(next)
        && (segment.ack, segment.window, segment.urgent) == (next.ack, next.window, next.urgent)
        && segment.options.as_deref().map(lens) == next.options.as_deref().map(lens)
}

fn lens(options: &[TcpOption]) -> Vec<(u8, usize)> {
    options.iter().map(|option| (option.kind(), option.len())).collect()
}
