//! Where a body goes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use message::{Name, Response};

use super::connect::plain;
use super::location::Location;
use super::options::Options;
use super::problem::{Again, Code, Problem};
use super::progress::Progress;
use super::resume::{self, Part, Plan};

/// How much of a body is looked at to tell whether it is text.
const LOOKED_AT_LEN: usize = 2 * 1024;

/// Where the bodies of one URL go.
#[derive(Debug)]
pub(super) enum Destination {
    /// Standard output; a terminal gets what is no text only if it `takes_anything`.
    Stdout { takes_anything: bool },
    /// A file, by way of a part.
    File(PathBuf),
    /// Something that is there and is no file: a device, a pipe.
    Device(PathBuf),
}

/// What takes a body.
#[derive(Debug)]
pub(super) enum Output {
    Stdout { refuses_binary: bool, has_written: bool, about: String },
    File { file: File, path: PathBuf, len: u64, progress: Progress },
    Device { file: File, path: PathBuf },
}

impl Destination {
    pub(super) fn new(options: &Options, location: &Location) -> Result<Self, Problem> {
        let path = match &options.output {
            Some(path) if path.as_os_str() == "-" => {
                return Ok(Self::Stdout { takes_anything: true });
            }
            Some(path) => path.clone(),
            None if options.remote_name => location.file_name()?,
            None => return Ok(Self::Stdout { takes_anything: false }),
        };
        match fs::metadata(&path) {
            Ok(there) if there.is_dir() => {
                let what = format!("{} is a directory", path.display());
                Err(Problem::new(Code::Write, what).hint("name a file in it with -o FILE"))
            }
            Ok(there) if !there.is_file() => Ok(Self::Device(path)),
            // A link stays, and what it leads to is replaced.
            Ok(_) => Ok(Self::File(fs::canonicalize(&path).unwrap_or(path))),
            Err(_) => Ok(Self::File(path)),
        }
    }

    /// Whether the body is to be kept, so that the page of an error is none that anybody wants.
    pub(super) fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// The part that can be continued, if there is one.
    pub(super) fn part(&self) -> Option<Part> {
        match self {
            Self::File(path) => resume::find(path),
            Self::Stdout { .. } | Self::Device(_) => None,
        }
    }

    /// Opens what takes the body of `response`. `can_resume`: the bytes are those of the
    /// representation, from its beginning.
    pub(super) fn open(
        &self,
        response: &Response,
        plan: Plan,
        part: Option<&Part>,
        complete: Option<u64>,
        can_resume: bool,
        shows_progress: bool,
    ) -> Result<Output, Problem> {
        match self {
            Self::Stdout { takes_anything } => {
                let refuses_binary = !takes_anything && io::stdout().is_terminal();
                Ok(Output::Stdout { refuses_binary, has_written: false, about: about(response) })
            }
            Self::Device(path) => {
                let file = OpenOptions::new().write(true).open(path);
                let file = file.map_err(|error| unwritable(path, &error))?;
                Ok(Output::Device { file, path: path.clone() })
            }
            Self::File(path) => {
                let at = match (plan, part) {
                    (Plan::Continue { .. } | Plan::HaveAll, Some(part)) => part.len,
                    _ => 0,
                };
                let file = if at > 0 {
                    OpenOptions::new().append(true).open(resume::part_path(path))
                } else {
                    begin_part(path, resume::validator(&response.fields).filter(|_| can_resume))
                };
                let file = file.map_err(|error| unwritable(path, &error))?;
                let progress = Progress::begin(shows_progress, path, at, complete);
                Ok(Output::File { file, path: path.clone(), len: at, progress })
            }
        }
    }
}

