//! Both versions of IP, for tests that are the same over each.

#![allow(dead_code, reason = "no test uses all of it")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ip::Cidr;

/// A version of IP, and who has which of its addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub(crate) const EACH: [Self; 2] = [Self::V4, Self::V6];

    /// A host of the network that test and peer share: 10.77.0.`n`, fd77::`n`.
    pub(crate) const fn host(self, n: u8) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::new(10, 77, 0, n)),
            Self::V6 => IpAddr::V6(Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, n as u16)),
        }
    }

    /// The same with its network.
    pub(crate) fn cidr(self, n: u8) -> Cidr {
        let len = if self == Self::V4 { 24 } else { 64 };
        Cidr::new(self.host(n), len).unwrap()
    }

    /// The kernel's end.
    pub(crate) const fn kernel(self) -> IpAddr {
        self.host(1)
    }

    /// Our end.
    pub(crate) const fn ours(self) -> IpAddr {
        self.host(2)
    }

    /// Any address of ours.
    pub(crate) const fn any(self) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Self::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }

    /// Somebody on no network of ours.
    pub(crate) const fn elsewhere(self) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
            Self::V6 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        }
    }

    /// The longest payload of a ping or a datagram that Ethernet takes uncut.
    pub(crate) const fn payload_len_max(self) -> usize {
        match self {
            Self::V4 => 1500 - 28,
            Self::V6 => 1500 - 48,
        }
    }
}

pub(crate) const fn at(ip: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(ip, port)
}
