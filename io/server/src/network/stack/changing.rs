//! Another network than before, while connections go on: what an operator changes, and what of that takes
//! its time.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use base::Instant;
use ip::InterfaceId;
use neighbor::Claim;

use super::{Inner, Stack, cx};
use crate::network::{NetworkSettings, settings};

/// How long an address that nobody wants any more stays: who was connected to it is told so by a reset, and
/// asks once more if that was not where he expected it (RFC 5961 §3.2).
const LEAVES_AFTER: Duration = Duration::from_millis(500);

/// What an operator does not want any more.
#[derive(Clone, Copy, Debug)]
pub(super) enum Leaving {
    /// An address of his.
    Address(IpAddr),
    /// What a server of DHCP has given to an interface.
    Lease(InterfaceId),
}

impl Stack {
    /// Has the network be what an operator wants of it from now on. Connections over addresses that stay
    /// know nothing of it; those over others are broken off.
    pub(crate) fn change(&self, wanted: &NetworkSettings) {
        self.with(|inner| inner.change(wanted));
    }
}

impl Inner {
    fn change(&mut self, wanted: &NetworkSettings) {
        let Some((interface, mut before)) = self.settings.take() else { return };
        // What is still leaving may be wanted again: a lease just stays.
        let is_lease = |(_, what): &(Instant, Leaving)| matches!(what, Leaving::Lease(_));
        if wanted.dhcp.is_some() && self.leaving.iter().any(is_lease) {
            self.leaving.retain(|what| !is_lease(what));
            before.dhcp.clone_from(&wanted.dhcp);
        }
        self.leave(Instant::NEVER);
        let now = self.clock.now();
        let mut gone: Vec<IpAddr> = before.gone(wanted);
        let mut leaving: Vec<_> = gone.iter().map(|address| Leaving::Address(*address)).collect();
        // The same address may come by other means: from a server, or from the operator.
        let mut comes_again = wanted.gives_up_dhcp(&before);
        if before.gives_up_dhcp(wanted) {
            let leased = self.host.leased_address(interface).map(|own| own.address());
            comes_again |= leased.is_some_and(|own| wanted.has(own));
            gone.extend(leased);
            leaving.push(Leaving::Lease(interface));
        }
        let leaves_at = if comes_again { now } else { now.after(LEAVES_AFTER) };
        self.leaving.extend(leaving.into_iter().map(|what| (leaves_at, what)));
        self.break_off(|local| gone.contains(&local.ip()));
        if comes_again {
            self.send();
            self.leave(now);
            self.send();
        }
        let mut cx = cx(now, &mut self.world, &mut self.reels);
        let parts = (&mut self.host, &mut self.claims);
        let wrong = settings::follow(&mut cx, parts, interface, &before, wanted);
        for error in wrong.iter().filter(|_| self.claims.leads()) {
            tracing::error!("of the network, {error}");
        }
        self.settings = Some((interface, wanted.clone()));
        self.send();
    }

    /// Takes away what is to go by `until`.
    pub(super) fn leave(&mut self, until: Instant) {
        let Self { host, leaving, world, reels, clock, .. } = self;
        for (_, what) in leaving.extract_if(.., |(at, _)| *at <= until) {
            match what {
                Leaving::Address(address) => {
                    host.remove_address(address);
                }
                Leaving::Lease(id) => {
                    let mut cx = cx(clock.now(), world, reels);
                    if !host.dhcp_release(&mut cx, id) {
                        // Another stack gives it back. There is nothing that could be refused.
                        let _ = host.follow_lease(&mut cx, id, None);
                    }
                }
            }
        }
    }

    /// Asks again for addresses that somebody else had.
    pub(super) fn claim_again(&mut self) {
        let now = self.clock.now();
        while let Some((interface, cidr)) = self.claims.poll_again(now) {
            let (mut cx, host) = self.parts();
            let added = host.add_address(&mut cx, interface, cidr, Claim::Probe);
            if let Err(error) = added.map_err(io::Error::from) {
                tracing::error!(%error, "{cidr} cannot be asked for again");
            }
        }
    }
}
