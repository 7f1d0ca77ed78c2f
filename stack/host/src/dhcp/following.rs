//! A lease for several hosts behind one hardware address, each at a queue of one device. One of them, who
//! *leads*, has the client; the others *follow*: they have what its lease brings, and say nothing to
//! servers.
//!
//! ```text
//!   leads:    client ⇄ server;  leased ─▶ Leased ─── by whoever runs the hosts ──▶ follow_lease   (follows)
//!             client ◀── handle_stray ◀── of the server, at the wrong queue ◀── poll_stray        (follows)
//! ```
//!
//! What is handed on is how things stand, and not what has happened: so who comes late, or twice, has what
//! the others have. Who follows
//!
//! - has the address as long as it is told to. Who else uses it is the leader's to deal with
//!   ([`Claim::Follow`]), and time is too: whoever leads says when the lease is over;
//! - hands what is for clients of DHCP to the others, since the device gives a server's answer to any queue.

use std::time::Duration;

use base::{Cx, Instant};
use dhcp::Lease;
use ip::{Cidr, InterfaceId};
use neighbor::Claim;

use crate::host::{Arrival, Host};
use crate::network::AddError;

/// A lease, for hosts that follow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Leased {
    /// What a server gave.
    pub lease: Lease,
    /// How long it still lasts; nothing means for ever. No instant: each host has a clock of its own.
    pub left: Option<Duration>,
}

impl Host {
    /// What the client of an interface has and is in use, for hosts that follow this one. It is to be handed
    /// to them after each [`Event::Dhcp`](crate::Event::Dhcp).
    pub fn leased(&self, now: Instant, interface: InterfaceId) -> Option<Leased> {
        let of = self.dhcp.clients.get(&interface)?;
        of.applied.filter(|applied| applied.is_ready)?;
        let left = of.client.lease_ends().map(|ends| ends.since(now));
        Some(Leased { lease: of.client.lease()?.clone(), left })
    }

    /// Has what the lease of another host brings, behind another queue of the same device: an address,
    /// routes, servers of names, the length of packets. Nothing takes it away again.
    ///
    /// # Errors
    /// When there is no such interface, it has a client of its own, or the address cannot be had: then
    /// nothing is there of any lease.
    pub fn follow_lease(
        &mut self,
        cx: &mut Cx<'_>,
        interface: InterfaceId,
        leased: Option<&Leased>,
    ) -> Result<(), AddError> {
        self.network.interface(interface).ok_or(AddError::NoInterface)?;
        if self.dhcp.has_client(interface) {
            return Err(AddError::Exists);
        }
        let before = self.dhcp.followed.remove(&interface);
        let Some(Leased { lease, left }) = leased else {
            before.into_iter().for_each(|applied| self.network.end_lease(interface, applied));
            return Ok(());
        };
        let ends = left.map_or(Instant::NEVER, |left| cx.now().after(left));
        let how = (Claim::Follow, ends);
        let applied = match before {
            Some(before) => self.network.change_lease(cx, interface, before, lease, how)?,
            None => self.network.begin_lease(cx, interface, lease, how)?,
        };
        self.dhcp.followed.insert(interface, applied);
        Ok(())
    }

    /// The address that a lease has brought to an interface and that is in use, whoever has the client.
    pub fn leased_address(&self, interface: InterfaceId) -> Option<Cidr> {
        let own = self.dhcp.clients.get(&interface).and_then(|of| of.applied);
        let applied = own.or_else(|| self.dhcp.followed.get(&interface).copied());
        applied.filter(|applied| applied.is_ready).map(|applied| applied.address)
    }

    /// Whether the client that a packet is for may be behind another queue: nobody has one here.
    pub(super) fn is_for_leader(&self, at: &Arrival) -> bool {
        let is_shared = self.network.interface(at.interface).is_some_and(|of| of.is_shared);
        is_shared && !at.is_of_other && !self.dhcp.has_client(at.interface)
    }
}
