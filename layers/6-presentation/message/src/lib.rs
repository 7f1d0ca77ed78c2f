//! Layer 6, presentation: the words of HTTP, whatever its version. (RFC 9110, RFC 3986)
//!
//! ```text
//!            ┌──────────────────────── Event ────────────────────────┐
//!   handler ─┤ Head  Informational  Data  Trailers  End  Reset       ├─ http1 | http2
//!            └───────────────────────────────────────────────────────┘
//! ```
//!
//! [`Event`] is what an exchange is made of: the events one side sends are the events the other
//! side receives. Start reading there; then [`Request`], [`Response`] and [`Fields`].
//!
//! | module      | what                                                                         |
//! |-------------|------------------------------------------------------------------------------|
//! | [`uri`]     | URIs: parse, normalise, resolve; locators and names; authorities; escapes    |
//! | [`target`]  | request targets in their four forms, and the names of files in them          |
//! | [`fields`]  | field lines as they came, found by name                                      |
//! | [`list`]    | values made of lists, parameters, quoted strings, qualities and numbers      |
//! | [`media`]   | media types, and ranges of them                                              |
//! | [`date`]    | dates in their three formats                                                 |
//!
//! Not here: how a message looks on the wire (`http1`, `http2`), and what fields decide
//! (`semantics`).

pub mod date;
pub mod fields;
pub mod list;
pub mod media;
pub mod target;
pub mod trailers;
pub mod uri;

mod closing;
mod event;
mod head;
mod method;
mod name;
mod pace;
mod status;

pub use closing::Closing;
pub use event::{Event, ExchangeId, Reset};
pub use fields::Fields;
pub use head::{Head, Request, Response, Version};
pub use method::Method;
pub use name::Name;
pub use pace::{Pace, Rate};
pub use status::Status;
pub use target::Target;

#[cfg(test)]
mod tests;
