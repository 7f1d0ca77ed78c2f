use std::io;
use std::os::fd::BorrowedFd;

use base::TxBuf;
use phys::Device;

/// What a device is to a stack: frames go in and come out.
pub trait Port: Send {
    /// What it can do.
    fn device(&self) -> Device;

    /// What becomes readable when a frame waits.
    fn fd(&self) -> BorrowedFd<'_>;

    /// Reads the next frame into `into`; how long it is, or nothing if none waits.
    ///
    /// # Errors
    /// What the device says.
    fn receive(&mut self, into: &mut [u8]) -> io::Result<Option<usize>>;

    /// Writes a frame. What the device cannot take now is lost, as on any link.
    ///
    /// # Errors
    /// What the device says; [`io::ErrorKind::WouldBlock`] if it is full.
    fn send(&mut self, frame: &TxBuf) -> io::Result<()>;
}
