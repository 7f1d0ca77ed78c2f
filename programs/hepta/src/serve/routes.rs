//! The routes of a site: the most specific one that a request has answers it.

use std::collections::HashMap;

use message::Method;

use crate::config::PathPattern;

/// Routes by path. Finding one costs a hash for each segment of the path, however many there are.
pub(crate) struct Routes<R> {
    exactly: HashMap<Box<[u8]>, AtPath<R>>,
    below: HashMap<Box<[u8]>, AtPath<R>>,
    /// What stands below the root: every path.
    everywhere: AtPath<R>,
}

/// The routes of one path, for a method or for all.
type AtPath<R> = Vec<(Option<Method>, R)>;

/// What a path and a method lead to.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Found<'a, R> {
    Route(&'a R),
    /// There is something, but only for these methods.
    OtherMethods(Vec<Method>),
    Nothing,
}

impl<R> Default for Routes<R> {
    fn default() -> Self {
        Self { exactly: HashMap::new(), below: HashMap::new(), everywhere: Vec::new() }
    }
}

impl<R> Routes<R> {
    /// Adds a route; of two for the same path and method the first counts.
    pub(crate) fn add(&mut self, path: &PathPattern, method: Option<Method>, route: R) {
        let routes = match path {
            PathPattern::Exactly(path) => self.exactly.entry(path.as_bytes().into()).or_default(),
            PathPattern::Below(path) if path.is_empty() => &mut self.everywhere,
            PathPattern::Below(path) => self.below.entry(path.as_bytes().into()).or_default(),
        };
        routes.push((method, route));
    }

    /// The most specific route: the path itself, then the longest path above it; at one path, a
    /// route for the method comes before one for all. A route for other methods hides nothing.
    #[inline]
    pub(crate) fn find(&self, path: &[u8], method: &Method) -> Found<'_, R> {
        match &*self.everywhere {
            [(None, only)] if self.exactly.is_empty() && self.below.is_empty() => {
                Found::Route(only)
            }
            _ => self.search(path, method),
        }
    }

    fn search(&self, path: &[u8], method: &Method) -> Found<'_, R> {
        let mut others = Vec::new();
        let candidates = self.exactly.get(path).into_iter().chain(above(path, &self.below));
        for routes in candidates.chain([&self.everywhere]) {
            if let Some(route) = choose(routes, method) {
                return Found::Route(route);
            }
            others.extend(routes.iter().filter_map(|(method, _)| method.clone()));
        }
        if others.is_empty() { Found::Nothing } else { Found::OtherMethods(others) }
    }
}

/// What stands at the path and at every path above it, the longest first.
fn above<'r, V>(path: &[u8], routes: &'r HashMap<Box<[u8]>, V>) -> impl Iterator<Item = &'r V> {
    let slashes = path.iter().enumerate().rev().filter(|(_, b)| **b == b'/').map(|(at, _)| at);
    let ends = std::iter::once(path.len()).chain(slashes);
    ends.filter_map(|end| routes.get(path.get(..end)?))
}

fn choose<'r, R>(routes: &'r [(Option<Method>, R)], method: &Method) -> Option<&'r R> {
    // RFC 9110 §9.3.2: HEAD is answered as GET is.
    let wanted = if *method == Method::Head { &Method::Get } else { method };
    let for_method = routes.iter().find(|(m, _)| m.as_ref() == Some(wanted));
    let for_all = || routes.iter().find(|(m, _)| m.is_none());
    for_method.or_else(for_all).map(|(_, route)| route)
}
