use std::io;
use std::os::fd::BorrowedFd;

use base::{Cx, Segmentation, TxBuf};

use crate::cut::cut;
use crate::{Device, RxChecksum, RxFrame, Seen, Why};

/// The longest frame that is read: the header of a link with a tag, that of IPv6, which does not count
/// itself, and what that can carry.
pub const FRAME_LEN_MAX: usize = 18 + 40 + 65_535;

/// What a device is to whoever drives a stack: frames go in and come out. The devices themselves are
/// in `io/`.
pub trait Port: Send {
    /// What it can do.
    fn device(&self) -> Device;

    /// What becomes readable when a frame waits.
    fn fd(&self) -> BorrowedFd<'_>;

    /// Reads the next frame into `into`; what is known of it, or nothing if none waits.
    ///
    /// # Errors
    /// What the device says.
    fn receive(&mut self, into: &mut [u8]) -> io::Result<Option<Received>>;

    /// Writes a frame. What the device cannot take now is lost, as on any link.
    ///
    /// # Errors
    /// What the device says; [`io::ErrorKind::WouldBlock`] if it is full.
    fn send(&mut self, frame: &TxBuf) -> io::Result<()>;
}

impl<P: Port + ?Sized> Port for Box<P> {
    fn device(&self) -> Device {
        (**self).device()
    }

    fn fd(&self) -> BorrowedFd<'_> {
        (**self).fd()
    }

    fn receive(&mut self, into: &mut [u8]) -> io::Result<Option<Received>> {
        (**self).receive(into)
    }

    fn send(&mut self, frame: &TxBuf) -> io::Result<()> {
        (**self).send(frame)
    }
}

/// What went over ports.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Frames that came in.
    pub received: u64,
    /// Frames that went out.
    pub sent: u64,
    /// Frames that a device did not take.
    pub lost: u64,
}

/// The way out over ports, and what went over it: does in software what a device cannot, so that a
/// stack may leave to each what [`Device::with_software`] says.
#[derive(Debug, Default)]
pub struct Outlet {
    /// What went over all ports so far.
    pub counts: Counts,
    /// A packet that was cut off.
    piece: TxBuf,
}

impl Outlet {
    /// Nothing sent yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends a frame over `port`, which the x-ray calls by `number`; cuts it before if the device does
    /// not.
    pub fn send(&mut self, cx: &mut Cx<'_>, number: u32, port: &mut dyn Port, frame: &mut TxBuf) {
        let device = port.device();
        if frame.offload().segmentation.is_none_or(|cut| device.cuts(cut.kind)) {
            device.finish(frame);
            return self.counts.send(cx, number, port, frame);
        }
        let Self { counts, piece } = self;
        cut(frame, device.medium, piece, |piece| {
            device.finish(piece);
            counts.send(cx, number, port, piece);
        });
    }
}

impl Counts {
    /// Counts a frame that is sent, and says why if the device did not take it.
    fn send(&mut self, cx: &mut Cx<'_>, number: u32, port: &mut dyn Port, frame: &TxBuf) {
        self.sent += 1;
        if let Err(error) = port.send(frame) {
            self.lost += 1;
            let why = match (error.kind(), error.raw_os_error()) {
                (io::ErrorKind::WouldBlock, _) | (_, None) => Why::DeviceFull,
                (_, Some(error)) => Why::DeviceRefused(error),
            };
            cx.note(|| Seen::Lost { port: number, len: frame.len(), why });
        }
    }
}

/// What is known of a frame that was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Received {
    /// How long it is, in bytes.
    pub len: usize,
    /// Whether somebody has looked at its checksum.
    pub checksum: RxChecksum,
    /// If it was merged from several.
    pub segmentation: Option<Segmentation>,
}

impl Received {
    /// A frame of which only the length is known.
    pub const fn plain(len: usize) -> Self {
        Self { len, checksum: RxChecksum::Unverified, segmentation: None }
    }

    /// The frame, which lies at the beginning of `buffer`.
    pub fn frame<'a>(&self, buffer: &'a [u8]) -> RxFrame<'a> {
        let bytes = buffer.get(..self.len).unwrap_or(buffer);
        RxFrame { bytes, checksum: self.checksum, segmentation: self.segmentation }
    }
}
