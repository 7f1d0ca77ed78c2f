//! Segments on the wire, and what can be compared of them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use base::TxBuf;
use base::checksum::Sum;
use ip::{Ecn, Packet, Protocol, v4, v6};
use tcp::wire::{CHECKSUM_AT, HEADER_LEN_MAX, Layout, Options, SackBlocks};
use tcp::{Flags, Header, Segment, Seq};

use crate::conversation::Piece;

/// Who is played to, and the peer.
pub(crate) const fn target(is_v6: bool) -> IpAddr {
    host(is_v6, 1)
}

pub(crate) const fn peer(is_v6: bool) -> IpAddr {
    host(is_v6, 2)
}

const fn host(is_v6: bool, n: u8) -> IpAddr {
    match is_v6 {
        false => IpAddr::V4(Ipv4Addr::new(10, 77, 0, n)),
        true => IpAddr::V6(Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, n as u16)),
    }
}

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
    is_v6: bool,
    isn: Option<Seq>,
    clock: u32,
}

impl Peer {
    pub(crate) const fn new(is_v6: bool, ports: (u16, u16)) -> Self {
        Self { ports, is_v6, isn: None, clock: 0 }
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
        let (from, to, next, hop_limit) = (peer(self.is_v6), target(self.is_v6), Protocol::TCP, 64);
        let mut sum = match (from, to) {
            (IpAddr::V4(from), IpAddr::V4(to)) => Sum::pseudo_v4(from, to, next.0, out.len()),
            (IpAddr::V6(from), IpAddr::V6(to)) => Sum::pseudo_v6(from, to, next.0, out.len()),
            _ => unreachable!("both are of one version"),
        };
        sum.add(out.as_slice());
        let sum = sum.finish().to_be_bytes();
        out.as_mut_slice()[CHECKSUM_AT..CHECKSUM_AT + 2].copy_from_slice(&sum);
        match (from, to) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                v4::Header::new(from, to, next, hop_limit).emit(out);
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let (dscp, ecn, flow_label) = (0, Ecn::NotEct, 0);
                v6::Header { dscp, ecn, flow_label, next, hop_limit, source, destination }
                    .emit(out);
            }
            _ => {}
        }
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
    let is_target = [false, true].map(target).contains(&packet.source);
    let is_ours = is_target && packet.protocol == Protocol::TCP;
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
