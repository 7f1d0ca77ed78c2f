//! A hash that strangers cannot aim at: SipHash (Aumasson and Bernstein, 2012).
//!
//! The key is a secret of the worker, so nobody outside can choose inputs that fall together. The
//! same key gives the same hash everywhere, which `std`'s own (SipHash too) does not promise.

use std::hash::{BuildHasher, Hasher};

/// A secret of 128 bits, from whoever starts the program; in tests a constant.
#[derive(Clone, Copy)]
pub struct SipKey {
    k0: u64,
    k1: u64,
}

impl SipKey {
    /// The key that these bytes are.
    pub const fn new(bytes: [u8; 16]) -> Self {
        let bits = u128::from_le_bytes(bytes);
        Self { k0: bits as u64, k1: (bits >> 64) as u64 }
    }

    /// A key for another purpose, which says nothing of this one.
    pub fn derive(&self, purpose: &[u8]) -> Self {
        let half = |n: u8| {
            let mut hasher = SipHasher::<2, 4>::with_key(self);
            hasher.write(&[n]);
            hasher.write(purpose);
            hasher.finish()
        };
        Self { k0: half(0), k1: half(1) }
    }

    /// SipHash-2-4 of `bytes`: a pseudo-random function, as RFC 6528 §3 wants one.
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        let mut hasher = SipHasher::<2, 4>::with_key(self);
        hasher.write(bytes);
        hasher.finish()
    }
}

impl std::fmt::Debug for SipKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SipKey(secret)")
    }
}

/// Makes hashers for a table: SipHash-1-3, as `std`'s tables have it, under our own key.
impl BuildHasher for SipKey {
    type Hasher = SipHasher<1, 3>;

    #[inline]
    fn build_hasher(&self) -> Self::Hasher {
        SipHasher::with_key(self)
    }
}

/// A hash under way, of `C` rounds a word and `D` rounds at the end.
#[derive(Clone, Debug)]
pub struct SipHasher<const C: usize, const D: usize> {
    v: [u64; 4],
    /// Bytes that do not fill a word yet, the first lowest.
    tail: u64,
    len: u64,
}

impl<const C: usize, const D: usize> SipHasher<C, D> {
    #[inline]
    const fn with_key(key: &SipKey) -> Self {
        let v = [
            key.k0 ^ 0x736f_6d65_7073_6575,
            key.k1 ^ 0x646f_7261_6e64_6f6d,
            key.k0 ^ 0x6c79_6765_6e65_7261,
            key.k1 ^ 0x7465_6462_7974_6573,
        ];
        Self { v, tail: 0, len: 0 }
    }

    #[inline]
    fn rounds<const N: usize>(&mut self) {
        let [mut a, mut b, mut c, mut d] = self.v;
        for _ in 0..N {
            a = a.wrapping_add(b);
            b = b.rotate_left(13) ^ a;
            a = a.rotate_left(32);
            c = c.wrapping_add(d);
            d = d.rotate_left(16) ^ c;
            a = a.wrapping_add(d);
            d = d.rotate_left(21) ^ a;
            c = c.wrapping_add(b);
            b = b.rotate_left(17) ^ c;
            c = c.rotate_left(32);
        }
        self.v = [a, b, c, d];
    }

    #[inline]
    fn word(&mut self, word: u64) {
        self.v[3] ^= word;
        self.rounds::<C>();
        self.v[0] ^= word;
    }

    /// Adds the lowest `n` bytes of `value`, at most eight.
    #[inline]
    fn add(&mut self, value: u64, n: u32) {
        let held = (self.len % 8) as u32;
        self.len += u64::from(n);
        self.tail |= value << (8 * held);
        if held + n >= 8 {
            let full = self.tail;
            self.word(full);
            self.tail = value.checked_shr(8 * (8 - held)).unwrap_or(0);
        }
    }
}

impl<const C: usize, const D: usize> Hasher for SipHasher<C, D> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word), 8);
        }
        for byte in rest {
            self.add(u64::from(*byte), 1);
        }
    }

    #[inline]
    fn write_u8(&mut self, n: u8) {
        self.add(u64::from(n), 1);
    }

    #[inline]
    fn write_u16(&mut self, n: u16) {
        self.add(u64::from(n), 2);
    }

    #[inline]
    fn write_u32(&mut self, n: u32) {
        self.add(u64::from(n), 4);
    }

    #[inline]
    fn write_u64(&mut self, n: u64) {
        self.add(n, 8);
    }

    #[inline]
    fn write_usize(&mut self, n: usize) {
        self.add(n as u64, 8);
    }

    #[inline]
    fn finish(&self) -> u64 {
        let mut end = self.clone();
        end.word(self.tail | self.len << 56);
        end.v[2] ^= 0xff;
        end.rounds::<D>();
        end.v.iter().fold(0, |sum, v| sum ^ v)
    }
}
