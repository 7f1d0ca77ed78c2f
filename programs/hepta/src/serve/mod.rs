//! `hepta serve`: sites on the web.
//!
//! Start reading at `sites.rs` and `site.rs`, which find what answers a request, `steps.rs`, which
//! stands around it, and `directory.rs`, which serves files; `run.rs` is how it comes to run.

mod access_log;
mod admin_listener;
mod asked;
pub(crate) mod browsers;
mod coded;
mod crowding;
mod default_site;
mod directory;
mod hints;
mod hush;
mod kept_limits;
mod listeners;
mod login;
mod options;
mod own_network;
pub(crate) mod pages;
mod pid_file;
mod privileges;
mod rate;
mod remembered;
mod representation;
pub(crate) mod respond;
mod routes;
mod run;
mod secrets;
mod server_timing;
mod signals;
mod site;
mod sites;
mod steps;
mod tally;
mod traces;
mod upgrade;
mod variants;
pub(crate) mod xray;

pub(crate) use crowding::Crowding;
pub(crate) use options::{Options, Place, parse_place};
pub(crate) use rate::Limiter;
pub(crate) use run::run;
pub(crate) use sites::Sites;
pub(crate) use tally::{BUCKETS, Labels, METHODS, STATUSES, Sum, Tallies};
