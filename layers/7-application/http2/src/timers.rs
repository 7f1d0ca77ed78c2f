use base::Instant;

/// What a time limit is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Timer {
    /// The preface, or the rest of a head.
    Head,
    /// An idle connection lets go of the memory that it needed.
    Rest,
    /// The next request, when there is none.
    Idle,
    /// The acknowledgement of our settings.
    Settings,
    /// Bodies that come too slowly, and streams that wait too long for a window.
    Watch,
    /// The peer's word that it knows we are going away.
    GoAway,
    /// The peer's FIN, after ours.
    Linger,
}

/// The time limits that are running.
#[derive(Debug)]
pub(crate) struct Timers {
    at: [Instant; 7],
}

const ALL: [Timer; 7] = [
    Timer::Head,
    Timer::Rest,
    Timer::Idle,
    Timer::Settings,
    Timer::Watch,
    Timer::GoAway,
    Timer::Linger,
];

impl Timers {
    pub(crate) const fn new() -> Self {
        Self { at: [Instant::NEVER; 7] }
    }

    #[inline]
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        if let Some(place) = self.at.get_mut(timer as usize) {
            *place = at;
        }
    }

    #[inline]
    pub(crate) fn clear(&mut self, timer: Timer) {
        self.set(timer, Instant::NEVER);
    }

    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        self.at.get(timer as usize).is_some_and(|&at| at != Instant::NEVER)
    }

    pub(crate) fn clear_all(&mut self) {
        *self = Self::new();
    }

    /// The next one.
    #[inline]
    pub(crate) fn next(&self) -> Option<(Instant, Timer)> {
        let (at, timer) = self.at.iter().zip(ALL).min_by_key(|(at, _)| **at)?;
        (*at != Instant::NEVER).then_some((*at, timer))
    }

    /// Takes one that has passed.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Option<Timer> {
        let (_, timer) = self.next().filter(|(at, _)| *at <= now)?;
        self.clear(timer);
        Some(timer)
    }
}
