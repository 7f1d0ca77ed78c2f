//! Numbers with their digits in threes.

use std::fmt;

/// How a language writes large numbers.
#[derive(Clone, Copy)]
pub(super) struct Digits {
    /// What stands between threes.
    pub(super) separator: char,
    /// How many digits a number has at least that is divided.
    pub(super) len_min: usize,
}

/// A blank as wide as a thin one, at which no line ends: with a point for decimals beside it, no
/// other separator is understood everywhere.
pub(super) const NARROW_BLANK: char = '\u{202f}';

/// A number as a language writes it.
pub(super) struct Grouped {
    number: u64,
    digits: Digits,
}

impl Digits {
    pub(super) const fn of(self, number: u64) -> Grouped {
        Grouped { number, digits: self }
    }

    /// A number and what it counts, which stay in one line.
    pub(super) fn counted(self, number: u64, what: &str) -> String {
        format!("{}\u{a0}{what}", self.of(number))
    }
}

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.number.to_string();
        for (at, digit) in digits.chars().enumerate() {
            let left = digits.len() - at;
            if at > 0 && digits.len() >= self.digits.len_min && left.is_multiple_of(3) {
                write!(f, "{}", self.digits.separator)?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}
