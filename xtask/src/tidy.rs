//! Form: what a machine can check, so that people need not.

mod files;
mod links;

use crate::{Outcome, term, tree, unknown_argument};

/// What `cargo xtask tidy --help` says.
pub(crate) const HELP: &str = "\
Checks form.

usage: cargo xtask tidy [--no-clippy]

  --no-clippy   leave out what must compile; the rest takes a second

It checks that rustfmt would change nothing, that clippy is silent about every target, that
each Cargo.lock is committed and up to date, that no file is too long (noted above 500 lines of Rust,
refused above 900), that no left-overs stay behind (marks of unfinished work, debugging prints,
tabs, trailing blanks, paths of somebody's machine), that every link in the Markdown files leads
somewhere, and that every page in docs/ can be reached from docs/README.md.
";

/// Checks the tree.
pub(crate) fn run(args: &[String]) -> Outcome {
    let mut with_clippy = true;
    for arg in args {
        match arg.as_str() {
            "--no-clippy" => with_clippy = false,
            _ => return unknown_argument("tidy", arg),
        }
    }
    let tracked = tree::files();
    let mut complaints = Vec::new();
    for file in &tracked {
        let Some(text) = tree::text(file) else { continue };
        for finding in files::check(file, &text) {
            match finding {
                files::Finding::Note(note) => term::warn(note),
                files::Finding::Wrong(complaint) => complaints.push(complaint),
            }
        }
    }
    complaints.extend(links::check(&tracked, tree::text));
    complaints.extend(check_locks(&tracked));
    complaints.extend(check_cargo(&["fmt", "--all", "--check"], "cargo fmt --all"));
    if with_clippy {
        let clippy = ["clippy", "-q", "--workspace", "--all-targets", "--", "-D", "warnings"];
        complaints.extend(check_cargo(&clippy, "cargo clippy --workspace --all-targets"));
    }
    if complaints.is_empty() {
        term::say(format_args!("tidy: {} files are in form", tracked.len()));
        return Ok(());
    }
    Err(complaints)
}

/// Runs Cargo, which says itself what is wrong.
fn check_cargo(args: &[&str], remedy: &str) -> Option<String> {
    match tree::cargo(args).status() {
        Ok(status) if status.success() => None,
        Ok(_) => {
            Some(format!("cargo {} is not content; see above, and run `{remedy}`", args.join(" ")))
        }
        Err(error) => Some(format!("cargo {} did not start: {error}", args.join(" "))),
    }
}

/// Whether each workspace, those of benchmarks and fuzzers too, has the versions in its
/// `Cargo.lock` that it asks for.
fn check_locks(tracked: &[String]) -> Vec<String> {
    ["Cargo.toml", "bench/stacks/Cargo.toml", "fuzz/Cargo.toml"]
        .into_iter()
        .filter_map(|manifest| check_lock(tracked, manifest))
        .collect()
}

fn check_lock(tracked: &[String], manifest: &str) -> Option<String> {
    let lock = manifest.replace(".toml", ".lock");
    if !tracked.contains(&lock) {
        return Some(format!("{lock} is not committed"));
    }
    let args = ["metadata", "--locked", "--format-version=1", "--manifest-path", manifest];
    let is_current = tree::cargo(&args).output().is_ok_and(|output| output.status.success());
    let remedy = format!("cargo update --workspace --manifest-path {manifest}");
    (!is_current).then(|| format!("{lock} is out of date; run `{remedy}`"))
}
