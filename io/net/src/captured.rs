use std::io::{self, Write};
use std::os::fd::BorrowedFd;
use std::time::SystemTime;

use base::TxBuf;
use phys::{Device, Port, Received, pcapng};

/// A port whose frames are also written to a capture, in the form of pcapng.
#[derive(Debug)]
pub struct Captured<P, W> {
    port: P,
    to: W,
    block: Vec<u8>,
}

impl<P: Port, W: Write + Send> Captured<P, W> {
    /// Writes what goes over `port` to `to`, under this name.
    ///
    /// # Errors
    /// What `to` says about the first bytes. Later ones that cannot be written are left out: a
    /// full disk is no reason to lose frames.
    pub fn new(port: P, name: &str, mut to: W) -> io::Result<Self> {
        let mut block = Vec::new();
        pcapng::write_section(&mut block);
        pcapng::write_interface(&mut block, port.device().medium, name);
        to.write_all(&block)?;
        Ok(Self { port, to, block })
    }

    fn write(&mut self, frame: &[u8]) {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.block.clear();
        pcapng::write_packet(&mut self.block, 0, since.as_nanos() as u64, frame, "");
        let _ = self.to.write_all(&self.block);
    }
}

impl<P: Port, W: Write + Send> Port for Captured<P, W> {
    fn device(&self) -> Device {
        self.port.device()
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.port.fd()
    }

    fn receive(&mut self, into: &mut [u8]) -> io::Result<Option<Received>> {
        let received = self.port.receive(into)?;
        if let Some(frame) = received.map(|received| received.frame(into).bytes) {
            self.write(frame);
        }
        Ok(received)
    }

    fn send(&mut self, frame: &TxBuf) -> io::Result<()> {
        self.write(frame.as_slice());
        self.port.send(frame)
    }
}
