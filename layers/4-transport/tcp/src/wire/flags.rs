use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// The control bits of a header.
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct Flags(u16);

impl Flags {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// No more data from the sender.
    pub const FIN: Self = Self(1);
    /// Sequence numbers begin here.
    pub const SYN: Self = Self(1 << 1);
    /// There is no such connection (any more).
    pub const RST: Self = Self(1 << 2);
    /// Hand it to the user now.
    pub const PSH: Self = Self(1 << 3);
    /// The acknowledgement number means something.
    pub const ACK: Self = Self(1 << 4);
    /// The urgent pointer means something.
    pub const URG: Self = Self(1 << 5);
    /// A packet came with congestion marked (RFC 3168).
    pub const ECE: Self = Self(1 << 6);
    /// The sender has slowed down (RFC 3168).
    pub const CWR: Self = Self(1 << 7);
    /// What was the nonce sum; accurate ECN uses it in the handshake (RFC 9768).
    pub const AE: Self = Self(1 << 8);

    /// What the fast path looks past (the sender's PSH is a hint).
    const ALL: u16 = 0x1ff;

    /// The bits as in the header's thirteenth and fourteenth byte; reserved ones are ignored
    /// (RFC 9293 §3.1).
    #[inline]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits & Self::ALL)
    }

    /// The bits as in the header's thirteenth and fourteenth byte.
    #[inline]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether all of `others` are set.
    #[inline]
    pub const fn has(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether one of `others` is set.
    #[inline]
    pub const fn has_any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// These without `others`.
    #[inline]
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// These and, if `condition` holds, `others`.
    #[inline]
    #[must_use]
    pub const fn with_if(self, condition: bool, others: Self) -> Self {
        if condition { Self(self.0 | others.0) } else { self }
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, others: Self) {
        self.0 |= others.0;
    }
}

/// As tcpdump and packetdrill write them: `S.`, `P.`, `FP.`, `SEW`; `-` when there are none.
impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LETTERS: [(Flags, &str); 9] = [
            (Flags::SYN, "S"),
            (Flags::FIN, "F"),
            (Flags::RST, "R"),
            (Flags::PSH, "P"),
            (Flags::URG, "U"),
            (Flags::ECE, "E"),
            (Flags::CWR, "W"),
            (Flags::AE, "A"),
            (Flags::ACK, "."),
        ];
        if self.0 == 0 {
            return f.write_str("-");
        }
        LETTERS.iter().filter(|(flag, _)| self.has(*flag)).try_for_each(|(_, s)| f.write_str(s))
    }
}
