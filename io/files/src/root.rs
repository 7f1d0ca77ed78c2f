use std::cell::{Cell, RefCell};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use base::Instant;
use rustix::fs::inotify::Reader;
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use crate::Refused;
use crate::cache::{Cache, Class, Limits};
use crate::file::{Content, File, Found, Loaded, Modified, SETTLES_AFTER, is_settled};
use crate::list::{self, Listing};
use crate::open::{Opened, Opener};
use crate::queue::SlotId;
use crate::store::{Answer, Known, Store};
use crate::tree::{Notice, Tree};

/// How many descriptors are given up at once when the process has run out of them.
const RELIEF: usize = 16;

/// Bytes for one read of inotify: some 250 events with names of ordinary length.
const EVENTS_LEN: usize = 8 * 1024;

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
