//! Whose turn it is to send, and what a segment looks like below TCP.

use base::{Cx, Key, Segmentation, SegmentationKind, TxBuf};
use ip::{Ecn, Protocol};
use tcp::wire::{CHECKSUM_AT, HEADER_LEN_MAX};
use tcp::{Flow, Limits};

use super::{ListenerId, Ready, Socket, Tcp, limits_to, pseudo};
use crate::network::{Network, Outgoing, Service};

/// How many segments one connection sends before the others have their turn: a first window, so
/// that short answers leave in one go.
const TURN_MAX: u32 = 10;

/// The turn of the first connection that may have something to send.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Turn {
    /// How many segments it has sent.
    sent: u32,
    /// What its route takes, looked up once a turn.
    limits: Option<Limits>,
}

impl Tcp {
    /// Writes the next segment, if any, and says what its packet is to be.
    pub(crate) fn poll_transmit(
        &mut self,
        cx: &mut Cx<'_>,
        network: &Network,
        out: &mut TxBuf,
    ) -> Option<Outgoing> {
        if let Some((flow, header)) = self.replies.pop_front() {
            let below = (Ecn::NotEct, Service::default(), self.flow_label(&flow));
            return Some(emit(&flow, &header, below, out));
        }
        while let Some(ready) = self.ready.front().copied() {
            let packet = match ready {
                Ready::Connection(key) => self.poll_connection(cx, network, key, out),
                Ready::Listener(key) => self.poll_listener(cx, key, out),
            };
            if packet.is_some() {
                // A super-segment is as much as the segments that it is cut into.
                let cut = out
                    .offload()
                    .segmentation
                    .map_or(1, |cut| (out.len() / usize::from(cut.payload_len).max(1)).max(1));
                self.turn.sent += cut as u32;
                if self.turn.sent >= TURN_MAX {
                    self.turn = Turn::default();
                    self.ready.rotate_left(1);
                }
                return packet;
            }
            self.turn = Turn::default();
            self.ready.pop_front();
            self.finish_turn(ready);
        }
        None
    }

    fn poll_connection(
        &mut self,
        cx: &mut Cx<'_>,
        network: &Network,
        key: Key<Box<Socket>>,
        out: &mut TxBuf,
    ) -> Option<Outgoing> {
        let flow = *self.sockets.get(key)?.connection.flow();
        self.attribute(cx, &flow);
        let socket = self.sockets.get_mut(key)?;
        let (service, flow_label) = (socket.service, socket.flow_label);
        let limits =
            *self.turn.limits.get_or_insert_with(|| limits_to(cx.now(), network, flow.remote.ip()));
        let tcp::Outgoing { header, payload, segment_len, ecn } =
            socket.connection.poll_transmit(cx, &limits)?;
        for slice in payload.slices() {
            out.append(slice);
        }
        let is_super = payload.len() > usize::from(segment_len);
        let packet = emit(&flow, &header, (ecn, service, flow_label), out);
        if is_super && segment_len > 0 {
            let kind = SegmentationKind::Tcp;
            out.leave_segmentation(Segmentation { kind, payload_len: segment_len });
        }
        Some(packet)
    }

    fn poll_listener(
        &mut self,
        cx: &mut Cx<'_>,
        key: ListenerId,
        out: &mut TxBuf,
    ) -> Option<Outgoing> {
        let of = self.listeners.get_mut(key)?;
        let service = of.service;
        let (flow, header) = of.listener.poll_transmit(cx)?;
        self.attribute(cx, &flow);
        let below = (Ecn::NotEct, service, self.flow_label(&flow));
        Some(emit(&flow, &header, below, out))
    }

    /// Nothing more to send now: the next deadline counts.
    fn finish_turn(&mut self, ready: Ready) {
        match ready {
            Ready::Connection(key) => {
                let Some(socket) = self.sockets.get_mut(key) else { return };
                socket.is_ready = false;
                self.arm(key);
                self.let_go(key);
            }
            Ready::Listener(key) => {
                if let Some(of) = self.listeners.get_mut(key) {
                    of.is_ready = false;
                }
                self.arm_listener(key);
            }
        }
    }
}

/// Puts the header in front of the payload in `out`, with its checksum left open.
fn emit(
    flow: &Flow,
    header: &tcp::Header,
    (ecn, service, flow_label): (Ecn, Service, u32),
    out: &mut TxBuf,
) -> Outgoing {
    let (source, destination) = (flow.local.ip(), flow.remote.ip());
    let mut bytes = [0; HEADER_LEN_MAX];
    let len = header.emit(&mut bytes);
    let sum = pseudo(source, destination, len + out.len()).folded();
    if let Some(place) = bytes.get_mut(CHECKSUM_AT..).and_then(|rest| rest.first_chunk_mut()) {
        *place = sum.to_be_bytes();
    }
    out.prepend_slice(bytes.get(..len).unwrap_or_default());
    out.leave_checksum(CHECKSUM_AT);
    // RFC 1191 §6, RFC 9293 §3.7.2: TCP cuts by itself, so routers need not.
    let (protocol, may_be_cut) = (Protocol::TCP, false);
    Outgoing { source, destination, protocol, ecn, may_be_cut, service, flow_label }
}
