//! The five messages of neighbour discovery: bytes ⇄ values, and what makes them valid. (RFC 4861 §4)
//!
//! Type, code and checksum are ICMPv6's, and read and written there; a message here is what stands
//! behind them.

use std::net::Ipv6Addr;

use base::Mac;

use crate::options::{Options, put};
use crate::xray::Why;

pub use crate::options::{NONCE_LEN, Nonce, Opt, PrefixInformation, RouteInformation};

/// Types of ICMPv6. (RFC 4861 §4)
const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOR_SOLICITATION: u8 = 135;
/// The type by which somebody says that an address is theirs. (RFC 4861 §4.4)
pub const NEIGHBOR_ADVERTISEMENT: u8 = 136;
const REDIRECT: u8 = 137;

/// The hop limit that messages are sent with: one that has it was passed on by nobody.
/// (RFC 4861 §3.1)
pub const HOP_LIMIT: u8 = 255;

/// A message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Message<'a> {
    /// Is there a router? (RFC 4861 §4.1)
    RouterSolicitation {
        /// Where the asker is, if it has an address that can be answered.
        mac: Option<Mac>,
    },
    /// There is one. (RFC 4861 §4.2)
    RouterAdvertisement(RouterAdvertisement<'a>),
    /// Who has this address, or has anybody? (RFC 4861 §4.3)
    NeighborSolicitation {
        /// The address.
        target: Ipv6Addr,
        /// Where the asker is.
        mac: Option<Mac>,
        /// By which the asker knows its own question again. (RFC 7527 §4.1)
        nonce: Option<Nonce>,
    },
    /// I have. (RFC 4861 §4.4)
    NeighborAdvertisement(NeighborAdvertisement),
    /// Another one is nearer. (RFC 4861 §4.5)
    Redirect {
        /// Who is: the destination itself, if it is on the link.
        target: Ipv6Addr,
        /// For which destination.
        destination: Ipv6Addr,
        /// Where the target is.
        mac: Option<Mac>,
    },
}

/// Somebody says that an address is theirs. (RFC 4861 §4.4)
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NeighborAdvertisement {
    /// The address.
    pub target: Ipv6Addr,
    /// Whether they pass packets on (R).
    pub is_router: bool,
    /// Whether it answers a question (S).
    pub is_solicited: bool,
    /// Whether it replaces what was known (O).
    pub overrides: bool,
    /// Where they are.
    pub mac: Option<Mac>,
}

/// A router says that it is there, and what is so on the link. (RFC 4861 §4.2)
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RouterAdvertisement<'a> {
    /// The hop limit that hosts are to use; 0 says nothing.
    pub hop_limit: u8,
    /// Whether addresses come by DHCPv6 (M).
    pub is_managed: bool,
    /// Whether other things come by DHCPv6 (O).
    pub has_other: bool,
    /// How much it wants to be the default router. (RFC 4191 §2.2)
    pub preference: Preference,
    /// For how many seconds it is a default router; 0 says that it is none.
    pub lifetime: u16,
    /// For how many milliseconds a confirmation counts; 0 says nothing.
    pub reachable_ms: u32,
    /// After how many milliseconds to ask again; 0 says nothing.
    pub retrans_ms: u32,
    /// What else it says.
    pub options: Options<'a>,
}

/// How much a router, or a route, is wanted. (RFC 4191 §2.1)
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Preference {
    /// 11.
    Low,
    /// 00.
    #[default]
    Medium,
    /// 01.
    High,
}

/// What is known of a message beside its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// Who sent it.
    pub source: Ipv6Addr,
    /// For whom.
    pub destination: Ipv6Addr,
    /// How often it might still have been passed on.
    pub hop_limit: u8,
    /// Whether it came in parts.
    pub is_fragmented: bool,
}

/// Whether a type of ICMPv6 is one of these five.
pub const fn is_ours(kind: u8) -> bool {
    matches!(kind, ROUTER_SOLICITATION..=REDIRECT)
}

/// The group of everybody whose address ends like `address`. (RFC 4291 §2.7.1)
pub const fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let low = address.to_bits() as u32 & 0xff_ffff;
    Ipv6Addr::from_bits(0xff02_0000_0000_0000_0000_0001_ff00_0000 | low as u128)
}

