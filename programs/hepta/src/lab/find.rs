//! Which files are scripts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How many directories may stand in one another; a circle of links ends there.
const DEPTH_MAX: usize = 32;

/// The files that `paths` name, and those that end in `.pkt` in the directories that they name, in
/// order of their names.
///
/// # Errors
/// When a directory cannot be read, or has none.
pub(super) fn scripts(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in paths {
        if !path.is_dir() {
            all.push(path.clone());
            continue;
        }
        let before = all.len();
        add_directory(path, DEPTH_MAX, &mut all)
            .map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
        if all.len() == before {
            anyhow::bail!("{}: no file there ends in .pkt", path.display());
        }
    }
    Ok(all)
}

fn add_directory(directory: &Path, depth: usize, into: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.path()));
    let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            if depth > 0 {
                add_directory(&path, depth - 1, into)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            into.push(path);
        }
    }
    Ok(())
}
