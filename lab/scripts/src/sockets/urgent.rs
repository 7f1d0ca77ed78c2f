//! Urgent data, as sockets show it. (RFC 6093 §3)
//!
//! The stack delivers urgent data in line. A program that has not asked for that with SO_OOBINLINE does
//! not read the urgent byte, but past it, and gets it with MSG_OOB.

use tcp::Connection;

use super::stream::Stream;
use super::{Attempt, World};
use crate::symbols::MSG_PEEK;

impl Stream {
    /// How far the urgent byte is away, if it is to be kept out of what is read.
    fn urgent_byte(&self, connection: &Connection) -> Option<usize> {
        let mark = connection.urgent_mark()?.checked_sub(1)?;
        (!self.options.is_oob_inline).then_some(mark)
    }

    /// Steps over the urgent byte, if it is next; says how much can be read at once before the next one.
    pub(super) fn skip_urgent_byte(&self, world: &mut World<'_>, takes: bool) -> Option<usize> {
        let connection = self.look(world)?;
        let readable = connection.readable();
        match self.urgent_byte(connection) {
            Some(0) if readable > 0 && takes => {
                let id = self.connection()?;
                world.stack.with(|cx, host| host.tcp_release(cx, id, 1));
                Some(readable - 1)
            }
            Some(0) => Some(0),
            Some(at) => Some(readable.min(at)),
            None => Some(readable),
        }
    }

    /// How much `read` has for a program.
    pub(super) fn readable(&self, world: &World<'_>) -> usize {
        let Some(connection) = self.look(world) else { return 0 };
        let all = connection.readable();
        match self.urgent_byte(connection) {
            Some(at) if at < all => all - 1,
            _ => all,
        }
    }

    /// Reads the urgent byte, once.
    pub(super) fn read_urgent(&mut self, world: &World<'_>, len: usize, flags: i64) -> Attempt {
        let Some(connection) = self.look(world) else { return Attempt::error("ENOTCONN") };
        let Some(at) = self.urgent_byte(connection) else { return Attempt::error("EINVAL") };
        // Where it stands in the stream tells it from the next one.
        let place = connection.info(world.stack.now()).bytes_received
            - connection.readable() as u64
            + at as u64;
        if self.urgent_taken == Some(place) {
            return Attempt::error("EINVAL");
        }
        if at >= connection.readable() {
            return Attempt::error("EAGAIN");
        }
        if flags & MSG_PEEK == 0 {
            self.urgent_taken = Some(place);
        }
        Attempt::Returned(len.min(1) as i64)
    }
}
