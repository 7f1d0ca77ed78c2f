//! Listening sockets: made, found or handed over, and spread over workers.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

/// How many connections the kernel keeps for us between two looks; it takes the smaller of this
/// and `net.core.somaxconn`.
pub(crate) const BACKLOG: i32 = 4096;

/// Where a server can be found.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Address {
    /// At an address and a port.
    Ip(SocketAddr),
    /// At a socket in the file system.
    Unix(PathBuf),
}

/// One address to serve at, with its sockets.
#[derive(Debug)]
pub struct Listener {
    /// The address, with the port that was found when none was asked for.
    pub address: Address,
    /// Whether somebody else opened it and keeps it, as systemd does: it listens when we are gone, and its
    /// file is not ours to take away.
    pub is_lent: bool,
    sockets: Sockets,
}

/// What a listener listens with.
#[derive(Debug)]
enum Sockets {
    /// One for each worker, over which the kernel spreads connections; or fewer, or more.
    Kernel(Vec<OwnedFd>),
    /// The network stacks of workers do it.
    Own,
}

/// What one worker listens with.
#[derive(Debug)]
pub(crate) enum ListeningSocket {
    Kernel(OwnedFd),
    Own(SocketAddr),
}

/// What a program calls the sockets that it opened itself, when it hands them to another one
/// (`LISTEN_FDNAMES`). Those of other names are lent.
pub const GIVEN: &str = "hepta-given";

/// Sockets that were open when the program started: from systemd, or from the program that it
/// replaces (`sd_listen_fds(3)`).
#[derive(Debug, Default)]
pub struct Inherited(Vec<Listener>);

impl Listener {
    fn of_kernel(address: Address, sockets: Vec<OwnedFd>) -> Self {
        Self { address, is_lent: false, sockets: Sockets::Kernel(sockets) }
    }

    /// Has every worker that has a network of its own listen there, when it is among its places. That
    /// the address is one of these networks' is the caller's business.
    pub const fn of_own_network(address: SocketAddr) -> Self {
        Self { address: Address::Ip(address), is_lent: false, sockets: Sockets::Own }
    }

    /// The same sockets once more. Nothing is lost when one of the two is dropped.
    ///
    /// # Errors
    ///
    /// There are no descriptors left.
    pub fn try_clone(&self) -> io::Result<Self> {
        let sockets = match &self.sockets {
            Sockets::Kernel(sockets) => {
                let sockets = sockets.iter().map(OwnedFd::try_clone);
                Sockets::Kernel(sockets.collect::<io::Result<_>>()?)
            }
            Sockets::Own => Sockets::Own,
        };
        Ok(Self { address: self.address.clone(), is_lent: self.is_lent, sockets })
    }

    /// Its sockets, to be handed to another program; none if it is a network's of our own.
    pub fn into_sockets(self) -> Vec<OwnedFd> {
        match self.sockets {
            Sockets::Kernel(sockets) => sockets,
            Sockets::Own => Vec::new(),
        }
    }

    /// Its sockets; none if it is a network's of our own, or one in the file system.
    pub(crate) fn tcp_sockets(&self) -> &[OwnedFd] {
        match (&self.sockets, &self.address) {
            (Sockets::Kernel(sockets), Address::Ip(_)) => sockets,
            _ => &[],
        }
    }

    /// What each of `workers` listens with: every socket has a worker, and every worker a socket. Of
    /// own networks there is one.
    pub(crate) fn split(self, workers: usize) -> io::Result<Vec<Vec<ListeningSocket>>> {
        let mut split: Vec<Vec<ListeningSocket>> = (0..workers).map(|_| Vec::new()).collect();
        let sockets = match (self.sockets, self.address) {
            (Sockets::Kernel(sockets), _) => sockets,
            (Sockets::Own, Address::Ip(address)) => {
                // Each has a stack, and every stack has the address.
                split.iter_mut().for_each(|worker| worker.push(ListeningSocket::Own(address)));
                return Ok(split);
            }
            (Sockets::Own, Address::Unix(_)) => return Ok(split),
        };
        let count = sockets.len().max(1);
        for number in 0..count.max(workers) {
            let socket = sockets.get(number % count);
            let worker = split.get_mut(number % workers.max(1));
            if let (Some(socket), Some(worker)) = (socket, worker) {
                worker.push(ListeningSocket::Kernel(socket.try_clone()?));
            }
        }
        Ok(split)
    }
}

