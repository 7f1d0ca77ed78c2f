//! What values mean, whoever's they are.

use std::time::Duration;

use tcp::{Algorithm, EcnPolicy};

/// Some(()) was set, None was not.
pub(super) type Done = Option<()>;

/// The policy of that name.
pub(crate) fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "reno" | "newreno" => Some(Algorithm::NewReno),
        "cubic" => Some(Algorithm::Cubic),
        _ => None,
    }
}

/// Puts a value into its place, if it makes sense.
pub(super) fn put<T>(place: &mut T, value: Option<T>) -> Done {
    value.map(|value| *place = value)
}

/// What can have one value only here.
pub(super) fn constant(value: &str, only: &str) -> Done {
    (value == only).then_some(())
}

/// `0` or `1`.
pub(super) fn switch(value: &str) -> Option<bool> {
    match value {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

/// `tcp_ecn`.
pub(super) fn ecn(value: &str) -> Option<EcnPolicy> {
    match value {
        "0" => Some(EcnPolicy::Off),
        "1" => Some(EcnPolicy::Ask),
        "2" => Some(EcnPolicy::WhenAsked),
        _ => None,
    }
}

/// A number in decimal.
pub(super) fn number<T: std::str::FromStr>(value: &str) -> Option<T> {
    value.parse().ok()
}

/// A number of which each bit means something: often in hexadecimal.
pub(super) fn bits(value: &str) -> Option<u32> {
    match value.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => number(value),
    }
}

/// Three numbers: least, initial and most.
pub(super) fn three(value: &str) -> Option<[u32; 3]> {
    let numbers: Option<Vec<u32>> = value.split_whitespace().map(number).collect();
    numbers?.try_into().ok()
}

pub(super) fn seconds(value: &str) -> Option<Duration> {
    number(value).map(Duration::from_secs)
}

pub(super) fn millis(value: &str) -> Option<Duration> {
    number(value).map(Duration::from_millis)
}

pub(super) fn micros(value: &str) -> Option<Duration> {
    number(value).map(Duration::from_micros)
}
