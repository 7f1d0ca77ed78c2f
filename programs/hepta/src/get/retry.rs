//! Whether to try again, and when. (RFC 9110 §9.2.2, §10.2.3)

use std::time::Duration;

use base::Wall;
use message::{Fields, Method, Name, Status, date, list};

use super::problem::Again;

/// Who is asked to wait longer than this does not: a person is waiting.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(600);

/// Without a word from the server: a second, and twice as long each time, up to this.
const BACKOFF_MAX: u64 = 60;

/// Whether the same request may well get another answer a little later.
pub(super) fn of_status(status: Status) -> Again {
    match status {
        // The server has said that it did nothing.
        Status::REQUEST_TIMEOUT | Status::TOO_MANY_REQUESTS | Status::SERVICE_UNAVAILABLE => {
            Again::Always
        }
        Status::INTERNAL_SERVER_ERROR | Status::BAD_GATEWAY | Status::GATEWAY_TIMEOUT => {
            Again::IfIdempotent
        }
        _ => Again::Never,
    }
}

pub(super) fn may_repeat(method: &Method, again: Again) -> bool {
    match again {
        Again::Never => false,
        Again::IfIdempotent => method.is_idempotent(),
        Again::Always => true,
    }
}

/// How long the server asks us to wait: seconds, or until a date.
pub(super) fn after(fields: &Fields, now: Wall) -> Option<Duration> {
    let value = fields.get_only(Name::RetryAfter)?;
    if let Some(seconds) = list::digits(value) {
        return Some(Duration::from_secs(seconds));
    }
    let date = date::parse_at(value, now)?;
    Some(Duration::from_secs(u64::try_from(date.0.saturating_sub(now.0)).unwrap_or(0)))
}

/// How long to wait after so many attempts that failed.
pub(super) fn backoff(attempts: u32) -> Duration {
    let seconds = 1_u64.checked_shl(attempts.saturating_sub(1)).unwrap_or(BACKOFF_MAX);
    Duration::from_secs(seconds.min(BACKOFF_MAX))
}
