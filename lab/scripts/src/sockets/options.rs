//! Options of sockets: what they mean for connections, and what can be read back.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Cx;
use tcp::{Algorithm, Connection, State};

use super::descriptor::Descriptor;
use super::fast_open::FastOpenOptions;
use super::network::NetworkOptions;
use super::notices::TIMESTAMPING_KNOWN;
use super::stream::{Stream, seconds};
use super::timers::TimerOptions;
use super::{Attempt, Sockets, World, no_fd};
use crate::language::calls::{Fd, OptionValue};
use crate::language::settings::{IpVersion, Settings};
use crate::sysctl;

const SOCKET: i64 = 1;
const IP: i64 = 0;
const TCP: i64 = 6;
const IPV6: i64 = 41;

const SO_DEBUG: i64 = 1;
const SO_REUSEADDR: i64 = 2;
const SO_TYPE: i64 = 3;
const SO_ERROR: i64 = 4;
const SO_SNDBUF: i64 = 7;
const SO_RCVBUF: i64 = 8;
const SO_KEEPALIVE: i64 = 9;
const SO_OOBINLINE: i64 = 10;
const SO_PRIORITY: i64 = 12;
const SO_LINGER: i64 = 13;
const SO_REUSEPORT: i64 = 15;
const SO_RCVLOWAT: i64 = 18;
const SO_ACCEPTCONN: i64 = 30;
const SO_SNDBUFFORCE: i64 = 32;
const SO_RCVBUFFORCE: i64 = 33;
const SO_MARK: i64 = 36;
const SO_MAX_PACING_RATE: i64 = 47;
const SO_DONTROUTE: i64 = 5;
const SO_BROADCAST: i64 = 6;
const SO_BINDTODEVICE: i64 = 25;
const SO_TIMESTAMP: i64 = 29;
const SO_TIMESTAMPING: i64 = 37;
const SO_PROTOCOL: i64 = 38;
const SO_DOMAIN: i64 = 39;
const SO_BUSY_POLL: i64 = 46;
const SO_INCOMING_CPU: i64 = 49;
const SO_ZEROCOPY: i64 = 60;
const SO_TXREHASH: i64 = 74;
const SO_NOSIGPIPE: i64 = 0x800;
const SO_USELOOPBACK: i64 = 0x10040;
const SO_SETFIB: i64 = 0x11014;
const SO_USER_COOKIE: i64 = 0x11015;
const SO_NO_DDP: i64 = 0x18000;
const SO_NO_OFFLOAD: i64 = 0x14000;
const SO_REUSEPORT_LB: i64 = 0x12000;

const TCP_NODELAY: i64 = 1;
const TCP_MAXSEG: i64 = 2;
const TCP_CORK: i64 = 3;
const TCP_KEEPIDLE: i64 = 4;
const TCP_KEEPINTVL: i64 = 5;
const TCP_KEEPCNT: i64 = 6;
const TCP_SYNCNT: i64 = 7;
const TCP_LINGER2: i64 = 8;
const TCP_WINDOW_CLAMP: i64 = 10;
const TCP_QUICKACK: i64 = 12;
const TCP_THIN_LINEAR_TIMEOUTS: i64 = 16;
const TCP_THIN_DUPACK: i64 = 17;
const TCP_NOTSENT_LOWAT: i64 = 25;
const TCP_SAVE_SYN: i64 = 27;
const TCP_SAVED_SYN: i64 = 28;
const TCP_CONGESTION: i64 = 13;
const TCP_USER_TIMEOUT: i64 = 18;
const TCP_TIMESTAMP: i64 = 24;
const TCP_ULP: i64 = 31;
const TCP_INQ: i64 = 36;
const TCP_IS_MPTCP: i64 = 43;
const TCP_NOOPT: i64 = 0x10008;
const TCP_FUNCTION_BLK: i64 = 8192;

