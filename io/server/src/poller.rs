use std::io;
use std::net::TcpStream;
use std::ops::BitOrAssign;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::rc::Rc;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::registry::Key;

/// How many sockets' news are asked for at once.
const NEWS_MAX: usize = 256;

/// What tells other sources from connections, whose keys are less.
const SOURCES: u64 = 1 << 63;

/// Which sockets of a worker have news: an epoll of its own.
///
/// The runtime waits for this one descriptor instead of for thousands. A connection that waits costs
/// it nothing, neither a task nor a place in its tables, and to wake one is to look up its number.
#[derive(Debug)]
pub(crate) struct Poller {
    epoll: Rc<OwnedFd>,
}

/// What a socket is ready for, as far as is known. Once told, it is so until it is found otherwise.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Ready {
    pub(crate) to_read: bool,
    pub(crate) to_write: bool,
    /// The peer has finished or is gone: the end is behind what is still to be read.
    pub(crate) at_end: bool,
}

/// What has happened since the last time, in memory that is used again.
pub(crate) struct News(Vec<Event>);

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { epoll: Rc::new(epoll::create(CreateFlags::CLOEXEC)?) })
    }

    /// What the runtime waits for.
    pub(crate) fn listener(&self) -> io::Result<AsyncFd<Rc<OwnedFd>>> {
        listen_to(Rc::clone(&self.epoll))
    }

    /// Tells from now on, each time once, when more can be read from this socket or its peer has
    /// finished. A socket is forgotten when it is closed.
    pub(crate) fn add(&self, stream: &TcpStream, key: Key) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(&*self.epoll, stream, EventData::new_u64(key.to_bits()), flags)?)
    }

    /// Tells also when there is room to write. Most sockets are never full, so this is not asked for
    /// before it is needed.
    pub(crate) fn tell_room(&self, stream: &TcpStream, key: Key) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::modify(&*self.epoll, stream, EventData::new_u64(key.to_bits()), flags)?)
    }

    /// Tells of something else that can be read, which has this number.
    pub(crate) fn add_source(&self, source: impl AsFd, number: u32) -> io::Result<()> {
        let data = EventData::new_u64(SOURCES | u64::from(number));
        Ok(epoll::add(&*self.epoll, source, data, EventFlags::IN | EventFlags::ET)?)
    }

    /// Takes what is new, without waiting; whether that is all.
    pub(crate) fn take(&self, news: &mut News) -> bool {
        news.0.clear();
        loop {
            match epoll::wait(&*self.epoll, spare_capacity(&mut news.0), Some(&Timespec::default()))
            {
                Err(Errno::INTR) => {}
                // The descriptor is ours and open: nothing else can go wrong.
                _ => return news.0.len() < NEWS_MAX,
            }
        }
    }
}

/// Lets the runtime wait until something can be read from `source`.
#[allow(
    deprecated,
    reason = "what replaces it is unsafe; ours is sound: what is waited for is one descriptor, open \
              as long as it is owned"
)]
pub(crate) fn listen_to<S: AsRawFd>(source: S) -> io::Result<AsyncFd<S>> {
    AsyncFd::with_interest(source, Interest::READABLE)
}

impl News {
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(NEWS_MAX))
    }

    /// The connections with news.
    pub(crate) fn connections(&self) -> impl Iterator<Item = (Key, Ready)> {
        let connections = self.0.iter().filter(|event| event.data.u64() < SOURCES);
        connections.map(|event| (Key::from_bits(event.data.u64()), Ready::from(event.flags)))
    }

    /// The numbers of the other sources with news.
    pub(crate) fn sources(&self) -> impl Iterator<Item = u32> {
        let sources = self.0.iter().map(|event| event.data.u64()).filter(|data| *data >= SOURCES);
        sources.map(|data| data as u32)
    }
}

impl From<EventFlags> for Ready {
    fn from(flags: EventFlags) -> Self {
        let at_end = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        Self {
            to_read: at_end || flags.contains(EventFlags::IN),
            to_write: at_end || flags.contains(EventFlags::OUT),
            at_end,
        }
    }
}

impl BitOrAssign for Ready {
    fn bitor_assign(&mut self, other: Self) {
        self.to_read |= other.to_read;
        self.to_write |= other.to_write;
        self.at_end |= other.at_end;
    }
}
