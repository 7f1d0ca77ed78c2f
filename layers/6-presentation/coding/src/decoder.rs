use std::error::Error;
use std::fmt;

use base::Cx;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Operation};

use crate::name::Coding;
use crate::xray::Seen;

/// The most bytes that one call of [`Decoder::decode`] appends: four records of TLS.
pub const STEP_LEN_MAX: usize = 64 * 1024;

/// RFC 9659 §3: content that needs a window of more than 8 MiB is not sent, and not decoded.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Windows of 32 KiB, the largest there are (RFC 1951 §2).
const GZIP_WINDOW_LOG: u8 = 15;

/// Takes content out of a coding, part by part.
///
/// What a few bytes may grow to is bounded twice: one call appends [`STEP_LEN_MAX`] bytes at most,
/// and all calls together as many as the caller allows. A kilobyte of gzip can stand for a
/// megabyte, one of brotli or zstd for gigabytes.
#[derive(Debug)]
pub struct Decoder {
    coding: Coding,
    machine: Machine,
    len_max: u64,
    from: u64,
    to: u64,
    place: Place,
}

/// Where in the coded content we are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// Before it, or between two members or frames.
    Outside,
    Inside,
    Failed(Why),
}

enum Machine {
    Identity,
    Gzip(Box<Decompress>),
    Brotli(Box<BrotliState<Alloc, Alloc, Alloc>>),
    Zstd(Box<zstd::stream::raw::Decoder<'static>>),
}

type Alloc = brotli::enc::StandardAlloc;

/// Content that cannot be taken out of its coding. The peer is to blame, and the message is lost;
/// the connection is not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fault {
    /// The coding it was said to be in.
    pub coding: Coding,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong with coded content.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// It is not in this coding, or damaged: RFC 1952 §2.3.1 and RFC 8878 §3.1.1 have checksums.
    Corrupt,
    /// It ends too early.
    Truncated,
    /// Something follows its end.
    AfterEnd,
    /// It becomes longer than was allowed.
    TooLong,
}

/// What a step came to.
struct Step {
    read: usize,
    written: usize,
    is_end: bool,
}

impl Decoder {
    /// A decoder for content of at most `len_max` bytes, decoded.
    pub fn new(coding: Coding, len_max: u64) -> Self {
        let machine = Machine::new(coding);
        Self { coding, machine, len_max, from: 0, to: 0, place: Place::Outside }
    }

