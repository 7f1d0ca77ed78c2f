use std::time::Duration;

use message::Rate;

/// What an operator may choose. `docs/http2.md` says how much memory it amounts to.
#[derive(Clone, Debug)]
pub struct Config {
    /// How many streams the peer may have open at a time (SETTINGS_MAX_CONCURRENT_STREAMS). A
    /// hundred is what RFC 9113 §6.5.2 recommends as the least; browsers use about as many.
    pub streams_max: u32,
    /// How many requests a connection may make; then it is ended, and none is lost. The numbers of
    /// streams last for 2³⁰.
    pub requests_max: u32,
    /// How many bytes a stream may bring before anybody reads it, and the smallest window of one
    /// that is read (SETTINGS_INITIAL_WINDOW_SIZE); at most 2³¹ − 1.
    pub window: u32,
    /// Up to how many bytes the window of a stream that is read may grow, when the path takes so much.
    pub window_max: u32,
    /// By how many bytes the windows of all streams of a connection may grow together.
    pub window_growth_max: u32,
    /// How many bytes the connection may bring before an update, to begin with; it grows with the
    /// windows of streams. It limits nothing that is held: what arrives counts for its stream only.
    pub window_connection: u32,
    /// The longest list of fields, as RFC 9113 §10.5.1 counts it (SETTINGS_MAX_HEADER_LIST_SIZE); a
    /// longer one is 431. Trailers too.
    pub head_len_max: u32,
    /// How many field lines a head, or a trailer section, may have; more are 431.
    pub fields_max: usize,
    /// The longest block of fields, compressed; a longer one ends the connection, because it cannot
    /// be read and not be skipped.
    pub block_len_max: usize,
    /// Of how many frames a block may consist; more end the connection (CVE-2024-27316).
    pub block_frames_max: u32,
    /// The size of the table with which the peer may compress (SETTINGS_HEADER_TABLE_SIZE).
    pub table_len_max: u32,
    /// The size of the table with which we compress, where the peer allows as much.
    pub own_table_len_max: u32,
    /// How much of a body that nobody reads is taken and forgotten when its request has been
    /// answered. One that announces more is refused at once, one of unknown length when more comes.
    pub body_unread_max: u64,
    /// How many bytes of one body may wait here to be sent.
    pub body_window: usize,
    /// How many bytes of bodies may wait here to be sent, of all streams together.
    pub bodies_window: u64,
    /// How many bytes one call of `poll_transmit` makes.
    pub transmit_len_max: u64,
    /// Whether responses may be pushed: a server does where the client allows it, a client allows it.
    pub push: bool,
    /// Whether a server takes extended CONNECT (RFC 8441).
    pub extended_connect: bool,
    /// How long a connection without a stream may be silent.
    pub timeout_idle: Duration,
    /// How long the preface may take, and a head from its first frame.
    pub timeout_head: Duration,
    /// How long the peer may take to acknowledge our settings.
    pub timeout_settings: Duration,
    /// How long a stream, or the connection, may wait for the peer to give it a window.
    pub timeout_window: Duration,
    /// How long the peer may take to hear that we are going away, before no more streams are taken.
    pub timeout_go_away: Duration,
    /// How long a lingering close waits for the peer.
    pub timeout_linger: Duration,
    /// The least that a body must bring. Once in each interval all bodies, and all who wait for
    /// windows, are looked at.
    pub body_rate_min: Rate,
    /// How many streams may be reset at once, by the peer or because of what it does
    /// (CVE-2023-44487, CVE-2025-8671). A reset costs what a request costs until its handler has
    /// been asked, some ten microseconds: a thousand are 10 ms of work. Whoever closes a page with
    /// hundreds of pictures stays far below.
    pub resets_max: u32,
    /// How many resets are forgiven each second; each response that was sent whole forgives one more.
    pub resets_per_second: u32,
    /// How many frames that do no work may come at once: SETTINGS, PING, PRIORITY, PRIORITY_UPDATE,
    /// WINDOW_UPDATE, RST_STREAM of what is over, empty DATA, unknown types. One costs less than
    /// 200 ns to read and to answer: ten thousand are 2 ms.
    pub control_frames_max: u32,
    /// How many of them are forgiven each second. Each head and each frame of a body, in either
    /// direction, forgives four: two updates of windows, and some more.
    pub control_frames_per_second: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            streams_max: 100,
            requests_max: 1 << 30,
            window: 65_535,
            window_max: 4 * 1024 * 1024,
            window_growth_max: 4 * 1024 * 1024,
            window_connection: 1024 * 1024,
            head_len_max: 64 * 1024,
            fields_max: 100,
            // A list just too long is still answered; Huffman's code makes most blocks shorter than
            // their lists.
            block_len_max: 128 * 1024,
            // 128 KiB in frames of 2 KiB; real clients fill their frames of 16 KiB.
            block_frames_max: 64,
            table_len_max: 4096,
            own_table_len_max: 4096,
            body_unread_max: 1024 * 1024,
            body_window: 64 * 1024,
            bodies_window: 1024 * 1024,
            transmit_len_max: 256 * 1024,
            push: false,
            extended_connect: false,
            timeout_idle: Duration::from_secs(60),
            timeout_head: Duration::from_secs(10),
            timeout_settings: Duration::from_secs(10),
            timeout_window: Duration::from_secs(60),
            timeout_go_away: Duration::from_secs(2),
            timeout_linger: Duration::from_secs(5),
            body_rate_min: Rate { len: 1024, interval: Duration::from_secs(10) },
            resets_max: 1000,
            resets_per_second: 33,
            control_frames_max: 10_000,
            control_frames_per_second: 100,
        }
    }
}
