use std::time::Duration;

use base::{Cx, Instant};

use crate::Seq;
use crate::config::{Config, MtuProbing, ProbeWhen};
use crate::xray::{MssCause, Seen};

/// After this time a lowered value is tried once more (RFC 8201 §4, RFC 1191 §6.3).
const RAISE_AFTER: Duration = Duration::from_secs(600);

/// How large segments may be on this path: what routers said (RFC 1191, RFC 8201), and what was
/// found out when they say nothing (RFC 4821).
///
/// ```text
///   told by a router ───────────────▶ smaller, and for ten minutes no larger
///   nothing comes back of what is large, or from the beginning ───▶ a search:
///
///   base ≤ low ──── the next probe, in the middle ──── high ≤ what the route and the peer allow
///    it arrives: low is its size, and all segments are    it is lost: high is below it
/// ```
///
/// All sizes are in bytes of payload and options.
#[derive(Debug)]
pub(crate) struct PathMtu {
    /// What the route and the peer allow.
    ceiling: u16,
    /// What the path is thought to take.
    mss: u16,
    /// What else is known, where that is less than the route allows, or looked for.
    found: Option<Box<Found>>,
}

/// What was found out about a path.
#[derive(Debug)]
struct Found {
    /// When the size was lowered, if it was.
    lowered_at: Instant,
    /// The largest segment is searched for.
    search: Option<Search>,
}

impl Default for Found {
    fn default() -> Self {
        Self { lowered_at: Instant::NEVER, search: None }
    }
}

/// A search for the largest segment that arrives (RFC 4821 §7.3).
#[derive(Debug)]
struct Search {
    /// So much arrives, or is thought to.
    low: u16,
    /// More than this does not.
    high: u16,
    /// When it began, at first or anew.
    began_at: Instant,
    /// The probe that is out.
    probe: Option<Probe>,
}

/// A segment that is larger than others, to see whether it arrives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    pub(crate) size: u16,
    pub(crate) start: Seq,
    pub(crate) end: Seq,
}

impl PathMtu {
    pub(crate) const fn new(mss: u16) -> Self {
        Self { ceiling: mss, mss, found: None }
    }

    /// The largest segment now.
    #[inline]
    pub(crate) const fn mss(&self) -> u16 {
        self.mss
    }

    /// What the route and the peer allow.
    pub(crate) const fn ceiling(&self) -> u16 {
        self.ceiling
    }

    /// The route changed, or the peer said what it takes.
    pub(crate) fn set_ceiling(&mut self, ceiling: u16) {
        let was_lowered = self.mss < self.ceiling;
        self.ceiling = ceiling;
        self.mss = if was_lowered { self.mss.min(ceiling) } else { ceiling };
        if let Some(search) = self.search_mut() {
            search.limit(ceiling);
        }
    }

    fn search_ref(&self) -> Option<&Search> {
        self.found.as_ref()?.search.as_ref()
    }

    fn search_mut(&mut self) -> Option<&mut Search> {
        self.found.as_mut()?.search.as_mut()
    }

    /// A router said that `mss` is the most; or a black hole is suspected. Returns whether that is
    /// less than before, or than what was to be tried.
    pub(crate) fn lower(
        &mut self,
        cx: &mut Cx<'_>,
        config: &Config,
        mss: u16,
        cause: MssCause,
    ) -> bool {
        let mss = mss.max(config.mss_min);
        let is_probed = self.search_mut().is_some_and(|search| search.limit(mss));
        if mss >= self.mss {
            return is_probed;
        }
        self.mss = mss;
        self.found.get_or_insert_default().lowered_at = cx.now();
        cx.note(|| Seen::SegmentSize { mss, cause });
        true
    }

    /// RFC 4821 §7.7: again and again nothing came back of what was large: perhaps something on
    /// the path drops it and says nothing. What passes is then searched for, from below. `options`
    /// is what segments have of them.
    pub(crate) fn suspect_black_hole(&mut self, cx: &mut Cx<'_>, config: &Config, options: u16) {
        let probing = &config.mtu_probing;
        if probing.when == ProbeWhen::Never {
            return;
        }
        let base = probing.base_mss.saturating_add(options);
        let half = self.mss.saturating_sub(options) / 2 + options;
        let is_first = self.search_ref().is_none() && self.mss > base;
        let low = if is_first { base } else { half.min(base) };
        let low = low.max(probing.floor.saturating_add(options)).max(config.mss_min);
        self.lower(cx, config, low, MssCause::BlackHole);
        self.search(cx.now(), self.mss);
    }

