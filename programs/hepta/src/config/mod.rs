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
mod surroundings;
mod template;
mod tree;
mod value;

use std::path::Path;

pub(crate) use access_log::{AccessLog, LogFormat, LogPlace, Rotate};
pub(crate) use browsers::{Caching, Security};
pub(crate) use problem::Problems;
pub(crate) use schema::reference;
pub(crate) use settings::{Identity, Limits, Listen, Proxies, Settings, Tls};
pub(crate) use site::{Action, FilesSettings, HostPattern, PathPattern, Route, Site};
pub(crate) use steps::{Access, Change, FieldStep, Login, Steps};
use surroundings::Look;
pub(crate) use template::{Fact, LogFact, Part, Template};

#[cfg(test)]
mod tests;

/// Reads a file and all that it includes, and looks whether what it names is there.
///
/// # Errors
///
/// All that is wrong with it.
pub(crate) fn load(path: &Path) -> Result<Settings, Problems> {
    load_with(path, Some(Look::Missing))
}

/// The same, and looks through all that it names as if it were served now: certificates are read.
///
/// # Errors
///
/// All that is wrong with it.
pub(crate) fn check(path: &Path) -> Result<Settings, Problems> {
    load_with(path, Some(Look::Whole))
}

fn load_with(path: &Path, look: Option<Look>) -> Result<Settings, Problems> {
    let (nodes, mut problems) = read::file(path);
    let settings = settings::from_tree(&nodes, &mut problems);
    if let Some(look) = look {
        surroundings::look(&nodes, look, &mut problems);
    }
    problems.or(settings)
}

/// Reads a file by itself, whatever is around it.
#[cfg(test)]
fn load_text(path: &Path) -> Result<Settings, Problems> {
    load_with(path, None)
}
