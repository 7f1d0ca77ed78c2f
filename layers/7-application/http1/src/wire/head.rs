use std::ops::Range;

use memchr::memchr;
use message::fields::Line;
use message::{Method, Name, list};

use super::scan::first_control;
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
    ///
    /// What comes out depends on the bytes only, never on how many of them came at once.
    pub(crate) fn advance(&mut self, bytes: &[u8], config: &Config) -> Result<Option<Parsed>, Why> {
        // RFC 9112 §3, §4: no first line begins like this, so nobody need wait for its end.
        if self.needs_start() && bytes.first().is_some_and(|&b| !list::is_token(b)) {
            return Err(Why::StartLineMalformed);
        }
        while let Some(line) = self.next_line(bytes, config)? {
            let text = bytes.get(line.clone()).unwrap_or_default();
            if self.needs_start() {
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
        Ok(None)
    }

    /// The method of the request, once its line has been read.
    pub(crate) fn method(&self) -> Option<&Method> {
        match &self.start {
            Some(StartLine::Request { method, .. }) => Some(method),
            _ => None,
        }
    }

    fn needs_start(&self) -> bool {
        self.start.is_none() && self.expected != Expected::Trailers
    }

    /// The next line without its CRLF, if it is complete. A line holds no control byte but the tab.
    fn next_line(&mut self, bytes: &[u8], config: &Config) -> Result<Option<Range<usize>>, Why> {
        let limit = self.line_end_max(config);
        let shown = bytes.get(..limit).unwrap_or(bytes);
        let unsearched = shown.get(self.searched..).unwrap_or_default();
        let Some(at) = first_control(unsearched) else {
            self.searched = shown.len();
            return if bytes.len() < limit { Ok(None) } else { Err(self.too_long(shown, config)) };
        };
        let end = self.searched + at;
        match shown.get(end..) {
            Some([b'\r', b'\n', ..]) => {
                let line = self.line_at..end;
                self.line_at = end + 2;
                self.searched = end + 2;
                Ok(Some(line))
            }
            Some([b'\r']) if bytes.len() < limit => {
                self.searched = end;
                Ok(None)
            }
            Some([b'\r']) => Err(self.too_long(shown, config)),
            Some(rest) => Err(why_no_line(rest)),
            None => Ok(None),
        }
    }

    /// Up to where the line being read must have ended, its CRLF included.
    fn line_end_max(&self, config: &Config) -> usize {
        let is_request_line = self.needs_start() && self.expected == Expected::Request;
        let of_line = config.request_line_len_max.saturating_add(2);
        if is_request_line { of_line.min(config.head_len_max) } else { config.head_len_max }
    }

    #[cold]
    fn too_long(&self, shown: &[u8], config: &Config) -> Why {
        if shown.len() == config.head_len_max {
            Why::HeadTooLarge
        } else if memchr(b' ', shown).is_none() {
            // RFC 9112 §3: it is not the target that is too long, but the method.
            Why::MethodTooLong
        } else {
            Why::RequestLineTooLong
        }
    }
}

/// Names the control byte that is in the way.
#[cold]
fn why_no_line(rest: &[u8]) -> Why {
    match rest.first() {
        // RFC 9112 §2.2: a line ends with CRLF. We do not make use of the leave to take a bare LF
        // for one: where two parsers differ about it, requests are smuggled.
        Some(b'\n') => Why::BareLineFeed,
        Some(b'\r') => Why::BareCarriageReturn,
        _ => Why::ControlByte,
    }
}

/// Reads `name: value` (RFC 9112 §5), which stands at `at` in its section.
#[inline]
fn parse_field_line(text: &[u8], at: usize) -> Result<Line, Why> {
    let name_len = text.iter().position(|&b| b == b':').ok_or_else(|| why_no_field(text))?;
    let (name, rest) = text.split_at_checked(name_len).unwrap_or_default();
    let value = rest.get(1..).unwrap_or_default();
    let known = Name::from_bytes(name);
    if known.is_none() && (name.is_empty() || !name.iter().all(|&b| list::is_token(b))) {
        return Err(why_no_field(text));
    }
    if name.len() > usize::from(u16::MAX) {
        // What `Line` has room for; only a `head_len_max` above the default lets it through.
        return Err(Why::HeadTooLarge);
    }
    // RFC 9112 §5.1: white space around a value is not part of it.
    let leading = value.iter().position(|&b| !list::is_ows(b)).unwrap_or(0);
    let value_at = at + name_len + 1 + leading;
    let value_len = list::trim_ows(value).len();
    Ok(Line::new(known, at..at + name_len, value_at..value_at + value_len))
}

#[cold]
fn why_no_field(text: &[u8]) -> Why {
    if text.first().is_some_and(|&b| list::is_ows(b)) {
        // RFC 9112 §5.2: a folded line is refused; §2.2: so is space before the first field.
        return Why::FoldedLine;
    }
    let Some(colon) = memchr(b':', text) else { return Why::FieldWithoutColon };
    // RFC 9112 §5.1: white space before the colon has been read differently by different parsers.
    let name = text.get(..colon).unwrap_or_default();
    let space = name.last().is_some_and(|&b| list::is_ows(b));
    if space { Why::SpaceBeforeColon } else { Why::FieldNameMalformed }
}
