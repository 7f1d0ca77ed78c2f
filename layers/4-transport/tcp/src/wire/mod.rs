//! Segments: bytes ⇄ values. (RFC 9293 §3.1, §3.2)
//!
//! ```text
//!   0                   1                   2                   3
//!  |          source port          |       destination port        |
//!  |                        sequence number                        |
//!  |                     acknowledgement number                    |
//!  | offset|     |A|C|E|U|A|P|R|S|F|            window             |
//!  |           checksum            |         urgent pointer        |
//!  |                        options, padding                       |
//! ```

mod flags;
mod options;

use base::Malformed;

pub use flags::Flags;
pub use ip::Ecn;
pub use options::{Cookie, Layout, OPTIONS_LEN_MAX, Options, SackBlocks};

use crate::Seq;

/// The length of a header without options.
pub const HEADER_LEN: usize = 20;

/// The longest header that the data offset can say: fifteen words of four bytes.
pub const HEADER_LEN_MAX: usize = 60;

/// Everything that stands before the payload, but for the checksum.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Header {
    /// From which port.
    pub source: u16,
    /// To which port.
    pub destination: u16,
    /// The number of the first byte, or of the SYN.
    pub seq: Seq,
    /// The next number that the sender expects; it means something when [`Flags::ACK`] is set.
    pub ack: Seq,
    /// The control bits.
    pub flags: Flags,
    /// The window as it stands on the wire, before it is scaled.
    pub window: u16,
    /// Where urgent data ends, counted from `seq`; it means something when [`Flags::URG`] is set.
    pub urgent: u16,
    /// The options.
    pub options: Options,
}

/// A segment that came in.
#[derive(Clone, Debug)]
pub struct Segment<'a> {
    /// What stands before the payload.
    pub header: Header,
    /// The bytes that are carried.
    pub payload: &'a [u8],
    /// When a device has merged several segments of one flow, the payload length of each (the last
    /// may be shorter); otherwise 0. Acknowledgements count segments and not what was merged.
    pub segment_len: u16,
}

impl Header {
    /// Reads a header; returns it and what follows. The checksum is the caller's to verify: it
    /// covers the addresses below.
    ///
    /// # Errors
    /// The data offset points into the fixed part or behind the end. Odd options are no reason to
    /// refuse a segment (RFC 9293 §3.2, MUST-7): they are ignored.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let Some((fixed, rest)) = bytes.split_first_chunk::<HEADER_LEN>() else {
            return Err(Malformed::new("shorter than a TCP header"));
        };
        let [s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, offset, flags, w0, w1, _, _, u0, u1] =
            *fixed;
        let options_len = usize::from(offset >> 4)
            .checked_sub(HEADER_LEN / 4)
            .ok_or(Malformed::new("the data offset points into the header"))?
            * 4;
        let Some((options, payload)) = rest.split_at_checked(options_len) else {
            return Err(Malformed::new("the data offset points behind the end"));
        };
        let header = Self {
            source: u16::from_be_bytes([s0, s1]),
            destination: u16::from_be_bytes([d0, d1]),
            seq: Seq(u32::from_be_bytes([q0, q1, q2, q3])),
            ack: Seq(u32::from_be_bytes([a0, a1, a2, a3])),
            flags: Flags::from_bits(u16::from_be_bytes([offset, flags])),
            window: u16::from_be_bytes([w0, w1]),
            urgent: u16::from_be_bytes([u0, u1]),
            options: Options::parse(options),
        };
        Ok((header, payload))
    }

    /// How long this is on the wire, with its options; at most [`HEADER_LEN_MAX`].
    #[inline]
    pub fn len(&self) -> usize {
        HEADER_LEN + self.options.len()
    }

    /// Always `false`: a header has a fixed part.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Writes the header into `out` with a checksum of 0; returns how much of it was used. The
    /// checksum belongs at [`CHECKSUM_AT`]; the caller, or the device, puts it there.
    #[inline]
    pub fn emit(&self, out: &mut [u8; HEADER_LEN_MAX]) -> usize {
        let len = self.len();
        let [o0, o1] = (self.flags.bits() | ((len / 4) as u16) << 12).to_be_bytes();
        let [s0, s1] = self.source.to_be_bytes();
        let [d0, d1] = self.destination.to_be_bytes();
        let [q0, q1, q2, q3] = self.seq.0.to_be_bytes();
        let [a0, a1, a2, a3] = self.ack.0.to_be_bytes();
        let [w0, w1] = self.window.to_be_bytes();
        let [u0, u1] = self.urgent.to_be_bytes();
        let fixed = [s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, o0, o1, w0, w1, 0, 0, u0, u1];
        if let Some((front, options)) = out.split_first_chunk_mut::<HEADER_LEN>()
            && let Some(options) = options.first_chunk_mut()
        {
            *front = fixed;
            self.options.emit(options);
        }
        len
    }
}

/// Where the checksum stands in a header, in bytes.
pub const CHECKSUM_AT: usize = 16;

impl Segment<'_> {
    /// Reads a segment that came as one.
    ///
    /// # Errors
    /// As [`Header::parse`].
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<Segment<'_>, Malformed> {
        let (header, payload) = Header::parse(bytes)?;
        Ok(Segment { header, payload, segment_len: 0 })
    }

    /// SEG.LEN: how many sequence numbers it takes, with those of SYN and FIN (RFC 9293 §3.3.1).
    #[inline]
    pub fn len(&self) -> u32 {
        let controls = u32::from(self.header.flags.has(Flags::SYN))
            + u32::from(self.header.flags.has(Flags::FIN));
        self.payload.len() as u32 + controls
    }

    /// Whether it takes no sequence number: a bare acknowledgement or a reset.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number behind its last.
    #[inline]
    pub fn end(&self) -> Seq {
        self.header.seq + self.len()
    }
}
