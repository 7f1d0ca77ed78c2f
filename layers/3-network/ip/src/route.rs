//! Where a destination is: the route with the longest prefix. (RFC 1122 §3.3.1, RFC 1812 §5.2.4.3)
//!
//! Routes change seldom and are asked for each packet. So every change cuts the line of all
//! addresses at the ends of all prefixes and notes for each piece whose it is; a question is then
//! one binary search in an array: four comparisons for ten routes, seventeen for 100,000, and the
//! table lies in one piece of memory. A change costs sorting.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::prefix::{Prefix, mask_v4, mask_v6};

/// One of a host's interfaces, by its number.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct InterfaceId(pub u32);

impl fmt::Debug for InterfaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "if{}", self.0)
    }
}

/// The way to a network.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Route {
    /// What it leads to.
    pub to: Prefix,
    /// Through which interface.
    pub interface: InterfaceId,
    /// Who passes it on; nobody, if the network is on the link itself.
    pub gateway: Option<IpAddr>,
    /// Among routes with the same prefix the least counts.
    pub metric: u32,
    /// The address of ours that packets come from, unless somebody chose.
    pub source: Option<IpAddr>,
}

/// All routes.
#[derive(Debug, Default)]
pub struct Routes {
    /// By prefix, then metric, then age.
    routes: Vec<Route>,
    v4: Pieces<u32>,
    v6: Pieces<u128>,
}

impl Route {
    /// The way to a network on the link.
    pub const fn on_link(to: Prefix, interface: InterfaceId) -> Self {
        Self { to, interface, gateway: None, metric: 0, source: None }
    }

    /// The way to a network behind `gateway`.
    pub const fn via(to: Prefix, interface: InterfaceId, gateway: IpAddr) -> Self {
        Self { to, interface, gateway: Some(gateway), metric: 0, source: None }
    }

    /// To whom on the link a packet for `destination` is handed.
    #[inline]
    pub fn next_hop(&self, destination: IpAddr) -> IpAddr {
        self.gateway.unwrap_or(destination)
    }
}

impl Routes {
    /// No routes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route, or replaces the one with the same prefix, interface and metric.
    pub fn add(&mut self, route: Route) {
        let same = |old: &&mut Route| {
            (old.to, old.interface, old.metric) == (route.to, route.interface, route.metric)
        };
        match self.routes.iter_mut().find(same) {
            Some(old) => *old = route,
            None => self.routes.push(route),
        }
        self.rebuild();
    }

    /// Removes every route that `is_meant`; how many there were.
    pub fn remove(&mut self, is_meant: impl Fn(&Route) -> bool) -> usize {
        let before = self.routes.len();
        self.routes.retain(|route| !is_meant(route));
        self.rebuild();
        before - self.routes.len()
    }

    /// Puts `new` routes in the place of all that `is_old`, at the price of one change.
    pub fn replace(
        &mut self,
        is_old: impl Fn(&Route) -> bool,
        new: impl IntoIterator<Item = Route>,
    ) {
        self.routes.retain(|route| !is_old(route));
        self.routes.extend(new);
        self.rebuild();
    }

    /// The route for `destination`: the longest prefix, then the least metric, then the oldest.
    #[inline]
    pub fn find(&self, destination: IpAddr) -> Option<&Route> {
        let at = match destination {
            IpAddr::V4(address) => self.v4.find(address.to_bits()),
            IpAddr::V6(address) => self.v6.find(address.to_bits()),
        }?;
        self.routes.get(at as usize)
    }

    /// The best route for `destination` that leaves through `interface`: for who is bound to one.
    pub fn find_through(&self, destination: IpAddr, interface: InterfaceId) -> Option<&Route> {
        self.routes
            .iter()
            .filter(|route| route.interface == interface && route.to.contains(destination))
            .reduce(|best, route| if route.to.len() > best.to.len() { route } else { best })
    }

    /// Every route, by prefix, then metric.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }

