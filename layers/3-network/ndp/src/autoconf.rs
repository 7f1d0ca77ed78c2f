//! What a host makes of what routers say. (RFC 4861 §6.3, RFC 4191, RFC 4862 §5.5, RFC 7559)
//!
//! Routers, networks of the link and routes are lists with an end each, and so are the addresses
//! that were made of them (`slaac.rs`). After anything that changes them,
//! [`take_changed`](Autoconf::take_changed) says so once, and whoever joins the layers makes
//! interfaces and routes what [`addresses`](Autoconf::addresses) and [`routes`](Autoconf::routes)
//! say. All lists are bounded: whoever is on the link can say what it likes.

use std::net::Ipv6Addr;
use std::time::Duration;

use base::{Bucket, Cx, Instant};

use crate::asking::{Asking, DELAY_MAX};
use crate::claims::random_below;
use crate::identifier::Identity;
use crate::params::Params;
use crate::slaac::{Addresses, AutoAddress, RETRIES, after};
use crate::wire::{Opt, Preference, PrefixInformation, RouteInformation, RouterAdvertisement};
use crate::xray::{Seen, Why};

/// How many default routers are known. (RFC 4861 §6.3.4: at least two)
const ROUTERS_MAX: usize = 16;

/// How many networks of the link are known.
const PREFIXES_MAX: usize = 32;

/// How many networks behind routers are known. (RFC 4191 §3.3)
const ROUTES_MAX: usize = 32;

/// How many advertisements are heeded in a second: each makes lists and routes anew.
const ADVERTISEMENTS_PER_SECOND: u32 = 20;

/// How long a router that does not answer is passed over before it is tried again.
/// (RFC 4191 §3.5: no more than once a minute)
const RETRY_ROUTER: Duration = Duration::from_secs(60);

/// How many conflicts of the link's own address there may be. (RFC 7217 §6)
const LINK_LOCAL_CONFLICTS_MAX: u8 = RETRIES;

/// What an operator may choose, and what the interface is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// From what addresses follow that stay.
    pub identity: Identity,
    /// How long packets may be on the link at most, in bytes.
    pub mtu: usize,
    /// Whether there are temporary addresses. (RFC 8981)
    pub with_temporary: bool,
}

/// What routers said of one link, and what follows from it.
#[derive(Debug)]
pub struct Autoconf {
    mtu_max: usize,
    link_local_conflicts: u8,
    /// Questions for routers, while we ask.
    asking: Option<Asking>,
    is_asked: bool,
    /// Whether advertisements are heeded.
    is_on: bool,
    heeded: Bucket,
    routers: Vec<Router>,
    prefixes: Vec<(Ipv6Addr, u8, Instant)>,
    routes: Vec<Behind>,
    addresses: Addresses,
    params: Params,
    has_changed: bool,
    next: Option<Instant>,
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
    prefix: Ipv6Addr,
    len: u8,
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

impl Autoconf {
    /// Nothing heard, and nothing asked.
    pub fn new(settings: Settings) -> Self {
        let Settings { identity, mtu, with_temporary } = settings;
        Self {
            mtu_max: mtu,
            link_local_conflicts: 0,
            asking: None,
            is_asked: false,
            is_on: false,
            heeded: Bucket::new(ADVERTISEMENTS_PER_SECOND, ADVERTISEMENTS_PER_SECOND),
            routers: Vec::new(),
            prefixes: Vec::new(),
            routes: Vec::new(),
            addresses: Addresses::new(identity, with_temporary),
            params: Params::default(),
            has_changed: false,
            next: None,
        }
    }

    // From below.

    /// A router, at `from`, said what is so on the link. (RFC 4861 §6.3.4)
    /// Whether it was heeded.
    pub fn handle_advertisement(
        &mut self,
        cx: &mut Cx<'_>,
        from: Ipv6Addr,
        message: &RouterAdvertisement<'_>,
    ) -> bool {
        let RouterAdvertisement { lifetime, preference, .. } = *message;
        cx.note(|| Seen::RouterAdvertisementIn { from, lifetime, preference });
        let why = match self.is_on {
            false => Some(Why::NotOurRole),
            true => (!self.heeded.take(cx.now())).then_some(Why::TooMany),
        };
        if let Some(why) = why {
            cx.note(|| Seen::Dropped { from, why });
            return false;
        }
        // RFC 7559 §2: only a default router ends the questions.
        if lifetime > 0 {
            self.asking = None;
        }
        self.set_router(cx, from, lifetime, preference);
        if !self.params.heed(message) {
            cx.note(|| Seen::Dropped { from, why: Why::OutOfRange });
        }
        for option in message.options.iter() {
            match option {
                Opt::Prefix(prefix) => self.set_prefix(cx, from, &prefix),
                Opt::Route(route) => self.set_route(cx, from, &route),
                Opt::Mtu(mtu) if !self.params.heed_mtu(mtu, self.mtu_max) => {
                    cx.note(|| Seen::Dropped { from, why: Why::OutOfRange });
                }
                _ => {}
            }
        }
        self.has_changed = true;
        self.plan();
        true
    }

