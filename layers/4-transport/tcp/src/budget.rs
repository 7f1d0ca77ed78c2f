use std::sync::atomic::{AtomicU64, Ordering};

use base::Cx;

use crate::Config;

/// What all connections of a stack share: memory for their buffers, and answers to strangers.
///
/// Connections take from it in whole blocks as data comes to lie in their buffers. Above three
/// quarters (*pressure*) no buffer grows; when nothing is left, data out of order is dropped and
/// nothing more is taken from users. What the next bytes in order need is granted to who holds nothing,
/// so that nobody is stuck who reads; so a connection holds a segment's blocks beyond the budget at most.
#[derive(Debug)]
pub struct Budget {
    used: AtomicU64,
    max: u64,
    /// The second for which challenges are counted, and how many are left, in the lower 32 bits.
    challenges: AtomicU64,
}

/// What a stack without a word from its operator may use: 256 MiB.
const DEFAULT: u64 = 256 << 20;

impl Default for Budget {
    fn default() -> Self {
        Self::new(DEFAULT)
    }
}

impl Budget {
    /// A budget of `max` bytes.
    pub const fn new(max: u64) -> Self {
        Self { used: AtomicU64::new(0), max, challenges: AtomicU64::new(u64::MAX << 32) }
    }

    /// How many bytes are in use.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// How many may be.
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// Whether buffers should not grow.
    pub fn is_under_pressure(&self) -> bool {
        self.used() >= self.max / 4 * 3
    }

    /// Whether there is no room for `n` more.
    pub fn is_exhausted_by(&self, n: u64) -> bool {
        self.used().saturating_add(n) >= self.max
    }

    pub(crate) fn take(&self, n: u64) {
        self.used.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn give_back(&self, n: u64) {
        let before = self.used.fetch_sub(n, Ordering::Relaxed);
        debug_assert!(before >= n, "more was given back than taken");
    }

    /// RFC 5961 §7: whether one more challenge may leave in this second. The bound is another in
    /// each, so that nobody can count by it what others sent (CVE-2016-5696).
    pub(crate) fn may_challenge(&self, cx: &mut Cx<'_>, config: &Config) -> bool {
        let second = cx.now().as_nanos() / 1_000_000_000;
        let before = self.challenges.load(Ordering::Relaxed);
        let left = if before >> 32 == second & u64::from(u32::MAX) {
            before & u64::from(u32::MAX)
        } else {
            let most = config.challenges_per_second;
            u64::from(most / 2 + cx.random_below(most.max(1)))
        };
        let after = left.saturating_sub(1);
        self.challenges.store(second << 32 | after, Ordering::Relaxed);
        left > 0
    }
}
