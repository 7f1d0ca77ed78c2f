//! What a directory holds.

use rustix::fs::{self, AtFlags, Dir, FileType, Stat};

use crate::open::Opener;
use crate::{Hidden, Modified, Refused};

/// How many names a listing has at most. Each costs a system call and some 250 bytes of a page:
/// ten milliseconds and 2.5 MB for one that is full.
pub const LISTED_MAX: usize = 10_000;

/// How many names of a directory are read at most: those that may not be shown count too.
const READ_MAX: usize = 4 * LISTED_MAX;

/// What a directory holds.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Listing {
    /// The files and directories, in no order.
    pub entries: Vec<Listed>,
    /// Whether there are more: the listing is full ([`LISTED_MAX`]).
    pub truncated: bool,
}

/// A file or directory in a listing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// Its name: any bytes but NUL and `/`.
    pub name: Vec<u8>,
    /// What it is; of a link, what it leads to.
    pub kind: Kind,
    /// How many bytes a file has; 0 for directories.
    pub len: u64,
    /// When it last changed.
    pub modified: Modified,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum Kind {
    File,
    Directory,
}

/// Lists the directory `path`. Left out is what a lookup would refuse for what it is: hidden names,
/// FIFOs, sockets and devices, links that lead out or nowhere.
pub(crate) fn list(opener: &Opener, path: &[u8], hidden: Hidden) -> Result<Listing, Refused> {
    let opened = opener.list(path)?;
    let mut listing = Listing::default();
    let mut names = Dir::read_from(&opened)?;
    for _ in 0..READ_MAX {
        let Some(name) = names.next() else { return Ok(listing) };
        let name = name?;
        let name = name.file_name().to_bytes();
        if matches!(name, b"." | b"..") || (name.starts_with(b".") && hidden != Hidden::Served) {
            continue;
        }
        if name.iter().any(u8::is_ascii_control) {
            // No request target leads to such a name.
            continue;
        }
        if listing.entries.len() == LISTED_MAX {
            break;
        }
        // Names come and go while we read.
        let Ok(stat) = fs::statat(&opened, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        let stat = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => match opener.look(&join(path, name)) {
                Ok(target) => target.stat,
                Err(Refused::Exhausted) => return Err(Refused::Exhausted),
                Err(_) => continue,
            },
            _ => stat,
        };
        listing.entries.extend(listed(name, &stat));
    }
    listing.truncated = true;
    Ok(listing)
}

fn listed(name: &[u8], stat: &Stat) -> Option<Listed> {
    let (kind, len) = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => (Kind::File, stat.st_size as u64),
        FileType::Directory => (Kind::Directory, 0),
        _ => return None,
    };
    Some(Listed { name: name.to_vec(), kind, len, modified: Modified::of(stat) })
}

fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path.is_empty() { name.to_vec() } else { [path, name].join(&b'/') }
}
