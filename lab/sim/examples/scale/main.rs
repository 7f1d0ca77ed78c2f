//! What TCP between two hosts in memory costs. `bench/scale` runs it, and callgrind over it.
//!
//! ```text
//! scale segments CONNECTIONS ACTIVE ROUNDS [offload]    two full segments and their acknowledgement,
//!                                                       on ACTIVE of CONNECTIONS in turn
//! scale connections COUNT                               connects, accepts and closes, one by one
//! scale flood RATE SECONDS [on-link]                    SYNs from invented addresses, RATE a second
//!                                                       of virtual time, and a client beside them
//! scale tap NAME RATE SECONDS                           the same over a TAP device, in real time, with
//!                                                       clients of the kernel's; it takes root
//! ```
//!
//! Times are CPU time of this thread. The functions that callgrind looks for are not inlined.

#![allow(clippy::print_stdout, reason = "it is a program")]

mod connections;
mod flood;
mod segments;
mod tap;

use std::fs;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let number = |n: usize| words.get(n).and_then(|text| text.parse::<usize>().ok());
    match (words.as_slice(), number(1), number(2), number(3)) {
        (["segments", ..], Some(connections), Some(active), Some(rounds)) => {
            segments::run(connections, active, rounds, words.contains(&"offload"));
        }
        (["connections", _], Some(count), None, None) => connections::run(count),
        (["flood", ..], Some(rate), Some(seconds), None) => {
            flood::run(rate as u64, seconds as u64, words.contains(&"on-link"));
        }
        (["tap", name, ..], None, Some(rate), Some(seconds)) => {
            tap::run(name, rate as u64, seconds as u64);
        }
        _ => println!(
            "scale segments CONNECTIONS ACTIVE ROUNDS [offload] | connections COUNT | \
             flood RATE SECONDS [on-link] | tap NAME RATE SECONDS"
        ),
    }
}

/// How long this thread has been on a core so far, in nanoseconds.
fn cpu_nanos() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0)
}

/// How much memory this process has, in bytes.
fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0);
    kib * 1024
}
