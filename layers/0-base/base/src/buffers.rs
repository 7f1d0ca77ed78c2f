use crate::txqueue::Chain;

/// How much memory a new buffer has: a response head and a small body, with room for a few more
/// answers to a pipelined batch.
const NEW_LEN: usize = 8 * 1024;

/// How much memory a buffer may have and still be kept: four full TLS records and their overhead.
const KEPT_LEN_MAX: usize = 96 * 1024;

/// How many buffers are kept: one batch of connections in flight. 32 × 96 KiB is 3 MiB a worker.
const KEPT_MAX: usize = 32;

/// Memory for outgoing bytes, kept by a worker so that its connections need none of their own.
#[derive(Debug, Default)]
pub struct Buffers {
    free: Vec<Vec<u8>>,
    /// Chains without chunks, each with a warm tail: what a connection that answers needs first.
    #[allow(clippy::vec_box, reason = "a queue is handed on as the pointer that it is")]
    chains: Vec<Box<Chain>>,
}

impl Buffers {
    /// No memory yet.
    pub const fn new() -> Self {
        Self { free: Vec::new(), chains: Vec::new() }
    }

    /// An empty buffer, warm if there is one.
    pub fn take(&mut self) -> Vec<u8> {
        self.free.pop().unwrap_or_else(|| Vec::with_capacity(NEW_LEN))
    }

    /// A chain without chunks, with an empty tail that has memory.
    pub(crate) fn take_chain(&mut self) -> Box<Chain> {
        self.chains.pop().unwrap_or_else(|| Box::new(Chain::with_tail(self.take())))
    }

    /// Takes a chain back; what it holds is forgotten.
    pub(crate) fn put_chain(&mut self, mut chain: Box<Chain>) {
        if self.chains.len() < KEPT_MAX && chain.clear(KEPT_LEN_MAX) {
            self.chains.push(chain);
        }
    }

    /// Takes a buffer back. A very large one, one too many, or one that is so small that whoever
    /// gets it next would have to let it grow, is freed.
    pub fn put(&mut self, mut buffer: Vec<u8>) {
        let worth_keeping = (NEW_LEN..=KEPT_LEN_MAX).contains(&buffer.capacity());
        if worth_keeping && self.free.len() < KEPT_MAX {
            buffer.clear();
            self.free.push(buffer);
        }
    }
}
