//! What limits know of clients outlives a reload. Else everybody could make all requests of a burst again,
//! and who is under way would not be counted.

use std::collections::HashMap;
use std::sync::Arc;

use super::crowding::Crowding;
use super::rate::Limiter;
use crate::config::{Settings, Site, Steps};

/// The limits that are served by, by where they stand.
#[derive(Debug, Default)]
pub(super) struct KeptLimits(HashMap<String, Both>);

/// Those of a site, or of a route.
#[derive(Clone, Debug, Default)]
struct Both {
    rate: Option<Arc<Limiter>>,
    at_once: Option<Arc<Crowding>>,
}

impl KeptLimits {
    /// Puts these limits into settings that were read anew, where the same limit stands at the same place;
    /// those that the settings have then.
    pub(super) fn carry_over(&self, settings: &mut Settings) -> Self {
        let mut kept = HashMap::new();
        for site in settings.sites.iter_mut().chain(&mut settings.default) {
            self.carry_over_site(site, &mut kept);
        }
        Self(kept)
    }

    fn carry_over_site(&self, site: &mut Site, kept: &mut HashMap<String, Both>) {
        // No host has such a name.
        let name = if site.names.is_empty() { "(default)".to_owned() } else { site.name() };
        let read = Both::of(&site.steps);
        let of_site = self.put_in(&name, &mut site.steps);
        for route in &mut site.routes {
            let method = route.method.as_ref().map_or("", |method| method.as_str());
            let place = format!("{name} {method} {}", route.path.shown());
            // What a route has of its site it shares with it still.
            let shares = read.is_shared_by(&route.steps);
            self.put_in(&place, &mut route.steps);
            if shares.0 {
                route.steps.rate.clone_from(&of_site.rate);
            }
            if shares.1 {
                route.steps.at_once.clone_from(&of_site.at_once);
            }
            Both::of(&route.steps).keep_at(place, kept);
        }
        of_site.keep_at(name, kept);
    }

    /// Puts in what was at this place, if it allows the same; what is there now.
    fn put_in(&self, place: &str, steps: &mut Steps) -> Both {
        if let Some(before) = self.0.get(place) {
            if let (Some(before), Some(now)) = (&before.rate, &mut steps.rate)
                && before.is_like(now)
            {
                *now = Arc::clone(before);
            }
            if let (Some(before), Some(now)) = (&before.at_once, &mut steps.at_once)
                && before.is_like(now)
            {
                *now = Arc::clone(before);
            }
        }
        Both::of(steps)
    }
}

impl Both {
    fn of(steps: &Steps) -> Self {
        Self { rate: steps.rate.clone(), at_once: steps.at_once.clone() }
    }

    fn keep_at(self, place: String, kept: &mut HashMap<String, Self>) {
        if self.rate.is_some() || self.at_once.is_some() {
            kept.insert(place, self);
        }
    }

    /// Whether the steps have the very same rate, and the very same limit of requests under way.
    fn is_shared_by(&self, steps: &Steps) -> (bool, bool) {
        fn same<T>(a: Option<&Arc<T>>, b: Option<&Arc<T>>) -> bool {
            a.zip(b).is_some_and(|(a, b)| Arc::ptr_eq(a, b))
        }
        let rate = same(self.rate.as_ref(), steps.rate.as_ref());
        (rate, same(self.at_once.as_ref(), steps.at_once.as_ref()))
    }
}
