//! Files below a root: found safely, kept ready, dropped the moment they change.
//!
//! ```text
//!   lookup(path) ──▶ cache ──hit──────────────────────────────▶ Entry
//!                      │ miss
//!                      ▼
//!                    tree: watch every directory on the way      (inotify, before anything is opened)
//!                      ▼
//!                    open: resolve beneath the root, look, read  (openat2, or name by name)
//!                      ▼
//!                    derive: what the caller keeps with the file
//!
//!   drain() ◀── inotify: what was changed is dropped from cache and tree
//! ```
//!
//! A worker has one [`Root`]; nothing here is shared between threads. Start reading there.
//!
//! # When a change is seen
//!
//! An entry whose directories are all watched is dropped by the first [`Root::drain`] after the
//! change. The watches are set before the file is opened, from the root downwards, so no change
//! falls between opening and watching. Everything else lives by the clock: it is compared with the
//! file system after [`Config::trust`], and kept when device, inode, length and both times are the
//! same. That concerns
//!
//! - what is reached through a symbolic link: any link on the way may be turned, and they are many;
//! - files with several hard links: a change through another name tells only that name's directory;
//! - file systems that others change behind the kernel's back: NFS, SMB, FUSE, 9p and their kind;
//! - directories that we may pass but not read, or for which no watch was left.
//!
//! Even what is watched is compared every [`Config::recheck`]. This catches what inotify does not
//! tell: writes through a memory mapping (once the kernel has updated the file's times), a file
//! system mounted over a directory, a hard link made later.
//!
//! The root is the directory that was opened. When it is renamed it is still served; when another
//! takes its name, that one is not. Who deploys by turning a link should make the link an entry
//! *below* the root.
//!
//! Not here: what HTTP says about a file (`semantics`), and how its bytes are sent (`server`).

mod cache;
mod file;
mod list;
mod open;
mod queue;
mod root;
mod store;
mod tree;
mod walk;

pub use file::{Content, File, Found, Modified, read_range};
pub use list::{Kind, LISTED_MAX, Listed, Listing};
pub use root::{Config, Counts, Entry, Hidden, Hint, Root, check};
pub use tree::Notice;

#[cfg(test)]
mod tests;

use std::io;

use rustix::io::Errno;

/// Why there is no entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refused {
    /// Nothing has this name.
    NotFound,
    /// A part of the path begins with a dot, and such names are not served ([`Config::hidden`]).
    Hidden,
    /// A symbolic link on the way leaves the root.
    OutsideRoot,
    /// It is a FIFO, a socket or a device.
    NotAFile,
    /// We may not read it, or not pass a directory on the way.
    Denied,
    /// Descriptors or memory are exhausted; it may work a moment later.
    Exhausted,
    /// Anything else the file system says.
    Other(io::ErrorKind),
}

impl Refused {
    /// Whether the answer stays the same until something changes in the file system.
    fn is_lasting(self) -> bool {
        !matches!(self, Self::Exhausted | Self::Other(_))
    }
}

impl From<Errno> for Refused {
    fn from(errno: Errno) -> Self {
        match errno {
            // A loop of links leads nowhere, and no name is longer than the file system allows, or
            // in another encoding.
            Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG | Errno::LOOP | Errno::ILSEQ => {
                Self::NotFound
            }
            Errno::XDEV => Self::OutsideRoot,
            Errno::NXIO | Errno::NODEV => Self::NotAFile,
            Errno::ACCESS | Errno::PERM => Self::Denied,
            Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS => Self::Exhausted,
            other => Self::Other(other.kind()),
        }
    }
}
