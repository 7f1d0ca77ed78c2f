//! A directory for programs.

use files::{Kind, Listing};

use super::Page;
use super::directory::href;
use super::text::Utc;

/// Names that are no UTF-8 are shown as well as text can; `href` leads to them exactly. The size of
/// a directory is `null`.
pub(super) fn directory(path: &[u8], listing: &Listing) -> Page {
    let path = String::from_utf8_lossy(path);
    let path = if path.is_empty() { "/".into() } else { format!("/{path}/") };
    let mut body = format!("{{\"path\":{},\"entries\":[", quoted(&path));
    for (at, entry) in listing.entries.iter().enumerate() {
        let (kind, size) = match entry.kind {
            Kind::File => ("file", entry.len.to_string()),
            Kind::Directory => ("directory", "null".into()),
        };
        let (comma, name) = (if at > 0 { "," } else { "" }, String::from_utf8_lossy(&entry.name));
        body.push_str(comma);
        body.push_str(&format!(
            "\n{{\"name\":{},\"type\":\"{kind}\",\"size\":{size},\"modified\":\"{}\",\"href\":{}}}",
            quoted(&name),
            Utc::new(entry.modified),
            quoted(&href(entry)),
        ));
    }
    body.push_str(&format!("\n],\"truncated\":{}}}\n", listing.truncated));
    Page { media_type: "application/json", language: None, body }
}

/// Text as JSON.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
