//! What became of the questions, in numbers.

use std::fmt;
use std::time::Duration;

/// How many were asked and answered, and how long the answers took.
#[derive(Clone, Debug, Default)]
pub(super) struct Statistics {
    pub(super) sent: u64,
    pub(super) received: u64,
    min: Duration,
    max: Duration,
    /// In milliseconds.
    mean: f64,
    /// The sum of the squares of the differences from the mean. It is kept anew with every answer
    /// (Welford's way): sums of squares of long times would swallow short ones.
    squares: f64,
}

impl Statistics {
    /// An answer came.
    pub(super) fn add(&mut self, took: Duration) {
        self.min = if self.received == 0 { took } else { self.min.min(took) };
        self.max = self.max.max(took);
        self.received += 1;
        let took = millis(took);
        let before = took - self.mean;
        self.mean += before / self.received as f64;
        self.squares += before * (took - self.mean);
    }

    /// How many of a hundred were not answered.
    fn loss(&self) -> f64 {
        match self.sent {
            0 => 0.0,
            sent => (sent.saturating_sub(self.received)) as f64 * 100.0 / sent as f64,
        }
    }

    /// How much the times differ: their standard deviation, in milliseconds.
    fn mdev(&self) -> f64 {
        match self.received {
            0 => 0.0,
            received => (self.squares / received as f64).sqrt(),
        }
    }

    /// The last two lines, in the words that scripts know.
    pub(super) fn summary(&self, total: Duration) -> String {
        let Self { sent, received, .. } = self;
        let (loss, total) = (Percent(self.loss()), total.as_millis());
        let mut text = format!(
            "{sent} packets transmitted, {received} received, {loss}% packet loss, time {total}ms\n"
        );
        if *received > 0 {
            let (min, max) = (millis(self.min), millis(self.max));
            let (mean, mdev) = (self.mean, self.mdev());
            text += &format!("rtt min/avg/max/mdev = {min:.3}/{mean:.3}/{max:.3}/{mdev:.3} ms\n");
        }
        text
    }
}

/// As many digits as it takes: `0`, `33.3`.
struct Percent(f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.fract() == 0.0 { write!(f, "{:.0}", self.0) } else { write!(f, "{:.1}", self.0) }
    }
}

pub(super) fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}
