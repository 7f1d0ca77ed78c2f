//! Names, sizes and dates as text.

use std::borrow::Cow;
use std::fmt;

use files::Modified;
use message::date;

/// Text as HTML, in an element or in a quoted attribute. Control characters, which HTML has no way
/// to show, become replacement characters.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    let is_special = |c: char| matches!(c, '&' | '<' | '>' | '"' | '\'') || c.is_control();
    if !text.contains(is_special) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// A number of bytes for people: `1.5 KiB`.
pub(super) struct Size(pub(super) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(len) = *self;
        if len < 1024 {
            return write!(f, "{len} B");
        }
        let mut unit = 1u128 << 10;
        for name in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
            // In tenths, rounded; what rounds up to 1024 is one of the next unit.
            let tenths = (u128::from(len) * 10 + unit / 2) / unit;
            if tenths < 1000 {
                return write!(f, "{}.{} {name}", tenths / 10, tenths % 10);
            }
            let whole = (u128::from(len) + unit / 2) / unit;
            if whole < 1024 {
                return write!(f, "{whole} {name}");
            }
            unit <<= 10;
        }
        unreachable!("2^64 bytes are 16 EiB")
    }
}

/// A date, in UTC. Years are kept within 0000 and 9999, which have four digits (RFC 3339 §5.6).
pub(super) struct Utc {
    /// `2026-01-31`
    pub(super) date: String,
    /// `23:59:59`
    pub(super) time: String,
}

impl Utc {
    /// The whole seconds of a file's time.
    pub(super) fn new(modified: Modified) -> Self {
        let secs = modified.secs.clamp(-62_167_219_200, 253_402_300_799);
        let (days, second) = (secs.div_euclid(86_400), secs.rem_euclid(86_400));
        let (year, month, day) = date::civil_from_days(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        Self {
            date: format!("{year:04}-{month:02}-{day:02}"),
            time: format!("{hour:02}:{minute:02}:{second:02}"),
        }
    }
}

/// As ISO 8601 and RFC 3339 §5.6 write it: `2026-01-31T23:59:59Z`.
impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}T{}Z", self.date, self.time)
    }
}
