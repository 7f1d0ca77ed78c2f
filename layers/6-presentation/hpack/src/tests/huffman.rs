use proptest::prelude::*;

use crate::Why;
use crate::huffman::{CODES, LENGTHS, coded_len, decode, encode};

/// The codes of RFC 7541 Appendix B, by symbol; the last one is end-of-string.
#[rustfmt::skip]
const APPENDIX_B: [u32; 257] = [
    0x1ff8, 0x7fffd8, 0xfffffe2, 0xfffffe3, 0xfffffe4, 0xfffffe5, 0xfffffe6, 0xfffffe7,
    0xfffffe8, 0xffffea, 0x3ffffffc, 0xfffffe9, 0xfffffea, 0x3ffffffd, 0xfffffeb, 0xfffffec,
    0xfffffed, 0xfffffee, 0xfffffef, 0xffffff0, 0xffffff1, 0xffffff2, 0x3ffffffe, 0xffffff3,
    0xffffff4, 0xffffff5, 0xffffff6, 0xffffff7, 0xffffff8, 0xffffff9, 0xffffffa, 0xffffffb,
    0x14, 0x3f8, 0x3f9, 0xffa, 0x1ff9, 0x15, 0xf8, 0x7fa,
    0x3fa, 0x3fb, 0xf9, 0x7fb, 0xfa, 0x16, 0x17, 0x18,
    0x0, 0x1, 0x2, 0x19, 0x1a, 0x1b, 0x1c, 0x1d,
    0x1e, 0x1f, 0x5c, 0xfb, 0x7ffc, 0x20, 0xffb, 0x3fc,
    0x1ffa, 0x21, 0x5d, 0x5e, 0x5f, 0x60, 0x61, 0x62,
    0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a,
    0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72,
    0xfc, 0x73, 0xfd, 0x1ffb, 0x7fff0, 0x1ffc, 0x3ffc, 0x22,
    0x7ffd, 0x3, 0x23, 0x4, 0x24, 0x5, 0x25, 0x26,
    0x27, 0x6, 0x74, 0x75, 0x28, 0x29, 0x2a, 0x7,
    0x2b, 0x76, 0x2c, 0x8, 0x9, 0x2d, 0x77, 0x78,
    0x79, 0x7a, 0x7b, 0x7ffe, 0x7fc, 0x3ffd, 0x1ffd, 0xffffffc,
    0xfffe6, 0x3fffd2, 0xfffe7, 0xfffe8, 0x3fffd3, 0x3fffd4, 0x3fffd5, 0x7fffd9,
    0x3fffd6, 0x7fffda, 0x7fffdb, 0x7fffdc, 0x7fffdd, 0x7fffde, 0xffffeb, 0x7fffdf,
    0xffffec, 0xffffed, 0x3fffd7, 0x7fffe0, 0xffffee, 0x7fffe1, 0x7fffe2, 0x7fffe3,
    0x7fffe4, 0x1fffdc, 0x3fffd8, 0x7fffe5, 0x3fffd9, 0x7fffe6, 0x7fffe7, 0xffffef,
    0x3fffda, 0x1fffdd, 0xfffe9, 0x3fffdb, 0x3fffdc, 0x7fffe8, 0x7fffe9, 0x1fffde,
    0x7fffea, 0x3fffdd, 0x3fffde, 0xfffff0, 0x1fffdf, 0x3fffdf, 0x7fffeb, 0x7fffec,
    0x1fffe0, 0x1fffe1, 0x3fffe0, 0x1fffe2, 0x7fffed, 0x3fffe1, 0x7fffee, 0x7fffef,
    0xfffea, 0x3fffe2, 0x3fffe3, 0x3fffe4, 0x7ffff0, 0x3fffe5, 0x3fffe6, 0x7ffff1,
    0x3ffffe0, 0x3ffffe1, 0xfffeb, 0x7fff1, 0x3fffe7, 0x7ffff2, 0x3fffe8, 0x1ffffec,
    0x3ffffe2, 0x3ffffe3, 0x3ffffe4, 0x7ffffde, 0x7ffffdf, 0x3ffffe5, 0xfffff1, 0x1ffffed,
    0x7fff2, 0x1fffe3, 0x3ffffe6, 0x7ffffe0, 0x7ffffe1, 0x3ffffe7, 0x7ffffe2, 0xfffff2,
    0x1fffe4, 0x1fffe5, 0x3ffffe8, 0x3ffffe9, 0xffffffd, 0x7ffffe3, 0x7ffffe4, 0x7ffffe5,
    0xfffec, 0xfffff3, 0xfffed, 0x1fffe6, 0x3fffe9, 0x1fffe7, 0x1fffe8, 0x7ffff3,
    0x3fffea, 0x3fffeb, 0x1ffffee, 0x1ffffef, 0xfffff4, 0xfffff5, 0x3ffffea, 0x7ffff4,
    0x3ffffeb, 0x7ffffe6, 0x3ffffec, 0x3ffffed, 0x7ffffe7, 0x7ffffe8, 0x7ffffe9, 0x7ffffea,
    0x7ffffeb, 0xffffffe, 0x7ffffec, 0x7ffffed, 0x7ffffee, 0x7ffffef, 0x7fffff0, 0x3ffffee,
    0x3fffffff,
];

