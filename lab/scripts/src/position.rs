use std::fmt;

/// A place in a script; both count from one, columns in characters.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Position {
    /// Which line.
    pub line: usize,
    /// Which character of it.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Why a script is not played: what it says there is wrong, or unknown to us.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// Where.
    pub at: Position,
    /// What is wrong.
    pub what: String,
}

impl Refusal {
    pub(crate) fn new(at: Position, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }
}

/// What was read, or why not.
pub(crate) type Parsed<T> = Result<T, Refusal>;
