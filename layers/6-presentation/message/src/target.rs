//! Request targets in their four forms. (RFC 9112 §3.2)
//!
//! ```text
//!   origin      GET /over/there?name=ferret HTTP/1.1        to the server itself
//!   absolute    GET http://example.com/over/there HTTP/1.1  to a proxy; every server takes it
//!   authority   CONNECT example.com:443 HTTP/1.1            a tunnel to there
//!   asterisk    OPTIONS * HTTP/1.1                          the server as a whole
//! ```
//!
//! A target is read as clients really write it, which is a little more than RFC 3986 has:
//!
//! | bytes                                            | path | query |
//! |--------------------------------------------------|------|-------|
//! | those of RFC 3986                                | yes  | yes   |
//! | `^` `` ` `` `\|` `{` `}` `[` `]`                 | yes  | yes   |
//! | `\`, and `%` without two hexadecimal digits      | no   | yes   |
//! | `"` `<` `>` `#`, space, control bytes, non-ASCII | no   | no    |
//!
//! Whatever stands here is sent on as it came. Only [`Target::normal_path`] looks into it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base::Malformed;

use crate::Method;
use crate::uri::{Authority, Uri, chars, percent};

/// Where a request goes: its text, and where the parts stand.
#[derive(Clone)]
pub struct Target {
    /// ASCII; shared by clones.
    text: Arc<[u8]>,
    form: Form,
    port: Option<u16>,
    /// The length of the scheme; nothing but the absolute-form has one.
    scheme_len: u32,
    host_start: u32,
    host_end: u32,
    path_start: u32,
    path_end: u32,
    /// Whether the path is its own [`normal_path`](Self::normal_path).
    is_normal: bool,
}

/// The form of a target (RFC 9112 §3.2).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Form {
    /// A path and perhaps a query.
    Origin,
    /// A whole URI, without a fragment.
    Absolute,
    /// A host and a port: only with CONNECT.
    Authority,
    /// A `*`: only with OPTIONS.
    Asterisk,
}

impl Target {
    /// Reads the target of a request with this method.
    ///
    /// CONNECT has the authority-form and nothing else; `*` goes with OPTIONS only. Refused: what
    /// the module's table says, fragments, and in the absolute-form user information and an empty
    /// host. The caller bounds the length, to at most 4 GiB.
    #[inline]
    pub fn parse(method: &Method, bytes: &[u8]) -> Result<Self, Malformed> {
        match (bytes, method) {
            (_, Method::Connect) => Self::parse_authority(bytes),
            ([b'/', ..], _) => Self::parse_origin(bytes),
            (b"*", Method::Options) => Self::new(Form::Asterisk, bytes, 0, 1),
            (b"*", _) => Err(Malformed::new("asterisk without OPTIONS")),
            ([], _) => Err(Malformed::new("target is empty")),
            _ => Self::parse_absolute(bytes),
        }
    }

    /// The target a client sends to a server: a path and perhaps a query, as they are sent. An empty
    /// path becomes a slash (RFC 9112 §3.2.1).
    pub fn origin(path_and_query: &str) -> Result<Self, Malformed> {
        if path_and_query.is_empty() || path_and_query.starts_with('?') {
            return Self::parse_origin(format!("/{path_and_query}").as_bytes());
        }
        Self::parse_origin(path_and_query.as_bytes())
    }

    /// The target a client sends to the server of `uri`: its path and query, and never its fragment.
    pub fn from_uri(uri: &Uri<'_>) -> Result<Self, Malformed> {
        Self::origin(uri.path_and_query())
    }

    #[inline]
    fn parse_origin(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.first() != Some(&b'/') {
            return Err(Malformed::new("path without a slash in front"));
        }
        let path_end = path_end(bytes, 0)?;
        Self::new(Form::Origin, bytes, 0, path_end)
    }

