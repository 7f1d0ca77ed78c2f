//! The Huffman code of RFC 7541 Appendix B, both ways.
//!
//! It is canonical: sorted by length, and by symbol where lengths are equal, the codes count upwards.
//! So the lengths are all there is to know, and every table here is made of them when this file is
//! compiled.

use crate::Why;

/// How long each symbol's code is, in bits; the last one is end-of-string (RFC 7541 Appendix B).
#[rustfmt::skip]
pub(crate) const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

/// The shortest and the longest codes, in bits.
const SHORTEST: usize = 5;
const LONGEST: usize = 30;

/// The code of each byte, in the lowest bits.
pub(crate) static CODES: [u32; 257] = CANONICAL.codes;

/// What follows from the lengths.
const CANONICAL: Canonical = Canonical::new();

/// The code, seen from its lengths.
struct Canonical {
    codes: [u32; 257],
    /// The symbols in the order of their codes.
    symbols: [u16; 257],
    /// By length: where the symbols with codes of this length begin.
    begins: [u16; LONGEST + 1],
    /// By length: the first code of this length, moved up to the highest of 32 bits.
    firsts: [u32; LONGEST + 1],
    /// By length: what is behind the last code of this length, in the same way.
    ends: [u64; LONGEST + 1],
}

#[allow(clippy::indexing_slicing, reason = "it runs when this file is compiled")]
impl Canonical {
    const fn new() -> Self {
        let mut this = Self {
            codes: [0; 257],
            symbols: [0; 257],
            begins: [0; LONGEST + 1],
            firsts: [0; LONGEST + 1],
            ends: [0; LONGEST + 1],
        };
        let (mut code, mut known, mut len) = (0_u64, 0_u16, 1);
        while len <= LONGEST {
            code <<= 1;
            this.begins[len] = known;
            this.firsts[len] = (code << (32 - len)) as u32;
            let mut symbol = 0;
            while symbol < LENGTHS.len() {
                if LENGTHS[symbol] as usize == len {
                    this.codes[symbol] = code as u32;
                    this.symbols[known as usize] = symbol as u16;
                    code += 1;
                    known += 1;
                }
                symbol += 1;
            }
            this.ends[len] = code << (32 - len);
            len += 1;
        }
        // Every sequence of bits is the beginning of some code.
        assert!(code == 1 << LONGEST);
        this
    }

    /// The symbol whose code the highest of 32 bits are, and how many of them: `shortest` at least.
    const fn find(&self, bits: u32, shortest: usize) -> (u16, u8) {
        let mut len = shortest;
        while bits as u64 >= self.ends[len] {
            len += 1;
        }
        let nth = (bits - self.firsts[len]) >> (32 - len);
        (self.symbols[self.begins[len] as usize + nth as usize], len as u8)
    }
}

/// How many bits are looked up at a time. Most text is made of codes of 5 to 7 bits, so that two
/// symbols are often found in one step; the table has 16 KiB, of which text touches a small part.
const STEP: u32 = 12;

/// How many steps are made without a look at how many bits are left: 48 of at least 56.
const STEPS_AT_ONCE: u32 = 4;

/// What the next bits begin with, in one word: in the lower half one or two symbols with short codes,
/// the first one lowest; above it how many bits their codes have, and how many bits of text they are.
/// 0 stands for a code that is longer than a step.
#[derive(Clone, Copy)]
struct Step(u32);

impl Step {
    const fn new([a, b]: [u8; 2], len: u8, count: u8) -> Self {
        Self(u32::from_le_bytes([a, b, len, count * 8]))
    }

    const fn is_long(self) -> bool {
        self.0 == 0
    }

    /// One symbol or two, the place of the other being 0.
    const fn text(self) -> u64 {
        (self.0 & 0xffff) as u64
    }

    const fn text_bits(self) -> u32 {
        self.0 >> 24
    }

    const fn len(self) -> u32 {
        self.0 >> 16 & 0xff
    }
}

/// By the next [`STEP`] bits.
#[allow(clippy::indexing_slicing, reason = "it runs when this file is compiled")]
static STEPS: [Step; 1 << STEP] = {
    let mut steps = [Step(0); 1 << STEP];
    let mut bits = 0;
    while bits < steps.len() {
        let window = (bits as u32) << (32 - STEP);
        let (first, first_len) = CANONICAL.find(window, SHORTEST);
        if first_len as u32 <= STEP {
            let (second, second_len) = CANONICAL.find(window << first_len, SHORTEST);
            let both = first_len + second_len;
            steps[bits] = if both as u32 <= STEP {
                Step::new([first as u8, second as u8], both, 2)
            } else {
                Step::new([first as u8, 0], first_len, 1)
            };
        }
        bits += 1;
    }
    steps
};

/// Long codes are rare, and are found by their length.
static LONG: Canonical = CANONICAL;

/// How many bytes the code of `text` takes, with its padding.
#[inline]
pub(crate) fn coded_len(text: &[u8]) -> usize {
    let len_of =
        |&byte: &u8| LENGTHS_OF_BYTES.get(usize::from(byte)).map_or(0, |&len| usize::from(len));
    text.iter().map(len_of).sum::<usize>().div_ceil(8)
}

/// [`LENGTHS`] in memory.
static LENGTHS_OF_BYTES: [u8; 257] = LENGTHS;

