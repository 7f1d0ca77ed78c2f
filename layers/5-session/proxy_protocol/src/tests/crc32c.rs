use crate::crc32c::of;

#[test]
fn known_checksums() {
    assert_eq!(of(&[]), 0);
    assert_eq!(of(&[b"123456789"]), 0xe306_9283);
    assert_eq!(of(&[b"1234", b"", b"56789"]), 0xe306_9283);
    // RFC 3720 §B.4: 32 bytes of zeros, of ones, and counted upward.
    assert_eq!(of(&[&[0; 32]]), 0x8a91_36aa);
    assert_eq!(of(&[&[0xff; 32]]), 0x62a8_ab43);
    let counted: Vec<u8> = (0..32).collect();
    assert_eq!(of(&[&counted]), 0x46dd_794e);
}
