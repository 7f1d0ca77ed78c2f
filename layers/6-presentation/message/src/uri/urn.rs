use base::Malformed;

use super::{Reference, chars};

/// A name that says nothing of where (RFC 8141): `urn:NID:NSS?+r?=q#f`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Urn<'a> {
    /// The namespace's identifier, in the case it came; the case means nothing.
    pub namespace: &'a str,
    /// The name within the namespace; its case means something.
    pub specific: &'a str,
    /// The r-component: for who resolves the name.
    pub resolution: Option<&'a str>,
    /// The q-component: for the resource, or the service that answers for it.
    pub query: Option<&'a str>,
    /// The f-component: a part of the resource.
    pub fragment: Option<&'a str>,
}

impl<'a> Urn<'a> {
    /// Reads a name; errs where RFC 3986 or RFC 8141 §2 does not allow it.
    pub fn parse(text: &'a str) -> Result<Self, Malformed> {
        let parts = super::parse::Parts::parse(text)?;
        Self::from_parts(
            parts.scheme.map(|scheme| scheme.of(text)),
            parts.path.of(text),
            parts.query.map(|query| query.of(text)),
            parts.fragment.map(|fragment| fragment.of(text)),
        )
        .filter(|_| parts.authority.is_none())
        .ok_or(Malformed::new("URN"))
    }

    pub(super) fn of(uri: &'a Reference<'_>) -> Option<Self> {
        Self::from_parts(uri.scheme(), uri.path(), uri.query(), uri.fragment())
            .filter(|_| uri.authority_text().is_none())
    }

    fn from_parts(
        scheme: Option<&'a str>,
        path: &'a str,
        query: Option<&'a str>,
        fragment: Option<&'a str>,
    ) -> Option<Self> {
        scheme.filter(|scheme| scheme.eq_ignore_ascii_case("urn"))?;
        let (namespace, specific) = path.split_once(':')?;
        if !is_namespace(namespace.as_bytes()) || !begins_with_pchar(specific) {
            return None;
        }
        let (resolution, query) = split_query(query)?;
        Some(Self { namespace, specific, resolution, query, fragment })
    }

    /// Whether both are the same name (RFC 8141 §3.1): namespaces in any case, escapes in any case
    /// but not undone, and only the assigned name counts.
    pub fn is_equivalent(&self, other: &Urn<'_>) -> bool {
        self.namespace.eq_ignore_ascii_case(other.namespace)
            && self.specific.len() == other.specific.len()
            && with_capital_escapes(self.specific).eq(with_capital_escapes(other.specific))
    }
}

/// Two to 32 letters, digits and hyphens, with no hyphen at either end.
fn is_namespace(nid: &[u8]) -> bool {
    let ends = nid.first().into_iter().chain(nid.last());
    (2..=32).contains(&nid.len())
        && nid.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
        && ends.into_iter().all(u8::is_ascii_alphanumeric)
}

/// Splits what RFC 3986 calls the query into `?+r` and `?=q`; nothing when it is neither.
fn split_query(query: Option<&str>) -> Option<(Option<&str>, Option<&str>)> {
    let Some(query) = query else { return Some((None, None)) };
    let (resolution, query) = match query.split_at_checked(1)? {
        ("=", query) => (None, Some(query)),
        ("+", both) => match both.split_once("?=") {
            Some((resolution, query)) => (Some(resolution), Some(query)),
            None => (Some(both), None),
        },
        _ => return None,
    };
    let well_formed = resolution.into_iter().chain(query).all(begins_with_pchar);
    well_formed.then_some((resolution, query))
}

/// Whether a component, whose bytes have been checked, begins as it must: not with `/` or `?`.
fn begins_with_pchar(text: &str) -> bool {
    text.bytes().next().is_some_and(|b| b == b'%' || chars::is(b, chars::SEGMENT))
}

fn with_capital_escapes(text: &str) -> impl Iterator<Item = u8> {
    let mut digits = 0;
    text.bytes().map(move |b| match (b, digits) {
        (b'%', _) => {
            digits = 2;
            b
        }
        (_, 0) => b,
        _ => {
            digits -= 1;
            b.to_ascii_uppercase()
        }
    })
}
