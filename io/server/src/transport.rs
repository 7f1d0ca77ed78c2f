use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use base::FileRange;
use rustix::io::Errno;
use rustix::net::{SendFlags, Shutdown};
use tokio::io::{AsyncRead, Interest, ReadBuf};
use tokio::net::TcpStream;

/// The most that one `sendfile` is asked for. Large calls are cheap calls; what does not fit the
/// socket's buffer comes back as a short count.
const SENDFILE_LEN_MAX: u64 = 8 * 1024 * 1024;

/// Up to this length a write is tried without asking whether there is room.
const AT_ONCE_LEN_MAX: usize = 16 * 1024;

/// A stream of bytes that a connection runs over.
pub(crate) trait Transport: Unpin + 'static {
    /// Reads into `buffer`; zero is the end.
    fn poll_read(&mut self, task: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;
    /// Writes a part of `bytes`; `more` says that other bytes follow at once.
    fn poll_write(
        &mut self,
        task: &mut Context<'_>,
        bytes: &[u8],
        more: bool,
    ) -> Poll<io::Result<usize>>;
    /// Writes a part of `slices`.
    fn poll_write_vectored(
        &mut self,
        task: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;
    /// Writes a part of a file; zero means that the file is shorter than it was.
    fn poll_send_file(
        &mut self,
        task: &mut Context<'_>,
        range: &FileRange,
    ) -> Poll<io::Result<usize>>;
    /// How many bytes were written and have not arrived yet; nothing when nobody knows.
    fn in_flight_len(&self) -> Option<u32>;
    /// Says that nothing more will be written.
    fn finish(&mut self) -> io::Result<()>;
    /// Makes the close that follows a reset.
    fn make_close_abrupt(&mut self);
}

impl Transport for TcpStream {
    fn poll_read(&mut self, task: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        // `AsyncRead` knows that a short read has emptied the socket and saves the second call.
        let mut buffer = ReadBuf::new(buffer);
        ready!(AsyncRead::poll_read(Pin::new(self), task, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    fn poll_write(
        &mut self,
        task: &mut Context<'_>,
        bytes: &[u8],
        more: bool,
    ) -> Poll<io::Result<usize>> {
        let more = if more { SendFlags::MORE } else { SendFlags::empty() };
        let asked = (bytes.len(), bytes.len() <= AT_ONCE_LEN_MAX);
        when_writable(self, task, asked, |fd| {
            rustix::net::send(fd, bytes, SendFlags::NOSIGNAL | more)
        })
    }

    fn poll_write_vectored(
        &mut self,
        task: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = slices.iter().map(|slice| slice.len()).sum();
        when_writable(self, task, (len, len <= AT_ONCE_LEN_MAX), |fd| {
            rustix::io::writev(fd, slices)
        })
    }

    fn poll_send_file(
        &mut self,
        task: &mut Context<'_>,
        range: &FileRange,
    ) -> Poll<io::Result<usize>> {
        let len = range.len.min(SENDFILE_LEN_MAX) as usize;
        // Short may also mean that the file has ended: only the next call tells.
        when_writable(self, task, (0, true), |fd| {
            let mut offset = range.offset;
            rustix::fs::sendfile(fd, &*range.file, Some(&mut offset), len)
        })
    }

    #[allow(unsafe_code)]
    fn in_flight_len(&self) -> Option<u32> {
        let mut len: libc::c_int = 0;
        // SAFETY: the descriptor is open as long as `self`, and for this request the kernel writes
        // one int to the address, which is `len`'s.
        let result = unsafe { libc::ioctl(self.as_raw_fd(), libc::TIOCOUTQ, &raw mut len) };
        if result == 0 { u32::try_from(len).ok() } else { None }
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(rustix::net::shutdown(self.as_fd(), Shutdown::Write)?)
    }

    fn make_close_abrupt(&mut self) {
        // Without it the peer could take the end for a proper one; with it, it sees a reset.
        let _ = socket2::SockRef::from(&*self).set_linger(Some(Duration::ZERO));
    }
}

/// Writes `len` bytes or a part of them.
///
/// A short write tells that the socket is full, so the next one waits at once instead of being tried
/// in vain. `at_once` is for what nearly always finds room: then the runtime is not asked before.
fn when_writable(
    stream: &TcpStream,
    task: &mut Context<'_>,
    (len, at_once): (usize, bool),
    mut write: impl FnMut(BorrowedFd<'_>) -> rustix::io::Result<usize>,
) -> Poll<io::Result<usize>> {
    let mut asks_first = !at_once;
    loop {
        if asks_first {
            ready!(stream.poll_write_ready(task))?;
        }
        asks_first = true;
        match write(stream.as_fd()) {
            Ok(written) => {
                if written < len {
                    forget_writability(stream);
                }
                return Poll::Ready(Ok(written));
            }
            Err(Errno::AGAIN) => forget_writability(stream),
            Err(Errno::INTR) => {}
            Err(errno) => return Poll::Ready(Err(errno.into())),
        }
    }
}

/// Tells the runtime that the socket is full, as it would find out by a write in vain.
fn forget_writability(stream: &TcpStream) {
    let full = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
    let _ = stream.try_io(Interest::WRITABLE, full);
}
