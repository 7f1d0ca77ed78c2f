//! Between a connection's socket and its endpoint: reads, writes, and what waits for the socket.

use base::TxQueue;
use rustix::io::Errno;

use super::exchange::Exchange;
use super::{Connection, Turn, Unsent};
use crate::handler::Handler;
use crate::poller::Ready;
use crate::transport::Transport;
use crate::xray::{Seen, Why};

/// How many bytes of a turn one that is read counts for: it is to be understood and answered, and not only
/// moved. Four reads are a turn.
const READ_WEIGHT: usize = 8;

impl<T: Transport> Connection<T> {
    /// Writes what is to be sent, as far as the socket takes it; the rest stays.
    pub(super) fn write<H: Handler>(&mut self, turn: &mut Turn<'_, H>) -> Result<(), Errno> {
        let has_more = self.sends_more_at_once();
        let mut unsent = self.busy.as_mut().and_then(|busy| busy.unsent.take());
        let queue = unsent.as_mut().map_or(&mut *turn.out, |unsent| &mut unsent.queue);
        let mut moved = false;
        if queue.has_file() && !self.is_corked {
            // A file's pages do not make whole segments, and the kernel would send each rest alone.
            self.is_corked = self.stream.cork(true).is_ok();
        }
        while !queue.is_empty() {
            if !self.ready.is(Ready::TO_WRITE) || turn.left == 0 {
                let mut queue = std::mem::take(queue);
                if turn.worker.budget.is_scarce() {
                    queue.shrink();
                }
                self.keep_unsent(turn, unsent, queue, moved);
                break;
            }
            match self.stream.write_front(queue, has_more) {
                Ok((0, _)) => {
                    // A file that became shorter: nobody may take what was sent for whole.
                    queue.clear(&mut turn.cx);
                    self.stream.make_close_abrupt();
                    return Err(Errno::IO);
                }
                Ok((len, is_short)) => {
                    moved = true;
                    // What did not fit now will not fit a moment later: that is not tried.
                    if is_short {
                        self.ready.unset(Ready::TO_WRITE);
                    }
                    turn.left = turn.left.saturating_sub(len);
                    turn.cx.note(|| Seen::Wrote { len });
                    queue.advance(&mut turn.cx, len as u64);
                }
                Err(Errno::AGAIN) => self.ready.unset(Ready::TO_WRITE),
                Err(errno) => {
                    queue.clear(&mut turn.cx);
                    return Err(errno);
                }
            }
        }
        if let Some(busy) = &mut self.busy {
            busy.holds_back = has_more && self.endpoint.is_windowed();
        }
        if self.is_corked && !has_more && self.unsent().is_none() {
            self.is_corked = false;
            self.stream.cork(false)?;
        }
        Ok(())
    }

    /// Whether more of a body comes at once: then the kernel need not send the rest of a segment
    /// alone. Where the peer's windows decide, what waits for room here mostly comes;
    /// [`let_go`](Self::let_go) sees to it where it does not.
    fn sends_more_at_once(&self) -> bool {
        let exchanges = self.busy.as_ref().map(|busy| &busy.exchanges);
        if self.endpoint.is_windowed() {
            return self.endpoint.has_more() || exchanges.is_some_and(|all| all.ready_len() > 0);
        }
        exchanges.is_some_and(|all| all.iter().any(Exchange::has_parts))
    }

    fn keep_unsent<H>(
        &mut self,
        turn: &mut Turn<'_, H>,
        before: Option<Unsent>,
        queue: TxQueue,
        moved: bool,
    ) {
        if !self.ready.is(Ready::TO_WRITE) {
            turn.cx.note(|| Seen::WriteWaits { unsent: queue.len() });
        }
        let unsent = match before {
            Some(before) if !moved => Unsent { queue, ..before },
            _ => {
                let deadline = turn.cx.now().after(turn.serving.config.limits.timeout_write);
                let in_flight_len = self.stream.in_flight_len();
                Unsent { queue, deadline, in_flight_len }
            }
        };
        self.busy().unsent = Some(unsent);
    }

    /// Whether the peer has taken nothing for too long. The kernel calls a socket writable only when
    /// a good part of its buffer is free, which a steady but slow reader may not manage in time; so
    /// what has arrived since counts too.
    pub(super) fn is_write_stalled<H>(&mut self, turn: &Turn<'_, H>) -> bool {
        let now = turn.cx.now();
        let Some(unsent) = self.busy.as_mut().and_then(|busy| busy.unsent.as_mut()) else {
            return false;
        };
        if now < unsent.deadline {
            return false;
        }
        let in_flight_len = self.stream.in_flight_len();
        let before = std::mem::replace(&mut unsent.in_flight_len, in_flight_len);
        unsent.deadline = now.after(turn.serving.config.limits.timeout_write);
        in_flight_len >= before
    }

    /// What was read, if anything can be read and is wanted; nothing at the end.
    pub(super) fn read<H>(&mut self, turn: &mut Turn<'_, H>) -> Result<Option<usize>, Why> {
        if turn.left == 0 || !self.wants_to_read() {
            return Ok(None);
        }
        // What nobody takes is kept, so no more is read than may be kept.
        let len = turn.scratch.len().min(turn.worker.budget.share() as usize);
        match self.stream.read(turn.scratch.get_mut(..len).unwrap_or_default()) {
            Ok(read) => {
                self.has_eof = read == 0;
                // A short read has emptied the socket, but for the end.
                if read < len && !self.ready.is(Ready::AT_END) {
                    self.ready.unset(Ready::TO_READ);
                }
                turn.left = turn.left.saturating_sub(READ_WEIGHT * read);
                Ok(Some(read))
            }
            Err(Errno::AGAIN) => {
                self.ready.unset(Ready::TO_READ);
                Ok(None)
            }
            Err(_) => Err(Why::Broken),
        }
    }

    #[inline(always)]
    pub(super) fn wants_to_read(&self) -> bool {
        let may_read = self.ready.is(Ready::TO_READ) && !self.has_eof;
        may_read && self.endpoint.wants_bytes() && self.unsent().is_none()
    }
}
