//! What goes into sockets and comes out of them.

use std::net::SocketAddr;

use super::descriptor::Descriptor;
use super::{Attempt, Progress, Sockets, World, no_fd};
use crate::language::calls::{Address, Fd};
use crate::language::messages::{Control, Message};
use crate::language::settings::IpVersion;
use crate::stack::BEGINNING;
use crate::symbols::{
    IP_RECVERR, IPV6_RECVERR, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_FASTOPEN, MSG_MORE, MSG_PEEK,
    MSG_TRUNC, SOL_IP, SOL_IPV6, SPLICE_F_MORE, SPLICE_F_NONBLOCK,
};
use crate::track::Phase;

impl Sockets {
    /// The same as [`read`](Self::read), perhaps into nowhere: that is found out when there is
    /// something to put there, unless it is only to be dropped.
    pub(super) fn read_into(
        &mut self,
        world: &mut World<'_>,
        fd: Fd,
        len: usize,
        flags: i64,
        is_null: bool,
    ) -> Attempt {
        if !is_null || flags & MSG_TRUNC != 0 {
            return self.read(world, fd, len, flags);
        }
        match self.read(world, fd, len, flags | MSG_PEEK) {
            Attempt::Returned(n) if n > 0 => Attempt::error("EFAULT"),
            other => other,
        }
    }

    /// Whether a stream would take what is written now.
    pub(super) fn may_write(&self, world: &World<'_>, fd: Fd) -> bool {
        match self.fds.get(&fd) {
            Some(Descriptor::Stream(stream)) => {
                stream.look(world).is_some_and(|connection| connection.state().may_send())
            }
            Some(_) => true,
            None => false,
        }
    }

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
        flags: i64,
        expected: &Message,
    ) -> Attempt {
        if flags & MSG_ERRQUEUE != 0 {
            return self.receive_notice(world, fd, expected);
        }
        let result = self.read(world, fd, expected.lens.iter().sum(), flags);
        let Attempt::Returned(_) = result else { return result };
        let controls = match self.fds.get(&fd) {
            Some(Descriptor::Stream(stream)) if stream.options.tells_inq => {
                vec![Control::Inq(stream.readable(world) as i64)]
            }
            _ => Vec::new(),
        };
        match difference(world, expected, 0, &controls) {
            Some(what) => Attempt::Wrong(what),
            None => result,
        }
    }

    /// Takes an entry from the error queue; that never waits.
    fn receive_notice(&mut self, world: &World<'_>, fd: Fd, expected: &Message) -> Attempt {
        let stream = match self.fds.get_mut(&fd) {
            Some(Descriptor::Stream(stream)) => stream,
            Some(Descriptor::Datagram(_)) => {
                return Attempt::Unsupported("error queues of datagrams".into());
            }
            Some(_) => return Attempt::error("ENOTSOCK"),
            None => return no_fd(fd),
        };
        let Some(entry) = stream.notices.take() else { return Attempt::error("EAGAIN") };
        if entry.is_cut && expected.lens.iter().sum::<usize>() > 0 {
            return Attempt::Unsupported("packets in error queues".into());
        }
        let (level, kind) = match world.settings.ip_version {
            IpVersion::V4 => (SOL_IP, IP_RECVERR),
            _ => (SOL_IPV6, IPV6_RECVERR),
        };
        let at = entry.at.map(|at| at.since(BEGINNING));
        let time = at.map(|at| Control::Time(at.as_secs() as i64, at.subsec_nanos().into()));
        let notice = Control::Notice { level, kind, notice: entry.notice };
        let controls: Vec<_> = time.into_iter().chain([notice]).collect();
        if entry.is_icmp() {
            stream.forget_failure();
        }
        let room = expected.lens.iter().sum();
        let is_cut = entry.is_cut || entry.quoted > room;
        let flags = MSG_ERRQUEUE | if is_cut { MSG_TRUNC } else { 0 };
        match difference(world, expected, flags, &controls) {
            Some(what) => Attempt::Wrong(what),
            None => Attempt::Returned(entry.quoted.min(room) as i64),
        }
    }

    pub(super) fn write(
        &mut self,
        world: &mut World<'_>,
        fd: Fd,
        len: usize,
        flags: i64,
        to: Option<Address>,
        progress: &mut Progress,
    ) -> Attempt {
        let usual = SocketAddr::new(world.settings.remote(), world.settings.connect_port);
        let remote = to.and_then(|to| to.or(usual)).unwrap_or(usual);
        let config = self.config.clone();
        match self.fds.get_mut(&fd) {
            Some(Descriptor::Stream(_))
                if flags & MSG_FASTOPEN != 0 && to == Some(Address::Family(0)) =>
            {
                Attempt::error("EOPNOTSUPP")
            }
            Some(Descriptor::Stream(stream))
                if flags & MSG_FASTOPEN != 0 || stream.is_deferred || progress.is_connecting =>
            {
                let result = stream.write_fast(world, &config, remote, (len, flags), progress);
                self.follow_connecting(world, fd, remote);
                result
            }
            Some(Descriptor::Stream(stream)) => stream.write(world, len, flags, progress),
            Some(Descriptor::Datagram(datagram)) => {
                if let Some(Address::Family(_)) = to {
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

    /// Sends so much of a file that is full of zeros.
    pub(super) fn send_file(
        &mut self,
        world: &mut World<'_>,
        to: Fd,
        from: Fd,
        len: usize,
        progress: &mut Progress,
    ) -> Attempt {
        match self.fds.get(&from) {
            Some(Descriptor::File) => self.write(world, to, len, 0, None, progress),
            Some(_) => Attempt::error("EINVAL"),
            None => no_fd(from),
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

/// What of a message is otherwise than a script says; times may be a little early or late.
fn difference(
    world: &World<'_>,
    expected: &Message,
    flags: i64,
    controls: &[Control],
) -> Option<String> {
    if flags != expected.flags {
        return Some(format!("Expected msg_flags {:#010x} but got {flags:#010x}", expected.flags));
    }
    let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    let tolerance = i128::from(world.settings.tolerance) * 1000;
    let is_same = |(wanted, found): (&Control, &Control)| match (*wanted, *found) {
        (Control::Time(s, n), Control::Time(t, m)) => {
            (nanos(s, n) - nanos(t, m)).abs() <= tolerance
        }
        (wanted, found) => wanted == found,
    };
    let all_same = expected.controls.iter().zip(controls).all(is_same);
    if all_same && expected.controls.len() == controls.len() {
        return None;
    }
    Some(format!("Expected msg_control {:?} but got {controls:?}", expected.controls))
}
