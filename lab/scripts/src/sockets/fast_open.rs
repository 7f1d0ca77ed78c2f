//! TCP Fast Open, as programs ask for it.

use std::net::SocketAddr;

use base::SipKey;
use host::ConnectError;

use super::stream::Stream;
use super::{Attempt, Progress, World};
use crate::language::calls::OptionValue;
use crate::symbols::{
    SOL_TCP, TCP_FASTOPEN, TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_KEY, TCP_FASTOPEN_NO_COOKIE,
};

/// net.core.somaxconn.
const PENDING_MAX: i64 = 4096;

/// What a program has set of it.
#[derive(Clone, Debug, Default)]
pub(super) struct FastOpenOptions {
    /// TCP_FASTOPEN: how many connections may be unproven.
    pending_max: Option<usize>,
    /// TCP_FASTOPEN_CONNECT: `connect` waits for what is written.
    connects_late: bool,
    without_cookie: bool,
    /// TCP_FASTOPEN was FreeBSD's.
    is_switch: bool,
    keys: Option<(SipKey, Option<SipKey>)>,
}

impl FastOpenOptions {
    /// How a connection begins with these.
    pub(super) fn configure(&self, config: &mut tcp::Config) {
        let fast = &mut config.fast_open;
        fast.pending_max = self.pending_max.unwrap_or(fast.pending_max);
        fast.client_without_cookie |= self.without_cookie;
        fast.server_without_cookie |= self.without_cookie;
        if let Some((key, before)) = self.keys {
            fast.key = Some(key);
            fast.key_before = before;
        }
    }
}

impl Stream {
    /// Sets one of these; nothing for another.
    pub(super) fn set_fast_open(
        &mut self,
        world: &mut World<'_>,
        option: (i64, i64),
        value: &OptionValue,
    ) -> Option<Attempt> {
        let is_new = self.is_new();
        let is_listening = self.listener().is_some();
        let fast = &mut self.options.fast_open;
        let invalid = Some(Attempt::error("EINVAL"));
        match (option, value) {
            ((SOL_TCP, TCP_FASTOPEN), OptionValue::Int(value)) => {
                if *value < 0 || !(is_new || is_listening) {
                    return invalid;
                }
                let most = match world.settings.is_freebsd() {
                    true => match set_freebsd(world, fast, *value != 0, is_listening) {
                        Ok(most) => most,
                        Err(refused) => return Some(refused),
                    },
                    false => (*value).min(PENDING_MAX),
                };
                fast.pending_max = usize::try_from(most).ok();
            }
            ((SOL_TCP, TCP_FASTOPEN_CONNECT | TCP_FASTOPEN_NO_COOKIE), OptionValue::Int(value))
                if !(0..=1).contains(value) =>
            {
                return invalid;
            }
            ((SOL_TCP, TCP_FASTOPEN_CONNECT), OptionValue::Int(value)) => {
                if !world.stack.tcp.fast_open.client {
                    return Some(Attempt::error("EOPNOTSUPP"));
                }
                if !is_new {
                    return invalid;
                }
                fast.connects_late = *value == 1;
            }
            ((SOL_TCP, TCP_FASTOPEN_NO_COOKIE), OptionValue::Int(value)) => {
                if !(is_new || is_listening) {
                    return invalid;
                }
                fast.without_cookie = *value == 1;
            }
            ((SOL_TCP, TCP_FASTOPEN_KEY), OptionValue::Text(bytes)) => {
                let (keys, rest) = bytes.as_chunks::<16>();
                fast.keys = match (keys, rest) {
                    ([key], []) => Some((SipKey::new(*key), None)),
                    ([key, before], []) => Some((SipKey::new(*key), Some(SipKey::new(*before)))),
                    _ => return invalid,
                };
            }
            _ => return None,
        }
        self.configure_listener(world);
        Some(Attempt::Returned(0))
    }

