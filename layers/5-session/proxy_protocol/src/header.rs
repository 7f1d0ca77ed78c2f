use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::Extras;

/// The longest path of a Unix socket in a header (§2.2).
pub const UNIX_PATH_LEN_MAX: usize = 108;

/// What a header tells, in either version. What it lends is a part of the bytes it was read from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header<'a> {
    /// The version it came in.
    pub version: Version,
    /// Whose connection it is.
    pub connection: Connection<'a>,
    /// What version 2 may tell beside.
    pub extras: Extras<'a>,
}

/// The version of the protocol (§2).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// A line of text.
    One,
    /// Binary.
    Two,
}

/// Whose connection it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Connection<'a> {
    /// The proxy's own, to see whether the server is well: `LOCAL`. Version 1 has no word for it.
    Local,
    /// Somebody's, and the proxy does not say whose: `UNKNOWN` in version 1, `UNSPEC` in version 2.
    /// Older proxies say so of their own connections, too.
    Unknown,
    /// Relayed for a client.
    Relayed {
        /// How the client speaks with the proxy.
        transport: Transport,
        /// Between which addresses.
        addresses: Addresses<'a>,
    },
}

/// How the client speaks with the proxy (§2.2). Version 1 knows streams only.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Transport {
    /// TCP, or a Unix socket for streams.
    Stream,
    /// UDP, or a Unix socket for datagrams.
    Datagram,
}

/// The ends of the client's connection: its own address and the proxy's. Both are of one family.
///
/// IPv6 addresses travel without flow information and scope: both are 0 when they are read, and
/// left out when they are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum Addresses<'a> {
    /// IPv4.
    V4 { source: SocketAddrV4, destination: SocketAddrV4 },
    /// IPv6.
    V6 { source: SocketAddrV6, destination: SocketAddrV6 },
    /// Paths of Unix sockets, of at most [`UNIX_PATH_LEN_MAX`] bytes. A path ends at its first zero
    /// byte. Linux has sockets with a name that begins with one and is no path; such a name ends
    /// where only zeros follow. An unnamed socket has an empty path.
    Unix { source: &'a [u8], destination: &'a [u8] },
}

impl Header<'_> {
    /// The client's address, to be believed instead of the socket's. Nothing when the socket's own
    /// counts: the connection is the proxy's, or is not said to be anybody's, or has paths.
    pub fn source(&self) -> Option<SocketAddr> {
        self.connection.addresses()?.source()
    }

    /// The address at which the client reached the proxy; nothing where
    /// [`source`](Self::source) is nothing.
    pub fn destination(&self) -> Option<SocketAddr> {
        self.connection.addresses()?.destination()
    }
}

impl<'a> Connection<'a> {
    /// A client's connection over TCP.
    pub fn tcp(source: SocketAddr, destination: SocketAddr) -> Self {
        let addresses = Addresses::between(source, destination);
        Self::Relayed { transport: Transport::Stream, addresses }
    }

    /// Between which addresses it is, if that is told.
    pub const fn addresses(&self) -> Option<Addresses<'a>> {
        match *self {
            Self::Relayed { addresses, .. } => Some(addresses),
            Self::Local | Self::Unknown => None,
        }
    }
}

impl Addresses<'_> {
    /// Two addresses brought into one family.
    ///
    /// IPv4 that is written as IPv6 (RFC 4291 §2.5.5.2), as sockets for both families tell it, is
    /// IPv4 again if both are; if only one is, both become IPv6.
    pub fn between(source: SocketAddr, destination: SocketAddr) -> Self {
        match (source.ip().to_canonical(), destination.ip().to_canonical()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => Self::V4 {
                source: SocketAddrV4::new(from, source.port()),
                destination: SocketAddrV4::new(to, destination.port()),
            },
            (from, to) => Self::V6 {
                source: SocketAddrV6::new(as_v6(from), source.port(), 0, 0),
                destination: SocketAddrV6::new(as_v6(to), destination.port(), 0, 0),
            },
        }
    }

    /// The client's address, unless it is a path.
    pub fn source(&self) -> Option<SocketAddr> {
        match *self {
            Self::V4 { source, .. } => Some(source.into()),
            Self::V6 { source, .. } => Some(source.into()),
            Self::Unix { .. } => None,
        }
    }

    /// The proxy's address, unless it is a path.
    pub fn destination(&self) -> Option<SocketAddr> {
        match *self {
            Self::V4 { destination, .. } => Some(destination.into()),
            Self::V6 { destination, .. } => Some(destination.into()),
            Self::Unix { .. } => None,
        }
    }
}

fn as_v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}
