//! The access log: a line for each exchange, made in memory and written a few times a second.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::Wall;
use message::{Fields, Name, Request, Version, date, list};
use server::Record;

/// How much is kept before it is written without waiting for the next tick.
const KEPT_LEN_MAX: usize = 16 * 1024;

/// A worker's part of the log.
#[derive(Debug)]
pub(crate) struct AccessLog {
    target: Target,
    lines: RefCell<Lines>,
}

/// Where lines go. Workers share it: each writes whole lines, at the end of the file.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Nowhere,
    File(Arc<File>),
    Stdout,
}

#[derive(Debug, Default)]
struct Lines {
    text: Vec<u8>,
    beginning: Option<Beginning>,
}

/// What stands before the request in a line.
#[derive(Debug)]
struct Beginning {
    ip: Option<IpAddr>,
    wall: Wall,
    text: String,
}

impl Target {
    /// The file at `path`, to which lines are added; `-` is standard output.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self::File(Arc::new(file)))
    }
}

impl AccessLog {
    pub(crate) fn new(target: Target) -> Self {
        Self { target, lines: RefCell::default() }
    }

    /// Adds a line in the combined format, with the seconds it took at the end:
    /// `ADDRESS - - [DATE] "METHOD TARGET VERSION" STATUS BYTES "REFERER" "USER-AGENT" SECONDS`.
    pub(crate) fn add(&self, record: &Record<'_>) {
        if matches!(self.target, Target::Nowhere) {
            return;
        }
        let mut lines = self.lines.borrow_mut();
        lines.begin(record);
        let text = &mut lines.text;
        match record.request {
            Some(request) => push_request_line(request, text),
            None => text.push(b'-'),
        }
        let [a, b, c] = record.status.map_or(*b"-  ", |status| status.digits());
        text.extend_from_slice(&[b'"', b' ', a, b, c, b' ']);
        list::append_digits(record.body_len, text);
        match record.request {
            Some(Request { fields, .. })
                if fields.contains_any(&[Name::UserAgent, Name::Referer]) =>
            {
                push_quoted(fields, Name::Referer, text);
                push_quoted(fields, Name::UserAgent, text);
            }
            _ => text.extend_from_slice(b" \"-\" \"-\""),
        }
        push_seconds(record.took, text);
        if text.len() >= KEPT_LEN_MAX {
            self.write(text);
        }
    }

    /// Writes what has been kept.
    pub(crate) fn flush(&self) {
        let mut lines = self.lines.borrow_mut();
        if !lines.text.is_empty() {
            self.write(&mut lines.text);
        }
    }

    fn write(&self, text: &mut Vec<u8>) {
        let written = match &self.target {
            Target::Nowhere => Ok(()),
            Target::File(file) => (&**file).write_all(text),
            Target::Stdout => io::stdout().write_all(text),
        };
        if let Err(error) = written {
            tracing::error!(%error, lost = text.len(), "the access log cannot be written");
        }
        text.clear();
    }
}

impl Lines {
    /// Begins a line with all that stands before the request; it is often as in the line before.
    fn begin(&mut self, record: &Record<'_>) {
        let (ip, wall) = (record.peer.ip(), record.wall);
        if self.beginning.as_ref().is_none_or(|b| b.ip != ip || b.wall != wall) {
            let date = log_date(wall);
            let date = date.escape_ascii();
            let text = match ip {
                Some(ip) => format!("{ip} - - [{date} +0000] \""),
                None => format!("unix: - - [{date} +0000] \""),
            };
            self.beginning = Some(Beginning { ip, wall, text });
        }
        if let Some(beginning) = &self.beginning {
            self.text.extend_from_slice(beginning.text.as_bytes());
        }
    }
}

/// Takes the parts out of `Sat, 21 Nov 2026 13:37:00 GMT`.
fn log_date(wall: Wall) -> [u8; 20] {
    let date = date::emit(wall);
    let mut text = *b"01/Jan/1970:00:00:00";
    text[..2].copy_from_slice(&date[5..7]);
    text[3..6].copy_from_slice(&date[8..11]);
    text[7..11].copy_from_slice(&date[12..16]);
    text[12..].copy_from_slice(&date[17..25]);
    text
}

fn push_request_line(request: &Request, text: &mut Vec<u8>) {
    text.extend_from_slice(request.method.as_str().as_bytes());
    text.push(b' ');
    let target = &request.target;
    // A path holds nothing that could be mistaken; a query may hold a backslash.
    match target.query() {
        None => text.extend_from_slice(target.as_bytes()),
        Some(_) => push_escaped(target.as_bytes(), text),
    }
    let Version { major, minor } = request.version;
    text.extend_from_slice(&[b' ', b'H', b'T', b'T', b'P', b'/', b'0' + major, b'.', b'0' + minor]);
}

fn push_quoted(fields: &Fields, name: Name, text: &mut Vec<u8>) {
    match fields.get(name) {
        None => text.extend_from_slice(b" \"-\""),
        Some(value) => {
            text.extend_from_slice(b" \"");
            push_escaped(value, text);
            text.push(b'"');
        }
    }
}

/// What a stranger wrote must not look like a part of the line.
fn push_escaped(value: &[u8], text: &mut Vec<u8>) {
    if value.iter().all(|&b| is_plain(b)) {
        return text.extend_from_slice(value);
    }
    for &b in value {
        if is_plain(b) {
            text.push(b);
        } else {
            let _ = write!(text, "\\x{b:02x}");
        }
    }
}

#[allow(clippy::indexing_slicing, reason = "a byte indexes 256 places")]
#[inline]
const fn is_plain(b: u8) -> bool {
    /// What can be seen, but for the quote and the backslash.
    #[allow(clippy::indexing_slicing, reason = "checked when the table is compiled")]
    static PLAIN: [bool; 256] = {
        let mut plain = [false; 256];
        let mut b = b' ';
        while b <= b'~' {
            plain[b as usize] = b != b'"' && b != b'\\';
            b += 1;
        }
        plain
    };
    PLAIN[b as usize]
}

/// Seconds with six places, and the end of the line.
fn push_seconds(took: Duration, text: &mut Vec<u8>) {
    let mut fraction = took.subsec_micros();
    if took.as_secs() == 0 {
        // Nearly every line.
        let mut seconds = *b" 0.000000\n";
        for digit in seconds.iter_mut().rev().skip(1).take(6) {
            if fraction == 0 {
                break;
            }
            *digit = b'0' + (fraction % 10) as u8;
            fraction /= 10;
        }
        return text.extend_from_slice(&seconds);
    }
    let _ = writeln!(text, " {}.{fraction:06}", took.as_secs());
}
