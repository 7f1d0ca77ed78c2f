//! Frames: bytes ⇄ values.

use base::{Mac, Malformed, TxBuf};

/// What marks a tag in the place of the type (IEEE 802.1Q §9.4: TPID of a C-TAG).
const TAG: u16 = 0x8100;

/// The least value that is a type; what is less is a length (IEEE 802.3 §3.2.6).
const TYPE_MIN: u16 = 0x0600;

/// What stands before every payload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// For whom.
    pub destination: Mac,
    /// From whom.
    pub source: Mac,
    /// In which virtual network, if the frame says so.
    pub tag: Option<Tag>,
    /// What the payload is.
    pub ethertype: EtherType,
}

/// A VLAN tag. (IEEE 802.1Q §9.6)
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tag {
    /// The priority code point, 0 to 7.
    pub priority: u8,
    /// Whether the frame is among the first to be dropped.
    pub drop_eligible: bool,
    /// The VLAN identifier, 0 to 4095; 0 says that only the priority counts.
    pub vlan: u16,
}

/// What a payload is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum EtherType {
    Ipv4,
    Arp,
    Ipv6,
    Other(u16),
}

impl From<u16> for EtherType {
    fn from(number: u16) -> Self {
        match number {
            0x0800 => Self::Ipv4,
            0x0806 => Self::Arp,
            0x86dd => Self::Ipv6,
            other => Self::Other(other),
        }
    }
}

impl From<EtherType> for u16 {
    fn from(ethertype: EtherType) -> Self {
        match ethertype {
            EtherType::Ipv4 => 0x0800,
            EtherType::Arp => 0x0806,
            EtherType::Ipv6 => 0x86dd,
            EtherType::Other(other) => other,
        }
    }
}

impl Header {
    /// The length of a header without a tag, in bytes.
    pub const LEN: usize = 14;

    /// The length of a header with a tag, in bytes.
    pub const LEN_TAGGED: usize = 18;

    /// Reads the header; the rest is the payload, and perhaps padding.
    ///
    /// # Errors
    /// For what is too short, or has a length in the place of a type.
    #[inline]
    pub fn parse(frame: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let Some((h, rest)) = frame.split_first_chunk::<{ Self::LEN }>() else {
            return Err(Malformed::new("shorter than an Ethernet header"));
        };
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = *h;
        let (mut number, mut payload, mut tag) = (u16::from_be_bytes([t0, t1]), rest, None);
        if number == TAG {
            let Some(([c0, c1, t0, t1], after)) = rest.split_first_chunk::<4>() else {
                return Err(Malformed::new("shorter than a VLAN tag"));
            };
            tag = Some(Tag::from_control(u16::from_be_bytes([*c0, *c1])));
            (number, payload) = (u16::from_be_bytes([*t0, *t1]), after);
        }
        if number < TYPE_MIN {
            return Err(Malformed::new("a length instead of a type (LLC)"));
        }
        let header = Self {
            destination: Mac([d0, d1, d2, d3, d4, d5]),
            source: Mac([s0, s1, s2, s3, s4, s5]),
            tag,
            ethertype: number.into(),
        };
        Ok((header, payload))
    }

    /// Writes the header in front of what `out` holds.
    #[inline]
    pub fn emit(&self, out: &mut TxBuf) {
        let [t0, t1] = u16::from(self.ethertype).to_be_bytes();
        if let Some(tag) = self.tag {
            let ([p0, p1], [c0, c1]) = (TAG.to_be_bytes(), tag.to_control().to_be_bytes());
            out.prepend([p0, p1, c0, c1, t0, t1]);
        } else {
            out.prepend([t0, t1]);
        }
        out.prepend(self.source.0);
        out.prepend(self.destination.0);
    }

    /// How long this header is, in bytes.
    pub const fn header_len(&self) -> usize {
        if self.tag.is_some() { Self::LEN_TAGGED } else { Self::LEN }
    }
}

impl Tag {
    const fn from_control(control: u16) -> Self {
        Self {
            priority: (control >> 13) as u8,
            drop_eligible: control & 0x1000 != 0,
            vlan: control & 0x0fff,
        }
    }

    const fn to_control(self) -> u16 {
        (self.priority as u16 & 7) << 13 | (self.drop_eligible as u16) << 12 | self.vlan & 0x0fff
    }
}
