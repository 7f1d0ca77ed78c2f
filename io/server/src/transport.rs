use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use base::FileRange;
use rustix::io::{Errno, Result, retry_on_intr};
use rustix::net::{RecvFlags, SendFlags, Shutdown};

use crate::listen::Address;

/// The most that one `sendfile` is asked for. Large calls are cheap calls; what does not fit the
/// socket's buffer comes back as a short count.
const SENDFILE_LEN_MAX: u64 = 8 * 1024 * 1024;

/// A stream of bytes that a connection runs over. Nothing here waits: what cannot be done now is
/// `Errno::AGAIN`, and the worker's poller tells when to try again.
pub(crate) trait Transport {
    /// Reads into `buffer`; zero is the end.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize>;
    /// Reads into `buffer` what the next [`read`](Self::read) will read again.
    fn peek(&mut self, buffer: &mut [u8]) -> Result<usize>;
    /// Writes a part of `bytes`; `more` says that other bytes follow at once.
    fn write(&mut self, bytes: &[u8], more: bool) -> Result<usize>;
    /// Writes a part of `slices`.
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> Result<usize>;
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
}

/// What the kernel's TCP knows of a connection (`tcp(7)`, TCP_INFO).
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
    /// Bytes that wait in the kernel and were not sent yet.
    pub unsent_len: u32,
}

/// A socket of the kernel's: of TCP, or in the file system.
#[derive(Debug)]
pub(crate) struct Stream(OwnedFd);

impl From<OwnedFd> for Stream {
    fn from(socket: OwnedFd) -> Self {
        Self(socket)
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Transport for Stream {
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
        let more = if more { SendFlags::MORE } else { SendFlags::empty() };
        retry_on_intr(|| rustix::net::send(&*self, bytes, SendFlags::NOSIGNAL | more))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> Result<usize> {
        retry_on_intr(|| rustix::io::writev(&*self, slices))
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
