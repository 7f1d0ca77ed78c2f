use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use base::{Cx, Instant};

use crate::wire::{ALL_NODES_V6, ALL_SYSTEMS_V4, Query, Record, Report, Version};
use crate::xray::{Seen, Why};

/// How many groups a report names, so that it stays within the least MTU of IPv6 (1280 bytes: 40 of
/// header, 8 of options, 8 of report, 20 each).
const RECORDS_MAX: usize = 60;

/// How often a change is said, so that one report may be lost. (RFC 3376 §8.1, RFC 3810 §9.1)
const ROBUSTNESS: u8 = 2;

/// Between two reports of a change at most. (RFC 3376 §8.11, RFC 3810 §9.11)
const CHANGE_INTERVAL: Duration = Duration::from_secs(1);

/// The same in older versions. (RFC 2236 §8.10, RFC 2710 §7.10)
const CHANGE_INTERVAL_OLD: Duration = Duration::from_secs(10);

/// How long a router of an older version counts as there: two intervals of 125 s and ten seconds.
/// (RFC 3376 §8.12, RFC 3810 §9.12)
const OLDER_PRESENT: Duration = Duration::from_secs(2 * 125 + 10);

/// The groups of one version of IP on one interface, and what routers are told of them.
///
/// | from          | call                                                                          |
/// |---------------|-------------------------------------------------------------------------------|
/// | the wire      | [`handle_query`](Self::handle_query), [`handle_report`](Self::handle_report)   |
/// | the clock     | [`handle_timeout`](Self::handle_timeout)                                       |
/// | sockets       | [`join`](Self::join), [`leave`](Self::leave)                                   |
///
/// How many groups there are, the caller bounds; what left stays until it was said as often as
/// necessary.
#[derive(Debug, Default)]
pub struct Membership {
    groups: BTreeMap<IpAddr, Group>,
    /// When all groups are reported, because a router asked.
    all_at: Option<Instant>,
    /// When changes are reported.
    changes_at: Option<Instant>,
    /// As which version a router was heard, and until when that counts.
    older: Option<(Version, Instant)>,
    robustness: Option<u8>,
    outgoing: VecDeque<Report>,
    /// The first of all times.
    next: Option<Instant>,
}

#[derive(Debug)]
struct Group {
    is_joined: bool,
    /// How often the last change is still to be said.
    changes_left: u8,
    /// When it is reported, because a router asked for it.
    at: Option<Instant>,
    /// Whether we were the last to report it: who was not need not say that they leave.
    /// (RFC 2236 §3)
    reported_last: bool,
}

impl Membership {
    /// No groups.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a router's question. (RFC 3376 §5.2, RFC 3810 §6.2)
    pub fn handle_query(&mut self, cx: &mut Cx<'_>, from: IpAddr, query: &Query) {
        let Query { version, group, within, robustness } = *query;
        cx.note(|| Seen::QueryIn { from, group, version, within });
        if group.is_some_and(|group| !group.is_multicast()) {
            return cx.note(|| Seen::Dropped { from, why: Why::NoGroup });
        }
        self.hear_version(cx, version);
        if version == Version::Newest {
            // RFC 3376 §4.1.6: zero says nothing.
            self.robustness = Some(robustness).filter(|times| *times > 0);
        }
        let at = cx.now().after(random_below(cx, within));
        // RFC 3376 §5.2, 1: what is to be said soon answers this too.
        if self.all_at.is_none_or(|pending| pending > at) {
            self.plan_answer(cx, group, at, within);
        }
        self.plan();
    }

    fn plan_answer(
        &mut self,
        cx: &mut Cx<'_>,
        group: Option<IpAddr>,
        at: Instant,
        within: Duration,
    ) {
        match group {
            None if self.version() == Version::Newest => self.all_at = Some(at),
            // RFC 2236 §3: each group has its own time.
            None => {
                for group in self.groups.values_mut().filter(|group| group.is_joined) {
                    group.answer_by(cx.now().after(random_below(cx, within)));
                }
            }
            Some(asked) => {
                let known = self.groups.get_mut(&asked).filter(|group| group.is_joined);
                if let Some(group) = known {
                    group.answer_by(at);
                }
            }
        }
    }

