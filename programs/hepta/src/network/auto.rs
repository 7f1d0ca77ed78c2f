//! Addresses of what routers of IPv6 say: waiting for them.

use std::time::{Duration, Instant};

use ::net::Stack;
use host::{Host, Origin};
use ip::InterfaceId;

/// How long routers may take: a random second before the first question, four more before the second
/// (RFC 4861 §10), and a moment for its answer.
const TIME_MAX: Duration = Duration::from_secs(6);

/// How often it is looked whether there is an address.
const LOOK: Duration = Duration::from_millis(2);

/// Waits until an interface has an address in a network that a router offers. Without a router it has
/// the one of its link, and people are told so.
pub(super) fn wait(stack: &Stack, interface: InterfaceId, device: &str) {
    let began = Instant::now();
    while !stack.with(|_, host| has_one(host, interface, Origin::Router)) {
        if began.elapsed() > TIME_MAX {
            return tracing::warn!(
                "no router of IPv6 answered on {device} within {} s: we have the address of the link there, and no other",
                TIME_MAX.as_secs()
            );
        }
        std::thread::sleep(LOOK);
    }
}

fn has_one(host: &Host, interface: InterfaceId, origin: Origin) -> bool {
    let mut own = host.addresses().iter().filter(|own| own.interface == interface);
    own.any(|own| own.origin == origin && own.is_ready)
}
