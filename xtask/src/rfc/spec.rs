//! The lists in `specs/`: which sections of an RFC concern us, in our words.
//!
//! ```text
//! # A line like this is a comment.
//! rfc 9112 HTTP/1.1
//! 2.2     reading a message: lines, and what must be refused
//! 7.2     later: transfer codings that compress
//! ```
//!
//! A section marked `later:` waits for a role that Hepta does not have yet. RFCs whose sections
//! are not followed at all stand together in `specs/by-name.txt`, a number and a subject each.

/// One RFC.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Spec {
    /// Its number.
    pub(super) number: u32,
    /// Its subject.
    pub(super) title: String,
    /// The sections that concern us, in order; none, if it is cited by name only.
    pub(super) sections: Vec<Section>,
}

/// One section.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Section {
    /// `13.2.2`, or `A.1` in an appendix.
    pub(super) number: String,
    /// What it is about, in our words.
    pub(super) title: String,
    /// Whether it waits for a role that we do not have yet.
    pub(super) later: bool,
}

impl Spec {
    /// Whether its sections are not followed.
    pub(super) fn is_by_name(&self) -> bool {
        self.sections.is_empty()
    }

    /// Whether this very section is listed.
    pub(super) fn lists(&self, section: &str) -> bool {
        self.sections.iter().any(|listed| listed.number == section)
    }

    /// Whether a citation is no slip of the pen: of a section that is listed, or of a chapter that
    /// holds one.
    pub(super) fn may_be_cited(&self, section: &str) -> bool {
        let is_within = |listed: &Section| {
            listed
                .number
                .strip_prefix(section)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.is_by_name() || self.sections.iter().any(is_within)
    }
}

/// Reads a list; says the line that is wrong and why.
pub(super) fn parse(text: &str) -> Result<Spec, (usize, String)> {
    let mut spec: Option<Spec> = None;
    for (n, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        spec = Some(match spec {
            None => line
                .strip_prefix("rfc ")
                .and_then(parse_head)
                .ok_or_else(|| (n, "the list begins with: rfc NUMBER TITLE".to_owned()))?,
            Some(spec) => add_line(spec, line).map_err(|why| (n, why))?,
        });
    }
    match spec {
        Some(spec) if !spec.sections.is_empty() => Ok(spec),
        _ => Err((1, "the list is empty".to_owned())),
    }
}

/// Reads the list of the RFCs that are cited by name only.
pub(super) fn parse_by_name(text: &str) -> Result<Vec<Spec>, (usize, String)> {
    let mut specs: Vec<Spec> = Vec::new();
    for (n, line) in (1..).zip(text.lines()) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let spec =
            parse_head(line).ok_or_else(|| (n, "a line here is: NUMBER SUBJECT".to_owned()))?;
        if specs.last().is_some_and(|before| before.number >= spec.number) {
            return Err((n, format!("{} is not in order", spec.number)));
        }
        specs.push(spec);
    }
    Ok(specs)
}

fn parse_head(line: &str) -> Option<Spec> {
    let (number, title) = line.split_once(' ')?;
    let (number, title) = (number.parse().ok()?, title.trim().to_owned());
    Some(Spec { number, title, ..Spec::default() })
}

fn add_line(mut spec: Spec, line: &str) -> Result<Spec, String> {
    let (number, title) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let title = title.trim();
    let (later, title) = match title.strip_prefix("later:") {
        Some(title) => (true, title.trim()),
        None => (false, title),
    };
    if key(number).is_none() {
        return Err(format!("{number:?} is no section's number"));
    }
    if title.is_empty() {
        return Err(format!("§{number} has no title"));
    }
    if let Some(before) = spec.sections.last().filter(|before| key(&before.number) >= key(number)) {
        return Err(format!("§{number} does not come after §{}", before.number));
    }
    spec.sections.push(Section { number: number.to_owned(), title: title.to_owned(), later });
    Ok(spec)
}

/// A section's number, in a form that sorts as the RFC does: numbers, then the appendices.
pub(super) fn key(number: &str) -> Option<Vec<u32>> {
    let part = |(n, part): (usize, &str)| match part.as_bytes() {
        [letter] if n == 0 && letter.is_ascii_uppercase() => Some(1000 + u32::from(*letter)),
        [b'1'..=b'9', ..] => part.parse().ok().filter(|&number| number < 1000),
        _ => None,
    };
    number.split('.').enumerate().map(part).collect()
}
