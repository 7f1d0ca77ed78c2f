//! Sockets begin and end.

use std::net::SocketAddr;

use super::datagram::Datagram;
use super::descriptor::Descriptor;
use super::{Attempt, Progress, Sockets, Stream, World, no_fd, stream};
use crate::language::calls::{Address, Fd};
use crate::symbols::{
    AF_INET, AF_INET6, AF_UNSPEC, F_GETFD, F_GETFL, F_SETFD, F_SETFL, FIONBIO, IPPROTO_TCP,
    IPPROTO_UDP, O_NONBLOCK, O_RDWR, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM,
};
use crate::track::{Phase, Track};

impl Sockets {
    pub(super) fn socket(
        &mut self,
        world: &mut World<'_>,
        family: Option<i64>,
        (kind, protocol): (i64, i64),
        fd: Fd,
    ) -> Attempt {
        if family.is_some_and(|family| family != AF_INET && family != AF_INET6) {
            return Attempt::error("EAFNOSUPPORT");
        }
        let _ = world;
        let is_nonblocking = kind & SOCK_NONBLOCK != 0;
        let descriptor = match (kind & !(SOCK_NONBLOCK | SOCK_CLOEXEC), protocol) {
            (SOCK_STREAM, 0 | IPPROTO_TCP) => {
                Descriptor::Stream(Box::new(Stream::new(is_nonblocking)))
            }
            (SOCK_DGRAM, 0 | IPPROTO_UDP) => Descriptor::Datagram(Datagram::new(is_nonblocking)),
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

    pub(super) fn bind(&mut self, world: &mut World<'_>, fd: Fd, to: Address) -> Attempt {
        let usual = SocketAddr::new(world.settings.local(), world.settings.bind_port);
        let local = match to.or(usual) {
            Some(local) if local.ip() == usual.ip() => local,
            Some(local) if local.ip().is_unspecified() => SocketAddr::new(usual.ip(), local.port()),
            Some(_) => return Attempt::error("EADDRNOTAVAIL"),
            None => return Attempt::error("EAFNOSUPPORT"),
        };
        if local.port() == 0 {
            return Attempt::Unsupported("bind to whatever port is free".into());
        }
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

    pub(super) fn connect(
        &mut self,
        world: &mut World<'_>,
        fd: Fd,
        to: Address,
        progress: &mut Progress,
    ) -> Attempt {
        let config = self.config.clone();
        let usual = SocketAddr::new(world.settings.remote(), world.settings.connect_port);
        let remote = to.or(usual).unwrap_or(usual);
        let result = match (self.fds.get_mut(&fd), to) {
            (Some(Descriptor::Stream(stream)), Address::Family(AF_UNSPEC)) => {
                let result = stream.disconnect(world);
                if let Some(track) = self.track_of(fd) {
                    track.phase = Phase::New;
                }
                return result;
            }
            (Some(_), Address::Family(_)) => return Attempt::error("EAFNOSUPPORT"),
            (Some(Descriptor::Stream(stream)), _) => {
                stream.connect(world, &config, remote, progress)
            }
            (Some(Descriptor::Datagram(datagram)), _) => datagram.connect(world, remote),
            (Some(_), _) => return Attempt::error("ENOTSOCK"),
            (None, _) => return no_fd(fd),
        };
        self.follow_connecting(world, fd, remote);
        result
    }

    /// From here on the script speaks about the connection that this socket asks for.
    pub(super) fn follow_connecting(&mut self, world: &World<'_>, fd: Fd, remote: SocketAddr) {
        let flow = self.connection(fd).and_then(|id| world.stack.host.tcp(id)).map(|c| *c.flow());
        if let Some(track) = self.track_of(fd)
            && (track.phase == Phase::New || track.is_datagram || track.local.is_none())
        {
            track.phase = Phase::Connecting;
            track.remote = Some(remote);
            track.local = flow.map(|flow| flow.local).or(track.local);
        }
    }

    pub(super) fn close(
        &mut self,
        world: &mut World<'_>,
        fd: Fd,
        progress: &mut Progress,
    ) -> Attempt {
        if let Some(id) = progress.closing {
            return stream::wait_for_end(world, id, progress.begun);
        }
        let Some(descriptor) = self.fds.remove(&fd) else { return no_fd(fd) };
        match descriptor {
            Descriptor::Stream(stream) => stream.close(world, progress),
            Descriptor::Datagram(datagram) => datagram.close(world),
            Descriptor::PipeEnd { pipe, is_writer } => self.pipes.close(pipe, is_writer),
            Descriptor::Epoll(_) | Descriptor::File => Attempt::Returned(0),
        }
    }

    pub(super) fn shut_down(&mut self, world: &mut World<'_>, fd: Fd, how: i64) -> Attempt {
        match self.fds.get_mut(&fd) {
            _ if !(0..=2).contains(&how) => Attempt::error("EINVAL"),
            Some(Descriptor::Stream(stream)) => stream.shut_down(world, how),
            Some(Descriptor::Datagram(_)) => Attempt::Unsupported("shutdown of datagrams".into()),
            Some(_) => Attempt::error("ENOTSOCK"),
            None => no_fd(fd),
        }
    }

    pub(super) fn fcntl(&mut self, fd: Fd, command: i64, argument: Option<i64>) -> Attempt {
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
            // Nothing is executed that could inherit it.
            (F_GETFD, _) => Attempt::Returned(0),
            (F_SETFD, Some(0 | 1)) => Attempt::Returned(0),
            (F_SETFL, Some(flags)) if flags & !(O_RDWR | O_NONBLOCK) == 0 => {
                *is_nonblocking = flags & O_NONBLOCK != 0;
                Attempt::Returned(0)
            }
            _ => Attempt::Unsupported(format!("fcntl command {command} with {argument:?}")),
        }
    }

    pub(super) fn ioctl(
        &mut self,
        world: &World<'_>,
        fd: Fd,
        command: i64,
        expected: i64,
    ) -> Attempt {
        let Some(descriptor) = self.fds.get_mut(&fd) else { return no_fd(fd) };
        let Descriptor::Stream(stream) = descriptor else {
            return Attempt::Unsupported("ioctl of what is no stream".into());
        };
        if command == FIONBIO {
            stream.is_nonblocking = expected != 0;
            return Attempt::Returned(0);
        }
        match stream.ioctl(world, command) {
            Ok(value) if value == expected => Attempt::Returned(0),
            Ok(value) => {
                Attempt::Wrong(format!("Bad ioctl optval: expected: {expected} actual: {value}"))
            }
            Err(other) => other,
        }
    }

    pub(super) fn accept(
        &mut self,
        world: &mut World<'_>,
        fd: Fd,
        flags: i64,
        accepted: Fd,
    ) -> Attempt {
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
        let mut stream = listening.accepted(world, id);
        stream.is_nonblocking = flags & SOCK_NONBLOCK != 0;
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

    pub(super) fn listen(&mut self, world: &mut World<'_>, fd: Fd, backlog: i64) -> Attempt {
        let config = self.config.clone();
        let result = match self.fds.get_mut(&fd) {
            Some(Descriptor::Stream(stream)) => stream.listen(world, &config, backlog),
            Some(_) => Attempt::error("EOPNOTSUPP"),
            None => no_fd(fd),
        };
        let bound = match self.fds.get(&fd) {
            Some(Descriptor::Stream(stream)) => stream.bound,
            _ => None,
        };
        if let (Attempt::Returned(_), Some(track)) = (&result, self.track_of(fd)) {
            track.phase = Phase::Listening;
            track.local = bound;
        }
        result
    }
}
