//! A connection by whichever stack.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use rustix::net::RecvFlags;
use tokio::io::{AsyncWriteExt as _, Interest};

use crate::network::Network;

/// A TCP connection.
#[derive(Debug)]
pub(crate) enum Stream {
    /// By our own stack.
    Ours(::net::TcpStream),
    /// By the kernel's.
    Kernel(tokio::net::TcpStream),
}

impl Stream {
    /// Connects over `network`, or over the kernel's.
    pub(crate) async fn connect(network: Option<&Network>, to: SocketAddr) -> io::Result<Self> {
        let stream = match network {
            Some(network) => Self::Ours(::net::TcpStream::connect(&network.stack, to).await?),
            None => Self::Kernel(tokio::net::TcpStream::connect(to).await?),
        };
        // A key that was pressed, or a small request, must not wait for the acknowledgement of another.
        let _ = match &stream {
            Self::Ours(stream) => stream.set_nodelay(true),
            Self::Kernel(stream) => stream.set_nodelay(true),
        };
        Ok(stream)
    }

    /// Reads what has come. Cancel-safe: nothing is lost.
    pub(crate) async fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match self {
                Self::Ours(stream) => {
                    stream.readable().await?;
                    stream.try_read(into)
                }
                Self::Kernel(stream) => {
                    stream.readable().await?;
                    stream.try_read(into)
                }
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }

    /// Writes what fits. Cancel-safe: nothing was written that was not said.
    pub(crate) async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let written = match self {
                Self::Ours(stream) => {
                    stream.writable().await?;
                    stream.try_write(bytes)
                }
                Self::Kernel(stream) => {
                    stream.writable().await?;
                    stream.try_write(bytes)
                }
            };
            match written {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return written,
            }
        }
    }

    /// Waits until it can be read or written, of what is asked for; whether it can be read.
    pub(crate) async fn ready(&self, reads: bool, writes: bool) -> io::Result<bool> {
        match self {
            Self::Ours(stream) => tokio::select! {
                ready = stream.readable(), if reads => ready.map(|()| true),
                ready = stream.writable(), if writes => ready.map(|()| false),
                else => Ok(false),
            },
            Self::Kernel(stream) => {
                let interest = match (reads, writes) {
                    (true, true) => Interest::READABLE | Interest::WRITABLE,
                    (true, false) => Interest::READABLE,
                    (false, _) => Interest::WRITABLE,
                };
                let ready = stream.ready(interest).await?;
                Ok(reads && (ready.is_readable() || ready.is_read_closed()))
            }
        }
    }

    /// Adds what has come to `into`, as much as it has room for. How much that was; nothing at the end.
    pub(crate) fn try_read_buf(&self, into: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Self::Kernel(stream) => stream.try_read_buf(into),
            Self::Ours(stream) => {
                let len = into.len();
                into.resize(into.capacity(), 0);
                let read = stream.try_read(into.get_mut(len..).unwrap_or_default());
                into.truncate(len + read.as_ref().copied().unwrap_or_default());
                read
            }
        }
    }

    /// Writes what fits of all the slices.
    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Ours(stream) => stream.try_write_vectored(slices),
            Self::Kernel(stream) => stream.try_write_vectored(slices),
        }
    }

    /// Whether nothing has come, and it has not ended. It is a look at the socket itself: the runtime
    /// learns of its end only when it waits.
    pub(crate) fn is_quiet(&self) -> bool {
        match self {
            Self::Ours(stream) => {
                let mut cx = Context::from_waker(Waker::noop());
                pin!(stream.readable()).poll(&mut cx).is_pending()
            }
            Self::Kernel(stream) => {
                let (mut byte, flags) = ([0], RecvFlags::PEEK | RecvFlags::DONTWAIT);
                let peeked = rustix::net::recv(stream, byte.as_mut_slice(), flags);
                matches!(peeked, Err(rustix::io::Errno::AGAIN))
            }
        }
    }

    /// Nothing more will be written.
    pub(crate) async fn shut_down(&mut self) -> io::Result<()> {
        match self {
            Self::Ours(stream) => stream.shutdown().await,
            Self::Kernel(stream) => stream.shutdown().await,
        }
    }

    /// The peer's end.
    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Ours(stream) => stream.peer_addr(),
            Self::Kernel(stream) => stream.peer_addr(),
        }
    }

    /// What is known of the connection: of our own, all.
    pub(crate) fn describe(&self) -> io::Result<String> {
        let millis = |time: Duration| time.as_secs_f64() * 1000.0;
        match self {
            Self::Kernel(stream) => {
                let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
                Ok(format!("{local} to {peer}, by the kernel"))
            }
            Self::Ours(stream) => {
                let (local, peer, info) =
                    (stream.local_addr()?, stream.peer_addr()?, stream.info()?);
                Ok(format!(
                    "{local} to {peer}, by our own stack\n{:?}, round trip {:.3} ms (± {:.3}), RTO {:.0} ms\n\
                     cwnd {}, windows {} out and {} in, MSS {}, {} segments sent again",
                    info.state,
                    millis(info.rtt),
                    millis(info.rtt_variation),
                    millis(info.rto),
                    info.cwnd,
                    info.window_send,
                    info.window_receive,
                    info.mss,
                    info.retransmitted_total,
                ))
            }
        }
    }
}
