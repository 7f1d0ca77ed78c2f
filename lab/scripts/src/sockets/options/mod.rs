//! Options of sockets: what a program has set, and what that means for connections.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Cx;
use tcp::{Algorithm, Connection};

use super::Attempt;
use super::fast_open::FastOpenOptions;
use super::network::NetworkOptions;
use super::timers::TimerOptions;
use crate::language::settings::{IpVersion, Settings};

mod get;
mod set;

/// What a program has set.
#[derive(Clone, Debug)]
pub(super) struct StreamOptions {
    pub(super) reuses_address: bool,
    reuses_port: bool,
    pub(super) is_oob_inline: bool,
    nodelay: bool,
    pub(super) is_corked: bool,
    quick_ack: Option<bool>,
    keepalive: bool,
    keepalive_after: Option<Duration>,
    keepalive_interval: Option<Duration>,
    keepalive_probes: Option<u8>,
    user_timeout: i64,
    pub(super) linger: Option<Duration>,
    buffer_send: Option<i64>,
    buffer_receive: Option<i64>,
    mss_max: Option<u16>,
    syn_retries: Option<u8>,
    /// TCP_SAVE_SYN.
    saves_syn: i64,
    fin_wait: Option<Duration>,
    algorithm: Option<Algorithm>,
    pacing_rate_max: Option<u64>,
    pub(super) timers: TimerOptions,
    /// What routers and hosts say is told at once, of IPv4 and of IPv6.
    hears_errors: [bool; 2],
    /// Options of level `SOL_SOCKET` that are only kept, to be shown.
    kept: BTreeMap<i64, i64>,
    /// FreeBSD's TCP_NOOPT: no segment has options.
    has_no_options: bool,
    /// How much must be there before a program is told.
    pub(super) low_water: usize,
    /// Messages tell how much can be read.
    pub(super) tells_inq: bool,
    /// What is written with MSG_ZEROCOPY is told of.
    pub(super) may_be_uncopied: bool,
    /// How much that was not sent may lie there until there is room for more; nothing is as much as
    /// there is room for.
    pub(super) unsent_max: Option<usize>,
    window_clamp: Option<u32>,
    /// How much the peer may send, as SO_RCVBUF says, and whether the windows' scale follows it.
    receive_space: Option<(u32, bool)>,
    pub(super) network: NetworkOptions,
    pub(super) fast_open: FastOpenOptions,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            reuses_address: false,
            reuses_port: false,
            is_oob_inline: false,
            nodelay: false,
            is_corked: false,
            quick_ack: None,
            keepalive: false,
            keepalive_after: None,
            keepalive_interval: None,
            keepalive_probes: None,
            user_timeout: 0,
            linger: None,
            buffer_send: None,
            buffer_receive: None,
            mss_max: None,
            syn_retries: None,
            saves_syn: 0,
            fin_wait: None,
            algorithm: None,
            pacing_rate_max: None,
            timers: TimerOptions::default(),
            hears_errors: [false; 2],
            kept: BTreeMap::new(),
            has_no_options: false,
            low_water: 1,
            tells_inq: false,
            may_be_uncopied: false,
            unsent_max: None,
            window_clamp: None,
            receive_space: None,
            network: NetworkOptions::default(),
            fast_open: FastOpenOptions::default(),
        }
    }
}

impl StreamOptions {
    /// How a connection begins with these options.
    pub(super) fn configure(&self, config: &tcp::Config) -> tcp::Config {
        let mut config = config.clone();
        config.mss_max = self.mss_max.or(config.mss_max);
        if let Some(algorithm) = self.algorithm {
            config.congestion.algorithm = algorithm;
        }
        if let Some(retries) = self.syn_retries {
            config.handshake.syn_retries = retries;
        }
        config.handshake.saves_syn = self.saves_syn > 0;
        config.handshake.defer_accept = self.network.defer_accept;
        self.fast_open.configure(&mut config);
        if let Some(wait) = self.fin_wait {
            config.idle.fin_wait = wait;
        }
        if self.has_no_options {
            config.handshake.mss_option = false;
            config.handshake.window_scaling = false;
            config.handshake.timestamps = false;
            config.handshake.sack = false;
        }
        self.timers.configure(&mut config);
        if let Some((space, is_scaled)) = self.receive_space {
            config.buffers.receive_initial = space;
            config.buffers.receive_max = space;
            config.buffers.receive_autotune = false;
            if is_scaled {
                config.buffers.window_scale = None;
            }
        }
        if let Some(clamp) = self.window_clamp {
            config.buffers.receive_initial = config.buffers.receive_initial.min(clamp);
            config.buffers.receive_max = config.buffers.receive_max.min(clamp);
            config.buffers.window_scale = None;
        }
        config
    }

    /// Whether what routers and hosts say is told at once.
    pub(super) fn hears_errors(&self, settings: &Settings) -> bool {
        let [v4, v6] = self.hears_errors;
        if settings.ip_version == IpVersion::V6 { v6 } else { v4 }
    }

    /// Tells a connection all of it.
    pub(super) fn apply(&self, cx: &mut Cx<'_>, connection: &mut Connection) {
        if self.nodelay {
            connection.set_nodelay(true);
        }
        if self.is_corked {
            connection.set_cork(true);
        }
        if let Some(is_quick) = self.quick_ack {
            connection.set_quick_ack(is_quick);
        }
        if self.keepalive {
            self.apply_keepalive(cx, connection);
        }
        if self.user_timeout > 0 {
            self.apply_user_timeout(connection);
        }
        if self.linger.is_some() {
            connection.set_linger(self.linger);
        }
        if self.hears_errors.contains(&true) {
            connection.set_error_reports(true);
        }
        if let Some(space) = self.buffer_send.and_then(|space| u32::try_from(space).ok()) {
            connection.set_send_space(space);
        }
        if let Some(rate) = self.pacing_rate_max {
            connection.set_pacing_rate_max(Some(rate));
        }
    }

    fn apply_keepalive(&self, cx: &Cx<'_>, connection: &mut Connection) {
        connection.set_keepalive(cx, self.keepalive);
        let is_set = self.keepalive_after.is_some()
            || self.keepalive_interval.is_some()
            || self.keepalive_probes.is_some();
        if self.keepalive && is_set {
            let idle = tcp::Config::profile(tcp::Profile::Linux).idle;
            connection.set_keepalive_times(
                cx,
                self.keepalive_after.unwrap_or(idle.keepalive_after),
                self.keepalive_interval.unwrap_or(idle.keepalive_interval),
                self.keepalive_probes.unwrap_or(idle.keepalive_probes),
            );
        }
    }

    fn apply_user_timeout(&self, connection: &mut Connection) {
        let timeout = u64::try_from(self.user_timeout).unwrap_or(0);
        connection.set_user_timeout(Some(Duration::from_millis(timeout)));
    }
}

fn unsupported((level, name): (i64, i64)) -> Attempt {
    Attempt::Unsupported(format!("option {name} of level {level} is not supported"))
}
