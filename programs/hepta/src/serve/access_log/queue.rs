//! What was handed on and is not written yet.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::lines_of;
use super::sink::Sink;
use crate::config::{LogPlace, Rotate};

/// How much memory lines may take that wait: that of some 80,000 lines, which a disk that is well
/// has written before the next tick.
const WAITING_LEN_MAX: usize = 8 * 1024 * 1024;

/// How often the error log may say that lines were lost.
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Lines for one file.
pub(super) struct Batch {
    pub(super) sink: Arc<Sink>,
    pub(super) rotate: Option<Rotate>,
    pub(super) text: Vec<u8>,
}

/// What workers and the operator have for the writer. It is locked for as long as it takes to put
/// something in or to take it out.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    rings: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Batch>,
    waiting_len: usize,
    /// Every file that is written, or was.
    sinks: Vec<Weak<Sink>>,
    must_reopen: bool,
    is_closed: bool,
    has_ended: bool,
    /// Lines that found no room, since this was last said.
    lost: u64,
    said: Option<Instant>,
}

impl Batch {
    /// How much memory it takes, however little of it is used.
    fn len(&self) -> usize {
        self.text.capacity()
    }
}

/// What the writer finds.
#[derive(Default)]
pub(super) struct News {
    pub(super) batch: Option<Batch>,
    pub(super) must_reopen: bool,
    /// Nothing will come any more.
    pub(super) is_over: bool,
}

impl Queue {
    /// Adds lines, if there is room for them.
    pub(super) fn put(&self, batch: Batch) {
        let len = batch.len();
        let mut state = self.lock();
        if state.waiting_len + len > WAITING_LEN_MAX {
            drop(state);
            let lost = lines_of(&batch.text);
            self.lock().lost += lost;
            return;
        }
        state.waiting_len += len;
        state.waiting.push_back(batch);
        drop(state);
        self.rings.notify_all();
    }

    /// Has every file opened anew.
    pub(super) fn reopen(&self) {
        self.lock().must_reopen = true;
        self.rings.notify_all();
    }

    /// Says that nothing will come any more, and waits until everything is written, but no longer
    /// than `patience`; what is left then is lost.
    pub(super) fn close(&self, patience: Duration) {
        let mut state = self.lock();
        state.is_closed = true;
        self.rings.notify_all();
        let waited = self.rings.wait_timeout_while(state, patience, |state| !state.has_ended);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let left: u64 = state.waiting.drain(..).map(|batch| lines_of(&batch.text)).sum();
        state.waiting_len = 0;
        let lost = std::mem::take(&mut state.lost) + left;
        drop(state);
        say_lost(lost);
    }

    /// What is to be done next; nothing if that takes longer than `patience`.
    pub(super) fn take(&self, patience: Duration) -> News {
        let is_quiet =
            |state: &mut State| state.waiting.is_empty() && !state.must_reopen && !state.is_closed;
        let waited = self.rings.wait_timeout_while(self.lock(), patience, is_quiet);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let batch = state.waiting.pop_front();
        state.waiting_len -= batch.as_ref().map_or(0, Batch::len);
        let is_over = state.is_closed && batch.is_none();
        News { batch, must_reopen: std::mem::take(&mut state.must_reopen), is_over }
    }

    /// The writer has nothing more to do.
    pub(super) fn end(&self) {
        self.lock().has_ended = true;
        self.rings.notify_all();
    }

    /// Says in the error log how many lines found no room, unless it has just said so.
    pub(super) fn report(&self, now: Instant) {
        let mut state = self.lock();
        let is_due = state.said.is_none_or(|said| now.duration_since(said) >= REPORT_INTERVAL);
        if state.lost == 0 || !is_due {
            return;
        }
        state.said = Some(now);
        let lost = std::mem::take(&mut state.lost);
        // Who reads the error log may be slow too.
        drop(state);
        say_lost(lost);
    }

    /// The file at this place, if it is written already.
    pub(super) fn sink(&self, place: &LogPlace) -> Option<Arc<Sink>> {
        self.sinks().into_iter().find(|sink| sink.place() == place)
    }

    /// Every file that is written.
    pub(super) fn sinks(&self) -> Vec<Arc<Sink>> {
        self.lock().sinks.iter().filter_map(Weak::upgrade).collect()
    }

    pub(super) fn add(&self, sink: &Arc<Sink>) {
        let mut state = self.lock();
        state.sinks.retain(|sink| sink.strong_count() > 0);
        state.sinks.push(Arc::downgrade(sink));
    }

    /// How many lines found no room.
    #[cfg(test)]
    pub(super) fn lost(&self) -> u64 {
        self.lock().lost
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn say_lost(lost: u64) {
    if lost > 0 {
        let why = "they come faster than they are written";
        tracing::error!(lost, "lines of access logs are lost: {why}");
    }
}
