//! Where the parts of a reference stand. (RFC 3986 §3, §4, appendix A)

use base::Malformed;

use super::authority::{self, Host};
use super::chars;

/// Where the parts stand in the text, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    pub(super) scheme: Option<Span>,
    pub(super) authority: Option<Span>,
    pub(super) userinfo: Option<Span>,
    pub(super) host: Option<Span>,
    pub(super) port: Option<u16>,
    pub(super) path: Span,
    pub(super) query: Option<Span>,
    pub(super) fragment: Option<Span>,
}

/// A part of the text, from `start` to before `end`.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    pub(super) fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

impl Parts {
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        let mut cursor = Cursor { text, at: 0 };
        let scheme = cursor.scheme()?;
        let authority = cursor.take_prefix("//").then(|| cursor.until(&['/', '?', '#']));
        let (userinfo, host, port) = match authority {
            Some(authority) => split_authority(text, authority)?,
            None => (None, None, None),
        };
        // No need to look for a path behind an authority that has no slash, or for two slashes
        // without an authority: the way the parts are found excludes both.
        let path = cursor.until(&['?', '#']);
        chars::check(path.of(text), chars::PATH, "path")?;
        let query = cursor.take_prefix("?").then(|| cursor.until(&['#']));
        let fragment = cursor.take_prefix("#").then(|| cursor.until(&[]));
        if let Some(query) = query {
            chars::check(query.of(text), chars::QUERY, "query")?;
        }
        if let Some(fragment) = fragment {
            chars::check(fragment.of(text), chars::QUERY, "fragment")?;
        }
        Ok(Self { scheme, authority, userinfo, host, port, path, query, fragment })
    }
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl Cursor<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn until(&mut self, ends: &[char]) -> Span {
        let rest = self.rest();
        let start = self.at;
        let end = start + rest.find(ends).unwrap_or(rest.len());
        self.at = end;
        Span { start, end }
    }

    fn take_prefix(&mut self, prefix: &str) -> bool {
        let is_there = self.rest().starts_with(prefix);
        self.at += if is_there { prefix.len() } else { 0 };
        is_there
    }

    /// What stands before the first colon, unless a slash, a query or a fragment comes earlier.
    fn scheme(&mut self) -> Result<Option<Span>, Malformed> {
        let scheme = self.until(&[':', '/', '?', '#']);
        if !self.take_prefix(":") {
            self.at = 0;
            return Ok(None);
        }
        // RFC 3986 §4.2: a relative path whose first segment has a colon would be read as a scheme,
        // so it is one or it is wrong.
        match scheme.of(self.text).as_bytes() {
            [first, rest @ ..]
                if first.is_ascii_alphabetic()
                    && rest.iter().all(|&b| chars::is(b, chars::SCHEME)) =>
            {
                Ok(Some(scheme))
            }
            _ => Err(Malformed::new("scheme")),
        }
    }
}

type AuthorityParts = (Option<Span>, Option<Span>, Option<u16>);

fn split_authority(text: &str, authority: Span) -> Result<AuthorityParts, Malformed> {
    let whole = authority.of(text);
    let (userinfo, host_at) = match whole.find('@') {
        Some(at) => {
            let userinfo = Span { start: authority.start, end: authority.start + at };
            chars::check(userinfo.of(text), chars::USERINFO, "user information")?;
            (Some(userinfo), userinfo.end + 1)
        }
        None => (None, authority.start),
    };
    let (host, port) = authority::split_port(text.get(host_at..authority.end).unwrap_or_default());
    Host::parse(host)?;
    let port = authority::parse_port(port.unwrap_or_default().as_bytes())?;
    Ok((userinfo, Some(Span { start: host_at, end: host_at + host.len() }), port))
}
