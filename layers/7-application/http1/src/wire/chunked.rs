use message::list;

use crate::{Config, Why};

/// The chunk that ends a body, without the empty line that ends its trailer section.
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n";

/// Reads a body in chunks (RFC 9112 §7.1), every delimiter checked to the byte. The trailer
/// section behind the last chunk is not its business.
#[derive(Debug)]
pub(crate) struct ChunkDecoder {
    place: Place,
    /// The size of the chunk, or what is left of it.
    left: u64,
    line_len: usize,
    extensions_len: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// Before the first digit of a size.
    Size,
    /// Behind at least one digit.
    Digits,
    /// In the white space before a semicolon.
    SpaceBeforeExtension,
    /// Behind a semicolon, or in the white space behind it.
    ExtensionName,
    InExtensionName,
    BehindExtensionName,
    /// Behind an equals sign, or in the white space behind it.
    ExtensionValue,
    InExtensionValue,
    InQuotes,
    InQuotesEscaped,
    BehindQuotes,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Last,
}

/// What a step found.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Decoded<'a> {
    /// Data of the body.
    Data(&'a [u8]),
    /// The last chunk's line is complete; the trailer section follows.
    Last,
    /// More bytes are needed.
    Incomplete,
}

impl ChunkDecoder {
    pub(crate) const fn new() -> Self {
        Self { place: Place::Size, left: 0, line_len: 0, extensions_len: 0 }
    }

    /// Takes bytes up to the end of what it finds; says how many.
    pub(crate) fn step<'a>(
        &mut self,
        bytes: &'a [u8],
        config: &Config,
    ) -> Result<(usize, Decoded<'a>), Why> {
        let mut taken = 0;
        while let Some(&b) = bytes.get(taken) {
            if self.place == Place::Data {
                let rest = bytes.get(taken..).unwrap_or_default();
                let len = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest.len());
                self.left -= len as u64;
                if self.left == 0 {
                    self.place = Place::DataCr;
                }
                return Ok((taken + len, Decoded::Data(rest.get(..len).unwrap_or_default())));
            }
            self.place = self.after(b, config)?;
            taken += 1;
            if self.place == Place::Last {
                return Ok((taken, Decoded::Last));
            }
        }
        Ok((taken, Decoded::Incomplete))
    }

    /// Where byte `b` leads from here.
    fn after(&mut self, b: u8, config: &Config) -> Result<Place, Why> {
        self.count(config)?;
        Ok(match (self.place, b) {
            (Place::Size | Place::Digits, _) if b.is_ascii_hexdigit() => {
                let digit = (b as char).to_digit(16).map_or(0, u64::from);
                // RFC 9112 §7.1: a size that does not fit must not wrap around.
                let size = self.left.checked_mul(16).and_then(|n| n.checked_add(digit));
                self.left = size.ok_or(Why::ChunkMalformed)?;
                Place::Digits
            }
            (Place::Digits | Place::InExtensionName | Place::InExtensionValue, b'\r')
            | (Place::BehindQuotes, b'\r') => Place::SizeLf,
            // RFC 9112 §7.1.1: the white space that recipients live with stands before and behind
            // semicolons and equals signs, and nowhere else.
            (Place::Digits | Place::InExtensionValue | Place::BehindQuotes, b' ' | b'\t')
            | (Place::SpaceBeforeExtension, b' ' | b'\t') => Place::SpaceBeforeExtension,
            (Place::InExtensionName | Place::BehindExtensionName, b' ' | b'\t') => {
                Place::BehindExtensionName
            }
            (Place::ExtensionName, b' ' | b'\t') => Place::ExtensionName,
            (Place::ExtensionValue, b' ' | b'\t') => Place::ExtensionValue,
            (Place::Digits | Place::SpaceBeforeExtension, b';')
            | (Place::InExtensionName | Place::BehindExtensionName, b';')
            | (Place::InExtensionValue | Place::BehindQuotes, b';') => Place::ExtensionName,
            (Place::InExtensionName | Place::BehindExtensionName, b'=') => Place::ExtensionValue,
            (Place::ExtensionName | Place::InExtensionName, _) if list::is_token(b) => {
                Place::InExtensionName
            }
            (Place::ExtensionValue | Place::InExtensionValue, _) if list::is_token(b) => {
                Place::InExtensionValue
            }
            (Place::ExtensionValue, b'"') => Place::InQuotes,
            (Place::InQuotes, b'"') => Place::BehindQuotes,
            (Place::InQuotes, b'\\') => Place::InQuotesEscaped,
            (Place::InQuotes | Place::InQuotesEscaped, _) if list::is_in_value(b) => {
                Place::InQuotes
            }
            (Place::SizeLf, b'\n') => {
                self.line_len = 0;
                if self.left == 0 { Place::Last } else { Place::Data }
            }
            (Place::DataCr, b'\r') => Place::DataLf,
            (Place::DataLf, b'\n') => Place::Size,
            _ => return Err(Why::ChunkMalformed),
        })
    }

    /// RFC 9112 §7.1.1: the length of extensions is limited, a line's and a body's.
    fn count(&mut self, config: &Config) -> Result<(), Why> {
        match self.place {
            Place::DataCr | Place::DataLf => return Ok(()),
            Place::Size | Place::Digits | Place::SizeLf => {}
            _ => self.extensions_len += 1,
        }
        self.line_len += 1;
        if self.line_len > config.chunk_line_len_max
            || self.extensions_len > config.chunk_extensions_len_max
        {
            return Err(Why::ChunkExtensionsTooLong);
        }
        Ok(())
    }
}

/// Writes the line in front of a chunk of `len` bytes.
pub(crate) fn chunk_head(len: u64, out: &mut Vec<u8>) {
    debug_assert!(len > 0, "a chunk of no bytes would end the body");
    let digits = (64 - len.leading_zeros()).div_ceil(4);
    for place in (0..digits).rev() {
        let digit = (len >> (place * 4)) as u32 & 0xf;
        out.push(char::from_digit(digit, 16).map_or(b'0', |c| c as u8));
    }
    out.extend_from_slice(b"\r\n");
}
