//! Addresses from servers of DHCP: what stacks that follow are told of them, what operators are, and how
//! they are given back.

use std::io;

use host::{DhcpNews, Leased, RELEASE_TIME_MAX};
use ip::InterfaceId;

use super::{Inner, Stack};
use crate::network::waiting;

impl Stack {
    /// Has what the stack that leads has leased from a server of DHCP, or has nothing of it any more.
    pub(crate) fn follow_lease(&self, interface: InterfaceId, leased: Option<&Leased>) {
        self.with(|inner| {
            let (mut cx, host) = inner.parts();
            let followed = host.follow_lease(&mut cx, interface, leased);
            if let Err(error) = followed.map_err(io::Error::from) {
                tracing::error!(%error, "a worker has no share in the address of DHCP");
            }
            inner.send();
        });
    }

    /// What is new of leases, for the stacks that follow this one: on which interface, and what there is of
    /// it now.
    pub(crate) fn take_leases(&self) -> Vec<(InterfaceId, Option<Leased>)> {
        let inner = &mut *self.inner.borrow_mut();
        let changed = std::mem::take(&mut inner.leases_changed);
        let now = inner.clock.now();
        changed.into_iter().map(|id| (id, inner.host.leased(now, id))).collect()
    }

    /// Whether it leads those of the other workers, if there are any: then it ends last, since what it has
    /// leased is theirs too.
    pub(crate) fn leads(&self) -> bool {
        self.inner.borrow().claims.leads()
    }
}

impl Inner {
    /// Operators learn where their server is.
    pub(super) fn tell_lease(&self, news: DhcpNews) {
        if let DhcpNews::Lost(why) = news {
            tracing::warn!(?why, "the address that a server of DHCP had given is ours no longer");
        }
        for lease in self.host.dhcp_clients().filter_map(|client| client.lease) {
            let (address, server) = (lease.address, lease.server);
            let time = lease.duration();
            match news {
                DhcpNews::Bound => {
                    tracing::info!(%address, %server, ?time, "a server of DHCP gave us an address");
                }
                DhcpNews::Renewed => {
                    tracing::debug!(%address, %server, ?time, "our address lasts longer");
                }
                DhcpNews::Lost(_) => {}
            }
        }
    }

    /// Gives addresses back that were leased. A server whom nobody has talked to lately is looked for
    /// first, but not for long.
    pub(super) fn release_leases(&mut self) {
        let (mut cx, host) = self.parts();
        if !host.dhcp_release_all(&mut cx) {
            return;
        }
        self.send();
        let end = self.now().after(RELEASE_TIME_MAX);
        while self.host.is_releasing() && self.now() < end {
            let left = end.since(self.now());
            if waiting::sleep(self.ports.iter().map(|(_, port)| port.fd()), left).is_err() {
                return;
            }
            (0..self.ports.len()).for_each(|number| self.receive(number));
            self.send();
        }
    }
}
