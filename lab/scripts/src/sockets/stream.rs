use std::net::SocketAddr;
use std::time::Duration;

use base::Instant;
use host::{ConnectError, ListenError, ListenerId, TcpId};
use tcp::{Connection, Failure, State, SynHeaders};

use super::busy::Busy;
use super::notices::Notices;
use super::options::StreamOptions;
use super::{Attempt, Progress, World, errno};
use crate::language::settings::Settings;
use crate::stack::{ErrorIn, Stack};
use crate::symbols::{
    FIONSPACE, MSG_DONTWAIT, MSG_EOR, MSG_MORE, MSG_OOB, MSG_PEEK, MSG_WAITALL, MSG_ZEROCOPY,
    POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDHUP, POLLRDNORM, POLLWRNORM, SHUT_RD,
    SHUT_WR, SIOCATMARK, SIOCINQ, SIOCOUTQ, SIOCOUTQNSD,
};

/// A socket of TCP.
#[derive(Debug)]
pub(crate) struct Stream {
    role: Role,
    pub(super) is_nonblocking: bool,
    pub(super) bound: Option<SocketAddr>,
    pub(super) options: StreamOptions,
    /// The program has said that it will not read.
    has_shut_reading: bool,
    /// That the connection failed was told.
    has_told_failure: bool,
    /// That it is connected was told.
    has_told_connected: bool,
    /// `connect` was called, and waits for what is to go with the SYN.
    pub(super) is_deferred: bool,
    /// Which urgent byte was read, by its place in the stream.
    pub(super) urgent_taken: Option<u64>,
    /// What was written with MSG_MORE waits.
    is_holding: bool,
    /// How often something happened that wakes who waits.
    pub(super) wakes: u64,
    /// What became of what was sent.
    pub(super) notices: Notices,
    /// How long it had something to do.
    pub(super) busy: Busy,
    /// The program was told that there is no room.
    is_full: bool,
    /// An error that may pass, and is still to be told.
    passing: Option<Failure>,
    /// The headers of the SYN that began it, until the program has had them.
    pub(super) syn: Option<Box<SynHeaders>>,
}

/// What a socket is there for.
#[derive(Clone, Copy, Debug)]
enum Role {
    New,
    Listening(ListenerId),
    Connection(TcpId),
}

/// The number of the error that a failed connection leaves.
pub(super) fn errno_of(failure: Failure, is_freebsd: bool) -> i64 {
    let name = match failure {
        // FreeBSD makes no difference between resets, and takes who is kept out for refused.
        Failure::Broken if is_freebsd => "ECONNRESET",
        Failure::Prohibited if is_freebsd => "ECONNREFUSED",
        Failure::Refused => "ECONNREFUSED",
        Failure::Reset => "ECONNRESET",
        Failure::Broken => "EPIPE",
        Failure::TimedOut => "ETIMEDOUT",
        Failure::AddressGone => "EADDRNOTAVAIL",
        Failure::HostUnreachable | Failure::Prohibited => "EHOSTUNREACH",
        Failure::NetworkUnreachable => "ENETUNREACH",
        Failure::ProtocolUnreachable => "ENOPROTOOPT",
        Failure::Aborted => "ECONNABORTED",
    };
    errno(name).unwrap_or_default()
}

/// Whether a closed connection's FIN is still to be acknowledged.
pub(super) fn wait_for_end(world: &World<'_>, id: TcpId, until: Instant) -> Attempt {
    let mut all = world.stack.host.tcp_connections();
    let is_waiting = all.any(|(other, connection)| {
        other == id
            && matches!(connection.state(), State::FinWait1 | State::Closing | State::LastAck)
    });
    match is_waiting && world.stack.now() < until {
        true => Attempt::Blocked(Some(until)),
        false => Attempt::Returned(0),
    }
}

impl Stream {
    pub(super) fn new(is_nonblocking: bool) -> Self {
        Self {
            role: Role::New,
            is_nonblocking,
            bound: None,
            options: StreamOptions::default(),
            has_shut_reading: false,
            has_told_failure: false,
            has_told_connected: false,
            is_deferred: false,
            urgent_taken: None,
            is_holding: false,
            wakes: 0,
            notices: Notices::default(),
            busy: Busy::default(),
            is_full: false,
            passing: None,
            syn: None,
        }
    }

