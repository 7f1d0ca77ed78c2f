//! CRC32C, the checksum of SCTP. (RFC 9260 Appendix A)

/// The polynomial 0x1edc6f41, its lowest bit first.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// What each byte adds.
#[allow(clippy::indexing_slicing, reason = "checked when the table is compiled")]
static TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut rest = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            rest = (rest >> 1) ^ (POLYNOMIAL * (rest & 1));
            bit += 1;
        }
        table[byte] = rest;
        byte += 1;
    }
    table
};

/// The checksum of all pieces, one behind the other.
#[allow(clippy::indexing_slicing, reason = "a byte indexes 256 places")]
pub(crate) fn of(pieces: &[&[u8]]) -> u32 {
    let bytes = pieces.iter().copied().flatten();
    !bytes.fold(!0, |sum, &byte| TABLE[usize::from(sum as u8 ^ byte)] ^ (sum >> 8))
}
