//! Layer 3, network: what hosts tell each other about packets. (RFC 792, RFC 4443, RFC 1122 §3.2.2)
//!
//! ```text
//!   a packet that cannot be delivered ─▶ Errors::may_answer ─▶ Message::Error, quoting it
//!   Message::Error ─▶ Error::severity ─▶ the connection that is quoted
//!   Message::EchoRequest ─▶ Echo ─▶ Message::EchoReply
//! ```
//!
//! Start reading at [`Message`]: one vocabulary for both versions of IP, so that the layers above
//! need not know which. [`Errors`] decides whether an error may be sent at all; [`Echo`] asks and
//! answers "are you there?".
//!
//! Not here: neighbour discovery (`ndp`), multicast listeners (`multicast`), where redirects lead (the
//! stack knows routes), timestamps, address masks; and whose connection a quotation is about.

mod echo;
mod errors;
mod wire;
mod xray;

pub use echo::{Echo, Event, Outgoing};
pub use errors::{Errors, Offender};
pub use wire::{Error, Exceeded, Message, QUOTE_MAX_V4, QUOTE_MAX_V6, Severity, Unreachable};
pub use xray::{Seen, Why};

#[cfg(test)]
mod tests;
