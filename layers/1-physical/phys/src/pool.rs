use base::TxBuf;

/// How many frames are kept: a batch each way, with room. 256 frames of 2 KiB are 512 KiB.
const KEPT_MAX: usize = 256;

/// Memory of frames, to be used again.
#[derive(Debug, Default)]
pub struct Pool {
    free: Vec<TxBuf>,
}

impl Pool {
    /// No memory yet.
    pub const fn new() -> Self {
        Self { free: Vec::new() }
    }

    /// An empty frame, warm if there is one.
    pub fn take(&mut self) -> TxBuf {
        self.free.pop().unwrap_or_default()
    }

    /// Takes a frame back; what it holds is forgotten.
    pub fn put(&mut self, mut frame: TxBuf) {
        if self.free.len() < KEPT_MAX {
            frame.clear();
            self.free.push(frame);
        }
    }
}
