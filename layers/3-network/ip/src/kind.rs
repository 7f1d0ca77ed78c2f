//! Which addresses are special. (RFC 6890, RFC 8190, RFC 4291 §2.4)

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is for, by the registries of special-purpose addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Nobody (yet): `0.0.0.0`, `::`.
    Unspecified,
    /// The rest of `0.0.0.0/8`: this network. (RFC 791 §3.2)
    ThisNetwork,
    /// The host itself: `127.0.0.0/8`, `::1`.
    Loopback,
    /// Who is on the link: `169.254.0.0/16`, `fe80::/10`. (RFC 3927, RFC 4291 §2.5.6)
    LinkLocal,
    /// Private networks: `10.0.0.0/8`, `172.16.0.0/12`, `192.168.0.0/16`. (RFC 1918)
    Private,
    /// What providers share behind their translators: `100.64.0.0/10`. (RFC 6598)
    Shared,
    /// Private networks of IPv6: `fc00::/7`. (RFC 4193)
    UniqueLocal,
    /// For examples: `192.0.2.0/24`, `198.51.100.0/24`, `203.0.113.0/24`, `2001:db8::/32`.
    Documentation,
    /// For measurements: `198.18.0.0/15`, `2001:2::/48`. (RFC 2544, RFC 5180)
    Benchmarking,
    /// For protocols' own purposes: `192.0.0.0/24`, `2001::/23`.
    Protocols,
    /// An IPv4 address in an IPv6 one, never on the wire: `::ffff:0:0/96`. (RFC 4291 §2.5.5.2)
    Mapped,
    /// Everybody on the link: `255.255.255.255`.
    Broadcast,
    /// A group: `224.0.0.0/4`, `ff00::/8`.
    Multicast,
    /// For a future that did not come: `240.0.0.0/4`.
    Reserved,
    /// Anybody.
    Global,
}

impl Kind {
    /// What `address` is for.
    #[inline]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    /// What an IPv4 address is for. (RFC 6890 §2.2.2)
    pub const fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            [0, 0, 0, 0] => Self::Unspecified,
            [0, ..] => Self::ThisNetwork,
            [127, ..] => Self::Loopback,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Self::Private,
            [100, 64..=127, ..] => Self::Shared,
            [169, 254, ..] => Self::LinkLocal,
            [192, 0, 0, _] => Self::Protocols,
            [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Self::Documentation,
            [198, 18..=19, ..] => Self::Benchmarking,
            [255, 255, 255, 255] => Self::Broadcast,
            [224..=239, ..] => Self::Multicast,
            [240..=255, ..] => Self::Reserved,
            _ => Self::Global,
        }
    }

    /// What an IPv6 address is for. (RFC 6890 §2.2.3)
    pub const fn of_v6(address: Ipv6Addr) -> Self {
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0] => Self::Unspecified,
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            [0, 0, 0, 0, 0, 0xffff, ..] => Self::Mapped,
            [0x2001, 0xdb8, ..] => Self::Documentation,
            [0x2001, 2, 0, ..] => Self::Benchmarking,
            [0x2001, 0..=0x1ff, ..] => Self::Protocols,
            [0xfc00..=0xfdff, ..] => Self::UniqueLocal,
            [0xfe80..=0xfebf, ..] => Self::LinkLocal,
            [0xff00..=0xffff, ..] => Self::Multicast,
            _ => Self::Global,
        }
    }

    /// Whether a packet from another host can have it as its source.
    ///
    /// RFC 1122 §3.2.1.3, RFC 1812 §5.3.7, RFC 4291 §2.5.2, §2.7. The unspecified address is the source
    /// of who has none yet; whoever takes such packets asks for it beside this.
    pub const fn may_be_source(self) -> bool {
        !matches!(
            self,
            Self::Unspecified
                | Self::ThisNetwork
                | Self::Loopback
                | Self::Multicast
                | Self::Broadcast
                | Self::Reserved
                | Self::Mapped
        )
    }

    /// Whether a packet from another host can have it as its destination.
    pub const fn may_be_destination(self) -> bool {
        !matches!(
            self,
            Self::Unspecified | Self::ThisNetwork | Self::Loopback | Self::Reserved | Self::Mapped
        )
    }

    /// Whether a router passes it on to other links, as a source or a destination. (RFC 6890 §2.1:
    /// Forwardable)
    pub const fn is_forwardable(self) -> bool {
        self.may_be_source() && !matches!(self, Self::LinkLocal | Self::Documentation)
    }

    /// Whether it may be many hosts.
    pub const fn is_group(self) -> bool {
        matches!(self, Self::Multicast | Self::Broadcast)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "nobody",
            Self::ThisNetwork => "this network",
            Self::Loopback => "this host",
            Self::LinkLocal => "the link",
            Self::Private => "a private network",
            Self::Shared => "a provider's network",
            Self::UniqueLocal => "a unique local network",
            Self::Documentation => "examples",
            Self::Benchmarking => "measurements",
            Self::Protocols => "protocols",
            Self::Mapped => "IPv4 inside IPv6",
            Self::Broadcast => "everybody on the link",
            Self::Multicast => "a group",
            Self::Reserved => "nothing (reserved)",
            Self::Global => "anybody",
        })
    }
}
