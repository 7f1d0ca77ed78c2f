//! Opening beneath a root where `openat2` is not to be had: kernels before 5.6 do not know it, and filters
//! forbid it, such as that of systemd's `RestrictSUIDSGID` and `DynamicUser`.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{self, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::open::{LOOK, Links};

/// How many links may stand on a way: as many as the kernel allows (path_resolution(7)).
const LINKS_MAX: usize = 40;

/// Opens one name after the other, and in place of a link that is followed the names of its target.
///
/// Every directory on the way stays open, and `..` leads back to the one before it. So whatever is renamed
/// meanwhile, nothing leads out.
pub(crate) fn walk(
    root: BorrowedFd<'_>,
    path: &[u8],
    flags: OFlags,
    links: Links,
) -> Result<OwnedFd, Errno> {
    let mut names: Vec<Vec<u8>> = names_backwards(path).collect();
    let mut way: Vec<OwnedFd> = Vec::new();
    let mut last = None;
    let mut links_left = if links == Links::Followed { LINKS_MAX } else { 0 };
    while let Some(name) = names.pop() {
        if name == b".." {
            way.pop().ok_or(Errno::XDEV)?;
            last = None;
            continue;
        }
        let found = open(end_of(&way, root), &name, LOOK)?;
        if FileType::from_raw_mode(fs::fstat(&found)?.st_mode) != FileType::Symlink {
            way.push(found);
            last = Some(name);
            continue;
        }
        links_left = links_left.checked_sub(1).ok_or(Errno::LOOP)?;
        let target = fs::readlinkat(&found, "", Vec::new())?.into_bytes();
        if target.starts_with(b"/") {
            return Err(Errno::XDEV);
        }
        names.extend(names_backwards(&target));
    }
    match last {
        // It was looked at already.
        Some(_) if flags.contains(OFlags::PATH) => way.pop().ok_or(Errno::NOENT),
        Some(name) => {
            way.pop();
            open(end_of(&way, root), &name, flags)
        }
        None => open(end_of(&way, root), b".", flags),
    }
}

/// The names of a path, the last one first, without those that lead nowhere.
fn names_backwards(path: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let names = path.split(|&b| b == b'/').rev();
    names.filter(|name| !name.is_empty() && *name != b".").map(<[u8]>::to_vec)
}

fn end_of<'a>(way: &'a [OwnedFd], root: BorrowedFd<'a>) -> BorrowedFd<'a> {
    way.last().map_or(root, AsFd::as_fd)
}

/// Opens one name; a link itself, where it is only looked at.
fn open(from: BorrowedFd<'_>, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    loop {
        match fs::openat(from, name, flags | OFlags::NOFOLLOW, Mode::empty()) {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}
