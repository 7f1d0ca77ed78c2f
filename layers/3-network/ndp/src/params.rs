//! Numbers that routers say, and within which range they are obeyed. (RFC 4861 §6.3.4)

use std::time::Duration;

use crate::wire::RouterAdvertisement;

/// The least MTU a link may have. (RFC 8200 §5)
const MTU_MIN: u32 = 1280;

/// The least hop limit that a router may set: with less, a forged advertisement would cut us off from
/// what is further away.
const HOP_LIMIT_MIN: u8 = 32;

/// RFC 4861 §6.2.1: a confirmation counts for an hour at most.
const REACHABLE_MAX_MS: u32 = 3_600_000;

/// Between two questions at least and at most; what is out of this would flood the link or make us
/// wait for ever.
const RETRANS_MS: std::ops::RangeInclusive<u32> = 100..=60_000;

/// What else routers said; nothing where they said nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Params {
    pub(crate) hop_limit: Option<u8>,
    pub(crate) mtu: Option<usize>,
    pub(crate) reachable: Option<Duration>,
    pub(crate) retrans: Option<Duration>,
}

impl Params {
    /// RFC 4861 §6.3.4: zero says nothing. What is out of range is not obeyed: whether nothing was.
    pub(crate) fn heed(&mut self, message: &RouterAdvertisement<'_>) -> bool {
        let mut out_of_range = false;
        let mut within = |is_in: bool, value: u64| {
            out_of_range |= value > 0 && !is_in;
            is_in && value > 0
        };
        let RouterAdvertisement { hop_limit, reachable_ms, retrans_ms, .. } = *message;
        if within(hop_limit >= HOP_LIMIT_MIN, hop_limit.into()) {
            self.hop_limit = Some(hop_limit);
        }
        if within(reachable_ms <= REACHABLE_MAX_MS, reachable_ms.into()) {
            self.reachable = Some(Duration::from_millis(reachable_ms.into()));
        }
        if within(RETRANS_MS.contains(&retrans_ms), retrans_ms.into()) {
            self.retrans = Some(Duration::from_millis(retrans_ms.into()));
        }
        !out_of_range
    }

    /// RFC 4861 §6.3.4, RFC 8200 §5: no link takes less, and ours takes no more than `max`. Whether it
    /// is within that.
    pub(crate) const fn heed_mtu(&mut self, told: u32, max: usize) -> bool {
        let is_within = told >= MTU_MIN && told as usize <= max;
        if is_within {
            self.mtu = Some(told as usize);
        }
        is_within
    }
}
