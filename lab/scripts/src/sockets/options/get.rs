//! `getsockopt`: what is shown, beside what the script says.

use std::time::Duration;

use tcp::{Algorithm, State};

use super::super::descriptor::Descriptor;
use super::super::stream::Stream;
use super::super::{Attempt, Sockets, World, no_fd};
use super::unsupported;
use crate::language::calls::{Fd, OptionValue};
use crate::language::settings::IpVersion;
use crate::symbols::{
    AF_INET, AF_INET6, IP_MTU, IP_RECVERR, IPPROTO_TCP, IPV6_MTU, IPV6_RECVERR, SO_ACCEPTCONN,
    SO_BROADCAST, SO_DEBUG, SO_DOMAIN, SO_DONTROUTE, SO_ERROR, SO_KEEPALIVE, SO_LINGER, SO_MARK,
    SO_MAX_PACING_RATE, SO_OOBINLINE, SO_PRIORITY, SO_PROTOCOL, SO_RCVBUF, SO_RCVLOWAT,
    SO_REUSEADDR, SO_REUSEPORT, SO_SNDBUF, SO_TYPE, SO_ZEROCOPY, SOCK_DGRAM, SOCK_STREAM, SOL_IP,
    SOL_IPV6, SOL_SOCKET, SOL_TCP, TCP_CONGESTION, TCP_CORK, TCP_INQ, TCP_IS_MPTCP, TCP_KEEPCNT,
    TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_LINGER2, TCP_MAXSEG, TCP_NODELAY, TCP_NOOPT,
    TCP_NOTSENT_LOWAT, TCP_SAVE_SYN, TCP_SAVED_SYN, TCP_SYNCNT, TCP_USER_TIMEOUT, TCP_WINDOW_CLAMP,
};

