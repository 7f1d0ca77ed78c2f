use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use phys::Received;
use rustix::event::{EventfdFlags, eventfd};

/// How many frames may wait, and how many bytes; what comes then is lost. Most are short; those that
/// came in parts are up to 64 KiB, and strangers can send them.
const FRAMES_MAX: usize = 1024;
const BYTES_MAX: usize = 4 << 20;

/// How much memory of frames that were taken is kept for the next: 64 × 64 KiB are 4 MiB.
const SPARE_MAX: usize = 64;

/// Frames on their way from one thread to another.
#[derive(Debug)]
pub(crate) struct Letterbox {
    frames: Mutex<Frames>,
    /// Readable as long as there are frames.
    bell: OwnedFd,
}

#[derive(Debug, Default)]
struct Frames {
    waiting: VecDeque<(Vec<u8>, Received)>,
    /// How many bytes these have.
    len: usize,
    /// Memory to be used again.
    spare: Vec<Vec<u8>>,
}

impl Letterbox {
    pub(crate) fn new() -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self { frames: Mutex::default(), bell })
    }

    /// What becomes readable when there is a frame.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// Puts a copy of a frame in, and what is known of it.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if it is full.
    pub(crate) fn push(&self, frame: &[u8], received: Received) -> io::Result<()> {
        let mut frames = self.lock();
        if frames.waiting.len() >= FRAMES_MAX || frames.len + frame.len() > BYTES_MAX {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut bytes = frames.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(frame);
        frames.len += frame.len();
        frames.waiting.push_back((bytes, received));
        if frames.waiting.len() == 1 {
            rustix::io::write(&self.bell, &1u64.to_ne_bytes())?;
        }
        Ok(())
    }

    /// Takes the frame that has waited longest.
    pub(crate) fn pop(&self, into: &mut [u8]) -> Option<Received> {
        let mut frames = self.lock();
        let Some((frame, received)) = frames.waiting.pop_front() else {
            // The bell is reset under the lock, so no ring is lost.
            let _ = rustix::io::read(&self.bell, &mut [0; 8]);
            return None;
        };
        frames.len -= frame.len();
        let len = frame.len().min(into.len());
        if let (Some(place), Some(bytes)) = (into.get_mut(..len), frame.get(..len)) {
            place.copy_from_slice(bytes);
        }
        if frames.spare.len() < SPARE_MAX {
            frames.spare.push(frame);
        }
        Some(Received { len, ..received })
    }

    fn lock(&self) -> MutexGuard<'_, Frames> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
