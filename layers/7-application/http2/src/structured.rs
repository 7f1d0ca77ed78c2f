//! Dictionaries of structured fields, as far as anybody needs to look into them. (RFC 9651 §4.2.2)
//!
//! The whole value is read as strictly as the RFC demands, because one mistake voids all of it; but
//! only the members' integers and booleans are told.

use base::Malformed;

/// The longest value that is read: real ones have less than 20 bytes.
const LEN_MAX: usize = 1024;

/// A value without its parameters, where it is of a type that is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum BareItem {
    Integer(i64),
    Boolean(bool),
    /// A decimal, a string, a token, bytes, a date, a display string.
    Other,
}

/// Tells each member's key and value in order; an inner list has no value. Of two members of one
/// name the later counts (RFC 9651 §3.2).
///
/// # Errors
///
/// The value is no dictionary; nothing that was told counts.
pub(crate) fn dictionary<'a>(
    value: &'a [u8],
    mut each: impl FnMut(&'a [u8], Option<BareItem>),
) -> Result<(), Malformed> {
    if value.len() > LEN_MAX {
        return Err(Malformed::new("dictionary"));
    }
    let mut reader = Reader { rest: value };
    reader.skip(b" ");
    while !reader.rest.is_empty() {
        let key = reader.key()?;
        let item = if reader.take(b'=') {
            if reader.take(b'(') {
                reader.inner_list()?;
                None
            } else {
                Some(reader.bare_item()?)
            }
        } else {
            Some(BareItem::Boolean(true))
        };
        reader.parameters()?;
        each(key, item);
        reader.skip(b" \t");
        if reader.rest.is_empty() {
            break;
        }
        let has_comma = reader.take(b',');
        reader.skip(b" \t");
        if !has_comma || reader.rest.is_empty() {
            return Err(Malformed::new("dictionary"));
        }
    }
    Ok(())
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.next();
        }
        found
    }

    fn skip(&mut self, any: &[u8]) {
        self.span(|b| any.contains(&b));
    }

    fn span(&mut self, is: impl Fn(u8) -> bool) -> &'a [u8] {
        let len = self.rest.iter().position(|&b| !is(b)).unwrap_or(self.rest.len());
        let (span, rest) = self.rest.split_at_checked(len).unwrap_or_default();
        self.rest = rest;
        span
    }

    /// RFC 9651 §4.2.3.3.
    fn key(&mut self) -> Result<&'a [u8], Malformed> {
        if !self.peek().is_some_and(|b| b.is_ascii_lowercase() || b == b'*') {
            return Err(Malformed::new("key"));
        }
        Ok(self.span(|b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.' | b'*')
        }))
    }

    /// RFC 9651 §4.2.3.2.
    fn parameters(&mut self) -> Result<(), Malformed> {
        while self.take(b';') {
            self.skip(b" ");
            self.key()?;
            if self.take(b'=') {
                self.bare_item()?;
            }
        }
        Ok(())
    }

    /// RFC 9651 §4.2.1.2, behind its parenthesis.
    fn inner_list(&mut self) -> Result<(), Malformed> {
        loop {
            self.skip(b" ");
            if self.take(b')') {
                return Ok(());
            }
            self.bare_item()?;
            self.parameters()?;
            if !matches!(self.peek(), Some(b' ' | b')')) {
                return Err(Malformed::new("inner list"));
            }
        }
    }

    /// RFC 9651 §4.2.3.1.
    fn bare_item(&mut self) -> Result<BareItem, Malformed> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'"') => self.string(),
            Some(b':') => self.byte_sequence(),
            Some(b'?') => self.boolean(),
            Some(b'@') => self.date(),
            Some(b'%') => self.display_string(),
            Some(b) if b.is_ascii_alphabetic() || b == b'*' => {
                self.span(|b| message::list::is_token(b) || matches!(b, b':' | b'/'));
                Ok(BareItem::Other)
            }
            _ => Err(Malformed::new("item")),
        }
    }

    /// RFC 9651 §4.2.4.
    fn number(&mut self) -> Result<BareItem, Malformed> {
        let sign = if self.take(b'-') { -1 } else { 1 };
        let whole = self.span(|b| b.is_ascii_digit());
        let is_decimal = self.take(b'.');
        let fraction = if is_decimal { self.span(|b| b.is_ascii_digit()) } else { &[] };
        let is_sound = if is_decimal {
            (1..=12).contains(&whole.len()) && (1..=3).contains(&fraction.len())
        } else {
            (1..=15).contains(&whole.len())
        };
        if !is_sound {
            return Err(Malformed::new("number"));
        }
        if is_decimal {
            return Ok(BareItem::Other);
        }
        let value = whole.iter().fold(0_i64, |n, b| n * 10 + i64::from(b - b'0'));
        Ok(BareItem::Integer(sign * value))
    }

    /// RFC 9651 §4.2.5.
    fn string(&mut self) -> Result<BareItem, Malformed> {
        self.next();
        loop {
            match self.next() {
                Some(b'\\') if matches!(self.peek(), Some(b'"' | b'\\')) => {
                    self.next();
                }
                Some(b'"') => return Ok(BareItem::Other),
                Some(b' '..=b'~') if self.rest.is_empty() => break,
                Some(b'\\') => break,
                Some(b' '..=b'~') => {}
                _ => break,
            }
        }
        Err(Malformed::new("string"))
    }

    /// RFC 9651 §4.2.7; padding that is missing is forgiven, as the RFC allows.
    fn byte_sequence(&mut self) -> Result<BareItem, Malformed> {
        self.next();
        let digits = self.span(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'));
        let padding = self.span(|b| b == b'=');
        let is_sound = digits.len() % 4 != 1
            && (padding.is_empty() || (digits.len() + padding.len()).is_multiple_of(4))
            && padding.len() <= 2;
        if is_sound && self.take(b':') {
            return Ok(BareItem::Other);
        }
        Err(Malformed::new("byte sequence"))
    }

    /// RFC 9651 §4.2.8.
    fn boolean(&mut self) -> Result<BareItem, Malformed> {
        self.next();
        match self.next() {
            Some(b'0') => Ok(BareItem::Boolean(false)),
            Some(b'1') => Ok(BareItem::Boolean(true)),
            _ => Err(Malformed::new("boolean")),
        }
    }

    /// RFC 9651 §4.2.9.
    fn date(&mut self) -> Result<BareItem, Malformed> {
        self.next();
        match self.number()? {
            BareItem::Integer(_) => Ok(BareItem::Other),
            _ => Err(Malformed::new("date")),
        }
    }

    /// RFC 9651 §4.2.10; whether the escapes are UTF-8 is looked at, too.
    fn display_string(&mut self) -> Result<BareItem, Malformed> {
        self.next();
        let malformed = Malformed::new("display string");
        if !self.take(b'"') {
            return Err(malformed);
        }
        let mut text = Vec::new();
        loop {
            match self.next() {
                Some(b'"') => {
                    return match str::from_utf8(&text) {
                        Ok(_) => Ok(BareItem::Other),
                        Err(_) => Err(malformed),
                    };
                }
                Some(b'%') => {
                    let digits = [self.next(), self.next()];
                    let [Some(high), Some(low)] = digits.map(|b| b.and_then(hexadecimal)) else {
                        return Err(malformed);
                    };
                    text.push(high << 4 | low);
                }
                Some(b @ b' '..=b'~') => text.push(b),
                _ => return Err(malformed),
            }
        }
    }
}

/// The value of a hexadecimal digit; RFC 9651 knows no capitals here.
const fn hexadecimal(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    }
}
