//! What is remembered of servers for TCP Fast Open. (RFC 7413 §4.1.3)

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use base::{Cx, SipKey};
use tcp::Known;

use super::{ConnectError, TcpId};
use crate::host::Host;

/// How many servers are remembered: about 100 bytes each, the oldest forgotten first.
const SERVERS_MAX: usize = 1024;

/// Cookies and segment sizes by our address and the server's.
#[derive(Debug)]
pub(super) struct Cookies {
    known: HashMap<(IpAddr, IpAddr), Known, SipKey>,
    order: VecDeque<(IpAddr, IpAddr)>,
}

impl Cookies {
    pub(super) fn new(key: SipKey) -> Self {
        Self { known: HashMap::with_hasher(key), order: VecDeque::new() }
    }

    fn find(&self, local: IpAddr, remote: IpAddr) -> Known {
        self.known.get(&(local, remote)).copied().unwrap_or_default()
    }

    /// A server has said something: what it did not say stays as it was.
    pub(super) fn learn(&mut self, flow: &tcp::Flow, learned: Known) {
        let place = (flow.local.ip(), flow.remote.ip());
        if let Some(known) = self.known.get_mut(&place) {
            known.cookie = learned.cookie.or(known.cookie);
            known.mss = learned.mss.or(known.mss);
            return;
        }
        if self.order.len() >= SERVERS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.known.insert(place, learned);
        self.order.push_back(place);
    }
}

/// TCP Fast Open.
impl Host {
    /// Connects as [`tcp_connect`](Self::tcp_connect) does; what is written before anything is sent goes
    /// with the SYN, if the server's cookie is known, and otherwise the SYN asks for it.
    ///
    /// # Errors
    /// As of `tcp_connect`.
    pub fn tcp_connect_fast(
        &mut self,
        cx: &mut Cx<'_>,
        local: Option<SocketAddr>,
        remote: SocketAddr,
    ) -> Result<TcpId, ConnectError> {
        let id = self.tcp_connect(cx, local, remote)?;
        let cookies = &self.tcp.cookies;
        let flow = self.tcp.connection(id).map(|connection| *connection.flow());
        let known = flow.map(|flow| cookies.find(flow.local.ip(), flow.remote.ip()));
        self.tcp.with(id, |connection| connection.open_fast(cx, &known.unwrap_or_default()));
        Ok(id)
    }

    /// Whether data may go with a SYN to `remote`, because its cookie is known.
    pub fn tcp_knows_cookie(&self, remote: IpAddr) -> bool {
        let Some(local) = self.network.source_for(remote) else { return false };
        let known = self.tcp.cookies.find(local, remote);
        known.cookie.is_some_and(|cookie| !cookie.is_empty())
    }
}
