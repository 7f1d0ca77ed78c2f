//! Access logs: a line for each exchange.
//!
//! ```text
//!   Record ─▶ AccessLog ── 16 KiB, or a tick ─▶ Queue ─▶ writer ─▶ Sink
//!             of a worker                       of all, bounded    a file: rotated, reopened
//! ```
//!
//! A worker makes lines in memory and hands them on when there are enough of them, or a few times a
//! second. One thread for the whole program takes them from the queue and writes them, and so it
//! alone renames and reopens files. Nobody waits for it: what finds the queue full, or does not fit
//! on the disk, is lost and counted, and the error log says how much it was.
//!
//! Whatever a stranger wrote is written in visible ASCII, so that it cannot look like another line
//! or another field.

use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;

use base::Wall;
use server::Record;

use self::chosen::Chosen;
use self::queue::{Batch, Queue};
use self::sink::Sink;
use crate::config::{self, LogFormat, Rotate};

mod chosen;
mod combined;
mod escape;
mod json;
mod queue;
mod sink;
mod writer;

pub(crate) use writer::{Logs, Writer};

#[cfg(test)]
mod tests;

/// How much is kept before it is handed on without waiting for the next tick.
const KEPT_LEN_MAX: usize = 16 * 1024;

/// What lines are made in: all that is kept, and the line that is one too many.
const BUFFER_LEN: usize = KEPT_LEN_MAX + 1024;

/// A worker's part of a log.
pub(crate) struct AccessLog {
    form: Form,
    lines: RefCell<Lines>,
    outlet: Option<Outlet>,
}

/// What becomes of a record.
enum Form {
    Nothing,
    /// A line in the combined format for each: nearly every log.
    Combined,
    /// What somebody has chosen.
    Chosen(Chosen),
}

/// Where lines leave the worker.
struct Outlet {
    queue: Arc<Queue>,
    sink: Arc<Sink>,
    rotate: Option<Rotate>,
}

/// Lines that have not left yet.
#[derive(Debug, Default)]
struct Lines {
    text: Vec<u8>,
    beginning: Option<Beginning>,
    /// What the last line says behind its length.
    said: combined::Said,
}

/// What a line begins with, of an address and a second.
#[derive(Debug)]
struct Beginning {
    ip: Option<IpAddr>,
    wall: Wall,
    text: Vec<u8>,
}

impl AccessLog {
    /// A log without lines.
    fn nothing() -> Self {
        Self { form: Form::Nothing, lines: RefCell::default(), outlet: None }
    }

    fn new(settings: &config::AccessLog, outlet: Outlet) -> Self {
        let form = match (&settings.format, settings.sample.get()) {
            (LogFormat::Combined, 1) => Form::Combined,
            (format, sample) => Form::Chosen(Chosen::new(format, sample)),
        };
        Self { form, lines: RefCell::default(), outlet: Some(outlet) }
    }

    /// Adds a line for this exchange, with the site that answered if that is known.
    #[inline(always)]
    pub(crate) fn add(&self, record: &Record<'_>, site: Option<&str>) {
        match &self.form {
            Form::Combined => {
                let mut lines = self.lines.borrow_mut();
                combined::push(record, &mut lines);
                if lines.text.len() >= KEPT_LEN_MAX {
                    self.hand_on(&mut lines);
                }
            }
            Form::Nothing => {}
            Form::Chosen(chosen) => self.add_chosen(chosen, record, site),
        }
    }

    fn add_chosen(&self, chosen: &Chosen, record: &Record<'_>, site: Option<&str>) {
        if !chosen.takes(record) {
            return;
        }
        let mut lines = self.lines.borrow_mut();
        chosen.push(record, site, &mut lines);
        if lines.text.len() >= KEPT_LEN_MAX {
            self.hand_on(&mut lines);
        }
    }

    /// Hands on what has been kept.
    pub(crate) fn flush(&self) {
        let mut lines = self.lines.borrow_mut();
        if !lines.text.is_empty() {
            self.hand_on(&mut lines);
        }
    }

    fn hand_on(&self, lines: &mut Lines) {
        let text = std::mem::replace(&mut lines.text, Vec::with_capacity(BUFFER_LEN));
        if let Some(Outlet { queue, sink, rotate }) = &self.outlet {
            queue.put(Batch { sink: Arc::clone(sink), rotate: *rotate, text });
        }
    }
}

impl Lines {
    /// Begins a line with what `make` writes of the address and the time; it is often as in the
    /// line before.
    #[inline(always)]
    fn begin(&mut self, record: &Record<'_>, make: impl Fn(Option<IpAddr>, Wall, &mut Vec<u8>)) {
        let (ip, wall) = (record.peer.address.map(|address| address.ip()), record.wall);
        if self.beginning.as_ref().is_none_or(|b| b.ip != ip || b.wall != wall) {
            let mut text = self.beginning.take().map(|b| b.text).unwrap_or_default();
            text.clear();
            make(record.peer.ip(), wall, &mut text);
            self.beginning = Some(Beginning { ip, wall, text });
        }
        if let Some(beginning) = &self.beginning {
            self.text.extend_from_slice(&beginning.text);
        }
    }
}

/// How many lines a text has.
fn lines_of(text: &[u8]) -> u64 {
    text.iter().filter(|&&b| b == b'\n').count() as u64
}
