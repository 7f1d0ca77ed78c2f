//! Who a client is, as the proxy in front of us announces it (the PROXY protocol).

use proxy_protocol::{Parsed, parse};
use rustix::io::Errno;

use super::{Connection, Turn};
use crate::handler::Handler;
use crate::poller::Ready;
use crate::transport::Transport;
use crate::worker::refuse;
use crate::xray::{Or, Seen, Why};

impl<T: Transport> Connection<T> {
    /// Reads the proxy's announcement; whether it is here and everything behind it can be read.
    ///
    /// It is looked at where it lies, in the socket, and taken when it is whole. So what follows it
    /// needs no place of its own, and who never finishes it holds nothing but the kernel's memory.
    pub(super) fn hear_announcement<H: Handler>(
        &mut self,
        turn: &mut Turn<'_, H>,
    ) -> Result<bool, Why> {
        if !self.is_announced {
            return Ok(true);
        }
        if !self.ready.is(Ready::TO_READ) {
            return Ok(false);
        }
        let seen = match self.stream.peek(turn.scratch) {
            Ok(0) => return Err(Why::Closed),
            Ok(seen) => turn.scratch.get(..seen).unwrap_or_default(),
            Err(Errno::AGAIN) => {
                self.ready.unset(Ready::TO_READ);
                return Ok(false);
            }
            Err(_) => return Err(Why::Broken),
        };
        let (header, len) = match parse(seen) {
            Ok(Parsed::Header { header, len }) => (header, len),
            Ok(Parsed::Incomplete) => {
                // The end of the stream cannot make it whole; the poller tells of anything else.
                return if self.ready.is(Ready::AT_END) { Err(Why::Closed) } else { Ok(false) };
            }
            Err(malformed) => {
                turn.cx.note(|| Seen::AnnouncementRefused { because: malformed.what });
                turn.worker.miss_announcement(self.address, malformed.what);
                self.stream.make_close_abrupt();
                return Err(Why::NotAnnounced);
            }
        };
        self.is_announced = false;
        let (by, client) = (Or(self.address), header.source());
        self.address = client.or(self.address);
        turn.cx.note(|| Seen::Announced { client: Or(self.address), by });
        let taken = turn.scratch.get_mut(..len).unwrap_or_default();
        self.stream.read(taken).map_err(|_| Why::Broken)?;
        let Ok(presence) = turn.worker.enter(client) else {
            refuse(&mut self.stream, self.awaits_handshake);
            return Err(Why::TooMany);
        };
        self.keep(presence);
        Ok(true)
    }
}
