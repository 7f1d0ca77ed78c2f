use proptest::prelude::*;

use crate::Why;
use crate::wire::{Reader, emit_integer};

fn read(mask: u8, bytes: &[u8]) -> Result<u32, Why> {
    Reader::new(bytes).integer(mask)
}

//= test RFC 7541 §5.1: an integer in its prefix, and behind it; the examples of Appendix C.1
#[test]
fn the_examples() {
    for (mask, value, bytes) in
        [(0x1f, 10, &[10][..]), (0x1f, 1337, &[31, 154, 10]), (0xff, 42, &[42])]
    {
        let mut out = Vec::new();
        emit_integer(0, mask, value, &mut out);
        assert_eq!(out, bytes);
        assert_eq!(read(mask, bytes), Ok(value as u32));
    }
}

//= test RFC 7541 §5.1: values and lengths beyond our limits are errors
#[test]
fn limits() {
    assert_eq!(read(0x7f, &[0xff, 0x80, 0xff, 0xff, 0xff, 0x0f]), Ok(u32::MAX));
    assert_eq!(read(0x7f, &[0xff, 0x81, 0xff, 0xff, 0xff, 0x0f]), Err(Why::IntegerTooLarge));
    // Zeros that an encoder need not write, up to the sixth byte.
    assert_eq!(read(0x7f, &[0xff, 0x80, 0x00]), Ok(127));
    assert_eq!(read(0x7f, &[0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]), Ok(127));
    let seven = [0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00];
    assert_eq!(read(0x7f, &seven), Err(Why::IntegerTooLarge));
    assert_eq!(read(0x7f, &[0xff; 9]), Err(Why::IntegerTooLarge));
    assert_eq!(read(0x7f, &[]), Err(Why::CutShort));
    assert_eq!(read(0x7f, &[0xff, 0x80]), Err(Why::CutShort));
}

proptest! {
    #[test]
    fn what_is_written_is_read(value: u32, bits in 1_u32..=8) {
        let mask = (0xff_u32 >> (8 - bits)) as u8;
        let mut out = Vec::new();
        emit_integer(!mask, mask, value as usize, &mut out);
        prop_assert_eq!(out[0] & !mask, !mask);
        prop_assert_eq!(read(mask, &out), Ok(value));
        for len in 0..out.len() {
            prop_assert_eq!(read(mask, &out[..len]), Err(Why::CutShort));
        }
    }
}