    /// Decodes `coded` and moves it forward, appending to `out` at most [`STEP_LEN_MAX`] bytes.
    /// Says whether there is more to come, so that it must be called again, with what is left of
    /// `coded`.
    ///
    /// # Errors
    ///
    /// The content cannot be decoded, or grows too long; the same from then on.
    pub fn decode(
        &mut self,
        cx: &mut Cx<'_>,
        coded: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> Result<bool, Fault> {
        if let Place::Failed(why) = self.place {
            return Err(Fault { coding: self.coding, why });
        }
        let start = out.len();
        let end = start + STEP_LEN_MAX;
        out.resize(end, 0);
        let mut filled = start;
        let result = loop {
            let room = out.get_mut(filled..).unwrap_or_default();
            match self.step(coded, room) {
                Ok(0) if coded.is_empty() => break Ok(false),
                Ok(written) => filled += written,
                Err(why) => break Err(why),
            }
            if filled == end {
                break Ok(true);
            }
        };
        out.truncate(filled);
        result.map_err(|why| self.fail(cx, why))
    }

    /// One step of the library; says how much it wrote. Nothing written and nothing left to read
    /// means that more is needed.
    fn step(&mut self, coded: &mut &[u8], room: &mut [u8]) -> Result<usize, Why> {
        if self.place == Place::Outside {
            if coded.is_empty() {
                return Ok(0);
            }
            self.machine.begin_again(self.coding, self.from)?;
            self.place = Place::Inside;
        }
        let step = self.machine.step(coded, room)?;
        let stands_still = step.read == 0 && step.written == 0 && !step.is_end;
        if stands_still && !coded.is_empty() {
            return Err(Why::Corrupt);
        }
        *coded = coded.get(step.read..).unwrap_or_default();
        self.from += step.read as u64;
        self.to += step.written as u64;
        if self.to > self.len_max {
            return Err(Why::TooLong);
        }
        if step.is_end {
            self.place = Place::Outside;
        }
        Ok(step.written)
    }

    /// There is no more.
    ///
    /// # Errors
    ///
    /// There should be. Nothing at all passes: servers send that for content that is empty.
    pub fn finish(mut self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match self.place {
            Place::Failed(why) => Err(Fault { coding: self.coding, why }),
            Place::Inside if self.coding != Coding::Identity => Err(self.fail(cx, Why::Truncated)),
            Place::Inside | Place::Outside => {
                let (coding, from, to) = (self.coding, self.from, self.to);
                cx.note(|| Seen::Decoded { coding, from, to });
                Ok(())
            }
        }
    }

    fn fail(&mut self, cx: &mut Cx<'_>, why: Why) -> Fault {
        let (coding, from, to) = (self.coding, self.from, self.to);
        cx.note(|| Seen::Refused { coding, why, from, to });
        self.place = Place::Failed(why);
        Fault { coding, why }
    }
}

impl Machine {
    fn new(coding: Coding) -> Self {
        match coding {
            Coding::Identity => Self::Identity,
            Coding::Gzip => Self::Gzip(Box::new(Decompress::new_gzip(GZIP_WINDOW_LOG))),
            Coding::Brotli => {
                let alloc = Alloc::default;
                Self::Brotli(Box::new(BrotliState::new(alloc(), alloc(), alloc())))
            }
            Coding::Zstd => {
                let mut decoder =
                    zstd::stream::raw::Decoder::new().expect("there is memory for a decoder");
                decoder
                    .set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX))
                    .expect("a window there is");
                Self::Zstd(Box::new(decoder))
            }
        }
    }

    /// What follows an end: another member (RFC 1952 §2.2) or frame (RFC 8878 §3.1), but nothing in
    /// brotli.
    fn begin_again(&mut self, coding: Coding, from: u64) -> Result<(), Why> {
        match self {
            _ if from == 0 => {}
            Self::Gzip(_) => *self = Self::new(coding),
            Self::Brotli(_) => return Err(Why::AfterEnd),
            // The library begins the next frame by itself.
            Self::Identity | Self::Zstd(_) => {}
        }
        Ok(())
    }

    fn step(&mut self, coded: &[u8], room: &mut [u8]) -> Result<Step, Why> {
        match self {
            Self::Identity => {
                let len = coded.len().min(room.len());
                if let (Some(room), Some(coded)) = (room.get_mut(..len), coded.get(..len)) {
                    room.copy_from_slice(coded);
                }
                Ok(Step { read: len, written: len, is_end: false })
            }
            Self::Gzip(gzip) => step_gzip(gzip, coded, room),
            Self::Brotli(brotli) => step_brotli(brotli, coded, room),
            Self::Zstd(zstd) => {
                let status = zstd.run_on_buffers(coded, room).map_err(|_| Why::Corrupt)?;
                let (read, written) = (status.bytes_read, status.bytes_written);
                Ok(Step { read, written, is_end: status.remaining == 0 })
            }
        }
    }
}

fn step_gzip(gzip: &mut Decompress, coded: &[u8], room: &mut [u8]) -> Result<Step, Why> {
    let (read, written) = (gzip.total_in(), gzip.total_out());
    let status = gzip.decompress(coded, room, FlushDecompress::None).map_err(|_| Why::Corrupt)?;
    Ok(Step {
        read: (gzip.total_in() - read) as usize,
        written: (gzip.total_out() - written) as usize,
        is_end: status == Status::StreamEnd,
    })
}

fn step_brotli(
    brotli: &mut BrotliState<Alloc, Alloc, Alloc>,
    coded: &[u8],
    room: &mut [u8],
) -> Result<Step, Why> {
    let (mut left, mut read) = (coded.len(), 0);
    let (mut room_left, mut written, mut total) = (room.len(), 0, 0);
    let result = BrotliDecompressStream(
        &mut left,
        &mut read,
        coded,
        &mut room_left,
        &mut written,
        room,
        &mut total,
        brotli,
    );
    match result {
        BrotliResult::ResultFailure => Err(Why::Corrupt),
        result => Ok(Step { read, written, is_end: matches!(result, BrotliResult::ResultSuccess) }),
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "Identity",
            Self::Gzip(_) => "Gzip",
            Self::Brotli(_) => "Brotli",
            Self::Zstd(_) => "Zstd",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coding = self.coding.as_str();
        match self.why {
            Why::Corrupt => write!(f, "the content is damaged, or not in the coding {coding}"),
            Why::Truncated => write!(f, "the content in the coding {coding} ends too early"),
            Why::AfterEnd => write!(f, "something follows the content in the coding {coding}"),
            Why::TooLong => write!(f, "the content in the coding {coding} grows too long"),
        }
    }
}

impl Error for Fault {}
