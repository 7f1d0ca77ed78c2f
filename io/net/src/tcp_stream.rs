use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use host::TcpId;
use tcp::Connection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop;

use crate::error;
use crate::stack::{Inner, Stack};

/// A connection, with the methods of tokio's.
#[derive(Debug)]
pub struct TcpStream {
    socket: Arc<Socket>,
}

/// The half that reads, of one's own.
#[derive(Debug)]
pub struct OwnedReadHalf {
    socket: Arc<Socket>,
}

/// The half that writes, of one's own; when it is dropped, nothing more will be written.
#[derive(Debug)]
pub struct OwnedWriteHalf {
    socket: Arc<Socket>,
    shuts_down: bool,
}

/// The half that reads.
#[derive(Debug)]
pub struct ReadHalf<'a> {
    socket: &'a Socket,
}

/// The half that writes.
#[derive(Debug)]
pub struct WriteHalf<'a> {
    socket: &'a Socket,
}

/// What all of them share; the connection is closed with the last.
#[derive(Debug)]
struct Socket {
    stack: Stack,
    id: TcpId,
}

/// Which way somebody waits.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Read,
    Write,
}

impl TcpStream {
    pub(crate) fn new(stack: &Stack, id: TcpId) -> Self {
        Self { socket: Arc::new(Socket { stack: stack.clone(), id }) }
    }

    /// Connects to `remote`.
    ///
    /// # Errors
    /// When nobody is there, nobody listens, or nobody answers in time. When it is cancelled the
    /// attempt ends.
    pub async fn connect(stack: &Stack, remote: SocketAddr) -> io::Result<Self> {
        Self::connect_from(stack, None, remote).await
    }

    /// Connects to `remote`, from `local` as far as that is given.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and when the local address is not ours.
    pub async fn connect_from(
        stack: &Stack,
        local: Option<SocketAddr>,
        remote: SocketAddr,
    ) -> io::Result<Self> {
        let id = stack.inner(|inner| {
            let (mut cx, host) = inner.parts();
            host.tcp_connect(&mut cx, local, remote).map_err(error::of_connect)
        })?;
        let stream = Self::new(stack, id);
        std::future::poll_fn(|cx| stream.socket.poll_connected(cx)).await?;
        Ok(stream)
    }

