use std::cell::Cell;

thread_local! {
    static ROUND: Cell<u64> = const { Cell::new(0) };
}

/// The number of this thread's round: it grows each time the worker has asked the kernel what is
/// new. What a request may depend on need not be looked at more than once in a round.
pub fn number() -> u64 {
    ROUND.get()
}

pub(crate) fn begin() {
    ROUND.set(ROUND.get().wrapping_add(1));
}
