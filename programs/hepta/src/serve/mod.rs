//! `hepta serve`: sites on the web.
//!
//! Start reading at `sites.rs`, which finds what answers a request, and `directory.rs`, which serves
//! files; `run.rs` is how it comes to run.

mod access_log;
mod coded;
mod default_site;
mod directory;
mod options;
mod pages;
mod representation;
mod respond;
mod routes;
mod run;
mod sites;

pub(crate) use options::{Options, Place, parse_place};
pub(crate) use run::run;
