use std::fmt;

/// What a client sends before its first frame (RFC 9113 §3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long the head of a frame is (RFC 9113 §4.1).
pub(crate) const HEADER_LEN: usize = 9;

/// How long the fields of the old priorities are (RFC 9113 §6.3).
pub(crate) const PRIORITY_LEN: usize = 5;

/// The head of a frame: 24 bits of length, a type, flags, a reserved bit and 31 bits of stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct FrameHeader {
    pub(crate) len: u32,
    pub(crate) kind: Kind,
    pub(crate) flags: Flags,
    pub(crate) stream: u32,
}

/// What a frame is (RFC 9113 §6, RFC 9218 §7.1, RFC 7838 §4, RFC 8336 §2).
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
#[allow(missing_docs)]
pub enum Kind {
    Data,
    Headers,
    Priority,
    RstStream,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
    AltSvc,
    Origin,
    PriorityUpdate,
    /// A type we do not know, by its number.
    Unknown(u8),
}

impl Kind {
    #[inline]
    const fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::Data,
            1 => Self::Headers,
            2 => Self::Priority,
            3 => Self::RstStream,
            4 => Self::Settings,
            5 => Self::PushPromise,
            6 => Self::Ping,
            7 => Self::GoAway,
            8 => Self::WindowUpdate,
            9 => Self::Continuation,
            10 => Self::AltSvc,
            12 => Self::Origin,
            16 => Self::PriorityUpdate,
            other => Self::Unknown(other),
        }
    }

    #[inline]
    const fn to_byte(self) -> u8 {
        match self {
            Self::Data => 0,
            Self::Headers => 1,
            Self::Priority => 2,
            Self::RstStream => 3,
            Self::Settings => 4,
            Self::PushPromise => 5,
            Self::Ping => 6,
            Self::GoAway => 7,
            Self::WindowUpdate => 8,
            Self::Continuation => 9,
            Self::AltSvc => 10,
            Self::Origin => 12,
            Self::PriorityUpdate => 16,
            Self::Unknown(other) => other,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Data => "DATA",
            Self::Headers => "HEADERS",
            Self::Priority => "PRIORITY",
            Self::RstStream => "RST_STREAM",
            Self::Settings => "SETTINGS",
            Self::PushPromise => "PUSH_PROMISE",
            Self::Ping => "PING",
            Self::GoAway => "GOAWAY",
            Self::WindowUpdate => "WINDOW_UPDATE",
            Self::Continuation => "CONTINUATION",
            Self::AltSvc => "ALTSVC",
            Self::Origin => "ORIGIN",
            Self::PriorityUpdate => "PRIORITY_UPDATE",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(byte) => write!(f, "unknown({byte:#04x})"),
            known => f.write_str(known.name()),
        }
    }
}

/// The flags of a frame; what a bit means depends on the type (RFC 9113 §6).
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Flags {
    pub(crate) bits: u8,
    kind: Kind,
}

impl Flags {
    /// DATA, HEADERS: the last frame of the message.
    pub(crate) const END_STREAM: u8 = 0x1;
    /// SETTINGS, PING: the answer to one.
    pub(crate) const ACK: u8 = 0x1;
    /// HEADERS, PUSH_PROMISE, CONTINUATION: the last frame of the block.
    pub(crate) const END_HEADERS: u8 = 0x4;
    /// DATA, HEADERS, PUSH_PROMISE: padding follows.
    pub(crate) const PADDED: u8 = 0x8;
    /// HEADERS: the fields of the old priorities are there.
    pub(crate) const PRIORITY: u8 = 0x20;

    #[inline]
    pub(crate) const fn has(self, bit: u8) -> bool {
        self.bits & bit != 0
    }

    /// The flags that a type knows, with their names; every other bit is ignored (RFC 9113 §4.1).
    const fn names(kind: Kind) -> &'static [(u8, &'static str)] {
        match kind {
            Kind::Data => &[(Self::END_STREAM, "END_STREAM"), (Self::PADDED, "PADDED")],
            Kind::Headers => &[
                (Self::END_STREAM, "END_STREAM"),
                (Self::END_HEADERS, "END_HEADERS"),
                (Self::PADDED, "PADDED"),
                (Self::PRIORITY, "PRIORITY"),
            ],
            Kind::Settings | Kind::Ping => &[(Self::ACK, "ACK")],
            Kind::PushPromise => &[(Self::END_HEADERS, "END_HEADERS"), (Self::PADDED, "PADDED")],
            Kind::Continuation => &[(Self::END_HEADERS, "END_HEADERS")],
            _ => &[],
        }
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.bits;
        let mut separator = "";
        for (bit, name) in Self::names(self.kind) {
            if self.has(*bit) {
                write!(f, "{separator}{name}")?;
                separator = "|";
                rest &= !bit;
            }
        }
        match (rest, separator) {
            (0, "") => f.write_str("-"),
            (0, _) => Ok(()),
            _ => write!(f, "{separator}{rest:#04x}"),
        }
    }
}

impl FrameHeader {
    pub(crate) const fn new(kind: Kind, flags: u8, stream: u32, len: u32) -> Self {
        Self { len, kind, flags: Flags { bits: flags, kind }, stream }
    }

    /// The head that `bytes` begin with, if all of it is there. The reserved bit is ignored
    /// (RFC 9113 §4.1).
    #[inline]
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let &[l0, l1, l2, kind, flags, s0, s1, s2, s3] = bytes.first_chunk::<HEADER_LEN>()?;
        let len = u32::from_be_bytes([0, l0, l1, l2]);
        let stream = u32::from_be_bytes([s0, s1, s2, s3]) & 0x7fff_ffff;
        Some(Self::new(Kind::from_byte(kind), flags, stream, len))
    }

    /// Its nine bytes.
    #[inline]
    pub(crate) const fn emit(self) -> [u8; HEADER_LEN] {
        let [_, l0, l1, l2] = self.len.to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.to_be_bytes();
        [l0, l1, l2, self.kind.to_byte(), self.flags.bits, s0, s1, s2, s3]
    }
}

/// Begins a frame whose length is known when it ends; says where it began.
#[inline]
pub(crate) fn begin_frame(kind: Kind, flags: u8, stream: u32, out: &mut Vec<u8>) -> usize {
    let at = out.len();
    out.extend_from_slice(&FrameHeader::new(kind, flags, stream, 0).emit());
    at
}

/// Ends the frame that began at `at` and is not longer than 2²⁴ − 1.
#[inline]
pub(crate) fn end_frame(at: usize, out: &mut [u8]) {
    let len = out.len() - at - HEADER_LEN;
    let [_, l0, l1, l2] = (len as u32).to_be_bytes();
    if let Some(place) = out.get_mut(at..at + 3) {
        place.copy_from_slice(&[l0, l1, l2]);
    }
}
