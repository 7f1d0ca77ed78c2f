//! How fast a client must be: with heads, and with the bodies that somebody reads or takes.

use std::sync::Arc;
use std::time::Duration;

use base::{Cx, Instant};
use message::{Pace, Rate};

use crate::machine::{Connection, Role, Timer};

impl Connection {
    /// From now on the client must keep this pace, or without one, that of the configuration. The
    /// time that is running is no longer and no shorter than if that had been so when it began.
    pub fn keep_pace(&mut self, pace: Option<Arc<Pace>>) {
        let before = self.deadline.and_then(|(_, timer)| self.time_for(timer));
        self.pace = pace;
        let now = self.deadline.and_then(|(_, timer)| self.time_for(timer));
        if let (Some((at, _)), Some(before), Some(now)) = (&mut self.deadline, before, now) {
            let began = u128::from(at.as_nanos()).saturating_sub(before.as_nanos());
            *at = Instant::from_nanos(u64::try_from(began).unwrap_or(u64::MAX)).after(now);
        }
    }

    /// How long what a pace says gives for this.
    fn time_for(&self, timer: Timer) -> Option<Duration> {
        match timer {
            Timer::Head => Some(self.timeout_head()),
            Timer::BodyRate => Some(self.body_rate_min().interval),
            Timer::Idle | Timer::Linger => None,
        }
    }

    pub(crate) fn timeout_head(&self) -> Duration {
        let own = self.pace.as_ref().and_then(|pace| pace.head);
        own.unwrap_or(self.config.timeout_head)
    }

    fn body_rate_min(&self) -> Rate {
        let own = self.pace.as_ref().and_then(|pace| pace.body);
        own.unwrap_or(self.config.body_rate_min)
    }

    /// Starts an interval in which the body has to bring its least number of bytes.
    pub(crate) fn watch_rate(&mut self, cx: &mut Cx<'_>) {
        if self.role == Role::Server && self.recv.awaits_body(&self.config) {
            self.recv.in_interval = 0;
            let at = cx.now().after(self.body_rate_min().interval);
            self.deadline = Some((at, Timer::BodyRate));
        }
    }

    /// Whether the body has brought what it must in the interval that is over.
    pub(crate) fn keeps_rate(&self) -> bool {
        self.recv.in_interval >= self.body_rate_min().len
    }
}
