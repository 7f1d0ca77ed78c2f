//! Sockets as programs know them, on our stack: numbers, calls that fail and calls that wait.
//!
//! Calls do what Linux' do, as far as scripts can see. None waits by itself: a call that cannot return
//! yet is [`Attempt::Blocked`] and is attempted again when something has happened.

mod busy;
mod datagram;
mod descriptor;
mod fast_open;
mod network;
mod notices;
mod options;
mod pipe;
mod stream;
mod timers;
mod transfer;
mod urgent;
mod verbs;
mod waiting;

use std::collections::BTreeMap;
use std::time::Duration;

use base::Instant;
use host::{Event, TcpEvent, TcpId};

use crate::language::calls::{Call, Data, Fd, Polled};
use crate::language::settings::Settings;
use crate::stack::Stack;
use crate::symbols::{MSG_DONTWAIT, errno};
use crate::track::Track;
pub(crate) use busy::Busy;
use descriptor::Descriptor;
use pipe::Pipes;
pub(crate) use stream::Stream;

/// What became of a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Attempt {
    /// It returned.
    Returned(i64),
    /// It failed, and this is why: the number of an error.
    Failed(i64),
    /// It waits, and not for longer than until then.
    Blocked(Option<Instant>),
    /// It returned, and not all of it is as the script says.
    Wrong(String),
    /// It asks for something that we do not have.
    Unsupported(String),
}

impl Attempt {
    /// It failed with the error of this name.
    pub(crate) fn error(name: &str) -> Self {
        Self::Failed(errno(name).unwrap_or_else(|| unreachable!("{name} is on the list")))
    }
}

/// How far a call is that waits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// When it began.
    pub(crate) begun: Instant,
    /// How much it has written.
    pub(crate) done: usize,
    /// The connection that it has closed and whose end it waits for.
    pub(crate) closing: Option<TcpId>,
    /// Whether it has begun to connect.
    pub(crate) is_connecting: bool,
    /// Which timestamps are wanted of what it writes.
    pub(crate) timestamping: Option<i64>,
}

/// Everything that a script's programs have open.
pub(crate) struct Sockets {
    fds: BTreeMap<Fd, Descriptor>,
    pipes: Pipes,
    /// How the next connection behaves: what commands have set.
    pub(crate) config: tcp::Config,
    /// Connections that the script speaks about, the last one last.
    pub(crate) tracks: Vec<Track>,
    /// Which of them it speaks about now.
    pub(crate) under_test: Option<usize>,
}

/// What calls need beside the sockets.
pub(crate) struct World<'a> {
    pub(crate) stack: &'a mut Stack,
    pub(crate) settings: &'a Settings,
}

impl Sockets {
    pub(crate) fn new(config: tcp::Config) -> Self {
        Self {
            fds: BTreeMap::new(),
            pipes: Pipes::default(),
            config,
            tracks: Vec::new(),
            under_test: None,
        }
    }

    /// Attempts a call. `result` is what the script says that it returns: the numbers of new sockets
    /// are the script's.
    pub(crate) fn attempt(
        &mut self,
        world: &mut World<'_>,
        call: &Call,
        result: i64,
        progress: &mut Progress,
    ) -> Attempt {
        let attempt = self.attempt_once(world, call, result, progress);
        let Attempt::Blocked(until) = attempt else { return attempt };
        let Some(patience) = self.patience(world, call) else { return attempt };
        let end = progress.begun.after(patience);
        if world.stack.now() < end {
            return Attempt::Blocked(Some(until.map_or(end, |until| until.min(end))));
        }
        self.give_up(world, call, progress)
    }

    /// How long a call may wait: SO_RCVTIMEO, SO_SNDTIMEO.
    fn patience(&self, world: &World<'_>, call: &Call) -> Option<Duration> {
        let stream = |fd: &Fd| match self.fds.get(fd)? {
            Descriptor::Stream(stream) => Some(&stream.options),
            _ => None,
        };
        match call {
            Call::Read { fd, .. } | Call::ReceiveMessage { fd, .. } | Call::Accept { fd, .. } => {
                stream(fd)?.timers.receive
            }
            // FreeBSD waits for a connection as long as that takes.
            Call::Connect { .. } if world.settings.is_freebsd() => None,
            Call::Write { fd, .. } | Call::SendFile { to: fd, .. } | Call::Connect { fd, .. } => {
                stream(fd)?.timers.send
            }
            _ => None,
        }
    }

