//! Captures: frames ⇄ bytes of a pcapng file, which Wireshark and tcpdump read.
//! (draft-ietf-opsawg-pcapng)
//!
//! A file is a row of blocks, each with its type and length on both sides. We write one section with
//! little-endian numbers and times in nanoseconds, and read what anybody writes, in both orders.

use base::Malformed;

use crate::device::Medium;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const SIMPLE_PACKET: u32 = 3;
const PACKET: u32 = 6;
const SECRETS: u32 = 10;

/// What tells the order of bytes.
const MAGIC: u32 = 0x1a2b_3c4d;

/// The secrets of TLS, as `SSLKEYLOGFILE` has them ("TLSK").
const TLS_KEY_LOG: u32 = 0x544c_534b;

const OPTION_END: u16 = 0;
const OPTION_COMMENT: u16 = 1;
const OPTION_IF_NAME: u16 = 2;
const OPTION_IF_TSRESOL: u16 = 9;

/// Link types. (https://www.tcpdump.org/linktypes.html)
const LINK_ETHERNET: u16 = 1;
const LINK_RAW_IP: u16 = 101;

/// The longest block that is read: a frame of 64 KiB with options is far shorter.
const BLOCK_LEN_MAX: usize = 1 << 20;

/// How a file begins.
pub fn write_section(out: &mut Vec<u8>) {
    block(out, SECTION, |body| {
        body.extend(MAGIC.to_le_bytes());
        body.extend([1, 0, 0, 0]); // version 1.0
        body.extend(u64::MAX.to_le_bytes()); // nobody knows how long the section will be
    });
}

/// Describes an interface; the first has the number 0.
pub fn write_interface(out: &mut Vec<u8>, medium: Medium, name: &str) {
    let link = match medium {
        Medium::Ethernet => LINK_ETHERNET,
        Medium::Ip => LINK_RAW_IP,
    };
    block(out, INTERFACE, |body| {
        body.extend(link.to_le_bytes());
        body.extend([0; 2]);
        body.extend(0u32.to_le_bytes()); // frames are not cut
        option(body, OPTION_IF_NAME, name.as_bytes());
        option(body, OPTION_IF_TSRESOL, &[9]); // 10⁻⁹ s
        option(body, OPTION_END, &[]);
    });
}

/// A frame that was seen at an interface, `nanos` after 1970. A comment may be empty.
pub fn write_packet(out: &mut Vec<u8>, interface: u32, nanos: u64, frame: &[u8], comment: &str) {
    block(out, PACKET, |body| {
        body.extend(interface.to_le_bytes());
        body.extend(((nanos >> 32) as u32).to_le_bytes());
        body.extend((nanos as u32).to_le_bytes());
        body.extend((frame.len() as u32).to_le_bytes());
        body.extend((frame.len() as u32).to_le_bytes());
        body.extend(frame);
        pad(body);
        if !comment.is_empty() {
            option(body, OPTION_COMMENT, comment.as_bytes());
            option(body, OPTION_END, &[]);
        }
    });
}

/// Secrets of TLS sessions in the frames that follow, in the form of a key log.
pub fn write_tls_secrets(out: &mut Vec<u8>, key_log: &[u8]) {
    block(out, SECRETS, |body| {
        body.extend(TLS_KEY_LOG.to_le_bytes());
        body.extend((key_log.len() as u32).to_le_bytes());
        body.extend(key_log);
        pad(body);
    });
}

fn block(out: &mut Vec<u8>, kind: u32, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend(kind.to_le_bytes());
    out.extend([0; 4]);
    write(out);
    let len = ((out.len() - start + 4) as u32).to_le_bytes();
    out.extend(len);
    if let Some(place) = out.get_mut(start + 4..start + 8) {
        place.copy_from_slice(&len);
    }
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..0xffff).unwrap_or(value);
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

/// Blocks begin at multiples of four, so the file's length will do.
fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

/// A frame of a capture.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Packet<'a> {
    /// At which interface of its section it was seen.
    pub interface: u32,
    /// What that interface carries; nothing, if it is neither Ethernet nor IP.
    pub medium: Option<Medium>,
    /// When, in nanoseconds after 1970; 0 if the capture does not say.
    pub nanos: u64,
    /// As much of the frame as was kept.
    pub frame: &'a [u8],
    /// How long it was.
    pub len: usize,
}

/// Reads the frames of a capture, one after another; other blocks are passed over.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    is_big_endian: bool,
    interfaces: Vec<Interface>,
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    medium: Option<Medium>,
    /// How many of a time's units make a second.
    units_per_second: u64,
}

/// How many interfaces a section may describe.
const INTERFACES_MAX: usize = 1024;

