//! A file to which lines are added.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::Context as _;

use super::lines_of;
use super::queue::REPORT_INTERVAL;
use crate::config::{LogPlace, Rotate};

/// Where the lines of some logs go.
pub(super) struct Sink {
    place: LogPlace,
    /// Only the writer locks it, once there is one, and so never waits for it.
    state: Mutex<State>,
}

struct State {
    file: File,
    /// Nothing for standard output.
    path: Option<PathBuf>,
    /// The device and the number by which a file is known, whatever its name.
    identity: (u64, u64),
    /// Whether it can be rotated: devices and pipes cannot.
    is_regular: bool,
    len: u64,
    /// Whether it was not there before.
    is_new: bool,
    /// What is missing of a line whose beginning is written.
    rest: Vec<u8>,
    trouble: Trouble,
}

/// What went wrong and was not said yet.
#[derive(Default)]
struct Trouble {
    what: Option<(&'static str, io::Error)>,
    lost: u64,
    said: Option<Instant>,
    /// When the last rotation failed.
    not_rotated: Option<Instant>,
}

impl Sink {
    pub(super) fn open(place: &LogPlace) -> anyhow::Result<Self> {
        let state = match place {
            LogPlace::File(path) => State::make(path),
            LogPlace::Stdout | LogPlace::Nowhere => {
                State::open(None, io::stdout().as_fd().try_clone_to_owned().map(File::from))
            }
        };
        let state = state.with_context(|| match place {
            LogPlace::File(path) => format!("cannot write the access log {}", path.display()),
            _ => "cannot write the access log to standard output".to_owned(),
        })?;
        Ok(Self { place: place.clone(), state: Mutex::new(state) })
    }

    /// Lines into a file that has no path.
    #[cfg(test)]
    pub(super) fn of(file: File) -> io::Result<Self> {
        let state = State::open(None, Ok(file))?;
        Ok(Self { place: LogPlace::Stdout, state: Mutex::new(state) })
    }

    pub(super) fn place(&self) -> &LogPlace {
        &self.place
    }

    /// The file, if it was not there before.
    pub(super) fn made(&self) -> Option<io::Result<File>> {
        let state = self.state();
        state.is_new.then(|| state.file.try_clone())
    }

    /// Adds lines, in a new file if the old one is full.
    pub(super) fn write(&self, now: Instant, text: &[u8], rotate: Option<Rotate>) {
        let mut state = self.state();
        if let Some(rotate) = rotate {
            state.rotate_if_full(now, text.len(), rotate);
        }
        state.write(text);
        state.report_at_times(now);
    }

    /// Sees whether the file is still where it was, and opens the one that is there now.
    pub(super) fn look(&self, now: Instant, must_reopen: bool) {
        let mut state = self.state();
        state.look(must_reopen);
        state.report_at_times(now);
    }

    /// Says what went wrong and was not said yet.
    pub(super) fn report(&self) {
        let mut state = self.state();
        let State { path, trouble, .. } = &mut *state;
        trouble.report(path.as_deref());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The file at `path`; made, if none is there.
    fn make(path: &Path) -> io::Result<Self> {
        let made = OpenOptions::new().create_new(true).append(true).open(path);
        match made {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Self::open(Some(path.to_owned()), open(path))
            }
            made => Ok(Self { is_new: true, ..Self::open(Some(path.to_owned()), made)? }),
        }
    }

    fn open(path: Option<PathBuf>, file: io::Result<File>) -> io::Result<Self> {
        let file = file?;
        let metadata = file.metadata()?;
        Ok(Self {
            identity: identity(&metadata),
            is_regular: metadata.is_file(),
            len: metadata.len(),
            is_new: false,
            file,
            path,
            rest: Vec::new(),
            trouble: Trouble::default(),
        })
    }

