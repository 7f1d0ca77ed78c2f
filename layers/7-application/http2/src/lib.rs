//! Layer 7, application: HTTP/2, both roles. (RFC 9113, RFC 9218, parts of RFC 8441)
//!
//! ```text
//!   handler ── send(Event) ──▶ ┌────────────┐ ── poll_transmit ─▶ bytes
//!            ◀── poll_event ── │ Connection │
//!                              └────────────┘ ◀── handle_bytes ── bytes
//!
//!              out ── heads, control ──────────────────────────▶ ┐
//!   stream 1 ─ pending ─┐                                        ├─▶ frames
//!   stream 3 ─ pending ─┼─ scheduler ─ windows ── DATA ────────▶ ┘
//!   stream 5 ─ pending ─┘
//! ```
//!
//! Start reading at [`Connection`]: `machine.rs` is what it can be told and asked.
//!
//! | module              | what                                                              |
//! |---------------------|-------------------------------------------------------------------|
//! | `wire/`             | frames ⇄ bytes                                                    |
//! | `recv/`             | what comes in: frames, blocks of fields, bodies, promises         |
//! | `send/`             | what goes out: messages, and when it is whose turn                |
//! | `head/`             | lists of fields ⇄ requests, responses, trailers                   |
//! | `stream`, `streams` | one stream and its states; all of them, found by number           |
//! | `flow`              | windows in both directions, and how large ours should be          |
//! | `scheduler`         | who sends next                                                    |
//! | [`Priority`]        | what the client says about that                                   |
//! | `settings`          | what both sides say about themselves                              |
//! | `abuse`             | what nobody needs so much of                                      |
//! | `end`               | how streams and the connection end, well or badly                 |
//! | `memory`            | heads that came or went before                                    |
//!
//! A request is the same [`message::Request`] as HTTP/1.1's: `:authority` is Host, and `:path` the
//! target, in origin-form. A scheme other than `http` and `https` makes it an absolute-form. Extended
//! CONNECT (RFC 8441) is a request with the method CONNECT, a target in origin-form, which no other
//! CONNECT has, and the field Upgrade, which says what `:protocol` said.
//!
//! `docs/http2.md` has what is offered and what is not, what an attacker can try, and how much
//! memory a connection can take.
//!
//! Not here: HPACK (`hpack`), what a method does, which resources there are, TLS, sockets.

mod abuse;
mod config;
mod end;
mod events;
mod fault;
mod flow;
mod head;
mod machine;
mod memory;
mod priority;
mod recv;
mod scheduler;
mod send;
mod settings;
mod stream;
mod streams;
mod structured;
mod timers;
mod wire;
mod xray;

pub use config::Config;
pub use fault::{Blame, Fault, Scope};
pub use machine::Connection;
pub use message::Closing;
pub use priority::Priority;
pub use stream::State;
pub use timers::Timer;
pub use wire::{ErrorCode, Flags, Kind, SettingId};
pub use xray::{Seen, Wait, Why};

/// What a client sends first (RFC 9113 §3.4): whoever begins like this speaks HTTP/2, whatever was
/// said before. No request of HTTP/1.1 begins with its first four bytes.
pub const PREFACE: &[u8] = wire::PREFACE;

#[cfg(test)]
mod tests;
