//! The directories on the way to what is cached, and their watches.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

use crate::Refused;
use crate::cache::{Seeded, seeded};
use crate::open::{Opener, Stop};
use crate::queue::SlotId;

/// What changes an entry, or the way to it.
const CHANGES: WatchFlags = WatchFlags::MODIFY
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR)
    // Who writes on into a file that was deleted changes nothing that a path leads to.
    .union(WatchFlags::EXCL_UNLINK);

/// A directory in the tree. Numbers are never used again, so an old one finds nothing.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct DirId(u64);

/// The root.
pub(crate) const ROOT: DirId = DirId(0);

/// The directories on the way to what is cached.
///
/// Each is watched, and so are all above it, up to the root: a directory is known only below one
/// that is watched. So whatever moves, and however high up, somebody hears of it and drops all that
/// lies below. A directory leaves, with its watch, when nothing below it is cached.
#[derive(Debug)]
pub(crate) struct Tree {
    watcher: Option<Rc<OwnedFd>>,
    dirs: HashMap<DirId, Dir, Seeded>,
    by_path: HashMap<Rc<[u8]>, DirId, Seeded>,
    /// Usually one directory a watch. Two when one was renamed and found again before the change
    /// was heard, or is mounted in two places.
    by_watch: HashMap<i32, Vec<DirId>, Seeded>,
    next: u64,
    dirs_max: usize,
    notices: Notices,
}

#[derive(Debug)]
struct Dir {
    path: Rc<[u8]>,
    parent: Option<DirId>,
    /// Its watch, if it could be watched.
    watch: Option<i32>,
    below: HashSet<DirId, Seeded>,
    /// What is cached of its own names.
    direct: HashSet<SlotId, Seeded>,
    /// What is cached of paths that end early: a name on the way is missing, is a link, or is not
    /// watched. Any name that comes or goes here may concern them.
    beyond: HashSet<SlotId, Seeded>,
}

/// Where a path belongs in the tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The deepest directory on the way that is known.
    pub(crate) dir: DirId,
    /// Whether that is the last one.
    is_direct: bool,
    /// Whether every directory on the way that could concern it is watched.
    pub(crate) is_watched: bool,
}

/// Something an operator should know, once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Notice {
    /// There is no inotify: changes are seen by comparing.
    NoInotify(io::ErrorKind),
    /// `/proc` is not there, through which directories are watched: changes are seen by comparing.
    NoProc,
    /// No watch is left: changes in the remaining directories are seen by comparing.
    WatchesExhausted,
    /// A file system (its magic number, see `statfs(2)`) that others may change without our kernel
    /// knowing: changes there are seen by comparing.
    Unwatchable(u64),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInotify(why) => write!(
                f,
                "no inotify ({why}): changed files are noticed with a delay; \
                 raise fs.inotify.max_user_instances",
            ),
            Self::NoProc => f.write_str(
                "/proc is not mounted: directories are not watched, and changed files are noticed \
                 with a delay",
            ),
            Self::WatchesExhausted => f.write_str(
                "no watch is left for more directories: changed files there are noticed with a \
                 delay; raise fs.inotify.max_user_watches",
            ),
            Self::Unwatchable(magic) => write!(
                f,
                "a file system (type {magic:#x}) that can change behind the kernel's back: \
                 changed files there are noticed with a delay",
            ),
        }
    }
}

/// What was noticed and not yet told. Each kind is told once; there are a handful.
#[derive(Debug, Default)]
struct Notices {
    known: Vec<Notice>,
    told: usize,
}

impl Notices {
    fn add(&mut self, notice: Notice) {
        let is_same =
            |known: &Notice| std::mem::discriminant(known) == std::mem::discriminant(&notice);
        if !self.known.iter().any(is_same) {
            self.known.push(notice);
        }
    }
}

impl Tree {
    /// A tree of nothing but the root.
    pub(crate) fn new(opener: &Opener, dirs_max: usize) -> Self {
        let mut notices = Notices::default();
        let watcher = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .inspect_err(|errno| notices.add(Notice::NoInotify(errno.kind())))
            .ok()
            .map(Rc::new);
        let mut tree = Self {
            watcher,
            dirs: HashMap::with_hasher(seeded()),
            by_path: HashMap::with_hasher(seeded()),
            by_watch: HashMap::with_hasher(seeded()),
            next: ROOT.0,
            dirs_max,
            notices,
        };
        let watch = tree.add_watch(opener.root());
        tree.add_dir(b"", None, watch);
        tree
    }

    /// What inotify is read from.
    pub(crate) fn watcher(&self) -> Option<Rc<OwnedFd>> {
        self.watcher.clone()
    }

