//! What became of scripts, as people and as programs read it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use scripts::{Outcome, Verdict};
use serde_json::{Value, json};

/// How it is said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// A line or more for each script, or only for each that did not pass, and a table.
    Lines { is_quiet: bool },
    /// One object.
    Json,
}

/// What became of all scripts so far.
#[derive(Debug)]
pub(super) struct Report {
    form: Form,
    /// By directory, in order of their names.
    tallies: BTreeMap<String, Tally>,
    scripts: Vec<Value>,
}

/// How many scripts went how.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    passed: usize,
    failed: usize,
    refused: usize,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.refused += other.refused;
    }

    const fn count(self) -> usize {
        self.passed + self.failed + self.refused
    }
}

impl Report {
    pub(super) const fn new(form: Form) -> Self {
        Self { form, tallies: BTreeMap::new(), scripts: Vec::new() }
    }

    /// Tells of a script, which could perhaps not be read.
    pub(super) fn add(&mut self, file: &Path, played: io::Result<Outcome>) -> io::Result<()> {
        let name = file.display().to_string();
        let directory = file.parent().map(|parent| parent.display().to_string());
        let tally = self.tallies.entry(directory.unwrap_or_default()).or_default();
        match played.as_ref().map(|outcome| &outcome.verdict) {
            Ok(Verdict::Passed) => tally.passed += 1,
            Ok(Verdict::Refused(_)) => tally.refused += 1,
            Ok(Verdict::Failed(_)) | Err(_) => tally.failed += 1,
        }
        match self.form {
            Form::Json => self.scripts.push(json_of(&name, &played)),
            Form::Lines { is_quiet } => print(&lines_of(&name, &played, is_quiet))?,
        }
        Ok(())
    }

    /// Says how many went how; whether all passed.
    pub(super) fn finish(self) -> io::Result<bool> {
        let mut all = Tally::default();
        self.tallies.values().for_each(|tally| all.add(*tally));
        match self.form {
            Form::Json => {
                let Tally { passed, failed, refused } = all;
                let scripts = self.scripts;
                let whole = json!({
                    "scripts": scripts, "passed": passed, "failed": failed, "refused": refused,
                });
                print(&format!("{whole:#}\n"))?;
            }
            Form::Lines { .. } if all.count() > 1 => print(&table(&self.tallies, all))?,
            Form::Lines { .. } => {}
        }
        Ok(all.passed == all.count())
    }
}

fn lines_of(name: &str, played: &io::Result<Outcome>, is_quiet: bool) -> String {
    match played {
        Ok(outcome) if is_quiet && outcome.is_passed() => outcome.film.clone(),
        Ok(outcome) => format!("{}{}\n", outcome.film, outcome.describe(name)),
        Err(error) => format!("{name}: {error}\n"),
    }
}

fn json_of(name: &str, played: &io::Result<Outcome>) -> Value {
    let verdict = |word: &str, at: scripts::Position, what: &str| json!({ "file": name, "verdict": word, "line": at.line, "column": at.column, "what": what });
    let outcome = match played {
        Ok(outcome) => outcome,
        Err(error) => {
            return json!({ "file": name, "verdict": "failed", "what": error.to_string() });
        }
    };
    let mut value = match &outcome.verdict {
        Verdict::Passed => json!({ "file": name, "verdict": "passed" }),
        Verdict::Failed(failure) => verdict("failed", failure.at, &failure.what),
        Verdict::Refused(refusal) => verdict("refused", refusal.at, &refusal.what),
    };
    if let (Value::Object(fields), false) = (&mut value, outcome.film.is_empty()) {
        fields.insert("film".to_owned(), outcome.film.clone().into());
    }
    value
}

/// A row for each directory if there are several, and one for all.
fn table(tallies: &BTreeMap<String, Tally>, all: Tally) -> String {
    let rows = tallies.iter().filter(|_| tallies.len() > 1).map(|(name, tally)| (&**name, *tally));
    let rows: Vec<(&str, Tally)> = rows.chain([("all", all)]).collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut text = format!("\n{:width$}  passed  failed  refused\n", "");
    for (name, Tally { passed, failed, refused }) in rows {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{name:width$}  {passed:>6}  {failed:>6}  {refused:>7}");
    }
    text
}

/// Writes to standard output. Who closed the pipe knows why; nothing is said.
fn print(text: &str) -> io::Result<()> {
    match anstream::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
