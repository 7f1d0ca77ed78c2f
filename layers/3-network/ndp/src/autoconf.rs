//! What a host makes of what routers say. (RFC 4861 §6.3, RFC 4191, RFC 4862 §5.5, RFC 7559)
//!
//! Routers, networks of the link and routes are lists with an end each (`routes.rs`), and so are the
//! addresses that were made of them (`slaac.rs`). After anything that changes them,
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
use crate::routes::{Learned, Router, Routes, network_of};
use crate::slaac::{Addresses, AutoAddress, RETRIES};
use crate::wire::{Opt, PrefixInformation, RouteInformation, RouterAdvertisement};
use crate::xray::{Seen, Why};

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
    routes: Routes,
    addresses: Addresses,
    params: Params,
    has_changed: bool,
    next: Option<Instant>,
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
            routes: Routes::default(),
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
        self.routes.set_router(cx, from, lifetime, preference);
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
        self.has_changed |= self.routes.pass_over(router, until);
        self.plan();
    }

    /// The neighbour `router` says that it passes nothing on any more. (RFC 4861 §7.2.5)
    pub fn handle_no_router(&mut self, cx: &mut Cx<'_>, router: Ipv6Addr) {
        self.has_changed |= self.routes.remove_router(cx, router, Why::NoRouter);
        self.routes.remove_behind(router);
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
        self.has_changed |= self.routes.expire(cx);
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
        self.addresses.clear();
        self.routes = Routes::default();
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
        self.routes.routers()
    }

    /// The routes that there are to be.
    pub fn routes(&self) -> Vec<Learned> {
        self.routes.all()
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

    /// RFC 4861 §6.3.4 and RFC 4862 §5.5.3: a network of the link, and one that addresses are made of.
    fn set_prefix(&mut self, cx: &mut Cx<'_>, from: Ipv6Addr, told: &PrefixInformation) {
        let network = network_of(told.prefix, told.len);
        let is_usable = !network.is_multicast()
            && !network.is_unicast_link_local()
            && !network.is_unspecified()
            && told.preferred <= told.valid;
        if !is_usable {
            return cx.note(|| Seen::Dropped { from, why: Why::PrefixUnfit });
        }
        if told.is_on_link {
            self.routes.set_on_link(cx, from, (network, told.len), told.valid);
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
        let RouteInformation { prefix, len, preference, lifetime } = *told;
        if len == 0 {
            let seconds = lifetime.min(u16::MAX.into()) as u16;
            return self.routes.set_router(cx, from, seconds, preference);
        }
        let network = network_of(prefix, len);
        if network.is_multicast() || network.is_unicast_link_local() {
            return cx.note(|| Seen::Dropped { from, why: Why::PrefixUnfit });
        }
        self.routes.set_behind(cx, from, (network, len), preference, lifetime);
    }

    fn plan(&mut self) {
        let asking = self.asking.as_ref().map(|asking| asking.next);
        let all = [asking, self.routes.next_end(), self.addresses.poll_timeout()];
        self.next = all.into_iter().flatten().filter(|at| *at < Instant::NEVER).min();
    }
}
