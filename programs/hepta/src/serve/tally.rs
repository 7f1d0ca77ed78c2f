//! Requests, counted by site and route.
//!
//! ```text
//!   Site ── finds a route ──▶ its mark, in the exchange ── over ──▶ the worker's Tally of that mark
//!                                                                        ▲ relaxed loads
//!                                                             Tallies ───┘ sums, when somebody asks
//! ```
//!
//! A mark is a number for a pair of labels: a site's name and a route's pattern. Both come from the
//! configuration, so no stranger makes a new one. A pair keeps its mark for as long as the program
//! runs: what began before a reload is counted where it belongs, and no count ever falls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use message::Method;
use server::{Counter, Record};

use crate::config::{PathPattern, Site};

/// How many pairs of labels there are at most over all reloads; the rest is counted without them. A
/// tally has 640 bytes, so they are 10 MiB a worker.
const MARKS_MAX: usize = 16 * 1024;

/// What stands in a label where there is nothing to name.
const NONE: &str = "none";

/// The methods that are told apart; the last two are for all others and for what could not be read.
pub(crate) const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other", NONE];

/// The classes of statuses; the first is for requests without an answer.
pub(crate) const STATUSES: [&str; 6] = [NONE, "1xx", "2xx", "3xx", "4xx", "5xx"];

/// Up to how long a request takes that is counted in each bucket; one more has the rest.
pub(crate) const BUCKETS: [Duration; 13] = [
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(10),
    Duration::from_secs(60),
];

/// What became of the requests of one route, or of several.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Requests<N> {
    /// By method and by status.
    pub(crate) count: [[N; STATUSES.len()]; METHODS.len()],
    /// By the bucket of the time that they took.
    pub(crate) took: [N; BUCKETS.len() + 1],
    pub(crate) took_nanos: N,
    pub(crate) body_len: N,
    pub(crate) cut_short: N,
}

/// Numbers as somebody who asks gets them.
pub(crate) type Sum = Requests<u64>;

/// One worker's part of them; on lines of the processor's cache that no other worker writes to.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Tally(Requests<Counter>);

/// By what requests are counted.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Labels {
    /// The first name of the site, or `default`.
    pub(crate) site: String,
    /// The pattern of the route's path.
    pub(crate) route: String,
}

/// The tallies of all workers.
#[derive(Debug)]
pub(crate) struct Tallies(Mutex<Table>);

#[derive(Debug)]
struct Table {
    /// The labels of each mark.
    labels: Vec<Labels>,
    marks: HashMap<Labels, u32>,
    /// The tallies of each worker, by mark.
    workers: Vec<Vec<Arc<Tally>>>,
}

/// The tallies of one worker, by mark.
#[derive(Debug)]
pub(crate) struct OfWorker(Vec<Arc<Tally>>);

impl OfWorker {
    /// Counts a request that is over: about 50 instructions, and nothing that another worker waits
    /// for.
    #[inline]
    pub(crate) fn add(&self, record: &Record<'_>) {
        // What an earlier configuration marked is here too: marks stay.
        if let Some(tally) = self.0.get(record.peer.notes.mark.get() as usize) {
            tally.0.add(record);
        }
    }
}

impl Requests<Counter> {
    #[inline]
    fn add(&self, record: &Record<'_>) {
        let status = record.status.map_or(0, |status| usize::from(status.code() / 100));
        let count = self.count.get(method_class(record.method()));
        if let Some(count) = count.and_then(|by_status| by_status.get(status)) {
            count.add(1);
        }
        let bucket = BUCKETS.iter().position(|limit| record.took <= *limit);
        if let Some(bucket) = self.took.get(bucket.unwrap_or(BUCKETS.len())) {
            bucket.add(1);
        }
        let (secs, nanos) = (record.took.as_secs(), record.took.subsec_nanos());
        self.took_nanos.add(secs.wrapping_mul(1_000_000_000).wrapping_add(nanos.into()));
        self.body_len.add(record.body_len);
        if record.cut_short.is_some() {
            self.cut_short.add(1);
        }
    }
}

/// The place in [`METHODS`].
#[inline]
fn method_class(method: Option<&Method>) -> usize {
    match method {
        Some(Method::Get) => 0,
        Some(Method::Head) => 1,
        Some(Method::Post) => 2,
        Some(Method::Put) => 3,
        Some(Method::Patch) => 4,
        Some(Method::Delete) => 5,
        Some(Method::Options) => 6,
        Some(Method::Connect | Method::Trace | Method::Other(_)) => 7,
        None => 8,
    }
}

impl Requests<u64> {
    fn add(&mut self, part: &Requests<Counter>) {
        let Requests { count, took, took_nanos, body_len, cut_short } = part;
        let parts = count.iter().flatten().chain(took);
        let sums = self.count.iter_mut().flatten().chain(&mut self.took);
        sums.zip(parts).for_each(|(sum, part)| *sum += part.get());
        self.took_nanos += took_nanos.get();
        self.body_len += body_len.get();
        self.cut_short += cut_short.get();
    }

    /// How many there were.
    pub(crate) fn total(&self) -> u64 {
        self.took.iter().sum()
    }
}

