//! A connection by whichever stack.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use crate::network::Network;

/// A TCP connection.
#[derive(Debug)]
pub(super) enum Stream {
    /// By our own stack.
    Ours(::net::TcpStream),
    /// By the kernel's.
    Kernel(tokio::net::TcpStream),
}

impl Stream {
    /// Connects over `network`, or over the kernel's.
    pub(super) async fn connect(network: Option<&Network>, to: SocketAddr) -> io::Result<Self> {
        let stream = match network {
            Some(network) => Self::Ours(::net::TcpStream::connect(&network.stack, to).await?),
            None => Self::Kernel(tokio::net::TcpStream::connect(to).await?),
        };
        // A key that was pressed must not wait for the acknowledgement of another.
        match &stream {
            Self::Ours(stream) => stream.set_nodelay(true)?,
            Self::Kernel(stream) => stream.set_nodelay(true)?,
        }
        Ok(stream)
    }

    /// Reads what has come. Cancel-safe: nothing is lost.
    pub(super) async fn read(&self, into: &mut [u8]) -> io::Result<usize> {
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
    pub(super) async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
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

    /// Nothing more will be written.
    pub(super) async fn shut_down(&mut self) -> io::Result<()> {
        match self {
            Self::Ours(stream) => stream.shutdown().await,
            Self::Kernel(stream) => stream.shutdown().await,
        }
    }

    /// The peer's end.
    pub(super) fn peer(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Ours(stream) => stream.peer_addr(),
            Self::Kernel(stream) => stream.peer_addr(),
        }
    }

    /// What is known of the connection: of our own, all.
    pub(super) fn describe(&self) -> io::Result<String> {
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
