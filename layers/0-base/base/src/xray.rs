//! The x-ray: what each layer says while it works, and who listens.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Instant;

/// The layers somebody watches, one bit each; and above them, how many [`Watching`] there are.
///
/// Only a hint, to keep [`Cx::note`](crate::Cx::note) cheap: what a call does never depends on it.
static WATCHED: AtomicU32 = AtomicU32::new(0);

/// One [`Watching`].
const ONE: u32 = 1 << 16;

/// Where their number stands.
const ALL_LAYERS: u32 = u32::MAX << 16;

/// Whether somebody watches `layer`.
#[inline(always)]
pub fn is_watched(layer: Layer) -> bool {
    WATCHED.load(Ordering::Relaxed) & (layer.bit() | ALL_LAYERS) != 0
}

/// Watches `layers` from now on, for the whole process.
pub fn watch(layers: &[Layer]) {
    let mask = layers.iter().fold(0, |mask, layer| mask | layer.bit());
    WATCHED.fetch_or(mask, Ordering::Relaxed);
}

/// As long as there is one, every layer is watched.
#[derive(Debug)]
pub struct Watching(());

impl Watching {
    /// Watches from now on. There may be 65,535 at a time.
    pub fn begin() -> Self {
        WATCHED.fetch_add(ONE, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        WATCHED.fetch_sub(ONE, Ordering::Relaxed);
    }
}

/// One of the seven layers.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[allow(missing_docs)]
pub enum Layer {
    Physical = 1,
    Link,
    Network,
    Transport,
    Session,
    Presentation,
    Application,
}

impl Layer {
    /// Every layer, from the bottom up.
    pub const ALL: [Self; 7] = [
        Self::Physical,
        Self::Link,
        Self::Network,
        Self::Transport,
        Self::Session,
        Self::Presentation,
        Self::Application,
    ];

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// When, and to what, a note belongs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stamp {
    /// The time of the call.
    pub at: Instant,
    /// The connection, once it is known.
    pub connection: Option<u64>,
}

/// Something a layer tells the x-ray. Declared with [`notes!`](crate::notes).
pub trait Note: fmt::Debug {
    /// The layer that speaks.
    const LAYER: Layer;
    /// Every note of this type.
    const CATALOGUE: &'static [Entry];

    /// The catalogue's entry for this note.
    fn entry(&self) -> &'static Entry;
    /// Shows each field to `visit`, in order.
    fn each_field(&self, visit: &mut dyn FnMut(&'static str, &dyn fmt::Debug));
}

/// One line of the catalogue.
#[derive(Debug, Eq, PartialEq)]
pub struct Entry {
    /// The layer that speaks.
    pub layer: Layer,
    /// The note's name.
    pub name: &'static str,
    /// What it means, for people.
    pub meaning: &'static str,
    /// Its fields.
    pub fields: &'static [&'static str],
}

/// A note without its type, as sinks get it.
pub trait AnyNote {
    /// The catalogue's entry for this note.
    fn entry(&self) -> &'static Entry;
    /// Shows each field to `visit`, in order.
    fn each_field(&self, visit: &mut dyn FnMut(&'static str, &dyn fmt::Debug));
}

impl<N: Note> AnyNote for N {
    fn entry(&self) -> &'static Entry {
        Note::entry(self)
    }

    fn each_field(&self, visit: &mut dyn FnMut(&'static str, &dyn fmt::Debug)) {
        Note::each_field(self, visit);
    }
}

/// What every layer says of bytes it cannot read.
pub(crate) struct Unreadable {
    pub(crate) layer: Layer,
    pub(crate) what: &'static str,
}

impl AnyNote for Unreadable {
    fn entry(&self) -> &'static Entry {
        macro_rules! entries {
            ($($layer:ident),*) => { match self.layer { $( Layer::$layer => const { &Entry {
                layer: Layer::$layer,
                name: "Unreadable",
                meaning: "Bytes that are not what they should be; they were dropped.",
                fields: &["what"],
            } } ),* } };
        }
        entries!(Physical, Link, Network, Transport, Session, Presentation, Application)
    }

    fn each_field(&self, visit: &mut dyn FnMut(&'static str, &dyn fmt::Debug)) {
        visit("what", &self.what);
    }
}

/// Somebody who listens.
pub trait Sink {
    /// Takes one note.
    fn record(&mut self, stamp: &Stamp, note: &dyn AnyNote);
}

/// How a film is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Form {
    /// For people.
    #[default]
    Text,
    /// An object of JSON in each line, for programs.
    JsonLines,
}

/// A sink that writes one line per note; what people read, and what tests compare.
#[derive(Debug, Default)]
pub struct Film {
    /// The lines so far.
    pub text: String,
    /// How many bytes of text to keep at most; nothing means all.
    limit: Option<usize>,
    /// How many notes did not fit.
    lost: u64,
    form: Form,
}

impl Film {
    /// A film that keeps `limit` bytes of text and counts what does not fit.
    pub const fn bounded(limit: usize) -> Self {
        Self { text: String::new(), limit: Some(limit), lost: 0, form: Form::Text }
    }

