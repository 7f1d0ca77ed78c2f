use std::ops::Range;

use hpack::Field;
use message::fields::Line;
use message::{Fields, Name, list};

use super::control::Control;
use super::{Expected, Head};
use crate::{Config, Why};

/// What a field costs beside its bytes (RFC 9113 §6.5.2).
const FIELD_OVERHEAD: usize = 32;

/// From this length on, the block of a head gives back what it had for more.
const SHRUNK_LEN_MIN: usize = 4 * 1024;

/// The longest field name there is room for.
const NAME_LEN_MAX: usize = u16::MAX as usize;

/// Takes one field after the other, as the decoder hands them out, and keeps names and values behind
/// each other in one block: what becomes of it is [`Fields`] without another copy.
///
/// What is wrong is remembered and not told before the end, because the rest of the block has to be
/// decoded in any case. What is too large is not kept.
pub(crate) struct Collector {
    expected: Expected,
    pub(super) block: Vec<u8>,
    pub(super) lines: Vec<Line>,
    pub(super) control: Control,
    /// Where the crumbs of the cookie are (RFC 9113 §8.2.3).
    crumbs: Vec<Range<usize>>,
    /// Which line is the cookie's.
    cookie_line: Option<usize>,
    /// How long the list is, as RFC 9113 §6.5.2 counts it.
    len: usize,
    len_max: usize,
    lines_max: usize,
    takes_protocol: bool,
    has_regular: bool,
    why: Option<Why>,
}

impl Collector {
    pub(crate) fn new(expected: Expected, config: &Config) -> Self {
        Self {
            expected,
            block: Vec::new(),
            lines: Vec::new(),
            control: Control::default(),
            crumbs: Vec::new(),
            cookie_line: None,
            len: 0,
            len_max: config.head_len_max as usize,
            lines_max: config.fields_max,
            takes_protocol: config.extended_connect,
            has_regular: false,
            why: None,
        }
    }

    /// Takes the next field.
    pub(crate) fn push(&mut self, field: &Field<'_>) {
        if self.expected == Expected::Nothing {
            return;
        }
        self.len += field.name.len() + field.value.len() + FIELD_OVERHEAD;
        if self.len > self.len_max || self.has_too_many(field.name) {
            // RFC 9113 §10.5.1: nothing of it will be looked at. An HPACK bomb ends here: it goes on
            // to be counted and is kept nowhere.
            self.why = Some(Why::FieldsTooLarge);
            return;
        }
        if self.why.is_some() {
            return;
        }
        let taken = match field.name {
            [b':', name @ ..] => self.push_pseudo(name, field.value),
            name => self.push_line(name, field.value),
        };
        self.why = taken.err();
    }

    /// Whether one more line would be one too many; pseudo-fields and crumbs of cookies are none.
    fn has_too_many(&self, name: &[u8]) -> bool {
        let is_line = name.first() != Some(&b':') && (name != b"cookie" || self.crumbs.is_empty());
        is_line && self.lines.len() >= self.lines_max
    }

    fn push_pseudo(&mut self, name: &[u8], value: &[u8]) -> Result<(), Why> {
        // RFC 9113 §8.3: pseudo-fields stand in front of the others; §8.1: and not in trailers.
        if self.has_regular {
            return Err(Why::PseudoLate);
        }
        check_value(value)?;
        let at = self.append(value);
        match (self.expected, name) {
            (Expected::Request, b"method") => once(&mut self.control.method, at),
            (Expected::Request, b"scheme") => once(&mut self.control.scheme, at),
            (Expected::Request, b"path") => once(&mut self.control.path, at),
            // RFC 8441 §4: only where we have said that we take it.
            (Expected::Request, b"protocol") if self.takes_protocol => {
                once(&mut self.control.protocol, at)
            }
            (Expected::Request, b"authority") => {
                once(&mut self.control.authority, at.clone())?;
                // RFC 9113 §8.3.1: who converts a request to another version makes it Host's value.
                // So what is above need not know where it came from.
                let name_at = self.append(b"host");
                self.lines.push(Line::new(Some(Name::Host), name_at, at));
                Ok(())
            }
            (Expected::Response, b"status") => once(&mut self.control.status, at),
            _ => Err(Why::PseudoUnknown),
        }
    }

