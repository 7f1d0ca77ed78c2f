//! Our addresses, as far as somebody else may have them: what the operator is told, and when one that
//! somebody else had is asked for again. (RFC 5227)

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base::{Instant, Mac};
use host::Origin;
use ip::{Cidr, InterfaceId};
use neighbor::Claim;

/// How long an address is left to who has it, before it is asked for again: the least that RFC 5227
/// §2.1.1 asks of a host that was refused too often (RATE_LIMIT_INTERVAL).
const AGAIN: Duration = Duration::from_secs(60);

/// The addresses of a stack, as it was told to have them.
#[derive(Debug, Default)]
pub(super) struct Claims {
    own: Vec<Own>,
    /// Whether any of them has ever been ours.
    had_any: bool,
    /// Whether there may be others, which routers or servers give.
    expects_others: bool,
    /// Whether another stack with the same addresses leads.
    follows: bool,
}

#[derive(Debug)]
struct Own {
    interface: InterfaceId,
    cidr: Cidr,
    standing: Standing,
}

/// How we stand with an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Standing {
    /// It is to be ours at once, and the operator expects nothing else.
    Announced,
    /// Everybody is asked whether somebody has it.
    Probed,
    Ours,
    /// Somebody else has it; when it is asked for again.
    Lost {
        again_at: Instant,
    },
}

impl Claims {
    /// An address was added.
    pub(super) fn add(&mut self, interface: InterfaceId, cidr: Cidr, claim: Claim) {
        let standing = match claim {
            Claim::Probe => Standing::Probed,
            Claim::Announce | Claim::Silent | Claim::Follow => Standing::Announced,
        };
        self.own.push(Own { interface, cidr, standing });
    }

    /// An address is wanted no longer.
    pub(super) fn remove(&mut self, address: IpAddr) {
        self.own.retain(|own| own.cidr.address() != address);
    }

    /// Whether there may be addresses that routers or servers give.
    pub(super) const fn expect_others(&mut self, expects_others: bool) {
        self.expects_others = expects_others;
    }

    /// Another stack with the same addresses tells the operator of them, and asks servers for them.
    pub(super) const fn follow(&mut self) {
        self.follows = true;
    }

    /// Whether this stack does that.
    pub(super) const fn leads(&self) -> bool {
        !self.follows
    }

    /// An address may be used; where it comes from.
    pub(super) fn handle_ready(&mut self, address: IpAddr, origin: Origin) {
        let leads = self.leads();
        let Some(own) = self.find(address) else {
            // They come by themselves: the link's own of IPv6, and what routers offer.
            if origin == Origin::Router && leads {
                tracing::info!("{address} is ours, in a network that a router offers");
            }
            return;
        };
        let before = std::mem::replace(&mut own.standing, Standing::Ours);
        self.had_any = true;
        match before {
            Standing::Probed | Standing::Lost { .. } if leads => {
                tracing::info!("{address} is ours: nobody else has it");
            }
            _ => {}
        }
    }

    /// An address that a router had offered is ours no longer.
    pub(super) fn handle_gone(&self, address: IpAddr) {
        if self.leads() {
            tracing::warn!("{address} is ours no longer: no router offers its network any more");
        }
    }

    /// Somebody else has an address.
    ///
    /// # Errors
    ///
    /// Nothing is ours, and never was: nobody can be served.
    pub(super) fn handle_lost(&mut self, now: Instant, address: IpAddr, to: Mac) -> io::Result<()> {
        let leads = self.leads();
        let Some(own) = self.find(address) else {
            if leads {
                tracing::error!("{address} is used by {to}, and not by us");
            }
            return Ok(());
        };
        let was =
            std::mem::replace(&mut own.standing, Standing::Lost { again_at: now.after(AGAIN) });
        let is_lost = |own: &Own| matches!(own.standing, Standing::Lost { .. });
        if !self.had_any && !self.expects_others && self.own.iter().all(is_lost) {
            let what = format!(
                "{address} is not used, because {to} has it already, and we have no other address"
            );
            return Err(io::Error::new(io::ErrorKind::AddrInUse, what));
        }
        match was {
            _ if !leads => {}
            Standing::Ours | Standing::Announced => tracing::error!(
                "{address} is used by {to} too, and ours no longer; whether it still is will be asked in a minute"
            ),
            Standing::Probed | Standing::Lost { .. } => tracing::error!(
                "{address} is not used, because {to} has it already; whether it still has will be asked in a minute"
            ),
        }
        Ok(())
    }

    /// The next address to ask for again, if it is time.
    pub(super) fn poll_again(&mut self, now: Instant) -> Option<(InterfaceId, Cidr)> {
        let is_due =
            |own: &&mut Own| matches!(own.standing, Standing::Lost { again_at } if again_at <= now);
        let own = self.own.iter_mut().find(is_due)?;
        own.standing = Standing::Probed;
        Some((own.interface, own.cidr))
    }

    /// When to ask next.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let again = self.own.iter().filter_map(|own| match own.standing {
            Standing::Lost { again_at } => Some(again_at),
            _ => None,
        });
        again.min()
    }

    /// Whether this is an address of ours that somebody else has now.
    pub(super) fn is_lost(&self, at: SocketAddr) -> bool {
        let own = self.own.iter().find(|own| own.cidr.address() == at.ip());
        own.is_some_and(|own| matches!(own.standing, Standing::Lost { .. }))
    }

    fn find(&mut self, address: IpAddr) -> Option<&mut Own> {
        self.own.iter_mut().find(|own| own.cidr.address() == address)
    }
}

#[cfg(test)]
mod tests;
