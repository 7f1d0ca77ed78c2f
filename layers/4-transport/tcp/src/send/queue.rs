use base::Cx;
use bytes::Bytes;

use crate::spare::{self, Lent};

/// Up to this length, shared bytes are copied behind what was written before: a link of the chain
/// costs more than the copy.
const COPIED_LEN_MAX: usize = 512;

/// The bytes that the peer has not acknowledged, from `snd.una` on, sent or not.
///
/// Shared bytes stay where they are until they are acknowledged. Positions count from the first
/// byte of all, and never wrap: a place in the queue is found by halving.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    links: Lent<Link>,
    /// How many bytes have been acknowledged.
    gone: u64,
    /// How many bytes have been written.
    written: u64,
}

#[derive(Debug)]
struct Link {
    /// The position behind its last byte.
    end: u64,
    bytes: Stored,
}

#[derive(Debug)]
enum Stored {
    Shared(Bytes),
    /// Copies; memory that the world lent. It never grows beyond what was lent.
    Copied(Vec<u8>),
    /// No bytes: what stands before and what comes behind do not share a segment.
    RecordEnd,
}

impl Stored {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Shared(bytes) => bytes,
            Self::Copied(bytes) => bytes,
            Self::RecordEnd => &[],
        }
    }
}

impl Queue {
    /// How many bytes are not acknowledged.
    #[inline]
    pub(crate) const fn len(&self) -> u32 {
        (self.written - self.gone) as u32
    }

    /// Appends bytes that somebody else may hold too.
    pub(crate) fn push(&mut self, cx: &mut Cx<'_>, bytes: Bytes) {
        if bytes.len() <= COPIED_LEN_MAX {
            return self.push_copy(cx, &bytes);
        }
        self.written += bytes.len() as u64;
        spare::lend(cx, &mut self.links);
        self.links.push_back(Link { end: self.written, bytes: Stored::Shared(bytes) });
    }

    /// Appends a copy.
    pub(crate) fn push_copy(&mut self, cx: &mut Cx<'_>, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if let Some(Link { end, bytes: Stored::Copied(last) }) = self.links.back_mut() {
                let n = bytes.len().min(last.capacity() - last.len());
                let (now, later) = bytes.split_at_checked(n).unwrap_or((bytes, &[]));
                last.extend_from_slice(now);
                self.written += n as u64;
                *end = self.written;
                bytes = later;
            }
            if !bytes.is_empty() {
                let bytes = Stored::Copied(cx.buffer());
                spare::lend(cx, &mut self.links);
                self.links.push_back(Link { end: self.written, bytes });
            }
        }
    }

    /// What is written from here on begins a segment of its own.
    pub(crate) fn end_record(&mut self, cx: &mut Cx<'_>) {
        let has_ended =
            matches!(self.links.back(), None | Some(Link { bytes: Stored::RecordEnd, .. }));
        if !has_ended {
            spare::lend(cx, &mut self.links);
            self.links.push_back(Link { end: self.written, bytes: Stored::RecordEnd });
        }
    }

    /// How many bytes there are from the `offset`th up to where a record ends, if one does within
    /// `len`.
    pub(crate) fn record_len(&self, offset: u32, len: u32) -> Option<u32> {
        let at = self.gone + u64::from(offset);
        let links = self.links.range(self.links.partition_point(|link| link.end <= at)..);
        let mut near = links.take_while(|link| {
            link.end - link.bytes.as_slice().len() as u64 <= at + u64::from(len)
        });
        let end = near.find(|link| matches!(link.bytes, Stored::RecordEnd))?.end - at;
        u32::try_from(end).ok().filter(|end| *end <= len)
    }

    /// Forgets the first `n` bytes.
    #[inline]
    pub(crate) fn acknowledge(&mut self, cx: &mut Cx<'_>, n: u32) {
        debug_assert!(n <= self.len(), "more was acknowledged than written");
        self.gone += u64::from(n);
        while let Some(first) = self.links.front() {
            if first.end > self.gone {
                return;
            }
            if let Some(Link { bytes: Stored::Copied(buffer), .. }) = self.links.pop_front() {
                cx.recycle(buffer);
            }
        }
        spare::take_back(cx, &mut self.links);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self, cx: &mut Cx<'_>) {
        self.acknowledge(cx, self.len());
    }

    /// The bytes from the `offset`th that is not acknowledged.
    pub(crate) fn slice(&self, offset: u32, len: u32) -> Payload<'_> {
        Payload { queue: Some(self), at: self.gone + u64::from(offset), len }
    }
}

/// Bytes that go out: a few slices in order, without a copy.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    queue: Option<&'a Queue>,
    at: u64,
    len: u32,
}

impl<'a> Payload<'a> {
    /// No bytes.
    pub const NONE: Self = Self { queue: None, at: 0, len: 0 };

    /// How many bytes these are.
    #[inline]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is none.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The slices, in order.
    pub fn slices(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let Self { queue, at, len } = *self;
        let end = at + u64::from(len);
        let links = queue.map(|queue| &queue.links).into_iter();
        let links = links
            .flat_map(move |links| links.range(links.partition_point(|link| link.end <= at)..));
        let links = links.filter(|link| !matches!(link.bytes, Stored::RecordEnd));
        links.map_while(move |link| {
            let bytes = link.bytes.as_slice();
            let start = link.end - bytes.len() as u64;
            let from = at.saturating_sub(start) as usize;
            let to = end.checked_sub(start).filter(|&to| to > 0)?.min(bytes.len() as u64) as usize;
            bytes.get(from..to).filter(|slice| !slice.is_empty())
        })
    }

    /// A copy, for who needs the bytes in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len());
        self.slices().for_each(|slice| all.extend_from_slice(slice));
        all
    }
}