    fn push_line(&mut self, name: &[u8], value: &[u8]) -> Result<(), Why> {
        self.has_regular = true;
        check_value(value)?;
        let known = Name::from_bytes(name);
        if known.is_none_or(|known| known.as_lower_str().as_bytes() != name) {
            check_name(name)?;
        }
        match known {
            Some(
                Name::Connection
                | Name::KeepAlive
                | Name::ProxyConnection
                | Name::TransferEncoding
                | Name::Upgrade,
            ) => return Err(Why::ConnectionField),
            // RFC 9113 §8.2.2: TE has one word to say here.
            Some(Name::Te) if !value.eq_ignore_ascii_case(b"trailers") => {
                return Err(Why::TeMalformed);
            }
            Some(Name::Host) if self.expected == Expected::Request => {
                return self.push_host(name, value);
            }
            Some(Name::Cookie) if self.expected == Expected::Request => {
                return self.push_crumb(name, value);
            }
            _ => {}
        }
        let (name, value) = (self.append(name), self.append(value));
        self.lines.push(Line::new(known, name, value));
        Ok(())
    }

    /// RFC 9113 §8.3.1: Host must not say anything else than `:authority`; and one is enough.
    fn push_host(&mut self, name: &[u8], value: &[u8]) -> Result<(), Why> {
        if std::mem::replace(&mut self.control.has_host, true) {
            return Err(Why::HostDiffers);
        }
        if let Some(authority) = &self.control.authority {
            let authority = self.block.get(authority.clone()).unwrap_or_default();
            if !self.control.is_same_authority(&self.block, authority, value) {
                return Err(Why::HostDiffers);
            }
            return Ok(());
        }
        let (name, value) = (self.append(name), self.append(value));
        self.lines.push(Line::new(Some(Name::Host), name, value));
        Ok(())
    }

    /// RFC 9113 §8.2.3: a cookie that came in crumbs is one line again.
    fn push_crumb(&mut self, name: &[u8], value: &[u8]) -> Result<(), Why> {
        let (name, value) = (self.append(name), self.append(value));
        if self.cookie_line.is_none() {
            self.cookie_line = Some(self.lines.len());
            self.lines.push(Line::new(Some(Name::Cookie), name, value.clone()));
        }
        self.crumbs.push(value);
        Ok(())
    }

    fn join_crumbs(&mut self) {
        let (Some(line), true) = (self.cookie_line, self.crumbs.len() > 1) else { return };
        let name = self.append(b"cookie");
        let start = self.block.len();
        for (at, crumb) in std::mem::take(&mut self.crumbs).into_iter().enumerate() {
            if at > 0 {
                self.block.extend_from_slice(b"; ");
            }
            self.block.extend_from_within(crumb);
        }
        let value = start..self.block.len();
        if let Some(place) = self.lines.get_mut(line) {
            *place = Line::new(Some(Name::Cookie), name, value);
        }
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Range<usize> {
        if self.block.capacity() == 0 {
            // Most heads fit in here, and are kept as they are.
            self.block = Vec::with_capacity(256);
            self.lines = Vec::with_capacity(8);
        }
        let at = self.block.len();
        self.block.extend_from_slice(bytes);
        at..self.block.len()
    }

    /// What it was; or why it is malformed, or too large.
    pub(crate) fn finish(mut self) -> Result<Head, Why> {
        if let Some(why) = self.why {
            return Err(why);
        }
        self.join_crumbs();
        if self.block.len() > SHRUNK_LEN_MIN {
            // What is kept for as long as the exchange takes is no larger than it must be.
            self.block.shrink_to_fit();
        }
        match self.expected {
            Expected::Request => self.into_request().map(Head::Request),
            Expected::Response => {
                let (response, length) = self.into_response()?;
                Ok(Head::Response(response, length))
            }
            Expected::Trailers => Ok(Head::Trailers(Fields::from_parsed(self.block, self.lines))),
            Expected::Nothing => Ok(Head::Nothing),
        }
    }
}

fn once(place: &mut Option<Range<usize>>, at: Range<usize>) -> Result<(), Why> {
    // RFC 9113 §8.3: none of them may be there twice.
    match place.replace(at) {
        None => Ok(()),
        Some(_) => Err(Why::PseudoTwice),
    }
}

/// RFC 9113 §8.2.1: capitals are malformed, as is whatever is no token.
fn check_name(name: &[u8]) -> Result<(), Why> {
    let is_sound = name.iter().all(|&b| list::is_token(b) && !b.is_ascii_uppercase());
    if !is_sound || !(1..=NAME_LEN_MAX).contains(&name.len()) {
        return Err(Why::FieldNameMalformed);
    }
    Ok(())
}

/// RFC 9113 §8.2.1: no NUL, CR or LF, and no white space around it; RFC 9110 §5.5: no other control
/// byte either.
#[inline]
fn check_value(value: &[u8]) -> Result<(), Why> {
    let is_padded = |b: Option<&u8>| b.is_some_and(|&b| list::is_ows(b));
    let is_sound = value.iter().all(|&b| list::is_in_value(b));
    if !is_sound || is_padded(value.first()) || is_padded(value.last()) {
        return Err(Why::FieldValueMalformed);
    }
    Ok(())
}
