//! Bytes ⇄ frames. (RFC 9113 §4, §6)

mod code;
mod frame;
mod payload;
mod setting;

pub use code::ErrorCode;
pub use frame::{Flags, Kind};
pub(crate) use frame::{FrameHeader, HEADER_LEN, PREFACE, PRIORITY_LEN, begin_frame, end_frame};
pub(crate) use payload::{
    GoAway, Headers, Promise, Update, emit_go_away, emit_ping, emit_reset, emit_window_update,
    read_word,
};
pub use setting::SettingId;
pub(crate) use setting::{emit_setting, read_settings};
