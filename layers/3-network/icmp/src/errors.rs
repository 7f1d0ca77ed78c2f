//! Whether an error may be sent at all. (RFC 1122 §3.2.2, RFC 1812 §4.3.2.7, RFC 4443 §2.4)

use std::net::IpAddr;

use base::{Bucket, Cx, SipKey};

use crate::wire::Error;
use crate::xray::{Seen, Why};

/// How many errors a second, and at once, we send to all. (RFC 4443 §2.4 (f): a token bucket)
const PER_SECOND: u32 = 1000;
const BURST: u32 = 50;

/// How many to one: enough for `traceroute`, which asks three times for each hop and for ports.
const PER_SECOND_EACH: u32 = 20;
const BURST_EACH: u32 = 20;

/// Among how many buckets receivers are spread; who falls together shares. 256 × 24 bytes.
const BUCKETS: usize = 256;

/// One in so many errors counts twice. If the limit for all were exact, a stranger could count by it
/// how many errors others got, and so find open ports (CVE-2020-25705).
const JITTER: u32 = 16;

/// What is known of a packet about which an error would be sent.
#[derive(Clone, Copy, Debug)]
pub struct Offender {
    /// Who would get the error.
    pub source: IpAddr,
    /// Whether `source` is one host that can be answered: no group, not nobody, not ourselves.
    pub source_is_one: bool,
    /// Whether it was for many, at the network or the link layer.
    pub is_for_group: bool,
    /// Whether it is a fragment that does not begin at zero.
    pub is_later_fragment: bool,
    /// Whether it is an ICMP error itself, or may be one.
    pub is_error: bool,
}

/// Decides whether errors are sent, and how many.
#[derive(Debug)]
pub struct Errors {
    key: SipKey,
    all: Bucket,
    each: Vec<Bucket>,
}

impl Errors {
    /// Nothing sent yet. The key is a secret.
    pub fn new(key: SipKey) -> Self {
        let each = vec![Bucket::new(PER_SECOND_EACH, BURST_EACH); BUCKETS];
        Self { key, all: Bucket::new(PER_SECOND, BURST), each }
    }

    /// Whether `error` may be sent to the source of `about`; if not, the x-ray hears why.
    pub fn may_answer(&mut self, cx: &mut Cx<'_>, about: &Offender, error: Error) -> bool {
        let (to, verdict) = (about.source, self.check(cx, about, error));
        match verdict {
            Ok(()) => cx.note(|| Seen::ErrorOut { to, error }),
            Err(why) => cx.note(|| Seen::ErrorNotSent { to, error, why }),
        }
        verdict.is_ok()
    }

    fn check(&mut self, cx: &mut Cx<'_>, about: &Offender, error: Error) -> Result<(), Why> {
        // RFC 4443 §2.4 (e.3): two errors go to those who sent to a group too, because the path to a
        // group has an MTU, and options may ask for it.
        let even_for_groups = match error {
            Error::TooBig { .. } => about.source.is_ipv6(),
            Error::ParameterProblem { code, .. } => about.source.is_ipv6() && code == 2,
            _ => false,
        };
        if about.is_error {
            return Err(Why::AboutError);
        }
        if about.is_for_group && !even_for_groups {
            return Err(Why::AboutGroup);
        }
        if about.is_later_fragment {
            return Err(Why::AboutLaterFragment);
        }
        if !about.source_is_one {
            return Err(Why::AboutNobody);
        }
        let hash = match about.source {
            IpAddr::V4(source) => self.key.hash(&source.octets()),
            // RFC 6177 §2: a subscriber of IPv6 has a network, not an address.
            IpAddr::V6(source) => self.key.hash(source.octets().get(..8).unwrap_or_default()),
        };
        let now = cx.now();
        let each = self.each.get_mut(hash as usize % BUCKETS);
        if each.is_some_and(|bucket| !bucket.take(now)) || !self.all.take(now) {
            return Err(Why::TooMany);
        }
        if cx.random_below(JITTER) == 0 {
            self.all.take(now);
        }
        Ok(())
    }
}
