//! The one way to write a URI. (RFC 3986 §6.2.2, §6.2.3)

use std::borrow::Cow;
use std::fmt::Write as _;

use super::authority::Host;
use super::resolve::{Pieces, remove_dot_segments};
use super::{Uri, chars, default_port, percent};

pub(super) fn normalise(uri: &Uri<'_>) -> Uri<'static> {
    let authority = uri.authority_text().map(|_| authority(uri));
    let path = match (uri.path(), uri.as_urn()) {
        // §6.2.3: behind an authority, no path and the root are the same.
        ("", _) if authority.is_some() => "/".to_owned(),
        // RFC 8141 §3.1: the case of a namespace means nothing.
        (_, Some(urn)) => {
            format!("{}:{}", urn.namespace.to_ascii_lowercase(), escapes(urn.specific, false))
        }
        // What is no name is not made one: an escape may not stand in a namespace (RFC 8141 §2.1).
        (path, None) if uri.has_scheme("urn") => path.to_owned(),
        // §6.2.2.3: dots are for hierarchies; `mailto:a/../b@c` is none.
        (path, None) if path.starts_with('/') => remove_dot_segments(&escapes(path, false)),
        (path, None) => escapes(path, false),
    };
    Pieces {
        scheme: uri.scheme().to_ascii_lowercase().into(),
        authority: authority.map(Cow::Owned),
        path: path.into(),
        query: uri.query().map(|query| escapes(query, false).into()),
        fragment: uri.fragment().map(|fragment| escapes(fragment, false).into()),
    }
    .compose()
}

fn authority(uri: &Uri<'_>) -> String {
    let mut out = String::new();
    if let Some(userinfo) = uri.userinfo() {
        out.push_str(&escapes(userinfo, false));
        out.push('@');
    }
    match uri.host_kind() {
        // RFC 5952: the one way to write an address.
        Some(Host::V6 { address, zone: None }) => {
            let _ = write!(out, "[{address}]");
        }
        Some(Host::V6 { address, zone: Some(zone) }) => {
            // RFC 6874 §2: zones are names of the system, so their case is kept.
            let _ = write!(out, "[{address}%25{}]", escapes(zone, false));
        }
        _ => out.push_str(&escapes(uri.host().unwrap_or_default(), true)),
    }
    let port = uri.port().filter(|port| default_port(uri.scheme()) != Some(*port));
    if let Some(port) = port {
        let _ = write!(out, ":{port}");
    }
    out
}

/// The text with every escape of an unreserved character undone, every other one in capitals
/// (§6.2.2.1, §6.2.2.2), and, where case means nothing, letters small.
fn escapes(text: &str, small: bool) -> String {
    let fold = |b: u8| char::from(if small { b.to_ascii_lowercase() } else { b });
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match percent::split_escape(first, after) {
            Some((byte, after)) => {
                rest = after;
                if chars::is(byte, chars::UNRESERVED) {
                    out.push(fold(byte));
                } else {
                    percent::push_escape(&mut out, byte);
                }
            }
            None => out.push(fold(first)),
        }
    }
    out
}
