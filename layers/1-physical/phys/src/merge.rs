//! What a device does that merges segments, for those that do not: of a batch of frames, those of one
//! stream that follow on each other go up as one.
//!
//! A segment is held back until the next frame of the batch, or the batch's end, shows whether more
//! follows; so nothing waits for time. What goes up is what a cut ([`cut`](crate::cut())) would make the
//! same packets of: one header, by which all are alike but for lengths, numbers and PSH.

use base::checksum::{self, Sum};
use base::{Segmentation, SegmentationKind};

use crate::words::{set, word};
use crate::{Medium, RxChecksum, RxFrame};

/// With shorter payloads nothing begins: they are no part of a stream that is worth it, and somebody may wait.
const PAYLOAD_LEN_MIN: usize = 512;

/// The longest packet of IPv4, and of ours.
const PACKET_LEN_MAX: usize = 65_535;

/// Headers of IPv4 without options, IPv6 and TCP.
const V4_LEN: usize = 20;
const V6_LEN: usize = 40;
const TCP_LEN: usize = 20;
const TCP: u8 = 6;

/// Flags of TCP. Only segments with ACK, and perhaps PSH, are merged.
const ACK: u8 = 0x10;
const PSH: u8 = 0x08;
const TCP_FLAGS_AT: usize = 13;

/// Where TCP has its checksum.
const TCP_CHECKSUM_AT: usize = 16;

/// Merges segments.
#[derive(Debug, Default)]
pub struct Merger {
    /// What is held: a frame that begins as one that came, and goes on with the payload of others.
    frame: Vec<u8>,
    /// What is known of it; nothing is held without.
    held: Option<Held>,
}

/// A segment that may be merged, or several that were.
#[derive(Clone, Copy, Debug)]
struct Held {
    /// Where its headers begin in the frame, and where its payload does.
    ip_at: usize,
    tcp_at: usize,
    payload_at: usize,
    /// The number behind its payload.
    next: u32,
    segment_len: u16,
    segments: u32,
    /// What is known of its checksum, now that somebody has looked.
    checksum: RxChecksum,
}

impl Merger {
    /// Nothing held.
    pub const fn new() -> Self {
        Self { frame: Vec::new(), held: None }
    }

