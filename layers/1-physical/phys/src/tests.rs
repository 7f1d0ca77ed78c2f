use base::{Segmentation, SegmentationKind, TxBuf};
use proptest::prelude::*;

use crate::pcapng::{self, Packet, Reader};
use crate::{Checksums, Device, Medium, Merger, Pool, RxChecksum, RxFrame, virtio};

/// A frame whose checksum, `offset` bytes into the whole, is left open.
fn frame(offset: usize) -> TxBuf {
    let mut out = TxBuf::new();
    out.append(&[1; 32]);
    out.as_mut_slice()[offset..offset + 2].fill(0);
    out.leave_checksum(offset);
    out
}

#[test]
fn what_the_device_cannot_do_is_done_in_software() {
    let plain = Device::plain(Medium::Ethernet, 1500);
    let with = |checksums| Device { checksums, ..plain };
    let tcp = with(Checksums { tcp: true, ..Checksums::default() });
    let any = with(Checksums { any: true, ..Checksums::default() });
    let left_open = |device: Device, offset| {
        let mut out = frame(offset);
        device.finish(&mut out);
        let is_open = out.offload().checksum.is_some();
        assert!(is_open || base::checksum::of(out.as_slice()) == 0);
        is_open
    };
    assert_eq!([plain, tcp, any].map(|device| left_open(device, 16)), [false, true, true]);
    assert_eq!([plain, tcp, any].map(|device| left_open(device, 6)), [false, false, true]);
}

#[test]
fn a_pool_gives_back_empty_frames() {
    let mut pool = Pool::new();
    pool.put(frame(6));
    let out = pool.take();
    assert!(out.is_empty() && out.offload().checksum.is_none());
}

#[test]
fn captures_of_others_are_read() {
    // Big-endian, microseconds, a block that nobody knows, a simple packet.
    let words: &[&[u32]] = &[
        &[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 0x0001_0000, u32::MAX, u32::MAX, 28],
        &[1, 20, 101 << 16, 0, 20],
        &[0x0bad, 12, 12],
        &[6, 36, 0, 0, 2_500_000, 4, 60, 0x6000_0000, 36],
        &[3, 20, 3, 0x4500_0000, 20],
    ];
    let file: Vec<u8> = words.concat().iter().flat_map(|word| word.to_be_bytes()).collect();
    let read: Result<Vec<Packet<'_>>, _> = Reader::new(&file).unwrap().collect();
    let ip = Some(Medium::Ip);
    let first =
        Packet { interface: 0, medium: ip, nanos: 2_500_000_000, frame: &[0x60, 0, 0, 0], len: 60 };
    let second = Packet { interface: 0, medium: ip, nanos: 0, frame: &[0x45, 0, 0], len: 3 };
    assert_eq!(read, Ok(vec![first, second]));
    assert!(Reader::new(b"\xd4\xc3\xb2\xa1").is_err(), "the older format");
}

/// A super-segment of TCP in IPv4, behind the header of its link.
fn super_segment(medium: Medium, tcp_flags: u8, payload_len: u16) -> TxBuf {
    let mut out = TxBuf::new();
    out.append(&[7; 3000]);
    let mut tcp = [0; 32];
    (tcp[12], tcp[13]) = (8 << 4, tcp_flags);
    out.prepend(tcp);
    out.leave_checksum(16);
    let mut ip = [0; 20];
    ip[0] = 0x45;
    out.prepend(ip);
    if medium == Medium::Ethernet {
        out.prepend([0; 14]);
    }
    out.leave_segmentation(Segmentation { kind: SegmentationKind::Tcp, payload_len });
    out
}

#[test]
fn what_is_left_open_stands_in_the_virtio_header() {
    let words = |header: [u8; virtio::LEN]| {
        let word = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
        (header[0], header[1], [word(2), word(4), word(6), word(8)])
    };
    let of = |frame: &TxBuf, medium| words(virtio::emit(frame, medium));
    let whole = super_segment(Medium::Ethernet, 0x10, 1000);
    assert_eq!(of(&whole, Medium::Ethernet), (1, 1, [66, 1000, 34, 16]));
    let with_cwr = super_segment(Medium::Ip, 0x90, 1448);
    assert_eq!(of(&with_cwr, Medium::Ip), (1, 0x81, [52, 1448, 20, 16]));
    assert_eq!(of(&frame(6), Medium::Ip), (1, 0, [0, 0, 0, 6]));
    let mut finished = frame(6);
    finished.finish_checksum();
    assert_eq!(of(&finished, Medium::Ip), (0, 0, [0; 4]));
}

