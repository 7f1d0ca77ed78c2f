//! Bodies that come in, and the windows they come through. (RFC 9113 §6.1, §6.9)

use base::Cx;
use base::xray::Private;

use super::{Phase, note_frame};
use crate::flow::Bandwidth;
use crate::machine::Connection;
use crate::stream::InPhase;
use crate::streams::Known;
use crate::wire::{Flags, FrameHeader, HEADER_LEN, Kind, emit_ping, emit_window_update};
use crate::{Fault, Seen, Why};

/// What the PING that measures the round trip says.
pub(super) const MEASURING: [u8; 8] = *b"measured";

impl Connection {
    /// DATA begins: everything is decided by its head, and by the length of its padding. The body
    /// itself is taken as it comes.
    pub(super) fn begin_data(
        &mut self,
        cx: &mut Cx<'_>,
        header: FrameHeader,
        payload: &[u8],
    ) -> usize {
        let is_padded = header.flags.has(Flags::PADDED);
        let (prefix, padding) = match payload.first() {
            _ if !is_padded || header.len == 0 => (0, 0),
            Some(&padding) => (1, u32::from(padding)),
            None => return 0,
        };
        note_frame(cx, &header);
        if let Err(fault) = self.admit_data(cx, &header, prefix, padding) {
            self.skip_next(header.len - prefix);
            self.fail(cx, fault);
        }
        HEADER_LEN + prefix as usize
    }

    fn admit_data(
        &mut self,
        cx: &mut Cx<'_>,
        header: &FrameHeader,
        prefix: u32,
        padding: u32,
    ) -> Result<(), Fault> {
        let (id, len) = (header.stream, header.len);
        if id == 0 {
            return Err(Fault::connection(Why::WrongStream));
        }
        if header.flags.has(Flags::PADDED) && prefix == 0 {
            return Err(Fault::connection(Why::FrameTooShort));
        }
        // RFC 9113 §6.1: padding that fills the frame, or more.
        let body =
            (len - prefix).checked_sub(padding).ok_or(Fault::connection(Why::PaddingTooLong))?;
        // RFC 9113 §6.9.1: all of the frame counts, whatever becomes of it.
        self.recv.window.take(len)?;
        self.give_back(cx, len);
        let slot = match self.streams.known(id) {
            Known::Slot(slot) => slot,
            Known::Idle => return Err(Fault::connection(Why::StreamIdle)),
            Known::Closed => return Err(Fault::connection(Why::StreamClosed)),
            Known::Reset => {
                self.skip_next(len - prefix);
                return self.ignore(cx, id, Why::ResetBefore);
            }
        };
        let ends = header.flags.has(Flags::END_STREAM);
        self.admit_to_stream(slot, len, body).map_err(|why| Fault::stream(id, why))?;
        if body == 0 && !ends {
            // Nothing but work: it counts.
            self.abuse.count_control(cx)?;
        } else {
            self.abuse.forgive_work();
        }
        self.recv.phase = Phase::Data { stream: id, left: body, padding, ends };
        self.go_on_with_data(cx);
        Ok(())
    }

    fn admit_to_stream(&mut self, slot: u32, len: u32, body: u32) -> Result<(), Why> {
        let Some(stream) = self.streams.at_mut(slot) else { return Ok(()) };
        if !stream.state.may_receive() {
            // RFC 9113 §6.1: only open and half-closed (local) streams carry DATA.
            return Err(Why::HalfClosed);
        }
        match stream.inbound.phase {
            InPhase::Head => return Err(Why::DataBeforeHead),
            InPhase::Body => {}
            InPhase::Complete => return Err(Why::HalfClosed),
        }
        stream.inbound.window.take(len)?;
        // RFC 9113 §6.9.1: padding is nobody's to read, so it is given back at once.
        stream.inbound.window.release(len - body);
        stream.inbound.count(body)
    }

    pub(super) fn take_data(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        let Phase::Data { stream, left, padding, ends } = self.recv.phase else { return 0 };
        if left > 0 {
            let part = bytes.get(..bytes.len().min(left as usize)).unwrap_or_default();
            let left = left - part.len() as u32;
            self.recv.phase = Phase::Data { stream, left, padding, ends };
            self.deliver(cx, stream, part);
            self.go_on_with_data(cx);
            return part.len();
        }
        let len = bytes.len().min(padding as usize);
        let padding = padding - len as u32;
        self.recv.phase = Phase::Data { stream, left, padding, ends };
        self.go_on_with_data(cx);
        len
    }

