//! What is asked for, as the options say it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use message::{Fields, Method, Name, Request, Status, Version};

use super::location::Location;
use super::options::Options;
use super::problem::{Code, Problem};
use super::resume::Part;
use super::upload::{Body, EXPECT_LEN_MIN};

/// What the codings of `--compressed` are called, those with the smallest results first.
const CODINGS: &str = "br, zstd, gzip";

/// The request, before it is known where it goes.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) body: Option<Body>,
    /// The user's fields: a name, and its value or nothing, which takes ours away.
    fields: Vec<(String, Option<Vec<u8>>)>,
    /// The value of Authorization.
    authorization: Option<String>,
    /// The value of Range.
    range: Option<String>,
    compressed: bool,
}

/// The next request on the way to an answer.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) location: Location,
    pub(super) method: Method,
    pub(super) body: Option<Body>,
    /// Whether the server may see what is meant for the one we asked first.
    pub(super) may_see_secrets: bool,
    /// Whether to ask for leave to send a large body.
    pub(super) expects: bool,
    /// What we have already.
    pub(super) part: Option<Part>,
}

impl Asked {
    pub(super) fn new(options: &Options) -> Result<Self, Problem> {
        check_outputs(options)?;
        let body = options.data.as_deref().map(Body::from_argument).transpose()?;
        let method = match &options.method {
            Some(name) => Method::from_bytes(name.as_bytes())
                .filter(|method| *method != Method::Connect)
                .ok_or_else(|| usage(format!("{name:?} is no method that can be sent here")))?,
            None if options.head => Method::Head,
            None if body.is_some() => Method::Post,
            None => Method::Get,
        };
        let fields = options.fields.iter().map(|line| parse_field(line));
        Ok(Self {
            method,
            body,
            fields: fields.collect::<Result<_, _>>()?,
            authorization: options.user.as_deref().map(basic).transpose()?,
            range: options.range.as_deref().map(parse_range).transpose()?,
            compressed: options.compressed,
        })
    }

    /// Whether a part of the content was asked for, so that 206 is no surprise.
    pub(super) fn asks_for_range(&self) -> bool {
        self.range.is_some() || self.fields.iter().any(|(name, _)| is(name, Name::Range))
    }

    /// Whether the server has sent the whole although `--range` wants a part.
    pub(super) fn is_range_ignored(&self, status: Status) -> bool {
        self.range.is_some() && status == Status::OK
    }

    /// Whether leave is asked to send the body. Who speaks of Expect himself knows better.
    pub(super) fn expects_continue(&self, step: &Step) -> bool {
        let is_large = step.body.as_ref().is_some_and(|body| body.len() > EXPECT_LEN_MIN);
        step.expects && is_large && !self.fields.iter().any(|(name, _)| is(name, Name::Expect))
    }

    /// The head of the request. Host stands first (RFC 9110 §7.2).
    pub(super) fn request(&self, step: &Step) -> Request {
        let mut fields = Fields::new();
        let mut push = |name: Name, value: &str| {
            if !self.fields.iter().any(|(theirs, _)| is(theirs, name)) {
                fields.push(name, value);
            }
        };
        push(Name::Host, &step.location.origin.host_field());
        push(Name::UserAgent, concat!("Hepta/", env!("CARGO_PKG_VERSION")));
        push(Name::Accept, "*/*");
        if self.compressed {
            push(Name::AcceptEncoding, CODINGS);
        }
        if let Some(value) = self.authorization.as_deref().filter(|_| step.may_see_secrets) {
            push(Name::Authorization, value);
        }
        if let Some(range) = &self.range {
            push(Name::Range, range);
        }
        if let Some(part) = &step.part {
            push(Name::Range, &format!("bytes={}-", part.len));
            push(Name::IfRange, &part.validator);
        }
        if let Some(body) = &step.body {
            push(Name::ContentType, "application/x-www-form-urlencoded");
            fields.set(Name::ContentLength, body.len().to_string());
            if self.expects_continue(step) {
                fields.set(Name::Expect, "100-continue");
            }
        }
        for (name, value) in &self.fields {
            let is_secret = is(name, Name::Authorization) || is(name, Name::Cookie);
            if let Some(value) = value
                && (step.may_see_secrets || !is_secret)
            {
                fields.push(name.as_str(), value);
            }
        }
        Request {
            method: step.method.clone(),
            target: step.location.target.clone(),
            version: Version::HTTP_11,
            fields,
        }
    }
}

impl Step {
    pub(super) fn first(asked: &Asked, location: Location, part: Option<Part>) -> Self {
        Self {
            location,
            method: asked.method.clone(),
            body: asked.body.clone(),
            may_see_secrets: true,
            expects: true,
            part,
        }
    }
}

fn is(name: &str, known: Name) -> bool {
    name.eq_ignore_ascii_case(known.as_str())
}

fn usage(what: impl Into<String>) -> Problem {
    Problem::new(Code::Usage, what)
}

/// What clap cannot say: options that need one another.
fn check_outputs(options: &Options) -> Result<(), Problem> {
    let has_file = options.output.as_ref().is_some_and(|file| file.as_os_str() != "-");
    if has_file && options.urls.len() > 1 {
        return Err(usage("several URLs cannot go to one file").hint("use --remote-name (-O)"));
    }
    if options.resume && !has_file && !options.remote_name {
        return Err(usage("only a file can be continued")
            .hint("name it with -o FILE, or use --remote-name (-O)"));
    }
    Ok(())
}

/// `Name: value`, or `Name:` for none.
pub(super) fn parse_field(line: &str) -> Result<(String, Option<Vec<u8>>), Problem> {
    let bad = |what: &str| usage(format!("{line:?} is no field: {what}"));
    let Some((name, value)) = line.split_once(':') else {
        return Err(bad("a colon must stand between name and value"));
    };
    let value = value.trim_matches([' ', '\t']);
    Fields::new().try_push(name, value.as_bytes()).map_err(|error| bad(error.what))?;
    if is(name, Name::ContentLength) || is(name, Name::TransferEncoding) {
        return Err(bad("how long the body is follows from --data"));
    }
    let value = Some(value.as_bytes().to_vec()).filter(|value| !value.is_empty());
    Ok((name.to_owned(), value))
}

/// The value of Range; what the server will think of it is its own business, so that only what no
/// server could read is refused (RFC 9110 §14.1.2).
pub(super) fn parse_range(text: &str) -> Result<String, Problem> {
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let is_range = |range: &str| {
        let parts = range.trim().split_once('-');
        parts.is_some_and(|(first, last)| {
            is_number(first) && is_number(last) && !(first.is_empty() && last.is_empty())
        })
    };
    let ranges = text.strip_prefix("bytes=").unwrap_or(text);
    if !ranges.split(',').all(is_range) {
        return Err(usage(format!("{text:?} is no range"))
            .hint("0-99 is the first 100 bytes, 500- all from 500 on, -100 the last 100"));
    }
    Ok(format!("bytes={ranges}"))
}

/// Basic credentials (RFC 7617 §2), in UTF-8.
fn basic(user: &str) -> Result<String, Problem> {
    let Some((name, password)) = user.split_once(':') else {
        return Err(usage("--user has no password").hint("say --user NAME:PASSWORD"));
    };
    let all = format!("{name}:{password}");
    if all.chars().any(char::is_control) {
        return Err(usage("a name or a password cannot hold control characters"));
    }
    Ok(format!("Basic {}", STANDARD.encode(all.as_bytes())))
}
