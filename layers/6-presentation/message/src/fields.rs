//! Field lines: as they came, found by name. (RFC 9110 §5)
//!
//! A [`Fields`] is one shared block of bytes and an index into it. What was received is never
//! copied apart: names and values are views into the head's bytes, in their order, duplicates
//! included. What is built is written in the form HTTP/1.1 has on the wire, so that sending it is
//! one copy. A clone is a reference; changing a clone copies it first.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use base::Malformed;

use crate::{Name, list};

/// The field lines of a head, or a trailer section.
#[derive(Clone, Default)]
pub struct Fields(Option<Arc<Section>>);

#[derive(Clone, Default)]
struct Section {
    block: Vec<u8>,
    lines: Vec<Line>,
    /// One bit for each known name that occurs: most questions end here.
    present: u128,
    /// Whether the block is nothing but the lines, each as `Name: value CRLF`.
    is_wire_form: bool,
    /// What [`Fields::length`] found out, as long as nothing changes.
    length: OnceLock<Option<u64>>,
}

/// Where one line's name and value stand in the block.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    known: Option<Name>,
    name_len: u16,
    name_at: u32,
    value_at: u32,
    value_len: u32,
}

impl Line {
    /// A line whose name and value stand at these places; names are at most 64 KiB long.
    pub fn new(known: Option<Name>, name: Range<usize>, value: Range<usize>) -> Self {
        debug_assert!(name.len() <= usize::from(u16::MAX) && value.end <= u32::MAX as usize);
        Self {
            known,
            name_len: name.len() as u16,
            name_at: name.start as u32,
            value_at: value.start as u32,
            value_len: value.len() as u32,
        }
    }

    fn name<'a>(&self, block: &'a [u8]) -> &'a [u8] {
        let at = self.name_at as usize;
        block.get(at..at + usize::from(self.name_len)).unwrap_or_default()
    }

    fn value<'a>(&self, block: &'a [u8]) -> &'a [u8] {
        let at = self.value_at as usize;
        block.get(at..at + self.value_len as usize).unwrap_or_default()
    }
}

/// A field's name: one we know, or a token.
#[derive(Clone, Copy)]
pub enum FieldName<'a> {
    /// A name we know.
    Known(Name),
    /// A name we do not know, as it came.
    Other(&'a str),
}

impl<'a> FieldName<'a> {
    /// The name, in the case HTTP/1.1 writes it.
    pub fn as_str(self) -> &'a str {
        match self {
            Self::Known(name) => name.as_str(),
            Self::Other(name) => name,
        }
    }
}

impl FieldName<'_> {
    /// Whether the x-ray must not show the value.
    pub fn is_private(self) -> bool {
        matches!(self, Self::Known(name) if name.is_private())
    }
}

impl From<Name> for FieldName<'_> {
    fn from(name: Name) -> Self {
        Self::Known(name)
    }
}

impl<'a> From<&'a str> for FieldName<'a> {
    fn from(name: &'a str) -> Self {
        Name::from_bytes(name.as_bytes()).map_or(Self::Other(name), Self::Known)
    }
}

impl PartialEq for FieldName<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Known(a), Self::Known(b)) => a == b,
            (Self::Other(a), Self::Other(b)) => a.eq_ignore_ascii_case(b),
            _ => false,
        }
    }
}

impl fmt::Debug for FieldName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Fields {
    /// No fields, and no memory.
    pub const fn new() -> Self {
        Self(None)
    }

    /// Fields that stand in `block`, which may hold other bytes too (a start line, delimiters).
    ///
    /// Who parsed them vouches that names are tokens and that values hold no control bytes.
    pub fn from_parsed(block: Vec<u8>, lines: Vec<Line>) -> Self {
        let present = lines.iter().filter_map(|line| line.known).fold(0, |bits, n| bits | bit(n));
        Self(Some(Arc::new(Section {
            block,
            lines,
            present,
            is_wire_form: false,
            length: OnceLock::new(),
        })))
    }

