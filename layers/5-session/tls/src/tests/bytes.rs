//! What the first bytes tell.

use proptest::prelude::*;

use super::cable::{End, client_config};
use crate::wire::{ClientHello, First, first_bytes};
use crate::{Alpn, Version, looks_like_clear_text, looks_like_tls};

#[test]
fn the_first_bytes() {
    use First::{ClearText, Neither, Record, TooShort};
    for (bytes, want) in [
        (&b""[..], TooShort),
        (b"\x16", TooShort),
        (b"\x16\x03\x01\x00", TooShort),
        (b"\x16\x03\x01\x00\x02\x01", TooShort),
        (b"\x16\x03\x01\x00\x02\x01\x00", Record),
        (b"\x16\x03\x01\xff\xff", Record),
        (b"\x16\x02", Neither),
        (b"\x15\x03\x01\x00\x02\x02\x28", Neither),
        (b"G", TooShort),
        (b"GET", TooShort),
        (b"GET ", ClearText),
        (b"VERSION-CONTROL /", ClearText),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ClearText),
        (b"abcdefghijklmnopqrstuvwxyz", Neither),
        (b"abcdefghijklmnopqrstuvwxyz ", Neither),
        (b"SSH-2.0", Neither),
        (b"\r\nGET ", Neither),
        (b" ", Neither),
    ] {
        assert_eq!(first_bytes(bytes), want, "{}", bytes.escape_ascii());
        assert_eq!(looks_like_clear_text(bytes), want == ClearText);
    }
    assert!(looks_like_tls(b"\x16\x03") && !looks_like_tls(b"\x16") && !looks_like_tls(b"GET "));
}

#[test]
fn a_hello_is_read() {
    let client = client_config(|options| options.alpn = vec![Alpn::H2, Alpn::Http11]);
    let bytes = End::client(&client, "www.example.org").sent();
    let hello = ClientHello::parse(&bytes).unwrap();
    assert_eq!(hello.server_name, Some(&b"www.example.org"[..]));
    assert_eq!(hello.alpn().collect::<Vec<_>>(), [&b"h2"[..], b"http/1.1"]);
    assert_eq!(hello.versions().collect::<Vec<_>>(), [0x0304, 0x0303]);
    assert!(!hello.prefers_chacha20() && !hello.resumes);
    assert_eq!(first_bytes(&bytes), First::Record);
}

#[test]
fn what_clients_prefer() {
    for (suites, want) in [
        (&[][..], false),
        (&[0x1301, 0x1303][..], false),
        (&[0x1303, 0x1301], true),
        (&[0x0a0a, 0x1303], true), // RFC 8701: a value that means nothing comes first
        (&[0x0035, 0xcca8, 0xc02f], true),
        (&[0x0035, 0xc02f, 0xcca8], false),
    ] {
        let hello = hello_with(suites);
        let hello = ClientHello::parse(&hello).unwrap();
        assert_eq!((hello.prefers_chacha20(), hello.suites_len()), (want, suites.len()));
    }
}

/// A ClientHello that has nothing but suites.
fn hello_with(suites: &[u16]) -> Vec<u8> {
    let mut hello = vec![0x16, 3, 1, 0, 0, 1, 0, 0, 0, 3, 3];
    hello.extend([7; 32]);
    hello.push(0);
    hello.extend((2 * suites.len() as u16).to_be_bytes());
    hello.extend(suites.iter().flat_map(|suite| suite.to_be_bytes()));
    hello
}

#[test]
fn npn_is_recognised() {
    let hello = |extensions: &[u8]| {
        let mut hello = hello_with(&[0xc02f]);
        hello.extend([1, 0]);
        hello.extend((extensions.len() as u16).to_be_bytes());
        hello.extend(extensions);
        ClientHello::parse(&hello).unwrap().offers_npn
    };
    assert!(hello(&[0x33, 0x74, 0, 0]));
    assert!(hello(&[0, 23, 0, 0, 0x33, 0x74, 0, 0]));
    assert!(!hello(&[0, 23, 0, 0]));
}

#[test]
fn versions_have_names() {
    assert_eq!(Version::ALL.map(|version| version.to_string()), ["TLS 1.3", "TLS 1.2"]);
}

proptest! {
    /// Any bytes are read or refused, and every prefix of a hello too.
    #[test]
    fn reading_a_hello_never_fails_badly(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        cut in any::<prop::sample::Index>(),
    ) {
        let whole = End::client(&client_config(|_| ()), "localhost").sent();
        let mut damaged = whole[..cut.index(whole.len())].to_vec();
        damaged.extend(&bytes);
        for bytes in [bytes, damaged] {
            first_bytes(&bytes);
            if let Ok(hello) = ClientHello::parse(&bytes) {
                let _ = (hello.alpn().count(), hello.versions().count(), hello.prefers_chacha20());
            }
        }
    }
}
