//! How much of a body the user may hand in, and when windows change. (RFC 9113 §6.9)

use base::Cx;

use super::Send;
use crate::machine::Connection;
use crate::stream::AwaitsRoom;
use crate::{Fault, Why};

/// Who waits for room is told when there is as much as a frame, or nothing of his is left here.
const ROOM_WORTH: u64 = 16 * 1024;

/// How many may stand in line beside the streams that there are.
const QUEUE_SLACK: usize = 32;

impl Connection {
    /// What may be handed in now; whoever gets nothing is told when there is something.
    pub(crate) fn room_of(&mut self, cx: &mut Cx<'_>, id: u32) -> u64 {
        let room = self.room_now(id);
        if room == 0 {
            self.await_room(cx, id);
        }
        room
    }

    #[cold]
    fn await_room(&mut self, cx: &mut Cx<'_>, id: u32) {
        let Some(slot) = self.streams.find(id) else { return };
        let Some(stream) = self.streams.at_mut(slot) else { return };
        if stream.outbound.room == AwaitsRoom::No {
            stream.outbound.room = AwaitsRoom::Yes;
            if !self.connection_has_room() {
                self.queue(id);
            }
        }
        // What is not handed in because of a window waits for it as what is.
        if !self.send.is_open() {
            self.connection_is_blocked(cx, slot);
        } else if self.streams.at(slot).is_some_and(|stream| !stream.is_open()) {
            self.stream_is_blocked(cx, slot);
        }
    }

    /// A stream stands in line to be told that it has room: now, or when the connection has.
    fn queue(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        stream.outbound.room = AwaitsRoom::Queued;
        let has_room = self.connection_has_room();
        let Send { with_room, without_room, .. } = &mut self.send;
        let queue = if has_room { with_room } else { without_room };
        if queue.len() >= 2 * self.streams.len() + QUEUE_SLACK {
            // A user who never asks who has room leaves streams here that are over.
            queue.retain(|id| self.streams.find(*id).is_some());
        }
        queue.push_back(id);
    }

    fn room_now(&self, id: u32) -> u64 {
        if self.connection_has_room() { self.room_of_stream(id) } else { 0 }
    }

    /// What the connection lets go: nothing while its window is used up, or while enough waits.
    fn connection_has_room(&self) -> bool {
        self.send.is_open() && self.send.pending < self.config.bodies_window
    }

    /// What both windows let go, and what waits already leaves.
    fn room_of_stream(&self, id: u32) -> u64 {
        self.room_below(id, self.send.window.available())
    }

    /// The same with another window of the connection.
    fn room_below(&self, id: u32, connection_window: u32) -> u64 {
        let Some(stream) = self.stream(id).filter(|stream| stream.is_open()) else { return 0 };
        let outbound = &stream.outbound;
        let window = outbound.window.available().min(connection_window);
        let most = (self.config.body_window as u64).min(window.into());
        most.saturating_sub(outbound.pending.len())
    }

    /// A stream may have got room: its user is told, if he waits and it is worth it. Where only the
    /// connection's window is missing, he is told when that grows.
    #[inline]
    pub(super) fn offer_room(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        if stream.outbound.room != AwaitsRoom::Yes {
            return;
        }
        let has_nothing = stream.outbound.pending.len() == 0;
        let room = self.room_below(id, u32::MAX);
        if room >= ROOM_WORTH || (has_nothing && room > 0) {
            self.queue(id);
        }
    }

    /// The next stream that has room and whose user waits for it.
    pub(crate) fn next_with_room(&mut self) -> Option<u32> {
        loop {
            if !self.connection_has_room() {
                return None;
            }
            let next = self.send.with_room.pop_front();
            let next = next.or_else(|| self.send.without_room.pop_front())?;
            let room = self.room_of_stream(next);
            // It may be over; or its own window keeps it, and will bring it back.
            if let Some(stream) = self.streams.get_mut(next) {
                stream.outbound.room = if room > 0 { AwaitsRoom::No } else { AwaitsRoom::Yes };
                if room > 0 {
                    return Some(next);
                }
            }
        }
    }

    /// The connection's window is larger.
    pub(crate) fn connection_window_grew(&mut self) {
        if self.send.window.is_worth(u64::MAX) {
            self.send.blocked = None;
        }
    }

    /// A stream's window is another, or it may use what there is of it.
    pub(crate) fn window_changed(&mut self, cx: &mut Cx<'_>, slot: u32) {
        self.schedule(cx, slot);
        let Some(stream) = self.streams.at_mut(slot) else { return };
        if stream.outbound.pending.len() == 0 && stream.is_open() && !stream.outbound.takes_sliver {
            stream.outbound.blocked = None;
        }
        let id = stream.id;
        self.offer_room(id);
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
