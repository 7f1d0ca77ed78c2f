//! The file that says which process serves.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A file with the number of the process that serves.
pub(super) struct PidFile(PathBuf);

impl PidFile {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Writes our number into it, in place of another's.
    pub(super) fn write(&self) -> anyhow::Result<()> {
        std::fs::write(&self.0, format!("{}\n", std::process::id()))
            .with_context(|| format!("cannot write {}", self.0.display()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Takes it away, unless another process has written it since.
    pub(super) fn remove(&self) {
        let number = std::fs::read_to_string(&self.0).ok();
        if number.is_some_and(|number| number.trim() == std::process::id().to_string()) {
            let _ = std::fs::remove_file(&self.0);
        }
    }
}
