//! Datagrams: bytes ⇄ values. (RFC 768)

use std::net::IpAddr;

use base::checksum::Sum;
use base::{Malformed, TxBuf};

/// The number of UDP in the header of IP.
const UDP: u8 = 17;

/// What stands before every payload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// From which port; 0 if nobody waits for an answer.
    pub source_port: u16,
    /// For which port.
    pub destination_port: u16,
}

impl Header {
    /// The length of the header, in bytes.
    pub const LEN: usize = 8;

    /// The longest payload that a packet holds, in bytes.
    pub const fn payload_len_max(destination: IpAddr) -> usize {
        match destination {
            IpAddr::V4(_) => 65_535 - 20 - Self::LEN,
            IpAddr::V6(_) => 65_535 - Self::LEN,
        }
    }

    /// Reads a datagram that came from `source` to `destination`; the rest is the payload.
    ///
    /// The checksum is computed unless `is_verified` says that somebody below has done so.
    ///
    /// # Errors
    /// For what is too short or has a wrong length, and for a wrong checksum. RFC 768: zero means
    /// that there is none. RFC 8200 §8.1: in IPv6 there must be one.
    pub fn parse(
        bytes: &[u8],
        source: IpAddr,
        destination: IpAddr,
        is_verified: bool,
    ) -> Result<(Self, &[u8]), Malformed> {
        let Some(([s, p, d, q, l, n, c, k], _)) = bytes.split_first_chunk::<{ Self::LEN }>() else {
            return Err(Malformed::new("shorter than a UDP header"));
        };
        let len = usize::from(u16::from_be_bytes([*l, *n]));
        let datagram = bytes.get(..len).filter(|_| len >= Self::LEN);
        let Some(datagram) = datagram else { return Err(Malformed::new("UDP length")) };
        match ([*c, *k], destination) {
            ([0, 0], IpAddr::V4(_)) => {}
            ([0, 0], IpAddr::V6(_)) => {
                return Err(Malformed::new("UDP over IPv6 without a checksum"));
            }
            _ if is_verified => {}
            _ => {
                let Some(mut sum) = pseudo(source, destination, len) else {
                    return Err(Malformed::new("addresses of two versions"));
                };
                sum.add(datagram);
                if sum.finish() != 0 {
                    return Err(Malformed::new("UDP checksum"));
                }
            }
        }
        let header = Self {
            source_port: u16::from_be_bytes([*s, *p]),
            destination_port: u16::from_be_bytes([*d, *q]),
        };
        Ok((header, datagram.get(Self::LEN..).unwrap_or_default()))
    }

    /// Reads only the ports: all that an ICMP error need quote. (RFC 792)
    pub fn parse_ports(bytes: &[u8]) -> Option<Self> {
        let [s, p, d, q] = *bytes.first_chunk()?;
        let (source_port, destination_port) =
            (u16::from_be_bytes([s, p]), u16::from_be_bytes([d, q]));
        Some(Self { source_port, destination_port })
    }

    /// Writes the header in front of the payload, which `out` holds, and leaves the checksum open.
    pub fn emit(&self, source: IpAddr, destination: IpAddr, out: &mut TxBuf) {
        let len = Self::LEN + out.len();
        let sum = pseudo(source, destination, len).map_or(0, Sum::folded);
        let ([s, p], [d, q]) =
            (self.source_port.to_be_bytes(), self.destination_port.to_be_bytes());
        let ([l, n], [c, k]) = ((len as u16).to_be_bytes(), sum.to_be_bytes());
        out.prepend([s, p, d, q, l, n, c, k]);
        out.leave_checksum(6);
    }
}

fn pseudo(source: IpAddr, destination: IpAddr, len: usize) -> Option<Sum> {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            Some(Sum::pseudo_v4(source, destination, UDP, len))
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            Some(Sum::pseudo_v6(source, destination, UDP, len))
        }
        _ => None,
    }
}
