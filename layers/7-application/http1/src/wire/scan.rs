//! Where a line ends: eight bytes at a time, because lines are too short for anything that has to
//! be set up first.

/// Every byte of a word the same.
const fn each(b: u8) -> u64 {
    u64::from_ne_bytes([b; 8])
}

/// Where the first control byte but the tab stands. No line holds one (RFC 9110 §5.5), so in a line
/// that is well-formed it is the CR at its end.
#[inline]
pub(super) fn first_control(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let found = controls_in(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(at * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|&b| is_control(b))?;
    Some(words.len() * 8 + at)
}

/// The highest bit of each byte that is a control byte but no tab. Each byte is looked at by itself:
/// no sum carries into the next.
#[inline(always)]
const fn controls_in(word: u64) -> u64 {
    let low = word & each(0x7f);
    let at_least_space = low + each(0x80 - b' ');
    let is_delete = low + each(1);
    let is_no_tab = (low ^ each(b'\t')) + each(0x7f);
    ((!at_least_space & is_no_tab) | is_delete) & !word & each(0x80)
}

#[inline(always)]
const fn is_control(b: u8) -> bool {
    (b < b' ' && b != b'\t') || b == 0x7f
}

#[cfg(test)]
mod tests {
    use super::{first_control, is_control};

    #[test]
    fn every_byte_everywhere() {
        for b in 0..=u8::MAX {
            for neighbour in [b' ', b'\t', 0x7e, 0x80, 0xff] {
                for at in 0..20 {
                    let mut bytes = [neighbour; 20];
                    bytes[at] = b;
                    assert_eq!(first_control(&bytes), is_control(b).then_some(at), "{b} at {at}");
                }
            }
        }
    }

    #[test]
    fn the_first_of_several() {
        for second in 0..16 {
            for first in 0..second {
                let mut bytes = [b'\t'; 16];
                bytes[second] = 0x7f;
                bytes[first] = 0;
                assert_eq!(first_control(&bytes), Some(first));
            }
        }
    }
}