    /// How many directories are known, the root included.
    pub(crate) fn len(&self) -> usize {
        self.dirs.len()
    }

    /// What was noticed since the last call.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        let untold = self.notices.known.get(self.notices.told..).unwrap_or_default().to_vec();
        self.notices.told = self.notices.known.len();
        untold
    }

    /// Watches every directory on the way to `path`, from the root downwards.
    ///
    /// The way may end early; then the second value says why, if the path leads nowhere.
    pub(crate) fn reach(&mut self, opener: &Opener, path: &[u8]) -> (Place, Option<Refused>) {
        let parent = directories(path).next_back().unwrap_or_default();
        if let Some(&dir) = self.by_path.get(parent) {
            return (self.place(dir, true), None);
        }
        let mut dir = ROOT;
        for prefix in directories(path) {
            dir = match self.by_path.get(prefix) {
                Some(&known) => known,
                None => match self.enter(opener, dir, prefix) {
                    Ok(entered) => entered,
                    Err(Stop::Refused(why)) => return (self.place(dir, false), Some(why)),
                    Err(Stop::Unwatchable) => {
                        return (Place { is_watched: false, ..self.place(dir, false) }, None);
                    }
                },
            };
        }
        (self.place(dir, true), None)
    }

    fn place(&self, dir: DirId, is_direct: bool) -> Place {
        let is_watched = self.dirs.get(&dir).is_some_and(|dir| dir.watch.is_some());
        Place { dir, is_direct, is_watched }
    }

    /// Watches the directory `path`, which stands in `parent`.
    fn enter(&mut self, opener: &Opener, parent: DirId, path: &[u8]) -> Result<DirId, Stop> {
        // Below what is not watched, watching helps nobody: the way there may turn unheard.
        if !self.place(parent, false).is_watched {
            return Err(Stop::Unwatchable);
        }
        if self.dirs.len() >= self.dirs_max {
            self.notices.add(Notice::WatchesExhausted);
            return Err(Stop::Unwatchable);
        }
        let fd = opener.directory(path)?;
        let watch = self.add_watch(fd.as_fd());
        Ok(self.add_dir(path, Some(parent), watch))
    }

    fn add_watch(&mut self, dir: BorrowedFd<'_>) -> Option<i32> {
        let watcher = self.watcher.as_ref()?;
        if let Some(magic) = unwatchable(dir) {
            self.notices.add(Notice::Unwatchable(magic));
            return None;
        }
        // By descriptor, so that it is the directory we opened and no other.
        let path = format!("/proc/self/fd/{}", dir.as_raw_fd());
        match inotify::add_watch(watcher, path, CHANGES) {
            Ok(watch) => Some(watch),
            Err(errno) => {
                match errno {
                    Errno::NOSPC | Errno::NOMEM => self.notices.add(Notice::WatchesExhausted),
                    Errno::NOENT => self.notices.add(Notice::NoProc),
                    // A directory that we may pass but not read.
                    _ => {}
                }
                None
            }
        }
    }

    fn add_dir(&mut self, path: &[u8], parent: Option<DirId>, watch: Option<i32>) -> DirId {
        let id = DirId(self.next);
        self.next += 1;
        let path: Rc<[u8]> = path.into();
        self.by_path.insert(Rc::clone(&path), id);
        if let Some(parent) = parent.and_then(|parent| self.dirs.get_mut(&parent)) {
            parent.below.insert(id);
        }
        if let Some(watch) = watch {
            self.by_watch.entry(watch).or_default().push(id);
        }
        let [direct, beyond] = [(); 2].map(|()| HashSet::with_hasher(seeded()));
        let below = HashSet::with_hasher(seeded());
        self.dirs.insert(id, Dir { path, parent, watch, below, direct, beyond });
        id
    }

    /// A slot belongs to a place. No, when the directory has gone since the place was reached.
    pub(crate) fn attach(&mut self, place: Place, slot: SlotId) -> bool {
        let Some(dir) = self.dirs.get_mut(&place.dir) else { return false };
        if place.is_direct { dir.direct.insert(slot) } else { dir.beyond.insert(slot) }
    }

    /// A slot belongs there no more.
    pub(crate) fn detach(&mut self, dir: DirId, slot: SlotId) {
        if let Some(known) = self.dirs.get_mut(&dir) {
            known.direct.remove(&slot);
            known.beyond.remove(&slot);
            self.prune(dir);
        }
    }

    /// Lets a directory go if nothing needs it, and then perhaps the ones above.
    pub(crate) fn prune(&mut self, mut id: DirId) {
        while let Some(dir) = self.dirs.get(&id) {
            let is_needed =
                !(dir.below.is_empty() && dir.direct.is_empty() && dir.beyond.is_empty());
            let (false, Some(parent)) = (is_needed, dir.parent) else { return };
            self.remove_dir(id);
            id = parent;
        }
    }

    fn remove_dir(&mut self, id: DirId) -> Option<Dir> {
        let dir = self.dirs.remove(&id)?;
        self.by_path.remove(&dir.path);
        if let Some(parent) = dir.parent.and_then(|parent| self.dirs.get_mut(&parent)) {
            parent.below.remove(&id);
        }
        self.remove_watch(id, dir.watch);
        Some(dir)
    }

    fn remove_watch(&mut self, id: DirId, watch: Option<i32>) {
        let Some((watch, users)) = watch.and_then(|w| Some((w, self.by_watch.get_mut(&w)?))) else {
            return;
        };
        users.retain(|&user| user != id);
        if users.is_empty() {
            self.by_watch.remove(&watch);
            if let Some(watcher) = &self.watcher {
                // It fails when the directory is gone, and with it the watch.
                let _ = inotify::remove_watch(watcher, watch);
            }
        }
    }

    /// The directories that a watch is for.
    pub(crate) fn watched_by(&self, watch: i32) -> Vec<DirId> {
        self.by_watch.get(&watch).cloned().unwrap_or_default()
    }

    /// The path of what is called `name` in a directory.
    pub(crate) fn path_of(&self, dir: DirId, name: &[u8]) -> Option<Vec<u8>> {
        let dir = &self.dirs.get(&dir)?.path;
        Some(if dir.is_empty() { name.to_vec() } else { [dir, &b"/"[..], name].concat() })
    }

    /// The directory at a path, if it is known.
    pub(crate) fn at(&self, path: &[u8]) -> Option<DirId> {
        self.by_path.get(path).copied()
    }

    /// The slots of paths that end early in a directory.
    pub(crate) fn beyond(&self, dir: DirId) -> Vec<SlotId> {
        self.dirs.get(&dir).map(|dir| dir.beyond.iter().copied().collect()).unwrap_or_default()
    }

    /// Lets a directory and all below it go, and says which slots belonged to them.
    ///
    /// The root stays, and forgets what belonged to it.
    pub(crate) fn uproot(&mut self, dir: DirId) -> Vec<SlotId> {
        let (mut slots, mut pending) = (Vec::new(), vec![dir]);
        while let Some(id) = pending.pop() {
            let Some(dir) = self.dirs.get_mut(&id) else { continue };
            slots.extend(dir.direct.drain());
            slots.extend(dir.beyond.drain());
            pending.extend(dir.below.drain());
            if id != ROOT {
                self.remove_dir(id);
            }
        }
        slots
    }

    /// A watch is gone, because its directory is.
    pub(crate) fn lost_watch(&mut self, watch: i32) {
        for id in self.by_watch.remove(&watch).unwrap_or_default() {
            if let Some(dir) = self.dirs.get_mut(&id) {
                dir.watch = None;
            }
        }
    }

    /// Inotify has failed: nothing is watched any more.
    pub(crate) fn stop_watching(&mut self, why: Errno) {
        self.notices.add(Notice::NoInotify(why.kind()));
        self.watcher = None;
        self.by_watch.clear();
        if let Some(root) = self.dirs.get_mut(&ROOT) {
            root.watch = None;
        }
    }
}