    /// What a call returns that has waited long enough: what it has by now, or that there is nothing.
    fn give_up(&mut self, world: &mut World<'_>, call: &Call, progress: &mut Progress) -> Attempt {
        match call {
            Call::Read { fd, len, flags, is_null } => {
                self.read_into(world, *fd, *len, *flags | MSG_DONTWAIT, *is_null)
            }
            Call::ReceiveMessage { fd, flags, message } => {
                self.receive_message(world, *fd, *flags | MSG_DONTWAIT, message)
            }
            Call::Write { fd, lens, flags, to, .. } => {
                let flags = *flags | MSG_DONTWAIT;
                self.write(world, *fd, lens.iter().sum(), flags, *to, progress)
            }
            Call::SendFile { to, len, .. } => {
                self.write(world, *to, *len, MSG_DONTWAIT, None, progress)
            }
            Call::Connect { .. } => Attempt::error("EINPROGRESS"),
            _ => Attempt::error("EAGAIN"),
        }
    }

    fn attempt_once(
        &mut self,
        world: &mut World<'_>,
        call: &Call,
        result: i64,
        progress: &mut Progress,
    ) -> Attempt {
        match call {
            Call::Socket { family, kind, protocol } => {
                self.socket(world, *family, (*kind, *protocol), result)
            }
            Call::Bind { fd, to } => self.bind(world, *fd, *to),
            Call::Listen { fd, backlog } => self.listen(world, *fd, *backlog),
            Call::Accept { fd, flags } => self.accept(world, *fd, *flags, result),
            Call::Connect { fd, to } => self.connect(world, *fd, *to, progress),
            Call::Read { fd, len, flags, is_null } => {
                self.read_into(world, *fd, *len, *flags, *is_null)
            }
            Call::Write { fd, lens, flags, to, timestamping, is_null } => {
                progress.timestamping = *timestamping;
                if *is_null && self.may_write(world, *fd) && lens.iter().any(|len| *len > 0) {
                    return Attempt::error("EFAULT");
                }
                self.write(world, *fd, lens.iter().sum(), *flags, *to, progress)
            }
            Call::ReceiveMessage { fd, flags, message } => {
                self.receive_message(world, *fd, *flags, message)
            }
            Call::Close { fd } => self.close(world, *fd, progress),
            Call::Shutdown { fd, how } => self.shut_down(world, *fd, *how),
            Call::Fcntl { fd, command, argument } => self.fcntl(*fd, *command, *argument),
            Call::Ioctl { fd, command, expected } => self.ioctl(world, *fd, *command, *expected),
            Call::SetOption { fd, level, name, value, len } => {
                self.set_option(world, *fd, (*level, *name), value, *len)
            }
            Call::GetOption { fd, level, name, expected, len } => {
                self.get_option(world, *fd, (*level, *name), expected, *len)
            }
            Call::Poll { fds, timeout } => self.poll(world, fds, *timeout, progress),
            Call::EpollCreate => self.open(result, Descriptor::Epoll(Vec::new())),
            Call::EpollControl { epoll, operation, fd, events, data } => {
                self.epoll_control(*epoll, *operation, *fd, (*events, *data))
            }
            Call::EpollWait { epoll, events, data, count_max, timeout } => {
                let wanted = (*events, *data);
                self.epoll_wait(world, *epoll, wanted, (*count_max, *timeout), progress)
            }
            Call::Pipe { ends } => self.pipe(*ends),
            Call::Open => self.open(result, Descriptor::File),
            Call::SendFile { to, from, len } => self.send_file(world, *to, *from, *len, progress),
            Call::CapSet => Attempt::Returned(0),
            Call::Splice { from, to, len, flags } => self.splice(world, (*from, *to), *len, *flags),
        }
    }

