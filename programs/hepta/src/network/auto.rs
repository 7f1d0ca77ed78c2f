//! Addresses of what routers of IPv6 say: waiting for them.

use std::time::Duration;

use ::net::Stack;
use host::{Host, Origin};
use ip::InterfaceId;

use super::waiting::wait_until;

/// How long routers may take: a random second before the first question, four more before the second
/// (RFC 4861 §10), and a moment for its answer.
const TIME_MAX: Duration = Duration::from_secs(6);

/// Waits until an interface has an address in a network that a router offers. Without a router it has
/// the one of its link, and people are told so.
pub(super) fn wait(stack: &Stack, interface: InterfaceId, device: &str) {
    if !wait_until(stack, TIME_MAX, |host| has_one(host, interface, Origin::Router)) {
        tracing::warn!(
            "no router of IPv6 answered on {device} within {} s: we have the address of the link there, and no other",
            TIME_MAX.as_secs()
        );
    }
}

fn has_one(host: &Host, interface: InterfaceId, origin: Origin) -> bool {
    let mut own = host.addresses().iter().filter(|own| own.interface == interface);
    own.any(|own| own.origin == origin && own.is_ready)
}
