use std::fmt;

/// What a packet carries: the protocol field of IPv4, the next header of IPv6.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Protocol(pub u8);

impl Protocol {
    /// ICMP for IPv4. (RFC 792)
    pub const ICMP: Self = Self(1);
    /// IGMP. (RFC 3376)
    pub const IGMP: Self = Self(2);
    /// TCP. (RFC 9293)
    pub const TCP: Self = Self(6);
    /// UDP. (RFC 768)
    pub const UDP: Self = Self(17);
    /// ICMP for IPv6. (RFC 4443)
    pub const ICMPV6: Self = Self(58);

    /// The least that has to be there for a header of this protocol to be one, in bytes.
    pub(crate) const fn header_len_min(self) -> usize {
        match self {
            Self::TCP => 20,
            Self::UDP | Self::ICMP => 8,
            Self::ICMPV6 => 4,
            _ => 0,
        }
    }
}

impl fmt::Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ICMP => f.write_str("ICMP"),
            Self::IGMP => f.write_str("IGMP"),
            Self::TCP => f.write_str("TCP"),
            Self::UDP => f.write_str("UDP"),
            Self::ICMPV6 => f.write_str("ICMPv6"),
            Self(other) => write!(f, "{other}"),
        }
    }
}

/// What routers say of congestion, in the lowest two bits of the second header byte.
/// (RFC 3168 §5)
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Ecn {
    /// The transport does not know ECN.
    #[default]
    NotEct = 0,
    /// ECN-capable, the codepoint ECT(1).
    Ect1 = 1,
    /// ECN-capable, the codepoint ECT(0).
    Ect0 = 2,
    /// Congestion experienced.
    Ce = 3,
}

impl Ecn {
    /// The codepoint in the lowest two bits.
    #[inline]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::NotEct,
            1 => Self::Ect1,
            2 => Self::Ect0,
            _ => Self::Ce,
        }
    }
}
