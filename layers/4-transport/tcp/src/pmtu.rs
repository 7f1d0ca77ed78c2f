use std::time::Duration;

use base::{Cx, Instant};

use crate::config::Config;
use crate::xray::{MssCause, Seen};

/// After this time a lowered value is tried once more (RFC 8201 §4, RFC 1191 §6.3).
const RAISE_AFTER: Duration = Duration::from_secs(600);

/// How large segments may be on this path: what routers said (RFC 1191, RFC 8201), and what was
/// found out when they say nothing (RFC 4821).
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathMtu {
    /// What the route and the peer allow, in bytes of payload and options.
    ceiling: u16,
    /// What the path is thought to take.
    mss: u16,
    /// When it was lowered.
    lowered_at: Instant,
}

impl PathMtu {
    pub(crate) const fn new(mss: u16) -> Self {
        Self { ceiling: mss, mss, lowered_at: Instant::NEVER }
    }

    /// The largest segment now, in bytes of payload and options.
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
    }

    /// A router said that `mss` is the most; or a black hole is suspected. Returns whether that is
    /// less than before.
    pub(crate) fn lower(
        &mut self,
        cx: &mut Cx<'_>,
        config: &Config,
        mss: u16,
        cause: MssCause,
    ) -> bool {
        let mss = mss.max(config.mss_min);
        if mss >= self.mss {
            return false;
        }
        self.mss = mss;
        self.lowered_at = cx.now();
        cx.note(|| Seen::SegmentSize { mss, cause });
        true
    }

    /// RFC 4821 §7.7: again and again nothing came back of what was large: perhaps something on
    /// the path drops it and says nothing.
    pub(crate) fn suspect_black_hole(&mut self, cx: &mut Cx<'_>, config: &Config) -> bool {
        let Some(small) = config.mss_black_hole else { return false };
        let next = if self.mss > small { small } else { self.mss / 2 };
        // RFC 9293 §3.7.1: 536 is what everybody takes; below half of it lie no paths.
        self.lower(cx, config, next.max(268), MssCause::BlackHole)
    }

    /// Time has passed: perhaps the path is another (RFC 8201 §5.3: not before ten minutes).
    pub(crate) fn try_raising(&mut self, cx: &mut Cx<'_>) {
        if self.mss < self.ceiling
            && self.lowered_at != Instant::NEVER
            && cx.now().since(self.lowered_at) >= RAISE_AFTER
        {
            self.mss = self.ceiling;
            self.lowered_at = Instant::NEVER;
            let mss = self.mss;
            cx.note(|| Seen::SegmentSize { mss, cause: MssCause::TriedAgain });
        }
    }
}