    /// The neighbour `router` does not answer: others are tried before it. (RFC 4861 §6.3.6)
    pub fn handle_unreachable(&mut self, cx: &mut Cx<'_>, router: Ipv6Addr) {
        let until = cx.now().after(RETRY_ROUTER);
        for known in self.routers.iter_mut().filter(|known| known.address == router) {
            known.passed_over_until = Some(until);
            self.has_changed = true;
        }
        self.plan();
    }

    /// The neighbour `router` says that it passes nothing on any more. (RFC 4861 §7.2.5)
    pub fn handle_no_router(&mut self, cx: &mut Cx<'_>, router: Ipv6Addr) {
        self.remove_router(cx, router, Why::NoRouter);
        self.routes.retain(|route| route.by != router);
        self.plan();
    }

    /// Somebody else has an address that was made here. Whether it was one of these; another is there
    /// now, unless too many were somebody else's.
    pub fn handle_conflict(&mut self, cx: &mut Cx<'_>, address: Ipv6Addr) -> bool {
        let is_ours = self.addresses.handle_conflict(cx, address);
        self.has_changed |= is_ours;
        self.plan();
        is_ours
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now();
        if self.next.is_none_or(|next| next > now) {
            return;
        }
        if let Some(asking) = self.asking.as_mut().filter(|asking| asking.next <= now) {
            asking.ask(cx);
            self.is_asked = true;
        }
        let ended = self.routers.iter().filter(|router| router.ends <= now);
        for router in ended.map(|router| router.address).collect::<Vec<_>>() {
            self.remove_router(cx, router, Why::Expired);
        }
        for router in &mut self.routers {
            if router.passed_over_until.is_some_and(|until| until <= now) {
                router.passed_over_until = None;
                self.has_changed = true;
            }
        }
        let before = (self.prefixes.len(), self.routes.len());
        self.prefixes.retain(|(.., ends)| *ends > now);
        self.routes.retain(|route| route.ends > now);
        self.has_changed |= before != (self.prefixes.len(), self.routes.len());
        self.has_changed |= self.addresses.handle_timeout(cx);
        self.plan();
    }

    // From above.

    /// Asks for routers, and heeds them from now on.
    pub fn start(&mut self, cx: &mut Cx<'_>) {
        self.is_on = true;
        let next = cx.now().after(random_below(cx, DELAY_MAX));
        self.asking = Some(Asking::beginning_at(next));
        self.plan();
    }

    /// Heeds no router any more, and forgets what they said.
    pub fn stop(&mut self) {
        let Self { addresses, routers, prefixes, routes, .. } = self;
        addresses.clear();
        routers.clear();
        prefixes.clear();
        routes.clear();
        (self.is_on, self.asking, self.params) = (false, None, Params::default());
        self.has_changed = true;
        self.plan();
    }

    /// Whether there are temporary addresses from now on.
    pub const fn set_temporary(&mut self, with_temporary: bool) {
        self.addresses.set_temporary(with_temporary);
    }

    /// The interface's own address of the link: one that stays, by RFC 7217.
    pub fn link_local(&self) -> Ipv6Addr {
        let prefix = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0);
        self.addresses.identity().address(prefix, self.link_local_conflicts)
    }

    /// Somebody else has that address: the next one; nothing, if too many were somebody else's.
    pub fn next_link_local(&mut self) -> Option<Ipv6Addr> {
        (self.link_local_conflicts < LINK_LOCAL_CONFLICTS_MAX).then(|| {
            self.link_local_conflicts += 1;
            self.link_local()
        })
    }

    // Out.

    /// Whether routers are to be asked now.
    #[must_use]
    pub fn poll_solicitation(&mut self) -> bool {
        std::mem::take(&mut self.is_asked)
    }

    /// The same, without taking it.
    #[inline]
    #[must_use]
    pub const fn has_solicitation(&self) -> bool {
        self.is_asked
    }

