//! What goes into sockets and comes out of them.

use std::net::SocketAddr;

use super::descriptor::Descriptor;
use super::{Attempt, Progress, Sockets, World, no_fd};
use crate::language::calls::{Destination, Fd};
use crate::track::Phase;

impl Sockets {
    pub(super) fn read(
        &mut self,
        world: &mut World<'_>,
        fd: Fd,
        len: usize,
        flags: i64,
    ) -> Attempt {
        match self.fds.get_mut(&fd) {
            Some(Descriptor::Stream(stream)) => stream.read(world, len, flags),
            Some(Descriptor::Datagram(datagram)) => datagram.read(world, len, flags),
            Some(Descriptor::PipeEnd { pipe, is_writer: false }) => self.pipes.read(*pipe, len),
            Some(_) => Attempt::error("EBADF"),
            None => no_fd(fd),
        }
    }

    pub(super) fn receive_message(
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

    pub(super) fn write(
        &mut self,
        world: &mut World<'_>,
        fd: Fd,
        len: usize,
        flags: i64,
        to: Option<Destination>,
        progress: &mut Progress,
    ) -> Attempt {
        let remote = SocketAddr::new(world.settings.remote(), world.settings.connect_port);
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

    pub(super) fn pipe(&mut self, [from, to]: [Fd; 2]) -> Attempt {
        if from == to || self.fds.contains_key(&from) || self.fds.contains_key(&to) {
            return Attempt::Wrong("duplicate fd in script".into());
        }
        let pipe = self.pipes.open();
        self.fds.insert(from, Descriptor::PipeEnd { pipe, is_writer: false });
        self.fds.insert(to, Descriptor::PipeEnd { pipe, is_writer: true });
        Attempt::Returned(0)
    }

    /// Between a stream and a pipe, one way or the other.
    pub(super) fn splice(
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