    /// The connection begins: sizes are searched for from the first segment on, if an operator
    /// wishes so. An `accepted` one may have whole segments until then.
    pub(crate) fn begin(&mut self, now: Instant, config: &Config, options: u16, accepted: bool) {
        let MtuProbing { when, base_mss, accepted_begin_whole, .. } = config.mtu_probing;
        if when != ProbeWhen::Always {
            return;
        }
        let low = base_mss.saturating_add(options).min(self.ceiling);
        self.search(now, low);
        if !(accepted && accepted_begin_whole) {
            self.mss = self.mss.min(low);
        }
    }

    /// Sizes are searched for between `low` and the most.
    fn search(&mut self, now: Instant, low: u16) {
        let high = self.ceiling;
        let found = self.found.get_or_insert_default();
        let search = found.search.get_or_insert(Search { low, high, began_at: now, probe: None });
        search.low = search.low.min(low);
        search.probe = None;
    }

    /// Time has passed: perhaps the path is another (RFC 8201 §5.3: not before ten minutes). A
    /// search finds that out by itself.
    pub(crate) fn try_raising(&mut self, cx: &mut Cx<'_>) {
        let Some(Found { lowered_at, search: None }) = self.found.as_deref() else { return };
        if self.mss < self.ceiling
            && *lowered_at != Instant::NEVER
            && cx.now().since(*lowered_at) >= RAISE_AFTER
        {
            self.mss = self.ceiling;
            self.found = None;
            let mss = self.mss;
            cx.note(|| Seen::SegmentSize { mss, cause: MssCause::TriedAgain });
        }
    }

    /// Which size is to be tried next, if one is. Where too little is left to be found, the search begins
    /// anew after a while: the path may be another by then (RFC 8201 §4).
    pub(crate) fn next_size(&mut self, now: Instant, config: &Config) -> Option<u16> {
        let (ceiling, mss) = (self.ceiling, self.mss);
        let search = self.search_mut().filter(|search| search.probe.is_none())?;
        let MtuProbing { range_min, interval, .. } = config.mtu_probing;
        // A range of less than two has no middle.
        if search.high.saturating_sub(search.low) >= range_min.max(2) {
            return Some(u16::midpoint(search.low, search.high));
        }
        if now.since(search.began_at) >= interval {
            (search.low, search.high, search.began_at) = (mss, ceiling, now);
        }
        None
    }

    /// A probe leaves.
    pub(crate) fn note_probe(&mut self, cx: &mut Cx<'_>, probe: Probe) {
        let Some(search) = self.search_mut() else { return };
        search.probe = Some(probe);
        let Probe { size: mss, start: seq, .. } = probe;
        let between = (search.low, search.high);
        cx.note(|| Seen::SizeProbed { seq, mss, between });
    }

    /// The probe that is out, if one is.
    #[inline]
    pub(crate) fn probe(&self) -> Option<Probe> {
        self.search_ref()?.probe
    }

    /// Whether a router said meanwhile that less than the probe is the most.
    pub(crate) fn is_probe_too_large(&self) -> bool {
        self.search_ref()
            .is_some_and(|search| search.probe.is_some_and(|probe| probe.size > search.high))
    }

    /// Something is sent again: whatever comes of the probe now says nothing of its size (RFC 4821
    /// §7.6.4).
    pub(crate) fn forget_probe(&mut self) {
        if let Some(search) = self.search_mut() {
            search.probe = None;
        }
    }

    /// The probe has arrived: all segments are as large from here on (RFC 4821 §7.6.1).
    pub(crate) fn note_probe_arrived(&mut self, cx: &mut Cx<'_>) {
        let Some(search) = self.search_mut() else { return };
        let Some(probe) = search.probe.take() else { return };
        // The route may take less by now.
        let mss = probe.size.min(search.high);
        search.low = mss;
        self.mss = mss;
        cx.note(|| Seen::SegmentSize { mss, cause: MssCause::ProbeArrived });
    }

    /// The probe alone was lost: nothing as large is tried in this search (RFC 4821 §7.6.2).
    pub(crate) fn note_probe_lost(&mut self, cx: &mut Cx<'_>) {
        let Some(search) = self.search_mut() else { return };
        let Some(probe) = search.probe.take() else { return };
        search.high = probe.size - 1;
        cx.note(|| Seen::SizeProbeLost { seq: probe.start, mss: probe.size });
    }
}

impl Search {
    /// Nothing larger than `most` passes; returns whether that is less than what was to be tried.
    fn limit(&mut self, most: u16) -> bool {
        let is_less = most < self.high;
        self.high = self.high.min(most);
        self.low = self.low.min(most);
        is_less
    }
}
