use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use base::TxBuf;
use phys::{Device, Medium, Port, Received, RxChecksum};

use crate::config::{PortConfig, offloading};
use crate::letterbox::Letterbox;

/// A cable between two stacks of this process; both its ends.
///
/// It is memory, and damages nothing: with offloads, checksums stay open, and super-segments whole.
///
/// # Errors
/// When the system has no more descriptors.
pub fn cable(config: PortConfig) -> io::Result<(Cable, Cable)> {
    let (a, b) = (Arc::new(Letterbox::new()?), Arc::new(Letterbox::new()?));
    let plain = Device::plain(Medium::Ethernet, config.mtu);
    let device = if config.has_offloads { offloading(plain) } else { plain };
    let end = |to: &Arc<Letterbox>, from: &Arc<Letterbox>| Cable {
        to: Arc::clone(to),
        from: Arc::clone(from),
        device,
    };
    Ok((end(&a, &b), end(&b, &a)))
}

/// One end of a [`cable`].
#[derive(Debug)]
pub struct Cable {
    to: Arc<Letterbox>,
    from: Arc<Letterbox>,
    device: Device,
}

impl Port for Cable {
    fn device(&self) -> Device {
        self.device
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.from.fd()
    }

    fn receive(&mut self, into: &mut [u8]) -> io::Result<Option<Received>> {
        Ok(self.from.pop(into))
    }

    fn send(&mut self, frame: &TxBuf) -> io::Result<()> {
        let offload = frame.offload();
        let checksum = match offload.checksum {
            Some(_) => RxChecksum::Open,
            None => RxChecksum::Unverified,
        };
        let segmentation = offload.segmentation;
        self.to.push(frame.as_slice(), Received { len: frame.len(), checksum, segmentation })
    }
}
