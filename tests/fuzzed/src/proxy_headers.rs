use proxy_protocol::{Parsed, Version, emit_v1, emit_v2, parse};

/// Reads bytes as what stands in front of a relayed connection.
///
/// A verdict stays when more bytes follow, and comes no earlier than it must: until a header is
/// there, it is incomplete. What is read can be written, and tells the same when it is read again.
pub fn proxy_headers(data: &[u8]) {
    let last = parse(data);
    for len in 0..data.len() {
        match parse(data.get(..len).unwrap_or_default()) {
            Ok(Parsed::Incomplete) => {}
            Ok(header) => assert_eq!(Ok(header), last, "a header that more bytes change"),
            Err(_) => assert!(last.is_err(), "refused, and taken when more had come"),
        }
    }
    let Ok(Parsed::Header { header, len }) = last else { return };
    assert!((1..=data.len()).contains(&len), "{len} of {} bytes", data.len());
    let mut out = Vec::new();
    match header.version {
        Version::One => emit_v1(&header.connection, &mut out),
        Version::Two => {
            let written = emit_v2(&header.connection, &header.extras, &mut out);
            assert!(written.is_ok(), "what was read is not too long");
        }
    }
    assert_eq!(parse(&out), Ok(Parsed::Header { header, len: out.len() }));
}
