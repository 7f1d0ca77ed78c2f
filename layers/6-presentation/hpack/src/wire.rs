//! Integers and strings (RFC 7541 §5).

use crate::{Why, huffman};

/// How many bytes may follow an integer's prefix. Five hold 35 bits, enough for every value that we
/// take; one more lets an encoder write zeros above them, which RFC 7541 §5.1 does not forbid. Without
/// a limit a stranger could write a 0 that is as long as the block.
const CONTINUATIONS_MAX: u32 = 6;

/// What a literal's first byte says about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Literal {
    /// RFC 7541 §6.2.1
    Indexed,
    /// RFC 7541 §6.2.2
    NotIndexed,
    /// RFC 7541 §6.2.3
    NeverIndexed,
}

impl Literal {
    /// The bits that say which it is.
    pub(crate) const fn pattern(self) -> u8 {
        match self {
            Self::Indexed => 0x40,
            Self::NotIndexed => 0x00,
            Self::NeverIndexed => 0x10,
        }
    }

    /// The bits that the name's index has.
    pub(crate) const fn mask(self) -> u8 {
        match self {
            Self::Indexed => 0x3f,
            Self::NotIndexed | Self::NeverIndexed => 0x0f,
        }
    }
}

/// Takes from the front of a header block.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

/// A string as it stands in the block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coded<'a> {
    pub(crate) is_huffman: bool,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(block: &'a [u8]) -> Self {
        Self { rest: block }
    }

    /// The next byte, which stays.
    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// An integer whose first byte has it in the bits of `mask`, which are all ones when more bytes
    /// follow (RFC 7541 §5.1).
    #[inline]
    pub(crate) fn integer(&mut self, mask: u8) -> Result<u32, Why> {
        let prefix = self.byte()? & mask;
        if prefix < mask {
            return Ok(u32::from(prefix));
        }
        self.continued(prefix)
    }

    fn continued(&mut self, prefix: u8) -> Result<u32, Why> {
        let mut value = u64::from(prefix);
        for n in 0..CONTINUATIONS_MAX {
            let byte = self.byte()?;
            // At most 42 bits and a prefix: this cannot overflow.
            value += u64::from(byte & 0x7f) << (7 * n);
            if byte < 0x80 {
                return u32::try_from(value).map_err(|_| Why::IntegerTooLarge);
            }
        }
        Err(Why::IntegerTooLarge)
    }

    /// A string (RFC 7541 §5.2).
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Coded<'a>, Why> {
        let is_huffman = self.peek().is_some_and(|byte| byte >= 0x80);
        let len = self.integer(0x7f)?;
        let split = usize::try_from(len).ok().and_then(|len| self.rest.split_at_checked(len));
        let (bytes, rest) = split.ok_or(Why::CutShort)?;
        self.rest = rest;
        Ok(Coded { is_huffman, bytes })
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, Why> {
        let (&byte, rest) = self.rest.split_first().ok_or(Why::CutShort)?;
        self.rest = rest;
        Ok(byte)
    }
}

/// Writes an integer into the bits of `mask`, below the bits of `pattern`, and as many bytes as it
/// needs behind them (RFC 7541 §5.1).
#[inline]
pub(crate) fn emit_integer(pattern: u8, mask: u8, value: usize, out: &mut Vec<u8>) {
    match u8::try_from(value) {
        Ok(small) if small < mask => out.push(pattern | small),
        _ => emit_continued(pattern, mask, value, out),
    }
}

fn emit_continued(pattern: u8, mask: u8, value: usize, out: &mut Vec<u8>) {
    out.push(pattern | mask);
    let mut rest = value - usize::from(mask);
    while rest >= 0x80 {
        out.push(0x80 | (rest & 0x7f) as u8);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Writes a string, in the Huffman code if that is shorter (RFC 7541 §5.2).
pub(crate) fn emit_string(text: &[u8], out: &mut Vec<u8>) {
    let coded_len = huffman::coded_len(text);
    if coded_len < text.len() {
        emit_integer(0x80, 0x7f, coded_len, out);
        huffman::encode(text, out);
    } else {
        emit_integer(0, 0x7f, text.len(), out);
        out.extend_from_slice(text);
    }
}