/// Appends the code of `text`, padded with ones to whole bytes (RFC 7541 §5.2).
pub(crate) fn encode(text: &[u8], out: &mut Vec<u8>) {
    // The lowest `held` bits are still to be written; below 32 of them, so that any code fits.
    let (mut bits, mut held) = (0_u64, 0_u32);
    for &byte in text {
        let at = usize::from(byte);
        let (Some(&code), Some(&len)) = (CODES.get(at), LENGTHS_OF_BYTES.get(at)) else { continue };
        bits = bits << len | u64::from(code);
        held += u32::from(len);
        if held >= 32 {
            held -= 32;
            out.extend_from_slice(&((bits >> held) as u32).to_be_bytes());
        }
    }
    // RFC 7541 §5.2: the padding is the beginning of end-of-string, which is ones.
    let aligned = (bits << 32 | 0xffff_ffff) >> held;
    let padded = (aligned as u32).to_be_bytes();
    out.extend(padded.iter().take(held.div_ceil(8) as usize));
}

/// Appends the text whose code `coded` is (RFC 7541 §5.2).
pub(crate) fn decode(coded: &[u8], out: &mut Vec<u8>) -> Result<(), Why> {
    let begin = out.len();
    // The shortest codes have 5 bits; eight places are written at a time.
    out.resize(begin + coded.len() * 8 / SHORTEST + 8, 0);
    let places = out.get_mut(begin..).unwrap_or_default();
    let written = Decoding { bits: Bits::new(coded), places, at: 0 }.run();
    out.truncate(begin + written.unwrap_or(0));
    written.map(drop)
}

/// A string on its way out of its code.
struct Decoding<'a, 'b> {
    bits: Bits<'a>,
    places: &'b mut [u8],
    /// How many symbols have been found.
    at: usize,
}

impl Decoding<'_, '_> {
    fn run(mut self) -> Result<usize, Why> {
        loop {
            self.bits.refill();
            let is_short = self.steps();
            // RFC 7541 §5.2: behind the end there are only ones. A short code that needs some of them
            // begins with something else, and that is no padding.
            if self.bits.held < 0 {
                return Err(Why::PaddingNotOnes);
            }
            if !is_short && !self.long_code()? {
                return self.bits.check_padding().map(|()| self.at);
            }
        }
    }

    /// Some steps; says whether they came to no long code.
    #[inline(always)]
    fn steps(&mut self) -> bool {
        let (mut text, mut text_bits) = (0, 0);
        let mut is_short = true;
        for _ in 0..STEPS_AT_ONCE {
            let step = self.bits.step();
            if step.is_long() {
                is_short = false;
                break;
            }
            text |= step.text() << text_bits;
            text_bits += step.text_bits();
            self.bits.drop(step.len());
        }
        self.put(text, text_bits as usize / 8);
        is_short
    }

    /// A code that is longer than a step, if all of it is there; so the end comes here.
    fn long_code(&mut self) -> Result<bool, Why> {
        self.bits.refill();
        if self.bits.held <= STEP as i32 {
            return Ok(false);
        }
        let (symbol, len) = LONG.find(self.bits.top(), STEP as usize + 1);
        if i32::from(len) > self.bits.held {
            return Ok(false);
        }
        // RFC 7541 §5.2: end-of-string inside a string is an error.
        let byte = u8::try_from(symbol).map_err(|_| Why::EndOfStringInside)?;
        self.put(byte.into(), 1);
        self.bits.drop(len.into());
        Ok(true)
    }

    /// Writes up to eight symbols, the first one in the lowest byte; places behind them are written
    /// again later, or cut off.
    #[inline(always)]
    fn put(&mut self, text: u64, count: usize) {
        if let Some(places) = self.places.get_mut(self.at..self.at + 8) {
            places.copy_from_slice(&text.to_le_bytes());
        }
        self.at += count;
    }
}

/// Bits from the front of some bytes.
struct Bits<'a> {
    rest: &'a [u8],
    /// The next bits, from the highest on.
    window: u64,
    /// How many of them there are; less than none when more were taken than there were.
    held: i32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, window: 0, held: 0 }
    }

    /// Brings in as many whole bytes as there is room for. Below the bits that are held there are those
    /// that come next, or ones when nothing does.
    #[inline(always)]
    fn refill(&mut self) {
        if let Some(next) = self.rest.first_chunk() {
            self.window |= u64::from_be_bytes(*next) >> self.held;
            let bytes = (63 - self.held) / 8;
            self.rest = self.rest.get(bytes as usize..).unwrap_or_default();
            self.held += 8 * bytes;
        } else {
            self.refill_last();
        }
    }

    /// The same with less than eight bytes to come.
    fn refill_last(&mut self) {
        if let (Some((next, rest)), true) = (self.rest.split_first_chunk(), self.held <= 32) {
            self.window |= u64::from(u32::from_be_bytes(*next)) << (32 - self.held);
            (self.rest, self.held) = (rest, self.held + 32);
        }
        while let (Some((&next, rest)), true) = (self.rest.split_first(), self.held <= 56) {
            self.window |= u64::from(next) << (56 - self.held);
            (self.rest, self.held) = (rest, self.held + 8);
        }
        if self.rest.is_empty() {
            self.window |= u64::MAX.checked_shr(self.held as u32).unwrap_or(0);
        }
    }

    #[inline(always)]
    fn step(&self) -> Step {
        // The index has as many bits as the table has places for.
        STEPS.get((self.window >> (64 - STEP)) as usize).copied().unwrap_or(Step(0))
    }

    #[inline(always)]
    fn top(&self) -> u32 {
        (self.window >> 32) as u32
    }

    #[inline(always)]
    fn drop(&mut self, len: u32) {
        self.window <<= len;
        self.held -= len as i32;
    }

    /// RFC 7541 §5.2: what is left is at most seven bits, the beginning of end-of-string.
    fn check_padding(&self) -> Result<(), Why> {
        match self.held {
            held if (self.window.leading_ones() as i32) < held => Err(Why::PaddingNotOnes),
            8.. => Err(Why::PaddingTooLong),
            _ => Ok(()),
        }
    }
}
