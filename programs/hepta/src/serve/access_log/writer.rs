//! The thread that writes, and what the main thread has of it.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::queue::{Batch, News, Queue};
use super::sink::Sink;
use super::{AccessLog, Outlet};
use crate::config::{self, LogPlace, Settings};

/// How often it is seen whether files are still where they were.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How long the end of the program waits for a disk.
const PATIENCE_AT_END: Duration = Duration::from_secs(5);

/// What writes every log of the program.
pub(crate) struct Writer {
    queue: Arc<Queue>,
}

/// Every log of a configuration, for all workers.
pub(crate) struct Logs {
    queue: Arc<Queue>,
    sinks: HashMap<LogPlace, Arc<Sink>>,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { queue: Arc::default() }
    }

    /// Begins to write.
    ///
    /// # Errors
    ///
    /// There can be no more threads.
    pub(crate) fn start(&self) -> io::Result<()> {
        let of_thread = Arc::clone(&self.queue);
        let thread = std::thread::Builder::new().name("access-log".into());
        thread.spawn(move || {
            write_all(&of_thread);
            of_thread.end();
        })?;
        Ok(())
    }

    /// Opens the logs of a configuration, but for those that are open.
    ///
    /// # Errors
    ///
    /// A file cannot be opened, and which.
    pub(crate) fn open(&self, settings: &Settings) -> anyhow::Result<Logs> {
        let mut sinks = HashMap::new();
        let sites = settings.sites.iter().chain(&settings.default);
        let of_sites = sites.filter_map(|site| site.access_log.as_ref());
        for log in settings.access_log.iter().chain(of_sites) {
            if log.place == LogPlace::Nowhere || sinks.contains_key(&log.place) {
                continue;
            }
            let sink = match self.queue.sink(&log.place) {
                Some(sink) => sink,
                None => {
                    let sink = Arc::new(Sink::open(&log.place)?);
                    self.queue.add(&sink);
                    sink
                }
            };
            sinks.insert(log.place.clone(), sink);
        }
        Ok(Logs { queue: Arc::clone(&self.queue), sinks })
    }

    /// The open files that were not there before. Only they may be given to another user: whoever can
    /// write in a directory can have put a link there that leads to a file of somebody else.
    ///
    /// # Errors
    ///
    /// There are no descriptors left.
    pub(crate) fn made(&self) -> io::Result<Vec<File>> {
        self.queue.sinks().iter().filter_map(|sink| sink.made()).collect()
    }

    /// Opens every file anew.
    pub(crate) fn reopen(&self) {
        self.queue.reopen();
    }

    /// Says what was lost, also while the writer itself is held up.
    pub(crate) fn report(&self) {
        self.queue.report(Instant::now());
    }

    /// Writes what is left.
    pub(crate) fn finish(self) {
        self.queue.close(PATIENCE_AT_END);
    }
}

impl Logs {
    /// A worker's part of a log.
    pub(crate) fn of_worker(&self, settings: Option<&config::AccessLog>) -> AccessLog {
        let found = settings.and_then(|log| Some((log, self.sinks.get(&log.place)?)));
        let Some((settings, sink)) = found else { return AccessLog::nothing() };
        let outlet = Outlet {
            queue: Arc::clone(&self.queue),
            sink: Arc::clone(sink),
            rotate: settings.rotate,
        };
        AccessLog::new(settings, outlet)
    }
}

/// Writes what comes until nothing comes any more.
fn write_all(queue: &Queue) {
    let mut looked = Instant::now();
    loop {
        let News { batch, must_reopen, is_over } = queue.take(LOOK_INTERVAL);
        let now = Instant::now();
        if must_reopen || now.duration_since(looked) >= LOOK_INTERVAL {
            looked = now;
            queue.sinks().iter().for_each(|sink| sink.look(now, must_reopen));
            queue.report(now);
        }
        if let Some(Batch { sink, rotate, text }) = batch {
            sink.write(now, &text, rotate);
        }
        if is_over {
            queue.sinks().iter().for_each(|sink| sink.report());
            return;
        }
    }
}
