use std::any::{Any, TypeId};

use crate::buffers::Buffers;
use crate::txqueue::Chain;
use crate::xray::{self, Layer, Note, Sink, Stamp};
use crate::{Instant, Malformed, Wall};

/// What the outside world lends a layer for the length of one call.
///
/// A layer has no clock, no randomness and no log of its own: it gets all three here, so the
/// same inputs always give the same outputs. Memory for outgoing bytes is lent here too
/// ([`buffer`](Self::buffer)), so that a connection that has nothing to say holds none.
pub struct Cx<'a> {
    now: Instant,
    wall: Wall,
    world: &'a mut World,
    sink: Option<&'a mut dyn Sink>,
    stamp: Stamp,
}

/// What outlives one call; a worker has one and lends it to whichever layer it calls.
#[derive(Debug)]
pub struct World {
    rng: Rng,
    buffers: Buffers,
    /// One for each type that a layer asked for.
    memories: Vec<(TypeId, Box<dyn Any + Send>)>,
}

impl World {
    /// The same seed gives the same world.
    pub const fn seeded(seed: u64) -> Self {
        Self { rng: Rng::seeded(seed), buffers: Buffers::new(), memories: Vec::new() }
    }
}

impl<'a> Cx<'a> {
    /// A context in which nobody watches.
    pub fn new(now: Instant, wall: Wall, world: &'a mut World) -> Self {
        Self { now, wall, world, sink: None, stamp: Stamp { at: now, ..Stamp::default() } }
    }

    /// Lets `sink` see what happens during this call.
    pub fn watched_by(mut self, sink: &'a mut dyn Sink) -> Self {
        self.sink = Some(sink);
        self
    }

    /// Says to which connection the notes that follow belong.
    pub fn in_connection(mut self, connection: u64) -> Self {
        self.stamp.connection = Some(connection);
        self
    }

    /// The same for the notes from here on, where it is found out on the way; nothing for those of
    /// no connection. `connection` is asked only if somebody listens.
    #[inline(always)]
    pub fn attribute(&mut self, connection: impl FnOnce() -> Option<u64>) {
        if self.sink.is_some() {
            self.stamp.connection = connection();
        }
    }

    /// Tells the x-ray something, if somebody watches this layer.
    ///
    /// `note` runs only then. When nobody watches, all that is left is one load and one branch.
    #[inline(always)]
    pub fn note<N: Note>(&mut self, note: impl FnOnce() -> N) {
        if xray::is_watched(N::LAYER) {
            self.note_watched(note);
        }
    }

    /// What was read, if it could be; the x-ray hears why not.
    pub fn parsed<T>(&mut self, layer: Layer, result: Result<T, Malformed>) -> Option<T> {
        result
            .inspect_err(|bad| {
                if let (true, Some(sink)) = (xray::is_watched(layer), &mut self.sink) {
                    sink.record(&self.stamp, &xray::Unreadable { layer, what: bad.what });
                }
            })
            .ok()
    }

    #[cold]
    #[inline(never)]
    fn note_watched<N: Note>(&mut self, note: impl FnOnce() -> N) {
        if let Some(sink) = &mut self.sink {
            sink.record(&self.stamp, &note());
        }
    }

    /// The time of this call.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The date of this call.
    pub fn wall(&self) -> Wall {
        self.wall
    }

    /// A random number, below `bound`.
    pub fn random_below(&mut self, bound: u32) -> u32 {
        self.world.rng.below(bound)
    }

    /// What a layer remembers on behalf of all its connections in this world: text that is the same
    /// for a second, heads that come again and again. Only a saving: without it every call has the
    /// same result. Each layer has a type of its own, with a bound on what it keeps.
    #[inline]
    pub fn memory<T: Any + Default + Send>(&mut self) -> &mut T {
        let memories = &mut self.world.memories;
        if memories.first().is_none_or(|(id, _)| *id != TypeId::of::<T>()) {
            bring_to_front::<T>(memories);
        }
        let first = memories.first_mut().and_then(|(_, memory)| memory.downcast_mut());
        first.expect("it was brought to the front")
    }

    /// An empty buffer for outgoing bytes; [`recycle`](Self::recycle) takes it back.
    pub fn buffer(&mut self) -> Vec<u8> {
        self.world.buffers.take()
    }

    pub(crate) fn chain(&mut self) -> Box<Chain> {
        self.world.buffers.take_chain()
    }

    #[inline]
    pub(crate) fn recycle_chain(&mut self, chain: Box<Chain>) {
        self.world.buffers.put_chain(chain);
    }

    /// Keeps a buffer's memory for the next [`buffer`](Self::buffer).
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        self.world.buffers.put(buffer);
    }
}

/// Whoever asks most often is mostly found at once.
#[cold]
fn bring_to_front<T: Any + Default + Send>(memories: &mut Vec<(TypeId, Box<dyn Any + Send>)>) {
    let wanted = TypeId::of::<T>();
    let at = memories.iter().position(|(id, _)| *id == wanted).unwrap_or_else(|| {
        memories.push((wanted, Box::<T>::default()));
        memories.len() - 1
    });
    memories.swap(0, at);
}

/// A small generator of random numbers (PCG-XSH-RR); never for secrets.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The same seed gives the same numbers.
    pub const fn seeded(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.next()) * u64::from(bound)) >> 32) as u32
    }

    fn next(&mut self) -> u32 {
        let old = self.0;
        self.0 = old.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((((old >> 18) ^ old) >> 27) as u32).rotate_right((old >> 59) as u32)
    }
}
