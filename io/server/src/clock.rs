use std::cell::Cell;
use std::time::{Instant as StdInstant, SystemTime, UNIX_EPOCH};

use base::{Instant, Wall};

/// The clocks of the machine, as layers know them.
///
/// One clock is read for each call; the date is derived from it, with an offset that
/// [`adjust`](Self::adjust) takes anew a few times a second.
#[derive(Debug)]
pub struct Clock {
    origin: StdInstant,
    /// The wall's clock at the origin, in nanoseconds since 1970.
    wall_at_origin: Cell<i64>,
}

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        let clock = Self { origin: StdInstant::now(), wall_at_origin: Cell::new(0) };
        clock.adjust();
        clock
    }

    /// The time since the origin.
    pub fn now(&self) -> Instant {
        Instant::from_nanos(self.origin.elapsed().as_nanos() as u64)
    }

    /// The date at `now`.
    pub fn wall(&self, now: Instant) -> Wall {
        Wall((self.wall_at_origin.get() + now.as_nanos() as i64).div_euclid(1_000_000_000))
    }

    /// Looks at the wall's clock, which may have been set.
    pub fn adjust(&self) {
        let wall = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => after.as_nanos() as i64,
            Err(before) => -(before.duration().as_nanos() as i64),
        };
        self.wall_at_origin.set(wall - self.now().as_nanos() as i64);
    }
}
