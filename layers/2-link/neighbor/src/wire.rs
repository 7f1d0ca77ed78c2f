//! ARP packets: bytes ⇄ values. (RFC 826, "Packet format")

use std::net::Ipv4Addr;

use base::{Mac, Malformed, TxBuf};

/// The length of an ARP packet for IPv4 over Ethernet, in bytes.
pub const LEN: usize = 28;

/// Hardware type Ethernet, protocol type IPv4, and the lengths of their addresses.
const KINDS: [u8; 6] = [0, 1, 8, 0, 6, 4];

/// An ARP packet for IPv4 over Ethernet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Packet {
    /// Question or answer.
    pub operation: Operation,
    /// Who speaks.
    pub sender: (Mac, Ipv4Addr),
    /// Who is asked about; the hardware address means nothing in a request.
    pub target: (Mac, Ipv4Addr),
}

/// The operation field (`ar$op`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum Operation {
    Request,
    Reply,
}

impl Packet {
    /// Reads a packet; bytes after it are padding.
    ///
    /// # Errors
    /// For what is too short, is not about IPv4 over Ethernet, or neither asks nor answers.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let Some((kinds, rest)) = bytes.split_first_chunk::<6>() else {
            return Err(Malformed::new("shorter than an ARP packet"));
        };
        let Some((p, _padding)) = rest.split_first_chunk::<{ LEN - 6 }>() else {
            return Err(Malformed::new("shorter than an ARP packet"));
        };
        if *kinds != KINDS {
            return Err(Malformed::new("ARP for something else than IPv4 over Ethernet"));
        }
        let operation = match [p[0], p[1]] {
            [0, 1] => Operation::Request,
            [0, 2] => Operation::Reply,
            _ => return Err(Malformed::new("ARP operation")),
        };
        let mac = |at: usize| Mac(std::array::from_fn(|n| p.get(at + n).copied().unwrap_or(0)));
        Ok(Self {
            operation,
            sender: (mac(2), Ipv4Addr::new(p[8], p[9], p[10], p[11])),
            target: (mac(12), Ipv4Addr::new(p[18], p[19], p[20], p[21])),
        })
    }

    /// Writes the packet in front of what `out` holds.
    pub fn emit(&self, out: &mut TxBuf) {
        let operation = match self.operation {
            Operation::Request => [0, 1],
            Operation::Reply => [0, 2],
        };
        out.prepend(self.target.1.octets());
        out.prepend(self.target.0.0);
        out.prepend(self.sender.1.octets());
        out.prepend(self.sender.0.0);
        out.prepend(operation);
        out.prepend(KINDS);
    }

    /// Whether it only asks if somebody has the target: its sender has no address yet.
    /// (RFC 5227 §1.1: an ARP probe)
    pub const fn is_probe(&self) -> bool {
        matches!(self.operation, Operation::Request) && self.sender.1.is_unspecified()
    }
}
