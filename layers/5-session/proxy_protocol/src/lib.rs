//! Layer 5, session: for whom a proxy has opened this connection. (HAProxy's PROXY protocol,
//! versions 1 and 2, `proxy-protocol.txt` of 2020/03/05)
//!
//! ```text
//!             ┌───────┐   Incomplete              read more, and ask again
//!   bytes ───▶│ parse ├──▶ Header { header, len }  what the client sent begins at `len`
//!             └───────┘   Malformed               close
//!
//!                    ┌──────────────────┐
//!   Connection ─────▶│ emit_v1, emit_v2 ├──▶ bytes, in front of everything else
//!                    └──────────────────┘
//! ```
//!
//! A proxy hides its clients from the server: every connection comes from the proxy. So it begins
//! each one with a header that says who is behind it. Start reading at [`parse`], then [`Header`].
//!
//! | module   | what                                                            |
//! |----------|-----------------------------------------------------------------|
//! | `header` | what a header tells, in either version                          |
//! | `v1`     | version 1: a line of text (§2.1)                                |
//! | `v2`     | version 2: a fixed part, a block of addresses (§2.2)            |
//! | `extras` | what stands behind the addresses in version 2: TLVs (§2.2.1 on) |
//! | `crc32c` | the checksum that one of them holds                             |
//! | `reader` | takes bytes from the front, and tells missing from wrong        |
//!
//! Decisions:
//!
//! * Bytes that cannot become a header are refused at the first wrong one, so that a client which
//!   speaks something else is answered at once. Only the block of version 2 is waited for and then
//!   read as a whole, as §2.2 has it: its length is known and bounded.
//! * Behind `LOCAL` and `UNSPEC` nothing is read, not even a checksum, and nothing is written: no
//!   rule says how long the addresses there are, so nobody can tell where anything else begins.
//! * Of the pairs of family and transport, the seven that §2.2 lists are taken, and no others.
//! * A TLV that is read may come once; who sends it twice could mean either.
//!
//! Not here: whether a header is expected at all, and from whom. That is configuration, never
//! guessed from the bytes: a server that takes a header from anybody lets anybody choose an address
//! (§5). And not here: waiting for it, and how long; sending it only on connections that carry a
//! single client's requests (§2).

mod crc32c;
mod extras;
mod header;
mod reader;
mod v1;
mod v2;

pub use base::Malformed;
pub use extras::{Extras, Tls, UNIQUE_ID_LEN_MAX};
pub use header::{Addresses, Connection, Header, Transport, UNIX_PATH_LEN_MAX, Version};
pub use v1::{LINE_LEN_MAX, emit_v1};
pub use v2::{BLOCK_LEN_MAX, HEADER_LEN_MAX, TooLong, emit_v2};

use reader::Stop;

#[cfg(test)]
mod tests;

/// What the first bytes of a connection are, when a header must be in front.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Parsed<'a> {
    /// The beginning of a header: more bytes are needed. There are never more than
    /// [`HEADER_LEN_MAX`] of them.
    Incomplete,
    /// A header.
    Header {
        /// What it tells.
        header: Header<'a>,
        /// How many bytes it is long. What the client sent begins behind them.
        len: usize,
    },
}

/// Reads the header in front of `bytes`, in either version; what stands behind it is not looked at.
///
/// Asking again with more bytes costs little: a line has at most [`LINE_LEN_MAX`] of them, and of
/// version 2 only the first 16 are looked at before all are there.
///
/// # Errors
///
/// The bytes are no header and cannot become one. The specification has such a connection closed
/// (§2).
pub fn parse(bytes: &[u8]) -> Result<Parsed<'_>, Malformed> {
    let read = match bytes {
        [] => Err(Stop::Incomplete),
        [b'P', ..] => v1::read(bytes),
        _ => v2::read(bytes),
    };
    match read {
        Ok((header, len)) => Ok(Parsed::Header { header, len }),
        Err(Stop::Incomplete) => Ok(Parsed::Incomplete),
        Err(Stop::Malformed(malformed)) => Err(malformed),
    }
}
