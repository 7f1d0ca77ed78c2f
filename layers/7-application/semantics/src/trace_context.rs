//! Trace context: which of many servers' records belong to one request? (W3C Trace Context)
//!
//! ```text
//!   Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
//!                │  └───────────┬──────────────────┘ └──────┬───────┘ └─ flags
//!                version     trace: the same everywhere   parent: whoever sent this request
//!   Tracestate:  congo=t61rcWkgMzE,rojo=00f067aa0ba902b7      what tracing systems add to that
//! ```
//!
//! Who passes a request on passes the trace on: [`TraceContext::read`] what came, make a
//! [`child`](TraceContext::child) of it, and [`write_to`](TraceContext::write_to) what leaves. Where
//! nothing came, or nothing that can be read, a trace [`start`](TraceContext::start)s here.
//!
//! Random numbers come from the caller, who has the operating system's. Those of `cx` will not do:
//! they are few, and two servers that start alike would give the same names to different traces.
//!
//! Not here: keeping records, and entries of our own in Tracestate.

use std::fmt;

use base::{Cx, Malformed};
use message::{Fields, Name, list};

use crate::xray::{Seen, Why};

/// How many entries Tracestate may have (Trace Context, tracestate).
pub const MEMBERS_MAX: usize = 32;

/// How long a Tracestate we pass on, in bytes: as long as everybody should (Trace Context,
/// tracestate limits). A longer one is dropped.
pub const STATE_LEN_MAX: usize = 512;

/// How long Traceparent is in version 00.
const PARENT_LEN: usize = 55;

/// The sender may have kept a record.
const SAMPLED: u8 = 1;
/// The trace's last seven bytes are random (level 2).
const RANDOM: u8 = 2;

/// What a request carries: the two fields.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TraceContext {
    /// Which trace it belongs to, and who sent it.
    pub parent: Traceparent,
    /// What tracing systems say, as it came.
    pub state: Option<Vec<u8>>,
}

impl TraceContext {
    /// Reads what a request carries; nothing where there is no Traceparent that can be read. Then
    /// Tracestate means nothing either.
    pub fn read(cx: &mut Cx<'_>, fields: &Fields) -> Option<Self> {
        let parent = read_parent(cx, fields);
        if parent.is_none() && fields.contains(Name::Tracestate) {
            let (field, because) = (Name::Tracestate, Why::NoTraceparent);
            cx.note(|| Seen::Ignored { field, because });
        }
        Some(Self { parent: parent?, state: read_state(cx, fields) })
    }

    /// A new trace; see [`Traceparent::start`].
    pub const fn start(trace_id: [u8; 16], parent_id: [u8; 8], is_sampled: bool) -> Self {
        Self { parent: Traceparent::start(trace_id, parent_id, is_sampled), state: None }
    }

    /// The same trace, with us as who sends; see [`Traceparent::child`].
    pub fn child(self, parent_id: [u8; 8]) -> Self {
        Self { parent: self.parent.child(parent_id), state: self.state }
    }

    /// Writes both fields, in place of those that are there.
    pub fn write_to(&self, fields: &mut Fields) {
        fields.set(Name::Traceparent, self.parent.to_string());
        match &self.state {
            Some(state) => fields.set(Name::Tracestate, state),
            None => fields.remove(Name::Tracestate),
        }
    }
}

fn read_parent(cx: &mut Cx<'_>, fields: &Fields) -> Option<Traceparent> {
    let field = Name::Traceparent;
    if !fields.contains(field) {
        return None;
    }
    let read = match fields.get_only(field) {
        Some(value) => Traceparent::parse(value).map_err(|_| Why::TraceparentMalformed),
        None => Err(Why::MoreThanOneLine),
    };
    read.inspect_err(|&because| cx.note(|| Seen::Ignored { field, because })).ok()
}

/// Which trace a request belongs to, and who sent it (Trace Context, traceparent). `to_string`
/// writes it, in version 00.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Traceparent {
    trace_id: [u8; 16],
    parent_id: [u8; 8],
    flags: u8,
}

impl Traceparent {
    /// A new trace, of random bytes.
    ///
    /// Nothing but zeros is not allowed; should chance give that, the last bit is set.
    pub const fn start(trace_id: [u8; 16], parent_id: [u8; 8], is_sampled: bool) -> Self {
        let trace_id = u128::from_be_bytes(trace_id);
        let trace_id = if trace_id == 0 { 1 } else { trace_id };
        let flags = RANDOM | if is_sampled { SAMPLED } else { 0 };
        Self { trace_id: trace_id.to_be_bytes(), parent_id: not_zero(parent_id), flags }
    }

    /// The same trace and the same flags, sent by somebody else: eight random bytes.
    pub const fn child(self, parent_id: [u8; 8]) -> Self {
        Self { parent_id: not_zero(parent_id), ..self }
    }

