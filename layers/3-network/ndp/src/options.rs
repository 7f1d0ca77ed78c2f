//! Options of neighbour discovery. (RFC 4861 §4.6, RFC 4191 §2.3, RFC 8106 §5, RFC 3971 §5.3.2)

use std::net::Ipv6Addr;

use base::Mac;

use crate::wire::Preference;
use crate::xray::Why;

/// How long a nonce is that we make, in bytes: the option is eight then. (RFC 3971 §5.3.2)
pub const NONCE_LEN: usize = 6;

/// A number that was drawn for one question.
pub type Nonce = [u8; NONCE_LEN];

const SOURCE_MAC: u8 = 1;
const TARGET_MAC: u8 = 2;
const PREFIX: u8 = 3;
const MTU: u8 = 5;
const NONCE: u8 = 14;
const ROUTE: u8 = 24;
const SERVERS: u8 = 25;
const DOMAINS: u8 = 31;

/// The options of one message. Each has a length that is there.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Options<'a>(&'a [u8]);

/// An option.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Opt<'a> {
    /// Where the sender is. (RFC 4861 §4.6.1)
    SourceMac(Mac),
    /// Where the target is. (RFC 4861 §4.6.1)
    TargetMac(Mac),
    /// A network of the link. (RFC 4861 §4.6.2)
    Prefix(PrefixInformation),
    /// How long packets may be on the link, in bytes. (RFC 4861 §4.6.4)
    Mtu(u32),
    /// A number by which the sender knows its question again. (RFC 3971 §5.3.2)
    Nonce(Nonce),
    /// A network behind the router. (RFC 4191 §2.3)
    Route(RouteInformation),
    /// Servers of names. (RFC 8106 §5.1)
    Servers {
        /// For how many seconds they may be asked; all bits set is for ever.
        lifetime: u32,
        /// Their addresses, 16 bytes each.
        addresses: &'a [u8],
    },
    /// Domains in which names are looked for. (RFC 8106 §5.2)
    Domains {
        /// For how many seconds; all bits set is for ever.
        lifetime: u32,
        /// As the DNS writes them, one after another, with zeros behind the last.
        names: &'a [u8],
    },
    /// One that we do not know, or whose length is not that of its kind. (RFC 4861 §4.6)
    Unknown(u8),
}

/// A network of the link. (RFC 4861 §4.6.2)
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PrefixInformation {
    /// The network; bits behind its length mean nothing.
    pub prefix: Ipv6Addr,
    /// Its length, in bits.
    pub len: u8,
    /// Whether its addresses are on the link (L).
    pub is_on_link: bool,
    /// Whether hosts may make addresses of it (A).
    pub is_autonomous: bool,
    /// For how many seconds its addresses are valid; all bits set is for ever.
    pub valid: u32,
    /// For how many seconds they are preferred.
    pub preferred: u32,
}

/// A network behind a router. (RFC 4191 §2.3)
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RouteInformation {
    /// The network; bits behind its length mean nothing.
    pub prefix: Ipv6Addr,
    /// Its length, in bits.
    pub len: u8,
    /// How much the router wants to be asked for it.
    pub preference: Preference,
    /// For how many seconds; all bits set is for ever.
    pub lifetime: u32,
}

impl<'a> Options<'a> {
    /// Reads options.
    ///
    /// # Errors
    /// For a length that is zero or not there: the whole message is dropped. (RFC 4861 §4.6)
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Why> {
        let mut rest = bytes;
        while !rest.is_empty() {
            (_, rest) = first(rest).ok_or(Why::OptionLength)?;
        }
        Ok(Self(bytes))
    }

    /// Each of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Opt<'a>> + use<'a> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (option, after) = first(rest)?;
            rest = after;
            Some(Opt::parse(option))
        })
    }

    /// As they lie on the wire.
    pub const fn bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Where the sender is, if it says so.
    pub fn source_mac(&self) -> Option<Mac> {
        self.iter().find_map(|option| match option {
            Opt::SourceMac(mac) => Some(mac),
            _ => None,
        })
    }

    pub(crate) fn target_mac(&self) -> Option<Mac> {
        self.iter().find_map(|option| match option {
            Opt::TargetMac(mac) => Some(mac),
            _ => None,
        })
    }

    pub(crate) fn nonce(&self) -> Option<Nonce> {
        self.iter().find_map(|option| match option {
            Opt::Nonce(nonce) => Some(nonce),
            _ => None,
        })
    }
}

impl<'a> Opt<'a> {
    /// Reads one option, whose length is right.
    fn parse(bytes: &'a [u8]) -> Self {
        let Some(([kind, _], value)) = bytes.split_first_chunk::<2>() else {
            return Self::Unknown(0);
        };
        Self::known(*kind, value).unwrap_or(Self::Unknown(*kind))
    }

    fn known(kind: u8, value: &'a [u8]) -> Option<Self> {
        let option = match kind {
            // What is no station's address is nobody's.
            SOURCE_MAC => Self::SourceMac(station(value)?),
            TARGET_MAC => Self::TargetMac(station(value)?),
            PREFIX => Self::Prefix(PrefixInformation::parse(value)?),
            MTU => {
                let [_, _, a, b, c, d] = *value.as_array::<6>()?;
                Self::Mtu(u32::from_be_bytes([a, b, c, d]))
            }
            NONCE => Self::Nonce(*value.as_array()?),
            ROUTE => Self::Route(RouteInformation::parse(value)?),
            SERVERS | DOMAINS => {
                let ([_, _, a, b, c, d], rest) = value.split_first_chunk::<6>()?;
                let lifetime = u32::from_be_bytes([*a, *b, *c, *d]);
                let is_whole = !rest.is_empty() && rest.len().is_multiple_of(16);
                match kind {
                    SERVERS => is_whole.then_some(Self::Servers { lifetime, addresses: rest })?,
                    _ => Self::Domains { lifetime, names: rest },
                }
            }
            _ => return None,
        };
        Some(option)
    }

