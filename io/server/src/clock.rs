use std::cell::Cell;

use base::{Instant, Wall};
use rustix::time::{ClockId, clock_gettime};

/// The clocks of the machine, as layers know them.
///
/// One clock is read for each call; the date is derived from it, with an offset that
/// [`adjust`](Self::adjust) takes anew a few times a second.
#[derive(Clone, Debug)]
pub struct Clock {
    /// The monotonic clock at the origin, in nanoseconds.
    origin: i64,
    /// The wall's clock at the origin, in nanoseconds since 1970.
    wall_at_origin: Cell<i64>,
    /// The date that was told last, and until when it is right.
    told: Cell<(Wall, Instant)>,
}

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        Self::start_at(Instant::ORIGIN)
    }

    /// A clock that says `at` now.
    pub fn start_at(at: Instant) -> Self {
        let clock = Self {
            origin: nanos(ClockId::Monotonic) - at.as_nanos() as i64,
            wall_at_origin: Cell::new(0),
            told: Cell::new((Wall(0), Instant::ORIGIN)),
        };
        clock.adjust();
        clock
    }

    /// The time since the origin.
    #[inline]
    pub fn now(&self) -> Instant {
        Instant::from_nanos((nanos(ClockId::Monotonic) - self.origin) as u64)
    }

    /// The date at `now`, which is no earlier than when it was asked for last.
    #[inline]
    pub fn wall(&self, now: Instant) -> Wall {
        let (wall, until) = self.told.get();
        if now < until { wall } else { self.next_wall(now) }
    }

    fn next_wall(&self, now: Instant) -> Wall {
        let nanos = self.wall_at_origin.get() + now.as_nanos() as i64;
        let left = 1_000_000_000 - nanos.rem_euclid(1_000_000_000);
        let wall = Wall(nanos.div_euclid(1_000_000_000));
        self.told.set((wall, Instant::from_nanos(now.as_nanos() + left as u64)));
        wall
    }

    /// Looks at the wall's clock, which may have been set.
    pub fn adjust(&self) {
        let wall = nanos(ClockId::Realtime);
        self.wall_at_origin.set(wall - self.now().as_nanos() as i64);
        self.told.set((Wall(0), Instant::ORIGIN));
    }
}

/// A clock in nanoseconds, which fit for 292 years from its zero.
#[inline]
fn nanos(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
