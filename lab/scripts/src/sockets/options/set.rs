//! `setsockopt`: what may be set when, and what it changes at once.

use std::time::Duration;

use base::Cx;
use tcp::Connection;

use super::super::descriptor::Descriptor;
use super::super::notices::TIMESTAMPING_KNOWN;
use super::super::stream::{Stream, seconds};
use super::super::{Attempt, Sockets, World, no_fd};
use super::unsupported;
use crate::language::calls::{Fd, OptionValue};
use crate::symbols::{
    IP_FREEBIND, IP_RECVERR, IPV6_RECVERR, IPV6_V6ONLY, SO_BINDTODEVICE, SO_BROADCAST,
    SO_BUSY_POLL, SO_DEBUG, SO_DONTROUTE, SO_INCOMING_CPU, SO_KEEPALIVE, SO_LINGER, SO_MARK,
    SO_MAX_PACING_RATE, SO_NO_DDP, SO_NO_OFFLOAD, SO_NOSIGPIPE, SO_OOBINLINE, SO_PRIORITY,
    SO_RCVBUF, SO_RCVBUFFORCE, SO_RCVLOWAT, SO_REUSEADDR, SO_REUSEPORT, SO_REUSEPORT_LB, SO_SETFIB,
    SO_SNDBUF, SO_SNDBUFFORCE, SO_TIMESTAMP, SO_TIMESTAMPING, SO_TXREHASH, SO_USELOOPBACK,
    SO_USER_COOKIE, SO_ZEROCOPY, SOL_IP, SOL_IPV6, SOL_SOCKET, SOL_TCP, TCP_CONGESTION, TCP_CORK,
    TCP_FUNCTION_BLK, TCP_INQ, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_LINGER2, TCP_MAXSEG,
    TCP_NODELAY, TCP_NOOPT, TCP_NOTSENT_LOWAT, TCP_QUICKACK, TCP_SAVE_SYN, TCP_SYNCNT,
    TCP_THIN_DUPACK, TCP_THIN_LINEAR_TIMEOUTS, TCP_TIMESTAMP, TCP_ULP, TCP_USER_TIMEOUT,
    TCP_WINDOW_CLAMP,
};
use crate::sysctl;

/// Linux' least: what `SO_RCVBUF` and `SO_SNDBUF` say is doubled, and at least this.
const BUFFER_RECEIVE_MIN: i64 = 2304;
const BUFFER_SEND_MIN: i64 = 4608;

impl Sockets {
    pub(in crate::sockets) fn set_option(
        &mut self,
        world: &mut World<'_>,
        fd: Fd,
        option: (i64, i64),
        value: &OptionValue,
        len: i64,
    ) -> Attempt {
        match self.fds.get_mut(&fd) {
            Some(Descriptor::Stream(stream)) => stream.set_option(world, option, value, len),
            Some(Descriptor::Datagram(_))
                if matches!(option, (SOL_SOCKET | SOL_IP | SOL_IPV6, _)) =>
            {
                Attempt::Returned(0)
            }
            Some(_) => Attempt::error("ENOTSOCK"),
            None => no_fd(fd),
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
            ((SOL_SOCKET, SO_LINGER), OptionValue::Linger(onoff, time)) => {
                self.options.linger = (*onoff != 0).then(|| seconds(*time));
                let linger = self.options.linger;
                self.tell(world, move |_, connection| connection.set_linger(linger))
            }
            // FreeBSD has several stacks; we have one, which goes by the name of the first.
            ((SOL_TCP, TCP_FUNCTION_BLK), OptionValue::Functions(name)) => match &name[..] {
                "freebsd" | "default" => Attempt::Returned(0),
                other => Attempt::Unsupported(format!("the stack '{other}'")),
            },
            ((SOL_TCP, TCP_CONGESTION), OptionValue::Text(name)) => {
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
            ((SOL_TCP, TCP_ULP), OptionValue::Text(name)) if &name[..] != b"tls" => {
                Attempt::error("ENOENT")
            }
            // There is one link.
            ((SOL_SOCKET, SO_BINDTODEVICE), OptionValue::Text(_)) => Attempt::Returned(0),
            (_, OptionValue::Int(_)) if len < 4 => Attempt::error("EINVAL"),
            ((SOL_SOCKET, name), OptionValue::Int(value)) => self.set_socket(world, name, *value),
            ((SOL_TCP, name), OptionValue::Int(value)) => self.set_tcp(world, name, *value),
            ((SOL_IP, IP_RECVERR), OptionValue::Int(value)) => {
                self.hear_errors(world, 0, *value != 0)
            }
            ((SOL_IPV6, IPV6_RECVERR), OptionValue::Int(value)) => {
                self.hear_errors(world, 1, *value != 0)
            }
            ((SOL_IP, IP_FREEBIND) | (SOL_IPV6, IPV6_V6ONLY), OptionValue::Int(_)) => {
                Attempt::Returned(0)
            }
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
    pub(in crate::sockets) fn tell(
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
            _ => return unsupported((SOL_SOCKET, name)),
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
                self.options.saves_syn = value;
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
            _ => return unsupported((SOL_TCP, name)),
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
}