impl Output {
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        match self {
            Self::Stdout { refuses_binary, has_written, about } => {
                if *refuses_binary && !*has_written && is_binary(bytes) {
                    let what =
                        format!("the body is no text ({about}) and would garble the terminal");
                    return Err(Problem::new(Code::Write, what)
                        .hint("save it with -o FILE, or print it all the same with -o -"));
                }
                *has_written = true;
                write_to_stdout(bytes)
            }
            Self::File { file, path, len, progress } => {
                file.write_all(bytes).map_err(|error| unwritable(path, &error))?;
                *len += bytes.len() as u64;
                progress.advance(bytes.len());
                Ok(())
            }
            Self::Device { file, path } => {
                file.write_all(bytes).map_err(|error| unwritable(path, &error))
            }
        }
    }

    /// How much of a file is there, if it is one.
    pub(super) fn file_len(&self) -> Option<u64> {
        match self {
            Self::File { len, .. } => Some(*len),
            Self::Stdout { .. } | Self::Device { .. } => None,
        }
    }

    /// The body is complete.
    pub(super) fn finish(self) -> Result<(), Problem> {
        match self {
            Self::Stdout { .. } => flush_stdout(),
            Self::Device { .. } => Ok(()),
            Self::File { path, progress, .. } => {
                let done = fs::rename(resume::part_path(&path), &path);
                done.map_err(|error| unwritable(&path, &error))?;
                let _ = fs::remove_file(resume::validator_path(&path));
                progress.finish();
                Ok(())
            }
        }
    }

    /// What is to be said when the body is not complete.
    pub(super) fn cut_short(&self, problem: Problem) -> Problem {
        match self {
            Self::Stdout { has_written: true, .. } => problem.again(Again::Never),
            Self::Stdout { .. } => problem,
            // What a device has taken is gone.
            Self::Device { .. } => problem.again(Again::Never),
            Self::File { path, .. } if problem.code() != Code::Write => {
                let part = resume::part_path(path);
                match resume::find(path) {
                    Some(_) => problem.hint(format!(
                        "{} is kept; go on with the same command and --continue",
                        part.display()
                    )),
                    None => problem.hint(format!(
                        "{} is kept, but must be begun anew: nothing says which version it is",
                        part.display()
                    )),
                }
            }
            Self::File { .. } => problem,
        }
    }
}

/// Begins a part; who continues it learns from the validator of which version it is.
fn begin_part(path: &Path, validator: Option<String>) -> io::Result<File> {
    // In this order, so that no old validator stands beside new bytes.
    let _ = fs::remove_file(resume::validator_path(path));
    let file = File::create(resume::part_path(path))?;
    if let Some(validator) = validator {
        fs::write(resume::validator_path(path), format!("{validator}\n"))?;
    }
    Ok(file)
}

/// Writes to standard output, where a head may go too.
pub(super) fn write_to_stdout(bytes: &[u8]) -> Result<(), Problem> {
    io::stdout().lock().write_all(bytes).map_err(|error| stdout_failed(&error))
}

fn flush_stdout() -> Result<(), Problem> {
    io::stdout().lock().flush().map_err(|error| stdout_failed(&error))
}

fn stdout_failed(error: &io::Error) -> Problem {
    // Who closed the pipe knows why (`hepta get URL | head`); nothing is said.
    let what = match error.kind() {
        io::ErrorKind::BrokenPipe => String::new(),
        _ => format!("standard output takes nothing: {}", plain(error)),
    };
    Problem::new(Code::Write, what)
}

fn unwritable(path: &Path, error: &io::Error) -> Problem {
    let what = format!("{} cannot be written: {}", path.display(), plain(error));
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "make its directory first",
        io::ErrorKind::PermissionDenied => "choose a place that you may write to",
        io::ErrorKind::StorageFull => "make room, then go on with --continue",
        _ => return Problem::new(Code::Write, what),
    };
    Problem::new(Code::Write, what).hint(hint)
}

fn about(response: &Response) -> String {
    let value = |name| response.fields.get(name).map(|value| value.escape_ascii().to_string());
    let kind = value(Name::ContentType).unwrap_or_else(|| "of no known kind".to_owned());
    match value(Name::ContentEncoding) {
        Some(coding) => format!("{kind}, in {coding}: try --compressed"),
        None => kind,
    }
}

/// Text has no NUL.
fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(LOOKED_AT_LEN).any(|&b| b == 0)
}
