use std::sync::Arc;
use std::task::{Wake, Waker};

use tokio::sync::mpsc::UnboundedSender;

use crate::registry::Key;

/// Gives a connection its turn when an answer that was promised goes on. It may be called from any
/// thread.
#[derive(Debug)]
struct Kept {
    key: Key,
    due: UnboundedSender<Key>,
}

impl Wake for Kept {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Nobody listens when the worker has ended, and then nobody waits.
        let _ = self.due.send(self.key);
    }
}

/// What wakes the connection at `key`, by way of `due`.
pub(crate) fn waker(key: Key, due: &UnboundedSender<Key>) -> Waker {
    Arc::new(Kept { key, due: due.clone() }).into()
}
