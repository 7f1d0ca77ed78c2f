//! What runs on hosts: programs that know what they have to hear.

mod datagrams;
mod streams;

use base::{Cx, Instant};
use host::{Event, Host};

pub use datagrams::{Chatter, Listener};
pub use streams::{Client, End, Plan, Server};

/// Something that runs on a host.
pub trait Program {
    /// The host has news; perhaps for somebody else.
    fn handle_event(&mut self, cx: &mut Cx<'_>, host: &mut Host, event: &Event);

    /// Does what can be done now; whether anything was.
    ///
    /// # Errors
    /// What must not be: bytes that nobody sent, an end that nobody wanted.
    fn run(&mut self, cx: &mut Cx<'_>, host: &mut Host) -> Result<bool, String>;

    /// When to call [`run`](Self::run) though nothing has happened, if ever.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Whether it has done all that it wanted.
    fn is_done(&self) -> bool;

    /// What it is doing, for who wonders why it does not end.
    fn describe(&self) -> String;
}

/// The byte at a place of a stream: every stream has others, and none repeats soon.
pub fn byte_at(stream: u64, at: u64) -> u8 {
    let mixed =
        (at ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (mixed >> 56) as u8
}
