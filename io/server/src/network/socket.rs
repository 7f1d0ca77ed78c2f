use std::io::IoSlice;
use std::rc::Rc;
use std::time::Duration;

use base::xray::Form;
use base::{FileRange, TxQueue};
use host::TcpId;
use rustix::io::{Errno, Result};
use tcp::{Connection, State};

use super::Stack;
use super::stack::Inner;
use crate::listen::Address;
use crate::poller::Ready;
use crate::registry::Key;
use crate::transport::{TcpFacts, Transport};

/// A connection of the worker's own stack; closed when it is dropped.
#[derive(Debug)]
pub(crate) struct OwnSocket {
    stack: Rc<Stack>,
    id: TcpId,
}

impl OwnSocket {
    pub(super) const fn new(stack: Rc<Stack>, id: TcpId) -> Self {
        Self { stack, id }
    }

    /// News are for `key` from now on; what it is ready for already.
    pub(crate) fn adopt(&self, key: Key) -> Ready {
        self.stack.with(|inner| {
            inner.adopt(self.id, key);
            let Some(connection) = inner.host.tcp(self.id) else { return Ready::default() };
            let at_end = !matches!(connection.state(), State::SynReceived | State::Established);
            let is_readable = at_end || connection.readable() > 0;
            Ready::TO_WRITE.and_if(is_readable, Ready::TO_READ).and_if(at_end, Ready::AT_END)
        })
    }

    fn look<T>(&self, look: impl FnOnce(&Connection, &Inner) -> T) -> Option<T> {
        self.stack.with(|inner| Some(look(inner.host.tcp(self.id)?, inner)))
    }
}

impl Drop for OwnSocket {
    fn drop(&mut self) {
        self.end_film();
        self.stack.with(|inner| {
            inner.forget(self.id);
            let (mut cx, host) = inner.parts_for(self.id);
            host.tcp_close(&mut cx, self.id);
        });
    }
}

impl Transport for OwnSocket {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.stack.with(|inner| {
            readable(inner, self.id)?;
            let (mut cx, host) = inner.parts_for(self.id);
            Ok(host.tcp_read(&mut cx, self.id, buffer))
        })
    }

    fn peek(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.stack.with(|inner| {
            readable(inner, self.id)?;
            let mut seen = 0;
            for slice in inner.host.tcp(self.id).into_iter().flat_map(Connection::slices) {
                let rest = buffer.get_mut(seen..).unwrap_or_default();
                let len = slice.len().min(rest.len());
                if let (Some(to), Some(from)) = (rest.get_mut(..len), slice.get(..len)) {
                    to.copy_from_slice(from);
                }
                seen += len;
            }
            Ok(seen)
        })
    }

    fn write(&mut self, bytes: &[u8], _more: bool) -> Result<usize> {
        // Frames leave when everybody has had a turn: what is written in one turn fills them anyway.
        self.stack.with(|inner| {
            let (mut cx, host) = inner.parts_for(self.id);
            let written = host.tcp_write_slice(&mut cx, self.id, bytes);
            written_or_why(inner, self.id, written, bytes.len())
        })
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>], more: bool) -> Result<usize> {
        let mut written = 0;
        for slice in slices {
            match self.write(slice, more) {
                Ok(len) => written += len,
                Err(_) if written > 0 => break,
                Err(errno) => return Err(errno),
            }
        }
        Ok(written)
    }

    /// What is large is not copied: the stack holds it too until the peer has it.
    fn write_front(&mut self, queue: &mut TxQueue, more: bool) -> Result<(usize, bool)> {
        if let Some(bytes) = queue.share_front() {
            let len = bytes.len();
            return self.stack.with(|inner| {
                let (mut cx, host) = inner.parts_for(self.id);
                let written = host.tcp_write(&mut cx, self.id, bytes);
                Ok((written_or_why(inner, self.id, written, len)?, written < len))
            });
        }
        let mut slices = [IoSlice::new(&[])];
        queue.fill_slices(&mut slices);
        let [front] = slices;
        let written = self.write(&front, more)?;
        Ok((written, written < front.len()))
    }

    fn sends_files(&self) -> bool {
        false
    }

    fn send_file(&mut self, _range: &FileRange) -> Result<usize> {
        // Nobody asks for it: see `sends_files`.
        Err(Errno::OPNOTSUPP)
    }

    fn cork(&mut self, _on: bool) -> Result<()> {
        Ok(())
    }

    fn in_flight_len(&self) -> Option<u32> {
        self.look(|connection, _| u32::try_from(connection.unacknowledged()).unwrap_or(u32::MAX))
    }

    fn finish(&mut self) -> Result<()> {
        self.stack.with(|inner| {
            let (mut cx, host) = inner.parts_for(self.id);
            host.tcp_shut_down(&mut cx, self.id);
            Ok(())
        })
    }

    fn make_close_abrupt(&mut self) {
        self.stack.with(|inner| {
            inner.host.tcp_with(self.id, |connection| connection.set_linger(Some(Duration::ZERO)))
        });
    }

    fn tcp_facts(&self) -> Option<TcpFacts> {
        let info = self.look(|connection, inner| connection.info(inner.now()))?;
        Some(TcpFacts {
            rtt: info.rtt,
            // The stack keeps what is added for a timeout, four times of it (RFC 6298 §2.3).
            rtt_variance: info.rtt_variation / 4,
            retransmitted: info.retransmitted_total,
            congestion_window: info.cwnd,
            unacknowledged: info.unacked,
            segment_len_max: info.mss,
            acknowledged_len: info.bytes_acked,
            received_len: info.bytes_received,
            unsent_len: info.unsent,
        })
    }

    fn sends_later(&self) -> bool {
        true
    }

    fn begin_film(&mut self, form: Form) {
        self.stack.with(|inner| {
            if let Some(number) = inner.host.tcp_number(self.id) {
                inner.reels.begin(number, form);
            }
        });
    }

    fn take_film(&mut self) -> String {
        self.stack.with(|inner| {
            let number = inner.host.tcp_number(self.id);
            number.map(|number| inner.reels.take(number)).unwrap_or_default()
        })
    }

    fn end_film(&mut self) {
        self.stack.with(|inner| {
            if let Some(number) = inner.host.tcp_number(self.id) {
                inner.reels.end(number);
            }
        });
    }

    fn leave_film(&mut self, title: String, film: &str) {
        self.stack.with(|inner| {
            if let Some(number) = inner.host.tcp_number(self.id) {
                inner.reels.bury(number, title, film);
            }
        });
    }

    fn local_address(&self) -> Option<Address> {
        self.look(|connection, _| Address::Ip(connection.flow().local))
    }
}

/// Whether reading leads to something: bytes, or the end.
fn readable(inner: &Inner, id: TcpId) -> Result<()> {
    let connection = inner.host.tcp(id).ok_or(Errno::CONNRESET)?;
    match connection.failure() {
        _ if connection.readable() > 0 => Ok(()),
        Some(_) => Err(Errno::CONNRESET),
        None if connection.is_read_out() => Ok(()),
        None => Err(Errno::AGAIN),
    }
}

/// What became of a write of `wanted` bytes.
fn written_or_why(inner: &Inner, id: TcpId, written: usize, wanted: usize) -> Result<usize> {
    if written > 0 || wanted == 0 {
        return Ok(written);
    }
    let connection = inner.host.tcp(id).ok_or(Errno::PIPE)?;
    match connection.state() {
        State::SynReceived | State::Established | State::CloseWait => Err(Errno::AGAIN),
        _ if connection.failure().is_some() => Err(Errno::CONNRESET),
        _ => Err(Errno::PIPE),
    }
}