    /// Appends the option; zeros fill it up to a multiple of eight bytes.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        match *self {
            Self::SourceMac(mac) => out.extend([&[SOURCE_MAC, 0][..], &mac.0].concat()),
            Self::TargetMac(mac) => out.extend([&[TARGET_MAC, 0][..], &mac.0].concat()),
            Self::Prefix(prefix) => prefix.emit(out),
            Self::Mtu(mtu) => {
                out.extend([MTU, 0, 0, 0]);
                out.extend(mtu.to_be_bytes());
            }
            Self::Nonce(nonce) => out.extend([&[NONCE, 0][..], &nonce].concat()),
            Self::Route(route) => route.emit(out),
            Self::Servers { lifetime, addresses: value } => {
                out.extend([SERVERS, 0, 0, 0]);
                out.extend(lifetime.to_be_bytes());
                out.extend(value);
            }
            Self::Domains { lifetime, names: value } => {
                out.extend([DOMAINS, 0, 0, 0]);
                out.extend(lifetime.to_be_bytes());
                out.extend(value);
            }
            Self::Unknown(kind) => out.extend([kind, 0]),
        }
        out.resize(begin + (out.len() - begin).next_multiple_of(8), 0);
        let words = ((out.len() - begin) / 8) as u8;
        if let Some(len) = out.get_mut(begin + 1) {
            *len = words;
        }
    }
}

/// Appends an option, if there is one.
pub(crate) fn put(out: &mut Vec<u8>, option: Option<Opt<'_>>) {
    if let Some(option) = option {
        option.emit(out);
    }
}

impl PrefixInformation {
    fn parse(value: &[u8]) -> Option<Self> {
        let ([len, flags, v0, v1, v2, v3, p0, p1, p2, p3, _, _, _, _], prefix) =
            value.split_first_chunk::<14>()?;
        Some(Self {
            prefix: Ipv6Addr::from(*prefix.as_array::<16>()?),
            len: Some(*len).filter(|len| *len <= 128)?,
            is_on_link: flags & 0x80 != 0,
            is_autonomous: flags & 0x40 != 0,
            valid: u32::from_be_bytes([*v0, *v1, *v2, *v3]),
            preferred: u32::from_be_bytes([*p0, *p1, *p2, *p3]),
        })
    }

    fn emit(&self, out: &mut Vec<u8>) {
        let flags = u8::from(self.is_on_link) << 7 | u8::from(self.is_autonomous) << 6;
        out.extend([PREFIX, 0, self.len, flags]);
        out.extend(self.valid.to_be_bytes());
        out.extend(self.preferred.to_be_bytes());
        out.extend([0; 4]);
        out.extend(self.prefix.octets());
    }
}

impl RouteInformation {
    /// RFC 4191 §2.3: the prefix may be cut short, as far as its length allows.
    fn parse(value: &[u8]) -> Option<Self> {
        let ([len, flags, l0, l1, l2, l3], prefix) = value.split_first_chunk::<6>()?;
        let needed = match *len {
            0 => 0,
            1..=64 => 8,
            65..=128 => 16,
            _ => return None,
        };
        if prefix.len() < needed || prefix.len() > 16 {
            return None;
        }
        let mut whole = [0; 16];
        whole.get_mut(..prefix.len())?.copy_from_slice(prefix);
        Some(Self {
            prefix: whole.into(),
            len: *len,
            // RFC 4191 §2.3: with the reserved value the option is ignored.
            preference: Preference::from_bits(flags >> 3)?,
            lifetime: u32::from_be_bytes([*l0, *l1, *l2, *l3]),
        })
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend([ROUTE, 0, self.len, self.preference.bits() << 3]);
        out.extend(self.lifetime.to_be_bytes());
        let whole = self.prefix.octets();
        let needed = usize::from(self.len).div_ceil(64) * 8;
        out.extend(whole.get(..needed).unwrap_or(&whole));
    }
}

/// Servers of an option, whose addresses have 16 bytes each.
pub fn servers(addresses: &[u8]) -> impl Iterator<Item = Ipv6Addr> {
    addresses.as_chunks::<16>().0.iter().map(|address| Ipv6Addr::from(*address))
}

/// Names of an option, as far as they can be read: labels of letters, digits, hyphens and underscores,
/// for they go into files and queries. (RFC 8106 §5.2, RFC 1035 §3.1)
pub fn domains(names: &[u8]) -> Vec<String> {
    let (mut all, mut name, mut rest) = (Vec::new(), String::new(), names);
    while let [len, after @ ..] = rest {
        if *len == 0 {
            // Zeros behind the last name are padding.
            if name.is_empty() {
                break;
            }
            all.push(std::mem::take(&mut name));
            rest = after;
            continue;
        }
        let Some((label, after)) = after.split_at_checked(usize::from(*len)) else { break };
        let is_plain = label.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if *len > 63 || !is_plain || name.len() + label.len() > 253 {
            break;
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.extend(label.iter().map(|byte| char::from(*byte)));
        rest = after;
    }
    all
}

/// The first option, and what follows it.
fn first(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let words = usize::from(*bytes.get(1)?);
    if words == 0 { None } else { bytes.split_at_checked(words * 8) }
}

fn station(value: &[u8]) -> Option<Mac> {
    value.as_array::<6>().map(|bytes| Mac(*bytes)).filter(|mac| mac.is_station())
}
