//! What is served when no directory is named: a small site of the project's own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

macro_rules! site {
    ($($path:literal)*) => {
        /// Every file of the site, by its path.
        const FILES: &[(&str, &[u8])] =
            &[$( ($path, include_bytes!(concat!("../../site/", $path))) ),*];
    };
}

site! {
    "404.html" "app.js" "favicon.svg" "index.html" "robots.txt" "style.css"
    "files/a name with blanks.txt" "files/layers.json" "files/layers.txt" "files/ports.csv"
    "files/rings.svg" "files/spectrum.png"
    "files/source/README.txt" "files/source/spectrum.py"
}

/// The directory that holds the site: the one in the source tree that this program was built from,
/// if it is still there, so that changes show at once; else a copy in the user's cache.
pub(crate) fn directory() -> anyhow::Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("site");
    if source.join("index.html").is_file() {
        return Ok(source);
    }
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .context("name a directory to serve: there is no place to unpack the default one to")?;
    let directory = cache.join(concat!("hepta/site-", env!("CARGO_PKG_VERSION")));
    unpack(&directory).with_context(|| format!("cannot unpack to {}", directory.display()))?;
    Ok(directory)
}

fn unpack(directory: &Path) -> std::io::Result<()> {
    for (path, content) in FILES {
        let path = directory.join(path);
        if fs::read(&path).is_ok_and(|there| there == *content) {
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_site_is_in_the_program() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("site");
        let (mut found, mut directories) = (Vec::new(), vec![root.clone()]);
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    found.push(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        found.sort();
        let mut known: Vec<&str> = FILES.iter().map(|(path, _)| *path).collect();
        known.sort();
        assert_eq!(found, known);
    }
}
