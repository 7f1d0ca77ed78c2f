use std::io;
use std::ops::BitOrAssign;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use crate::registry::Key;

/// How many descriptors' news are asked for at once.
const NEWS_MAX: usize = 256;

/// What tells sources from connections, whose keys are less.
const SOURCES: u64 = 1 << 63;

/// All that a worker waits for, in one epoll.
///
/// A connection that waits is one entry in the kernel and nothing here, and to wake one is to look up
/// its number.
#[derive(Debug)]
pub(crate) struct Poller {
    epoll: OwnedFd,
}

/// What may have news beside connections.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Source {
    /// The worker's inbox.
    Inbox,
    /// Its timer.
    Timer,
    /// Its listener of this index has somebody to accept.
    Listener(u32),
    /// What a handler listens to, by number.
    Handler(u32),
    /// A port of the worker's own network stack, by number.
    Port(u32),
    /// The next deadline of that stack.
    Deadline,
}

/// What a socket is ready for, as far as is known. Once told, it is so until it is found otherwise.
///
/// A bit each: a connection that waits is as small as can be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Ready(u8);

impl Ready {
    /// There is something to read, or the end.
    pub(crate) const TO_READ: Self = Self(1);
    /// There is room to write.
    pub(crate) const TO_WRITE: Self = Self(1 << 1);
    /// The peer has finished or is gone: the end is behind what is still to be read.
    pub(crate) const AT_END: Self = Self(1 << 2);
    /// The peer is gone.
    pub(crate) const ALL: Self = Self(7);

    /// Whether it is ready for one of these.
    #[inline]
    pub(crate) const fn is(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    /// It is ready for these too.
    #[inline]
    pub(crate) const fn and_if(self, is_ready: bool, of: Self) -> Self {
        if is_ready { Self(self.0 | of.0) } else { self }
    }

    /// It is found not to be ready for these.
    #[inline]
    pub(crate) const fn unset(&mut self, of: Self) {
        self.0 &= !of.0;
    }
}

/// What has happened since the last time, in memory that is used again.
pub(crate) struct News(Vec<Event>);

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)? })
    }

    /// Tells from now on, each time once, when more can be read from this socket or its peer has
    /// finished. A socket is forgotten when it is closed.
    pub(crate) fn add(&self, stream: impl AsFd, key: Key) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(&self.epoll, stream, EventData::new_u64(key.to_bits()), flags)?)
    }

    /// Tells also when there is room to write. Most sockets are never full, so this is not asked for
    /// before it is needed.
    pub(crate) fn tell_room(&self, stream: impl AsFd, key: Key) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::modify(&self.epoll, stream, EventData::new_u64(key.to_bits()), flags)?)
    }

    /// Tells of something else, each time once when there is more to read.
    pub(crate) fn add_source(&self, descriptor: impl AsFd, source: Source) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::ET;
        Ok(epoll::add(&self.epoll, descriptor, source.to_data(), flags)?)
    }

    /// Tells of a port of a network stack, as long as frames wait there.
    pub(crate) fn watch_port(&self, port: impl AsFd, number: u32) -> io::Result<()> {
        let data = Source::Port(number).to_data();
        Ok(epoll::add(&self.epoll, port, data, EventFlags::IN)?)
    }

    /// Tells of it no more.
    pub(crate) fn forget_source(&self, descriptor: impl AsFd) {
        // It fails when it was never told of.
        let _ = epoll::delete(&self.epoll, descriptor);
    }

    /// Tells of those who want to be accepted, as long as there are some. Where several workers
    /// listen at one socket, not all of them are woken.
    pub(crate) fn listen(&self, listener: impl AsFd, index: u32) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::EXCLUSIVE;
        Ok(epoll::add(&self.epoll, listener, Source::Listener(index).to_data(), flags)?)
    }

    /// Tells of nobody any more. A socket that others have too must be taken away before it is
    /// closed, because the kernel goes on telling of it.
    pub(crate) fn stop_listening(&self, listener: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, listener)?)
    }

    /// Takes what is new, if anything is.
    pub(crate) fn take_now(&self, news: &mut News) {
        self.take_within(news, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    }

    /// Takes what is new; waits for something if nothing is. For as long as `busy_poll` it looks again
    /// and again, and only then it sleeps: to be woken takes longer than most answers.
    pub(crate) fn take(&self, news: &mut News, busy_poll: Duration) {
        if !busy_poll.is_zero() {
            let began = Instant::now();
            while began.elapsed() < busy_poll {
                self.take_now(news);
                if news.len() > 0 {
                    return;
                }
            }
        }
        self.take_within(news, None);
    }

    fn take_within(&self, news: &mut News, timeout: Option<&Timespec>) {
        news.0.clear();
        // The descriptor is ours and open: nothing can go wrong but that a signal comes between.
        while let Err(Errno::INTR) = epoll::wait(&self.epoll, spare_capacity(&mut news.0), timeout)
        {
        }
    }
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

    /// The sources with news.
    pub(crate) fn sources(&self) -> impl Iterator<Item = Source> {
        let sources = self.0.iter().map(|event| event.data.u64()).filter(|data| *data >= SOURCES);
        sources.map(Source::from_data)
    }

    /// Whether there is more than that time has passed.
    pub(crate) fn tell_of_somebody(&self) -> bool {
        self.0.iter().map(|event| event.data.u64()).any(|data| {
            data < SOURCES || !matches!(Source::from_data(data), Source::Timer | Source::Deadline)
        })
    }

    /// How much there is.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Source {
    fn to_data(self) -> EventData {
        let (kind, number) = match self {
            Self::Inbox => (0, 0),
            Self::Timer => (1, 0),
            Self::Listener(number) => (2, number),
            Self::Handler(number) => (3, number),
            Self::Port(number) => (4, number),
            Self::Deadline => (5, 0),
        };
        EventData::new_u64(SOURCES | kind << 32 | u64::from(number))
    }

    const fn from_data(data: u64) -> Self {
        match (data & !SOURCES) >> 32 {
            0 => Self::Inbox,
            1 => Self::Timer,
            2 => Self::Listener(data as u32),
            3 => Self::Handler(data as u32),
            4 => Self::Port(data as u32),
            _ => Self::Deadline,
        }
    }
}

impl From<EventFlags> for Ready {
    fn from(flags: EventFlags) -> Self {
        if flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR) {
            return Self::ALL;
        }
        let ready = Self::default().and_if(flags.contains(EventFlags::IN), Self::TO_READ);
        ready.and_if(flags.contains(EventFlags::OUT), Self::TO_WRITE)
    }
}

impl BitOrAssign for Ready {
    #[inline]
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
