//! Layer 7, application: what the fields of a message decide. (RFC 9110, RFC 4647)
//!
//! ```text
//!   request's fields ────────────────────┐
//!                                        ├──▶ decision ──▶ status and fields of the response
//!   what we know of the representation ──┘        │
//!                                                 └──▶ x-ray: the reason
//! ```
//!
//! Everything here decides and changes nothing: no state, no file, no waiting. A server asks in
//! this order, and each answer feeds the next:
//!
//! | module            | question                                                   | RFC 9110        |
//! |-------------------|------------------------------------------------------------|-----------------|
//! | [`allow`]         | which methods does the resource have?                      | §10.2.1         |
//! | [`negotiation`]   | which representation do we send?                           | §12.1           |
//! | [`media`]         | how much does the client like a media type?                | §12.5.1         |
//! | [`charset`]       | how much does the client like a charset?                   | §12.5.2         |
//! | [`language`]      | how well does a language fit?                              | §12.5.4         |
//! | [`preference`]    | what do those three have in common?                        | §12.4           |
//! | [`encoding`]      | in which content coding do we send it?                     | §12.5.3         |
//! | [`vary`]          | which request fields did the choice depend on?             | §12.5.5         |
//! | [`etag`]          | are these two versions the same?                           | §8.8.3          |
//! | [`conditional`]   | does the client want it, in the state that it is in?       | §13             |
//! | [`range`]         | which parts of it?                                         | §14.1, §14.2    |
//! | [`content_range`] | which part is this?                                        | §14.4           |
//! | [`byteranges`]    | how do several parts share one body?                       | §14.6           |
//!
//! Beside it stand questions that other standards ask, before or after all that:
//!
//! | module            | question                                                   | standard        |
//! |-------------------|------------------------------------------------------------|-----------------|
//! | [`link`]          | what will the client ask for next?                         | RFC 8288, 8297  |
//! | [`cross_site`]    | has another site made the browser send this?               | Fetch Metadata  |
//! | [`cors`]          | which pages of other origins may read the answer?          | Fetch           |
//! | [`origin`]        | which page asks, and is it one of those?                   | HTML, Fetch     |
//! | [`trace_context`] | to which trace does the request belong?                    | Trace Context   |
//!
//! Start reading at [`conditional::evaluate`]. Representation and coding are chosen first, because
//! each coding of a representation has validators of its own (RFC 9110 §8.8.3.3).
//!
//! Not here: how fields look on the wire (`http1`), what lists, dates and parameters are made of
//! (`message`), compressing (`coding`), and what a cache may keep.

pub mod allow;
pub mod byteranges;
pub mod charset;
pub mod conditional;
pub mod content_range;
pub mod cors;
pub mod cross_site;
pub mod encoding;
pub mod etag;
pub mod language;
pub mod link;
pub mod media;
pub mod negotiation;
pub mod origin;
pub mod preference;
pub mod range;
pub mod trace_context;
pub mod vary;

mod xray;

pub use xray::{Seen, Why};

#[cfg(test)]
mod tests;
