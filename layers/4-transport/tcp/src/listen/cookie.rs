//! SYN cookies: what must be remembered of a SYN travels in our initial sequence number and in our
//! timestamp, and comes back with the third step. (RFC 4987 §3.6)
//!
//! ```text
//!   sequence number   minute (5 bits) | MSS (3) | keyed hash of the flow and the peer's IRS (24)
//!   timestamp         clock without its last 6 bits | ECN (1) | SACK (1) | scale (4; 15 is none)
//! ```
//!
//! Data that overtook the third step shows another number than the peer's first, so its hash is wrong,
//! but its minute is right: it is dropped without an answer, and will come again.

use std::time::Duration;

use base::Instant;

use super::isn::{Use, keyed};
use super::request::Request;
use crate::machine::Flow;
use crate::wire::Header;
use crate::{Config, Seq};

/// The segment sizes that a cookie can carry; the largest that is no more than the peer's is
/// chosen. They are the most frequent ones (RFC 4987 §3.6 asks for a choice of a few).
const SIZES: [u16; 8] = [216, 536, 1024, 1220, 1360, 1440, 1460, 8960];

/// One step of the cookie's clock: a cookie is good for one to two of them.
const STEP: Duration = Duration::from_secs(64);

/// No scale.
const NO_SCALE: u32 = 15;

/// How many bits of a timestamp carry options.
const OPTION_BITS: u32 = 6;

fn step(now: Instant) -> u32 {
    (now.as_nanos() / STEP.as_nanos() as u64) as u32
}

fn hash(config: &Config, flow: &Flow, irs: Seq, step: u32, size: u32) -> u32 {
    let extra = u64::from(irs.0) << 32 | u64::from(step) << 3 | u64::from(size);
    (keyed(config, Use::Cookie, flow, extra) as u32) & 0x00ff_ffff
}

/// What came of looking at a cookie.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Checked {
    /// It is ours: the peer's segment size.
    Ours(u16),
    /// It may be ours, on a segment that is not the first of the peer's.
    Early,
    /// It is nobody's, or too old.
    Wrong,
}

/// The initial sequence number that carries the peer's segment size; returns the size too.
pub(super) fn make(config: &Config, now: Instant, flow: &Flow, irs: Seq, mss: u16) -> (Seq, u16) {
    let size = SIZES.iter().rposition(|&size| size <= mss).unwrap_or(0);
    let chosen = SIZES.get(size).copied().unwrap_or(536);
    let (step, size) = (step(now), size as u32);
    let cookie = (step & 31) << 27 | size << 24 | hash(config, flow, irs, step, size);
    (Seq(cookie), chosen)
}

/// The timestamp that carries the peer's options, not later than the clock shows.
pub(super) fn timestamp(now: u32, request: &Request) -> u32 {
    let scale = request.scale.map_or(NO_SCALE, u32::from);
    let options = u32::from(request.ecn) << 5 | u32::from(request.sack) << 4 | scale.min(NO_SCALE);
    let base = now & !((1 << OPTION_BITS) - 1);
    let value = base | options;
    if value > now { value.wrapping_sub(1 << OPTION_BITS) } else { value }
}

/// Reads the cookie that the third step acknowledges.
pub(super) fn check(config: &Config, now: Instant, flow: &Flow, header: &Header) -> Checked {
    let cookie = header.ack.0.wrapping_sub(1);
    let irs = header.seq - 1;
    let (then, size) = (cookie >> 27, cookie >> 24 & 7);
    let current = step(now);
    let age = current.wrapping_sub(then) & 31;
    let made_at = current.wrapping_sub(age);
    if age > 1 {
        return Checked::Wrong;
    }
    match SIZES.get(size as usize) {
        Some(&mss) if hash(config, flow, irs, made_at, size) == cookie & 0x00ff_ffff => {
            Checked::Ours(mss)
        }
        _ => Checked::Early,
    }
}

/// The options that our timestamp carried.
pub(super) fn read_timestamp(echo: u32) -> (Option<u8>, bool, bool) {
    let scale = (echo & 15) as u8;
    let scale = Some(scale).filter(|&scale| u32::from(scale) != NO_SCALE);
    (scale, echo >> 4 & 1 == 1, echo >> 5 & 1 == 1)
}
