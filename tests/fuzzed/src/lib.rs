//! What the fuzzer calls: functions that take any bytes, and assert what must hold for them.
//!
//! `fuzz/fuzz_targets/` has a program for each, of one line; `tests/replay.rs` calls the same
//! functions with everything in `fuzz/corpus/`, so that what the fuzzer has found once is looked at
//! by every `cargo test`. `docs/fuzzing.md` says how to run it.
//!
//! | function          | what it reads                                  |
//! |-------------------|------------------------------------------------|
//! | [`heads`]         | heads of requests and of responses             |
//! | [`chunked`]       | bodies in chunks                               |
//! | [`targets`]       | request targets, URIs                          |
//! | [`ranges`]        | Range, Content-Range, multipart/byteranges     |
//! | [`conditionals`]  | conditional fields                             |
//! | [`proxy_headers`] | what a proxy sends in front of a connection    |
//! | [`hpack`]         | header blocks of HTTP/2                        |
//! | [`conversation`]  | a client and a server, and a network that cuts |
//! | [`http2_frames`]  | frames of HTTP/2, to a server or a client      |
//! | [`http2_conversation`] | both, over HTTP/2, and a network that cuts and changes |
//! | [`packets`]       | what layers 2 to 4 read: frames, packets, segments |
//! | [`frames`]        | a whole host on a network                      |
//! | [`captures`]      | pcapng files                                   |
//! | [`dhcp`]          | what servers of DHCP say, and a client that lives with it |
//! | [`tcp`]           | segments, and a peer who sends what it likes   |
//!
//! Most inputs begin with a few bytes that choose: a role, a length, where the rest is cut.

mod captures;
mod chunked;
mod conditionals;
mod conversation;
mod dhcp;
mod frames;
mod heads;
mod hpack;
mod http2;
mod packets;
mod proxy_headers;
mod ranges;
mod side;
mod targets;
mod tcp;

pub use captures::captures;
pub use chunked::chunked;
pub use conditionals::conditionals;
pub use conversation::conversation;
pub use dhcp::dhcp;
pub use frames::frames;
pub use heads::heads;
pub use hpack::hpack;
pub use http2::{http2_conversation, http2_frames};
pub use packets::packets;
pub use proxy_headers::proxy_headers;
pub use ranges::ranges;
pub use targets::targets;
pub use tcp::tcp;

/// A function that the fuzzer calls.
pub type Target = fn(&[u8]);

/// Every one, by the name that its program and its corpus have.
pub const TARGETS: [(&str, Target); 15] = [
    ("captures", captures),
    ("chunked", chunked),
    ("conditionals", conditionals),
    ("conversation", conversation),
    ("dhcp", dhcp),
    ("frames", frames),
    ("heads", heads),
    ("hpack", hpack),
    ("http2_conversation", http2_conversation),
    ("http2_frames", http2_frames),
    ("packets", packets),
    ("proxy_headers", proxy_headers),
    ("ranges", ranges),
    ("targets", targets),
    ("tcp", tcp),
];