    pub(super) fn connection(&self) -> Option<TcpId> {
        match self.role {
            Role::Connection(id) => Some(id),
            _ => None,
        }
    }

    pub(super) fn listener(&self) -> Option<ListenerId> {
        match self.role {
            Role::Listening(id) => Some(id),
            _ => None,
        }
    }

    pub(super) fn become_connection(&mut self, id: TcpId) {
        self.role = Role::Connection(id);
    }

    pub(super) fn is_new(&self) -> bool {
        matches!(self.role, Role::New)
    }

    pub(super) fn look<'w>(&self, world: &'w World<'_>) -> Option<&'w Connection> {
        world.stack.host.tcp(self.connection()?)
    }

    /// Looks at how far the connection is.
    pub(super) fn watch(&mut self, stack: &Stack) {
        let connection = self.connection().and_then(|id| stack.host.tcp(id));
        let has_room =
            connection.is_none_or(|c| c.room() > 0 && c.room() >= c.unacknowledged() / 2);
        self.is_full &= !has_room;
        self.busy.update(connection, self.is_full, stack.now());
        if self.notices.update(connection, stack.now()) {
            self.wakes += 1;
        }
    }

    /// Something happened to the connection; `error` is the message of ICMP that came last.
    pub(super) fn take_event(
        &mut self,
        event: tcp::Event,
        settings: &Settings,
        error: Option<ErrorIn>,
    ) {
        self.wakes += 1;
        if !self.options.hears_errors(settings) {
            return;
        }
        match (event, error) {
            (tcp::Event::SoftError(failure), _) => self.passing = Some(failure),
            // Before there is a connection, what they say is told word for word.
            (tcp::Event::Failed(failure), Some(error)) if !self.has_told_connected => {
                self.notices.push_icmp(errno_of(failure, settings.is_freebsd()), error);
            }
            _ => {}
        }
    }

    /// The error queue told of it, so no call does any more.
    pub(super) fn forget_failure(&mut self) {
        self.has_told_failure = true;
    }

    /// Why the connection failed, or what may pass again, once.
    pub(super) fn take_failure(&mut self, world: &World<'_>) -> Option<i64> {
        let is_freebsd = world.settings.is_freebsd();
        if let Some(failure) = self.passing.take() {
            return Some(errno_of(failure, is_freebsd));
        }
        let failure = self.look(world)?.failure()?;
        let is_news = !std::mem::replace(&mut self.has_told_failure, true);
        is_news.then(|| errno_of(failure, is_freebsd))
    }

    pub(super) fn may_wait(&self, flags: i64) -> bool {
        !self.is_nonblocking && flags & MSG_DONTWAIT == 0
    }

    // Beginning.

    pub(super) fn listen(
        &mut self,
        world: &mut World<'_>,
        config: &tcp::Config,
        backlog: i64,
    ) -> Attempt {
        // net.core.somaxconn.
        const BACKLOG_MAX: i64 = 4096;
        match self.role {
            Role::Listening(_) => return Attempt::Returned(0),
            Role::Connection(_) => return Attempt::error("EINVAL"),
            Role::New => {}
        }
        let local = self.bound.unwrap_or_else(|| SocketAddr::new(world.settings.local(), 0));
        let backlog = match u32::try_from(backlog) {
            Ok(backlog) => i64::from(backlog).min(BACKLOG_MAX),
            Err(_) => BACKLOG_MAX,
        };
        world.stack.host.tcp_configure(self.options.configure(config));
        match world.stack.host.tcp_listen(local, backlog as usize) {
            Ok(listener) => {
                self.role = Role::Listening(listener);
                self.tell_service(world);
                Attempt::Returned(0)
            }
            Err(ListenError::InUse | ListenError::NoPortLeft) => Attempt::error("EADDRINUSE"),
            Err(ListenError::NotOurs) => Attempt::error("EADDRNOTAVAIL"),
        }
    }

    /// The socket of a connection that was accepted: it has what the listening socket was told.
    pub(super) fn accepted(&self, world: &mut World<'_>, id: TcpId) -> Self {
        let options = self.options.clone();
        world.stack.with(|cx, host| host.tcp_with(id, |c| options.apply(cx, c)));
        let role = Role::Connection(id);
        let syn =
            world.stack.with(|_, host| host.tcp_with(id, Connection::take_saved_syn)).flatten();
        Self { role, options, syn, has_told_connected: true, ..Self::new(false) }
    }

