//! Finds citations of RFCs in the comments of Rust files.

use super::spec;

/// One section, cited in one place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Citation {
    /// The RFC's number.
    pub(super) rfc: u32,
    /// The section's number.
    pub(super) section: String,
    /// What the citation says of it.
    pub(super) kind: Kind,
    /// Where it stands.
    pub(super) file: String,
    /// The line, from 1.
    pub(super) line: usize,
    /// The line's text.
    pub(super) text: String,
}

/// What a citation says of the section.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// The code below does it.
    Obeyed,
    /// The test below shows it.
    Tested,
    /// We decide otherwise.
    Excepted,
    /// A test speaks of it, and promises nothing.
    Mentioned,
}

impl Kind {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Obeyed => "obeyed",
            Self::Tested => "tested",
            Self::Excepted => "excepted",
            Self::Mentioned => "mentioned",
        }
    }
}

/// Every citation in `text`, in order.
pub(super) fn find(file: &str, text: &str) -> Vec<Citation> {
    let mut citations = Vec::new();
    let unmarked = if is_test(file) { Kind::Mentioned } else { Kind::Obeyed };
    // What the comment says so far; a comment that goes on over lines keeps its subject.
    let mut comment: Option<Comment> = None;
    for (n, line) in (1..).zip(text.lines()) {
        let Some((style, body)) = comment_of(line) else {
            comment = None;
            continue;
        };
        let mut current = match (comment.take(), body.strip_prefix('=')) {
            (_, Some(marked)) => Comment::new(style, Kind::of_mark(marked)),
            (Some(before), None) if before.goes_on_with(style, body) => before,
            _ => Comment::new(style, Some(unmarked)),
        };
        for (rfc, section) in current.sections_in(body) {
            let Some(kind) = current.kind else { continue };
            let (file, text) = (file.to_owned(), line.trim().to_owned());
            citations.push(Citation { rfc, section, kind, file, line: n, text });
        }
        comment = Some(current);
    }
    citations
}

/// Whether a file holds tests, or plays what others do: nothing in it obeys anything.
fn is_test(file: &str) -> bool {
    let is_below = |folder: &str| file.starts_with(folder);
    file.ends_with("/tests.rs")
        || file.contains("/tests/")
        || is_below("tests/")
        || is_below("lab/")
}

/// How a comment is written; one that goes on over lines keeps its style.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Style {
    /// `//`, alone on its line.
    Plain,
    /// `///` or `//!`.
    Doc,
    /// `//` behind code.
    Trailing,
}

/// The comment on a line, without its slashes.
fn comment_of(line: &str) -> Option<(Style, &str)> {
    let line = line.trim();
    if let Some(body) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) {
        return Some((Style::Doc, body));
    }
    if let Some(body) = line.strip_prefix("//") {
        return Some((Style::Plain, body));
    }
    let (code, body) = line.split_once(" // ")?;
    // Slashes inside a string are no comment.
    code.matches('"').count().is_multiple_of(2).then_some((Style::Trailing, body))
}

/// One comment, while it is read.
struct Comment {
    style: Style,
    kind: Option<Kind>,
    rfc: Option<u32>,
}

impl Kind {
    /// What `//= …` says; nothing, where the mark is not one of ours.
    fn of_mark(marked: &str) -> Option<Self> {
        let word = marked.trim_start();
        match word {
            _ if word.starts_with("test") => Some(Self::Tested),
            _ if word.starts_with("exception") => Some(Self::Excepted),
            _ => None,
        }
    }
}

impl Comment {
    const fn new(style: Style, kind: Option<Kind>) -> Self {
        Self { style, kind, rfc: None }
    }

    /// Whether the next line belongs to this comment.
    fn goes_on_with(&self, style: Style, body: &str) -> bool {
        let begins_anew = style == Style::Plain && body.trim_start().starts_with("RFC ");
        style == self.style && style != Style::Trailing && !begins_anew
    }

    /// The sections this line adds. After `RFC 9112`, every `§` belongs to it until words that
    /// are no list come between: `RFC 9112 §6.1, §6.3 (3) and §7.1`.
    fn sections_in(&mut self, body: &str) -> Vec<(u32, String)> {
        let mut sections = Vec::new();
        let mut words = body.split_whitespace();
        while let Some(word) = words.next() {
            let opened = word.trim_start_matches(['(', '[', '"', '`', '*']);
            if opened == "RFC" {
                self.rfc = words.clone().next().and_then(|next| digits(next).parse().ok());
            } else if let Some(rest) = opened.strip_prefix('§') {
                let number = section_number(rest);
                if let (Some(rfc), Some(number)) = (self.rfc, number) {
                    sections.push((rfc, number.to_owned()));
                }
            } else if !(is_listing(word)
                || self.rfc.is_some_and(|rfc| digits(word).parse() == Ok(rfc)))
            {
                self.rfc = None;
            }
        }
        sections
    }
}

/// Whether a word may stand between an RFC's number and a section of it.
fn is_listing(word: &str) -> bool {
    matches!(word, "and" | "or" | "to" | "with" | "&" | "–" | "-" | "=" | "test" | "exception:")
        || (word.starts_with('(') && word.trim_end_matches([',', '.', ';', ':']).ends_with(')'))
}

fn digits(word: &str) -> &str {
    let end = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    word.split_at(end).0
}

/// The number at the beginning of `text`, if it is a section's.
fn section_number(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(text.len());
    let number = text.split_at(end).0.trim_end_matches('.');
    spec::key(number).is_some().then_some(number)
}
