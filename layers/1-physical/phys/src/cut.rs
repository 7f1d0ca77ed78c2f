//! What a device does that cuts super-segments, for those that do not: each piece gets the headers of the
//! whole, with its own lengths and numbers.

use base::{Offload, PendingChecksum, Segmentation, SegmentationKind, TxBuf, checksum};

use crate::Medium;
use crate::words::{set, word};

/// Flags of TCP that only the last piece has, and the one that only the first has.
const FIN_AND_PSH: u8 = 0x09;
const CWR: u8 = 0x80;

/// Where things stand in the headers of IPv4, IPv6, TCP and UDP.
const V4_LEN_AT: usize = 2;
const V4_ID_AT: usize = 4;
const V4_FLAGS_AT: usize = 6;
const V4_CHECKSUM_AT: usize = 10;
const V6_LEN_AT: usize = 4;
const TCP_SEQ_AT: usize = 4;
const TCP_LEN_AT: usize = 12;
const TCP_FLAGS_AT: usize = 13;
const UDP_LEN_AT: usize = 4;
const UDP_LEN: usize = 8;

/// Why no packet of IPv4 may be cut on its way: its identification means nothing then. (RFC 6864
/// §4.1)
const V4_DONT_FRAGMENT: u8 = 0x40;

/// Cuts `whole`, a frame for `medium` that was left to be cut, and shows each packet to `each`, in
/// `piece`, with its checksum left open. What was not left to be cut, or has no checksum left open,
/// is not shown.
pub fn cut(whole: &TxBuf, medium: Medium, piece: &mut TxBuf, mut each: impl FnMut(&mut TxBuf)) {
    let Offload { checksum: Some(checksum), segmentation: Some(cut) } = whole.offload() else {
        return;
    };
    let Segmentation { kind, payload_len } = cut;
    let PendingChecksum { start, offset } = checksum;
    let bytes = whole.as_slice();
    let own_len = match kind {
        SegmentationKind::Tcp => {
            usize::from(bytes.get(start + TCP_LEN_AT).copied().unwrap_or_default() >> 4) * 4
        }
        SegmentationKind::Udp => UDP_LEN,
    };
    let Some((headers, payload)) = bytes.split_at_checked(start + own_len) else { return };
    let payload_len = usize::from(payload_len).max(1);
    let pieces = payload.len().div_ceil(payload_len);
    for (n, part) in payload.chunks(payload_len).enumerate() {
        piece.clear();
        piece.append(headers);
        piece.append(part);
        let frame = piece.as_mut_slice();
        correct_network(frame.get_mut(medium.header_len()..).unwrap_or_default(), n as u16);
        let segment = frame.get_mut(start..).unwrap_or_default();
        match kind {
            SegmentationKind::Tcp => {
                correct_tcp(segment, (n * payload_len) as u32, n == 0, n + 1 == pieces);
            }
            SegmentationKind::Udp => set(segment, UDP_LEN_AT, (UDP_LEN + part.len()) as u16),
        }
        // The pseudo header says how long the segment is.
        let (before, now) = ((bytes.len() - start) as u16, (own_len + part.len()) as u16);
        let sum = word(segment, offset);
        set(segment, offset, !checksum::update(!sum, before, now));
        piece.leave_checksum_at(start, offset);
        each(piece);
    }
}

/// Gives a packet of IP its own length, and the `n`th piece its identification.
fn correct_network(packet: &mut [u8], n: u16) {
    if packet.first().is_some_and(|first| first >> 4 == 6) {
        return set(packet, V6_LEN_AT, packet.len().saturating_sub(40) as u16);
    }
    let mut header_checksum = word(packet, V4_CHECKSUM_AT);
    let mut change = |packet: &mut [u8], at: usize, new: u16| {
        header_checksum = checksum::update(header_checksum, word(packet, at), new);
        set(packet, at, new);
    };
    change(packet, V4_LEN_AT, packet.len() as u16);
    if packet.get(V4_FLAGS_AT).is_some_and(|flags| flags & V4_DONT_FRAGMENT == 0) {
        change(packet, V4_ID_AT, word(packet, V4_ID_AT).wrapping_add(n));
    }
    set(packet, V4_CHECKSUM_AT, header_checksum);
}

/// Gives a segment of TCP its own number and flags.
fn correct_tcp(segment: &mut [u8], offset: u32, is_first: bool, is_last: bool) {
    let seq = segment.get_mut(TCP_SEQ_AT..).and_then(|rest| rest.first_chunk_mut());
    if let Some(seq) = seq {
        *seq = u32::from_be_bytes(*seq).wrapping_add(offset).to_be_bytes();
    }
    if let Some(flags) = segment.get_mut(TCP_FLAGS_AT) {
        *flags &= if is_last { u8::MAX } else { !FIN_AND_PSH };
        *flags &= if is_first { u8::MAX } else { !CWR };
    }
}