    /// Somebody else told routers of an older version that they listen to `group`. (RFC 2236 §3)
    pub fn handle_report(&mut self, cx: &mut Cx<'_>, from: IpAddr, group: IpAddr) {
        if self.version() == Version::Newest {
            return cx.note(|| Seen::Dropped { from, why: Why::ForRouters });
        }
        let Some(known) = self.groups.get_mut(&group).filter(|known| known.is_joined) else {
            return cx.note(|| Seen::Dropped { from, why: Why::ForRouters });
        };
        (known.at, known.changes_left, known.reported_last) = (None, 0, false);
        cx.note(|| Seen::ReportedByOther { group, by: from });
        self.plan();
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        if self.poll_timeout().is_none_or(|at| at > cx.now()) {
            return;
        }
        let now = cx.now();
        if let Some((from, until)) = self.older
            && until <= now
        {
            self.older = None;
            cx.note(|| Seen::VersionChanged { from, to: Version::Newest });
            self.forget_answers();
        }
        if self.all_at.is_some_and(|at| at <= now) {
            self.all_at = None;
            self.answer(|_| true);
        }
        if self.groups.values().any(|group| group.at.is_some_and(|at| at <= now)) {
            self.answer(|group| group.at.is_some_and(|at| at <= now));
        }
        if self.changes_at.is_some_and(|at| at <= now) {
            self.report_changes(cx);
        }
        self.plan();
    }

    /// Listens to `group` from now on. That of all hosts, and those of narrower scope than the link,
    /// are nobody's to hear of. (RFC 3376 §6, RFC 3810 §6)
    pub fn join(&mut self, group: IpAddr) {
        self.change(group, true);
    }

    /// Listens to `group` no longer.
    pub fn leave(&mut self, group: IpAddr) {
        self.change(group, false);
    }

    /// The next message to send, if any.
    #[must_use]
    pub fn poll_transmit(&mut self, cx: &mut Cx<'_>) -> Option<Report> {
        self.handle_timeout(cx);
        let report = self.outgoing.pop_front()?;
        let version = self.version();
        match &report {
            Report::Records(records) => {
                let groups = records.len();
                cx.note(|| Seen::ReportOut { groups, version });
            }
            Report::Listens(group, _) => {
                let group = *group;
                cx.note(|| Seen::GroupReported { group, version });
            }
            Report::Left(group) => {
                let group = *group;
                cx.note(|| Seen::GroupLeft { group, version });
            }
        }
        Some(report)
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if ever.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    /// Whether there is something to say, now or later: a look that costs nothing.
    #[inline]
    pub fn is_talking(&self) -> bool {
        self.next.is_some() || !self.outgoing.is_empty()
    }

    /// As which version we speak now.
    pub fn version(&self) -> Version {
        self.older.map_or(Version::Newest, |(version, _)| version)
    }

    /// The groups that are listened to, and reported.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> {
        self.groups.iter().filter(|(_, group)| group.is_joined).map(|(address, _)| *address)
    }

    /// RFC 3376 §7.2.1, RFC 3810 §8.2.1: the oldest version that is heard counts.
    fn hear_version(&mut self, cx: &mut Cx<'_>, heard: Version) {
        let before = self.version();
        let until = cx.now().after(OLDER_PRESENT);
        if heard < Version::Newest && heard <= before {
            self.older = Some((heard, until));
        }
        if self.version() != before {
            let to = self.version();
            cx.note(|| Seen::VersionChanged { from: before, to });
            self.forget_answers();
        }
    }

    /// RFC 3376 §7.2.1: what was to be answered in another version is not.
    fn forget_answers(&mut self) {
        self.all_at = None;
        self.groups.values_mut().for_each(|group| group.at = None);
    }

