//! Bodies become frames, when bytes are asked for. (RFC 9113 §6.1, RFC 9218 §10)

use base::xray::{Layer, is_watched};
use base::{Chunk, Cx, TxQueue};

use crate::machine::Connection;
use crate::scheduler::Place;
use crate::stream::Stream;
use crate::wire::{Flags, FrameHeader, HEADER_LEN, Kind};
use crate::{Seen, Wait};

/// The most of a body that is in memory which goes into one frame: with its head, one record of TLS
/// (RFC 8446 §5.1), so that neither is a record begun for a few bytes nor anybody more urgent kept
/// waiting for long.
const FRAME_IN_MEMORY_MAX: u32 = 16_384 - HEADER_LEN as u32;

/// The most of a file that goes into one frame, where the peer takes so much: the kernel sends it,
/// and what it saves is heads.
const FRAME_OF_FILE_MAX: u32 = 128 * 1024;

/// From which length on a frame is work, for which the peer may say something in return: who lets go a
/// few bytes at a time, and says so each time, does none.
const WORK_LEN_MIN: u32 = 256;

/// How much is made at once where records follow below: with the frame that goes beyond it, and the
/// overhead of records, no more than a buffer that is kept for the next ones.
const SEALED_LEN_MAX: u64 = 64 * 1024;

impl Connection {
    /// Moves what is to be sent, control frames and heads first.
    pub(crate) fn transmit(&mut self, cx: &mut Cx<'_>, out: &mut TxQueue) -> bool {
        let before = out.len();
        self.flush(cx, out);
        while out.len() < self.transmit_len_max() && self.send_next(cx, out) {}
        // What ended streams belongs behind their bodies.
        self.flush(cx, out);
        let any = out.len() > before;
        if any && is_watched(Layer::Application) {
            self.note_waiting(cx, out);
        }
        any
    }

    fn transmit_len_max(&self) -> u64 {
        let max = self.config.transmit_len_max;
        if self.is_secure { max.min(SEALED_LEN_MAX) } else { max }
    }

    /// Whether somebody could send a part of a body.
    pub(crate) fn may_send_data(&self) -> bool {
        self.send.scheduler.first().is_some_and(|place| {
            let stream = self.streams.at(place.slot());
            stream.is_some_and(|stream| self.is_worth(stream))
        })
    }

    /// Whether the connection's window is worth a frame of this stream's.
    fn is_worth(&self, stream: &Stream) -> bool {
        let window = &self.send.window;
        window.is_worth(stream.outbound.pending.len())
            || (self.send.takes_sliver && window.available() > 0)
    }

    fn flush(&mut self, cx: &mut Cx<'_>, out: &mut TxQueue) {
        self.send.last_head = None;
        // RFC 9113 §3.4: nothing is so urgent that it may come before our own preface.
        let has_begun = std::mem::replace(&mut self.send.has_begun, true);
        let (urgent, replies) = (&mut self.send.urgent, &mut self.send.replies);
        for buffer in if has_begun { [urgent, replies] } else { [replies, urgent] } {
            if buffer.is_empty() {
                continue;
            }
            note_frames(cx, buffer);
            out.tail(cx).extend_from_slice(buffer);
            cx.recycle(std::mem::take(buffer));
        }
    }

    /// Sends one DATA frame of whoever is next; whether there was one.
    #[inline]
    fn send_next(&mut self, cx: &mut Cx<'_>, out: &mut TxQueue) -> bool {
        let Some(place) = self.send.scheduler.first() else { return false };
        let Some(stream) = self.streams.at(place.slot()) else { return false };
        if !self.is_worth(stream) {
            self.connection_is_blocked(cx, place.slot());
            return false;
        }
        let len = self.frame_len(stream);
        self.send_frame(cx, place, len, out);
        true
    }

    #[inline]
    fn frame_len(&self, stream: &Stream) -> u32 {
        let pending = &stream.outbound.pending;
        let most = if pending.begins_with_file() { FRAME_OF_FILE_MAX } else { FRAME_IN_MEMORY_MAX };
        let window = stream.outbound.window.available().min(self.send.window.available());
        let most = most.min(self.peer.frame_len_max).min(window);
        u32::try_from(pending.len()).map_or(most, |pending| pending.min(most))
    }

