//! The sockets and the clock by which the resolver talks: our stack's, and tokio's.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hickory_resolver::net::runtime::iocompat::AsyncIoTokioAsStd;
use hickory_resolver::net::runtime::{DnsUdpSocket, RuntimeProvider, TokioHandle, TokioTime};

use crate::stack::Stack;
use crate::{TcpStream, UdpSocket};

/// How long connecting to a server may take where nobody says.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Makes sockets of our stack.
#[derive(Clone)]
pub(super) struct Provider {
    stack: Stack,
    handle: TokioHandle,
}

impl Provider {
    pub(super) fn new(stack: &Stack) -> Self {
        Self { stack: stack.clone(), handle: TokioHandle::default() }
    }
}

type Opening<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

impl RuntimeProvider for Provider {
    type Handle = TokioHandle;
    type Timer = TokioTime;
    type Udp = UdpSocket;
    type Tcp = AsyncIoTokioAsStd<TcpStream>;

    fn create_handle(&self) -> Self::Handle {
        self.handle.clone()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        local: Option<SocketAddr>,
        limit: Option<Duration>,
    ) -> Opening<Self::Tcp> {
        let stack = self.stack.clone();
        Box::pin(async move {
            let connecting = TcpStream::connect_from(&stack, local, server);
            let connected = tokio::time::timeout(limit.unwrap_or(CONNECT_MAX), connecting).await;
            let late = |_| io::Error::from(io::ErrorKind::TimedOut);
            Ok(AsyncIoTokioAsStd(connected.map_err(late)??))
        })
    }

    fn bind_udp(&self, local: SocketAddr, _server: SocketAddr) -> Opening<Self::Udp> {
        let bound = UdpSocket::bind(&self.stack, local);
        Box::pin(std::future::ready(bound))
    }
}

impl DnsUdpSocket for UdpSocket {
    type Time = TokioTime;

    fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        self.poll_receive(into, false, cx)
    }

    fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        payload: &[u8],
        to: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.poll_send(payload, Some(to), cx)
    }
}
