//! Tables that become smaller and larger.

use super::{decode, encode, hex, list};
use crate::{Decoder, Encoder, Indexing, Why};

const FIELD: &[(&str, &str)] = &[("name", "value")];

//= test RFC 7541 §6.3: no larger than we allow
//= test RFC 7541 §4.2: at the beginning of a block, at most twice
#[test]
fn updates_that_are_wrong() {
    let refused = |block: &str| decode(&mut Decoder::new(4096), &hex(block)).unwrap_err();
    assert_eq!(refused("3f e2 1f"), Why::SizeUpdateTooLarge);
    assert_eq!(refused("82 20"), Why::SizeUpdateMisplaced);
    assert_eq!(refused("20 82 20"), Why::SizeUpdateMisplaced);
    assert_eq!(refused("20 21 22 82"), Why::SizeUpdatesTooMany);
    assert_eq!(decode(&mut Decoder::new(4096), &hex("3f e1 1f")), Ok(vec![]));
    assert_eq!(
        decode(&mut Decoder::new(4096), &hex("20 3f e1 1f 82")),
        Ok(list(&[(":method", "GET")]))
    );
}

//= test RFC 7541 §4.2: after we made the table smaller, the next block has to say so
#[test]
fn an_update_that_is_owed() {
    let mut decoder = Decoder::new(4096);
    decoder.set_table_len_max(100);
    assert_eq!(decode(&mut decoder, &hex("82")), Err(Why::SizeUpdateMissing));

    // The smallest since the last block is owed, although it does not hold any more.
    let smaller = || {
        let mut decoder = Decoder::new(4096);
        decoder.set_table_len_max(10);
        decoder.set_table_len_max(4096);
        decoder
    };
    assert_eq!(decode(&mut smaller(), &hex("3f e1 1f 82")), Err(Why::SizeUpdateMissing));
    assert!(decode(&mut smaller(), &hex("2a 3f e1 1f 82")).is_ok());
    assert!(decode(&mut smaller(), &hex("20 82")).is_ok());
    let mut decoder = smaller();
    assert!(decode(&mut decoder, &hex("2a 82")).is_ok());
    assert!(decode(&mut decoder, &hex("82")).is_ok(), "said once is enough");

    // Larger or as it was: nothing is owed. So it is when the peer has less anyway.
    let mut decoder = Decoder::new(4096);
    decoder.set_table_len_max(8192);
    assert!(decode(&mut decoder, &hex("82")).is_ok());
    assert!(decode(&mut decoder, &hex("3f e1 3f 82")).is_ok());
    decoder.set_table_len_max(8192);
    assert!(decode(&mut decoder, &hex("3f 00 82")).is_ok());
    decoder.set_table_len_max(31);
    assert!(decode(&mut decoder, &hex("82")).is_ok());
}

//= test RFC 7541 §4.3: a smaller table lets the oldest go
#[test]
fn evicted_by_an_update() {
    let mut decoder = Decoder::new(4096);
    let mut blocks = Vec::new();
    for n in b'0'..=b'9' {
        blocks.extend_from_slice(&[0x40, 1, b'a', 1, n]);
    }
    assert!(decode(&mut decoder, &blocks).is_ok());
    assert_eq!((decoder.table_entries(), decoder.table_len()), (10, 340));
    // 101 bytes hold two, 102 hold three.
    assert!(decode(&mut decoder, &hex("3f 47")).is_ok());
    assert_eq!((decoder.table_entries(), decoder.table_len()), (3, 102));
    assert!(decode(&mut decoder, &hex("3f 46")).is_ok());
    assert_eq!((decoder.table_entries(), decoder.table_len()), (2, 68));
    assert_eq!(decode(&mut decoder, &hex("be bf")), Ok(list(&[("a", "9"), ("a", "8")])));
    assert_eq!(decode(&mut decoder, &hex("c0")), Err(Why::IndexTooLarge));
}

//= test RFC 7541 §4.2: the encoder says the smallest size, then the one that holds
#[test]
fn what_the_encoder_says() {
    let mut encoder = Encoder::new(4096);
    let mut sizes = |sizes: &[u32]| {
        for &size in sizes {
            encoder.set_table_len_max(size);
        }
        let block = encode(&mut encoder, FIELD, Indexing::Never);
        let field = encode(&mut Encoder::new(4096), FIELD, Indexing::Never);
        block.strip_suffix(&field[..]).unwrap().to_vec()
    };
    assert_eq!(sizes(&[]), hex(""));
    assert_eq!(sizes(&[4096]), hex(""), "nothing changes");
    assert_eq!(sizes(&[8192]), hex(""), "more than we want");
    assert_eq!(sizes(&[100]), hex("3f45"));
    assert_eq!(sizes(&[]), hex(""));
    assert_eq!(sizes(&[0, 100]), hex("20 3f45"), "it was smaller");
    assert_eq!(sizes(&[200, 50, 1, 30, 4096, 3000]), hex("21 3f 99 17"));
    assert_eq!(sizes(&[4096]), hex("3f e1 1f"));
    assert_eq!(sizes(&[u32::MAX]), hex(""));
}

#[test]
fn an_encoder_that_wants_less() {
    let mut encoder = Encoder::new(0);
    assert!(encoder.has_size_update());
    let block = encode(&mut encoder, FIELD, Indexing::Incremental);
    assert_eq!(block[0], 0x20);
    assert!(!encoder.has_size_update());
    assert_eq!(encoder.table_entries(), 0);
    assert_eq!(encode(&mut encoder, FIELD, Indexing::Never)[0], 0x10);
    // It wants more, and gets it when the peer allows it.
    let mut encoder = Encoder::new(8192);
    assert_eq!(encode(&mut encoder, FIELD, Indexing::Never)[0], 0x10);
    encoder.set_table_len_max(65_536);
    let block = encode(&mut encoder, FIELD, Indexing::Incremental);
    assert_eq!(block[..3], hex("3f e1 3f"));
}

/// Blocks may not be sent again as they are, nor their lists be remembered, once a limit has changed.
#[test]
fn limits_are_changes() {
    let mut encoder = Encoder::new(4096);
    let before = encoder.insertions();
    encoder.set_table_len_max(4096);
    assert_eq!(encoder.insertions(), before, "it is what it was");
    encoder.set_table_len_max(100);
    assert_ne!(encoder.insertions(), before);
    let mut decoder = Decoder::new(4096);
    decoder.set_table_len_max(100);
    assert_eq!(decoder.insertions(), 1);
}