    fn rotate_if_full(&mut self, now: Instant, more: usize, rotate: Rotate) {
        let is_full = self.len > 0 && self.len + more as u64 > rotate.len_max;
        let has_just_failed = self
            .trouble
            .not_rotated
            .is_some_and(|failed| now.duration_since(failed) < REPORT_INTERVAL);
        if !is_full || !self.is_regular || has_just_failed {
            return;
        }
        // Somebody else may have moved it; then there is a new one already, or none.
        self.look(false);
        if self.len + more as u64 <= rotate.len_max {
            return;
        }
        let Some(path) = self.path.clone() else { return };
        match shift(&path, rotate.keep) {
            Ok(()) => self.reopen(&path),
            Err(error) => {
                self.trouble.not_rotated = Some(now);
                self.trouble.what = Some(("the access log cannot be rotated", error));
            }
        }
    }

    fn look(&mut self, must_reopen: bool) {
        let Some(path) = self.path.clone() else { return };
        let there = fs::metadata(&path).ok();
        let is_same = there.as_ref().is_some_and(|there| identity(there) == self.identity);
        if !is_same || (must_reopen && self.is_regular) {
            return self.reopen(&path);
        }
        // While another program takes over, both write.
        self.len = there.map_or(self.len, |there| there.len());
    }

    /// Goes on in the file that is at `path`, or is made there; in the old one if that cannot be.
    fn reopen(&mut self, path: &Path) {
        match Self::open(Some(path.to_owned()), open(path)) {
            Ok(new) => {
                // The rest of a line has no meaning in another file.
                let lost = self.trouble.lost + lines_of(&self.rest);
                let trouble = Trouble { lost, ..std::mem::take(&mut self.trouble) };
                *self = Self { trouble, ..new };
            }
            Err(error) => {
                self.trouble.what = Some(("the access log cannot be opened anew", error));
            }
        }
    }

    /// Writes what is left of the line before, and these.
    fn write(&mut self, text: &[u8]) {
        let mut rest = std::mem::take(&mut self.rest);
        let (written, ended) = self.write_some(&rest);
        if let Err(error) = ended {
            rest.drain(..written);
            self.rest = rest;
            return self.lose(lines_of(text), error);
        }
        let (written, ended) = self.write_some(text);
        if let Err(error) = ended {
            let (done, missing) = text.split_at(written);
            let rest_len = if done.last().is_none_or(|&b| b == b'\n') {
                0
            } else {
                missing.iter().position(|&b| b == b'\n').map_or(missing.len(), |at| at + 1)
            };
            let (rest, lost) = missing.split_at(rest_len);
            self.rest = rest.to_vec();
            self.lose(lines_of(lost), error);
        }
    }

    /// How much was written, and why not all of it.
    fn write_some(&mut self, text: &[u8]) -> (usize, io::Result<()>) {
        let mut written = 0;
        while let Some(missing) = text.get(written..).filter(|missing| !missing.is_empty()) {
            match self.file.write(missing) {
                Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
                Ok(len) => {
                    written += len;
                    self.len += len as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return (written, Err(error)),
            }
        }
        (written, Ok(()))
    }

    fn lose(&mut self, lines: u64, error: io::Error) {
        self.trouble.lost += lines;
        self.trouble.what = Some(("the access log cannot be written", error));
    }

    /// Says what went wrong, unless it has just said so.
    fn report_at_times(&mut self, now: Instant) {
        let said = self.trouble.said;
        if said.is_none_or(|said| now.duration_since(said) >= REPORT_INTERVAL) {
            self.trouble.said = self.trouble.report(self.path.as_deref()).then_some(now).or(said);
        }
    }
}

impl Trouble {
    /// Says what went wrong; whether there was something to say.
    fn report(&mut self, path: Option<&Path>) -> bool {
        let Some((what, error)) = self.what.take() else { return false };
        let lost = std::mem::take(&mut self.lost);
        let log = path.unwrap_or_else(|| Path::new("standard output")).display();
        tracing::error!(%log, %error, lost, "{what}");
        true
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Gives the file the number 1, and those that have numbers the next one; the last one goes.
fn shift(path: &Path, keep: u32) -> io::Result<()> {
    for number in (1..keep).rev() {
        match fs::rename(numbered(path, number), numbered(path, number + 1)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(path, numbered(path, 1))
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    name.into()
}