    fn parse_absolute(bytes: &[u8]) -> Result<Self, Malformed> {
        let scheme_len = chars::span(bytes, chars::SCHEME);
        let starts_with_letter = bytes.first().is_some_and(u8::is_ascii_alphabetic);
        let rest = bytes.get(scheme_len..).and_then(|rest| rest.strip_prefix(b"://"));
        let Some(rest) = rest.filter(|_| starts_with_letter) else {
            return Err(Malformed::new("target"));
        };
        let authority_len =
            rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
        // RFC 9110 §4.2.4: user information is no part of it any more, and looks like a trick.
        // §4.2.1: an http URI without a host is refused; so is any other here.
        let authority = Authority::parse(rest.get(..authority_len).unwrap_or_default())?;
        let host_start = scheme_len + 3;
        let path_start = host_start + authority_len;
        let target = Self::new(Form::Absolute, bytes, path_start, path_end(bytes, path_start)?)?;
        Ok(Self {
            scheme_len: scheme_len as u32,
            host_start: host_start as u32,
            host_end: (host_start + authority.host.len()) as u32,
            port: authority.port,
            ..target
        })
    }

    fn parse_authority(bytes: &[u8]) -> Result<Self, Malformed> {
        let authority = Authority::parse(bytes)?;
        // RFC 9110 §9.3.6: a tunnel needs a port, and one that can be connected to.
        if authority.port.is_none_or(|port| port == 0) {
            return Err(Malformed::new("CONNECT without a port"));
        }
        let target = Self::new(Form::Authority, bytes, bytes.len(), bytes.len())?;
        Ok(Self { host_end: authority.host.len() as u32, port: authority.port, ..target })
    }

    /// A target whose bytes up to the query have been looked at: looks at the query, and keeps all.
    #[inline]
    fn new(
        form: Form,
        bytes: &[u8],
        path_start: usize,
        path_end: usize,
    ) -> Result<Self, Malformed> {
        let query = bytes.get(path_end..).unwrap_or_default();
        let query_end = path_end + chars::span(query, chars::TARGET_QUERY);
        if query_end != bytes.len() {
            return Err(why_refused(bytes, query_end, "query"));
        }
        if u32::try_from(bytes.len()).is_err() {
            return Err(Malformed::new("target"));
        }
        Ok(Self {
            text: bytes.into(),
            form,
            port: None,
            scheme_len: 0,
            host_start: 0,
            host_end: 0,
            path_start: path_start as u32,
            path_end: path_end as u32,
            is_normal: is_normal(bytes.get(path_start..path_end).unwrap_or_default()),
        })
    }

    /// Which form it has.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The text as it came, and as it is sent on.
    pub fn as_str(&self) -> &str {
        as_text(&self.text)
    }

    /// The same as bytes, for who only hands them on.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// The path as it came: a slash where an absolute-form has none, nothing in the authority-form,
    /// `*` in the asterisk-form.
    pub fn path(&self) -> &str {
        as_text(self.path_bytes())
    }

    #[inline]
    fn path_bytes(&self) -> &[u8] {
        match self.bytes(self.path_start, self.path_end) {
            b"" if self.form == Form::Absolute => b"/",
            path => path,
        }
    }

    /// The query as it came, without its question mark.
    pub fn query(&self) -> Option<&str> {
        self.text.get(self.path_end as usize..)?.strip_prefix(b"?").map(as_text)
    }

    /// The path and the query: what a server further on is asked for (RFC 9112 §3.2.1). Nothing in
    /// the authority-form.
    ///
    /// An OPTIONS in absolute-form with neither is `*` to the last server (§3.2.4): who forwards it
    /// asks [`has_no_path`](Self::has_no_path).
    pub fn path_and_query(&self) -> Cow<'_, str> {
        match as_text(self.text.get(self.path_start as usize..).unwrap_or_default()) {
            rest if self.has_no_path() => Cow::Owned(format!("/{rest}")),
            rest => Cow::Borrowed(rest),
        }
    }

    /// Whether it is an absolute-form without a path, which means the root or, with OPTIONS and
    /// without a query, the whole server.
    pub fn has_no_path(&self) -> bool {
        self.form == Form::Absolute && self.path_start == self.path_end
    }

    /// The scheme as it came: only the absolute-form has one.
    pub fn scheme(&self) -> Option<&str> {
        (self.form == Form::Absolute).then(|| self.part(0, self.scheme_len))
    }

    /// The host and the port of an absolute-form or an authority-form.
    pub fn authority(&self) -> Option<Authority<'_>> {
        let host = self.part(self.host_start, self.host_end);
        (!host.is_empty()).then_some(Authority { host, port: self.port })
    }

    /// The path as the name of a file below a root: every escape undone once, dot segments removed,
    /// slashes that follow each other one, a slash in front. It is borrowed when that changes nothing.
    ///
    /// The order is that of file systems: escapes first (so `%2e%2e` climbs and `%252e` is the three
    /// bytes `%2e`), then empty segments, then dots (so `/a//../b` is `/b`). A path that ends with a
    /// slash or a dot segment keeps a slash at its end: it names a directory. A backslash is a byte
    /// of a name like any other.
    ///
    /// Errs where the name would not be what the client can mean: an escaped slash, NUL or another
    /// control byte, a `..` above the root, and a target that has no path.
    #[inline]
    pub fn normal_path(&self) -> Result<Cow<'_, [u8]>, Malformed> {
        if matches!(self.form, Form::Authority | Form::Asterisk) {
            return Err(Malformed::new("target has no path"));
        }
        let path = self.path_bytes();
        if self.is_normal { Ok(Cow::Borrowed(path)) } else { normalise(path).map(Cow::Owned) }
    }

    fn part(&self, start: u32, end: u32) -> &str {
        as_text(self.bytes(start, end))
    }

    fn bytes(&self, start: u32, end: u32) -> &[u8] {
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }
}