    pub(super) fn connect(
        &mut self,
        world: &mut World<'_>,
        config: &tcp::Config,
        remote: SocketAddr,
        progress: &mut Progress,
    ) -> Attempt {
        match self.role {
            Role::Listening(_) if world.settings.is_freebsd() => {
                return Attempt::error("EOPNOTSUPP");
            }
            Role::Listening(_) => return Attempt::error("EISCONN"),
            Role::Connection(_) => return self.connect_again(world, progress),
            Role::New => {}
        }
        if let Some(deferred) = self.defer_connect(world, config, remote) {
            return deferred;
        }
        let is_fast = self.connects_fast();
        let options = self.options.clone();
        world.stack.host.tcp_configure(options.configure(config));
        let local = self.bound;
        let connected = world.stack.with(|cx, host| {
            let id = match is_fast {
                true => host.tcp_connect_fast(cx, local, remote)?,
                false => host.tcp_connect(cx, local, remote)?,
            };
            host.tcp_with(id, |connection| options.apply(cx, connection));
            host.tcp_serve(id, options.network.service);
            Ok::<_, ConnectError>(id)
        });
        match connected {
            Ok(id) => self.role = Role::Connection(id),
            Err(ConnectError::NotAHost | ConnectError::NoSource) => {
                return Attempt::error("ENETUNREACH");
            }
            Err(_) => return Attempt::error("EADDRNOTAVAIL"),
        }
        progress.is_connecting = true;
        match self.is_nonblocking {
            true => Attempt::error("EINPROGRESS"),
            false => Attempt::Blocked(None),
        }
    }

    fn connect_again(&mut self, world: &mut World<'_>, progress: &Progress) -> Attempt {
        let state = self.look(world).map_or(State::Closed, Connection::state);
        if let Some(error) = self.take_failure(world) {
            self.disconnect(world);
            return Attempt::Failed(error);
        }
        match state {
            State::SynSent | State::SynReceived if progress.is_connecting => Attempt::Blocked(None),
            State::SynSent | State::SynReceived if self.is_nonblocking => {
                Attempt::error("EALREADY")
            }
            State::SynSent | State::SynReceived => Attempt::Blocked(None),
            State::Closed => Attempt::error("ECONNABORTED"),
            _ if !self.has_told_connected => {
                self.has_told_connected = true;
                Attempt::Returned(0)
            }
            _ => Attempt::error("EISCONN"),
        }
    }

    /// `connect` to nobody: the connection is broken off, and the socket is as new.
    pub(super) fn disconnect(&mut self, world: &mut World<'_>) -> Attempt {
        match self.role {
            Role::Connection(id) => {
                world.stack.with(|cx, host| host.tcp_abort(cx, id));
            }
            Role::Listening(id) => {
                world.stack.with(|cx, host| host.tcp_unlisten(cx, id));
            }
            Role::New => {}
        }
        let is_nonblocking = self.is_nonblocking;
        *self = Self { options: self.options.clone(), ..Self::new(is_nonblocking) };
        Attempt::Returned(0)
    }

    // Data.

    pub(super) fn read(&mut self, world: &mut World<'_>, len: usize, flags: i64) -> Attempt {
        if flags & MSG_OOB != 0 {
            return self.read_urgent(world, len, flags);
        }
        let Some(id) = self.connection() else { return Attempt::error("ENOTCONN") };
        let readable = self.skip_urgent_byte(world, flags & MSG_PEEK == 0).unwrap_or(0);
        let Some(connection) = self.look(world) else { return Attempt::error("ENOTCONN") };
        let is_read_out = connection.is_read_out() || self.has_shut_reading;
        let state = connection.state();
        let wanted = if flags & MSG_WAITALL != 0 { len } else { self.options.low_water.min(len) };
        let is_enough = readable >= wanted.max(1) || len == 0;
        let has_failed = connection.failure().is_some();
        if readable > 0 && (is_enough || is_read_out || has_failed || !self.may_wait(flags)) {
            let n = readable.min(len);
            if flags & MSG_PEEK == 0 {
                world.stack.with(|cx, host| host.tcp_release(cx, id, n));
            }
            return Attempt::Returned(n as i64);
        }
        if len == 0 {
            return Attempt::Returned(0);
        }
        // As in Linux: the end of the stream, then what went wrong, then that nothing is there.
        let has_finished = !state.may_receive() && state != State::Closed;
        if has_finished || (self.has_shut_reading && !has_failed) {
            return Attempt::Returned(0);
        }
        if let Some(error) = self.take_failure(world) {
            return Attempt::Failed(error);
        }
        if state == State::Closed {
            return Attempt::Returned(0);
        }
        match self.may_wait(flags) {
            true => Attempt::Blocked(None),
            false => Attempt::error("EAGAIN"),
        }
    }