fn decoded(coded: &[u8]) -> Result<Vec<u8>, Why> {
    let mut out = b"before".to_vec();
    let read = decode(coded, &mut out);
    assert!(out.starts_with(b"before"));
    read.map(|()| out.split_off(6))
}

/// The bits of numbers, each with its length, padded with ones.
fn bits(numbers: &[(u32, u8)]) -> Vec<u8> {
    let digits: String =
        numbers.iter().map(|&(n, len)| format!("{n:0len$b}", len = len.into())).collect();
    let padded = format!("{digits}{}", "1".repeat((8 - digits.len() % 8) % 8));
    let bytes = padded.as_bytes().chunks(8).map(|byte| str::from_utf8(byte).unwrap());
    bytes.map(|byte| u8::from_str_radix(byte, 2).unwrap()).collect()
}

//= test RFC 7541 §5.2: the code of Appendix B, symbol by symbol
#[test]
fn every_symbol_both_ways() {
    assert_eq!(CODES, APPENDIX_B);
    for byte in 0..=255_u8 {
        let code = (APPENDIX_B[usize::from(byte)], LENGTHS[usize::from(byte)]);
        // At every place within a byte, at the end and followed by others.
        for (before, after) in (0..8).flat_map(|before| [(before, 0), (before, 3), (before, 40)]) {
            let zeros = [(0, 5)].repeat(before);
            let coded = bits(&[&zeros[..], &[code], &[(0, 5)].repeat(after)].concat());
            let text = [vec![b'0'; before], vec![byte], vec![b'0'; after]].concat();
            assert_eq!(decoded(&coded).as_ref(), Ok(&text), "{byte}");
            let mut out = Vec::new();
            encode(&text, &mut out);
            assert_eq!(out, coded, "{byte}");
            assert_eq!(coded_len(&text), coded.len(), "{byte}");
        }
    }
}

//= test RFC 7541 §5.2: end-of-string inside a string is an error, wherever it stands
#[test]
fn end_of_string() {
    let end = (APPENDIX_B[256], LENGTHS[256]);
    assert_eq!(end, (0x3fff_ffff, 30));
    for (before, after) in (0..20).flat_map(|before| [(before, 0), (before, 1), (before, 20)]) {
        let a = (3, 5);
        let coded = bits(&[&[a].repeat(before)[..], &[end], &[a].repeat(after)].concat());
        assert_eq!(decoded(&coded), Err(Why::EndOfStringInside), "{before} {after}");
    }
}

//= test RFC 7541 §5.2: padding is ones, and less than a byte
#[test]
fn padding() {
    assert_eq!(decoded(&[]), Ok(vec![]));
    // "a" is 00011.
    assert_eq!(decoded(&[0b0001_1111]), Ok(b"a".to_vec()));
    assert_eq!(decoded(&[0b0001_1110]), Err(Why::PaddingNotOnes));
    assert_eq!(decoded(&[0b0001_1000]), Err(Why::PaddingNotOnes));
    assert_eq!(decoded(&[0b0001_1111, 0xff]), Err(Why::PaddingTooLong));
    assert_eq!(decoded(&[0xff]), Err(Why::PaddingTooLong));
    assert_eq!(decoded(&[0xff, 0xff, 0xff]), Err(Why::PaddingTooLong));
    // A long code that is not all there.
    assert_eq!(decoded(&[0xff, 0xfe]), Err(Why::PaddingNotOnes));
    // Eight symbols of five bits need no padding.
    assert_eq!(decoded(&[0; 5]), Ok(vec![b'0'; 8]));
}

/// One bit after the other, against the list of codes.
fn decoded_simply(coded: &[u8]) -> Result<Vec<u8>, Why> {
    let (mut code, mut len, mut text) = (0_u32, 0, Vec::new());
    for bit in coded.iter().flat_map(|byte| (0..8).rev().map(move |n| byte >> n & 1)) {
        (code, len) = (code << 1 | u32::from(bit), len + 1);
        let found = (0..257).find(|&n| LENGTHS[n] == len && APPENDIX_B[n] == code);
        if let Some(symbol) = found {
            text.push(u8::try_from(symbol).map_err(|_| Why::EndOfStringInside)?);
            (code, len) = (0, 0);
        }
    }
    match len {
        _ if code != (1 << len) - 1 => Err(Why::PaddingNotOnes),
        8.. => Err(Why::PaddingTooLong),
        _ => Ok(text),
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(text: Vec<u8>) {
        let mut coded = Vec::new();
        encode(&text, &mut coded);
        prop_assert_eq!(coded.len(), coded_len(&text));
        prop_assert_eq!(decoded(&coded), Ok(text));
    }

    #[test]
    fn any_bytes_are_read_as_a_simple_reader_reads_them(coded: Vec<u8>) {
        prop_assert_eq!(decoded(&coded), decoded_simply(&coded));
    }

    /// Bytes that are mostly ones have long codes in them.
    #[test]
    fn so_are_long_codes(coded in prop::collection::vec(prop_oneof![Just(0xff_u8), 0xf0..=0xff_u8, any::<u8>()], 0..40)) {
        prop_assert_eq!(decoded(&coded), decoded_simply(&coded));
    }
}