    /// Tells sockets what has happened.
    pub(crate) fn take_events(&mut self, stack: &mut Stack, settings: &Settings) {
        let error = stack.error_in.take();
        while let Some(event) = stack.events.pop_front() {
            for descriptor in self.fds.values_mut() {
                match (descriptor, event) {
                    (Descriptor::Stream(stream), Event::Tcp(TcpEvent::Connection(id, event)))
                        if stream.connection() == Some(id) =>
                    {
                        stream.take_event(event, settings, error);
                    }
                    (Descriptor::Stream(stream), Event::Tcp(TcpEvent::Acceptable(listener)))
                        if stream.listener() == Some(listener) =>
                    {
                        stream.wakes += 1;
                    }
                    (Descriptor::Datagram(datagram), Event::Udp(event)) => {
                        datagram.take_event(event);
                    }
                    _ => {}
                }
            }
        }
        for descriptor in self.fds.values_mut() {
            if let Descriptor::Stream(stream) = descriptor {
                stream.watch(stack);
            }
        }
    }

    /// Tells those who listen what was set meanwhile: it holds for whoever knocks from now on.
    pub(crate) fn reconfigure(&self, world: &mut World<'_>) {
        world.stack.host.tcp_configure(self.config.clone());
        for descriptor in self.fds.values() {
            if let Descriptor::Stream(stream) = descriptor {
                stream.configure_listener(world);
            }
        }
    }

    /// The connection behind a number, if there is one.
    pub(crate) fn connection(&self, fd: Fd) -> Option<TcpId> {
        match self.fds.get(&fd)? {
            Descriptor::Stream(stream) => stream.connection(),
            _ => None,
        }
    }

    /// For how long the connection behind a number had something to do.
    pub(crate) fn busy(&self, fd: Fd) -> Busy {
        match self.fds.get(&fd) {
            Some(Descriptor::Stream(stream)) => stream.busy,
            _ => Busy::default(),
        }
    }

    /// Where a socket's datagrams come from.
    pub(crate) fn datagram_local(&self, stack: &Stack, fd: Fd) -> Option<std::net::SocketAddr> {
        match self.fds.get(&fd)? {
            Descriptor::Datagram(datagram) => datagram.local(stack),
            _ => None,
        }
    }

    /// The connection that the script speaks about.
    pub(crate) fn track(&mut self) -> Option<&mut Track> {
        self.tracks.get_mut(self.under_test?)
    }

    /// From now on the script speaks about another connection.
    pub(crate) fn follow(&mut self, track: Track) {
        self.tracks.push(track);
        self.under_test = Some(self.tracks.len() - 1);
    }

    fn track_of(&mut self, fd: Fd) -> Option<&mut Track> {
        self.tracks.iter_mut().rev().find(|track| track.fd == Some(fd))
    }

    /// Gives a number to something new.
    fn open(&mut self, fd: Fd, descriptor: Descriptor) -> Attempt {
        // The call succeeds; that the script says otherwise is found out by the caller.
        if fd < 0 {
            return Attempt::Returned(0);
        }
        if self.fds.contains_key(&fd) {
            return Attempt::Wrong(format!("duplicate fd {fd} in script"));
        }
        self.fds.insert(fd, descriptor);
        Attempt::Returned(fd)
    }

    fn poll(
        &mut self,
        world: &mut World<'_>,
        fds: &[Polled],
        timeout: i64,
        progress: &Progress,
    ) -> Attempt {
        waiting::poll(&self.fds, world, fds, timeout, progress)
    }

    fn epoll_control(&mut self, epoll: Fd, operation: i64, fd: Fd, what: (i64, Data)) -> Attempt {
        if !self.fds.contains_key(&fd) {
            return no_fd(fd);
        }
        match self.fds.get_mut(&epoll) {
            Some(Descriptor::Epoll(watches)) => waiting::control(watches, operation, fd, what),
            Some(_) => Attempt::error("EINVAL"),
            None => no_fd(epoll),
        }
    }

    fn epoll_wait(
        &mut self,
        world: &mut World<'_>,
        epoll: Fd,
        wanted: (i64, Data),
        limits: (i64, i64),
        progress: &Progress,
    ) -> Attempt {
        let Some(Descriptor::Epoll(mut watches)) = self.fds.remove(&epoll) else {
            return no_fd(epoll);
        };
        let result = waiting::epoll_wait(&self.fds, &mut watches, world, wanted, limits, progress);
        self.fds.insert(epoll, Descriptor::Epoll(watches));
        result
    }
}

/// packetdrill knows the numbers of open sockets too, and stops.
fn no_fd(fd: Fd) -> Attempt {
    Attempt::Wrong(format!("unable to find fd with script fd {fd}"))
}
