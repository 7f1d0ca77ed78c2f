//! What the scripts of HTTP/1.1's tests and of HTTP/2's have in common: words for what is sent, and the
//! film of what comes.
//!
//! The two crates do not know each other; each has a stage of its own, on which a connection is played
//! with (`tests/script.rs` there). What a script says between its verbs, and how an event looks in the
//! film, is the same for both and stands here: text to values in [`words`](bytes_of), values to text in
//! [`film`](show_event).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod film;
mod words;

pub use film::{Reasons, show_event};
pub use words::{bytes_of, duration_of, fields_of, pace_of, request_of, response_of};
