//! The Internet checksum. (RFC 1071, RFC 1624)
//!
//! The sum is the same in either byte order if the result is turned back (RFC 1071 §2), so words
//! are added as they lie in memory, four bytes at a time into wide accumulators, and folded once at
//! the end. The compiler makes vector instructions of it.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The checksum of `bytes`; zero if they already hold their own. (RFC 1071 §1)
#[inline]
pub fn of(bytes: &[u8]) -> u16 {
    let mut sum = Sum::new();
    sum.add(bytes);
    sum.finish()
}

/// The checksum after a 16-bit word of what it covers has changed from `old` to `new`.
///
/// RFC 1624 §3: HC' = ~(~HC + ~m + m'), the form that never makes a zero of its own.
pub const fn update(checksum: u16, old: u16, new: u16) -> u16 {
    let sum = !checksum as u32 + !old as u32 + new as u32;
    let sum = (sum & 0xffff) + (sum >> 16);
    !((sum & 0xffff) + (sum >> 16)) as u16
}

/// A sum under way: over several slices, of any lengths, in order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    /// Words in memory order; below 2⁶³ for every packet that can exist.
    sum: u64,
    /// Whether an odd number of bytes has been added, so that the next one is the second of a word.
    is_odd: bool,
}

/// How many bytes one turn of the loop adds: eight accumulators of four bytes.
const BLOCK: usize = 32;

impl Sum {
    /// Nothing added yet.
    #[inline]
    pub const fn new() -> Self {
        Self { sum: 0, is_odd: false }
    }

    /// The pseudo header of IPv4: what stands before a segment or datagram of `len` bytes.
    /// (RFC 9293 §3.1, RFC 768)
    #[inline]
    pub fn pseudo_v4(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, len: usize) -> Self {
        let mut sum = Self::new();
        sum.add(&source.octets());
        sum.add(&destination.octets());
        sum.add_u16(u16::from(protocol));
        // RFC 2675 has no counterpart in IPv4; a super-segment's length is replaced by each piece's.
        sum.add_u16(len as u16);
        sum
    }

    /// The pseudo header of IPv6. (RFC 8200 §8.1)
    #[inline]
    pub fn pseudo_v6(source: Ipv6Addr, destination: Ipv6Addr, protocol: u8, len: usize) -> Self {
        let mut sum = Self::new();
        sum.add(&source.octets());
        sum.add(&destination.octets());
        sum.add(&(len as u32).to_be_bytes());
        sum.add_u16(u16::from(protocol));
        sum
    }

    /// Adds a word.
    ///
    /// # Panics
    /// In debug builds, after an odd number of bytes.
    #[inline]
    pub const fn add_u16(&mut self, word: u16) {
        debug_assert!(!self.is_odd, "a word begins at an even place");
        self.sum += u16::from_ne_bytes(word.to_be_bytes()) as u64;
    }

    /// Adds bytes behind what was added before.
    #[inline]
    pub fn add(&mut self, bytes: &[u8]) {
        let sum = sum_of(bytes);
        // RFC 1071 §2: what begins at an odd place counts with its bytes swapped.
        self.sum += if self.is_odd { u64::from(fold(sum).swap_bytes()) } else { sum };
        self.is_odd ^= bytes.len() % 2 == 1;
    }

    /// The checksum: the complement of the sum.
    #[inline]
    pub const fn finish(self) -> u16 {
        !self.folded()
    }

    /// The sum itself, in 16 bits: what stands in the checksum's place when a device is to add the
    /// rest and to complement it.
    #[inline]
    pub const fn folded(self) -> u16 {
        u16::from_be(fold(self.sum))
    }
}

/// The sum of `bytes` in memory order, an odd last byte as the first of a word.
fn sum_of(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let mut lanes = [0u64; BLOCK / 4];
    for block in blocks {
        let (words, _) = block.as_chunks::<4>();
        for (lane, word) in lanes.iter_mut().zip(words) {
            *lane += u64::from(u32::from_ne_bytes(*word));
        }
    }
    let mut sum: u64 = lanes.iter().sum();
    let (words, last) = rest.as_chunks::<2>();
    for word in words {
        sum += u64::from(u16::from_ne_bytes(*word));
    }
    if let [byte] = last {
        sum += u64::from(u16::from_ne_bytes([*byte, 0]));
    }
    sum
}

/// Adds the carries back until 16 bits are left.
#[inline]
const fn fold(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}
