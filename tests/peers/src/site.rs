//! Directories of files, one for each test.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

/// A directory that goes away with the test.
#[derive(Debug)]
pub struct Site {
    root: PathBuf,
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

impl Site {
    /// An empty directory.
    ///
    /// # Panics
    ///
    /// It cannot be made.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("hepta-peers-{}-{number}", std::process::id());
        let root = std::env::temp_dir().join(name);
        // What a process of the same number left behind.
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(&root).expect("temporary directories can be made");
        Self { root }
    }

    /// Adds a file that was last changed an hour ago, so that its validators are strong, with the
    /// directories on the way.
    ///
    /// # Panics
    ///
    /// It cannot be written.
    #[must_use]
    pub fn with(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(path, content);
        self.age(path, Duration::from_secs(3600));
        self
    }

    /// Writes a file in place, or anew.
    ///
    /// # Panics
    ///
    /// It cannot be written.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        let folder = path.parent().expect("a file lies in a directory");
        fs::create_dir_all(folder).expect("directories of a site can be made");
        fs::write(path, content).expect("files of a site can be written");
    }

    /// Puts another file in place of this one, as programs do that never show half a file.
    ///
    /// # Panics
    ///
    /// It cannot be written.
    pub fn replace(&self, path: &str, content: impl AsRef<[u8]>) {
        let beside = format!("{path}.new");
        self.write(&beside, content);
        fs::rename(self.path(&beside), self.path(path)).expect("a file can be renamed");
    }

    /// Says that a file was last changed so long ago.
    ///
    /// # Panics
    ///
    /// There is no such file.
    pub fn age(&self, path: &str, age: Duration) {
        let file = fs::File::options().append(true).open(self.path(path)).expect("the file is");
        file.set_modified(SystemTime::now() - age).expect("its owner may set a file's times");
    }

    /// The seconds since 1970 at which a file was last changed.
    ///
    /// # Panics
    ///
    /// There is no such file.
    pub fn modified_secs(&self, path: &str) -> u64 {
        let modified = fs::metadata(self.path(path)).and_then(|m| m.modified()).expect("it is");
        modified.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |t| t.as_secs())
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path in it.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Text of `len` bytes or a little more, in which every place can be told from every other.
pub fn numbered_text(len: usize) -> String {
    let mut text = String::with_capacity(len + 16);
    for line in 0.. {
        if text.len() >= len {
            break;
        }
        text.push_str(&format!("line {line} of a text\n"));
    }
    text
}

/// Bytes that no coding makes shorter, the same for the same seed.
pub fn random_bytes(seed: u64, len: usize) -> Vec<u8> {
    // SplitMix64 (Steele, Lea and Flood, 2014): short, and good enough not to compress.
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend_from_slice(&next().to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
