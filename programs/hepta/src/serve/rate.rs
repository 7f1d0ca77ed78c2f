//! How many requests a client may make in a time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use server::{Client, PerClient};

/// How many clients are remembered for each limit: about 4 MiB. When there are more, those are
/// forgotten who could make all their requests again, and if that is nobody, everybody of a shard.
const CLIENTS_MAX: usize = 64 * 1024;

/// What of that a part of the table may hold.
const SHARE_MAX: usize = CLIENTS_MAX / PerClient::<u64>::SHARDS;

/// A limit that all workers keep together.
///
/// This is the generic cell rate algorithm (ITU-T I.371): of each client one moment is remembered,
/// at which it could make all of its requests at once again. Every request moves it on by what a
/// request takes; one that would move it too far is refused and moves nothing.
#[derive(Debug)]
pub(crate) struct Limiter {
    /// What a request takes.
    interval: Duration,
    /// How far the moment may be away.
    tolerance: Duration,
    began: Instant,
    /// In nanoseconds since the limiter began.
    moments: PerClient<u64>,
}

impl Limiter {
    /// A request in each `interval`, and `burst` at once.
    pub(crate) fn new(interval: Duration, burst: u32) -> Self {
        Self {
            interval,
            tolerance: interval.saturating_mul(burst.saturating_sub(1)),
            began: Instant::now(),
            moments: PerClient::default(),
        }
    }

    /// Whether another one allows the same.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        (self.interval, self.tolerance) == (other.interval, other.tolerance)
    }

    /// Counts a request of a client; how long to wait if it is one too many.
    pub(crate) fn count(&self, address: IpAddr) -> Result<(), Duration> {
        self.count_at(address, self.began.elapsed())
    }

    fn count_at(&self, address: IpAddr, now: Duration) -> Result<(), Duration> {
        let client = Client::from(address);
        let mut shard = self.moments.shard(client);
        let now = nanos(now);
        let moment = shard.get(&client).copied().unwrap_or(0).max(now);
        let ahead = Duration::from_nanos(moment - now);
        if ahead > self.tolerance {
            return Err(ahead - self.tolerance);
        }
        make_room(&mut shard, now);
        shard.insert(client, moment.saturating_add(nanos(self.interval)));
        Ok(())
    }
}

fn make_room(shard: &mut HashMap<Client, u64>, now: u64) {
    if shard.len() >= SHARE_MAX {
        shard.retain(|_, moment| *moment > now);
    }
    if shard.len() >= SHARE_MAX {
        shard.clear();
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn bursts_pass_and_then_one_for_each_interval() {
        let limiter = Limiter::new(Duration::from_millis(100), 3);
        let a = address("192.0.2.1");
        let at = |ms| limiter.count_at(a, Duration::from_millis(ms));
        assert_eq!([at(0), at(0), at(0)], [Ok(()); 3]);
        assert_eq!(at(0), Err(Duration::from_millis(100)));
        assert_eq!(at(60), Err(Duration::from_millis(40)), "a refusal costs nothing");
        assert_eq!(at(100), Ok(()));
        assert!(at(100).is_err());
        assert_eq!(at(10_000), Ok(()));
        assert_eq!([at(10_000), at(10_000)], [Ok(()); 2], "a burst is not more after a pause");
        assert!(at(10_000).is_err());
    }

    #[test]
    fn clients_are_told_apart() {
        let limiter = Limiter::new(Duration::from_secs(1), 1);
        let count = |text| limiter.count_at(address(text), Duration::ZERO).is_ok();
        assert!(count("192.0.2.1") && count("192.0.2.2"));
        assert!(!count("::ffff:192.0.2.1"), "the same client in another dress");
        assert!(count("2001:db8::1"));
        assert!(!count("2001:db8::ffff"), "the same network");
        assert!(count("2001:db8:0:1::1"));
    }

    #[test]
    fn strangers_take_bounded_memory() {
        let limiter = Limiter::new(Duration::from_secs(1), 1);
        for n in 0..3 * CLIENTS_MAX as u32 {
            let _ = limiter.count_at(IpAddr::from(n.to_be_bytes()), Duration::ZERO);
        }
        let kept = limiter.moments.len();
        assert!(kept <= CLIENTS_MAX, "{kept}");
    }
}
