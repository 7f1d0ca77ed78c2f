use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// How many connections the kernel keeps for us between two looks; it takes the smaller of this
/// and `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// One address to serve at, with a socket for each worker.
#[derive(Debug)]
pub struct Listener {
    /// The address, with the port that was found when none was asked for.
    pub address: SocketAddr,
    /// A socket for each worker; the kernel spreads connections over them.
    pub sockets: Vec<TcpListener>,
}

/// Listens at `address`, `workers` times.
///
/// # Errors
///
/// The address is in use, not ours, or not allowed.
pub fn bind(address: SocketAddr, workers: usize) -> io::Result<Listener> {
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
    Ok(Listener { address, sockets })
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
