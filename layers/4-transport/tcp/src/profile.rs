//! Whose conduct a stack has: the values of a system, where systems differ.

use std::sync::Arc;
use std::time::Duration;

use base::SipKey;

use crate::config::{
    Acknowledge, Algorithm, BuffersConfig, Config, CongestionConfig, EcnPolicy, Estimator,
    Handshake, Idle, MtuProbing, ProbeWhen, ResetRule, Retransmit, Silence,
};
use crate::fast_open::FastOpen;
use crate::wire::Layout;

/// Whose initial values a stack has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Profile {
    /// A current Linux.
    Linux,
    /// A current FreeBSD.
    FreeBsd,
    /// Ours: Linux' conduct with what newer RFCs say where they differ.
    #[default]
    Hepta,
}

impl Default for Config {
    fn default() -> Self {
        Self::profile(Profile::Hepta)
    }
}

impl Config {
    /// The values of a system. `secret` is zero: set it.
    pub fn profile(profile: Profile) -> Self {
        match profile {
            Profile::Linux => Self::linux(),
            Profile::FreeBsd => Self::freebsd(),
            Profile::Hepta => Self::hepta(),
        }
    }

    fn hepta() -> Self {
        let linux = Self::linux();
        let handshake = Handshake {
            isn_tick: Duration::from_micros(4),
            syn_queue_follows_backlog: false,
            ..linux.handshake
        };
        let acknowledge = Acknowledge { answers_ack_of_unsent: true, ..linux.acknowledge };
        // Devices are given as much at once as they take.
        let congestion = CongestionConfig { burst_min: 0, ..linux.congestion };
        let mtu_probing = MtuProbing {
            when: ProbeWhen::BlackHole,
            // RFC 9293 §3.7.1: 536 is what everybody takes; below half of it lie no paths.
            floor: 268,
            accepted_begin_whole: false,
            ..linux.mtu_probing
        };
        Self { handshake, acknowledge, congestion, mtu_probing, ..linux }
    }

    /// Linux 6.12, as its `Documentation/networking/ip-sysctl.rst` and `include/net/tcp.h` say.
    fn linux() -> Self {
        Self {
            secret: SipKey::new([0; 16]),
            budget: Arc::default(),
            handshake: Handshake {
                syn_retries: 6,
                syn_linear_timeouts: 4,
                syn_timeout: None,
                measures_answer: true,
                hastens_syn: true,
                syn_ack_retries: 5,
                layout: Layout::Linux,
                mss_option: true,
                window_scaling: true,
                timestamps: true,
                requires_timestamps: false,
                drops_signed: true,
                drops_syn_fin: true,
                answers_as_syn_cache: false,
                sack: true,
                ecn: EcnPolicy::WhenAsked,
                timestamp_tick: Duration::from_millis(1),
                timestamp_offset_keyed: true,
                isn_tick: Duration::from_nanos(64),
                syn_queue_max: 4096,
                syn_queue_follows_backlog: true,
                syn_cookies: true,
                saves_syn: false,
                defer_accept: 0,
            },
            fast_open: FastOpen { client: true, ..FastOpen::default() },
            retransmit: Retransmit {
                rto_initial: Duration::from_secs(1),
                rto_fallback: Duration::from_secs(3),
                rto_min: Duration::from_millis(200),
                rto_max: Duration::from_secs(120),
                estimator: Estimator::WindowedMax,
                retries_max: 15,
                counts_retries: false,
                retries_doubt: 3,
                rack: true,
                tail_loss_probe: true,
                probe_delack_allowance: Duration::from_millis(200),
                frto: true,
                dup_threshold: 3,
                persist_min: Duration::from_millis(200),
                persist_sends_byte: false,
            },
            congestion: CongestionConfig {
                algorithm: Algorithm::Cubic,
                initial_window: 10,
                restart_after_idle: true,
                hystart: true,
                window_max: u32::MAX,
                burst_min: 2,
            },
            acknowledge: Acknowledge {
                delay_min: Duration::from_millis(40),
                delay_max: Duration::from_millis(200),
                quick_max: 16,
                adaptive: true,
                counts_segments: false,
                interactive_after: 1,
                answers_ack_of_unsent: true,
                refuses_old_acks: true,
                delays_ack_of_fin: true,
                reports_duplicates: true,
                compressed_max: 44,
                compressed_delay: Duration::from_millis(1),
            },
            buffers: BuffersConfig {
                receive_initial: 65_536,
                receive_max: 3 << 20,
                receive_autotune: true,
                receive_initial_whole_segments: true,
                receive_offers_all: false,
                receive_initial_segments: None,
                window_scale: Some(7),
                send_initial: 87_040,
                send_max: 4 << 20,
                send_autotune: true,
            },
            idle: Idle {
                keepalive_after: Duration::from_secs(7200),
                keepalive_interval: Duration::from_secs(75),
                keepalive_probes: 9,
                time_wait: Duration::from_secs(60),
                fin_wait: Duration::from_secs(60),
                orphan_retries: 8,
                resets_unread: true,
                resets_say_window: true,
                resets: ResetRule::Expected,
                ends_by_syn: false,
                silence: Silence::Nobody,
            },
            mss_max: None,
            mss_min: 48,
            mtu_probing: MtuProbing {
                when: ProbeWhen::Never,
                base_mss: 1024,
                floor: 48,
                range_min: 8,
                interval: Duration::from_secs(600),
                accepted_begin_whole: true,
            },
            nagle: true,
            out_of_window_interval: Duration::from_millis(500),
            challenges_per_second: 1000,
        }
    }

