//! Everything that must pass, in one command.

mod peers;

use std::time::{Duration, Instant};

use crate::term::{Paint, paint};
use crate::{Outcome, layers, rfc, term, tidy, tree};

/// What `cargo xtask test --help` says.
pub(crate) const HELP: &str = "\
Runs everything that must pass.

usage: cargo xtask test [--no-install] [--quick] [--only STEP]…

  peers    the programs that the tests talk to are here; on Debian and Ubuntu they are installed
           with apt-get where that is allowed (as root, or with sudo that asks for no password)
  layers   cargo xtask layers
  rfc      cargo xtask rfc --check
  tidy     cargo xtask tidy
  test     cargo test --workspace, examples in the documentation included
  doc      cargo doc, without warnings

  --no-install   install nothing; say what is missing and stop
  --quick        leave out the tests whose names hold `chromium` or `node`
  --only STEP    run this step only; may be given more than once

Nothing is left out in silence: without its peers the command stops and says what to install.
";

/// The steps, in order.
const STEPS: [(&str, Step); 6] = [
    ("peers", |options| peers::ensure(options.may_install, options.quick)),
    ("layers", |_| layers::run(&[])),
    ("rfc", |_| rfc::run(&["--check".to_owned()])),
    ("tidy", |_| tidy::run(&[])),
    ("test", run_tests),
    ("doc", |_| build_documentation()),
];

type Step = fn(&Options) -> Outcome;

/// What `--quick` leaves out: the peers that are large.
const SLOW: [&str; 2] = ["chromium", "node"];

/// What was asked for.
#[derive(Debug, Eq, PartialEq)]
struct Options {
    may_install: bool,
    quick: bool,
    only: Vec<String>,
}

impl Options {
    fn parse(args: &[String]) -> Result<Self, Vec<String>> {
        let mut options = Self { may_install: true, quick: false, only: Vec::new() };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--no-install" => options.may_install = false,
                "--quick" => options.quick = true,
                "--only" => match args.next() {
                    Some(step) if STEPS.iter().any(|(name, _)| name == step) => {
                        options.only.push(step.clone());
                    }
                    _ => {
                        let names = STEPS.map(|(name, _)| name).join(", ");
                        return Err(vec![format!("--only takes one of: {names}")]);
                    }
                },
                _ => crate::unknown_argument("test", arg)?,
            }
        }
        Ok(options)
    }

    /// Whether a step runs. Tests need their peers, whoever asked only for the tests.
    fn runs(&self, step: &str) -> bool {
        let is_asked = |name: &str| self.only.iter().any(|only| only == name);
        self.only.is_empty() || is_asked(step) || (step == "peers" && is_asked("test"))
    }
}

/// Runs the steps and prints what became of them.
pub(crate) fn run(args: &[String]) -> Outcome {
    let options = Options::parse(args)?;
    let mut results: Vec<(&str, bool, Duration)> = Vec::new();
    for (name, step) in STEPS.iter().filter(|(name, _)| options.runs(name)) {
        term::say(paint(Paint::Bold, format_args!("== {name}")));
        let start = Instant::now();
        let outcome = step(&options);
        for complaint in outcome.as_ref().err().into_iter().flatten() {
            term::complain(complaint);
        }
        results.push((name, outcome.is_ok(), start.elapsed()));
        // Without its peers a test fails for a reason that is not its own.
        if *name == "peers" && outcome.is_err() {
            break;
        }
    }
    summarise(&results, options.quick)
}

fn summarise(results: &[(&str, bool, Duration)], quick: bool) -> Outcome {
    term::say("");
    for (name, is_fine, time) in results {
        let verdict =
            if *is_fine { paint(Paint::Green, "passed") } else { paint(Paint::Red, "failed") };
        term::say(format_args!("{name:<8}{verdict}{:>8.1} s", time.as_secs_f64()));
    }
    if quick {
        term::say(format_args!("left out, as --quick asks: tests with {}", SLOW.join(" or ")));
    }
    let failed: Vec<&str> =
        results.iter().filter(|(_, fine, _)| !fine).map(|(name, ..)| *name).collect();
    if failed.is_empty() { Ok(()) } else { Err(vec![format!("failed: {}", failed.join(", "))]) }
}

fn run_tests(options: &Options) -> Outcome {
    let mut args = vec!["test", "--workspace", "--no-fail-fast"];
    if options.quick {
        args.extend(["--", "--skip", SLOW[0], "--skip", SLOW[1]]);
    }
    run_cargo(&args, &[])
}

fn build_documentation() -> Outcome {
    run_cargo(&["doc", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")])
}

/// Runs Cargo; what it prints is what people know.
fn run_cargo(args: &[&str], environment: &[(&str, &str)]) -> Outcome {
    let what = format!("cargo {}", args.join(" "));
    match tree::cargo(args).envs(environment.iter().copied()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(vec![format!("{what} failed; see above")]),
        Err(error) => Err(vec![format!("{what} did not start: {error}")]),
    }
}

#[cfg(test)]
mod tests;