    fn change(&mut self, address: IpAddr, is_joined: bool) {
        if !is_reported(address) {
            return;
        }
        let changes_left = self.robustness.unwrap_or(ROBUSTNESS);
        let new = || Group { is_joined, changes_left: 0, at: None, reported_last: true };
        let group = self.groups.entry(address).or_insert_with(new);
        (group.is_joined, group.changes_left) = (is_joined, changes_left);
        if !is_joined {
            group.at = None;
        }
        // At once: whoever calls has no time to say which.
        self.changes_at = Some(Instant::ORIGIN);
        self.plan();
    }

    fn plan(&mut self) {
        let groups = self.groups.values().filter_map(|group| group.at);
        let older = self.older.map(|(_, until)| until);
        self.next = groups.chain(self.all_at).chain(self.changes_at).chain(older).min();
    }

    /// Says to which of the groups that are `meant` we listen.
    fn answer(&mut self, is_meant: impl Fn(&Group) -> bool) {
        let version = self.version();
        let mut records = Vec::new();
        for (address, group) in &mut self.groups {
            if !group.is_joined || !is_meant(group) {
                continue;
            }
            (group.at, group.reported_last) = (None, true);
            match version {
                Version::Newest => records.push((*address, Record::Listens)),
                _ => self.outgoing.push_back(Report::Listens(*address, version)),
            }
        }
        self.send_records(records);
    }

    /// Says what has changed, and plans to say it again. (RFC 3376 §5.1, RFC 3810 §6.1)
    fn report_changes(&mut self, cx: &mut Cx<'_>) {
        let version = self.version();
        let mut records = Vec::new();
        for (address, group) in &mut self.groups {
            if group.changes_left == 0 {
                continue;
            }
            group.changes_left -= 1;
            match (version, group.is_joined) {
                (Version::Newest, true) => records.push((*address, Record::Joined)),
                (Version::Newest, false) => records.push((*address, Record::Left)),
                (_, true) => {
                    group.reported_last = true;
                    self.outgoing.push_back(Report::Listens(*address, version));
                }
                // RFC 2236 §3: who leaves says so once, if nobody else has reported the group since.
                (Version::Older, false) => {
                    group.changes_left = 0;
                    if group.reported_last {
                        self.outgoing.push_back(Report::Left(*address));
                    }
                }
                (Version::Oldest, false) => group.changes_left = 0,
            }
        }
        self.send_records(records);
        self.groups.retain(|_, group| group.is_joined || group.changes_left > 0);
        let is_more = self.groups.values().any(|group| group.changes_left > 0);
        let interval =
            if version == Version::Newest { CHANGE_INTERVAL } else { CHANGE_INTERVAL_OLD };
        self.changes_at = is_more.then(|| cx.now().after(random_below(cx, interval)));
    }

    fn send_records(&mut self, records: Vec<(IpAddr, Record)>) {
        let reports = records.chunks(RECORDS_MAX).map(|some| Report::Records(some.to_vec()));
        self.outgoing.extend(reports);
    }
}

impl Group {
    /// RFC 3376 §5.2, 4: the earlier of two answers counts.
    fn answer_by(&mut self, at: Instant) {
        self.at = Some(self.at.map_or(at, |pending| pending.min(at)));
    }
}

/// Whether routers are told of a group. (RFC 3376 §5, RFC 3810 §6: not of that of all hosts; RFC 4291
/// §2.7: scopes 0 and 1 do not leave the host)
fn is_reported(group: IpAddr) -> bool {
    match group {
        IpAddr::V4(group) => group.is_multicast() && group != ALL_SYSTEMS_V4,
        IpAddr::V6(group) => {
            let scope = group.octets()[1] & 0xf;
            group.is_multicast() && scope > 1 && group != ALL_NODES_V6
        }
    }
}

/// A random time that is not zero, so that a report and its repetition are not lost together.
fn random_below(cx: &mut Cx<'_>, limit: Duration) -> Duration {
    let millis = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX).max(2);
    Duration::from_millis(u64::from(1 + cx.random_below(millis - 1)))
}
