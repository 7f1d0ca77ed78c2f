//! How much memory the connections of a worker may hold together.

use std::cell::Cell;
use std::rc::Rc;

/// How much a connection may hold whatever the others hold: a record of TLS, so that each goes on.
const SHARE_MIN: u64 = 16 * 1024;

/// How much a connection may hold where there is plenty.
const SHARE_MAX: u64 = 256 * 1024;

/// What part of what is left one connection may hold: so many can have all they ask for before
/// anybody gets less.
const PARTS: u64 = 16;

/// What the connections of a worker hold from one turn to the next: bytes that were read and not
/// taken, and bytes that were made and not sent.
///
/// Each may hold a part of what is left. So the sum comes close to the most there may be, and goes
/// beyond it by [`SHARE_MIN`] for each connection at worst: with 10,000 of them, 160 MiB.
#[derive(Debug)]
pub(crate) struct Budget {
    most: Cell<u64>,
    held: Cell<u64>,
}

/// What one connection holds; counted as long as it lives.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Rc<Budget>,
    len: u64,
}

impl Budget {
    pub(crate) fn new(most: u64) -> Rc<Self> {
        Rc::new(Self { most: Cell::new(most), held: Cell::new(0) })
    }

    /// Lets the connections hold so much from now on.
    pub(crate) fn allow(&self, most: u64) {
        self.most.set(most);
    }

    /// How much is held.
    pub(crate) fn held(&self) -> u64 {
        self.held.get()
    }

    /// How much a connection may hold now.
    #[inline]
    pub(crate) fn share(&self) -> u64 {
        let left = self.most.get().saturating_sub(self.held.get());
        (left / PARTS).clamp(SHARE_MIN, SHARE_MAX)
    }

    /// Whether connections may hold less than they would like to.
    pub(crate) fn is_scarce(&self) -> bool {
        self.share() < SHARE_MAX
    }

    /// For a connection that holds nothing yet.
    pub(crate) fn enter(self: &Rc<Self>) -> Held {
        Held { budget: Rc::clone(self), len: 0 }
    }
}

impl Held {
    /// It holds so much now.
    pub(crate) fn set(&mut self, len: u64) {
        let held = &self.budget.held;
        held.set(held.get() - self.len + len);
        self.len = len;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_is_held_the_less_may_be() {
        let budget = Budget::new(16 << 20);
        assert_eq!(budget.share(), SHARE_MAX);
        let mut connections: Vec<_> = (0..1000).map(|_| budget.enter()).collect();
        for connection in &mut connections {
            connection.set(budget.share());
        }
        assert!(budget.held() <= (16 << 20) + 1000 * SHARE_MIN, "{}", budget.held());
        assert_eq!(budget.share(), SHARE_MIN);
        drop(connections);
        assert_eq!((budget.held(), budget.share()), (0, SHARE_MAX));
    }
}
