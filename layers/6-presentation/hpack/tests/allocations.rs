//! How often a block asks for memory. The count is exact, so that one more is seen at once.

use base::{Cx, Instant, Wall, World};
use hpack::{Decoder, Encoder, Indexing};

const FIELDS: [(&str, &str); 9] = [
    (":status", "200"),
    ("server", "hepta"),
    ("content-type", "text/html; charset=utf-8"),
    ("content-length", "1024"),
    ("etag", "\"18c4-5f2b7a9d\""),
    ("date", "Sat, 21 Nov 2026 22:00:00 GMT"),
    ("set-cookie", "id=0123456789abcdef; Secure; HttpOnly"),
    ("x-own", "something of our own"),
    ("x-changing", ""),
];

/// One list from an encoder to a decoder, with a field that changes each time.
fn pass(
    encoder: &mut Encoder,
    decoder: &mut Decoder,
    cx: &mut Cx<'_>,
    block: &mut Vec<u8>,
    n: u32,
) {
    let changing = n.to_be_bytes();
    let fields = FIELDS.iter().map(|(name, value)| {
        let value = if value.is_empty() { &changing[..] } else { value.as_bytes() };
        (name.as_bytes(), value, Indexing::for_field(name.as_bytes(), value))
    });
    block.clear();
    encoder.encode(cx, fields, block);
    let mut count = 0;
    assert_eq!(decoder.decode(cx, block, |_| count += 1), Ok(()));
    assert_eq!(count, FIELDS.len());
}

/// Tables that go round and round ask for nothing once they have been full.
#[test]
fn a_warm_connection() {
    let mut world = World::seeded(1);
    let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
    let (mut encoder, mut decoder) = (Encoder::new(4096), Decoder::new(4096));
    let mut block = Vec::with_capacity(1024);
    for n in 0..1000 {
        pass(&mut encoder, &mut decoder, &mut cx, &mut block, n);
    }
    let count = allocation_counter::measure(|| {
        for n in 1000..2000 {
            pass(&mut encoder, &mut decoder, &mut cx, &mut block, n);
        }
    });
    assert_eq!(count.count_total, 0);
}

/// Nothing before the first field goes into a table, and what was estimated after it.
#[test]
fn what_a_connection_holds() {
    let mut world = World::seeded(1);
    let mut cx = Cx::new(Instant::ORIGIN, Wall(0), &mut world);
    let mut block = Vec::with_capacity(1024);
    // Lent while a block is read, and while text moves.
    cx.recycle(Vec::with_capacity(8192));
    cx.recycle(Vec::with_capacity(8192));
    let count = allocation_counter::measure(|| {
        let (mut encoder, mut decoder) = (Encoder::new(4096), Decoder::new(4096));
        let fields = [(&b":status"[..], &b"200"[..], Indexing::Incremental)];
        encoder.encode(&mut cx, fields, &mut block);
        decoder.decode(&mut cx, &block, |_| {}).unwrap();
    });
    assert_eq!(count.count_total, 0);
    assert!(size_of::<Encoder>() <= 128, "{}", size_of::<Encoder>());
    assert!(size_of::<Decoder>() <= 112, "{}", size_of::<Decoder>());

    let (mut encoder, mut decoder) = (Encoder::new(4096), Decoder::new(4096));
    let count = allocation_counter::measure(|| {
        for n in 0..10_000 {
            pass(&mut encoder, &mut decoder, &mut cx, &mut block, n);
        }
    });
    assert!(count.bytes_current <= 13 * 1024, "{}", count.bytes_current);
}
