//! The file that says which process serves.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::Context as _;
use rustix::fs::OFlags;

/// A file with the number of the process that serves.
pub(super) struct PidFile(PathBuf);

impl PidFile {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Writes our number into it, in place of another's; the file, open. A link is not followed: it
    /// could lead to a file that somebody else wants overwritten.
    pub(super) fn write(&self) -> anyhow::Result<File> {
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        let file = options.custom_flags(OFlags::NOFOLLOW.bits() as i32).open(&self.0);
        let written = file.and_then(|mut file| {
            writeln!(file, "{}", std::process::id())?;
            Ok(file)
        });
        written.with_context(|| format!("cannot write {}", self.0.display()))
    }

    /// Takes it away, unless another process has written it since.
    pub(super) fn remove(&self) {
        let number = std::fs::read_to_string(&self.0).ok();
        if number.is_some_and(|number| number.trim() == std::process::id().to_string()) {
            let _ = std::fs::remove_file(&self.0);
        }
    }
}
