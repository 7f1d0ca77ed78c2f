//! Layer 5, session: who is there, and nobody else can read it. (RFC 8446, RFC 5246, RFC 7301)
//!
//! ```text
//!                    ┌─────────┐
//!   plain bytes ◀────┤         │◀──── handle_bytes ────  records
//!   write(plain) ───▶│ Session ├────▶ out, poll_transmit ▶ records
//!   poll_event ◀─────┤         │◀──── handle_eof ──────  FIN
//!                    └────┬────┘
//!         ServerConfig ───┤ which certificate, ALPN, tickets, suites
//!         ClientConfig ───┘ whom to trust, ALPN
//! ```
//!
//! The protocol itself is rustls with aws-lc-rs and RustCrypto's hashes, spoken to through its own
//! interface without I/O; this crate puts it behind the contract every machine here has, chooses what
//! rustls leaves to its user, and says what happens. Start reading at [`Session`].
//!
//! | module         | what                                                                  |
//! |----------------|-----------------------------------------------------------------------|
//! | [`wire`]       | records, the first bytes of a connection, ClientHello, names of alerts |
//! | `session`      | the machine                                                           |
//! | `config`       | what both roles may choose                                            |
//! | `key_schedule` | the hashes from which a session's keys come                           |
//! | `certificates` | which certificate for which name; replaceable while it is in use      |
//!
//! Decisions:
//!
//! * TLS 1.3 and 1.2, nothing older (RFC 8996). 0-RTT is off: what arrives in it can be replayed.
//! * The server chooses the suite. AES-128-GCM comes first, for it has the fewest rounds and nobody
//!   breaks it; a client whose first choice is ChaCha20 has no AES in hardware and gets ChaCha20.
//!   rustls can prefer its own order or the client's, but not this, so there are two
//!   configurations, and the ClientHello decides which one a connection gets.
//! * ALPN is obeyed (RFC 7301 §3.2): a client that offers only protocols we do not speak gets the
//!   alert `no_application_protocol`, and so a message for another protocol cannot be taken for
//!   HTTP. `http/1.0` counts as spoken wherever `http/1.1` is.
//! * The date comes in through `Cx`. Randomness is rustls' own, as it must be, and so is the moment
//!   at which the keys of tickets change.
//!
//! Not here: certificate files (the programs), the pool of sessions to resume as a client (rustls
//! keeps it in [`ClientConfig`]), a certificate of ours as a client, QUIC.

pub mod wire;
pub mod xray;

mod certificates;
mod client_auth;
mod clock;
mod config;
mod fault;
mod key_schedule;
mod session;
mod verifier;

pub use certificates::{Certificates, CertifiedKey, Table};
pub use client_auth::ClientAuth;
pub use config::{Alpn, ClientConfig, ClientOptions, ServerConfig, ServerOptions, Version};
pub use fault::{Blame, Fault, Why};
pub use rustls::{KeyLog, pki_types};
pub use session::{Event, Facts, REST_LEN_MAX, Session};
pub use wire::{Alert, looks_like_clear_text, looks_like_tls};
pub use xray::Seen;

#[cfg(test)]
mod tests;
