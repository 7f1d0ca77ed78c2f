//! Segments on the wire, and what can be compared of them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use base::TxBuf;
use base::checksum::Sum;
use ip::{Packet, Protocol, v4};
use tcp::wire::{CHECKSUM_AT, HEADER_LEN_MAX, Layout, Options, SackBlocks};
use tcp::{Flags, Header, Segment, Seq};

use crate::conversation::Piece;

/// Who is played to, and the peer.
pub(crate) const TARGET: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
pub(crate) const PEER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

/// The peer's first number; its clock shows this when the conversation begins.
const PEER_ISN: u32 = 4_000_000_000;
const PEER_CLOCK: u32 = 700_000;

/// A segment of who is played to, as far as it can be compared: numbers count from each side's SYN.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Said {
    pub(crate) flags: Flags,
    pub(crate) seq: i64,
    pub(crate) ack: i64,
    pub(crate) len: usize,
    /// In segments with SYN all of the window; in others, whether there is one.
    pub(crate) window: u16,
    pub(crate) urgent: u16,
    pub(crate) mss: Option<u16>,
    pub(crate) scale: Option<u8>,
    pub(crate) sack_permitted: bool,
    /// What the timestamp echoes.
    pub(crate) echo: Option<u32>,
    pub(crate) sack: Vec<(i64, i64)>,
    pub(crate) ecn: u8,
}

/// What the peer knows of who is played to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// Both ports: theirs, ours.
    pub(crate) ports: (u16, u16),
    isn: Option<Seq>,
    clock: u32,
}

impl Peer {
    pub(crate) const fn new(ports: (u16, u16)) -> Self {
        Self { ports, isn: None, clock: 0 }
    }

    /// Writes a segment as the peer sends it, `elapsed` after the conversation began.
    pub(crate) fn write(&self, piece: &Piece, elapsed: Duration, out: &mut TxBuf) {
        out.clear();
        out.append_zeroed(piece.len);
        let theirs = |n: i64| Seq(PEER_ISN).0.wrapping_add(n as u32);
        let ours = |n: i64| self.isn.unwrap_or_default().0.wrapping_add(n as u32);
        let clock = PEER_CLOCK + elapsed.as_millis() as u32;
        let offer = piece.offer;
        let sack = piece.sack.iter().map(|&(s, e)| (Seq(ours(s)), Seq(ours(e))));
        let has_ack = piece.flags.has(Flags::ACK);
        let header = Header {
            source: self.ports.1,
            destination: self.ports.0,
            seq: Seq(theirs(piece.seq)),
            ack: if has_ack { Seq(ours(piece.ack)) } else { Seq(0) },
            flags: piece.flags,
            window: piece.window,
            urgent: piece.urgent,
            options: Options {
                mss: offer.and_then(|offer| offer.mss),
                window_scale: offer.and_then(|offer| offer.scale),
                sack_permitted: offer.is_some_and(|offer| offer.sack),
                timestamps: piece
                    .age
                    .map(|age| (clock - age, if has_ack { self.clock } else { 0 })),
                sack: sack.collect::<SackBlocks>(),
                layout: Layout::Linux,
                ..Options::default()
            },
        };
        let mut bytes = [0; HEADER_LEN_MAX];
        let len = header.emit(&mut bytes);
        out.prepend_slice(&bytes[..len]);
        let mut sum = Sum::pseudo_v4(PEER, TARGET, Protocol::TCP.0, out.len());
        sum.add(out.as_slice());
        let sum = sum.finish().to_be_bytes();
        out.as_mut_slice()[CHECKSUM_AT..CHECKSUM_AT + 2].copy_from_slice(&sum);
        v4::Header::new(PEER, TARGET, Protocol::TCP, 64).emit(out);
    }

    /// Learns from a segment, and says what can be compared of it.
    pub(crate) fn read(&mut self, header: &Header, len: usize, ecn: u8) -> Said {
        let flags = header.flags;
        if flags.has(Flags::SYN) {
            self.isn = Some(header.seq);
        }
        // An acknowledgement without data moves nothing, so its time is not echoed (RFC 7323 §4.3).
        if let Some((value, _)) = header.options.timestamps
            && (flags.has(Flags::SYN) || len > 0)
        {
            self.clock = value;
        }
        let relative = |n: Seq, to: Seq| i64::from((n - to) as i32);
        let own = self.isn.unwrap_or_default();
        let seq = if header.seq == Seq(0) { 0 } else { relative(header.seq, own) };
        let has_ack = flags.has(Flags::ACK);
        let is_syn = flags.has(Flags::SYN);
        let blocks = header.options.sack.as_slice().iter();
        Said {
            flags,
            seq,
            ack: if has_ack { relative(header.ack, Seq(PEER_ISN)) } else { 0 },
            len,
            window: if is_syn { header.window } else { header.window.min(1) },
            urgent: header.urgent,
            mss: header.options.mss,
            scale: header.options.window_scale,
            sack_permitted: header.options.sack_permitted,
            echo: header.options.timestamps.map(|(_, echo)| echo.wrapping_sub(PEER_CLOCK)),
            sack: blocks
                .map(|&(s, e)| (relative(s, Seq(PEER_ISN)), relative(e, Seq(PEER_ISN))))
                .collect(),
            ecn,
        }
    }
}

/// Reads a packet of who is played to: the ports, the header, how much it carries, its marks.
pub(crate) fn parse(packet: &[u8]) -> Option<(Header, usize, u8)> {
    let packet = Packet::parse(packet).ok()?;
    let is_ours = packet.source == IpAddr::V4(TARGET) && packet.protocol == Protocol::TCP;
    let segment = Segment::parse(packet.payload).ok().filter(|_| is_ours)?;
    Some((segment.header.clone(), segment.payload.len(), packet.ecn as u8))
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flags, seq, ack, len, window, urgent, mss, scale, sack_permitted, .. } = self;
        write!(f, "{flags:?} {seq}:{}({len}) ack {ack} win {window}", seq + *len as i64)?;
        if flags.has(Flags::SYN) {
            write!(f, " mss {mss:?} scale {scale:?} sack {sack_permitted}")?;
        }
        if let Some(echo) = self.echo {
            write!(f, " echo {}", echo as i32)?;
        }
        if !self.sack.is_empty() {
            write!(f, " sack {:?}", self.sack)?;
        }
        if *urgent > 0 {
            write!(f, " urg {urgent}")?;
        }
        if self.ecn > 0 { write!(f, " ecn {}", self.ecn) } else { Ok(()) }
    }
}
