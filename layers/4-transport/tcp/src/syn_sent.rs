//! A segment arrives while our SYN is out. (RFC 9293 §3.10.7.3)

use base::Cx;

use crate::config::EcnPolicy;
use crate::machine::{Connection, Failure};
use crate::state::State;
use crate::wire::{Flags, Header, Segment};
use crate::xray::{Cause, Seen, Why};

/// What everybody takes who does not say otherwise (RFC 9293 §3.7.1, MUST-15).
pub(crate) const MSS_DEFAULT_V4: u16 = 536;
pub(crate) const MSS_DEFAULT_V6: u16 = 1220;

/// The largest shift (RFC 7323 §2.3).
const SCALE_MAX: u8 = 14;

impl Connection {
    pub(crate) fn handle_in_syn_sent(&mut self, cx: &mut Cx<'_>, segment: &Segment<'_>) {
        let header = &segment.header;
        let has_ack = header.flags.has(Flags::ACK);
        // First: ACK.
        if has_ack && (header.ack.is_at_most(self.send.iss) || header.ack.is_after(self.send.nxt)) {
            cx.note(|| Seen::dropped(segment, Why::AckOfUnsent));
            if !header.flags.has(Flags::RST) {
                // RFC 9293 §3.5.2: whoever answers a SYN of long ago hears that it is over.
                self.pending.owe_bare_reset(header.ack);
            }
            if self.config.handshake.hastens_syn {
                self.send.hasten_syn(cx.now());
            }
            return;
        }
        if self.is_echo_invented(cx, header) {
            cx.note(|| Seen::dropped(segment, Why::OldTimestamp));
            if !header.flags.has(Flags::RST) {
                self.pending.owe_bare_reset(header.ack);
            }
            return;
        }
        // Second: RST; only with an acknowledgement is it not a stranger's (RFC 5961 §3.2).
        if header.flags.has(Flags::RST) {
            if has_ack {
                self.end(cx, Cause::Reset, Some(Failure::Refused));
            } else {
                cx.note(|| Seen::dropped(segment, Why::ResetUnproven));
            }
            return;
        }
        // Fourth: SYN; fifth: what has neither is dropped.
        if !header.flags.has(Flags::SYN) {
            cx.note(|| Seen::dropped(segment, Why::NoSyn));
            return;
        }
        self.note_received(cx);
        self.take_syn(cx, header);
        if has_ack {
            self.finish_handshake(cx, segment);
        } else {
            // RFC 9293 §3.5, figure 8: both have sent a SYN at the same time.
            self.change(cx, Cause::Syn, State::recv_syn);
            self.send.start_handshake();
        }
    }

    /// Whether what acknowledges our SYN echoes a time that no SYN of ours had: it answers an
    /// earlier connection.
    fn is_echo_invented(&self, cx: &Cx<'_>, header: &Header) -> bool {
        let Some((_, echo)) = header.options.timestamps.filter(|&(_, echo)| echo != 0) else {
            return false;
        };
        let tick = self.config.handshake.timestamp_tick;
        let first = self.recv.timestamps.now(self.send.last_data_at, tick);
        let elapsed = self.ts_now(cx).wrapping_sub(first);
        let is_ours = header.flags.has(Flags::ACK) && self.config.handshake.timestamps;
        is_ours && echo.wrapping_sub(first) > elapsed
    }

    /// Our SYN is acknowledged: the connection is there.
    fn finish_handshake(&mut self, cx: &mut Cx<'_>, segment: &Segment<'_>) {
        self.establish(cx, segment, Cause::SynAck);
        let is_taken = self.take_ack(cx, segment).is_continue();
        self.finish_fast_open(cx, &segment.header);
        if is_taken {
            self.take_rest_of_syn(cx, segment);
        }
        // The third step waits for nothing.
        self.recv.delay.is_due = true;
    }

    /// What came with the peer's SYN.
    pub(crate) fn take_rest_of_syn(&mut self, cx: &mut Cx<'_>, segment: &Segment<'_>) {
        if segment.len() > 1 {
            // RFC 9293 §3.10.7.3, fourth: what came with the SYN is for the sixth step and those
            // behind it; its numbers begin behind the SYN.
            let header = Header {
                seq: segment.header.seq + 1,
                flags: segment.header.flags.without(Flags::SYN),
                ..segment.header.clone()
            };
            let rest =
                Segment { header, payload: segment.payload, segment_len: segment.segment_len };
            self.take_text(cx, &rest);
        }
    }

    /// The peer's SYN: its numbers and its options.
    pub(crate) fn take_syn(&mut self, cx: &mut Cx<'_>, header: &Header) {
        let options = &header.options;
        let handshake = &self.config.handshake;
        let is_v6 = self.flow.remote.is_ipv6();
        let default = if is_v6 { MSS_DEFAULT_V6 } else { MSS_DEFAULT_V4 };
        self.life.peer_mss = options.mss.unwrap_or(default).max(self.config.mss_min);
        self.life.is_scaled = handshake.window_scaling && options.window_scale.is_some();
        if let Some(scale) = options.window_scale.filter(|_| self.life.is_scaled) {
            // RFC 7323 §2.3: more than fourteen is fourteen.
            self.send.scale = scale.min(SCALE_MAX);
        }
        self.send.has_sack = handshake.sack && options.sack_permitted;
        self.recv.has_sack = self.send.has_sack;
        if let Some((value, _)) = options.timestamps.filter(|_| handshake.timestamps) {
            self.recv.timestamps.begin(cx.now(), value);
            self.send.has_timestamps = true;
        }
        let mss = self.send.pmtu.mss().min(self.life.peer_mss);
        self.send.pmtu.set_ceiling(mss);
        self.take_ecn_wish(header.flags);
        self.recv.begin(cx, header.seq, self.life.is_scaled, mss);
        self.send.wl1 = header.seq;
        self.send.set_window(u32::from(header.window));
    }

    /// RFC 3168 §6.1.1: a SYN asks with ECE and CWR, its answer agrees with ECE alone.
    fn take_ecn_wish(&mut self, flags: Flags) {
        let ecn = self.config.handshake.ecn;
        let agreed = if flags.has(Flags::ACK) {
            ecn == EcnPolicy::Ask && flags.has(Flags::ECE) && !flags.has_any(Flags::CWR)
        } else {
            ecn != EcnPolicy::Off && flags.has(Flags::ECE | Flags::CWR)
        };
        self.send.ecn.is_on = agreed;
        self.recv.ecn.is_on = agreed;
    }
}
