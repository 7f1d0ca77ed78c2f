//! What a text file must not hold, one file at a time.

#[cfg(test)]
mod tests;

/// Rust files longer than this are noted: is it still one subject?
const LINES_NOTED: usize = 500;

/// Rust files longer than this are refused.
const LINES_MAX: usize = 900;

/// Marks of unfinished work. Spelt in parts, so that this file passes its own check.
const UNFINISHED: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), concat!("NO", "COMMIT")];

/// Calls that are for debugging only.
const DEBUGGING: [&str; 1] = [concat!("dbg", "!(")];

/// Paths that exist on one machine only, and words about who did the work: the repository speaks
/// of the program.
const PRIVATE: [&str; 7] = [
    concat!("/wo", "rk/"),
    concat!("/tmp/tar", "get"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("coordi", "nator"),
    concat!("hel", "per"),
];

/// What was found.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Finding {
    /// Look at it.
    Note(String),
    /// Put it right.
    Wrong(String),
}

/// Everything that is wrong with one file.
pub(super) fn check(file: &str, text: &str) -> Vec<Finding> {
    // What others wrote, and what is meant to be odd.
    if file.starts_with("LICENSE")
        || file.starts_with("fuzz/corpus/")
        || file.ends_with("Cargo.lock")
    {
        return Vec::new();
    }
    let mut findings: Vec<Finding> = check_length(file, text).into_iter().collect();
    // Not `lines()`, which would hide a carriage return.
    for (n, line) in (1..).zip(text.split('\n')) {
        let complaint = check_line(file, line);
        findings.extend(complaint.map(|what| Finding::Wrong(format!("{file}:{n}: {what}"))));
    }
    if !text.is_empty() && !text.ends_with('\n') {
        findings.push(Finding::Wrong(format!("{file}: the last line does not end")));
    }
    findings
}

fn check_length(file: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    if !file.ends_with(".rs") || lines <= LINES_NOTED {
        return None;
    }
    let said = format!("{file} has {lines} lines; a file is something one can keep in mind");
    Some(if lines > LINES_MAX { Finding::Wrong(said) } else { Finding::Note(said) })
}

/// The first thing that is wrong with one line.
fn check_line(file: &str, line: &str) -> Option<String> {
    let holds = |words: &[&'static str]| words.iter().find(|word| line.contains(**word)).copied();
    if line.ends_with([' ', '\t', '\r']) {
        return Some("blanks at the end".to_owned());
    }
    if line.contains('\t') && !file.ends_with("Makefile") {
        return Some("a tab".to_owned());
    }
    if let Some(word) = holds(&PRIVATE) {
        return Some(format!("{word:?} is about one machine or one day"));
    }
    if let Some(word) = holds(&UNFINISHED) {
        return Some(format!("{word} is unfinished work; finish it, or open an issue"));
    }
    if file.ends_with(".rs")
        && let Some(word) = holds(&DEBUGGING)
    {
        return Some(format!("{word}…) is for debugging"));
    }
    None
}