    /// Our end.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.look(|connection| connection.flow().local)
    }

    /// The peer's end.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.look(|connection| connection.flow().remote)
    }

    /// Whether small segments leave at once, without waiting for what is under way. (RFC 9293
    /// §3.7.4)
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn set_nodelay(&self, is_on: bool) -> io::Result<()> {
        self.socket.change(|connection| connection.set_nodelay(is_on))
    }

    /// How long [`Drop`] leaves what was not sent to the stack; nothing is as long as it takes, zero
    /// breaks off.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.socket.change(|connection| connection.set_linger(linger))
    }

    /// Whether a peer that says nothing is asked from time to time.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn set_keepalive(&self, is_on: bool) -> io::Result<()> {
        self.socket.stack.inner(|inner| {
            let (cx, host) = inner.parts();
            let set = host.tcp_with(self.socket.id, |c| c.set_keepalive(&cx, is_on));
            set.ok_or_else(gone)
        })
    }

    /// Everything that can be seen of the connection.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn info(&self) -> io::Result<tcp::Info> {
        self.socket.stack.inner(|inner| {
            let (cx, host) = inner.parts();
            Ok(host.tcp(self.socket.id).ok_or_else(gone)?.info(cx.now()))
        })
    }

    /// Waits until there is something to read, or nothing will come.
    ///
    /// # Errors
    /// When the connection failed.
    pub async fn readable(&self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.socket.poll_ready(Way::Read, cx)).await
    }

    /// Waits until there is room to write.
    ///
    /// # Errors
    /// When the connection failed.
    pub async fn writable(&self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.socket.poll_ready(Way::Write, cx)).await
    }

    /// Reads what is there.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing is, and what the connection failed of.
    pub fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        self.socket.try_read(into, None)
    }

    /// Writes what fits.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing does, and what the connection failed of.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.try_write(&[IoSlice::new(bytes)], None)
    }

    /// Writes what fits of all the slices.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing does, and what the connection failed of.
    pub fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.try_write(slices, None)
    }

    /// Looks at what will be read, and leaves it there.
    ///
    /// # Errors
    /// What the connection failed of.
    pub async fn peek(&self, into: &mut [u8]) -> io::Result<usize> {
        self.readable().await?;
        self.socket.stack.inner(|inner| {
            let bytes = inner.host.tcp_peek(self.socket.id);
            let len = bytes.len().min(into.len());
            if let (Some(place), Some(bytes)) = (into.get_mut(..len), bytes.get(..len)) {
                place.copy_from_slice(bytes);
            }
            Ok(len)
        })
    }

    /// Writes bytes that are shared: they are not copied, but kept until the peer has them. How many
    /// were taken.
    ///
    /// # Errors
    /// What the connection failed of.
    pub async fn write_shared(&self, bytes: Bytes) -> io::Result<usize> {
        self.writable().await?;
        self.socket.stack.inner(|inner| {
            let (mut cx, host) = inner.parts();
            Ok(host.tcp_write(&mut cx, self.socket.id, bytes))
        })
    }

    /// The headers of the SYN with which the peer began, once, if `saves_syn` of the stack's
    /// configuration was on then.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn take_saved_syn(&self) -> io::Result<Option<Box<tcp::SynHeaders>>> {
        self.socket.change(Connection::take_saved_syn)
    }

    /// Two halves, for as long as the stream is borrowed.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        (ReadHalf { socket: &self.socket }, WriteHalf { socket: &self.socket })
    }

    /// Two halves that live by themselves.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        let socket = Arc::clone(&self.socket);
        (OwnedReadHalf { socket }, OwnedWriteHalf { socket: self.socket, shuts_down: true })
    }
}

impl OwnedReadHalf {
    /// Both halves as one again.
    ///
    /// # Errors
    /// The halves, if they are of two streams.
    pub fn reunite(self, mut other: OwnedWriteHalf) -> Result<TcpStream, (Self, OwnedWriteHalf)> {
        if !Arc::ptr_eq(&self.socket, &other.socket) {
            return Err((self, other));
        }
        other.shuts_down = false;
        Ok(TcpStream { socket: self.socket })
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if self.shuts_down {
            let _ = self.socket.shut_down();
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.stack.inner(|inner| {
            inner.forget_tcp(self.id);
            let (mut cx, host) = inner.parts();
            host.tcp_close(&mut cx, self.id);
        });
    }
}

impl Socket {
    fn look<T>(&self, run: impl FnOnce(&Connection) -> T) -> io::Result<T> {
        self.stack.inner(|inner| inner.host.tcp(self.id).map(run).ok_or_else(gone))
    }

    fn change<T>(&self, run: impl FnOnce(&mut Connection) -> T) -> io::Result<T> {
        self.stack.inner(|inner| inner.host.tcp_with(self.id, run).ok_or_else(gone))
    }

    fn shut_down(&self) -> io::Result<()> {
        self.stack.inner(|inner| {
            let (mut cx, host) = inner.parts();
            host.tcp_shut_down(&mut cx, self.id);
            Ok(())
        })
    }

    fn poll_connected(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.stack.inner(|inner| {
            let connection = inner.host.tcp(self.id).ok_or_else(gone)?;
            if let Some(failure) = connection.failure() {
                return Poll::Ready(Err(error::of_failure(failure)));
            }
            if matches!(connection.state(), tcp::State::SynSent | tcp::State::SynReceived) {
                wait(inner, self.id, Way::Write, cx);
                return Poll::Pending;
            }
            Poll::Ready(Ok(()))
        })
    }

