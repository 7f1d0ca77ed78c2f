//! How the kernel's TCP avoids congestion on the connections of a listener: they inherit it, at no system
//! call each.

use std::fs::read_to_string;
use std::io;
use std::os::fd::AsFd;

use rustix::net::sockopt::{set_tcp_congestion, tcp_congestion};
use socket2::{Domain, Protocol, Socket, Type};

use crate::listen::{Address, Listener};

/// What every kernel has and lets everybody use, and what sends without a timer.
const PLAIN: &str = "reno";

/// The names of those that this machine has, with blanks between them; nothing, if it does not say.
pub fn known_congestion_controls() -> String {
    let path = "/proc/sys/net/ipv4/tcp_available_congestion_control";
    read_to_string(path).map(|names| names.trim().to_owned()).unwrap_or_default()
}

/// Whether a listener may have this congestion control.
///
/// # Errors
///
/// There is none of this name, or we may not use it (`net.ipv4.tcp_allowed_congestion_control`).
pub fn check_congestion_control(name: &str) -> io::Result<()> {
    Ok(set_tcp_congestion(probe()?, name)?)
}

impl Listener {
    /// Has its connections from now on avoid congestion in this way; without a name as the system does.
    /// Clients at this machine's own addresses are the exception: there is no network between them and us,
    /// and BBR, which a system may have for all, sends by timers what could go at once.
    ///
    /// # Errors
    ///
    /// Those of [`check_congestion_control`].
    pub fn set_congestion_control(&self, name: Option<&str>) -> io::Result<()> {
        let name = match name {
            Some(name) => name.to_owned(),
            None => usual(&self.address)?,
        };
        for socket in self.tcp_sockets() {
            if tcp_congestion(socket.as_fd())? != name {
                set_tcp_congestion(socket.as_fd(), &name)?;
            }
        }
        Ok(())
    }
}

/// What listeners at an address have unless somebody says otherwise.
fn usual(address: &Address) -> io::Result<String> {
    let of_system = tcp_congestion(probe()?)?;
    let is_here = matches!(address, Address::Ip(address) if address.ip().is_loopback());
    Ok(if is_here && of_system.starts_with("bbr") { PLAIN.to_owned() } else { of_system })
}

/// A socket to ask and try.
fn probe() -> io::Result<Socket> {
    Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, TcpStream};

    use super::*;
    use crate::listen::bind;

    fn control_of_accepted(listener: &Listener) -> String {
        let Address::Ip(address) = listener.address else { panic!("it is no address") };
        let _client = TcpStream::connect(address).unwrap();
        let socket = Socket::from(listener.tcp_sockets()[0].try_clone().unwrap());
        socket.set_nonblocking(false).unwrap();
        tcp_congestion(socket.accept().unwrap().0).unwrap()
    }

    #[test]
    fn connections_have_the_congestion_control_of_their_listener() {
        let address = Address::Ip(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let listener = bind(&address, 1).unwrap();
        let of_system = tcp_congestion(probe().unwrap()).unwrap();
        let usual = if of_system.starts_with("bbr") { PLAIN } else { &of_system };

        listener.set_congestion_control(None).unwrap();
        assert_eq!(control_of_accepted(&listener), usual);
        for name in known_congestion_controls().split(' ') {
            if check_congestion_control(name).is_ok() {
                listener.set_congestion_control(Some(name)).unwrap();
                assert_eq!(control_of_accepted(&listener), name);
            }
        }
        // Told nothing any more, it is as it was.
        listener.set_congestion_control(None).unwrap();
        assert_eq!(control_of_accepted(&listener), usual);
    }

    #[test]
    fn what_the_kernel_does_not_have_is_an_error() {
        assert!(check_congestion_control("vegetables").is_err());
        assert!(check_congestion_control(PLAIN).is_ok());
    }

    #[test]
    fn only_at_this_machines_own_addresses_is_the_systems_left() {
        let of_system = tcp_congestion(probe().unwrap()).unwrap();
        let everywhere = Address::Ip(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 80)));
        assert_eq!(usual(&everywhere).unwrap(), of_system);
    }
}