    pub(super) fn write(
        &mut self,
        world: &mut World<'_>,
        len: usize,
        flags: i64,
        progress: &mut Progress,
    ) -> Attempt {
        let Some(id) = self.connection() else {
            let is_freebsd = world.settings.is_freebsd();
            return Attempt::error(if is_freebsd { "ENOTCONN" } else { "EPIPE" });
        };
        let part = |done: usize| match done {
            0 => None,
            done => Some(Attempt::Returned(done as i64)),
        };
        if let Some(error) = self.take_failure(world) {
            return part(progress.done).unwrap_or(Attempt::Failed(error));
        }
        let state = self.look(world).map_or(State::Closed, Connection::state);
        let is_open = self.look(world).is_some_and(Connection::is_open);
        if matches!(state, State::SynSent | State::SynReceived) && !is_open {
            return match self.may_wait(flags) {
                true => Attempt::Blocked(None),
                false => Attempt::error("EAGAIN"),
            };
        }
        if !matches!(state, State::Established | State::CloseWait | State::SynReceived) {
            return part(progress.done).unwrap_or_else(|| Attempt::error("EPIPE"));
        }
        let left = len - progress.done;
        progress.done += self.write_zeros(world, id, left, flags);
        self.is_full = progress.done < len;
        let result = match (progress.done == len, self.may_wait(flags)) {
            (true, _) => Attempt::Returned(len as i64),
            (false, true) => return Attempt::Blocked(None),
            (false, false) => part(progress.done).unwrap_or_else(|| Attempt::error("EAGAIN")),
        };
        let is_uncopied = flags & MSG_ZEROCOPY != 0 && self.options.may_be_uncopied;
        self.notices.wrote(progress.done, is_uncopied, progress.timestamping);
        result
    }

    /// Writes `len` bytes, all zero, as scripts' are. MSG_MORE is as TCP_CORK until something is
    /// written without it.
    fn write_zeros(&mut self, world: &mut World<'_>, id: TcpId, len: usize, flags: i64) -> usize {
        let holds = flags & MSG_MORE != 0 && !self.options.is_corked;
        let lets_go = self.is_holding && !holds && !self.options.is_corked;
        self.is_holding = holds;
        let ends_record = flags & MSG_EOR != 0 && !world.settings.is_freebsd();
        let wanted = len;
        let len = self.admitted(world, len);
        let bytes = vec![0; len];
        let written = world.stack.with(|cx, host| {
            host.tcp_with(id, |connection| {
                if holds {
                    connection.set_cork(true);
                }
                let n = match flags & MSG_OOB != 0 {
                    true => connection.write_urgent(cx, &bytes),
                    false => connection.write_slice(cx, &bytes),
                };
                if ends_record && n == wanted {
                    connection.end_record(cx);
                }
                if lets_go {
                    connection.set_cork(false);
                }
                n
            })
        });
        written.unwrap_or(0)
    }

    /// How much of it may be written now: with TCP_NOTSENT_LOWAT nothing while more than that was not
    /// sent, and then as much as fits into one packet of a device that cuts them.
    fn admitted(&self, world: &World<'_>, len: usize) -> usize {
        const PACKET_MAX: usize = 65_536 - 320;
        let Some(max) = self.options.unsent_max else { return len };
        let unsent = self.look(world).map_or(0, Connection::unsent);
        if unsent >= max { 0 } else { len.min(PACKET_MAX.max(max)) }
    }

    // The end.

