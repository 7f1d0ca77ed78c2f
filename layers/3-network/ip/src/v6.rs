//! The header of IPv6 and what may stand behind it: bytes ⇄ values. (RFC 8200)

use std::net::Ipv6Addr;

use base::{Malformed, TxBuf};

use crate::protocol::{Ecn, Protocol};
use crate::xray::Why;

/// The length of the header, in bytes.
pub const LEN: usize = 40;

/// The length of a fragment header, in bytes.
pub const FRAGMENT_LEN: usize = 8;

/// The least MTU a link may have. (RFC 8200 §5)
pub const MTU_MIN: usize = 1280;

/// How many extension headers we walk through: the six of RFC 8200 §4.1, some of them twice. More
/// only serve to hide what is behind them (RFC 8504 §5.3).
const EXTENSIONS_MAX: usize = 8;

/// How many options that we do not know we pass over in one header (RFC 8504 §5.3).
const OPTIONS_MAX: usize = 16;

const HOP_BY_HOP: Protocol = Protocol(0);
const ROUTING: Protocol = Protocol(43);
pub(crate) const FRAGMENT: Protocol = Protocol(44);
const NO_NEXT: Protocol = Protocol(59);
const DESTINATION: Protocol = Protocol(60);

/// What stands before every payload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// The differentiated services codepoint, 6 bits. (RFC 2474 §3)
    pub dscp: u8,
    /// What routers said of congestion.
    pub ecn: Ecn,
    /// What packets of one flow have in common, 20 bits. (RFC 6437)
    pub flow_label: u32,
    /// What stands behind this header.
    pub next: Protocol,
    /// How many routers may still pass it on.
    pub hop_limit: u8,
    /// From whom.
    pub source: Ipv6Addr,
    /// For whom.
    pub destination: Ipv6Addr,
}

impl Header {
    /// Reads the header; the rest are extension headers and payload, without padding of the link.
    ///
    /// # Errors
    /// For another version, and a length that is not there.
    #[inline]
    pub fn parse(packet: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let (header, rest, packet_len) = parse_cut_short(packet)?;
        let Some(payload) = rest.get(..packet_len - LEN) else {
            return Err(Malformed::new("IPv6 payload length"));
        };
        Ok((header, payload))
    }

    /// Writes the header in front of what `out` holds.
    #[inline]
    pub fn emit(&self, out: &mut TxBuf) {
        debug_assert!(out.len() <= 0xffff, "the layers above know the longest packet");
        let [l, n] = (out.len().min(0xffff) as u16).to_be_bytes();
        let first = 6 << 28
            | u32::from(self.dscp & 0x3f) << 22
            | (self.ecn as u32) << 20
            | self.flow_label & 0xf_ffff;
        let [a, b, c, d] = first.to_be_bytes();
        out.prepend(self.destination.octets());
        out.prepend(self.source.octets());
        out.prepend([a, b, c, d, l, n, self.next.0, self.hop_limit]);
    }
}

/// Reads the header of a packet of which not everything need be there: the header, what is there of
/// the rest, and how long the packet is said to be.
pub(crate) fn parse_cut_short(packet: &[u8]) -> Result<(Header, &[u8], usize), Malformed> {
    let Some((h, rest)) = packet.split_first_chunk::<LEN>() else {
        return Err(Malformed::new("shorter than an IPv6 header"));
    };
    if h[0] >> 4 != 6 {
        return Err(Malformed::new("IP version"));
    }
    let first = u32::from_be_bytes([h[0], h[1], h[2], h[3]]);
    let address = |at: usize| {
        Ipv6Addr::from(std::array::from_fn::<u8, 16, _>(|n| {
            h.get(at + n).copied().unwrap_or_default()
        }))
    };
    let header = Header {
        dscp: (first >> 22) as u8 & 0x3f,
        ecn: Ecn::from_bits((first >> 20) as u8),
        flow_label: first & 0xf_ffff,
        next: Protocol(h[6]),
        hop_limit: h[7],
        source: address(8),
        destination: address(24),
    };
    Ok((header, rest, LEN + usize::from(u16::from_be_bytes([h[4], h[5]]))))
}

/// The label of a flow with this hash. It takes a key to know the next one (RFC 6437 §4, §6.1), and
/// none is 0, which says that there is no label (§2).
pub const fn flow_label_of(hash: u64) -> u32 {
    let label = (hash >> 44) as u32;
    if label == 0 { 1 } else { label }
}

