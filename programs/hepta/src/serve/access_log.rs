//! The access log: a line for each exchange, made in memory and written a few times a second.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use base::Wall;
use message::{Fields, Name, date};
use server::Record;

/// How much is kept before it is written without waiting for the next tick.
const KEPT_LEN_MAX: usize = 64 * 1024;

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
    /// The date of the line before, and how it looks.
    date: Option<(Wall, [u8; 20])>,
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
        let date = lines.date_of(record.wall);
        let text = &mut lines.text;
        push_address(record, text);
        text.extend_from_slice(b" - - [");
        text.extend_from_slice(&date);
        text.extend_from_slice(b" +0000] \"");
        push_request_line(record, text);
        text.extend_from_slice(b"\" ");
        match record.status {
            Some(status) => text.extend_from_slice(&status.digits()),
            None => text.push(b'-'),
        }
        text.push(b' ');
        push_decimal(record.body_len, text);
        let fields = record.request.map(|request| &request.fields);
        push_quoted(fields, Name::Referer, text);
        push_quoted(fields, Name::UserAgent, text);
        text.push(b' ');
        push_seconds(record.took.as_micros() as u64, text);
        text.push(b'\n');
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
    /// `21/Nov/2026:13:37:00`, made once a second.
    fn date_of(&mut self, wall: Wall) -> [u8; 20] {
        match self.date {
            Some((date, text)) if date == wall => text,
            _ => {
                let text = log_date(wall);
                self.date = Some((wall, text));
                text
            }
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

fn push_address(record: &Record<'_>, text: &mut Vec<u8>) {
    match record.peer.address.ip() {
        std::net::IpAddr::V4(v4) => {
            for (i, octet) in v4.octets().into_iter().enumerate() {
                if i > 0 {
                    text.push(b'.');
                }
                push_decimal(octet.into(), text);
            }
        }
        v6 => {
            let _ = write!(text, "{v6}");
        }
    }
}

fn push_request_line(record: &Record<'_>, text: &mut Vec<u8>) {
    let Some(request) = record.request else { return text.push(b'-') };
    text.extend_from_slice(request.method.as_str().as_bytes());
    text.push(b' ');
    push_escaped(request.target.as_str().as_bytes(), text);
    text.extend_from_slice(b" HTTP/");
    text.push(b'0' + request.version.major);
    text.push(b'.');
    text.push(b'0' + request.version.minor);
}

fn push_quoted(fields: Option<&Fields>, name: Name, text: &mut Vec<u8>) {
    match fields.and_then(|fields| fields.get(name)) {
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
    let is_plain = |b: u8| (b' '..=b'~').contains(&b) && b != b'"' && b != b'\\';
    if value.iter().fold(true, |plain, &b| plain & is_plain(b)) {
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

fn push_decimal(mut n: u64, text: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[at..]);
}

fn push_seconds(micros: u64, text: &mut Vec<u8>) {
    push_decimal(micros / 1_000_000, text);
    text.push(b'.');
    let mut fraction = micros % 1_000_000;
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (fraction % 10) as u8;
        fraction /= 10;
    }
    text.extend_from_slice(&digits);
}