impl<'a> Message<'a> {
    /// Reads what stands behind the checksum of a message of type `kind`.
    ///
    /// # Errors
    /// For what RFC 4861 §6.1.1, §6.1.2, §7.1.1, §7.1.2, §8.1 and RFC 6980 §5 refuse.
    pub fn parse(kind: u8, code: u8, body: &'a [u8], ends: &Ends) -> Result<Self, Why> {
        // RFC 4861 §7.1.1 and its like: 255 proves that the sender is on the link.
        if ends.hop_limit != HOP_LIMIT {
            return Err(Why::PassedOn);
        }
        if ends.is_fragmented {
            return Err(Why::InParts);
        }
        if code != 0 {
            return Err(Why::UnknownCode);
        }
        match kind {
            ROUTER_SOLICITATION => Self::router_solicitation(body, ends),
            ROUTER_ADVERTISEMENT => Self::router_advertisement(body, ends),
            NEIGHBOR_SOLICITATION => Self::neighbor_solicitation(body, ends),
            NEIGHBOR_ADVERTISEMENT => Self::neighbor_advertisement(body, ends),
            REDIRECT => Self::redirect(body, ends),
            _ => Err(Why::UnknownCode),
        }
    }

    /// RFC 4861 §6.1.1.
    fn router_solicitation(body: &'a [u8], ends: &Ends) -> Result<Self, Why> {
        let (_reserved, options) = split::<4>(body)?;
        let mac = options.source_mac();
        if ends.source.is_unspecified() && mac.is_some() {
            return Err(Why::NobodyWithAddress);
        }
        Ok(Self::RouterSolicitation { mac })
    }

    /// RFC 4861 §6.1.2.
    fn router_advertisement(body: &'a [u8], ends: &Ends) -> Result<Self, Why> {
        let ([hop_limit, flags, l, m, r @ ..], options) = split::<12>(body)?;
        if !ends.source.is_unicast_link_local() {
            return Err(Why::NotFromLink);
        }
        let [r0, r1, r2, r3, t0, t1, t2, t3] = r;
        Ok(Self::RouterAdvertisement(RouterAdvertisement {
            hop_limit,
            is_managed: flags & 0x80 != 0,
            has_other: flags & 0x40 != 0,
            // RFC 4191 §2.2: what is reserved means the middle.
            preference: Preference::from_bits(flags >> 3).unwrap_or_default(),
            lifetime: u16::from_be_bytes([l, m]),
            reachable_ms: u32::from_be_bytes([r0, r1, r2, r3]),
            retrans_ms: u32::from_be_bytes([t0, t1, t2, t3]),
            options,
        }))
    }

    /// RFC 4861 §7.1.1.
    fn neighbor_solicitation(body: &'a [u8], ends: &Ends) -> Result<Self, Why> {
        let (target, options) = targeted(body)?;
        let (mac, nonce) = (options.source_mac(), options.nonce());
        if ends.source.is_unspecified() {
            if ends.destination != solicited_node(target) {
                return Err(Why::ProbeElsewhere);
            }
            if mac.is_some() {
                return Err(Why::NobodyWithAddress);
            }
        }
        Ok(Self::NeighborSolicitation { target, mac, nonce })
    }

    /// RFC 4861 §7.1.2.
    fn neighbor_advertisement(body: &'a [u8], ends: &Ends) -> Result<Self, Why> {
        let flags = body.first().copied().unwrap_or_default();
        let (target, options) = targeted(body)?;
        let is_solicited = flags & 0x40 != 0;
        if is_solicited && ends.destination.is_multicast() {
            return Err(Why::AnswerToAll);
        }
        Ok(Self::NeighborAdvertisement(NeighborAdvertisement {
            target,
            is_router: flags & 0x80 != 0,
            is_solicited,
            overrides: flags & 0x20 != 0,
            mac: options.target_mac(),
        }))
    }

