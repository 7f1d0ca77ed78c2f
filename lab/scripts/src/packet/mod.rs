//! Packets: as scripts have them ⇄ as they are on the wire.

mod build;
mod compare;
mod read;
mod show;

pub(crate) use build::{Ends, build};
pub(crate) use compare::{difference, follows};
pub(crate) use read::{Actual, Carried, read};
pub(crate) use show::show;
