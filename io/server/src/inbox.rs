use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

use base::Instant;
use host::{Host, Leased};
use ip::InterfaceId;
use message::ExchangeId;
use phys::Counts;
use rustix::event::{EventfdFlags, eventfd};
use tokio::sync::oneshot;

use crate::network::NetworkSettings;
use crate::observer::{Connections, FilmWanted};
use crate::registry::Key;
use crate::server::{Setup, Socket, Stop};

/// What other threads tell a worker, and the bell that wakes it.
pub(crate) struct Inbox<H> {
    letters: Mutex<Vec<Letter<H>>>,
    /// Counts the times it was rung; an epoll tells of each, so nobody reads it.
    bell: OwnedFd,
}

/// What a worker can be told.
pub(crate) enum Letter<H> {
    /// Something that was promised to this connection, for this exchange, is there.
    Due(Key, ExchangeId),
    /// Serve by this and at these from now on, on a network that is to be so.
    Change(Setup<H>, Vec<Socket>, Option<Box<NetworkSettings>>),
    /// Whether, and how, to stop.
    Stop(Stop),
    /// Tell of as many connections as this.
    List(usize, oneshot::Sender<Connections>),
    /// Show the network of one's own, if there is one.
    Look(Box<Look>),
    /// Of an address that a server of DHCP has given to the worker who leads, there is this now.
    Lease(InterfaceId, Option<Leased>),
    /// Another worker has ended.
    Left,
    /// Record the film of a connection.
    BeginFilm(FilmWanted),
    /// Hand over the film of this number.
    EndFilm(u64),
}

/// Looks at a network: at its host, at what went over its ports, at its clock.
pub(crate) type Look = dyn FnOnce(&Host, Counts, Instant) + Send;

impl<H> Inbox<H> {
    pub(crate) fn new() -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { letters: Mutex::default(), bell })
    }

    pub(crate) fn put(&self, letter: Letter<H>) {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.push(letter);
        // Who finds others there need not ring: the worker takes all of them.
        if letters.len() == 1 {
            drop(letters);
            // A counter of 64 bits is never full.
            let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
        }
    }

    pub(crate) fn take(&self) -> Vec<Letter<H>> {
        std::mem::take(&mut *self.letters.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<H> AsFd for Inbox<H> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

/// Gives a connection its turn when an answer that was promised goes on. It may be called from any
/// thread.
struct Kept<H> {
    key: Key,
    exchange: ExchangeId,
    inbox: Arc<Inbox<H>>,
}

impl<H> Wake for Kept<H> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Nobody reads it when the worker has ended, and then nobody waits.
        self.inbox.put(Letter::Due(self.key, self.exchange));
    }
}

/// What wakes an exchange of the connection at `key`, by way of its worker's inbox.
pub(crate) fn waker<H: 'static>(key: Key, exchange: ExchangeId, inbox: &Arc<Inbox<H>>) -> Waker {
    Arc::new(Kept { key, exchange, inbox: Arc::clone(inbox) }).into()
}