#[test]
fn what_the_virtio_header_says_of_a_frame_that_came() {
    let read = |flags, gso_type, size: u16| {
        let [low, high] = size.to_ne_bytes();
        virtio::parse([flags, gso_type, 66, 0, low, high, 34, 0, 16, 0]).ok()
    };
    let cut = |kind, payload_len| Some(Segmentation { kind, payload_len });
    let (tcp, udp) = (SegmentationKind::Tcp, SegmentationKind::Udp);
    assert_eq!(read(0, 0, 0), Some((RxChecksum::Unverified, None)));
    assert_eq!(read(2, 0, 0), Some((RxChecksum::Verified, None)));
    assert_eq!(read(1, 1, 1448), Some((RxChecksum::Open, cut(tcp, 1448))));
    assert_eq!(read(1, 0x84, 1428), Some((RxChecksum::Open, cut(tcp, 1428))));
    assert_eq!(read(3, 5, 1200), Some((RxChecksum::Open, cut(udp, 1200))));
    assert_eq!(read(1, 1, 0), Some((RxChecksum::Open, None)), "nothing to cut by");
    assert_eq!(read(1, 3, 1000), None, "fragments of UDP, which nobody asked for");
}

/// A segment in IPv4 over Ethernet, whose headers have lengths, numbers and checksums of their own.
fn tcp_over_v4(payload: &[u8], seq: u32, flags: u8) -> TxBuf {
    let (source, destination) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    let mut out = TxBuf::new();
    out.append(payload);
    let len = 20 + payload.len();
    let pseudo = base::checksum::Sum::pseudo_v4(source.into(), destination.into(), 6, len).folded();
    let ([a, b, c, d], [x, y]) = (seq.to_be_bytes(), pseudo.to_be_bytes());
    out.prepend([0, 1, 0, 2, a, b, c, d, 0, 0, 0, 9, 0x50, flags, 1, 0, x, y, 0, 0]);
    out.leave_checksum(16);
    let [hi, lo] = ((20 + len) as u16).to_be_bytes();
    let [[a, b, c, d], [e, f, g, h]] = [source, destination];
    let mut ip = [0x45, 0, hi, lo, 0, 0, 0x40, 0, 64, 6, 0, 0, a, b, c, d, e, f, g, h];
    let [x, y] = base::checksum::of(&ip).to_be_bytes();
    (ip[10], ip[11]) = (x, y);
    out.prepend(ip);
    out.prepend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0]);
    out
}

//= test RFC 3168 §6.1.2: CWR stands in the first segment only
#[test]
fn what_is_cut_is_what_would_have_been_sent_apart() {
    const FIN_PSH_ACK_CWR: u8 = 0x99;
    let payload: Vec<u8> = (0..2500u32).map(|n| n as u8).collect();
    let mut whole = tcp_over_v4(&payload, u32::MAX - 500, FIN_PSH_ACK_CWR);
    let kind = SegmentationKind::Tcp;
    whole.leave_segmentation(Segmentation { kind, payload_len: 1000 });
    let (mut piece, mut pieces) = (TxBuf::new(), Vec::new());
    crate::cut(&whole, Medium::Ethernet, &mut piece, |piece| {
        piece.finish_checksum();
        pieces.push(piece.as_slice().to_vec());
    });
    let apart = [(0..1000, 0x90), (1000..2000, 0x10), (2000..2500, 0x19)].map(|(range, flags)| {
        let seq = (u32::MAX - 500).wrapping_add(range.start as u32);
        let mut one = tcp_over_v4(&payload[range], seq, flags);
        one.finish_checksum();
        one.as_slice().to_vec()
    });
    assert_eq!(pieces, apart);
}

/// Plays a batch of frames; what goes up: how long its payload is, and of how long segments.
fn merged(frames: &[TxBuf]) -> Vec<(usize, u16, Vec<u8>)> {
    let (mut merger, mut up) = (Merger::new(), Vec::new());
    let mut take = |frame: &RxFrame<'_>| {
        let each = frame.segmentation.map_or(0, |cut| cut.payload_len);
        up.push((frame.bytes.len() - 54, each, frame.bytes.to_vec()));
    };
    for frame in frames {
        merger.handle_frame(Medium::Ethernet, RxFrame::new(frame.as_slice()), &mut take);
    }
    merger.flush(take);
    up
}

/// A segment of a stream, with its checksum.
fn segment(from: u32, len: u32, flags: u8) -> TxBuf {
    let payload: Vec<u8> = (from..from + len).map(|n| n as u8).collect();
    let mut out = tcp_over_v4(&payload, (u32::MAX - 500).wrapping_add(from), flags);
    out.finish_checksum();
    out
}

