use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use base::xray::Form;
use base::{FileRange, TxQueue};
use rustix::io::{Errno, Result, retry_on_intr};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown};

use crate::listen::Address;
use crate::network::OwnSocket;

/// The most that one `sendfile` is asked for. Large calls are cheap calls; what does not fit the
/// socket's buffer comes back as a short count.
const SENDFILE_LEN_MAX: u64 = 8 * 1024 * 1024;

/// How many slices one vectored write takes at most.
const SLICES: usize = 16;

/// A stream of bytes that a connection runs over. Nothing here waits: what cannot be done now is
/// `Errno::AGAIN`, and the worker's poller tells when to try again.
pub(crate) trait Transport {
    /// Reads into `buffer`; zero is the end.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize>;
    /// Reads into `buffer` what the next [`read`](Self::read) will read again.
    fn peek(&mut self, buffer: &mut [u8]) -> Result<usize>;
    /// Writes a part of `bytes`; `more` says that other bytes follow at once.
    fn write(&mut self, bytes: &[u8], more: bool) -> Result<usize>;
    /// Writes a part of `slices`; `more` as with [`write`](Self::write).
    fn write_vectored(&mut self, slices: &[IoSlice<'_>], more: bool) -> Result<usize>;
    /// Writes a part of what stands in front of `queue`, behind which `more` may follow at once; how
    /// much, and whether less than was there for the socket to take.
    #[inline(always)]
    fn write_front(&mut self, queue: &mut TxQueue, more: bool) -> Result<(usize, bool)> {
        write_front(self, queue, more)
    }
    /// Whether ranges of files can be written.
    fn sends_files(&self) -> bool {
        true
    }
    /// Writes a part of a file; zero means that the file is shorter than it was.
    fn send_file(&mut self, range: &FileRange) -> Result<usize>;
    /// Has only full segments sent, or, when it ends, also what is left.
    fn cork(&mut self, on: bool) -> Result<()>;
    /// How many bytes were written and have not arrived yet; nothing when nobody knows.
    fn in_flight_len(&self) -> Option<u32>;
    /// Says that nothing more will be written.
    fn finish(&mut self) -> Result<()>;
    /// Makes the close that follows a reset.
    fn make_close_abrupt(&mut self);
    /// What TCP knows of it, if it is TCP.
    fn tcp_facts(&self) -> Option<TcpFacts>;
    /// Where the peer came to; nothing when nobody knows.
    fn local_address(&self) -> Option<Address>;
    /// Whether what is written leaves when everybody has had a turn: then a film is not whole before.
    fn sends_later(&self) -> bool {
        false
    }
    /// Films the layers below from now on, in this form.
    fn begin_film(&mut self, _form: Form) {}
    /// What the layers below said since the last time, if they are filmed.
    fn take_film(&mut self) -> String {
        String::new()
    }
    /// Films them no longer.
    fn end_film(&mut self) {}
    /// Leaves the film of a connection that is over to the layers below, which have more to say, under
    /// this title.
    fn leave_film(&mut self, _title: String, _film: &str) {}
}

/// What TCP knows of a connection: the kernel's (`tcp(7)`, TCP_INFO) or our own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TcpFacts {
    /// How long a segment and its acknowledgement take, smoothed (RFC 6298 §2).
    pub rtt: Duration,
    /// How much that varies.
    pub rtt_variance: Duration,
    /// Segments that were sent once more, since the beginning.
    pub retransmitted: u32,
    /// How many segments may be on their way (RFC 5681 §2).
    pub congestion_window: u32,
    /// How many segments are on their way.
    pub unacknowledged: u32,
    /// How many bytes a segment has at most.
    pub segment_len_max: u32,
    /// Bytes that have arrived at the peer, those of TLS included.
    pub acknowledged_len: u64,
    /// Bytes that came from the peer, those of TLS included.
    pub received_len: u64,
    /// Bytes that TCP has and did not send yet.
    pub unsent_len: u32,
}

fn flags(more: bool) -> SendFlags {
    SendFlags::NOSIGNAL | if more { SendFlags::MORE } else { SendFlags::empty() }
}

/// A socket of the kernel's: of TCP, or in the file system.
#[derive(Debug)]
pub(crate) struct KernelSocket(OwnedFd);

impl From<OwnedFd> for KernelSocket {
    fn from(socket: OwnedFd) -> Self {
        Self(socket)
    }
}

impl AsFd for KernelSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Transport for KernelSocket {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let (read, _) =
            retry_on_intr(|| rustix::net::recv(&*self, &mut *buffer, RecvFlags::empty()))?;
        Ok(read)
    }

