//! Bytes ⇄ values: heads (RFC 9112 §§3–5) and chunks (§7.1).

mod chunked;
mod head;
mod scan;
mod start_line;

pub(crate) use chunked::{ChunkDecoder, Decoded, LAST_CHUNK, chunk_head};
pub(crate) use head::{HeadParser, Parsed};
pub(crate) use start_line::{Expected, StartLine, emit_request_line, emit_status_line};