impl<'a> Reader<'a> {
    /// Reads `file`.
    ///
    /// # Errors
    /// When it does not begin as a pcapng file does.
    pub fn new(file: &'a [u8]) -> Result<Self, Malformed> {
        match file.first_chunk() {
            Some(kind) if u32::from_le_bytes(*kind) == SECTION => {
                Ok(Self { rest: file, is_big_endian: false, interfaces: Vec::new() })
            }
            _ => Err(Malformed::new("not a pcapng file")),
        }
    }

    fn next_block(&mut self) -> Result<Option<(u32, &'a [u8])>, Malformed> {
        const SHORT: Malformed = Malformed::new("a block of the capture is cut short");
        if self.rest.is_empty() {
            return Ok(None);
        }
        let kind = self.u32_at(self.rest, 0).ok_or(SHORT)?;
        if kind == SECTION {
            // The order of bytes is known only now.
            let magic = self.rest.get(8..).and_then(|b| b.first_chunk()).ok_or(SHORT)?;
            self.is_big_endian = u32::from_be_bytes(*magic) == MAGIC;
            self.interfaces.clear();
        }
        let len = self.u32_at(self.rest, 4).ok_or(SHORT)? as usize;
        if !(12..=BLOCK_LEN_MAX).contains(&len) || !len.is_multiple_of(4) {
            return Err(Malformed::new("the length of a block of the capture"));
        }
        let (block, rest) = self.rest.split_at_checked(len).ok_or(SHORT)?;
        self.rest = rest;
        Ok(Some((kind, block.get(8..len - 4).ok_or(SHORT)?)))
    }

    fn interface(&self, body: &[u8]) -> Option<Interface> {
        let medium = match self.u16_at(body, 0)? {
            LINK_ETHERNET => Some(Medium::Ethernet),
            LINK_RAW_IP | 228 | 229 => Some(Medium::Ip),
            _ => None,
        };
        let mut units_per_second = 1_000_000;
        let mut options = body.get(8..)?;
        while let (Some(code), Some(len)) = (self.u16_at(options, 0), self.u16_at(options, 2)) {
            let value = options.get(4..4 + usize::from(len))?;
            if let (OPTION_IF_TSRESOL, [resolution]) = (code, value) {
                let power = u32::from(resolution & 0x7f);
                let base = if resolution & 0x80 == 0 { 10u64 } else { 2 };
                units_per_second = base.checked_pow(power)?;
            }
            options = options.get(4 + usize::from(len).next_multiple_of(4)..).unwrap_or_default();
        }
        Some(Interface { medium, units_per_second })
    }

    fn packet(&self, body: &'a [u8]) -> Option<Packet<'a>> {
        let interface = self.u32_at(body, 0)?;
        let time = u64::from(self.u32_at(body, 4)?) << 32 | u64::from(self.u32_at(body, 8)?);
        let (kept, len) = (self.u32_at(body, 12)? as usize, self.u32_at(body, 16)? as usize);
        let known = self.interfaces.get(interface as usize)?;
        let nanos = u128::from(time) * 1_000_000_000 / u128::from(known.units_per_second);
        let frame = body.get(20..)?.get(..kept)?;
        Some(Packet { interface, medium: known.medium, nanos: nanos as u64, frame, len })
    }

    fn simple_packet(&self, body: &'a [u8]) -> Option<Packet<'a>> {
        let len = self.u32_at(body, 0)? as usize;
        let bytes = body.get(4..)?;
        let frame = bytes.get(..len).unwrap_or(bytes);
        let medium = self.interfaces.first()?.medium;
        Some(Packet { interface: 0, medium, nanos: 0, frame, len })
    }

    fn u32_at(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(if self.is_big_endian {
            u32::from_be_bytes(*bytes)
        } else {
            u32::from_le_bytes(*bytes)
        })
    }

    fn u16_at(&self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(if self.is_big_endian {
            u16::from_be_bytes(*bytes)
        } else {
            u16::from_le_bytes(*bytes)
        })
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Packet<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let wrong = |what| Some(Err(Malformed::new(what)));
        loop {
            let (kind, body) = match self.next_block() {
                Ok(block) => block?,
                Err(malformed) => {
                    // Where the next block begins is anybody's guess.
                    self.rest = &[];
                    return Some(Err(malformed));
                }
            };
            match kind {
                INTERFACE => match self.interface(body) {
                    Some(interface) if self.interfaces.len() < INTERFACES_MAX => {
                        self.interfaces.push(interface);
                    }
                    _ => return wrong("an interface of the capture"),
                },
                PACKET => match self.packet(body) {
                    Some(packet) => return Some(Ok(packet)),
                    None => return wrong("a packet of the capture"),
                },
                SIMPLE_PACKET => match self.simple_packet(body) {
                    Some(packet) => return Some(Ok(packet)),
                    None => return wrong("a packet of the capture"),
                },
                _ => {}
            }
        }
    }
}
