use std::collections::VecDeque;
use std::fs::File;
use std::io::IoSlice;
use std::sync::Arc;

use bytes::Bytes;

use crate::Cx;

/// Shared bytes up to this length are copied behind what was written before: one contiguous write
/// is cheaper than a vector of two, and the copy of a KiB costs about thirty instructions.
const COPIED_LEN_MAX: usize = 4 * 1024;

/// Outgoing bytes of a stream: a chain of chunks, in order.
///
/// Layers append; the shell writes from the front, with one vectored call, and says how much went
/// with [`advance`](Self::advance). The last chunk is a buffer that grows
/// ([`tail`](Self::tail)), so that many small messages leave as one. A queue that is empty is one
/// pointer to nothing: its memory is with the [`World`](crate::World), for the next connection.
#[derive(Debug, Default)]
pub struct TxQueue(Option<Box<Chain>>);

#[derive(Debug)]
pub(crate) struct Chain {
    /// What stands before the tail.
    chunks: VecDeque<Chunk>,
    /// The bytes in `chunks`, those already gone included.
    chunks_len: u64,
    /// Bytes that may still grow.
    tail: Vec<u8>,
    /// How much of the first chunk (or of the tail, when it is the first) is already gone.
    gone: usize,
}

/// One link of the chain.
#[derive(Clone, Debug)]
pub enum Chunk {
    /// Bytes of our own.
    Owned(Vec<u8>),
    /// Bytes that somebody else holds too.
    Shared(Bytes),
    /// A range of a file; the shell sends or reads it.
    File(FileRange),
}

/// A range of an open file. To a layer it is a token: only the shell touches the file.
#[derive(Clone, Debug)]
pub struct FileRange {
    /// The file.
    pub file: Arc<File>,
    /// Where the range begins, in bytes from the file's start.
    pub offset: u64,
    /// How many bytes it has.
    pub len: u64,
}

impl Chunk {
    /// How many bytes this is.
    pub fn len(&self) -> u64 {
        match self {
            Self::Owned(bytes) => bytes.len() as u64,
            Self::Shared(bytes) => bytes.len() as u64,
            Self::File(range) => range.len,
        }
    }

    /// Whether this is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, when they are in memory.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Owned(bytes) => Some(bytes),
            Self::Shared(bytes) => Some(bytes),
            Self::File(_) => None,
        }
    }
}

impl From<Bytes> for Chunk {
    fn from(bytes: Bytes) -> Self {
        Self::Shared(bytes)
    }
}

impl From<Vec<u8>> for Chunk {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Owned(bytes)
    }
}

impl From<FileRange> for Chunk {
    fn from(range: FileRange) -> Self {
        Self::File(range)
    }
}

impl TxQueue {
    /// Nothing to send, and no memory.
    pub const fn new() -> Self {
        Self(None)
    }

    /// How many bytes are still to be sent.
    pub fn len(&self) -> u64 {
        self.0.as_ref().map_or(0, |chain| chain.len())
    }

    /// How many bytes of memory it holds that nobody else does; what is shared, and what lies in
    /// files, is not in it.
    pub fn held_len(&self) -> usize {
        let of_chunk = |chunk: &Chunk| match chunk {
            Chunk::Owned(bytes) => bytes.capacity(),
            Chunk::Shared(_) | Chunk::File(_) => 0,
        };
        self.0.as_ref().map_or(0, |chain| {
            chain.tail.capacity() + chain.chunks.iter().map(of_chunk).sum::<usize>()
        })
    }

    /// Gives back the memory in which nothing lies.
    pub fn shrink(&mut self) {
        let Some(chain) = &mut self.0 else { return };
        chain.tail.shrink_to_fit();
        for chunk in &mut chain.chunks {
            if let Chunk::Owned(bytes) = chunk {
                bytes.shrink_to_fit();
            }
        }
    }

