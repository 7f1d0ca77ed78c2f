//! Waiting for something to be true, with an end.

use std::time::{Duration, Instant};

/// How long anything that should happen at once may take on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How often the question is asked again.
const PAUSE: Duration = Duration::from_millis(5);

/// Asks until there is an answer, and fails the test when there is none in [`PATIENCE`].
///
/// # Panics
///
/// It did not come true in time.
#[track_caller]
pub fn until<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(Instant::now() < deadline, "in {PATIENCE:?} it did not happen that {what}");
        std::thread::sleep(PAUSE);
    }
}
