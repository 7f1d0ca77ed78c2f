//! What people see: plain lines, with colour on a terminal that wants it.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

/// How a word is shown.
#[derive(Clone, Copy)]
pub(crate) enum Paint {
    /// A heading.
    Bold,
    /// Fine.
    Green,
    /// Not yet, or not always.
    Yellow,
    /// Wrong.
    Red,
}

/// One line for people. Nobody reading any more is no reason to fail.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// One line about something that must be put right.
pub(crate) fn complain(line: impl Display) {
    let mark = paint_if(wants_colour(&io::stderr()), Paint::Red, "error");
    let _ = writeln!(io::stderr().lock(), "{mark}: {line}");
}

/// One line about something that should be looked at.
pub(crate) fn warn(line: impl Display) {
    let mark = paint_if(wants_colour(&io::stderr()), Paint::Yellow, "note");
    let _ = writeln!(io::stderr().lock(), "{mark}: {line}");
}

/// `text` in colour, where standard output shows colours.
pub(crate) fn paint(paint: Paint, text: impl Display) -> String {
    paint_if(wants_colour(&io::stdout()), paint, text)
}

fn wants_colour(stream: &impl IsTerminal) -> bool {
    // https://no-color.org: set and not empty means no.
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !refused && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn paint_if(colour: bool, paint: Paint, text: impl Display) -> String {
    let code = match paint {
        Paint::Bold => 1,
        Paint::Red => 31,
        Paint::Green => 32,
        Paint::Yellow => 33,
    };
    if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
}
