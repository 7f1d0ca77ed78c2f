//! Layer 0: the words every layer speaks.
//!
//! | word          | meaning                                                             |
//! |---------------|---------------------------------------------------------------------|
//! | [`Instant`]   | a point in time; only a driver (or a test) makes one                |
//! | [`Wall`]      | a date; it may jump, so it is for showing and never for measuring   |
//! | [`Cx`]        | lent by the outside world for one call: time, chance, memory, x-ray |
//! | [`World`]     | what stands behind a [`Cx`] and outlives the call; one per worker   |
//! | [`TxQueue`]   | outgoing bytes: a chain of shared chunks and ranges of files        |
//! | [`TxBuf`]     | a frame under construction, which grows towards its front           |
//! | [`checksum`]  | the Internet checksum                                               |
//! | [`Mac`]       | a hardware address                                                  |
//! | [`Arena`]     | values that are found by a key                                      |
//! | [`SipKey`]    | a secret, and the hash that strangers cannot aim at                 |
//! | [`Bucket`]    | how often something may be done                                     |
//! | [`Wheel`]     | a thousand deadlines at the price of one                            |
//! | [`Timers`]    | the same, for who sleeps until the next one                         |
//! | [`notes!`]    | declares what a layer tells the x-ray                               |
//! | [`states!`]   | declares a table of states and transitions                          |
//! | [`Malformed`] | why bytes could not be read                                         |
//!
//! Start reading at [`Cx`]. Not here: anything that knows a protocol.

mod arena;
mod bucket;
mod buffers;
pub mod checksum;
mod cx;
mod mac;
mod siphash;
mod states;
mod time;
mod timers;
mod txbuf;
mod txqueue;
mod wheel;
pub mod xray;

pub use arena::{Arena, Key};
pub use bucket::Bucket;
pub use buffers::Buffers;
pub use cx::{Cx, Rng, World};
pub use mac::Mac;
pub use siphash::{SipHasher, SipKey};
pub use time::{Instant, Wall};
pub use timers::{Alarm, Timers};
pub use txbuf::{Offload, PendingChecksum, Segmentation, SegmentationKind, TxBuf};
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
