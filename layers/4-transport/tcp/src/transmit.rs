//! What leaves: headers around what `send/` chose, and what must be said without data.

use std::sync::Arc;

use base::Cx;

use crate::Seq;
use crate::config::{Config, EcnPolicy};
use crate::machine::{Connection, Limits};
use crate::send::{Next, Payload, Room, What};
use crate::state::State;
use crate::wire::{Ecn, Flags, Header, Options, SackBlocks};
use crate::xray::Seen;

/// A segment, or a super-segment, that leaves.
#[derive(Clone, Debug)]
pub struct Outgoing<'a> {
    /// The header; of the first, when this is to be cut. Somebody below adds the checksum.
    pub header: Header,
    /// The bytes it carries, where they lie.
    pub payload: Payload<'a>,
    /// How many bytes of payload each segment has when this is cut; the last may have fewer. The
    /// sequence numbers go on, FIN and PSH belong to the last, CWR to the first (RFC 3168 §6.1.2).
    /// When the payload is no longer than this, it is one segment.
    pub segment_len: u16,
    /// What the IP header says of congestion.
    pub ecn: Ecn,
}

/// What is to be said whatever the windows allow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pending {
    /// The last word: an RST with this number.
    reset: Option<(Seq, ResetKind)>,
    /// An acknowledgement in answer to something out of place.
    pub(crate) challenge: bool,
    /// A question whether the peer is there.
    pub(crate) keepalive: bool,
}

/// Where an RST comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ResetKind {
    /// It is a segment of the connection, and acknowledges what came.
    Own,
    /// It answers a segment, whose acknowledgement gave the number.
    Answer,
}

impl Pending {
    /// An RST of our own accord.
    pub(crate) fn owe_reset(&mut self, seq: Seq) {
        self.reset = Some((seq, ResetKind::Own));
    }

    /// An RST in answer to an acknowledgement (RFC 9293 §3.5.2).
    pub(crate) fn owe_bare_reset(&mut self, seq: Seq) {
        self.reset = Some((seq, ResetKind::Answer));
    }

    pub(crate) fn forget_all_but_reset(&mut self) {
        self.challenge = false;
        self.keepalive = false;
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.reset.is_none() && !self.challenge && !self.keepalive
    }
}

