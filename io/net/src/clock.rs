use base::Instant;

/// Tells the time that layers are told.
#[derive(Debug)]
pub(crate) struct Clock(std::time::Instant);

impl Clock {
    /// A clock that begins now, a second after its origin: nothing has happened at zero.
    pub(crate) fn new() -> Self {
        Self(std::time::Instant::now())
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::from_millis(1000).after(self.0.elapsed())
    }
}