const IP_RECVERR: i64 = 11;
const IP_MTU: i64 = 14;
const IP_FREEBIND: i64 = 15;
const IPV6_MTU: i64 = 24;
const IPV6_RECVERR: i64 = 25;
const IPV6_V6ONLY: i64 = 26;

/// Tells options of TCP that are only kept from those of sockets.
const KEPT_OF_TCP: i64 = 1 << 40;

/// Linux' least: what `SO_RCVBUF` and `SO_SNDBUF` say is doubled, and at least this.
const BUFFER_RECEIVE_MIN: i64 = 2304;
const BUFFER_SEND_MIN: i64 = 4608;

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
    fin_wait: Option<Duration>,
    algorithm: Option<Algorithm>,
    pacing_rate_max: Option<u64>,
    pub(super) timers: TimerOptions,
    /// What routers and hosts say is told at once, of IPv4 and of IPv6.
    hears_errors: [bool; 2],
    /// What is only kept, to be shown.
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
        let saves_syn = self.kept.get(&(TCP_SAVE_SYN | KEPT_OF_TCP));
        config.handshake.saves_syn = saves_syn.is_some_and(|value| *value > 0);
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

impl Sockets {
    pub(super) fn set_option(
        &mut self,
        world: &mut World<'_>,
        fd: Fd,
        option: (i64, i64),
        value: &OptionValue,
        len: i64,
    ) -> Attempt {
        match self.fds.get_mut(&fd) {
            Some(Descriptor::Stream(stream)) => stream.set_option(world, option, value, len),
            Some(Descriptor::Datagram(_)) if matches!(option, (SOCKET | IP | IPV6, _)) => {
                Attempt::Returned(0)
            }
            Some(_) => Attempt::error("ENOTSOCK"),
            None => no_fd(fd),
        }
    }

    pub(super) fn get_option(
        &mut self,
        world: &World<'_>,
        fd: Fd,
        option: (i64, i64),
        expected: &OptionValue,
        len: i64,
    ) -> Attempt {
        let algorithm = self.config.congestion.algorithm;
        let stream = match self.fds.get_mut(&fd) {
            Some(Descriptor::Stream(stream)) => stream,
            Some(Descriptor::Datagram(datagram)) => {
                let found = match option {
                    (SOCKET, SO_ERROR) => datagram.take_error(),
                    (SOCKET, SO_TYPE) => 2,
                    _ => return unsupported(option),
                };
                return match *expected {
                    OptionValue::Int(expected) if expected == found => Attempt::Returned(0),
                    _ => Attempt::Wrong(format!(
                        "Bad getsockopt optval: expected: {expected:?} actual: {found}"
                    )),
                };
            }
            Some(_) => return Attempt::Unsupported("options of what is no socket".into()),
            None => return no_fd(fd),
        };
        if option == (TCP, TCP_SAVED_SYN) {
            return stream.get_saved_syn(expected, len);
        }
        if let OptionValue::Text(expected) = expected {
            return stream.get_text(option, algorithm, expected, len);
        }
        if let (OptionValue::Linger(onoff, time), (SOCKET, SO_LINGER)) = (expected, option) {
            return stream.get_linger(world, (*onoff, *time));
        }
        if let Some(looked) = stream.get_patience(option, expected) {
            return looked;
        }
        let value = match stream.get_option(world, option, &self.config) {
            Ok(value) => value,
            Err(other) => return other,
        };
        match *expected {
            OptionValue::Int(expected) if expected == value && len == 4 => Attempt::Returned(0),
            OptionValue::Int(_) if len != 4 => {
                Attempt::Wrong(format!("Bad getsockopt optlen: expected: {len} actual: 4"))
            }
            OptionValue::Int(expected) => Attempt::Wrong(format!(
                "Bad getsockopt optval: expected: {expected} actual: {value}"
            )),
            _ => Attempt::Unsupported("getsockopt of this value".into()),
        }
    }
}