impl Default for Tallies {
    fn default() -> Self {
        let nobody = Labels { site: NONE.to_owned(), route: NONE.to_owned() };
        let marks = HashMap::from([(nobody.clone(), 0)]);
        Self(Mutex::new(Table { labels: vec![nobody], marks, workers: Vec::new() }))
    }
}

impl Tallies {
    /// The mark of the requests of this route, or of those that find no route in this site.
    pub(crate) fn mark_of(&self, site: &Site, route: Option<&PathPattern>) -> u32 {
        let route = route.map_or_else(|| NONE.to_owned(), PathPattern::shown);
        self.table().mark(Labels { site: site.name(), route })
    }

    /// The tallies in which this worker counts from now on, one for each mark that there is.
    pub(crate) fn of_worker(&self, number: usize) -> OfWorker {
        let mut table = self.table();
        let marks = table.labels.len();
        if table.workers.len() <= number {
            table.workers.resize_with(number + 1, Vec::new);
        }
        let tallies = table.workers.get_mut(number).map(|tallies| {
            tallies.resize_with(marks, Arc::default);
            tallies.clone()
        });
        OfWorker(tallies.unwrap_or_default())
    }

    /// What was counted by each pair of labels, as far as there is anything.
    pub(crate) fn sums(&self) -> Vec<(Labels, Sum)> {
        let table = self.table();
        let sum = |mark: usize| {
            let mut sum = Sum::default();
            let parts = table.workers.iter().filter_map(|tallies| tallies.get(mark));
            parts.for_each(|part| sum.add(&part.0));
            sum
        };
        let sums =
            table.labels.iter().cloned().enumerate().map(|(mark, labels)| (labels, sum(mark)));
        sums.filter(|(_, sum)| sum.total() > 0).collect()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn mark(&mut self, labels: Labels) -> u32 {
        if let Some(mark) = self.marks.get(&labels) {
            return *mark;
        }
        if self.labels.len() >= MARKS_MAX {
            return 0;
        }
        let mark = self.labels.len() as u32;
        self.labels.push(labels.clone());
        self.marks.insert(labels, mark);
        mark
    }
}

#[cfg(test)]
mod tests {
    use base::Wall;
    use message::{ExchangeId, Status};
    use server::{Notes, Peer};

    use super::*;
    use crate::config::HostPattern;

    fn site(name: &str) -> Site {
        let names = vec![HostPattern::Below(name.to_owned())];
        Site { names, ..Site::default() }
    }

    fn count(tallies: &OfWorker, mark: u32, status: Option<Status>, took: Duration) {
        let notes = Notes::default();
        notes.mark.set(mark);
        let peer = Peer::new(1, ExchangeId(1), &notes);
        tallies.add(&Record {
            wall: Wall(0),
            peer,
            request: None,
            status,
            body_len: 7,
            took,
            cut_short: status.is_none().then_some("it broke off"),
        });
    }

    #[test]
    fn what_workers_count_is_added_up_by_site_and_route() {
        let tallies = Tallies::default();
        let path = PathPattern::Below("/docs".into());
        let mark = tallies.mark_of(&site("a.example"), Some(&path));
        let workers = [tallies.of_worker(0), tallies.of_worker(1)];
        count(&workers[0], mark, Some(Status::OK), Duration::ZERO);
        count(&workers[1], mark, Some(Status::OK), Duration::from_millis(1));
        count(&workers[1], mark, None, Duration::from_secs(3600));
        count(&workers[1], 0, Some(Status::BAD_REQUEST), Duration::ZERO);
        let sums = tallies.sums();
        let [(nobody, refused), (labels, sum)] = &*sums else { panic!("{sums:?}") };
        assert_eq!((&*nobody.site, &*nobody.route), ("none", "none"));
        assert_eq!(refused.count[8][4], 1);
        assert_eq!((&*labels.site, &*labels.route), ("*.a.example", "/docs/*"));
        assert_eq!((sum.count[8][2], sum.count[8][0]), (2, 1));
        assert_eq!((sum.took[0], sum.took[3], sum.took[13]), (1, 1, 1));
        assert_eq!((sum.body_len, sum.cut_short, sum.total()), (21, 1, 3));
        assert_eq!(sum.took_nanos, 3_600_001_000_000);
    }

    #[test]
    fn marks_stay_over_reloads_and_are_bounded() {
        let tallies = Tallies::default();
        let before = tallies.mark_of(&site("a"), None);
        let worker = tallies.of_worker(0);
        count(&worker, before, Some(Status::OK), Duration::ZERO);
        for number in 0..MARKS_MAX {
            tallies.mark_of(&site(&number.to_string()), None);
        }
        assert_eq!(tallies.mark_of(&site("one more"), None), 0);
        assert_eq!(tallies.mark_of(&site("a"), None), before);
        let worker = tallies.of_worker(0);
        count(&worker, before, Some(Status::OK), Duration::ZERO);
        assert_eq!(tallies.sums()[0].1.total(), 2);
    }

    #[test]
    fn a_tally_is_as_large_as_it_is_said() {
        assert_eq!(size_of::<Tally>(), 640);
    }
}
