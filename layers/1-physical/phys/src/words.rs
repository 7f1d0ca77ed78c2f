//! Words of 16 bits in headers, as cutting and merging read and write them.

/// The word at this place, or zero.
pub(crate) fn word(bytes: &[u8], at: usize) -> u16 {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk());
    word.map_or(0, |word| u16::from_be_bytes(*word))
}

/// Writes the word at this place, if there is one.
pub(crate) fn set(bytes: &mut [u8], at: usize, word: u16) {
    if let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *place = word.to_be_bytes();
    }
}
