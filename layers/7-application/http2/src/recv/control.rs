//! Frames that carry no message. (RFC 9113 §6.3, §6.4, §6.7–§6.9, RFC 9218 §7)

use base::Cx;
use base::xray::Text;

use super::body::MEASURING;
use crate::end::GOING_AWAY;
use crate::machine::{Connection, Role};
use crate::priority::Priority;
use crate::streams::Known;
use crate::wire::{
    ErrorCode, Flags, FrameHeader, GoAway, PRIORITY_LEN, Update, emit_ping, read_word,
};
use crate::{Fault, Seen, Why};

/// How many priorities of streams that are still to come are remembered: a client says one before
/// the request that it belongs to, and sends both together.
const PRIORITIES_MAX: usize = 16;

impl Connection {
    pub(super) fn take_window_update(
        &mut self,
        cx: &mut Cx<'_>,
        header: &FrameHeader,
        payload: &[u8],
    ) -> Result<(), Fault> {
        let id = header.stream;
        // RFC 9113 §6.9: four bytes.
        let Some((word, [])) = read_word(payload) else {
            return Err(Fault::connection(Why::FrameLength));
        };
        let increment = word & 0x7fff_ffff;
        self.abuse.count_control(cx)?;
        if id == 0 {
            self.send.window.grow(increment)?;
            let window = self.send.window.raw();
            cx.note(|| Seen::WindowIn { stream: 0, increment, window });
            self.connection_window_grew();
            return Ok(());
        }
        match self.streams.known(id) {
            Known::Idle => Err(Fault::connection(Why::StreamIdle)),
            // RFC 9113 §5.1: it was on its way when the stream ended.
            Known::Closed | Known::Reset => {
                cx.note(|| Seen::Ignored { stream: id, why: Why::StreamClosed });
                Ok(())
            }
            Known::Slot(slot) => {
                let Some(stream) = self.streams.at_mut(slot) else { return Ok(()) };
                let window = &mut stream.outbound.window;
                window.grow(increment).map_err(|why| Fault::stream(id, why))?;
                let window = window.raw();
                cx.note(|| Seen::WindowIn { stream: id, increment, window });
                self.window_changed(cx, slot);
                Ok(())
            }
        }
    }

    pub(super) fn take_reset(
        &mut self,
        cx: &mut Cx<'_>,
        header: &FrameHeader,
        payload: &[u8],
    ) -> Result<(), Fault> {
        let id = header.stream;
        // RFC 9113 §6.4: both are errors of the connection.
        if id == 0 {
            return Err(Fault::connection(Why::WrongStream));
        }
        let Some((code, [])) = read_word(payload) else {
            return Err(Fault::connection(Why::FrameLength));
        };
        match self.streams.known(id) {
            Known::Idle => Err(Fault::connection(Why::StreamIdle)),
            Known::Closed | Known::Reset => self.ignore(cx, id, Why::StreamClosed),
            Known::Slot(_) => self.stream_was_reset(cx, id, ErrorCode(code)),
        }
    }

    /// RFC 9113 §6.7: whoever asks is answered, before anything else.
    pub(super) fn take_ping(
        &mut self,
        cx: &mut Cx<'_>,
        header: &FrameHeader,
        payload: &[u8],
    ) -> Result<(), Fault> {
        if header.stream != 0 {
            return Err(Fault::connection(Why::WrongStream));
        }
        let Ok(opaque) = <[u8; 8]>::try_from(payload) else {
            return Err(Fault::connection(Why::FrameLength));
        };
        if !header.flags.has(Flags::ACK) {
            self.abuse.count_control(cx)?;
            emit_ping(true, opaque, self.send.urgent(cx));
            return Ok(());
        }
        match opaque {
            MEASURING => self.measured(cx),
            GOING_AWAY => self.say_last_stream(cx),
            _ => return self.ignore(cx, 0, Why::AckUnexpected),
        }
        Ok(())
    }

    pub(super) fn take_go_away(
        &mut self,
        cx: &mut Cx<'_>,
        header: &FrameHeader,
        payload: &[u8],
    ) -> Result<(), Fault> {
        if header.stream != 0 {
            return Err(Fault::connection(Why::WrongStream));
        }
        let GoAway { last, code, debug } = GoAway::read(payload)?;
        cx.note(|| Seen::GoAwayIn { last, code, debug: Text(debug) });
        self.abuse.count_control(cx)?;
        self.peer_goes_away(cx, last)
    }

    /// RFC 9113 §5.3.2: the old priorities are checked and not obeyed.
    pub(super) fn take_priority(
        &mut self,
        cx: &mut Cx<'_>,
        header: &FrameHeader,
        payload: &[u8],
    ) -> Result<(), Fault> {
        let id = header.stream;
        if id == 0 {
            return Err(Fault::connection(Why::WrongStream));
        }
        let why = match read_word(payload) {
            // RFC 9113 §6.3: five bytes; an error of the stream.
            _ if payload.len() != PRIORITY_LEN => Why::FrameLength,
            Some((word, _)) if word & 0x7fff_ffff == id => Why::DependsOnItself,
            _ => return self.ignore(cx, id, Why::OldPriority),
        };
        match self.streams.known(id) {
            Known::Slot(_) => Err(Fault::stream(id, why)),
            // A stream that nobody has opened cannot be reset.
            Known::Idle => Err(Fault::connection(why)),
            Known::Closed | Known::Reset => self.ignore(cx, id, why),
        }
    }

    /// RFC 9218 §7.1.
    pub(super) fn take_priority_update(
        &mut self,
        cx: &mut Cx<'_>,
        header: &FrameHeader,
        payload: &[u8],
    ) -> Result<(), Fault> {
        let Update { stream: id, value } = Update::read(payload)?;
        // Clients say it, about streams that they have opened or that were promised to them.
        let is_misplaced = header.stream != 0 || id == 0 || self.role == Role::Client;
        let known = self.streams.known(id);
        if is_misplaced || (known == Known::Idle && self.streams.is_own(id)) {
            return Err(Fault::connection(Why::PriorityUpdateMisplaced));
        }
        self.abuse.count_control(cx)?;
        let priority = match Priority::parse(value) {
            Ok(priority) => priority,
            Err(why) => {
                cx.note(|| Seen::Ignored { stream: id, why });
                return Ok(());
            }
        };
        match known {
            Known::Slot(slot) => {
                self.reprioritise(cx, slot, priority);
                Ok(())
            }
            Known::Idle => {
                self.remember_priority(cx, id, priority);
                Ok(())
            }
            Known::Closed | Known::Reset => {
                cx.note(|| Seen::Ignored { stream: id, why: Why::StreamClosed });
                Ok(())
            }
        }
    }

    fn remember_priority(&mut self, cx: &mut Cx<'_>, id: u32, priority: Priority) {
        let early = &mut self.recv.priorities;
        early.retain(|(of, _)| *of != id);
        if early.len() >= PRIORITIES_MAX {
            cx.note(|| Seen::Ignored { stream: id, why: Why::TooManyPriorities });
            return;
        }
        early.push((id, priority));
    }

    /// What was said about a stream before it was opened; what was said about streams that were
    /// skipped is of no use any more.
    #[inline]
    pub(super) fn take_early_priority(&mut self, id: u32) -> Option<Priority> {
        if self.recv.priorities.is_empty() {
            return None;
        }
        let found = self.recv.priorities.iter().find(|(of, _)| *of == id).map(|(_, p)| *p);
        self.recv.priorities.retain(|(of, _)| *of > id);
        found
    }
}
