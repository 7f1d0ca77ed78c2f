//! Connecting: from which address and port. (RFC 6056 §3.3.4)

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base::{Cx, SipKey};
use tcp::{Connection, Flow};

use super::{Entry, Tcp, TcpId, limits_to, public};
use crate::network::{Network, Service};

/// The ports that are given out. (RFC 6335 §6 has the dynamic ones; as many as possible, RFC 6056
/// §3.2)
const PORTS: std::ops::RangeInclusive<u16> = 32_768..=65_535;

/// How many counters there are, so that one destination tells nothing of another.
const COUNTERS: usize = 1024;

/// Why nothing can be connected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConnectError {
    /// We have no address that could be used.
    NoSource,
    /// Nobody can be there: a group, or nobody's address.
    NotAHost,
    /// Every port is taken, or the one that was asked for.
    NoPortLeft,
    /// There are as many connections as there may be.
    TooMany,
}

/// Chooses ports.
#[derive(Debug)]
pub(super) struct Ephemeral {
    key: SipKey,
    counters: Box<[u16]>,
}

impl Ephemeral {
    pub(super) fn new(key: SipKey) -> Self {
        Self { key, counters: vec![0; COUNTERS].into() }
    }

    /// RFC 6056 §3.3.4, algorithm 4: for each destination ports follow one another from a place that
    /// nobody knows, so that none comes again soon and strangers cannot guess the next. Who finds one
    /// free says so with [`taken`](Self::taken).
    fn ports(
        &self,
        local: IpAddr,
        remote: SocketAddr,
    ) -> (usize, impl Iterator<Item = u16> + use<>) {
        let hash = self.hash(local, remote);
        let (offset, which) = (hash as u32 >> 8, (hash >> 32) as usize % COUNTERS);
        let first = self.counters.get(which).map_or(0, |last| last.wrapping_add(1));
        let count = PORTS.len() as u32;
        let ports = (0..count).map(move |n| {
            let nth = offset.wrapping_add(u32::from(first)).wrapping_add(n) % count;
            *PORTS.start() + nth as u16
        });
        (which, ports)
    }

    /// The `nth` port was free: the next search begins behind it, and not once more at all that are
    /// taken.
    fn taken(&mut self, which: usize, nth: usize) {
        if let Some(counter) = self.counters.get_mut(which) {
            *counter = counter.wrapping_add(nth as u16).wrapping_add(1);
        }
    }

    fn hash(&self, local: IpAddr, remote: SocketAddr) -> u64 {
        let mut bytes = [0; 34];
        let mut len = 0;
        let mut add = |part: &[u8]| {
            bytes.iter_mut().skip(len).zip(part).for_each(|(to, from)| *to = *from);
            len += part.len();
        };
        for ip in [local, remote.ip()] {
            match ip {
                IpAddr::V4(ip) => add(&ip.octets()),
                IpAddr::V6(ip) => add(&ip.octets()),
            }
        }
        add(&remote.port().to_be_bytes());
        self.key.hash(bytes.get(..len).unwrap_or_default())
    }
}

impl Tcp {
    /// Connects to `remote` from `local`, as much of it as is given.
    pub(crate) fn connect(
        &mut self,
        cx: &mut Cx<'_>,
        network: &Network,
        local: Option<SocketAddr>,
        remote: SocketAddr,
    ) -> Result<TcpId, ConnectError> {
        let kind = ip::Kind::of(remote.ip());
        // RFC 9293 §3.9.2.3 (MUST-46): nobody connects to a group.
        if kind.is_group() || kind == ip::Kind::Unspecified || remote.port() == 0 {
            return Err(ConnectError::NotAHost);
        }
        if self.sockets.len() >= self.connections_max {
            return Err(ConnectError::TooMany);
        }
        let own = local.map(|local| local.ip()).filter(|ip| !ip.is_unspecified());
        let ip = own.or_else(|| network.source_for(remote.ip())).ok_or(ConnectError::NoSource)?;
        if !network.is_local(ip) || ip.is_ipv4() != remote.is_ipv4() {
            return Err(ConnectError::NoSource);
        }
        let port = local.map(|local| local.port()).filter(|port| *port != 0);
        let flow = self.free_flow(cx, ip, port, remote).ok_or(ConnectError::NoPortLeft)?;
        let limits = limits_to(cx.now(), network, remote.ip());
        let config = Arc::clone(&self.config);
        let connection = match self.owner(&flow) {
            Some(Entry::TimeWait(key)) => {
                let waiting = self.end_time_wait(key).ok_or(ConnectError::NoPortLeft)?;
                let isn = waiting.reuse(cx.now()).ok_or(ConnectError::NoPortLeft)?;
                Connection::client_again(cx, config, flow, &limits, isn)
            }
            _ => Connection::client(cx, config, flow, &limits),
        };
        Ok(public(self.admit(connection, Service::default())))
    }

    /// A flow to `remote` that nobody has.
    fn free_flow(
        &mut self,
        cx: &Cx<'_>,
        local: IpAddr,
        port: Option<u16>,
        remote: SocketAddr,
    ) -> Option<Flow> {
        let flow = |port| Flow { local: SocketAddr::new(local, port), remote };
        let is_free = |flow: &Flow| match self.owner(flow) {
            None => true,
            Some(Entry::Connection(_)) => false,
            // RFC 6191 §2: an old connection that cannot be mistaken for the new one makes room.
            Some(Entry::TimeWait(key)) => {
                self.time_waits.get(key).is_some_and(|of| of.state.reuse(cx.now()).is_some())
            }
        };
        if let Some(port) = port {
            return Some(flow(port)).filter(is_free);
        }
        let (which, ports) = self.ephemeral.ports(local, remote);
        let (nth, found) = ports.map(flow).enumerate().find(|(_, flow)| is_free(flow))?;
        self.ephemeral.taken(which, nth);
        Some(found)
    }
}