    fn peek(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let (seen, _) = retry_on_intr(|| rustix::net::recv(&*self, &mut *buffer, RecvFlags::PEEK))?;
        Ok(seen)
    }

    #[inline]
    fn write(&mut self, bytes: &[u8], more: bool) -> Result<usize> {
        retry_on_intr(|| rustix::net::send(&*self, bytes, flags(more)))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>], more: bool) -> Result<usize> {
        let mut nothing = SendAncillaryBuffer::default();
        retry_on_intr(|| rustix::net::sendmsg(&*self, slices, &mut nothing, flags(more)))
    }

    fn send_file(&mut self, range: &FileRange) -> Result<usize> {
        let len = range.len.min(SENDFILE_LEN_MAX) as usize;
        let mut offset = range.offset;
        retry_on_intr(|| rustix::fs::sendfile(&*self, &*range.file, Some(&mut offset), len))
    }

    fn cork(&mut self, on: bool) -> Result<()> {
        match rustix::net::sockopt::set_tcp_cork(&*self, on) {
            // What is not TCP has no segments to be filled.
            Err(Errno::OPNOTSUPP) => Ok(()),
            result => result,
        }
    }

    #[allow(unsafe_code)]
    fn in_flight_len(&self) -> Option<u32> {
        let mut len: libc::c_int = 0;
        // SAFETY: the descriptor is open as long as `self`, and for this request the kernel writes
        // one int to the address, which is `len`'s.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::TIOCOUTQ, &raw mut len) };
        if result == 0 { u32::try_from(len).ok() } else { None }
    }

    #[allow(unsafe_code)]
    fn tcp_facts(&self) -> Option<TcpFacts> {
        let mut info = MaybeUninit::<libc::tcp_info>::zeroed();
        let mut len = size_of::<libc::tcp_info>() as libc::socklen_t;
        // SAFETY: the descriptor is open as long as `self`; the kernel writes at most `len` bytes to
        // the address, which is `info`'s, and that many are there. A kernel that knows less writes
        // less, and what it leaves is zero; `tcp_info` is made of integers, for which that is fine.
        let (result, info) = unsafe {
            let result = libc::getsockopt(
                self.0.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_INFO,
                info.as_mut_ptr().cast(),
                &raw mut len,
            );
            (result, info.assume_init())
        };
        (result == 0).then(|| TcpFacts {
            rtt: Duration::from_micros(info.tcpi_rtt.into()),
            rtt_variance: Duration::from_micros(info.tcpi_rttvar.into()),
            retransmitted: info.tcpi_total_retrans,
            congestion_window: info.tcpi_snd_cwnd,
            unacknowledged: info.tcpi_unacked,
            segment_len_max: info.tcpi_snd_mss,
            acknowledged_len: info.tcpi_bytes_acked,
            received_len: info.tcpi_bytes_received,
            unsent_len: info.tcpi_notsent_bytes,
        })
    }

    fn local_address(&self) -> Option<Address> {
        Address::of(&socket2::SockRef::from(self).local_addr().ok()?)
    }

    fn finish(&mut self) -> Result<()> {
        rustix::net::shutdown(self.as_fd(), Shutdown::Write)
    }

    fn make_close_abrupt(&mut self) {
        // Without it the peer could take the end for a proper one; with it, it sees a reset.
        let _ = socket2::SockRef::from(&*self).set_linger(Some(Duration::ZERO));
    }
}

