use std::net::IpAddr;

use base::{Malformed, xray::Layer};

use crate::protocol::{Ecn, Protocol};
use crate::v6::Refusal;
use crate::xray::Why;
use crate::{v4, v6};

/// A packet of either version, as the layers above see it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Packet<'a> {
    /// From whom.
    pub source: IpAddr,
    /// For whom.
    pub destination: IpAddr,
    /// What the payload is.
    pub protocol: Protocol,
    /// How many routers might still have passed it on.
    pub hop_limit: u8,
    /// What routers said of congestion.
    pub ecn: Ecn,
    /// The differentiated services codepoint.
    pub dscp: u8,
    /// If this is a part of a packet, which one.
    pub fragment: Option<Fragment>,
    /// Where it is said what the payload is, in bytes from the packet's first.
    pub protocol_at: usize,
    /// Whether it says that it was cut, even if it is whole. (RFC 6946 §2.1)
    pub has_fragment_header: bool,
    /// What it carries.
    pub payload: &'a [u8],
    /// All of it, as ICMP errors quote it.
    pub bytes: &'a [u8],
}

/// Which part of which packet this is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fragment {
    /// To which packet it belongs, with source, destination and (in IPv4) protocol.
    pub identification: u32,
    /// Where it begins, in bytes.
    pub offset: usize,
    /// Whether another follows.
    pub more_fragments: bool,
}

/// Why there is no packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unfit {
    /// Its first header cannot be read.
    Malformed(Malformed),
    /// It says something that no host obeys.
    Refused(Refusal),
}

impl<'a> Packet<'a> {
    /// The layer whose words these are.
    pub const LAYER: Layer = Layer::Network;

    /// Reads a packet of either version.
    ///
    /// # Errors
    /// For what cannot be read, and for what its headers or options forbid.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Unfit> {
        match bytes.first().map(|first| first >> 4) {
            Some(6) => Self::parse_v6(bytes),
            // Anything else cannot be told from a damaged IPv4 packet, which says it better.
            _ => Self::parse_v4(bytes),
        }
    }

    #[inline]
    fn parse_v4(bytes: &'a [u8]) -> Result<Self, Unfit> {
        let (header, payload) = v4::Header::parse(bytes).map_err(Unfit::Malformed)?;
        if !header.options.is_empty() {
            header.check_options().map_err(|why| Unfit::Refused(Refusal::Drop(why)))?;
        }
        let fragment = header.is_fragment().then_some(Fragment {
            identification: header.identification.into(),
            offset: header.offset,
            more_fragments: header.more_fragments,
        });
        Ok(Self {
            source: header.source.into(),
            destination: header.destination.into(),
            protocol: header.protocol,
            hop_limit: header.ttl,
            ecn: header.ecn,
            dscp: header.dscp,
            protocol_at: 9,
            has_fragment_header: fragment.is_some(),
            fragment,
            payload,
            bytes: bytes.get(..header.len() + payload.len()).unwrap_or(bytes),
        })
    }

    fn parse_v6(bytes: &'a [u8]) -> Result<Self, Unfit> {
        let (header, rest) = v6::Header::parse(bytes).map_err(Unfit::Malformed)?;
        let upper = v6::walk(header.next, rest).map_err(Unfit::Refused)?;
        let fragment = upper.fragment.map(|header| Fragment {
            identification: header.identification,
            offset: header.offset,
            more_fragments: header.more_fragments,
        });
        Ok(Self {
            source: header.source.into(),
            destination: header.destination.into(),
            protocol: upper.protocol,
            hop_limit: header.hop_limit,
            ecn: header.ecn,
            dscp: header.dscp,
            fragment,
            protocol_at: upper.protocol_at,
            has_fragment_header: upper.has_fragment_header,
            payload: upper.payload,
            bytes: bytes.get(..v6::LEN + rest.len()).unwrap_or(bytes),
        })
    }
}

impl Fragment {
    /// Why this part is not worth keeping, if so.
    ///
    /// RFC 1858 §3.2.2, RFC 3128 §4: a first fragment that does not hold the whole TCP header, and one
    /// that begins eight bytes into it, serve only to get past filters.
    pub fn check(&self, protocol: Protocol, payload: &[u8]) -> Result<(), Why> {
        if self.more_fragments && !payload.len().is_multiple_of(8) {
            return Err(Why::FragmentLength);
        }
        if payload.is_empty() {
            return Err(Why::FragmentLength);
        }
        let is_tiny = match self.offset {
            0 => payload.len() < protocol.header_len_min(),
            8 => protocol == Protocol::TCP,
            _ => false,
        };
        if is_tiny { Err(Why::TinyFragment) } else { Ok(()) }
    }
}

impl From<Refusal> for Unfit {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
