use std::time::Duration;

/// What a client must keep up with, where it is not the same for all: what is not said here is as
/// the connection's configuration has it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Pace {
    /// How long the head of a request may take.
    pub head: Option<Duration>,
    /// How much of a request's body must come.
    pub body: Option<Rate>,
}

/// A number of bytes in a time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// How many bytes.
    pub len: u64,
    /// In how long.
    pub interval: Duration,
}

impl Rate {
    /// How many bytes that is in another time.
    pub fn len_in(self, time: Duration) -> u64 {
        let interval = self.interval.as_nanos().max(1);
        let len = u128::from(self.len) * time.as_nanos() / interval;
        u64::try_from(len).unwrap_or(u64::MAX)
    }
}