impl Stream {
    fn set_option(
        &mut self,
        world: &mut World<'_>,
        option: (i64, i64),
        value: &OptionValue,
        len: i64,
    ) -> Attempt {
        if let OptionValue::Int(value) = value
            && len >= 4
            && let Some(done) = self.set_network(world, option, *value)
        {
            return done;
        }
        if let Some(done) = self.set_fast_open(world, option, value) {
            return done;
        }
        if let Some(done) = self.set_timers(world, option, value, len) {
            return done;
        }
        match (option, value) {
            ((SOCKET, SO_LINGER), OptionValue::Linger(onoff, time)) => {
                self.options.linger = (*onoff != 0).then(|| seconds(*time));
                let linger = self.options.linger;
                self.tell(world, move |_, connection| connection.set_linger(linger))
            }
            // FreeBSD has several stacks; we have one, which goes by the name of the first.
            ((TCP, TCP_FUNCTION_BLK), OptionValue::Functions(name)) => match &name[..] {
                "freebsd" | "default" => Attempt::Returned(0),
                other => Attempt::Unsupported(format!("the stack '{other}'")),
            },
            ((TCP, TCP_CONGESTION), OptionValue::Text(name)) => {
                let name = String::from_utf8_lossy(name);
                let Some(algorithm) = sysctl::algorithm(name.trim_end_matches('\0')) else {
                    return Attempt::Unsupported(format!("congestion control '{name}'"));
                };
                let is_same = self.options.algorithm == Some(algorithm)
                    || self.look(world).is_some_and(|connection| {
                        connection.info(world.stack.now()).algorithm == algorithm
                    });
                if self.connection().is_some() && !is_same {
                    return Attempt::Unsupported("another congestion control later on".into());
                }
                self.options.algorithm = Some(algorithm);
                Attempt::Returned(0)
            }
            // Nothing can be put between TCP and the program.
            ((TCP, TCP_ULP), OptionValue::Text(name)) if &name[..] != b"tls" => {
                Attempt::error("ENOENT")
            }
            // There is one link.
            ((SOCKET, SO_BINDTODEVICE), OptionValue::Text(_)) => Attempt::Returned(0),
            (_, OptionValue::Int(_)) if len < 4 => Attempt::error("EINVAL"),
            ((SOCKET, name), OptionValue::Int(value)) => self.set_socket(world, name, *value),
            ((TCP, name), OptionValue::Int(value)) => self.set_tcp(world, name, *value),
            ((IP, IP_RECVERR), OptionValue::Int(value)) => self.hear_errors(world, 0, *value != 0),
            ((IPV6, IPV6_RECVERR), OptionValue::Int(value)) => {
                self.hear_errors(world, 1, *value != 0)
            }
            ((IP, IP_FREEBIND) | (IPV6, IPV6_V6ONLY), OptionValue::Int(_)) => Attempt::Returned(0),
            _ => unsupported(option),
        }
    }

    /// What routers and hosts say is told at once, or not. Who does not want it any more forgets what waits.
    fn hear_errors(&mut self, world: &mut World<'_>, version: usize, is_on: bool) -> Attempt {
        if let Some(hears) = self.options.hears_errors.get_mut(version) {
            *hears = is_on;
        }
        if !is_on {
            self.notices.forget_icmp();
        }
        let any = self.options.hears_errors.contains(&true);
        self.tell(world, move |_, connection| connection.set_error_reports(any))
    }

