//! SETTINGS: the peer's, and its word that it has ours. (RFC 9113 §6.5)

use base::Cx;

use super::table_len;
use crate::flow::WINDOW_INITIAL;
use crate::machine::{Connection, Role};
use crate::settings::emit_ack;
use crate::wire::{Flags, FrameHeader, SettingId, read_settings};
use crate::{Fault, Seen, Timer, Why};

impl Connection {
    pub(super) fn take_settings(
        &mut self,
        cx: &mut Cx<'_>,
        header: &FrameHeader,
        payload: &[u8],
    ) -> Result<(), Fault> {
        if header.stream != 0 {
            return Err(Fault::connection(Why::WrongStream));
        }
        if header.flags.has(Flags::ACK) {
            if !payload.is_empty() {
                return Err(Fault::connection(Why::AckWithPayload));
            }
            return self.settings_acknowledged(cx);
        }
        if self.recv.has_settings {
            self.abuse.count_control(cx)?;
        } else {
            self.recv.has_settings = true;
            self.begin_idle(cx);
        }
        self.apply_settings(cx, payload)?;
        // RFC 9113 §6.5.3: all of them hold from here on, and the peer is told.
        emit_ack(self.send.urgent(cx));
        Ok(())
    }

    /// RFC 7540 §3.2.1: what came in HTTP2-Settings.
    pub(crate) fn take_upgrade_settings(
        &mut self,
        cx: &mut Cx<'_>,
        settings: &[u8],
    ) -> Result<(), Fault> {
        self.apply_settings(cx, settings)
    }

    /// Values are taken in their order (RFC 9113 §6.5.3); what they change in streams is done once,
    /// for the last of them, so that a frame of many costs no more than one.
    fn apply_settings(&mut self, cx: &mut Cx<'_>, payload: &[u8]) -> Result<(), Fault> {
        let before = self.peer;
        self.peer.begin();
        for (name, value) in read_settings(payload)? {
            cx.note(|| Seen::SettingIn { name, value });
            if !self.peer.take(self.role, name, value)? {
                cx.note(|| Seen::Ignored { stream: 0, why: Why::SettingUnknown });
            }
            if name == SettingId::HeaderTableSize {
                // RFC 9113 §4.3.1: the peer limits our table; RFC 7541 §4.2: the smallest value in
                // between counts, too.
                self.send.set_table_len_max(value);
            }
        }
        if !self.peer.push {
            // Who has said no once is not asked again, and needs no memory for it.
            self.send.sent = None;
        }
        if self.peer.window != before.window {
            self.abuse.count_shifts(cx, self.streams.len())?;
            self.shift_send_windows(cx, i64::from(self.peer.window) - i64::from(before.window))?;
        }
        Ok(())
    }

    /// RFC 9113 §6.5.3: from here on the peer keeps to what we have said.
    fn settings_acknowledged(&mut self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        if !std::mem::replace(&mut self.recv.awaits_ack, false) {
            return self.ignore(cx, 0, Why::AckUnexpected);
        }
        cx.note(|| Seen::SettingsAcknowledged);
        self.timers.clear(Timer::Settings);
        self.recv.decoder.set_table_len_max(table_len(&self.config));
        self.recv.requests.forget();
        self.recv.stream_window = self.config.window.min(crate::flow::WINDOW_MAX);
        let by = i64::from(self.recv.stream_window) - i64::from(WINDOW_INITIAL);
        for slot in self.streams.slots().filter(|_| by != 0) {
            let Some(stream) = self.streams.at_mut(slot) else { continue };
            stream.inbound.window.shift(by);
            // What is free already may be a good part of a window that is smaller now.
            self.update_stream(cx, slot);
        }
        Ok(())
    }

    /// Whether the peer may promise something.
    pub(super) fn may_be_promised(&self) -> bool {
        // RFC 9113 §6.6: a server promises; and not to whom it knows does not want it.
        self.role == Role::Client && (self.config.push || self.recv.awaits_ack)
    }
}
