//! The header of IPv4: bytes ⇄ values. (RFC 791 §3.1)

use std::net::Ipv4Addr;

use base::{Malformed, TxBuf, checksum};

use crate::protocol::{Ecn, Protocol};
use crate::xray::Why;

/// The length of a header without options, in bytes.
pub const LEN: usize = 20;

/// The longest header: fifteen words.
pub const LEN_MAX: usize = 60;

/// The longest packet, header and payload.
pub const PACKET_LEN_MAX: usize = 65_535;

/// The least MTU a link may have. (RFC 791 §3.2)
pub const MTU_MIN: usize = 68;

/// Don't fragment.
const DF: u16 = 0x4000;
/// More fragments.
const MF: u16 = 0x2000;

/// What stands before every payload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header<'a> {
    /// The differentiated services codepoint, 6 bits. (RFC 2474 §3)
    pub dscp: u8,
    /// What routers said of congestion.
    pub ecn: Ecn,
    /// To which datagram a fragment belongs. (RFC 6864)
    pub identification: u16,
    /// Whether routers must not cut it.
    pub dont_fragment: bool,
    /// Whether another fragment follows.
    pub more_fragments: bool,
    /// Where in the datagram's payload this begins, in bytes.
    pub offset: usize,
    /// How many routers may still pass it on.
    pub ttl: u8,
    /// What the payload is.
    pub protocol: Protocol,
    /// From whom.
    pub source: Ipv4Addr,
    /// For whom.
    pub destination: Ipv4Addr,
    /// The options as they stand, padding included; at most 40 bytes, a multiple of four.
    pub options: &'a [u8],
}

impl<'a> Header<'a> {
    /// A header as we send most: no options, no fragment, not to be fragmented.
    pub const fn new(source: Ipv4Addr, destination: Ipv4Addr, protocol: Protocol, ttl: u8) -> Self {
        Self {
            dscp: 0,
            ecn: Ecn::NotEct,
            identification: 0,
            dont_fragment: true,
            more_fragments: false,
            offset: 0,
            ttl,
            protocol,
            source,
            destination,
            options: &[],
        }
    }

    /// Reads the header; the rest is the payload, without padding of the link.
    ///
    /// # Errors
    /// RFC 1122 §3.2.1.1, §3.2.1.2: for another version, a wrong checksum, and lengths that do not
    /// fit one another. RFC 791 §3.2: for a fragment that ends behind the longest packet.
    #[inline]
    pub fn parse(packet: &'a [u8]) -> Result<(Self, &'a [u8]), Malformed> {
        let Some((h, rest)) = packet.split_first_chunk::<LEN>() else {
            return Err(Malformed::new("shorter than an IPv4 header"));
        };
        if h[0] >> 4 != 4 {
            return Err(Malformed::new("IP version"));
        }
        let header_len = usize::from(h[0] & 0xf) * 4;
        let total_len = usize::from(u16::from_be_bytes([h[2], h[3]]));
        let (Some(header), Some(options_len)) =
            (packet.get(..header_len), header_len.checked_sub(LEN))
        else {
            return Err(Malformed::new("IPv4 header length"));
        };
        if checksum::of(header) != 0 {
            return Err(Malformed::new("IPv4 header checksum"));
        }
        let payload_len = total_len.checked_sub(header_len);
        let Some((options, payload)) = payload_len.and_then(|len| {
            let (options, payload) = rest.split_at_checked(options_len)?;
            Some((options, payload.get(..len)?))
        }) else {
            return Err(Malformed::new("IPv4 total length"));
        };
        let fragment = u16::from_be_bytes([h[6], h[7]]);
        let offset = usize::from(fragment & 0x1fff) * 8;
        if offset + payload.len() + header_len > PACKET_LEN_MAX {
            return Err(Malformed::new("a fragment behind the longest packet"));
        }
        let header = Self {
            dscp: h[1] >> 2,
            ecn: Ecn::from_bits(h[1]),
            identification: u16::from_be_bytes([h[4], h[5]]),
            dont_fragment: fragment & DF != 0,
            more_fragments: fragment & MF != 0,
            offset,
            ttl: h[8],
            protocol: Protocol(h[9]),
            source: Ipv4Addr::new(h[12], h[13], h[14], h[15]),
            destination: Ipv4Addr::new(h[16], h[17], h[18], h[19]),
            options,
        };
        Ok((header, payload))
    }

    /// Writes the header in front of the payload, which `out` holds.
    #[inline]
    pub fn emit(&self, out: &mut TxBuf) {
        debug_assert!(self.options.len() <= LEN_MAX - LEN && self.options.len().is_multiple_of(4));
        debug_assert!(self.offset.is_multiple_of(8) && self.offset < PACKET_LEN_MAX);
        let total_len = out.len() + self.len();
        debug_assert!(total_len <= PACKET_LEN_MAX, "the layers above know the longest packet");
        out.prepend_slice(self.options);
        out.prepend(self.fixed_part(total_len));
        self.write_checksum(out);
    }

