//! What went wrong, and what can be done about it.

use std::fmt;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

/// A failure, in words for whoever typed the command.
#[derive(Debug)]
pub(crate) struct Problem {
    code: Code,
    what: String,
    /// What to do about it.
    hint: Option<String>,
    pub(super) again: Again,
    /// How long the server asks us to wait before we try again.
    pub(super) after: Option<Duration>,
}

/// The exit code, and with it the kind of a failure. The numbers are those that curl has for the
/// same, since scripts know them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Code {
    Usage = 2,
    BadUrl = 3,
    NotFound = 6,
    Unreachable = 7,
    BadAnswer = 8,
    Partial = 18,
    Status = 22,
    Write = 23,
    Read = 26,
    Internal = 27,
    TimedOut = 28,
    Range = 33,
    Tls = 35,
    Redirects = 47,
    NoAnswer = 52,
    Broken = 56,
    Certificate = 60,
    Coding = 61,
}

/// Whether trying again may help, and does no harm.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Again {
    /// It would be the same.
    Never,
    /// Where asking twice does what asking once does (RFC 9110 §9.2.2): the request may have been
    /// acted upon.
    IfIdempotent,
    /// The request was not acted upon.
    Always,
}

impl Problem {
    pub(super) fn new(code: Code, what: impl Into<String>) -> Self {
        Self { code, what: what.into(), hint: None, again: Again::Never, after: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(super) fn again(self, again: Again) -> Self {
        Self { again, ..self }
    }

    /// Not before so long.
    pub(super) fn after(self, after: Option<Duration>) -> Self {
        Self { after, ..self }
    }

    /// What happened, without what to do about it.
    pub(super) fn what(&self) -> &str {
        &self.what
    }

    pub(super) fn code(&self) -> Code {
        self.code
    }

    pub(super) fn exit_code(&self) -> u8 {
        self.code as u8
    }

    /// Says it on standard error; in colours, if that is a terminal that likes them.
    pub(super) fn print(&self, is_silent: bool) {
        // Nobody reads on: that is for whoever closed the pipe to know.
        if is_silent || self.what.is_empty() {
            return;
        }
        let (red, bold) = (AnsiColor::Red.on_default().bold(), Style::new().bold());
        anstream::eprintln!("{red}error{red:#}: {}", self.what);
        if let Some(hint) = &self.hint {
            anstream::eprintln!("  {bold}tip{bold:#}: {hint}");
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

/// Says something that is no failure.
pub(super) fn note(is_silent: bool, text: impl fmt::Display) {
    if !is_silent {
        let yellow = AnsiColor::Yellow.on_default().bold();
        anstream::eprintln!("{yellow}note{yellow:#}: {text}");
    }
}
