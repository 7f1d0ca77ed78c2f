use std::io::Write;

use base::Cx;
use brotli::CompressorWriter;
use brotli::enc::BrotliEncoderParams;
use flate2::write::GzEncoder;
use zstd::stream::raw::CParameter;

use crate::name::Coding;
use crate::xray::Seen;

/// The largest window of brotli that every decoder has room for: 2²² bytes (RFC 7932 §9.1 allows
/// four times that).
const BROTLI_WINDOW_LOG_MAX: u32 = 22;

/// The window of brotli when the length is not known: 512 KiB. A larger one costs memory, twice
/// over, in every stream that is being coded, and wins little in pages.
const BROTLI_WINDOW_LOG: u32 = 19;

/// The window of zstd: 2 MiB, a quarter of what every decoder has room for (RFC 9659 §3). Shorter
/// content has a smaller one.
const ZSTD_WINDOW_LOG: u32 = 21;

/// How much brotli gives out at a time, in bytes.
const BROTLI_STEP_LEN: usize = 16 * 1024;

/// How hard to try.
///
/// The levels behind it were chosen by measuring pages, style sheets and scripts of about 100 KiB
/// (share of the length that is left; speed of one core in MB/s):
///
/// | coding | once           | kept           | not worth it           |
/// |--------|----------------|----------------|------------------------|
/// | gzip   | 5: 15.7 %, 150 | 6: 15.6 %, 120 | 9: 15.5 %, 73          |
/// | br     | 4: 15.3 %, 90  | 6: 14.2 %, 44  | 9: 14.0 %, 2.4         |
/// | zstd   | 3: 16.8 %, 417 | 9: 14.9 %, 88  | 12: 14.7 %, 24         |
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effort {
    /// For a single answer, while the client waits.
    Once,
    /// For an answer that is kept and given many times.
    Kept,
}

/// Puts content into a coding, part by part.
#[derive(Debug)]
pub struct Encoder {
    coding: Coding,
    machine: Machine,
    from: u64,
    to: u64,
}

/// Each library writes into a `Vec` of its own, which for the length of a call is the caller's.
enum Machine {
    Identity,
    Gzip(Box<GzEncoder<Vec<u8>>>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Zstd(Box<zstd::Encoder<'static, Vec<u8>>>),
}

const TAKES_ALL: &str = "a Vec takes everything, and the libraries refuse nothing";

impl Encoder {
    /// An encoder for content of `len` bytes, if that is known: with it less memory does, and
    /// exactly that much must be written.
    pub fn new(coding: Coding, effort: Effort, len: Option<u64>) -> Self {
        let machine = match coding {
            Coding::Identity => Machine::Identity,
            Coding::Gzip => Machine::Gzip(Box::new(gzip(effort))),
            Coding::Brotli => Machine::Brotli(Box::new(brotli(effort, len))),
            Coding::Zstd => Machine::Zstd(Box::new(zstd(effort, len))),
        };
        Self { coding, machine, from: 0, to: 0 }
    }

    /// Takes the next part of the content and appends what is ready to `out`, perhaps nothing.
    pub fn write(&mut self, content: &[u8], out: &mut Vec<u8>) {
        self.from += content.len() as u64;
        self.to += self.machine.lend(out, |library| library.write_all(content));
    }

    /// Appends to `out` all that is needed to decode what was written so far. It costs a few bytes
    /// each time: for content that somebody waits for while the next part is not there yet.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        self.to += self.machine.lend(out, |library| library.flush());
    }

    /// Appends the end to `out`.
    pub fn finish(self, cx: &mut Cx<'_>, out: &mut Vec<u8>) {
        let (coding, from) = (self.coding, self.from);
        let to = self.to + self.machine.finish(out);
        cx.note(|| Seen::Encoded { coding, from, to });
    }
}

/// `content` in `coding`, at once.
pub fn encode_all(coding: Coding, effort: Effort, content: &[u8]) -> Vec<u8> {
    // Text shrinks to a third or less; what does not fit grows.
    let mut out = Vec::with_capacity(content.len() / 3 + 64);
    let mut encoder = Encoder::new(coding, effort, Some(content.len() as u64));
    encoder.write(content, &mut out);
    encoder.machine.finish(&mut out);
    out
}

impl Machine {
    /// Lends `out` to the library for the length of `call`; says how many bytes it got.
    fn lend(
        &mut self,
        out: &mut Vec<u8>,
        call: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> u64 {
        let before = out.len();
        if let Self::Identity = self {
            call(out).expect(TAKES_ALL);
            return (out.len() - before) as u64;
        }
        self.swap(out);
        let writer: &mut dyn Write = match self {
            Self::Identity => out,
            Self::Gzip(gzip) => gzip,
            Self::Brotli(brotli) => brotli,
            Self::Zstd(zstd) => zstd,
        };
        call(writer).expect(TAKES_ALL);
        self.swap(out);
        (out.len() - before) as u64
    }

    fn swap(&mut self, out: &mut Vec<u8>) {
        let inner = match self {
            Self::Identity => return,
            Self::Gzip(gzip) => gzip.get_mut(),
            Self::Brotli(brotli) => brotli.get_mut(),
            Self::Zstd(zstd) => zstd.get_mut(),
        };
        std::mem::swap(inner, out);
    }

    fn finish(mut self, out: &mut Vec<u8>) -> u64 {
        let before = out.len();
        self.swap(out);
        match self {
            Self::Identity => return 0,
            Self::Gzip(gzip) => *out = gzip.finish().expect(TAKES_ALL),
            Self::Brotli(brotli) => *out = brotli.into_inner(),
            Self::Zstd(zstd) => *out = zstd.finish().expect(TAKES_ALL),
        }
        (out.len() - before) as u64
    }
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Identity => "Identity",
            Self::Gzip(_) => "Gzip",
            Self::Brotli(_) => "Brotli",
            Self::Zstd(_) => "Zstd",
        })
    }
}

fn gzip(effort: Effort) -> GzEncoder<Vec<u8>> {
    let level = match effort {
        Effort::Once => 5,
        Effort::Kept => 6,
    };
    GzEncoder::new(Vec::new(), flate2::Compression::new(level))
}

fn brotli(effort: Effort, len: Option<u64>) -> CompressorWriter<Vec<u8>> {
    let quality = match effort {
        Effort::Once => 4,
        Effort::Kept => 6,
    };
    let lgwin = match len {
        None => BROTLI_WINDOW_LOG,
        // The window need not be larger than the content; 2¹⁰ is the smallest that is.
        Some(len) => (len.saturating_add(16).ilog2() + 1).clamp(10, BROTLI_WINDOW_LOG_MAX),
    };
    let params = BrotliEncoderParams {
        quality,
        lgwin: lgwin as i32,
        size_hint: len.and_then(|len| usize::try_from(len).ok()).unwrap_or(0),
        ..BrotliEncoderParams::default()
    };
    CompressorWriter::with_params(Vec::new(), BROTLI_STEP_LEN, &params)
}

fn zstd(effort: Effort, len: Option<u64>) -> zstd::Encoder<'static, Vec<u8>> {
    let level = match effort {
        Effort::Once => 3,
        Effort::Kept => 9,
    };
    let mut encoder = zstd::Encoder::new(Vec::new(), level).expect("a level there is");
    encoder.set_pledged_src_size(len).expect("nothing is written yet");
    // Said here so that another level cannot choose another.
    let window = CParameter::WindowLog(ZSTD_WINDOW_LOG);
    encoder.set_parameter(window).expect("a window there is");
    encoder
}