    /// The same film in this form.
    #[must_use]
    pub fn in_form(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// Adds lines that were written elsewhere, in the same form, as far as they fit.
    pub fn append(&mut self, lines: &str) {
        for line in lines.split_inclusive('\n') {
            if self.limit.is_some_and(|limit| self.text.len() >= limit) {
                self.lost += 1;
            } else {
                self.text.push_str(line);
            }
        }
    }

    /// How it is written.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// The lines since the last call, and a line that says how many notes did not fit.
    pub fn take(&mut self) -> String {
        let mut text = std::mem::take(&mut self.text);
        let lost = std::mem::take(&mut self.lost);
        if lost > 0 {
            text.push_str(&match self.form {
                Form::Text => format!("... and {lost} more notes that did not fit\n"),
                Form::JsonLines => format!("{{\"lost\":{lost}}}\n"),
            });
        }
        text
    }
}

impl Sink for Film {
    fn record(&mut self, stamp: &Stamp, note: &dyn AnyNote) {
        use fmt::Write as _;
        if self.limit.is_some_and(|limit| self.text.len() >= limit) {
            self.lost += 1;
            return;
        }
        if self.form == Form::JsonLines {
            return write_json(&mut self.text, stamp, note);
        }
        let entry = note.entry();
        let _ = write!(self.text, "{:?} {:?} {}", stamp.at, entry.layer, entry.name);
        note.each_field(&mut |name, value| {
            let _ = write!(self.text, " {name}={value:?}");
        });
        self.text.push('\n');
    }
}

/// Writes a note as an object, with what its fields show as texts.
fn write_json(text: &mut String, stamp: &Stamp, note: &dyn AnyNote) {
    let entry = note.entry();
    text.push_str("{\"at\":");
    write_string(text, &stamp.at);
    text.push_str(",\"layer\":");
    write_string(text, &entry.layer);
    text.push_str(&format!(",\"note\":\"{}\"", entry.name));
    note.each_field(&mut |name, value| {
        text.push_str(&format!(",\"{name}\":"));
        write_string(text, value);
    });
    text.push_str("}\n");
}

/// Writes what a value shows as a string of JSON (RFC 8259 §7).
fn write_string(text: &mut String, value: &dyn fmt::Debug) {
    text.push('"');
    for c in format!("{value:?}").chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c < ' ' => text.push_str(&format!("\\u{:04x}", c as u32)),
            c => text.push(c),
        }
    }
    text.push('"');
}

/// Something that must not be shown: a payload, a cookie, a password. The film says how long it is.
#[derive(Clone, Copy)]
pub struct Private<'a>(pub &'a [u8]);

impl fmt::Debug for Private<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} private bytes>", self.0.len())
    }
}

/// Bytes from the wire, shown as text with everything else escaped.
#[derive(Clone, Copy)]
pub struct Text<'a>(pub &'a [u8]);

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// Declares what a layer tells the x-ray: an enum, its catalogue and its fields.
#[macro_export]
macro_rules! notes {
    (
        $(#[$attr:meta])*
        $vis:vis enum $Notes:ident $(<$lt:lifetime>)? in $layer:ident {
            $( #[doc = $meaning:literal] $name:ident $({ $($field:ident : $ty:ty),* $(,)? })? ),* $(,)?
        }
    ) => {
        $(#[$attr])*
        #[derive(Clone, Copy, Debug)]
        #[allow(missing_docs)]
        $vis enum $Notes $(<$lt>)? {
            $( #[doc = $meaning] $name $({ $($field: $ty),* })? ),*
        }

        impl $(<$lt>)? $crate::xray::Note for $Notes $(<$lt>)? {
            const LAYER: $crate::xray::Layer = $crate::xray::Layer::$layer;
            const CATALOGUE: &'static [$crate::xray::Entry] = &[$(
                $crate::xray::Entry {
                    layer: $crate::xray::Layer::$layer,
                    name: stringify!($name),
                    meaning: $meaning.trim_ascii(),
                    fields: &[$( $(stringify!($field)),* )?],
                }
            ),*];

            fn entry(&self) -> &'static $crate::xray::Entry {
                match self {
                    $( Self::$name { .. } => const { &$crate::xray::Entry {
                        layer: $crate::xray::Layer::$layer,
                        name: stringify!($name),
                        meaning: $meaning.trim_ascii(),
                        fields: &[$( $(stringify!($field)),* )?],
                    } } ),*
                }
            }

            fn each_field(&self, visit: &mut dyn FnMut(&'static str, &dyn ::std::fmt::Debug)) {
                match self { $( Self::$name $({ $($field),* })? => { $( $( visit(stringify!($field), $field); )* )? } ),* }
                let _ = visit;
            }
        }
    };
}
