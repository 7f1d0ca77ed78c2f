use base::Cx;
use base::xray::Private;
use bytes::Bytes;
use message::{Closing, Event, Fields, trailers};

use super::{Mode, Phase, note_fields};
use crate::machine::{Connection, Timer};
use crate::wire::{Decoded, Expected, HeadParser, Parsed};
use crate::{Seen, Why};

/// How a message goes on and ends.
impl Connection {
    pub(super) fn take_plain(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        self.stop_waiting_for_continue();
        let mut len = bytes.len().min(self.recv.body_room(&self.config));
        if let Phase::Length(left) = &mut self.recv.phase {
            len = len.min(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= len as u64;
        }
        self.deliver(cx, bytes.get(..len).unwrap_or_default());
        if matches!(self.recv.phase, Phase::Length(0)) {
            self.complete(cx);
        }
        len
    }

    pub(super) fn take_chunks(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        self.stop_waiting_for_continue();
        // The delimiters count too, so that a body of tiny chunks is not worth more than its bytes.
        let room = self.recv.body_room(&self.config);
        let shown = bytes.get(..bytes.len().min(room)).unwrap_or_default();
        let (mut taken, mut data) = (0, Vec::new());
        let refused = loop {
            let Phase::Chunked(decoder) = &mut self.recv.phase else { break None };
            let Some(rest) = shown.get(taken..).filter(|rest| !rest.is_empty()) else { break None };
            match decoder.step(rest, &self.config) {
                Ok((len, found)) => {
                    taken += len;
                    match found {
                        Decoded::Data(part) if self.recv.mode == Mode::Read => {
                            data.extend_from_slice(part);
                        }
                        Decoded::Data(part) => self.count(cx, part),
                        Decoded::Incomplete => {}
                        Decoded::Last => {
                            let parser = HeadParser::new(Expected::Trailers);
                            self.recv.phase = Phase::Trailers(Box::new(parser));
                        }
                    }
                }
                Err(why) => break Some(why),
            }
        };
        // What came before an error came, however the bytes were cut.
        self.deliver_owned(cx, data);
        if let Some(why) = refused
            && self.closing == Closing::Open
        {
            self.refuse(cx, why);
            return bytes.len();
        }
        taken
    }

    pub(super) fn take_trailers(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> usize {
        let Phase::Trailers(parser) = &mut self.recv.phase else { return 0 };
        match parser.advance(bytes, &self.config) {
            Ok(None) => 0,
            Ok(Some(parsed)) => {
                let len = parsed.len;
                self.take_trailer_fields(cx, bytes.get(..len).unwrap_or_default(), parsed);
                self.complete(cx);
                len
            }
            Err(why) => {
                self.refuse(cx, why);
                bytes.len()
            }
        }
    }

    fn take_trailer_fields(&mut self, cx: &mut Cx<'_>, section: &[u8], parsed: Parsed) {
        if parsed.lines.is_empty() {
            return;
        }
        let mut fields = Fields::from_parsed(section.to_vec(), parsed.lines);
        let id = self.exchange.id;
        cx.note(|| Seen::TrailersIn { id: id.0, fields: fields.len() });
        note_fields(cx, &fields);
        leave_out_forbidden(cx, id.0, &mut fields);
        if self.recv.mode == Mode::Read && !fields.is_empty() {
            self.events.push(id, Event::Trailers(fields));
        }
    }

    /// Whoever sends its body has stopped waiting for leave to (RFC 9110 §10.1.1), also when the
    /// body is still with the caller because nobody has asked for it.
    fn stop_waiting_for_continue(&mut self) {
        self.exchange.awaits_continue = false;
    }

    fn deliver(&mut self, cx: &mut Cx<'_>, data: &[u8]) {
        if self.recv.mode == Mode::Read {
            return self.deliver_owned(cx, data.to_vec());
        }
        self.count(cx, data);
    }

    fn deliver_owned(&mut self, cx: &mut Cx<'_>, data: Vec<u8>) {
        if data.is_empty() {
            return;
        }
        self.count(cx, &data);
        if self.recv.mode != Mode::Read {
            return;
        }
        self.recv.unreleased += data.len() as u32;
        self.events.push(self.exchange.id, Event::Data(Bytes::from(data).into()));
        if self.recv.unreleased as usize >= self.config.body_window {
            // The user is slow, not the peer.
            self.deadline.take_if(|(_, timer)| *timer == Timer::BodyRate);
        }
    }

    fn count(&mut self, cx: &mut Cx<'_>, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        let id = self.exchange.id.0;
        cx.note(|| Seen::BodyIn { id, bytes: Private(data) });
        self.recv.in_interval += data.len() as u64;
        if self.recv.mode == Mode::Discard {
            self.recv.discarded = self.recv.discarded.saturating_add(data.len() as u32);
            if u64::from(self.recv.discarded) > self.config.body_unread_max {
                self.close(cx, Why::BodyUnread, Closing::Fin);
            }
        }
    }

    /// The message that comes in is complete.
    pub(super) fn complete(&mut self, cx: &mut Cx<'_>) {
        let id = self.exchange.id;
        cx.note(|| Seen::CompleteIn { id: id.0 });
        if self.recv.mode != Mode::Discard {
            self.events.push(id, Event::End);
        }
        self.deadline = None;
        self.exchange.awaits_continue = false;
        if self.exchange.becomes_tunnel {
            self.recv.become_tunnel();
            return;
        }
        self.recv.phase = Phase::Complete;
        self.settle(cx);
    }
}

/// RFC 9110 §6.5.1: what may not stand in a trailer section is left out, in both directions.
pub(crate) fn leave_out_forbidden(cx: &mut Cx<'_>, id: u64, fields: &mut Fields) {
    let forbidden: Vec<_> = trailers::forbidden(fields).collect();
    for name in forbidden {
        cx.note(|| Seen::TrailerLeftOut { id, name: name.as_str() });
        fields.remove(name);
    }
}