    /// RFC 4861 §8.1.
    fn redirect(body: &'a [u8], ends: &Ends) -> Result<Self, Why> {
        let (_reserved, rest) = body.split_first_chunk::<4>().ok_or(Why::TooShort)?;
        let (target, rest) = rest.split_first_chunk::<16>().ok_or(Why::TooShort)?;
        let (destination, rest) = rest.split_first_chunk::<16>().ok_or(Why::TooShort)?;
        let options = Options::parse(rest)?;
        let (target, destination) = (Ipv6Addr::from(*target), Ipv6Addr::from(*destination));
        if !ends.source.is_unicast_link_local() {
            return Err(Why::NotFromLink);
        }
        if destination.is_multicast() {
            return Err(Why::TargetIsGroup);
        }
        if target != destination && !target.is_unicast_link_local() {
            return Err(Why::TargetIsNoRouter);
        }
        Ok(Self::Redirect { target, destination, mac: options.target_mac() })
    }

    /// Appends what stands behind the checksum to `body`; the message's type. Its code is 0.
    pub fn emit(&self, body: &mut Vec<u8>) -> u8 {
        match *self {
            Self::RouterSolicitation { mac } => {
                body.extend([0; 4]);
                put(body, mac.map(Opt::SourceMac));
                ROUTER_SOLICITATION
            }
            Self::RouterAdvertisement(message) => {
                message.emit(body);
                ROUTER_ADVERTISEMENT
            }
            Self::NeighborSolicitation { target, mac, nonce } => {
                body.extend([0; 4]);
                body.extend(target.octets());
                put(body, mac.map(Opt::SourceMac));
                put(body, nonce.map(Opt::Nonce));
                NEIGHBOR_SOLICITATION
            }
            Self::NeighborAdvertisement(message) => {
                let NeighborAdvertisement { target, is_router, is_solicited, overrides, mac } =
                    message;
                let flags = u8::from(is_router) << 7
                    | u8::from(is_solicited) << 6
                    | u8::from(overrides) << 5;
                body.extend([flags, 0, 0, 0]);
                body.extend(target.octets());
                put(body, mac.map(Opt::TargetMac));
                NEIGHBOR_ADVERTISEMENT
            }
            Self::Redirect { target, destination, mac } => {
                body.extend([0; 4]);
                body.extend(target.octets());
                body.extend(destination.octets());
                put(body, mac.map(Opt::TargetMac));
                REDIRECT
            }
        }
    }
}

impl RouterAdvertisement<'_> {
    fn emit(&self, body: &mut Vec<u8>) {
        let flags = u8::from(self.is_managed) << 7
            | u8::from(self.has_other) << 6
            | self.preference.bits() << 3;
        body.extend([self.hop_limit, flags]);
        body.extend(self.lifetime.to_be_bytes());
        body.extend(self.reachable_ms.to_be_bytes());
        body.extend(self.retrans_ms.to_be_bytes());
        body.extend(self.options.bytes());
    }
}

impl Preference {
    /// The preference that two bits say; nothing, for those that are reserved.
    pub(crate) const fn from_bits(bits: u8) -> Option<Self> {
        match bits & 3 {
            0 => Some(Self::Medium),
            1 => Some(Self::High),
            3 => Some(Self::Low),
            _ => None,
        }
    }

    pub(crate) const fn bits(self) -> u8 {
        match self {
            Self::Medium => 0,
            Self::High => 1,
            Self::Low => 3,
        }
    }
}

/// The fixed part of a body, and its options.
fn split<const N: usize>(body: &[u8]) -> Result<([u8; N], Options<'_>), Why> {
    let (fixed, options) = body.split_first_chunk::<N>().ok_or(Why::TooShort)?;
    Ok((*fixed, Options::parse(options)?))
}

/// Four bytes, an address that is one host's, and options.
fn targeted(body: &[u8]) -> Result<(Ipv6Addr, Options<'_>), Why> {
    let (_flags, rest) = body.split_first_chunk::<4>().ok_or(Why::TooShort)?;
    let (target, options) = split::<16>(rest)?;
    let target = Ipv6Addr::from(target);
    if target.is_multicast() {
        return Err(Why::TargetIsGroup);
    }
    Ok((target, options))
}
