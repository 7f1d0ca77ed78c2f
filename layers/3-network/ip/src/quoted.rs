//! What an ICMP error quotes: the beginning of a packet that we are said to have sent.

use std::net::IpAddr;

use base::Malformed;

use crate::protocol::Protocol;
use crate::{v4, v6};

/// The beginning of a packet, perhaps cut short.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Quoted<'a> {
    /// Who sent it: us, if it is true.
    pub source: IpAddr,
    /// For whom it was.
    pub destination: IpAddr,
    /// What it carried.
    pub protocol: Protocol,
    /// How the payload began; at least eight bytes (RFC 792).
    pub payload: &'a [u8],
    /// How long the whole packet was, in bytes, as its header says.
    pub packet_len: usize,
}

impl<'a> Quoted<'a> {
    /// Reads a quotation. Routers on the way may have changed fields, so the checksum means nothing.
    ///
    /// # Errors
    /// For what is no header, and for a fragment that is not the first: nobody knows whose it was.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        match bytes.first().map(|first| first >> 4) {
            Some(4) => Self::parse_v4(bytes),
            Some(6) => Self::parse_v6(bytes),
            _ => Err(Malformed::new("no packet is quoted")),
        }
    }

    fn parse_v4(bytes: &'a [u8]) -> Result<Self, Malformed> {
        const SHORT: Malformed = Malformed::new("the quoted packet ends in its header");
        let h = bytes.first_chunk::<{ v4::LEN }>().ok_or(SHORT)?;
        let header_len = usize::from(h[0] & 0xf) * 4;
        let payload = bytes.get(header_len.max(v4::LEN)..).ok_or(SHORT)?;
        if u16::from_be_bytes([h[6], h[7]]) & 0x1fff != 0 {
            return Err(Malformed::new("the quoted packet is a later fragment"));
        }
        Ok(Self {
            source: IpAddr::from([h[12], h[13], h[14], h[15]]),
            destination: IpAddr::from([h[16], h[17], h[18], h[19]]),
            protocol: Protocol(h[9]),
            payload,
            packet_len: usize::from(u16::from_be_bytes([h[2], h[3]])),
        })
    }

    fn parse_v6(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (header, rest, packet_len) = v6::parse_cut_short(bytes)?;
        let upper = v6::walk(header.next, rest)
            .map_err(|_| Malformed::new("the quoted packet ends in its headers"))?;
        if upper.fragment.is_some_and(|fragment| fragment.offset > 0) {
            return Err(Malformed::new("the quoted packet is a later fragment"));
        }
        Ok(Self {
            source: header.source.into(),
            destination: header.destination.into(),
            protocol: upper.protocol,
            payload: upper.payload,
            packet_len,
        })
    }
}
