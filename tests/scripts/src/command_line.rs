//! What `hepta lab run` does: arguments in, lines out.

use std::io::{self, Write};
use std::path::Path;

use crate::{Options, run_file};

/// What is said to who asks how it works.
pub const HELP: &str = "\
Plays conversations written in packetdrill's language against our own TCP, in virtual time.

usage: hepta lab run [-v] [-D NAME=VALUE] [--profile=NAME] [--OPTION[=VALUE]] FILE.pkt…

  -v                         show what the stack does
  -D, --define NAME=VALUE    a word of the scripts that stands for something else
  --profile=NAME             initial values of linux (unless the script says otherwise), freebsd, hepta
  --ip_version=VERSION       ipv4, ipv4-mapped-ipv6 or ipv6
  --allow_trailing_packets   packets behind the last one of a script do not fail it
  --OPTION[=VALUE]           any option that a script may begin with; this one counts

Prints a line for each script, and why if it failed. Exit status: 0 when all passed, 1 when one did not,
2 for arguments that make no sense.
";

/// Plays the scripts that `arguments` name, and says what became of them. Returns the exit status.
///
/// # Errors
/// When nothing can be written to `out`.
pub fn run_command(arguments: &[String], out: &mut dyn Write) -> io::Result<u8> {
    let (options, files) = match read(arguments) {
        Ok(parsed) => parsed,
        Err(what) => {
            writeln!(out, "{what}\n\n{HELP}")?;
            return Ok(2);
        }
    };
    let mut failed = 0;
    for file in &files {
        let line = match run_file(Path::new(file), &options) {
            Ok(outcome) => {
                out.write_all(outcome.film.as_bytes())?;
                failed += usize::from(!outcome.is_passed());
                outcome.describe(file)
            }
            Err(error) => {
                failed += 1;
                format!("{file}: {error}")
            }
        };
        writeln!(out, "{line}")?;
    }
    if files.len() > 1 {
        writeln!(out, "{} scripts, {failed} failed", files.len())?;
    }
    Ok(u8::from(failed > 0))
}

fn read(arguments: &[String]) -> Result<(Options, Vec<String>), String> {
    let mut options = Options::default();
    let mut files = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value =
            |name: &str| rest.next().cloned().ok_or_else(|| format!("{name} needs a value"));
        match argument.as_str() {
            "-v" | "--verbose" => options.is_watched = true,
            "--allow_trailing_packets" => options.allows_trailing_packets = true,
            "-D" | "--define" => options.defines.push(define(&value(argument)?)?),
            "--profile" => options.settings.push(("profile".into(), Some(value(argument)?))),
            "-h" | "--help" => return Err("hepta lab run".to_owned()),
            other => match other.strip_prefix("--") {
                Some(option) => {
                    let (name, value) = match option.split_once('=') {
                        Some((name, value)) => (name, Some(value.to_owned())),
                        None => (option, None),
                    };
                    match (name, value) {
                        ("define", Some(value)) => options.defines.push(define(&value)?),
                        (name, value) => options.settings.push((name.to_owned(), value)),
                    }
                }
                None => match other.strip_prefix("-D") {
                    Some(text) => options.defines.push(define(text)?),
                    None if other.starts_with('-') => {
                        return Err(format!("unknown option {other}"));
                    }
                    None => files.push(other.to_owned()),
                },
            },
        }
    }
    if files.is_empty() {
        return Err("no script".to_owned());
    }
    Ok((options, files))
}

fn define(text: &str) -> Result<(String, String), String> {
    let (name, value) =
        text.split_once('=').ok_or_else(|| format!("{text}: expected NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}