    /// Ends a DATA frame of which nothing is left.
    fn go_on_with_data(&mut self, cx: &mut Cx<'_>) {
        let Phase::Data { stream, left: 0, padding: 0, ends } = self.recv.phase else { return };
        self.recv.phase = Phase::Frame;
        if !ends {
            return;
        }
        // The stream may have been given up in the middle of the frame.
        let Some(slot) = self.streams.find(stream) else { return };
        let ended = self.streams.at_mut(slot).map_or(Ok(()), |stream| stream.inbound.end());
        match ended {
            Ok(()) => self.complete(cx, slot, Kind::Data),
            Err(why) => self.fail(cx, Fault::stream(stream, why)),
        }
    }

    fn deliver(&mut self, cx: &mut Cx<'_>, id: u32, part: &[u8]) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        cx.note(|| Seen::BodyIn { id, bytes: Private(part) });
        let inbound = &mut stream.inbound;
        inbound.in_interval = inbound.in_interval.saturating_add(part.len() as u32);
        if stream.is_disowned {
            inbound.discarded += part.len() as u64;
            if inbound.discarded > self.config.body_unread_max {
                return self.end_stream(cx, id, Why::BodyUnread);
            }
            return self.release_window(cx, id, part.len() as u32);
        }
        inbound.buffer.extend_from_slice(part);
        // RFC 9110 §10.1.1: whoever sends its body has stopped waiting for leave to.
        inbound.awaits_continue = false;
        if inbound.is_read && !inbound.is_announced {
            inbound.is_announced = true;
            self.events.push_body(id);
        }
        if self.recv.bandwidth.arrived(cx.now(), part.len() as u32) {
            emit_ping(false, MEASURING, self.send.replies(cx));
        }
    }

    /// The connection's window is free again as soon as something has arrived.
    // RFC 9113 §5.2.2: windows protect what a receiver has; the streams' do, so this one need not.
    fn give_back(&mut self, cx: &mut Cx<'_>, len: u32) {
        self.recv.window.release(len);
        self.update_connection(cx);
    }

    fn update_connection(&mut self, cx: &mut Cx<'_>) {
        if let Some(increment) = self.recv.window.update() {
            let window = self.recv.window.raw();
            cx.note(|| Seen::WindowOut { stream: 0, increment, window });
            emit_window_update(0, increment, self.send.replies(cx));
        }
    }

    /// Makes the connection's window larger.
    pub(crate) fn widen_connection(&mut self, cx: &mut Cx<'_>, size: u32) {
        self.recv.window.widen(size);
        self.update_connection(cx);
    }

    /// The round trip has been measured: windows may have to grow.
    pub(super) fn measured(&mut self, cx: &mut Cx<'_>) {
        if let Some((size, round_trip)) = self.recv.bandwidth.returned(cx.now()) {
            let round_trip_micros = round_trip.as_micros() as u64;
            cx.note(|| Seen::WindowGrows { size, round_trip_micros });
            // Two streams at full speed are not to wait for the connection's.
            self.widen_connection(cx, size.saturating_mul(2));
        }
    }

    /// The user is done with a part of a body.
    pub(crate) fn release_window(&mut self, cx: &mut Cx<'_>, id: u32, n: u32) {
        let Some(slot) = self.streams.find(id) else { return };
        let Some(stream) = self.streams.at_mut(slot) else { return };
        if !stream.state.may_receive() {
            return;
        }
        if !stream.inbound.window.is_open() {
            stream.inbound.forgive_interval();
        }
        let window = &mut stream.inbound.window;
        window.release(n);
        let by = wanted_growth(&self.recv.bandwidth, window.size()).min(self.recv.growth_left);
        window.widen(window.size() + by);
        self.recv.growth_left -= by;
        self.update_stream(cx, slot);
    }

    /// Tells the peer what it may send again, if that is worth a frame and the peer has more to send.
    pub(super) fn update_stream(&mut self, cx: &mut Cx<'_>, slot: u32) {
        let Some(stream) = self.streams.at_mut(slot) else { return };
        let (id, window) = (stream.id, &mut stream.inbound.window);
        if stream.state.may_receive()
            && let Some(increment) = window.update()
        {
            let window = window.raw();
            cx.note(|| Seen::WindowOut { stream: id, increment, window });
            emit_window_update(id, increment, self.send.replies(cx));
            self.watch(cx);
        }
    }
}

/// By how much the window of a stream that is read should be larger.
const fn wanted_growth(bandwidth: &Bandwidth, size: u32) -> u32 {
    bandwidth.window().saturating_sub(size)
}
