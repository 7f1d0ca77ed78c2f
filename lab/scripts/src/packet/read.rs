//! Outbound packets, read without our own parsers: what they would forgive, a script must see.

use std::net::{IpAddr, SocketAddr};

use ip::{Protocol, v4, v6};
use tcp::Flags;

use super::build::{Ends, FAST_OPEN_EXPERIMENT, pseudo};
use crate::language::script::{Numbering, Tcp, TcpOption};

/// A packet that was seen.
#[derive(Clone, Debug)]
pub(crate) struct Actual {
    pub(crate) ends: Ends,
    /// The second byte of the header of IPv4, the traffic class of IPv6.
    pub(crate) service: u8,
    pub(crate) hop_limit: u8,
    pub(crate) flow_label: u32,
    pub(crate) carried: Carried,
}

/// What it carries.
#[derive(Clone, Debug)]
pub(crate) enum Carried {
    /// A segment; with numbers as on the wire until they are mapped. The payload's bytes are all zero,
    /// or one is not.
    Tcp { segment: Tcp, is_zero: bool },
    /// A datagram with so much payload.
    Udp { len: usize, is_zero: bool },
    /// A message.
    Icmp { kind: u8, code: u8 },
}

/// Reads a packet.
///
/// # Errors
/// For what should not be on any wire.
pub(crate) fn read(packet: &[u8]) -> Result<Actual, String> {
    let is_v6 = packet.first().is_some_and(|first| first >> 4 == 6);
    let bad = |what: base::Malformed| format!("bad outbound packet: {}", what.what);
    let (source, destination, protocol, payload, service, hop_limit, flow_label) = if is_v6 {
        let (header, payload) = v6::Header::parse(packet).map_err(bad)?;
        let service = header.dscp << 2 | header.ecn as u8;
        let (source, destination) = (header.source.into(), header.destination.into());
        (source, destination, header.next, payload, service, header.hop_limit, header.flow_label)
    } else {
        // Its checksum is looked at.
        let (header, payload) = v4::Header::parse(packet).map_err(bad)?;
        if !header.options.is_empty() || header.is_fragment() {
            return Err("bad outbound packet: options or fragments of IP".to_owned());
        }
        let service = header.dscp << 2 | header.ecn as u8;
        let (source, destination) = (header.source.into(), header.destination.into());
        (source, destination, header.protocol, payload, service, header.ttl, 0)
    };
    let (ends, carried) = carried(source, destination, protocol, payload)?;
    Ok(Actual { ends, service, hop_limit, flow_label, carried })
}

fn carried(
    source: IpAddr,
    destination: IpAddr,
    protocol: Protocol,
    payload: &[u8],
) -> Result<(Ends, Carried), String> {
    let port = |at: usize| {
        let bytes = payload.get(at..at + 2).and_then(|bytes| bytes.first_chunk()).copied();
        bytes.map(u16::from_be_bytes)
    };
    let ends = |source_port, destination_port| Ends {
        source: SocketAddr::new(source, source_port),
        destination: SocketAddr::new(destination, destination_port),
    };
    match protocol {
        Protocol::ICMP | Protocol::ICMPV6 => {
            let &[kind, code, ..] = payload else { return Err("a message is cut".to_owned()) };
            Ok((ends(0, 0), Carried::Icmp { kind, code }))
        }
        Protocol::TCP | Protocol::UDP => {
            let (Some(from), Some(to)) = (port(0), port(2)) else {
                return Err("a segment is cut".to_owned());
            };
            let ends = ends(from, to);
            let mut sum = pseudo(ends, protocol, payload.len());
            sum.add(payload);
            if sum.finish() != 0 {
                return Err(format!("bad outbound checksum of {protocol:?}"));
            }
            let carried = match protocol {
                Protocol::TCP => segment(payload)?,
                _ => {
                    let data = payload.get(8..).unwrap_or_default();
                    Carried::Udp { len: data.len(), is_zero: is_zero(data) }
                }
            };
            Ok((ends, carried))
        }
        other => Err(format!("bad outbound packet: it carries {other:?}")),
    }
}

fn is_zero(payload: &[u8]) -> bool {
    payload.iter().all(|byte| *byte == 0)
}