    /// Whether there is nothing to send.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|chain| chain.is_empty())
    }

    /// The buffer at the end, to write into; with memory lent by `cx` when it had none.
    #[inline]
    pub fn tail(&mut self, cx: &mut Cx<'_>) -> &mut Vec<u8> {
        let chain = self.chain(cx);
        if chain.tail.capacity() == 0 {
            chain.tail = cx.buffer();
        }
        &mut chain.tail
    }

    /// Appends a chunk; a small one that is in memory is copied behind the tail.
    pub fn push(&mut self, cx: &mut Cx<'_>, chunk: Chunk) {
        match chunk.as_bytes() {
            Some(bytes) if bytes.len() <= COPIED_LEN_MAX => {
                self.tail(cx).extend_from_slice(bytes);
                if let Chunk::Owned(buffer) = chunk {
                    cx.recycle(buffer);
                }
            }
            _ => self.chain(cx).push_sealed(chunk),
        }
    }

    /// Appends all of `other`, which is empty afterwards and holds no memory.
    #[inline]
    pub fn append(&mut self, cx: &mut Cx<'_>, other: &mut Self) {
        if self.is_empty() {
            std::mem::swap(self, other);
            other.clear(cx);
        } else if let Some(chain) = other.0.take() {
            self.append_chain(cx, chain);
        }
    }

    #[cold]
    fn append_chain(&mut self, cx: &mut Cx<'_>, mut other: Box<Chain>) {
        debug_assert!(other.gone == 0, "what is appended has not been sent in part");
        let chain = self.chain(cx);
        if !other.chunks.is_empty() {
            chain.seal_tail();
            chain.chunks_len += std::mem::take(&mut other.chunks_len);
            chain.chunks.append(&mut other.chunks);
        }
        if chain.tail.is_empty() {
            std::mem::swap(&mut chain.tail, &mut other.tail);
        } else {
            chain.tail.extend_from_slice(&other.tail);
        }
        cx.recycle_chain(other);
    }

    /// The bytes in front that lie in memory one behind the other, if no file and no second chunk
    /// follows: what a plain write can take in one call.
    #[inline]
    pub fn as_one_slice(&self) -> Option<&[u8]> {
        match &self.0 {
            Some(chain) if chain.chunks.is_empty() => chain.tail.get(chain.gone..),
            Some(_) => None,
            None => Some(&[]),
        }
    }

    /// Fills `slices` with what is in front, up to the first file; says how many it filled.
    pub fn fill_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let Some(chain) = &self.0 else { return 0 };
        let mut gone = chain.gone;
        let mut filled = 0;
        let in_memory = chain.chunks.iter().map_while(Chunk::as_bytes);
        let whole = chain.chunks.iter().all(|chunk| chunk.as_bytes().is_some());
        let tail = whole.then_some(chain.tail.as_slice());
        for (slice, bytes) in slices.iter_mut().zip(in_memory.chain(tail)) {
            *slice = IoSlice::new(bytes.get(gone..).unwrap_or_default());
            gone = 0;
            filled += 1;
        }
        filled
    }

    /// Whether a range of a file is among what is to be sent.
    #[inline]
    pub fn has_file(&self) -> bool {
        let is_file = |chunk: &Chunk| matches!(chunk, Chunk::File(_));
        self.0.as_ref().is_some_and(|chain| chain.chunks.iter().any(is_file))
    }

    /// The range of a file that stands in front, if one does.
    pub fn front_file(&self) -> Option<FileRange> {
        let chain = self.0.as_ref()?;
        match chain.chunks.front() {
            Some(Chunk::File(range)) => Some(FileRange {
                file: Arc::clone(&range.file),
                offset: range.offset + chain.gone as u64,
                len: range.len - chain.gone as u64,
            }),
            _ => None,
        }
    }

    /// What stands in front, as shared bytes, for who keeps them longer than a call; nothing where
    /// that is a file, or so little that it is better copied. What is ours alone is shared from then
    /// on: nothing is copied.
    pub fn share_front(&mut self) -> Option<Bytes> {
        let chain = self.0.as_mut()?;
        if chain.chunks.is_empty() && chain.tail.len() - chain.gone > COPIED_LEN_MAX {
            chain.seal_tail();
        }
        let gone = chain.gone;
        let first = chain.chunks.front_mut()?;
        if let Chunk::Owned(bytes) = first
            && bytes.len() - gone > COPIED_LEN_MAX
        {
            *first = Chunk::Shared(std::mem::take(bytes).into());
        }
        match first {
            Chunk::Shared(bytes) => Some(bytes.slice(gone..)),
            Chunk::Owned(_) | Chunk::File(_) => None,
        }
    }

    /// Takes the first chunk out, when nothing of it has been sent.
    pub fn pop(&mut self) -> Option<Chunk> {
        let chain = self.0.as_mut()?;
        debug_assert!(chain.gone == 0, "chunks are taken whole or sent in part, not both");
        if let Some(chunk) = chain.chunks.pop_front() {
            chain.chunks_len -= chunk.len();
            return Some(chunk);
        }
        if chain.tail.is_empty() {
            return None;
        }
        Some(Chunk::Owned(std::mem::take(&mut chain.tail)))
    }

    /// Says that the first `n` bytes are gone; memory goes back to `cx`.
    #[inline]
    pub fn advance(&mut self, cx: &mut Cx<'_>, n: u64) {
        debug_assert!(n <= self.len(), "more bytes sent than there were");
        let Some(chain) = &mut self.0 else { return };
        chain.advance(cx, n);
        if chain.is_empty() {
            self.clear(cx);
        }
    }

    /// Forgets everything; memory goes back to `cx`.
    #[inline]
    pub fn clear(&mut self, cx: &mut Cx<'_>) {
        if let Some(chain) = self.0.take() {
            cx.recycle_chain(chain);
        }
    }

    #[inline]
    fn chain(&mut self, cx: &mut Cx<'_>) -> &mut Chain {
        self.0.get_or_insert_with(|| cx.chain())
    }
}

impl Chain {
    pub(crate) const fn with_tail(tail: Vec<u8>) -> Self {
        Self { chunks: VecDeque::new(), chunks_len: 0, tail, gone: 0 }
    }

    fn len(&self) -> u64 {
        self.chunks_len + self.tail.len() as u64 - self.gone as u64
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.tail.len() == self.gone
    }

    /// Empties it for the next user; whether its tail is worth keeping, at up to `len_max` bytes.
    #[inline]
    pub(crate) fn clear(&mut self, len_max: usize) -> bool {
        self.chunks.clear();
        self.chunks_len = 0;
        self.gone = 0;
        self.tail.clear();
        (1..=len_max).contains(&self.tail.capacity())
    }

    #[inline]
    fn advance(&mut self, cx: &mut Cx<'_>, n: u64) {
        let mut gone = self.gone as u64 + n;
        while let Some(first) = self.chunks.front() {
            let len = first.len();
            if gone < len {
                break;
            }
            gone -= len;
            self.chunks_len -= len;
            if let Some(Chunk::Owned(buffer)) = self.chunks.pop_front() {
                cx.recycle(buffer);
            }
        }
        self.gone = gone as usize;
    }

    fn seal_tail(&mut self) {
        if !self.tail.is_empty() {
            let tail = std::mem::take(&mut self.tail);
            self.chunks_len += tail.len() as u64;
            self.chunks.push_back(Chunk::Owned(tail));
        }
    }

    fn push_sealed(&mut self, chunk: Chunk) {
        if !chunk.is_empty() {
            self.seal_tail();
            self.chunks_len += chunk.len();
            self.chunks.push_back(chunk);
        }
    }
}
