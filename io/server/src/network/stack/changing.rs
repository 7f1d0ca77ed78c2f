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
        let mut gone: Vec<IpAddr> = before.gone(wanted);
        let now = self.clock.now();
        let leaves_at = now.after(LEAVES_AFTER);
        self.leaving.extend(gone.iter().map(|address| (leaves_at, Leaving::Address(*address))));
        if before.gives_up_dhcp(wanted) {
            // Who follows has it until who leads gives it back.
            gone.extend(self.host.leased_address(interface).map(|own| own.address()));
            self.leaving.push((leaves_at, Leaving::Lease(interface)));
        }
        self.break_off(|local| gone.contains(&local.ip()));
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
                Leaving::Address(address) => host.remove_address(address),
                Leaving::Lease(id) => host.dhcp_release(&mut cx(clock.now(), world, reels), id),
            };
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
