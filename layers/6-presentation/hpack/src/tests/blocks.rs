//! Blocks that are wrong, and ones that only look so.

use super::{decode, hex, list};
use crate::{Decoder, Why};

#[track_caller]
fn refused(block: &str, why: Why) {
    assert_eq!(decode(&mut Decoder::new(4096), &hex(block)), Err(why));
}

//= test RFC 7541 §6.1: there is no field 0
//= test RFC 7541 §2.3.3: an index behind both tables is an error
#[test]
fn indexes() {
    refused("80", Why::IndexZero);
    refused("be", Why::IndexTooLarge);
    refused("ff 8001", Why::IndexTooLarge);
    refused("ff ffff ffff 0f", Why::IntegerTooLarge);
    refused("7e 01 61", Why::IndexTooLarge);
    refused("0f 2f 01 61", Why::IndexTooLarge);
    refused("ff ffff ffff ffff 01", Why::IntegerTooLarge);
    // The last of the static table.
    let lines = decode(&mut Decoder::new(4096), &hex("bd"));
    assert_eq!(lines, Ok(list(&[("www-authenticate", "")])));
}

//= test RFC 7541 §5.2: a string lies within the block
#[test]
fn cut_short() {
    for block in
        ["41", "41 03 6162", "40 01", "40 01 61", "40 01 61 02 62", "ff", "ff 80", "10", "3f"]
    {
        refused(block, Why::CutShort);
    }
    // Every cut of a good block is a shorter list or an error, and nothing else.
    let whole = hex("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff");
    for len in 0..whole.len() {
        match decode(&mut Decoder::new(4096), &whole[..len]) {
            Ok(lines) => assert_eq!(lines.len(), len),
            Err(why) => assert_eq!(why, Why::CutShort),
        }
    }
}

#[test]
fn strings() {
    refused("00 84 ffff ffff 00", Why::EndOfStringInside);
    refused("00 01 61 84 ffff ffff", Why::EndOfStringInside);
    refused("00 01 61 81 ff", Why::PaddingTooLong);
    refused("00 01 61 81 18", Why::PaddingNotOnes);
}

/// Names and values may be empty; what they mean is not decided here.
#[test]
fn empty() {
    assert_eq!(decode(&mut Decoder::new(4096), &[]), Ok(vec![]));
    for block in ["40 00 00", "00 00 00", "40 80 80"] {
        assert_eq!(decode(&mut Decoder::new(4096), &hex(block)), Ok(list(&[("", "")])));
    }
}

//= test RFC 7541 §3.2: what comes twice is handed out twice, in its order
#[test]
fn order() {
    let lines = decode(&mut Decoder::new(4096), &hex("83 82 83 82"));
    let want = [(":method", "POST"), (":method", "GET"), (":method", "POST"), (":method", "GET")];
    assert_eq!(lines, Ok(list(&want)));
}

//= test RFC 7541 §4.4: the name may be that of an entry which leaves to make room
#[test]
fn the_name_of_an_entry_that_leaves() {
    // A table for one entry: "name" and four bytes.
    let mut decoder = Decoder::new(40);
    let block = hex("40 04 6e61 6d65 04 61616161");
    assert_eq!(decode(&mut decoder, &block), Ok(list(&[("name", "aaaa")])));
    for n in 0..1000 {
        let value = format!("{:04}", n);
        let block = [b"\x7e\x04", value.as_bytes()].concat();
        assert_eq!(decode(&mut decoder, &block), Ok(list(&[("name", &value)])));
        assert_eq!(decode(&mut decoder, b"\xbe"), Ok(list(&[("name", &value)])));
        assert_eq!((decoder.table_entries(), decoder.table_len()), (1, 40));
    }
    // And when it does not fit any more, with a name that is in no table afterwards.
    let block = hex("7e 05 6161 6161 61");
    assert_eq!(decode(&mut decoder, &block), Ok(list(&[("name", "aaaaa")])));
    assert_eq!((decoder.table_entries(), decoder.table_len()), (0, 0));
}

//= test RFC 7541 §4.4: a field that is larger than the table empties it, and is no error
#[test]
fn larger_than_the_table() {
    let mut decoder = Decoder::new(64);
    assert!(decode(&mut decoder, &hex("40 01 61 01 62")).is_ok());
    assert_eq!(decoder.table_len(), 34);
    let long = [&hex("40 01 61 20")[..], &[b'x'; 32]].concat();
    assert!(decode(&mut decoder, &long).is_ok());
    assert_eq!((decoder.table_entries(), decoder.table_len()), (0, 0));
}

/// The name's index, where it was written as one, also when the field went into the table.
#[test]
fn static_names() {
    let mut seen = Vec::new();
    let mut decoder = Decoder::new(4096);
    // :status 302, then the same from the table, accept, custom, and again.
    let block = hex("48 03 333032 be 93 40 01 78 01 79 be 7f00 01 31 bf");
    super::with_cx(|cx| decoder.decode(cx, &block, |field| seen.push(field.static_index))).unwrap();
    assert_eq!(seen, [Some(8), Some(8), Some(19), None, None, Some(8), None]);
}
