use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use host::ListenerId;
use tokio::task::coop;

use crate::stack::Stack;
use crate::tcp_stream::TcpStream;

/// How many connections wait to be accepted, unless somebody says otherwise. (Linux' `SOMAXCONN`)
const BACKLOG: usize = 4096;

/// A socket that accepts connections, with the methods of tokio's.
#[derive(Debug)]
pub struct TcpListener {
    stack: Stack,
    id: ListenerId,
    local: SocketAddr,
}

impl TcpListener {
    /// Listens at `local`: port 0 is any that is free, an unspecified address any of ours.
    ///
    /// # Errors
    /// When somebody does already, or the address is not ours.
    pub fn bind(stack: &Stack, local: SocketAddr) -> io::Result<Self> {
        Self::bind_with_backlog(stack, local, BACKLOG)
    }

    /// The same, for up to `backlog` connections that wait.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn bind_with_backlog(stack: &Stack, local: SocketAddr, backlog: usize) -> io::Result<Self> {
        let (id, local) = stack.inner(|inner| {
            let id = inner.host.tcp_listen(local, backlog)?;
            let local = inner.host.tcp_listener(id).map_or(local, |(local, _)| local);
            Ok::<_, io::Error>((id, local))
        })?;
        Ok(Self { stack: stack.clone(), id, local })
    }

    /// The next connection, and whose it is. Cancel-safe: nothing is lost if nobody waits.
    ///
    /// # Errors
    /// None today; the signature is tokio's.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        std::future::poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// As [`accept`](Self::accept), for who polls.
    ///
    /// # Errors
    /// None today; the signature is tokio's.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let turn = ready!(coop::poll_proceed(cx));
        let accepted = self.stack.inner(|inner| {
            let accepted = inner.host.tcp_accept(self.id);
            if accepted.is_none() {
                inner.wait_for_accept(self.id, cx.waker());
            }
            accepted.and_then(|id| Some((id, inner.host.tcp(id)?.flow().remote)))
        });
        match accepted {
            Some((id, peer)) => {
                turn.made_progress();
                Poll::Ready(Ok((TcpStream::new(&self.stack, id), peer)))
            }
            None => Poll::Pending,
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// None today; the signature is tokio's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        self.stack.inner(|inner| {
            inner.forget_listener(self.id);
            let (mut cx, host) = inner.parts();
            host.tcp_unlisten(&mut cx, self.id);
        });
    }
}
