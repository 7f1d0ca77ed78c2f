use std::collections::HashMap;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base::TxBuf;
use icmp::Message;
use nix::sys::socket::{setsockopt, sockopt};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, ipproto, recv, send,
    socket_with,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The longest packet of IP.
const PACKET_LEN_MAX: usize = 65_535;

/// A socket of the kernel's for the echoes of one host: one for them alone, or a raw one, as whoever
/// runs this may have. (`icmp(7)`, RFC 792, RFC 4443)
#[derive(Debug)]
pub struct EchoSocket {
    shared: Arc<Shared>,
    reader: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    fd: AsyncFd<OwnedFd>,
    /// A raw socket sees everybody's echoes, and headers of IPv4 in front.
    is_raw: bool,
    is_v4: bool,
    id: u16,
    /// Who waits for the answer to which question, and since when.
    waiting: Mutex<HashMap<u16, Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    tell: oneshot::Sender<io::Result<Duration>>,
}

impl EchoSocket {
    /// A socket for echoes to `to`, whose port means nothing. To be called within a runtime of tokio's.
    ///
    /// # Errors
    /// [`io::ErrorKind::PermissionDenied`] when neither kind of socket may be opened,
    /// [`io::ErrorKind::Unsupported`] when the kernel does not speak this version of IP, and what it
    /// says when there is no way to `to`.
    pub fn open(to: SocketAddr) -> io::Result<Arc<Self>> {
        let (fd, is_raw) = open(to.is_ipv4())?;
        connect(&fd, &to)?;
        // So that the kernel tells us what routers say of our questions.
        let told = match to {
            SocketAddr::V4(_) => setsockopt(&fd, sockopt::Ipv4RecvErr, &true),
            SocketAddr::V6(_) => setsockopt(&fd, sockopt::Ipv6RecvErr, &true),
        };
        told.map_err(io::Error::from)?;
        let fd = register(fd)?;
        // The kernel puts its own in place of it, unless the socket is raw.
        let id = std::process::id() as u16;
        let shared = Shared { fd, is_raw, is_v4: to.is_ipv4(), id, waiting: Mutex::default() };
        let shared = Arc::new(shared);
        let reader = tokio::spawn(Arc::clone(&shared).read_all());
        Ok(Arc::new(Self { shared, reader }))
    }

    /// Asks with `data`; how long the answer took. `seq` tells questions apart that are under way at
    /// the same time.
    ///
    /// # Errors
    /// When a router, or the kernel, says that it cannot be reached. It waits for ever otherwise: who
    /// asks has a time limit.
    pub async fn ask(&self, seq: u16, data: &[u8]) -> io::Result<Duration> {
        let (tell, told) = oneshot::channel();
        let message = self.shared.request(seq, data);
        let forgets = Forgets { shared: &self.shared, seq };
        self.shared.waiting().insert(seq, Waiting { since: Instant::now(), tell });
        match send(&self.shared.fd, message.as_slice(), SendFlags::empty()) {
            // What an earlier question met is told here too; the next attempt is about this one.
            Err(Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::CONNREFUSED) => {
                send(&self.shared.fd, message.as_slice(), SendFlags::empty())?;
            }
            sent => {
                sent?;
            }
        }
        let answer = told.await.unwrap_or_else(|_| Err(io::ErrorKind::NotConnected.into()));
        drop(forgets);
        answer
    }
}

impl Drop for EchoSocket {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// A question is forgotten when nobody waits for its answer.
struct Forgets<'a> {
    shared: &'a Shared,
    seq: u16,
}