    /// The bytes that the lines stand in: of what was parsed, the whole section as it came.
    #[inline]
    pub fn as_parsed(&self) -> &[u8] {
        self.block()
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines().len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.lines().is_empty()
    }

    /// Every line, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (FieldName<'_>, &[u8])> + Clone {
        let block = self.block();
        self.lines().iter().map(|line| {
            let name = match line.known {
                Some(name) => FieldName::Known(name),
                None => FieldName::Other(str::from_utf8(line.name(block)).unwrap_or_default()),
            };
            (name, line.value(block))
        })
    }

    /// Whether the field occurs.
    #[inline]
    pub fn contains(&self, name: Name) -> bool {
        self.0.as_ref().is_some_and(|section| section.present & bit(name) != 0)
    }

    /// Whether one of these fields occurs; as quick as for a single one where the names are constants.
    #[inline(always)]
    pub fn contains_any(&self, names: &[Name]) -> bool {
        let any = names.iter().fold(0, |bits, &name| bits | bit(name));
        self.0.as_ref().is_some_and(|section| section.present & any != 0)
    }

    /// The value of the field's first line.
    #[inline]
    pub fn get(&self, name: Name) -> Option<&[u8]> {
        if self.contains(name) { self.get_all(name).next() } else { None }
    }

    /// The value, when the field has exactly one line: for fields that are no lists.
    #[inline]
    pub fn get_only(&self, name: Name) -> Option<&[u8]> {
        if !self.contains(name) {
            return None;
        }
        let mut lines = self.lines().iter().filter(|line| line.known == Some(name));
        let first = lines.next()?;
        lines.next().is_none().then(|| first.value(self.block()))
    }

    /// The value of Content-Length, where it is one line of digits (RFC 9110 §8.6). Looked for once
    /// in fields that are shared, and sent many times.
    #[inline]
    pub fn length(&self) -> Option<u64> {
        let section = self.0.as_ref()?;
        *section.length.get_or_init(|| self.get_only(Name::ContentLength).and_then(list::digits))
    }

    /// The values of the field's lines, in order.
    pub fn get_all(&self, name: Name) -> impl Iterator<Item = &[u8]> + Clone {
        let lines = if self.contains(name) { self.lines() } else { &[] };
        lines.iter().filter(move |l| l.known == Some(name)).map(|l| l.value(self.block()))
    }

    /// The values of a field that [`Name`] may not know, in order.
    pub fn get_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let name = FieldName::from(name);
        self.iter().filter(move |(n, _)| *n == name).map(|(_, value)| value)
    }

    /// The elements of a list field, over all its lines (RFC 9110 §5.6.1): trimmed, without empty
    /// ones; commas in quoted strings separate nothing.
    pub fn elements(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        self.get_all(name).flat_map(list::elements)
    }

    /// Whether a list field has this element, in any case.
    pub fn has_element(&self, name: Name, element: &str) -> bool {
        self.elements(name).any(|e| e.eq_ignore_ascii_case(element.as_bytes()))
    }

    /// All the field's lines as one value (RFC 9110 §5.3), if it occurs.
    pub fn joined(&self, name: Name) -> Option<Vec<u8>> {
        let mut values = self.get_all(name);
        let mut joined = values.next()?.to_vec();
        for value in values {
            joined.extend_from_slice(b", ");
            joined.extend_from_slice(value);
        }
        Some(joined)
    }

    /// Adds a line at the end.
    ///
    /// The name must be a token. Bytes that would end the line or that no line may hold are
    /// replaced by spaces (RFC 9110 §5.5), so that a value from elsewhere cannot add a line; in a
    /// name, by underscores.
    pub fn push<'a>(&mut self, name: impl Into<FieldName<'a>>, value: impl AsRef<[u8]>) {
        let (name, value) = (name.into(), value.as_ref());
        debug_assert!(name.as_str().bytes().all(list::is_token) && !name.as_str().is_empty());
        let section = self.section_to_extend();
        let name_at = section.block.len();
        match name {
            FieldName::Known(name) => section.block.extend_from_slice(name.as_str().as_bytes()),
            FieldName::Other(name) => {
                let safe = name.bytes().map(|b| if list::is_token(b) { b } else { b'_' });
                section.block.extend(safe);
            }
        }
        let name_end = section.block.len();
        section.block.extend_from_slice(b": ");
        let value_at = section.block.len();
        section.block.extend(value.iter().map(|&b| if list::is_in_value(b) { b } else { b' ' }));
        let value_end = section.block.len();
        section.block.extend_from_slice(b"\r\n");
        let known = match name {
            FieldName::Known(name) => Some(name),
            FieldName::Other(_) => None,
        };
        section.present |= known.map_or(0, bit);
        section.lines.push(Line::new(known, name_at..name_end, value_at..value_end));
    }

    /// Adds a line from elsewhere; refuses a name that is no token and a value that holds control
    /// bytes.
    pub fn try_push(&mut self, name: &str, value: &[u8]) -> Result<(), Malformed> {
        let fits = (1..=usize::from(u16::MAX)).contains(&name.len());
        if !fits || !name.bytes().all(list::is_token) {
            return Err(Malformed::new("field name"));
        }
        if !value.iter().all(|&b| list::is_in_value(b)) {
            return Err(Malformed::new("field value"));
        }
        self.push(name, value);
        Ok(())
    }

    /// Replaces every line of this name by one at the end.
    pub fn set<'a>(&mut self, name: impl Into<FieldName<'a>>, value: impl AsRef<[u8]>) {
        let name = name.into();
        self.remove(name);
        self.push(name, value);
    }

    /// Removes every line of this name.
    pub fn remove<'a>(&mut self, name: impl Into<FieldName<'a>>) {
        let name = name.into();
        if !self.iter().any(|(n, _)| n == name) {
            return;
        }
        let mut kept = Self::new();
        for (other, value) in self.iter().filter(|(other, _)| *other != name) {
            kept.push(other, value);
        }
        *self = kept;
    }

    /// The lines in the form of HTTP/1.1, each with its CRLF: what a sender copies.
    #[inline]
    pub fn append_wire_form(&self, out: &mut Vec<u8>) {
        let Some(section) = &self.0 else { return };
        if section.is_wire_form {
            out.extend_from_slice(&section.block);
            return;
        }
        for line in &section.lines {
            out.extend_from_slice(line.name(&section.block));
            out.extend_from_slice(b": ");
            out.extend_from_slice(line.value(&section.block));
            out.extend_from_slice(b"\r\n");
        }
    }

    fn lines(&self) -> &[Line] {
        self.0.as_ref().map_or(&[], |section| &section.lines)
    }

    fn block(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |section| &section.block)
    }

    /// The section, ours alone and in wire form.
    fn section_to_extend(&mut self) -> &mut Section {
        if self.0.as_ref().is_some_and(|section| !section.is_wire_form) {
            let mut copy = Self::new();
            for (name, value) in self.iter() {
                copy.push(name, value);
            }
            *self = copy;
        }
        Arc::make_mut(
            self.0.get_or_insert_with(|| {
                Arc::new(Section { is_wire_form: true, ..Section::default() })
            }),
        )
    }
}

const fn bit(name: Name) -> u128 {
    const { assert!(Name::ALL.len() <= 128) };
    1 << name as u8
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, N: Into<FieldName<'a>>, V: AsRef<[u8]>> FromIterator<(N, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(lines: I) -> Self {
        let mut fields = Self::new();
        for (name, value) in lines {
            fields.push(name, value);
        }
        fields
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self.iter() {
            match name {
                FieldName::Known(known) if known.is_private() => {
                    map.entry(&name, &base::xray::Private(value));
                }
                _ => {
                    map.entry(&name, &base::xray::Text(value));
                }
            }
        }
        map.finish()
    }
}