#[test]
fn what_follows_on_each_other_goes_up_as_one() {
    let all: Vec<_> =
        [(0, 1000), (1000, 1000), (2000, 500)].map(|(at, n)| segment(at, n, 0x10)).into();
    let up = merged(&all);
    let [(2500, 1000, bytes)] = up.as_slice() else { panic!("{} frames", up.len()) };
    // As one segment would have been that is left to be cut, so that a router can pass it on.
    let payload: Vec<u8> = (0..2500u32).map(|n| n as u8).collect();
    assert_eq!(bytes, tcp_over_v4(&payload, u32::MAX - 500, 0x10).as_slice());
}

#[test]
fn what_ends_a_merge() {
    let lens = |frames: &[TxBuf]| merged(frames).iter().map(|(len, ..)| *len).collect::<Vec<_>>();
    let (first, next) = (segment(0, 1000, 0x10), segment(1000, 1000, 0x10));
    let changed = |change: fn(&mut [u8])| {
        let mut other = segment(1000, 1000, 0x10);
        change(other.as_mut_slice());
        other
    };
    let of_two = |other: TxBuf| lens(&[segment(0, 1000, 0x10), other]);
    assert_eq!(of_two(next), [2000]);
    assert_eq!(of_two(segment(1001, 1000, 0x10)), [1000, 1000], "a hole");
    assert_eq!(of_two(segment(1000, 1200, 0x10)), [1000, 1200], "a longer one");
    assert_eq!(lens(&[segment(0, 100, 0x10), segment(100, 100, 0x10)]), [100, 100], "small ones");
    assert_eq!(of_two(segment(1000, 1000, 0x11)), [1000, 1000], "FIN");
    assert_eq!(of_two(changed(|frame| frame[60] ^= 1)), [1000, 1000], "a wrong checksum");
    let marked = changed(|frame| {
        frame[15] |= 3;
        frame[24..26].fill(0);
        let sum = base::checksum::of(&frame[14..34]).to_be_bytes();
        frame[24..26].copy_from_slice(&sum);
    });
    assert_eq!(of_two(marked), [1000, 1000], "a mark of congestion");
    // PSH, and a shorter segment, are the last of what is merged.
    let after = segment(2000, 1000, 0x10);
    assert_eq!(lens(&[first, segment(1000, 1000, 0x18), after]), [2000, 1000]);
    let again = [segment(0, 1000, 0x10), segment(1000, 700, 0x10), segment(1700, 700, 0x10)];
    assert_eq!(lens(&again), [1700, 700]);
    let not_ip = changed(|frame| frame[12] = 0x88);
    assert_eq!(of_two(not_ip), [1000, 1000], "something else");
    let many: Vec<_> = (0..70).map(|n| segment(n * 1000, 1000, 0x10)).collect();
    assert_eq!(lens(&many), [65_000, 5000]);
}

#[test]
fn a_device_is_left_what_it_or_software_does() {
    let plain = Device::plain(Medium::Ip, 1500);
    let soft = plain.with_software();
    let tcp = SegmentationKind::Tcp;
    assert!(!plain.cuts(tcp) && soft.cuts(tcp) && !soft.cuts(SegmentationKind::Udp));
    assert_eq!(
        (soft.segment_len_max(tcp, false), soft.segment_len_max(tcp, true)),
        (65_535, 65_535)
    );
    assert_eq!(soft.with_software(), soft);
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        frames in prop::collection::vec((any::<u64>(), prop::collection::vec(any::<u8>(), 0..90)), 0..8),
        comment in "[a-z]{0,9}",
    ) {
        let mut file = Vec::new();
        pcapng::write_section(&mut file);
        pcapng::write_interface(&mut file, Medium::Ethernet, "tap0");
        pcapng::write_tls_secrets(&mut file, b"CLIENT_RANDOM 1 2\n");
        for (nanos, frame) in &frames {
            pcapng::write_packet(&mut file, 0, *nanos, frame, &comment);
        }
        let read: Vec<_> = Reader::new(&file).unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(read.len(), frames.len());
        for (read, (nanos, frame)) in read.iter().zip(&frames) {
            prop_assert_eq!((read.nanos, read.frame), (*nanos, &frame[..]));
            prop_assert_eq!((read.medium, read.len), (Some(Medium::Ethernet), frame.len()));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut file = Vec::new();
        pcapng::write_section(&mut file);
        pcapng::write_interface(&mut file, Medium::Ip, "tun0");
        pcapng::write_packet(&mut file, 0, 7, &bytes, "");
        for (at, to) in flips {
            let at = at.index(file.len());
            file[at] = to;
        }
        if let Ok(reader) = Reader::new(&file) {
            prop_assert!(reader.count() < 100);
        }
    }
}
