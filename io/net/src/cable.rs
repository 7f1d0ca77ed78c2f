use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use base::TxBuf;
use phys::{Device, Medium, Port, Received, RxChecksum};
use rustix::event::{EventfdFlags, eventfd};

use crate::config::{PortConfig, offloading};

/// How many frames may lie on the cable; what comes then is lost.
const FRAMES_MAX: usize = 1024;

/// How much memory of frames that have arrived is kept for the next: 64 × 64 KiB are 4 MiB.
const SPARE_MAX: usize = 64;

/// A cable between two stacks of this process; both its ends.
///
/// It is memory, and damages nothing: with offloads, checksums stay open, and super-segments whole.
///
/// # Errors
/// When the system has no more descriptors.
pub fn cable(config: PortConfig) -> io::Result<(Cable, Cable)> {
    let (a, b) = (Arc::new(Direction::new()?), Arc::new(Direction::new()?));
    let plain = Device::plain(Medium::Ethernet, config.mtu);
    let device = if config.has_offloads { offloading(plain) } else { plain };
    let end = |to: &Arc<Direction>, from: &Arc<Direction>| Cable {
        to: Arc::clone(to),
        from: Arc::clone(from),
        device,
    };
    Ok((end(&a, &b), end(&b, &a)))
}

/// One end of a [`cable`].
#[derive(Debug)]
pub struct Cable {
    to: Arc<Direction>,
    from: Arc<Direction>,
    device: Device,
}

#[derive(Debug)]
struct Direction {
    frames: Mutex<Frames>,
    /// Readable as long as there are frames.
    bell: OwnedFd,
}

#[derive(Debug, Default)]
struct Frames {
    waiting: VecDeque<(Vec<u8>, Received)>,
    /// Memory to be used again.
    spare: Vec<Vec<u8>>,
}

impl Direction {
    fn new() -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self { frames: Mutex::default(), bell })
    }
}

impl Port for Cable {
    fn device(&self) -> Device {
        self.device
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.from.bell.as_fd()
    }

    fn receive(&mut self, into: &mut [u8]) -> io::Result<Option<Received>> {
        let mut frames = self.from.frames.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((frame, received)) = frames.waiting.pop_front() else {
            // The bell is reset under the lock, so no ring is lost.
            let _ = rustix::io::read(&self.from.bell, &mut [0; 8]);
            return Ok(None);
        };
        let len = frame.len().min(into.len());
        if let (Some(place), Some(bytes)) = (into.get_mut(..len), frame.get(..len)) {
            place.copy_from_slice(bytes);
        }
        if frames.spare.len() < SPARE_MAX {
            frames.spare.push(frame);
        }
        Ok(Some(Received { len, ..received }))
    }

    fn send(&mut self, frame: &TxBuf) -> io::Result<()> {
        let mut frames = self.to.frames.lock().unwrap_or_else(PoisonError::into_inner);
        if frames.waiting.len() >= FRAMES_MAX {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let offload = frame.offload();
        let checksum = match offload.checksum {
            Some(_) => RxChecksum::Open,
            None => RxChecksum::Unverified,
        };
        let segmentation = offload.segmentation;
        let mut bytes = frames.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(frame.as_slice());
        frames.waiting.push_back((bytes, Received { len: frame.len(), checksum, segmentation }));
        if frames.waiting.len() == 1 {
            rustix::io::write(&self.to.bell, &1u64.to_ne_bytes())?;
        }
        Ok(())
    }
}
