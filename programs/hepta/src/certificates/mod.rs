//! Certificates: the user's own from files, or one for this machine from an authority of its own.
//!
//! ```text
//!   --cert FILE --key FILE ──▶ Pair ─┐
//!                                    ├─▶ Store ── certificates() ──▶ tls::ServerConfig
//!   --tls ──▶ local_ca::prepare ─────┘     └── reload_if_changed(), once a second
//! ```
//!
//! Start reading at [`Store`].

pub(crate) mod local_ca;

mod pair;
mod store;

pub(crate) use pair::Pair;
pub(crate) use store::Store;

#[cfg(test)]
mod tests;
