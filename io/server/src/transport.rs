use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use base::FileRange;
use rustix::net::{SendFlags, Shutdown};
use tokio::io::{AsyncRead, Interest, ReadBuf};
use tokio::net::TcpStream;

/// The most that one `sendfile` is asked for. Large calls are cheap calls; what does not fit the
/// socket's buffer comes back as a short count.
const SENDFILE_LEN_MAX: u64 = 8 * 1024 * 1024;

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
        when_writable(self, task, |fd| rustix::net::send(fd, bytes, SendFlags::NOSIGNAL | more))
    }

    fn poll_write_vectored(
        &mut self,
        task: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        when_writable(self, task, |fd| rustix::io::writev(fd, slices))
    }

    fn poll_send_file(
        &mut self,
        task: &mut Context<'_>,
        range: &FileRange,
    ) -> Poll<io::Result<usize>> {
        let len = range.len.min(SENDFILE_LEN_MAX) as usize;
        when_writable(self, task, |fd| {
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

fn when_writable(
    stream: &TcpStream,
    task: &mut Context<'_>,
    mut write: impl FnMut(std::os::fd::BorrowedFd<'_>) -> rustix::io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        // Nearly every write finds room at once: only when one did not is the runtime asked.
        match write(stream.as_fd()) {
            Err(rustix::io::Errno::AGAIN) => {}
            Err(rustix::io::Errno::INTR) => continue,
            written => return Poll::Ready(Ok(written?)),
        }
        ready!(stream.poll_write_ready(task))?;
        match stream.try_io(Interest::WRITABLE, || Ok(write(stream.as_fd())?)) {
            Err(blocked) if blocked.kind() == io::ErrorKind::WouldBlock => {}
            Err(again) if again.kind() == io::ErrorKind::Interrupted => {}
            written => return Poll::Ready(written),
        }
    }
}