/// The directories on the way to `path` without the root, from the top.
fn directories(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    let slashes = path.iter().enumerate().filter(|&(_, &b)| b == b'/');
    slashes.filter_map(|(at, _)| path.get(..at))
}

/// The magic numbers of file systems whose content changes without our kernel being asked
/// (`statfs(2)`; `linux/magic.h`).
const UNWATCHABLE: [u32; 19] = [
    0x6969,      // NFS
    0x517b,      // SMB
    0xff53_4d42, // CIFS
    0xfe53_4d42, // SMB 2
    0x6573_5546, // FUSE, virtiofs
    0x0102_1997, // 9p
    0x00c3_6400, // Ceph
    0x5346_414f, // AFS
    0x6b41_4653, // kAFS
    0x7375_7245, // Coda
    0x0000_564c, // NCP
    0x7461_636f, // OCFS2
    0x0116_1970, // GFS2
    0x0bd0_0bd0, // Lustre
    0x4750_4653, // GPFS
    0x786f_4256, // VirtualBox shared folders
    0xbacb_acbc, // VMware shared folders
    0x0000_9fa0, // proc
    0x6265_6572, // sysfs
];

fn unwatchable(dir: BorrowedFd<'_>) -> Option<u64> {
    let kind = rustix::fs::fstatfs(dir).ok()?.f_type as u32;
    UNWATCHABLE.contains(&kind).then_some(u64::from(kind))
}
