//! How much of a body the user may hand in, and when windows change. (RFC 9113 §6.9)

use base::Cx;

use crate::machine::Connection;
use crate::{Fault, Why};

/// Who waits for room is told when there is as much as a frame, or nothing of his is left here.
const ROOM_WORTH: u64 = 16 * 1024;

impl Connection {
    /// What may be handed in now; whoever gets nothing is told when there is something.
    pub(crate) fn room_of(&mut self, id: u32) -> u64 {
        let room = self.room_now(id);
        if room == 0
            && let Some(stream) = self.streams.get_mut(id)
            && !std::mem::replace(&mut stream.outbound.awaits_room, true)
            && !self.connection_has_room()
        {
            self.send.without_room.push_back(id);
        }
        room
    }

    fn room_now(&self, id: u32) -> u64 {
        if self.connection_has_room() { self.room_of_stream(id) } else { 0 }
    }

    /// What the connection lets go: nothing while its window is used up, or while enough waits.
    fn connection_has_room(&self) -> bool {
        self.send.window.available() > 0 && self.send.pending < self.config.bodies_window
    }

    fn room_of_stream(&self, id: u32) -> u64 {
        let Some(stream) = self.stream(id) else { return 0 };
        let outbound = &stream.outbound;
        let window = outbound.window.available().min(self.send.window.available());
        let most = (self.config.body_window as u64).min(window.into());
        most.saturating_sub(outbound.pending.len())
    }

    /// A stream may have got room: its user is told, if he waits and it is worth it.
    #[inline]
    pub(super) fn offer_room(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        if !stream.outbound.awaits_room {
            return;
        }
        let has_nothing = stream.outbound.pending.len() == 0;
        let room = self.room_of_stream(id);
        if room >= ROOM_WORTH || (has_nothing && room > 0) {
            if self.connection_has_room() {
                self.send.with_room.push_back(id);
            } else {
                self.send.without_room.push_back(id);
            }
        }
    }

    /// The next stream that has room and whose user waits for it.
    pub(crate) fn next_with_room(&mut self) -> Option<u32> {
        loop {
            let next = self.send.with_room.pop_front();
            let next = match next {
                Some(id) => id,
                None if self.connection_has_room() => self.send.without_room.pop_front()?,
                None => return None,
            };
            if self.room_now(next) > 0
                && let Some(stream) = self.streams.get_mut(next)
                && std::mem::take(&mut stream.outbound.awaits_room)
            {
                return Some(next);
            }
            // It is over, or has been told; or its own window keeps it, and will bring it back.
        }
    }

    /// The connection's window is larger.
    pub(crate) fn connection_window_grew(&mut self) {
        if self.send.window.is_worth(u64::MAX) {
            self.send.blocked = None;
        }
    }

    /// A stream's window is another.
    pub(crate) fn window_changed(&mut self, cx: &mut Cx<'_>, slot: u32) {
        self.schedule(cx, slot);
        if let Some(stream) = self.streams.at(slot) {
            self.offer_room(stream.id);
        }
    }

    /// RFC 9113 §6.9.2: the peer has changed the initial window, and with it all of them.
    pub(crate) fn shift_send_windows(&mut self, cx: &mut Cx<'_>, by: i64) -> Result<(), Fault> {
        for slot in self.streams.slots() {
            let Some(stream) = self.streams.at_mut(slot) else { continue };
            stream.outbound.window.shift(by).map_err(|why: Why| Fault::connection(why))?;
            self.window_changed(cx, slot);
        }
        Ok(())
    }
}
