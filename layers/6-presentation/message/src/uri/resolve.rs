//! What a reference means where another URI is the base. (RFC 3986 §5.2)

use std::borrow::Cow;

use super::parse::Parts;
use super::{Reference, Uri};

/// The five parts of a URI that is being put together (§5.3).
pub(super) struct Pieces<'a> {
    pub(super) scheme: Cow<'a, str>,
    pub(super) authority: Option<Cow<'a, str>>,
    pub(super) path: Cow<'a, str>,
    pub(super) query: Option<Cow<'a, str>>,
    pub(super) fragment: Option<Cow<'a, str>>,
}

/// The URI that `reference` means where `base`, which has a scheme, is the base.
pub(super) fn resolve(base: &Reference<'_>, reference: &Reference<'_>) -> Uri<'static> {
    // Strictly: a reference with the base's own scheme is not relative (§5.2.2).
    let has_scheme = reference.scheme().is_some();
    let has_authority = has_scheme || reference.authority_text().is_some();
    let has_path = has_authority || !reference.path().is_empty();
    let has_query = has_path || reference.query().is_some();

    let scheme = if has_scheme { reference } else { base }.scheme().unwrap_or_default().into();
    let authority = if has_authority { reference } else { base }.authority_text();
    let path = if has_authority || reference.path().starts_with('/') {
        remove_dot_segments(reference.path())
    } else if has_path {
        remove_dot_segments(&merge(base, reference.path()))
    } else {
        base.path().to_owned()
    };
    let query = if has_query { reference } else { base }.query();
    Pieces {
        scheme,
        authority: authority.map(Cow::from),
        path: path.into(),
        query: query.map(Cow::from),
        fragment: reference.fragment().map(Cow::from),
    }
    .compose()
}

/// The path of the base up to its last slash, and behind it `path` (§5.2.3).
///
/// The base's own dots are taken out before, which §5.2.1 leaves open, so that a base means the same
/// whether somebody has normalised it or not.
fn merge(base: &Reference<'_>, path: &str) -> String {
    if base.authority_text().is_some() && base.path().is_empty() {
        return format!("/{path}");
    }
    let mut merged = remove_dot_segments(base.path());
    merged.truncate(merged.rfind('/').map_or(0, |slash| slash + 1));
    merged.push_str(path);
    merged
}

/// Takes `.` and `..` out of a path; what would climb above the root stays there (§5.2.4).
///
/// One pass: a segment is written once and taken back at most once.
pub(super) fn remove_dot_segments(path: &str) -> String {
    let mut rest = path;
    // A path that does not begin with a slash loses its leading dots, and begins with none then.
    while let (first, Some(after)) = split_segment(rest)
        && dots(first) > 0
    {
        rest = after;
    }
    if dots(rest) > 0 {
        return String::new();
    }
    let (first, mut rest) = split_segment(rest);
    let mut out = String::with_capacity(path.len());
    out.push_str(first);
    while let Some(path) = rest {
        let (segment, after) = split_segment(path);
        let dots = dots(segment);
        if dots == 2 {
            out.truncate(out.rfind('/').unwrap_or(0));
        }
        // A dot at the end names the directory: its slash stays.
        if dots == 0 || after.is_none() {
            out.push('/');
        }
        if dots == 0 {
            out.push_str(segment);
        }
        rest = after;
    }
    out
}

/// The segment up to the first slash, and what is behind that slash if there is one.
fn split_segment(path: &str) -> (&str, Option<&str>) {
    path.split_once('/').map_or((path, None), |(segment, after)| (segment, Some(after)))
}

/// One for `.`, two for `..`, zero for every other segment.
///
/// An escaped dot is a dot (§2.3), so that a hidden `..` means the same to whoever resolves before
/// normalising as to whoever does it in the other order.
fn dots(segment: &str) -> usize {
    let (mut count, mut rest) = (0, segment);
    while let Some(after) = [".", "%2E", "%2e"].iter().find_map(|dot| rest.strip_prefix(dot)) {
        count += 1;
        rest = after;
    }
    if rest.is_empty() && count <= 2 { count } else { 0 }
}

impl Pieces<'_> {
    /// Puts the parts together (§5.3).
    pub(super) fn compose(self) -> Uri<'static> {
        let mut text = self.scheme.into_owned();
        text.push(':');
        if let Some(authority) = &self.authority {
            text.push_str("//");
            text.push_str(authority);
        } else if self.path.starts_with("//") {
            // RFC 3986 §3.3: two slashes here would begin an authority (`a:/.//b` is such a case); a
            // dot segment between says the same and does not.
            text.push_str("/.");
        }
        text.push_str(&self.path);
        for (mark, part) in [('?', &self.query), ('#', &self.fragment)] {
            if let Some(part) = part {
                text.push(mark);
                text.push_str(part);
            }
        }
        let parts = Parts::parse(&text).expect("parts that were read fit together");
        Uri(Reference { text: Cow::Owned(text), parts })
    }
}
