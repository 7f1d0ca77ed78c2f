//! The routes of a site: the most specific one that a request has answers it.

use std::collections::HashMap;

use message::Method;

use crate::config::PathPattern;

/// A table whose keys only the operator chooses: strangers can ask for what is not in it, but never
/// fill it, so its hash may be a quick one.
pub(crate) type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Routes by path. Finding one costs a hash for each segment of the path, however many there are.
pub(crate) struct Routes<R> {
    exactly: Map<Box<[u8]>, AtPath<R>>,
    below: Map<Box<[u8]>, AtPath<R>>,
    /// What stands below the root: every path.
    everywhere: AtPath<R>,
    /// How many slashes the deepest path in `below` has.
    depth_max: usize,
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
        Self {
            exactly: Map::default(),
            below: Map::default(),
            everywhere: Vec::new(),
            depth_max: 0,
        }
    }
}

impl<R> Routes<R> {
    /// Adds a route; of two for the same path and method the first counts.
    pub(crate) fn add(&mut self, path: &PathPattern, method: Option<Method>, route: R) {
        let routes = match path {
            PathPattern::Exactly(path) => self.exactly.entry(path.as_bytes().into()).or_default(),
            PathPattern::Below(path) if path.is_empty() => &mut self.everywhere,
            PathPattern::Below(path) => {
                self.depth_max = self.depth_max.max(slashes(path.as_bytes()).count());
                self.below.entry(path.as_bytes().into()).or_default()
            }
        };
        routes.push((method, route));
    }

    /// The most specific route, as [`find`](Self::find) finds it, if there is one.
    #[inline(always)]
    pub(crate) fn get(&self, path: &[u8], method: &Method) -> Option<&R> {
        match &*self.everywhere {
            [(None, only)] if self.exactly.is_empty() && self.below.is_empty() => Some(only),
            _ => self.search(path, method),
        }
    }

    fn search(&self, path: &[u8], method: &Method) -> Option<&R> {
        self.candidates(path).find_map(|routes| choose(routes, method))
    }

    /// The most specific route: the path itself, then the longest path above it; at one path, a
    /// route for the method comes before one for all. A route for other methods hides nothing.
    pub(crate) fn find(&self, path: &[u8], method: &Method) -> Found<'_, R> {
        self.get(path, method).map_or_else(|| self.others(path), Found::Route)
    }

    /// What stands at a path, the most specific first.
    fn candidates<'r>(&'r self, path: &[u8]) -> impl Iterator<Item = &'r AtPath<R>> {
        let exactly = self.exactly.get(path).into_iter();
        exactly.chain(above(path, &self.below, self.depth_max)).chain([&self.everywhere])
    }

    /// What other methods lead to something here.
    fn others(&self, path: &[u8]) -> Found<'_, R> {
        match self.named_methods(path) {
            none if none.is_empty() => Found::Nothing,
            others => Found::OtherMethods(others),
        }
    }

    /// The methods that have routes of their own here, down to the first route for all methods: what is
    /// less specific than that one is never reached.
    pub(crate) fn named_methods(&self, path: &[u8]) -> Vec<Method> {
        let mut methods = Vec::new();
        for routes in self.candidates(path) {
            methods.extend(routes.iter().filter_map(|(method, _)| method.clone()));
            if routes.iter().any(|(method, _)| method.is_none()) {
                break;
            }
        }
        methods
    }
}

/// What stands at the path and at every path above it, the longest first.
///
/// Paths that are deeper than any route are cut first, so that a stranger's long path costs no more
/// than a route's.
fn above<'r, V>(
    path: &[u8],
    routes: &'r Map<Box<[u8]>, V>,
    depth_max: usize,
) -> impl Iterator<Item = &'r V> {
    let end = slashes(path).nth(depth_max).unwrap_or(path.len());
    let path = path.get(..end).unwrap_or_default();
    let ends = std::iter::once(end).chain(slashes(path).rev());
    ends.filter_map(|end| routes.get(path.get(..end)?))
}

/// Where the slashes of a path are.
fn slashes(path: &[u8]) -> impl DoubleEndedIterator<Item = usize> {
    path.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| at)
}

fn choose<'r, R>(routes: &'r [(Option<Method>, R)], method: &Method) -> Option<&'r R> {
    // RFC 9110 §9.3.2: HEAD is answered as GET is.
    let wanted = if *method == Method::Head { &Method::Get } else { method };
    let for_method = routes.iter().find(|(m, _)| m.as_ref() == Some(wanted));
    let for_all = || routes.iter().find(|(m, _)| m.is_none());
    for_method.or_else(for_all).map(|(_, route)| route)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(patterns: &[&'static str]) -> Routes<&'static str> {
        let mut routes = Routes::default();
        for pattern in patterns {
            let (path, method) = match pattern.split_once(' ') {
                Some((method, path)) => (path, Method::from_bytes(method.as_bytes())),
                None => (*pattern, None),
            };
            let path = match path.strip_suffix("/*") {
                Some(path) => PathPattern::Below(path.into()),
                None => PathPattern::Exactly(path.into()),
            };
            routes.add(&path, method, *pattern);
        }
        routes
    }

    #[test]
    fn the_most_specific_is_found() {
        let routes = routes(&["/*", "/a/*", "/a/b/*", "/a/b/c", "POST /a/*", "PUT /only"]);
        let cases = [
            ("/", "/*"),
            ("/a", "/a/*"),
            ("/a/", "/a/*"),
            ("/ab", "/*"),
            ("/a/b", "/a/b/*"),
            ("/a/b/c", "/a/b/c"),
            ("/a/b/c/d", "/a/b/*"),
            ("/a/x/y", "/a/*"),
            ("/only", "/*"),
        ];
        for (path, found) in cases {
            assert_eq!(routes.find(path.as_bytes(), &Method::Head), Found::Route(&found), "{path}");
        }
        assert_eq!(routes.find(b"/a/x", &Method::Post), Found::Route(&"POST /a/*"));
        assert_eq!(routes.find(b"/a/b/x", &Method::Post), Found::Route(&"/a/b/*"));
    }

    #[test]
    fn other_methods_are_named() {
        let routes = routes(&["POST /form", "PUT /form"]);
        let others = vec![Method::Post, Method::Put];
        assert_eq!(routes.find(b"/form", &Method::Get), Found::OtherMethods(others));
        assert_eq!(routes.find(b"/other", &Method::Get), Found::Nothing);
    }

    #[test]
    fn methods_are_named_down_to_what_answers_all() {
        let routes = routes(&["PUT /a/b", "POST /a/*", "/a/*", "DELETE /*", "/*"]);
        assert_eq!(routes.named_methods(b"/a/b"), [Method::Put, Method::Post]);
        assert_eq!(routes.named_methods(b"/a/c"), [Method::Post]);
        assert_eq!(routes.named_methods(b"/"), [Method::Delete]);
    }

    #[test]
    fn a_deep_path_is_cut_where_no_route_goes() {
        let routes = routes(&["/a/a/*", "/a/*"]);
        let deep = "/a".repeat(4096);
        assert_eq!(routes.find(deep.as_bytes(), &Method::Get), Found::Route(&"/a/a/*"));
        let ends = above(deep.as_bytes(), &routes.below, routes.depth_max).count();
        assert_eq!(ends, 2, "what is found on the way up from the second slash");
    }
}
