//! Says in the log what is wrong with a site as often as an operator can read it, and not as often as
//! strangers ask.

use std::cell::Cell;
use std::time::Duration;

use base::Instant;

/// How long nothing is said again.
const QUIET_FOR: Duration = Duration::from_secs(1);

/// One thing that is said at most once a second; what is left out is counted.
#[derive(Debug, Default)]
pub(crate) struct Hush {
    said_at: Cell<Option<Instant>>,
    unsaid: Cell<u64>,
}

impl Hush {
    /// Whether it may be said now: then how often it was not, since it was said the last time.
    pub(crate) fn ask(&self, now: Instant) -> Option<u64> {
        match self.said_at.get() {
            Some(said_at) if now.since(said_at) < QUIET_FOR => {
                self.unsaid.set(self.unsaid.get() + 1);
                None
            }
            _ => {
                self.said_at.set(Some(now));
                Some(self.unsaid.take())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_once_a_second_and_counted() {
        let hush = Hush::default();
        let at = Instant::from_millis;
        assert_eq!(hush.ask(at(5)), Some(0));
        assert_eq!([hush.ask(at(5)), hush.ask(at(900)), hush.ask(at(1004))], [None; 3]);
        assert_eq!(hush.ask(at(1005)), Some(3));
        assert_eq!(hush.ask(at(9000)), Some(0));
    }
}
