//! What is kept of the file system's answers, and what a change makes of it.

use std::rc::Rc;

use base::Instant;
use rustix::fs::inotify::ReadFlags;

use crate::Refused;
use crate::cache::{Cache, Class, Slot, Weight};
use crate::file::{Content, File};
use crate::queue::SlotId;
use crate::root::Entry;
use crate::tree::{DirId, Place, ROOT, Tree};

/// Paths longer than this are not remembered when there is nothing there. With the default bound
/// the paths that strangers make up take at most 16,384 × 256 B = 4 MiB.
const ABSENT_PATH_LEN_MAX: usize = 256;

/// The cache and the tree: every slot belongs to a directory, every directory to some slot.
pub(crate) struct Store<T> {
    pub(crate) cache: Cache<Known<T>>,
    pub(crate) tree: Tree,
}

/// What a slot holds.
pub(crate) enum Known<T> {
    File(Rc<File<T>>),
    Directory,
    Refused(Refused),
}

impl<T> Known<T> {
    #[inline]
    pub(crate) fn answer(&self) -> Result<Entry<T>, Refused> {
        match self {
            Self::File(file) => Ok(Entry::File(Rc::clone(file))),
            Self::Directory => Ok(Entry::Directory),
            Self::Refused(refused) => Err(*refused),
        }
    }

    pub(crate) fn weight(&self) -> Weight {
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
pub(crate) struct Answer<T> {
    pub(crate) known: Known<T>,
    /// Whether the file stood still while it was read.
    pub(crate) is_stable: bool,
    /// See [`File::is_settled`].
    pub(crate) is_settled: bool,
    /// Whether there is only the one way to the file, so that its directory hears of all changes.
    pub(crate) has_one_name: bool,
    /// Whether it was in the cache before.
    pub(crate) was_kept: bool,
}

impl<T> Answer<T> {
    /// Something that does not change while it is looked at.
    pub(crate) fn of(known: Known<T>) -> Self {
        Self { known, is_stable: true, is_settled: true, has_one_name: true, was_kept: false }
    }

    pub(crate) fn is_worth_keeping(&self, path: &[u8]) -> bool {
        match &self.known {
            Known::File(_) => self.is_stable,
            Known::Directory => true,
            Known::Refused(refused) => refused.is_lasting() && path.len() <= ABSENT_PATH_LEN_MAX,
        }
    }
}

impl<T> Store<T> {
    /// Remembers an answer, and lets others go if there is no room.
    pub(crate) fn keep(
        &mut self,
        path: &[u8],
        answer: Answer<T>,
        place: Place,
        fresh_until: Instant,
    ) {
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

    pub(crate) fn forget(&mut self, number: SlotId) {
        if let Some(slot) = self.cache.remove(number) {
            self.tree.detach(slot.dir, number);
        }
    }

    pub(crate) fn forget_path(&mut self, path: &[u8]) {
        if let Some(number) = self.cache.number(path) {
            self.forget(number);
        }
    }

    fn forget_below(&mut self, dir: DirId) {
        for number in self.tree.uproot(dir) {
            self.cache.remove(number);
        }
    }

    pub(crate) fn forget_all(&mut self) {
        self.forget_below(ROOT);
        debug_assert!(self.cache.numbers().is_empty(), "every slot belongs to a directory");
    }

    /// Something changed: `name` in the directories that `watch` is for, or these themselves.
    pub(crate) fn handle_change(&mut self, watch: i32, what: ReadFlags, name: &[u8]) {
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
