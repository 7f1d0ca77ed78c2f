//! The benchmarks: programs in bench/ that print a figure and how they came to it.

use std::process::Command;

use crate::term::{Paint, paint};
use crate::{Outcome, term, tree};

/// What `cargo xtask bench --help` says.
pub(crate) const HELP: &str = "\
Lists the benchmarks, or runs one.

usage: cargo xtask bench               list them
       cargo xtask bench NAME [ARG…]   run bench/NAME with these arguments

A benchmark is an executable file in bench/ whose first comment says what it measures. It prints
the figure, the ratio against its peer and the commands. `cargo xtask bench NAME --help` asks it
what it takes.
";

/// Lists or runs.
pub(crate) fn run(args: &[String]) -> Outcome {
    let Some((name, args)) = args.split_first() else {
        list();
        return Ok(());
    };
    let program = tree::root().join("bench").join(name);
    if name.contains('/') || !tree::is_executable(&program) {
        return Err(vec![format!(
            "there is no benchmark {name:?}; `cargo xtask bench` lists them"
        )]);
    }
    match Command::new(program).args(args).current_dir(tree::root()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(vec![format!("bench/{name} ended with {status}")]),
        Err(error) => Err(vec![format!("bench/{name} did not start: {error}")]),
    }
}

fn list() {
    let mut names: Vec<String> = std::fs::read_dir(tree::root().join("bench"))
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| tree::is_executable(&entry.path()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    if names.is_empty() {
        term::say("there are no benchmarks in bench/");
    }
    let width = names.iter().map(String::len).max().unwrap_or_default();
    for name in names {
        let text = tree::text(&format!("bench/{name}")).unwrap_or_default();
        let subject = subject(&text).unwrap_or("it does not say what it measures");
        term::say(format_args!("{}  {subject}", paint(Paint::Bold, format_args!("{name:width$}"))));
    }
}

/// The first comment of a script, below the line that names its interpreter.
fn subject(text: &str) -> Option<&str> {
    let mut lines = text.lines().filter(|line| !line.starts_with("#!"));
    let line = lines.find(|line| !line.trim().is_empty())?;
    let comment = line
        .strip_prefix('#')
        .or_else(|| line.strip_prefix("//"))
        .or_else(|| line.strip_prefix("\"\"\""))?;
    Some(comment.trim().trim_end_matches("\"\"\"")).filter(|comment| !comment.is_empty())
}

#[cfg(test)]
mod tests;