    fn poll_ready(&self, way: Way, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let turn = ready!(coop::poll_proceed(cx));
        let is_ready = self.stack.inner(|inner| {
            let connection = inner.host.tcp(self.id).ok_or_else(gone)?;
            let is_ready = match way {
                Way::Read => connection.readable() > 0 || connection.is_read_out(),
                Way::Write => connection.room() > 0 || is_closed(connection),
            };
            if !is_ready {
                wait(inner, self.id, way, cx);
                if way == Way::Write {
                    inner.host.tcp_with(self.id, Connection::want_room);
                }
                return Poll::Pending;
            }
            Poll::Ready(Ok(()))
        });
        if is_ready.is_ready() {
            turn.made_progress();
        }
        is_ready
    }

    fn try_read(&self, into: &mut [u8], cx: Option<&Context<'_>>) -> io::Result<usize> {
        self.stack.inner(|inner| {
            let (mut layers, host) = inner.parts();
            let len = host.tcp_read(&mut layers, self.id, into);
            if len > 0 || into.is_empty() {
                return Ok(len);
            }
            let connection = host.tcp(self.id).ok_or_else(gone)?;
            match connection.failure() {
                Some(failure) => Err(error::of_failure(failure)),
                None if connection.is_read_out() => Ok(0),
                None => {
                    if let Some(cx) = cx {
                        wait(inner, self.id, Way::Read, cx);
                    }
                    Err(io::ErrorKind::WouldBlock.into())
                }
            }
        })
    }

    fn try_write(&self, slices: &[IoSlice<'_>], cx: Option<&Context<'_>>) -> io::Result<usize> {
        self.stack.inner(|inner| {
            let (mut layers, host) = inner.parts();
            let mut written = 0;
            for slice in slices {
                let len = host.tcp_write_slice(&mut layers, self.id, slice);
                written += len;
                if len < slice.len() {
                    break;
                }
            }
            if written > 0 || slices.iter().all(|slice| slice.is_empty()) {
                return Ok(written);
            }
            let connection = host.tcp(self.id).ok_or_else(gone)?;
            if let Some(failure) = connection.failure() {
                return Err(error::of_failure(failure));
            }
            if is_closed(connection) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            if let Some(cx) = cx {
                wait(inner, self.id, Way::Write, cx);
            }
            Err(io::ErrorKind::WouldBlock.into())
        })
    }

    // As with tokio's own sockets, a task that always finds something to read, or room to write, lets
    // others have their turn now and then.

    fn poll_read(&self, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let turn = ready!(coop::poll_proceed(cx));
        let len = ready!(pending(self.try_read(into.initialize_unfilled(), Some(cx))))?;
        turn.made_progress();
        into.advance(len);
        Poll::Ready(Ok(()))
    }

    fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let turn = ready!(coop::poll_proceed(cx));
        let written = ready!(pending(self.try_write(slices, Some(cx))));
        turn.made_progress();
        Poll::Ready(written)
    }
}

/// Wakes the task when the connection has news.
fn wait(inner: &mut Inner, id: TcpId, way: Way, cx: &Context<'_>) {
    let wakers = inner.tcp_wakers(id);
    let place = if way == Way::Read { &mut wakers.read } else { &mut wakers.write };
    match place {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *place = Some(cx.waker().clone()),
    }
}

/// Whether nothing can be written any more.
fn is_closed(connection: &Connection) -> bool {
    !connection.state().may_send() || connection.failure().is_some()
}

fn pending<T>(result: io::Result<T>) -> Poll<io::Result<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        result => Poll::Ready(result),
    }
}

fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

/// The traits of tokio, for everything that has a socket.
macro_rules! reads {
    ($type:ty) => {
        impl AsyncRead for $type {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                into: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                self.socket.poll_read(cx, into)
            }
        }
    };
}

macro_rules! writes {
    ($type:ty) => {
        impl AsyncWrite for $type {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.socket.poll_write(cx, &[IoSlice::new(bytes)])
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                slices: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.socket.poll_write(cx, slices)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(self.socket.shut_down())
            }
        }
    };
}

reads!(TcpStream);
reads!(OwnedReadHalf);
reads!(ReadHalf<'_>);
writes!(TcpStream);
writes!(OwnedWriteHalf);
writes!(WriteHalf<'_>);