    fn rebuild(&mut self) {
        // Sorting is stable, so among equals the oldest stays first.
        self.routes.sort_by_key(|route| (route.to, route.metric));
        let of = |route: &Route| match (route.to.network(), route.to.last()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => Some((first.to_bits(), last.to_bits())),
            _ => None,
        };
        self.v4 = Pieces::new(numbered(&self.routes, of), u32::checked_add);
        let of = |route: &Route| match (route.to.network(), route.to.last()) {
            (IpAddr::V6(first), IpAddr::V6(last)) => Some((first.to_bits(), last.to_bits())),
            _ => None,
        };
        self.v6 = Pieces::new(numbered(&self.routes, of), u128::checked_add);
    }
}

/// First and last address of each route that `of` knows, and its number.
fn numbered<A: Copy>(
    routes: &[Route],
    of: impl Fn(&Route) -> Option<(A, A)>,
) -> impl Iterator<Item = (A, A, u32)> {
    (0..).zip(routes).filter_map(move |(n, route)| of(route).map(|(first, last)| (first, last, n)))
}

/// The line of all addresses, cut into pieces that each have one route, or none.
#[derive(Debug, Default)]
struct Pieces<A> {
    /// Where each begins; the first at zero, if there are any.
    starts: Vec<A>,
    /// The number of its route.
    routes: Vec<Option<u32>>,
}

impl<A: Copy + Ord + Default + From<u8>> Pieces<A> {
    /// `ranges` are ordered by where they begin, then the longest first, then the best first; two of
    /// them lie apart, in one another, or are equal, as prefixes do.
    fn new(
        ranges: impl Iterator<Item = (A, A, u32)>,
        checked_add: impl Fn(A, A) -> Option<A>,
    ) -> Self {
        let mut pieces = Self { starts: Vec::new(), routes: Vec::new() };
        // Those that have begun and not ended, the longest prefix last.
        let mut open: Vec<(A, A, u32)> = Vec::new();
        for (first, last, n) in ranges {
            pieces.close(&mut open, Some(first), &checked_add);
            // An equal one that came before is better.
            if open.last().is_some_and(|&(begun, end, _)| (begun, end) == (first, last)) {
                continue;
            }
            pieces.cut(first, Some(n));
            open.push((first, last, n));
        }
        pieces.close(&mut open, None, &checked_add);
        pieces
    }

    /// Ends what ends before `before`, or everything.
    fn close(
        &mut self,
        open: &mut Vec<(A, A, u32)>,
        before: Option<A>,
        checked_add: &impl Fn(A, A) -> Option<A>,
    ) {
        while let Some((_, last, _)) =
            open.pop_if(|(_, last, _)| before.is_none_or(|at| *last < at))
        {
            if let Some(next) = checked_add(last, A::from(1)) {
                self.cut(next, open.last().map(|(.., n)| *n));
            }
        }
    }

    /// From `at` on it is `route`'s.
    fn cut(&mut self, at: A, route: Option<u32>) {
        if self.starts.is_empty() && at > A::default() {
            self.starts.push(A::default());
            self.routes.push(None);
        }
        if self.starts.last() == Some(&at) {
            self.routes.pop();
        } else {
            self.starts.push(at);
        }
        self.routes.push(route);
    }

    #[inline]
    fn find(&self, address: A) -> Option<u32> {
        let after = self.starts.partition_point(|start| *start <= address);
        self.routes.get(after.checked_sub(1)?).copied().flatten()
    }
}

/// How many first bits two addresses have in common.
pub(crate) fn common_prefix_len(a: IpAddr, b: IpAddr) -> u8 {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => common_v4(a, b),
        (IpAddr::V6(a), IpAddr::V6(b)) => common_v6(a, b),
        _ => 0,
    }
}

fn common_v4(a: Ipv4Addr, b: Ipv4Addr) -> u8 {
    (a.to_bits() ^ b.to_bits()).leading_zeros() as u8
}

fn common_v6(a: Ipv6Addr, b: Ipv6Addr) -> u8 {
    (a.to_bits() ^ b.to_bits()).leading_zeros() as u8
}

const _: () = assert!(mask_v4(0) == 0 && mask_v4(32) == u32::MAX && mask_v6(128) == u128::MAX);
