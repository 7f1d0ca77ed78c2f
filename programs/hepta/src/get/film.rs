//! What the layers say, for `--verbose` and `--film`.

use base::xray::{AnyNote, Film, Sink, Stamp};
use server::FilmPrinter;

/// How much is kept between two looks at the socket: some thousand notes.
const FILM_LEN_MAX: usize = 256 * 1024;

/// A film that is printed as it is made.
#[derive(Debug)]
pub(super) struct Reel {
    printer: FilmPrinter,
    film: Film,
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
            shown: None,
            repeated: 0,
            last: "",
        }
    }

    /// Prints what happened on `connection` since the last time, under `title` if the lines before
    /// were another's.
    pub(super) fn print(&mut self, connection: u64, title: impl FnOnce() -> String) {
        if self.film.text.is_empty() {
            return;
        }
        let text = self.film.take();
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
