use super::frame::{Flags, FrameHeader, Kind, PRIORITY_LEN};
use super::{ErrorCode, HEADER_LEN};
use crate::Why;

/// 31 bits; the reserved bit is ignored.
const LOW_31: u32 = 0x7fff_ffff;

/// The 32 bits that `bytes` begin with, and what is behind them.
#[inline]
pub(crate) fn read_word(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (word, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*word), rest))
}

/// What of a padded payload is not padding, nor its length (RFC 9113 §6.1).
#[inline]
pub(crate) fn read_padding(flags: Flags, payload: &[u8]) -> Result<&[u8], Why> {
    if !flags.has(Flags::PADDED) {
        return Ok(payload);
    }
    // A frame too short for what its flags promise has a wrong length (§4.2).
    let (&padding, rest) = payload.split_first().ok_or(Why::FrameTooShort)?;
    // RFC 9113 §6.1: padding that fills the frame, or more, is an error of the protocol.
    let len = rest.len().checked_sub(usize::from(padding)).ok_or(Why::PaddingTooLong)?;
    Ok(rest.get(..len).unwrap_or_default())
}

/// The payload of HEADERS, without padding (RFC 9113 §6.2).
pub(crate) struct Headers<'a> {
    /// On which stream this one depends, by the priorities of RFC 7540.
    pub(crate) depends_on: Option<u32>,
    /// The block, or how it begins.
    pub(crate) fragment: &'a [u8],
}

impl<'a> Headers<'a> {
    #[inline]
    pub(crate) fn read(flags: Flags, payload: &'a [u8]) -> Result<Self, Why> {
        let payload = read_padding(flags, payload)?;
        if !flags.has(Flags::PRIORITY) {
            return Ok(Self { depends_on: None, fragment: payload });
        }
        let (priority, fragment) =
            payload.split_at_checked(PRIORITY_LEN).ok_or(Why::FrameTooShort)?;
        let depends_on = read_word(priority).map(|(word, _)| word & LOW_31);
        Ok(Self { depends_on, fragment })
    }
}

/// The payload of PUSH_PROMISE, without padding (RFC 9113 §6.6).
pub(crate) struct Promise<'a> {
    pub(crate) promised: u32,
    pub(crate) fragment: &'a [u8],
}

impl<'a> Promise<'a> {
    pub(crate) fn read(flags: Flags, payload: &'a [u8]) -> Result<Self, Why> {
        let payload = read_padding(flags, payload)?;
        let (word, fragment) = read_word(payload).ok_or(Why::FrameTooShort)?;
        Ok(Self { promised: word & LOW_31, fragment })
    }
}

/// The payload of GOAWAY (RFC 9113 §6.8).
pub(crate) struct GoAway<'a> {
    pub(crate) last: u32,
    pub(crate) code: ErrorCode,
    pub(crate) debug: &'a [u8],
}

impl<'a> GoAway<'a> {
    pub(crate) fn read(payload: &'a [u8]) -> Result<Self, Why> {
        let (last, rest) = read_word(payload).ok_or(Why::FrameTooShort)?;
        let (code, debug) = read_word(rest).ok_or(Why::FrameTooShort)?;
        Ok(Self { last: last & LOW_31, code: ErrorCode(code), debug })
    }
}

/// The payload of PRIORITY_UPDATE (RFC 9218 §7.1).
pub(crate) struct Update<'a> {
    pub(crate) stream: u32,
    pub(crate) value: &'a [u8],
}

impl<'a> Update<'a> {
    pub(crate) fn read(payload: &'a [u8]) -> Result<Self, Why> {
        let (stream, value) = read_word(payload).ok_or(Why::FrameTooShort)?;
        Ok(Self { stream: stream & LOW_31, value })
    }
}

fn emit(kind: Kind, flags: u8, stream: u32, len: u32, out: &mut Vec<u8>) {
    out.reserve(HEADER_LEN + len as usize);
    out.extend_from_slice(&FrameHeader::new(kind, flags, stream, len).emit());
}

/// RST_STREAM (RFC 9113 §6.4).
pub(crate) fn emit_reset(stream: u32, code: ErrorCode, out: &mut Vec<u8>) {
    emit(Kind::RstStream, 0, stream, 4, out);
    out.extend_from_slice(&code.0.to_be_bytes());
}

/// PING (RFC 9113 §6.7).
pub(crate) fn emit_ping(is_ack: bool, opaque: [u8; 8], out: &mut Vec<u8>) {
    emit(Kind::Ping, if is_ack { Flags::ACK } else { 0 }, 0, 8, out);
    out.extend_from_slice(&opaque);
}

/// GOAWAY (RFC 9113 §6.8).
pub(crate) fn emit_go_away(last: u32, code: ErrorCode, debug: &str, out: &mut Vec<u8>) {
    emit(Kind::GoAway, 0, 0, 8 + debug.len() as u32, out);
    out.extend_from_slice(&last.to_be_bytes());
    out.extend_from_slice(&code.0.to_be_bytes());
    out.extend_from_slice(debug.as_bytes());
}

/// WINDOW_UPDATE (RFC 9113 §6.9); stream 0 is the connection.
pub(crate) fn emit_window_update(stream: u32, increment: u32, out: &mut Vec<u8>) {
    emit(Kind::WindowUpdate, 0, stream, 4, out);
    out.extend_from_slice(&increment.to_be_bytes());
}
