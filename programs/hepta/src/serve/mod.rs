//! `hepta serve`: a directory on the web.

mod access_log;
mod coded;
mod pages;
mod representation;
mod respond;
mod run;
mod site;

pub(crate) use run::run;
