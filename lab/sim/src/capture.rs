use base::Instant;
use phys::{Medium, pcapng};

/// What went over all cables, as a pcapng file.
#[derive(Debug)]
pub struct Capture {
    bytes: Vec<u8>,
    interfaces: u32,
}

impl Capture {
    /// Nothing seen yet.
    pub fn new() -> Self {
        let mut bytes = Vec::new();
        pcapng::write_section(&mut bytes);
        Self { bytes, interfaces: 0 }
    }

    /// Describes another interface; its number.
    pub fn add_interface(&mut self, name: &str) -> u32 {
        pcapng::write_interface(&mut self.bytes, Medium::Ethernet, name);
        self.interfaces += 1;
        self.interfaces - 1
    }

    /// A frame leaves an interface.
    pub fn add_frame(&mut self, interface: u32, at: Instant, frame: &[u8]) {
        pcapng::write_packet(&mut self.bytes, interface, at.as_nanos(), frame, "");
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Default for Capture {
    fn default() -> Self {
        Self::new()
    }
}
