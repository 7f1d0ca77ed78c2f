//! Whether something happened when it was to happen.
//!
//! As in packetdrill: so many microseconds early or late are forgiven, or an eighth of the time since
//! the event before, whichever is more (clocks of kernels are that coarse).

use crate::language::script::Micros;
use crate::language::settings::Settings;
use crate::run::seconds;

/// How far from its time something may happen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    tolerance: Micros,
    per_mille: i64,
}

/// When something is to happen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Check {
    pub(crate) begin: Micros,
    /// The last moment; nothing means whenever.
    pub(crate) end: Option<Micros>,
    pub(crate) is_range: bool,
    /// What a range counts from, when that is not the beginning.
    pub(crate) relative_to: Option<Micros>,
    /// When the event before was to happen.
    pub(crate) last: Option<Micros>,
}

impl Timing {
    pub(crate) const fn new(settings: &Settings) -> Self {
        Self { tolerance: settings.tolerance, per_mille: settings.tolerance_per_mille }
    }

    /// Whether `actual` is a good time for it.
    ///
    /// # Errors
    /// What packetdrill would say.
    pub(crate) fn check(&self, check: &Check, actual: Micros, what: &str) -> Result<(), String> {
        let Some(end) = check.end else { return Ok(()) };
        let since = check.last.map_or(0, |last| check.begin - last);
        let tolerance = self.tolerance.max(since * self.per_mille / 1000);
        if (check.begin - tolerance..=end + tolerance).contains(&actual) {
            return Ok(());
        }
        Err(match (check.is_range, check.relative_to) {
            (true, Some(offset)) => format!(
                "timing error: expected {what} in relative time range +{}~+{} sec but happened at \
                 +{} sec",
                seconds(check.begin - offset),
                seconds(end - offset),
                seconds((actual - offset).max(0))
            ),
            (true, None) => format!(
                "timing error: expected {what} in time range {}~{} sec but happened at {} sec",
                seconds(check.begin),
                seconds(end),
                seconds(actual)
            ),
            (false, _) => format!(
                "timing error: expected {what} at {} sec but happened at {} sec; tolerance {} sec",
                seconds(check.begin),
                seconds(actual),
                seconds(tolerance)
            ),
        })
    }
}
