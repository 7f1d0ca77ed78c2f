use crate::checksum;

/// A frame under construction.
///
/// The payload is appended first; then each layer, on the way down, puts its header in front.
/// Nothing moves, and nothing is allocated once the buffer is warm.
///
/// A layer whose checksum covers the payload does not compute it: it writes the sum of its pseudo
/// header in the checksum's place and says so ([`leave_checksum`](Self::leave_checksum)). At the
/// bottom the device finishes it, or [`finish_checksum`](Self::finish_checksum) does, in one place
/// for all protocols. In the same way a stream may hand down more than one packet's worth
/// ([`leave_segmentation`](Self::leave_segmentation)).
#[derive(Debug)]
pub struct TxBuf {
    bytes: Vec<u8>,
    /// The frame is `bytes[head..]`; what lies before is room for the headers still to come.
    head: usize,
    /// Where the pending checksum's range begins, and where in `bytes` it is to be written.
    checksum: Option<(usize, usize)>,
    segmentation: Option<Segmentation>,
}

/// What is left to whoever is below. Places are counted from the frame's first byte.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Offload {
    /// A checksum that is to be finished.
    pub checksum: Option<PendingChecksum>,
    /// A super-segment that is to be cut.
    pub segmentation: Option<Segmentation>,
}

/// The checksum over everything from `start` to the frame's end is still to be written at
/// `start + offset`, where the sum of the pseudo header stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PendingChecksum {
    /// Where what is covered begins, in bytes from the frame's first.
    pub start: usize,
    /// Where the checksum stands, in bytes from `start`.
    pub offset: usize,
}

/// The frame holds more than one packet's payload, and is to be cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Segmentation {
    /// By whose rules.
    pub kind: SegmentationKind,
    /// The payload of each piece but the last, in bytes.
    pub payload_len: u16,
}

/// By whose rules a frame is cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SegmentationKind {
    /// TCP: sequence numbers go on, FIN and PSH stand in the last piece, CWR in the first.
    Tcp,
    /// UDP: each piece is a datagram of its own.
    Udp,
}

impl TxBuf {
    /// Room for every header we know: TCP (60), IPv6 (40) with a fragment header (8), a VLAN tag and
    /// Ethernet (18), rounded up; IPv4 with all its options (60) is no longer.
    pub const HEADROOM: usize = 128;

    /// An empty frame.
    pub fn new() -> Self {
        Self::with_capacity(2048 - Self::HEADROOM)
    }

    /// An empty frame with room for `payload_len` bytes beside the headers.
    pub fn with_capacity(payload_len: usize) -> Self {
        let mut bytes = Vec::with_capacity(Self::HEADROOM + payload_len);
        bytes.resize(Self::HEADROOM, 0);
        Self { bytes, head: Self::HEADROOM, checksum: None, segmentation: None }
    }

    /// Empties the frame and keeps its memory.
    #[inline]
    pub fn clear(&mut self) {
        self.bytes.resize(Self::HEADROOM, 0);
        self.head = Self::HEADROOM;
        self.checksum = None;
        self.segmentation = None;
    }

    /// Adds `payload` at the end.
    #[inline]
    pub fn append(&mut self, payload: &[u8]) {
        self.bytes.extend_from_slice(payload);
    }

    /// Makes the frame longer by `len` zero bytes, and lends them to be written.
    #[inline]
    pub fn append_zeroed(&mut self, len: usize) -> &mut [u8] {
        let end = self.bytes.len();
        self.bytes.resize(end + len, 0);
        self.bytes.get_mut(end..).unwrap_or_default()
    }

    /// Puts `header` in front.
    ///
    /// # Panics
    /// If there is no room; [`HEADROOM`](Self::HEADROOM) holds every header we know.
    #[inline]
    pub fn prepend<const N: usize>(&mut self, header: [u8; N]) {
        assert!(N <= self.head, "HEADROOM holds every header we know");
        self.head -= N;
        self.replace(header);
    }

    /// Puts a header whose length varies in front.
    ///
    /// # Panics
    /// If there is no room; [`HEADROOM`](Self::HEADROOM) holds every header we know.
    #[inline]
    pub fn prepend_slice(&mut self, header: &[u8]) {
        assert!(header.len() <= self.head, "HEADROOM holds every header we know");
        self.head -= header.len();
        if let Some(front) = self.bytes.get_mut(self.head..self.head + header.len()) {
            front.copy_from_slice(header);
        }
    }

    /// Writes `header` over the first bytes.
    #[inline]
    pub fn replace<const N: usize>(&mut self, header: [u8; N]) {
        if let Some(front) = self.bytes.get_mut(self.head..).and_then(|b| b.first_chunk_mut()) {
            *front = header;
        }
    }

    /// Shortens the frame to `len` bytes, if it is longer.
    pub fn truncate(&mut self, len: usize) {
        self.bytes.truncate(self.head + len);
    }

    /// The frame as it is now.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(self.head..).unwrap_or_default()
    }

    /// The frame as it is now, to be changed.
    #[inline]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.head..).unwrap_or_default()
    }

    /// How long the frame is now, in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes.len() - self.head
    }

    /// How much memory it holds, in bytes: more than the frame is long.
    pub fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whether there is nothing in it.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == self.head
    }

    /// Leaves the checksum to whoever is below: it covers everything from the present front to the
    /// end and belongs `offset` bytes behind the front, where the caller has written the sum of the
    /// pseudo header ([`checksum::Sum::folded`]).
    #[inline]
    pub fn leave_checksum(&mut self, offset: usize) {
        debug_assert!(self.checksum.is_none(), "one checksum a frame is left open");
        self.checksum = Some((self.head, self.head + offset));
    }

    /// The same, for a checksum that covers everything from `start` bytes behind the present front.
    #[inline]
    pub fn leave_checksum_at(&mut self, start: usize, offset: usize) {
        debug_assert!(self.checksum.is_none(), "one checksum a frame is left open");
        self.checksum = Some((self.head + start, self.head + start + offset));
    }

    /// Leaves it to whoever is below to cut the frame into packets.
    #[inline]
    pub fn leave_segmentation(&mut self, segmentation: Segmentation) {
        self.segmentation = Some(segmentation);
    }

    /// What is left to whoever is below.
    #[inline]
    pub fn offload(&self) -> Offload {
        let checksum = self.checksum.map(|(start, at)| PendingChecksum {
            start: start.saturating_sub(self.head),
            offset: at - start,
        });
        Offload { checksum, segmentation: self.segmentation }
    }

    /// Computes the checksum that was left open, if one was.
    #[inline]
    pub fn finish_checksum(&mut self) {
        let Some((start, at)) = self.checksum.take() else { return };
        let sum = checksum::of(self.bytes.get(start..).unwrap_or_default());
        // RFC 768: zero says that there is no checksum, and all ones is the same number. Every other
        // protocol reads both alike.
        let sum = if sum == 0 { 0xffff } else { sum };
        if let Some(place) = self.bytes.get_mut(at..).and_then(|b| b.first_chunk_mut()) {
            *place = sum.to_be_bytes();
        }
    }
}

impl Default for TxBuf {
    fn default() -> Self {
        Self::new()
    }
}
