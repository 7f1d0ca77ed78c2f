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
}

impl Buffers {
    /// No memory yet.
    pub const fn new() -> Self {
        Self { free: Vec::new() }
    }

    /// An empty buffer, warm if there is one.
    pub fn take(&mut self) -> Vec<u8> {
        self.free.pop().unwrap_or_else(|| Vec::with_capacity(NEW_LEN))
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
