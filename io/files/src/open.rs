//! Opening beneath the root: no path and no link leaves it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{self, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use crate::Refused;
use crate::walk::walk;

/// How often the kernel may say that a rename disturbed it before we give up. Each time something
/// on the way was renamed while it looked; ten times in a row is somebody's intention.
const RACES_MAX: u32 = 10;

/// What only looks: it opens nothing, wakes no FIFO's writer and rewinds no tape.
pub(crate) const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// What reads: a FIFO or a terminal that appeared since we looked neither blocks nor adopts us.
const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// What becomes of the symbolic links on a way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Links {
    Refused,
    Followed,
}

/// Opens what lies beneath one directory.
#[derive(Debug)]
pub(crate) struct Opener {
    root: OwnedFd,
    has_openat2: bool,
}

/// What a path leads to.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The descriptor.
    pub(crate) fd: OwnedFd,
    /// What the file system says about it.
    pub(crate) stat: Stat,
    /// Whether a symbolic link stood on the way.
    pub(crate) via_link: bool,
}

impl Opened {
    /// What it is.
    pub(crate) fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }
}

/// Why the way to a directory cannot be watched to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stop {
    /// The path may lead on, but not along directories that we can watch: a symbolic link stands
    /// there, or watches are not to be had.
    Unwatchable,
    /// The path leads nowhere.
    Refused(Refused),
}

impl Opener {
    /// Opens the root itself, wherever it leads.
    pub(crate) fn new(root: &Path) -> io::Result<Self> {
        let root = fs::open(root, LOOK | OFlags::DIRECTORY, Mode::empty())?;
        // Kernels before 5.6 do not know the call, and filters older than it forbid it.
        let has_openat2 = !matches!(
            fs::openat2(&root, ".", LOOK, Mode::empty(), ResolveFlags::BENEATH),
            Err(Errno::NOSYS | Errno::PERM)
        );
        Ok(Self { root, has_openat2 })
    }

    /// The same, as if the kernel had no `openat2`.
    #[cfg(test)]
    pub(crate) fn without_openat2(root: &Path) -> io::Result<Self> {
        Ok(Self { has_openat2: false, ..Self::new(root)? })
    }

    /// The root.
    pub(crate) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Looks what `path` is, and touches nothing.
    pub(crate) fn look(&self, path: &[u8]) -> Result<Opened, Refused> {
        self.open_with(path, LOOK)
    }

    /// Opens `path` to read it. It may have become something else since one looked.
    pub(crate) fn read(&self, path: &[u8]) -> Result<Opened, Refused> {
        self.open_with(path, READ)
    }

    /// Opens a directory to look at; no link may stand on the way.
    pub(crate) fn directory(&self, path: &[u8]) -> Result<OwnedFd, Stop> {
        let refused = |errno: Errno| Stop::Refused(errno.into());
        let fd = self.beneath(path, LOOK | OFlags::DIRECTORY, Links::Refused).map_err(|errno| {
            if errno == Errno::LOOP { Stop::Unwatchable } else { refused(errno) }
        })?;
        let stat = fs::fstat(&fd).map_err(refused)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Ok(fd),
            _ => Err(Stop::Refused(Refused::NotFound)),
        }
    }

    /// Opens a directory to list it.
    pub(crate) fn list(&self, path: &[u8]) -> Result<OwnedFd, Refused> {
        Ok(self.open_with(path, READ | OFlags::DIRECTORY)?.fd)
    }

    fn open_with(&self, path: &[u8], flags: OFlags) -> Result<Opened, Refused> {
        let (fd, via_link) = match self.beneath(path, flags, Links::Refused) {
            Err(Errno::LOOP) => (self.beneath(path, flags, Links::Followed)?, true),
            other => (other?, false),
        };
        let stat = fs::fstat(&fd)?;
        Ok(Opened { fd, stat, via_link })
    }

    /// A link that is refused, and a loop of links, are `ELOOP`.
    fn beneath(&self, path: &[u8], flags: OFlags, links: Links) -> Result<OwnedFd, Errno> {
        if !self.has_openat2 {
            return walk(self.root(), path, flags, links);
        }
        let path = if path.is_empty() { b"." } else { path };
        let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        resolve.set(ResolveFlags::NO_SYMLINKS, links == Links::Refused);
        let mut races = 0;
        loop {
            match fs::openat2(&self.root, path, flags, Mode::empty(), resolve) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if races < RACES_MAX => races += 1,
                result => return result,
            }
        }
    }
}
