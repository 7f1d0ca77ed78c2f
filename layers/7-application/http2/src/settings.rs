//! What both sides have said about themselves. (RFC 9113 §6.5, RFC 8441 §3, RFC 9218 §2.1)

use crate::flow::{WINDOW_INITIAL, WINDOW_MAX};
use crate::machine::Role;
use crate::wire::{Flags, Kind, SettingId, begin_frame, emit_setting, end_frame};
use crate::{Config, Why};

/// The largest frame that everybody takes, and that we take (RFC 9113 §4.2).
pub(crate) const FRAME_LEN_MAX: u32 = 16_384;

/// How many streams a client opens before the server has said how many it takes (RFC 9113 §6.5.2
/// recommends no less than a hundred).
const STREAMS_UNTIL_TOLD: u32 = 100;

/// What the peer has said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) has_spoken: bool,
    pub(crate) push: bool,
    pub(crate) streams_max: u32,
    pub(crate) window: u32,
    pub(crate) frame_len_max: u32,
    pub(crate) table_len_max: u32,
    pub(crate) extended_connect: bool,
    no_old_priorities: Option<bool>,
}

impl Peer {
    /// What holds before it says anything (RFC 9113 §6.5.2).
    pub(crate) const fn new() -> Self {
        Self {
            has_spoken: false,
            push: true,
            streams_max: STREAMS_UNTIL_TOLD,
            window: WINDOW_INITIAL,
            frame_len_max: FRAME_LEN_MAX,
            table_len_max: hpack::TABLE_LEN_DEFAULT,
            extended_connect: false,
            no_old_priorities: None,
        }
    }

    /// The first SETTINGS are here: whoever has not said how many streams it takes takes any number.
    pub(crate) fn begin(&mut self) {
        if !std::mem::replace(&mut self.has_spoken, true) {
            self.streams_max = u32::MAX;
        }
    }

    /// Takes one setting; whether we know it.
    pub(crate) fn take(&mut self, role: Role, id: SettingId, value: u32) -> Result<bool, Why> {
        match id {
            SettingId::HeaderTableSize => self.table_len_max = value,
            SettingId::EnablePush => {
                let push = switch(value)?;
                // RFC 9113 §6.5.2: a server has nothing to allow.
                if push && role == Role::Client {
                    return Err(Why::SettingMalformed);
                }
                self.push = push;
            }
            SettingId::MaxConcurrentStreams => self.streams_max = value,
            // RFC 9113 §6.5.2: above the largest window is an error of flow control.
            SettingId::InitialWindowSize if value > WINDOW_MAX => {
                return Err(Why::InitialWindowTooLarge);
            }
            SettingId::InitialWindowSize => self.window = value,
            SettingId::MaxFrameSize if !(FRAME_LEN_MAX..1 << 24).contains(&value) => {
                return Err(Why::MaxFrameSizeOutOfRange);
            }
            SettingId::MaxFrameSize => self.frame_len_max = value,
            // RFC 9113 §10.5.1: advice. Who sends us more than it takes itself has to live with it.
            SettingId::MaxHeaderListSize => {}
            SettingId::EnableConnectProtocol => {
                let is_on = switch(value)?;
                // RFC 8441 §3: it is not taken back.
                if self.extended_connect && !is_on {
                    return Err(Why::SettingMalformed);
                }
                self.extended_connect = is_on;
            }
            SettingId::NoRfc7540Priorities => {
                let is_on = switch(value)?;
                // RFC 9218 §2.1: it is said in the first SETTINGS and stays.
                if self.no_old_priorities.is_some_and(|before| before != is_on) {
                    return Err(Why::SettingMalformed);
                }
                self.no_old_priorities = Some(is_on);
            }
            SettingId::Unknown(_) => return Ok(false),
        }
        Ok(true)
    }
}

fn switch(value: u32) -> Result<bool, Why> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Why::SettingMalformed),
    }
}

/// What we say, in the one SETTINGS frame that we send; and whether the peer knows it.
pub(crate) fn own(role: Role, config: &Config) -> impl Iterator<Item = (SettingId, u32)> {
    let is_server = role == Role::Server;
    let says_streams = is_server || config.push;
    [
        // RFC 9113 §6.5.2: what is not said is as it always was.
        (SettingId::HeaderTableSize, config.table_len_max, config.table_len_max != 4096),
        (SettingId::EnablePush, config.push.into(), !is_server && !config.push),
        (SettingId::MaxConcurrentStreams, config.streams_max, says_streams),
        (SettingId::InitialWindowSize, config.window, config.window != WINDOW_INITIAL),
        (SettingId::MaxHeaderListSize, config.head_len_max, true),
        (SettingId::EnableConnectProtocol, 1, is_server && config.extended_connect),
        (SettingId::NoRfc7540Priorities, 1, true),
    ]
    .into_iter()
    .filter_map(|(id, value, is_said)| is_said.then_some((id, value)))
}

/// Writes them.
pub(crate) fn emit_own(role: Role, config: &Config, out: &mut Vec<u8>) {
    let at = begin_frame(Kind::Settings, 0, 0, out);
    for (id, value) in own(role, config) {
        emit_setting(id, value, out);
    }
    end_frame(at, out);
}

/// Writes the acknowledgement of the peer's.
pub(crate) fn emit_ack(out: &mut Vec<u8>) {
    begin_frame(Kind::Settings, Flags::ACK, 0, out);
}
