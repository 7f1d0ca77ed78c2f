use std::cell::{Cell, RefCell};
use std::fs::File as StdFile;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base::Instant;
use bytes::Bytes;
use rustix::fs::inotify::{ReadFlags, Reader};
use rustix::fs::{FileType, Stat, fstat};
use rustix::io::Errno;

use crate::Refused;
use crate::cache::{Cache, Class, Limits, Slot, Weight};
use crate::list::{self, Listing};
use crate::open::{Opened, Opener};
use crate::queue::SlotId;
use crate::tree::{DirId, Notice, Place, ROOT, Tree};

/// How many times a small file that changes while it is read is read again.
const READS_MAX: u32 = 3;

/// How long after a change a file may change again and carry the same times: the coarsest clock of
/// the file systems in use (FAT) has two seconds.
const SETTLES_AFTER: Duration = Duration::from_secs(2);

/// How many descriptors are given up at once when the process has run out of them.
const RELIEF: usize = 16;

/// Bytes for one read of inotify: some 250 events with names of ordinary length.
const EVENTS_LEN: usize = 8 * 1024;

/// Paths longer than this are not remembered when there is nothing there. With the default bound
/// the paths that strangers make up take at most 16,384 × 256 B = 4 MiB.
const ABSENT_PATH_LEN_MAX: usize = 256;

/// Files below a directory, cached for one worker.
///
/// | who                   | calls                                                             |
/// |-----------------------|-------------------------------------------------------------------|
/// | every request         | [`lookup`](Self::lookup)                                          |
/// | a page of a directory | [`list`](Self::list)                                              |
/// | the worker's poller   | [`listen`](Self::listen) once, [`drain`](Self::drain) when it tells  |
/// | the operator's log    | [`take_notices`](Self::take_notices), [`counts`](Self::counts)    |
///
/// `T` is what the caller derives from a file once and keeps with it: media type, validators, the
/// fields of a response. When the file changes it is derived anew.
pub struct Root<T> {
    opener: Opener,
    config: Config,
    derive: Box<dyn Fn(&Found<'_>) -> T>,
    store: RefCell<Store<T>>,
    /// Whether somebody listens to inotify; if not, everything lives by the clock.
    is_heard: Cell<bool>,
}

/// What an operator may choose, for each worker.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Files up to this length are kept in memory; of longer ones a descriptor is kept open.
    pub content_len_max: u64,
    /// How many bytes of content are kept in memory.
    pub contents_len_max: u64,
    /// How many files are kept.
    pub files_max: usize,
    /// How many descriptors are kept open. A file that is being sent keeps its own beyond that.
    pub descriptors_max: usize,
    /// How many paths are remembered that lead to a directory or nowhere. A precompressed sibling
    /// that is not there counts.
    pub bare_max: usize,
    /// How many directories are watched.
    pub directories_max: usize,
    /// How long an entry is believed whose changes we would not hear of.
    pub trust: Duration,
    /// How long an entry is believed whose changes we would hear of.
    pub recheck: Duration,
    /// What becomes of names that begin with a dot.
    pub hidden: Hidden,
}

impl Default for Config {
    /// 64 MiB of content, at most a quarter of them taken by any 256 files (64 KiB each); three
    /// missing siblings (`.br`, `.zst`, `.gz`) and one path more for every file; a watch costs the
    /// kernel about 1 KiB, so 4 MiB. With eight workers descriptors and watches stay below common
    /// limits: 8 × 512 of 1,048,576 and 8 × 4,096 of 65,536.
    fn default() -> Self {
        Self {
            content_len_max: 64 * 1024,
            contents_len_max: 64 * 1024 * 1024,
            files_max: 4_096,
            descriptors_max: 512,
            bare_max: 16_384,
            directories_max: 4_096,
            trust: Duration::from_secs(1),
            recheck: Duration::from_secs(60),
            hidden: Hidden::default(),
        }
    }
}

/// What becomes of names that begin with a dot.
///
/// It is names in paths that are judged: a link with a plain name that leads to a hidden file is
/// the operator's decision, and is followed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Hidden {
    /// They are refused, all but `.well-known` at the top (RFC 8615 §3).
    #[default]
    RefusedButWellKnown,
    /// They are refused.
    Refused,
    /// They are like any other.
    Served,
}

