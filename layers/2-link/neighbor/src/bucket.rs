use base::Instant;

/// How much may be done in a second, with a second's worth saved up at most.
#[derive(Debug)]
pub(crate) struct Bucket {
    per_second: u32,
    /// When it would be full.
    full_at: Instant,
}

impl Bucket {
    pub(crate) const fn new(per_second: u32) -> Self {
        Self { per_second, full_at: Instant::ORIGIN }
    }

    /// Whether one more may be done now.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        const SECOND: u64 = 1_000_000_000;
        let cost = SECOND.checked_div(u64::from(self.per_second)).unwrap_or(u64::MAX);
        let full_at = self.full_at.max(now).as_nanos().saturating_add(cost);
        let is_there = full_at.saturating_sub(now.as_nanos()) <= SECOND;
        if is_there {
            self.full_at = Instant::from_nanos(full_at);
        }
        is_there
    }
}
