use std::sync::Arc;
use std::time::Duration;

use base::{Cx, Instant};

use super::{SynHeaders, cookie, isn};
use crate::Seq;
use crate::config::{Config, EcnPolicy, Estimator, Handshake};
use crate::machine::{Connection, Flow, Limits};
use crate::recv::ticks;
use crate::state::State;
use crate::syn_sent::{MSS_DEFAULT_V4, MSS_DEFAULT_V6};
use crate::transmit::syn_options;
use crate::wire::{Flags, Header, Options};

/// A SYN that waits for the third step of the handshake: all that is remembered of it.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) iss: Seq,
    pub(super) irs: Seq,
    /// The peer's options.
    pub(super) mss: u16,
    pub(super) scale: Option<u8>,
    pub(super) sack: bool,
    /// TSval of the SYN.
    pub(super) timestamp: Option<u32>,
    pub(super) ecn: bool,
    /// The peer's first window.
    pub(super) window: u16,
    pub(super) limits: Limits,
    /// What is added to our clock of timestamps.
    pub(super) timestamp_offset: u32,
    /// When the answer first left, and when it leaves again.
    pub(super) sent_at: Instant,
    pub(super) due_at: Instant,
    /// How often that time came.
    pub(super) timeouts: u8,
    /// How often it was sent again by the clock, and how often because the SYN came again.
    pub(super) retries: u8,
    pub(super) copies: u8,
    /// The peer has our answer, and has said nothing more.
    pub(super) is_acknowledged: bool,
    /// When something out of place was last answered.
    pub(super) answered_at: Option<Instant>,
    /// The headers of the SYN, if they are kept.
    pub(super) syn: Option<Box<SynHeaders>>,
}

impl Request {
    /// What a SYN asks for.
    pub(super) fn new(
        cx: &Cx<'_>,
        config: &Config,
        flow: &Flow,
        header: &Header,
        limits: &Limits,
        isn: Option<Seq>,
    ) -> Self {
        let options = &header.options;
        let handshake = &config.handshake;
        let default = if flow.remote.is_ipv6() { MSS_DEFAULT_V6 } else { MSS_DEFAULT_V4 };
        let asks_ecn = header.flags.has(Flags::ECE | Flags::CWR);
        Self {
            iss: isn.unwrap_or_else(|| isn::initial(config, cx.now(), flow)),
            irs: header.seq,
            mss: options.mss.unwrap_or(default).max(config.mss_min),
            scale: options.window_scale.filter(|_| handshake.window_scaling).map(|s| s.min(14)),
            sack: handshake.sack && options.sack_permitted,
            timestamp: options.timestamps.filter(|_| handshake.timestamps).map(|(value, _)| value),
            ecn: asks_ecn && handshake.ecn != EcnPolicy::Off,
            window: header.window,
            limits: *limits,
            timestamp_offset: isn::timestamp_offset(config, flow),
            sent_at: cx.now(),
            due_at: cx.now().after(config.retransmit.rto_initial),
            timeouts: 0,
            retries: 0,
            copies: 0,
            is_acknowledged: false,
            answered_at: None,
            syn: None,
        }
    }

    /// What the third step brings back of a request that was answered with a cookie.
    pub(super) fn from_cookie(
        cx: &Cx<'_>,
        config: &Config,
        flow: &Flow,
        header: &Header,
        limits: &Limits,
        mss: u16,
    ) -> Self {
        let timestamps = header.options.timestamps.filter(|_| config.handshake.timestamps);
        let offset = isn::timestamp_offset(config, flow);
        let carried = timestamps.map(|(_, echo)| cookie::read_timestamp(echo.wrapping_sub(offset)));
        let (scale, sack, ecn) = carried.unwrap_or((None, false, false));
        Self {
            iss: header.ack - 1,
            irs: header.seq - 1,
            mss,
            scale: scale.filter(|_| config.handshake.window_scaling),
            sack: sack && config.handshake.sack,
            timestamp: timestamps.map(|(value, _)| value),
            ecn: ecn && config.handshake.ecn != EcnPolicy::Off,
            window: header.window,
            limits: *limits,
            timestamp_offset: offset,
            sent_at: cx.now(),
            due_at: Instant::NEVER,
            timeouts: 0,
            retries: 0,
            copies: 0,
            is_acknowledged: false,
            answered_at: None,
            syn: None,
        }
    }

