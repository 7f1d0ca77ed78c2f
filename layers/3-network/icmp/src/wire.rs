//! Messages of both versions: bytes ⇄ values. (RFC 792, RFC 4443 §2.1)

use std::net::Ipv6Addr;

use base::checksum::{self, Sum};
use base::{Malformed, TxBuf};

/// The number of ICMPv6 in a pseudo header. (RFC 4443 §2.3)
const ICMPV6: u8 = 58;

/// How much of a packet an error quotes, so that all of it stays within the 576 bytes that everybody
/// takes: RFC 1812 §4.3.2.3, less the headers of IP and ICMP.
pub const QUOTE_MAX_V4: usize = 576 - 20 - 8;

/// The same for IPv6: all of it stays within the least MTU. (RFC 4443 §2.4 (c))
pub const QUOTE_MAX_V6: usize = 1280 - 40 - 8;

/// A message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Message<'a> {
    /// Are you there?
    EchoRequest {
        /// Who asks, among all who ask on that host.
        id: u16,
        /// Which question of them.
        seq: u16,
        /// What is to be sent back.
        data: &'a [u8],
    },
    /// I am.
    EchoReply {
        /// As in the request.
        id: u16,
        /// As in the request.
        seq: u16,
        /// As in the request.
        data: &'a [u8],
    },
    /// A packet did not arrive.
    Error {
        /// Why.
        error: Error,
        /// How the packet began.
        quote: &'a [u8],
    },
    /// Something else; the neighbour discovery of IPv6 and its reports of groups are among it.
    Other {
        /// The type.
        kind: u8,
        /// The code.
        code: u8,
        /// What follows the checksum.
        body: &'a [u8],
    },
}

/// Why a packet did not arrive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Error {
    /// It cannot be delivered.
    Unreachable(Unreachable),
    /// It is too long for a link on the way, and may not be cut.
    TooBig {
        /// The longest that would go, in bytes; 0 if the router did not say (RFC 1191 §4).
        mtu: u32,
    },
    /// It was under way too long.
    TimeExceeded(Exceeded),
    /// Its header is wrong.
    ParameterProblem {
        /// How.
        code: u8,
        /// Where, in bytes from its first.
        pointer: u32,
    },
}

/// Who cannot be reached. (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1, RFC 4443 §3.1)
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unreachable {
    /// There is no route.
    Net,
    /// There is a route, but the host does not answer.
    Host,
    /// Nobody there knows what the packet carries.
    Protocol,
    /// Nobody there listens.
    Port,
    /// Somebody does not want it to pass.
    Prohibited,
    /// The source's address does not reach so far. (RFC 4443 §3.1, code 2)
    BeyondScope,
    /// Something else, by its code.
    Other(u8),
}

/// What took too long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exceeded {
    /// It was passed on too often.
    Hops,
    /// Not all of its fragments came.
    Reassembly,
}

/// How seriously an error is to be taken. (RFC 1122 §4.2.3.9, RFC 5927 §4)
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Severity {
    /// It may pass; a connection goes on trying.
    Soft,
    /// It will not; a connection that is not yet established ends.
    Hard,
    /// Nothing is wrong but the length.
    PathMtu,
}

impl<'a> Message<'a> {
    /// Reads a message of IPv4. `is_verified`: it has never been on a cable, so its checksum was
    /// left open.
    ///
    /// # Errors
    /// For what is too short, and a wrong checksum.
    pub fn parse_v4(bytes: &'a [u8], is_verified: bool) -> Result<Self, Malformed> {
        let (head, body) = split(bytes)?;
        if !is_verified && checksum::of(bytes) != 0 {
            return Err(Malformed::new("ICMP checksum"));
        }
        let [kind, code, _, _, a, b, c, d] = head;
        let (id, seq) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let error = match (kind, code) {
            (8, 0) => return Ok(Message::EchoRequest { id, seq, data: body }),
            (0, 0) => return Ok(Message::EchoReply { id, seq, data: body }),
            // RFC 1191 §4: the MTU stands in what was unused.
            (3, 4) => Error::TooBig { mtu: u32::from(seq) },
            (3, code) => Error::Unreachable(Unreachable::from_v4(code)),
            (11, 0) => Error::TimeExceeded(Exceeded::Hops),
            (11, 1) => Error::TimeExceeded(Exceeded::Reassembly),
            (12, code) => Error::ParameterProblem { code, pointer: a.into() },
            _ => return Ok(Message::Other { kind, code, body: bytes.get(4..).unwrap_or(body) }),
        };
        Ok(Message::Error { error, quote: body })
    }

