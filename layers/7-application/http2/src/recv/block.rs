//! Blocks of fields: in one frame, or in many. (RFC 9113 §4.3, §6.2, §6.10)

use base::Cx;

use crate::head::{Collector, Expected, Head};
use crate::machine::Connection;
use crate::wire::{Flags, FrameHeader, Headers};
use crate::{Fault, Timer, Why};

/// What a block belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// The stream that its frames are on.
    pub(super) stream: u32,
    /// The stream that it promises, if it does.
    pub(super) promises: Option<u32>,
    pub(super) ends_stream: bool,
    /// Its stream depends on itself, by the old priorities.
    pub(super) depends_on_itself: bool,
}

/// A block that is not complete.
#[derive(Debug)]
pub(super) struct Assembly {
    block: Block,
    bytes: Vec<u8>,
    frames: u32,
}

impl Assembly {
    pub(super) const fn stream(&self) -> u32 {
        self.block.stream
    }
}

impl Connection {
    #[inline]
    pub(super) fn take_headers(
        &mut self,
        cx: &mut Cx<'_>,
        header: &FrameHeader,
        payload: &[u8],
    ) -> Result<(), Fault> {
        let stream = header.stream;
        // RFC 9113 §6.2: a head belongs to a stream.
        if stream == 0 {
            return Err(Fault::connection(Why::WrongStream));
        }
        let headers = Headers::read(header.flags, payload)?;
        let block = Block {
            stream,
            promises: None,
            ends_stream: header.flags.has(Flags::END_STREAM),
            depends_on_itself: headers.depends_on == Some(stream),
        };
        self.take_fragment(cx, header, block, headers.fragment)
    }

    /// A block begins; mostly it ends in the same frame.
    #[inline]
    pub(super) fn take_fragment(
        &mut self,
        cx: &mut Cx<'_>,
        header: &FrameHeader,
        block: Block,
        fragment: &[u8],
    ) -> Result<(), Fault> {
        if header.flags.has(Flags::END_HEADERS) {
            return self.take_block(cx, block, fragment);
        }
        let assembly = Assembly { block, bytes: fragment.to_vec(), frames: 1 };
        self.recv.assembly = Some(Box::new(assembly));
        self.limit_block(cx);
        Ok(())
    }

    pub(super) fn take_continuation(
        &mut self,
        cx: &mut Cx<'_>,
        header: &FrameHeader,
        payload: &[u8],
    ) -> Result<(), Fault> {
        // RFC 9113 §6.10: it continues something, or is wrong. That its stream is the right one has
        // been looked at.
        let Some(assembly) = &mut self.recv.assembly else {
            return Err(Fault::connection(Why::ContinuationUnexpected));
        };
        assembly.frames += 1;
        if assembly.frames > self.config.block_frames_max {
            return Err(Fault::connection(Why::TooManyContinuations));
        }
        if assembly.bytes.len() + payload.len() > self.config.block_len_max {
            return Err(Fault::connection(Why::BlockTooLong));
        }
        assembly.bytes.extend_from_slice(payload);
        if !header.flags.has(Flags::END_HEADERS) {
            return Ok(());
        }
        self.timers.clear(Timer::Head);
        match self.recv.assembly.take() {
            Some(assembly) => self.take_block(cx, assembly.block, &assembly.bytes),
            None => Ok(()),
        }
    }

    /// A block is complete.
    #[inline]
    fn take_block(&mut self, cx: &mut Cx<'_>, block: Block, bytes: &[u8]) -> Result<(), Fault> {
        match block.promises {
            None => self.take_head(cx, block, bytes),
            Some(promised) => self.take_promised(cx, block.stream, promised, bytes),
        }
    }

    /// Reads a block: an error of the connection when it cannot be, else a head, or what is wrong
    /// with it.
    pub(super) fn read_block(
        &mut self,
        cx: &mut Cx<'_>,
        expected: Expected,
        bytes: &[u8],
    ) -> Result<Result<Head, Why>, Fault> {
        let mut collector = Collector::new(expected, &self.config);
        let read = self.recv.decoder.decode(cx, bytes, |field| collector.push(&field));
        // RFC 9113 §4.3: nobody knows what the table holds any more. The x-ray of HPACK says why.
        read.map_err(|_| Fault::connection(Why::Compression))?;
        Ok(collector.finish())
    }
}