    /// When the answer is sent again, after `timeouts` (RFC 6298 §5.5).
    pub(super) fn timeout(&self, config: &Config) -> Duration {
        let doubled = config.retransmit.rto_initial * (1 << self.timeouts.min(20));
        let slop = match config.retransmit.estimator {
            Estimator::Rfc6298 { slop } if self.timeouts > 0 => slop,
            _ => Duration::ZERO,
        };
        (doubled + slop).min(config.retransmit.rto_max)
    }

    /// Whether the peer has waited, or has let us wait, long enough.
    pub(super) fn is_over(&self, handshake: &Handshake) -> bool {
        let is_deferred = self.is_acknowledged && self.timeouts < handshake.defer_accept;
        self.timeouts >= handshake.syn_ack_retries && !is_deferred
    }

    /// Whether our answer leaves again: who has it, and is only waited for, gets it once more at the end,
    /// so that it may still begin.
    pub(super) fn is_to_be_answered_again(&self, handshake: &Handshake) -> bool {
        !self.is_acknowledged || self.timeouts + 1 >= handshake.defer_accept
    }

    fn mss_ours(&self, config: &Config) -> u16 {
        self.limits.mss.min(config.mss_max.unwrap_or(u16::MAX)).max(config.mss_min)
    }

    /// Our clock of timestamps.
    pub(super) fn ts_now(&self, cx: &Cx<'_>, config: &Config) -> u32 {
        ticks(cx.now(), config.handshake.timestamp_tick).wrapping_add(self.timestamp_offset)
    }

    /// The second step of the handshake: SYN and ACK.
    pub(super) fn answer(
        &self,
        cx: &Cx<'_>,
        config: &Config,
        flow: &Flow,
        is_cookie: bool,
    ) -> Header {
        let mss = self.mss_ours(config);
        let wish = syn_options(config, mss, config.window_scale());
        let mut window = crate::recv::Window::new(&config.buffers, 0, mss);
        if self.timestamp.is_some() {
            window.reckon_with_timestamps(&config.buffers);
        }
        let now = self.ts_now(cx, config);
        let value = match is_cookie {
            true => cookie::timestamp(now.wrapping_sub(self.timestamp_offset), self)
                .wrapping_add(self.timestamp_offset),
            false => now,
        };
        // Without timestamps a cookie carries no options, so none are agreed on.
        let carries = !is_cookie || self.timestamp.is_some();
        Header {
            source: flow.local.port(),
            destination: flow.remote.port(),
            seq: self.iss,
            ack: self.irs + 1,
            flags: (Flags::SYN | Flags::ACK).with_if(self.ecn && carries, Flags::ECE),
            window: window.in_syn(),
            urgent: 0,
            options: Options {
                timestamps: self.timestamp.map(|echo| (value, echo)),
                window_scale: wish.window_scale.filter(|_| self.scale.is_some() && carries),
                sack_permitted: self.sack && carries,
                ..wish
            },
        }
    }

    /// The connection that the third step begins; it is in SYN-RECEIVED, and the segment that
    /// brought it is still to be handled.
    pub(super) fn into_connection(
        mut self,
        cx: &mut Cx<'_>,
        config: Arc<Config>,
        flow: Flow,
    ) -> Connection {
        let mut connection = self.to_unanswered(cx, config, flow);
        if let Some(syn) = self.syn.take() {
            connection.life.keep_syn(syn);
        }
        let first = ticks(self.sent_at, connection.config.handshake.timestamp_tick)
            .wrapping_add(self.timestamp_offset);
        let again = (self.retries, self.copies);
        let is_measured = connection.config.handshake.measures_answer || self.timestamp.is_some();
        connection.send.resume_handshake(cx, self.sent_at, first, again, is_measured);
        connection
    }

    /// The connection that the SYN begins, in SYN-RECEIVED; our answer is still to be sent.
    pub(super) fn to_unanswered(
        &self,
        cx: &mut Cx<'_>,
        config: Arc<Config>,
        flow: Flow,
    ) -> Connection {
        let mut connection =
            Connection::new(config, flow, self.iss, &self.limits, State::SynReceived);
        connection.recv.timestamps.offset = self.timestamp_offset;
        if self.timestamp.is_some() {
            connection.recv.window.reckon_with_timestamps(&connection.config.buffers);
        }
        // The SYN once more, as it was.
        let syn = Header {
            seq: self.irs,
            flags: Flags::SYN.with_if(self.ecn, Flags::ECE | Flags::CWR),
            window: self.window,
            options: Options {
                mss: Some(self.mss),
                window_scale: self.scale,
                sack_permitted: self.sack,
                timestamps: self.timestamp.map(|value| (value, 0)),
                ..Options::default()
            },
            ..Header::default()
        };
        connection.take_syn(cx, &syn);
        connection
    }
}