    /// Reads a message of IPv6, whose checksum covers the addresses too. (RFC 4443 §2.3)
    ///
    /// # Errors
    /// For what is too short, and a wrong checksum.
    pub fn parse_v6(
        bytes: &'a [u8],
        (source, destination): (Ipv6Addr, Ipv6Addr),
        is_verified: bool,
    ) -> Result<Self, Malformed> {
        let (head, body) = split(bytes)?;
        let mut sum = Sum::pseudo_v6(source, destination, ICMPV6, bytes.len());
        sum.add(bytes);
        if !is_verified && sum.finish() != 0 {
            return Err(Malformed::new("ICMPv6 checksum"));
        }
        let [kind, code, _, _, a, b, c, d] = head;
        let (id, seq) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let word = u32::from_be_bytes([a, b, c, d]);
        let error = match (kind, code) {
            (128, 0) => return Ok(Message::EchoRequest { id, seq, data: body }),
            (129, 0) => return Ok(Message::EchoReply { id, seq, data: body }),
            (1, code) => Error::Unreachable(Unreachable::from_v6(code)),
            (2, _) => Error::TooBig { mtu: word },
            (3, 0) => Error::TimeExceeded(Exceeded::Hops),
            (3, 1) => Error::TimeExceeded(Exceeded::Reassembly),
            (4, code) => Error::ParameterProblem { code, pointer: word },
            _ => return Ok(Message::Other { kind, code, body: bytes.get(4..).unwrap_or(body) }),
        };
        Ok(Message::Error { error, quote: body })
    }

    /// Writes the message of IPv4 in front of what `out` holds, which must be nothing.
    pub fn emit_v4(&self, out: &mut TxBuf) {
        let (kind, code, [a, b, c, d], body) = match *self {
            Message::EchoRequest { id, seq, data } => (8, 0, pair(id, seq), data),
            Message::EchoReply { id, seq, data } => (0, 0, pair(id, seq), data),
            Message::Error { error, quote } => {
                let (kind, code, word) = error.to_v4();
                (kind, code, word, quote.get(..QUOTE_MAX_V4).unwrap_or(quote))
            }
            Message::Other { kind, code, body } => return emit_other(kind, code, body, 0, out),
        };
        out.append(body);
        out.prepend([kind, code, 0, 0, a, b, c, d]);
        out.leave_checksum(2);
    }

    /// Writes the message of IPv6 in front of what `out` holds, which must be nothing.
    pub fn emit_v6(&self, source: Ipv6Addr, destination: Ipv6Addr, out: &mut TxBuf) {
        let pseudo = |len| Sum::pseudo_v6(source, destination, ICMPV6, len).folded();
        let (kind, code, [a, b, c, d], body) = match *self {
            Message::EchoRequest { id, seq, data } => (128, 0, pair(id, seq), data),
            Message::EchoReply { id, seq, data } => (129, 0, pair(id, seq), data),
            Message::Error { error, quote } => {
                let (kind, code, word) = error.to_v6();
                (kind, code, word, quote.get(..QUOTE_MAX_V6).unwrap_or(quote))
            }
            Message::Other { kind, code, body } => {
                return emit_other(kind, code, body, pseudo(4 + body.len()), out);
            }
        };
        out.append(body);
        let [s, m] = pseudo(8 + body.len()).to_be_bytes();
        out.prepend([kind, code, s, m, a, b, c, d]);
        out.leave_checksum(2);
    }
}

fn split(bytes: &[u8]) -> Result<([u8; 8], &[u8]), Malformed> {
    let (head, body) =
        bytes.split_first_chunk().ok_or(Malformed::new("shorter than an ICMP message"))?;
    Ok((*head, body))
}

