//! What the layers say, for `--verbose` and `--film`.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::Instant;
use base::xray::{AnyNote, Film, Sink, Stamp};
use server::{Clock, FilmPrinter};

use crate::network::Network;

/// How much is kept between two looks at the socket: some thousand notes.
const FILM_LEN_MAX: usize = 256 * 1024;

/// A film that is printed as it is made.
#[derive(Debug)]
pub(super) struct Reel {
    printer: FilmPrinter,
    film: Film,
    /// What the layers below say, on a network of our own.
    below: Option<Arc<Mutex<Film>>>,
    /// The connection whose notes were printed last.
    shown: Option<u64>,
    /// How many notes like the last one were left out: a body comes in thousands of parts, and one
    /// says as much as all.
    repeated: u64,
    last: &'static str,
}

impl Reel {
    pub(super) fn new() -> Self {
        Self {
            printer: FilmPrinter::to_stderr(),
            film: Film::bounded(FILM_LEN_MAX),
            below: None,
            shown: None,
            repeated: 0,
            last: "",
        }
    }

    /// Films the layers below too, in the times of our `clock`.
    pub(super) fn add_below(&mut self, network: &Network, clock: &Clock) {
        let film = Arc::new(Mutex::new(Film::bounded(FILM_LEN_MAX)));
        // Both clocks are read once the stack's lock is ours, for which we may have waited.
        let (theirs, now) = network.stack.with(|cx, _| (cx.now(), clock.now()));
        let (is_ahead, by) = match theirs >= now {
            true => (true, theirs.since(now)),
            false => (false, now.since(theirs)),
        };
        network.stack.watched_by(Below { film: Arc::clone(&film), is_ahead, by });
        self.below = Some(film);
    }

    /// Prints what the layers below had to say behind everything else.
    pub(super) fn print_end(&mut self) {
        let text = self.take();
        if !text.is_empty() {
            self.printer.print(None, &text);
        }
    }

    /// All that was said since the last time, in its order.
    fn take(&mut self) -> String {
        let above = self.film.take();
        match &self.below {
            Some(below) => {
                let below = below.lock().unwrap_or_else(PoisonError::into_inner).take();
                merged(&below, &above)
            }
            None => above,
        }
    }

    /// Prints what happened on `connection` since the last time, under `title` if the lines before
    /// were another's.
    pub(super) fn print(&mut self, connection: u64, title: impl FnOnce() -> String) {
        let text = self.take();
        if text.is_empty() {
            return;
        }
        let is_new = self.shown.replace(connection) != Some(connection);
        self.printer.print(is_new.then(title).as_deref(), &text);
    }
}

impl Sink for Reel {
    fn record(&mut self, stamp: &Stamp, note: &dyn AnyNote) {
        let name = note.entry().name;
        let is_part = matches!(name, "BodyIn" | "BodyOut");
        if is_part && name == self.last {
            self.repeated += 1;
            return;
        }
        if self.repeated > 0 {
            let line = format!("... and {} more {}\n", self.repeated, self.last);
            self.film.text.push_str(&line);
            self.repeated = 0;
        }
        self.last = name;
        self.film.record(stamp, note);
    }
}

/// Films what a network of our own says, in the times of our clock.
#[derive(Debug)]
struct Below {
    film: Arc<Mutex<Film>>,
    /// Whether the network's clock is ahead of ours, or behind it; by how much.
    is_ahead: bool,
    by: Duration,
}

impl Sink for Below {
    fn record(&mut self, stamp: &Stamp, note: &dyn AnyNote) {
        let at = match self.is_ahead {
            true => Instant::ORIGIN.after(stamp.at.since(Instant::ORIGIN.after(self.by))),
            false => stamp.at.after(self.by),
        };
        let mut film = self.film.lock().unwrap_or_else(PoisonError::into_inner);
        film.record(&Stamp { at, ..*stamp }, note);
    }
}

/// Lines of two films in one order, those first that came first, and of two at a time those of the
/// layers below.
pub(super) fn merged(below: &str, above: &str) -> String {
    let mut all = String::with_capacity(below.len() + above.len());
    let (mut below, mut above) = (below.lines().peekable(), above.lines().peekable());
    loop {
        let next = match (below.peek(), above.peek()) {
            (Some(low), Some(high)) if time_of(low) <= time_of(high) => below.next(),
            (_, Some(_)) => above.next(),
            (_, None) => below.next(),
        };
        let Some(line) = next else { return all };
        let _ = writeln!(all, "{line}");
    }
}

/// When a line was said, in microseconds; a line that does not say follows the one before it.
fn time_of(line: &str) -> u64 {
    let time = line.split_once("s ").map(|(time, _)| time.replace('.', ""));
    time.and_then(|time| time.parse().ok()).unwrap_or(0)
}
