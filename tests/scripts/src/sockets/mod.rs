//! Sockets as programs know them, on our stack: numbers, calls that fail and calls that wait.
//!
//! Calls do what Linux' do, as far as scripts can see. None waits by itself: a call that cannot return
//! yet is [`Attempt::Blocked`] and is attempted again when something has happened.

mod datagram;
mod descriptor;
mod options;
mod pipe;
mod stream;
mod waiting;

use std::collections::BTreeMap;

use base::Instant;
use host::{Event, TcpEvent, TcpId};

use crate::language::calls::{Call, Data, Destination, Fd, Polled};
use crate::language::settings::Settings;
use crate::language::symbols::errno;
use crate::stack::Stack;
use crate::track::{Phase, Track};
use datagram::Datagram;
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
        match call {
            Call::Socket { family, kind, protocol } => {
                self.socket(world, *family, (*kind, *protocol), result)
            }
            Call::Bind { fd } => self.bind(world, *fd),
            Call::Listen { fd, backlog } => self.listen(world, *fd, *backlog),
            Call::Accept { fd } => self.accept(world, *fd, result),
            Call::Connect { fd, family } => self.connect(world, *fd, *family, progress),
            Call::Read { fd, len, flags } => self.read(world, *fd, *len, *flags),
            Call::Write { fd, lens, flags, to } => {
                self.write(world, *fd, lens.iter().sum(), *flags, *to, progress)
            }
            Call::ReceiveMessage { fd, lens, flags, flags_after, inq } => {
                let len = lens.iter().sum();
                self.receive_message(world, *fd, len, *flags, (*flags_after, *inq))
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
            Call::Splice { from, to, len, flags } => self.splice(world, (*from, *to), *len, *flags),
        }
    }

    /// Tells sockets what has happened.
    pub(crate) fn take_events(&mut self, stack: &mut Stack) {
        while let Some(event) = stack.events.pop_front() {
            for descriptor in self.fds.values_mut() {
                match (descriptor, event) {
                    (Descriptor::Stream(stream), Event::Tcp(TcpEvent::Connection(id, _)))
                        if stream.connection() == Some(id) =>
                    {
                        stream.wakes += 1;
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
    }

    /// The connection behind a number, if there is one.
    pub(crate) fn connection(&self, fd: Fd) -> Option<TcpId> {
        match self.fds.get(&fd)? {
            Descriptor::Stream(stream) => stream.connection(),
            _ => None,
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

    fn socket(
        &mut self,
        world: &mut World<'_>,
        family: Option<i64>,
        (kind, protocol): (i64, i64),
        fd: Fd,
    ) -> Attempt {
        const SOCK_STREAM: i64 = 1;
        const SOCK_DGRAM: i64 = 2;
        const SOCK_NONBLOCK: i64 = 0o4000;
        const SOCK_CLOEXEC: i64 = 0o2000000;
        const TCP: i64 = 6;
        const UDP: i64 = 17;
        if family.is_some_and(|family| family != 2 && family != 10) {
            return Attempt::error("EAFNOSUPPORT");
        }
        let _ = world;
        let is_nonblocking = kind & SOCK_NONBLOCK != 0;
        let descriptor = match (kind & !(SOCK_NONBLOCK | SOCK_CLOEXEC), protocol) {
            (SOCK_STREAM, 0 | TCP) => Descriptor::Stream(Box::new(Stream::new(is_nonblocking))),
            (SOCK_DGRAM, 0 | UDP) => Descriptor::Datagram(Datagram::new(is_nonblocking)),
            (SOCK_STREAM | SOCK_DGRAM, _) => {
                return Attempt::Unsupported(format!("sockets of protocol {protocol}"));
            }
            _ => return Attempt::error("EINVAL"),
        };
        let is_datagram = matches!(descriptor, Descriptor::Datagram(_));
        let opened = self.open(fd, descriptor);
        if opened == Attempt::Returned(fd) {
            self.follow(Track::new(Some(fd), is_datagram));
        }
        opened
    }

    fn bind(&mut self, world: &mut World<'_>, fd: Fd) -> Attempt {
        let local = Stack::at(world.settings.local(), world.settings.bind_port);
        let others = self.fds.iter().filter(|(other, _)| **other != fd);
        let is_taken = others.clone().any(|(_, other)| match other {
            Descriptor::Stream(stream) => {
                stream.bound == Some(local) && !stream.options.reuses_address
            }
            _ => false,
        });
        match self.fds.get_mut(&fd) {
            Some(Descriptor::Stream(stream)) if stream.bound.is_some() || !stream.is_new() => {
                Attempt::error("EINVAL")
            }
            Some(Descriptor::Stream(_)) if is_taken => Attempt::error("EADDRINUSE"),
            Some(Descriptor::Stream(stream)) => {
                stream.bound = Some(local);
                Attempt::Returned(0)
            }
            Some(Descriptor::Datagram(datagram)) => {
                let result = datagram.bind(world, local);
                if let Some(track) = self.track_of(fd) {
                    track.local = Some(local);
                }
                result
            }
            Some(_) => Attempt::error("ENOTSOCK"),
            None => no_fd(fd),
        }
    }

    fn connect(
        &mut self,
        world: &mut World<'_>,
        fd: Fd,
        family: Option<i64>,
        progress: &mut Progress,
    ) -> Attempt {
        const AF_UNSPEC: i64 = 0;
        let config = self.config.clone();
        let remote = Stack::at(world.settings.remote(), world.settings.connect_port);
        let result = match (self.fds.get_mut(&fd), family) {
            (Some(Descriptor::Stream(stream)), None) => {
                stream.connect(world, &config, remote, progress)
            }
            (Some(Descriptor::Stream(stream)), Some(AF_UNSPEC)) => {
                let result = stream.disconnect(world);
                if let Some(track) = self.track_of(fd) {
                    track.phase = Phase::New;
                }
                return result;
            }
            (Some(Descriptor::Datagram(datagram)), None) => datagram.connect(world, remote),
            (Some(_), Some(_)) => return Attempt::error("EAFNOSUPPORT"),
            (Some(_), None) => return Attempt::error("ENOTSOCK"),
            (None, _) => return no_fd(fd),
        };
        let flow = self.connection(fd).and_then(|id| world.stack.host.tcp(id)).map(|c| *c.flow());
        if let Some(track) = self.track_of(fd)
            && (track.phase == Phase::New || track.is_datagram)
        {
            track.phase = Phase::Connecting;
            track.remote = Some(remote);
            track.local = flow.map(|flow| flow.local).or(track.local);
        }
        result
    }

    fn read(&mut self, world: &mut World<'_>, fd: Fd, len: usize, flags: i64) -> Attempt {
        match self.fds.get_mut(&fd) {
            Some(Descriptor::Stream(stream)) => stream.read(world, len, flags),
            Some(Descriptor::Datagram(datagram)) => datagram.read(world, len, flags),
            Some(Descriptor::PipeEnd { pipe, is_writer: false }) => self.pipes.read(*pipe, len),
            Some(_) => Attempt::error("EBADF"),
            None => no_fd(fd),
        }
    }

    fn receive_message(
        &mut self,
        world: &mut World<'_>,
        fd: Fd,
        len: usize,
        flags: i64,
        (flags_after, inq): (i64, Option<i64>),
    ) -> Attempt {
        let result = self.read(world, fd, len, flags);
        let Attempt::Returned(_) = result else { return result };
        if flags_after != 0 {
            return Attempt::Wrong(format!("Expected msg_flags {flags_after:#010x} but got 0"));
        }
        let left = match self.fds.get(&fd) {
            Some(Descriptor::Stream(stream)) if stream.options.tells_inq => {
                Some(stream.readable(world) as i64)
            }
            _ => None,
        };
        if left != inq {
            return Attempt::Wrong(format!("TCP_CM_INQ: expected {inq:?} but got {left:?}"));
        }
        result
    }

    fn write(
        &mut self,
        world: &mut World<'_>,
        fd: Fd,
        len: usize,
        flags: i64,
        to: Option<Destination>,
        progress: &mut Progress,
    ) -> Attempt {
        let remote = Stack::at(world.settings.remote(), world.settings.connect_port);
        match self.fds.get_mut(&fd) {
            Some(Descriptor::Stream(stream)) => stream.write(world, len, flags, progress),
            Some(Descriptor::Datagram(datagram)) => {
                if let Some(Destination::Family(_)) = to {
                    return Attempt::error("EAFNOSUPPORT");
                }
                let result = datagram.write(world, len, to.map(|_| remote));
                if let Some(track) = self.track_of(fd).filter(|track| track.remote.is_none()) {
                    track.remote = Some(remote);
                    track.phase = Phase::Connecting;
                }
                result
            }
            Some(Descriptor::PipeEnd { pipe, is_writer: true }) => self.pipes.write(*pipe, len),
            Some(_) => Attempt::error("EBADF"),
            None => no_fd(fd),
        }
    }

    fn close(&mut self, world: &mut World<'_>, fd: Fd, progress: &mut Progress) -> Attempt {
        if let Some(id) = progress.closing {
            return stream::wait_for_end(world, id, progress.begun);
        }
        let Some(descriptor) = self.fds.remove(&fd) else { return no_fd(fd) };
        match descriptor {
            Descriptor::Stream(stream) => stream.close(world, progress),
            Descriptor::Datagram(datagram) => datagram.close(world),
            Descriptor::PipeEnd { pipe, is_writer } => self.pipes.close(pipe, is_writer),
            Descriptor::Epoll(_) => Attempt::Returned(0),
        }
    }

    fn shut_down(&mut self, world: &mut World<'_>, fd: Fd, how: i64) -> Attempt {
        match self.fds.get_mut(&fd) {
            _ if !(0..=2).contains(&how) => Attempt::error("EINVAL"),
            Some(Descriptor::Stream(stream)) => stream.shut_down(world, how),
            Some(Descriptor::Datagram(_)) => Attempt::Unsupported("shutdown of datagrams".into()),
            Some(_) => Attempt::error("ENOTSOCK"),
            None => no_fd(fd),
        }
    }

    fn fcntl(&mut self, fd: Fd, command: i64, argument: Option<i64>) -> Attempt {
        const F_GETFL: i64 = 3;
        const F_SETFL: i64 = 4;
        const O_RDWR: i64 = 2;
        const O_NONBLOCK: i64 = 0o4000;
        let Some(descriptor) = self.fds.get_mut(&fd) else { return no_fd(fd) };
        let is_nonblocking = match descriptor {
            Descriptor::Stream(stream) => &mut stream.is_nonblocking,
            Descriptor::Datagram(datagram) => &mut datagram.is_nonblocking,
            _ => return Attempt::Unsupported("fcntl of what is no socket".into()),
        };
        match (command, argument) {
            (F_GETFL, _) => {
                Attempt::Returned(O_RDWR | if *is_nonblocking { O_NONBLOCK } else { 0 })
            }
            (F_SETFL, Some(flags)) if flags & !(O_RDWR | O_NONBLOCK) == 0 => {
                *is_nonblocking = flags & O_NONBLOCK != 0;
                Attempt::Returned(0)
            }
            _ => Attempt::Unsupported(format!("fcntl command {command} with {argument:?}")),
        }
    }

    fn ioctl(&mut self, world: &World<'_>, fd: Fd, command: i64, expected: i64) -> Attempt {
        let Some(descriptor) = self.fds.get(&fd) else { return no_fd(fd) };
        let Descriptor::Stream(stream) = descriptor else {
            return Attempt::Unsupported("ioctl of what is no stream".into());
        };
        match stream.ioctl(world, command) {
            Ok(value) if value == expected => Attempt::Returned(0),
            Ok(value) => {
                Attempt::Wrong(format!("Bad ioctl optval: expected: {expected} actual: {value}"))
            }
            Err(other) => other,
        }
    }

    fn accept(&mut self, world: &mut World<'_>, fd: Fd, accepted: Fd) -> Attempt {
        let Some(descriptor) = self.fds.get(&fd) else { return no_fd(fd) };
        let Descriptor::Stream(listening) = descriptor else {
            return Attempt::error("EOPNOTSUPP");
        };
        let Some(listener) = listening.listener() else { return Attempt::error("EINVAL") };
        let Some(id) = world.stack.host.tcp_accept(listener) else {
            return match listening.is_nonblocking {
                true => Attempt::error("EAGAIN"),
                false => Attempt::Blocked(None),
            };
        };
        let stream = listening.accepted(world, id);
        let flow = world.stack.host.tcp(id).map(|connection| *connection.flow());
        let opened = self.open(accepted, Descriptor::Stream(Box::new(stream)));
        let mut tracks = self.tracks.iter_mut().rev();
        let track = tracks.find(|track| {
            flow.is_some_and(|flow| {
                track.fd.is_none()
                    && (track.local, track.remote) == (Some(flow.local), Some(flow.remote))
            })
        });
        if let Some(track) = track {
            track.fd = Some(accepted);
        }
        opened
    }

    fn listen(&mut self, world: &mut World<'_>, fd: Fd, backlog: i64) -> Attempt {
        let config = self.config.clone();
        let result = match self.fds.get_mut(&fd) {
            Some(Descriptor::Stream(stream)) => stream.listen(world, &config, backlog),
            Some(_) => Attempt::error("EOPNOTSUPP"),
            None => no_fd(fd),
        };
        if let (Attempt::Returned(_), Some(track)) = (&result, self.track_of(fd)) {
            track.phase = Phase::Listening;
        }
        result
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

    fn pipe(&mut self, [from, to]: [Fd; 2]) -> Attempt {
        if from == to || self.fds.contains_key(&from) || self.fds.contains_key(&to) {
            return Attempt::Wrong("duplicate fd in script".into());
        }
        let pipe = self.pipes.open();
        self.fds.insert(from, Descriptor::PipeEnd { pipe, is_writer: false });
        self.fds.insert(to, Descriptor::PipeEnd { pipe, is_writer: true });
        Attempt::Returned(0)
    }

    /// Between a stream and a pipe, one way or the other.
    fn splice(
        &mut self,
        world: &mut World<'_>,
        (from, to): (Fd, Fd),
        len: usize,
        flags: i64,
    ) -> Attempt {
        const SPLICE_F_NONBLOCK: i64 = 2;
        const MSG_DONTWAIT: i64 = 0x40;
        const MSG_MORE: i64 = 0x8000;
        const SPLICE_F_MORE: i64 = 4;
        let nowait = if flags & SPLICE_F_NONBLOCK != 0 { MSG_DONTWAIT } else { 0 };
        let more = if flags & SPLICE_F_MORE != 0 { MSG_MORE } else { 0 };
        match (self.fds.get(&from), self.fds.get(&to)) {
            (Some(Descriptor::Stream(_)), Some(Descriptor::PipeEnd { pipe, is_writer: true })) => {
                let pipe = *pipe;
                let len = len.min(self.pipes.room(pipe));
                let result = self.read(world, from, len, nowait);
                if let Attempt::Returned(n) = result {
                    self.pipes.write(pipe, n as usize);
                }
                result
            }
            (Some(Descriptor::PipeEnd { pipe, is_writer: false }), Some(Descriptor::Stream(_))) => {
                let pipe = *pipe;
                let len = len.min(self.pipes.len(pipe));
                let mut progress = Progress::default();
                let result = self.write(world, to, len, nowait | more, None, &mut progress);
                if let Attempt::Returned(n) = result {
                    self.pipes.read(pipe, n as usize);
                }
                result
            }
            (Some(_), Some(_)) => Attempt::error("EINVAL"),
            (None, _) => no_fd(from),
            (_, None) => no_fd(to),
        }
    }
}

/// packetdrill knows the numbers of open sockets too, and stops.
fn no_fd(fd: Fd) -> Attempt {
    Attempt::Wrong(format!("unable to find fd with script fd {fd}"))
}