/// A fragment header. (RFC 8200 §4.5)
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FragmentHeader {
    /// What the fragmentable part begins with.
    pub next: Protocol,
    /// Where in the fragmentable part this begins, in bytes.
    pub offset: usize,
    /// Whether another fragment follows.
    pub more_fragments: bool,
    /// To which packet it belongs.
    pub identification: u32,
}

impl FragmentHeader {
    /// Reads the header; the rest is the fragment.
    ///
    /// # Errors
    /// For what is too short.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let Some(([next, _, o, p, i0, i1, i2, i3], rest)) =
            bytes.split_first_chunk::<FRAGMENT_LEN>()
        else {
            return Err(Malformed::new("shorter than a fragment header"));
        };
        let offset = u16::from_be_bytes([*o, *p]);
        let header = Self {
            next: Protocol(*next),
            offset: usize::from(offset & 0xfff8),
            more_fragments: offset & 1 != 0,
            identification: u32::from_be_bytes([*i0, *i1, *i2, *i3]),
        };
        Ok((header, rest))
    }

    /// Writes the header in front of what `out` holds.
    pub fn emit(&self, out: &mut TxBuf) {
        let [o, p] = ((self.offset as u16 & 0xfff8) | u16::from(self.more_fragments)).to_be_bytes();
        let [i0, i1, i2, i3] = self.identification.to_be_bytes();
        out.prepend([self.next.0, 0, o, p, i0, i1, i2, i3]);
    }
}

/// What stands behind the extension headers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Upper<'a> {
    /// What the payload is.
    pub protocol: Protocol,
    /// The payload.
    pub payload: &'a [u8],
    /// If it is a part of a packet, which one. What is in front of a fragment header belongs to
    /// every part, what is behind it only to the first.
    pub fragment: Option<FragmentHeader>,
    /// Where in the packet it is said what the payload is, in bytes from its first.
    pub protocol_at: usize,
    /// Whether a fragment header stands in front, be it the whole packet or a part. (RFC 6946 §2.1)
    pub has_fragment_header: bool,
}

/// Why a packet cannot be delivered, and whether its sender is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// It is dropped.
    Drop(Why),
    /// It is dropped, and the sender is told what is wrong. (RFC 4443 §3.4)
    Tell {
        /// What is wrong.
        why: Why,
        /// The code of the parameter problem.
        code: u8,
        /// Where in the packet, in bytes from its first.
        pointer: u32,
        /// Whether it is told also to who sent it to a group.
        even_for_groups: bool,
    },
}

/// Walks through the extension headers behind the header whose `next` and `payload` these are.
///
/// # Errors
/// RFC 8200 §4: when a header is cut short, stands where it may not, or says that who does not know
/// it shall not go on.
pub fn walk(next: Protocol, payload: &[u8]) -> Result<Upper<'_>, Refusal> {
    Walk { next, rest: payload, at: LEN, next_at: 6, has_fragment_header: false }.follow(false)
}

/// The way through a chain of headers.
struct Walk<'a> {
    next: Protocol,
    rest: &'a [u8],
    /// How far `rest` is from the packet's first byte.
    at: usize,
    /// Where `next` was read.
    next_at: usize,
    has_fragment_header: bool,
}

