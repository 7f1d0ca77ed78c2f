use std::ops::Range;

use memchr::memchr;
use message::fields::Line;
use message::{Name, list};

use super::start_line::{Expected, StartLine};
use crate::{Config, Why};

/// Fields of an ordinary request: room for them is made at once.
const LINES_EXPECTED: usize = 16;

/// Reads a head, or a trailer section, from bytes that may arrive one at a time.
///
/// The caller keeps the bytes and shows them again, with more behind them, until the section is
/// complete. No byte is looked at twice: what has been read is remembered by place.
#[derive(Debug)]
pub(crate) struct HeadParser {
    expected: Expected,
    start: Option<StartLine>,
    lines: Vec<Line>,
    /// Where the line that is not complete yet begins.
    line_at: usize,
    /// Up to where that line has been searched for its end.
    searched: usize,
}

/// A complete section.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// Its first line; a trailer section has none.
    pub(crate) start: Option<StartLine>,
    /// Its field lines, by place.
    pub(crate) lines: Vec<Line>,
    /// How many bytes it had, the empty line included.
    pub(crate) len: usize,
}

impl HeadParser {
    pub(crate) const fn new(expected: Expected) -> Self {
        Self { expected, start: None, lines: Vec::new(), line_at: 0, searched: 0 }
    }

    /// Reads on. `bytes` begins with the section's first byte, each time.
    pub(crate) fn advance(&mut self, bytes: &[u8], config: &Config) -> Result<Option<Parsed>, Why> {
        // RFC 9112 §3, §5: what can be known to be wrong is said at once, not when the line ends.
        if self.needs_start() && bytes.first().is_some_and(|&b| !list::is_token(b)) {
            return Err(Why::StartLineMalformed);
        }
        loop {
            let Some(line) = self.next_line(bytes)? else {
                return self.check_limits(bytes.len(), config).map(|()| None);
            };
            self.check_limits(self.line_at, config)?;
            let text = bytes.get(line.clone()).unwrap_or_default();
            if self.needs_start() {
                if line.len() > config.request_line_len_max && self.expected == Expected::Request {
                    return Err(Why::RequestLineTooLong);
                }
                self.start = Some(StartLine::parse(self.expected, text)?);
                self.lines.reserve(LINES_EXPECTED);
            } else if line.is_empty() {
                return Ok(Some(Parsed {
                    start: self.start.take(),
                    lines: std::mem::take(&mut self.lines),
                    len: self.line_at,
                }));
            } else {
                if self.lines.len() == config.fields_max {
                    return Err(Why::TooManyFields);
                }
                self.lines.push(parse_field_line(text, line.start)?);
            }
        }
    }

    fn needs_start(&self) -> bool {
        self.start.is_none() && self.expected != Expected::Trailers
    }

    /// The next line without its CRLF, if it is complete.
    fn next_line(&mut self, bytes: &[u8]) -> Result<Option<Range<usize>>, Why> {
        let unsearched = bytes.get(self.searched..).unwrap_or_default();
        let Some(at) = memchr(b'\n', unsearched) else {
            self.searched = bytes.len();
            return Ok(None);
        };
        let lf = self.searched + at;
        let line = self.line_at..lf.saturating_sub(1);
        // RFC 9112 §2.2: a line ends with CRLF. We do not make use of the leave to take a bare LF
        // for one: where two parsers differ about it, requests are smuggled.
        if lf == self.line_at || bytes.get(lf - 1) != Some(&b'\r') {
            return Err(Why::BareLineFeed);
        }
        self.line_at = lf + 1;
        self.searched = lf + 1;
        Ok(Some(line))
    }

    fn check_limits(&self, len: usize, config: &Config) -> Result<(), Why> {
        if self.needs_start()
            && self.expected == Expected::Request
            && len.saturating_sub(self.line_at) > config.request_line_len_max + 1
        {
            return Err(Why::RequestLineTooLong);
        }
        if len > config.head_len_max { Err(Why::HeadTooLarge) } else { Ok(()) }
    }
}

/// Reads `name: value` (RFC 9112 §5), which stands at `at` in its section.
fn parse_field_line(text: &[u8], at: usize) -> Result<Line, Why> {
    if text.first().is_some_and(|&b| list::is_ows(b)) {
        // RFC 9112 §5.2: a folded line is refused; §2.2: so is space before the first field.
        return Err(Why::FoldedLine);
    }
    let colon = memchr(b':', text).ok_or(Why::FieldWithoutColon)?;
    let (name, rest) = text.split_at_checked(colon).ok_or(Why::FieldWithoutColon)?;
    let value = rest.get(1..).unwrap_or_default();
    let known = Name::from_bytes(name);
    if known.is_none() {
        check_name(name)?;
    }
    check_value(value)?;
    let trimmed = list::trim_ows(value);
    let leading = value.iter().take_while(|&&b| list::is_ows(b)).count();
    let value_at = at + colon + 1 + if trimmed.is_empty() { 0 } else { leading };
    Ok(Line::new(known, at..at + colon, value_at..value_at + trimmed.len()))
}

#[inline]
fn check_name(name: &[u8]) -> Result<(), Why> {
    if !name.is_empty() && name.iter().all(|&b| list::is_token(b)) {
        return Ok(());
    }
    // RFC 9112 §5.1: white space before the colon has been read differently by different parsers.
    let space = name.last().is_some_and(|&b| list::is_ows(b));
    Err(if space { Why::SpaceBeforeColon } else { Why::FieldNameMalformed })
}

/// RFC 9110 §5.5: no control bytes but the tab; a CR that ends no line is one of them.
#[inline]
fn check_value(value: &[u8]) -> Result<(), Why> {
    // Without an early exit, so that the compiler looks at sixteen bytes at a time.
    let bad = value.iter().fold(false, |bad, &b| bad | !is_plain(b));
    if !bad {
        return Ok(());
    }
    let first = value.iter().find(|&&b| !is_plain(b));
    Err(if first == Some(&b'\r') { Why::BareCarriageReturn } else { Why::ControlByte })
}

#[inline(always)]
const fn is_plain(b: u8) -> bool {
    ((b >= b' ') | (b == b'\t')) & (b != 0x7f)
}
