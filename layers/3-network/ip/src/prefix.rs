//! Networks: what the first bits of an address name. (RFC 4632 §3.1, RFC 4291 §2.3)

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use base::Malformed;

/// A network: all addresses that begin with the same bits.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Prefix {
    network: IpAddr,
    len: u8,
}

/// An address, and how many of its bits name the network it is in.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Cidr {
    address: IpAddr,
    len: u8,
}

impl Prefix {
    /// Every IPv4 address: the destination of the default route.
    pub const ALL_V4: Self = Self { network: IpAddr::V4(Ipv4Addr::UNSPECIFIED), len: 0 };

    /// Every IPv6 address.
    pub const ALL_V6: Self = Self { network: IpAddr::V6(Ipv6Addr::UNSPECIFIED), len: 0 };

    /// The network of the first `len` bits of `address`; nothing, if it has not so many.
    pub fn new(address: IpAddr, len: u8) -> Option<Self> {
        Cidr::new(address, len).map(|cidr| cidr.network())
    }

    /// The network that is one host.
    pub const fn host(address: IpAddr) -> Self {
        Self { network: address, len: bits(address) }
    }

    /// Whether `address` is in it.
    #[inline]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                (network.to_bits() ^ address.to_bits()) & mask_v4(self.len) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (network.to_bits() ^ address.to_bits()) & mask_v6(self.len) == 0
            }
            _ => false,
        }
    }

    /// Its first address, in which all bits of the host part are zero.
    pub const fn network(&self) -> IpAddr {
        self.network
    }

    /// How many bits name it.
    pub const fn len(&self) -> u8 {
        self.len
    }

    /// Whether it is everything: the default route's destination.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its last address.
    pub fn last(&self) -> IpAddr {
        match self.network {
            IpAddr::V4(network) => {
                Ipv4Addr::from_bits(network.to_bits() | !mask_v4(self.len)).into()
            }
            IpAddr::V6(network) => {
                Ipv6Addr::from_bits(network.to_bits() | !mask_v6(self.len)).into()
            }
        }
    }

    /// The mask of the network part.
    pub fn mask(&self) -> IpAddr {
        match self.network {
            IpAddr::V4(_) => Ipv4Addr::from_bits(mask_v4(self.len)).into(),
            IpAddr::V6(_) => Ipv6Addr::from_bits(mask_v6(self.len)).into(),
        }
    }

    /// The address of everybody in it, if it has one.
    ///
    /// RFC 1122 §3.2.1.3 (d): all bits of the host part are one. RFC 3021 §2.1: networks of one or two
    /// addresses have none. IPv6 has none at all (RFC 4291 §2).
    pub fn broadcast(&self) -> Option<Ipv4Addr> {
        match self.last() {
            IpAddr::V4(last) if self.len <= 30 => Some(last),
            _ => None,
        }
    }
}

impl Cidr {
    /// An address whose first `len` bits name its network; nothing, if it has not so many.
    pub fn new(address: IpAddr, len: u8) -> Option<Self> {
        (len <= bits(address)).then_some(Self { address, len })
    }

    /// The address.
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// How many bits name the network.
    pub const fn prefix_len(&self) -> u8 {
        self.len
    }

    /// The network it is in.
    pub fn network(&self) -> Prefix {
        let network = match self.address {
            IpAddr::V4(address) => {
                Ipv4Addr::from_bits(address.to_bits() & mask_v4(self.len)).into()
            }
            IpAddr::V6(address) => {
                Ipv6Addr::from_bits(address.to_bits() & mask_v6(self.len)).into()
            }
        };
        Prefix { network, len: self.len }
    }

    /// The host part: the bits that do not name the network.
    pub fn host_part(&self) -> u128 {
        match self.address {
            IpAddr::V4(address) => u128::from(address.to_bits() & !mask_v4(self.len)),
            IpAddr::V6(address) => address.to_bits() & !mask_v6(self.len),
        }
    }
}

/// How many bits an address has.
const fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

#[inline]
pub(crate) const fn mask_v4(len: u8) -> u32 {
    match u32::MAX.checked_shl(32 - len as u32) {
        Some(mask) => mask,
        None => 0,
    }
}

#[inline]
pub(crate) const fn mask_v6(len: u8) -> u128 {
    match u128::MAX.checked_shl(128 - len as u32) {
        Some(mask) => mask,
        None => 0,
    }
}

/// Reads `address/len`.
fn parse(text: &str) -> Result<(IpAddr, u8), Malformed> {
    let (address, len) =
        text.split_once('/').ok_or(Malformed::new("a network is ADDRESS/LENGTH"))?;
    let address = address.parse().map_err(|_| Malformed::new("not an IP address"))?;
    let len_wrong = Malformed::new("the length of a prefix is 0 to 32, or to 128 for IPv6");
    if !len.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(len_wrong);
    }
    let len = len.parse().map_err(|_| len_wrong)?;
    if len > bits(address) { Err(len_wrong) } else { Ok((address, len)) }
}

impl FromStr for Prefix {
    type Err = Malformed;

    /// Reads `address/len`; bits of the host part must be zero, for they are a slip of the pen.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (network, len) = parse(text)?;
        let prefix = Cidr { address: network, len }.network();
        if prefix.network != network {
            return Err(Malformed::new("bits behind the prefix are set"));
        }
        Ok(prefix)
    }
}

impl FromStr for Cidr {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        parse(text).map(|(address, len)| Self { address, len })
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.len)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.len)
    }
}

impl fmt::Debug for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