impl Connection {
    /// The next segment that leaves, if any.
    ///
    /// `limits` is what the route takes now. Call it until it returns nothing; each call may be
    /// the last before the device is full, and nothing is lost then.
    pub fn poll_transmit(&mut self, cx: &mut Cx<'_>, limits: &Limits) -> Option<Outgoing<'_>> {
        if let Some((seq, kind)) = self.pending.reset.take() {
            return Some(self.emit_reset(cx, seq, kind));
        }
        if std::mem::take(&mut self.pending.challenge) {
            let seq = self.send.acceptable_seq(self.recv.window.scale);
            return Some(self.emit_ack(cx, seq));
        }
        if self.state == State::Closed {
            return None;
        }
        self.follow_route(limits);
        let config = Arc::clone(&self.config);
        let room = Room {
            gso_len_max: limits.gso_len_max.max(1),
            sack_len: self.sack_len(),
            syn_len: self.syn_room() as u32,
            ts_now: self.ts_now(cx),
        };
        if let Some(next) = self.send.next(cx, &config, room) {
            return Some(self.emit(cx, next));
        }
        if self.recv.delay.is_due && self.state != State::SynSent {
            let seq = self.send.acceptable_seq(self.recv.window.scale);
            return Some(self.emit_ack(cx, seq));
        }
        if std::mem::take(&mut self.pending.keepalive) {
            // RFC 9293 §3.8.4: a number that was acknowledged makes the peer answer.
            return Some(self.emit_ack(cx, self.send.una - 1));
        }
        None
    }

    /// The route may have another MTU than when the connection began.
    fn follow_route(&mut self, limits: &Limits) {
        let ceiling = limits.mss.min(self.life.peer_mss);
        let ceiling = ceiling.min(self.config.mss_max.unwrap_or(u16::MAX)).max(self.config.mss_min);
        if ceiling != self.send.pmtu.ceiling() {
            self.send.pmtu.set_ceiling(ceiling);
        }
    }

    /// What our clock of timestamps shows.
    pub(crate) fn ts_now(&self, cx: &Cx<'_>) -> u32 {
        self.recv.timestamps.now(cx.now(), self.config.handshake.timestamp_tick)
    }

    fn sack_max(&self) -> usize {
        if self.recv.timestamps.is_on { 3 } else { 4 }
    }

    /// How many bytes of a header selective acknowledgements take.
    fn sack_len(&self) -> u32 {
        if !self.send.has_sack || !self.recv.ranges.has_blocks() {
            return 0;
        }
        4 + 8 * self.recv.ranges.blocks_len(self.sack_max()) as u32
    }

    fn emit(&mut self, cx: &mut Cx<'_>, next: Next) -> Outgoing<'_> {
        match next.what {
            What::Syn => self.emit_syn(cx, next),
            What::WindowProbe => self.emit_ack(cx, next.start),
            What::Data => self.emit_data(cx, next),
        }
    }

    fn emit_data(&mut self, cx: &mut Cx<'_>, next: Next) -> Outgoing<'_> {
        let mut header = self.header(cx, next.start);
        header.flags =
            header.flags.with_if(next.has_fin, Flags::FIN).with_if(next.has_push, Flags::PSH);
        self.add_urgent(&mut header, next);
        let mut ecn = Ecn::NotEct;
        // RFC 3168 §6.1.5: what is sent again is not marked.
        if self.send.ecn.is_on && next.len > 0 && !next.is_retransmission {
            ecn = Ecn::Ect0;
            // RFC 3168 §6.1.2: the first new data says that we slowed down.
            let says_cwr = std::mem::take(&mut self.send.ecn.owes_cwr);
            header.flags = header.flags.with_if(says_cwr, Flags::CWR);
        }
        if next.len > 0 {
            self.recv.delay.note_sent_data(cx.now());
        }
        note_out(cx, &header, next.len);
        let offset = next.start.max(self.send.iss + 1) - self.send.queue_start();
        let payload = self.send.queue.slice(offset, next.len);
        Outgoing { header, payload, segment_len: next.mss, ecn }
    }

    /// RFC 6093 §3.1, §6: the pointer stands behind the last urgent byte, while that is not sent.
    fn add_urgent(&self, header: &mut Header, next: Next) {
        let Some(end) = self.send.urgent.filter(|end| end.is_after(next.start)) else { return };
        let distance = end - next.start;
        header.flags |= Flags::URG;
        header.urgent = u16::try_from(distance).unwrap_or(u16::MAX);
    }

    fn emit_syn(&mut self, cx: &mut Cx<'_>, next: Next) -> Outgoing<'_> {
        let is_answer = self.state != State::SynSent;
        let mut header = if is_answer { self.syn_answer(cx) } else { self.syn(cx) };
        if is_answer {
            let config = Arc::clone(&self.config);
            self.recv.note_answered(&config.acknowledge);
        }
        header.options.fast_open = self.take_fast_open_option();
        self.note_syn_data(cx, next.len, next.is_retransmission);
        note_out(cx, &header, next.len);
        let payload = match next.len {
            0 => Payload::NONE,
            len => self.send.queue.slice(0, len),
        };
        Outgoing { header, payload, segment_len: next.len as u16, ecn: Ecn::NotEct }
    }

    /// Our SYN, as the first step of the handshake.
    fn syn(&self, cx: &Cx<'_>) -> Header {
        let handshake = &self.config.handshake;
        let mut options =
            syn_options(&self.config, self.recv.advertised_mss, self.recv.window.scale);
        options.timestamps = handshake.timestamps.then(|| (self.ts_now(cx), 0));
        // RFC 3168 §6.1.1.1: a SYN that is sent again does not ask, in case that was the trouble.
        let asks = handshake.ecn == EcnPolicy::Ask && self.send.timeouts == 0;
        Header {
            source: self.flow.local.port(),
            destination: self.flow.remote.port(),
            seq: self.send.iss,
            flags: Flags::SYN.with_if(asks, Flags::ECE | Flags::CWR),
            window: self.recv.window.in_syn(),
            options,
            ..Header::default()
        }
    }

    /// Our SYN, when the peer's crossed it (RFC 9293 §3.5, figure 8).
    fn syn_answer(&self, cx: &Cx<'_>) -> Header {
        let syn = self.syn(cx);
        let recv = &self.recv;
        let echoes = recv.timestamps.is_on;
        Header {
            ack: recv.nxt,
            flags: (Flags::SYN | Flags::ACK).with_if(self.send.ecn.is_on, Flags::ECE),
            options: Options {
                timestamps: echoes.then(|| (self.ts_now(cx), recv.timestamps.recent)),
                window_scale: syn.options.window_scale.filter(|_| self.life.is_scaled),
                sack_permitted: self.send.has_sack,
                ..syn.options
            },
            ..syn
        }
    }

    fn emit_ack(&mut self, cx: &mut Cx<'_>, seq: Seq) -> Outgoing<'_> {
        let mut header = self.header(cx, seq);
        if let Some(end) = self.send.urgent.filter(|end| end.is_after(seq)) {
            header.flags |= Flags::URG;
            header.urgent = u16::try_from(end - seq).unwrap_or(u16::MAX);
        }
        note_out(cx, &header, 0);
        Outgoing { header, payload: Payload::NONE, segment_len: 0, ecn: Ecn::NotEct }
    }

    fn emit_reset(&mut self, cx: &mut Cx<'_>, seq: Seq, kind: ResetKind) -> Outgoing<'_> {
        let header = match kind {
            ResetKind::Own => {
                let header = self.header(cx, seq);
                let says = self.config.idle.resets_say_window;
                let window = if says { header.window } else { 0 };
                Header { flags: Flags::RST | Flags::ACK, window, ..header }
            }
            ResetKind::Answer => Header {
                source: self.flow.local.port(),
                destination: self.flow.remote.port(),
                seq,
                flags: Flags::RST,
                ..Header::default()
            },
        };
        note_out(cx, &header, 0);
        Outgoing { header, payload: Payload::NONE, segment_len: 0, ecn: Ecn::NotEct }
    }

    /// The header of a segment within a connection: acknowledges everything, and says so to those
    /// who decide about acknowledgements.
    fn header(&mut self, cx: &mut Cx<'_>, seq: Seq) -> Header {
        let config = Arc::clone(&self.config);
        let timestamps =
            self.recv.timestamps.is_on.then(|| (self.ts_now(cx), self.recv.timestamps.recent));
        let sack = if self.send.has_sack && self.recv.ranges.has_blocks() {
            self.recv.ranges.blocks(self.sack_max())
        } else {
            SackBlocks::NONE
        };
        let window = self.recv.window_now(&config);
        let window = self.recv.window.tell(self.recv.nxt, window);
        self.recv.timestamps.last_ack = self.recv.nxt;
        self.recv.delay.note_acknowledged(&config.acknowledge);
        Header {
            source: self.flow.local.port(),
            destination: self.flow.remote.port(),
            seq,
            ack: self.recv.nxt,
            flags: Flags::ACK.with_if(self.recv.ecn.echoes, Flags::ECE),
            window,
            urgent: 0,
            options: Options {
                timestamps,
                sack,
                layout: config.handshake.layout,
                ..Options::default()
            },
        }
    }
}

/// What our SYN asks for.
pub(crate) fn syn_options(config: &Config, mss: u16, scale: u8) -> Options {
    let handshake = &config.handshake;
    Options {
        mss: handshake.mss_option.then_some(mss),
        window_scale: handshake.window_scaling.then_some(scale),
        sack_permitted: handshake.sack,
        layout: handshake.layout,
        ..Options::default()
    }
}

pub(crate) fn note_out(cx: &mut Cx<'_>, header: &Header, len: u32) {
    let Header { flags, seq, ack, window, .. } = *header;
    cx.note(|| Seen::SegmentOut { flags, seq, len: len as usize, ack, window });
}