    /// Whether addresses or routes have changed since this was asked.
    #[must_use]
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.has_changed)
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if ever.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    // Look.

    /// Whether routers are heeded.
    pub const fn is_on(&self) -> bool {
        self.is_on
    }

    /// The addresses that there are to be.
    pub fn addresses(&self) -> &[AutoAddress] {
        self.addresses.all()
    }

    /// The default routers.
    pub fn routers(&self) -> &[Router] {
        &self.routers
    }

    /// The routes that there are to be.
    ///
    /// RFC 4861 §6.3.6, RFC 4191 §3.2: routers that answer before those that do not, then by
    /// preference. Of those that do not, the one that was found out longest ago comes first, so that
    /// each has its turn.
    pub fn routes(&self) -> Vec<Learned> {
        let on_link = self.prefixes.iter().map(|(prefix, len, _)| Learned {
            to: (*prefix, *len),
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
        let behind = self.routes.iter().enumerate().map(|(nth, route)| Learned {
            to: (route.prefix, route.len),
            by: Some(route.by),
            rank: rank(route.by, route.preference, nth),
        });
        on_link.chain(default).chain(behind).collect()
    }

    /// The hop limit that routers want, if they said so.
    pub const fn hop_limit(&self) -> Option<u8> {
        self.params.hop_limit
    }

    /// How long packets may be on the link, if routers said so, in bytes.
    pub const fn mtu(&self) -> Option<usize> {
        self.params.mtu
    }

    /// For how long a confirmation counts, if routers said so.
    pub const fn reachable(&self) -> Option<Duration> {
        self.params.reachable
    }

    /// After how long to ask again, if routers said so.
    pub const fn retrans(&self) -> Option<Duration> {
        self.params.retrans
    }

    /// RFC 4861 §6.3.4: it is a default router for as long as it says.
    fn set_router(
        &mut self,
        cx: &mut Cx<'_>,
        from: Ipv6Addr,
        seconds: u16,
        preference: Preference,
    ) {
        if seconds == 0 {
            return self.remove_router(cx, from, Why::Expired);
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

    fn remove_router(&mut self, cx: &mut Cx<'_>, router: Ipv6Addr, why: Why) {
        let before = self.routers.len();
        self.routers.retain(|known| known.address != router);
        if self.routers.len() < before {
            self.has_changed = true;
            cx.note(|| Seen::RouterGone { router, why });
        }
    }

    /// RFC 4861 §6.3.4 and RFC 4862 §5.5.3: a network of the link, and one that addresses are made of.
    fn set_prefix(&mut self, cx: &mut Cx<'_>, from: Ipv6Addr, told: &PrefixInformation) {
        let network = mask(told.prefix, told.len);
        let is_usable = !network.is_multicast()
            && !network.is_unicast_link_local()
            && !network.is_unspecified()
            && told.preferred <= told.valid;
        if !is_usable {
            return cx.note(|| Seen::Dropped { from, why: Why::PrefixUnfit });
        }
        if told.is_on_link {
            let ends = after(cx.now(), told.valid);
            let same = |known: &(Ipv6Addr, u8, Instant)| (known.0, known.1) == (network, told.len);
            self.prefixes.retain(|known| !same(known));
            if told.valid > 0 && self.prefixes.len() >= PREFIXES_MAX {
                cx.note(|| Seen::Dropped { from, why: Why::TableFull });
            } else if told.valid > 0 {
                self.prefixes.push((network, told.len, ends));
            }
        }
        if told.is_autonomous {
            // RFC 4862 §5.5.3 (d): prefix and identifier together are an address, and ours have 64 bits.
            if told.len != 64 {
                return cx.note(|| Seen::Dropped { from, why: Why::PrefixUnfit });
            }
            self.addresses.handle_prefix(cx, from, told);
        }
    }

    /// RFC 4191 §3.1: a network behind the router. The one of all addresses says how much it wants to
    /// be the default router, and for how long.
    fn set_route(&mut self, cx: &mut Cx<'_>, from: Ipv6Addr, told: &RouteInformation) {
        let (prefix, len, preference) = (mask(told.prefix, told.len), told.len, told.preference);
        if len == 0 {
            let seconds = told.lifetime.min(u16::MAX.into()) as u16;
            return self.set_router(cx, from, seconds, preference);
        }
        if prefix.is_multicast() || prefix.is_unicast_link_local() {
            return cx.note(|| Seen::Dropped { from, why: Why::PrefixUnfit });
        }
        let ends = after(cx.now(), told.lifetime);
        let route = Behind { prefix, len, by: from, preference, ends };
        let same = |known: &Behind| (known.prefix, known.len, known.by) == (prefix, len, from);
        if told.lifetime == 0 {
            self.routes.retain(|known| !same(known));
        } else if let Some(known) = self.routes.iter_mut().find(|known| same(known)) {
            *known = route;
        } else if self.routes.len() >= ROUTES_MAX {
            cx.note(|| Seen::Dropped { from, why: Why::TableFull });
        } else {
            self.routes.push(route);
        }
    }

    fn plan(&mut self) {
        let routers = self
            .routers
            .iter()
            .flat_map(|router| [Some(router.ends), router.passed_over_until].into_iter().flatten());
        let prefixes = self.prefixes.iter().map(|(.., ends)| *ends);
        let routes = self.routes.iter().map(|route| route.ends);
        let rest = [self.asking.as_ref().map(|a| a.next), self.addresses.poll_timeout()];
        let all = routers.chain(prefixes).chain(routes).chain(rest.into_iter().flatten());
        self.next = all.filter(|at| *at < Instant::NEVER).min();
    }
}

/// Ranks of routes: an operator's have less.
const ON_LINK: u32 = 256;
const BEHIND: u32 = 1000;
const PASSED_OVER: u32 = 2000;

/// The network of the first `len` bits of `address`.
fn mask(address: Ipv6Addr, len: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128 - u32::from(len.min(128))).unwrap_or(0);
    Ipv6Addr::from_bits(address.to_bits() & mask)
}
