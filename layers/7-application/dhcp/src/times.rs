//! When things are sent again, and how long leases last. (RFC 2131 §4.1, §4.4.5)

use std::time::Duration;

use base::{Cx, Instant};

use crate::wire::{Options, option};
use crate::xray::{Seen, Why};

/// RFC 2131 §3.3: this many seconds mean for ever.
const FOR_EVER: u32 = u32::MAX;

/// The shortest lease that is taken: finding out whether somebody has the address takes up to seven
/// seconds (RFC 5227 §1.1), and half of it is to be left to use the address before it is renewed.
const LEASE_MIN: Duration = Duration::from_secs(15);

/// The shortest time after which a lease is renewed: a server that wants to be asked more often gets
/// what the standard has.
const RENEWAL_MIN: Duration = Duration::from_secs(4);

/// RFC 2131 §4.1: before the second message, and the most.
const RESEND_FIRST: Duration = Duration::from_secs(4);
/// RFC 2131 §4.1: four doublings of it.
const RESEND_DOUBLINGS: u32 = 4;

/// RFC 2131 §4.4.5: the least between two requests for more time.
const RENEW_AGAIN_MIN: Duration = Duration::from_secs(60);

/// RFC 2131 §3.1 (5): the least after an address was declined.
const AFTER_DECLINE_MIN: Duration = Duration::from_secs(10);

/// The most between two attempts that servers bring to nothing.
const SETBACK_DOUBLINGS: u32 = 6;

/// How long a lease lasts, counted from when it was asked for; nothing means for ever.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Times {
    pub(crate) lease: Option<Duration>,
    pub(crate) renewal: Option<Duration>,
    pub(crate) rebinding: Option<Duration>,
}

impl Times {
    /// What a server says, as far as it makes sense.
    pub(crate) fn read(cx: &mut Cx<'_>, options: &Options<'_>) -> Result<Self, Why> {
        let seconds = options.number(option::LEASE_TIME).ok_or(Why::NoLeaseTime)?;
        if seconds == FOR_EVER {
            // RFC 2131 §3.3: nobody renews what does not end.
            return Ok(Self { lease: None, renewal: None, rebinding: None });
        }
        let lease = Duration::from_secs(seconds.into());
        if lease < LEASE_MIN {
            return Err(Why::LeaseTooShort);
        }
        let said = |code| options.number(code).map(|s| Duration::from_secs(s.into()));
        let (renewal, rebinding) = (said(option::RENEWAL_TIME), said(option::REBINDING_TIME));
        // RFC 2131 §4.4.5: half of it and seven eighths, with some fuzz so that not all come at once.
        let (usual, usual_late) = (fuzzed(cx, lease / 2), fuzzed(cx, lease / 8 * 7));
        let times = (renewal.unwrap_or(usual), rebinding.unwrap_or(usual_late));
        let is_good = RENEWAL_MIN <= times.0 && times.0 < times.1 && times.1 < lease;
        if !is_good {
            let (code, why) = (option::RENEWAL_TIME, Why::TimesOutOfOrder);
            cx.note(|| Seen::OptionIgnored { code, why });
        }
        let (renewal, rebinding) = if is_good { times } else { (usual, usual_late) };
        Ok(Self { lease: Some(lease), renewal: Some(renewal), rebinding: Some(rebinding) })
    }
}

/// Until a message is sent again for the `n`th time, from 0 on: 4, 8, 16, 32, 64 seconds and 64 from
/// then on, each a second more or less. (RFC 2131 §4.1)
pub(crate) fn resend_after(cx: &mut Cx<'_>, n: u32) -> Duration {
    let wait = RESEND_FIRST * (1 << n.min(RESEND_DOUBLINGS));
    wait - Duration::from_secs(1) + Duration::from_millis(cx.random_below(2000).into())
}

/// When more time is asked for again, if it ends at `end`: after half of what is left, and not
/// within a minute. (RFC 2131 §4.4.5)
pub(crate) fn renew_again(now: Instant, end: Instant) -> Instant {
    now.after((end.since(now) / 2).max(RENEW_AGAIN_MIN)).min(end)
}

/// Until everything begins anew, after the `n`th setback in a row, from 1 on: 1 s, 2 s, 4 s and so on
/// to 64 s, so that who refuses what it has offered is not asked without end.
pub(crate) fn begin_again_after(cx: &mut Cx<'_>, n: u32) -> Duration {
    let wait = Duration::from_secs(1 << n.saturating_sub(1).min(SETBACK_DOUBLINGS));
    wait + random_below(cx, Duration::from_secs(1))
}

/// The same after we have declined an address.
pub(crate) fn after_decline(cx: &mut Cx<'_>, n: u32) -> Duration {
    begin_again_after(cx, n).max(AFTER_DECLINE_MIN)
}

/// A random part of `limit`.
pub(crate) fn random_below(cx: &mut Cx<'_>, limit: Duration) -> Duration {
    let millis = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
    Duration::from_millis(cx.random_below(millis.max(1)).into())
}

/// Up to a sixty-fourth less.
fn fuzzed(cx: &mut Cx<'_>, time: Duration) -> Duration {
    time - time / 64 * cx.random_below(1000) / 1000
}