    //= exception: RFC 9113 §10.7: we never pad. Who knows what is to be hidden, and from whom, is the
    // user; a padding that the machine chose would cost everybody and hide little.
    /// Writes one frame; `len` is not more than anything allows.
    #[inline]
    fn send_frame(&mut self, cx: &mut Cx<'_>, place: Place, len: u32, out: &mut TxQueue) {
        let slot = place.slot();
        let Some(stream) = self.streams.at_mut(slot) else { return };
        let (id, outbound) = (stream.id, &mut stream.outbound);
        let is_all = outbound.pending.len() == u64::from(len);
        let ends = is_all && outbound.has_end && outbound.trailers.is_none();
        let flags = if ends { Flags::END_STREAM } else { 0 };
        let header = FrameHeader::new(Kind::Data, flags, id, len);
        out.tail(cx).extend_from_slice(&header.emit());
        let mut rest = u64::from(len);
        while rest > 0
            && let Some(chunk) = outbound.pending.pop(rest)
        {
            rest -= chunk.len();
            push(cx, out, chunk, self.is_secure);
        }
        outbound.window.take(len);
        outbound.takes_sliver = false;
        self.send.takes_sliver = false;
        self.send.window.take(len);
        self.send.pending -= u64::from(len);
        let (window, connection_window) = (outbound.window.raw(), self.send.window.raw());
        let FrameHeader { kind, flags, stream: of, .. } = header;
        cx.note(|| Seen::FrameOut { kind, flags, stream: of, len });
        cx.note(|| Seen::BodyOut { id, len: len.into(), window, connection_window });
        if len >= WORK_LEN_MIN || ends {
            self.abuse.forgive_work();
        }
        if is_all {
            outbound.place = None;
            self.send.scheduler.remove(place);
        }
        if ends {
            return self.message_ended(cx, slot, Kind::Data);
        }
        self.after_frame(cx, slot, is_all);
    }

    /// A stream has had its turn, and its message goes on.
    fn after_frame(&mut self, cx: &mut Cx<'_>, slot: u32, is_all: bool) {
        let Some(stream) = self.streams.at(slot) else { return };
        let (id, incremental) = (stream.id, stream.priority.incremental);
        if is_all {
            if stream.outbound.has_end {
                // Trailers follow.
                return self.end_message(cx, slot);
            }
        } else if incremental {
            // RFC 9218 §10: those that are of use in parts share.
            self.unschedule(slot);
            self.schedule(cx, slot);
        } else if !stream.is_ready() {
            self.schedule(cx, slot);
        }
        self.offer_room(id);
    }

    pub(super) fn connection_is_blocked(&mut self, cx: &mut Cx<'_>, slot: u32) {
        if self.send.blocked.is_none() {
            self.send.blocked = Some(cx.now());
            self.watch(cx);
            let Some(stream) = self.streams.at(slot) else { return };
            let (id, pending) = (stream.id, stream.outbound.pending.len());
            cx.note(|| Seen::Waits { id, what: Wait::WindowOfConnection, pending });
        }
    }

    /// Who has waited for long with a window that was not worth it sends what he may, so that a peer
    /// whose windows stay small gets everything all the same.
    pub(crate) fn allow_sliver(&mut self, cx: &mut Cx<'_>, slot: u32) {
        if let Some(stream) = self.streams.at_mut(slot)
            && stream.outbound.blocked.is_some()
        {
            stream.outbound.takes_sliver = true;
            self.window_changed(cx, slot);
        }
        self.send.takes_sliver = self.send.blocked.is_some();
    }

    /// Why those wait who wait.
    #[cold]
    fn note_waiting(&mut self, cx: &mut Cx<'_>, out: &TxQueue) {
        let Some(first) = self.send.scheduler.first() else { return };
        if out.len() < self.transmit_len_max() {
            return;
        }
        let what = Wait::Transport;
        for place in self.send.scheduler.all() {
            let what = if place == first { what } else { Wait::Priority };
            if let Some(stream) = self.streams.at(place.slot()) {
                let (id, pending) = (stream.id, stream.outbound.pending.len());
                cx.note(|| Seen::Waits { id, what, pending });
            }
        }
    }
}

/// Appends a part of a body. Where records follow below, behind the head of its frame, so that both
/// are one record; else as what it is.
#[inline]
fn push(cx: &mut Cx<'_>, out: &mut TxQueue, chunk: Chunk, fills_records: bool) {
    match chunk.as_bytes() {
        Some(bytes) if fills_records => {
            out.tail(cx).extend_from_slice(bytes);
            if let Chunk::Owned(buffer) = chunk {
                cx.recycle(buffer);
            }
        }
        _ => out.push(cx, chunk),
    }
}

/// What goes out, frame by frame, as it is.
#[inline]
fn note_frames(cx: &mut Cx<'_>, frames: &[u8]) {
    if is_watched(Layer::Application) {
        note_each(cx, frames);
    }
}

#[cold]
fn note_each(cx: &mut Cx<'_>, frames: &[u8]) {
    let mut rest = frames.strip_prefix(crate::PREFACE).unwrap_or(frames);
    while let Some(header) = FrameHeader::parse(rest) {
        let FrameHeader { kind, flags, stream, len } = header;
        cx.note(|| Seen::FrameOut { kind, flags, stream, len });
        rest = rest.get(HEADER_LEN + len as usize..).unwrap_or_default();
    }
}