/// Where something was found in the cache; at first, nowhere. Whoever asks for the same path again
/// keeps it, and spares a hash.
#[derive(Debug)]
pub struct Hint(Cell<SlotId>);

impl Default for Hint {
    fn default() -> Self {
        Self(Cell::new(SlotId::MAX))
    }
}

/// What a path leads to.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Entry<T> {
    File(Rc<File<T>>),
    Directory,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        match self {
            Self::File(file) => Self::File(Rc::clone(file)),
            Self::Directory => Self::Directory,
        }
    }
}

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

/// How much is kept.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Files with their content in memory.
    pub in_memory: usize,
    /// Their bytes.
    pub contents_len: u64,
    /// Files with an open descriptor.
    pub open: usize,
    /// Paths to a directory or nowhere.
    pub bare: usize,
    /// Directories on the way to all of these, the root included.
    pub directories: usize,
}

/// Whether [`Root::open`] would open this directory. Nothing is made that would have to be closed
/// again, which takes the kernel milliseconds where directories were watched.
pub fn check(path: &Path) -> io::Result<()> {
    Opener::new(path).map(drop)
}

impl<T> Root<T> {
    /// Opens the directory `path`, which may be a link. `derive` runs once for each file that is
    /// opened; it may call [`lookup`](Self::lookup) for other paths. A `T` that is dropped must
    /// leave the root alone.
    ///
    /// Fails when `path` is no directory or cannot be passed.
    pub fn open(
        path: &Path,
        config: Config,
        derive: impl Fn(&Found<'_>) -> T + 'static,
    ) -> io::Result<Self> {
        Ok(Self::with_opener(Opener::new(path)?, config, derive))
    }

    pub(crate) fn with_opener(
        opener: Opener,
        config: Config,
        derive: impl Fn(&Found<'_>) -> T + 'static,
    ) -> Self {
        let limits = Limits {
            files: config.files_max,
            open: config.descriptors_max,
            bare: config.bare_max,
            content_len: config.contents_len_max,
        };
        let tree = Tree::new(&opener, config.directories_max);
        let store = RefCell::new(Store { cache: Cache::new(limits), tree });
        Self { opener, config, derive: Box::new(derive), store, is_heard: Cell::new(false) }
    }

    /// What `path` leads to.
    ///
    /// `path` is decoded, relative to the root, `/` between names, and none at either end; `""` is
    /// the root. Names may be any bytes. The caller has resolved dot segments; should some be left,
    /// they are refused. `now` is the time of the worker, which never goes back.
    ///
    /// What is cached is answered after one hash. What is not, or no longer, costs a few system
    /// calls that may wait for the disk.
    #[inline]
    pub fn lookup(&self, path: &[u8], now: Instant) -> Result<Entry<T>, Refused> {
        if let Some(slot) = self.store.borrow_mut().cache.find(path)
            && now < slot.fresh_until
        {
            slot.is_used = true;
            return slot.value.answer();
        }
        self.lookup_in_files(path, now)
    }

    /// The file that `path` leads to, if it is cached where the hint says. Otherwise the hint says
    /// where it is cached now, if it is, and the caller looks it up.
    #[inline]
    pub fn find_again(&self, hint: &Hint, path: &[u8], now: Instant) -> Option<Rc<File<T>>> {
        let cache = &mut self.store.borrow_mut().cache;
        if let Some(slot) = cache.find_at(hint.0.get(), path) {
            if now < slot.fresh_until
                && let Known::File(file) = &slot.value
            {
                slot.is_used = true;
                return Some(Rc::clone(file));
            }
        } else if let Some(number) = cache.number(path) {
            hint.0.set(number);
        }
        None
    }

    /// What the directory `path` holds; not cached, and bounded ([`LISTED_MAX`](crate::LISTED_MAX)).
    pub fn list(&self, path: &[u8]) -> Result<Listing, Refused> {
        self.check_path(path)?;
        list::list(&self.opener, path, self.config.hidden)
    }

    /// What can be read from when something has changed, where the kernel tells. Who asks for it
    /// waits for it from now on, and calls [`drain`](Self::drain) before the next lookup.
    ///
    /// As long as nobody does, every entry lives by the clock ([`Config::trust`]).
    pub fn listen(&self) -> Option<Rc<OwnedFd>> {
        let watcher = self.store.borrow().tree.watcher();
        self.is_heard.set(watcher.is_some());
        watcher
    }

    /// Drops what has changed up to now, without waiting. To tell of a change costs the kernel more
    /// than to hear of it costs us, so this ends.
    pub fn drain(&self) {
        let Some(watcher) = self.store.borrow().tree.watcher() else { return };
        self.is_heard.set(true);
        while matches!(self.hear(&watcher), Heard::Some) {}
    }

    /// Forgets everything; what is being sent is not disturbed.
    pub fn clear(&self) {
        self.store.borrow_mut().forget_all();
    }

    /// What an operator should know and was not yet told.
    pub fn take_notices(&self) -> Vec<Notice> {
        self.store.borrow_mut().tree.take_notices()
    }

    /// How much is kept.
    pub fn counts(&self) -> Counts {
        let Store { cache, tree } = &*self.store.borrow();
        Counts {
            in_memory: cache.len(Class::Memory),
            contents_len: cache.content_len(),
            open: cache.len(Class::Open),
            bare: cache.len(Class::Bare),
            directories: tree.len(),
        }
    }

    #[cold]
    fn lookup_in_files(&self, path: &[u8], now: Instant) -> Result<Entry<T>, Refused> {
        if path.is_empty() {
            return Ok(Entry::Directory);
        }
        self.check_path(path)?;
        match self.find(path, now) {
            Err(Refused::Exhausted) if self.give_up_descriptors() => self.find(path, now),
            result => result,
        }
    }

    /// Refuses what no file system need be asked about.
    fn check_path(&self, path: &[u8]) -> Result<(), Refused> {
        if path.contains(&0) {
            return Err(Refused::NotFound);
        }
        if path.is_empty() {
            return Ok(());
        }
        for (at, name) in path.split(|&b| b == b'/').enumerate() {
            let is_hidden = match self.config.hidden {
                Hidden::RefusedButWellKnown => !(at == 0 && name == b".well-known"),
                Hidden::Refused => true,
                Hidden::Served => false,
            };
            match name {
                b".." => return Err(Refused::OutsideRoot),
                b"" | b"." => return Err(Refused::NotFound),
                [b'.', ..] if is_hidden => return Err(Refused::Hidden),
                _ => {}
            }
        }
        Ok(())
    }

    /// Asks the file system, and remembers the answer.
    fn find(&self, path: &[u8], now: Instant) -> Result<Entry<T>, Refused> {
        let (place, nowhere) = self.store.borrow_mut().tree.reach(&self.opener, path);
        let looked = nowhere.map_or_else(|| self.opener.look(path), Err);
        let answer = match &looked {
            Ok(opened) => self.answer_for(path, opened),
            Err(refused) => Answer::of(Known::Refused(*refused)),
        };
        let is_told = place.is_watched
            && self.is_heard.get()
            && looked.as_ref().map_or(true, |opened| !opened.via_link)
            && answer.has_one_name;
        let life = if is_told { self.config.recheck } else { self.config.trust };
        let life = if answer.is_settled { life } else { life.min(SETTLES_AFTER) };
        let entry = answer.known.answer();
        let mut store = self.store.borrow_mut();
        if answer.is_worth_keeping(path) {
            store.keep(path, answer, place, now.after(life));
        } else {
            store.forget_path(path);
            store.tree.prune(place.dir);
        }
        entry
    }

    fn answer_for(&self, path: &[u8], opened: &Opened) -> Answer<T> {
        match opened.kind() {
            FileType::RegularFile => {}
            FileType::Directory => return Answer::of(Known::Directory),
            _ => return Answer::of(Known::Refused(Refused::NotAFile)),
        }
        if let Some(file) = self.unchanged(path, &opened.stat) {
            let has_one_name = opened.stat.st_nlink == 1;
            return Answer { was_kept: true, has_one_name, ..Answer::of(Known::File(file)) };
        }
        self.load(path).unwrap_or_else(|refused| Answer::of(Known::Refused(refused)))
    }

    /// The file that is cached for `path`, when nothing about it has changed.
    fn unchanged(&self, path: &[u8], stat: &Stat) -> Option<Rc<File<T>>> {
        let mut store = self.store.borrow_mut();
        let Known::File(file) = &store.cache.find(path)?.value else { return None };
        // Of a file that was read right after a change, the times say nothing.
        let is_same = file.is_settled
            && (file.device, file.inode) == (stat.st_dev, stat.st_ino)
            && file.len == stat.st_size as u64
            && file.modified == Modified::of(stat)
            && file.changed == Modified::of_change(stat);
        is_same.then(|| Rc::clone(file))
    }

    /// Opens a file, reads it if it is small, and derives what the caller keeps.
    fn load(&self, path: &[u8]) -> Result<Answer<T>, Refused> {
        let opened = self.opener.read(path)?;
        match opened.kind() {
            FileType::RegularFile => {}
            FileType::Directory => return Ok(Answer::of(Known::Directory)),
            _ => return Err(Refused::NotAFile),
        }
        let loaded = Loaded::new(opened, self.config.content_len_max)?;
        let Loaded { content, stat, is_stable } = loaded;
        let found = Found {
            path,
            len: match &content {
                Content::Memory(bytes) => bytes.len() as u64,
                Content::Open(_) => stat.st_size as u64,
            },
            modified: Modified::of(&stat),
            changed: Modified::of_change(&stat),
            device: stat.st_dev,
            inode: stat.st_ino,
            is_settled: is_stable && is_settled(&stat),
            content: &content,
        };
        let derived = (self.derive)(&found);
        let Found { len, modified, changed, device, inode, is_settled, .. } = found;
        let file = File { len, modified, changed, device, inode, is_settled, content, derived };
        Ok(Answer {
            is_stable,
            is_settled,
            has_one_name: stat.st_nlink == 1,
            ..Answer::of(Known::File(Rc::new(file)))
        })
    }

    /// Closes some descriptors that nobody is asking for. Whether there were any.
    fn give_up_descriptors(&self) -> bool {
        let mut store = self.store.borrow_mut();
        let mut gone = 0;
        while gone < RELIEF
            && let Some(slot) = store.cache.least_used(Class::Open)
        {
            store.forget(slot);
            gone += 1;
        }
        gone > 0
    }

    /// Reads some changes and drops what they concern.
    fn hear(&self, watcher: &OwnedFd) -> Heard {
        let mut buffer = [MaybeUninit::uninit(); EVENTS_LEN];
        let mut events = Reader::new(watcher, &mut buffer);
        let mut store = self.store.borrow_mut();
        loop {
            match events.next() {
                Ok(event) => {
                    let name = event.file_name().map(|name| name.to_bytes()).unwrap_or_default();
                    store.handle_change(event.wd(), event.events(), name);
                }
                Err(Errno::AGAIN) => return Heard::All,
                Err(Errno::INTR) => {}
                Err(errno) => {
                    store.forget_all();
                    store.tree.stop_watching(errno);
                    return Heard::Failed;
                }
            }
            if events.is_buffer_empty() {
                return Heard::Some;
            }
        }
    }
}

/// How much of the changes was heard.
enum Heard {
    All,
    Some,
    Failed,
}

/// The cache and the tree: every slot belongs to a directory, every directory to some slot.
struct Store<T> {
    cache: Cache<Known<T>>,
    tree: Tree,
}

/// What a slot holds.
enum Known<T> {
    File(Rc<File<T>>),
    Directory,
    Refused(Refused),
}

impl<T> Known<T> {
    #[inline]
    fn answer(&self) -> Result<Entry<T>, Refused> {
        match self {
            Self::File(file) => Ok(Entry::File(Rc::clone(file))),
            Self::Directory => Ok(Entry::Directory),
            Self::Refused(refused) => Err(*refused),
        }
    }

    fn weight(&self) -> Weight {
        let (class, content_len) = match self {
            Self::File(file) => match &file.content {
                Content::Memory(bytes) => (Class::Memory, bytes.len() as u64),
                Content::Open(_) => (Class::Open, 0),
            },
            Self::Directory | Self::Refused(_) => (Class::Bare, 0),
        };
        Weight { class, content_len }
    }
}

/// What the file system answered.
struct Answer<T> {
    known: Known<T>,
    /// Whether the file stood still while it was read.
    is_stable: bool,
    /// See [`File::is_settled`].
    is_settled: bool,
    /// Whether there is only the one way to the file, so that its directory hears of all changes.
    has_one_name: bool,
    /// Whether it was in the cache before.
    was_kept: bool,
}

impl<T> Answer<T> {
    fn of(known: Known<T>) -> Self {
        Self { known, is_stable: true, is_settled: true, has_one_name: true, was_kept: false }
    }

    fn is_worth_keeping(&self, path: &[u8]) -> bool {
        match &self.known {
            Known::File(_) => self.is_stable,
            Known::Directory => true,
            Known::Refused(refused) => refused.is_lasting() && path.len() <= ABSENT_PATH_LEN_MAX,
        }
    }
}

impl<T> Store<T> {
    /// Remembers an answer, and lets others go if there is no room.
    fn keep(&mut self, path: &[u8], answer: Answer<T>, place: Place, fresh_until: Instant) {
        self.forget_path(path);
        let weight = answer.known.weight();
        let number = self.cache.reserve();
        // Attached first: letting others go must not let the directory go.
        if !self.cache.takes(weight) || !self.tree.attach(place, number) {
            self.cache.release(number);
            self.tree.prune(place.dir);
            return;
        }
        while let Some(other) = self.cache.must_leave(weight) {
            self.forget(other);
        }
        let (value, is_used) = (answer.known, answer.was_kept);
        let slot = Slot { path: path.into(), value, fresh_until, is_used, dir: place.dir, weight };
        self.cache.put(number, slot);
    }

    fn forget(&mut self, number: SlotId) {
        if let Some(slot) = self.cache.remove(number) {
            self.tree.detach(slot.dir, number);
        }
    }

    fn forget_path(&mut self, path: &[u8]) {
        if let Some(number) = self.cache.number(path) {
            self.forget(number);
        }
    }

    fn forget_below(&mut self, dir: DirId) {
        for number in self.tree.uproot(dir) {
            self.cache.remove(number);
        }
    }

    fn forget_all(&mut self) {
        self.forget_below(ROOT);
        debug_assert!(self.cache.numbers().is_empty(), "every slot belongs to a directory");
    }

    /// Something changed: `name` in the directories that `watch` is for, or these themselves.
    fn handle_change(&mut self, watch: i32, what: ReadFlags, name: &[u8]) {
        if what.contains(ReadFlags::QUEUE_OVERFLOW) {
            // Changes were lost, and any of them may have been the one that matters.
            return self.forget_all();
        }
        let dirs = self.tree.watched_by(watch);
        if what.contains(ReadFlags::IGNORED) {
            self.tree.lost_watch(watch);
        }
        for dir in dirs {
            if name.is_empty() {
                self.handle_own_change(dir, what);
            } else {
                self.handle_named_change(dir, what, name);
            }
        }
    }

    /// A directory itself moved, was deleted, unmounted, or got other permissions.
    fn handle_own_change(&mut self, dir: DirId, what: ReadFlags) {
        // What the root is called is nobody's concern.
        if dir == ROOT && what.contains(ReadFlags::MOVE_SELF) {
            return;
        }
        self.forget_below(dir);
    }

    fn handle_named_change(&mut self, dir: DirId, what: ReadFlags, name: &[u8]) {
        let Some(path) = self.tree.path_of(dir, name) else { return };
        self.forget_path(&path);
        if ReadFlags::MODIFY.union(ReadFlags::CLOSE_WRITE).contains(what) {
            return;
        }
        // A name came, went, or may be passed now and could not before.
        if let Some(below) = self.tree.at(&path) {
            self.forget_below(below);
        }
        for number in self.tree.beyond(dir) {
            self.forget(number);
        }
    }
}

/// A file's content, and what the file system said about it.
struct Loaded {
    content: Content,
    stat: Stat,
    is_stable: bool,
}

impl Loaded {
    fn new(opened: Opened, content_len_max: u64) -> Result<Self, Refused> {
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
fn is_settled(stat: &Stat) -> bool {
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
    fn of_change(stat: &Stat) -> Self {
        Self { secs: stat.st_ctime, nanos: stat.st_ctime_nsec as u32 }
    }
}

impl Refused {
    fn from_io(error: &io::Error) -> Self {
        Errno::from_io_error(error).map_or_else(|| Self::Other(error.kind()), Self::from)
    }
}