    /// How long this header is, in bytes.
    #[allow(clippy::len_without_is_empty, reason = "no header is empty")]
    pub const fn len(&self) -> usize {
        LEN + self.options.len()
    }

    /// Whether this is a part of a datagram and not the whole.
    #[inline]
    pub const fn is_fragment(&self) -> bool {
        self.more_fragments || self.offset > 0
    }

    /// Whether a host may look at what is behind this header.
    ///
    /// # Errors
    /// RFC 791 §3.1: for options that do not fit one another. RFC 7126 §4.3, §4.4: for source routes,
    /// which no host needs and attackers like.
    pub fn check_options(&self) -> Result<(), Why> {
        options(self.options).try_for_each(|option| match option {
            Some((Kind::LOOSE_SOURCE_ROUTE | Kind::STRICT_SOURCE_ROUTE, _)) => {
                Err(Why::SourceRoute)
            }
            Some(_) => Ok(()),
            None => Err(Why::OptionsMalformed),
        })
    }

    fn fixed_part(&self, total_len: usize) -> [u8; LEN] {
        let words = (self.len() / 4) as u8;
        let [l, n] = (total_len.min(PACKET_LEN_MAX) as u16).to_be_bytes();
        let [i, d] = self.identification.to_be_bytes();
        let flags =
            if self.dont_fragment { DF } else { 0 } | if self.more_fragments { MF } else { 0 };
        let [f, o] = (flags | (self.offset / 8) as u16 & 0x1fff).to_be_bytes();
        let [s0, s1, s2, s3] = self.source.octets();
        let [d0, d1, d2, d3] = self.destination.octets();
        let service = self.dscp << 2 | self.ecn as u8;
        #[rustfmt::skip]
        let header = [
            0x40 | words, service, l, n,
            i, d, f, o,
            self.ttl, self.protocol.0, 0, 0,
            s0, s1, s2, s3,
            d0, d1, d2, d3,
        ];
        header
    }

    fn write_checksum(&self, out: &mut TxBuf) {
        let packet = out.as_mut_slice();
        let checksum = packet.get(..self.len()).map_or(0, checksum::of);
        if let Some(place) = packet.get_mut(10..).and_then(|rest| rest.first_chunk_mut()) {
            *place = checksum.to_be_bytes();
        }
    }
}

/// The kinds of options that we know by name. (RFC 791 §3.1)
struct Kind;

impl Kind {
    const END: u8 = 0;
    const NOTHING: u8 = 1;
    const LOOSE_SOURCE_ROUTE: u8 = 131;
    const STRICT_SOURCE_ROUTE: u8 = 137;
}

/// Each option with its kind and all its bytes; `None` once, where they stop making sense.
fn options(mut rest: &[u8]) -> impl Iterator<Item = Option<(u8, &[u8])>> {
    std::iter::from_fn(move || {
        let len = match *rest {
            [] | [Kind::END, ..] => return None,
            [Kind::NOTHING, ..] => 1,
            [_, len, ..] if len >= 2 => usize::from(len),
            _ => 0,
        };
        let option = rest.split_at_checked(len).filter(|(option, _)| !option.is_empty());
        let Some((option, after)) = option else {
            rest = &[];
            return Some(None);
        };
        rest = after;
        option.first().map(|&kind| Some((kind, option)))
    })
}

/// The options that every fragment carries, in place of all. (RFC 791 §3.1: the copied flag)
pub(crate) fn copied_options(all: &[u8]) -> Vec<u8> {
    let mut copied: Vec<u8> = options(all)
        .flatten()
        .filter(|(kind, _)| kind & 0x80 != 0)
        .flat_map(|(_, option)| option)
        .copied()
        .collect();
    copied.resize(copied.len().next_multiple_of(4), Kind::END);
    copied
}

/// Takes one from the TTL of a packet that is passed on, and says how much is left; nothing if the
/// packet is no packet or there is nothing to take.
///
/// RFC 1812 §5.2.1: the checksum is updated, and not computed again, so that it still tells of
/// damage. (RFC 1624 §3)
pub(crate) fn decrement_ttl(packet: &mut [u8]) -> Option<u8> {
    let h = packet.first_chunk_mut::<LEN>()?;
    let left = h[8].checked_sub(1)?;
    let (old, new) = ([h[8], h[9]], [left, h[9]]);
    let checksum = checksum::update(
        u16::from_be_bytes([h[10], h[11]]),
        u16::from_be_bytes(old),
        u16::from_be_bytes(new),
    );
    [h[10], h[11]] = checksum.to_be_bytes();
    h[8] = left;
    Some(left)
}
