use crate::Instant;

/// How often something may be done: so many times a second on average, so many at once.
///
/// A token bucket that is one point in time: when it would be full.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// What one costs, in nanoseconds.
    cost: u64,
    /// What all that fit in cost together.
    depth: u64,
    full_at: Instant,
}

impl Bucket {
    /// A full bucket, out of which `burst` may be taken at once and `per_second` again and again.
    pub const fn new(per_second: u32, burst: u32) -> Self {
        let per_second = if per_second == 0 { 1 } else { per_second };
        let cost = 1_000_000_000 / per_second as u64;
        Self { cost, depth: cost * burst as u64, full_at: Instant::ORIGIN }
    }

    /// Takes one out, if there is one.
    #[inline]
    pub fn take(&mut self, now: Instant) -> bool {
        self.take_some(now, 1)
    }

    /// Takes `n` out, if there are so many.
    pub fn take_some(&mut self, now: Instant, n: u32) -> bool {
        let missing = self.full_at.since(now).as_nanos() as u64;
        let after = missing.saturating_add(self.cost.saturating_mul(u64::from(n)));
        let is_there = after <= self.depth;
        if is_there {
            self.full_at = now.after(std::time::Duration::from_nanos(after));
        }
        is_there
    }
}
