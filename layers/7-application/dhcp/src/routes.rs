//! Routes that servers tell: those with prefixes. (RFC 3442)

use std::net::{IpAddr, Ipv4Addr};

use ip::{Kind, Prefix};

use crate::lease::Route;

/// What an option of routes holds, or nothing if it cannot be read. What names no network is left out.
pub(crate) fn classless(mut value: &[u8]) -> Option<Vec<Route>> {
    let mut routes = Vec::new();
    while let [len, rest @ ..] = value {
        // Only the bytes of the network that the prefix reaches are there.
        let (significant, rest) = rest.split_at_checked(usize::from(*len).div_ceil(8))?;
        let ([g, a, t, e], rest) = rest.split_first_chunk()?;
        let mut network = [0; 4];
        network.get_mut(..significant.len())?.copy_from_slice(significant);
        // RFC 3442: bits behind the prefix are masked away, and a gateway of zeros means the link.
        let to = Prefix::new(Ipv4Addr::from(network).into(), *len)?;
        let gateway = Ipv4Addr::new(*g, *a, *t, *e);
        let gateway = (!gateway.is_unspecified()).then_some(gateway);
        if may_lead_to(to) && gateway.is_none_or(may_pass_on) {
            routes.push(Route { to, gateway });
        }
        value = rest;
    }
    (!routes.is_empty()).then_some(routes)
}

/// The way to everywhere, by each of these routers; the first is the best. (RFC 2132 §3.5)
pub(crate) fn by_routers(routers: &[Ipv4Addr]) -> Vec<Route> {
    let route = |router: &Ipv4Addr| Route { to: Prefix::ALL_V4, gateway: Some(*router) };
    routers.iter().map(route).collect()
}

/// Whether somebody else can be at this address, and pass packets on or answer questions.
pub(crate) fn may_pass_on(address: Ipv4Addr) -> bool {
    Kind::of_v4(address).may_be_source()
}

/// A server sends nobody to groups, or to the host itself.
fn may_lead_to(to: Prefix) -> bool {
    let IpAddr::V4(first) = to.network() else { return false };
    to.len() < 4 || !matches!(Kind::of_v4(first), Kind::Loopback | Kind::Multicast | Kind::Reserved)
}
