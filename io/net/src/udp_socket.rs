use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use tokio::task::coop;
use udp::SocketId;

use crate::error;
use crate::stack::Stack;

/// A socket for datagrams, with the methods of tokio's.
#[derive(Debug)]
pub struct UdpSocket {
    stack: Stack,
    id: SocketId,
}

impl UdpSocket {
    /// A socket at `local`: port 0 is any that is free, an unspecified address any of ours.
    ///
    /// # Errors
    /// When another has it.
    pub fn bind(stack: &Stack, local: SocketAddr) -> io::Result<Self> {
        let id = stack.inner(|inner| inner.host.udp_bind(local)).map_err(error::of_bind)?;
        Ok(Self { stack: stack.clone(), id })
    }

    /// From now on it talks to `peer` alone.
    ///
    /// # Errors
    /// When another socket does so already, or we have no address for it.
    pub fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        let connected = self.stack.inner(|inner| inner.host.udp_connect(self.id, peer));
        match connected {
            Some(result) => result.map_err(error::of_bind),
            None => Err(io::ErrorKind::NetworkUnreachable.into()),
        }
    }

    /// Sends a datagram to `to`. Cancel-safe: it was sent or it was not.
    ///
    /// # Errors
    /// When it is too long, or an earlier one was not delivered.
    pub async fn send_to(&self, payload: &[u8], to: SocketAddr) -> io::Result<usize> {
        std::future::poll_fn(|cx| self.poll_send(payload, Some(to), cx)).await
    }

    /// Sends a datagram to the peer. Cancel-safe: it was sent or it was not.
    ///
    /// # Errors
    /// As [`send_to`](Self::send_to), and when the socket is not connected.
    pub async fn send(&self, payload: &[u8]) -> io::Result<usize> {
        std::future::poll_fn(|cx| self.poll_send(payload, None, cx)).await
    }

    /// Receives a datagram, as much of it as fits, and from whom. Cancel-safe: no datagram is lost.
    ///
    /// # Errors
    /// When an earlier one was not delivered.
    pub async fn recv_from(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        std::future::poll_fn(|cx| self.poll_receive(into, false, cx)).await
    }

    /// Receives a datagram, as much of it as fits. Cancel-safe: no datagram is lost.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    pub async fn recv(&self, into: &mut [u8]) -> io::Result<usize> {
        Ok(self.recv_from(into).await?.0)
    }

    /// Looks at the next datagram, and leaves it there.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    pub async fn peek_from(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        std::future::poll_fn(|cx| self.poll_receive(into, true, cx)).await
    }

    /// Our end.
    ///
    /// # Errors
    /// None today; the signature is tokio's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let looked = self.stack.inner(|inner| inner.host.udp_look(self.id));
        looked.map(|looked| looked.local).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    // As with tokio's own sockets, a task that always finds a datagram, or room for one, lets others
    // have their turn now and then.

    pub(crate) fn poll_send(
        &self,
        payload: &[u8],
        to: Option<SocketAddr>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let turn = ready!(coop::poll_proceed(cx));
        let sent = self.stack.inner(|inner| {
            if let Some(error) = inner.take_udp_error(self.id) {
                return Poll::Ready(Err(error::of_icmp(error)));
            }
            match inner.host.udp_send(self.id, to, payload).map_err(error::of_send) {
                Ok(()) => Poll::Ready(Ok(payload.len())),
                Err(Some(error)) => Poll::Ready(Err(error)),
                Err(None) => {
                    inner.udp_wakers(self.id).write = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        });
        if sent.is_ready() {
            turn.made_progress();
        }
        sent
    }

    pub(crate) fn poll_receive(
        &self,
        into: &mut [u8],
        is_peek: bool,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        let turn = ready!(coop::poll_proceed(cx));
        let received = self.stack.inner(|inner| {
            let received = match is_peek {
                true => inner.host.udp_peek(self.id, into),
                false => inner.host.udp_receive(self.id, into),
            };
            if let Some((len, datagram)) = received {
                return Poll::Ready(Ok((len.min(into.len()), datagram.from)));
            }
            if let Some(error) = inner.take_udp_error(self.id) {
                return Poll::Ready(Err(error::of_icmp(error)));
            }
            inner.udp_wakers(self.id).read = Some(cx.waker().clone());
            Poll::Pending
        });
        if received.is_ready() {
            turn.made_progress();
        }
        received
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        self.stack.inner(|inner| {
            inner.forget_udp(self.id);
            inner.host.udp_close(self.id);
        });
    }
}
