//! Asking for routers, until one answers. (RFC 4861 §6.3.7, RFC 7559)

use std::time::Duration;

use base::{Cx, Instant};

use crate::xray::Seen;

/// RFC 4861 §10: the random time before the first question for routers.
pub(crate) const DELAY_MAX: Duration = Duration::from_secs(1);

/// RFC 4861 §10, RFC 7559 §2: between the first question and the second.
const INTERVAL: Duration = Duration::from_secs(4);

/// RFC 7559 §2: between two questions at most.
const INTERVAL_MAX: Duration = Duration::from_secs(3600);

/// Questions for routers.
#[derive(Debug)]
pub(crate) struct Asking {
    sent: u32,
    interval: Duration,
    /// When the next one is due.
    pub(crate) next: Instant,
}

impl Asking {
    /// The first question is asked then.
    pub(crate) const fn beginning_at(next: Instant) -> Self {
        Self { sent: 0, interval: INTERVAL, next }
    }

    /// RFC 7559 §2: each interval is twice the one before, a tenth more or less, and no more than an
    /// hour: a router may come at any time.
    pub(crate) fn ask(&mut self, cx: &mut Cx<'_>) {
        self.sent += 1;
        let nth = self.sent;
        cx.note(|| Seen::RouterSolicitationOut { nth });
        if nth > 1 {
            self.interval = (self.interval * 2).min(INTERVAL_MAX);
        }
        let jitter = self.interval / 1000 * cx.random_below(200);
        self.next = cx.now().after(self.interval - self.interval / 10 + jitter);
    }
}