fn segment(bytes: &[u8]) -> Result<Carried, String> {
    let Some((header, rest)) = bytes.split_first_chunk::<20>() else {
        return Err("a segment is cut".to_owned());
    };
    let [_, _, _, _, s0, s1, s2, s3, a0, a1, a2, a3, offset, flags, w0, w1, _, _, u0, u1] = *header;
    let bits = u16::from_be_bytes([offset & 0xf, flags]);
    if bits & !0x1ff != 0 {
        return Err("live packet field tcp_reserved_bits: they are not zero".to_owned());
    }
    let options_len = usize::from(offset >> 4).checked_sub(5).map(|words| words * 4);
    let parts = options_len.and_then(|len| rest.split_at_checked(len));
    let Some((options, payload)) = parts else { return Err("bad data offset".to_owned()) };
    let segment = Tcp {
        flags: Flags::from_bits(bits),
        has_ace: false,
        seq: u32::from_be_bytes([s0, s1, s2, s3]),
        seq_is: Numbering::Absolute,
        ack_is: Numbering::Absolute,
        len: u16::try_from(payload.len()).map_err(|_| "a segment is too long".to_owned())?,
        ack: u32::from_be_bytes([a0, a1, a2, a3]),
        window: Some(u16::from_be_bytes([w0, w1])),
        urgent: u16::from_be_bytes([u0, u1]),
        options: Some(read_options(options)?),
    };
    Ok(Carried::Tcp { segment, is_zero: is_zero(payload) })
}

/// Each option, in order; also what stands behind the end, which must be nothing.
fn read_options(mut bytes: &[u8]) -> Result<Vec<TcpOption>, String> {
    let mut options = Vec::new();
    while let [kind, rest @ ..] = bytes {
        let body = match (kind, rest) {
            (0 | 1, _) => &[][..],
            (_, [len, rest @ ..]) => usize::from(*len)
                .checked_sub(2)
                .and_then(|len| rest.get(..len))
                .ok_or_else(|| format!("bad length of option {kind}"))?,
            _ => return Err(format!("option {kind} is cut")),
        };
        let option = read_option(*kind, body);
        bytes = bytes.get(option.len()..).unwrap_or_default();
        options.push(option);
    }
    Ok(options)
}

fn read_option(kind: u8, body: &[u8]) -> TcpOption {
    match (kind, body) {
        (0, _) => TcpOption::End,
        (1, _) => TcpOption::Nop,
        (2, &[a, b]) => TcpOption::Mss(u16::from_be_bytes([a, b])),
        (3, &[shift]) => TcpOption::WindowScale(shift),
        (4, []) => TcpOption::SackOk,
        (5, blocks) if blocks.len() % 8 == 0 => {
            let (blocks, _) = blocks.as_chunks::<8>();
            let numbers = blocks.iter().map(|&[a, b, c, d, e, f, g, h]| {
                (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
            });
            TcpOption::Sack(numbers.collect())
        }
        (8, &[a, b, c, d, e, f, g, h]) => TcpOption::Timestamps {
            value: u32::from_be_bytes([a, b, c, d]),
            is_any: false,
            echo: u32::from_be_bytes([e, f, g, h]),
            echo_is: Numbering::Relative,
        },
        (19, digest) => TcpOption::Md5(digest.to_vec()),
        (29, rest) => TcpOption::Authentication(rest.to_vec()),
        (172 | 174, counters) if counters.len().is_multiple_of(3) && counters.len() <= 9 => {
            let (counters, _) = counters.as_chunks::<3>();
            let counters = counters.iter().map(|&[a, b, c]| u32::from_be_bytes([0, a, b, c]));
            TcpOption::AccEcn { order: u8::from(kind == 174), counters: counters.collect() }
        }
        (34, cookie) => TcpOption::FastOpen(cookie.to_vec()),
        (254, &[a, b, ref cookie @ ..]) if u16::from_be_bytes([a, b]) == FAST_OPEN_EXPERIMENT => {
            TcpOption::FastOpenExperiment(cookie.to_vec())
        }
        (kind, body) => TcpOption::Other(kind, body.to_vec()),
    }
}
