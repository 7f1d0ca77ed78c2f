//! Responses that the server promises before anybody asked. (RFC 9113 §6.6, §8.4)

use base::Cx;
use base::xray::Text;
use message::{Event, Method};

use super::block::Block;
use super::head::{asked, note_fields};
use crate::head::{Expected, Head, RequestHead};
use crate::machine::Connection;
use crate::stream::{OutPhase, State};
use crate::streams::Known;
use crate::wire::{FrameHeader, Kind, Promise};
use crate::{Fault, Seen, Why};

impl Connection {
    pub(super) fn take_promise(
        &mut self,
        cx: &mut Cx<'_>,
        header: &FrameHeader,
        payload: &[u8],
    ) -> Result<(), Fault> {
        if header.stream == 0 {
            return Err(Fault::connection(Why::WrongStream));
        }
        // RFC 9113 §6.6, §8.4: servers promise, and only to who has not said no.
        if !self.may_be_promised() {
            return Err(Fault::connection(Why::PushNotAllowed));
        }
        let Promise { promised, fragment } = Promise::read(header.flags, payload)?;
        let is_open = match self.streams.known(header.stream) {
            Known::Slot(slot) => self.streams.at(slot).is_some_and(|s| s.state.may_receive()),
            // RFC 9113 §6.6: it was on its way when we reset the stream that it belongs to.
            Known::Reset => true,
            Known::Idle | Known::Closed => false,
        };
        if !is_open || !self.streams.is_own(header.stream) {
            return Err(Fault::connection(Why::WrongStream));
        }
        // RFC 9113 §5.1.1: even, and above all before.
        if promised == 0 || self.streams.is_own(promised) || promised <= self.streams.last_peer {
            return Err(Fault::connection(Why::StreamNumber));
        }
        let block = Block {
            stream: header.stream,
            promises: Some(promised),
            ends_stream: false,
            depends_on_itself: false,
        };
        self.take_fragment(cx, header, block, fragment)
    }

    pub(super) fn take_promised(
        &mut self,
        cx: &mut Cx<'_>,
        parent: u32,
        promised: u32,
        bytes: &[u8],
    ) -> Result<(), Fault> {
        let head = self.read_block(cx, Expected::Request, bytes)?;
        self.streams.peer_opens(promised);
        let is_full = self.streams.active_peer >= self.config.streams_max;
        let slot = self.streams.insert(promised, self.recv.stream_window, self.peer.window);
        if let Some(stream) = self.streams.at_mut(slot) {
            stream.outbound.phase = OutPhase::None;
            stream.inbound.is_read = true;
        }
        self.change(cx, slot, Kind::PushPromise, State::recv_promise);
        cx.note(|| Seen::PromiseIn { id: promised, parent });
        let is_wanted = self.config.push
            && !is_full
            && !self.going.has_begun()
            && matches!(self.streams.known(parent), Known::Slot(_));
        if !is_wanted {
            return Err(Fault::stream(promised, Why::PushUnwanted));
        }
        match head {
            Ok(Head::Request(RequestHead { request, length, .. })) => {
                // RFC 9113 §8.4: what nobody asked for changes nothing and has no body.
                let is_safe = matches!(request.method, Method::Get | Method::Head);
                if !is_safe || length.is_some_and(|len| len > 0) {
                    return Err(Fault::stream(promised, Why::PromiseNotSafe));
                }
                if let Some(stream) = self.streams.at_mut(slot) {
                    stream.asked = asked(&request.method);
                }
                cx.note(|| Seen::RequestIn {
                    id: promised,
                    method: &request.method,
                    target: Text(request.target.as_bytes()),
                    priority: crate::Priority::default(),
                });
                note_fields(cx, &request.fields);
                self.events.push(promised, Event::Promise(request));
                Ok(())
            }
            Ok(_) => Err(Fault::stream(promised, Why::PseudoMissing)),
            Err(why) => Err(Fault::stream(promised, why)),
        }
    }
}