fn emit_other(kind: u8, code: u8, body: &[u8], pseudo: u16, out: &mut TxBuf) {
    out.append(body);
    let [s, m] = pseudo.to_be_bytes();
    out.prepend([kind, code, s, m]);
    out.leave_checksum(2);
}

const fn pair(id: u16, seq: u16) -> [u8; 4] {
    (((id as u32) << 16) | seq as u32).to_be_bytes()
}

impl Error {
    /// How seriously it is to be taken.
    ///
    /// RFC 1122 §4.2.3.9: no route, a host that does not answer and packets that took too long may
    /// pass; a protocol or port that nobody wants will not. What is prohibited is a rule, but rules
    /// are for hosts that lie, so it ends no connection that works (RFC 5927 §4).
    pub const fn severity(self) -> Severity {
        match self {
            Self::TooBig { .. } => Severity::PathMtu,
            Self::TimeExceeded(_) => Severity::Soft,
            Self::Unreachable(why) => match why {
                Unreachable::Protocol | Unreachable::Port | Unreachable::Prohibited => {
                    Severity::Hard
                }
                _ => Severity::Soft,
            },
            // RFC 4443 §3.4 code 1: nobody there knows what the packet carries, as IPv6 says it.
            Self::ParameterProblem { code: 1, .. } => Severity::Hard,
            Self::ParameterProblem { .. } => Severity::Soft,
        }
    }

    /// Type, code, and the word behind the checksum.
    fn to_v4(self) -> (u8, u8, [u8; 4]) {
        match self {
            Self::Unreachable(why) => (3, why.to_v4(), [0; 4]),
            Self::TooBig { mtu } => (3, 4, pair(0, u16::try_from(mtu).unwrap_or(u16::MAX))),
            Self::TimeExceeded(Exceeded::Hops) => (11, 0, [0; 4]),
            Self::TimeExceeded(Exceeded::Reassembly) => (11, 1, [0; 4]),
            Self::ParameterProblem { code, pointer } => (12, code, [pointer as u8, 0, 0, 0]),
        }
    }

    fn to_v6(self) -> (u8, u8, [u8; 4]) {
        match self {
            Self::Unreachable(why) => (1, why.to_v6(), [0; 4]),
            Self::TooBig { mtu } => (2, 0, mtu.to_be_bytes()),
            Self::TimeExceeded(Exceeded::Hops) => (3, 0, [0; 4]),
            Self::TimeExceeded(Exceeded::Reassembly) => (3, 1, [0; 4]),
            Self::ParameterProblem { code, pointer } => (4, code, pointer.to_be_bytes()),
        }
    }
}

impl Unreachable {
    /// RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1; what says the same is one.
    const fn from_v4(code: u8) -> Self {
        match code {
            0 | 6 | 11 => Self::Net,
            1 | 7 | 12 => Self::Host,
            2 => Self::Protocol,
            3 => Self::Port,
            9 | 10 | 13 => Self::Prohibited,
            other => Self::Other(other),
        }
    }

    const fn to_v4(self) -> u8 {
        match self {
            Self::Net | Self::BeyondScope => 0,
            Self::Host => 1,
            Self::Protocol => 2,
            Self::Port => 3,
            Self::Prohibited => 13,
            Self::Other(code) => code,
        }
    }

    /// RFC 4443 §3.1.
    const fn from_v6(code: u8) -> Self {
        match code {
            0 => Self::Net,
            1 | 5 | 6 => Self::Prohibited,
            2 => Self::BeyondScope,
            3 => Self::Host,
            4 => Self::Port,
            other => Self::Other(other),
        }
    }

    const fn to_v6(self) -> u8 {
        match self {
            Self::Net => 0,
            Self::Prohibited => 1,
            Self::BeyondScope => 2,
            // IPv6 says it with a parameter problem; who asks for this means the host.
            Self::Host | Self::Protocol => 3,
            Self::Port => 4,
            Self::Other(code) => code,
        }
    }
}
