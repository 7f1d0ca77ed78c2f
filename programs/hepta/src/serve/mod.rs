//! `hepta serve`: a directory on the web.
//!
//! Start reading at `site.rs`, which answers requests; `run.rs` is how it comes to run.

mod access_log;
mod coded;
mod default_site;
mod options;
mod pages;
mod representation;
mod respond;
mod run;
mod site;

pub(crate) use options::Options;
pub(crate) use run::run;
