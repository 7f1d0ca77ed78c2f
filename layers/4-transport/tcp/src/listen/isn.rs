//! Numbers that strangers cannot guess. (RFC 6528, RFC 7323 §5.4)

use std::net::{IpAddr, SocketAddr};

use base::Instant;

use crate::machine::Flow;
use crate::recv::ticks;
use crate::{Config, Seq};

/// What a hash is for: each use has numbers of its own.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    InitialSequence = 1,
    TimestampOffset,
    Cookie,
}

/// The addresses and ports of a flow, 36 bytes, and what the hash is for.
fn flow_bytes(of: Use, local: SocketAddr, remote: SocketAddr, extra: u64) -> [[u8; 16]; 3] {
    let ports = u128::from(local.port()) << 112 | u128::from(remote.port()) << 96;
    let rest = ports | u128::from(extra) << 32 | u128::from(of as u8) << 24;
    [octets(local.ip()), octets(remote.ip()), rest.to_be_bytes()]
}

fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// A keyed hash of a flow and of `extra`.
pub(crate) fn keyed(config: &Config, of: Use, flow: &Flow, extra: u64) -> u64 {
    config.secret.hash(flow_bytes(of, flow.local, flow.remote, extra).as_flattened())
}

/// RFC 6528 §3: a clock, and for each flow another beginning.
pub(crate) fn initial(config: &Config, now: Instant, flow: &Flow) -> Seq {
    let clock = ticks(now, config.handshake.isn_tick);
    Seq((keyed(config, Use::InitialSequence, flow, 0) as u32).wrapping_add(clock))
}

/// RFC 7323 §5.4, §7.1: the clock of timestamps begins somewhere else for each pair of hosts, so
/// that it tells nobody how long we have been up; for one pair it goes on from connection to
/// connection, as RFC 6191 needs.
pub(crate) fn timestamp_offset(config: &Config, flow: &Flow) -> u32 {
    if !config.handshake.timestamp_offset_keyed {
        return 0;
    }
    let hosts = Flow {
        local: SocketAddr::new(flow.local.ip(), 0),
        remote: SocketAddr::new(flow.remote.ip(), 0),
    };
    keyed(config, Use::TimestampOffset, &hosts, 0) as u32
}