    pub(super) fn shut_down(&mut self, world: &mut World<'_>, how: i64) -> Attempt {
        match self.role {
            Role::New => return Attempt::error("ENOTCONN"),
            Role::Listening(_) if how == SHUT_WR => return Attempt::error("ENOTCONN"),
            Role::Listening(id) => {
                world.stack.with(|cx, host| host.tcp_unlisten(cx, id));
                self.role = Role::New;
                return Attempt::Returned(0);
            }
            Role::Connection(_) => {}
        }
        let Some(id) = self.connection() else { return Attempt::error("ENOTCONN") };
        if self.look(world).is_none_or(|connection| connection.state() == State::Closed) {
            return Attempt::error("ENOTCONN");
        }
        self.has_shut_reading |= how != SHUT_WR;
        if how != SHUT_WR {
            world.stack.with(|_, host| host.tcp_with(id, Connection::shut_reading));
        }
        if how != SHUT_RD {
            world.stack.with(|cx, host| host.tcp_shut_down(cx, id));
        }
        self.wakes += 1;
        Attempt::Returned(0)
    }

    pub(super) fn close(self, world: &mut World<'_>, progress: &mut Progress) -> Attempt {
        match self.role {
            Role::New => {}
            Role::Listening(id) => {
                world.stack.with(|cx, host| host.tcp_unlisten(cx, id));
            }
            Role::Connection(id) => {
                world.stack.with(|cx, host| host.tcp_close(cx, id));
                let linger = self.options.linger.filter(|linger| !linger.is_zero());
                if let (Some(linger), false) = (linger, self.is_nonblocking) {
                    progress.closing = Some(id);
                    progress.begun = world.stack.now().after(linger);
                    return wait_for_end(world, id, progress.begun);
                }
            }
        }
        Attempt::Returned(0)
    }

    // Looking.

    pub(super) fn ioctl(&self, world: &World<'_>, command: i64) -> Result<i64, Attempt> {
        if self.listener().is_some() {
            return Err(Attempt::error("EINVAL"));
        }
        let connection = self.look(world);
        let count = |count: fn(&Connection) -> usize| Ok(connection.map_or(0, count) as i64);
        match command {
            SIOCINQ => Ok(self.readable(world) as i64),
            SIOCOUTQ => count(Connection::unacknowledged),
            SIOCOUTQNSD => count(Connection::unsent),
            FIONSPACE => count(Connection::room),
            SIOCATMARK => Ok(i64::from(connection.and_then(Connection::urgent_mark) == Some(1))),
            _ => Err(Attempt::Unsupported(format!("ioctl {command:#x}"))),
        }
    }

    /// What `poll` would say (Linux' `tcp_poll`).
    pub(super) fn readiness(&self, world: &World<'_>) -> i64 {
        const IN: i64 = POLLIN | POLLRDNORM;
        const OUT: i64 = POLLOUT | POLLWRNORM;
        if let Some(listener) = self.listener() {
            let waiting = world.stack.host.tcp_listener(listener).map_or(0, |(_, l)| l.waiting());
            return if waiting > 0 { IN } else { 0 };
        }
        if self.is_deferred {
            return OUT;
        }
        let Some(connection) = self.look(world) else { return OUT | POLLHUP };
        let state = connection.state();
        let has_failed = connection.failure().is_some() && !self.has_told_failure;
        let is_closed = state == State::Closed;
        let receives = state.may_receive() && !self.has_shut_reading && !is_closed;
        let sends = state.may_send() && !is_closed;
        let has_error = has_failed || self.passing.is_some();
        let mut events = if has_error { POLLERR } else { 0 };
        if is_closed || (!receives && !sends) {
            events |= POLLHUP;
        }
        if !receives {
            events |= IN | POLLRDHUP;
        }
        if matches!(state, State::SynSent | State::SynReceived) && !connection.is_open() {
            return events;
        }
        if self.readable(world) >= self.options.low_water.max(1) {
            events |= IN;
        }
        let may_write = self.options.unsent_max.is_none_or(|max| connection.unsent() < max);
        let has_room = connection.room() >= connection.unacknowledged() / 2 && may_write;
        if !sends || (has_room && connection.room() > 0) {
            events |= OUT;
        }
        if connection.urgent_mark().is_some() {
            events |= POLLPRI;
        }
        if !self.notices.is_empty() {
            events |= POLLERR;
        }
        events
    }
}

/// How long something lasts in whole seconds, as options say it.
pub(super) fn seconds(value: i64) -> Duration {
    Duration::from_secs(u64::try_from(value).unwrap_or(0))
}