impl Inherited {
    /// Takes what the environment tells of, `LISTEN_FDS` in `LISTEN_PID`. What is no listening
    /// socket of streams is left alone.
    pub fn take() -> Self {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let names: Vec<&str> = names.split(':').collect();
        let mut found = ListenFd::from_env();
        let mut inherited = Self::default();
        for index in 0..found.len() {
            let tcp = found.take_tcp_listener(index).ok().flatten().map(OwnedFd::from);
            let unix = || found.take_unix_listener(index).ok().flatten().map(OwnedFd::from);
            if let Some(socket) = tcp.or_else(unix) {
                inherited.add(socket, names.get(index) != Some(&GIVEN));
            }
        }
        inherited
    }

    fn add(&mut self, socket: OwnedFd, is_lent: bool) {
        let at = SockRef::from(&socket);
        let is_ready = at.set_nonblocking(true).is_ok();
        // As our own have it; sockets in the file system have no such option.
        let _ = at.set_tcp_nodelay(true);
        let address = at.local_addr().ok().and_then(|address| Address::of(&address));
        let Some(address) = address.filter(|_| is_ready) else { return };
        match self.0.iter_mut().find(|listener| listener.address == address) {
            Some(Listener { sockets: Sockets::Kernel(sockets), .. }) => sockets.push(socket),
            _ => {
                let listener = Listener::of_kernel(address, vec![socket]);
                self.0.push(Listener { is_lent, ..listener });
            }
        }
    }

    /// The one at `address`, if it is there; with port 0, the first at that address.
    pub fn remove(&mut self, address: &Address) -> Option<Listener> {
        let is_meant = |listener: &Listener| match (&listener.address, address) {
            (Address::Ip(found), Address::Ip(asked)) if asked.port() == 0 => {
                found.ip() == asked.ip()
            }
            (found, asked) => found == asked,
        };
        let at = self.0.iter().position(is_meant)?;
        Some(self.0.remove(at))
    }

    /// Every address.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.0.iter().map(|listener| &listener.address)
    }

    /// All that is left.
    pub fn into_rest(self) -> Vec<Listener> {
        self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Address {
    pub(crate) fn of(address: &SockAddr) -> Option<Self> {
        let unix = || address.as_pathname().map(|path| Self::Unix(path.to_owned()));
        address.as_socket().map(Self::Ip).or_else(unix)
    }

    /// The port, if it has one.
    pub const fn port(&self) -> Option<u16> {
        match self {
            Self::Ip(address) => Some(address.port()),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Listens at `address`, with a socket for each of `workers`, or with one in the file system.
///
/// # Errors
///
/// The address is in use, not ours, or not allowed.
pub fn bind(address: &Address, workers: usize) -> io::Result<Listener> {
    match address {
        Address::Ip(address) => bind_ip(*address, workers),
        Address::Unix(path) => bind_unix(path),
    }
}

fn bind_ip(address: SocketAddr, workers: usize) -> io::Result<Listener> {
    // Two programs of one user could share an address without a word, so ask without sharing first.
    let probe = socket(address, false)?;
    let address = probe.local_addr()?.as_socket().unwrap_or(address);
    drop(probe);
    let sockets = (0..workers)
        .map(|_| {
            let socket = socket(address, true)?;
            socket.listen(BACKLOG)?;
            Ok(socket.into())
        })
        .collect::<io::Result<_>>()?;
    Ok(Listener::of_kernel(Address::Ip(address), sockets))
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    if address.is_ipv6() {
        // `[::]` and `0.0.0.0` are two addresses; who wants both names both.
        socket.set_only_v6(true)?;
    }
    // Accepted sockets inherit these, at no system call each.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn bind_unix(path: &Path) -> io::Result<Listener> {
    // A socket that nobody listens at was left by a program that ended without a word.
    let is_socket = path.symlink_metadata().is_ok_and(|found| found.file_type().is_socket());
    if is_socket {
        match UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path)?;
            }
            _ => return Err(io::ErrorKind::AddrInUse.into()),
        }
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    socket.listen(BACKLOG)?;
    Ok(Listener::of_kernel(Address::Unix(path.to_owned()), vec![socket.into()]))
}