    /// Reads the field. Refused: capital letters, identifiers of nothing but zeros, version ff, and
    /// in version 00 everything behind the flags.
    pub fn parse(value: &[u8]) -> Result<Self, Malformed> {
        let length = Malformed::new("length of Traceparent");
        let (known, rest) = value.split_first_chunk::<PARENT_LEN>().ok_or(length)?;
        // Each part has its length, so that together they are all that there is.
        let mut parts = known.split(|&b| b == b'-');
        let [version] = hex(parts.next()).ok_or(Malformed::new("version of Traceparent"))?;
        let trace_id = hex(parts.next()).filter(|id| *id != [0; 16]);
        let parent_id = hex(parts.next()).filter(|id| *id != [0; 8]);
        let [flags] = hex(parts.next()).ok_or(Malformed::new("flags of Traceparent"))?;
        Ok(Self {
            trace_id: trace_id.ok_or(Malformed::new("trace of Traceparent"))?,
            parent_id: parent_id.ok_or(Malformed::new("parent of Traceparent"))?,
            flags: flags & known_flags(version, rest).ok_or(length)?,
        })
    }

    /// The trace.
    pub const fn trace_id(self) -> [u8; 16] {
        self.trace_id
    }

    /// Who sent the request.
    pub const fn parent_id(self) -> [u8; 8] {
        self.parent_id
    }

    /// Whether the sender may have kept a record.
    pub const fn is_sampled(self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// Whether the trace's last seven bytes are known to be random (level 2).
    pub const fn is_random(self) -> bool {
        self.flags & RANDOM != 0
    }
}

/// The flags that mean something to us in this version; nothing when what follows them (`rest`) has
/// no place there. Others must not be passed on.
const fn known_flags(version: u8, rest: &[u8]) -> Option<u8> {
    match (version, rest) {
        (0, []) => Some(SAMPLED | RANDOM),
        // Versions to come only add to this one, behind another dash (Trace Context, versioning).
        (1..=0xfe, [] | [b'-', ..]) => Some(SAMPLED),
        _ => None,
    }
}

const fn not_zero(id: [u8; 8]) -> [u8; 8] {
    let id = u64::from_be_bytes(id);
    let id = if id == 0 { 1 } else { id };
    id.to_be_bytes()
}

/// Exactly so many bytes, in small hexadecimal digits.
fn hex<const N: usize>(text: Option<&[u8]>) -> Option<[u8; N]> {
    let (pairs, []) = text?.as_chunks::<2>() else { return None };
    let mut bytes = [0; N];
    if pairs.len() != N {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = hex_digit(*high)? << 4 | hex_digit(*low)?;
    }
    Some(bytes)
}

const fn hex_digit(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, parent) =
            (u128::from_be_bytes(self.trace_id), u64::from_be_bytes(self.parent_id));
        write!(f, "00-{trace:032x}-{parent:016x}-{:02x}", self.flags)
    }
}

/// Tracestate as it came, several lines in one; nothing where it cannot be passed on or says
/// nothing.
fn read_state(cx: &mut Cx<'_>, fields: &Fields) -> Option<Vec<u8>> {
    let field = Name::Tracestate;
    let state = fields.joined(field)?;
    match count_members(&state) {
        Ok(0) => None,
        Ok(_) => Some(state),
        Err(because) => {
            cx.note(|| Seen::Ignored { field, because });
            None
        }
    }
}

fn count_members(state: &[u8]) -> Result<usize, Why> {
    if state.len() > STATE_LEN_MAX {
        return Err(Why::TracestateTooLong);
    }
    // No quoted strings here, so that every comma separates. Empty entries are passed over.
    let members = state.split(|&b| b == b',').map(list::trim_ows).filter(|m| !m.is_empty());
    if !members.clone().all(is_member) {
        return Err(Why::TracestateMalformed);
    }
    let count = members.count();
    if count > MEMBERS_MAX { Err(Why::TracestateTooLong) } else { Ok(count) }
}

/// An entry: a key of at most 256 bytes, and a value that is not longer (Trace Context, list-members).
fn is_member(member: &[u8]) -> bool {
    let mut parts = member.splitn(2, |&b| b == b'=');
    let (Some(key), Some(value)) = (parts.next(), parts.next()) else { return false };
    is_key(key) && (1..=256).contains(&value.len()) && value.iter().all(|&b| is_in_value(b))
}

/// A key, as level 2 has it, which takes those of level 1 too.
fn is_key(key: &[u8]) -> bool {
    let is_first = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let is_in_key = |b: u8| is_first(b) || matches!(b, b'_' | b'-' | b'*' | b'/' | b'@');
    key.len() <= 256
        && key.first().is_some_and(|&b| is_first(b))
        && key.iter().all(|&b| is_in_key(b))
}

const fn is_in_value(b: u8) -> bool {
    matches!(b, b' '..=b'~') && !matches!(b, b',' | b'=')
}
