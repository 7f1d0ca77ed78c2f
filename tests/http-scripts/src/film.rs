use std::fmt::Write as _;

use base::xray::{AnyNote, Sink, Stamp};
use message::{Event, ExchangeId, Head};

/// Writes an event that the user was told, as a line; of data at most `shown_max` bytes.
pub fn show_event(film: &mut String, id: ExchangeId, event: &Event, shown_max: usize) {
    let _ = write!(film, "=> #{} ", id.0);
    let _ = match event {
        Event::Head(Head::Request(r)) => {
            write!(film, "{} {} {} {:?}", r.method, r.target, r.version, r.fields)
        }
        Event::Head(Head::Response(r)) => {
            write!(film, "{} {:?} {:?}", r.version, r.status, r.fields)
        }
        Event::Informational(r) => write!(film, "Informational {:?} {:?}", r.status, r.fields),
        Event::Promise(r) => write!(film, "Promise {} {} {:?}", r.method, r.target, r.fields),
        Event::Data(chunk) => {
            let bytes = chunk.as_bytes().unwrap();
            let (shown, rest) = bytes.split_at(bytes.len().min(shown_max));
            let _ = write!(film, "Data \"{}\"", shown.escape_ascii());
            if rest.is_empty() { Ok(()) } else { write!(film, " and {} bytes", rest.len()) }
        }
        other => write!(film, "{other:?}"),
    };
    film.push('\n');
}

/// Keeps in the film those notes of the x-ray that give a reason.
#[derive(Debug)]
pub struct Reasons {
    /// The film so far.
    pub film: String,
    /// The names of these notes.
    pub names: &'static [&'static str],
}

impl Sink for Reasons {
    fn record(&mut self, _: &Stamp, note: &dyn AnyNote) {
        let name = note.entry().name;
        if !self.names.contains(&name) {
            return;
        }
        let _ = write!(self.film, "~ {name}");
        note.each_field(&mut |name, value| {
            let _ = write!(self.film, " {name}={value:?}");
        });
        self.film.push('\n');
    }
}
