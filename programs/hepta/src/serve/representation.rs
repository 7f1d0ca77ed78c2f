//! What is known of a file once, and kept with it until it changes.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use base::Wall;
use coding::Coding;
use files::{Content, Found, Modified};
use message::{Fields, Name, date};

use super::browsers::base_fields;

/// What a file means to HTTP: its media type, its validators, and the fields of a plain answer.
#[derive(Debug)]
pub(crate) struct Representation {
    /// As ETag has it, quotes and all.
    pub(crate) etag: String,
    /// As Last-Modified has it.
    pub(crate) last_modified: Wall,
    /// As Content-Type has it.
    pub(crate) content_type: Box<str>,
    /// Whether compressing it is worth while.
    pub(crate) is_compressible: bool,
    /// The fields of a 200 with the file as it is.
    pub(crate) fields: Fields,
}

impl Representation {
    pub(crate) fn of(found: &Found<'_>) -> Self {
        let content_type = content_type(found.path, found.content);
        let essence = content_type.split(';').next().unwrap_or_default();
        let is_compressible = coding::is_compressible(essence);
        let etag = etag(found.modified, found.len, found.is_settled, Coding::Identity);
        let last_modified = last_modified(found.modified);
        let mut this = Self {
            etag,
            last_modified,
            content_type: content_type.into(),
            is_compressible,
            fields: Fields::new(),
        };
        this.fields = this.fields_in(Coding::Identity, &this.etag, Some(found.len));
        this
    }

    /// The fields of a 200 in this coding, of this length if that is known.
    pub(crate) fn fields_in(&self, coding: Coding, etag: &str, len: Option<u64>) -> Fields {
        let mut fields = base_fields();
        fields.push(Name::ContentType, &*self.content_type);
        if let Some(len) = len {
            fields.push(Name::ContentLength, len.to_string());
            fields.push(Name::AcceptRanges, "bytes");
        }
        if coding != Coding::Identity {
            fields.push(Name::ContentEncoding, coding.as_str());
        }
        fields.push(Name::LastModified, date::emit(self.last_modified));
        fields.push(Name::ETag, etag);
        if self.is_compressible {
            // RFC 9110 §12.5.5: every answer that could have been another says so.
            fields.push(Name::Vary, "Accept-Encoding");
        }
        fields
    }
}

/// An entity tag of when the file changed and how long it is, so that every machine that serves a
/// copy says the same. Weak while the file is so fresh that the next change might not show
/// (RFC 9110 §8.8.1); each coding has its own (RFC 9110 §8.8.3.3).
pub(crate) fn etag(modified: Modified, len: u64, is_settled: bool, coding: Coding) -> String {
    let weak = if is_settled { "" } else { "W/" };
    let suffix = match coding {
        Coding::Identity => "",
        Coding::Gzip => "-gz",
        Coding::Brotli => "-br",
        Coding::Zstd => "-zst",
    };
    format!("{weak}\"{:x}.{:x}-{len:x}{suffix}\"", modified.secs, modified.nanos)
}

/// RFC 9110 §8.8.2.1: a date in the future is no date at which something was modified.
fn last_modified(modified: Modified) -> Wall {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs() as i64);
    Wall(modified.secs.min(now))
}

/// The media type, by the name; with a charset for text that is in UTF-8.
fn content_type(path: &[u8], content: &Content) -> String {
    let name = String::from_utf8_lossy(path);
    let extension = Path::new(&*name).extension().and_then(|e| e.to_str()).unwrap_or_default();
    let essence = match &*extension.to_ascii_lowercase() {
        // What the library has is not, or not yet, what the registry says (RFC 9239, RFC 9512), or what
        // players of streams look for (RFC 8216 §4, §3.2).
        "mjs" => "text/javascript",
        "yaml" | "yml" => "application/yaml",
        "m3u8" => "application/vnd.apple.mpegurl",
        "ts" => "video/mp2t",
        _ => mime_guess::from_ext(extension).first_raw().unwrap_or("application/octet-stream"),
    };
    let is_utf8 = match content {
        Content::Memory(bytes) => str::from_utf8(bytes).is_ok(),
        // Looking through a large file is not worth it: nearly all text is in UTF-8.
        Content::Open(_) => true,
    };
    if essence.starts_with("text/") && is_utf8 {
        format!("{essence}; charset=utf-8")
    } else {
        essence.to_owned()
    }
}
