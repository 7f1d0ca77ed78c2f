//! A file as it was when it was opened, and how it is read.

use std::fs::File as StdFile;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rustix::fs::{Stat, fstat};
use rustix::io::Errno;

use crate::Refused;
use crate::open::Opened;

/// How many times a small file that changes while it is read is read again.
const READS_MAX: u32 = 3;

/// How long after a change a file may change again and carry the same times: the coarsest clock of
/// the file systems in use (FAT) has two seconds.
pub(crate) const SETTLES_AFTER: Duration = Duration::from_secs(2);

/// A regular file, as it was when it was opened.
#[derive(Debug)]
pub struct File<T> {
    /// How many bytes it has.
    pub len: u64,
    /// When its content last changed.
    pub modified: Modified,
    /// When its content, name or permissions last changed; nobody can set this back.
    pub changed: Modified,
    /// The device it is on.
    pub device: u64,
    /// Its number on the device. Another file gets another, as long as this one exists.
    pub inode: u64,
    /// Whether it had been left alone for two seconds when it was read. If not, another change may
    /// have left all of the above the same, so a validator made of it should be a weak one. Such a
    /// file is read again soon.
    pub is_settled: bool,
    /// The bytes.
    pub content: Content,
    /// What the caller keeps with it.
    pub derived: T,
}

/// Where a file's bytes are.
///
/// Bytes in memory are those of one moment: the file did not change while they were read, or they
/// are not kept for the next request. An open descriptor leads to the file itself. When its path
/// gets another file, the descriptor still leads to this one, whole. When the file is written to in
/// place, what is read from then on is the new content, and when it was made shorter the reads end
/// early: who sends it must notice, and end the connection rather than send a wrong length.
#[derive(Clone, Debug)]
pub enum Content {
    /// A small file's bytes.
    Memory(Bytes),
    /// A larger file, to be sent or read by range.
    Open(Arc<StdFile>),
}

/// What is known of a file when the caller derives from it.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// Its path, relative to the root.
    pub path: &'a [u8],
    /// As [`File::len`].
    pub len: u64,
    /// As [`File::modified`].
    pub modified: Modified,
    /// As [`File::changed`].
    pub changed: Modified,
    /// As [`File::device`].
    pub device: u64,
    /// As [`File::inode`].
    pub inode: u64,
    /// As [`File::is_settled`].
    pub is_settled: bool,
    /// As [`File::content`].
    pub content: &'a Content,
}

/// When a file last changed: seconds since 1970-01-01T00:00:00Z, and nanoseconds.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Modified {
    /// Seconds; negative before 1970.
    pub secs: i64,
    /// Nanoseconds, below 1,000,000,000.
    pub nanos: u32,
}

/// A file's content, and what the file system said about it.
pub(crate) struct Loaded {
    pub(crate) content: Content,
    pub(crate) stat: Stat,
    /// Whether it stood still while it was read.
    pub(crate) is_stable: bool,
}

impl Loaded {
    /// Reads what is small; what is longer stays open.
    pub(crate) fn new(opened: Opened, content_len_max: u64) -> Result<Self, Refused> {
        let Opened { fd, mut stat, .. } = opened;
        let file = StdFile::from(fd);
        for attempt in 1..=READS_MAX {
            let len = stat.st_size as u64;
            if len > content_len_max {
                let content = Content::Open(Arc::new(file));
                return Ok(Self { content, stat, is_stable: true });
            }
            let bytes = read_whole(&file, len as usize)?;
            let after = fstat(&file)?;
            let stood_still = bytes.len() as u64 == len && is_same_moment(&stat, &after);
            if stood_still || attempt == READS_MAX {
                // What does not stand still is sent as it was seen, and not kept.
                let content = Content::Memory(bytes);
                return Ok(Self { content, stat, is_stable: stood_still });
            }
            stat = after;
        }
        unreachable!("the last attempt returns")
    }
}

/// The first `len` bytes, fewer if the file ends before.
fn read_whole(file: &StdFile, len: usize) -> Result<Bytes, Refused> {
    let mut bytes = vec![0; len];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match read_range(file, filled as u64, rest) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) => return Err(Refused::from_io(&error)),
        }
    }
    bytes.truncate(filled);
    Ok(bytes.into())
}

/// Reads into `buf` from `offset`, without moving the file's cursor. Fewer bytes than `buf` holds
/// do not mean the end; none do.
pub fn read_range(file: &StdFile, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read_at(buf, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn is_same_moment(before: &Stat, after: &Stat) -> bool {
    before.st_size == after.st_size
        && Modified::of(before) == Modified::of(after)
        && Modified::of_change(before) == Modified::of_change(after)
}

/// Whether the last change is so long ago that one more would have another time. It is the time of
/// the change that counts: the time of the content can be set, and copying tools do.
pub(crate) fn is_settled(stat: &Stat) -> bool {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let changed = Duration::from_secs(u64::try_from(stat.st_ctime).unwrap_or_default());
    now.saturating_sub(changed) > SETTLES_AFTER + Duration::from_secs(1)
}

impl Modified {
    /// When the content changed.
    pub(crate) fn of(stat: &Stat) -> Self {
        Self { secs: stat.st_mtime, nanos: stat.st_mtime_nsec as u32 }
    }

    /// When anything changed.
    pub(crate) fn of_change(stat: &Stat) -> Self {
        Self { secs: stat.st_ctime, nanos: stat.st_ctime_nsec as u32 }
    }
}

impl Refused {
    fn from_io(error: &io::Error) -> Self {
        Errno::from_io_error(error).map_or_else(|| Self::Other(error.kind()), Self::from)
    }
}
