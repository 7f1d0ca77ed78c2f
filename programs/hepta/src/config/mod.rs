//! The configuration file, `hepta.kdl`.
//!
//! ```text
//!   text ── kdl ──▶ nodes ── schema ──▶ tree ──▶ Settings
//!                     └──────── Problems: file, line, column, what would be right
//! ```
//!
//! Every key is defined once, in `schema.rs`: what it is called, what it takes and what it is for.
//! The reader, its errors and the page in `docs/` all come from there. A file that is read without
//! a problem is a [`Settings`], which knows nothing of its text any more.

mod access_log;
mod browsers;
mod net;
mod preload;
mod problem;
mod read;
mod schema;
mod settings;
mod shown;
mod site;
mod steps;
mod template;
mod tree;
mod value;

pub(crate) use access_log::{AccessLog, LogFormat, LogPlace, Rotate};
pub(crate) use browsers::{Caching, Security};
pub(crate) use problem::Problems;
pub(crate) use schema::reference;
pub(crate) use settings::{Identity, Limits, Listen, Proxies, Settings, Tls};
pub(crate) use site::{Action, FilesSettings, HostPattern, PathPattern, Route, Site};
pub(crate) use steps::{Access, Change, FieldStep, Login, Steps};
pub(crate) use template::{Fact, LogFact, Part, Template};

#[cfg(test)]
mod tests;

/// Reads a file and all that it includes.
pub(crate) fn load(path: &std::path::Path) -> Result<Settings, Problems> {
    let nodes = read::file(path)?;
    settings::from_tree(&nodes)
}
