//! Where a request goes: a URL that we can ask for.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use message::Target;
use message::uri::{Host, Reference, Uri, percent};

use super::problem::{Code, Problem};

/// An `http` or `https` URL with a host, without user information.
#[derive(Clone, Debug)]
pub(super) struct Location {
    uri: Uri<'static>,
    pub(super) origin: Origin,
    pub(super) target: Target,
}

/// Whom a URL asks (RFC 9110 §4.3.1): what may share a connection, and secrets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Origin {
    pub(super) is_secure: bool,
    /// In lower case; IPv6 in brackets.
    host: Box<str>,
    pub(super) port: u16,
}

impl Location {
    /// Reads what was typed; see [`with_scheme`].
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let bad = |what: &str| Problem::new(Code::BadUrl, format!("{text} is no URL: {what}"));
        let text = with_scheme(text);
        if authority(&text).is_some_and(|authority| !authority.is_ascii()) {
            return Err(bad("its host has letters that are not ASCII")
                .hint("give the host in its xn-- form (punycode), e.g. xn--bcher-kva.example"));
        }
        let uri = Uri::parse(mended(text.as_bytes())).map_err(|error| bad(error.what))?;
        Self::new(uri)
    }

    /// Where a Location field leads from here (RFC 9110 §10.2.2).
    pub(super) fn redirect(&self, value: &[u8]) -> Result<Self, Problem> {
        let bad = |what: &str| {
            let value = value.escape_ascii();
            Problem::new(Code::Redirects, format!("the redirect to {value} leads nowhere: {what}"))
        };
        let reference = Reference::parse(mended(value)).map_err(|error| bad(error.what))?;
        Self::new(self.uri.resolve(&reference)).map_err(|problem| bad(&problem.to_string()))
    }

    fn new(uri: Uri<'static>) -> Result<Self, Problem> {
        let bad = |what: &str| Problem::new(Code::BadUrl, format!("{uri} cannot be used: {what}"));
        let is_secure = uri.has_scheme("https");
        if !is_secure && !uri.has_scheme("http") {
            return Err(bad("the scheme must be http or https"));
        }
        if uri.userinfo().is_some() {
            // RFC 9110 §4.2.4: it is not shown either, for it may hold a password.
            return Err(Problem::new(Code::BadUrl, "the URL has a user or a password in it")
                .hint("take them out and say --user NAME:PASSWORD"));
        }
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        if host.is_empty() {
            return Err(bad("it has no host"));
        }
        let port = uri.effective_port().unwrap_or_default();
        if port == 0 {
            return Err(bad("nobody can be asked at port 0"));
        }
        let target = Target::from_uri(&uri).map_err(|error| bad(error.what))?;
        let origin = Origin { is_secure, host: host.into(), port };
        Ok(Self { uri, origin, target })
    }

    /// The file's name, as the path has it: the last segment, escapes undone.
    pub(super) fn file_name(&self) -> Result<PathBuf, Problem> {
        let last = self.uri.path().rsplit('/').next().unwrap_or_default();
        let name = percent::decode(last.as_bytes()).unwrap_or_default();
        let is_name = !matches!(&*name, b"" | b"." | b"..")
            && !name.iter().any(|b| *b == b'/' || b.is_ascii_control());
        match String::from_utf8(name.into_owned()) {
            Ok(name) if is_name => Ok(name.into()),
            _ => Err(Problem::new(Code::Usage, format!("{self} has no file name in it"))
                .hint("name the file with -o FILE")),
        }
    }
}

impl Origin {
    /// The value of Host (RFC 9110 §7.2): the port only where it is not the scheme's.
    pub(super) fn host_field(&self) -> String {
        let host = self.sent_host();
        let usual = if self.is_secure { 443 } else { 80 };
        if self.port == usual { host.into_owned() } else { format!("{host}:{}", self.port) }
    }

    /// The host as others may see it: without a zone, which means something here only.
    pub(super) fn sent_host(&self) -> Cow<'_, str> {
        match Host::parse(&self.host) {
            Ok(Host::V6 { address, zone: Some(_) }) => format!("[{address}]").into(),
            _ => Cow::Borrowed(&self.host),
        }
    }

    /// The host as the resolver takes it.
    pub(super) fn dialled_host(&self) -> String {
        match Host::parse(&self.host) {
            Ok(Host::V6 { address, zone: Some(zone) }) => format!("{address}%{zone}"),
            Ok(Host::V6 { address, zone: None }) => address.to_string(),
            _ => self.host.to_string(),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.uri.without_fragment())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Puts a scheme in front where none was typed: `http://` for this machine itself, where nobody
/// listens in, and `https://` for everywhere else.
fn with_scheme(text: &str) -> Cow<'_, str> {
    let is_scheme = |scheme: &str| {
        !scheme.is_empty()
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    };
    if text.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme)) {
        return Cow::Borrowed(text);
    }
    let authority = text.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    let is_local = match Host::parse(host) {
        Ok(Host::Name(name)) => {
            name.eq_ignore_ascii_case("localhost")
                || name.to_ascii_lowercase().ends_with(".localhost")
        }
        Ok(Host::V4(address)) => address.is_loopback(),
        Ok(Host::V6 { address, .. }) => address.is_loopback(),
        _ => false,
    };
    format!("{}://{text}", if is_local { "http" } else { "https" }).into()
}

/// What stands between `//` and the path.
fn authority(text: &str) -> Option<&str> {
    text.split_once("://")?.1.split(['/', '?', '#']).next()
}

/// Escapes behind the authority what no URI may hold but people type and servers send: blanks,
/// letters that are not ASCII, and a few marks. Escapes that are there stay as they are.
fn mended(text: &[u8]) -> String {
    const REFUSED: &[u8] = b"\"<>\\^`{|}";
    let mut mended = String::with_capacity(text.len());
    let authority_end = authority_end(text);
    for (at, &b) in text.iter().enumerate() {
        let is_bracket = at >= authority_end && matches!(b, b'[' | b']');
        if b.is_ascii_graphic() && !REFUSED.contains(&b) && !is_bracket {
            mended.push(char::from(b));
        } else {
            percent::append(&mut mended, &[b], percent::UNRESERVED);
        }
    }
    mended
}

/// Where the path of a reference begins, if it has an authority; else 0.
fn authority_end(text: &[u8]) -> usize {
    let is_end = |b: &u8| matches!(b, b'/' | b'?' | b'#');
    let start = text.iter().position(is_end).unwrap_or(text.len());
    let (scheme, rest) = text.split_at_checked(start).unwrap_or_default();
    match rest.strip_prefix(b"//") {
        Some(rest) if matches!(scheme, [] | [.., b':']) => {
            start + 2 + rest.iter().position(is_end).unwrap_or(rest.len())
        }
        _ => 0,
    }
}
