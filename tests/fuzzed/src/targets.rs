use message::uri::{Reference, Uri};
use message::{Method, Target};

/// Reads bytes as a request target, and as a URI.
///
/// A target is kept as it came and read again as the same. The name of a file that is made of it
/// stays below the root. A URI that is normalised is normal, a reference that is resolved a URI.
///
/// The first byte chooses the method.
pub fn targets(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else { return };
    let method = match choice % 3 {
        0 => Method::Get,
        1 => Method::Options,
        _ => Method::Connect,
    };
    if let Ok(target) = Target::parse(&method, bytes) {
        check_target(&method, bytes, &target);
    }
    if let Ok(text) = str::from_utf8(bytes) {
        check_uri(text);
    }
}

fn check_target(method: &Method, bytes: &[u8], target: &Target) {
    assert_eq!(target.as_str().as_bytes(), bytes, "kept as it came");
    assert!(bytes.iter().all(|b| b.is_ascii_graphic()), "nothing that could end the line");
    assert_eq!(Target::parse(method, bytes).as_ref(), Ok(target), "read again");
    let query = target.query().map(|query| format!("?{query}")).unwrap_or_default();
    assert!(target.as_str().ends_with(&query));
    if let Some(authority) = target.authority() {
        assert!(!authority.host.is_empty() && !authority.host.contains('@'));
    }
    // What goes to the next server is a target too.
    if !target.path_and_query().is_empty() && *method == Method::Get {
        let onward = Target::origin(&target.path_and_query());
        assert!(onward.is_ok(), "{onward:?}");
    }
    let Ok(name) = target.normal_path() else { return };
    assert!(name.starts_with(b"/"), "{}", name.escape_ascii());
    assert!(!name.iter().any(u8::is_ascii_control), "{}", name.escape_ascii());
    let mut segments = name.split(|&b| b == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        assert!(!matches!(segment, b"." | b".."), "{}", name.escape_ascii());
        // Only the end may name a directory.
        assert!(!segment.is_empty() || segments.peek().is_none(), "{}", name.escape_ascii());
    }
}

fn check_uri(text: &str) {
    let Ok(reference) = Reference::parse(text) else { return };
    assert_eq!(reference.as_str(), text, "kept as it came");
    if let Ok(base) = Uri::parse("http://a/b/c/d;p?q") {
        let resolved = base.resolve(&reference);
        assert!(Uri::parse(resolved.as_str()).is_ok(), "{}", resolved.as_str());
    }
    let Ok(uri) = Uri::parse(text) else { return };
    let normal = uri.normalise();
    let again = Uri::parse(normal.as_str());
    assert!(again.is_ok(), "{}", normal.as_str());
    assert_eq!(normal.normalise().as_str(), normal.as_str(), "normal is normal");
    assert!(uri.is_equivalent(&normal));
    if let Ok(target) = Target::from_uri(&uri) {
        assert!(target.as_str().starts_with('/'));
    }
}
