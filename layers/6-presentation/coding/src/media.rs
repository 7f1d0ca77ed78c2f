/// Types that are text, or as good as, without saying so in their name. Sorted.
const COMPRESSIBLE: [&str; 32] = [
    "application/atom+xml",
    "application/ecmascript",
    "application/eot",
    "application/font-sfnt",
    "application/graphql",
    "application/javascript",
    "application/json",
    "application/manifest+json",
    "application/ndjson",
    "application/otf",
    "application/postscript",
    "application/rtf",
    "application/sql",
    "application/toml",
    "application/ttf",
    "application/vnd.apple.mpegurl",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/x-javascript",
    "application/x-ndjson",
    "application/x-sh",
    "application/x-tar",
    "application/xml",
    "application/yaml",
    "font/collection",
    "font/otf",
    "font/sfnt",
    "font/ttf",
    "image/bmp",
    "image/vnd.microsoft.icon",
    "image/x-icon",
    "model/gltf+json",
];

/// Whether content of this type (`text/html`, in any case, without parameters) gets smaller in a
/// coding.
///
/// Pictures, films, sound, archives and `font/woff2` are compressed already: coding them again
/// costs time and wins nothing. What is not known is left as it is.
pub fn is_compressible(essence: &str) -> bool {
    let essence = essence.trim_ascii();
    let Some((kind, subtype)) = essence.split_once('/') else { return false };
    // RFC 6839 §3: a suffix tells what the type is made of.
    let suffix = subtype.rsplit_once('+').map_or("", |(_, suffix)| suffix);
    kind.eq_ignore_ascii_case("text")
        || ["json", "xml", "yaml"].iter().any(|known| suffix.eq_ignore_ascii_case(known))
        || COMPRESSIBLE.iter().any(|known| essence.eq_ignore_ascii_case(known))
}
