use std::time::Duration;

use super::Progress;
use crate::Seq;
use crate::spare::Micros;

/// How much longer a round trip must be to mean a queue: an eighth, within these bounds
/// (RFC 9406 §4.3).
const THRESHOLD_MIN: Duration = Duration::from_millis(4);
const THRESHOLD_MAX: Duration = Duration::from_millis(16);
const THRESHOLD_DIVISOR: u32 = 8;

/// How many round trips must be measured in a round before it says anything (RFC 9406 §4.3).
const SAMPLES: u32 = 8;

/// How much slower the window grows in conservative slow start, and for how many rounds
/// (RFC 9406 §4.3).
pub(super) const GROWTH_DIVISOR: u32 = 4;
const ROUNDS: u8 = 5;

/// Windows below this, in segments, fill no queue worth mentioning: jitter says nothing of them.
const WINDOW_MIN: u32 = 16;

/// HyStart++: leaves slow start when round trips grow, before anything is lost. (RFC 9406)
#[derive(Clone, Debug, Default)]
pub(super) struct HyStart {
    phase: Phase,
    /// The round ends when this is acknowledged.
    round_end: Option<Seq>,
    last_min: Option<Micros>,
    current_min: Option<Micros>,
    samples: u32,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Phase {
    #[default]
    SlowStart,
    /// Growing slowly, to see whether it was only jitter.
    Conservative { baseline: Micros, rounds: u8 },
}

/// How the window may grow now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Advice {
    Fast,
    Slow,
    /// Slow start is over.
    Leave,
}

impl HyStart {
    /// Looks at an acknowledgement in slow start (RFC 9406 §4.2).
    pub(super) fn look(&mut self, cwnd: u32, progress: &Progress) -> Advice {
        let is_round_over = self.round_end.is_none_or(|end| progress.una.is_after(end));
        if is_round_over {
            self.begin_round(progress);
        }
        if let Some(rtt) = progress.rtt.map(Micros::from) {
            self.current_min = Some(self.current_min.map_or(rtt, |min| min.min(rtt)));
            self.samples += 1;
        }
        if cwnd < WINDOW_MIN { Advice::Fast } else { self.decide(is_round_over) }
    }

    fn begin_round(&mut self, progress: &Progress) {
        self.last_min = self.current_min.take();
        self.samples = 0;
        self.round_end = Some(progress.nxt);
    }

    fn decide(&mut self, is_round_over: bool) -> Advice {
        match &mut self.phase {
            Phase::SlowStart => {
                let (Some(last), Some(current)) = (self.last_min, self.current_min) else {
                    return Advice::Fast;
                };
                let last = last.get();
                let threshold = (last / THRESHOLD_DIVISOR).clamp(THRESHOLD_MIN, THRESHOLD_MAX);
                if self.samples < SAMPLES || current.get() < last + threshold {
                    return Advice::Fast;
                }
                self.phase = Phase::Conservative { baseline: current, rounds: 0 };
                Advice::Slow
            }
            Phase::Conservative { baseline, rounds } => {
                if self.samples >= SAMPLES && self.current_min.is_some_and(|min| min < *baseline) {
                    // It was jitter.
                    self.phase = Phase::SlowStart;
                    return Advice::Fast;
                }
                *rounds += u8::from(is_round_over);
                if *rounds >= ROUNDS { Advice::Leave } else { Advice::Slow }
            }
        }
    }

    /// The next slow start begins from nothing.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}
