//! Layer 6, presentation: HPACK, how HTTP/2 writes fields. (RFC 7541)
//!
//! ```text
//!                ┌─────────┐                        ┌─────────┐
//!   fields ─────▶│ Encoder ├──▶ a header block ────▶│ Decoder ├─────▶ fields
//!                └────┬────┘                        └────┬────┘
//!                a dynamic table      are equal     a dynamic table
//! ```
//!
//! A connection has one of each for each direction. Both sides of a direction keep the fields that
//! went over it lately in a table, the same on both ends; a field that is in it is written as its
//! place, mostly in one byte. Start reading at [`Decoder`] and [`Encoder`].
//!
//! | module         | what                                                                |
//! |----------------|---------------------------------------------------------------------|
//! | `wire`         | integers and strings (§5)                                           |
//! | `huffman`      | the code of Appendix B, both ways                                   |
//! | `static_table` | the 61 fields that everybody knows (Appendix A)                     |
//! | `table`        | the dynamic table: what it holds and when it lets go (§2.3.2, §4)   |
//! | `decoder`      | a block becomes fields (§3, §6)                                     |
//! | `encoder`      | fields become a block                                               |
//! | `lookup`       | where in its table the encoder finds a field                        |
//! | `policy`       | which fields are worth a place in it, and which must not have one   |
//!
//! Every error is the connection's: after it nobody knows what the table holds (RFC 9113 §4.3).
//!
//! Not here: frames, and blocks in pieces: a block is shown when it is complete. What fields mean,
//! whether names are in lower case, how long a list may be: the decoder hands out one field after
//! the other, keeps none, and whoever collects them stops when it has enough.

mod decoder;
mod encoder;
mod huffman;
mod lookup;
mod policy;
mod static_table;
mod table;
mod wire;
mod xray;

pub use decoder::{Decoder, Field};
pub use encoder::Encoder;
pub use policy::Indexing;
pub use static_table::{STATIC_LEN, static_field};
pub use xray::{Seen, Side, Why};

#[cfg(test)]
mod tests;

/// How large a dynamic table is until somebody says otherwise (RFC 9113 §6.5.2,
/// SETTINGS_HEADER_TABLE_SIZE).
pub const TABLE_LEN_DEFAULT: u32 = 4096;

/// The largest dynamic table that can be asked for here, on either side (RFC 7541 §7.3). The text of a
/// table takes up to twice its size, so this is 32 MiB for each connection; sensible tables are a
/// thousandth of it.
pub const TABLE_LEN_MAX: u32 = 1 << 24;
