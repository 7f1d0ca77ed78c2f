//! Where packets go by what routers said: who they are, what is on the link, and what is behind them.
//! (RFC 4861 §6.3.4, RFC 4191)

use std::net::Ipv6Addr;

use base::{Cx, Instant};

use crate::slaac::after;
use crate::wire::Preference;
use crate::xray::{Seen, Why};

/// How many default routers are known. (RFC 4861 §6.3.4: at least two)
const ROUTERS_MAX: usize = 16;

/// How many networks of the link are known.
const PREFIXES_MAX: usize = 32;

/// How many networks behind routers are known. (RFC 4191 §3.3)
const ROUTES_MAX: usize = 32;

/// Ranks of routes: an operator's have less.
const ON_LINK: u32 = 256;
const BEHIND: u32 = 1000;
const PASSED_OVER: u32 = 2000;

/// A network: its address, and how many bits name it.
type Network = (Ipv6Addr, u8);

/// Routers, and networks on the link and behind them, each until it ends.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    routers: Vec<Router>,
    on_link: Vec<(Network, Instant)>,
    behind: Vec<Behind>,
}

/// A default router.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Router {
    /// Its address on the link.
    pub address: Ipv6Addr,
    /// Until when it is one.
    pub ends: Instant,
    /// How much it wants to be asked.
    pub preference: Preference,
    /// If it does not answer: when it is tried again.
    pub passed_over_until: Option<Instant>,
}

/// A network behind a router. (RFC 4191 §2.3)
#[derive(Clone, Copy, Debug)]
struct Behind {
    network: Network,
    by: Ipv6Addr,
    preference: Preference,
    ends: Instant,
}

/// A route that there is to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Learned {
    /// Its network, and how many bits name it.
    pub to: (Ipv6Addr, u8),
    /// Who passes it on; nobody, if it is on the link.
    pub by: Option<Ipv6Addr>,
    /// Among routes to the same network the least counts; no two of them have the same.
    pub rank: u32,
}

impl Routes {
    /// RFC 4861 §6.3.4: `from` is a default router for so long; for none, it is no longer one.
    pub(crate) fn set_router(
        &mut self,
        cx: &mut Cx<'_>,
        from: Ipv6Addr,
        seconds: u16,
        preference: Preference,
    ) {
        if seconds == 0 {
            self.remove_router(cx, from, Why::Expired);
            return;
        }
        let ends = after(cx.now(), seconds.into());
        let known = self.routers.iter_mut().find(|router| router.address == from);
        if let Some(known) = known {
            (known.ends, known.preference) = (ends, preference);
        } else if self.routers.len() >= ROUTERS_MAX {
            cx.note(|| Seen::Dropped { from, why: Why::TableFull });
        } else {
            let passed_over_until = None;
            self.routers.push(Router { address: from, ends, preference, passed_over_until });
        }
    }

    /// It is no default router any more; whether it was one.
    pub(crate) fn remove_router(&mut self, cx: &mut Cx<'_>, router: Ipv6Addr, why: Why) -> bool {
        let before = self.routers.len();
        self.routers.retain(|known| known.address != router);
        let was_one = self.routers.len() < before;
        if was_one {
            cx.note(|| Seen::RouterGone { router, why });
        }
        was_one
    }

    /// Nothing is behind it any more.
    pub(crate) fn remove_behind(&mut self, router: Ipv6Addr) {
        self.behind.retain(|route| route.by != router);
    }

    /// It does not answer: others come before it until then. Whether it is a default router.
    pub(crate) fn pass_over(&mut self, router: Ipv6Addr, until: Instant) -> bool {
        let known = self.routers.iter_mut().find(|known| known.address == router);
        known.map(|known| known.passed_over_until = Some(until)).is_some()
    }

    /// RFC 4861 §6.3.4: the network is on the link, as `from` says, for so many seconds.
    pub(crate) fn set_on_link(
        &mut self,
        cx: &mut Cx<'_>,
        from: Ipv6Addr,
        network: Network,
        seconds: u32,
    ) {
        self.on_link.retain(|(known, _)| *known != network);
        if seconds > 0 && self.on_link.len() >= PREFIXES_MAX {
            cx.note(|| Seen::Dropped { from, why: Why::TableFull });
        } else if seconds > 0 {
            self.on_link.push((network, after(cx.now(), seconds)));
        }
    }

