//! The header in front of a frame by which a device and its driver tell each other what was left open.
//!
//! ```text
//!   0      1          2         4          6            8             10
//!   flags │ gso type │ hdr len │ gso size │ csum start │ csum offset │ the frame …
//! ```
//!
//! It is the `virtio_net_hdr` of the virtio specification (1.2, §5.1.6), and Linux speaks it at the files
//! of TAP and TUN devices (`IFF_VNET_HDR`) and at packet sockets (`PACKET_VNET_HDR`). Without
//! anything agreed on, its numbers are in the machine's own byte order.

use base::{Malformed, PendingChecksum, Segmentation, SegmentationKind, TxBuf};

use crate::{Medium, RxChecksum};

/// How long the header is, in bytes, where nothing more was agreed on.
pub const LEN: usize = 10;

/// The checksum at `csum start` + `csum offset` is to be finished.
const NEEDS_CHECKSUM: u8 = 1;

/// The checksum was looked at, and is right.
const DATA_VALID: u8 = 2;

/// How a super-segment is cut.
const GSO_NONE: u8 = 0;
const GSO_TCP_V4: u8 = 1;
const GSO_TCP_V6: u8 = 4;
const GSO_UDP: u8 = 5;

/// The first piece says CWR and the others do not (RFC 3168 §6.1.2).
const GSO_ECN: u8 = 0x80;

/// Where flags stand in the header of TCP, and CWR among them.
const TCP_FLAGS_AT: usize = 13;
const TCP_CWR: u8 = 0x80;

/// Where TCP says how long its header is, in words of four bytes, in the upper half of a byte.
const TCP_LEN_AT: usize = 12;

/// How long the header of UDP is.
const UDP_LEN: usize = 8;

/// The header for a frame that leaves over `medium`: what of it was left open.
pub fn emit(frame: &TxBuf, medium: Medium) -> [u8; LEN] {
    let (mut flags, mut gso_type) = (0, GSO_NONE);
    let (mut header_len, mut gso_size, mut start, mut offset) = (0, 0, 0, 0);
    let offload = frame.offload();
    if let Some(checksum) = offload.checksum {
        flags = NEEDS_CHECKSUM;
        (start, offset) = (checksum.start as u16, checksum.offset as u16);
        if let Some(Segmentation { kind, payload_len }) = offload.segmentation {
            gso_size = payload_len;
            (gso_type, header_len) = segmentation(frame.as_slice(), medium, kind, checksum);
        }
    }
    let mut header = [0; LEN];
    let words = [header_len, gso_size, start, offset];
    let (pairs, _) = header.as_chunks_mut::<2>();
    for (pair, word) in pairs.iter_mut().skip(1).zip(words) {
        *pair = word.to_ne_bytes();
    }
    let [first, second, ..] = &mut header;
    (*first, *second) = (flags, gso_type);
    header
}

/// How the frame is to be cut, and how long the headers are that each piece gets.
fn segmentation(
    frame: &[u8],
    medium: Medium,
    kind: SegmentationKind,
    checksum: PendingChecksum,
) -> (u8, u16) {
    let byte = |at: usize| frame.get(at).copied().unwrap_or_default();
    let start = checksum.start;
    let is_v6 = byte(medium.header_len()) >> 4 == 6;
    match kind {
        SegmentationKind::Tcp => {
            let len = usize::from(byte(start + TCP_LEN_AT) >> 4) * 4;
            let kind = if is_v6 { GSO_TCP_V6 } else { GSO_TCP_V4 };
            let has_cwr = byte(start + TCP_FLAGS_AT) & TCP_CWR != 0;
            (if has_cwr { kind | GSO_ECN } else { kind }, (start + len) as u16)
        }
        SegmentationKind::Udp => (GSO_UDP, (start + UDP_LEN) as u16),
    }
}

/// Reads the header in front of a frame that came: what is known of its checksum, and whether it
/// was merged.
///
/// # Errors
/// When the frame is to be cut in a way that nobody agreed on.
pub fn parse(header: [u8; LEN]) -> Result<(RxChecksum, Option<Segmentation>), Malformed> {
    let [flags, gso_type, _, _, low, high, ..] = header;
    let checksum = match flags {
        _ if flags & NEEDS_CHECKSUM != 0 => RxChecksum::Open,
        _ if flags & DATA_VALID != 0 => RxChecksum::Verified,
        _ => RxChecksum::Unverified,
    };
    let kind = match gso_type & !GSO_ECN {
        GSO_NONE => return Ok((checksum, None)),
        GSO_TCP_V4 | GSO_TCP_V6 => SegmentationKind::Tcp,
        GSO_UDP => SegmentationKind::Udp,
        _ => return Err(Malformed::new("kind of segmentation in a virtio header")),
    };
    let payload_len = u16::from_ne_bytes([low, high]);
    let segmentation = (payload_len > 0).then_some(Segmentation { kind, payload_len });
    Ok((checksum, segmentation))
}
