//! What the encoder puts into its table.

use super::{encode, hex};
use crate::Indexing::{self, Incremental, Never, Repeated, Without};
use crate::{Encoder, static_field};

#[test]
fn fields() {
    let cases = [
        (":method", "PATCH", Incremental),
        (":status", "418", Incremental),
        (":authority", "example.com", Incremental),
        (":path", "/style.css", Repeated),
        (":path", "/?q=1", Repeated),
        (":path", "/?q=a+longer+search", Without),
        ("content-type", "text/html", Incremental),
        ("x-own", "1", Incremental),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT", Repeated),
        ("etag", "\"1\"", Repeated),
        ("content-length", "1024", Repeated),
        ("last-modified", "Mon, 21 Oct 2013 20:13:21 GMT", Repeated),
        ("content-range", "bytes 0-1/2", Without),
        ("location", "/elsewhere", Without),
        ("x-request-id", "e1f2", Without),
        ("x", "", Incremental),
        ("", "", Incremental),
    ];
    for (name, value, want) in cases {
        assert_eq!(Indexing::for_field(name.as_bytes(), value.as_bytes()), want, "{name}");
    }
    let path = format!("/{}", "a".repeat(128));
    assert_eq!(Indexing::for_field(b":path", path.as_bytes()), Without);
}

//= test RFC 7541 §7.1.3: secrets are never in a table, neither here nor further on
#[test]
fn secrets() {
    for name in ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-csrf-token"] {
        assert_eq!(Indexing::for_field(name.as_bytes(), b"a=b"), Never, "{name}");
        let mut encoder = Encoder::new(4096);
        let first = encode(&mut encoder, &[(name, "a=b")], Never);
        assert_eq!(first[0] & 0xf0, 0x10, "{name}");
        assert_eq!(encode(&mut encoder, &[(name, "a=b")], Never), first, "{name}");
        assert_eq!((encoder.table_entries(), encoder.insertions()), (0, 0));
    }
    // Not even as an index of the static table, so that it stays what it is on its way.
    assert_eq!(encode(&mut Encoder::new(4096), &[(":method", "GET")], Never), hex("12 03 474554"));
    assert_eq!(encode(&mut Encoder::new(4096), &[("cookie", "")], Never), hex("1f 11 00"));
}

//= test RFC 7541 §2.3.1: every field of the static table is written as its index
#[test]
fn the_static_table() {
    for index in 1..=61 {
        let field = static_field(index).unwrap();
        for indexing in [Incremental, Repeated, Without] {
            assert_eq!(encode(&mut Encoder::new(4096), &[field], indexing), [0x80 | index]);
        }
        // With another value, the first index of the name.
        let first = (1..=61).find(|&n| static_field(n).unwrap().0 == field.0).unwrap();
        let block = encode(&mut Encoder::new(4096), &[(field.0, "?")], Incremental);
        assert_eq!(block, [0x40 | first, 1, b'?']);
    }
    assert_eq!((static_field(0), static_field(62)), (None, None));
}

#[test]
fn what_repeats_itself() {
    let mut encoder = Encoder::new(4096);
    let mut blocks = || encode(&mut encoder, &[("etag", "\"1\"")], Repeated);
    let lens = [blocks().len(), blocks().len(), blocks().len(), blocks().len()];
    assert_eq!(lens, [6, 5, 1, 1], "literally twice, then an index");

    // What changes each time leaves the table as it is.
    let mut encoder = Encoder::new(4096);
    for n in 0..1000 {
        encode(&mut encoder, &[("etag", &format!("\"{n}\""))], Repeated);
    }
    assert!(encoder.table_entries() < 3, "{}", encoder.table_entries());
}

/// Larger than a quarter of the table.
#[test]
fn large_fields() {
    let mut encoder = Encoder::new(4096);
    let fits = "x".repeat(1024 - 32 - 4);
    let too_large = "x".repeat(1024 - 32 - 3);
    encode(&mut encoder, &[("name", &too_large)], Incremental);
    assert_eq!(encoder.table_entries(), 0);
    encode(&mut encoder, &[("name", &fits)], Incremental);
    assert_eq!(encoder.table_len(), 1024);
}

/// A response that comes again costs a byte for each field, and its block may be sent as it is.
#[test]
fn a_repeated_response() {
    let response = [
        (":status", "200"),
        ("server", "hepta"),
        ("date", "Sat, 21 Nov 2026 22:00:00 GMT"),
        ("content-type", "text/html; charset=utf-8"),
        ("content-length", "1024"),
        ("etag", "\"18c4-5f2b7a9d\""),
        ("last-modified", "Fri, 20 Nov 2026 10:00:00 GMT"),
        ("accept-ranges", "bytes"),
        ("cache-control", "max-age=60"),
        ("x-own", "something of our own"),
    ];
    let mut encoder = Encoder::new(4096);
    let mut block = || {
        let fields = response.map(|(name, value)| {
            let (name, value) = (name.as_bytes(), value.as_bytes());
            (name, value, Indexing::for_field(name, value))
        });
        let (before, mut out) = (encoder.insertions(), Vec::new());
        super::with_cx(|cx| encoder.encode(cx, fields, &mut out));
        (out.len(), encoder.insertions() - before)
    };
    // How long, and how many changes.
    assert_eq!(block(), (136, 9));
    assert_eq!(block(), (73, 4));
    assert_eq!(block(), (10, 0));
    assert_eq!(block(), (10, 0));
}

/// Names that are in no static table are written as an index too, while they are in the table.
#[test]
fn names_of_our_own() {
    let mut encoder = Encoder::new(4096);
    encode(&mut encoder, &[("x-own", "1"), ("x-other", "1")], Incremental);
    assert_eq!(encode(&mut encoder, &[("x-own", "2")], Incremental), hex("7f00 01 32"));
    // Sixty-four others later, perhaps not found any more; what is written is right all the same.
    let names: Vec<String> = (0..64).map(|n| format!("x-{n}")).collect();
    for name in &names {
        encode(&mut encoder, &[(name, "")], Incremental);
    }
    for name in names.iter().rev().take(4) {
        let block = encode(&mut encoder, &[(name, "")], Incremental);
        assert_eq!(block.len(), 1, "{name}");
    }
}
