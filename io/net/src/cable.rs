use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use base::TxBuf;
use phys::{Device, Medium, Port, Received};
use rustix::event::{EventfdFlags, eventfd};

/// How many frames may lie on the cable; what comes then is lost.
const FRAMES_MAX: usize = 1024;

/// A cable between two stacks of this process; both its ends.
///
/// # Errors
/// When the system has no more descriptors.
pub fn cable(mtu: usize) -> io::Result<(Cable, Cable)> {
    let (a, b) = (Arc::new(Direction::new()?), Arc::new(Direction::new()?));
    let end = |to: &Arc<Direction>, from: &Arc<Direction>| Cable {
        to: Arc::clone(to),
        from: Arc::clone(from),
        mtu,
    };
    Ok((end(&a, &b), end(&b, &a)))
}

/// One end of a [`cable`].
#[derive(Debug)]
pub struct Cable {
    to: Arc<Direction>,
    from: Arc<Direction>,
    mtu: usize,
}

#[derive(Debug)]
struct Direction {
    frames: Mutex<VecDeque<Vec<u8>>>,
    /// Readable as long as there are frames.
    bell: OwnedFd,
}

impl Direction {
    fn new() -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self { frames: Mutex::new(VecDeque::new()), bell })
    }
}

impl Port for Cable {
    fn device(&self) -> Device {
        Device::plain(Medium::Ethernet, self.mtu)
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.from.bell.as_fd()
    }

    fn receive(&mut self, into: &mut [u8]) -> io::Result<Option<Received>> {
        let mut frames = self.from.frames.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(frame) = frames.pop_front() else {
            // The bell is reset under the lock, so no ring is lost.
            let _ = rustix::io::read(&self.from.bell, &mut [0; 8]);
            return Ok(None);
        };
        let len = frame.len().min(into.len());
        if let (Some(place), Some(frame)) = (into.get_mut(..len), frame.get(..len)) {
            place.copy_from_slice(frame);
        }
        Ok(Some(Received::plain(len)))
    }

    fn send(&mut self, frame: &TxBuf) -> io::Result<()> {
        let mut frames = self.to.frames.lock().unwrap_or_else(PoisonError::into_inner);
        if frames.len() >= FRAMES_MAX {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        frames.push_back(frame.as_slice().to_vec());
        if frames.len() == 1 {
            rustix::io::write(&self.to.bell, &1u64.to_ne_bytes())?;
        }
        Ok(())
    }
}
