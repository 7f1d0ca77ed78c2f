use std::time::Duration;

use message::Rate;

/// What an operator may choose.
#[derive(Clone, Debug)]
pub struct Config {
    /// The longest request line, in bytes without its CRLF; a longer one is 414.
    pub request_line_len_max: usize,
    /// The longest head, in bytes with its empty line; a longer one is 431. Trailers too.
    pub head_len_max: usize,
    /// How many field lines a head, or a trailer section, may have; more are 431.
    pub fields_max: usize,
    /// The longest line that announces a chunk, in bytes with its extensions.
    pub chunk_line_len_max: usize,
    /// How many bytes of extensions the chunks of one body may have altogether.
    pub chunk_extensions_len_max: usize,
    /// How many bytes of a body nobody reads are taken from the wire before the connection is
    /// given up instead.
    pub body_unread_max: u64,
    /// How many bytes of a body may be with the user before more is read.
    pub body_window: usize,
    /// How many requests a connection may make.
    pub requests_max: u32,
    /// How long a persistent connection may be silent.
    pub timeout_idle: Duration,
    /// How long a head may take, from its first byte; from the beginning for the first head.
    pub timeout_head: Duration,
    /// The least that a body must bring, looked at once in each interval.
    pub body_rate_min: Rate,
    /// How long a lingering close waits for the peer.
    pub timeout_linger: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            request_line_len_max: 8 * 1024,
            head_len_max: 64 * 1024,
            fields_max: 100,
            chunk_line_len_max: 4 * 1024,
            chunk_extensions_len_max: 64 * 1024,
            body_unread_max: 256 * 1024,
            body_window: 64 * 1024,
            requests_max: 10_000,
            timeout_idle: Duration::from_secs(15),
            timeout_head: Duration::from_secs(10),
            body_rate_min: Rate { len: 1024, interval: Duration::from_secs(10) },
            timeout_linger: Duration::from_secs(5),
        }
    }
}
