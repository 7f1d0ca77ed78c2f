mod crc32c;
mod properties;
mod v1;
mod v2;

use crate::{Header, Malformed, Parsed, parse};

/// The header that all of these bytes are.
fn whole(bytes: &[u8]) -> Header<'_> {
    match parse(bytes) {
        Ok(Parsed::Header { header, len }) if len == bytes.len() => header,
        other => panic!("{}: {other:?}", bytes.escape_ascii()),
    }
}

/// Checks that the last of these bytes is the first wrong one, and why it is wrong.
#[track_caller]
fn assert_refused_at_end(bytes: &[u8], what: &'static str) {
    for len in 0..bytes.len() {
        let said = parse(&bytes[..len]);
        assert_eq!(said, Ok(Parsed::Incomplete), "{}", bytes[..len].escape_ascii());
    }
    assert_eq!(parse(bytes), Err(Malformed::new(what)), "{}", bytes.escape_ascii());
}