/// Every byte of a target has been looked at and is ASCII; told to the compiler only where text is
/// asked for, because it looks again.
fn as_text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_default()
}

/// Where the path that begins at `start` ends: at the query or at the end.
#[inline]
fn path_end(bytes: &[u8], start: usize) -> Result<usize, Malformed> {
    //= exception: RFC 3986 §3.3: browsers and curl leave some bytes as they are in a path (the
    // module's table has them); they are unambiguous, and refusing them breaks real sites.
    let path = bytes.get(start..).unwrap_or_default();
    let end = start + chars::span_with_escapes(path, chars::TARGET_PATH);
    match bytes.get(end) {
        None | Some(b'?') => Ok(end),
        Some(_) => Err(why_refused(bytes, end, "path")),
    }
}

//= exception: RFC 3986 §3.4: in a query the same bytes, a backslash, and a `%` that escapes nothing:
// browsers send all of these, and queries are handed on unread.
#[cold]
fn why_refused(bytes: &[u8], at: usize, otherwise: &'static str) -> Malformed {
    Malformed::new(match bytes.get(at) {
        Some(b'#') => "fragment in the target",
        Some(b'%') => "escape in the path",
        _ => otherwise,
    })
}

/// Whether nothing is to be done: no escape, and no segment that is empty or begins with a dot.
#[inline]
fn is_normal(path: &[u8]) -> bool {
    // Without an early exit: paths are short, and the compiler looks at many bytes at a time.
    let escaped = path.iter().fold(false, |found, &b| found | (b == b'%'));
    let pairs = path.iter().zip(path.iter().skip(1));
    let special = |(&a, &b): (&u8, &u8)| (a == b'/') & ((b == b'/') | (b == b'.'));
    !(escaped | pairs.fold(false, |found, pair| found | special(pair)))
}

/// One pass: a segment is written once and taken back at most once.
fn normalise(path: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut out = Vec::with_capacity(path.len() + 1);
    let mut names_directory = false;
    for segment in path.split(|&b| b == b'/') {
        let segment = percent::decode(segment)?;
        names_directory = matches!(&*segment, b"" | b"." | b"..");
        match &*segment {
            b"" | b"." => {}
            //= exception: RFC 3986 §5.2.4: a reference that climbs above the root stays there. No
            // client sends one that it has resolved, so this is an attempt, and it is refused.
            b".." if out.is_empty() => return Err(Malformed::new("path above the root")),
            b".." => out.truncate(out.iter().rposition(|&b| b == b'/').unwrap_or(0)),
            name if name.contains(&b'/') => return Err(Malformed::new("slash in a name")),
            name if name.iter().any(u8::is_ascii_control) => {
                return Err(Malformed::new("control byte in a name"));
            }
            name => {
                out.push(b'/');
                out.extend_from_slice(name);
            }
        }
    }
    if names_directory {
        out.push(b'/');
    }
    Ok(out)
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.form, self.as_str())
    }
}

/// The same form and the same text.
impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        self.form == other.form && self.text == other.text
    }
}

impl Eq for Target {}
