//! Layer 6, presentation: the same content in fewer bytes. (RFC 9110 §8.4.1, RFC 1952, RFC 7932,
//! RFC 8878, RFC 9659)
//!
//! ```text
//!   content ── Encoder: write, flush, finish ──▶ coded ── Decoder: decode, finish ──▶ content
//! ```
//!
//! The codings themselves are borrowed: zlib-rs behind flate2, brotli, zstd. This crate gives them
//! one contract, chooses their levels, and bounds what a stranger's bytes may grow to. Start
//! reading at [`Coding`], then [`Encoder`] and [`Decoder`].
//!
//! Not here: which coding a client likes best (`semantics`), and where coded content is kept (the
//! programs). The coding `deflate` is not spoken: it was sent in two forms and never agreed upon.

mod decoder;
mod encoder;
mod media;
mod name;
mod xray;

pub use decoder::{Decoder, Fault, STEP_LEN_MAX, Why};
pub use encoder::{Effort, Encoder, encode_all};
pub use media::is_compressible;
pub use name::Coding;
pub use xray::Seen;

#[cfg(test)]
mod tests;
