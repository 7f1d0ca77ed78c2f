//! Files are real, in a directory of their own; time is told. Changes are heard by draining, which
//! is exact: the kernel queues them within the call that makes them.

mod cached;
mod changed;
mod dir;
mod listed;
mod opened;

use std::os::unix::fs::PermissionsExt;
use std::rc::Rc;
use std::time::Duration;

use base::Instant;

use crate::open::Opener;
use crate::{Config, Content, Entry, File, Found, Refused, Root};
use dir::Dir;

/// What the tests derive: the path as it was opened, so that opening again can be seen.
type Derived = String;

/// A site in a directory of its own, and the root that serves it.
struct Site {
    dir: Dir,
    root: Root<Derived>,
    now: Instant,
}

fn derive(found: &Found<'_>) -> Derived {
    format!("{} of {} bytes", found.path.escape_ascii(), found.len)
}

impl Site {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        Self::of(Dir::new(), config)
    }

    /// For thousands of files.
    fn in_memory() -> Self {
        Self::of(Dir::in_memory(), Config::default())
    }

    fn of(dir: Dir, config: Config) -> Self {
        let root = Root::open(dir.path(), config, derive).unwrap();
        root.drain();
        Self { dir, root, now: Instant::from_millis(1) }
    }

    /// As on a kernel before 5.6.
    fn without_openat2() -> Self {
        let dir = Dir::new();
        let opener = Opener::without_openat2(dir.path()).unwrap();
        let root = Root::with_opener(opener, Config::default(), derive);
        root.drain();
        Self { dir, root, now: Instant::from_millis(1) }
    }

    fn lookup(&self, path: impl AsRef<[u8]>) -> Result<Entry<Derived>, Refused> {
        self.root.lookup(path.as_ref(), self.now)
    }

    #[track_caller]
    fn file(&self, path: impl AsRef<[u8]>) -> Rc<File<Derived>> {
        match self.lookup(path) {
            Ok(Entry::File(file)) => file,
            other => panic!("not a file: {other:?}"),
        }
    }

    /// What the next request gets, as text.
    #[track_caller]
    fn text(&self, path: &str) -> String {
        self.root.drain();
        match self.lookup(path) {
            Ok(Entry::File(file)) => text(&file),
            Ok(Entry::Directory) => "a directory".into(),
            Err(refused) => format!("{refused:?}"),
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }
}

fn text(file: &File<Derived>) -> String {
    match &file.content {
        Content::Memory(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Content::Open(open) => {
            let mut bytes = vec![0; file.len as usize];
            let n = crate::read_range(open, 0, &mut bytes).unwrap();
            String::from_utf8_lossy(&bytes[..n]).into_owned()
        }
    }
}

fn set_mode(path: &std::path::Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