impl Drop for Forgets<'_> {
    fn drop(&mut self) {
        self.shared.waiting().remove(&self.seq);
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, HashMap<u16, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn request(&self, seq: u16, data: &[u8]) -> TxBuf {
        let mut out = TxBuf::new();
        let message = Message::EchoRequest { id: self.id, seq, data };
        match self.is_v4 {
            true => message.emit_v4(&mut out),
            // RFC 3542 §3.1: the kernel knows the addresses and makes the checksum.
            false => message.emit_v6(Ipv6Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED, &mut out),
        }
        out.finish_checksum();
        out
    }

    /// Tells everybody what they wait for, until the socket is gone.
    async fn read_all(self: Arc<Self>) {
        let mut packet = vec![0; PACKET_LEN_MAX];
        loop {
            let Ok(mut ready) = self.fd.ready(Interest::READABLE | Interest::ERROR).await else {
                return;
            };
            loop {
                match recv(&self.fd, packet.as_mut_slice(), RecvFlags::DONTWAIT) {
                    Ok((len, _)) => self.handle_packet(packet.get(..len).unwrap_or_default()),
                    Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) if !self.read_errors(&mut packet, None) => break,
                    Err(Errno::AGAIN) => {}
                    Err(error) => {
                        self.read_errors(&mut packet, Some(error));
                    }
                }
            }
            ready.clear_ready();
        }
    }

    fn handle_packet(&self, packet: &[u8]) {
        let now = Instant::now();
        let Some(Message::EchoReply { id, seq, .. }) = self.parse(packet) else { return };
        if self.is_raw && id != self.id {
            return;
        }
        // A second answer to the same question finds nobody.
        if let Some(Waiting { since, tell }) = self.waiting().remove(&seq) {
            let _ = tell.send(Ok(now.duration_since(since)));
        }
    }

    /// Takes the questions back that were not delivered; whether there were any. The kernel has looked
    /// at the checksum.
    fn read_errors(&self, packet: &mut [u8], why: Option<Errno>) -> bool {
        let why = why.unwrap_or(Errno::HOSTUNREACH);
        let mut has_any = false;
        let flags = RecvFlags::DONTWAIT | RecvFlags::ERRQUEUE;
        while let Ok((len, _)) = recv(&self.fd, &mut *packet, flags) {
            has_any = true;
            let quoted = packet.get(..len).unwrap_or_default();
            let Some(Message::EchoRequest { seq, .. }) = self.parse(quoted) else { continue };
            if let Some(Waiting { tell, .. }) = self.waiting().remove(&seq) {
                let _ = tell.send(Err(why.into()));
            }
        }
        has_any
    }

    /// The message, if it is one.
    fn parse<'a>(&self, packet: &'a [u8]) -> Option<Message<'a>> {
        if !self.is_v4 {
            let nobody = (Ipv6Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED);
            return Message::parse_v6(packet, nobody, true).ok();
        }
        // Only what came has a header in front; what is quoted has none.
        let with_header = self.is_raw.then(|| ip::v4::Header::parse(packet).ok()).flatten();
        let message = with_header.map_or(packet, |(_, message)| message);
        Message::parse_v4(message, true).ok()
    }
}

/// The socket, and whether it is raw.
fn open(is_v4: bool) -> io::Result<(OwnedFd, bool)> {
    let (family, protocol) = match is_v4 {
        true => (AddressFamily::INET, ipproto::ICMP),
        false => (AddressFamily::INET6, ipproto::ICMPV6),
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = |kind| socket_with(family, kind, flags, Some(protocol));
    if let Ok(fd) = socket(SocketType::DGRAM) {
        return Ok((fd, false));
    }
    match socket(SocketType::RAW) {
        Ok(fd) => Ok((fd, true)),
        Err(Errno::AFNOSUPPORT) => Err(io::ErrorKind::Unsupported.into()),
        Err(errno) => Err(errno.into()),
    }
}

#[allow(unsafe_code)]
fn register(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    let interest = Interest::READABLE | Interest::ERROR;
    // SAFETY: the descriptor of an `OwnedFd` is the same as long as it lives, and open.
    let registered = unsafe { AsyncFd::register_with_interest(fd, interest) };
    Ok(registered?)
}
