use std::fmt;

use crate::Why;

/// How long a setting is on the wire (RFC 9113 §6.5.1).
pub(crate) const SETTING_LEN: usize = 6;

/// The name of a setting (RFC 9113 §6.5.2, RFC 8441 §3, RFC 9218 §2.1).
#[derive(Clone, Copy, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum SettingId {
    HeaderTableSize,
    EnablePush,
    MaxConcurrentStreams,
    InitialWindowSize,
    MaxFrameSize,
    MaxHeaderListSize,
    EnableConnectProtocol,
    NoRfc7540Priorities,
    /// One we do not know, by its number.
    Unknown(u16),
}

impl SettingId {
    const fn from_number(number: u16) -> Self {
        match number {
            1 => Self::HeaderTableSize,
            2 => Self::EnablePush,
            3 => Self::MaxConcurrentStreams,
            4 => Self::InitialWindowSize,
            5 => Self::MaxFrameSize,
            6 => Self::MaxHeaderListSize,
            8 => Self::EnableConnectProtocol,
            9 => Self::NoRfc7540Priorities,
            other => Self::Unknown(other),
        }
    }

    const fn to_number(self) -> u16 {
        match self {
            Self::HeaderTableSize => 1,
            Self::EnablePush => 2,
            Self::MaxConcurrentStreams => 3,
            Self::InitialWindowSize => 4,
            Self::MaxFrameSize => 5,
            Self::MaxHeaderListSize => 6,
            Self::EnableConnectProtocol => 8,
            Self::NoRfc7540Priorities => 9,
            Self::Unknown(other) => other,
        }
    }
}

impl fmt::Debug for SettingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HeaderTableSize => "HEADER_TABLE_SIZE",
            Self::EnablePush => "ENABLE_PUSH",
            Self::MaxConcurrentStreams => "MAX_CONCURRENT_STREAMS",
            Self::InitialWindowSize => "INITIAL_WINDOW_SIZE",
            Self::MaxFrameSize => "MAX_FRAME_SIZE",
            Self::MaxHeaderListSize => "MAX_HEADER_LIST_SIZE",
            Self::EnableConnectProtocol => "ENABLE_CONNECT_PROTOCOL",
            Self::NoRfc7540Priorities => "NO_RFC7540_PRIORITIES",
            Self::Unknown(other) => return write!(f, "unknown({other:#06x})"),
        })
    }
}

/// The settings in a payload, in order; errs when it is no multiple of six bytes (RFC 9113 §6.5).
pub(crate) fn read_settings(
    payload: &[u8],
) -> Result<impl Iterator<Item = (SettingId, u32)> + '_, Why> {
    let (settings, rest) = payload.as_chunks::<SETTING_LEN>();
    if !rest.is_empty() {
        return Err(Why::SettingsLength);
    }
    Ok(settings.iter().map(|&[n0, n1, v0, v1, v2, v3]| {
        let id = SettingId::from_number(u16::from_be_bytes([n0, n1]));
        (id, u32::from_be_bytes([v0, v1, v2, v3]))
    }))
}

/// Writes one setting.
pub(crate) fn emit_setting(id: SettingId, value: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&id.to_number().to_be_bytes());
    out.extend_from_slice(&value.to_be_bytes());
}
