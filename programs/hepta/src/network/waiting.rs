//! Waiting for what a stack does in a thread of its own.

use std::time::{Duration, Instant};

use ::net::Stack;
use host::Host;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(2);

/// Waits until `is_so` of the stack's host, but no longer than `limit`; whether it was in time.
pub(super) fn wait_until(stack: &Stack, limit: Duration, is_so: impl Fn(&Host) -> bool) -> bool {
    let began = Instant::now();
    while !stack.with(|_, host| is_so(host)) {
        if began.elapsed() > limit {
            return false;
        }
        std::thread::sleep(LOOK);
    }
    true
}