/// What a connection of a worker stands on. Which kind it is, is known by one look.
#[derive(Debug)]
pub(crate) enum Stream {
    Kernel(KernelSocket),
    Own(Box<OwnSocket>),
}

/// Does the same with either kind.
macro_rules! either {
    ($stream:expr, $socket:ident => $does:expr) => {
        match $stream {
            Stream::Kernel($socket) => $does,
            Stream::Own($socket) => $does,
        }
    };
}

impl Transport for Stream {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        either!(self, socket => socket.read(buffer))
    }

    fn peek(&mut self, buffer: &mut [u8]) -> Result<usize> {
        either!(self, socket => socket.peek(buffer))
    }

    #[inline]
    fn write(&mut self, bytes: &[u8], more: bool) -> Result<usize> {
        either!(self, socket => socket.write(bytes, more))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>], more: bool) -> Result<usize> {
        either!(self, socket => socket.write_vectored(slices, more))
    }

    #[inline(always)]
    fn write_front(&mut self, queue: &mut TxQueue, more: bool) -> Result<(usize, bool)> {
        either!(self, socket => socket.write_front(queue, more))
    }

    #[inline]
    fn sends_files(&self) -> bool {
        either!(self, socket => socket.sends_files())
    }

    fn send_file(&mut self, range: &FileRange) -> Result<usize> {
        either!(self, socket => socket.send_file(range))
    }

    fn cork(&mut self, on: bool) -> Result<()> {
        either!(self, socket => socket.cork(on))
    }

    fn in_flight_len(&self) -> Option<u32> {
        either!(self, socket => socket.in_flight_len())
    }

    fn finish(&mut self) -> Result<()> {
        either!(self, socket => socket.finish())
    }

    fn make_close_abrupt(&mut self) {
        either!(self, socket => socket.make_close_abrupt());
    }

    fn tcp_facts(&self) -> Option<TcpFacts> {
        either!(self, socket => socket.tcp_facts())
    }

    fn local_address(&self) -> Option<Address> {
        either!(self, socket => socket.local_address())
    }

    fn sends_later(&self) -> bool {
        either!(self, socket => socket.sends_later())
    }

    fn begin_film(&mut self, form: Form) {
        either!(self, socket => socket.begin_film(form));
    }

    fn take_film(&mut self) -> String {
        either!(self, socket => socket.take_film())
    }

    fn end_film(&mut self) {
        either!(self, socket => socket.end_film());
    }

    fn leave_film(&mut self, title: String, film: &str) {
        either!(self, socket => socket.leave_film(title, film));
    }
}

/// Writes with the call that fits what stands in front.
#[inline(always)]
fn write_front<T: Transport + ?Sized>(
    stream: &mut T,
    queue: &TxQueue,
    has_more: bool,
) -> Result<(usize, bool)> {
    if let Some(bytes) = queue.as_one_slice() {
        let written = stream.write(bytes, has_more)?;
        return Ok((written, written < bytes.len()));
    }
    if let Some(range) = queue.front_file() {
        // Short may also mean that the file has ended: only the next call tells.
        return Ok((stream.send_file(&range)?, false));
    }
    let mut slices = [IoSlice::new(&[]); SLICES];
    let filled = queue.fill_slices(&mut slices);
    match slices.get(..filled) {
        // What stands in front of a file leaves with it.
        Some([only]) => {
            let written = stream.write(only, true)?;
            Ok((written, written < only.len()))
        }
        Some(slices) => {
            let len: usize = slices.iter().map(|slice| slice.len()).sum();
            let is_all = len as u64 == queue.len();
            let written = stream.write_vectored(slices, has_more || !is_all)?;
            Ok((written, written < len))
        }
        None => Ok((0, false)),
    }
}