impl Sockets {
    pub(in crate::sockets) fn get_option(
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
                    (SOL_SOCKET, SO_ERROR) => datagram.take_error(),
                    (SOL_SOCKET, SO_TYPE) => SOCK_DGRAM,
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
        if option == (SOL_TCP, TCP_SAVED_SYN) {
            return stream.get_saved_syn(expected, len);
        }
        if let OptionValue::Text(expected) = expected {
            return stream.get_text(option, algorithm, expected, len);
        }
        if let (OptionValue::Linger(onoff, time), (SOL_SOCKET, SO_LINGER)) = (expected, option) {
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
    fn get_text(
        &self,
        option: (i64, i64),
        algorithm: Algorithm,
        expected: &[u8],
        len: i64,
    ) -> Attempt {
        if option != (SOL_TCP, TCP_CONGESTION) {
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
        match option {
            (SOL_SOCKET, name) => self.get_socket(world, name, config),
            (SOL_TCP, name) => self.get_tcp(world, name, config),
            (SOL_IP, IP_RECVERR) => Ok(self.options.hears_errors[0].into()),
            (SOL_IPV6, IPV6_RECVERR) => Ok(self.options.hears_errors[1].into()),
            (SOL_IP, IP_MTU) | (SOL_IPV6, IPV6_MTU) => self.get_mtu(world),
            _ => Err(unsupported(option)),
        }
    }

    fn get_socket(
        &mut self,
        world: &World<'_>,
        name: i64,
        config: &tcp::Config,
    ) -> Result<i64, Attempt> {
        let options = &self.options;
        let is_freebsd = world.settings.is_freebsd();
        Ok(match name {
            SO_ERROR => self.take_failure(world).unwrap_or(0),
            SO_TYPE => SOCK_STREAM,
            SO_DOMAIN => match world.settings.ip_version {
                IpVersion::V4 => AF_INET,
                _ => AF_INET6,
            },
            SO_PROTOCOL => IPPROTO_TCP,
            SO_ZEROCOPY => options.may_be_uncopied.into(),
            SO_ACCEPTCONN => self.listener().is_some().into(),
            SO_REUSEADDR => flag(world, options.reuses_address, 4),
            SO_REUSEPORT => flag(world, options.reuses_port, 0x200),
            SO_OOBINLINE => flag(world, options.is_oob_inline, 0x100),
            SO_KEEPALIVE => flag(world, options.keepalive, 8),
            SO_RCVLOWAT => options.low_water as i64,
            SO_SNDBUF | SO_RCVBUF => return self.get_buffer(name, config, is_freebsd),
            SO_DEBUG | SO_DONTROUTE | SO_BROADCAST | SO_PRIORITY | SO_MARK => {
                options.kept.get(&name).copied().unwrap_or(0)
            }
            SO_MAX_PACING_RATE => options.pacing_rate_max.map_or(-1, |rate| rate as i64),
            _ => return Err(unsupported((SOL_SOCKET, name))),
        })
    }

    fn get_buffer(
        &self,
        name: i64,
        config: &tcp::Config,
        is_freebsd: bool,
    ) -> Result<i64, Attempt> {
        let (set, initial) = match name {
            SO_SNDBUF => (self.options.buffer_send, i64::from(config.buffers.send_initial)),
            _ => {
                let initial = i64::from(config.buffers.receive_initial);
                (self.options.buffer_receive, initial * if is_freebsd { 1 } else { 2 })
            }
        };
        // What a connection begins with, as long as it may grow by itself.
        let initial = self.connection().is_none().then_some(initial);
        set.or(initial).ok_or_else(|| unsupported((SOL_SOCKET, name)))
    }

    fn get_tcp(&self, world: &World<'_>, name: i64, config: &tcp::Config) -> Result<i64, Attempt> {
        let options = &self.options;
        let tcp::Config { idle, handshake, .. } = config;
        let whole = |time: Duration| time.as_secs() as i64;
        Ok(match name {
            TCP_NOTSENT_LOWAT => {
                options.unsent_max.map_or_else(|| u32::MAX.into(), |max| max as i64)
            }
            TCP_WINDOW_CLAMP => options.window_clamp.unwrap_or(0).into(),
            TCP_NODELAY => flag(world, options.nodelay, 4),
            TCP_CORK => flag(world, options.is_corked, 0x1000),
            TCP_KEEPIDLE => whole(options.keepalive_after.unwrap_or(idle.keepalive_after)),
            TCP_KEEPINTVL => whole(options.keepalive_interval.unwrap_or(idle.keepalive_interval)),
            TCP_KEEPCNT => options.keepalive_probes.unwrap_or(idle.keepalive_probes).into(),
            TCP_SYNCNT => options.syn_retries.unwrap_or(handshake.syn_retries).into(),
            TCP_LINGER2 => whole(options.fin_wait.unwrap_or(idle.fin_wait)),
            TCP_USER_TIMEOUT => options.user_timeout,
            TCP_INQ => options.tells_inq.into(),
            TCP_SAVE_SYN => options.saves_syn,
            TCP_NOOPT => flag(world, options.has_no_options, 8),
            TCP_IS_MPTCP => 0,
            // What a SYN asks for is reckoned with before it is agreed on.
            TCP_MAXSEG => match self.look(world) {
                Some(connection)
                    if connection.state() == State::SynSent && handshake.timestamps =>
                {
                    i64::from(connection.info(world.stack.now()).mss) - 12
                }
                Some(connection) => connection.info(world.stack.now()).mss.into(),
                None => options.mss_max.unwrap_or(536).into(),
            },
            _ => return Err(unsupported((SOL_TCP, name))),
        })
    }

    fn get_mtu(&self, world: &World<'_>) -> Result<i64, Attempt> {
        let Some(connection) = self.look(world) else { return Err(Attempt::error("ENOTCONN")) };
        let headers = if connection.flow().remote.is_ipv4() { 40 } else { 60 };
        Ok(i64::from(connection.info(world.stack.now()).mss_path) + headers)
    }
}

/// Whether something is on: FreeBSD shows the bit that it keeps for it.
fn flag(world: &World<'_>, is_on: bool, bit: i64) -> i64 {
    match is_on {
        true if world.settings.is_freebsd() => bit,
        is_on => is_on.into(),
    }
}
