//! An address of a server of DHCP: waiting for it, and giving it back.

use std::time::Duration;

use ::net::Stack;
use anyhow::{anyhow, bail};
use host::{DhcpConfig, DhcpView, RELEASE_TIME_MAX};
use ip::InterfaceId;
use neighbor::Claim;

use super::waiting::wait_until;

/// How long a server may take: time for three questions (RFC 2131 §4.1).
pub(super) const TIME_MAX: Duration = Duration::from_secs(20);

/// The same where an address that somebody has is declined, and another asked for ten seconds later
/// (RFC 2131 §3.1 (5)).
pub(super) const TIME_PROBED_MAX: Duration = Duration::from_secs(40);

/// A lease, which is given back when it is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    stack: Stack,
}

/// What we ask for. People wait, so nothing waits before the first question.
pub(super) fn config(claim: Claim) -> DhcpConfig {
    let start_delay_max = Duration::ZERO;
    DhcpConfig { client: dhcp::Config { start_delay_max, ..dhcp::Config::default() }, claim }
}

impl Lease {
    /// Waits until the interface has an address.
    ///
    /// # Errors
    /// Nobody gave one in time.
    pub(super) fn wait(
        stack: &Stack,
        interface: InterfaceId,
        device: &str,
    ) -> anyhow::Result<Self> {
        let lease = Self { stack: stack.clone() };
        let is_bound =
            |view: DhcpView<'_>| view.interface == interface && view.state == dhcp::State::Bound;
        if !wait_until(stack, TIME_MAX, |host| host.dhcp_clients().any(is_bound)) {
            bail!(nobody_gave(device, TIME_MAX));
        }
        Ok(lease)
    }
}

impl Drop for Lease {
    /// Who has not been talked to lately has to be found first.
    fn drop(&mut self) {
        let Self { stack } = self;
        if stack.with(|cx, host| host.dhcp_release_all(cx)) {
            wait_until(stack, RELEASE_TIME_MAX, |host| !host.is_releasing());
        }
    }
}

/// Nobody was there, or nobody gave us one.
pub(super) fn nobody_gave(device: &str, limit: Duration) -> anyhow::Error {
    anyhow!(
        "no server of DHCP gave us an address on {device} within {} s: is one at its other end? Without one, say \
         --address 10.77.0.2/24, or another of its network",
        limit.as_secs()
    )
}