    /// RFC 4191 §3.1: the network is behind `from` for so many seconds.
    pub(crate) fn set_behind(
        &mut self,
        cx: &mut Cx<'_>,
        from: Ipv6Addr,
        network: Network,
        preference: Preference,
        seconds: u32,
    ) {
        let route = Behind { network, by: from, preference, ends: after(cx.now(), seconds) };
        let same = |known: &Behind| (known.network, known.by) == (network, from);
        if seconds == 0 {
            self.behind.retain(|known| !same(known));
        } else if let Some(known) = self.behind.iter_mut().find(|known| same(known)) {
            *known = route;
        } else if self.behind.len() >= ROUTES_MAX {
            cx.note(|| Seen::Dropped { from, why: Why::TableFull });
        } else {
            self.behind.push(route);
        }
    }

    /// Forgets what has ended; whether that changes anything.
    pub(crate) fn expire(&mut self, cx: &mut Cx<'_>) -> bool {
        let now = cx.now();
        let before = (self.on_link.len(), self.behind.len());
        let mut has_changed = false;
        let ended = self.routers.iter().filter(|router| router.ends <= now);
        for router in ended.map(|router| router.address).collect::<Vec<_>>() {
            has_changed |= self.remove_router(cx, router, Why::Expired);
        }
        for router in &mut self.routers {
            let is_tried_again = router.passed_over_until.take_if(|until| *until <= now).is_some();
            has_changed |= is_tried_again;
        }
        self.on_link.retain(|(_, ends)| *ends > now);
        self.behind.retain(|route| route.ends > now);
        has_changed || before != (self.on_link.len(), self.behind.len())
    }

    /// When the next of them ends, or a router is tried again.
    pub(crate) fn next_end(&self) -> Option<Instant> {
        let routers = self
            .routers
            .iter()
            .flat_map(|router| [Some(router.ends), router.passed_over_until].into_iter().flatten());
        let on_link = self.on_link.iter().map(|(_, ends)| *ends);
        let behind = self.behind.iter().map(|route| route.ends);
        routers.chain(on_link).chain(behind).min()
    }

    /// The default routers.
    pub(crate) fn routers(&self) -> &[Router] {
        &self.routers
    }

    /// All of them as routes.
    ///
    /// RFC 4861 §6.3.6, RFC 4191 §3.2: routers that answer before those that do not, then by
    /// preference. Of those that do not, the one that was found out longest ago comes first, so that
    /// each has its turn.
    pub(crate) fn all(&self) -> Vec<Learned> {
        let on_link = self.on_link.iter().map(|(network, _)| Learned {
            to: *network,
            by: None,
            rank: ON_LINK,
        });
        let rank = |by, preference, nth: usize| {
            let known = self.routers.iter().find(|router| router.address == by);
            let until = known.and_then(|router| router.passed_over_until);
            let earlier =
                |other: &&Router| other.passed_over_until.is_some_and(|at| Some(at) < until);
            match until {
                None => BEHIND + 100 * (2 - preference as u32) + nth as u32,
                Some(_) => {
                    let before = self.routers.iter().filter(earlier).count() as u32;
                    PASSED_OVER + 100 * before + nth as u32
                }
            }
        };
        let default = self.routers.iter().enumerate().map(|(nth, router)| Learned {
            to: (Ipv6Addr::UNSPECIFIED, 0),
            by: Some(router.address),
            rank: rank(router.address, router.preference, nth),
        });
        let behind = self.behind.iter().enumerate().map(|(nth, route)| Learned {
            to: route.network,
            by: Some(route.by),
            rank: rank(route.by, route.preference, nth),
        });
        on_link.chain(default).chain(behind).collect()
    }
}

/// The network of the first `len` bits of `address`.
pub(crate) fn network_of(address: Ipv6Addr, len: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128 - u32::from(len.min(128))).unwrap_or(0);
    Ipv6Addr::from_bits(address.to_bits() & mask)
}
