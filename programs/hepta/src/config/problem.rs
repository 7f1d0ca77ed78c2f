use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file of the configuration, and what is in it.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Source {
    /// What a path in this file means.
    pub(super) fn beside(&self, path: &Path) -> PathBuf {
        self.path.parent().unwrap_or_else(|| Path::new("")).join(path)
    }
}

/// A place in a file.
#[derive(Clone, Debug)]
pub(super) struct At {
    pub(super) source: Arc<Source>,
    pub(super) bytes: Range<usize>,
}

impl At {
    pub(super) fn new(source: &Arc<Source>, offset: usize, len: usize) -> Self {
        Self { source: Arc::clone(source), bytes: offset..offset + len }
    }

    /// The number of the line in which it begins, counted from 1.
    pub(super) fn line(&self) -> usize {
        let text = &self.source.text;
        let before = text.get(..floor(text, self.bytes.start)).unwrap_or_default();
        before.matches('\n').count() + 1
    }

    /// The line, and the file if that is another one than `other`'s.
    pub(super) fn place_seen_from(&self, other: &Self) -> String {
        let line = self.line();
        if Arc::ptr_eq(&self.source, &other.source) {
            return format!("line {line}");
        }
        format!("{}:{line}", self.source.path.display())
    }
}

/// One thing that is wrong, where, and what would be right.
#[derive(Debug)]
pub(crate) struct Problem {
    what: String,
    hint: Option<String>,
    at: Option<At>,
}

/// All that is wrong with a configuration, in the order of its text.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problem {
    pub(super) fn at(at: &At, what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None, at: Some(at.clone()) }
    }

    pub(super) fn nowhere(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None, at: None }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Problems {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// What was made of the text, unless something is wrong.
    pub(super) fn or<T>(self, made: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(made) } else { Err(self.in_order()) }
    }

    /// In the order of the text, file by file.
    fn in_order(mut self) -> Self {
        let mut sources: Vec<Arc<Source>> = Vec::new();
        for at in self.0.iter().filter_map(|problem| problem.at.as_ref()) {
            if !sources.iter().any(|known| Arc::ptr_eq(known, &at.source)) {
                sources.push(Arc::clone(&at.source));
            }
        }
        self.0.sort_by_key(|problem| {
            let at = problem.at.as_ref()?;
            let file = sources.iter().position(|known| Arc::ptr_eq(known, &at.source));
            Some((file, at.bytes.start))
        });
        self
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

/// ```text
/// hepta.kdl:3:5: `ruote` is no key of `site`
///   3 |     ruote "/old" {
///     |     ^^^^^ did you mean `route`?
/// ```
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(at) = &self.at else {
            f.write_str(&self.what)?;
            return self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"));
        };
        let shown = Shown::of(at);
        let (line, column) = (shown.line, shown.column);
        writeln!(f, "{}:{line}:{column}: {}", at.source.path.display(), self.what)?;
        let width = line.to_string().len() + 2;
        writeln!(f, "{line:>width$} | {}", shown.text)?;
        let (pad, mark) = (" ".repeat(shown.column - 1), "^".repeat(shown.width));
        write!(f, "{:>width$} | {pad}{mark}", "")?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, " {hint}"))
    }
}

/// A line as it is shown, and where in it the place is; columns count characters from 1.
struct Shown {
    line: usize,
    column: usize,
    width: usize,
    text: String,
}

impl Shown {
    fn of(at: &At) -> Self {
        let text = &at.source.text;
        let start = floor(text, at.bytes.start);
        let end = floor(text, at.bytes.end).max(start);
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let rest = text.get(line_start..).unwrap_or_default();
        let line = rest.lines().next().unwrap_or_default();
        let column = text.get(line_start..start).unwrap_or_default().chars().count() + 1;
        let marked = text.get(start..end).unwrap_or_default();
        let marked = marked.lines().next().unwrap_or_default().trim_end();
        Self {
            line: at.line(),
            column,
            width: marked.chars().count().max(1),
            // A tab is as wide as one column, so that the mark stands below what it means.
            text: line.replace('\t', " "),
        }
    }
}

/// The boundary of a character at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}
