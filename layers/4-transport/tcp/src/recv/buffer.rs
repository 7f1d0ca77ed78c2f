use std::sync::Arc;

use base::Cx;

use crate::Budget;
use crate::spare::{self, Lent};

/// How large a block is. A request fits into one; a super-segment of 64 KiB takes sixteen.
const BLOCK_LEN: usize = 4096;

/// How many empty blocks a worker keeps: 1,024 × 4 KiB are 4 MiB, one large window.
const BLOCKS_KEPT: usize = 1024;

type Block = Box<[u8; BLOCK_LEN]>;

/// What came in and was not read, in order, with gaps behind it where something is missing.
///
/// Memory is taken a block at a time, where bytes come to lie, from a pool that all connections of
/// a worker share. A buffer without bytes has no block.
#[derive(Debug)]
pub(crate) struct Buffer {
    blocks: Lent<Option<Block>>,
    /// Where the first unread byte stands in the first block.
    head: u32,
    /// How many bytes can be read.
    len: u32,
    budget: Arc<Budget>,
    /// How many blocks are held.
    held: u32,
}

/// Blocks that nobody uses.
#[derive(Debug, Default)]
struct Pool(Vec<Block>);

impl Pool {
    fn take(&mut self) -> Block {
        self.0.pop().unwrap_or_else(|| {
            let bytes = vec![0; BLOCK_LEN].into_boxed_slice();
            bytes.try_into().unwrap_or_else(|_| Box::new([0; BLOCK_LEN]))
        })
    }

    fn put(&mut self, block: Block) {
        if self.0.len() < BLOCKS_KEPT {
            self.0.push(block);
        }
    }
}

impl Buffer {
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self { blocks: Lent::default(), head: 0, len: 0, budget, held: 0 }
    }

    /// How many bytes can be read.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len as usize
    }

    /// How many bytes of memory are held.
    pub(crate) const fn held(&self) -> usize {
        self.held as usize * BLOCK_LEN
    }

    /// Whether bytes at `offset` behind what can be read may be kept, as far as memory goes. What
    /// comes next in order always may, while nothing is held: who reads goes on, and who does not
    /// holds no more than that.
    pub(crate) fn has_memory_for(&self, offset: usize, n: usize) -> bool {
        let end = self.head as usize + self.len() + offset + n;
        let more = end.div_ceil(BLOCK_LEN).saturating_sub(self.blocks.len());
        if offset == 0 && (self.held == 0 || more == 0) {
            return true;
        }
        // Behind a gap places may be vacant.
        let blocks = more.max(n.div_ceil(BLOCK_LEN)) as u64;
        !self.budget.is_exhausted_by(blocks * BLOCK_LEN as u64)
    }

    /// Puts bytes at `offset` behind what can be read.
    pub(crate) fn write_at(&mut self, cx: &mut Cx<'_>, offset: usize, mut bytes: &[u8]) {
        let mut at = self.head as usize + self.len() + offset;
        while !bytes.is_empty() {
            let (index, from) = (at / BLOCK_LEN, at % BLOCK_LEN);
            let n = bytes.len().min(BLOCK_LEN - from);
            let (now, later) = bytes.split_at_checked(n).unwrap_or((bytes, &[]));
            if let Some(to) = self.block(cx, index).get_mut(from..from + n) {
                to.copy_from_slice(now);
            }
            bytes = later;
            at += n;
        }
    }

    fn block(&mut self, cx: &mut Cx<'_>, index: usize) -> &mut Block {
        if index >= self.blocks.len() {
            spare::lend(cx, &mut self.blocks);
            self.blocks.resize_with(index + 1, || None);
        }
        let (held, budget) = (&mut self.held, &self.budget);
        let place = self.blocks.get_mut(index).expect("the places were made just now");
        place.get_or_insert_with(|| {
            *held += 1;
            budget.take(BLOCK_LEN as u64);
            cx.memory::<Pool>().take()
        })
    }

    /// The next `n` bytes have all come: they can be read.
    #[inline]
    pub(crate) fn complete(&mut self, n: usize) {
        self.len += n as u32;
    }

    /// The first bytes that can be read and lie in memory one behind the other; empty when there
    /// are none.
    pub(crate) fn peek(&self) -> &[u8] {
        let Some(Some(first)) = self.blocks.front() else { return &[] };
        first
            .get(self.head as usize..BLOCK_LEN.min(self.head as usize + self.len()))
            .unwrap_or_default()
    }

    /// Everything that can be read, in slices.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let (mut from, mut left) = (self.head as usize, self.len());
        self.blocks.iter().flatten().map_while(move |block| {
            let n = left.min(BLOCK_LEN - from);
            let slice = block.get(from..from + n).filter(|slice| !slice.is_empty())?;
            from = 0;
            left -= n;
            Some(slice)
        })
    }

    /// Forgets the first `n` bytes.
    pub(crate) fn release(&mut self, cx: &mut Cx<'_>, n: usize) {
        let n = n.min(self.len()) as u32;
        self.len -= n;
        self.head += n;
        while self.head >= BLOCK_LEN as u32 {
            self.head -= BLOCK_LEN as u32;
            self.drop_front(cx);
        }
    }

    /// Nothing is missing behind what can be read: when all was read, nothing needs to be held.
    pub(crate) fn tidy(&mut self, cx: &mut Cx<'_>) {
        if self.len > 0 {
            return;
        }
        while !self.blocks.is_empty() {
            self.drop_front(cx);
        }
        self.head = 0;
        spare::take_back(cx, &mut self.blocks);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self, cx: &mut Cx<'_>) {
        self.len = 0;
        self.tidy(cx);
    }

    fn drop_front(&mut self, cx: &mut Cx<'_>) {
        if let Some(Some(block)) = self.blocks.pop_front() {
            cx.memory::<Pool>().put(block);
            self.held -= 1;
            self.budget.give_back(BLOCK_LEN as u64);
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.budget.give_back(self.held() as u64);
    }
}