    /// Tells the connection, if there is one.
    pub(super) fn tell(
        &mut self,
        world: &mut World<'_>,
        what: impl FnOnce(&mut Cx<'_>, &mut Connection),
    ) -> Attempt {
        if let Some(id) = self.connection() {
            world.stack.with(|cx, host| host.tcp_with(id, |connection| what(cx, connection)));
        }
        Attempt::Returned(0)
    }

    fn set_socket(&mut self, world: &mut World<'_>, name: i64, value: i64) -> Attempt {
        let is_on = value != 0;
        let is_freebsd = world.settings.is_freebsd();
        match name {
            SO_REUSEADDR => self.options.reuses_address = is_on,
            SO_REUSEPORT => self.options.reuses_port = is_on,
            SO_OOBINLINE => self.options.is_oob_inline = is_on,
            // Who is watched, and what routers would make of it; there is one way, and nobody is
            // signalled.
            SO_DEBUG | SO_DONTROUTE | SO_BROADCAST => {
                self.options.kept.insert(name, is_on.into());
            }
            SO_PRIORITY | SO_MARK | SO_BUSY_POLL | SO_INCOMING_CPU | SO_TXREHASH => {
                self.options.kept.insert(name, value);
            }
            SO_USELOOPBACK | SO_SETFIB | SO_USER_COOKIE | SO_NO_DDP | SO_NO_OFFLOAD => {}
            SO_REUSEPORT_LB | SO_NOSIGPIPE => {}
            // When data came is not told.
            SO_TIMESTAMP if value == 0 => {}
            SO_ZEROCOPY if !(0..=1).contains(&value) => return Attempt::error("EINVAL"),
            SO_ZEROCOPY => self.options.may_be_uncopied = is_on,
            SO_TIMESTAMPING if value & !TIMESTAMPING_KNOWN != 0 => {
                return Attempt::Unsupported(format!("timestamping {value:#x}"));
            }
            SO_TIMESTAMPING => {
                let connection = self.connection().and_then(|id| world.stack.host.tcp(id));
                self.notices.set_timestamping(value, connection);
            }
            SO_RCVLOWAT => {
                self.options.low_water = usize::try_from(value).unwrap_or(usize::MAX).max(1);
            }
            SO_SNDBUF | SO_RCVBUF if is_freebsd && value < 1 => return Attempt::error("EINVAL"),
            SO_SNDBUF | SO_SNDBUFFORCE => {
                let space = if is_freebsd { value } else { (value * 2).max(BUFFER_SEND_MIN) };
                self.options.buffer_send = Some(space);
                let space = u32::try_from(space).unwrap_or(u32::MAX);
                return self.tell(world, move |_, connection| connection.set_send_space(space));
            }
            SO_RCVBUF | SO_RCVBUFFORCE => {
                // Linux keeps half of it for its own records.
                let (told, space) = match (value * 2).max(BUFFER_RECEIVE_MIN) {
                    _ if is_freebsd => (value, value),
                    told => (told, told / 2),
                };
                self.options.buffer_receive = Some(told);
                let space = u32::try_from(space).unwrap_or(u32::MAX);
                self.options.receive_space = Some((space, !is_freebsd));
                return self.tell(world, move |_, connection| connection.set_receive_space(space));
            }
            SO_KEEPALIVE => {
                self.options.keepalive = is_on;
                return self.tell_keepalive(world);
            }
            SO_MAX_PACING_RATE => {
                let rate = u64::try_from(value).ok().filter(|rate| *rate < u64::from(u32::MAX));
                self.options.pacing_rate_max = rate;
                return self.tell(world, move |_, connection| connection.set_pacing_rate_max(rate));
            }
            _ => return unsupported((SOCKET, name)),
        }
        Attempt::Returned(0)
    }

    fn tell_keepalive(&mut self, world: &mut World<'_>) -> Attempt {
        let options = self.options.clone();
        self.tell(world, move |cx, connection| options.apply_keepalive(cx, connection))
    }

    fn set_tcp(&mut self, world: &mut World<'_>, name: i64, value: i64) -> Attempt {
        let is_on = value != 0;
        // As in Linux: at most nine hours, and at most 127 times.
        let is_time = (1..=32_767).contains(&value);
        let is_count = (1..=127).contains(&value);
        let is_freebsd = world.settings.is_freebsd();
        match name {
            // What FreeBSD is told as nothing is what it has by itself.
            TCP_KEEPIDLE if is_freebsd && value == 0 => self.options.keepalive_after = None,
            TCP_KEEPINTVL if is_freebsd && value == 0 => self.options.keepalive_interval = None,
            TCP_KEEPCNT if is_freebsd && value == 0 => self.options.keepalive_probes = None,
            TCP_NODELAY => {
                self.options.nodelay = is_on;
                return self.tell(world, move |_, connection| connection.set_nodelay(is_on));
            }
            TCP_CORK => {
                self.options.is_corked = is_on;
                return self.tell(world, move |_, connection| connection.set_cork(is_on));
            }
            TCP_QUICKACK => {
                self.options.quick_ack = Some(is_on);
                return self.tell(world, move |_, connection| connection.set_quick_ack(is_on));
            }
            TCP_KEEPIDLE | TCP_KEEPINTVL if !is_time => return Attempt::error("EINVAL"),
            TCP_KEEPCNT | TCP_SYNCNT if !is_count => return Attempt::error("EINVAL"),
            TCP_KEEPIDLE => self.options.keepalive_after = Some(seconds(value)),
            TCP_KEEPINTVL => self.options.keepalive_interval = Some(seconds(value)),
            TCP_KEEPCNT => self.options.keepalive_probes = Some(value as u8),
            TCP_SYNCNT => self.options.syn_retries = Some(value as u8),
            TCP_LINGER2 if self.connection().is_none() && value > 0 => {
                self.options.fin_wait = Some(seconds(value));
            }
            TCP_MAXSEG if value == 0 => self.options.mss_max = None,
            // Linux counts the options of each segment; here they are part of the size.
            TCP_MAXSEG => match u16::try_from(value).ok().filter(|mss| *mss >= 88) {
                Some(mss) => self.options.mss_max = Some(mss),
                None => return Attempt::error("EINVAL"),
            },
            TCP_USER_TIMEOUT if value < 0 => return Attempt::error("EINVAL"),
            TCP_USER_TIMEOUT => {
                self.options.user_timeout = value;
                let timeout = Duration::from_millis(value as u64);
                let timeout = (value > 0).then_some(timeout);
                return self.tell(world, move |_, connection| connection.set_user_timeout(timeout));
            }
            // In the state of the art there is nothing special about thin streams.
            TCP_THIN_LINEAR_TIMEOUTS | TCP_THIN_DUPACK if value == 0 => {}
            TCP_THIN_DUPACK => {}
            TCP_SAVE_SYN if !(0..=2).contains(&value) => return Attempt::error("EINVAL"),
            TCP_SAVE_SYN => {
                self.options.kept.insert(TCP_SAVE_SYN | KEPT_OF_TCP, value);
                self.configure_listener(world);
            }
            // Only who repairs a connection may set its clock.
            TCP_TIMESTAMP => return Attempt::error("EPERM"),
            TCP_NOOPT if is_freebsd => self.options.has_no_options = is_on,
            TCP_NOTSENT_LOWAT => {
                let max = u32::try_from(value).ok().filter(|max| *max > 0 && *max < u32::MAX);
                self.options.unsent_max = max.map(|max| max as usize);
            }
            TCP_WINDOW_CLAMP => return self.set_window_clamp(world, value),
            TCP_INQ if value == 0 || value == 1 => self.options.tells_inq = is_on,
            TCP_INQ => return Attempt::error("EINVAL"),
            _ => return unsupported((TCP, name)),
        }
        match name {
            TCP_KEEPIDLE | TCP_KEEPINTVL | TCP_KEEPCNT if self.options.keepalive => {
                self.tell_keepalive(world)
            }
            _ => Attempt::Returned(0),
        }
    }

    fn set_window_clamp(&mut self, world: &mut World<'_>, value: i64) -> Attempt {
        // Linux' least: half of the least buffer.
        const CLAMP_MIN: i64 = BUFFER_RECEIVE_MIN / 2;
        let clamp = u32::try_from(value.max(CLAMP_MIN)).unwrap_or(u32::MAX);
        match (value, self.connection()) {
            (0, None) => self.options.window_clamp = None,
            (0, Some(_)) => return Attempt::error("EINVAL"),
            _ => self.options.window_clamp = Some(clamp),
        }
        self.tell(world, move |_, connection| connection.set_receive_space(clamp))
    }

    fn get_text(
        &self,
        option: (i64, i64),
        algorithm: Algorithm,
        expected: &[u8],
        len: i64,
    ) -> Attempt {
        if option != (TCP, TCP_CONGESTION) {
            return unsupported(option);
        }
        let name = match self.options.algorithm.unwrap_or(algorithm) {
            Algorithm::NewReno => "reno",
            Algorithm::Cubic => "cubic",
        };
        // The kernel's names have sixteen bytes.
        let mut value = name.as_bytes().to_vec();
        value.resize(usize::try_from(len).unwrap_or(0).min(16), 0);
        match value == expected {
            true => Attempt::Returned(0),
            false => Attempt::Wrong(format!(
                "Bad getsockopt optval: expected: '{}' actual: '{name}'",
                expected.escape_ascii()
            )),
        }
    }

    /// The headers of the SYN, once, for who has room for all of them; then nothing.
    fn get_saved_syn(&mut self, expected: &OptionValue, len: i64) -> Attempt {
        let found = self.syn.as_ref().map_or(&[][..], |syn| syn.as_slice());
        let expected = match expected {
            OptionValue::Text(expected) => &expected[..],
            // Nothing was kept, and nothing is looked at.
            _ if found.is_empty() && len == 0 => &[],
            _ => return Attempt::Unsupported("a SYN that is no text".into()),
        };
        if expected.is_empty() && !found.is_empty() && len < found.len() as i64 {
            return Attempt::error("EINVAL");
        }
        let is_same = expected == found && len == found.len() as i64;
        let shown = found.escape_ascii().to_string();
        if !is_same {
            return Attempt::Wrong(format!(
                "Bad getsockopt optval: expected: '{}' actual: '{shown}'",
                expected.escape_ascii()
            ));
        }
        self.syn = None;
        Attempt::Returned(0)
    }

    fn get_linger(&self, world: &World<'_>, expected: (i64, i64)) -> Attempt {
        let bit = if world.settings.is_freebsd() { 0x80 } else { 1 };
        let linger = self.options.linger;
        let found = linger.map_or((0, 0), |time| (bit, time.as_secs() as i64));
        match found == expected {
            true => Attempt::Returned(0),
            false => Attempt::Wrong(format!(
                "Bad getsockopt optval: expected: {{onoff={}, linger={}}} actual: {{onoff={}, \
                 linger={}}}",
                expected.0, expected.1, found.0, found.1
            )),
        }
    }

    fn get_option(
        &mut self,
        world: &World<'_>,
        option: (i64, i64),
        config: &tcp::Config,
    ) -> Result<i64, Attempt> {
        let kept_elsewhere = self
            .get_network(world, option)
            .or_else(|| self.get_fast_open(world, option))
            .or_else(|| self.get_timers(option, config));
        if let Some(value) = kept_elsewhere {
            return Ok(value);
        }
        let options = &self.options;
        let whole = |time: Duration| time.as_secs() as i64;
        let kept = |name: i64| options.kept.get(&name).copied().unwrap_or(0);
        let is_freebsd = world.settings.is_freebsd();
        // FreeBSD shows the bit that it keeps for it.
        let flag = |is_on: bool, bit: i64| match is_on {
            true if is_freebsd => bit,
            is_on => is_on.into(),
        };
        Ok(match option {
            (SOCKET, SO_ERROR) => self.take_failure(world).unwrap_or(0),
            (IP, IP_RECVERR) => options.hears_errors[0].into(),
            (IPV6, IPV6_RECVERR) => options.hears_errors[1].into(),
            (SOCKET, SO_TYPE) => 1,
            (SOCKET, SO_DOMAIN) => {
                if world.settings.ip_version == IpVersion::V4 {
                    2
                } else {
                    10
                }
            }
            (SOCKET, SO_PROTOCOL) => TCP,
            (SOCKET, SO_ZEROCOPY) => options.may_be_uncopied.into(),
            (SOCKET, SO_ACCEPTCONN) => self.listener().is_some().into(),
            (SOCKET, SO_REUSEADDR) => flag(options.reuses_address, 4),
            (SOCKET, SO_REUSEPORT) => flag(options.reuses_port, 0x200),
            (SOCKET, SO_OOBINLINE) => flag(options.is_oob_inline, 0x100),
            (SOCKET, SO_KEEPALIVE) => flag(options.keepalive, 8),
            (SOCKET, SO_RCVLOWAT) => options.low_water as i64,
            (SOCKET, SO_SNDBUF) if options.buffer_send.is_some() => {
                options.buffer_send.unwrap_or_default()
            }
            (SOCKET, SO_RCVBUF) if options.buffer_receive.is_some() => {
                options.buffer_receive.unwrap_or_default()
            }
            // What a connection begins with, as long as it may grow by itself.
            (SOCKET, SO_SNDBUF) if self.connection().is_none() => {
                config.buffers.send_initial.into()
            }
            (SOCKET, SO_RCVBUF) if self.connection().is_none() => {
                i64::from(config.buffers.receive_initial) * if is_freebsd { 1 } else { 2 }
            }
            (TCP, TCP_NOTSENT_LOWAT) => {
                options.unsent_max.map_or_else(|| u32::MAX.into(), |max| max as i64)
            }
            (TCP, TCP_WINDOW_CLAMP) => options.window_clamp.unwrap_or(0).into(),
            (TCP, TCP_NODELAY) => flag(options.nodelay, 4),
            (TCP, TCP_CORK) => flag(options.is_corked, 0x1000),
            (TCP, TCP_KEEPIDLE) => {
                whole(options.keepalive_after.unwrap_or(config.idle.keepalive_after))
            }
            (TCP, TCP_KEEPINTVL) => {
                whole(options.keepalive_interval.unwrap_or(config.idle.keepalive_interval))
            }
            (TCP, TCP_KEEPCNT) => {
                options.keepalive_probes.unwrap_or(config.idle.keepalive_probes).into()
            }
            (TCP, TCP_SYNCNT) => options.syn_retries.unwrap_or(config.handshake.syn_retries).into(),
            (TCP, TCP_LINGER2) => whole(options.fin_wait.unwrap_or(config.idle.fin_wait)),
            (TCP, TCP_USER_TIMEOUT) => options.user_timeout,
            (TCP, TCP_INQ) => options.tells_inq.into(),
            (TCP, TCP_SAVE_SYN) => kept(TCP_SAVE_SYN | KEPT_OF_TCP),
            (TCP, TCP_NOOPT) => flag(options.has_no_options, 8),
            (TCP, TCP_IS_MPTCP) => 0,
            (SOCKET, SO_DEBUG | SO_DONTROUTE | SO_BROADCAST | SO_PRIORITY | SO_MARK) => {
                kept(option.1)
            }
            (SOCKET, SO_MAX_PACING_RATE) => options.pacing_rate_max.map_or(-1, |rate| rate as i64),
            // What a SYN asks for is reckoned with before it is agreed on.
            (TCP, TCP_MAXSEG) => match self.look(world) {
                Some(connection)
                    if connection.state() == State::SynSent && config.handshake.timestamps =>
                {
                    i64::from(connection.info(world.stack.now()).mss) - 12
                }
                Some(connection) => connection.info(world.stack.now()).mss.into(),
                None => options.mss_max.unwrap_or(536).into(),
            },
            (IP, IP_MTU) | (IPV6, IPV6_MTU) => match self.look(world) {
                Some(connection) => {
                    let headers = if connection.flow().remote.is_ipv4() { 40 } else { 60 };
                    i64::from(connection.info(world.stack.now()).mss_path) + headers
                }
                None => return Err(Attempt::error("ENOTCONN")),
            },
            _ => return Err(unsupported(option)),
        })
    }
}

fn unsupported((level, name): (i64, i64)) -> Attempt {
    Attempt::Unsupported(format!("option {name} of level {level} is not supported"))
}
