use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::JoinHandle;
use std::time::Duration;

use base::xray::Sink;
use base::{Cx, Instant, Mac};
use host::Host;
use phys::{Counts, FRAME_LEN_MAX};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

mod builder;
mod inner;

pub use builder::Builder;
pub(crate) use inner::Inner;

/// A network stack of our own, shared by everybody who has a socket on it.
///
/// It runs as long as there is one of these, or a socket.
#[derive(Clone)]
pub struct Stack(Arc<Handle>);

/// Why an address is ours no longer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Loss {
    /// Somebody else has it, too (RFC 5227 §2.4, RFC 4862 §5.4).
    Taken {
        /// The hardware address of who has it, if they said.
        by: Option<Mac>,
    },
    /// No router offers it any more: its lifetime is over (RFC 4862 §5.5.4).
    NotOffered,
}

/// Ends the thread when nobody is left.
struct Handle {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

pub(crate) struct Shared {
    inner: Mutex<Inner>,
    /// Wakes the thread.
    bell: OwnedFd,
    /// How long the thread looks for frames before it sleeps.
    busy_poll: Duration,
    stops: AtomicBool,
}

impl Stack {
    /// Does something with the host, and sends what comes of it.
    pub fn with<T>(&self, run: impl FnOnce(&mut Cx<'_>, &mut Host) -> T) -> T {
        self.inner(|inner| {
            let (mut cx, host) = inner.parts();
            run(&mut cx, host)
        })
    }

    /// Has `sink` see what every layer says from now on, if somebody watches it (`base::xray::watch`).
    /// It is called by whoever uses the stack, with its lock held, and must not use it.
    pub fn watched_by(&self, sink: impl Sink + Send + 'static) {
        self.0.shared.lock().sink = Some(Box::new(sink));
    }

    /// Has `hear` told of each address that is ours no longer, those before this call included: which, and
    /// why. It is called with the stack's lock held, and must not use it.
    pub fn hear_losses(&self, hear: impl FnMut(IpAddr, Loss) + Send + 'static) {
        self.0.shared.lock().hear_losses(Box::new(hear));
    }

    /// What went over all ports so far.
    pub fn counts(&self) -> Counts {
        self.0.shared.lock().outlet.counts
    }

    /// Asks `to` whether it is there, with `data`; how long the answer took.
    ///
    /// # Errors
    /// When a router, or we, say that it cannot be reached. It waits for ever otherwise: who asks has
    /// a time limit.
    pub async fn ping(&self, to: IpAddr, data: &[u8]) -> io::Result<Duration> {
        let asked = self.inner(|inner| inner.ask(to, data))?;
        let waits = Waits { stack: self, asked };
        std::future::poll_fn(|cx| waits.stack.inner(|inner| inner.poll_ping(asked, cx))).await
    }

    /// Does something under the lock, and sends what comes of it.
    pub(crate) fn inner<T>(&self, run: impl FnOnce(&mut Inner) -> T) -> T {
        let shared = &self.0.shared;
        let mut inner = shared.lock();
        let result = run(&mut inner);
        inner.transmit();
        // The thread sleeps until a deadline that may be too late now.
        let is_early = inner.host.poll_timeout().is_some_and(|next| next < inner.sleeps_until);
        let woken = std::mem::take(&mut inner.woken);
        drop(inner);
        woken.into_iter().for_each(Waker::wake);
        if is_early {
            shared.ring();
        }
        result
    }
}

/// A question is forgotten when nobody waits for its answer.
struct Waits<'a> {
    stack: &'a Stack,
    asked: (u16, u16),
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.stack.0.shared.lock().forget_ping(self.asked);
    }
}

impl std::fmt::Debug for Stack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stack")
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::Release);
        self.shared.ring();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }

    /// Waits for devices and deadlines, for as long as somebody has the stack.
    fn run(&self) {
        let mut frame = vec![0; FRAME_LEN_MAX];
        let fds: Vec<OwnedFd> = {
            let inner = self.lock();
            let fds = inner.ports.iter().map(|(_, port)| port.fd().try_clone_to_owned());
            // A port that cannot be waited for is looked at with every deadline.
            fds.flatten().collect()
        };
        while !self.stops.load(Ordering::Acquire) {
            let next = self.turn(&mut frame);
            self.wait(&fds, next);
        }
    }

    /// Does all that can be done now; until when nothing else need be.
    fn turn(&self, frame: &mut [u8]) -> Instant {
        loop {
            let mut inner = self.lock();
            let is_more = inner.receive(frame);
            inner.pass_time();
            inner.transmit();
            if !is_more {
                inner.sleeps_until = inner.host.poll_timeout().unwrap_or(Instant::NEVER);
            }
            let (until, woken) = (inner.sleeps_until, std::mem::take(&mut inner.woken));
            drop(inner);
            woken.into_iter().for_each(Waker::wake);
            if !is_more {
                return until;
            }
        }
    }

    fn wait(&self, fds: &[OwnedFd], until: Instant) {
        let all = fds.iter().map(AsFd::as_fd).chain([self.bell.as_fd()]);
        let mut polled: Vec<_> =
            all.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        let left = (until != Instant::NEVER).then(|| until.since(self.lock().clock.now()));
        if !self.looks_busily(&mut polled, left) {
            // What is too long for the kernel's clock is never.
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            let _ = poll(&mut polled, left.as_ref());
        }
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
        self.lock().sleeps_until = Instant::ORIGIN;
    }

    /// Looks for news without sleeping, for as long as it may; whether there are some, or `left` is
    /// over.
    fn looks_busily(&self, polled: &mut [PollFd<'_>], left: Option<Duration>) -> bool {
        if self.busy_poll.is_zero() {
            return false;
        }
        let began = std::time::Instant::now();
        loop {
            let time = began.elapsed();
            if left.is_some_and(|left| time >= left) {
                return true;
            }
            if time >= self.busy_poll {
                return false;
            }
            if poll(polled, Some(&Timespec::default())).is_ok_and(|news| news > 0) {
                return true;
            }
        }
    }
}