impl<'a> Walk<'a> {
    fn follow(mut self, is_inside_fragment: bool) -> Result<Upper<'a>, Refusal> {
        for nth in 0..=EXTENSIONS_MAX {
            match self.next {
                // RFC 8200 §4.3: hop-by-hop options stand first or not at all.
                HOP_BY_HOP if nth > 0 => {
                    return Err(self.tell(Why::HeaderOutOfPlace, 1, self.next_at));
                }
                HOP_BY_HOP | DESTINATION => {
                    let options = self.extension()?;
                    self.check_options(options)?;
                }
                ROUTING => {
                    let routing = self.extension()?;
                    // RFC 8200 §4.4, RFC 5095 §3: we are no waypoint of a route that the sender chose.
                    if routing.get(1).is_some_and(|segments_left| *segments_left > 0) {
                        return Err(self.tell(Why::SourceRoute, 0, self.at - routing.len()));
                    }
                }
                FRAGMENT if is_inside_fragment => {
                    return Err(self.tell(Why::HeaderOutOfPlace, 1, self.next_at));
                }
                FRAGMENT => {
                    let (header, payload) = self.fragment()?;
                    if header.more_fragments || header.offset > 0 {
                        return Ok(self.end(header.next, payload, Some(header)));
                    }
                    // RFC 6946 §4: a fragment that is the whole waits for no other.
                }
                NO_NEXT => return Err(Refusal::Drop(Why::NothingInside)),
                protocol => return Ok(self.end(protocol, self.rest, None)),
            }
        }
        Err(Refusal::Drop(Why::TooManyHeaders))
    }

    const fn end(
        &self,
        protocol: Protocol,
        payload: &'a [u8],
        fragment: Option<FragmentHeader>,
    ) -> Upper<'a> {
        let (protocol_at, has_fragment_header) = (self.next_at, self.has_fragment_header);
        Upper { protocol, payload, fragment, protocol_at, has_fragment_header }
    }

    /// Takes one extension header of the common form: next, length, and the rest, which it returns.
    fn extension(&mut self) -> Result<&'a [u8], Refusal> {
        let header = self.rest.split_first_chunk::<2>().and_then(|([next, words], _)| {
            let (header, rest) = self.rest.split_at_checked(usize::from(*words) * 8 + 8)?;
            Some((Protocol(*next), header.get(2..)?, rest))
        });
        let Some((next, inside, rest)) = header else {
            return Err(Refusal::Drop(Why::HeadersCutShort));
        };
        self.next_at = self.at;
        self.at += self.rest.len() - rest.len();
        (self.next, self.rest) = (next, rest);
        Ok(inside)
    }

    /// Takes a fragment header.
    fn fragment(&mut self) -> Result<(FragmentHeader, &'a [u8]), Refusal> {
        let Ok((header, payload)) = FragmentHeader::parse(self.rest) else {
            return Err(Refusal::Drop(Why::HeadersCutShort));
        };
        // RFC 8200 §4.5: all but the last are multiples of eight bytes long, and the whole is no
        // longer than a packet.
        if header.more_fragments && !payload.len().is_multiple_of(8) {
            return Err(self.tell(Why::FragmentLength, 0, 4));
        }
        if header.offset + payload.len() > 0xffff {
            return Err(self.tell(Why::FragmentLength, 0, self.at + 2));
        }
        (self.next_at, self.at) = (self.at, self.at + FRAGMENT_LEN);
        (self.next, self.rest) = (header.next, payload);
        self.has_fragment_header = true;
        // RFC 7112 §5: the first fragment holds all headers.
        if header.offset == 0 && header.more_fragments {
            let inner = Walk { ..*self };
            match inner.follow(true) {
                Ok(upper) if upper.payload.len() >= upper.protocol.header_len_min() => {}
                Ok(_) | Err(Refusal::Drop(Why::HeadersCutShort)) => {
                    return Err(self.tell(Why::HeadersCutShort, 3, 0));
                }
                Err(other) => return Err(other),
            }
        }
        Ok((header, payload))
    }

    /// RFC 8200 §4.2: the first two bits of an option's type say what to do when we do not know it.
    fn check_options(&self, mut options: &[u8]) -> Result<(), Refusal> {
        let end = self.at;
        let mut unknown = 0;
        while let [kind, after @ ..] = options {
            let at = end - options.len();
            // RFC 8200 §4.2: Pad1 has no length.
            if *kind == 0 {
                options = after;
                continue;
            }
            let value = after.split_first().map(|(len, value)| (usize::from(*len), value));
            let Some(rest) = value.and_then(|(len, value)| value.get(len..)) else {
                return Err(Refusal::Drop(Why::OptionsMalformed));
            };
            options = rest;
            if *kind == 1 {
                continue;
            }
            unknown += 1;
            match kind >> 6 {
                0 if unknown <= OPTIONS_MAX => {}
                0 => return Err(Refusal::Drop(Why::TooManyHeaders)),
                1 => return Err(Refusal::Drop(Why::OptionUnknown)),
                action => {
                    let (why, pointer) = (Why::OptionUnknown, at as u32);
                    let even_for_groups = action == 2;
                    return Err(Refusal::Tell { why, code: 2, pointer, even_for_groups });
                }
            }
        }
        Ok(())
    }

    fn tell(&self, why: Why, code: u8, at: usize) -> Refusal {
        Refusal::Tell { why, code, pointer: at as u32, even_for_groups: false }
    }
}

/// Takes one from the hop limit of a packet that is passed on, and says how much is left.
pub(crate) fn decrement_hop_limit(packet: &mut [u8]) -> Option<u8> {
    let limit = packet.first_chunk_mut::<LEN>()?.get_mut(7)?;
    *limit = limit.checked_sub(1)?;
    Some(*limit)
}
