//! Layer 0: the words every layer speaks.
//!
//! | word          | meaning                                                             |
//! |---------------|---------------------------------------------------------------------|
//! | [`Instant`]   | a point in time; only a driver (or a test) makes one                |
//! | [`Wall`]      | a date; it may jump, so it is for showing and never for measuring   |
//! | [`Cx`]        | lent by the outside world for one call: time, chance, memory, x-ray |
//! | [`World`]     | what stands behind a [`Cx`] and outlives the call; one per worker   |
//! | [`TxQueue`]   | outgoing bytes: a chain of shared chunks and ranges of files        |
//! | [`Wheel`]     | a thousand deadlines at the price of one                            |
//! | [`notes!`]    | declares what a layer tells the x-ray                               |
//! | [`states!`]   | declares a table of states and transitions                          |
//! | [`Malformed`] | why bytes could not be read                                         |
//!
//! Start reading at [`Cx`]. Not here: anything that knows a protocol.

mod buffers;
mod cx;
mod states;
mod time;
mod txqueue;
mod wheel;
pub mod xray;

pub use buffers::Buffers;
pub use cx::{Cx, Rng, World};
pub use time::{Instant, Wall};
pub use txqueue::{Chunk, FileRange, TxQueue};
pub use wheel::Wheel;

#[cfg(test)]
mod tests;

/// Why bytes could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The part that is wrong.
    pub what: &'static str,
}

impl Malformed {
    /// Names the part that is wrong.
    pub const fn new(what: &'static str) -> Self {
        Self { what }
    }
}
