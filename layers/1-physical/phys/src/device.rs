use base::{Segmentation, SegmentationKind, TxBuf};

/// What a device carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Medium {
    /// Ethernet frames: a TAP device, a network card, a cable of the simulator.
    Ethernet,
    /// Packets of IP without anything in front: a TUN device, the loopback inside the stack.
    Ip,
}

/// How long super-segments may be that are cut in software: what a packet of IPv4 can be.
const SOFTWARE_LEN_MAX: usize = 65_535;

impl Medium {
    /// How long the link's header is, in bytes, without any tag.
    pub const fn header_len(self) -> usize {
        match self {
            Self::Ethernet => 14,
            Self::Ip => 0,
        }
    }
}

/// What a device can do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Device {
    /// What it carries.
    pub medium: Medium,
    /// The longest packet of IP that it takes, in bytes, without the link's header.
    pub mtu: usize,
    /// Checksums that it finishes on the way out.
    pub checksums: Checksums,
    /// Super-segments that it cuts.
    pub segments: Segments,
    /// How many queues it has; a flow stays in one.
    pub queues: u16,
}

/// For which protocols a device finishes the checksum.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Checksums {
    /// For TCP.
    pub tcp: bool,
    /// For UDP.
    pub udp: bool,
    /// For whatever is left open: it is told where, as `virtio_net_hdr` does.
    pub any: bool,
}

/// How long super-segments may be that a device cuts, in bytes of payload with all headers of
/// layers 3 and 4; zero if it cuts none.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Segments {
    /// TCP over IPv4.
    pub tcp_v4_len_max: usize,
    /// TCP over IPv6.
    pub tcp_v6_len_max: usize,
    /// UDP over either.
    pub udp_len_max: usize,
}

/// A frame that came in, and what the device knows of it.
#[derive(Clone, Copy, Debug)]
pub struct RxFrame<'a> {
    /// The frame.
    pub bytes: &'a [u8],
    /// Whether somebody has looked at the checksum of layer 4.
    pub checksum: RxChecksum,
    /// If it was merged from several: by whose rules, and how long their payload was. Its checksum is
    /// open then.
    pub segmentation: Option<Segmentation>,
}

/// What is known of the checksum of layer 4 in a frame that came in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RxChecksum {
    /// Nobody has looked.
    #[default]
    Unverified,
    /// The device has looked, and it is right.
    Verified,
    /// It was never on a cable: its place holds the sum of the pseudo header, and the rest is sure to
    /// be right. Who passes the frame on has to finish it.
    Open,
}

impl Device {
    /// A device that can do nothing for us.
    pub const fn plain(medium: Medium, mtu: usize) -> Self {
        Self {
            medium,
            mtu,
            checksums: Checksums { tcp: false, udp: false, any: false },
            segments: Segments { tcp_v4_len_max: 0, tcp_v6_len_max: 0, udp_len_max: 0 },
            queues: 1,
        }
    }

    /// Does what the device cannot, so that it is told only what it can.
    #[inline]
    pub fn finish(&self, out: &mut TxBuf) {
        let Some(checksum) = out.offload().checksum else { return };
        // Where the checksum stands in a header says whose it is; nobody else has it there.
        let does_it = match checksum.offset {
            16 => self.checksums.tcp,
            6 => self.checksums.udp,
            _ => false,
        };
        if !does_it && !self.checksums.any {
            out.finish_checksum();
        }
    }

    /// What may be left open when an [`Outlet`](crate::Outlet) does what the device cannot: every
    /// checksum, and segments of TCP. What the device can do stays the device's.
    pub const fn with_software(self) -> Self {
        let checksums = Checksums { tcp: true, udp: true, any: true };
        if self.cuts(SegmentationKind::Tcp) {
            return Self { checksums, ..self };
        }
        let (tcp_v4_len_max, tcp_v6_len_max) = (SOFTWARE_LEN_MAX, SOFTWARE_LEN_MAX);
        let segments = Segments { tcp_v4_len_max, tcp_v6_len_max, udp_len_max: 0 };
        Self { checksums, segments, ..self }
    }

    /// Whether it cuts super-segments of this kind, over both versions of IP; for that it must finish
    /// their checksums.
    pub const fn cuts(&self, kind: SegmentationKind) -> bool {
        let Segments { tcp_v4_len_max, tcp_v6_len_max, udp_len_max } = self.segments;
        let Checksums { tcp, udp, any } = self.checksums;
        match kind {
            SegmentationKind::Tcp => (tcp || any) && tcp_v4_len_max > 0 && tcp_v6_len_max > 0,
            SegmentationKind::Udp => (udp || any) && udp_len_max > 0,
        }
    }

    /// How long a super-segment of this kind may be; zero if the device cuts none.
    pub const fn segment_len_max(&self, kind: SegmentationKind, is_v6: bool) -> usize {
        match (kind, is_v6) {
            (SegmentationKind::Tcp, false) => self.segments.tcp_v4_len_max,
            (SegmentationKind::Tcp, true) => self.segments.tcp_v6_len_max,
            (SegmentationKind::Udp, _) => self.segments.udp_len_max,
        }
    }
}

impl RxChecksum {
    /// Whether the checksum need not be computed.
    #[inline]
    pub const fn is_verified(self) -> bool {
        !matches!(self, Self::Unverified)
    }
}

impl<'a> RxFrame<'a> {
    /// A frame of which nothing is known.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, checksum: RxChecksum::Unverified, segmentation: None }
    }
}

impl<'a> From<&'a [u8]> for RxFrame<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::new(bytes)
    }
}
