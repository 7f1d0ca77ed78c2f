use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use base::Wall;
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

/// The date, as rustls asks for it: whatever the last `Cx` said.
///
/// One configuration serves many workers. The date changes once a second, so this is read by all
/// and written by hardly anybody.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicI64);

impl Clock {
    pub(crate) fn set(&self, now: Wall) {
        if self.0.load(Ordering::Relaxed) != now.0 {
            self.0.store(now.0, Ordering::Relaxed);
        }
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.load(Ordering::Relaxed)).unwrap_or(0);
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}
