use base::{Cx, Instant, Wall, World};

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

    /// What a layer is lent for one call. Nobody below HTTP asks for the date.
    pub(crate) fn cx<'a>(&self, world: &'a mut World) -> Cx<'a> {
        Cx::new(self.now(), Wall(0), world)
    }
}
