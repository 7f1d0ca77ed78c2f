//! What is wrong, who is to blame, and what it ends.

use crate::Why;
use crate::wire::ErrorCode;

/// An error of HTTP/2: it ends one stream or the connection (RFC 9113 §5.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fault {
    /// What it ends.
    pub scope: Scope,
    /// Who caused it.
    pub blame: Blame,
    /// The reason.
    pub why: Why,
}

/// What an error ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scope {
    /// Everything: GOAWAY is sent, and the connection closed (RFC 9113 §5.4.1).
    Connection,
    /// One exchange: RST_STREAM is sent (RFC 9113 §5.4.2).
    Stream(u32),
}

/// Who caused an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Blame {
    /// Whoever is at the other end.
    Peer,
    /// This end of the connection: a limit, or the end of the program.
    Us,
    /// Whoever uses this end.
    User,
}

impl Fault {
    pub(crate) const fn connection(why: Why) -> Self {
        Self { scope: Scope::Connection, blame: why.blame(), why }
    }

    pub(crate) const fn stream(id: u32, why: Why) -> Self {
        Self { scope: Scope::Stream(id), blame: why.blame(), why }
    }
}

/// Whose reason it is, where nothing else is said, is a matter of the whole connection.
impl From<Why> for Fault {
    fn from(why: Why) -> Self {
        Self::connection(why)
    }
}

/// What the peer is told.
impl From<Why> for ErrorCode {
    fn from(why: Why) -> Self {
        match why {
            Why::SaidClose
            | Why::Idle
            | Why::ShuttingDown
            | Why::StreamsUsedUp
            | Why::BodyUnread => Self::NO_ERROR,
            Why::LengthBroken | Why::UserError => Self::INTERNAL_ERROR,
            Why::WindowOverflow | Why::WindowExceeded | Why::InitialWindowTooLarge => {
                Self::FLOW_CONTROL_ERROR
            }
            Why::SettingsNotAcknowledged => Self::SETTINGS_TIMEOUT,
            Why::StreamClosed | Why::HalfClosed => Self::STREAM_CLOSED,
            Why::FrameTooLong
            | Why::FrameTooShort
            | Why::FrameLength
            | Why::SettingsLength
            | Why::AckWithPayload => Self::FRAME_SIZE_ERROR,
            Why::TooManyStreams | Why::BeyondGoAway | Why::GoingAway => Self::REFUSED_STREAM,
            Why::UserReset | Why::PushUnwanted | Why::WindowStalled | Why::BodyTooSlow => {
                Self::CANCEL
            }
            Why::Compression => Self::COMPRESSION_ERROR,
            Why::TooManyResets
            | Why::TooManyControlFrames
            | Why::TooManyContinuations
            | Why::BlockTooLong
            | Why::FieldsTooLarge
            | Why::HeadTooSlow
            | Why::WindowsAllStalled => Self::ENHANCE_YOUR_CALM,
            _ => Self::PROTOCOL_ERROR,
        }
    }
}