    /// What one of these is; nothing for another.
    pub(super) fn get_fast_open(&self, world: &World<'_>, option: (i64, i64)) -> Option<i64> {
        let fast = &self.options.fast_open;
        Some(match option {
            (SOL_TCP, TCP_FASTOPEN) => {
                let usual = world.stack.tcp.fast_open.pending_max;
                match fast.pending_max {
                    Some(most) if fast.is_switch => (most > 0).into(),
                    most => most.unwrap_or(usual) as i64,
                }
            }
            (SOL_TCP, TCP_FASTOPEN_CONNECT) => fast.connects_late.into(),
            (SOL_TCP, TCP_FASTOPEN_NO_COOKIE) => fast.without_cookie.into(),
            _ => return None,
        })
    }

    /// `connect` with TCP_FASTOPEN_CONNECT: if data may go with the SYN, that waits for it.
    pub(super) fn defer_connect(
        &mut self,
        world: &World<'_>,
        config: &tcp::Config,
        remote: SocketAddr,
    ) -> Option<Attempt> {
        if self.is_deferred {
            return Some(Attempt::error("EISCONN"));
        }
        if !self.options.fast_open.connects_late || !self.is_new() {
            return None;
        }
        let config = self.options.configure(config);
        let knows = || world.stack.host.tcp_knows_cookie(remote.ip());
        if !config.fast_open.client_without_cookie && !knows() {
            return None;
        }
        self.is_deferred = true;
        Some(Attempt::Returned(0))
    }

    /// Whether `connect` asks for a cookie.
    pub(super) fn connects_fast(&self) -> bool {
        self.options.fast_open.connects_late
    }

    /// Connects, and writes: MSG_FASTOPEN, or the first write after `connect` has waited for it. As much
    /// as may goes with the SYN.
    pub(super) fn write_fast(
        &mut self,
        world: &mut World<'_>,
        config: &tcp::Config,
        remote: SocketAddr,
        (len, flags): (usize, i64),
        progress: &mut Progress,
    ) -> Attempt {
        if progress.is_connecting {
            return self.write(world, len, flags, progress);
        }
        if !config.fast_open.client {
            return Attempt::error("EOPNOTSUPP");
        }
        if let Some(connection) = self.look(world) {
            let is_connecting = connection.state() == tcp::State::SynSent;
            return Attempt::error(if is_connecting { "EALREADY" } else { "EISCONN" });
        }
        if !self.is_new() {
            return Attempt::error("EISCONN");
        }
        let options = self.options.clone();
        world.stack.host.tcp_configure(options.configure(config));
        let local = self.bound;
        let connected = world.stack.with(|cx, host| {
            let id = host.tcp_connect_fast(cx, local, remote)?;
            host.tcp_serve(id, options.network.service);
            let written = host.tcp_with(id, |connection| {
                options.apply(cx, connection);
                let len = len.min(connection.syn_room());
                connection.write_slice(cx, &vec![0; len])
            });
            Ok::<_, ConnectError>((id, written.unwrap_or(0)))
        });
        self.is_deferred = false;
        match connected {
            Ok((id, written)) => {
                self.become_connection(id);
                progress.done = written;
                progress.is_connecting = true;
            }
            Err(ConnectError::NotAHost | ConnectError::NoSource) => {
                return Attempt::error("ENETUNREACH");
            }
            Err(_) => return Attempt::error("EADDRNOTAVAIL"),
        }
        match (self.may_wait(flags), progress.done) {
            (true, _) => Attempt::Blocked(None),
            (false, 0) => Attempt::error("EINPROGRESS"),
            (false, done) => Attempt::Returned(done as i64),
        }
    }
}

/// FreeBSD's TCP_FASTOPEN is a switch, which says how many may be unproven only together with the backlog.
fn set_freebsd(
    world: &World<'_>,
    fast: &mut FastOpenOptions,
    is_on: bool,
    is_listening: bool,
) -> Result<i64, Attempt> {
    let allowed = &world.stack.tcp.fast_open;
    if !(allowed.client || allowed.server) || (is_on && is_listening && !allowed.server) {
        return Err(Attempt::error("EPERM"));
    }
    fast.is_switch = true;
    Ok(if is_on { PENDING_MAX } else { 0 })
}