    /// FreeBSD 14, as `tcp(4)` and `sys/netinet/tcp_timer.h` say.
    fn freebsd() -> Self {
        let linux = Self::linux();
        Self {
            fast_open: FastOpen { cookie_of_client_only: true, ..linux.fast_open },
            handshake: Handshake {
                syn_retries: 12,
                syn_linear_timeouts: 0,
                syn_timeout: Some(Duration::from_secs(75)),
                measures_answer: false,
                hastens_syn: false,
                requires_timestamps: true,
                drops_signed: false,
                drops_syn_fin: false,
                answers_as_syn_cache: true,
                syn_ack_retries: 3,
                layout: Layout::FreeBsd,
                isn_tick: Duration::from_micros(4),
                syn_queue_follows_backlog: false,
                ..linux.handshake
            },
            retransmit: Retransmit {
                rto_min: Duration::from_millis(30),
                rto_max: Duration::from_secs(64),
                estimator: Estimator::Rfc6298 { slop: Duration::from_millis(200) },
                retries_max: 12,
                counts_retries: true,
                rto_fallback: linux.retransmit.rto_initial,
                rack: false,
                tail_loss_probe: false,
                frto: false,
                persist_min: Duration::from_secs(5),
                persist_sends_byte: true,
                ..linux.retransmit
            },
            congestion: CongestionConfig { hystart: false, burst_min: 0, ..linux.congestion },
            acknowledge: Acknowledge {
                delay_min: Duration::from_millis(40),
                delay_max: Duration::from_millis(40),
                quick_max: 0,
                adaptive: false,
                counts_segments: true,
                interactive_after: u8::MAX,
                answers_ack_of_unsent: true,
                delays_ack_of_fin: false,
                compressed_max: 0,
                ..linux.acknowledge
            },
            buffers: BuffersConfig {
                receive_max: 2 << 20,
                receive_initial_whole_segments: false,
                receive_offers_all: true,
                window_scale: Some(6),
                send_initial: 32_768,
                send_max: 2 << 20,
                ..linux.buffers
            },
            idle: Idle {
                keepalive_probes: 8,
                resets_unread: false,
                resets_say_window: false,
                resets: ResetRule::LastAcknowledged,
                ..linux.idle
            },
            mss_min: 216,
            out_of_window_interval: Duration::ZERO,
            ..linux
        }
    }
}