    /// Takes a frame that came over `medium`. `up` is shown what is not held back any longer.
    #[inline]
    pub fn handle_frame(
        &mut self,
        medium: Medium,
        frame: RxFrame<'_>,
        mut up: impl FnMut(&RxFrame<'_>),
    ) {
        let found = if frame.segmentation.is_none() { look(medium, &frame) } else { None };
        let Some((new, is_last)) = found else {
            self.flush(&mut up);
            return up(&frame);
        };
        let payload = frame.bytes.get(new.payload_at..).unwrap_or_default();
        if self.continues(&new, frame.bytes, payload.len()) {
            self.frame.extend_from_slice(payload);
            let is_short = self.grow(&new, frame.bytes, payload.len());
            if is_last || is_short {
                self.flush(up);
            }
            return;
        }
        self.flush(&mut up);
        // Nothing would be merged with it.
        if is_last || payload.len() < PAYLOAD_LEN_MIN {
            return up(&frame);
        }
        self.frame.clear();
        self.frame.extend_from_slice(frame.bytes);
        self.held = Some(new);
    }

    /// The batch is over: `up` is shown what is held.
    #[inline]
    pub fn flush(&mut self, mut up: impl FnMut(&RxFrame<'_>)) {
        let Some(held) = self.held.take() else { return };
        if held.segments == 1 {
            let (checksum, segmentation) = (held.checksum, None);
            return up(&RxFrame { bytes: &self.frame, checksum, segmentation });
        }
        self.correct(&held);
        let (kind, payload_len) = (SegmentationKind::Tcp, held.segment_len);
        let segmentation = Some(Segmentation { kind, payload_len });
        // Each was looked at when it came; whoever passes the whole on cuts it again.
        up(&RxFrame { bytes: &self.frame, checksum: RxChecksum::Open, segmentation });
    }

    /// Whether a segment goes on where what is held ends, and differs from it in nothing else.
    fn continues(&self, new: &Held, bytes: &[u8], payload_len: usize) -> bool {
        let Some(held) = &self.held else { return false };
        let same = |from: usize, to: usize| bytes.get(from..to) == self.frame.get(from..to);
        let (ip, tcp) = (held.ip_at, held.tcp_at);
        let network = if tcp - ip == V4_LEN {
            // But for length, identification and checksum.
            same(ip, ip + 2) && same(ip + 6, ip + 10) && same(ip + 12, tcp)
        } else {
            same(ip, ip + 4) && same(ip + 6, tcp)
        };
        (new.tcp_at, new.payload_at) == (tcp, held.payload_at)
            && new.next == held.next.wrapping_add(payload_len as u32)
            && payload_len <= usize::from(held.segment_len)
            && self.frame.len() - ip + payload_len <= PACKET_LEN_MAX
            && same(0, ip)
            && network
            // Ports; acknowledgement and length of the header; window; urgent pointer and options.
            && same(tcp, tcp + 4)
            && same(tcp + 8, tcp + TCP_FLAGS_AT)
            && same(tcp + 14, tcp + 16)
            && same(tcp + 18, held.payload_at)
    }

    /// Counts a segment whose payload was appended; whether none can follow, for it is a short one.
    fn grow(&mut self, new: &Held, bytes: &[u8], payload_len: usize) -> bool {
        let Some(held) = &mut self.held else { return true };
        held.next = new.next;
        held.segments += 1;
        let flags_at = held.tcp_at + TCP_FLAGS_AT;
        let flags = bytes.get(flags_at).copied().unwrap_or_default();
        if let Some(place) = self.frame.get_mut(flags_at) {
            *place |= flags;
        }
        payload_len < usize::from(held.segment_len)
    }

    /// Gives the headers the length of the whole, and leaves the checksum of TCP open.
    fn correct(&mut self, held: &Held) {
        let packet = self.frame.get_mut(held.ip_at..).unwrap_or_default();
        let (len, network_len) = (packet.len(), held.tcp_at - held.ip_at);
        if network_len == V6_LEN {
            set(packet, 4, (len - V6_LEN) as u16);
        } else {
            let sum = checksum::update(word(packet, 10), word(packet, 2), len as u16);
            set(packet, 2, len as u16);
            set(packet, 10, sum);
        }
        let sum = pseudo(packet, network_len).folded();
        set(packet, network_len + TCP_CHECKSUM_AT, sum);
    }
}

/// What may be merged of a frame: a segment with data, without anything special, whose checksum is
/// right; and whether it says that nothing follows soon.
fn look(medium: Medium, frame: &RxFrame<'_>) -> Option<(Held, bool)> {
    let (bytes, ip_at) = (frame.bytes, medium.header_len());
    let packet = bytes.get(ip_at..)?;
    let (network_len, len) = match (medium, ethertype(bytes), packet.first()?) {
        (Medium::Ip, _, 0x45) | (Medium::Ethernet, 0x0800, 0x45) => {
            // No fragment: neither more to come, nor an offset.
            let is_whole = word(packet, 6) & 0x3fff == 0;
            let is_right = checksum::of(packet.get(..V4_LEN)?) == 0;
            let is_ours = is_whole && is_right && packet.get(9) == Some(&TCP);
            (is_ours.then_some(V4_LEN)?, usize::from(word(packet, 2)))
        }
        (Medium::Ip, _, first) | (Medium::Ethernet, 0x86dd, first) if first >> 4 == 6 => (
            (packet.get(6) == Some(&TCP)).then_some(V6_LEN)?,
            V6_LEN + usize::from(word(packet, 4)),
        ),
        _ => return None,
    };
    let segment = packet.get(network_len..)?;
    let own_len = usize::from(segment.get(12)? >> 4) * 4;
    let flags = *segment.get(TCP_FLAGS_AT)?;
    let is_plain = flags & !PSH == ACK;
    let payload_len = segment.len().checked_sub(own_len)?;
    // A frame with padding is no part of a stream either.
    if !is_plain || own_len < TCP_LEN || payload_len == 0 || len != packet.len() {
        return None;
    }
    if !frame.checksum.is_verified() && !is_right(packet, network_len) {
        return None;
    }
    let seq = u32::from_be_bytes(*segment.get(4..)?.first_chunk()?);
    let tcp_at = ip_at + network_len;
    let held = Held {
        ip_at,
        tcp_at,
        payload_at: tcp_at + own_len,
        next: seq.wrapping_add(payload_len as u32),
        segment_len: u16::try_from(payload_len).ok()?,
        segments: 1,
        checksum: match frame.checksum {
            RxChecksum::Open => RxChecksum::Open,
            RxChecksum::Unverified | RxChecksum::Verified => RxChecksum::Verified,
        },
    };
    Some((held, flags & PSH != 0))
}

/// Whether the checksum of the segment is right. (RFC 9293 §3.1)
fn is_right(packet: &[u8], network_len: usize) -> bool {
    let mut sum = pseudo(packet, network_len);
    sum.add(packet.get(network_len..).unwrap_or_default());
    sum.finish() == 0
}

/// The pseudo header of a segment.
fn pseudo(packet: &[u8], network_len: usize) -> Sum {
    // Both addresses, as they lie; the order of what is summed does not matter.
    let addresses = if network_len == V4_LEN { 12..20 } else { 8..40 };
    let mut sum = Sum::new();
    sum.add(packet.get(addresses).unwrap_or_default());
    sum.add_u16(u16::from(TCP));
    sum.add_u16((packet.len() - network_len) as u16);
    sum
}

/// What an Ethernet frame says that it carries.
fn ethertype(frame: &[u8]) -> u16 {
    word(frame, 12)
}
